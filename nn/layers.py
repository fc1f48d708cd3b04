"""Neurons, layers and multi-layer perceptrons, made of single scalars.

    model = MLP(2, [16, 16, 1], rng=0)
    score = model([0.5, -1.0])              # a Value: score.backward(), draw(score)
    scores = model([[0.5, -1.0], [0, 2]])   # a batch: a list of Values

Parameters carry labels (`layer0.neuron3.w1`), and so does each neuron's output (`layer0.neuron3`):
pictures group and fold by them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from autograd_core import Value, gates

from .module import Module

__all__ = ["MLP", "Layer", "Neuron"]

Rng: TypeAlias = "int | random.Random | None"
Activation: TypeAlias = "str | Callable[[Value], Value]"
Init: TypeAlias = "str | float | Callable[[Any, int], float]"

# How one weight of a neuron with n inputs is drawn.
INITS: dict[str, Callable[[Any, int], float]] = {
    "he": lambda rng, n: rng.gauss(
        0.0, math.sqrt(2.0 / n)
    ),  # He et al., 2015; keeps ReLU's variance
    "xavier": lambda rng, n: rng.gauss(0.0, math.sqrt(1.0 / n)),  # Glorot and Bengio, 2010
    "uniform": lambda rng, n: rng.uniform(-1.0, 1.0),  # micrograd's
    "zeros": lambda rng, n: 0.0,
}


class Neuron(Module):
    """activation(b + w0 x0 + w1 x1 + ...), with `nin` weights `w` and a bias `b` that starts at 0.

    nonlin      False: no activation
    activation  the name of a one-operand gate ("relu", "tanh", "sigmoid", ...), "linear", or a
                function of a Value
    init        "he" (normal, variance 2/nin), "xavier" (1/nin), "uniform" (-1 to 1), "zeros", a
                number for all weights, or a function of (rng, nin)
    rng         an int seed, a `random.Random`, or None for Python's global generator
    label       a name, put before those of the parameters and given to the output

    Called with `nin` numbers or Values it returns a Value; with a sequence of such, or an array of
    shape (batch, nin), a list of Values. ValueError if the width is another.
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: Activation = "relu",
        init: Init = "he",
        rng: Rng = None,
        label: str = "",
    ) -> None:
        _positive(nin, "nin")
        draw, source = _drawing(init), generator(rng)
        dot = f"{label}." if label else ""
        self.w = [Value(draw(source, nin), f"{dot}w{i}") for i in range(nin)]
        self.b = Value(0.0, f"{dot}b")
        self.nonlin = nonlin
        self.label = label
        self.activation = activation if nonlin else "linear"
        self._activate = _activating(self.activation)

    def __call__(self, x: Any) -> Any:
        if _is_batch(x):
            return [self(example) for example in x]
        return self.forward(_inputs(x, len(self.w), self))

    def forward(self, x: Sequence[Value]) -> Value:
        out = weighted_sum(self.w, x, self.b)
        if self._activate is not None:
            out = self._activate(out)
        if self.label:
            out.label = self.label
        return out

    def __repr__(self) -> str:
        name = self.activation
        if not isinstance(name, str):
            name = getattr(name, "__name__", "custom")
        return f"{_TITLES.get(name, name.title().replace('_', ''))}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons that see the same `nin` inputs; keywords as for Neuron.

    Returns a list of `nout` Values for one example, the Value itself if nout is 1, and a list of
    those for a batch.
    """

    def __init__(
        self, nin: int, nout: int, *, rng: Rng = None, label: str = "", **neuron: Any
    ) -> None:
        _positive(nout, "nout")
        source = generator(rng)
        dot = f"{label}." if label else ""
        self.label = label
        self.neurons = [
            Neuron(nin, rng=source, label=f"{dot}neuron{i}", **neuron) for i in range(nout)
        ]

    def __call__(self, x: Any) -> Any:
        if _is_batch(x):
            return [self(example) for example in x]
        return self.forward(_inputs(x, len(self.neurons[0].w), self))

    def forward(self, x: Sequence[Value]) -> Any:
        out = [neuron.forward(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """A multi-layer perceptron: `nin` inputs and one Layer for each width in `nouts`.

    The activation (ReLU unless given) stands inside, the last layer is linear. Keywords as for
    Neuron; calls as for Layer.
    """

    def __init__(self, nin: int, nouts: Sequence[int], *, rng: Rng = None, **neuron: Any) -> None:
        widths = [nin, *nouts]
        if len(widths) < 2:
            raise ValueError("MLP: nouts needs a width for each layer, as in MLP(2, [16, 16, 1])")
        source = generator(rng)
        last = len(nouts) - 1
        self.layers = [
            Layer(
                widths[i], widths[i + 1], nonlin=i != last, rng=source, label=f"layer{i}", **neuron
            )
            for i in range(len(nouts))
        ]

    def __call__(self, x: Any) -> Any:
        if _is_batch(x):
            return [self(example) for example in x]
        first = self.layers[0]
        x = _inputs(x, len(first.neurons[0].w), first)
        for layer in self.layers:
            x = layer.forward([x] if isinstance(x, Value) else x)
        return x

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"


_TITLES = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU"}


def weighted_sum(weights: Sequence[Value], inputs: Sequence[Value], bias: Value) -> Value:
    """bias + w0 x0 + w1 x1 + ..., from left to right."""
    total = bias
    for w, x in zip(weights, inputs, strict=True):
        total = total + w * x
    return total


def generator(rng: Any) -> Any:
    """The source of random numbers that `rng` names; None is Python's global one."""
    if rng is None or rng is random:
        return random
    if isinstance(rng, random.Random):
        return rng
    if isinstance(rng, int):
        return random.Random(rng)
    raise TypeError(f"rng must be an int seed, a random.Random or None, got {type(rng).__name__}")


def _positive(width: int, name: str) -> None:
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {width!r}")


def _drawing(init: Init) -> Callable[[Any, int], float]:
    if callable(init):
        return init
    if isinstance(init, str):
        if init not in INITS:
            raise ValueError(f"unknown init {init!r}: use one of {', '.join(INITS)}, or a number")
        return INITS[init]
    if isinstance(init, int | float):
        return lambda rng, n: init
    raise TypeError(f"init must be one of {', '.join(INITS)}, a number or a function, got {init!r}")


def _activating(activation: Activation) -> Callable[[Value], Value] | None:
    if callable(activation):
        return activation
    if activation == "linear":
        return None
    method = getattr(Value, activation, None) if activation in gates else None
    if method is None or len(gates[activation].operands) != 1:
        raise ValueError(
            f"unknown activation {activation!r}: use relu, tanh, sigmoid, softplus, leaky_relu, "
            "elu, linear, or a function of a Value"
        )
    return method  # type: ignore[no-any-return]


def _is_batch(x: Any) -> bool:
    """Whether x holds examples: an array of two dimensions, a sequence of sequences."""
    shape = getattr(x, "shape", None)
    if shape is not None:
        return len(shape) > 1
    return isinstance(x, list | tuple) and len(x) > 0 and hasattr(x[0], "__len__")


def _inputs(x: Any, width: int, module: Module) -> list[Value]:
    """One example as `width` Values; a number becomes one leaf, however many neurons see it."""
    values = [v if isinstance(v, Value) else Value(v) for v in x]
    if len(values) != width:
        name = getattr(module, "label", "") or type(module).__name__
        raise ValueError(f"{name} takes {width} inputs, got {len(values)}")
    return values
