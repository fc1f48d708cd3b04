"""Optimisers, under PyTorch's names: they move parameters against their gradients.

    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    scheduler.step()                        # once an epoch

The rule of each, for one parameter, is a function on floats: `sgd`, `ewa`, `rmsprop`, `adam` take
the parameter's number, its gradient, its state (a tuple of floats that starts as zeros) and the
number of the step, 1 at first, and return the new number and the new state. Each computes what
PyTorch's optimiser computes in float64; `ewa` is the momentum of the lecture notes. The rules have
no `if` on a number, so that `nn.train` runs them on arrays, all parameters at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import TypeAlias

from autograd_core import Value

from . import lr_scheduler

__all__ = [
    "EWA", "SGD", "Adam", "Optimizer", "RMSprop", "adam", "ewa", "lr_scheduler", "rmsprop", "sgd",
]  # fmt: skip

State: TypeAlias = "tuple[float, ...]"

# ---------------------------------------------------------------- the rules, on floats


def sgd(
    data: float, grad: float, state: State, step: int, lr: float,
    momentum: float, dampening: float, weight_decay: float, nesterov: bool,
) -> tuple[float, State]:  # fmt: skip
    """Gradient descent; with momentum along v = momentum v + (1 - dampening) grad, at first grad.

    Sutskever et al., 2013; Nesterov's form goes along grad + momentum v.
    """
    if weight_decay:
        grad = grad + weight_decay * data
    (v,) = state
    if momentum:
        pull = (1.0 - dampening) * grad if dampening else grad
        v = grad if step == 1 else momentum * v + pull
        grad = grad + momentum * v if nesterov else v
    return data - lr * grad, (v,)


def ewa(
    data: float, grad: float, state: State, step: int, lr: float,
    beta: float, bias_correction: bool, start: str,
) -> tuple[float, State]:  # fmt: skip
    """Along v = beta v + (1 - beta) grad, divided by 1 - beta**step if bias is corrected."""
    (v,) = state
    if step == 1 and start == "gradient":
        v = grad
    v = beta * v + (1.0 - beta) * grad
    return data - lr * (v / (1.0 - beta**step) if bias_correction else v), (v,)


def rmsprop(
    data: float, grad: float, state: State, step: int, lr: float,
    alpha: float, eps: float, weight_decay: float, momentum: float, centered: bool,
) -> tuple[float, State]:  # fmt: skip
    """Along grad over the root of its mean square (Hinton, lecture 6e); centered: its deviation.

    Rounding may leave a variance below 0; it counts as 0 here, PyTorch's step is nan there.
    """
    if weight_decay:
        grad = grad + weight_decay * data
    square, mean, v = state
    square = alpha * square + (1.0 - alpha) * grad * grad
    spread = square
    if centered:
        mean = alpha * mean + (1.0 - alpha) * grad
        spread = square - mean * mean
        spread = 0.5 * (spread + abs(spread))  # below 0 it is 0, for an array too
    v = momentum * v + grad / (spread**0.5 + eps)
    return data - lr * v, (square, mean, v)


def adam(
    data: float, grad: float, state: State, step: int, lr: float,
    beta1: float, beta2: float, eps: float, weight_decay: float,
) -> tuple[float, State]:  # fmt: skip
    """Along the mean gradient over the root of the mean square, both bias-corrected.

    Kingma and Ba, 2015.
    """
    if weight_decay:
        grad = grad + weight_decay * data
    mean, square = state
    mean = beta1 * mean + (1.0 - beta1) * grad
    square = beta2 * square + (1.0 - beta2) * grad * grad
    root = square**0.5 / math.sqrt(1.0 - beta2**step)
    return data - lr / (1.0 - beta1**step) * mean / (root + eps), (mean, square)


# ---------------------------------------------------------------- the optimisers


class Optimizer:
    """Base of the optimisers: the parameters, the learning rate `lr`, the states.

    state   for each parameter, by its index, the floats its rule keeps
    steps   how many were made

    TypeError for parameters that are no Values or numbers that are no numbers, ValueError for an
    empty list, a parameter given twice, the result of a gate, numbers out of range.
    """

    _zeros: State = (0.0,)

    def __init__(self, params: Iterable[Value], lr: float) -> None:
        self.params = _checked(params, type(self).__name__)
        self.lr = lr
        self.steps = 0
        self.state: dict[int, State] = {i: self._zeros for i in range(len(self.params))}

    @property
    def lr(self) -> float:
        """The learning rate; schedulers, and you, may change it."""
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = self._number(lr, "lr")

    def update(self, data: float, grad: float, state: State, step: int) -> tuple[float, State]:
        """The rule with this optimiser's numbers: one parameter's new number and state."""
        raise NotImplementedError

    def step(self) -> None:
        """Move every parameter once, by its `.grad`.

        All parameters and states change or, after an error or Ctrl-C, none. ValueError, naming
        the parameter, if a gradient is nan or a parameter would become nan.
        """
        step = self.steps + 1
        old = [p.data for p in self.params]
        new: list[float] = []
        state: dict[int, State] = {}
        for i, p in enumerate(self.params):
            grad = p.grad
            if math.isnan(grad):
                raise ValueError(
                    f"{type(self).__name__}: the gradient of {self._name(i)} is nan, no parameter "
                    "was changed; first_nan(loss) finds the gate where the nan began"
                )
            data, state[i] = self.update(old[i], grad, self.state[i], step)
            if math.isnan(data):
                raise ValueError(
                    f"{type(self).__name__}: the step would make {self._name(i)} nan (now {old[i]},"
                    f" gradient {grad}, lr {self.lr}), no parameter was changed"
                )
            new.append(data)
        before = self.state
        try:
            for p, data in zip(self.params, new, strict=True):
                p.data = data
            self.state = state
            self.steps = step
        except BaseException:
            for p, data in zip(self.params, old, strict=True):
                p.data = data
            self.state = before
            self.steps = step - 1
            raise

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for p in self.params:
            p.grad = 0.0

    def _name(self, i: int) -> str:
        return self.params[i].label or f"parameter {i}"

    def _number(self, x: object, name: str, below: float = math.inf) -> float:
        """x as a float in [0, below), or the error that names it."""
        who = type(self).__name__
        if isinstance(x, Value) or not isinstance(x, Real):
            raise TypeError(f"{who}: {name} must be a number, got {type(x).__name__}")
        number = float(x)
        if not 0.0 <= number < below:
            within = "at least 0 and finite" if below == math.inf else f"in [0, {below:g})"
            raise ValueError(f"{who}: {name} must be {within}, got {x}")
        return number


class SGD(Optimizer):
    """(Stochastic) gradient descent, with momentum, dampening, weight decay, Nesterov's form."""

    def __init__(
        self, params: Iterable[Value], lr: float = 1e-3, momentum: float = 0.0,
        dampening: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.momentum = self._number(momentum, "momentum")
        self.dampening = self._number(dampening, "dampening")
        self.weight_decay = self._number(weight_decay, "weight_decay")
        self.nesterov = nesterov
        if nesterov and (momentum == 0.0 or dampening != 0.0):
            raise ValueError(
                "SGD: nesterov needs momentum above 0 and dampening 0, as in "
                f"SGD(params, lr, momentum=0.9, nesterov=True); got {momentum} and {dampening}"
            )

    def update(self, data: float, grad: float, state: State, step: int) -> tuple[float, State]:
        return sgd(
            data, grad, state, step, self.lr,
            self.momentum, self.dampening, self.weight_decay, self.nesterov,
        )  # fmt: skip


class EWA(Optimizer):
    """Momentum as an exponentially weighted average of gradients, v = beta v + (1 - beta) grad.

    start            "zero": v is 0 before the first step; "gradient": v is the first gradient
    bias_correction  divide by 1 - beta**step, the sum of the weights, for a start at zero
    """

    def __init__(
        self, params: Iterable[Value], lr: float, beta: float = 0.9,
        bias_correction: bool = False, start: str = "zero",
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.beta = self._number(beta, "beta", below=1.0)
        if start not in ("zero", "gradient"):
            raise ValueError(f"EWA: start must be 'zero' or 'gradient', got {start!r}")
        if bias_correction and start == "gradient":
            raise ValueError(
                "EWA: bias_correction is for start='zero'; an average that starts as the first "
                "gradient has no bias to correct"
            )
        self.bias_correction = bias_correction
        self.start = start

    def update(self, data: float, grad: float, state: State, step: int) -> tuple[float, State]:
        return ewa(data, grad, state, step, self.lr, self.beta, self.bias_correction, self.start)


class RMSprop(Optimizer):
    """Each gradient divided by the root of its running mean square, or deviation if centered."""

    _zeros = (0.0, 0.0, 0.0)

    def __init__(
        self, params: Iterable[Value], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.alpha = self._number(alpha, "alpha", below=1.0)
        self.eps = _positive(self._number(eps, "eps"), "RMSprop")
        self.weight_decay = self._number(weight_decay, "weight_decay")
        self.momentum = self._number(momentum, "momentum")
        self.centered = centered

    def update(self, data: float, grad: float, state: State, step: int) -> tuple[float, State]:
        return rmsprop(
            data, grad, state, step, self.lr,
            self.alpha, self.eps, self.weight_decay, self.momentum, self.centered,
        )  # fmt: skip


class Adam(Optimizer):
    """Running means of the gradient and of its square, with bias correction."""

    _zeros = (0.0, 0.0)

    def __init__(
        self, params: Iterable[Value], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TypeError(f"Adam: betas must be two numbers, as in (0.9, 0.999), got {betas!r}")
        first, second = betas
        self.betas = (
            self._number(first, "betas[0]", below=1.0),
            self._number(second, "betas[1]", below=1.0),
        )
        self.eps = _positive(self._number(eps, "eps"), "Adam")
        self.weight_decay = self._number(weight_decay, "weight_decay")

    def update(self, data: float, grad: float, state: State, step: int) -> tuple[float, State]:
        return adam(data, grad, state, step, self.lr, *self.betas, self.eps, self.weight_decay)


def _positive(eps: float, who: str) -> float:
    """eps, above 0: a gradient of 0 would be divided by it."""
    if eps == 0.0:
        raise ValueError(f"{who}: eps must be above 0, as 1e-8")
    return eps


def _checked(params: Iterable[Value], who: str) -> list[Value]:
    right = f"as in {who}(model.parameters(), lr=0.1)"
    if not isinstance(params, Iterable):
        raise TypeError(f"{who}: params must be a list of Values, {right}; got {params!r}")
    values = list(params)
    if not values:
        raise ValueError(f"{who}: the list of parameters is empty; give Values, {right}")
    for i, value in enumerate(values):
        if not isinstance(value, Value):
            raise TypeError(
                f"{who}: params[{i}] is no Value but {type(value).__name__}; give Values, {right}"
            )
        if value.op:
            raise ValueError(
                f"{who}: params[{i}] ({value!r}) is the result of {value.op}; only a leaf can be "
                "moved: give the Values it was computed from, or its detach()"
            )
    if len(set(values)) < len(values):
        twice = next(v for i, v in enumerate(values) if v in values[:i])
        raise ValueError(f"{who}: {twice!r} is in the list of parameters twice")
    return values
