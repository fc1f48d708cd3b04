"""Schedules of the learning rate, under PyTorch's names: call `step()` once an epoch.

scheduler = StepLR(optimizer, step_size=10, gamma=0.5)
scheduler.step()                        # every tenth call halves optimizer.lr
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Optimizer

__all__ = ["ExponentialLR", "StepLR"]


class _Scheduler:
    """Counts the epochs and multiplies the optimiser's `lr`."""

    optimizer: Optimizer
    gamma: float
    last_epoch: int

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        who = type(self).__name__
        if not hasattr(optimizer, "lr"):
            raise TypeError(
                f"{who}: the first argument must be an optimiser, as in {who}(optimizer, ...); "
                f"got {type(optimizer).__name__}"
            )
        if not isinstance(gamma, Real):
            raise TypeError(f"{who}: gamma must be a number, got {type(gamma).__name__}")
        if not 0.0 <= gamma < math.inf:
            raise ValueError(f"{who}: gamma must be at least 0 and finite, got {gamma}")
        self.optimizer = optimizer
        self.gamma = float(gamma)
        self.last_epoch = 0

    def step(self) -> None:
        """One epoch is over."""
        self.last_epoch += 1
        self.optimizer.lr *= self._factor()

    def get_last_lr(self) -> list[float]:
        """The learning rate now, in a list, as PyTorch has it."""
        return [self.optimizer.lr]

    def _factor(self) -> float:
        raise NotImplementedError


class StepLR(_Scheduler):
    """Multiplies the learning rate by gamma every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, gamma)
        if not isinstance(step_size, int) or step_size < 1:
            raise ValueError(
                f"StepLR: step_size must be a whole number of at least 1, got {step_size!r}"
            )
        self.step_size: int = step_size

    def _factor(self) -> float:
        return 1.0 if self.last_epoch % self.step_size else self.gamma


class ExponentialLR(_Scheduler):
    """Multiplies the learning rate by gamma every epoch."""

    def _factor(self) -> float:
        return self.gamma
