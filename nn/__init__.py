"""Neural networks made of single scalars: layers, losses, optimisers, training."""

import sys
from typing import TYPE_CHECKING

from . import data, diagnose, init, judges, layers, losses, optim
from .data import DataLoader, TensorDataset, circles, make_circles, make_moons, moons, xor
from .elsewhere import missing
from .layers import *  # noqa: F403 - the modules, listed there
from .losses import *  # noqa: F403 - likewise
from .module import Module
from .training import fit

if not TYPE_CHECKING:  # which would take every name for one that is here

    def __getattr__(name: str) -> object:
        raise missing("nn", name, sys.modules[__name__])


__all__ = [
    "DataLoader", "Module", "TensorDataset", "circles", "data", "diagnose", "fit", "init", "judges",
    "make_circles", "make_moons", "moons", "optim", "xor",
]  # fmt: skip
__all__ += layers.__all__
__all__ += losses.__all__
