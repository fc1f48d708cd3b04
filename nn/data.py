"""Data sets made from a seed, and batches of your own data.

    points, labels = moons(100, noise=0.1, rng=0)       # circles, xor: the same
    loader = DataLoader(TensorDataset(points, labels), batch_size=10, shuffle=True, rng=0)
    for x_batch, y_batch in loader: ...                 # lists of up to 10 points, 10 labels

`rng` is an int seed, a `random.Random`, or None for Python's global generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from .rng import Rng, generator

__all__ = ["DataLoader", "TensorDataset", "circles", "gaussian_points", "moons", "xor"]

# ---------------------------------------------------------------- batches


class TensorDataset:
    """Examples of several sequences of one length: `dataset[i]` is the tuple of their items i.

    A sequence is a list, a tuple, or an array, whose items are its rows. TypeError for what has no
    length or items; ValueError for lengths that differ, or for none.
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
            raise ValueError(
                "TensorDataset: the sequences must have one length, got "
                + " and ".join(map(str, lengths))
            )
        self.sequences = sequences

    def __len__(self) -> int:
        return len(self.sequences[0])

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        return tuple(sequence[i] for sequence in self.sequences)


class DataLoader:
    """The examples of a TensorDataset in batches: for each, a tuple with a list per sequence.

    batch_size  examples in a batch; the last batch has the rest, unless `drop_last`
    shuffle     draw a new order from `rng` at the start of every pass

    `len(loader)` is the number of batches. ValueError for an empty dataset.
    """

    def __init__(
        self,
        dataset: TensorDataset,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        rng: Rng = None,
    ) -> None:
        if not isinstance(dataset, TensorDataset):
            raise TypeError(
                "DataLoader takes a TensorDataset, as in DataLoader(TensorDataset(x, y), "
                f"batch_size=10); got {type(dataset).__name__}"
            )
        if not len(dataset):
            raise ValueError("DataLoader: the dataset is empty")
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(
                f"DataLoader: batch_size must be a whole number of at least 1, got {batch_size!r}"
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self._source = generator(rng)

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def batches(self) -> Iterator[list[int]]:
        """The numbers of the examples in each batch, for one pass."""
        order = list(range(len(self.dataset)))
        if self.shuffle:
            self._source.shuffle(order)
        for k in range(len(self)):
            yield order[k * self.batch_size : (k + 1) * self.batch_size]

    def __iter__(self) -> Iterator[tuple[list[Any], ...]]:
        for chosen in self.batches():
            yield tuple([sequence[i] for i in chosen] for sequence in self.dataset.sequences)


# ---------------------------------------------------------------- data sets


def moons(
    n: int = 100, noise: float = 0.1, rng: Rng = None
) -> tuple[list[tuple[float, float]], list[int]]:
    """Two half circles of radius 1 that reach into each other: n points, and labels 0 and 1.

    The second lies at (1, 1/2), open upward. Each coordinate gets normal noise of that deviation.
    The points come in random order.
    """
    source = generator(rng)
    points = []
    for i in range(_count(n, "moons")):
        label = i % 2
        angle = math.pi * (i // 2) / max(1, (n + 1 - label) // 2 - 1)
        x, y = math.cos(angle), math.sin(angle)
        if label:
            x, y = 1.0 - x, 0.5 - y
        points.append(((x, y), label))
    return _noisy(points, noise, source)


def circles(
    n: int = 100, noise: float = 0.1, rng: Rng = None, *, factor: float = 0.5
) -> tuple[list[tuple[float, float]], list[int]]:
    """Two circles around the origin, label 0 of radius 1, label 1 of radius `factor`.

    Evenly spaced, with normal noise on each coordinate, in random order.
    """
    source = generator(rng)
    points = []
    for i in range(_count(n, "circles")):
        label = i % 2
        angle = 2.0 * math.pi * (i // 2) / ((n + 1 - label) // 2)
        radius = factor if label else 1.0
        points.append(((radius * math.cos(angle), radius * math.sin(angle)), label))
    return _noisy(points, noise, source)


def xor(
    n: int = 100, noise: float = 0.1, rng: Rng = None
) -> tuple[list[tuple[float, float]], list[int]]:
    """Points at the four corners (+-1, +-1), label 1 where the signs differ.

    The corners take turns; normal noise on each coordinate, in random order.
    """
    source = generator(rng)
    corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    return _noisy([(corners[i % 4], i % 2) for i in range(_count(n, "xor"))], noise, source)


def gaussian_points(
    n: int = 100,
    mean: Sequence[float] = (0.0, 0.0),
    std: float | Sequence[float] = 1.0,
    rng: Rng = None,
) -> list[tuple[float, ...]]:
    """n points whose coordinates are independent and normal, one for each number in `mean`.

    std is one deviation for all coordinates or one for each; ValueError if their number differs.
    """
    source = generator(rng)
    each = [std] * len(mean) if isinstance(std, int | float) else list(std)
    if len(each) != len(mean):
        raise ValueError(
            f"gaussian_points: mean has {len(mean)} coordinates and std {len(each)}; "
            "give one deviation for each, or one number"
        )
    return [
        tuple(source.gauss(m, s) for m, s in zip(mean, each, strict=True))
        for _ in range(_count(n, "gaussian_points"))
    ]


def _noisy(
    points: list[tuple[tuple[float, float], int]], noise: float, source: Any
) -> tuple[list[tuple[float, float]], list[int]]:
    """The points with noise added, then in random order, and their labels."""
    moved = [
        ((x + source.gauss(0.0, noise), y + source.gauss(0.0, noise)), label)
        for (x, y), label in points
    ]
    source.shuffle(moved)
    return [point for point, _ in moved], [label for _, label in moved]


def _count(n: int, who: str) -> int:
    if not isinstance(n, int) or n < 0:
        raise ValueError(f"{who}: n must be a whole number of at least 0, got {n!r}")
    return n
