"""Make data sets from a seed, and cut your own data into batches.

    points, labels = moons(100, noise=0.1, rng=0)       # circles and xor in the same way
    loader = DataLoader(TensorDataset(points, labels), batch_size=10, shuffle=True, rng=0)
    for x_batch, y_batch in loader: ...                 # lists of up to 10 points and 10 labels

`rng` is an int seed, a `random.Random`, or None for Python's global generator.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from .init import Rng, generator
from .module import expect, whole

__all__ = [
    "DataLoader", "TensorDataset", "circles", "gaussian_points", "make_circles", "make_moons",
    "moons", "xor",
]  # fmt: skip

Point: TypeAlias = "tuple[float, float]"
Labelled: TypeAlias = "tuple[list[Point], list[int]]"

# ---------------------------------------------------------------- batches


class TensorDataset:
    """Sequences of equal length, side by side: `dataset[i]` is the tuple of their items i.

    A sequence is a list, a tuple, or an array, whose items are its rows. TypeError for a thing
    without a length or without items; ValueError if the lengths differ or no sequence is given.
    """

    def __init__(self, *sequences: Any) -> None:
        if not sequences:
            raise ValueError("TensorDataset needs sequences, as in TensorDataset(points, labels)")
        lengths = []
        for i, sequence in enumerate(sequences):
            try:
                lengths.append(len(sequence))
                if lengths[-1]:
                    sequence[0]
            except (TypeError, KeyError):
                raise TypeError(
                    f"TensorDataset: argument {i} must be a list or an array, got "
                    f"{type(sequence).__name__}"
                ) from None
        if len(set(lengths)) > 1:
            given = " and ".join(map(str, lengths))
            raise ValueError(f"TensorDataset: the sequences must have the same length, got {given}")
        self.sequences = sequences

    def __len__(self) -> int:
        return len(self.sequences[0])

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        return tuple(sequence[i] for sequence in self.sequences)


class DataLoader:
    """The examples of a TensorDataset in batches, each a tuple with one list per sequence.

    batch_size  how many examples a batch has; the last batch has the rest, unless `drop_last`
    shuffle     draw a new order from `rng` at the start of every pass

    `len(loader)` is the number of batches. ValueError for an empty dataset.
    """

    def __init__(
        self, dataset: TensorDataset, batch_size: int = 1, shuffle: bool = False,
        drop_last: bool = False, rng: Rng = None,
    ) -> None:  # fmt: skip
        expect(
            dataset, TensorDataset, "DataLoader takes a TensorDataset, as in "
            "DataLoader(TensorDataset(x, y), batch_size=10); got",
        )  # fmt: skip
        if not len(dataset):
            raise ValueError("DataLoader: the dataset is empty")
        self.dataset = dataset
        self.batch_size: int = whole(batch_size, "DataLoader: batch_size", 1)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self._source = generator(rng)

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def batches(self) -> Iterator[list[int]]:
        """The indices of the examples in each batch, for one pass."""
        order = self.order()
        for k in range(len(self)):
            yield order[k * self.batch_size : (k + 1) * self.batch_size]

    def order(self) -> list[int]:
        """The indices of all examples, in the order of a new pass."""
        order = list(range(len(self.dataset)))
        if self.shuffle:
            _shuffle(order, self._source)
        return order

    def __iter__(self) -> Iterator[tuple[list[Any], ...]]:
        for batch in self.batches():
            yield tuple([sequence[i] for i in batch] for sequence in self.dataset.sequences)


def _shuffle(order: list[int], source: random.Random) -> None:
    """What source.shuffle(order) does, in half of the time: it calls a function for each item.

    In a small network's training that is a fifth of the time.
    """
    if type(source) is not random.Random:
        source.shuffle(order)
        return
    draw = source.getrandbits
    for i in range(len(order) - 1, 0, -1):
        bits = (i + 1).bit_length()
        k = draw(bits)
        while k > i:
            k = draw(bits)
        order[i], order[k] = order[k], order[i]


# ---------------------------------------------------------------- data sets


def moons(n: int = 100, noise: float = 0.1, rng: Rng = None) -> Labelled:
    """Two interleaved half circles of radius 1: n points, and their labels 0 and 1.

    The first is centred on the origin and open downward, the second on (1, 1/2) and open upward.
    Normal noise with standard deviation `noise` is added to each coordinate. The order is random.
    """

    def place(i: int, label: int) -> Point:
        angle = math.pi * (i // 2) / max(1, (n + 1 - label) // 2 - 1)
        x, y = math.cos(angle), math.sin(angle)
        return (1.0 - x, 0.5 - y) if label else (x, y)

    return _noisy("moons", n, noise, rng, place)


def circles(n: int = 100, noise: float = 0.1, rng: Rng = None, *, factor: float = 0.5) -> Labelled:
    """Two circles around the origin: radius 1 has label 0, radius `factor` has label 1.

    The points are evenly spaced, with noise and in an order as in `moons`.
    """

    def place(i: int, label: int) -> Point:
        angle = 2.0 * math.pi * (i // 2) / ((n + 1 - label) // 2)
        radius = factor if label else 1.0
        return radius * math.cos(angle), radius * math.sin(angle)

    return _noisy("circles", n, noise, rng, place)


def make_moons(
    n_samples: int = 100, *, noise: float | None = None, random_state: Rng = None
) -> Labelled:
    """`moons` with scikit-learn's name, arguments and default: no noise. Lists, not arrays."""
    return moons(n_samples, noise or 0.0, random_state)


def make_circles(
    n_samples: int = 100, *, noise: float | None = None, random_state: Rng = None,
    factor: float = 0.8,
) -> Labelled:  # fmt: skip
    """`circles` with scikit-learn's name, arguments and defaults. Lists, not arrays."""
    return circles(n_samples, noise or 0.0, random_state, factor=factor)


def xor(n: int = 100, noise: float = 0.1, rng: Rng = None) -> Labelled:
    """Points at the four corners (+-1, +-1), with label 1 where the signs differ.

    Every corner gets the same number of points, up to one; noise and order are as in `moons`.
    """
    corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    return _noisy("xor", n, noise, rng, lambda i, label: corners[i % 4])


def gaussian_points(
    n: int = 100, mean: Sequence[float] = (0.0, 0.0), std: float | Sequence[float] = 1.0,
    rng: Rng = None,
) -> list[tuple[float, ...]]:  # fmt: skip
    """n points whose coordinates are independent and normal, with the means in `mean`.

    std is one standard deviation for all coordinates, or a sequence of one per coordinate;
    ValueError if it is longer or shorter than `mean`.
    """
    source = generator(rng)
    deviations = [std] * len(mean) if isinstance(std, int | float) else list(std)
    if len(deviations) != len(mean):
        raise ValueError(
            f"gaussian_points: mean has {len(mean)} coordinates and std {len(deviations)}; "
            "give one standard deviation per coordinate, or one number for all"
        )
    return [
        tuple(source.gauss(m, s) for m, s in zip(mean, deviations, strict=True))
        for _ in range(whole(n, "gaussian_points: n", 0))
    ]


def _noisy(
    name: str, n: int, noise: float, rng: Rng, place: Callable[[int, int], Point]
) -> Labelled:
    """The points place(i, label) of alternating labels, with noise added and in random order."""
    source = generator(rng)
    points = []
    for i in range(whole(n, f"{name}: n", 0)):
        x, y = place(i, i % 2)
        points.append(((x + source.gauss(0.0, noise), y + source.gauss(0.0, noise)), i % 2))
    source.shuffle(points)
    return [point for point, _ in points], [label for _, label in points]
