"""A program as one self-contained C99 source: what `Program.to_c()` returns.

    open("loss.c", "w").write(program.to_c("loss_and_gradient"))    # cc -O2 -std=c99 loss.c -lm

The text has static functions for the gates that the program uses, written from their rules, and the
program as statements on one array `t`, whose places are the registers of `program.listing()`. A
program of more than a thousand lines becomes a table and a loop that reads it instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import elementary
from .emit import C, Rule
from .errors import short
from .program import Instruction, Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["c_source"]

RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while main size_t INFINITY NAN NULL fabs""".split()
) | set(elementary.__all__)
UNROLLED = 8  # pairs of a dot, or lines of one kind, that are still written one by one
STATEMENTS = 1000  # for more of them a compiler would need minutes: they become a table


def c_source(program: Program, name: str = "value_and_grad") -> str:
    """The text; see `Program.to_c`."""
    if not (name.isascii() and name.isidentifier()) or name in RESERVED:
        raise ValueError(f"to_c: name must be one that C takes for a function, got {short(name)}")
    return _Writer(program.verify(), name).text()


class _Writer:
    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.name = name
        self.uniform = program.uniform()
        self.registers = len(self.uniform)  # one more place holds the number of lanes
        self.taken = {name}
        self.forms: dict[tuple[str, ...], Callable[[Sequence[str]], str]] = {}
        self.functions: list[str] = []
        self.tables: list[str] = []
        self.parts: list[str] = []
        self.known: dict[tuple[int, ...], str] = {}
        self.cases: dict[str, tuple[int, list[str]]] = {}

    # ------------------------------------------------------------------ the parts of the text

    def text(self) -> str:
        program, name = self.program, self.name
        rows = program.wrt and program.wrt[0] < len(program.inputs)
        if len({r < len(program.inputs) for r in program.wrt}) > 1:
            raise ValueError(
                "to_c: the gradient is with respect to inputs, which have a row a lane, and to "
                "parameters, which have a sum: lower the program twice, for each by itself"
            )
        body = self._body(bool(rows))
        counts = {
            "inputs": len(program.inputs), "parameters": len(program.parameters),
            "outputs": len(program.outputs), "gradients": len(program.gradients),
        }  # fmt: skip
        head = _HEAD.format(
            name=name, **counts,
            shape="lanes x " * bool(rows) + str(len(program.gradients)),
            of="for each lane" if rows else "summed over the lanes",
            names=_listed(program.inputs), parameter_names=_listed(program.parameters),
            wrt=_listed([program.name(r) for r in program.wrt]), size=self.registers + 1,
        )  # fmt: skip
        constants = [C.literal(number) for number in program.constants]
        if constants:
            self.tables.insert(0, _array("double", "constants", constants))
        parts = [head, *self.functions, *self.tables, *self._interpreter(), *self.parts, body]
        return "\n".join(parts)

    def _body(self, rows: bool) -> str:
        program = self.program
        inputs, constants = len(program.inputs), len(program.constants)
        lines = ["double *restrict const t = workspace;", "double sum = 0.0;"]
        lines += _loop(len(program.parameters), f"t[{inputs} + i] = parameters[i];")
        lines += _loop(constants, f"t[{program.first_constant} + i] = constants[i];")
        lines.append(f"t[{self.registers}] = (double)lanes;")
        for number, (once, sums, lane, outputs, gradients) in enumerate(self._stages()):
            lines += self._run(once, f"once_{number}") + self._zeros(sums)
            if not (lane or outputs or gradients):
                continue
            within = _loop(inputs, f"t[i] = inputs[lane * {inputs} + i];")
            within += self._run(lane, f"lane_{number}")
            if 0 in outputs:
                within.append(f"sum += t[{program.outputs[0]}];")
            within += self._give("outputs", program.outputs, outputs, True)
            within += self._give("gradients", program.gradients, gradients, True)
            lines += [_EACH_LANE, *_indent(within), "}"]
        # What is the same for all lanes: it may wait for the last sum.
        same = [i for i, r in enumerate(program.outputs) if self.uniform[r]]
        if 0 in same:
            lines.append(f"sum = t[{program.outputs[0]}] * t[{self.registers}];")
        within = self._give("outputs", program.outputs, same, True)
        same = [i for i, r in enumerate(program.gradients) if self.uniform[r]]
        if rows:
            within += self._give("gradients", program.gradients, same, True)
        if within:
            lines += [_EACH_LANE, *_indent(within), "}"]
        if not rows:
            lines += self._give("gradients", program.gradients, same, False)
        text = "\n".join(lines)
        for array in ("inputs", "parameters", "outputs", "gradients"):
            if f"{array}[" not in text:
                lines.append(f"(void){array};")
        lines.append("return sum;")
        return "\n".join([_SIGNATURE.format(name=self.name) + "{", *_indent(lines), "}", ""])

    def _give(self, array: str, registers: Sequence[int], which: list[int], row: bool) -> list[str]:
        """Statements that write the results `which` of a row, or of the sums, unless it is NULL."""
        at = f"lane * {len(registers)} + " if row else ""
        lines = []
        if which == list(range(len(registers))) and len(which) > UNROLLED:
            source = self._places(tuple(registers), "i")
            lines = _loop(len(registers), f"{array}[{at}i] = t[{source}];")
        else:
            lines = [f"{array}[{at}{i}] = t[{registers[i]}];" for i in which]
        return [f"if ({array} != NULL) {{", *_indent(lines), "}"] if lines else []

    def _run(self, lines: list[Instruction], name: str) -> list[str]:
        """The lines as statements, or, if they are many, as a table and a call of what reads it."""
        if len(lines) <= STATEMENTS:
            return self._statements(lines)
        codes: list[int] = []
        for line in lines:
            number = self._case(line)
            codes += [number, line.result]
            codes += line.shape or ([len(line.operands) // 2] if line.op == "dot" else [])
            codes += line.operands
        kind = "unsigned" if self.registers < 2**16 - 1 else "unsigned long"
        self.parts.append(_array(kind, name, [str(code) for code in codes]))
        return [f"run(t, {name}, {name} + {len(codes)});"]

    def _case(self, line: Instruction) -> int:
        """The number of the case that does such a line."""
        if line.op in _CASES:
            lines, step = _CASES[line.op]
        else:
            operands = [f"t[c[{i + 2}]]" for i in range(len(line.operands))]
            lines = [self._assign(line, "t[c[1]]", operands)]
            step = str(2 + len(operands))
        key = "\n".join(lines)
        if key not in self.cases:
            number = len(self.cases)
            text = [f"case {number}: {{  /* {_comment(line.op)} */"]
            inner = _indent([*lines, f"c += {step};", "break;"])
            self.cases[key] = number, [*text, *inner, "}"]
        return self.cases[key][0]

    def _interpreter(self) -> list[str]:
        """The function that does the lines of a table, if there is one."""
        if not self.cases:
            return []
        kind = "unsigned" if self.registers < 2**16 - 1 else "unsigned long"
        cases = [text for _, lines in self.cases.values() for text in lines]
        body = ["while (c < end) {", "    switch (c[0]) {", *_indent(cases)]
        body += ["    default:", "        return;", "    }", "}"]
        start = f"static void run(double *restrict t, const {kind} *c, const {kind} *end)"
        return ["\n".join([start, "{", *_indent(body), "}", ""])]

    # ------------------------------------------------------------------ the order

    def _stages(self) -> list[tuple[Any, ...]]:
        """For each loop over lanes: the lines that run before it once, the sums over lanes that it
        makes, the lines in it, the outputs and the gradients that it gives.

        A sum over lanes is known after its loop. If lanes read it, another loop follows, which does
        again what it needs: so nothing is kept for each lane.
        """
        program, uniform = self.program, self.uniform
        stage = [0] * program.first_result
        once: dict[int, list[Instruction]] = {}
        sums: dict[int, list[Instruction]] = {}
        varying = []
        for line in program.code:
            at = max([stage[r] for r in line.operands], default=0)
            of_lanes = line.op == "outer" or not all(uniform[r] for r in line.operands)
            adds = line.op in ("total", "outer") and of_lanes
            if adds:
                sums.setdefault(at, []).append(line)
            elif uniform[line.result]:
                once.setdefault(at, []).append(line)
            else:
                varying.append((at, line))
            stage += [at + adds] * line.size
        outputs, gradients = program.outputs, program.gradients
        found = []
        for at in range(max(stage, default=0) + 1):
            given = [i for i, r in enumerate(outputs) if not uniform[r] and stage[r] == at]
            wanted = [i for i, r in enumerate(gradients) if not uniform[r] and stage[r] == at]
            needed = {r for line in sums.get(at, ()) for r in line.operands}
            needed |= {outputs[i] for i in given} | {gradients[i] for i in wanted}
            lines = list(sums.get(at, ()))
            for level, line in reversed(varying):
                if level <= at and not needed.isdisjoint(
                    range(line.result, line.result + line.size)
                ):
                    needed.update(line.operands)
                    lines.append(line)
            lines.sort(key=lambda line: line.result)
            found.append((once.get(at, []), sums.get(at, []), lines, given, wanted))
        return found

    # ------------------------------------------------------------------ statements

    def _statements(self, lines: list[Instruction]) -> list[str]:
        """Lines as statements; many of one kind whose places are evenly spaced as a loop."""
        written: list[str] = []
        start = 0
        while start < len(lines):
            stop = self._alike(lines, start)
            if stop - start > UNROLLED:
                written += self._rolled(lines[start:stop])
            else:
                stop = start + 1
                written += self._statement(lines[start])
            start = stop
        return written

    def _alike(self, lines: list[Instruction], start: int) -> int:
        """The end of the lines that have the opcode of the first, and even steps between them."""
        first = lines[start]
        if first.op in ("dot", "product", "outer") or start + 1 == len(lines):
            return start + 1
        steps: list[int] | None = None
        stop = start + 1
        before = (first.result, *first.operands)
        while stop < len(lines) and lines[stop].op == first.op:
            here = (lines[stop].result, *lines[stop].operands)
            found = [b - a for a, b in zip(before, here, strict=True)]
            if found[0] != 1 or (steps is not None and found != steps):
                break
            steps, before, stop = found, here, stop + 1
        return stop

    def _rolled(self, lines: list[Instruction]) -> list[str]:
        columns = zip(*[line.operands for line in lines], strict=True)
        operands = [self._at(self._places(column, "i"), column) for column in columns]
        result = f"t[{lines[0].result} + i]"
        label = self.program.labels
        note = [label[line.result] for line in lines if line.result in label]
        return [*_loop(len(lines), self._assign(lines[0], result, operands), note)]

    def _at(self, place: str, registers: tuple[int, ...]) -> str:
        """A number of `t`; the constant itself if it always is the same one."""
        number = self.program.constant(registers[0])
        if number is not None and len(set(registers)) == 1:
            return C.literal(number)
        return f"t[{place}]"

    def _assign(self, line: Instruction, result: str, operands: list[str]) -> str:
        if line.op == "total":
            a, b = (x for x in operands)
            term = a if b == "1.0" else b if a == "1.0" else f"{a} * {b}"
            if all(self.uniform[r] for r in line.operands):
                return f"{result} = {term} * t[{self.registers}];"
            return f"{result} += {term};"
        return f"{result} = {self._gate(line)(operands)};"

    def _statement(self, line: Instruction) -> list[str]:
        result, op, operands, shape = line
        note = self.program.labels.get(result)
        after = f"  /* {_comment(note)} */" if note else ""
        if op == "product":
            n, m = shape
            bias = self._at(self._places(operands[:n], "i"), operands[:n])
            vector = self._places(operands[n + n * m :], "k")
            matrix = self._grid(operands[n : n + n * m], m)
            return [
                *_start(n, "i"),
                f"    double total = {bias};",
                *_indent(_loop(m, f"total += t[{matrix}] * t[{vector}];", counter="k")),
                f"    t[{result} + i] = total;",
                "}",
            ]
        if op == "outer":
            n, m = shape
            a = self._at(self._places(operands[:n], "i"), operands[:n])
            b = self._at(self._places(operands[n:], "k"), operands[n:])
            inner = _loop(m, f"t[{result} + {m} * i + k] += {a} * {b};", counter="k")
            return [*_start(n, "i"), *_indent(inner), "}"]
        if op == "dot":
            left, right = operands[::2], operands[1::2]
            if len(left) > UNROLLED:
                a = self._at(self._places(left, "i"), left)
                b = self._at(self._places(right, "i"), right)
                inner = _loop(len(left), f"total += {a} * {b};")
                # -0.0 is the number that changes no sum.
                return ["{", *_indent(["double total = -0.0;", *inner]),
                        f"    t[{result}] = total;{after}", "}"]  # fmt: skip
            terms = []
            for x, y in zip(left, right, strict=True):
                a, b = self._at(str(x), (x,)), self._at(str(y), (y,))
                terms.append(a if b == "1.0" else b if a == "1.0" else f"{a} * {b}")
            return [f"t[{result}] = {' + '.join(terms)};{after}"]
        return [self._assign(line, f"t[{result}]", [self._at(str(r), (r,)) for r in operands])
                + after]  # fmt: skip

    def _zeros(self, sums: list[Instruction]) -> list[str]:
        """What begins the sums over lanes."""
        places = tuple([line.result + i for line in sums for i in range(line.size)])
        if len(places) <= UNROLLED:
            return [f"t[{place}] = 0.0;" for place in places]
        return _loop(len(places), f"t[{self._places(places, 'i')}] = 0.0;")

    # ------------------------------------------------------------------ places

    def _places(self, registers: tuple[int, ...], counter: str) -> str:
        """The index of the register number `counter`: a formula, or an entry of a table."""
        first = registers[0]
        step = registers[1] - first if len(registers) > 1 else 0
        if registers == tuple(first + step * i for i in range(len(registers))):
            return _even(first, step, counter)
        return f"{self._table(registers)}[{counter}]"

    def _grid(self, registers: tuple[int, ...], columns: int) -> str:
        """The same for a matrix, row by row, at i and k."""
        first = registers[0]
        down = registers[columns] - first if len(registers) > columns else 0
        right = registers[1] - first if columns > 1 else 0
        even = [
            first + down * i + right * k
            for i in range(len(registers) // columns)
            for k in range(columns)
        ]
        if list(registers) == even:
            return _even(first, down, "i") + _even(0, right, "k")[1:] * bool(right)
        return f"{self._table(registers)}[{columns} * i + k]"

    def _table(self, registers: tuple[int, ...]) -> str:
        if registers not in self.known:
            name = self.known[registers] = f"places_{len(self.known)}"
            kind = "unsigned" if max(registers) < 2**16 else "unsigned long"
            self.tables.append(_array(kind, name, [str(r) for r in registers]))
        return self.known[registers]

    # ------------------------------------------------------------------ gates

    def _gate(self, line: Instruction) -> Callable[[Sequence[str]], str]:
        """What writes a gate on operands: an operator or function of C, or a function of our own.

        A gate whose parameters are constants, as the 2 of x**2, gets a function for these.
        """
        op = line.op
        gate = self.program.gate(op)
        assert gate is not None
        first = len(line.operands) - len(gate.parameters)
        numbers = [self.program.constant(r) for r in line.operands[first:]]
        known = {name: x for name, x in zip(gate.parameters, numbers, strict=True) if x is not None}
        key = (op, *(x.hex() for x in known.values()))
        if key not in self.forms:
            self.forms[key] = self._form(op, Rule(gate, op, RESERVED, known))
        return self.forms[key]

    def _form(self, op: str, rule: Rule) -> Callable[[Sequence[str]], str]:
        if rule.inline(C, [x.name for x in rule.arguments]) is not None:
            return lambda operands: rule.inline(C, operands) or ""
        name, slope, operand = op.partition("'")
        called = f"slope_{name}_{operand}" if slope else f"gate_{name}"
        called = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in called)
        while called in self.taken:
            called += "_"
        self.taken.add(called)
        used = rule.used()
        parameters = ", ".join(f"double {x.name}" for x in used)
        lines = [*rule.lines(C), f"return {C.literal(rule.answer)};"]
        start = f"static inline double {called}({parameters})"
        self.functions.append("\n".join([start, "{", *_indent(lines), "}", ""]))
        places = [rule.arguments.index(x) for x in used]
        return lambda operands: f"{called}({', '.join(operands[i] for i in places)})"


# The cases of sums in a table: c[1] is the result, then the shape or length, then the operands.
_CASES = {
    "dot": (
        ["double total = -0.0;", "for (size_t i = 3; i < 3 + 2 * (size_t)c[2]; i += 2) {",
         "    total += t[c[i]] * t[c[i + 1]];", "}", "t[c[1]] = total;"],
        "3 + 2 * c[2]",
    ),
    "product": (
        ["const size_t n = c[2], m = c[3];", "for (size_t i = 0; i < n; i++) {",
         "    double total = t[c[4 + i]];", "    for (size_t k = 0; k < m; k++) {",
         "        total += t[c[4 + n + i * m + k]] * t[c[4 + n + n * m + k]];", "    }",
         "    t[c[1] + i] = total;", "}"],
        "4 + n + n * m + m",
    ),
    "outer": (
        ["const size_t n = c[2], m = c[3];", "for (size_t i = 0; i < n; i++) {",
         "    for (size_t k = 0; k < m; k++) {",
         "        t[c[1] + i * m + k] += t[c[4 + i]] * t[c[4 + n + k]];", "    }", "}"],
        "4 + n + m",
    ),
}  # fmt: skip


def _even(first: int, step: int, counter: str) -> str:
    if step == 0:
        return str(first)
    times = counter if abs(step) == 1 else f"{abs(step)} * {counter}"
    return f"{first} {'+' if step > 0 else '-'} {times}"


def _start(count: int, counter: str) -> list[str]:
    return [f"for (size_t {counter} = 0; {counter} < {count}; {counter}++) {{"]


def _loop(count: int, statement: str, note: Sequence[str] = (), counter: str = "i") -> list[str]:
    if not count:
        return []
    labels = f"  /* {_comment(note[0])} ... {_comment(note[-1])} */" if note else ""
    return [*_start(count, counter), f"    {statement}{labels}", "}"]


_EACH_LANE = "for (size_t lane = 0; lane < lanes; lane++) {"


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _array(kind: str, name: str, entries: list[str]) -> str:
    """A constant array, some entries a line."""
    rows = [", ".join(entries[i : i + 12]) for i in range(0, len(entries), 12)]
    body = ",\n    ".join(rows)
    return f"static const {kind} {name}[{len(entries)}] = {{\n    {body}\n}};\n"


def _comment(text: str) -> str:
    """Text that ends no comment and begins none."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    for pair in ("*/", "/*", "??"):
        while pair in shown:
            shown = shown.replace(pair, " ".join(pair))
    return shown


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:3], "...", names[-1]] if len(names) > 6 else names
    return _comment(", ".join(shown)) or "none"


_SIGNATURE = """\
double {name}(
    size_t lanes,
    const double *inputs,
    const double *parameters,
    double *outputs,
    double *gradients,
    double *restrict workspace)
"""
_HEAD = """\
/* {name}: the values and the gradient of a program, for a batch of examples (lanes).

   lanes       how many examples there are
   inputs      lanes x {inputs}, a row an example: {names}
   parameters  {parameters}: {parameter_names}
   outputs     lanes x {outputs}, written; or NULL
   gradients   {shape}, written: of the first output, {of}; or NULL.
               With respect to {wrt}
   workspace   room for {name}_workspace numbers, overlapping nothing above; each thread needs
               its own, and nothing in it must be kept between calls

   Returns the sum over the lanes of the first output: divide it, and the gradients, by `lanes` for
   a mean. Nothing else is written, so that threads may call it side by side. Where a gate fails,
   the numbers are inf or nan, as IEEE 754 has them: do not compile with -ffast-math.

   Written by autograd_core from the rules of its gates. C99: cc -O2 -std=c99 -c, link with -lm. */

#include <math.h>
#include <stddef.h>

extern const size_t {name}_workspace;
const size_t {name}_workspace = {size};
"""
