"""What a gate's rule may do, and a rehearsal that finds out whether it does anything else.

    rehearse(gates["tanh"], [0.5])  # a rule with ** would be refused: "use xp.power(a, 2.0)"

A rule becomes a program, C and a page. The compiler records it, see program/rule.py; here it runs
on numbers, so that a wrong rule is refused as soon as its gate is checked, in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import elementary
from .errors import IN_A_RULE
from .gate import Gate
from .table import gates

__all__ = ["Rules", "Term", "rehearse"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn


class Rules:
    """The namespace `xp` of a rule that is watched: `record` says what becomes of each gate.

    name    whose rule it is
    """

    name: str

    def record(self, name: str, *operands: Any) -> Term:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Callable[..., Term]:
        if name not in elementary.__all__:
            raise AttributeError(f"xp.{name}: a rule may use {', '.join(elementary.__all__)}")
        return lambda *operands: self.record(name, *operands)


class Term:
    """What a watched rule computes with: each operation on it is a gate, the others are refused.

    number  the register where it lies, for the compiler; in a rehearsal, the number itself
    """

    __slots__ = ("number", "xp")

    def __init__(self, xp: Rules, number: Any) -> None:
        self.xp: Rules = xp
        self.number: Any = number

    def __add__(self, other: object) -> Term:
        return self.xp.record("add", self, other)

    def __radd__(self, other: object) -> Term:
        return self.xp.record("add", other, self)

    def __sub__(self, other: object) -> Term:
        return self.xp.record("sub", self, other)

    def __rsub__(self, other: object) -> Term:
        return self.xp.record("sub", other, self)

    def __mul__(self, other: object) -> Term:
        return self.xp.record("mul", self, other)

    def __rmul__(self, other: object) -> Term:
        return self.xp.record("mul", other, self)

    def __neg__(self) -> Term:
        return self.xp.record("neg", self)

    def __lt__(self, other: object) -> Term:
        return self.xp.record("less", self, other)

    def __gt__(self, other: object) -> Term:
        return self.xp.record("less", other, self)

    def __le__(self, other: object) -> Term:
        return self.xp.record("less_equal", self, other)

    def __ge__(self, other: object) -> Term:
        return self.xp.record("less_equal", other, self)

    def __and__(self, other: object) -> Term:
        return self.xp.record("where", self, other, 0.0)

    def __or__(self, other: object) -> Term:
        return self.xp.record("where", self, 1.0, other)

    __rand__ = __and__  # True & condition
    __ror__ = __or__

    def __bool__(self) -> bool:
        raise self._refused("if")

    def __truediv__(self, other: object) -> NoReturn:
        raise self._refused("/")

    __rtruediv__ = __truediv__

    def __pow__(self, other: object) -> NoReturn:
        raise self._refused("**")

    __rpow__ = __pow__

    def __float__(self) -> float:
        raise self._refused("float")

    def __abs__(self) -> NoReturn:
        raise self._refused("abs")

    def _refused(self, what: str) -> TypeError:
        return TypeError(f"{self.xp.name}: its rule {IN_A_RULE[what]}")


class _Rehearsal(Rules):
    def __init__(self, name: str) -> None:
        self.name = name

    def record(self, name: str, *operands: Any) -> Term:
        numbers = [x.number if isinstance(x, Term) else x for x in operands]
        return Term(self, float(gates[name].forward(elementary, *numbers)))


def rehearse(gate: Gate, point: Sequence[float]) -> None:
    """Run both rules at a point, the operands and then the parameters.

    TypeError if one does what is not arithmetic, functions of xp, comparisons, & and |.
    """
    xp: Any = _Rehearsal(gate.name)
    operands = [Term(xp, x) for x in point]
    gate.partials(xp, gate.forward(xp, *operands), *operands)
