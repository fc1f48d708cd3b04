"""Whether the rules of a gate could become a program, C and a page: they run on strict numbers.

    rehearse(gates["tanh"], [0.5])  # a rule with ** would be refused: "use xp.power(a, 2.0)"

The compiler refuses the same when it records a rule; here it is said as soon as a gate is checked.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import elementary
from .errors import IN_A_RULE
from .gate import Gate

__all__ = ["rehearse"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn


def rehearse(gate: Gate, point: Sequence[float]) -> None:
    """Run both rules at a point, the operands and then the parameters.

    TypeError if one does what is not arithmetic, functions of xp, comparisons, & and |.
    """
    operands = [_Strict(x) for x in point]
    try:
        y = gate.forward(_xp, *operands)
        gate.partials(_xp, y, *operands)
    except _Refused as error:
        raise TypeError(f"{gate.name}: its rule {IN_A_RULE[str(error)]}") from None


class _Refused(Exception):
    """Its text is a key of IN_A_RULE."""


class _Strict:
    """A number with the operations that a rule may use."""

    __slots__ = ("number",)

    def __init__(self, number: float) -> None:
        self.number = number


class _Answer:
    """What a comparison said: it may be joined with others, and given to xp.where."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def __and__(self, other: object) -> _Answer:
        return _Answer(self.answer and bool(_bare(other)))

    def __or__(self, other: object) -> _Answer:
        return _Answer(self.answer or bool(_bare(other)))

    __rand__, __ror__ = __and__, __or__

    def __bool__(self) -> bool:
        raise _Refused("if")


class _Functions:
    """The elementary functions, from strict numbers to strict numbers."""

    def __getattr__(self, name: str) -> Callable[..., _Strict]:
        function = getattr(elementary, name)
        return lambda *operands: _Strict(function(*map(_bare, operands)))


_xp: Any = _Functions()


def _bare(thing: object) -> Any:
    """A strict number as a float, an answer as a bool."""
    if isinstance(thing, _Answer):
        return thing.answer
    return thing.number if isinstance(thing, _Strict) else thing


def _allowed(name: str, kind: Callable[[Any], Any]) -> Callable[..., Any]:
    def method(self: _Strict, *other: object) -> Any:
        answer = getattr(float, name)(_bare(self), *map(_bare, other))
        return answer if answer is NotImplemented else kind(answer)

    return method


def _refused(what: str) -> Callable[..., NoReturn]:
    def method(self: _Strict, *other: object) -> NoReturn:
        raise _Refused(what)

    return method


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "neg"):
    setattr(_Strict, f"__{_name}__", _allowed(f"__{_name}__", _Strict))
for _name in ("lt", "le", "gt", "ge"):
    setattr(_Strict, f"__{_name}__", _allowed(f"__{_name}__", _Answer))
for _name, _what in (
    ("truediv", "/"), ("rtruediv", "/"), ("pow", "**"), ("rpow", "**"), ("abs", "abs"),
    ("float", "float"), ("bool", "if"),
):  # fmt: skip
    setattr(_Strict, f"__{_name}__", _refused(_what))
