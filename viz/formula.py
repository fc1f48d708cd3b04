"""The formulas of the gates with names or numbers put in, and the chain rule of one value.

print(explain(f, x))            # in a terminal: plain text
explain(f, x)                   # in a notebook: Markdown with LaTeX
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from autograd_core import Gate, Value, gradients, is_stale

from .picture import Names, picture_of
from .words import printable, short

__all__ = ["Explanation", "explain", "fill", "latex_name", "parts_of", "plain", "slope_of"]


def plain(latex: str) -> str:
    r"""A gate's LaTeX as plain text: `\frac{1}{<x>}` as `1 / <x>`, operands left in brackets."""
    text = latex
    before = ""
    while text != before:  # from the inside out: each round, what holds no braces
        before = text
        text = re.sub(r"\\(?:operatorname|mathrm|text){([^{}]*)}", r"\1", text)
        text = re.sub(r"\\frac{([^{}]*)}{([^{}]*)}", lambda m: f"{_one(m[1])} / {_one(m[2])}", text)
        text = re.sub(r"\\sqrt{([^{}]*)}", r"sqrt(\1)", text)
        text = re.sub(r"\^{([^{}]*)}", lambda m: f"^{_one(m[1])}", text)
        text = re.sub(r"_{([^{}]*)}", lambda m: f"_{_one(m[1])}", text)
    for command, word in _WORDS.items():
        text = text.replace(command, word)
    return text


_WORDS = {
    r"\left|": "|", r"\right|": "|", r"\cdot": "*", r"\sigma": "sigmoid", r"\lnot": "not",
    r"\lfloor ": "floor(", r" \rfloor": ")", r"\arcsin": "asin", r"\arccos": "acos",
    r"\arctan": "atan", r"\sinh": "sinh", r"\cosh": "cosh", r"\tanh": "tanh", r"\sin": "sin",
    r"\cos": "cos", r"\tan": "tan", r"\ln": "ln", r"\max": "max", r"\min": "min", r"\le": "<=",
    r"\ge": ">=",
}  # fmt: skip


def _one(text: str) -> str:
    """`text`, in parentheses unless it is a single thing."""
    return text if re.fullmatch(r"<\w+>|\w+|\w+\([^()]*\)", text) else f"({text})"


def fill(template: str, parts: Mapping[str, str]) -> str:
    """`template` with its `<operands>` replaced; what begins with a minus gets parentheses."""

    def part(match: re.Match[str]) -> str:
        text = parts[match[1]]
        return text if match[0] == template else _wrapped(text)

    return re.sub(r"<(\w+)>", part, template)


def _wrapped(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def latex_name(name: str) -> str:
    """A name as LaTeX: `w0` as w_{0}, a letter or a number as it is, all else upright, escaped."""
    if re.fullmatch(r"-?\d[\d.]*(e-?\d+)?", name):  # a constant, which goes by its number
        return _scientific(name)
    letter = re.fullmatch(r"([A-Za-z])(\d*)", name)
    if letter:
        return f"{letter[1]}_{{{letter[2]}}}" if letter[2] else letter[1]
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", printable(name).replace("\\", "/"))
    return rf"\text{{{re.sub(r'[~^<>]', ' ', escaped)}}}"


def _scientific(number: str) -> str:
    mantissa, e, exponent = number.partition("e")
    return rf"{mantissa} \cdot 10^{{{exponent}}}" if e else mantissa.replace("inf", r"\infty")


class Notation(NamedTuple):
    """How names, numbers, gates' formulas and derivatives are written.

    product     what stands between two derivatives; times: between two numbers
    """

    name: Callable[[str], str]
    number: Callable[[float], str]
    form: Callable[[str], str]
    derivative: str
    product: str
    times: str

    def d(self, above: str, below: str) -> str:
        return self.derivative.format(self.name(above), self.name(below))


PLAIN = Notation(str, short, plain, "d{}/d{}", " * ", " * ")
LATEX = Notation(
    latex_name, lambda x: _scientific(short(x)), str,
    r"\frac{{\partial {}}}{{\partial {}}}", " ", r" \cdot ",
)  # fmt: skip


def parts_of(
    gate: Gate, inputs: list[str], result: str, constants: tuple[float, ...]
) -> dict[str, str]:
    """What stands for each operand, parameter and <y> in a gate's formulas."""
    parts = dict(zip(gate.operands, inputs, strict=True))
    parts |= dict(zip(gate.parameters, map(short, constants), strict=True))
    return {**parts, "y": result}


def slope_of(
    node: Value, operand: int, labels: Mapping[Value, str], notation: Notation = PLAIN
) -> str:
    """A local gradient: its formula in symbols, in numbers, and its value: `y (1 - y) = ...`."""
    gate = node.gate
    if gate is None:
        raise ValueError("a leaf has no slope")
    name, number = notation.name, notation.number
    names = [name(labels[x]) for x in node.inputs]
    numbers = [number(x.data) for x in node.inputs]
    form = notation.form(gate.slopes[operand])
    symbols = fill(form, parts_of(gate, names, name(labels[node]), node.constants))
    filled = fill(form, parts_of(gate, numbers, number(node.data), node.constants))
    if is_stale(node):  # its numbers are not those of the forward pass, the slope is
        filled = symbols
    steps = [symbols, filled, number(node.partials[operand])]
    return " = ".join(dict.fromkeys(steps))  # a step that changes nothing is left out


class Explanation:
    """The chain rule of one value, shown as Markdown in a notebook and plainly in a terminal."""

    def __init__(self, markdown: str, text: str) -> None:
        self.markdown = markdown
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown


def explain(root: Value, v: Value, *, names: Names = None) -> Explanation:
    """How the gradient of `root` with respect to `v` comes about (Prince, eq. 7.9 ff.).

    One product, upstream x local, for every edge that leaves v towards root: in symbols, then in
    numbers, then their sum. No `.grad` is read or changed. TypeError if either is not a Value.
    """
    picture = picture_of(root, names=names)
    if not isinstance(v, Value):
        raise TypeError(f"v must be a Value, got {type(v).__name__}; the call is explain(loss, w)")
    total = gradients(root)
    labels = dict(zip(total, picture.names().values(), strict=True))
    top = labels[root]
    if v not in total:
        variables = {id(value): name for name, value in (names or {}).items()}
        name = printable(v.label or variables.get(id(v), "v"))
        text = f"{top} does not depend on {name}: the gradient is 0."
        return Explanation(text, text)
    if v is root:
        return Explanation(f"${LATEX.d(top, top)} = 1$", f"{PLAIN.d(top, top)} = 1")
    ids = dict(zip(total, (node.id for node in picture.nodes), strict=True))
    own = f"({labels[v]})" if ids[v] in picture.constants() else labels[v]
    edges = [
        (node, operand)
        for node in total
        for operand, source in enumerate(node.inputs)
        if source is v
    ]

    def chain(notation: Notation) -> tuple[str, str, list[tuple[str, str]]]:
        """The sum of products in symbols and in numbers, and each local gradient with its slope."""
        d, number = notation.d, notation.number
        symbols, numbers, slopes = [], [], []
        for node, operand in edges:
            result, upstream, local = labels[node], total[node], node.partials[operand]
            symbols.append(f"{d(top, result)}{notation.product}{d(result, own)}")
            factors = _wrapped(number(upstream)), _wrapped(number(local))
            numbers.append(notation.times.join(factors))
            slopes.append((d(result, own), slope_of(node, operand, labels, notation)))
        return " + ".join(symbols), " + ".join(numbers), slopes

    head = PLAIN.d(top, own)
    pad = " " * len(head)
    symbols, numbers, slopes = chain(PLAIN)
    lines = [
        f"{head} = {symbols}",
        f"{pad} = {numbers}",
        f"{pad} = {short(total[v])}",
        "where",
        *(f"  {local} = {slope}" for local, slope in slopes),
    ]
    symbols, numbers, slopes = chain(LATEX)
    markdown = [
        r"$$\begin{aligned}",
        rf"{LATEX.d(top, own)} &= {symbols} \\",
        rf"&= {numbers} = {LATEX.number(total[v])}",
        r"\end{aligned}$$",
        "",
        *(f"- ${local} = {slope}$" for local, slope in slopes),
    ]
    return Explanation("\n".join(markdown), "\n".join(lines))
