"""An expression as text -> the Value it computes: `parse("sigmoid(w*x + b)", {"w": 2.0, ...})`.

The text is Python's syntax for arithmetic and nothing more: numbers, names, `+ - * / **`, and calls
of the gates. Nothing is executed but gates: no attribute, no subscript, no other call.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from autograd_core import Gate, Value, apply, gates

from .words import printable

__all__ = ["ExpressionError", "parse"]

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
}  # fmt: skip


class ExpressionError(ValueError):
    """What is wrong with an expression, with a caret under the place."""

    def __init__(self, message: str, text: str, start: int, end: int) -> None:
        shown = max(0, start - 60)
        line = text[shown : start + 60]
        carets = "^" * max(1, min(end, start + 60) - start)
        super().__init__(f"{message}\n  {line}\n  {' ' * (start - shown)}{carets}")


def parse(text: str, values: Mapping[str, float]) -> Value:
    """The Value of `text`, its names being leaves with these values, labelled by their names.

    A name used twice is one leaf with two wires; every number is a leaf of its own, except as an
    exponent or a parameter. Raises ExpressionError for what is not allowed, for names without a
    value, values without a name, and where a gate fails at its operands.
    """
    text = " ".join(text.split())
    for pattern, message in _REFUSED:
        if refused := re.search(pattern, text):
            raise ExpressionError(message, text, *refused.span())
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        start = error.offset - 1 if error.offset else len(text)
        raise ExpressionError(
            f"this is not an expression: {error.msg}", text, start, (error.end_offset or 0) - 1
        ) from None
    except (RecursionError, MemoryError) as error:
        raise ExpressionError(
            f"this is nested too deeply for Python's parser ({error})", text, 0, 1
        ) from None
    # Python reads names in their compatibility form, so the keys of `values` take that form too.
    spelling: dict[str, str] = {}
    for name in values:
        other = spelling.setdefault(unicodedata.normalize("NFKC", name), name)
        if other != name:
            raise ValueError(f"{other!r} and {name!r} are two spellings of one name: give it once")
    normal = {form: values[name] for form, name in spelling.items()}
    return _Builder(text, normal).build(body)


_REFUSED = (
    ("[\0\ud800-\udfff]", "this character cannot stand in an expression"),
    ("#", "a comment cannot stand in an expression"),
    (r"\d{4300,}", "this number is too long"),
)


class _Call(NamedTuple):
    """An operation that is understood, but whose operands are still text."""

    gate: Gate
    operands: list[ast.expr]
    constants: tuple[float, ...] = ()


class _Builder:
    """Walks the syntax tree with a stack of its own: a sum of 1,000 terms is a deep tree."""

    def __init__(self, text: str, values: Mapping[str, float]) -> None:
        self.text = text
        self.values = values
        self.leaves: dict[str, Value] = {}

    def build(self, body: ast.expr) -> Value:
        results: list[Value] = []
        work: list[tuple[ast.expr, _Call | None]] = [(body, None)]
        while work:
            node, call = work.pop()
            if call is not None:  # its operands are on top of the results
                count = len(call.operands)
                try:
                    results[-count:] = [apply(call.gate, *results[-count:], *call.constants)]
                except (ArithmeticError, ValueError) as error:
                    raise self.error(node, str(error)) from None
            elif isinstance(node, ast.Name):
                results.append(self.leaf(node))
            elif (constant := self.constant(node)) is not None:
                results.append(Value(constant))
            elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
                work.append((node.operand, None))
            else:
                call = self.call(node)
                work.append((node, call))
                work.extend((child, None) for child in reversed(call.operands))
        unused = [name for name in self.values if name not in self.leaves]
        if unused:
            name = printable(unused[0])
            raise ExpressionError(
                f"{name} is given a value and does not occur", self.text, 0, len(self.text)
            )
        (root,) = results
        return root

    def leaf(self, node: ast.Name) -> Value:
        if node.id not in self.values:
            if gates.named(node.id) is not None:
                raise self.error(node, f"{node.id} is a gate: call it, as in {node.id}(x)")
            name = printable(node.id)
            raise self.error(node, f"{name} has no value: add {name}=1.0, say")
        if node.id not in self.leaves:
            self.leaves[node.id] = Value(self.values[node.id], node.id)
        return self.leaves[node.id]

    def call(self, node: ast.expr) -> _Call:
        """What an operation calls, with its operands from left to right."""
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.BitXor):
                raise self.error(node, "a power is written x**2, not x^2")
            if type(node.op) not in _OPERATORS:
                raise self.error(node, "of the operators only + - * / ** are gates")
            if isinstance(node.op, ast.Pow):
                exponent = self.constant(node.right)
                if exponent is not None:
                    return _Call(gates["power"], [node.left], (exponent,))
            return _Call(gates[_OPERATORS[type(node.op)]], [node.left, node.right])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _Call(gates["neg"], [node.operand])
        if isinstance(node, ast.Call):
            gate = gates.named(node.func.id) if isinstance(node.func, ast.Name) else None
            if gate is None or gate.symbol or len(gate.operands) > 2:
                plain = [gate for gate in gates.values() if not gate.symbol]
                usable = ", ".join(gate.name for gate in plain if len(gate.operands) < 3)
                raise self.error(node.func, f"only gates can be called: {usable}")
            count = len(gate.operands)
            given = len(node.args) + len(node.keywords)
            if not count <= len(node.args) or given > count + len(gate.parameters):
                signature = ", ".join(gate.operands + gate.parameters)
                raise self.error(node, f"the call is {gate.name}({signature})")
            return _Call(gate, node.args[:count], self.constants(gate, node))
        raise self.error(node, "only numbers, names, + - * / ** and gates are allowed here")

    def constants(self, gate: Gate, node: ast.Call) -> tuple[float, ...]:
        """The parameters of a gate, which are plain numbers: the 0.1 of leaky_relu(x, 0.1)."""
        numbers = dict(zip(reversed(gate.parameters), reversed(gate.defaults), strict=False))
        pairs = list(zip(gate.parameters, node.args[len(gate.operands) :], strict=False))
        pairs += [(keyword.arg or "", keyword.value) for keyword in node.keywords]
        for name, part in pairs:
            constant = self.constant(part)
            if name not in gate.parameters or constant is None:
                parameters = ", ".join(gate.parameters) or "none"
                raise self.error(part, f"{gate.name} takes as plain numbers: {parameters}")
            numbers[name] = constant
        return tuple(numbers[name] for name in gate.parameters)

    def error(self, node: ast.expr, message: str) -> ExpressionError:
        """The error with carets under `node`; ast counts bytes of UTF-8, carets characters."""
        raw = self.text.encode()
        start = len(raw[: node.col_offset].decode())
        end = len(raw[: node.end_col_offset or 0].decode())
        return ExpressionError(message, self.text, start, end)

    def constant(self, node: ast.expr) -> float | None:
        """The number that a literal, perhaps with a sign, stands for."""
        sign = 1.0
        while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign = -sign if isinstance(node.op, ast.USub) else sign
            node = node.operand
        if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
            return None
        value: Any = node.value
        try:
            return sign * float(value)
        except OverflowError:
            raise self.error(node, "this number is too large for a float") from None
