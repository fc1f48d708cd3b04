"""What a gate is: its rules, where they hold, how it is written and where it raises.

    square = Gate(
        "square", lambda xp, x: x * x, lambda xp, y, x: (2.0 * x,),
        latex="<x>^2", slopes=(r"2 \\cdot <x>",),
    )
    y = apply(square, x)                    # a gate of your own, used at once
    gates.add(square)                       # and known by its name from then on

The gates that come with the engine are declared in `table`, which says what a rule may use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from . import elementary as xp
from . import errors, modes
from .records import NamedTuple
from .scalars import real

__all__ = ["Failure", "Gate", "Identity", "Interval", "Table"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random
    from typing import Any, Self, TypeAlias

    Rule: TypeAlias = Callable[..., Any]

INF = math.inf
NAN = math.nan


class Interval(NamedTuple("Interval", [("low", float), ("high", float)])):
    """The open interval (low, high) of one operand, from which tests and checkers draw points."""

    __slots__ = ()

    def __new__(cls, low: float = -INF, high: float = INF) -> Self:
        if not low < high:
            raise ValueError(f"Interval: low must be below high, got ({low}, {high})")
        return super().__new__(cls, low, high)

    def __contains__(self, x: Any) -> bool:
        return bool(self.low < x < self.high)

    def __repr__(self) -> str:
        return f"Interval({self.low}, {self.high})"

    def sample(self, rng: Random) -> float:
        """A point between -4 and 4, as far as they are inside; else near the end next to 0."""
        if self.low == -INF:
            end = min(self.high, 0.0)
            low, high = end - max(4.0, -end), min(4.0, self.high)
        else:
            end = max(self.low, 0.0)
            low, high = self.low, min(self.high, end + max(4.0, end))
        x = NAN
        while x not in self:
            x = rng.uniform(low, high)
        return x


class Failure(
    NamedTuple("Failure", [("error", "type[Exception]"), ("reason", str), ("when", "Rule")])
):
    """Where a gate raises: `error`, with `reason`, at the operands where `when(xp, y, *operands)`.

    `when` holds only where the quiet output `y` is inf or nan, so that callers may look at `y`
    first; and never because an operand is nan: nan in gives nan out.
    """

    __slots__ = ()


class Identity(
    NamedTuple("Identity", [("operand", str), ("equals", float), ("result", "str | float")])
):
    """An exact shortcut: where `operand` is the number `equals`, the gate's output is `result`.

    `result` is the name of the operand that is handed on as it is, or a number. x * 1 is x:
    Identity("b", 1.0, "a"). The compiler leaves such a gate out.
    """

    __slots__ = ()


class Gate:
    """One entry of the table, or a gate of your own, which `apply` runs and `check_gate` checks.

        cube = Gate(
            "cube", lambda xp, x: xp.power(x, 3.0), lambda xp, y, x: (3.0 * x * x,),
            latex="<x>^3", slopes=(r"3 <x>^2",),
        )
        check_gate(cube)            # are its slopes right, and can programs hold its rules?
        apply(cube, Value(2.0))     # a Value of 8: draw it, step through it, differentiate it

    Rules are arithmetic with + - *, functions of xp (xp.div and xp.power for / and **), comparisons
    and xp.where. What has no default below must be given.

    name        how methods, functions and pictures call it
    forward     forward(xp, *operands, *parameters) -> the output y
    partials    partials(xp, y, *operands, *parameters) -> a tuple of slopes, one per operand
    symbol      what stands between its operands where it has an operator (`+`), else ""
    aliases     other names that functions and expressions know it by (`arcsin`)
    parameters  names of plain numbers that follow the operands (the 2 of x**2) and are not inputs
    defaults    values of the parameters where the user gives none
    domain      one Interval per operand (and then one per parameter), where it is sampled
    failures    where the public operators raise, see Failure
    corners     operands (with parameters) at which the slope is a convention or infinite
    identities  exact shortcuts, see Identity
    condition   whether the output is a yes or no, 1 or 0: a nan among the operands does not show in
                it, so executors look for one; no gradient flows through it
    symmetric   whether its two operands may change places
    latex       the formula, operands in angle brackets: r"\\frac{<a>}{<b>}"
    definition  the formula written out, where `latex` is no more than a name for it
    slopes      LaTeX of each slope in the operands and <y>, as a textbook writes it
    habit       what it does to a gradient that comes back, in a few words

    The names of the operands are those of `forward`'s arguments.
    """

    __slots__ = (
        "aliases", "condition", "corners", "defaults", "definition", "domain", "failures",
        "forward", "habit", "identities", "latex", "name", "operands", "parameters", "partials",
        "slopes", "symbol", "symmetric",
    )  # fmt: skip

    name: str
    forward: Rule
    partials: Rule
    symbol: str
    aliases: tuple[str, ...]
    operands: tuple[str, ...]
    parameters: tuple[str, ...]
    defaults: tuple[float, ...]
    domain: tuple[Interval, ...]
    failures: tuple[Failure, ...]
    corners: tuple[tuple[float, ...], ...]
    identities: tuple[Identity, ...]
    condition: bool
    symmetric: bool
    latex: str
    slopes: tuple[str, ...]
    habit: str
    definition: str

    def __init__(
        self, name: str, forward: Rule, partials: Rule, *, latex: str, slopes: tuple[str, ...],
        symbol: str = "", aliases: tuple[str, ...] = (), parameters: tuple[str, ...] = (),
        defaults: tuple[float, ...] = (), domain: tuple[Interval, ...] = (),
        failures: tuple[Failure, ...] = (), corners: tuple[tuple[float, ...], ...] = (),
        identities: tuple[Identity, ...] = (), condition: bool = False, symmetric: bool = False,
        habit: str = "", definition: str = "",
    ) -> None:  # fmt: skip
        code = getattr(forward, "__code__", None)
        if code is None:
            raise TypeError(
                f"gate {name!r}: forward must be a function written in Python, as "
                f"lambda xp, x: xp.sqrt(x), got {errors.short(forward)}"
            )
        arguments = code.co_varnames[1 : code.co_argcount]
        count = len(arguments) - len(parameters)
        if arguments[count:] != parameters or count < 1:
            raise ValueError(
                f"gate {name!r}: forward must take xp, its operands, then {parameters}, "
                f"got {code.co_varnames[: code.co_argcount]}"
            )
        self.name, self.symbol, self.aliases = name, symbol, aliases
        self.forward, self.partials = forward, partials
        self.operands, self.parameters, self.defaults = arguments[:count], parameters, defaults
        self.domain = domain or (Interval(),) * len(arguments)
        self.failures, self.corners, self.identities = failures, corners, identities
        self.condition, self.symmetric = condition, symmetric
        self.latex, self.slopes, self.habit, self.definition = latex, slopes, habit, definition
        for field, entries, length in (
            ("domain", self.domain, len(arguments)),
            ("slopes", slopes, count),
            *(("corners", corner, len(arguments)) for corner in corners),
        ):
            if len(entries) != length:
                raise ValueError(f"gate {name!r}: {field} needs {length} entries, got {entries}")
        for identity in identities:
            for operand in (identity.operand, identity.result):
                if isinstance(operand, str) and operand not in arguments:
                    raise ValueError(
                        f"gate {name!r}: an identity names {operand!r}, which is not an operand"
                    )
        for text in (latex, definition, *slopes):
            for part in text.split("<")[1:]:
                operand = part.partition(">")[0]
                if operand.isidentifier() and operand not in (*arguments, "y"):
                    raise ValueError(
                        f"gate {name!r}: the formula {text!r} names <{operand}>, forward takes "
                        f"{', '.join(f'<{argument}>' for argument in arguments)}"
                    )

    @property
    def op(self) -> str:
        """What a Value made by this gate shows as its `op`: the symbol, or else the name."""
        return self.symbol or self.name

    def fails(self, xp: Any, y: Any, *operands: Any) -> Any:
        """Whether the public operators raise at these operands (with parameters)."""
        answer: Any = False
        for failure in self.failures:
            answer = answer | failure.when(xp, y, *operands)
        return answer

    def bind(self, operands: Sequence[Any], named: Mapping[str, Any]) -> tuple[float, ...]:
        """The numbers of its parameters: what follows the operands, names, or the defaults.

        TypeError, with the call that is right, for too few operands, or too many.
        """
        count = len(self.operands)
        names = self.parameters
        if not names and not named and len(operands) == count:
            return ()
        given = operands[count:]
        numbers = dict(zip(names[len(names) - len(self.defaults) :], self.defaults, strict=True))
        numbers.update(zip(names, given, strict=False))
        numbers.update(named)
        too_many = len(given) > len(names) or not named.keys().isdisjoint(names[: len(given)])
        if len(operands) < count or too_many or numbers.keys() != set(names):
            right = ", ".join(self.operands + names)
            got = ", ".join([*map(repr, operands), *(f"{k}={v!r}" for k, v in named.items())])
            only = f"; only {', '.join(names) or 'a parameter'} may be given by name" * bool(named)
            call = f"expected {self.name}({right}), got {self.name}({got})"
            modes.hide_frames()
            raise TypeError(f"{self.name}: {call}{only}")
        return tuple(real(numbers[name], f"{self.name}: {name}") for name in names)

    def evaluate(self, numbers: list[float], operands: Sequence[Any] = ()) -> float:
        """The output at floats. Where the gate fails, its error, which names the `operands`."""
        y = self.forward(xp, *numbers)
        if y.__class__ is not float:
            y = real(y, f"{self.name}: what its forward returns")
        if y - y != 0.0:  # inf or nan: only there a gate may fail
            for failure in self.failures:
                if failure.when(xp, y, *numbers):
                    names = [getattr(operand, "label", "") for operand in operands]
                    message = self.message(failure.reason, numbers, names)
                    modes.hide_frames()
                    raise failure.error(message + self._lines(numbers, operands))
        return y

    def message(self, reason: str, numbers: Sequence[float], names: Sequence[str]) -> str:
        """`log: log(x=-1.0): needs an operand above 0`; a name may be empty."""
        shown = list(map(repr, numbers))
        for i, name in enumerate(names):
            if name and i < len(self.operands):
                shown[i] = f"{name}={shown[i]}"
        if self.symbol == "**" and numbers[0] < 0.0:
            shown[0] = f"({shown[0]})"  # -2.0 ** 0.5 would be -(2.0 ** 0.5)
        call = f" {self.symbol} ".join(shown) if self.symbol else f"{self.name}({', '.join(shown)})"
        return f"{self.name}: {call}: {reason}"

    def _lines(self, numbers: Sequence[float], operands: Sequence[Any]) -> str:
        """Where the operands and the gate were made, as far as `trace_creation` kept it."""
        lines = []
        for operand, number in zip(operands, numbers, strict=False):
            if getattr(operand, "line", ""):
                name = f"{operand.label}=" if operand.label else ""
                lines.append(f"\n  {name}{number!r} was made at {operand.line}")
        if modes.contexts and modes.mine.keeps_lines:
            lines.append(f"\n  {self.name} is at {modes.user_line()}")
        return "".join(lines)

    # ------------------------------------------------------------------ in words

    @staticmethod
    def plain(latex: str) -> str:
        r"""A formula of an entry as plain text: `\frac{1}{<x>}` as `1 / <x>`."""
        text = latex
        while "{" in text:  # what the last brace opens holds no braces
            head, _, tail = text.rpartition("{")
            inside, _, tail = tail.partition("}")
            if head.endswith("}"):
                text = f"{head} / {_single(inside)}{tail}"  # what a fraction divides by
            elif head.endswith(r"\frac"):
                text = head.removesuffix(r"\frac") + _single(inside) + tail
            elif head.endswith(r"\sqrt"):
                text = f"{head.removesuffix('sqrt')[:-1]}sqrt({inside}){tail}"
            elif head.endswith(("^", "_")):
                text = head + _single(inside) + tail
            else:  # \operatorname and \text
                text = head.rpartition("\\")[0] + inside + tail
        for command, word in _WORDS.items():
            text = text.replace(command, word)
        return text

    def in_words(self, latex: str) -> str:
        """A formula of this entry as plain text, operands and parameters by their bare names."""
        text = self.plain(latex)
        for name in (*self.operands, *self.parameters, "y"):
            text = text.replace(f"<{name}>", name)
        return text

    def limits(self) -> list[str]:
        """Where there is no slope, or none but by convention: `kink at x = 0, slope 0 there`."""
        told: dict[str, str] = {}  # by place: corners that differ in a parameter are told once
        for corner in self.corners:
            sentence = self._corner(corner)
            if sentence:
                told.setdefault(sentence.partition(",")[0], sentence)
        return list(told.values())

    def _corner(self, corner: tuple[float, ...]) -> str:
        """What happens at a corner of the table; "" if the slope is the same on both sides."""
        first, *others = corner
        count = len(self.operands)
        same = count > 1 and len({*corner[:count]}) == 1
        where = " = ".join(self.operands) if same else f"{self.operands[0]} = {first:g}"
        left, here, right = (
            self.partials(xp, self.forward(xp, x, *others), x, *others)[0]
            for x in (first - _SIDE, first, first + _SIDE)
        )
        if here in (INF, -INF):
            told = f"infinite slope at {where}"
        elif abs(right - left) <= 1e-3:
            return ""
        else:
            told = f"kink at {where}, slope {here:g} there"
        given = zip(self.parameters, corner[count:], strict=True)
        return ", if ".join([told, *(f"{name} = {number:g}" for name, number in given)])

    def describe(self, function: Callable[..., Any], qualname: str) -> Callable[..., Any]:
        """The function, which computes this gate, named and with a docstring of what is here."""
        name = qualname.rpartition(".")[2]
        function.__name__, function.__qualname__ = name, qualname
        formula, *slopes = map(self.in_words, (self.definition or self.latex, *self.slopes))
        of_each = [f"dy/d{x} is {slope}" for x, slope in zip(self.operands, slopes, strict=True)]
        head = f"y = {formula}, whose slope {', and '.join(of_each)}."
        if "[" in head:
            head += " (A condition in brackets is 1 where it holds, else 0.)"
        told = [f"What it does to a gradient that comes back: {self.habit}."] if self.habit else []
        for parameter, number in zip(self.parameters, self.defaults, strict=False):
            told.append(f"The plain number {parameter}, {number} by default, gets no gradient.")
        told += [f"{limit[0].upper()}{limit[1:]}." for limit in self.limits()]
        told += [f"{failure.error.__name__}: {failure.reason}." for failure in self.failures]
        if not self.failures:
            told.append("Takes every number.")
        function.__doc__ = "\n\n".join(
            [head, "\n".join(told), self._example(name, "." in qualname)]
        )
        return function

    def _example(self, name: str, is_method: bool) -> str:
        """The gate at numbers inside its domain, as a session of Python shows it."""
        count = len(self.operands)
        numbers = [3.0, 2.0, 1.0][:count] if count > 1 else [-0.5 if self.parameters else 0.5]
        constants = [2.0] * (len(self.parameters) - len(self.defaults))
        names = self.operands
        made = f"{', '.join(names)} = {', '.join(f'Value({number})' for number in numbers)}"
        given = ", ".join([*names, *map(str, constants)])
        if name.startswith("__"):
            call = f"{name.strip('_')}({given})"
        elif is_method:
            call = f"{names[0]}.{name}({given.partition(', ')[2]})"
        else:
            call = f"{name}({given})"
        y = self.forward(xp, *numbers, *constants, *self.defaults)
        slopes = tuple(self.partials(xp, y, *numbers, *constants, *self.defaults))
        return f">>> {made}\n>>> y = {call}\n>>> y.data, y.partials\n({y!r}, {slopes!r})"

    def __repr__(self) -> str:
        return f"<gate {self.name}({', '.join(self.operands + self.parameters)})>"


_SIDE = 1e-6  # to either side of a corner

_WORDS = {
    r"\left|": "|", r"\right|": "|", r"\cdot": "×", r"\sigma": "sigmoid", r"\lnot": "not",
    r"\lfloor ": "floor(", r" \rfloor": ")", r"\arcsin": "asin", r"\arccos": "acos",
    r"\arctan": "atan", r"\sinh": "sinh", r"\cosh": "cosh", r"\tanh": "tanh", r"\sin": "sin",
    r"\cos": "cos", r"\tan": "tan", r"\ln": "ln", r"\max": "max", r"\min": "min", r"\le": "<=",
    r"\ge": ">=",
}  # fmt: skip


def _single(text: str) -> str:
    """`text`, in parentheses unless it is a single thing: a name, a number, a call."""
    name, call, rest = text.partition("(")
    is_word = name.removeprefix("<").removesuffix(">").replace("_", "a").isalnum()
    return text if is_word and (not call or rest.find(")") == len(rest) - 1) else f"({text})"


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
