"""Pages to be printed: black on white on paper, light or dark on a screen, whole in one file.

Path("sheet.html").write_text(page("A sheet", body, style))
figure(digraph(picture, legend=False), "f")  # a picture that may stand in such a page
"""

from __future__ import annotations

import html
import re

from .diagram import Diagram
from .inks import COLOURS, sheet

__all__ = ["figure", "page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, body: str, style: str = "") -> str:
    """The page around `body`, with the style sheet that its pictures share."""
    inks = [
        "".join(f"--{role}:{colours[dark]};" for role, colours in COLOURS.items())
        for dark in (False, True)
    ]
    pictures = re.sub("</?style>", "", sheet()).replace("@media (", "@media screen and (")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title)}</title>\n<style>\n"
        f":root{{{inks[0]}}}@media screen and (prefers-color-scheme: dark){{:root{{{inks[1]}}}}}\n"
        f"{_SCREEN}\n{pictures}\n{style}\n{_PRINT}\n</style></head><body>\n<main>\n{body}\n</main>\n"
        "</body></html>\n"
    )


_SCREEN = """\
body{margin:0;padding:16px;background:var(--paper);color:var(--ink);
font-family:Arial,Helvetica,sans-serif}
main{margin:0 auto}
svg{display:block;max-width:100%;height:auto}"""

# What is told apart by ink is told apart by its place too, so that a printer needs no colours.
_PRINT = """\
@media print{
:root{color-scheme:light}
body{padding:0;color:#000;background:#fff}
main{max-width:none}
svg text{fill:#000}
svg .edge path,svg .edge polygon,svg .node polygon,svg ellipse{stroke:#000}
svg .edge polygon{fill:#000}
svg .gate ellipse{fill:#fff}
}"""


def figure(diagram: Diagram, told: str) -> str:
    """The picture as an element of a page: without ids and tooltips, which would clash or tell.

    `told` is what a screen reader says in its place.
    """
    svg = diagram.pipe("svg", encoding="utf-8")
    svg = re.sub(r"<style>.*?</style>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' (?:id|xlink:title|xmlns(?::xlink)?|xml:space|font-family)="[^"]*"', "", svg)
    svg = re.sub(r"</?a>\s*", "", svg)
    svg = re.sub(r"<polygon [^>]*/>\s*", "", svg, count=1)  # the paper, which is the page's own
    svg = re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><").strip()
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(told)}"', 1)
