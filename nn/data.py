"""Small data sets, made from a seed."""

from __future__ import annotations

import math

from .rng import Rng, generator

__all__ = ["moons"]


def moons(
    n: int = 100, noise: float = 0.1, rng: Rng = None
) -> tuple[list[tuple[float, float]], list[int]]:
    """Two half circles of radius 1 that reach into each other: n points, and labels 0 and 1.

    The second lies at (1, 1/2), open upward. Each coordinate gets normal noise of that deviation.
    The points come in random order.
    """
    source = generator(rng)
    points = []
    for i in range(n):
        label = i % 2
        angle = math.pi * (i // 2) / max(1, (n + 1 - label) // 2 - 1)
        x, y = math.cos(angle), math.sin(angle)
        if label:
            x, y = 1.0 - x, 0.5 - y
        points.append(((x + source.gauss(0.0, noise), y + source.gauss(0.0, noise)), label))
    source.shuffle(points)
    return [point for point, _ in points], [label for _, label in points]
