"""Every gate, declared once: the table that engine, pictures, checker and derivatives read.

    from autograd_core import gates
    gates["exp"].latex                      # 'e^{<x>}'
    list(gates)                             # the names of all gates

A gate's rules are plain Python over a namespace `xp`. On floats `xp` is `elementary`, and numbers
come back; on Values it is the gates themselves, and a graph comes back, which can be differentiated
again. For that to work a rule

- uses `+ - *`, unary `-`, `< <= > >=` and the functions of `elementary`, so that every instruction
  it emits is a gate: division and powers are `xp.div`, `xp.pow`, `xp.power`;
- is total: it raises nowhere, and gives inf or nan as IEEE 754 does;
- branches by `xp.where`, never by `if`, `and`, `or`, and joins conditions with `&` and `|`;
- compares with `<=` and `>=`, never `==`, which for Values is identity;
- takes the gate's output `y`, so that exp's slope is `y`;
- where it branches, has arms that are the same smooth function at the seam: an `abs` inside a
  formula would put a kink into its second derivative.

To add a gate, add one entry at the end of this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Failure", "Gate", "Interval", "gates"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random
    from typing import Any

    Rule = Callable[..., Any]

INF = math.inf
NAN = math.nan


class Interval:
    """The open interval (low, high) of one operand, from which tests and checkers draw points."""

    __slots__ = ("high", "low")

    def __init__(self, low: float = -INF, high: float = INF) -> None:
        if not low < high:
            raise ValueError(f"Interval: low must be below high, got ({low}, {high})")
        self.low = low
        self.high = high

    def __contains__(self, x: float) -> bool:
        return self.low < x < self.high

    def __repr__(self) -> str:
        return f"Interval({self.low}, {self.high})"

    def sample(self, rng: Random) -> float:
        """A point of the interval, within 4 of its middle, zero or only end."""
        if self.low == -INF:
            low, high = min(-4.0, self.high - 4.0), min(4.0, self.high)
        else:
            low, high = self.low, min(self.high, max(self.low, 0.0) + 4.0)
        x = NAN
        while x not in self:
            x = rng.uniform(low, high)
        return x


class Failure:
    """Where a gate raises: `error`, with `reason`, at the operands where `when(xp, y, *operands)`.

    `when` holds only where the quiet output `y` is inf or nan, so that readers may look at `y`
    first; and never because an operand is nan: nan in gives nan out.
    """

    __slots__ = ("error", "reason", "when")

    def __init__(self, error: type[ArithmeticError | ValueError], reason: str, when: Rule) -> None:
        self.error = error
        self.reason = reason
        self.when = when


class Gate:
    """One entry of the table.

    name        how methods, functions and pictures call it
    forward     forward(xp, *operands, *parameters) -> the output y
    partials    partials(xp, y, *operands, *parameters) -> a tuple of slopes, one an operand
    symbol      what stands between its operands where it has an operator (`+`), else ""
    aliases     other names that functions and expressions know it by (`arcsin`)
    parameters  names of plain numbers that follow the operands (the 2 of x**2) and are no inputs
    defaults    values of the parameters where the user gives none
    domain      one Interval an operand (and then one a parameter), where it is sampled
    failures    where the public operators raise, see Failure
    corners     operands (with parameters) at which the slope is a convention or infinite
    condition   whether the output is a yes or no, 1 or 0: an operand that is nan is lost in it, and
                no gradient flows through it, since the engine only takes its answer
    symmetric   whether its two operands may change places
    latex       the formula, operands in angle brackets: r"\\frac{<a>}{<b>}"
    slopes      LaTeX of each slope in the operands and <y>, as a textbook writes it

    The names of the operands are those of `forward`'s arguments.
    """

    __slots__ = (
        "aliases", "condition", "corners", "defaults", "domain", "failures", "forward", "latex",
        "name", "operands", "parameters", "partials", "slopes", "symbol", "symmetric",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        forward: Rule,
        partials: Rule,
        *,
        latex: str,
        slopes: tuple[str, ...],
        symbol: str = "",
        aliases: tuple[str, ...] = (),
        parameters: tuple[str, ...] = (),
        defaults: tuple[float, ...] = (),
        domain: tuple[Interval, ...] = (),
        failures: tuple[Failure, ...] = (),
        corners: tuple[tuple[float, ...], ...] = (),
        condition: bool = False,
        symmetric: bool = False,
    ) -> None:
        code = forward.__code__
        arguments = code.co_varnames[1 : code.co_argcount]
        count = len(arguments) - len(parameters)
        if arguments[count:] != parameters or count < 1:
            raise ValueError(
                f"gate {name!r}: forward must take xp, its operands, then {parameters}, "
                f"got {code.co_varnames[: code.co_argcount]}"
            )
        self.name = name
        self.forward = forward
        self.partials = partials
        self.symbol = symbol
        self.aliases = aliases
        self.operands = arguments[:count]
        self.parameters = parameters
        self.defaults = defaults
        self.domain = domain or (Interval(),) * len(arguments)
        self.failures = failures
        self.corners = corners
        self.condition = condition
        self.symmetric = symmetric
        self.latex = latex
        self.slopes = slopes
        for field, entries, wanted in (
            ("domain", self.domain, len(arguments)),
            ("slopes", slopes, count),
            *(("corners", corner, len(arguments)) for corner in corners),
        ):
            if len(entries) != wanted:
                raise ValueError(f"gate {name!r}: {field} needs {wanted} entries, got {entries}")

    @property
    def op(self) -> str:
        """What a Value made by this gate shows as its `op`: the symbol, or else the name."""
        return self.symbol or self.name

    def fails(self, xp: Any, y: Any, *operands: Any) -> Any:
        """Whether the public operators raise at these operands (with parameters)."""
        found: Any = False
        for failure in self.failures:
            found = found | failure.when(xp, y, *operands)
        return found

    def __repr__(self) -> str:
        return f"<gate {self.name}({', '.join(self.operands + self.parameters)})>"


class Table(Mapping[str, Gate]):
    """Gates by name, in the order of declaration. `add` enters one, `named` knows aliases too."""

    def __init__(self, entries: Iterable[Gate] = ()) -> None:
        self._entries: dict[str, Gate] = {}
        for gate in entries:
            self.add(gate)

    def add(self, gate: Gate) -> Gate:
        """Enter `gate` and return it. Raises ValueError if its name is taken."""
        if gate.name in self._entries:
            raise ValueError(f"a gate named {gate.name!r} is in the table already")
        self._entries[gate.name] = gate
        return gate

    def named(self, name: str) -> Gate | None:
        """The gate of that name or alias, if there is one."""
        aliased = (gate for gate in self.values() if name in gate.aliases)
        return self._entries.get(name) or next(aliased, None)

    def __getitem__(self, name: str) -> Gate:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<table of {len(self)} gates: {', '.join(self)}>"


# ---------------------------------------------------------------- formulas that need a few lines


def _equal(a: Any, b: float) -> Any:
    return (a <= b) & (a >= b)


def _inside(a: Any, bound: float) -> Any:
    return (a > -bound) & (a < bound)


def _decay(xp: Any, x: Any, rate: float = 1.0) -> Any:
    """exp(-rate |x|), with no kink in x: the arms of every formula in it agree at 0."""
    return xp.exp(rate * xp.where(x > 0.0, -x, x))


def _sigmoid(xp: Any, x: Any) -> Any:
    e = _decay(xp, x)
    tails = xp.div(xp.where(x > 0.0, 1.0, e), 1.0 + e)
    return xp.where(_inside(x, 0.5), 0.5 + 0.5 * xp.tanh(0.5 * x), tails)


def _sigmoid_slope(xp: Any, x: Any) -> Any:
    e = _decay(xp, x)  # y(1 - y) would be 0 from x = 37 on
    t = xp.tanh(0.5 * x)  # odd in x, so that the odd derivatives keep their digits near 0
    return xp.where(_inside(x, 0.5), 0.25 - 0.25 * t * t, xp.div(e, 1.0 + e * (2.0 + e)))


def _tanh_slope(xp: Any, x: Any, y: Any) -> Any:
    e = _decay(xp, x, 2.0)  # 1 - y^2 would be 0 from x = 20 on
    return xp.where(_inside(x, 0.5), 1.0 - y * y, xp.div(4.0 * e, 1.0 + e * (2.0 + e)))


def _atan_slope(xp: Any, x: Any) -> Any:
    r = xp.div(1.0, x)
    return xp.where((x > 1.0) | (x < -1.0), xp.div(r, x + r), xp.div(1.0, 1.0 + x * x))


def _asin_slope(xp: Any, x: Any) -> Any:
    # 1 - x^2 cancels near 1, the slope of (1 - x)(1 + x) near 0
    return xp.div(1.0, xp.sqrt(xp.where(_inside(x, 0.5), 1.0 - x * x, (1.0 - x) * (1.0 + x))))


def _kink(xp: Any, a: Any, b: Any, below: Any, tie: Any) -> Any:
    """1 where a > b, `below` where a < b, `tie` where they are equal, nan for nan."""
    return xp.where(a > b, 1.0, xp.where(a < b, below, xp.where(a <= b, tie, NAN)))


def _div_slope(xp: Any, y: Any, a: Any, b: Any) -> Any:
    """-a/b^2 as -(a/b)/b, which does not overflow; where a/b has lost digits, from a itself."""
    lost = _inside(y, 1e-290) & _inside(b, 1.0) & ((b > 1e-140) | (b < -1e-140))
    return -xp.where(lost, xp.div(a, b * b), xp.div(y, b))


def _pow_base_slope(xp: Any, power: Any, y: Any, a: Any, b: Any) -> Any:
    """b a^(b-1) for one of the two power gates; 0 for b = 0, also at a = 0."""
    c = b - 1.0
    slope = b * power(a, c)
    finite = ((a > 0.0) | (a < 0.0)) & _inside(a, INF)
    # Where b - 1 rounds, the error in the exponent would grow by log(a).
    rounds = (c + 1.0 > b) | (c + 1.0 < b)
    slope = xp.where(rounds & finite, xp.div(b * y, a), slope)
    # Where a^(b-1) is subnormal, two factors keep the digits that it has lost.
    k = xp.floor(0.5 * c)
    slope = xp.where(_inside(slope, 1e-290) & finite, (b * power(a, k)) * power(a, c - k), slope)
    return xp.where(_equal(b, 0.0), 0.0, slope)


def _pow_exponent_slope(xp: Any, y: Any, a: Any, b: Any) -> Any:
    """a^b log a; at a = 0 the limit, 0; nan for a < 0, where a^b is no function of real b."""
    h = xp.pow(a, 0.5 * b)
    slope = xp.where(_inside(y, 1e-290), (h * xp.log(a)) * h, y * xp.log(a))
    return xp.where(a > 0.0, slope, xp.where(_equal(a, 0.0) & (b >= 0.0), 0.0, NAN))


# ---------------------------------------------------------------------------------- the table


def _share(*wins: str) -> tuple[str, ...]:
    """The slopes of max and min in LaTeX: 1 for the one that wins, half each for a tie."""
    cases = r"(1\text{ if }%s, 1/2\text{ if }<a> = <b>,\text{ else }0)"
    return tuple(cases % win for win in wins)


_POSITIVE = Interval(0.0, INF)
_UNIT = Interval(-1.0, 1.0)

_overflow = Failure(
    OverflowError, "the result is too large for a float",
    lambda xp, y, x: ((y >= INF) | (y <= -INF)) & _inside(x, INF),
)  # fmt: skip
_no_angle = Failure(ValueError, "needs a finite angle", lambda xp, y, x: (x >= INF) | (x <= -INF))
_outside_unit = Failure(
    ValueError, "needs an operand from -1 to 1", lambda xp, y, x: (x > 1.0) | (x < -1.0)
)
_pow_failures = (
    Failure(
        ZeroDivisionError, "0 cannot be raised to a negative power",
        lambda xp, y, a, b: _equal(a, 0.0) & (b < 0.0) & (b > -INF),
    ),
    Failure(
        ValueError, "a negative number has no real power with a fractional exponent",
        lambda xp, y, a, b: (a < 0.0) & (a > -INF) & _inside(b, INF)
        & ((xp.floor(b) < b) | (xp.floor(b) > b)),
    ),
    Failure(
        OverflowError, "the result is too large for a float",
        lambda xp, y, a, b: ((y >= INF) | (y <= -INF)) & _inside(a, INF) & _inside(b, INF)
        & ((a > 0.0) | (a < 0.0)),
    ),
)  # fmt: skip


gates = Table((
    Gate(
        "add", lambda xp, a, b: a + b, lambda xp, y, a, b: (1.0, 1.0),
        symbol="+", latex="<a> + <b>", slopes=("1", "1"), symmetric=True,
    ),
    Gate(
        "sub", lambda xp, a, b: a - b, lambda xp, y, a, b: (1.0, -1.0),
        symbol="-", latex="<a> - <b>", slopes=("1", "-1"),
    ),
    Gate(
        "mul", lambda xp, a, b: a * b, lambda xp, y, a, b: (b, a),
        symbol="*", latex=r"<a> \cdot <b>", slopes=("<b>", "<a>"), symmetric=True,
    ),
    Gate(
        "div", lambda xp, a, b: xp.div(a, b),
        lambda xp, y, a, b: (xp.div(1.0, b), _div_slope(xp, y, a, b)),
        symbol="/", latex=r"\frac{<a>}{<b>}", slopes=(r"\frac{1}{<b>}", r"-\frac{<a>}{<b>^2}"),
        domain=(Interval(), _POSITIVE),
        failures=(
            Failure(
                ZeroDivisionError, "division by zero",
                lambda xp, y, a, b: _equal(b, 0.0) & (a <= INF),
            ),
        ),
    ),
    Gate(
        "power", lambda xp, x, exponent: xp.power(x, exponent),
        lambda xp, y, x, exponent: (_pow_base_slope(xp, xp.power, y, x, exponent),),
        symbol="**", parameters=("exponent",),
        latex="<x>^{<exponent>}", slopes=(r"<exponent> \cdot <x>^{<exponent> - 1}",),
        domain=(_POSITIVE, Interval(-4.0, 4.0)), failures=_pow_failures,
        corners=((0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (0.0, 2.0)),
    ),
    Gate(
        "pow", lambda xp, a, b: xp.pow(a, b),
        lambda xp, y, a, b: (
            _pow_base_slope(xp, xp.pow, y, a, b), _pow_exponent_slope(xp, y, a, b),
        ),
        symbol="**", latex="<a>^{<b>}", slopes=(r"<b> \cdot <a>^{<b> - 1}", r"<a>^{<b>} \ln <a>"),
        domain=(_POSITIVE, Interval(-4.0, 4.0)), failures=_pow_failures,
    ),
    Gate(
        "neg", lambda xp, x: -x, lambda xp, y, x: (-1.0,), latex="-<x>", slopes=("-1",),
    ),
    Gate(
        "abs", lambda xp, x: xp.abs(x), lambda xp, y, x: (_kink(xp, x, 0.0, -1.0, 0.0),),
        latex=r"\left|<x>\right|", slopes=(r"\operatorname{sign}(<x>)",), corners=((0.0,),),
    ),
    Gate(
        "max", lambda xp, a, b: xp.where(a >= b, a, xp.where(b > a, b, a + b)),
        lambda xp, y, a, b: (_kink(xp, a, b, 0.0, 0.5), _kink(xp, b, a, 0.0, 0.5)),
        aliases=("maximum",), latex=r"\max(<a>, <b>)", slopes=_share("<a> > <b>", "<b> > <a>"),
        corners=((1.0, 1.0), (0.0, 0.0)), symmetric=True,
    ),
    Gate(
        "min", lambda xp, a, b: xp.where(a <= b, a, xp.where(b < a, b, a + b)),
        lambda xp, y, a, b: (_kink(xp, b, a, 0.0, 0.5), _kink(xp, a, b, 0.0, 0.5)),
        aliases=("minimum",), latex=r"\min(<a>, <b>)", slopes=_share("<a> < <b>", "<b> < <a>"),
        corners=((1.0, 1.0), (0.0, 0.0)), symmetric=True,
    ),
    Gate(
        "exp", lambda xp, x: xp.exp(x), lambda xp, y, x: (y,),
        latex="e^{<x>}", slopes=("<y>",), failures=(_overflow,),
    ),
    Gate(
        "expm1", lambda xp, x: xp.expm1(x), lambda xp, y, x: (xp.exp(x),),
        latex="e^{<x>} - 1", slopes=("e^{<x>}",), failures=(_overflow,),
    ),
    Gate(
        "log", lambda xp, x: xp.log(x), lambda xp, y, x: (xp.div(1.0, x),),
        latex=r"\ln <x>", slopes=(r"\frac{1}{<x>}",), domain=(_POSITIVE,),
        failures=(Failure(ValueError, "needs an operand above 0", lambda xp, y, x: x <= 0.0),),
    ),
    Gate(
        "log1p", lambda xp, x: xp.log1p(x), lambda xp, y, x: (xp.div(1.0, 1.0 + x),),
        latex=r"\ln(1 + <x>)", slopes=(r"\frac{1}{1 + <x>}",), domain=(Interval(-1.0),),
        failures=(Failure(ValueError, "needs an operand above -1", lambda xp, y, x: x <= -1.0),),
    ),
    Gate(
        "sqrt", lambda xp, x: xp.sqrt(x),
        lambda xp, y, x: (xp.div(0.5, y + 0.0),),  # + 0.0, since sqrt(-0.0) is -0.0
        latex=r"\sqrt{<x>}", slopes=(r"\frac{1}{2 <y>}",), domain=(_POSITIVE,), corners=((0.0,),),
        failures=(Failure(ValueError, "needs an operand of at least 0", lambda xp, y, x: x < 0.0),),
    ),
    Gate(
        "sin", lambda xp, x: xp.sin(x), lambda xp, y, x: (xp.cos(x),),
        latex=r"\sin <x>", slopes=(r"\cos <x>",), failures=(_no_angle,),
    ),
    Gate(
        "cos", lambda xp, x: xp.cos(x), lambda xp, y, x: (-xp.sin(x),),
        latex=r"\cos <x>", slopes=(r"-\sin <x>",), failures=(_no_angle,),
    ),
    Gate(
        "tan", lambda xp, x: xp.tan(x), lambda xp, y, x: (1.0 + y * y,),
        latex=r"\tan <x>", slopes=("1 + <y>^2",), domain=(Interval(-1.5, 1.5),),
        failures=(_no_angle,),
    ),
    Gate(
        "sinh", lambda xp, x: xp.sinh(x), lambda xp, y, x: (xp.cosh(x),),
        latex=r"\sinh <x>", slopes=(r"\cosh <x>",), failures=(_overflow,),
    ),
    Gate(
        "cosh", lambda xp, x: xp.cosh(x), lambda xp, y, x: (xp.sinh(x),),
        latex=r"\cosh <x>", slopes=(r"\sinh <x>",), failures=(_overflow,),
    ),
    Gate(
        "tanh", lambda xp, x: xp.tanh(x), lambda xp, y, x: (_tanh_slope(xp, x, y),),
        latex=r"\tanh <x>", slopes=("1 - <y>^2",),
    ),
    Gate(
        "asin", lambda xp, x: xp.asin(x), lambda xp, y, x: (_asin_slope(xp, x),),
        aliases=("arcsin",), latex=r"\arcsin <x>", slopes=(r"\frac{1}{\sqrt{1 - <x>^2}}",),
        domain=(_UNIT,), failures=(_outside_unit,), corners=((-1.0,), (1.0,)),
    ),
    Gate(
        "acos", lambda xp, x: xp.acos(x), lambda xp, y, x: (-_asin_slope(xp, x),),
        aliases=("arccos",), latex=r"\arccos <x>", slopes=(r"-\frac{1}{\sqrt{1 - <x>^2}}",),
        domain=(_UNIT,), failures=(_outside_unit,), corners=((-1.0,), (1.0,)),
    ),
    Gate(
        "atan", lambda xp, x: xp.atan(x), lambda xp, y, x: (_atan_slope(xp, x),),
        aliases=("arctan",), latex=r"\arctan <x>", slopes=(r"\frac{1}{1 + <x>^2}",),
    ),
    Gate(
        "sigmoid", _sigmoid, lambda xp, y, x: (_sigmoid_slope(xp, x),),
        latex=r"\sigma(<x>)", slopes=("<y> (1 - <y>)",),
    ),
    Gate(
        "softplus", lambda xp, x: xp.where(x > 0.0, x, 0.0) + xp.log1p(_decay(xp, x)),
        lambda xp, y, x: (_sigmoid(xp, x),),
        latex=r"\ln(1 + e^{<x>})", slopes=(r"\sigma(<x>)",),
    ),
    Gate(
        "relu", lambda xp, x: xp.where(x <= 0.0, 0.0, x),
        lambda xp, y, x: (_kink(xp, x, 0.0, 0.0, 0.0),),
        latex=r"\max(0, <x>)", slopes=("[<x> > 0]",), corners=((0.0,),),
    ),
    Gate(
        "leaky_relu", lambda xp, x, slope: xp.where(x > 0.0, x, slope * x),
        lambda xp, y, x, slope: (_kink(xp, x, 0.0, slope, slope),),
        parameters=("slope",), defaults=(0.01,),
        latex=r"\operatorname{leaky}_{<slope>}(<x>)",
        slopes=(r"[<x> > 0] + <slope> [<x> \le 0]",),
        domain=(Interval(), Interval(0.0, 1.0)), corners=((0.0, 0.01), (0.0, 0.2)),
    ),
    Gate(
        "elu", lambda xp, x, alpha: xp.where(x > 0.0, x, alpha * xp.expm1(x)),
        lambda xp, y, x, alpha: (xp.where(x >= 0.0, 1.0, alpha * xp.exp(x)),),
        parameters=("alpha",), defaults=(1.0,),
        latex=r"\operatorname{elu}_{<alpha>}(<x>)",
        slopes=(r"[<x> \ge 0] + <alpha> e^{<x>} [<x> < 0]",),
        domain=(Interval(), Interval(0.0, 2.0)), corners=((0.0, 1.0), (0.0, 2.0)),
    ),
    # What only rules use, so that every instruction of a rule is a gate.
    Gate(
        "where", lambda xp, condition, a, b: xp.where(condition, a, b),
        lambda xp, y, condition, a, b: (
            0.0, xp.where(condition, 1.0, 0.0), xp.where(condition, 0.0, 1.0),
        ),
        latex=r"\operatorname{where}(<condition>, <a>, <b>)",
        slopes=("0", r"[<condition>]", r"[\lnot <condition>]"),
    ),
    Gate(
        "less", lambda xp, a, b: xp.where(a < b, 1.0, 0.0), lambda xp, y, a, b: (0.0, 0.0),
        symbol="<", latex="[<a> < <b>]", slopes=("0", "0"), condition=True,
    ),
    Gate(
        "less_equal", lambda xp, a, b: xp.where(a <= b, 1.0, 0.0), lambda xp, y, a, b: (0.0, 0.0),
        symbol="<=", latex=r"[<a> \le <b>]", slopes=("0", "0"), condition=True,
    ),
    Gate(
        "floor", lambda xp, x: xp.floor(x), lambda xp, y, x: (0.0,),
        latex=r"\lfloor <x> \rfloor", slopes=("0",), domain=(Interval(0.0, 1.0),),
    ),
))  # fmt: skip
