"""Is a program what its function is? A few examples are run by the eager engine as well.

    require_agreement(fn, run, fails, rows, names, shapes, wrt)     # TraceError if they part

A trace sees what Values are asked. What it cannot see is fixed in the program without a word: a
branch on `is`, `isinstance` or `match`, a generator of the user's own, a counter, the clock. So the
program is not believed but checked, at the numbers that are given.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter

from ..draws import replaying
from ..errors import TraceError, short
from ..graph import gradients, topological
from ..modes import recording, unchanging
from ..value import Value, as_value
from .trace import is_several, shaped

__all__ = ["require_agreement"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    # (the values and the gradient of one example), at changed numbers of the parameters if given
    Run: TypeAlias = Callable[[list[float], list[float] | None], tuple[list[float], list[float]]]
    Fails: TypeAlias = Callable[[list[float]], bool]  # whether a gate of the program fails there

TOLERANCE = 1e-9  # of the largest term: a program adds in another order
SECONDS = 0.01  # no further example is begun after these
NUDGES = 3

PARTED = (
    "{fn} computes something else than its program: for the example {example} {difference}. What "
    "the function did when it was traced, it does not always do. Usual causes: a branch on "
    "something that is not a Value (isinstance, is, match, a look-up, a counter, the clock), what "
    "is done with an int or an array and not with the Values of a program, random numbers "
    "from a generator of your own, a mode that is not a Module's. Pass such things as arguments, "
    "or step through Values (eager=True in nn.fit); verify=0 leaves this check out"
)


class _Parted(Exception):
    """What differs, in words."""

    @classmethod
    def by(cls, what: str, eager: float, program: float) -> _Parted:
        return cls(f"{what} is {eager!r} in the engine and {program!r} in the program")


def require_agreement(
    fn: Callable[..., Any], run: Run, fails: Fails, rows: Iterable[list[float]],
    names: Sequence[str], shapes: Sequence[tuple[int, ...]], wrt: Sequence[Value],
) -> None:  # fmt: skip
    """TraceError, with the example and both answers, if `run` differs from `fn` on one of `rows`.

    rows    the numbers of each example, one after another, and then those that fn draws for it
    wrt     the parameters whose gradient `run` returns; none: that of the example's own numbers

    Near a kink, where rounding decides which branch is taken, it looks again at numbers nearby
    before it raises, if the function gives the same answer twice. Generators, gradients and
    parameters are as before afterwards. Where the function raises ArithmeticError or ValueError, a
    gate of the program must fail too: the executor's call then names gate and lane.
    """
    begin = perf_counter()
    states = _generators()
    try:
        for row in rows:
            given = fn, run, fails, row, shapes, wrt
            difference = _difference(*given)
            if difference and (_difference(*given) != difference or not _agree_nearby(*given)):
                name = getattr(fn, "__name__", type(fn).__name__)
                example = short(dict(zip(names, _split(row, shapes), strict=True)))
                raise TraceError(PARTED.format(fn=name, example=example, difference=difference))
            if perf_counter() - begin > SECONDS:
                break
    finally:
        for restore, state in states:
            restore(state)


def _compare(
    fn: Callable[..., Any], run: Run, fails: Fails, row: list[float],
    shapes: Sequence[tuple[int, ...]], wrt: Sequence[Value], numbers: list[float] | None,
) -> bool:  # fmt: skip
    """Raise _Parted where the two differ by more than rounding; False if both fail."""
    leaves = [Value(x) for x in row]
    arguments = _split(leaves, shapes)
    given = sum(map(math.prod, shapes))
    rest = iter(leaves[given:])
    try:
        with recording(), unchanging(), replaying(rest):
            answer = fn(*arguments)
    except (ArithmeticError, ValueError) as error:
        if fails(row):
            return False
        answers = run(row, numbers)[0]
        raise _Parted(
            f"the engine raises {type(error).__name__}, {error}, and the program computes "
            f"{answers[0] if len(answers) == 1 else short(answers)}"
        ) from None
    if next(rest, None) is not None:
        raise _Parted("it draws fewer numbers than when it was traced")
    several = is_several(answer)
    outputs = [
        as_value(y, "what a traced function returns") for y in (answer if several else [answer])
    ]
    values, slopes = run(row, numbers)
    if len(values) != len(outputs):
        raise _Parted.by("the number of outputs", len(outputs), len(values))
    lone = not several and math.isfinite(values[0])
    total = gradients(outputs[0]) if lone else dict.fromkeys(topological(*outputs), 0.0)
    size = _largest(v._number for v in total)
    for i, (output, value) in enumerate(zip(outputs, values, strict=True)):
        if not _near(output._number, value, size):
            raise _Parted.by(f"output {i}" if several else "the value", output._number, value)
    if not lone or not slopes:
        return True
    largest = [0.0]

    def watch(gate: Value, i: int, upstream: float, before: float, after: float) -> None:
        term = abs(after - before)
        if largest[0] < term < math.inf:
            largest[0] = term

    eager = [total.get(v, 0.0) for v in wrt or leaves[:given]]
    size = _largest(total.values())
    for i, (slope, program) in enumerate(zip(eager, slopes, strict=True)):
        if not _near(slope, program, size):
            gradients(outputs[0], watch=watch)  # terms may be larger than their sums
            if not _near(slope, program, largest[0]):
                name = (wrt[i].label if wrt else "") or f"number {i}"
                raise _Parted.by(f"the gradient of {name}", slope, program)
    return True


def _difference(
    fn: Callable[..., Any], run: Run, fails: Fails, row: list[float],
    shapes: Sequence[tuple[int, ...]], wrt: Sequence[Value],
) -> str:  # fmt: skip
    """What differs, in words: "" if nothing does."""
    try:
        _compare(fn, run, fails, row, shapes, wrt, None)
    except _Parted as difference:
        return str(difference)
    return ""


def _agree_nearby(
    fn: Callable[..., Any], run: Run, fails: Fails, row: list[float],
    shapes: Sequence[tuple[int, ...]], wrt: Sequence[Value],
) -> bool:  # fmt: skip
    """Whether the two agree at all numbers a little aside: then a kink or a tie was met.

    Whole numbers of the example, which may be labels, stay if anything else moves.
    """
    met = False
    source = random.Random(0)
    some_move = bool(wrt) or not all(x.is_integer() for x in row)

    def nudged(x: float) -> float:
        return x + 1e-6 * max(1.0, abs(x)) * source.uniform(0.5, 1.0) * source.choice((-1, 1))

    before = [v._number for v in wrt]
    for _ in range(NUDGES):
        numbers = list(map(nudged, before))
        try:
            for value, x in zip(wrt, numbers, strict=True):
                value._number = x
            moved = [x if some_move and x.is_integer() else nudged(x) for x in row]
            met |= _compare(fn, run, fails, moved, shapes, wrt, numbers)
        except _Parted:
            return False
        finally:
            for value, x in zip(wrt, before, strict=True):
                value._number = x
    return met


def _largest(numbers: Iterable[float]) -> float:
    """The largest size of those that are finite."""
    sizes = [x if x > 0.0 else -x for x in numbers if x - x == 0.0]
    return max(sizes, default=1.0)


def _near(a: float, b: float, size: float) -> bool:
    return a == b or (a != a and b != b) or abs(a - b) <= TOLERANCE * size


def _split(row: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """One argument after another, in its shape."""
    arguments, k = [], 0
    for shape in shapes:
        size = math.prod(shape)
        arguments.append(shaped(row[k : k + size], shape))
        k += size
    return arguments


def _generators() -> list[tuple[Callable[[Any], object], Any]]:
    """What puts Python's own generator and NumPy's back, and their states now."""
    states: list[tuple[Callable[[Any], object], Any]] = [(random.setstate, random.getstate())]
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        states.append((numpy.set_state, numpy.get_state()))
    return states
