"""Every gate, declared once: the table that engine, pictures, checker and compiler read.

    from autograd_core import gates
    gates["exp"].latex                      # 'e^{<x>}'
    list(gates)                             # the names of all gates

A gate's rules are plain Python over a namespace `xp`. On floats `xp` is `elementary`, and numbers
come back; on Values it is the gates themselves, and a graph comes back, which can be differentiated
again; on the compiler's recorder the rule becomes a program. For that to work a rule

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

from .gate import Failure, Gate, Identity, Interval, Table

__all__ = ["gates"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INF = math.inf
NAN = math.nan

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
    """b a^(b-1) for one of the two power gates; 0 for b = 0, also where a^(b-1) is infinite."""
    c = b - 1.0
    factor = power(a, c)
    slope = b * factor
    finite = ((a > 0.0) | (a < 0.0)) & _inside(a, INF)
    # Where b - 1 rounds, the error in the exponent would grow by log(a); where a^(b-1) overflows, b
    # may bring it back.
    rounds = (c + 1.0 > b) | (c + 1.0 < b)
    returns = _inside(b, 1.0) & ((factor >= INF) | (factor <= -INF))
    slope = xp.where((rounds | returns) & finite, xp.div(b * y, a), slope)
    # Where a^(b-1) is subnormal, two factors keep the digits that it has lost.
    k = xp.floor(0.5 * c)
    small = _inside(factor, 2.3e-308) & finite
    slope = xp.where(small, (b * power(a, k)) * power(a, c - k), slope)
    # Only there: elsewhere the formula is 0 by itself, and has the right slope in b.
    return xp.where(_equal(b, 0.0), xp.where(finite, slope, 0.0), slope)


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


gates: Table = Table((
    Gate(
        "add", lambda xp, a, b: a + b, lambda xp, y, a, b: (1.0, 1.0),
        symbol="+", latex="<a> + <b>", slopes=("1", "1"), symmetric=True,
        habit="distributes it: each input gets all of it",
    ),
    Gate(
        "sub", lambda xp, a, b: a - b, lambda xp, y, a, b: (1.0, -1.0),
        symbol="-", latex="<a> - <b>", slopes=("1", "-1"),
        habit="a gets all of it, b the same with its sign changed",
    ),
    Gate(
        "mul", lambda xp, a, b: a * b, lambda xp, y, a, b: (b, a),
        symbol="*", latex=r"<a> \cdot <b>", slopes=("<b>", "<a>"), symmetric=True,
        identities=(Identity("a", 1.0, "b"), Identity("b", 1.0, "a")),
        habit="swaps: each input gets it times the other input",
    ),
    Gate(
        "div", lambda xp, a, b: xp.div(a, b),
        lambda xp, y, a, b: (xp.div(1.0, b), _div_slope(xp, y, a, b)),
        symbol="/", latex=r"\frac{<a>}{<b>}", slopes=(r"\frac{1}{<b>}", r"-\frac{<a>}{<b>^2}"),
        domain=(Interval(), _POSITIVE), identities=(Identity("b", 1.0, "a"),),
        failures=(
            Failure(
                ZeroDivisionError, "division by zero",
                lambda xp, y, a, b: _equal(b, 0.0) & (a <= INF),
            ),
        ),
        habit="the larger b is, the less of it comes through",
    ),
    Gate(
        "power", lambda xp, x, exponent: xp.power(x, exponent),
        # A constant has slope 0 to every order, also where x is so small that x^-2 is infinite.
        lambda xp, y, x, exponent: (
            xp.where(_equal(exponent, 0.0), 0.0, _pow_base_slope(xp, xp.power, y, x, exponent)),
        ),
        symbol="**", parameters=("exponent",),
        latex="<x>^{<exponent>}", slopes=(r"<exponent> \cdot <x>^{<exponent> - 1}",),
        domain=(_POSITIVE, Interval(-4.0, 4.0)), failures=_pow_failures,
        corners=((0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (0.0, 2.0)),
        identities=(Identity("exponent", 0.0, 1.0), Identity("exponent", 1.0, "x")),
        habit="multiplies by the exponent and by one power less",
    ),
    Gate(
        "pow", lambda xp, a, b: xp.pow(a, b),
        lambda xp, y, a, b: (
            _pow_base_slope(xp, xp.pow, y, a, b), _pow_exponent_slope(xp, y, a, b),
        ),
        symbol="**", latex="<a>^{<b>}", slopes=(r"<b> \cdot <a>^{<b> - 1}", r"<a>^{<b>} \ln <a>"),
        domain=(_POSITIVE, Interval(-4.0, 4.0)), failures=_pow_failures,
        identities=(Identity("b", 0.0, 1.0), Identity("b", 1.0, "a")),
        habit="a gets it as from a power, b as from an exponential",
    ),
    Gate(
        "neg", lambda xp, x: -x, lambda xp, y, x: (-1.0,), latex="-<x>", slopes=("-1",),
        habit="changes its sign",
    ),
    Gate(
        "abs", lambda xp, x: xp.abs(x), lambda xp, y, x: (_kink(xp, x, 0.0, -1.0, 0.0),),
        latex=r"\left|<x>\right|", slopes=(r"\operatorname{sign}(<x>)",), corners=((0.0,),),
        habit="keeps its sign where x is above 0, changes it below",
    ),
    Gate(
        "max", lambda xp, a, b: xp.where(a >= b, a, xp.where(b > a, b, a + b)),
        lambda xp, y, a, b: (_kink(xp, a, b, 0.0, 0.5), _kink(xp, b, a, 0.0, 0.5)),
        aliases=("maximum",), latex=r"\max(<a>, <b>)", slopes=_share("<a> > <b>", "<b> > <a>"),
        corners=((1.0, 1.0), (0.0, 0.0)), symmetric=True,
        habit="routes it: all to the larger input, none to the other",
    ),
    Gate(
        "min", lambda xp, a, b: xp.where(a <= b, a, xp.where(b < a, b, a + b)),
        lambda xp, y, a, b: (_kink(xp, b, a, 0.0, 0.5), _kink(xp, a, b, 0.0, 0.5)),
        aliases=("minimum",), latex=r"\min(<a>, <b>)", slopes=_share("<a> < <b>", "<b> < <a>"),
        corners=((1.0, 1.0), (0.0, 0.0)), symmetric=True,
        habit="routes it: all to the smaller input, none to the other",
    ),
    Gate(
        "exp", lambda xp, x: xp.exp(x), lambda xp, y, x: (y,),
        latex="e^{<x>}", slopes=("<y>",), failures=(_overflow,),
        habit="multiplies by its own output",
    ),
    Gate(
        "expm1", lambda xp, x: xp.expm1(x), lambda xp, y, x: (xp.exp(x),),
        latex="e^{<x>} - 1", slopes=("e^{<x>}",), failures=(_overflow,),
        habit="multiplies by its own output plus 1",
    ),
    Gate(
        "log", lambda xp, x: xp.log(x), lambda xp, y, x: (xp.div(1.0, x),),
        latex=r"\ln <x>", slopes=(r"\frac{1}{<x>}",), domain=(_POSITIVE,),
        failures=(Failure(ValueError, "needs an operand above 0", lambda xp, y, x: x <= 0.0),),
        habit="divides by its input: strong near 0, weak far out",
    ),
    Gate(
        "log1p", lambda xp, x: xp.log1p(x), lambda xp, y, x: (xp.div(1.0, 1.0 + x),),
        latex=r"\ln(1 + <x>)", slopes=(r"\frac{1}{1 + <x>}",), domain=(Interval(-1.0),),
        failures=(Failure(ValueError, "needs an operand above -1", lambda xp, y, x: x <= -1.0),),
        habit="divides by 1 + x: strong near -1, weak far out",
    ),
    Gate(
        "sqrt", lambda xp, x: xp.sqrt(x),
        lambda xp, y, x: (xp.div(0.5, y + 0.0),),  # + 0.0, since sqrt(-0.0) is -0.0
        latex=r"\sqrt{<x>}", slopes=(r"\frac{1}{2 <y>}",), domain=(_POSITIVE,), corners=((0.0,),),
        failures=(Failure(ValueError, "needs an operand of at least 0", lambda xp, y, x: x < 0.0),),
        habit="divides by twice its output: strong near 0",
    ),
    Gate(
        "sin", lambda xp, x: xp.sin(x), lambda xp, y, x: (xp.cos(x),),
        latex=r"\sin <x>", slopes=(r"\cos <x>",), failures=(_no_angle,),
        habit="multiplies by the cosine: none at the crests",
    ),
    Gate(
        "cos", lambda xp, x: xp.cos(x), lambda xp, y, x: (-xp.sin(x),),
        latex=r"\cos <x>", slopes=(r"-\sin <x>",), failures=(_no_angle,),
        habit="multiplies by minus the sine: none at the crests",
    ),
    Gate(
        "tan", lambda xp, x: xp.tan(x), lambda xp, y, x: (1.0 + y * y,),
        latex=r"\tan <x>", slopes=("1 + <y>^2",), domain=(Interval(-1.5, 1.5),),
        failures=(_no_angle,),
        habit="multiplies by 1 or more: the steeper, the more",
    ),
    Gate(
        "sinh", lambda xp, x: xp.sinh(x), lambda xp, y, x: (xp.cosh(x),),
        latex=r"\sinh <x>", slopes=(r"\cosh <x>",), failures=(_overflow,),
        habit="multiplies by the cosh, which is 1 or more",
    ),
    Gate(
        "cosh", lambda xp, x: xp.cosh(x), lambda xp, y, x: (xp.sinh(x),),
        latex=r"\cosh <x>", slopes=(r"\sinh <x>",), failures=(_overflow,),
        habit="multiplies by the sinh: none at 0",
    ),
    Gate(
        "tanh", lambda xp, x: xp.tanh(x), lambda xp, y, x: (_tanh_slope(xp, x, y),),
        latex=r"\tanh <x>", slopes=("1 - <y>^2",),
        habit="shrinks it, to almost nothing where y is near -1 or 1",
    ),
    Gate(
        "asin", lambda xp, x: xp.asin(x), lambda xp, y, x: (_asin_slope(xp, x),),
        aliases=("arcsin",), latex=r"\arcsin <x>", slopes=(r"\frac{1}{\sqrt{1 - <x>^2}}",),
        domain=(_UNIT,), failures=(_outside_unit,), corners=((-1.0,), (1.0,)),
        habit="multiplies by 1 or more, without bound near -1 and 1",
    ),
    Gate(
        "acos", lambda xp, x: xp.acos(x), lambda xp, y, x: (-_asin_slope(xp, x),),
        aliases=("arccos",), latex=r"\arccos <x>", slopes=(r"-\frac{1}{\sqrt{1 - <x>^2}}",),
        domain=(_UNIT,), failures=(_outside_unit,), corners=((-1.0,), (1.0,)),
        habit="as asin does, with its sign changed",
    ),
    Gate(
        "atan", lambda xp, x: xp.atan(x), lambda xp, y, x: (_atan_slope(xp, x),),
        aliases=("arctan",), latex=r"\arctan <x>", slopes=(r"\frac{1}{1 + <x>^2}",),
        habit="shrinks it: the further from 0, the more",
    ),
    Gate(
        "sigmoid", _sigmoid, lambda xp, y, x: (_sigmoid_slope(xp, x),),
        latex=r"\sigma(<x>)", slopes=("<y> (1 - <y>)",), definition=r"\frac{1}{1 + e^{-<x>}}",
        habit="shrinks it to a quarter at most, far out to nothing",
    ),
    Gate(
        "softplus", lambda xp, x: xp.where(x > 0.0, x, 0.0) + xp.log1p(_decay(xp, x)),
        lambda xp, y, x: (_sigmoid(xp, x),),
        latex=r"\ln(1 + e^{<x>})", slopes=(r"\sigma(<x>)",),
        habit="lets through the sigmoid of x: a soft relu",
    ),
    Gate(
        "relu", lambda xp, x: xp.where(x <= 0.0, 0.0, x),
        lambda xp, y, x: (_kink(xp, x, 0.0, 0.0, 0.0),),
        latex=r"\max(0, <x>)", slopes=("[<x> > 0]",), corners=((0.0,),),
        habit="a valve: all of it where x is above 0, else none",
    ),
    Gate(
        "leaky_relu", lambda xp, x, slope: xp.where(x > 0.0, x, slope * x),
        lambda xp, y, x, slope: (_kink(xp, x, 0.0, slope, slope),),
        parameters=("slope",), defaults=(0.01,),
        latex=r"\operatorname{leaky}_{<slope>}(<x>)",
        definition=r"<x>\text{ if }<x> > 0,\text{ else }<slope> \cdot <x>",
        slopes=(r"[<x> > 0] + <slope> [<x> \le 0]",),
        domain=(Interval(), Interval(0.0, 1.0)), corners=((0.0, 0.01), (0.0, 0.2)),
        habit="all of it where x is above 0, else a small part",
    ),
    Gate(
        "elu", lambda xp, x, alpha: xp.where(x > 0.0, x, alpha * xp.expm1(x)),
        lambda xp, y, x, alpha: (xp.where(x >= 0.0, 1.0, alpha * xp.exp(x)),),
        parameters=("alpha",), defaults=(1.0,),
        latex=r"\operatorname{elu}_{<alpha>}(<x>)",
        definition=r"<x>\text{ if }<x> > 0,\text{ else }<alpha> \cdot (e^{<x>} - 1)",
        slopes=(r"[<x> \ge 0] + <alpha> e^{<x>} [<x> < 0]",),
        domain=(Interval(), Interval(0.0, 2.0)), corners=((0.0, 1.0), (0.0, 2.0)),
        habit="all of it where x is above 0, less and less below",
    ),
    # What only rules use, so that every instruction of a rule is a gate.
    Gate(
        "where", lambda xp, condition, a, b: xp.where(condition, a, b),
        lambda xp, y, condition, a, b: (
            0.0, xp.where(condition, 1.0, 0.0), xp.where(condition, 0.0, 1.0),
        ),
        latex=r"\operatorname{where}(<condition>, <a>, <b>)",
        slopes=("0", r"[<condition>]", r"[\lnot <condition>]"),
        identities=(Identity("condition", 1.0, "a"), Identity("condition", 0.0, "b")),
        habit="routes it: all to the input that was chosen",
    ),
    Gate(
        "less", lambda xp, a, b: xp.where(a < b, 1.0, 0.0), lambda xp, y, a, b: (0.0, 0.0),
        symbol="<", latex="[<a> < <b>]", slopes=("0", "0"), condition=True,
        habit="stops it: a yes or no has no slope",
    ),
    Gate(
        "less_equal", lambda xp, a, b: xp.where(a <= b, 1.0, 0.0), lambda xp, y, a, b: (0.0, 0.0),
        symbol="<=", latex=r"[<a> \le <b>]", slopes=("0", "0"), condition=True,
        habit="stops it: a yes or no has no slope",
    ),
    Gate(
        "floor", lambda xp, x: xp.floor(x), lambda xp, y, x: (0.0,),
        latex=r"\lfloor <x> \rfloor", slopes=("0",), domain=(Interval(0.0, 1.0),),
        habit="stops it: a step is flat",
    ),
))  # fmt: skip
