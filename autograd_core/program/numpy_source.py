"""A program as Python text over NumPy, to be read: backpropagation as written by hand.

    Path("by_hand.py").write_text(to_numpy(program))
    values, gradients = by_hand.value_and_grad(inputs, parameters)

What the lanes have is an array (lanes, n), what they share an array (n,). Each block of the
schedule is one operation on arrays, and none is written into: so the text serves JAX and Dask as
well, but for the line that imports. Matrices and biases among the parameters are called W0, b0, W1,
...; and the gradient with respect to h0 is called dh0.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..errors import short
from .dialects import NUMPY, arguments, arguments_read, check_function
from .passes import group, share
from .program import Op, Program
from .rule import rule
from .schedule import PAIRS, Block, Flat, Schedule, matrix_of, step_of
from .sums import AFFINE, DOT, LANE_SUM, OUTER

__all__ = ["to_numpy"]

RESERVED = frozenset(
    [*keyword.kwlist, "np", "len", "inputs", "parameters", "values", "gradients", "lanes"]
)
SMALLEST = 2  # entries of a matrix here, where it is worth reading
MODULES = ("numpy", "jax.numpy", "dask.array")


def to_numpy(program: Program, name: str = "value_and_grad", module: str = "numpy") -> str:
    """A program as Python over NumPy, or a module like it, with a pure function `name`, to be read.

    It defines name(inputs, parameters) -> (values, gradients): inputs (lanes, inputs), parameters
    (parameters,), values (lanes, outputs), gradients (parameters,), summed over the lanes, or, with
    respect to inputs, (lanes, inputs). Where a gate fails nothing raises: numbers are inf or nan.

    module  "numpy"
            "jax.numpy": for jit, vmap, grad and shard_map, on any device; in float64 after
            jax.config.update("jax_enable_x64", True), in JAX's float32 without
            "dask.array": inputs in chunks of lanes, parameters a NumPy array; the answers are lazy

    ValueError if `name` is not one for Python, if `module` is another, or if `wrt` mixes inputs and
    parameters.
    """
    valid = isinstance(name, str) and name.isidentifier() and name not in RESERVED
    check_function("to_numpy", "Python", valid, name, program)
    if module not in MODULES:
        known = ", ".join(f'"{x}"' for x in MODULES)
        raise ValueError(f"to_numpy: module must be one of {known}, got {short(module)}")
    grouped = group(share(program.verify()), SMALLEST)
    return _Writer(Flat(Schedule(grouped, readable=True)), name, module).text()


@dataclass(eq=False)
class _Array:
    """A variable of the text.

    places  the numbers in its columns, by where they lie in the plan; of a matrix row by row
    lanes   whether it has a row for each lane
    wish    the name that it gets if nothing else has it
    shape   of a matrix, else ()
    of      what it is the gradient of
    view    the parameters that it is the gradient of
    reader  of a view of parameters: the affine map that it is part of
    """

    places: Sequence[int]
    lanes: bool
    wish: str = ""
    shape: tuple[int, ...] = ()
    of: _Array | None = None
    view: _Array | None = None
    reader: _Array | None = None
    number: int = 0
    name: str = ""


@dataclass
class _Statement:
    """target = text; in the text arrays stand as their numbers between NULs, until all are named

    reads  for each operand the array that it is; None if it is a part of one, or of several
    """

    target: _Array
    text: str
    op: object
    note: str
    reads: list[_Array | None]


class _Writer:
    def __init__(self, flat: Flat, name: str, module: str) -> None:
        self.flat = flat
        self.program = program = flat.program
        self.name = name
        self.module = module
        self.arrays: list[_Array] = []
        self.home: dict[int, tuple[_Array, int]] = {}
        # Parameters that have a name of their own, by their places and their shape.
        self.views: dict[tuple[tuple[int, ...], tuple[int, ...]], _Array] = {}
        self.head: list[tuple[_Array, str]] = []
        self.sources: dict[_Array, _Array | None] = {}  # of a view: what it is multiplied with
        self.functions: dict[tuple[object, ...], str] = {}
        self.texts: list[str] = []
        self.taken = {*RESERVED, name}
        self.products = 0
        self.parameters = _Array(range(len(program.parameters)), False, "parameters")
        self._enter(self.parameters)
        self._inputs()

    def _enter(self, array: _Array) -> _Array:
        self._number(array)
        for column, place in enumerate(array.places):
            self.home[place] = array, column
        return array

    def _number(self, array: _Array) -> None:
        array.number = len(self.arrays)
        self.arrays.append(array)

    def _array(self, place: int) -> _Array | None:
        """The array in which a number lies; None for a constant."""
        return self.home[place][0] if place in self.home else None

    def _whole(self, places: Sequence[int]) -> _Array | None:
        """The array that has just these numbers, in this order; None if there is none."""
        array = self._array(places[0])
        return array if array is not None and [*places] == [*array.places] else None

    def _token(self, array: _Array) -> str:
        return f"\0{array.number}\0"

    def _inputs(self) -> None:
        """An array for each argument: x of x[0], x[1]."""
        start = 0
        for base, names in groupby(self.program.inputs, lambda name: name.partition("[")[0]):
            stop = start + len(list(names))
            places = range(self.flat.at(True, start), self.flat.at(True, stop))
            array = self._enter(_Array(places, True, _plain(base) or "x"))
            self.head.append((array, f"inputs[:, {start}:{stop}]"))
            start = stop

    # ------------------------------------------------------------------ the text

    def text(self) -> str:
        program = self.program
        statements = [self._block(block) for block in self.flat.blocks]
        forward = self.flat.forward
        parts = [statements[:forward], statements[forward:]]
        values = self._gather(self.flat.outputs, True, spread=True)
        answer = self._gradients()
        every = [statement for part in parts for statement in part]
        self._name_gradients(*parts)
        self._inline(every, values + answer)
        names = self._names()

        def named(text: str) -> str:
            return re.sub("\0(\\d+)\0", lambda token: names[int(token[1])], text)

        body = [named(f"{array.name} = {text}") for array, text in self.head]
        if any("lanes" in s.text for s in every) or "lanes" in values + answer:
            body.insert(0, "lanes = len(inputs)")
        for title, part in zip(("forward", "backward"), parts, strict=True):
            lines = [
                named(f"{s.target.name} = {s.text}") + f"  # {s.note}" * bool(s.note)
                for s in part if s.text
            ]  # fmt: skip
            if lines:
                body += ["", f"# {title}", *lines]
            if title == "forward":
                body.append(named(f"values = {values}"))
        body += ["", *_folded(f"gradients = {named(answer)}"), "return values, gradients"]
        rows = "one for each parameter, summed over the lanes"
        rows = "(lanes, inputs)" if program.of_inputs else rows
        head = _HEAD.format(
            name=self.name, inputs=len(program.inputs), parameters=len(program.parameters),
            outputs=len(program.outputs), gradients=rows, module=self.module,
            note=_NOTES.get(self.module, ""), quiet=_QUIET * (self.module == "numpy"),
        )  # fmt: skip
        body = [f"    {line}" if line else "" for line in body]
        before, signature = head.split("@@")
        return "\n".join([before, *self.texts, signature.strip("\n"), *body, ""])

    # ------------------------------------------------------------------ statements

    def _block(self, block: Block) -> _Statement:
        """A block as one statement, which gives its results a name."""
        op, flat = block.op, self.flat
        results = flat.results(block)
        operands = flat.operands(block)
        note = _note([flat.labels[at] for at in results if at in flat.labels])
        if op is AFFINE:
            return self._affine(block, note, *operands)
        if op is OUTER:
            return self._outer(block, *operands)
        if op is DOT and len(operands[0]) > PAIRS * block.size:
            columns = operands
            text = self._dot(operands[0], operands[1], block.lanes)
        else:
            columns = _pairs(block, operands) if op is DOT else operands
            text = self._expression(block, columns)
        reads = [self._whole(column) for column in columns]
        target = self._enter(_Array(results, block.lanes))
        variable = [column for column in columns if column[0] in self.home]
        if isinstance(op, Op) and op.slope is None and len(variable) == 1:
            z = self._whole(variable[0])
            if z is not None and re.fullmatch("z\\d+", z.wish):
                target.wish = "h" + z.wish[1:]
        return _Statement(target, text, op, note, reads)

    def _expression(self, block: Block, columns: list[tuple[int, ...]]) -> str:
        """A gate, or a sum, of operands that are columns of arrays."""
        op = block.op
        numbers = [self._gather(column, block.of_lanes, broadcast=True) for column in columns]
        if all(column[0] not in self.home for column in columns):
            numbers = [f"np.array([{', '.join(map(self._literal, c))}])" for c in columns]
        if op is DOT:
            return " + ".join(map(_times, numbers[::2], numbers[1::2]))
        if op is LANE_SUM and not block.of_lanes:
            return f"lanes * {numbers[0]} * {numbers[1]}"
        if op is LANE_SUM:
            term = _times(*numbers)
            term = term if re.fullmatch("\0\\d+\0", term) else f"({term})"
            return f"{term}.sum(axis=0)"
        assert isinstance(op, Op)
        return self._gate(op, block, columns, numbers)

    def _literal(self, place: int) -> str:
        return NUMPY.literal(self._constant(place))

    def _constant(self, place: int) -> float:
        number = self.flat.constant(place)
        assert number is not None
        return number

    def _dot(self, left: tuple[int, ...], right: tuple[int, ...], lanes: bool) -> str:
        """a0 b0 + a1 b1 + ... of one result: pairs of the same two arrays are a sum."""
        pairs = list(zip(left, right, strict=True))
        runs: dict[tuple[object, ...], list[tuple[int, int]]] = {}
        for a, b in pairs:
            runs.setdefault((self._array(a), self._array(b)), []).append((a, b))
        terms = []
        for run in runs.values():
            left, right = zip(*run, strict=True)
            if left[0] not in self.home and right[0] not in self.home:
                products = [self._constant(a) * self._constant(b) for a, b in run]
                terms.append(NUMPY.literal(sum(products)))
                continue
            term = _times(self._gather(left, lanes), self._gather(right, lanes))
            if len(run) > 1:
                bare = re.fullmatch("\0\\d+\0", term)
                term = f"{term if bare else f'({term})'}.sum(axis=-1, keepdims=True)"
            terms.append(term)
        return " + ".join(terms)

    def _affine(
        self, block: Block, note: str,
        biases: tuple[int, ...], numbers: tuple[int, ...], grid: tuple[int, ...],
    ) -> _Statement:  # fmt: skip
        n, m = block.shape
        turned = tuple([grid[i * m + k] for k in range(m) for i in range(n)])
        target = _Array(self.flat.results(block), True)
        x = self._gather(numbers, True)
        source = self._whole(numbers)
        view = self.views.get((grid, (n, m)))
        turned_view = self.views.get((turned, (m, n)))
        if view is not None:
            self.sources[view] = None  # not the only one that is multiplied with it
        elif turned_view is None and self._are_parameters(grid):
            k = self.products
            self.products += 1
            view = self._view(grid, (n, m), f"W{k}")
            view.reader = target
            target.wish = f"z{k}"
            self.sources[view] = source
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
        if any(self.flat.constant(b) != 0.0 for b in biases):
            text += f" + {self._gather(biases, False)}"
        self._enter(target)
        return _Statement(target, text, AFFINE, note, [source])

    def _outer(self, block: Block, left: tuple[int, ...], right: tuple[int, ...]) -> _Statement:
        a, b = self._gather(left, True, spread=True), self._gather(right, True, spread=True)
        reads = [self._whole(left), self._whole(right)]
        target = self._enter(_Array(self.flat.results(block), False, shape=block.shape))
        return _Statement(target, f"{a}.T @ {b}", OUTER, "", reads)

    def _are_parameters(self, places: Sequence[int]) -> bool:
        return max(places) < len(self.program.parameters)

    def _view(self, places: tuple[int, ...], shape: tuple[int, ...], wish: str) -> _Array:
        """A name for parameters, as a matrix or vector."""
        array = _Array(places, False, wish, shape if len(shape) == 2 else ())
        self._number(array)
        self.views[places, array.shape] = array
        self.head.append((array, _part("parameters", places, shape, len(self.program.parameters))))
        return array

    # ------------------------------------------------------------------ reading and giving

    def _gather(
        self, places: Sequence[int], lanes: bool, broadcast: bool = False, spread: bool = False
    ) -> str:
        """These numbers as one array, (lanes, n) or (n,); `broadcast`: or what spreads to it;
        `spread`: made (lanes, n) even if they are shared."""
        places = tuple(places)
        if (places, ()) in self.views and not spread:
            return self._token(self.views[places, ()])
        runs = self._runs(places)
        mixed = spread or len(runs) > 1
        texts = []
        for array, run in runs:
            if array is None:
                literals = [*map(self._literal, run)]
                same = len({*literals}) == 1
                if not mixed and same:
                    return literals[0]
                text = f"np.array([{', '.join(literals)}])"
                if same and len(run) > 1:
                    text = f"np.full({len(run)}, {literals[0]})"
                of_lanes = False
            else:
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
        if columns == list(range(len(array.places))):
            return name
        if broadcast and len(set(columns)) == 1:
            columns = columns[:1]
            if len(array.places) == 1:
                return name
        part = _slice(columns)
        return f"{name}[{':, ' * (array.lanes and part[0] != '.')}{part}]"

    def _gradients(self) -> str:
        """The gradients as one array, in the order of `wrt`."""
        program, results = self.program, self.flat.gradients
        if not results:
            return "np.zeros(0)"
        if program.of_inputs:
            return self._gather(results, True, spread=True)
        columns_of: dict[_Array, list[tuple[int, int]]] = {}
        for place, register in zip(results, program.wrt, strict=True):
            if place in self.home:
                array, column = self.home[place]
                columns_of.setdefault(array, []).append((column, register - len(program.inputs)))
        for array, pairs in columns_of.items():
            columns, wrt = zip(*sorted(pairs), strict=True)
            self._wish_gradient(array, [*columns], [*wrt])
        parts = []
        for run, times in _rounds(self._runs(results)):
            if times == 1:
                parts.append(self._gather(run[0], False, spread=True))
            else:  # as w0 b0 w1 b1 ...: columns of a matrix
                sides = [self._matrix(places, len(places) // times) for places in run]
                parts.append(f"np.concatenate([{', '.join(sides)}], axis=1).ravel()")
        if len(parts) == 1:
            return parts[0]
        return "\n".join(["np.concatenate([", *[f"    {part}," for part in parts], "])"])

    def _runs(self, places: Sequence[int]) -> list[tuple[_Array | None, list[int]]]:
        """The places, cut where the array changes that they lie in; constants lie in none."""
        runs: list[tuple[_Array | None, list[int]]] = []
        for place in places:
            array = self._array(place)
            if not runs or runs[-1][0] is not array:
                runs.append((array, []))
            runs[-1][1].append(place)
        return runs

    def _matrix(self, places: list[int], width: int) -> str:
        """These shared numbers as a matrix of `width` columns."""
        array = self._whole(places)
        if array is not None and array.shape[1:] == (width,):
            return self._token(array)
        return f"{self._gather(places, False, spread=True)}.reshape(-1, {width})"

    def _wish_gradient(self, array: _Array, columns: list[int], wrt: list[int]) -> None:
        view = self.views.get((tuple(wrt), array.shape))
        if view is not None and columns == list(range(len(array.places))):
            array.wish = array.wish or "d" + view.wish
            array.view = view

    # ------------------------------------------------------------------ names

    def _name_gradients(self, forward: list[_Statement], backward: list[_Statement]) -> None:
        """Say of arrays what they are the gradient of, where that can be seen."""
        uses = _uses(forward)
        made = {s.target for s in backward}
        slopes = {s.target: s.reads[0] for s in backward if _is_slope(s.op)}
        for s in forward:  # x @ W.T @ W is no gradient
            s.target.of = None
        for s in backward:
            of, view, up = s.target.of, s.target.view, s.reads[0]
            if of is not None and uses[str(of.number)] > 1:  # a part: others read it as well
                s.target.of = None
            # dW0 = dz0.T @ x, db0 = dz0.sum()
            if s.op in (OUTER, LANE_SUM) and view is not None and up in made:
                up.of = view.reader
        for s in backward:  # dz0 = dh0 * slope
            if str(s.op) == "mul":
                up, slope = s.reads
                if up in made and up.of is None and slope in slopes:
                    up.of = slopes[slope]

    def _inline(self, statements: list[_Statement], rest: str) -> None:
        """Put a slope where it is read, if that is one place; else before its first reader."""
        uses = _uses(statements, rest)
        once = {}
        for s in statements:
            number = str(s.target.number)
            if _is_slope(s.op) and uses[number] == 1 and f"\0{number}\0" not in rest:
                once[number] = s
        for s in statements:
            for number in re.findall("\0(\\d+)\0", s.text):
                slope = once.get(number)
                if slope is not None and not re.search(f"\0{number}\0[.\\[]", s.text):
                    call = re.fullmatch(r"\w+\([^()]*\)|\0\d+\0", slope.text)
                    text = slope.text if call else f"({slope.text})"
                    s.text = s.text.replace(f"\0{number}\0", text)
                    slope.text = ""

    def _take(self, wish: str) -> str:
        """The name, or, if another thing has it, one like it."""
        name, k = wish, 0
        while name in self.taken:
            name, k = f"{wish}_{k}", k + 1
        self.taken.add(name)
        return name

    def _names(self) -> list[str]:
        self.parameters.name = "parameters"
        take = self._take
        for array in self.arrays:
            if not array.name and array.of is None and array.wish:
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

    def _gate(
        self, op: Op, block: Block, columns: list[tuple[int, ...]], operands: list[str]
    ) -> str:
        gate = op.gate
        first = len(columns) - len(gate.parameters)
        known = {}
        for parameter, column in zip(gate.parameters, columns[first:], strict=True):
            number = self.flat.constant(column[0])
            if number is not None and column.count(column[0]) == len(column):
                known[parameter] = number
        program = rule(op, known)
        names = arguments(op, RESERVED)
        places = arguments_read(program)
        if not places:
            shape = f"(lanes, {block.size})" if block.lanes else f"{block.size}"
            return f"np.full({shape}, {NUMPY.answer(program, names)})"
        text = NUMPY.inline(program, operands)
        if text is not None:
            return text
        key = (op, *(x.hex() for x in known.values()))
        if key not in self.functions:
            base = gate.name
            if op.slope is not None:
                base += "_slope" + f"_{gate.operands[op.slope]}" * (len(gate.operands) > 1)
            self.functions[key] = called = self._take(_plain(base) or "gate")
            body = [*NUMPY.lines(program, names), f"return {NUMPY.answer(program, names)}"]
            if op.slope is not None:
                formula = re.sub("<(.*?)>", r"\1", gate.slopes[op.slope])
                body.insert(0, f"# in a textbook: {_note([formula])}")
            start = f"def {called}({', '.join(names[i] for i in places)}):"
            self.texts.append("\n".join([start, *[f"    {x}" for x in body], "", ""]))
        return f"{self.functions[key]}({', '.join(operands[i] for i in places)})"


def _uses(statements: list[_Statement], rest: str = "") -> Counter[str]:
    """How often each array is read, by its number."""
    return Counter(re.findall("\0(\\d+)\0", rest + "".join(s.text for s in statements)))


def _is_slope(op: object) -> bool:
    return isinstance(op, Op) and op.slope is not None


def _pairs(block: Block, operands: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The columns a0, b0, a1, b1, ... of a block of dots of equally many pairs."""
    left, right = operands
    count = block.counts[0]
    return [source[k::count] for k in range(count) for source in (left, right)]


def _times(a: str, b: str) -> str:
    return a if b == "1.0" else f"{a} * {b}"


def _slice(places: Sequence[int]) -> str:
    """These places within brackets, of the last axis: a slice, or a list."""
    first, last, step = places[0], places[-1], step_of(places)
    if step is not None and step > 0:
        return f"{first}:{last + 1}" + f":{step}" * (step > 1)
    return f"..., [{', '.join(map(str, places))}]"


def _folded(text: str) -> list[str]:
    """A statement with a line for each part, in one line if that is short."""
    first, *parts = text.split("\n")
    if not parts:
        return [first]
    line = first + " ".join(part.strip() for part in parts[:-1]).removesuffix(",") + parts[-1]
    return [line] if len(line) <= 90 else [first, *parts]


def _rounds(
    runs: Sequence[tuple[_Array | None, list[int]]],
) -> Iterator[tuple[list[list[int]], int]]:
    """Runs that come in turn, as w0 b0 w1 b1 w2 b2, joined to w0 w1 w2 and b0 b1 b2, and how many
    rounds it were: 3. Another comes alone, with 1."""
    kinds = [(array, len(places)) for array, places in runs]
    first = 0
    while first < len(runs):
        ahead = range(first + 2, len(runs))  # neighbours lie in different arrays
        period = next((i for i in ahead if kinds[i] == kinds[first]), len(runs)) - first
        stop = first + period
        while kinds[stop : stop + period] == kinds[first : first + period]:
            stop += period
        times = (stop - first) // period
        if times == 1:
            stop = first + 1
            yield [runs[first][1]], 1
        else:
            sides = [runs[k:stop:period] for k in range(first, first + period)]
            yield [[place for _, places in side for place in places] for side in sides], times
        first = stop


def _part(base: str, places: Sequence[int], shape: Sequence[int], total: int) -> str:
    """These places of a vector as an array of this shape."""
    if len(shape) == 1:
        return f"{base}[{_slice(places)}]"
    n, m = shape
    matrix = matrix_of(places, n, m)
    if matrix is not None and matrix.by_column == 1 and matrix.by_row >= m:
        first, down = matrix.first, matrix.by_row
        before = 0 if first + n * down <= total else down - m
        start = first - before
        if start >= 0:
            whole = f"{base}[{start}:{start + n * down}].reshape({n}, {down})"
            return whole + f"[:, {before}:{before + m}]" * (down > m)
    rows = ", ".join(f"[{', '.join(map(str, places[i : i + m]))}]" for i in range(0, n * m, m))
    return f"{base}[..., [{rows}]]"


def _plain(name: str) -> str:
    """The name in letters that Python takes, "" if that is no name."""
    name = re.sub("[^A-Za-z0-9_]+", "_", name).strip("_")
    return name if name.isidentifier() else ""


def _note(labels: list[str]) -> str:
    """Labels of a block as a comment of one line."""
    shown = [labels[0], "...", labels[-1]] if len(labels) > 3 else labels
    return "".join(c if c.isprintable() else "?" for c in ", ".join(shown))


_HEAD = '''\
"""Values and gradients of a program, written by autograd_core from the rules of its gates."""

import {module} as np{note}

@@
{quiet}def {name}(inputs, parameters):
    """inputs (lanes, {inputs}), parameters ({parameters},) -> values (lanes, {outputs}), gradients.

    The gradients are of the first value: {gradients}.
    """
'''
_QUIET = """\
@np.errstate(all="ignore")  # where a gate fails, numbers are inf or nan, as IEEE 754 has them
"""
_NOTES = {"jax.numpy": '  # in float64 after jax.config.update("jax_enable_x64", True)'}
