"""A program as Python text over NumPy, to be read: what `Program.to_numpy_source()` returns.

    open("by_hand.py", "w").write(program.to_numpy_source())
    values, gradients = by_hand.value_and_grad(inputs, parameters)

What the lanes have is an array (lanes, n), what they share an array (n,). Instructions that do the
same to the same arrays are one operation on arrays; dots of the same numbers are a product with a
matrix, W0, W1, ...; and the gradient with respect to h0 is called dh0.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Sequence

from .emit import NUMPY, Rule
from .errors import short
from .passes import group, share
from .program import Instruction, Program

__all__ = ["numpy_source"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RESERVED = frozenset(
    [*keyword.kwlist, "np", "inputs", "parameters", "values", "gradients", "lanes"]
)
SMALLEST = 2  # entries of a matrix here, where it is worth reading
UNROLLED = 4  # pairs of a dot that are written one by one


def numpy_source(program: Program, name: str = "value_and_grad") -> str:
    """The text; see `Program.to_numpy_source`."""
    if not name.isidentifier() or name in RESERVED:
        raise ValueError(
            f"to_numpy_source: name must be one that Python takes for a function, got {short(name)}"
        )
    if len({r < len(program.inputs) for r in program.wrt}) > 1:
        raise ValueError(
            "to_numpy_source: the gradient is with respect to inputs, which have a row a lane, and "
            "to parameters, which have a sum: lower the program twice, for each by itself"
        )
    return _Writer(group(share(program.verify()), SMALLEST), name).text()


class _Array:
    """A variable of the text: the registers in its columns. A matrix holds them row by row."""

    def __init__(
        self, registers: Sequence[int], lanes: bool, wish: str = "", shape: tuple[int, ...] = ()
    ) -> None:
        self.registers = tuple(registers)
        self.lanes = lanes
        self.wish = wish  # the name that it gets if nothing else has it
        self.of: _Array | None = None  # what it is the gradient of
        self.view: _Array | None = None  # the parameters that it is the gradient of
        self.reader: _Array | None = None  # of a view: the product that it is part of
        self.shape = shape
        self.number = 0
        self.name = ""


class _Statement:
    """target = text; in the text arrays stand as their numbers between NULs, until all are named"""

    def __init__(self, target: _Array, text: str, op: str, note: str, reads: list[Any]) -> None:
        self.target = target
        self.text = text
        self.op = op
        self.note = note
        self.reads = reads


class _Writer:
    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.name = name
        self.uniform = program.uniform()
        self.arrays: list[_Array] = []
        self.home: dict[int, tuple[_Array, int]] = {}
        self.views: dict[
            tuple[tuple[int, ...], tuple[int, ...]], _Array
        ] = {}  # parameters that have a name of their own
        self.head: list[tuple[_Array, str]] = []
        self.sources: dict[_Array, _Array | None] = {}  # of a view: what it is multiplied with
        self.functions: dict[tuple[str, ...], tuple[str, list[int]]] = {}
        self.texts: list[str] = []
        self.taken = {*RESERVED, name}
        self.products = 0
        inputs = len(program.inputs)
        self.parameters = _Array(range(inputs, program.first_constant), False, "parameters")
        self._enter(self.parameters)
        self.taken.discard("parameters")
        self._inputs()

    def _enter(self, array: _Array) -> _Array:
        self._number(array)
        for column, register in enumerate(array.registers):
            self.home[register] = array, column
        return array

    def _number(self, array: _Array) -> None:
        array.number = len(self.arrays)
        self.arrays.append(array)

    def _token(self, array: _Array) -> str:
        return f"\0{array.number}\0"

    def _inputs(self) -> None:
        """An array for each argument: x of x[0], x[1]."""
        names = self.program.inputs
        start = 0
        while start < len(names):
            base = names[start].partition("[")[0]
            stop = start + 1
            while (
                stop < len(names) and names[stop].partition("[")[0] == base and "[" in names[stop]
            ):
                stop += 1
            array = self._enter(_Array(range(start, stop), True, _plain(base) or "x"))
            self.head.append((array, f"inputs[:, {start}:{stop}]"))
            start = stop

    # ------------------------------------------------------------------ the text

    def text(self) -> str:
        program = self.program
        forward, backward = self._parts()
        parts = [self._statements(forward), self._statements(backward)]
        values = self._gather(program.outputs, True, spread=True)
        answer = self._gradients()
        every = [statement for part in parts for statement in part]
        self._name_gradients(every)
        self._inline(every, values + "".join(answer))
        names = self._names(every)

        def named(text: str) -> str:
            return re.sub("\0(\\d+)\0", lambda found: names[int(found[1])], text)

        body = [f"{array.name} = {text}" for array, text in self.head]
        body = [named(line) for line in body]
        if any("lanes" in s.text for s in every) or "lanes" in values + "".join(answer):
            body.insert(0, "lanes = len(inputs)")
        for title, part in zip(("forward", "backward"), parts, strict=True):
            lines = [
                named(f"{s.target.name} = {s.text}") + f"  # {s.note}" * bool(s.note)
                for s in part
                if s.text
            ]
            if lines:
                body += ["", f"# {title}", *lines]
            if title == "forward":
                body.append(named(f"values = {values}"))
        body += ["", *map(named, answer), "return values, gradients"]
        rows = (
            "(lanes, inputs)" if self._rows() else "one for each parameter, summed over the lanes"
        )
        head = _HEAD.format(
            name=self.name, inputs=len(program.inputs), parameters=len(program.parameters),
            outputs=len(program.outputs), gradients=rows,
        )  # fmt: skip
        body = [f"    {line}" if line else "" for line in body]
        return "\n".join(
            [head.split("@@")[0], *self.texts, head.split("@@")[1].strip("\n"), *body, ""]
        )

    def _rows(self) -> bool:
        return bool(self.program.wrt) and self.program.wrt[0] < len(self.program.inputs)

    def _parts(self) -> tuple[list[Instruction], list[Instruction]]:
        """What the values need, and what only the gradients need."""
        found = []
        needed: set[int] = set()
        done: set[int] = set()
        for wanted in (self.program.outputs, self.program.gradients):
            needed.update(wanted)
            part = []
            for line in reversed(self.program.code):
                results = range(line.result, line.result + line.size)
                if line.result not in done and not needed.isdisjoint(results):
                    needed.update(line.operands)
                    part.append(line)
            done.update(line.result for line in part)
            found.append(part[::-1])
        return found[0], found[1]

    # ------------------------------------------------------------------ statements

    def _statements(self, lines: list[Instruction]) -> list[_Statement]:
        """Level by level, the lines that do the same to the same arrays at once."""
        depth: dict[int, int] = {}
        levels: list[list[Instruction]] = []
        for line in lines:
            level = max([depth.get(r, 0) for r in line.operands], default=0)
            depth.update(dict.fromkeys(range(line.result, line.result + line.size), level + 1))
            while len(levels) <= level:
                levels.append([])
            levels[level].append(line)
        written = []
        for same in levels:
            kinds: dict[tuple[object, ...], list[Instruction]] = {}
            for line in same:
                alone = line.op in ("product", "outer")
                alone = alone or (line.op == "dot" and len(line.operands) > 2 * UNROLLED)
                where = [self.home[r][0] if r in self.home else None for r in line.operands]
                key = (line.op, self.uniform[line.result], line.result if alone else 0, *where)
                kinds.setdefault(key, []).append(line)
            for block in kinds.values():
                written.append(self._block(block))
        return written

    def _block(self, lines: list[Instruction]) -> _Statement:
        def order(line: Instruction) -> list[tuple[int, float]]:
            return [
                (1, self.home[r][1]) if r in self.home else (0, self.program.constant(r) or 0.0)
                for r in line.operands
            ]

        op = lines[0].op
        if op in ("product", "outer"):
            return self._product(lines[0]) if op == "product" else self._outer(lines[0])
        lines = sorted(lines, key=order)
        results = [line.result for line in lines]
        lanes = not self.uniform[results[0]]
        columns = list(zip(*[line.operands for line in lines], strict=True))
        reads = [self.home[column[0]][0] for column in columns if column[0] in self.home]
        if op == "dot" and len(lines) == 1:
            text = self._dot(lines[0], lanes)
        else:
            of_lanes = lanes or not all(self.uniform[r] for r in lines[0].operands)
            numbers = [self._gather(column, of_lanes, broadcast=True) for column in columns]
            if all(column[0] not in self.home for column in columns):
                numbers = [f"np.array([{', '.join(map(self._literal, c))}])" for c in columns]
            if op == "dot":
                text = " + ".join(
                    _times(a, b) for a, b in zip(numbers[::2], numbers[1::2], strict=True)
                )
            elif op == "total":
                term = _times(*numbers)
                if not of_lanes:
                    text = f"lanes * {numbers[0]} * {numbers[1]}"
                else:
                    term = term if re.fullmatch("\0\\d+\0", term) else f"({term})"
                    text = f"{term}.sum(axis=0)"
            else:
                text = self._gate(lines[0], numbers, len(lines))
        notes = [self.program.labels[r] for r in results if r in self.program.labels]
        target = self._enter(_Array(results, lanes))
        if op not in ("dot", "total") and "'" not in op and len(reads) == 1:
            if re.fullmatch("z\\d+", reads[0].wish) and len(results) == len(reads[0].registers):
                target.wish = "h" + reads[0].wish[1:]
        return _Statement(target, text, op, _note(notes), reads)

    def _literal(self, register: int) -> str:
        return NUMPY.literal(self.program.constant(register))

    def _dot(self, line: Instruction, lanes: bool) -> str:
        """a0 b0 + a1 b1 + ... of one line: pairs of the same two arrays are a sum."""
        pairs = list(zip(line.operands[::2], line.operands[1::2], strict=True))
        runs: dict[tuple[object, ...], list[tuple[int, int]]] = {}
        for i, (a, b) in enumerate(pairs):
            where = [self.home[r][0] if r in self.home else None for r in (a, b)]
            key = (*where, i if len(pairs) <= UNROLLED else 0)
            runs.setdefault(key, []).append((a, b))
        terms = []
        for run in runs.values():
            left, right = zip(*run, strict=True)
            if left[0] not in self.home and right[0] not in self.home:
                numbers = [self.program.constant(r) or 0.0 for r in (*left, *right)]
                half = zip(numbers[: len(run)], numbers[len(run) :], strict=True)
                terms.append(NUMPY.literal(sum(x * y for x, y in half)))
                continue
            term = _times(self._gather(left, lanes), self._gather(right, lanes))
            if len(run) > 1:
                bare = re.fullmatch("\0\\d+\0", term)
                term = f"{term if bare else f'({term})'}.sum(axis=-1, keepdims=True)"
            terms.append(term)
        return " + ".join(terms)

    def _product(self, line: Instruction) -> _Statement:
        n, m = line.shape
        r = line.operands
        matrix, vector = r[n : n + n * m], r[n + n * m :]
        columns = sorted(range(m), key=lambda k: self._position(vector[k]))
        rows = sorted(range(n), key=lambda i: self._position(matrix[i * m]))
        numbers = [vector[k] for k in columns]
        grid = tuple([matrix[i * m + k] for i in rows for k in columns])
        turned = tuple([matrix[i * m + k] for k in columns for i in rows])
        biases = tuple([r[i] for i in rows])
        target = _Array([line.result + i for i in rows], True)
        x = self._gather(numbers, True)
        reads = [self.home[numbers[0]][0]]
        view = self.views.get((grid, (n, m)))
        turned_view = self.views.get((turned, (m, n)))
        if view is None and turned_view is None and self._are_parameters(grid):
            k = self.products
            self.products += 1
            view = self._view(grid, (n, m), f"W{k}")
            view.reader = target
            target.wish = f"z{k}"
            self.sources[view] = reads[0] if tuple(numbers) == reads[0].registers else None
            if (biases, ()) not in self.views and self._are_parameters(biases):
                self._view(biases, (n,), f"b{k}").reader = target
        if view is not None:
            weights = self._token(view) + ".T"
        elif turned_view is not None:
            weights = self._token(turned_view)
            target.of = self.sources[turned_view]
        else:
            weights = f"{self._gather(grid, False)}.reshape({n}, {m}).T"
        text = f"{x} @ {weights}"
        if any(self.program.constant(b) != 0.0 for b in biases):
            text += f" + {self._gather(biases, False)}"
        self._enter(target)
        notes = [self.program.labels[b] for b in target.registers if b in self.program.labels]
        return _Statement(target, text, "product", _note(notes), reads)

    def _outer(self, line: Instruction) -> _Statement:
        n, m = line.shape
        r = line.operands
        rows = sorted(range(n), key=lambda i: self._position(r[i]))
        columns = sorted(range(m), key=lambda k: self._position(r[n + k]))
        left, right = [r[i] for i in rows], [r[n + k] for k in columns]
        grid = [line.result + i * m + k for i in rows for k in columns]
        a, b = self._gather(left, True, spread=True), self._gather(right, True, spread=True)
        reads = [self.home[x[0]][0] for x in (left, right) if x[0] in self.home]
        target = self._enter(_Array(grid, False, shape=(n, m)))
        return _Statement(target, f"{a}.T @ {b}", "outer", "", reads)

    def _are_parameters(self, registers: Sequence[int]) -> bool:
        first = len(self.program.inputs)
        return all(first <= r < self.program.first_constant for r in registers)

    def _position(self, register: int) -> tuple[int, float]:
        if register in self.home:
            array, column = self.home[register]
            return array.number, column
        return -1, 0.0

    def _view(self, registers: tuple[int, ...], shape: tuple[int, ...], wish: str) -> _Array:
        """A name for parameters, as a matrix or vector."""
        first = len(self.program.inputs)
        places = [r - first for r in registers]
        array = _Array(registers, False, wish, shape if len(shape) == 2 else ())
        self._number(array)
        self.views[registers, array.shape] = array
        self.head.append((array, _part("parameters", places, shape, len(self.program.parameters))))
        return array

    # ------------------------------------------------------------------ reading and giving

    def _gather(
        self, registers: Sequence[int], lanes: bool, broadcast: bool = False, spread: bool = False
    ) -> str:
        """These registers as one array, (lanes, n) or (n,); `broadcast`: or what spreads to it;
        `spread`: made (lanes, n) even if they are shared."""
        registers = tuple(registers)
        if (registers, ()) in self.views and not spread:
            return self._token(self.views[registers, ()])
        runs: list[list[int]] = []
        for r in registers:
            where = self.home.get(r, (None, 0))[0]
            if runs and self.home.get(runs[-1][0], (None, 0))[0] is where:
                runs[-1].append(r)
            else:
                runs.append([r])
        mixed = spread or len(runs) > 1
        texts = []
        for run in runs:
            if run[0] not in self.home:
                same = len({self._literal(r) for r in run}) == 1
                if not mixed and same:
                    return self._literal(run[0])
                text = f"np.array([{', '.join(map(self._literal, run))}])"
                of_lanes = False
            else:
                array = self.home[run[0]][0]
                of_lanes = array.lanes
                text = self._columns(array, [self.home[r][1] for r in run], broadcast and not mixed)
            if lanes and mixed and not of_lanes:
                text = f"np.broadcast_to({text}, (lanes, {len(run)}))"
            texts.append(text)
        if len(texts) == 1:
            return texts[0]
        return f"np.concatenate([{', '.join(texts)}]{', axis=1' * lanes})"

    def _columns(self, array: _Array, columns: list[int], broadcast: bool) -> str:
        name = self._token(array) + ".ravel()" * bool(array.shape)
        if columns == list(range(len(array.registers))):
            return name
        if broadcast and len(columns) > 1 and len(set(columns)) == 1:
            columns = columns[:1]
            if len(array.registers) == 1:
                return name
        return f"{name}[{':, ' * array.lanes}{_slice(columns)}]"

    def _gradients(self) -> list[str]:
        program = self.program
        if not program.gradients:
            return ["gradients = np.zeros(0)"]
        if self._rows():
            return [f"gradients = {self._gather(program.gradients, True, spread=True)}"]
        total = len(program.gradients)
        lines = [f"gradients = np.zeros({total})"]
        found: dict[Any, list[tuple[int, int]]] = {}
        for position, register in enumerate(program.gradients):
            array, column = self.home.get(register, (None, register))
            found.setdefault(array, []).append((column, position))
        for array, pairs in found.items():
            if array is None:
                for register, position in pairs:
                    if program.constant(register) != 0.0:
                        lines.append(f"gradients[{position}] = {self._literal(register)}")
                continue
            pairs.sort()
            columns, places = [c for c, _ in pairs], [p for _, p in pairs]
            self._wish_gradient(array, columns, [program.wrt[p] for p in places])
            if array.shape and columns == list(range(len(array.registers))):
                right = self._token(array)
                left = _part("gradients", places, array.shape, total)
                if left.endswith(")"):  # they lie one after another
                    right += ".ravel()"
                    left = _part("gradients", places, (len(places),), total)
            else:
                right = self._columns(array, columns, False)
                left = _part("gradients", places, (len(places),), total)
            lines.append(f"{left} = {right}")
        return lines

    def _wish_gradient(self, array: _Array, columns: list[int], wrt: list[int]) -> None:
        view = self.views.get((tuple(wrt), array.shape))
        if view is not None and columns == list(range(len(array.registers))):
            array.wish = array.wish or "d" + view.wish
            array.view = view

    # ------------------------------------------------------------------ names

    def _name_gradients(self, statements: list[_Statement]) -> None:
        """Say of arrays what they are the gradient of, where that can be seen."""
        made = {s.target: s for s in statements}
        for s in statements:  # dW0 = dz0.T @ x, db0 = dz0.sum()
            view = s.target.view
            if s.op in ("outer", "total") and view is not None and s.reads:
                up = s.reads[0]
                if up.of is None and not up.wish and up is not view.reader:
                    up.of = view.reader
        for s in statements:  # dz0 = dh0 * slope
            if s.op == "mul" and len(s.reads) == 2:
                slope = made.get(s.reads[1])
                if slope is not None and "'" in slope.op and not s.target.wish:
                    up = s.reads[0]
                    if up.of is None and not up.wish and up in made:
                        up.of = slope.reads[0]

    def _inline(self, statements: list[_Statement], rest: str) -> None:
        """Put a slope where it is read, if that is one place; else before its first reader."""
        uses = Counter(re.findall("\0(\\d+)\0", rest + "".join(s.text for s in statements)))
        once = {}
        for s in statements:
            number = str(s.target.number)
            if "'" in s.op and uses[number] == 1 and f"\0{number}\0" not in rest:
                once[number] = s
        for s in statements:
            for number in re.findall("\0(\\d+)\0", s.text):
                slope = once.get(number)
                if slope is not None and not re.search(f"\0{number}\0[.\\[]", s.text):
                    call = re.fullmatch(r"\w+\([^()]*\)|\0\d+\0", slope.text)
                    text = slope.text if call else f"({slope.text})"
                    s.text = s.text.replace(f"\0{number}\0", text)
                    slope.text = ""

    def _names(self, statements: list[_Statement]) -> list[str]:
        self.parameters.name = "parameters"

        def take(wish: str) -> str:
            name, k = wish, 0
            while name in self.taken:
                name, k = f"{wish}_{k}", k + 1
            self.taken.add(name)
            return name

        targets = {s.target for s in statements if s.target.of is not None}
        for array in self.arrays:
            if not array.name and array not in targets and array.wish:
                array.name = take(array.wish)
        count = 0
        for array in self.arrays:
            if array.name:
                continue
            if array.of is not None and array.of.name:
                array.name = take("d" + array.of.name)
            else:
                array.name = take(f"t{count}")
                count += 1
        return [array.name for array in self.arrays]

    # ------------------------------------------------------------------ gates

    def _gate(self, line: Instruction, operands: list[str], count: int) -> str:
        gate = self.program.gate(line.op)
        assert gate is not None
        first = len(line.operands) - len(gate.parameters)
        found = [self.program.constant(r) for r in line.operands[first:]]
        known = {}
        for parameter, x, shown in zip(gate.parameters, found, operands[first:], strict=True):
            if x is not None and not shown.startswith("np.array"):
                known[parameter] = x
        rule = Rule(gate, line.op, RESERVED - {"y"}, known)
        if not rule.used():
            shape = f"{count}" if self.uniform[line.result] else f"(lanes, {count})"
            return f"np.full({shape}, {NUMPY.literal(rule.answer)})"
        text = rule.inline(NUMPY, operands)
        if text is not None:
            return text
        key = (line.op, *(x.hex() for x in known.values()))
        if key not in self.functions:
            name, slope, operand = line.op.partition("'")
            several = len(gate.operands) > 1
            base = f"{name}_slope" + f"_{operand}" * several if slope else name
            base = _plain(base) or "gate"
            called, k = base, 0
            while called in self.taken:
                called, k = f"{base}_{k}", k + 1
            self.taken.add(called)
            used = rule.used()
            body = [*rule.lines(NUMPY), f"return {NUMPY.literal(rule.answer)}"]
            if slope:
                formula = gate.slopes[gate.operands.index(operand)]
                plain = re.sub("<(.*?)>", r"\1", formula)
                body.insert(0, f"# in a textbook: {_note([plain])}")
            start = f"def {called}({', '.join(x.name for x in used)}):"
            self.texts.append("\n".join([start, *[f"    {x}" for x in body], "", ""]))
            self.functions[key] = called, [rule.arguments.index(x) for x in used]
        called, places = self.functions[key]
        return f"{called}({', '.join(operands[i] for i in places)})"


def _times(a: str, b: str) -> str:
    return a if b == "1.0" else b if a == "1.0" else f"{a} * {b}"


def _slice(places: Sequence[int]) -> str:
    """These places within brackets: a slice, or a list."""
    first, last = places[0], places[-1]
    step = places[1] - first if len(places) > 1 else 1
    if step > 0 and list(places) == list(range(first, last + 1, step)):
        return f"{first}:{last + 1}" + f":{step}" * (step > 1)
    return f"[{', '.join(map(str, places))}]"


def _part(base: str, places: list[int], shape: tuple[int, ...], total: int) -> str:
    """These places of a vector as an array of this shape, which can be read and written."""
    if len(shape) == 1:
        return f"{base}[{_slice(places)}]"
    n, m = shape
    first = places[0]
    down = places[m] - first if n > 1 else m
    if down >= m and places == [first + down * i + k for i in range(n) for k in range(m)]:
        before = 0 if first + n * down <= total else down - m
        start = first - before
        if start >= 0:
            whole = f"{base}[{start}:{start + n * down}].reshape({n}, {down})"
            return whole + f"[:, {before}:{before + m}]" * (down > m)
    rows = ", ".join(f"[{', '.join(map(str, places[i : i + m]))}]" for i in range(0, n * m, m))
    return f"{base}[[{rows}]]"


def _plain(name: str) -> str:
    """The name as one of Python, "" if nothing is left of it."""
    found = re.sub("[^A-Za-z0-9_]+", "_", name).strip("_")
    return found if found.isidentifier() and not keyword.iskeyword(found) else ""


def _note(labels: list[str]) -> str:
    """Labels of a block as a comment of one line."""
    shown = [labels[0], "...", labels[-1]] if len(labels) > 3 else labels
    return "".join(c if c.isprintable() else "?" for c in ", ".join(shown))


_HEAD = '''\
"""Values and gradients of a program, written by autograd_core from the rules of its gates."""

import numpy as np

@@
@np.errstate(all="ignore")  # where a gate fails, numbers are inf or nan, as IEEE 754 has them
def {name}(inputs, parameters):
    """inputs (lanes, {inputs}), parameters ({parameters},) -> values (lanes, {outputs}), gradients.

    The gradients are of the first value: {gradients}.
    """
'''
