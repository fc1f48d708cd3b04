"""Value: a number that remembers how it was made, and backpropagates.

    x = Value(-2.0, label="x")
    y = Value(5.0, label="y")
    f = (x + y) * y
    f.backward()
    x.grad, y.grad                          # 5.0, 8.0

Every operation is a gate of the table in `table`. It computes the output and, at once, the slope
of the output in each operand (`partials`), so that a later write to `.data` changes no gradient.
`backward` walks the graph from the output to the leaves: at each gate, upstream x local goes to
each input, and where a value is used more than once, `+=` sums. The walk itself is in `graph`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import repeat
from operator import le, lt
from threading import RLock
from weakref import ref

from . import elementary as xp
from . import errors, modes
from .comparison import last as compared
from .gate import Gate
from .graph import WRITTEN, checked_seed, gradients, summed, topological
from .native import adopted
from .scalars import number, real
from .table import gates

__all__ = ["Value", "apply"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeAlias

    from .graph import Watch
    from .scalars import Number

    Operand: TypeAlias = "Value | Number"
    UnaryMethod: TypeAlias = Callable[["Value"], "Value"]
    BinaryMethod: TypeAlias = Callable[["Value", Operand], "Value"]
    ReflectedMethod: TypeAlias = Callable[["Value", Number], "Value"]

_new = object.__new__


def _method(name: str, attribute: str = "") -> Callable[..., Value]:
    """The gate of that name as a method of Value; its parameters may be given by name."""
    gate = gates[name]
    forward, partials = gate.forward, gate.partials

    def unary(self: Value) -> Value:
        x = self._number
        y = forward(xp, x)
        if y - y != 0.0:  # inf or nan: the gate may fail here
            gate.evaluate([x], [self])
        return record(gate, y, self, None, partials(xp, y, x)[0], 0.0)

    def method(self: Value, *operands: Operand, **parameters: Any) -> Value:
        return apply(gate, self, *operands, **parameters)

    plain = len(gate.operands) == 1 and not gate.parameters
    return gate.describe(unary if plain else method, f"Value.{attribute or name}")


def _reflected(operator: Callable[[Any, Any], Value]) -> Callable[[Any, Any], Value]:
    """The operator with a number on its left: 2 * x."""

    def reflected(self: Value, other: Number, modulus: object = None) -> Value:
        if modulus is not None:
            raise TypeError(errors.INTEGER_POWER)
        left = _lift(other)
        return NotImplemented if left is None else operator(left, self)

    return reflected


_NO_REST: tuple[str, str, tuple[float, ...]] = "", "", ()


@adopted
class Value:
    """A scalar in a computational graph.

    data    its number, a float
    grad    the derivative of the roots of all backward passes so far with respect to it
    label   a name for pictures and messages; dots in it make groups (`layer0.neuron3.w1`)
    line    where it was made, if that was inside `with trace_creation():`, else ""

    `data` is one real number: int, float, Fraction, NumPy scalar or 0-d array. TypeError for
    anything else, a Value included.

    Operators `+ - * / **`, unary `-` and `abs` take Values and numbers and make Values. `< <= > >=`
    and `bool` look at `data`. `==` and `hash` are identity, so that Values live in sets and dicts:
    `v == 2.0` is False, write `v.data == 2.0`.
    """

    # Two operands lie in slots of their own, not in a tuple: half the memory, a third off the time.
    __slots__ = (
        "__weakref__", "_a", "_b", "_gate", "_grad", "_number", "_rest", "_seen", "_slope_a",
        "_slope_b", "_stamp", "_sum",
    )  # fmt: skip

    # Not `_data`: numpy.ma takes that attribute of whatever it is given, and would lose the graph.
    _number: float
    _grad: float
    _gate: Gate | None
    _a: Value | None
    _b: Value | None
    _slope_a: float
    _slope_b: float
    _stamp: int  # how many writes there had been when its number was set, see `graph.is_stale`
    _seen: object  # the last backward pass that came here, and its gradient in it
    _sum: float
    _rest: tuple[str, str, tuple[float, ...]]  # label, line, constants: few Values have any

    def __init_subclass__(cls, **_: object) -> None:
        raise TypeError(errors.FINAL.format(name=cls.__name__))

    def __init__(self, data: Number, label: str = "") -> None:
        self._number = data if data.__class__ is float else real(data, "data")
        self._grad = 0.0
        self._gate = self._a = self._b = self._seen = None
        self._stamp = modes.writes
        self._rest = _NO_REST
        if label != "" or self._label:
            self.label = label
        if modes.contexts:
            if modes.mine.tracer is not None:
                modes.mine.tracer.made(self)
            if modes.mine.keeps_lines:
                self.line = modes.user_line()

    @property
    def data(self) -> float:
        if modes.contexts:
            modes.refuse("a number is read", self)
        return self._number

    @data.setter
    def data(self, data: Number) -> None:
        if modes.contexts:
            modes.refuse("a number is written", self)
        self._number = real(data, "data")
        stamp = modes.written()
        self._stamp = stamp if self._a is None else WRITTEN

    @property
    def grad(self) -> float:
        if modes.contexts:
            modes.refuse("a gradient is read", self)
        return self._grad

    @grad.setter
    def grad(self, grad: Number) -> None:
        if modes.contexts:
            modes.refuse("a gradient is written", self)
        self._grad = real(grad, "grad")

    @property
    def label(self) -> str:
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        if not isinstance(label, str):
            kind = type(label).__name__
            raise TypeError(errors.LABEL.format(kind=kind, thing=errors.short(label)))
        self._label = label

    @property
    def _label(self) -> str:
        return self._rest[0]

    @_label.setter
    def _label(self, label: str) -> None:
        self._rest = label, *self._rest[1:]

    @property
    def line(self) -> str:
        """Where it was made, if that was inside `with trace_creation():`, else ""."""
        return self._rest[1]

    @line.setter
    def line(self, line: str) -> None:
        label, _, constants = self._rest
        self._rest = label, line, constants

    @property
    def constants(self) -> tuple[float, ...]:
        """The parameters of its gate, as the 2 of x**2."""
        return self._rest[2]

    @constants.setter
    def constants(self, constants: tuple[float, ...]) -> None:
        self._rest = *self._rest[:2], constants

    @property
    def gate(self) -> Gate | None:
        """The gate that made this value; None for a leaf."""
        return self._gate

    @property
    def op(self) -> str:
        """`+ - * / **`, or the name of the gate (`tanh`); "" for a leaf."""
        return self._gate.op if self._gate is not None else ""

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The operands of the gate, as written, from left to right; () for a leaf, and for a result
        that was made under no_grad."""
        if self._a is None:
            return ()
        return (self._a,) if self._b is None else (self._a, self._b)

    @property
    def partials(self) -> tuple[float, ...]:
        """The local gradients: the slope of `data` in each input, where it was computed."""
        if modes.contexts:
            modes.refuse("a slope is read", self)
        if self._a is None:
            return ()
        return (self._slope_a,) if self._b is None else (self._slope_a, self._slope_b)

    _prev = inputs  # micrograd's names
    _op = op

    def item(self) -> float:
        """The number, as PyTorch calls it."""
        return self.data

    def detach(self) -> Value:
        """A fresh leaf with the same number, cut off from the graph."""
        return Value(self.data)

    if not TYPE_CHECKING:
        requires_grad = errors.Elsewhere(errors.MOVES)
        requires_grad_ = errors.Elsewhere(errors.MOVES)
        retain_grad = errors.Elsewhere("every Value keeps its .grad, results too: leave it out")
        grad_fn = errors.Elsewhere("v.op is the gate that made it, v.inputs what it was made of")
        numpy = errors.Elsewhere("v.data is its number, np.array([v.data for v in values]) several")
        clone = errors.Elsewhere("x + 0 is another node of the graph, v.detach() a fresh leaf")

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        line = f", line={self.line!r}" if self.line else ""
        return f"Value(data={self._number!r}, grad={self._grad!r}{label}{line})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def backward(self, seed: Number = 1.0, watch: Watch | None = None) -> None:
        """Add d(self)/dv, times `seed`, to `v.grad` for every v that self depends on.

        Reverse-mode differentiation: the chain rule from the output to the leaves (Rumelhart,
        Hinton and Williams, 1986; Prince, Understanding Deep Learning, 7.4). Linear in gates. A
        second call adds the same again. `watch` sees every step, see `gradients`.

        Either all gradients change or, after an error or Ctrl-C, none. TypeError if seed is not a
        number, or watch not a function; RuntimeError if self was made under `no_grad`, or if a
        watch calls it again.
        """
        if modes.mine.in_backward:
            raise RuntimeError(errors.BACKWARD_IN_WATCH)
        modes.refuse("backward() is called")

        def add() -> None:
            if watch is None:
                accumulate(self, checked_seed(self, seed))
            else:
                total = gradients(self, seed, watch)
                _commit(total, [node._grad + change for node, change in total.items()])

        _alone(add)

    def zero_grad(self) -> None:
        """Set the gradient of this value and of everything below it to 0."""
        if modes.mine.in_backward:
            raise RuntimeError(errors.BACKWARD_IN_WATCH)
        modes.refuse("zero_grad() is called")
        _alone(lambda: _commit(topological(self), repeat(0.0)))

    # ------------------------------------------------------------------ operators
    # The plain arithmetic is written out, for speed; a test holds it equal to the table.

    def __add__(self, other: Operand) -> Value:
        right: Any = other
        if right.__class__ is not Value:
            right = _lift(right)
            if right is None:
                return NotImplemented
        return record(_ADD, self._number + right._number, self, right, 1.0, 1.0)

    def __sub__(self, other: Operand) -> Value:
        right: Any = other
        if right.__class__ is not Value:
            right = _lift(right)
            if right is None:
                return NotImplemented
        return record(_SUB, self._number - right._number, self, right, 1.0, -1.0)

    def __mul__(self, other: Operand) -> Value:
        right: Any = other
        if right.__class__ is not Value:
            right = _lift(right)
            if right is None:
                return NotImplemented
        x = self._number
        y = right._number
        return record(_MUL, x * y, self, right, y, x)

    def __truediv__(self, other: Operand) -> Value:
        right = _lift(other)
        return NotImplemented if right is None else apply(_DIV, self, right)

    def __pow__(self, other: Operand, modulus: object = None) -> Value:
        if modulus is not None:
            raise TypeError(errors.INTEGER_POWER)
        if isinstance(other, Value):
            return apply(_POW, self, other)
        return NotImplemented if number(other) is None else apply(_POWER, self, other)

    __radd__: ClassVar[ReflectedMethod] = _reflected(__add__)
    __rsub__: ClassVar[ReflectedMethod] = _reflected(__sub__)
    __rmul__: ClassVar[ReflectedMethod] = _reflected(__mul__)
    __rtruediv__: ClassVar[ReflectedMethod] = _reflected(__truediv__)
    __rpow__: ClassVar[ReflectedMethod] = _reflected(__pow__)

    def __neg__(self) -> Value:
        return record(_NEG, -self._number, self, None, -1.0, 0.0)

    def __pos__(self) -> Value:
        return self

    def relu(self) -> Value:
        x = self._number
        if x > 0.0:
            return record(_RELU, x, self, None, 1.0, 0.0)
        if x <= 0.0:
            return record(_RELU, 0.0, self, None, 0.0, 0.0)
        return record(_RELU, x, self, None, x, 0.0)

    gates["relu"].describe(relu, "Value.relu")

    def __lt__(self, other: Operand) -> bool:
        return _holds("less", lt, self, other)

    def __le__(self, other: Operand) -> bool:
        return _holds("less_equal", le, self, other)

    def __gt__(self, other: Operand) -> bool:
        return _holds("less", lt, other, self)

    def __ge__(self, other: Operand) -> bool:
        return _holds("less_equal", le, other, self)

    def __eq__(self, other: object) -> bool:
        # Identity; but what is a Value in a trace is a plain number to the eager engine, whose
        # == compares numbers, so a branch on it would go another way there.
        if modes.contexts and self is not other:
            modes.refuse("== or != compares a number", self, other)
        return self is other

    if TYPE_CHECKING:  # an assignment would leave open which type overrides the base's

        def __hash__(self) -> int: ...
    else:
        __hash__ = object.__hash__

    def __bool__(self) -> bool:
        if modes.contexts:
            modes.refuse("a number, or a comparison of numbers, is asked for its truth", self)
        return self._number != 0.0

    # ------------------------------------------------------------------ gates as methods

    max: ClassVar[BinaryMethod] = _method("max")
    min: ClassVar[BinaryMethod] = _method("min")
    exp: ClassVar[UnaryMethod] = _method("exp")
    expm1: ClassVar[UnaryMethod] = _method("expm1")
    log: ClassVar[UnaryMethod] = _method("log")
    log1p: ClassVar[UnaryMethod] = _method("log1p")
    sqrt: ClassVar[UnaryMethod] = _method("sqrt")
    sin: ClassVar[UnaryMethod] = _method("sin")
    cos: ClassVar[UnaryMethod] = _method("cos")
    tan: ClassVar[UnaryMethod] = _method("tan")
    sinh: ClassVar[UnaryMethod] = _method("sinh")
    cosh: ClassVar[UnaryMethod] = _method("cosh")
    tanh: ClassVar[UnaryMethod] = _method("tanh")
    asin: ClassVar[UnaryMethod] = _method("asin")
    acos: ClassVar[UnaryMethod] = _method("acos")
    atan: ClassVar[UnaryMethod] = _method("atan")
    arcsin: ClassVar[UnaryMethod] = asin  # NumPy calls these names on object arrays
    arccos: ClassVar[UnaryMethod] = acos
    arctan: ClassVar[UnaryMethod] = atan
    sigmoid: ClassVar[UnaryMethod] = _method("sigmoid")
    softplus: ClassVar[UnaryMethod] = _method("softplus")
    if TYPE_CHECKING:  # with defaults, and where checkers look for a method

        def __abs__(self) -> Value: ...
        def leaky_relu(self, slope: Number = 0.01) -> Value: ...
        def elu(self, alpha: Number = 1.0) -> Value: ...
    else:
        __abs__ = _method("abs", "__abs__")
        leaky_relu = _method("leaky_relu")
        elu = _method("elu")

    if not TYPE_CHECKING:  # a checker is not to see them: float(v) and math.exp(v) are mistakes

        def __float__(self) -> float:
            raise _no_plain("float")

        def __int__(self) -> int:
            raise _no_plain("int")

        def __complex__(self) -> complex:
            raise _no_plain("complex")

    def __reduce__(self) -> tuple[Any, ...]:
        modes.refuse("a Value is copied")
        if self._a is not None:
            raise TypeError(errors.COPY_OF_RESULT.format(value=self, op=self.op))
        return _leaf, (self._number, self._grad, self.label)


_ADD, _SUB, _MUL, _DIV = gates["add"], gates["sub"], gates["mul"], gates["div"]
_POWER, _POW, _NEG, _RELU = gates["power"], gates["pow"], gates["neg"], gates["relu"]


@adopted
def record(
    gate: Gate, data: float, a: Value, b: Value | None, slope_a: float, slope_b: float
) -> Value:
    """A node: `gate` made `data` of the inputs a and perhaps b, with these slopes in them."""
    out = _new(Value)  # not Value(...): its checks would take a third of the time of a gate
    out._number = data
    out._grad = 0.0
    out._gate = gate
    out._seen = None
    out._a = a
    out._b = b
    out._slope_a = slope_a
    out._slope_b = slope_b
    out._stamp = modes.writes
    out._rest = _NO_REST
    if modes.contexts:
        mine = modes.mine
        if not mine.recording:
            modes.refuse("no_grad is on")
            out._a = out._b = None
        if mine.tracer is not None:
            mine.tracer.made(out)
        else:
            modes.refuse("a gate is made", a, b)
        if mine.keeps_lines:
            out.line = modes.user_line()
    return out


@adopted
def accumulate(root: Value, seed: float) -> None:
    """One backward pass, added to every `.grad`: to all of them or to none."""
    order = summed(root, seed)
    _commit(order, [node._grad + node._sum for node in order])


def apply(gate: Gate, *operands: Operand, quiet: bool = False, **parameters: Number) -> Value:
    """The Value that `gate` makes of one or two operands, Values or numbers.

    The gate's parameters follow the operands or come by name. This is how a gate of your own is
    used, and what most operators and methods do; the commonest make their node by `record` at once.
    Raises what the gate's failures say, naming gate and operands, unless `quiet`; TypeError for
    operands that are not numbers.
    """
    if not isinstance(gate, Gate):
        raise TypeError(f"apply takes a Gate, as apply(gates['tanh'], x), got {errors.short(gate)}")
    count = len(gate.operands)
    if count > 2:
        raise TypeError(f"{gate.name}: a Value has at most two inputs, this gate takes {count}")
    constants = gate.bind(operands, parameters)
    pairs = zip(gate.operands, operands, strict=False)
    values = [as_value(x, f"{gate.name}: operand {name}") for name, x in pairs]
    numbers = [value._number for value in values]
    numbers += constants
    y = gate.forward(xp, *numbers) if quiet else gate.evaluate(numbers, values)
    if y.__class__ is not float:
        y = real(y, f"{gate.name}: what its forward returns")
    if gate.condition and modes.contexts and modes.is_tracing():
        y = xp.NAN  # not known yet: a comparison of nan would answer 0
    slopes = gate.partials(xp, y, *numbers)
    if slopes.__class__ is not tuple or len(slopes) != count:
        raise TypeError(
            f"{gate.name}: its partials must return a tuple of slopes, one for each of {count}, "
            f"got {errors.short(slopes)}"
        )
    for slope in slopes:
        if slope.__class__ is not float:
            slopes = tuple([real(s, f"{gate.name}: a slope of its partials") for s in slopes])
            break
    if count == 1:
        out = record(gate, y, values[0], None, slopes[0], 0.0)
    else:
        out = record(gate, y, values[0], values[1], *slopes)
    out.constants = constants
    return out


def as_value(x: Any, what: str) -> Value:
    """x itself, or a number as a leaf; TypeError, naming `what`, for anything else."""
    return x if isinstance(x, Value) else Value(real(x, what))


def _lift(x: Any) -> Value | None:
    """An operand as a Value, a number as a leaf; None for what cannot be an operand."""
    if isinstance(x, Value):
        return x
    return Value(x) if x.__class__ is float or number(x) is not None else None


def _holds(gate: str, operator: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """Whether left < right, or <=, by their numbers; in a trace, a condition of the program."""
    if modes.contexts:
        if modes.mine.tracer is not None:
            return modes.mine.tracer.compare(gate, left, right)  # type: ignore[no-any-return]
        modes.refuse("numbers are compared", left, right)
    a = left._number if isinstance(left, Value) else number(left)
    b = right._number if isinstance(right, Value) else number(right)
    if a is None or b is None:
        return NotImplemented  # type: ignore[no-any-return]
    answer: bool = operator(a, b)
    a = ref(left) if isinstance(left, Value) else a
    compared.append((gate, a, ref(right) if isinstance(right, Value) else b, answer))
    return answer


def _leaf(data: float, grad: float, label: str) -> Value:
    leaf = Value(data, label)
    leaf._grad = grad
    return leaf


def _no_plain(kind: str) -> TypeError:
    """What float(v) raises, traced or not: a function that catches it has not branched."""
    if modes.is_tracing():
        return modes.refusal("a number is read")
    return TypeError(errors.PLAIN_FLOAT.format(kind=kind))


_lock = RLock()
modes.held_by_forks(_lock)
_set_grad = vars(Value)["_grad"].__set__


def _alone(change: Callable[[], None]) -> None:
    """Change gradients while no other thread does.

    Ctrl-C may come at any bytecode, also while the lock is let go, so that is done twice.
    """
    try:
        try:
            _lock.acquire()
            modes.mine.in_backward = True
            change()
        finally:
            _let_go()
    finally:
        _let_go()


def _let_go() -> None:
    modes.mine.in_backward = False
    if _lock._is_owned():  # type: ignore[attr-defined]  # not public; threading.Condition asks it too
        _lock.release()


def _commit(nodes: Iterable[Value], grads: Iterable[float]) -> None:
    """Set the gradients in one call into C, which Ctrl-C cannot interrupt halfway."""
    deque(map(_set_grad, nodes, grads), maxlen=0)
