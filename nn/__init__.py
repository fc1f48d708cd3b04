"""Neural networks made of single scalars: layers, losses, optimisers, training."""

from . import data, diagnose, init, judges, layers, losses, optim
from .data import moons
from .layers import *  # noqa: F403 - the modules, listed there
from .losses import *  # noqa: F403 - likewise
from .module import Module
from .training import fit

__all__ = ["Module", "data", "diagnose", "fit", "init", "judges", "moons", "optim"]
__all__ += layers.__all__
__all__ += losses.__all__
