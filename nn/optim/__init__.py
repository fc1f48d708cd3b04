"""Move parameters against their gradients: optimisers under PyTorch's names.

    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    scheduler.step()                        # once per epoch

The rule of each optimiser is a function of one parameter: `sgd`, `ewa`, `rmsprop`, `adam` and
`adamw` take the parameter's number, its gradient, its state (a tuple of floats), the number of the
step, which is 1 at first, and the optimiser's settings; they return the new number and the new
state. Each computes what PyTorch's optimiser computes in float64; `ewa` is the momentum of the
lecture notes.

A new optimiser is a rule, and a class that holds the rule's settings in attributes of their names:

    def sign_descent(data, grad, state, step, lr):
        return data - lr * grad / (abs(grad) + 1e-12), state

    class SignDescent(Optimizer):
        rule = sign_descent

`nn.fit` runs a rule on arrays, all parameters at once. So a rule is arithmetic: it has no `if` on
the numbers of a parameter and calls nothing from `math` on them.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from autograd_core import Value

from ..elsewhere import missing
from ..module import bounded, expect, nested, shape, shape_text, whole
from . import lr_scheduler

__all__ = [
    "EWA", "SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "adam", "adamw", "ewa", "lr_scheduler",
    "rmsprop", "sgd",
]  # fmt: skip

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        raise missing("nn.optim", name, sys.modules[__name__])


State: TypeAlias = "tuple[float, ...]"
Rule: TypeAlias = "Callable[..., tuple[float, State]]"

# ---------------------------------------------------------------- the rules


def sgd(
    data: float, grad: float, state: State, step: int, lr: float,
    momentum: float, dampening: float, weight_decay: float, nesterov: bool,
) -> tuple[float, State]:  # fmt: skip
    """Move against the gradient or, with momentum, against v = momentum v + (1 - dampening) grad.

    The first v is the first gradient. Nesterov's form moves against grad + momentum v (Sutskever
    et al., 2013).
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
    """Move against v = beta v + (1 - beta) grad, divided by 1 - beta**step to correct its bias."""
    (v,) = state
    if step == 1 and start == "gradient":
        v = grad
    v = beta * v + (1.0 - beta) * grad
    return data - lr * (v / (1.0 - beta**step) if bias_correction else v), (v,)


def rmsprop(
    data: float, grad: float, state: State, step: int, lr: float,
    alpha: float, eps: float, weight_decay: float, momentum: float, centered: bool,
) -> tuple[float, State]:  # fmt: skip
    """Move against grad over the root of its running mean square (Hinton, lecture 6e).

    With `centered` the divisor is the running standard deviation. Rounding may make a variance
    negative: it counts as 0 here, where PyTorch's step is nan.
    """
    if weight_decay:
        grad = grad + weight_decay * data
    square, mean, v = state
    square = alpha * square + (1.0 - alpha) * grad * grad
    spread = square
    if centered:
        mean = alpha * mean + (1.0 - alpha) * grad
        spread = square - mean * mean
        spread = 0.5 * (spread + abs(spread))  # max(spread, 0), for an array as well
    v = momentum * v + grad / (spread**0.5 + eps)
    return data - lr * v, (square, mean, v)


def adam(
    data: float, grad: float, state: State, step: int, lr: float,
    betas: tuple[float, float], eps: float, weight_decay: float,
) -> tuple[float, State]:  # fmt: skip
    """Move against the mean gradient over the root of the mean square, both bias-corrected.

    Kingma and Ba, 2015.
    """
    if weight_decay:
        grad = grad + weight_decay * data
    beta1, beta2 = betas
    mean, square = state
    mean = beta1 * mean + (1.0 - beta1) * grad
    square = beta2 * square + (1.0 - beta2) * grad * grad
    root = square**0.5 / math.sqrt(1.0 - beta2**step)
    return data - lr / (1.0 - beta1**step) * mean / (root + eps), (mean, square)


def adamw(
    data: float, grad: float, state: State, step: int, lr: float,
    betas: tuple[float, float], eps: float, weight_decay: float,
) -> tuple[float, State]:  # fmt: skip
    """Adam, with the decay taken off the parameter itself, not added to its gradient.

    Loshchilov and Hutter, 2019.
    """
    return adam(data * (1.0 - lr * weight_decay), grad, state, step, lr, betas, eps, 0.0)


# ---------------------------------------------------------------- the optimisers


def _no_rule(data: float, grad: float, state: State, step: int) -> tuple[float, State]:
    raise NotImplementedError(
        "an optimiser needs a rule: give its class one, as in `rule = sgd`, or define "
        "`def update(self, data, grad, state, step): ...` in it"
    )


class Optimizer:
    """The base of the optimisers: the parameters, the learning rate `lr`, the states.

    rule           the function that moves one parameter; or a class overrides `update`
    initial_state  a parameter's state before the first step
    state          the states of the parameters, by their indices
    steps          how many steps were made

    TypeError for parameters that are not Values, or settings that are not numbers. ValueError for
    an empty list, a parameter given twice, the result of a gate, or numbers out of range.
    """

    rule: ClassVar[Rule] = staticmethod(_no_rule)
    initial_state: ClassVar[State] = (0.0,)
    _settings: ClassVar[Callable[..., Iterable[Any]]] = staticmethod(lambda self: ())

    def __init_subclass__(cls) -> None:
        """Look up what the rule takes besides a parameter: `update` passes these attributes on."""
        super().__init_subclass__()
        if "rule" in vars(cls):
            rule = cls.rule
            cls.rule = staticmethod(rule)  # a function of its arguments, not a method
            names = [*inspect.signature(rule).parameters][4:]
            several = len(names) > 1  # of one attribute, attrgetter makes no tuple
            cls._settings = staticmethod(
                attrgetter(*names) if several else lambda self: [getattr(self, x) for x in names]
            )

    def __init__(self, params: Iterable[Value], lr: float) -> None:
        self.params: list[Value] = _checked(params, type(self).__name__)
        self.lr = lr
        self.steps: int = 0
        self.state: dict[int, State] = {i: self.initial_state for i in range(len(self.params))}

    def __repr__(self) -> str:
        """`SGD(lr=0.1, momentum=0.9, 41 parameters)`: the settings that are not the default."""
        shown = {"lr": self.lr}
        for name, argument in [*inspect.signature(type(self)).parameters.items()][1:]:
            setting = getattr(self, name, argument.default)
            if setting != argument.default:
                shown[name] = setting
        settings = ", ".join(f"{name}={setting!r}" for name, setting in shown.items())
        count = len(self.params)
        return f"{type(self).__name__}({settings}, {count} parameter{'s' * (count != 1)})"

    @property
    def lr(self) -> float:
        """The learning rate. Schedulers may change it, and so may you."""
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        is_plain = lr.__class__ is float and 0.0 <= lr < math.inf  # schedules set it often
        self._lr = lr if is_plain else self._number(lr, "lr")

    def update(self, data: float, grad: float, state: State, step: int) -> tuple[float, State]:
        """One parameter's new number and new state: the rule with this optimiser's settings."""
        return self.rule(data, grad, state, step, *self._settings(self))

    def step(self) -> None:
        """Move every parameter once, by its `.grad`.

        Either all parameters and states change or, after an error or Ctrl-C, none does. ValueError,
        naming the parameter, if a gradient is nan or a parameter would become nan.
        """
        step = self.steps + 1
        before = self.snapshot()
        old, new = before[0], []
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
        try:
            self.restore(new, state, step)
        except BaseException:
            self.restore(*before)
            raise

    def snapshot(self) -> tuple[list[float], dict[int, State], int]:
        """What a step changes: the parameters' numbers, their states, how many steps were made."""
        return [p.data for p in self.params], dict(self.state), self.steps

    def restore(self, numbers: Iterable[float], state: dict[int, State], steps: int) -> None:
        """Put a snapshot back, or what a step has made of it."""
        for p, number in zip(self.params, numbers, strict=True):
            p.data = number
        self.state, self.steps = state, steps

    def state_dict(self) -> dict[str, Any]:
        """How far training has come, for `json.dump`: steps, learning rate, each parameter's state.

        The parameters themselves are in the model's `state_dict`.
        """
        state = [list(self.state[i]) for i in range(len(self.params))]
        return {"steps": self.steps, "lr": self.lr, "state": state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        ValueError if it is that of another optimiser or of other parameters; nothing changes then.
        """
        who = f"load_state_dict of {type(self).__name__}"
        expect(state, Mapping, f"{who} takes what state_dict() gave, got")
        if set(state) != {"steps", "lr", "state"}:
            raise ValueError(f"{who}: needs steps, lr and state, got {', '.join(map(str, state))}")
        steps, lr = whole(state["steps"], f"{who}: steps", 0), self._number(state["lr"], "lr")
        states = nested(state["state"])
        wanted = (len(self.params), len(self.initial_state))
        if shape(states) != wanted:
            raise ValueError(
                f"{who}: the state has {shape_text(states)}, this optimiser's has shape {wanted}"
            )
        new = {i: tuple(Value(x).data for x in row) for i, row in enumerate(states)}
        self.lr, self.state, self.steps = lr, new, steps

    @property
    def param_groups(self) -> Any:
        """There are none: AttributeError, which says what to write."""
        raise AttributeError(
            f"{type(self).__name__} has no param_groups: its settings are attributes, as in "
            "optimizer.lr = 0.01; for two rates use two optimisers"
        )

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for p in self.params:
            p.grad = 0.0

    def _name(self, i: int) -> str:
        return self.params[i].label or f"parameter {i}"

    def _number(self, number: object, name: str, below: float = math.inf) -> float:
        return bounded(number, f"{type(self).__name__}: {name}", below)

    def _divisor(self, eps: object) -> float:
        """eps, above 0: where all gradients were 0, it is what a rule divides by."""
        if self._number(eps, "eps") == 0.0:
            raise ValueError(f"{type(self).__name__}: eps must be above 0, as 1e-8")
        return self._number(eps, "eps")


class SGD(Optimizer):
    """(Stochastic) gradient descent, with momentum, dampening, weight decay and Nesterov's form."""

    rule = sgd

    def __init__(
        self, params: Iterable[Value], lr: float = 1e-3, momentum: float = 0.0,
        dampening: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.momentum: float = self._number(momentum, "momentum")
        self.dampening: float = self._number(dampening, "dampening")
        self.weight_decay: float = self._number(weight_decay, "weight_decay")
        self.nesterov = nesterov
        if nesterov and (momentum == 0.0 or dampening != 0.0):
            raise ValueError(
                "SGD: nesterov needs momentum above 0 and dampening 0, as in "
                f"SGD(params, lr, momentum=0.9, nesterov=True); got {momentum} and {dampening}"
            )


class EWA(Optimizer):
    """Momentum as an exponentially weighted average of gradients, v = beta v + (1 - beta) grad.

    start            what v is before the first step: "zero", or "gradient" for the first gradient
    bias_correction  divide by 1 - beta**step, the sum of the weights, for a start at zero
    """

    rule = ewa

    def __init__(
        self, params: Iterable[Value], lr: float, beta: float = 0.9,
        bias_correction: bool = False, start: str = "zero",
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.beta: float = self._number(beta, "beta", below=1.0)
        if start not in ("zero", "gradient"):
            raise ValueError(f"EWA: start must be 'zero' or 'gradient', got {start!r}")
        if bias_correction and start == "gradient":
            raise ValueError(
                "EWA: bias_correction is for start='zero'; an average that starts as the first "
                "gradient has no bias to correct"
            )
        self.bias_correction = bias_correction
        self.start = start


class RMSprop(Optimizer):
    """Each gradient divided by the root of its running mean square, or deviation if centered."""

    rule = rmsprop
    initial_state: ClassVar[State] = (0.0, 0.0, 0.0)

    def __init__(
        self, params: Iterable[Value], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        self.alpha: float = self._number(alpha, "alpha", below=1.0)
        self.eps: float = self._divisor(eps)
        self.weight_decay: float = self._number(weight_decay, "weight_decay")
        self.momentum: float = self._number(momentum, "momentum")
        self.centered = centered


class Adam(Optimizer):
    """Running means of the gradient and of its square, with bias correction."""

    rule = adam
    initial_state: ClassVar[State] = (0.0, 0.0)

    def __init__(
        self, params: Iterable[Value], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TypeError(f"Adam: betas must be two numbers, as in (0.9, 0.999), got {betas!r}")
        first, second = (self._number(b, f"betas[{i}]", below=1.0) for i, b in enumerate(betas))
        self.betas: tuple[float, float] = (first, second)
        self.eps: float = self._divisor(eps)
        self.weight_decay: float = self._number(weight_decay, "weight_decay")


class AdamW(Adam):
    """Adam with decoupled weight decay: it shrinks every parameter alike."""

    rule: ClassVar[Rule] = adamw

    def __init__(
        self, params: Iterable[Value], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay)


def _checked(params: Iterable[Value], who: str) -> list[Value]:
    """The parameters in a list: leaves, each once."""
    example = f"as in {who}(model.parameters(), lr=0.1)"
    expect(params, Iterable, f"{who}: params must be a list of Values, {example}; got")
    parameters = list(params)
    if not parameters:
        raise ValueError(f"{who}: the list of parameters is empty; give Values, {example}")
    seen: set[Value] = set()
    for i, parameter in enumerate(parameters):
        if not isinstance(parameter, Value):
            raise TypeError(
                f"{who}: params[{i}] is not a Value but of type {type(parameter).__name__}; give "
                f"Values, {example}"
            )
        if parameter.op:
            raise ValueError(
                f"{who}: params[{i}] ({parameter!r}) is the result of {parameter.op}; only a leaf "
                "can be moved: give the Values it was computed from, or its detach()"
            )
        if parameter in seen:
            raise ValueError(f"{who}: {parameter!r} is in the list of parameters twice")
        seen.add(parameter)
    return parameters
