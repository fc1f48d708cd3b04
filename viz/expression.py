"""An expression in text -> the Value it computes: `parse("sigmoid(w*x + b)", {"w": 2.0, ...})`.

The text is Python's syntax for arithmetic and nothing more: numbers, names, `+ - * / **`, and calls
of the gates. Nothing is executed but gates: no attribute, no subscript, no other call.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from autograd_core import Value, apply, gates

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

    A name used twice is one leaf with two wires; every number is a leaf of its own, but for a
    number as exponent or parameter. Raises ExpressionError for what is not allowed, for names
    without a value, values without a name, and where a gate fails at its operands.
    """
    text = " ".join(text.split())
    for pattern, message in _REFUSED:
        if found := re.search(pattern, text):
            raise ExpressionError(message, text, *found.span())
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        start = error.offset - 1 if error.offset else len(text)
        raise ExpressionError(
            f"this is no expression: {error.msg}", text, start, (error.end_offset or 0) - 1
        ) from None
    except (RecursionError, MemoryError) as error:
        raise ExpressionError(
            f"this is nested too deeply for Python's parser ({error})", text, 0, 1
        ) from None
    # Python reads names in their compatibility form, which the keys of `values` then have to match.
    folded = {unicodedata.normalize("NFKC", name): value for name, value in values.items()}
    return _Builder(text, folded).build(body)


_REFUSED = (
    ("[\0\ud800-\udfff]", "this character cannot stand in an expression"),
    ("#", "a comment cannot stand in an expression"),
    (r"\d{4300,}", "this number is too long"),
)


class _Builder:
    """Walks the syntax tree with a stack of its own: a sum of 1,000 terms is a deep tree."""

    def __init__(self, text: str, values: Mapping[str, float]) -> None:
        self.text = text
        self.values = values
        self.leaves: dict[str, Value] = {}

    def build(self, body: ast.expr) -> Value:
        results: list[Value] = []
        work: list[tuple[ast.expr, bool]] = [(body, False)]
        while work:
            node, ready = work.pop()
            if ready:
                self.combine(node, results)
            elif isinstance(node, ast.Name):
                results.append(self.leaf(node))
            elif (constant := self.constant(node)) is not None:
                results.append(Value(constant))
            else:
                work.append((node, True))
                work.extend((child, False) for child in reversed(self.operands(node)))
        unused = [name for name in self.values if name not in self.leaves]
        if unused:
            raise ExpressionError(
                f"{unused[0]} is given a value and does not occur", self.text, 0, len(self.text)
            )
        (root,) = results
        return root

    def leaf(self, node: ast.Name) -> Value:
        if node.id not in self.values:
            if gates.named(node.id) is not None:
                raise self.error(node, f"{node.id} is a gate: call it, as in {node.id}(x)")
            raise self.error(node, f"{node.id} has no value: add {node.id}=1.0, say")
        if node.id not in self.leaves:
            self.leaves[node.id] = Value(self.values[node.id], node.id)
        return self.leaves[node.id]

    def operands(self, node: ast.expr) -> list[ast.expr]:
        """The parts of an operation that are expressions themselves, left to right."""
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.BitXor):
                raise self.error(node, "a power is written x**2, not x^2")
            if type(node.op) not in _OPERATORS:
                raise self.error(node, "of the operators only + - * / ** are gates")
            if isinstance(node.op, ast.Pow) and self.constant(node.right) is not None:
                return [node.left]
            return [node.left, node.right]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return [node.operand]
        if isinstance(node, ast.Call):
            name = self.called(node)
            count = len(gates[name].operands)
            given = len(node.args) + len(node.keywords)
            if not count <= len(node.args) or given > count + len(gates[name].parameters):
                wanted = ", ".join(gates[name].operands + gates[name].parameters)
                raise self.error(node, f"the call is {name}({wanted})")
            self.constants(node)
            return node.args[:count]
        raise self.error(node, "only numbers, names, + - * / ** and gates are allowed here")

    def called(self, node: ast.Call) -> str:
        gate = gates.named(node.func.id) if isinstance(node.func, ast.Name) else None
        if gate is None or gate.symbol or len(gate.operands) > 2:
            usable = ", ".join(
                gate.name for gate in gates.values() if not gate.symbol and len(gate.operands) < 3
            )
            raise self.error(node.func, f"only gates can be called: {usable}")
        return gate.name

    def constants(self, node: ast.Call) -> tuple[float, ...]:
        """The parameters of a gate, which are plain numbers: the 0.1 of leaky_relu(x, 0.1)."""
        gate = gates[self.called(node)]
        found = dict(zip(reversed(gate.parameters), reversed(gate.defaults), strict=False))
        pairs = list(zip(gate.parameters, node.args[len(gate.operands) :], strict=False))
        pairs += [(keyword.arg or "", keyword.value) for keyword in node.keywords]
        for name, part in pairs:
            constant = self.constant(part)
            if name not in gate.parameters or constant is None:
                parameters = ", ".join(gate.parameters) or "none"
                raise self.error(part, f"{gate.name} takes as plain numbers: {parameters}")
            found[name] = constant
        return tuple(found[name] for name in gate.parameters)

    def combine(self, node: ast.expr, results: list[Value]) -> None:
        """Replace the operands on top of `results` by what the gate makes of them."""
        constants: tuple[float, ...] = ()
        if isinstance(node, ast.BinOp):
            name, count = _OPERATORS[type(node.op)], 2
            exponent = self.constant(node.right)
            if name == "pow" and exponent is not None:
                name, count, constants = "power", 1, (exponent,)
        elif isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.UAdd):
                return
            name, count = "neg", 1
        elif isinstance(node, ast.Call):
            name = self.called(node)
            count, constants = len(gates[name].operands), self.constants(node)
        operands = results[-count:]
        try:
            results[-count:] = [apply(gates[name], *operands, *constants)]
        except (ArithmeticError, ValueError) as error:
            raise self.error(node, str(error)) from None

    def error(self, node: ast.expr, message: str) -> ExpressionError:
        """ast counts in bytes of UTF-8; the caret stands under characters."""
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
