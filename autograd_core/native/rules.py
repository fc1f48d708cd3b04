"""The gates' rules as C, for node.c: `python -m autograd_core.native.rules > gates.h`.

A rule runs once on the compiler's recorder, as for every other language, and becomes a function of
C that computes the output and the slopes. The table is read, nothing about a gate is written here.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

from ..gate import Gate
from ..graph import topological
from ..program.dialects import C
from ..program.rule import whole_rule
from ..table import gates
from ..value import Value

__all__ = ["header"]

# The gates that are operators, and their methods in value.py; nb_power calls pow and power.
OPERATORS: dict[str, tuple[str, ...]] = {
    "add": ("__add__", "__radd__"), "sub": ("__sub__", "__rsub__"), "mul": ("__mul__", "__rmul__"),
    "div": ("__truediv__", "__rtruediv__"), "neg": ("__neg__",), "abs": ("__abs__",),
}  # fmt: skip
POWERS = ("pow", "power")


def header() -> str:
    """The text of gates.h: rules, the functions that call them, and the table's order."""
    rules, functions, methods = [], [], []
    for op, gate in enumerate(gates.values(), 1):
        if gate.name not in (*OPERATORS, *POWERS) and gate.name not in vars(Value):
            continue
        rules.append(_rule(gate))
        if gate.name in POWERS:
            continue
        names = OPERATORS.get(gate.name, (gate.name,))
        kind, *more = _kind(gate)
        listed = ", ".join([gate.name, str(op), *map(json.dumps, names), *more])
        functions.append(f"{kind}({listed})")
        if gate.name not in OPERATORS:
            methods.append(_method(gate, kind))
    order = list(gates)
    parametric = [len(g.operands) == len(g.parameters) == 1 for g in gates.values()]
    listed = ", ".join("01"[one] for one in parametric)
    return "\n".join(
        [
            "/* Written from the table of gates by rules.py. */",
            *rules,
            f"enum {{ GATES = {len(order)}, OP_POW = {order.index('pow') + 1}, "
            f"OP_POWER = {order.index('power') + 1} }};",
            f"static const unsigned char PARAMETRIC_GATES[] = {{{listed}}};",
            *functions,
            f"#define TOPOLOGICAL_DOC {_docstring(topological)}",
            "#define METHODS \\",
            *(f"    {method}, \\" for method in methods),
            "",  # where the macro ends
            "",
        ]
    )


def _rule(gate: Gate) -> str:
    program = whole_rule(gate, failures=False)
    names = [f"x{i}" for i in range(len(program.inputs))]
    results = ["y", *(f"slope_{x}" for x in "ab"[: len(gate.operands)])]
    head = ", ".join([f"double {x}" for x in names] + [f"double *{x}" for x in results])
    lines = C.lines(program, names)
    for result, register in zip(results, program.outputs, strict=True):
        lines.append(f"*{result} = {C.operand(program, register, names)};")
    body = "".join(f"    {line}\n" for line in lines)
    return f"static inline void rule_{gate.name}({head})\n{{\n{body}}}"


def _docstring(function: Callable[..., Any]) -> str:
    """The docstring of a function that C takes over, as text of C that `help` reads a head from."""
    head = f"{function.__name__}{inspect.signature(function)}".partition(" ->")[0]
    return json.dumps(f"{re.sub(': [^,)]*', '', head)}\n--\n\n{inspect.getdoc(function)}")


def _kind(gate: Gate) -> list[str]:
    """Which macro of node.c makes its function, and what that wants besides."""
    if gate.parameters:
        return ["PARAMETRIC", *map(C.literal, gate.defaults)]
    if len(gate.operands) == 1:
        return ["UNARY"]
    return ["BINARY" if gate.name in OPERATORS else "METHOD"]


def _method(gate: Gate, kind: str) -> str:
    """Its line in the table of methods, with the docstring that Python's own would have."""
    text = gate.describe(lambda: None, f"Value.{gate.name}").__doc__ or ""
    flags = "METH_NOARGS" if kind == "UNARY" else "METH_FASTCALL | METH_KEYWORDS"
    arguments = ["$self", *gate.operands[1:]]
    arguments += map("{}={}".format, gate.parameters, gate.defaults)
    signature = f"{gate.name}({', '.join(arguments)})\n--\n\n{text}"
    function = f"(PyCFunction)(void (*)(void))gate_{gate.name}"
    return f'{{"{gate.name}", {function}, {flags}, {json.dumps(signature)}}}'


if __name__ == "__main__":
    print(header(), end="")
