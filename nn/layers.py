"""Build networks of single scalars: neurons, layers, and containers of layers.

    model = MLP(2, [16, 16, 1], rng=0)
    score = model([0.5, -1.0])              # a Value: score.backward(), draw(score)
    scores = model([[0.5, -1.0], [0, 2]])   # a batch: a list of Values

    model = Sequential(Linear(10, 40), ReLU(), Linear(40, 5))   # PyTorch's names
    f = model(x)                            # a list of 5 Values; for a batch a list of such lists

Every module takes one example, which is a sequence of numbers or Values, or a batch, which is a
sequence of examples or a two-dimensional array, and answers in kind; ValueError if an example has
another width than the module's. Parameters have labels (`layer0.neuron3.w1`), and so has the output
of each neuron (`layer0.neuron3`): pictures group and fold by them.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from itertools import pairwise
from numbers import Real
from operator import add
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)

from autograd_core import TraceError, Value, drawn, gates, is_tracing

from .init import Rng, constant_, generator, kaiming_normal_, uniform_, zeros_
from .module import (
    Array,
    Batch,
    Example,
    Module,
    bounded,
    choice,
    expect,
    flat,
    name_of,
    nested,
    values,
    whole,
)

__all__ = [
    "ELU", "MLP", "BatchNorm1d", "Dropout", "Identity", "Layer", "LeakyReLU", "Linear", "Neuron",
    "ReLU", "Sequential", "Sigmoid", "Softplus", "Tanh",
]  # fmt: skip

Activation: TypeAlias = "str | Callable[[Value], Value]"
Init: TypeAlias = "str | float | Callable[[Any, int], float]"
T = TypeVar("T")
if TYPE_CHECKING:
    import typing_extensions

    Answer = typing_extensions.TypeVar("Answer", default=Any)
else:
    Answer = TypeVar("Answer")  # what a module makes of one example

# How the weights of a neuron, which are one row, are filled.
INITS: dict[str, Callable[..., Any]] = {
    "he": kaiming_normal_,
    "xavier": partial(kaiming_normal_, nonlinearity="linear"),
    "uniform": partial(uniform_, a=-1.0, b=1.0),  # micrograd's
    "zeros": lambda row, rng: zeros_(row),
}


class _Network(Module, Generic[Answer]):
    """A module with an answer for an example, and a list of them for a batch."""

    if TYPE_CHECKING:

        @overload
        def __call__(self, x: Example) -> Answer: ...
        @overload
        def __call__(self, x: Batch) -> list[Answer]: ...
        @overload
        def __call__(self, x: Array) -> Any: ...
        def __call__(self, x: Any) -> Any: ...


class _PerExample(_Network[Answer]):
    """A module that answers one example, or each example of a batch, by its `_answer`."""

    _width: int | None = None  # how many numbers an example has; None for any number

    def forward(self, x: Any) -> Any:
        __tracebackhide__ = True  # a notebook leaves this frame out of a traceback
        return self._each(x, self._answer)

    def _answer(self, x: list[Value]) -> Any:
        raise NotImplementedError

    def _each(self, x: Any, answer: Callable[[list[Value]], Any]) -> Any:
        __tracebackhide__ = True
        if _is_batch(x):
            return [self._each(example, answer) for example in x]
        return answer(self._inputs(x))

    def _inputs(self, x: Any) -> list[Value]:
        """One example as Values; a number becomes one leaf, however many neurons see it."""
        try:
            example = values(nested(x))
        except TypeError as error:
            if hasattr(x, "__len__"):
                raise
            raise TypeError(
                f"{name_of(self)} takes a sequence of numbers, as [0.5, -1.0], or a batch of those,"
                f" got {type(x).__name__}"
            ) from error
        if self._width is not None and len(example) != self._width:
            raise ValueError(f"{name_of(self)} takes {self._width} inputs, got {len(example)}")
        return example


class Neuron(_PerExample[Value]):
    """activation(b + w0 x0 + w1 x1 + ...), with `nin` weights `w` and a bias `b` that starts at 0.

    nonlin      False for no activation
    activation  the name of a gate with one operand ("relu", "tanh", "sigmoid", ...), "linear", or a
                function of a Value
    init        "he" (normal, variance 2/nin), "xavier" (normal, variance 1/nin), "uniform" (-1 to
                1), "zeros", a number for all weights, or a function of (rng, nin)
    rng         an int seed, a `random.Random`, or None for Python's global generator
    label       a name: the output gets it, and the names of the parameters begin with it

    For `nin` numbers or Values it returns a Value, for a batch of such examples a list of Values.
    """

    def __init__(
        self, nin: int, nonlin: bool = True, *, activation: Activation = "relu",
        init: Init = "he", rng: Rng = None, label: str = "",
    ) -> None:  # fmt: skip
        self._width = whole(nin, "nin", 1)
        dot = f"{label}." if label else ""
        self.w: list[Value] = [Value(0.0, f"{dot}w{i}") for i in range(nin)]
        _initialise(self.w, init, generator(rng))
        self.b: Value = Value(0.0, f"{dot}b")
        self.nonlin = nonlin
        self.label = label
        self.activation: Activation = activation if nonlin else "linear"
        self._activate = _activating(self.activation)

    def _answer(self, x: list[Value]) -> Value:
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


class _Settings(TypedDict, total=False):
    activation: Activation
    init: Init


class _LayerSettings(_Settings, total=False):
    nonlin: bool


class Layer(_PerExample[Any]):
    """`nout` neurons with the same `nin` inputs; the keywords are those of Neuron.

    Returns for one example a list of `nout` Values, or the Value itself if nout is 1, and for a
    batch a list of such answers.
    """

    def __init__(
        self, nin: int, nout: int, *, rng: Rng = None, label: str = "",
        **neuron: Unpack[_LayerSettings],
    ) -> None:  # fmt: skip
        self._width = nin  # each neuron checks it
        self.label = label
        source = generator(rng)
        dot = f"{label}." if label else ""
        self.neurons: list[Neuron] = [
            Neuron(nin, rng=source, label=f"{dot}neuron{i}", **neuron)
            for i in range(whole(nout, "nout", 1))
        ]

    def _answer(self, x: list[Value]) -> Any:
        # Not neuron(x): x holds Values already, and a neuron reads nothing besides its parameters.
        out = [neuron._answer(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        kinds = Counter(map(repr, self.neurons))
        return f"Layer of {', '.join(f'{count} {kind}' for kind, count in kinds.items())}"


class MLP(_Network[Any]):
    """A multi-layer perceptron: `nin` inputs and one Layer for each width in `nouts`.

    The last layer is linear, the others have the activation, ReLUs unless `activation="tanh"` or
    another is given. `init` and `rng` are those of Neuron, too, and calls return what a Layer
    returns.
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], *, rng: Rng = None, **neuron: Unpack[_Settings]
    ) -> None:
        if len(nouts) == 0:
            raise ValueError("MLP: nouts needs one width per layer, as in MLP(2, [16, 16, 1])")
        source = generator(rng)
        last = len(nouts) - 1
        self.layers: list[Layer] = [
            Layer(a, b, nonlin=i != last, rng=source, label=f"layer{i}", **neuron)
            for i, (a, b) in enumerate(pairwise([nin, *nouts]))
        ]

    def forward(self, x: Any) -> Any:
        __tracebackhide__ = True
        return _through(self.layers, x)


_TITLES = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU"}


class _Units(_PerExample[list[Value]]):
    """A layer that names its units after itself: the output of unit j is `label.neuronj`.

    Without a label they have no names. Sequential gives its layers labels. The parameters of unit
    j, if it has any, are `weight[j]`, which is a Value or a row of them, and `bias[j]`.
    """

    label: str = ""
    weight: Any = None
    bias: list[Value] | None = None

    def _rename(self, label: str) -> None:
        self.label = label
        dot = f"{label}." if label else ""
        for name, units in (("w", self.weight), ("b", self.bias)):
            for j, unit in enumerate(units or []):
                for i, value in enumerate(flat(unit)):
                    place = i if isinstance(unit, list) else ""
                    value.label = f"{dot}neuron{j}.{name}{place}"

    def _named(self, units: list[Value], ending: str = "") -> list[Value]:
        if self.label:
            for j, value in enumerate(units):
                value.label = f"{self.label}.neuron{j}{ending}"
        return units


class Linear(_Units):
    """f = bias + weight x, as `torch.nn.Linear`.

    weight  out_features rows of in_features Values, uniform in +-1/sqrt(in_features) at first
    bias    out_features Values, drawn likewise, or None with bias=False
    rng     as for a Neuron; label likewise

    Returns a list of out_features Values, and for a batch a list of such lists.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        rng: Rng = None, label: str = "",
    ) -> None:  # fmt: skip
        self.in_features: int = whole(in_features, "in_features", 1)
        self._width = self.in_features
        self.out_features: int = whole(out_features, "out_features", 1)
        source = generator(rng)
        bound = 1.0 / math.sqrt(in_features)

        def row(n: int) -> list[Value]:
            return [Value(source.uniform(-bound, bound)) for _ in range(n)]

        self.weight: list[list[Value]] = [row(in_features) for _ in range(out_features)]
        self.bias: list[Value] | None = row(out_features) if bias else None
        self._rename(label)

    def _answer(self, x: list[Value]) -> list[Value]:
        biases: Sequence[Value | None] = self.bias or [None] * self.out_features
        pairs = zip(self.weight, biases, strict=True)
        return self._named([weighted_sum(row, x, b) for row, b in pairs])

    def __repr__(self) -> str:
        return (
            f"Linear(in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None})"
        )


class _Activation(_Units):
    """A gate with one operand, on every number of a Value, an example or a batch."""

    _gate: ClassVar[str]
    _settings: ClassVar[tuple[str, ...]]  # the attributes that hold the gate's parameters

    if TYPE_CHECKING:

        @overload
        def __call__(self, x: Value) -> Value: ...
        @overload
        def __call__(self, x: Example) -> list[Value]: ...
        @overload
        def __call__(self, x: Batch) -> list[list[Value]]: ...
        @overload
        def __call__(self, x: Array) -> Any: ...
        def __call__(self, x: Any) -> Any: ...

    def __init_subclass__(cls, gate: str = "", settings: tuple[str, ...] = ()) -> None:
        super().__init_subclass__()
        if gate:  # a subclass of yours has its parent's
            cls._gate, cls._settings = gate, settings

    def forward(self, x: Any) -> Any:
        return self._answer([x])[0] if isinstance(x, Value) else super().forward(x)

    def _answer(self, x: list[Value]) -> list[Value]:
        constants = self._constants()
        return self._named([getattr(value, self._gate)(*constants) for value in x])

    def reads(self) -> tuple[Any, ...]:
        return (*super().reads(), *self._constants())

    def _constants(self) -> list[float]:
        return [getattr(self, name) for name in self._settings]

    def __repr__(self) -> str:
        pairs = zip(self._settings, self._constants(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={x}' for name, x in pairs)})"


class ReLU(_Activation, gate="relu"):
    """max(0, x); slope 0 at 0."""


class Tanh(_Activation, gate="tanh"):
    """tanh x."""


class Sigmoid(_Activation, gate="sigmoid"):
    """1 / (1 + exp(-x)); its slope is at most 1/4."""


class Softplus(_Activation, gate="softplus"):
    """log(1 + exp(x)), without the linear branch that PyTorch takes above a threshold."""


class LeakyReLU(_Activation, gate="leaky_relu", settings=("negative_slope",)):
    """x where it is above 0, elsewhere negative_slope times x, so that no unit dies."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope


class ELU(_Activation, gate="elu", settings=("alpha",)):
    """x where it is above 0, elsewhere alpha (exp(x) - 1) (Clevert et al., 2016)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha


class Identity(Module):
    """What comes in goes out; any arguments are taken, and left alone."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    if TYPE_CHECKING:

        def __call__(self, x: T) -> T: ...

    def forward(self, x: Any) -> Any:
        return x


class Dropout(_Units):
    """In training, times 0 with probability p, else times 1 / (1 - p); after `eval()`, nothing.

    So a number's mean is the same in training and after it (Srivastava et al., 2014). `p` is from 0
    to 1; ValueError if it is not, TypeError if it is not a number.

    rng  what seeds the layer's own generator: an int, a `random.Random`, or None for Python's
         global one. So the masks of a seed are the same however the model is run: give each layer
         another int, or all the same random.Random

    Each example gets a mask of its own, also in a compiled graph and in `nn.fit`: there it is an
    input of the program.
    """

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        expect(p, Real, "Dropout: p must be a number from 0 to 1, got")
        if isinstance(p, bool) or not 0.0 <= p <= 1.0:
            raise ValueError(f"Dropout: p must be a number from 0 to 1, got {p}")
        self.p = float(p)
        self.source = random.Random(generator(rng).getrandbits(64))

    def reads(self) -> tuple[Any, ...]:
        return (*super().reads(), self.p)

    def forward(self, x: Any) -> Any:
        return self._answer([x])[0] if isinstance(x, Value) else super().forward(x)

    def _answer(self, x: list[Value]) -> list[Value]:
        if not self.training or self.p == 0.0:
            return x
        masks = drawn(self._draw, len(x))
        # A picture folds what belongs to a neuron into it; the text of a program has one array.
        name = "mask[{}]" if is_tracing() or not self.label else "neuron{}.mask"
        dot = f"{self.label}." if self.label else ""
        for j, mask in enumerate(masks):
            mask.label = dot + name.format(j)
        return self._named([value * mask for value, mask in zip(x, masks, strict=True)])

    def _draw(self, count: int) -> Any:
        """The next `count` factors, each from 32 bits."""
        bound, kept = round(self.p * 2**32), 1.0 / (1.0 - self.p) if self.p < 1.0 else 0.0
        words = self.source.randbytes(4 * count)
        np = sys.modules.get("numpy")  # it is there where a program has its many examples
        if np is None or count < 200:
            return [kept if word >= bound else 0.0 for word in memoryview(words).cast("I")]
        return (np.frombuffer(words, np.uint32) >= bound) * kept  # in a seventh of the time

    def __repr__(self) -> str:
        return f"Dropout(p={self.p})"


class BatchNorm1d(_Units):
    """weight (x - mean) / sqrt(var + eps) + bias, unit by unit (Ioffe and Szegedy, 2015).

    In training, mean and variance are those of the batch, and gradients flow through them. The
    running averages move towards them by the fraction `momentum` (the variance with n - 1 in the
    denominator), and take their place after `eval()`. `affine=False` leaves out weight and bias,
    which start at 1 and 0.

    ValueError in training for fewer than two examples, and as elsewhere for another width than
    num_features; the running averages do not change then.
    """

    _buffers = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        self.num_features: int = whole(num_features, "num_features", 1)
        self._width = self.num_features
        self.eps: float = bounded(eps, "BatchNorm1d: eps")
        self.momentum: float = bounded(momentum, "BatchNorm1d: momentum")
        self.weight: list[Value] | None = None
        self.bias: list[Value] | None = None
        if affine:
            self.weight = [Value(1.0) for _ in range(num_features)]
            self.bias = [Value(0.0) for _ in range(num_features)]
        self.running_mean: list[float] = [0.0] * num_features
        self.running_var: list[float] = [1.0] * num_features
        self.num_batches_tracked: int = 0
        self._rename("")

    def reads(self) -> tuple[Any, ...]:
        averages = () if self.training else (self.eps, *self.running_mean, *self.running_var)
        return (*super().reads(), *averages)

    def forward(self, x: Any) -> Any:
        if self.training:
            return self._by_batch(x)
        means = self._named([Value(m) for m in self.running_mean], ".mean")
        roots = [Value(math.sqrt(v + self.eps)) for v in self.running_var]
        spread = self._named(roots, ".std")
        return self._each(x, lambda row: self._normalised(row, means, spread))

    def _by_batch(self, x: Any) -> list[list[Value]]:
        if is_tracing():
            raise TraceError(
                f"{name_of(self)}: in training, batch normalisation couples the examples of a "
                "batch, and a program runs each example by itself: train with eager=True, or call "
                "model.eval() first"
            )
        n = len(x) if _is_batch(x) else 1
        if n < 2:
            raise ValueError(
                f"{name_of(self)}: in training, batch statistics need at least two examples, got "
                f"{'an empty batch' if n == 0 else 'one'}; give a batch (and give fit the model "
                "itself, not a function around it), or call model.eval() first"
            )
        rows = [self._inputs(row) for row in x]
        columns = list(zip(*rows, strict=True))
        means = self._named([_mean(column) for column in columns], ".mean")
        pairs = zip(columns, means, strict=True)
        variances = [_mean([(v - mean) ** 2 for v in column]) for column, mean in pairs]
        spread = self._named([(variance + self.eps).sqrt() for variance in variances], ".std")
        out = [self._normalised(row, means, spread) for row in rows]
        self._average(self.running_mean, means, 1.0)
        self._average(self.running_var, variances, n / (n - 1))
        self.num_batches_tracked += 1
        return out

    def _normalised(self, x: list[Value], means: list[Value], spread: list[Value]) -> list[Value]:
        out = [(v - m) / s for v, m, s in zip(x, means, spread, strict=True)]
        if self.weight is not None and self.bias is not None:
            units = zip(self.weight, out, self.bias, strict=True)
            out = [weighted_sum([w], [v], b) for w, v, b in units]
        return self._named(out)

    def _average(self, running: list[float], batch: list[Value], scale: float) -> None:
        for j, value in enumerate(batch):
            running[j] = (1.0 - self.momentum) * running[j] + self.momentum * scale * value.data

    def __repr__(self) -> str:
        return (
            f"BatchNorm1d({self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.weight is not None})"
        )


class Sequential(_Network[Answer]):
    """Modules one after another. Indexing, `len` and iteration give the modules.

    Module i gets the label `layeri` if it has none, so that its units are called `layeri.neuronj`.
    Parameters have PyTorch's names (`0.weight`).
    """

    if TYPE_CHECKING:  # a checker knows the answer of the last module

        @overload
        def __init__(self, *modules: *tuple[*tuple[Module, ...], _Network[Answer]]) -> None: ...
        @overload
        def __init__(self: Sequential[Any], *modules: Module) -> None: ...

    def __init__(self, *modules: Module) -> None:  # type: ignore[misc]
        for i, module in enumerate(modules):
            expect(
                module, Module, "Sequential takes modules one by one, as in "
                f"Sequential(Linear(2, 8), ReLU()); argument {i} is of type",
            )  # fmt: skip
        for i, module in enumerate(modules):
            setattr(self, str(i), module)  # the names of the parameters begin with the attribute's
            if module in modules[:i]:
                continue
            for unit in module.modules():
                if isinstance(unit, _Units) and (unit is module) != bool(unit.label):
                    unit._rename(f"layer{i}.{unit.label}" if unit.label else f"layer{i}")

    def forward(self, x: Any) -> Any:
        __tracebackhide__ = True
        return _through(self._stack, x)

    @property
    def _stack(self) -> list[Module]:
        return [thing for name, thing in vars(self).items() if name.isdecimal()]

    def __iter__(self) -> Iterator[Module]:
        return iter(self._stack)

    def __getitem__(self, index: int | slice) -> Any:
        """Module `index`; of a slice, a Sequential of the same modules."""
        chosen = self._stack[index]
        return Sequential(*chosen) if isinstance(chosen, list) else chosen

    def __len__(self) -> int:
        return len(self._stack)


def weighted_sum(
    weights: Sequence[Value], inputs: Sequence[Value], bias: Value | None = None
) -> Value:
    """bias + w0 x0 + w1 x1 + ..., added from left to right."""
    products = (w * x for w, x in zip(weights, inputs, strict=True))
    total = next(products) if bias is None else bias
    for product in products:
        total = total + product
    return total


def _mean(column: Sequence[Value]) -> Value:
    return reduce(add, column) / len(column)


def _initialise(w: list[Value], init: Init, source: Any) -> None:
    if callable(init):
        for weight in w:
            weight.data = init(source, len(w))
    elif isinstance(init, Real):
        constant_(w, float(init))
    else:
        expect(init, str, f"init must be one of {', '.join(INITS)}, a number or a function, got")
        choice(init, "init", [*INITS, "a number"])
        INITS[str(init)]([w], rng=source)


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
        return False  # a sequence of arrays without dimensions: those are numbers
    return hasattr(x[0], "__len__")


def _through(modules: Sequence[Module], x: Any) -> Any:
    """Pass x, an example or a batch, through all modules; a lone Value becomes a list of one."""
    __tracebackhide__ = True
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
