"""The formulas of the gates with names or numbers put in, and the chain rule of one value.

print(explain(f, x))            # in a terminal: plain text
explain(f, x)                   # in a notebook: Markdown with LaTeX
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from autograd_core import Gate, Value, gradients, is_stale

from .names import callers_names
from .picture import Names, picture_of
from .words import TIMES, number, ordinal, printable, shown

__all__ = [
    "Explanation",
    "explain",
    "expression_of",
    "fill",
    "latex_name",
    "parts_of",
    "place",
    "slope_of",
]


def fill(template: str, parts: Mapping[str, str]) -> str:
    """`template` with its `<operands>` replaced; what begins with a minus gets parentheses.

    Not what stands apart: `exp(-2)`, but `(-2) * y`.
    """

    def part(match: re.Match[str]) -> str:
        text = parts[match[1]]
        return text if _is_apart(match) else _wrapped(text)

    return re.sub(r"<(\w+)>", part, template)


def _is_apart(match: re.Match[str]) -> bool:
    """Whether an operand stands alone, or between parentheses and commas."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    return bool(re.search(r"(^|\(|, )$", before) and re.match(r"$|,|(\\right)?\)", after))


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
    plus        what stands between the terms of a sum of chains
    slope       the slope of a gate in one of several wires from the same value
    """

    name: Callable[[str], str]
    number: Callable[[float], str]
    form: Callable[[str], str]
    derivative: str
    product: str
    times: str
    plus: str
    slope: str

    def d(self, above: str, below: str) -> str:
        return self.derivative.format(self.name(above), self.name(below))


PLAIN = Notation(
    str, number, Gate.plain, "d{}/d{}", f" {TIMES} ", f" {TIMES} ", " + ", "slope of {} in its {}"
)
LATEX = Notation(
    latex_name, lambda x: _scientific(number(x)), str,
    r"\frac{{\partial {}}}{{\partial {}}}", r" \cdot ", r" \cdot ",
    " \\\\\n&\\quad + ", r"\text{{slope of }} {} \text{{ in its {}}}",
)  # fmt: skip


def parts_of(
    gate: Gate, inputs: list[str], result: str, constants: tuple[float, ...]
) -> dict[str, str]:
    """What stands for each operand, parameter and <y> in a gate's formulas.

    <y> is the result, but for a gate that has an operand of this name.
    """
    parts = dict(zip(gate.operands, inputs, strict=True))
    parts |= dict(zip(gate.parameters, map(number, constants), strict=True))
    return {"y": result, **parts}


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


def place(node: Value, operand: int) -> str:
    """Which input of a gate: "first input"; "input" of the only one."""
    return "input" if len(node.inputs) == 1 else f"{ordinal(operand + 1)} input"


_FUNCTION = 3


def _binding(form: str) -> int:
    """How tightly a formula holds its operands: 1 a sum, 2 a product, 3 all else."""
    if re.search(r"^-<|> [+-] <", form):
        return 1
    return 2 if re.search(rf"> [{TIMES}/] <", form) else _FUNCTION


def expression_of(order: Iterable[Value], labels: Mapping[Value, str], limit: int = 60) -> str:
    """What the last value computes, as one formula.

    What would be longer goes by its name, and so does what has a name and is used more than once.
    """
    order = list(order)
    uses = Counter(x for value in order for x in value.inputs)
    told: dict[Value, tuple[str, int]] = {}
    cut: set[Value] = set()  # what is not written out down to names that were given
    for value in order:
        named = labels[value], _FUNCTION + 1
        told[value] = named
        if value.gate is None or not value.inputs:
            continue
        form = Gate.plain(value.gate.latex)
        binding = _binding(form)
        unnamed = value is order[-1] or _NUMBERED.fullmatch(labels[value]) is not None
        by_name = {x: (labels[x], _FUNCTION + 1) for x in value.inputs}
        for known in (told, by_name) if unnamed else (told,):
            inputs = []
            for operand, (text, inner) in enumerate(known[x] for x in value.inputs):
                later = operand > 0 and not value.gate.symmetric  # a - (b - c)
                later |= form.startswith("-")  # -(a + b)
                needs = inner < binding or (inner == binding and (later or binding == _FUNCTION))
                places = re.finditer(f"<{value.gate.operands[operand]}>", form)
                inputs.append(f"({text})" if needs and not all(map(_is_apart, places)) else text)
            text = fill(form, parts_of(value.gate, inputs, labels[value], value.constants))
            if len(text) <= limit:
                told[value] = text, binding
                break
        is_cut = told[value] == named or known is by_name or any(x in cut for x in value.inputs)
        if not unnamed and (is_cut or uses[value] > 1):
            told[value] = named
        elif is_cut:
            cut.add(value)
    return told[value][0]


_NUMBERED = re.compile(r"v\d+")  # the name of what has none


class Explanation:
    """The chain rule of one value, shown as Markdown in a notebook and plainly in a terminal."""

    def __init__(self, markdown: str, text: str) -> None:
        self.markdown = markdown
        self.text = text

    def __repr__(self) -> str:
        return shown(self.text)

    def _repr_markdown_(self) -> str:
        return self.markdown


def explain(root: Value, v: Value, *, names: Names = None) -> Explanation:
    """How the gradient of `root` with respect to `v` comes about (Prince, eq. 7.9 ff.).

    One product, upstream x local, for every edge that leaves v towards root: in symbols, then in
    numbers, then their sum. No `.grad` is read or changed. TypeError if either is not a Value.
    """
    names = callers_names() if names is None else names
    picture = picture_of(root, names=names)
    if not isinstance(v, Value):
        raise TypeError(f"v must be a Value, got {type(v).__name__}; the call is explain(loss, w)")
    total = gradients(root)
    labels = dict(zip(total, picture.names().values(), strict=True))
    top = labels[root]
    if v not in total:
        variables = {id(value): name for name, value in names.items()}
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
            slope = factor = d(result, own)
            if len(edges) > 1:  # then d(result)/d(own) would name the sum over all wires
                slope = notation.slope.format(notation.name(result), place(node, operand))
                factor = f"({slope})"
            symbols.append(f"{d(top, result)}{notation.product}{factor}")
            factors = _wrapped(number(upstream)), _wrapped(number(local))
            numbers.append(notation.times.join(factors))
            slopes.append((slope, slope_of(node, operand, labels, notation)))
        return notation.plus.join(symbols), " + ".join(numbers), slopes

    head = PLAIN.d(top, own)
    pad = " " * len(head)
    symbols, numbers, slopes = chain(PLAIN)
    lines = [
        f"{head} = {symbols}",
        f"{pad} = {numbers}",
        f"{pad} = {number(total[v])}",
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
