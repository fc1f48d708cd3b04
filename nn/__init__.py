"""Neural networks made of single scalars: layers, losses, optimisers, training."""

from . import data, diagnose, init, judges, layers, losses, optim
from .data import DataLoader, TensorDataset, circles, moons, xor
from .data import circles as make_circles  # scikit-learn's names
from .data import moons as make_moons
from .layers import *  # noqa: F403 - the modules, listed there
from .losses import *  # noqa: F403 - likewise
from .module import Module
from .training import fit

__all__ = [
    "DataLoader", "Module", "TensorDataset", "circles", "data", "diagnose", "fit", "init", "judges",
    "make_circles", "make_moons", "moons", "optim", "xor",
]  # fmt: skip
__all__ += layers.__all__
__all__ += losses.__all__
