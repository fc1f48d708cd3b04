"""Record what an optimiser does with a parameter, as a program that does it with all of them.

    code, numbers = record(rule, 1, 2, *settings)   # with one state, in step 2
    code.program(len(numbers))      # inputs data, grad, state[0]; parameters: the numbers

rule(data, grad, state, step, *settings) runs once, on unknown numbers; what it does with them is
noted. The learning rate and all else that it computes without them are plain numbers, which may be
others in the next step: the same code then runs with these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..table import gates
from .program import Builder, Op, Program

__all__ = ["Code", "record"]


class Code(NamedTuple):
    """What a rule does: gates and what each reads; where the new number and states lie.

    Places count the inputs and then the lines; the numbers have -1, -2, ...
    """

    lines: tuple[tuple[Any, ...], ...]
    outputs: tuple[int, ...]
    states: int

    def program(self, numbers: int) -> Program:
        """The same as a Program, whose parameters are so many numbers."""
        inputs = ["data", "grad", *(f"state[{i}]" for i in range(self.states))]
        builder = Builder(inputs, [f"number[{i}]" for i in range(numbers)])
        first = len(inputs)

        def register(place: int) -> int:
            if place < 0:
                return first - 1 - place
            return place if place < first else place + numbers

        for name, *places in self.lines:
            builder.emit(Op(gates[name]), tuple(map(register, places)))
        return builder.program([*map(register, self.outputs)])


def record(
    rule: Callable[..., tuple[Any, tuple[Any, ...]]], states: int, step: Any, *settings: Any
) -> tuple[Code, list[float]]:
    """The code of a rule, and the numbers that it has in this step.

    TypeError for a rule that is no arithmetic, as one that branches on a number of the parameter.
    ValueError if it does not return (data, state) with as many states as it was given.
    """
    tape = _Tape(2 + states)
    data, grad, *state = [_Unknown(tape, i) for i in range(2 + states)]
    answer, new = rule(data, grad, tuple(state), step, *settings)
    if len(new) != states:
        raise ValueError(f"it must return (data, state) with {states} states, got {len(new)}")
    outputs = tuple([tape.place(x) for x in (answer, *new)])
    return Code(tuple(tape.lines), outputs, states), tape.numbers


class _Tape:
    """What is done, line by line."""

    def __init__(self, inputs: int) -> None:
        self.next = inputs
        self.lines: list[tuple[Any, ...]] = []
        self.numbers: list[float] = []

    def place(self, operand: Any) -> int:
        """Where a number lies: one that is known gets a place."""
        if operand.__class__ is not _Unknown:
            self.numbers.append(float(operand))
            return -len(self.numbers)
        if operand.tape is not self:
            raise TypeError("a number of another step: a state must be passed on in `state`")
        place: int = operand.place
        return place

    def note(self, gate: str, a: Any, b: Any) -> _Unknown:
        self.lines.append((gate, self.place(a), self.place(b)))
        self.next += 1
        return _Unknown(self, self.next - 1)

    def note_one(self, gate: str, a: _Unknown) -> _Unknown:
        self.lines.append((gate, self.place(a)))
        self.next += 1
        return _Unknown(self, self.next - 1)


class _Unknown:
    """A number of a parameter, before there are parameters: arithmetic with it is noted."""

    __slots__ = ("place", "tape")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, tape: _Tape, place: int) -> None:
        self.tape, self.place = tape, place

    def __add__(self, other: Any) -> _Unknown:
        return self.tape.note("add", self, other)

    def __radd__(self, other: Any) -> _Unknown:
        return self.tape.note("add", other, self)

    def __sub__(self, other: Any) -> _Unknown:
        return self.tape.note("sub", self, other)

    def __rsub__(self, other: Any) -> _Unknown:
        return self.tape.note("sub", other, self)

    def __mul__(self, other: Any) -> _Unknown:
        return self.tape.note("mul", self, other)

    def __rmul__(self, other: Any) -> _Unknown:
        return self.tape.note("mul", other, self)

    def __truediv__(self, other: Any) -> _Unknown:
        return self.tape.note("div", self, other)

    def __rtruediv__(self, other: Any) -> _Unknown:
        return self.tape.note("div", other, self)

    def __pow__(self, exponent: Any) -> _Unknown:
        """The square and the root, which arrays round better than pow, are those here too."""
        if exponent.__class__ is _Unknown:
            return self.tape.note("pow", self, exponent)
        if exponent == 2:
            return self.tape.note("mul", self, self)
        if exponent == 0.5:
            return self.tape.note_one("sqrt", self)
        return self.tape.note("power", self, exponent)

    def __rpow__(self, base: Any) -> _Unknown:
        return self.tape.note("pow", base, self)

    def __neg__(self) -> _Unknown:
        return self.tape.note_one("neg", self)

    def __abs__(self) -> _Unknown:
        return self.tape.note_one("abs", self)

    def __eq__(self, other: object) -> bool:
        raise TypeError("a rule must not branch on the numbers of a parameter")

    __bool__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__
