"""Run a function once on numbers that are not known yet, to see what it does.

    traced = trace(lambda x, y: (w * x + b - y) ** 2, ("x", "y"), ((), ()))
    program = lower(traced, wrt=[w, b])

The function runs on ordinary Values whose numbers are nan, so a trace is a graph as the engine
makes it. The Tracer is the engine's guest meanwhile: where a Value would have to know its number,
it asks the tracer, which refuses, or, for a comparison or a `where`, records the question.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterable, Sequence

from .. import modes
from ..draws import Draw
from ..errors import NO_CONDITION, TraceError, short
from ..gate import Gate
from ..graph import topological
from ..scalars import number
from ..table import gates
from ..value import Value, as_value, record

__all__ = ["PAIR", "Condition", "Trace", "Tracer", "shaped", "trace"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeAlias

    Shape: TypeAlias = "tuple[int, ...]"

NAN = math.nan

# A Value has at most two inputs, a `where` needs three: its arms lie in a pair, which is not a
# gate of the program and vanishes when the trace is lowered.
PAIR = Gate("pair", lambda xp, a, b: a, lambda xp, y, a, b: (1.0, 1.0), latex="", slopes=("", ""))
WHERE = gates["where"]


class Condition:
    """A comparison in a traced function: a yes or no that is not known yet.

    It goes into `where`, is joined with others by `& | ^ == !=`, and computed with as the 1 or 0
    that it is. What would have to know it is refused.
    """

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value: Value = value  # the gate less or less_equal, or the where of a joined condition

    def __and__(self, other: Any) -> Condition:
        return self._joined(other, lambda answer: (answer, 0.0))

    def __or__(self, other: Any) -> Condition:
        return self._joined(other, lambda answer: (1.0, answer))

    def __xor__(self, other: Any) -> Condition:
        return self._joined(other, lambda answer: (_not(answer), answer))

    def __eq__(self, other: Any) -> Condition:  # type: ignore[override]
        return self._joined(other, lambda answer: (answer, _not(answer)), "==")

    def __ne__(self, other: Any) -> Condition:  # type: ignore[override]
        return self._joined(other, lambda answer: (_not(answer), answer), "!=")

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def _joined(
        self, other: Any, arms: Callable[[Value], tuple[Any, Any]], symbol: str = ""
    ) -> Condition:
        """`where(self, *arms(other))`, which is a condition again."""
        if not isinstance(other, Condition | bool):
            if symbol:  # Python would fall back on identity
                modes.refuse(f"{symbol} compares a comparison with what is not one")
            return NotImplemented  # type: ignore[no-any-return]
        a, b = arms(_value(other))
        return Condition(_where(self.value, _value(a), _value(b)))

    def _refused(self, *_: object) -> NoReturn:
        modes.refuse("a comparison of numbers is asked for its truth")
        raise TraceError("a comparison of a traced function has no answer after the trace")

    __bool__ = __int__ = __float__ = __complex__ = __index__ = __hash__ = _refused
    __round__ = __invert__ = __format__ = _refused

    def __repr__(self) -> str:
        return "<a comparison that is not known yet>"

    def __neg__(self) -> Value:
        return -self.value

    def __add__(self, other: Any) -> Value:
        return self.value + _value(other)

    def __sub__(self, other: Any) -> Value:
        return self.value - _value(other)

    def __mul__(self, other: Any) -> Value:
        return self.value * _value(other)

    def __truediv__(self, other: Any) -> Value:
        return self.value / _value(other)

    def __rsub__(self, other: Any) -> Value:
        return _value(other) - self.value

    def __rtruediv__(self, other: Any) -> Value:
        return _value(other) / self.value

    def __lt__(self, other: Any) -> Any:
        return self.value < _value(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _value(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _value(other)

    __radd__ = __add__
    __rmul__ = __mul__


def _not(answer: Value) -> Value:
    return _where(answer, _value(0.0), _value(1.0))


def _where(condition: Value, a: Value, b: Value) -> Value:
    return record(WHERE, NAN, condition, record(PAIR, NAN, a, b, NAN, NAN), NAN, NAN)


def _value(x: Any) -> Value:
    """An operand as a Value; TypeError for what cannot be one."""
    if isinstance(x, Condition):
        return x.value
    return as_value(x, "an operand of a traced function")


class Tracer:
    """What the engine asks while a function is traced, see `modes`.

    inputs   the Values that the function was given
    born     those that it made
    asked    what it read beside arguments and Values, and what the answer was, see `used`; by the
             identity of what was asked, since two modules may be equal
    refusal  the last reading of a number that was refused: the function may have caught it
    """

    def __init__(self, inputs: Iterable[Value]) -> None:
        self.inputs = frozenset(inputs)
        self.born: dict[Value, None] = {}
        self.asked: dict[int, tuple[Any, Any]] = {}
        self.refusal: TraceError | None = None

    def made(self, value: Value) -> None:
        self.born[value] = None

    def knows(self, value: object) -> bool:
        """Whether it is of this function, so that no other thread may use it."""
        if isinstance(value, Condition):
            value = value.value
        return isinstance(value, Value) and (value in self.born or value in self.inputs)

    def refuse(self, what: str) -> NoReturn:
        self.refusal = modes.refusal(what)
        raise self.refusal

    def compare(self, gate: str, a: Any, b: Any) -> Any:
        if not all(isinstance(x, Value | Condition) or number(x) is not None for x in (a, b)):
            return NotImplemented
        return Condition(record(gates[gate], NAN, _value(a), _value(b), 0.0, 0.0))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        if isinstance(condition, Value | Condition):
            return _where(_value(condition), _value(a), _value(b))
        if not isinstance(condition, bool) and number(condition) is None:
            raise TypeError(
                NO_CONDITION.format(kind=type(condition).__name__, thing=short(condition))
            )
        return _value(a if condition else b)

    def used(self, what: Any, answer: object) -> None:
        self.asked.setdefault(id(what), (what, answer))


class tracing(modes.Context):
    """`with tracing() as context:` this thread's Values ask `context.tracer`."""

    _name = "tracer"

    def __init__(self, inputs: Iterable[Value]) -> None:
        super().__init__()
        self._value = Tracer(inputs)
        self.tracer: Tracer = self._value


class Trace:
    """What a function did.

    inputs      the Values that it was given, one for each number, and then those that it has drawn
    draws       how these are drawn: (function of a count, how many)
    outputs     what it returned; `lone` if that was one Value, not a sequence
    order       what the outputs depend on, in topological order, and the gates that may fail
                although nothing uses them: they fail in the engine, too
    parameters  what gradients can be taken of: all parameters of the modules that ran, in their
                order, then other leaves from outside in the order of their first use
    kept        leaves that it made and its modules have kept: constants, unless they are written
    fixed       results made outside under no_grad: their numbers are taken at each call
    born        all that it made, which nothing else has
    outside     gates of the graph that were made before the function ran: in the engine they keep
                the numbers that they were made of
    asked       what was read beside these, with the answer: (what, answer)
    """

    def __init__(
        self, inputs: list[Value], outputs: list[Value], lone: bool, tracer: Tracer
    ) -> None:
        self.outputs = outputs
        self.lone = lone
        asked = tracer.asked.values()
        self.asked: list[tuple[Any, object]] = [
            pair for pair in asked if not isinstance(pair[0], Draw)
        ]
        drawn = [(what, new) for what, new in asked if isinstance(what, Draw)]
        self.draws = [(what.draw, len(new)) for what, new in drawn]
        self.inputs = inputs = [*inputs, *_named([v for _, new in drawn for v in new])]
        self.born = born = tracer.born
        fail = [v for v in born if v._gate is not None and v._gate.failures]
        # Those first: what stands behind the outputs is taken for the backward pass.
        self.order: list[Value] = topological(*fail, *outputs)
        known = {*inputs, *born}
        leaves = [v for v in self.order if v._a is None and v not in known]
        modules = [what for what, _ in asked if hasattr(what, "parameters")]
        parameters = [v for module in modules for v in module.parameters()]
        parameters += [v for v in leaves if v.gate is None]
        self.parameters: list[Value] = [v for v in dict.fromkeys(parameters) if v not in known]
        self.kept: list[Value] = [v for v in dict.fromkeys(parameters) if v in born]
        # A result made under no_grad has no inputs: its number is taken as it is, and no gradient.
        self.fixed: list[Value] = [v for v in leaves if v.gate is not None]
        self.outside: list[Value] = [v for v in self.order if v._a is not None and v not in known]

    def fingerprint(self) -> int:
        """What two traces of a function share if they make the same program of the same Values."""
        place = {value: i for i, value in enumerate(self.inputs)}
        lines: list[Any] = [self.lone, *map(id, self.parameters)]
        for draw, count in self.draws:
            owner, function = getattr(draw, "__self__", None), getattr(draw, "__func__", draw)
            lines.append((id(owner), id(function), count))
        born = self.born
        for value in self.order:
            if value in place:
                continue
            a, b = value._a, value._b
            if a is not None:
                digits = tuple(map(float.hex, value.constants)) if value.constants else ()
                inputs = place[a], -1 if b is None else place[b]
                lines.append((id(value._gate), inputs, digits, value in born or id(value)))
            elif value in born:
                lines.append(value._number.hex())
            else:
                lines.append(id(value))
            place[value] = len(place)
        lines += [place[value] for value in self.outputs]
        return hash(tuple(lines))


def trace(fn: Callable[..., Any], names: Sequence[str], shapes: Sequence[Shape]) -> Trace:
    """Run `fn` on unknown numbers of these shapes: () for a number, (3,) for a list of three.

    Raises TraceError if fn reads a number, branches on one, or draws from Python's own generator,
    and what fn raises; TypeError if it returns something else than a Value, a number, or a flat
    sequence of such.
    """
    inputs: list[Value] = []
    arguments = []
    for name, shape in zip(names, shapes, strict=True):
        leaves = [Value(NAN, label) for label in _element_names(name, shape)]
        inputs += leaves
        arguments.append(shaped(leaves, shape))
    drawn = generators()
    with modes.recording(), modes.unchanging(), tracing(inputs) as context:
        try:
            answer = fn(*arguments)
        except LookupError as error:
            error.add_note(
                "while the function was traced: its arguments are Values whose numbers are not "
                "known yet, so they are no keys. Look up what depends on them outside"
            )
            raise
        if context.tracer.refusal is not None:
            raise context.tracer.refusal
        if generators() != drawn:
            raise TraceError(
                "the traced function draws random numbers, which would stay the same in every "
                "later call: take them from autograd_core.drawn, pass them as arguments, or train "
                "with eager=True"
            )
        lone = not is_several(answer)
        outputs = []
        for thing in [answer] if lone else answer:
            if thing is None:
                raise TypeError(
                    "what a traced function returns must be a Value or a sequence of them, got "
                    "None: is a `return` missing?"
                )
            thing = thing.value if isinstance(thing, Condition) else thing
            outputs.append(as_value(thing, "what a traced function returns: each output"))
    if not outputs:
        raise TypeError(
            "what a traced function returns must be a Value or a sequence of them, got none"
        )
    return Trace(inputs, outputs, lone, context.tracer)


def is_several(answer: Any) -> bool:
    """Whether a function returned a sequence, and not one thing: an array may be one too."""
    is_one = isinstance(answer, Value | Condition) or getattr(answer, "ndim", None) == 0
    return not is_one and isinstance(answer, Iterable)


def _named(drawn: list[Value]) -> list[Value]:
    """Numbers that were drawn, each with a label of its own."""
    taken: set[str] = set()
    for i, value in enumerate(drawn):
        if not value.label or value.label in taken:
            value.label = f"drawn[{i}]"
        taken.add(value.label)
    return drawn


def generators() -> tuple[object, ...]:
    """The states of Python's own generator and NumPy's, which tell whether one was asked."""
    numpy = sys.modules.get("numpy.random")
    if numpy is None:
        return (random.getstate(),)
    name, keys, *rest = numpy.get_state()
    return random.getstate(), name, keys.tobytes(), *rest


def _element_names(name: str, shape: Shape) -> list[str]:
    """x for a number; x[0], x[1], ... for a list; x[0][0], ... for a list of lists."""
    names = [name]
    for length in shape:
        names = [f"{start}[{i}]" for start in names for i in range(length)]
    return names


def shaped(leaves: Sequence[Any], shape: Shape) -> Any:
    """Nested lists of this shape, filled from `leaves`."""
    if not shape:
        return leaves[0]
    size = math.prod(shape[1:])
    return [shaped(leaves[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])]
