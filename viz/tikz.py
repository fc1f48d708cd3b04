r"""The finished svg of a picture -> a TikZ document, which pdflatex compiles alone.

    save(f, "f.tex")                    # then: pdflatex f.tex, or \includestandalone{f}

The text is ASCII. Letters with accents and Greek ones are set; a character that LaTeX's standard
fonts lack, such as one of Chinese, is written as its number, [U+540D].
"""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from .inks import COLOURS

__all__ = ["tikz"]

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "&": r"\&",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}", "'": r"\textquotesingle{}",
    "-": "-{}", ",": ",{}", "?": "?{}", "!": "!{}",  # else --, ,, and ?` become other signs
    "\N{NO-BREAK SPACE}": "~", "\N{WORD JOINER}": "",
    "\N{MULTIPLICATION SIGN}": r"$\times$", "\N{DIVISION SIGN}": r"$\div$",
    "\N{MINUS SIGN}": "$-$", "\N{MIDDLE DOT}": r"$\cdot$", "\N{DEGREE SIGN}": r"$^\circ$",
    "\N{LEFTWARDS ARROW}": r"$\leftarrow$", "\N{RIGHTWARDS ARROW}": r"$\rightarrow$",
    "\N{LEFT RIGHT ARROW}": r"$\leftrightarrow$", "\N{INFINITY}": r"$\infty$",
    "\N{PARTIAL DIFFERENTIAL}": r"$\partial$", "\N{NABLA}": r"$\nabla$",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}", "\N{EN DASH}": "--", "\N{EM DASH}": "---",
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}",
    "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "\N{LATIN SMALL LETTER DOTLESS I}": r"\i{}",
}  # fmt: skip
ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0308\u0304\u0306\u0307\u030a\u030b\u030c\u0327\u0328",
        "`'^~\"=u.rHvck", strict=True,
    )
)  # fmt: skip
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lamda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lamda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
PLACES = {"middle": "anchor=base, ", "end": "anchor=base east, "}

HEAD = r"""\documentclass[tikz]{standalone}
\usepackage[T1]{fontenc}
\usepackage{fix-cm,helvet}
\tikzset{
  points/.style={font=\fontsize{#1bp}{#1bp}\usefont{T1}{phv}{m}{n}},
  every node/.style={inner sep=0pt, outer sep=0pt, anchor=base west},
}
"""


def tikz(svg: str, theme: str = "light", scale: float = 1.0) -> str:
    """A document of one picture with the colours of `theme`, which is "dark" or else light.

    svg     as Graphviz writes it, in light inks: one group that is moved, with all in its own units
    """
    drawing = ET.fromstring(svg)
    size = [float(x) for x in drawing.attrib["viewBox"].split()[2:]]
    graph = next(child for child in drawing if child.tag.endswith("}g"))
    moved = re.search(r"translate\(([-\d.]+)[ ,]([-\d.]+)\)", graph.get("transform", ""))
    x, y = map(float, moved.groups()) if moved else (0.0, 0.0)
    colours = _Colours(theme)
    corner = f"{size[0] - x:g},{size[1] - y:g}"
    lines = [rf"\useasboundingbox ({-x:g},{-y:g}) rectangle ({corner});"]
    for element in graph.iter():
        lines += _line(element, colours, scale)
    unit = f"{scale:g}bp"
    body = "\n".join(lines)
    return (
        f"{HEAD}{''.join(colours.used.values())}\\begin{{document}}\n"
        f"\\begin{{tikzpicture}}[x={unit}, y=-{unit}, line width={unit}]\n{body}\n"
        "\\end{tikzpicture}\n\\end{document}\n"
    )


class _Colours:
    """The names of the colours that are used, and their definitions."""

    def __init__(self, theme: str) -> None:
        self.roles = {pair[0]: (role, pair[theme == "dark"]) for role, pair in COLOURS.items()}
        self.used: dict[str, str] = {}

    def __getitem__(self, colour: str) -> str:
        """The name of a colour; of a word, such as "black", that of texts."""
        if not re.fullmatch("#[0-9a-f]{6}", colour):
            colour = COLOURS["ink"][0]
        role, shade = self.roles.get(colour, (f"colour{colour[1:]}", colour))
        self.used[role] = f"\\definecolor{{{role}}}{{HTML}}{{{shade[1:].upper()}}}\n"
        return role


def _line(element: ET.Element, colours: _Colours, scale: float) -> Iterator[str]:
    """The line of LaTeX for one element of the drawing."""
    kind, given = element.tag.rpartition("}")[2], element.attrib
    if kind == "g" and re.fullmatch(r"(node|edge|cluster)\b.*", given.get("class", "")):
        if re.fullmatch(r"[\w.\-\[\]]+", given.get("id", ""), re.ASCII):
            yield f"% {given['id']}"
    elif kind == "text":
        place = PLACES.get(given.get("text-anchor", ""), "")
        ink = colours[given.get("fill", "black")]
        points = f"{float(given['font-size']) * scale:g}"
        text = _text("".join(element.itertext()))
        at = f"({given['x']},{given['y']})"
        yield rf"\node[{place}text={ink}, points={points}] at {at} {{{text}}};"
    elif kind in ("path", "polygon", "polyline", "ellipse"):
        options = _options(given, colours, scale)
        if options:  # else it is not seen
            yield rf"\path[{', '.join(options)}] {_shape(kind, given)};"


def _options(given: dict[str, str], colours: _Colours, scale: float) -> list[str]:
    """Colours, width and dashes of what is drawn."""
    nothing = ("none", "transparent")
    options = [
        f"{option}={colours[given[name]]}"
        for option, name in (("fill", "fill"), ("draw", "stroke"))
        if given.get(name, "none") not in nothing
    ]
    if options and "stroke-width" in given:
        options.append(f"line width={float(given['stroke-width']) * scale:g}bp")
    if options and "stroke-dasharray" in given:
        dashes = [f"{float(x) * scale:g}bp" for x in given["stroke-dasharray"].split(",")]
        options.append(f"dash pattern=on {dashes[0]} off {dashes[-1]}")
    return options


def _shape(kind: str, given: dict[str, str]) -> str:
    if kind == "ellipse":
        radii = f"[x radius={given['rx']}, y radius={given['ry']}]"
        return f"({given['cx']},{given['cy']}) ellipse {radii}"
    if kind != "path":
        points = [f"({point})" for point in given["points"].split()]
        if kind == "polygon":
            points[-1] = "cycle"  # the last is the first once more
        return " -- ".join(points)
    drawn = ""
    for letter, numbers in re.findall(r"([MLCZz])([^MLCZz]*)", given["d"]):
        points = [f"({point})" for point in numbers.split()]
        if letter == "M":
            drawn += points[0]
        elif letter == "L":
            drawn += "".join(f" -- {point}" for point in points)
        elif letter == "C":
            for one, other, end in zip(points[::3], points[1::3], points[2::3], strict=True):
                drawn += f" .. controls {one} and {other} .. {end}"
        else:
            drawn += " -- cycle"
    return drawn


def _text(text: str) -> str:
    return re.sub(r"(?<= ) ", r"\\ ", "".join(map(_character, text.strip(" "))))


def _character(c: str) -> str:
    if c in SPECIAL:
        return SPECIAL[c]
    if " " <= c <= "~":
        return c
    base, accent = (*unicodedata.normalize("NFD", c), "", "")[:2]
    if base.isascii() and base.isalpha() and accent in ACCENTS:
        return rf"\{ACCENTS[accent]}{{{base}}}"
    size, _, name = unicodedata.name(c, "").removeprefix("GREEK ").partition(" LETTER ")
    name = name.capitalize() if size == "CAPITAL" else name.lower()
    if unicodedata.name(c, "").startswith("GREEK ") and name in GREEK:
        return rf"$\{name.replace('amda', 'ambda')}$"
    return f"[U+{ord(c):04X}]"
