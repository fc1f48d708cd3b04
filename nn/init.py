"""Choose how a network starts: fill a list of Values, or a list of rows, in place.

    init.kaiming_normal_(linear.weight, nonlinearity="relu", rng=rng)   # variance 2 / fan in
    init.kaiming_normal_(linear.weight, mode="average", rng=rng)        # 4 / (fan in + fan out)
    init.zeros_(linear.bias)

Names, defaults and gains are those of `torch.nn.init`. A weight is a list of rows, one per output,
so its fan in is the length of a row and its fan out the number of rows. Every function returns what
it was given. It raises TypeError for anything that is not made of Values, and ValueError for rows
of several lengths; nothing has changed then.

`rng` is an int seed, a `random.Random`, or None for Python's global generator. To fill several
layers, give all of them the same `random.Random`: the same int draws the same numbers again.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from autograd_core import Value

from .elsewhere import missing
from .module import choice, expect, flat, shape, shape_text

__all__ = [
    "calculate_gain", "constant_", "kaiming_normal_", "kaiming_uniform_", "normal_", "orthogonal_",
    "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        raise missing("nn.init", name, sys.modules[__name__])


Rng: TypeAlias = "int | random.Random | None"
W = TypeVar("W", bound="list[Any] | tuple[Any, ...]")

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}


def generator(rng: Any) -> Any:
    """The source of random numbers that `rng` names: the global one for None."""
    if rng is None or rng is random:
        return random
    if isinstance(rng, random.Random):
        return rng
    expect(rng, Integral, "rng must be an int seed, a random.Random or None, got")
    return random.Random(int(rng))  # of NumPy's integers too


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on the standard deviation of weights for which `nonlinearity` keeps the variance.

    1 for linear and sigmoid, 5/3 for tanh, sqrt(2) for relu, 3/4 for selu, and for leaky_relu
    sqrt(2 / (1 + slope^2)), whose slope is `param` (0.01 if None). ValueError for any other name.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1.0 + slope * slope))
    choice(nonlinearity, "nonlinearity", ["leaky_relu", *_GAINS])
    return _GAINS[nonlinearity]


def zeros_(weights: W) -> W:
    """Set every Value to 0, as is usual for biases."""
    return constant_(weights, 0.0)


def constant_(weights: W, val: float) -> W:
    """Set every Value to `val`. Units that start equal get equal gradients, and so stay equal."""
    return _fill(weights, lambda: val)


def uniform_(weights: W, a: float = 0.0, b: float = 1.0, *, rng: Rng = None) -> W:
    """Draw uniformly between a and b."""
    if not a <= b:
        raise ValueError(f"uniform_: a must not be above b, got a={a} and b={b}")
    source = generator(rng)
    return _fill(weights, lambda: source.uniform(a, b))


def normal_(weights: W, mean: float = 0.0, std: float = 1.0, *, rng: Rng = None) -> W:
    """Draw from the normal distribution with this mean and standard deviation."""
    if not std >= 0.0:
        raise ValueError(f"normal_: std must be at least 0, got {std}")
    source = generator(rng)
    return _fill(weights, lambda: source.gauss(mean, std))


def xavier_uniform_(weights: W, gain: float = 1.0, *, rng: Rng = None) -> W:
    """Draw uniformly, with variance gain^2 * 2 / (fan in + fan out) (Glorot and Bengio, 2010)."""
    bound = math.sqrt(3.0) * _xavier(weights, gain)
    return uniform_(weights, -bound, bound, rng=rng)


def xavier_normal_(weights: W, gain: float = 1.0, *, rng: Rng = None) -> W:
    """Draw normally, with variance gain^2 * 2 / (fan in + fan out) (Glorot and Bengio, 2010)."""
    return normal_(weights, 0.0, _xavier(weights, gain), rng=rng)


def kaiming_uniform_(
    weights: W, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *,
    rng: Rng = None,
) -> W:  # fmt: skip
    """Draw uniformly, with the variance of `kaiming_normal_`."""
    bound = math.sqrt(3.0) * _kaiming(weights, a, mode, nonlinearity)
    return uniform_(weights, -bound, bound, rng=rng)


def kaiming_normal_(
    weights: W, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *,
    rng: Rng = None,
) -> W:  # fmt: skip
    """Draw normally, with variance gain^2 / fan.

    He et al., 2015; Prince, Understanding Deep Learning, 7.5.

    mode "fan_in" keeps the variance of activations, "fan_out" that of gradients. "average", which
    PyTorch does not have, takes the mean of both fans: the variance is 4 / (D + D') for ReLU
    between layers of D and D' units. `a` is the slope of leaky_relu; 0 makes it ReLU.
    """
    return normal_(weights, 0.0, _kaiming(weights, a, mode, nonlinearity), rng=rng)


def orthogonal_(weights: W, gain: float = 1.0, *, rng: Rng = None) -> W:
    """Make the rows, or the columns if there are fewer, orthogonal and of length `gain`.

    The matrix is uniform among all such matrices (Saxe et al., 2014): normal vectors are made
    orthogonal by modified Gram-Schmidt, done twice because once loses digits where vectors are
    nearly parallel.
    """
    fan_in, fan_out = _fans(weights)
    source = generator(rng)
    basis: list[list[float]] = []
    while len(basis) < min(fan_in, fan_out):
        vector = [source.gauss(0.0, 1.0) for _ in range(max(fan_in, fan_out))]
        for other in basis * 2:
            along = math.fsum(x * y for x, y in zip(vector, other, strict=True))
            vector = [x - along * y for x, y in zip(vector, other, strict=True)]
        length = math.hypot(*vector)
        if length > 1e-6:  # else, up to rounding, it lay in the span of the others: draw again
            basis.append([x / length for x in vector])
    rows = basis if fan_out <= fan_in else zip(*basis, strict=True)
    numbers = (gain * x for row in rows for x in row)
    return _fill(weights, lambda: next(numbers))


def _xavier(weights: Any, gain: float) -> float:
    return gain * math.sqrt(2.0 / sum(_fans(weights)))


def _kaiming(weights: Any, a: float, mode: str, nonlinearity: str) -> float:
    fan_in, fan_out = _fans(weights)
    fans = {"fan_in": fan_in, "fan_out": fan_out, "average": (fan_in + fan_out) / 2.0}
    choice(mode, "mode", fans)
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[mode])


def _fans(weights: Any) -> tuple[int, int]:
    """(fan in, fan out) of a list of rows."""
    lengths = shape(weights)
    if lengths is None or len(lengths) != 2 or 0 in lengths:
        raise ValueError(
            "fan in and fan out are those of a list of rows of equal length, such as linear.weight;"
            f" this has {shape_text(weights)}"
        )
    return lengths[1], lengths[0]


def _fill(weights: W, draw: Callable[[], float]) -> W:
    """Set every Value to draw(), row by row."""
    parameters = flat(weights)
    for value in parameters:
        expect(
            value, Value, "init fills lists, or lists of rows, of Values, such as linear.weight; "
            "this holds",
        )  # fmt: skip
    if shape(weights) is None:
        raise ValueError("init fills a list of rows of equal length; these rows differ in length")
    numbers = [Value(draw()).data for _ in parameters]  # all drawn before the first is written
    for value, number in zip(parameters, numbers, strict=True):
        value.data = number
    return weights
