"""Write the gates of the loop that runs programs, in C, from the gate table.

    print(loop_source())                    # what the build puts beside loop.c, as loop_gates.h

The text holds a function for the output of every gate and for each of its slopes; for each number
of operands a macro with the loops over a block; and the cases of loop.c's switch. OPCODES is all
that the loop can do: the number of an opcode is its place there.
"""

from __future__ import annotations

from collections import Counter

from ..program.dialects import C, Dialect, arguments
from ..program.program import Op
from ..program.rule import rule
from ..program.schedule import COPY, SPREAD
from ..program.sums import SUMS
from ..table import gates

__all__ = ["FINISH", "OPCODES", "function", "loop_source"]

FINISH = "finish"  # what ends a run: scale the gradients, and look at them
GATES = [
    op
    for gate in gates.values()
    for op in (Op(gate), *map(Op, [gate] * 3, range(len(gate.operands))))
]
OPCODES = [*(entry.name for entry in (*SUMS, SPREAD, COPY)), FINISH, *(op.name for op in GATES)]

# Here a condition may be a comparison itself. `power` is a function of loop.c. The engine's floor
# is a whole number of Python first, so that its zero has no sign.
LOOP = Dialect(
    {
        **C.forms, "where": "{0} ? {1} : {2}", "power": "power({0}, {1})",
        "floor": "floor({0}) + 0.0",
    },
    C.call, (C.infinity, C.nan), C.assign,
)  # fmt: skip


def loop_source() -> str:
    """The whole header."""
    cases = [_case(op) for op in GATES]
    names = [_enumerator(name) for name in OPCODES]
    return "\n".join([
        "/* Written by autograd_core.native.loop_source from the gate table: change it there. */",
        f"enum {{ {', '.join(names)} }};",
        f'#define OPCODE_NAMES "{" ".join(OPCODES)}"',
        *map(function, GATES),
        *map(_loops, sorted({op.arity(()) for op in GATES})),
        "#define CASES_OF_GATES \\",
        " \\\n".join(cases),
        "",
    ])  # fmt: skip


def function(op: Op) -> str:
    """The rule of an opcode as a function of C.

    What is read once is written where it is read: so of the arms of a `where` only the one that is
    taken is computed.
    """
    program = rule(op)
    names = arguments(op)
    uses = Counter(r for line in program.code for r in line.operands)
    uses.update(program.outputs)
    texts: dict[int, str] = {}

    def operand(register: int) -> str:
        return texts.get(register) or LOOP.operand(program, register, names)

    lines = []
    for line in program.code:
        text = LOOP.expression(line.op, [operand(r) for r in line.operands])
        if uses[line.result] == 1:
            texts[line.result] = text if text.isidentifier() else f"({text})"
        else:
            lines.append("    " + LOOP.assign.format(operand(line.result), text))
    head = f"INLINE double {_name(op)}({', '.join(f'double {name}' for name in names)})"
    unread = [name for name, r in zip(names, range(len(names)), strict=True) if not uses[r]]
    lines += [f"    (void){name};" for name in unread]
    return "\n".join([head, "{", *lines, f"    return {operand(program.outputs[0])};", "}"])


def _name(op: Op) -> str:
    """`gate_tanh`; `slope_tanh_x`, since `tanh'x` is not a name of C."""
    return f"{'gate' if op.slope is None else 'slope'}_{op.name.replace(chr(39), '_')}"


def _enumerator(name: str) -> str:
    return "OP_" + name.replace("'", "_BY_").upper()


def _case(op: Op) -> str:
    """How a block of one opcode is run, and which numbers would have to be looked at."""
    looks = "NOTHING"
    if op.slope is None and op.gate.condition:
        looks = f"NAN_AMONG_{op.arity(())}"
    elif op.slope is None and op.gate.failures:
        looks = "NOT_FINITE"
    return f"    case {_enumerator(op.name)}: LOOPS_{op.arity(())}({_name(op)}, {looks}); break;"


def _loops(arity: int) -> str:
    """The macro with the loops over a block, for opcodes that read so many numbers.

    Where what is read lies side by side, as what is written does, all lanes of all results are one
    run of numbers. A single lane is a loop over the results, which are gathered. Else each result
    has a loop over its lanes.
    """
    places = range(arity)
    pointers = [f"const double *p{i} = memory + table[{i}];" for i in places]
    side_by_side = ", ".join(f"p{i}[k]" for i in places)
    gathered = ", ".join(f"memory[table[{arity} * k + {i}]]" for i in places)
    rows = [f"const double *p{i} = memory + table[{arity} * i + {i}];" for i in places]
    operands = ", ".join("abcdef"[i] for i in places)
    nans = " || ".join(f"{x} != {x}" for x in operands.split(", "))

    def each(count: str, numbers: str) -> list[str]:
        return [
            f"IVDEP for (size_t k = 0; k < {count}; k++) {{",
            f"    const double y = rule({numbers});",
            f"    out[k] = y; found |= looks(y, {numbers});",
            "}",
        ]

    body = [
        "int64_t found = 0;",
        "if (block->dense) {",
        *[f"    {x}" for x in (*pointers, *each("count * width", side_by_side))],
        "} else if (width == 1) {",
        *[f"    {x}" for x in each("count", gathered)],
        "} else {",
        "    for (size_t i = 0; i < count; i++, out += width) {",
        *[f"        {x}" for x in (*rows, *each("width", side_by_side))],
        "    }",
        "}",
        "failed |= found & block->look;",
    ]
    return "\n".join([
        f"#define NAN_AMONG_{arity}(y, {operands}) ({nans})",
        f"#define LOOPS_{arity}(rule, looks) do {{ \\",
        *[f"    {line} \\" for line in body],
        "} while (0)",
    ])  # fmt: skip
