"""DOT text -> the finished picture: an SVG for light and dark paper, a png, what a notebook shows.

    diagram = draw(f)           # a graphviz.Digraph
    diagram.pipe("svg")         # bytes; draw(f, scale=2).pipe("png"), "pdf", "tex"
    diagram.source              # DOT

Graphviz lays out. What it cannot say is done here: a wire that runs between its value and its
gradient becomes one line, texts get a halo, and the SVG holds the inks of both kinds of paper.
"""

from __future__ import annotations

import base64
import os
import re
from typing import Any, TypeAlias

import graphviz

from .inks import COLOURS, sheet
from .pdf import pdf
from .render import NoGraphviz, engine, render, writes_pdf
from .tikz import tikz

__all__ = ["THEMES", "Diagram"]

THEMES = ("auto", "light", "dark")
PAGE = 760  # points; a wider picture is scaled down to the page of its notebook

FilePath: TypeAlias = "str | os.PathLike[str] | None"


class Diagram(graphviz.Digraph):  # type: ignore[misc]  # graphviz ships no types
    """A `graphviz.Digraph` that is laid out by whichever Graphviz is there, and says so if none is.

    In a notebook it shows itself as svg. `.source` is the DOT text.
    """

    theme: str = "auto"
    scale: float = 1.0
    formats: tuple[str, ...] = (
        "svg",
    )  # in a notebook; set to ("png",) for one that is stored with its pictures

    def pipe(
        self, format: str | None = None, *_: Any, encoding: str | None = None, **__: Any
    ) -> Any:
        """The picture as bytes, or as str if an encoding is given."""
        format = format or self.format
        source = self.source
        if format != "tex" and self.theme == "dark":  # tex defines its inks
            for light, dark in COLOURS.values():
                source = source.replace(light, dark)
        if format not in ("svg", "tex") and (format != "pdf" or writes_pdf()):
            content = render(source, format, self.scale)
        else:
            drawn = _whole_wires(render(source, "svg").decode())
            if format == "svg":
                content = _styled(drawn, self.theme, self.scale).encode()
            elif format == "tex":
                content = tikz(drawn, self.theme, self.scale).encode()
            else:
                content = pdf(drawn, self.scale)
        return content.decode(encoding) if encoding else content

    def render(
        self, filename: FilePath = None, directory: FilePath = None, view: bool = False,
        cleanup: bool = False, format: str | None = None, *, outfile: FilePath = None,
    ) -> str:  # fmt: skip
        """Write the DOT text and, beside it, the picture; the picture's path is returned."""
        if outfile is not None:
            base, suffix = os.path.splitext(outfile)
            format, filename = format or suffix[1:], filename or f"{base}.gv"
        format = format or self.format
        content = self.pipe(format)  # before anything is written
        source = self.save(filename, directory=directory)
        path = os.fspath(outfile) if outfile is not None else f"{source}.{format}"
        with open(path, "wb") as file:
            file.write(content)
        if cleanup:
            os.remove(source)
        if view:
            self._view(path, format=format, quiet=False)
        return path

    def __repr__(self) -> str:
        nodes = len(
            re.findall(r'class="?(?:gate|leaf|value|neuron|group|instruction)\b', self.source)
        )
        return f"<picture of {nodes} nodes: a notebook shows it; .pipe('svg'), .source, .render()>"

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        if engine() is None:
            return {"text/plain": f"{NoGraphviz()}\n\n{self.source}"}
        bundle = {}
        if "svg" in self.formats:
            bundle["image/svg+xml"] = _confined(self.pipe("svg", encoding="utf-8"))
        if "png" in self.formats:
            bundle["image/png"] = base64.b64encode(self.pipe("png")).decode()
        return bundle


def _styled(svg: str, theme: str, scale: float) -> str:
    """A drawing with a style sheet, in its size."""
    start = svg.index(">", svg.index("<svg")) + 1
    head, drawn = svg[:start], svg[start:]
    if scale != 1.0:
        head = re.sub(
            r'(width|height)="([\d.]+)pt"',
            lambda size: f'{size[1]}="{float(size[2]) * scale:g}pt"', head,
        )  # fmt: skip
    halo = f'fill="{COLOURS["paper"][theme == "dark"]}"' in drawn
    head = f'{head[:-1]} class="viz-{theme}">'
    return f"{head}\n{sheet(theme, halo)}{drawn}"


# A wire with numbers reaches us in three parts: an edge to the numbers, the rule between them,
# which is a thin polygon, and an edge from there on. A stem ends with its rule, where wires part.
_TAIL = re.compile(
    r'<g id="([^"]+)-tail" class="edge">\s*<title>[^<]*</title>\s*'
    r'(<path [^>]*?\bd="[^"]*)"/>\s*(<polygon [^>]*/>)?\s*</g>\s*'
)
_HEAD = re.compile(r'<g id="([^"]+)" class="edge">\s*<title>[^<]*</title>[^M]*?<path [^>]*?\bd="M')
_NUMBERS = re.compile(r'<g id="([^"]+)-numbers" class="node">.*?</g>', re.S)
# One for each column that it crosses; the frame of a box is not filled.
_RULE = re.compile(r'<polygon (?!fill="none")[^>]*?points="([^"]*)"/>\s*')


def _whole_wires(svg: str) -> str:
    """Each wire as one line, from where it begins to the gate that it enters.

    Without comments and titles, in which Graphviz gives ids to the pointer ("n0->n2"), and with
    plain minus signs, which can be searched for.
    """
    start = svg.index(">", svg.index("<svg")) + 1
    drawn = re.sub(r"<!--.*?-->\n?", "", svg[start:]).replace("&#45;", "-")
    tails = {tail[1]: (tail[2], tail[3] or "") for tail in _TAIL.finditer(drawn)}
    rules = {
        numbers[1]: " ".join(_RULE.findall(numbers[0]))
        for numbers in _NUMBERS.finditer(drawn) if numbers[1] in tails
    }  # fmt: skip
    heads = {head[1] for head in _HEAD.finditer(drawn)}
    drawn = _NUMBERS.sub(
        lambda numbers: _RULE.sub("", numbers[0]) if numbers[1] in rules else numbers[0], drawn
    )

    def tail(match: re.Match[str]) -> str:
        id, path, arrow = match.groups(default="")
        if id in heads:
            return ""
        return f'<g id="{id}" class="edge">\n{path} L{_beyond(path, rules[id])}"/>{arrow}\n</g>\n'

    def head(match: re.Match[str]) -> str:
        if match[1] not in tails:
            return match[0]
        path, arrow = tails[match[1]]
        line = path.partition(' d="')[2]
        before, _, attributes = match[0][:-1].rpartition("<path ")
        return f"{before}{arrow}<path {attributes}{line} L"

    drawn = _HEAD.sub(head, _TAIL.sub(tail, drawn))
    return svg[:start] + re.sub(r"<title>[^<]*</title>\n?", "", drawn)


def _beyond(path: str, rule: str) -> str:
    """Where a stem ends: as far behind its rule as its path ends before it."""
    x, y = map(float, path.rpartition(" ")[2].split(","))
    across, down = zip(*(map(float, point.split(",")) for point in rule.split()), strict=True)
    if max(across) - min(across) > max(down) - min(down):
        return f"{min(across) + max(across) - x:g},{y:g}"
    return f"{x:g},{min(down) + max(down) - y:g}"


def _confined(svg: str) -> str:
    """A drawing wider than a page: as wide as the page that shows it, but never enlarged.

    Notebooks show a drawing as an `img`, which their style sheets clip at the edge of the page. So
    it asks for a hundred per cent and, on a page with more room than it needs, scales itself back
    to its own width: max-width does so where it stands in the page itself, the rule in an `img`.
    """
    size = re.search(r'<svg width="(\d+)pt" height="\d+pt"', svg)
    if size is None or int(size[1]) <= PAGE:
        return svg
    width = f"{size[1]}pt"
    back = f"min(1,tan(atan2({width},100vw)))"  # CSS divides lengths by way of an angle
    rule = f"<style>svg:root{{transform-origin:0 0;transform:scale({back})}}</style>"
    confined = f'<svg width="100%" style="max-width:{width}"'
    return svg.replace(size[0], confined, 1).replace("<style>", f"{rule}<style>", 1)
