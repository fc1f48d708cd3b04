"""Neurons, layers and networks, made of single scalars.

    model = MLP(2, [16, 16, 1], rng=0)
    score = model([0.5, -1.0])              # a Value: score.backward(), draw(score)
    scores = model([[0.5, -1.0], [0, 2]])   # a batch: a list of Values

    model = Sequential(Linear(10, 40), ReLU(), Linear(40, 5))   # PyTorch's names
    f = model(x)                            # a list of 5 Values; for a batch a list of such lists

Every module takes one example, a sequence of numbers or Values, or a batch, a sequence of those or
an array of two dimensions, and answers in kind. Parameters carry labels (`layer0.neuron3.w1`), and
so does each neuron's output (`layer0.neuron3`): pictures group and fold by them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, TypeAlias

from autograd_core import TraceError, Value, gates, is_tracing

from .init import constant_, kaiming_normal_, uniform_, zeros_
from .module import Module, nested
from .rng import Rng, generator

__all__ = [
    "ELU", "MLP", "BatchNorm1d", "Layer", "LeakyReLU", "Linear", "Neuron", "ReLU", "Sequential",
    "Sigmoid", "Softplus", "Tanh",
]  # fmt: skip

Activation: TypeAlias = "str | Callable[[Value], Value]"
Init: TypeAlias = "str | float | Callable[[Any, int], float]"

# How the weights of a neuron, one row, are filled.
INITS: dict[str, Callable[..., Any]] = {
    "he": kaiming_normal_,
    "xavier": partial(kaiming_normal_, nonlinearity="linear"),
    "uniform": partial(uniform_, a=-1.0, b=1.0),  # micrograd's
    "zeros": lambda row, rng: zeros_(row),
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
        dot = f"{label}." if label else ""
        self.w = [Value(0.0, f"{dot}w{i}") for i in range(nin)]
        _initialise(self.w, init, generator(rng))
        self.b = Value(0.0, f"{dot}b")
        self.nonlin = nonlin
        self.label = label
        self.activation = activation if nonlin else "linear"
        self._activate = _activating(self.activation)

    def forward(self, x: Any) -> Any:
        return _each_example(self, x, len(self.w), self._answer)

    def _answer(self, x: Sequence[Value]) -> Value:
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

    def forward(self, x: Any) -> Any:
        return _each_example(self, x, len(self.neurons[0].w), self._answer)

    def _answer(self, x: Sequence[Value]) -> Any:
        out = [neuron._answer(x) for neuron in self.neurons]
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

    def forward(self, x: Any) -> Any:
        return _through(self.layers, x)

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"


_TITLES = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU"}


class _Units(Module):
    """A layer of units that are named together: `label` is the layer's name.

    Where there is one, unit j answers with the label `label.neuronj`. Sequential names its layers.
    """

    label: str

    def _rename(self, label: str) -> None:
        self.label = label
        dot = f"{label}." if label else ""
        for j, named in enumerate(self._parameters_of_units()):
            for name, value in named:
                value.label = f"{dot}neuron{j}.{name}"

    def _parameters_of_units(self) -> Iterable[list[tuple[str, Value]]]:
        """For each unit its parameters with their names."""
        return []

    def _named(self, values: list[Value], ending: str = "") -> list[Value]:
        if self.label:
            for j, value in enumerate(values):
                value.label = f"{self.label}.neuron{j}{ending}"
        return values


class Linear(_Units):
    """f = bias + weight x, as `torch.nn.Linear`: `weight` is a list of out_features rows.

    weight  [out_features][in_features] Values, uniform in +-1/sqrt(in_features) at first; so is
    bias    [out_features] Values, or None with bias=False
    rng     an int seed, a `random.Random`, or None for Python's global generator
    label   a name, put before those of the parameters and outputs

    Answers with a list of out_features Values, for a batch with a list of those. ValueError if the
    width is another than in_features.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Rng = None,
        label: str = "",
    ) -> None:
        _positive(in_features, "in_features")
        _positive(out_features, "out_features")
        source = generator(rng)
        bound = 1.0 / math.sqrt(in_features)

        def row(n: int) -> list[Value]:
            return [Value(source.uniform(-bound, bound)) for _ in range(n)]

        self.in_features = in_features
        self.out_features = out_features
        self.weight = [row(in_features) for _ in range(out_features)]
        self.bias = row(out_features) if bias else None
        self._rename(label)

    def forward(self, x: Any) -> Any:
        return _each_example(self, x, self.in_features, self._answer)

    def _answer(self, x: Sequence[Value]) -> list[Value]:
        biases: Sequence[Value | None] = self.bias or [None] * self.out_features
        pairs = zip(self.weight, biases, strict=True)
        return self._named([weighted_sum(row, x, b) for row, b in pairs])

    def _parameters_of_units(self) -> Iterator[list[tuple[str, Value]]]:
        for j, row in enumerate(self.weight):
            named = [(f"w{i}", w) for i, w in enumerate(row)]
            yield [*named, ("b", self.bias[j])] if self.bias else named

    def __repr__(self) -> str:
        return (
            f"Linear(in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None})"
        )


class _Activation(_Units):
    """One gate on every number: of a Value, an example or a batch."""

    _gate: ClassVar[str]

    def __init__(self) -> None:
        self.label = ""

    def forward(self, x: Any) -> Any:
        if isinstance(x, Value):
            return self._activate(x)
        return _each_example(self, x, None, self._answer)

    def _answer(self, x: Sequence[Value]) -> list[Value]:
        return self._named([self._activate(value) for value in x])

    def _activate(self, x: Value) -> Value:
        out: Value = getattr(x, self._gate)()
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(_Activation):
    """max(0, x); slope 0 at 0."""

    _gate = "relu"


class Tanh(_Activation):
    """tanh x."""

    _gate = "tanh"


class Sigmoid(_Activation):
    """1 / (1 + exp(-x)), whose slope is at most 1/4."""

    _gate = "sigmoid"


class Softplus(_Activation):
    """log(1 + exp x), without the linear branch that PyTorch takes above its threshold."""

    _gate = "softplus"


class LeakyReLU(_Activation):
    """x, or negative_slope times x where x is not above 0: no unit dies."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def _activate(self, x: Value) -> Value:
        return x.leaky_relu(self.negative_slope)

    def __repr__(self) -> str:
        return f"LeakyReLU(negative_slope={self.negative_slope})"


class ELU(_Activation):
    """x, or alpha (exp(x) - 1) where x is not above 0 (Clevert et al., 2016)."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def _activate(self, x: Value) -> Value:
        return x.elu(self.alpha)

    def __repr__(self) -> str:
        return f"ELU(alpha={self.alpha})"


class BatchNorm1d(_Units):
    """weight (x - mean) / sqrt(var + eps) + bias, unit by unit (Ioffe and Szegedy, 2015).

    In training, mean and variance are those of the batch, through which gradients flow; the running
    averages take a `momentum` part of them (of the variance with n - 1 below). After `eval()` the
    running averages serve. `affine=False` leaves out weight and bias, which start at 1 and 0.

    ValueError if the width is another than num_features, and for fewer than two examples in
    training; the running averages do not change then.
    """

    _buffers = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        _positive(num_features, "num_features")
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.weight = [Value(1.0) for _ in range(num_features)] if affine else None
        self.bias = [Value(0.0) for _ in range(num_features)] if affine else None
        self.running_mean = [0.0] * num_features
        self.running_var = [1.0] * num_features
        self.num_batches_tracked = 0
        self._rename("")

    def forward(self, x: Any) -> Any:
        if is_tracing():
            raise TraceError(
                f"{_name(self)}: batch normalisation couples the examples of a batch, and keeps "
                "averages beside its parameters; a program runs each example by itself: train "
                "with eager=True"
            )
        if not self.training:
            means = [Value(m) for m in self.running_mean]
            spread = [Value(math.sqrt(v + self.eps)) for v in self.running_var]
            self._named(means, ".mean")
            self._named(spread, ".std")
            return _each_example(
                self, x, self.num_features, lambda row: self._answer(row, means, spread)
            )
        n = len(x) if _is_batch(x) else 1
        if n < 2:
            raise ValueError(
                f"{_name(self)}: in training, batch statistics need at least two examples, got "
                f"{'an empty batch' if n == 0 else 'one'}; give a batch, or call model.eval() first"
            )
        rows = [_inputs(row, self.num_features, self) for row in x]
        columns = list(zip(*rows, strict=True))
        means = [_mean(column) for column in columns]
        variances = [
            _mean([(v - mean) ** 2 for v in column])
            for column, mean in zip(columns, means, strict=True)
        ]
        spread = [(variance + self.eps).sqrt() for variance in variances]
        self._named(means, ".mean")
        self._named(spread, ".std")
        out = [self._answer(row, means, spread) for row in rows]
        self._average(self.running_mean, means, 1.0)
        self._average(self.running_var, variances, n / (n - 1))
        self.num_batches_tracked += 1
        return out

    def _answer(self, x: Sequence[Value], means: list[Value], spread: list[Value]) -> list[Value]:
        out = [(v - m) / s for v, m, s in zip(x, means, spread, strict=True)]
        if self.weight is not None and self.bias is not None:
            out = [
                weighted_sum([w], [v], b)
                for w, v, b in zip(self.weight, out, self.bias, strict=True)
            ]
        return self._named(out)

    def _average(self, running: list[float], batch: list[Value], scale: float) -> None:
        for j, value in enumerate(batch):
            running[j] = (1.0 - self.momentum) * running[j] + self.momentum * scale * value.data

    def _parameters_of_units(self) -> Iterator[list[tuple[str, Value]]]:
        for w, b in zip(self.weight or [], self.bias or [], strict=True):
            yield [("w", w), ("b", b)]

    def __repr__(self) -> str:
        return (
            f"BatchNorm1d({self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.weight is not None})"
        )


class Sequential(Module):
    """Modules one after another: model[0], len(model), and a loop over them work.

    Module i gets the label `layeri`, unless it has one, so that its units are called
    `layeri.neuronj`; parameters have PyTorch's names (`0.weight`).
    """

    def __init__(self, *modules: Module) -> None:
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(
                    f"Sequential takes modules one by one, as Sequential(Linear(2, 8), ReLU()); "
                    f"argument {i} is of type {type(module).__name__}"
                )
        for i, module in enumerate(modules):
            setattr(self, str(i), module)  # the attribute's name is the parameters' first part
            if module in modules[:i]:
                continue
            inside: list[Module] = []
            module.apply(inside.append)
            for unit in dict.fromkeys(inside):
                if isinstance(unit, _Units) and (unit is module) != bool(unit.label):
                    unit._rename(f"layer{i}.{unit.label}" if unit.label else f"layer{i}")

    def forward(self, x: Any) -> Any:
        return _through(self._stack, x)

    @property
    def _stack(self) -> list[Module]:
        return [thing for name, thing in vars(self).items() if name.isdecimal()]

    def __iter__(self) -> Iterator[Module]:
        return iter(self._stack)

    def __getitem__(self, index: int) -> Module:
        return self._stack[index]

    def __len__(self) -> int:
        return len(self._stack)

    def __repr__(self) -> str:
        lines = [
            f"  ({i}): {module!r}".replace("\n", "\n  ") for i, module in enumerate(self._stack)
        ]
        return "\n".join(["Sequential(", *lines, ")"]) if lines else "Sequential()"


def weighted_sum(
    weights: Sequence[Value], inputs: Sequence[Value], bias: Value | None = None
) -> Value:
    """bias + w0 x0 + w1 x1 + ..., from left to right."""
    products = (w * x for w, x in zip(weights, inputs, strict=True))
    total = next(products) if bias is None else bias
    for product in products:
        total = total + product
    return total


def _mean(values: Sequence[Value]) -> Value:
    total: Value = sum(values[1:], values[0])
    return total / len(values)


def _positive(width: int, name: str) -> None:
    if not isinstance(width, Integral) or width < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {width!r}")


def _initialise(w: list[Value], init: Init, source: Any) -> None:
    if callable(init):
        for weight in w:
            weight.data = init(source, len(w))
    elif isinstance(init, Real):
        constant_(w, float(init))
    elif not isinstance(init, str):
        names = ", ".join(INITS)
        raise TypeError(f"init must be one of {names}, a number or a function, got {init!r}")
    elif init not in INITS:
        raise ValueError(f"unknown init {init!r}: use one of {', '.join(INITS)}, or a number")
    else:
        INITS[init]([w], rng=source)


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
    if not isinstance(x, list | tuple) or not x or getattr(x[0], "shape", None) == ():
        return False  # an array without dimensions is a number
    return hasattr(x[0], "__len__")


def _each_example(
    module: Module, x: Any, width: int | None, answer: Callable[[list[Value]], Any]
) -> Any:
    """answer(example) for one example, a list of answers for a batch."""
    if _is_batch(x):
        return [_each_example(module, example, width, answer) for example in x]
    return answer(_inputs(x, width, module))


def _through(modules: Sequence[Module], x: Any) -> Any:
    """x, an example or a batch, through all modules; a lone Value between two is a list of one."""
    batch = _is_batch(x)
    if batch and len(x) == 0:
        return []
    for i, module in enumerate(modules):
        if i:
            x = [_listed(example) for example in x] if batch else _listed(x)
        x = module(x)
    return x


def _listed(x: Any) -> Any:
    return [x] if isinstance(x, Value) else x


def _name(module: Module) -> str:
    return getattr(module, "label", "") or type(module).__name__


def _inputs(x: Any, width: int | None, module: Module) -> list[Value]:
    """One example as `width` Values; a number becomes one leaf, however many neurons see it."""
    try:
        values = [v if isinstance(v, Value) else Value(v) for v in nested(x)]
    except TypeError as error:
        if hasattr(x, "__len__"):
            raise
        raise TypeError(
            f"{_name(module)} takes a sequence of numbers, as [0.5, -1.0], or a batch of those, "
            f"got {type(x).__name__}"
        ) from error
    if width is not None and len(values) != width:
        raise ValueError(f"{_name(module)} takes {width} inputs, got {len(values)}")
    return values
