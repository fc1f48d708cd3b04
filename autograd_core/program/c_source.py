"""A program as one self-contained C99 source.

    Path("loss.c").write_text(to_c(program, "loss_and_gradient"))   # cc -O2 -std=c99 loss.c -lm

The text has static functions for the gates that the program uses, written from their rules, and the
blocks of its schedule as statements on one array `t`: first what all lanes share, then the numbers
of the lane that is being computed. One loop over the lanes does all of it, so that nothing is kept
for each lane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .. import elementary
from .dialects import C, arguments, arguments_read, check_function
from .program import Op, Program
from .rule import rule
from .schedule import Block, Flat, Schedule, matrix_of, step_of
from .sums import AFFINE, DOT, LANE_SUM, OUTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Form: TypeAlias = Callable[[Sequence[str]], str]

__all__ = ["to_c"]

RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while main size_t INFINITY NAN NULL fabs""".split()
) | set(elementary.__all__)
UNROLLED = 8  # results of a block, or pairs of a dot, that are still written one by one
LONGEST = 10_000  # lines; a compiler needs minutes for more


def to_c(program: Program, name: str = "value_and_grad") -> str:
    """A program as C99 with a function `name`, which needs only the C library's math.h.

    It computes the values and the gradient of a batch; the head of the text says what its arguments
    are. The gradients of parameters are sums over the lanes. ValueError if `name` is not one for C,
    if `wrt` mixes inputs and parameters, or if the text would have more than 10,000 lines.
    """
    valid = (
        isinstance(name, str) and name.isascii() and name.isidentifier() and name not in RESERVED
    )
    check_function("to_c", "C", valid, name, program)
    return _Writer(Schedule(program.verify()), name).text()


@dataclass
class _Stage:
    """One loop over the lanes, and what comes before it.

    once   blocks that run once, before the loop
    sums   blocks in the loop that add up the lanes: they are known after it
    lane   all blocks in the loop, in order
    """

    once: list[Block] = field(default_factory=list)
    sums: list[Block] = field(default_factory=list)
    lane: list[Block] = field(default_factory=list)


class _Writer:
    def __init__(self, schedule: Schedule, name: str) -> None:
        self.flat = Flat(schedule)
        self.program = schedule.program
        self.name = name
        self.lanes_at = self.flat.size  # where in t the number of lanes lies
        self.taken = {name}
        self.forms: dict[tuple[object, ...], Form] = {}
        self.functions: list[str] = []
        self.tables: list[str] = []
        self.known: dict[tuple[int, ...], str] = {}

    # ------------------------------------------------------------------ the parts of the text

    def text(self) -> str:
        program, name = self.program, self.name
        rows = program.of_inputs
        body = self._body(rows)
        counts = {
            "inputs": len(program.inputs), "parameters": len(program.parameters),
            "outputs": len(program.outputs), "gradients": len(program.gradients),
        }  # fmt: skip
        head = _HEAD.format(
            name=name, **counts,
            shape="lanes x " * rows + str(len(program.gradients)),
            of="for each lane" if rows else "summed over the lanes",
            names=_listed(program.inputs), parameter_names=_listed(program.parameters),
            wrt=_listed([program.name(r) for r in program.wrt]), size=self.lanes_at + 1,
        )  # fmt: skip
        constants = [C.literal(number) for number in program.constants]
        if constants:
            self.tables.insert(0, _array("double", "constants", constants))
        text = "\n".join([head, *self.functions, *self.tables, body])
        lines = text.count("\n")
        if lines > LONGEST:
            raise ValueError(
                f"to_c: the text would have {lines:,} lines, above the {LONGEST:,} that compilers "
                "take in a few seconds: run the program itself, run(program, inputs, parameters)"
            )
        return text

    def _body(self, rows: bool) -> str:
        program = self.program
        inputs = len(program.inputs)
        lines = ["double *restrict const t = workspace;", "double sum = 0.0;"]
        lines += _loop(len(program.parameters), "t[i] = parameters[i];")
        first = len(program.parameters)
        lines += _loop(len(program.constants), f"t[{first} + i] = constants[i];")
        lines.append(f"t[{self.lanes_at}] = (double)lanes;")
        flat = self.flat
        outputs, gradients = flat.outputs, flat.gradients
        stages, known_after = self._stages()

        def given(results: Sequence[int], number: int) -> list[int]:
            """Which of the results are there in loop `number`."""
            return [
                i for i, at in enumerate(results)
                if flat.of_lanes(at) and known_after.get(at, 0) == number
            ]  # fmt: skip

        for number, stage in enumerate(stages):
            for block in stage.once:
                lines += self._block(block)
            for block in stage.sums:
                lines += self._zeros(block)
            values, slopes = given(outputs, number), given(gradients, number)
            if not (stage.lane or values or slopes):
                continue
            within = _loop(inputs, f"t[{flat.at(True, 0)} + i] = inputs[lane * {inputs} + i];")
            for block in stage.lane:
                within += self._block(block)
            if 0 in values:
                within.append(f"sum += t[{outputs[0]}];")
            within += self._give("outputs", outputs, values, True)
            within += self._give("gradients", gradients, slopes, True)
            lines += [_EACH_LANE, *_indent(within), "}"]
        # What is the same for all lanes: it may wait for the last sum.
        same = [i for i, at in enumerate(outputs) if not flat.of_lanes(at)]
        if 0 in same:
            lines.append(f"sum = t[{outputs[0]}] * t[{self.lanes_at}];")
        within = self._give("outputs", outputs, same, True)
        same = [i for i, at in enumerate(gradients) if not flat.of_lanes(at)]
        if rows:
            within += self._give("gradients", gradients, same, True)
        if within:
            lines += [_EACH_LANE, *_indent(within), "}"]
        if not rows:
            lines += self._give("gradients", gradients, same, False)
        text = "\n".join(lines)
        for array in ("inputs", "parameters", "outputs", "gradients"):
            if f"{array}[" not in text:
                lines.append(f"(void){array};")
        lines.append("return sum;")
        return "\n".join([_SIGNATURE.format(name=self.name) + "{", *_indent(lines), "}", ""])

    def _give(self, array: str, source: Sequence[int], which: list[int], row: bool) -> list[str]:
        """Statements that write the results `which` of a row, or of the sums, unless it is NULL."""
        at = f"lane * {len(source)} + " if row else ""
        if which == list(range(len(source))) and len(which) > UNROLLED:
            lines = _loop(len(source), f"{array}[{at}i] = t[{self._places(tuple(source), 'i')}];")
        else:
            lines = [f"{array}[{at}{i}] = t[{source[i]}];" for i in which]
        return [f"if ({array} != NULL) {{", *_indent(lines), "}"] if lines else []

    def _stages(self) -> tuple[list[_Stage], dict[int, int]]:
        """The loops over the lanes, and for each number of t after how many sums it is known.

        A sum over lanes is known after its loop. If lanes read it, another loop follows, which does
        again what it needs.
        """
        flat = self.flat
        known_after: dict[int, int] = {}
        placed: list[tuple[int, Block, set[int]]] = []  # with the loop, and what the block reads
        last = 0
        for block in flat.blocks:
            reads = {at for source in flat.operands(block) for at in source}
            at = max([known_after.get(x, 0) for x in reads])
            adds = block.of_lanes and not block.lanes
            known_after.update(dict.fromkeys(flat.results(block), at + adds))
            placed.append((at, block, reads))
            last = max(last, at)
        stages = [_Stage() for _ in range(last + 1)]
        for number, stage in enumerate(stages):
            results = (*flat.outputs, *flat.gradients)
            needed = {x for x in results if flat.of_lanes(x) and known_after.get(x, 0) == number}
            for at, block, reads in reversed(placed):
                if not block.lanes and at != number:
                    continue
                if not block.lanes and not block.of_lanes:
                    stage.once.append(block)
                elif not block.lanes:
                    stage.sums.append(block)
                    stage.lane.append(block)
                    needed |= reads
                elif at <= number and not needed.isdisjoint(flat.results(block)):
                    stage.lane.append(block)
                    needed |= reads
            for blocks in (stage.once, stage.sums, stage.lane):
                blocks.reverse()
        return stages, known_after

    # ------------------------------------------------------------------ statements

    def _block(self, block: Block) -> list[str]:
        """A block as statements, or, if it has many results, as a loop."""
        op = block.op
        start = self.flat.results(block).start
        operands = self.flat.operands(block)
        if op is AFFINE:
            return self._affine(block.shape, start, *operands)
        if op is OUTER:
            return self._outer(block.shape, start, *operands)
        if op is DOT:
            return self._dots(block, start, *operands)
        if block.size > UNROLLED:
            known = self.flat.labels
            labels = [known[at] for at in self.flat.results(block) if at in known]
            statement = self._assign(block, f"t[{start} + i]", operands)
            return _loop(block.size, statement, labels)
        rows: list[list[tuple[int, ...]]] = [
            [(at,) for at in row] for row in zip(*operands, strict=True)
        ]
        return [
            self._assign(block, f"t[{at}]", row) + self._note(at)
            for at, row in zip(self.flat.results(block), rows, strict=True)
        ]

    def _note(self, at: int) -> str:
        label = self.flat.labels.get(at)
        return f"  /* {_comment(label)} */" if label else ""

    def _assign(self, block: Block, result: str, operands: list[tuple[int, ...]]) -> str:
        texts = [self._number(source) for source in operands]
        if block.op is LANE_SUM:
            term = _times(*texts)
            if block.of_lanes:
                return f"{result} += {term};"
            return f"{result} = {term} * t[{self.lanes_at}];"
        assert isinstance(block.op, Op)
        return f"{result} = {self._gate(block.op, operands)(texts)};"

    def _affine(
        self, shape: Sequence[int], start: int,
        biases: tuple[int, ...], numbers: tuple[int, ...], matrix: tuple[int, ...],
    ) -> list[str]:  # fmt: skip
        n, m = shape
        bias = self._number(biases)
        term = f"t[{self._grid(matrix, n, m)}] * t[{self._places(numbers, 'k')}]"
        return [
            *_start(n, "i"),
            f"    double total = {bias};",
            *_indent(_loop(m, f"total += {term};", counter="k")),
            f"    t[{start} + i] = total;",
            "}",
        ]

    def _outer(
        self, shape: Sequence[int], start: int, left: tuple[int, ...], right: tuple[int, ...]
    ) -> list[str]:
        n, m = shape
        a, b = self._number(left), self._number(right, "k")
        inner = _loop(m, f"t[{start} + {m} * i + k] += {a} * {b};", counter="k")
        return [*_start(n, "i"), *_indent(inner), "}"]

    def _dots(
        self, block: Block, start: int, left: tuple[int, ...], right: tuple[int, ...]
    ) -> list[str]:
        lines: list[str] = []
        k = 0
        for i, count in enumerate(block.counts):
            a, b = left[k : k + count], right[k : k + count]
            k += count
            note = self._note(start + i)
            if count > UNROLLED:
                inner = _loop(count, f"total += {self._number(a)} * {self._number(b)};")
                # -0.0 is the number that changes no sum.
                lines += ["{", *_indent(["double total = -0.0;", *inner]),
                          f"    t[{start + i}] = total;{note}", "}"]  # fmt: skip
            else:
                pairs = zip(a, b, strict=True)
                terms = [_times(self._number((x,)), self._number((y,))) for x, y in pairs]
                lines.append(f"t[{start + i}] = {' + '.join(terms)};{note}")
        return lines

    def _zeros(self, block: Block) -> list[str]:
        """What begins a sum over the lanes."""
        if block.size <= UNROLLED:
            return [f"t[{place}] = 0.0;" for place in block.results]
        return _loop(block.size, f"t[{block.start} + i] = 0.0;")

    # ------------------------------------------------------------------ places

    def _number(self, at: tuple[int, ...], counter: str = "i") -> str:
        """Number `counter` of these; the constant itself if it always is the same one."""
        number = self.flat.constant(at[0])
        if number is not None and at.count(at[0]) == len(at):
            return C.literal(number)
        return f"t[{self._places(at, counter)}]"

    def _places(self, at: tuple[int, ...], counter: str) -> str:
        """The index of number `counter` of these: a formula, or an entry of a table."""
        step = step_of(at)
        if step is None:
            return f"{self._table(at)}[{counter}]"
        return _even(at[0], step if len(at) > 1 else 0, counter)

    def _grid(self, at: tuple[int, ...], n: int, m: int) -> str:
        """The same for a matrix, row by row, at i and k."""
        matrix = matrix_of(at, n, m)
        if matrix is None:
            return f"{self._table(at)}[{m} * i + k]"
        down = matrix.by_row if n > 1 else 0
        right = matrix.by_column if m > 1 else 0
        return _even(matrix.first, down, "i") + _even(0, right, "k")[1:] * bool(right)

    def _table(self, at: tuple[int, ...]) -> str:
        if at not in self.known:
            name = self.known[at] = f"places_{len(self.known)}"
            kind = "unsigned" if max(at) < 2**16 else "unsigned long"
            self.tables.append(_array(kind, name, [str(x) for x in at]))
        return self.known[at]

    # ------------------------------------------------------------------ gates

    def _gate(self, op: Op, operands: list[tuple[int, ...]]) -> Form:
        """What writes a gate on operands: an operator or function of C, or a function of our own.

        A gate whose parameters are constants, as the 2 of x**2, gets a function for these.
        """
        parameters = op.gate.parameters
        known = {}
        for name, at in zip(parameters, operands[len(operands) - len(parameters) :], strict=True):
            number = self.flat.constant(at[0])
            if number is not None and at.count(at[0]) == len(at):
                known[name] = number
        key = (op, *(x.hex() for x in known.values()))
        if key not in self.forms:
            self.forms[key] = self._form(op, known)
        return self.forms[key]

    def _form(self, op: Op, known: dict[str, float]) -> Form:
        program = rule(op, known)
        names = arguments(op, RESERVED)
        if C.inline(program, names) is not None:
            return lambda operands: C.inline(program, operands) or ""
        called = f"gate_{op.name}" if op.slope is None else f"slope_{op.name.replace(chr(39), '_')}"
        called = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in called)
        while called in self.taken:
            called += "_"
        self.taken.add(called)
        places = arguments_read(program)
        parameters = ", ".join(f"double {names[i]}" for i in places)
        lines = [*C.lines(program, names), f"return {C.answer(program, names)};"]
        start = f"static inline double {called}({parameters})"
        self.functions.append("\n".join([start, "{", *_indent(lines), "}", ""]))
        return lambda operands: f"{called}({', '.join(operands[i] for i in places)})"


def _times(a: str, b: str) -> str:
    return a if b == "1.0" else b if a == "1.0" else f"{a} * {b}"


def _even(first: int, step: int, counter: str) -> str:
    if step == 0:
        return str(first)
    times = counter if abs(step) == 1 else f"{abs(step)} * {counter}"
    return f"{first} {'+' if step > 0 else '-'} {times}"


def _start(count: int, counter: str) -> list[str]:
    return [f"for (size_t {counter} = 0; {counter} < {count}; {counter}++) {{"]


def _loop(count: int, statement: str, labels: Sequence[str] = (), counter: str = "i") -> list[str]:
    if not count:
        return []
    note = f"  /* {_comment(labels[0])} ... {_comment(labels[-1])} */" if labels else ""
    return [*_start(count, counter), f"    {statement}{note}", "}"]


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
   inputs      lanes x {inputs}, one row per example: {names}
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
