"""Choose how a network starts: fill a list of Values, or a list of rows, in place.

    init.kaiming_normal_(linear.weight, nonlinearity="relu", rng=rng)   # variance 2 / fan in
    init.kaiming_normal_(linear.weight, mode="average", rng=rng)        # 4 / (fan in + fan out)
    init.zeros_(linear.bias)

Names, defaults and gains are those of `torch.nn.init`. A weight is a list of rows, one row for each
output, so its fan in is the length of a row and its fan out the number of rows. Each function
returns what it was given. `rng` is an int seed, a `random.Random` or None, Python's global
generator; to fill several layers, give all of them one `random.Random`, since the same int draws
the same numbers again.

Every function raises TypeError for what is not made of Values, ValueError for rows of several
lengths, and has then changed nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from autograd_core import Value

from .module import flat, shape
from .rng import Rng, generator

__all__ = [
    "calculate_gain", "constant_", "kaiming_normal_", "kaiming_uniform_", "normal_", "orthogonal_",
    "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

W = TypeVar("W", bound="list[Any] | tuple[Any, ...]")

_GAINS = {
    "linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights must grow so that `nonlinearity` keeps the variance.

    linear, sigmoid 1; tanh 5/3; relu sqrt(2); leaky_relu sqrt(2 / (1 + slope^2)), its slope in
    `param` (0.01); selu 3/4. ValueError for another name.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1.0 + slope * slope))
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"unknown nonlinearity {nonlinearity!r}: use leaky_relu, {', '.join(_GAINS)}"
        )
    return _GAINS[nonlinearity]


def zeros_(weights: W) -> W:
    """All 0, as biases start."""
    return constant_(weights, 0.0)


def constant_(weights: W, val: float) -> W:
    """All `val`: units that start equal stay equal, since they get equal gradients."""
    return _fill(weights, lambda: val)


def uniform_(weights: W, a: float = 0.0, b: float = 1.0, *, rng: Rng = None) -> W:
    """Uniform between a and b."""
    if not a <= b:
        raise ValueError(f"uniform_: a must not be above b, got a={a} and b={b}")
    source = generator(rng)
    return _fill(weights, lambda: source.uniform(a, b))


def normal_(weights: W, mean: float = 0.0, std: float = 1.0, *, rng: Rng = None) -> W:
    """Normal, with that mean and standard deviation."""
    if not std >= 0.0:
        raise ValueError(f"normal_: std must be 0 or more, got {std}")
    source = generator(rng)
    return _fill(weights, lambda: source.gauss(mean, std))


def xavier_uniform_(weights: W, gain: float = 1.0, *, rng: Rng = None) -> W:
    """Uniform, variance gain^2 * 2 / (fan in + fan out) (Glorot and Bengio, 2010)."""
    bound = math.sqrt(3.0) * _xavier(weights, gain)
    return uniform_(weights, -bound, bound, rng=rng)


def xavier_normal_(weights: W, gain: float = 1.0, *, rng: Rng = None) -> W:
    """Normal, variance gain^2 * 2 / (fan in + fan out) (Glorot and Bengio, 2010)."""
    return normal_(weights, 0.0, _xavier(weights, gain), rng=rng)


def kaiming_uniform_(
    weights: W,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Rng = None,
) -> W:
    """Uniform, with the variance of `kaiming_normal_`."""
    bound = math.sqrt(3.0) * _kaiming(weights, a, mode, nonlinearity)
    return uniform_(weights, -bound, bound, rng=rng)


def kaiming_normal_(
    weights: W,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Rng = None,
) -> W:
    """Normal, variance gain^2 / fan (He et al., 2015; Understanding Deep Learning, 7.5).

    mode "fan_in" keeps the variance of activations, "fan_out" that of gradients; "average", which
    PyTorch lacks, takes the mean of both fans, hence 4 / (D + D') for ReLU between layers of D and
    D' units. `a` is the slope of leaky_relu; 0 makes it ReLU.
    """
    return normal_(weights, 0.0, _kaiming(weights, a, mode, nonlinearity), rng=rng)


def orthogonal_(weights: W, gain: float = 1.0, *, rng: Rng = None) -> W:
    """Rows at right angles, of length `gain`; columns where there are more rows than columns.

    Saxe et al., 2014. Uniform among all such matrices: normal vectors, made orthogonal by
    Gram-Schmidt (in its modified form, twice: once loses digits where vectors are nearly parallel).
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
        if length > 1e-6:  # else it lay in the span of the others, to rounding: draw another
            basis.append([x / length for x in vector])
    rows = basis if fan_out <= fan_in else zip(*basis, strict=True)
    numbers = (gain * x for row in rows for x in row)
    return _fill(weights, lambda: next(numbers))


def _xavier(weights: Any, gain: float) -> float:
    return gain * math.sqrt(2.0 / sum(_fans(weights)))


def _kaiming(weights: Any, a: float, mode: str, nonlinearity: str) -> float:
    fan_in, fan_out = _fans(weights)
    fans = {"fan_in": fan_in, "fan_out": fan_out, "average": (fan_in + fan_out) / 2.0}
    if mode not in fans:
        raise ValueError(f"unknown mode {mode!r}: use fan_in, fan_out or average")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[mode])


def _fans(weights: Any) -> tuple[int, int]:
    """(fan in, fan out) of a list of rows."""
    lengths = shape(weights)
    if lengths is None or len(lengths) != 2 or 0 in lengths:
        raise ValueError(
            "fan in and fan out are those of a list of rows of equal length, such as linear.weight;"
            f" this has {'rows of several lengths' if lengths is None else f'shape {lengths}'}"
        )
    return lengths[1], lengths[0]


def _fill(weights: W, draw: Callable[[], float]) -> W:
    """Put draw() into every Value, row by row, once all are drawn."""
    values = flat(weights)
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(
                "init fills lists, or lists of rows, of Values, such as linear.weight; "
                f"this holds {type(value).__name__}"
            )
    if shape(weights) is None:
        raise ValueError("init fills a list of rows of equal length, these have several")
    numbers = [Value(draw()).data for _ in values]
    for value, number in zip(values, numbers, strict=True):
        value.data = number
    return weights
