"""Value: a number that remembers how it was made, and backpropagates.

    x = Value(-2.0, label="x")
    y = Value(5.0, label="y")
    f = (x + y) * y
    f.backward()
    x.grad, y.grad                          # 5.0, 8.0

Every operation is a gate of the table in `gates`. It computes the output and, at once, the slope
of the output in each operand (`partials`), so that a later write to `.data` changes no gradient.
`backward` walks the graph from the output to the leaves: at each gate, upstream x local goes to
each input, and where a value is used more than once, `+=` sums.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from itertools import repeat
from numbers import Real
from threading import RLock

from . import elementary as xp
from . import errors, modes
from .gates import Gate, gates
from .modes import is_tracing

__all__ = ["Value", "apply", "first_nan", "gradients", "topological"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Number: TypeAlias = Any  # int, float, Fraction, NumPy scalar: whatever `real` takes
    Operand: TypeAlias = "Value | Number"
    Watch: TypeAlias = Callable[["Value", int, float, float, float], object]

_new = object.__new__


def real(x: Number, what: str) -> float:
    """`x` as a Python float; TypeError, naming `what`, unless x is one real number."""
    inner = _unwrapped(x)
    if isinstance(inner, Real):
        return float(inner)
    if isinstance(inner, Value):
        raise TypeError(errors.VALUE_AS_NUMBER.format(what=what))
    raise TypeError(
        errors.NOT_A_NUMBER.format(what=what, kind=type(x).__name__, thing=errors.short(x))
    )


def _unwrapped(x: Any) -> Any:
    """What a NumPy scalar or 0-d array holds, seen without importing NumPy; x itself else."""
    if type(x).__module__ == "numpy" and getattr(x, "shape", None) == ():
        return x if x.dtype.kind in "mM" else x.item()  # a time is no number
    return x


def _number(x: Any) -> Number | None:
    """A number as Python has it, None for all else."""
    inner = _unwrapped(x)
    return inner if isinstance(inner, Real) else None


def _lift(x: Any) -> Value | None:
    """An operand as a Value, a number as a leaf; None for what cannot be an operand."""
    if x.__class__ is float:
        return _leaf(x)
    if isinstance(x, Value):
        return x
    return None if _number(x) is None else Value(x)


def _compared(x: Any) -> Number | None:
    """What a comparison with x looks at; None for what cannot be compared."""
    return x._data if isinstance(x, Value) else _number(x)


def _leaf(data: float, grad: float = 0.0, label: str = "") -> Value:
    leaf = Value(data, label)
    leaf._grad = grad
    return leaf


def _method(name: str) -> Callable[..., Value]:
    """The gate of that name as a method of Value; its parameters may be given by name."""
    gate = gates[name]
    forward, partials = gate.forward, gate.partials

    def unary(self: Value) -> Value:
        x = self._data
        y = forward(xp, x)
        if y - y != 0.0:
            evaluate(gate, [x], [self])
        return _record(gate, y, self, None, partials(xp, y, x)[0], 0.0)

    def method(self: Value, *operands: Operand, **parameters: Number) -> Value:
        return apply(gate, self, *operands, **parameters)

    plain = len(gate.operands) == 1 and not gate.parameters
    return describe(unary if plain else method, gate, f"Value.{name}")


def describe(function: Callable[..., Any], gate: Gate, qualname: str) -> Callable[..., Any]:
    """Name a generated function and give it the gate's docstring."""
    arguments = list(gate.operands)
    for i, parameter in enumerate(gate.parameters):
        arguments.append(f"{parameter}={gate.defaults[i]}" if i < len(gate.defaults) else parameter)
    function.__name__ = qualname.rpartition(".")[2]
    function.__qualname__ = qualname
    function.__doc__ = f"{gate.name}({', '.join(arguments)}) = {gate.latex}, slopes {gate.slopes}."
    return function


class Value:
    """A scalar in a computational graph.

    data    its number, a float
    grad    the derivative of the roots of all backward passes so far with respect to it
    label   a name for pictures and messages; dots in it make groups (`layer0.neuron3.w1`)
    line    where it was made, if that was inside `with trace_creation():`, else ""

    `data` is one real number: int, float, Fraction, NumPy scalar or 0-d array. TypeError for all
    else, a Value included.

    Operators `+ - * / **`, unary `-` and `abs` take Values and numbers and make Values. `< <= > >=`
    and `bool` look at `data`. `==` and `hash` are identity, so that Values live in sets and dicts:
    `v == 2.0` is False, write `v.data == 2.0`.
    """

    # Two operands lie in slots of their own, not in a tuple: half the memory, a third off the time.
    __slots__ = (
        "__weakref__", "_a", "_b", "_data", "_gate", "_grad", "_slope_a", "_slope_b",
        "constants", "label", "line",
    )  # fmt: skip

    _data: float
    _grad: float
    _gate: Gate | None
    _a: Value | None
    _b: Value | None
    _slope_a: float
    _slope_b: float
    constants: tuple[float, ...]
    label: str
    line: str

    def __init__(self, data: Number, label: str = "") -> None:
        self._data = data if data.__class__ is float else real(data, "data")
        self._grad = 0.0
        self._gate = self._a = self._b = None
        self.constants = ()
        if not isinstance(label, str):
            raise TypeError(
                errors.LABEL.format(kind=type(label).__name__, thing=errors.short(label))
            )
        self.label = label
        self.line = ""
        if modes.open:
            if modes.mine.born is not None:
                modes.mine.born[self] = None
            if modes.mine.tracing:
                self.line = modes.user_line()

    # ------------------------------------------------------------------ what a node knows

    @property
    def data(self) -> float:
        if modes.open:
            refuse("a number is read")
        return self._data

    @data.setter
    def data(self, data: Number) -> None:
        if modes.open:
            refuse("a number is written")
        self._data = real(data, "data")
        modes.writes = object()

    @property
    def grad(self) -> float:
        if modes.open:
            refuse("a gradient is read")
        return self._grad

    @grad.setter
    def grad(self, grad: Number) -> None:
        self._grad = real(grad, "grad")

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
        """The operands of the gate, in the order of writing; () for a leaf."""
        if self._a is None:
            return ()
        return (self._a,) if self._b is None else (self._a, self._b)

    @property
    def partials(self) -> tuple[float, ...]:
        """The local gradients: the slope of `data` in each input, where it was computed."""
        if modes.open:
            refuse("a slope is read")
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

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        line = f", line={self.line!r}" if self.line else ""
        return f"Value(data={self._data!r}, grad={self._grad!r}{label}{line})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    # ------------------------------------------------------------------ the backward pass

    def backward(self, seed: Number = 1.0, watch: Watch | None = None) -> None:
        """Add d(self)/dv, times `seed`, to `v.grad` for every v that self depends on.

        Reverse-mode differentiation: the chain rule from the output to the leaves (Rumelhart,
        Hinton and Williams, 1986; Prince, Understanding Deep Learning, 7.4). Linear in gates. A
        second call adds the same again. `watch` sees every step, see `gradients`.

        Either all gradients change or, after an error or Ctrl-C, none. TypeError if seed is not a
        number; RuntimeError if self was made under `no_grad`, or if a watch calls backward.
        """
        if modes.mine.passing:
            raise RuntimeError(errors.BACKWARD_IN_WATCH)
        refuse("backward() is called")
        with _lock:
            try:
                modes.mine.passing = True
                total = gradients(self, seed, watch)
                _commit(total, [node._grad + change for node, change in total.items()])
            finally:
                modes.mine.passing = False

    def zero_grad(self) -> None:
        """Set the gradient of this value and of everything below it to 0."""
        if modes.mine.passing:
            raise RuntimeError(errors.BACKWARD_IN_WATCH)
        with _lock:
            _commit(topological(self), repeat(0.0))

    # ------------------------------------------------------------------ operators
    # The plain arithmetic is written out, for speed; a test holds it equal to the table.

    def __add__(self, other: Operand) -> Value:
        if other.__class__ is not Value:
            other = _lift(other)
            if other is None:
                return NotImplemented
        return _record(_ADD, self._data + other._data, self, other, 1.0, 1.0)

    def __sub__(self, other: Operand) -> Value:
        if other.__class__ is not Value:
            other = _lift(other)
            if other is None:
                return NotImplemented
        return _record(_SUB, self._data - other._data, self, other, 1.0, -1.0)

    def __mul__(self, other: Operand) -> Value:
        if other.__class__ is not Value:
            other = _lift(other)
            if other is None:
                return NotImplemented
        x = self._data
        y = other._data
        return _record(_MUL, x * y, self, other, y, x)

    def __truediv__(self, other: Operand) -> Value:
        right = _lift(other)
        return NotImplemented if right is None else apply(_DIV, self, right)

    def __pow__(self, other: Operand, modulus: object = None) -> Value:
        if modulus is not None:
            raise TypeError(errors.INTEGER_POWER)
        if isinstance(other, Value):
            return apply(_POW, self, other)
        return NotImplemented if _number(other) is None else apply(_POWER, self, other)

    def __radd__(self, other: Number) -> Value:
        left = _lift(other)
        return NotImplemented if left is None else left + self

    def __rsub__(self, other: Number) -> Value:
        left = _lift(other)
        return NotImplemented if left is None else left - self

    def __rmul__(self, other: Number) -> Value:
        left = _lift(other)
        return NotImplemented if left is None else left * self

    def __rtruediv__(self, other: Number) -> Value:
        left = _lift(other)
        return NotImplemented if left is None else left / self

    def __rpow__(self, other: Number, modulus: object = None) -> Value:
        left = _lift(other)
        return NotImplemented if left is None else apply(_POW, left, self)

    def __neg__(self) -> Value:
        return _record(_NEG, -self._data, self, None, -1.0, 0.0)

    def __pos__(self) -> Value:
        return self

    def relu(self) -> Value:
        """relu(x) = max(0, x); its slope at 0 is 0."""
        x = self._data
        if x > 0.0:
            return _record(_RELU, x, self, None, 1.0, 0.0)
        if x <= 0.0:
            return _record(_RELU, 0.0, self, None, 0.0, 0.0)
        return _record(_RELU, x, self, None, x, 0.0)

    def __lt__(self, other: Operand) -> bool:
        if modes.open and modes.mine.born is not None:
            return _condition("less", self, other)
        right = _compared(other)
        return NotImplemented if right is None else self._data < right

    def __le__(self, other: Operand) -> bool:
        if modes.open and modes.mine.born is not None:
            return _condition("less_equal", self, other)
        right = _compared(other)
        return NotImplemented if right is None else self._data <= right

    def __gt__(self, other: Operand) -> bool:
        if modes.open and modes.mine.born is not None:
            return _condition("less", other, self)
        right = _compared(other)
        return NotImplemented if right is None else self._data > right

    def __ge__(self, other: Operand) -> bool:
        if modes.open and modes.mine.born is not None:
            return _condition("less_equal", other, self)
        right = _compared(other)
        return NotImplemented if right is None else self._data >= right

    # A traced comparison is no bool but a Value, and is joined with others as bools are.

    def __and__(self, other: Operand) -> Value:
        return select(self, other, 0.0) if is_tracing() else NotImplemented

    def __or__(self, other: Operand) -> Value:
        return select(self, 1.0, other) if is_tracing() else NotImplemented

    __rand__ = __and__
    __ror__ = __or__

    def __bool__(self) -> bool:
        if modes.open:
            refuse("a number, or a comparison of numbers, is asked for its truth")
        return self._data != 0.0

    # ------------------------------------------------------------------ gates as methods

    __abs__ = _method("abs")
    max = _method("max")
    min = _method("min")
    exp = _method("exp")
    expm1 = _method("expm1")
    log = _method("log")
    log1p = _method("log1p")
    sqrt = _method("sqrt")
    sin = _method("sin")
    cos = _method("cos")
    tan = _method("tan")
    sinh = _method("sinh")
    cosh = _method("cosh")
    tanh = _method("tanh")
    asin = arcsin = _method("asin")  # NumPy calls the second names on object arrays
    acos = arccos = _method("acos")
    atan = arctan = _method("atan")
    sigmoid = _method("sigmoid")
    softplus = _method("softplus")
    leaky_relu = _method("leaky_relu")
    elu = _method("elu")

    # ------------------------------------------------------------------ what would lose a graph

    def __float__(self) -> float:
        raise _no_plain("float")

    def __int__(self) -> int:
        raise _no_plain("int")

    def __complex__(self) -> complex:
        raise _no_plain("complex")

    def __reduce__(self) -> tuple[Any, ...]:
        refuse("a Value is copied")
        if self._a is not None:
            raise TypeError(errors.COPY_OF_RESULT.format(value=self, op=self.op))
        return _leaf, (self._data, self._grad, self.label)


_ADD, _SUB, _MUL, _DIV = gates["add"], gates["sub"], gates["mul"], gates["div"]
_POWER, _POW, _NEG, _RELU = gates["power"], gates["pow"], gates["neg"], gates["relu"]

# ---------------------------------------------------------------------------- making a node


def refuse(what: str) -> None:
    """Raise TraceError if this thread is tracing a function: its numbers are not known yet.

    The error is kept, for the case that the function catches it and goes on.
    """
    if modes.mine.born is not None:
        line = modes.user_line()
        modes.mine.refusal = errors.TraceError(
            errors.NO_READING.format(what=what, line=f" at {line}" if line else "")
        )
        raise modes.mine.refusal


def _no_plain(kind: str) -> TypeError:
    """What float(v) raises, traced or not: so a function that catches it has not branched."""
    try:
        refuse("a number is read")
    except errors.TraceError as error:
        modes.mine.refusal = None
        return error
    return TypeError(errors.PLAIN_FLOAT.format(kind=kind))


def _condition(name: str, a: Any, b: Any) -> bool:
    """A comparison in a traced function: a gate, for `where`."""
    left, right = _lift(a), _lift(b)
    if left is None or right is None:
        return NotImplemented  # type: ignore[no-any-return]
    return _record(gates[name], math.nan, left, right, 0.0, 0.0)  # type: ignore[return-value]


def select(condition: Value, a: Operand, b: Operand) -> Value:
    """`where` in a traced function: its arms lie in a pair, since a Value has two inputs."""
    arms = [x if isinstance(x, Value) else Value(real(x, "where: operand")) for x in (a, b)]
    pair = _record(PAIR, math.nan, arms[0], arms[1], math.nan, math.nan)
    return _record(gates["where"], math.nan, condition, pair, math.nan, math.nan)


PAIR = Gate("pair", lambda xp, a, b: a, lambda xp, y, a, b: (1.0, 1.0), latex="", slopes=("", ""))


def _record(
    gate: Gate, data: float, a: Value, b: Value | None, slope_a: float, slope_b: float
) -> Value:
    out = _new(Value)
    out._data = data
    out._grad = 0.0
    out._gate = gate
    out._a = a
    out._b = b
    out._slope_a = slope_a
    out._slope_b = slope_b
    out.constants = ()
    out.label = out.line = ""
    if modes.open:
        if not modes.mine.recording:
            refuse("no_grad is on")
            out._a = out._b = None
        if modes.mine.born is not None and gate.failures:
            modes.mine.born[out] = None
        if modes.mine.tracing:
            out.line = modes.user_line()
    return out


def apply(gate: Gate, *operands: Operand, quiet: bool = False, **parameters: Number) -> Value:
    """The Value that `gate` makes of one or two operands, Values or numbers.

    The gate's parameters follow the operands or come by name. This is what operators and methods
    do, and how a gate of your own is used. Raises what the gate's failures say, naming gate and
    operands, unless `quiet`; TypeError for operands that are no numbers.
    """
    count = len(gate.operands)
    if count > 2:
        raise TypeError(f"{gate.name}: a Value has at most two inputs, this gate takes {count}")
    constants = bind(gate, operands, parameters)
    values: list[Value] = []
    for name, operand in zip(gate.operands, operands, strict=False):
        value = _lift(operand)
        values.append(
            Value(real(operand, f"{gate.name}: operand {name}")) if value is None else value
        )
    numbers = [value._data for value in values]
    numbers += constants
    y = float(evaluate(gate, numbers, values, quiet))
    slopes = tuple(map(float, gate.partials(xp, y, *numbers)))
    if count == 1:
        out = _record(gate, y, values[0], None, slopes[0], 0.0)
    else:
        out = _record(gate, y, values[0], values[1], slopes[0], slopes[1])
    out.constants = constants
    return out


def bind(gate: Gate, operands: tuple[Operand, ...], named: dict[str, Number]) -> tuple[float, ...]:
    """The gate's parameters, from what follows the operands, from names, or from its defaults."""
    count = len(gate.operands)
    if not gate.parameters and not named and len(operands) == count:
        return ()
    names = gate.parameters
    given: tuple[Number, ...] = operands[count:]
    values = dict(zip(names[-len(gate.defaults) :], gate.defaults, strict=False))
    values.update(zip(names, given, strict=False))
    values.update(named)
    too_many = len(given) + len(named) > len(names)
    if len(operands) < count or too_many or values.keys() != set(names):
        wanted = ", ".join(gate.operands + gate.parameters)
        got = ", ".join([*map(repr, operands), *(f"{k}={v!r}" for k, v in named.items())])
        raise TypeError(f"{gate.name}: expected {gate.name}({wanted}), got {gate.name}({got})")
    return tuple(real(values[name], f"{gate.name}: {name}") for name in names)


def evaluate(gate: Gate, numbers: list[float], operands: list[Any], quiet: bool = False) -> float:
    """The gate's output at floats; `operands` are named in the error where the gate fails."""
    y: float = gate.forward(xp, *numbers)
    if y - y != 0.0 and not quiet:  # inf or nan: only there a gate may fail
        for failure in gate.failures:
            if failure.when(xp, y, *numbers):
                names = [x.label if isinstance(x, Value) else "" for x in operands]
                message = failure_message(gate, failure.reason, numbers, names)
                raise failure.error(message + _creation(gate, numbers, operands))
    return y


def failure_message(gate: Gate, reason: str, numbers: list[float], names: list[str]) -> str:
    """`log: log(x=-1.0): needs an operand above 0`; a name may be empty."""
    shown = list(map(repr, numbers))
    for i, name in enumerate(names):
        if name and i < len(gate.operands):
            shown[i] = f"{name}={shown[i]}"
    call = f" {gate.symbol} ".join(shown) if gate.symbol else f"{gate.name}({', '.join(shown)})"
    return f"{gate.name}: {call}: {reason}"


def _creation(gate: Gate, numbers: list[float], operands: list[Any]) -> str:
    """Where the operands were made and where the gate is, as far as `trace_creation` kept it."""
    made = [
        f"\n  {x.label + '=' if x.label else ''}{number!r} was made at {x.line}"
        for x, number in zip(operands, numbers, strict=False)
        if isinstance(x, Value) and x.line
    ]
    if modes.open and modes.mine.tracing:
        made.append(f"\n  {gate.name} is at {modes.user_line()}")
    return "".join(made)


# ---------------------------------------------------------------------------- walking the graph


def topological(root: Value, *others: Value) -> list[Value]:
    """Every value that `root` depends on, inputs before results, root last; then those of others.

    Depth first, inputs from left to right: the order in which the expression is evaluated, the
    same on every run.
    """
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[Value | None] = [*reversed(others), root]
    pop, push = stack.pop, stack.append
    while stack:
        node = pop()
        if node is None:  # the inputs of the value below are all in the order
            order.append(pop())  # type: ignore[arg-type]
            continue
        if node in seen:
            continue
        seen.add(node)
        a = node._a
        if a is None:
            order.append(node)
            continue
        push(node)
        push(None)
        b = node._b
        if b is not None and b not in seen:
            push(b)
        if a not in seen:
            push(a)
    return order


def gradients(root: Value, seed: Number = 1.0, watch: Watch | None = None) -> dict[Value, float]:
    """One backward pass: d(root)/dv, times `seed`, for every v in topological order.

    No `.grad` changes: `backward` adds what this returns. The pass runs from the root to the
    leaves; at each gate, upstream x local goes to each input from left to right.

    watch(gate, index, upstream, before, after), if given, sees every step: the value whose gate is
    passed, which of its inputs receives, the gradient that arrives from above, and the input's
    gradient of this pass before and after its contribution.
    """
    refuse("gradients() is called")
    if root._gate is not None and root._a is None:
        raise RuntimeError(errors.NO_GRAD_ROOT.format(value=root))
    start = real(seed, "seed")
    order = topological(root)
    total = dict.fromkeys(order, 0.0)
    total[root] = start
    for node in reversed(order):
        a = node._a
        if a is None:
            continue
        upstream = total[node]
        before = total[a]
        total[a] = after = before + upstream * node._slope_a
        if watch is not None:
            watch(node, 0, upstream, before, after)
        b = node._b
        if b is not None:
            before = total[b]
            total[b] = after = before + upstream * node._slope_b
            if watch is not None:
                watch(node, 1, upstream, before, after)
    return total


def first_nan(root: Value) -> Value | None:
    """The first value, in topological order, that is nan while its inputs are not.

    That is the gate that made the nan, or a leaf that was given one; None if there is no nan.
    """
    refuse("a number is read")
    for node in topological(root):
        if math.isnan(node._data) and not any(math.isnan(x._data) for x in node.inputs):
            return node
    return None


_lock = RLock()
_set_grad = vars(Value)["_grad"].__set__


def _commit(nodes: Iterable[Value], grads: Iterable[float]) -> None:
    """Set the gradients in one call into C, which Ctrl-C does not tear."""
    deque(map(_set_grad, nodes, grads), maxlen=0)
