"""The formulas of the gates with names or numbers put in, and the chain rule of one value.

print(explain(f, x))            # in a terminal: plain text
explain(f, x)                   # in a notebook: Markdown with LaTeX
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from autograd_core import Gate, Value, gradients

from .picture import picture_of, printable, short

__all__ = ["Explanation", "explain", "fill", "latex_name", "parts_of", "plain", "slope_of"]


def plain(latex: str) -> str:
    r"""A gate's LaTeX as plain text: `\frac{1}{<x>}` as `1 / <x>`, operands left in brackets."""
    text = latex
    before = ""
    while text != before:
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
        alone = match[0] == template
        return text if alone or not text.startswith("-") else f"({text})"

    return re.sub(r"<(\w+)>", part, template)


def latex_name(name: str) -> str:
    """A name as LaTeX: `w0` as w_{0}, a letter or a number as it is, all else upright, escaped."""
    if re.fullmatch(r"-?\d[\d.]*(e-?\d+)?", name):  # a constant, which goes by its number
        return _scientific(name)
    simple = re.fullmatch(r"([A-Za-z])(\d*)", name)
    if simple:
        return f"{simple[1]}_{{{simple[2]}}}" if simple[2] else simple[1]
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", printable(name).replace("\\", "/"))
    return rf"\text{{{re.sub(r'[~^<>]', ' ', escaped)}}}"


def parts_of(
    gate: Gate, inputs: list[str], result: str, constants: tuple[float, ...]
) -> dict[str, str]:
    """What stands for each operand, parameter and <y> in a gate's formulas."""
    parts = dict(zip(gate.operands, inputs, strict=True))
    parts |= dict(zip(gate.parameters, map(short, constants), strict=True))
    return {**parts, "y": result}


class Explanation:
    """The chain rule of one value, shown as Markdown in a notebook and plainly in a terminal."""

    def __init__(self, markdown: str, text: str) -> None:
        self.markdown = markdown
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown


def explain(root: Value, v: Value, *, names: Mapping[str, object] | None = None) -> Explanation:
    """How the gradient of `root` with respect to `v` comes about (Prince, eq. 7.9 ff.).

    One product, upstream x local, for every edge that leaves v towards root: in symbols, then in
    numbers, then their sum. No `.grad` is read or changed. TypeError if one of the two is no Value.
    """
    picture = picture_of(root, names=names)
    if not isinstance(v, Value):
        raise TypeError(f"v must be a Value, got {type(v).__name__}; the call is explain(loss, w)")
    total = gradients(root)
    labels = dict(zip(total, picture.names().values(), strict=True))
    top = labels[root]
    if v not in total:
        given = {id(value): name for name, value in (names or {}).items()}
        name = printable(v.label or given.get(id(v), "v"))
        text = f"{top} does not depend on {name}: the gradient is 0."
        return Explanation(text, text)
    if v is root:
        return Explanation(
            rf"$\frac{{\partial {latex_name(top)}}}{{\partial {latex_name(top)}}} = 1$",
            f"d{top}/d{top} = 1",
        )
    edges = [
        (node, operand)
        for node in total
        for operand, source in enumerate(node.inputs)
        if source is v
    ]
    ids = dict(zip(total, (node.id for node in picture.nodes), strict=True))
    own = f"({labels[v]})" if ids[v] in picture.constants() else labels[v]
    symbols, told, latex_symbols, latex_told, where, latex_where = ([] for _ in range(6))
    for node, operand in edges:
        result, up, local = labels[node], total[node], node.partials[operand]
        symbols.append(f"d{top}/d{result} * d{result}/d{own}")
        latex_symbols.append(f"{_d(top, result)} {_d(result, own)}")
        told.append(f"{_wrapped(short(up))} * {_wrapped(short(local))}")
        latex_told.append(rf"{_wrapped(_latex_number(up))} \cdot {_wrapped(_latex_number(local))}")
        slope, latex_slope = slope_of(node, operand, labels)
        where.append(f"  d{result}/d{own} = {slope}")
        latex_where.append(f"- ${_d(result, own)} = {latex_slope}$")
    head = f"d{top}/d{own}"
    pad = " " * len(head)
    lines = [
        f"{head} = {' + '.join(symbols)}",
        f"{pad} = {' + '.join(told)}",
        f"{pad} = {short(total[v])}",
        "where",
        *where,
    ]
    markdown = [
        r"$$\begin{aligned}",
        rf"{_d(top, own)} &= {' + '.join(latex_symbols)} \\",
        rf"&= {' + '.join(latex_told)} = {_latex_number(total[v])}",
        r"\end{aligned}$$",
        "",
        *latex_where,
    ]
    return Explanation("\n".join(markdown), "\n".join(lines))


def slope_of(node: Value, operand: int, labels: Mapping[Value, str]) -> tuple[str, str]:
    """A local gradient: its formula in symbols, in numbers, and its value; plain, and as LaTeX."""
    gate = node.gate
    if gate is None:
        raise ValueError("a leaf has no slope")
    told = []
    for template, name, value in (
        (plain(gate.slopes[operand]), str, short),
        (gate.slopes[operand], latex_name, _latex_number),
    ):
        names = [name(labels[x]) for x in node.inputs]
        values = [value(x.data) for x in node.inputs]
        symbols = parts_of(gate, names, name(labels[node]), node.constants)
        numbers = parts_of(gate, values, value(node.data), node.constants)
        steps = [fill(template, symbols), fill(template, numbers), value(node.partials[operand])]
        told.append(" = ".join(dict.fromkeys(steps)))
    return told[0], told[1]


def _latex_number(x: float) -> str:
    return _scientific(short(x))


def _scientific(number: str) -> str:
    mantissa, e, exponent = number.partition("e")
    return rf"{mantissa} \cdot 10^{{{exponent}}}" if e else mantissa.replace("inf", r"\infty")


def _d(above: str, below: str) -> str:
    return rf"\frac{{\partial {latex_name(above)}}}{{\partial {latex_name(below)}}}"


def _wrapped(text: str) -> str:
    return f"({text})" if text.startswith("-") else text
