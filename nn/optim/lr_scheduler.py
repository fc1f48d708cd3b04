"""Lower the learning rate as training goes on: schedules under PyTorch's names.

scheduler = StepLR(optimizer, step_size=10, gamma=0.5)
scheduler.step()                        # once per epoch: every tenth call halves optimizer.lr
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..elsewhere import missing
from ..module import bounded, whole

__all__ = ["ExponentialLR", "LambdaLR", "StepLR"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        raise missing("nn.optim.lr_scheduler", name, sys.modules[__name__])


class Optimizer(Protocol):
    """What a schedule needs: an optimiser of `nn.optim`, or anything with a learning rate."""

    @property
    def lr(self) -> float: ...
    @lr.setter
    def lr(self, lr: float) -> None: ...


class _Scheduler:
    """Counts the epochs, and after each gives the optimiser the rate of the next."""

    def __init__(self, optimizer: Optimizer) -> None:
        who = type(self).__name__
        if not hasattr(optimizer, "lr"):
            raise TypeError(
                f"{who}: the first argument must be an optimiser, as in {who}(optimizer, ...); "
                f"got {type(optimizer).__name__}"
            )
        self.optimizer: Optimizer = optimizer
        self.last_epoch: int = 0

    def step(self) -> None:
        """End an epoch: change the learning rate for the next."""
        self.last_epoch += 1
        self.optimizer.lr = self._rate()

    def _rate(self) -> float:
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """The current learning rate, in a list as PyTorch returns it."""
        return [self.optimizer.lr]


class StepLR(_Scheduler):
    """Multiplies the learning rate by gamma every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        self.step_size: int = whole(step_size, "StepLR: step_size", 1)
        self.gamma: float = bounded(gamma, f"{type(self).__name__}: gamma")

    def _rate(self) -> float:
        lr = self.optimizer.lr
        return lr if self.last_epoch % self.step_size else lr * self.gamma


class ExponentialLR(StepLR):
    """Multiplies the learning rate by gamma every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, 1, gamma)


class LambdaLR(_Scheduler):
    """The first learning rate times lr_lambda(epoch), from epoch 0 on.

    ValueError, naming the epoch, if that is no rate.
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        super().__init__(optimizer)
        if not callable(lr_lambda):
            raise TypeError(
                "LambdaLR: lr_lambda must be a function of the epoch, as in LambdaLR(optimizer, "
                f"lambda epoch: 0.95**epoch); got {type(lr_lambda).__name__}"
            )
        self.lr_lambda = lr_lambda
        self.base_lr: float = optimizer.lr
        optimizer.lr = self._rate()

    def _rate(self) -> float:
        epoch = self.last_epoch
        return self.base_lr * bounded(self.lr_lambda(epoch), f"LambdaLR: lr_lambda({epoch})")
