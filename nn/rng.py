"""Say where random numbers come from: `rng=3`, `rng=random.Random(3)`, or nothing."""

from __future__ import annotations

import random
from numbers import Integral
from typing import Any, TypeAlias

__all__ = ["Rng", "generator"]

Rng: TypeAlias = "int | random.Random | None"


def generator(rng: Any) -> Any:
    """The source of random numbers that `rng` names; None is Python's global one."""
    if rng is None or rng is random:
        return random
    if isinstance(rng, random.Random):
        return rng
    if isinstance(rng, Integral):  # a NumPy integer too
        return random.Random(int(rng))
    raise TypeError(f"rng must be an int seed, a random.Random or None, got {type(rng).__name__}")
