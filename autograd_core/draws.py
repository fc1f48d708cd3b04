"""Random numbers for a function that may be traced: its program gets new ones for every example.

    source = random.Random(0)
    noise = drawn(lambda n: [source.gauss(0.0, 1.0) for _ in range(n)], 3)      # three leaf Values

A trace would keep what a function draws by itself, so it is refused there. What `drawn` gives is an
input of the program instead, which every call of a compiled graph fills anew; `nn.Dropout` has its
masks from here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice

from . import modes
from .errors import TraceError
from .value import Value

__all__ = ["Draw", "drawn", "replaying"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .scalars import Number


class Draw:
    """What a trace notes of one call of `drawn`, by `modes.used`: whom to ask for numbers."""

    def __init__(self, draw: Callable[[int], Sequence[Number]]) -> None:
        self.draw = draw


class replaying(modes.Context):
    """`with replaying(values):` this thread's `drawn` gives these Values, and draws nothing."""

    _name = "drawn"

    def __init__(self, values: Iterator[Value]) -> None:
        super().__init__()
        self._value = values


def drawn(draw: Callable[[int], Sequence[Number]], count: int) -> list[Value]:
    """The next `count` numbers of a random source, as leaf Values.

    draw(n) returns the next n numbers, as a list or an array: in a compiled graph those of many
    examples at once, one example after another. Label the Values to see them in pictures.

    ValueError if it returns more or fewer; TypeError if it is not a function.
    """
    if not callable(draw):
        raise TypeError(
            f"drawn: draw must be a function of a count, got {type(draw).__name__}: "
            "drawn(lambda n: [random.gauss(0, 1) for _ in range(n)], 3)"
        )
    known = modes.mine.drawn
    if known is not None:
        values = list(islice(known, count))
        if len(values) < count:
            raise TraceError("the function draws more numbers than when it was traced")
        return values
    if not modes.is_tracing():
        return [Value(x) for x in checked(draw(count), count)]
    values = [Value(math.nan) for _ in range(count)]
    modes.used(Draw(draw), values)
    return values


def checked(numbers: Sequence[Number], count: int) -> Sequence[Number]:
    """What a draw returned; ValueError if it is not as many as were asked for."""
    if len(numbers) != count:
        raise ValueError(
            f"drawn: draw({count}) must return {count} numbers, it returned {len(numbers)}"
        )
    return numbers
