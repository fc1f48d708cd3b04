"""An expression as text -> the Value it computes: `parse("sigmoid(w*x + b)", {"w": 2.0, ...})`.

The text is Python's syntax for arithmetic and nothing more: numbers, names, `+ - * / **`, calls of
the gates, `pi`, and `where(a > b, x, y)`. Statements name what is between: `q = x + y; f = q*z`.
Nothing is executed but gates: no attribute, no subscript, no other call.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from autograd_core import Gate, Value, apply, gates

from .suggestions import callables, gate_like, nearest, respelled
from .words import printable

__all__ = ["ExpressionError", "parse"]

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
}  # fmt: skip
_COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


class ExpressionError(ValueError):
    """What is wrong with an expression, with a caret under the place."""

    def __init__(self, message: str, text: str, start: int, end: int) -> None:
        shown = max(0, start - 60)
        line = text[shown : start + 60]
        carets = "^" * max(1, min(end, start + 60) - start)
        super().__init__(f"{message}\n  {line}\n  {' ' * (start - shown)}{carets}")


Result: TypeAlias = Value | ExpressionError  # a failure, raised only if the root needs it


def parse(text: str, values: Mapping[str, float]) -> Value:
    """The Value of `text`, its names being leaves with these values, labelled by their names.

    A name used twice is one leaf with two wires; every number is a leaf of its own, except as an
    exponent or a parameter; `pi` is the number unless it is given or assigned.

    Statements `name = expression` stand between `;` or on lines of their own. Each labels its
    value; the last, which may be a bare expression, is the root. Of `where(a > b, x, y)` the graph
    holds the arm that is taken, as with `autograd_core.where`; a gate may fail in the other.

    Raises ExpressionError for what is not allowed, for names without a value, values without a
    name, names assigned twice or for nothing, and where a gate fails at its operands.
    """
    __tracebackhide__ = True  # a notebook leaves this frame out of a traceback
    if not isinstance(text, str):
        raise TypeError(f"parse takes text, as parse('x * y', {{...}}), got {type(text).__name__}")
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise TypeError(f"parse: values must map names to numbers, as {{'x': 2.0}}, got {values!r}")
    text = _on_one_line(text)
    for pattern, message in _REFUSED:
        if refused := re.search(pattern, text):
            raise ExpressionError(message, text, *refused.span())
    try:
        statements = ast.parse(text).body
    except SyntaxError as error:
        start = error.offset - 1 if error.offset else len(text)
        raise ExpressionError(
            f"this is not an expression: {error.msg}{_meant(respelled(text))}",
            text, start, (error.end_offset or 0) - 1,
        ) from None  # fmt: skip
    except (RecursionError, MemoryError) as error:
        raise ExpressionError(
            f"this is nested too deeply for Python's parser ({error})", text, 0, 1
        ) from None
    if not statements:
        raise ExpressionError("this is not an expression: it is empty", text, 0, 1)
    # Python reads names in their compatibility form, so the keys of `values` take that form too.
    spelling: dict[str, str] = {}
    for name in values:
        other = spelling.setdefault(unicodedata.normalize("NFKC", name), name)
        if other != name:
            raise ValueError(f"{other!r} and {name!r} are two spellings of one name: give it once")
    normal = {form: values[name] for form, name in spelling.items()}
    return _Builder(text, normal).run(statements)


def _on_one_line(text: str) -> str:
    """The text with its lines joined; where there are statements, a new line begins the next one.

    As in Python, but not inside of parentheses or after an operator.
    """
    if not re.search(r"(?:^|[;\n])\s*[^\W\d]\w*\s*=(?!=)", text):
        return " ".join(text.split())
    joined = ""
    for line in filter(None, (" ".join(line.split()) for line in text.splitlines())):
        goes_on = joined.endswith(tuple("+-*/=<>,(;")) or joined.count("(") > joined.count(")")
        joined += line if not joined else f" {line}" if goes_on else f"; {line}"
    return joined


def _meant(right: str | None) -> str:
    return f"; did you mean {right}?" if right else ""


_REFUSED = (
    ("[\0\ud800-\udfff]", "this character cannot stand in an expression"),
    ("#", "a comment cannot stand in an expression"),
    (r"\d{4300,}", "this number is too long"),
)


class _Call(NamedTuple):
    """An operation that is understood, but whose operands are still text.

    make    from the operands to the result
    needs   how many of the operands must not have failed
    """

    make: Callable[..., Result]
    operands: list[ast.expr]
    needs: int


def _gate_call(gate: Gate, operands: list[ast.expr], constants: tuple[float, ...] = ()) -> _Call:
    return _Call(lambda *values: apply(gate, *values, *constants), operands, len(operands))


def _choose(
    holds: Callable[[Value, Value], bool], left: Value, right: Value, a: Result, b: Result
) -> Result:
    return a if holds(left, right) else b


class _Builder:
    """Walks the syntax tree with a stack of its own: a sum of 1,000 terms is a deep tree."""

    def __init__(self, text: str, values: Mapping[str, float]) -> None:
        self.text = text
        self.values = values
        self.assigned: set[str] = set()  # by any statement
        self.known: dict[str, Result] = {}  # leaves, and what was assigned so far
        self.used: set[str] = set()

    def run(self, statements: list[ast.stmt]) -> Value:
        """Statement after statement; the last one's value is the root."""
        __tracebackhide__ = True
        self.assigned = {self.target(one) for one in statements if isinstance(one, ast.Assign)}
        for statement in statements:
            if isinstance(statement, ast.Assign):
                self.check_name(statement)
                root = self.build(statement.value)
                name = self.target(statement)
                if isinstance(root, Value) and not root.label:
                    root.label = name
                self.known[name] = root
            elif isinstance(statement, ast.Expr) and statement is statements[-1]:
                root = self.build(statement.value)
            elif isinstance(statement, ast.Expr):
                end = self.text.index(";", self.span(statement)[1])
                raise ExpressionError(
                    "nothing uses what stands before this: give it a name, as in q = "
                    f"{self.source(statement)}, or leave it out", self.text, end, end + 1,
                )  # fmt: skip
            else:
                raise self.error(statement, "a statement is name = expression, as in q = x + y")
        for statement in statements[:-1]:
            if isinstance(statement, ast.Assign) and self.target(statement) not in self.used:
                raise self.error(
                    statement, f"{self.target(statement)} is not used by what follows: use it, or "
                    "leave this statement out",
                )  # fmt: skip
        for name in self.values:
            if name not in self.used:
                raise ExpressionError(
                    f"{printable(name)} is given a value and does not occur",
                    self.text,
                    0,
                    len(self.text),
                )
        if isinstance(root, ExpressionError):
            raise root
        return root

    def target(self, statement: ast.Assign) -> str:
        """The name that a statement assigns."""
        (target, *others) = statement.targets
        if others or not isinstance(target, ast.Name):
            raise self.error(
                statement, "a statement gives one name to one value, as in q = x + y; f = q*z"
            )
        return target.id

    def check_name(self, statement: ast.Assign) -> None:
        """An error if the name of a statement stands for something else already."""
        name, target = self.target(statement), statement.targets[0]
        if name in self.values:
            start = self.text.index("=", self.span(target)[1])
            raise ExpressionError(
                f"{name} is assigned here and is given a value, too: leave out {name}="
                f"{self.values[name]:g}, or give this another name",
                self.text, start, self.span(statement)[1],
            )  # fmt: skip
        if name in callables():
            raise self.error(target, f"{name} is a gate: give this value another name")
        if name in self.known:
            raise self.error(
                target, f"{name} has a value already: give this another name, such as {name}2"
            )

    def build(self, body: ast.expr) -> Result:
        __tracebackhide__ = True
        results: list[Any] = []
        work: list[tuple[ast.expr, _Call | None]] = [(body, None)]
        while work:
            node, call = work.pop()
            if call is not None:  # its operands are on top of the results
                operands = results[-len(call.operands) :]
                del results[-len(call.operands) :]
                failed = [x for x in operands[: call.needs] if isinstance(x, ExpressionError)]
                try:
                    results.append(failed[0] if failed else call.make(*operands))
                except (ArithmeticError, ValueError) as error:
                    results.append(self.error(node, str(error)))
            elif isinstance(node, ast.Name):
                results.append(self.named(node))
            elif (constant := self.constant(node)) is not None:
                results.append(Value(constant))
            elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
                work.append((node.operand, None))
            else:
                call = self.call(node)
                work.append((node, call))
                work.extend((child, None) for child in reversed(call.operands))
        (root,) = results
        return root  # type: ignore[no-any-return]

    def named(self, node: ast.Name) -> Result:
        """What a name stands for: a leaf, the value of a statement, or pi."""
        name = node.id
        self.used.add(name)
        if name not in self.known:
            if name in self.assigned:
                told = printable(name)
                raise self.error(node, f"{told} is used before it is assigned: move {told} = up")
            if name not in self.values and name != "pi":
                raise self.error(node, self.missing(name))
            self.known[name] = Value(self.values.get(name, math.pi), name)
        return self.known[name]

    def missing(self, name: str) -> str:
        """What to do about a name that has no value."""
        gate = gates.named(name)
        told = printable(name)
        if name == "where":
            return "where is called with a comparison first, as in where(x > 0, x, 0)"
        if gate is not None and gate.name in callables():
            return f"{name} is a gate: call it, as in {name}({', '.join(gate.operands)})"
        other = "pi" if name == "π" else nearest(name, [*self.values, *sorted(self.assigned), "pi"])
        if other:
            return f"{told} has no value; did you mean {other}?"
        if all(letter in self.values for letter in name):
            return f"{told} has no value; did you mean {'*'.join(told)}?"
        if name == "e":
            return f"e has no value: add e={math.e}, or write exp(x) for e**x"
        return f"{told} has no value: add {told}=1.0, say"

    def call(self, node: ast.expr) -> _Call:
        """What an operation calls, with its operands from left to right."""
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.BitXor):
                raise self.error(
                    node, f"a power is written x**2, not x^2{_meant(respelled(self.text))}"
                )
            if type(node.op) not in _OPERATORS:
                raise self.error(node, "of the operators only + - * / ** are gates")
            if isinstance(node.op, ast.Pow):
                exponent = self.constant(node.right)
                if exponent is not None:
                    return _gate_call(gates["power"], [node.left], (exponent,))
            return _gate_call(gates[_OPERATORS[type(node.op)]], [node.left, node.right])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _gate_call(gates["neg"], [node.operand])
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name == "where":
                return self.where(node)
            gate = gates.named(name)
            if gate is None or gate.name not in callables():
                right = self.right_call(node)
                known = "" if right else f": {', '.join(callables())}"
                raise self.error(node.func, f"only gates can be called{known}{_meant(right)}")
            count = len(gate.operands)
            given = len(node.args) + len(node.keywords)
            if not count <= len(node.args) or given > count + len(gate.parameters):
                signature = ", ".join(gate.operands + gate.parameters)
                raise self.error(node, f"the call is {gate.name}({signature})")
            return _gate_call(gate, node.args[:count], self.constants(gate, node))
        raise self.error(
            node, f"only numbers, names, + - * / ** and gates are allowed here{self.instead(node)}"
        )

    def where(self, node: ast.Call) -> _Call:
        """where(a > b, x, y), of which both arms are built and one is taken."""
        if len(node.args) != 3 or node.keywords:
            raise self.error(node, "the call is where(a > b, x, y): a comparison and two values")
        condition, a, b = node.args
        if not isinstance(condition, ast.Compare):
            raise self.error(condition, "where takes a comparison first, as in where(a > b, x, y)")
        holds = _COMPARISONS.get(type(condition.ops[0]))
        if len(condition.ops) > 1 or holds is None:
            raise self.error(condition, "a condition is one comparison, by < <= > or >=")
        operands = [condition.left, condition.comparators[0], a, b]
        return _Call(partial(_choose, holds), operands, needs=2)

    def right_call(self, node: ast.Call) -> str | None:
        """What somebody who calls something else probably meant."""
        arguments = [self.source(part) for part in node.args]
        inside = ", ".join(arguments)
        if isinstance(node.func, ast.Attribute):  # math.sin(x), x.relu()
            gate = gate_like(node.func.attr)
            return f"{gate}({inside or self.source(node.func.value)})" if gate else None
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if not name or name in {*self.values, *self.assigned}:  # 2(x + 1), x(y)
            factor = self.source(node.func)
            if isinstance(node.func, ast.BinOp | ast.UnaryOp):
                factor = f"({factor})"
            return f"{factor}*({inside})" if len(arguments) == 1 else None
        if name in ("log2", "log10") and len(arguments) == 1:
            return f"log({inside}) / log({name[3:]})"
        known = gates.named(name)
        if known is not None and known.symbol and not known.condition:  # add(x, y)
            pair = [x if x.isalnum() else f"({x})" for x in arguments]
            return f" {known.symbol} ".join(pair) if len(pair) == 2 else None
        gate = gate_like(name)
        return f"{gate}({inside})" if gate else None

    def instead(self, node: ast.expr) -> str:
        """What to write in place of a condition that stands by itself."""
        if isinstance(node, ast.Compare):
            return f"; a comparison stands in where, as in where({self.source(node)}, 1, 0)"
        if isinstance(node, ast.IfExp):
            parts = ", ".join(map(self.source, (node.test, node.body, node.orelse)))
            return f"; did you mean where({parts})?"
        return ""

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

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where `node` stands; ast counts bytes of UTF-8, carets characters."""
        raw = self.text.encode()
        return len(raw[: node.col_offset].decode()), len(raw[: node.end_col_offset or 0].decode())

    def source(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def error(self, node: ast.expr | ast.stmt, message: str) -> ExpressionError:
        """The error with carets under `node`."""
        return ExpressionError(message, self.text, *self.span(node))

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
