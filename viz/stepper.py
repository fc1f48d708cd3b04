"""Steps -> one self-contained HTML page, which also shows itself in a notebook.

step(f)                         # in a notebook: walk with the buttons or the arrow keys
step(f).save("walk.html")       # a page that asks for nothing from outside
print(step(f).to_text())        # the same walk in a terminal
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import re
import tempfile
import uuid
import webbrowser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autograd_core import Gate, Value, gradients, javascript

from .collapse import BUDGET, fit, fold
from .dot import COLOURS, STYLE, digraph
from .files import write
from .formula import plain
from .picture import Group, Names, Node, Picture, picture_of, within
from .render import NoGraphviz, engine
from .steps import SENTENCES, Step, walk
from .words import ORDINALS, jsonable, number, printable

__all__ = ["LEGIBLE", "Stepper", "step"]

LEGIBLE = 150  # nodes and wires in one view; above it groups fold, and open by a click
_PAGE = Path(__file__).parent / "page"


def step(
    root: Value, *, names: Names = None, depth: int | None = None, limit: int = BUDGET
) -> Stepper:
    """The walk through `root`'s graph: forward gate by gate, then backward wire by wire.

    names   `names=locals()` gives unlabelled values the names of your variables
    depth   how many levels of groups (`layer0.neuron3.w1`) are open at first; None: as fits
    limit   how many nodes one view may have

    It shows itself in a notebook; `.save("walk.html")`, `.open()`, `.to_text()`, `.to_json()`; it
    has a length and iterates over its steps. No `.grad` changes. ValueError, naming remedies, if a
    view would have more than `limit` nodes.
    """
    return Stepper(root, names, depth, limit)


class Stepper:
    """A recorded walk; `step` makes one."""

    def __init__(self, root: Value, names: Names, depth: int | None, limit: int) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"only a Value can be walked, got {type(root).__name__}: step(loss)")
        total = gradients(root)
        self.picture = picture_of(root, names=names, grads=total)
        self.steps = walk(root, self.picture)
        self._gates = [value.gate for value in total]
        self._constants = [value.constants for value in total]
        self._views = _views(self.picture, depth, limit)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def to_text(self) -> str:
        """The walk, one numbered line per step."""
        width = len(str(len(self.steps)))
        lines = [f"{'':{width}}  {SENTENCES['start']}"]
        for i, one in enumerate(self.steps, 1):
            lines.append(f"{i:{width}}  " + str(one).replace("\n", "\n" + " " * width))
        return "\n".join(lines)

    def to_json(self) -> str:
        """Nodes, edges and steps; inf and nan as the strings "Infinity" and "NaN"."""
        whole = {**self.picture.as_dict(), "steps": [one.as_dict() for one in self.steps]}
        return json.dumps(jsonable(whole), indent=1, allow_nan=False)

    def to_html(self) -> str:
        """The whole page."""
        title = printable(self.picture.names()[self.picture.root])
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>Backpropagation through {html.escape(title)}, step by step</title>"
            "<style>body{margin:0;padding:16px;background:#ffffff}"
            "@media (prefers-color-scheme: dark){body{background:#0d1117}}</style></head><body>\n"
            f"{self._fragment(alone=True)}\n</body></html>\n"
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to `path`, whole or, after an error, not at all."""
        return write(path, self.to_html().encode())

    def open(self) -> Path:
        """Write the page to a temporary file and show it in the browser."""
        handle, path = tempfile.mkstemp(prefix="walk-", suffix=".html")
        os.close(handle)
        self.save(path)
        webbrowser.open(Path(path).as_uri())
        return Path(path)

    def __repr__(self) -> str:
        return f"<walk of {len(self)} steps through {len(self.picture.nodes)} values>"

    def _repr_html_(self) -> str:
        return self._fragment()

    def _repr_mimebundle_(self, *_: object, **__: object) -> dict[str, str]:
        return {"text/html": self._fragment(), "text/plain": self.to_text()}

    def _fragment(self, alone: bool = False) -> str:
        """The finished picture as an image and, beside it, what brings it to life.

        Where scripts do not run, the image stays and nothing else is seen. A notebook holds several
        fragments, so each has a key of its own; `alone` says that this is the whole page.
        """
        key = "walk-page" if alone else f"walk-{uuid.uuid4().hex[:12]}"
        inputs: list[list[int]] = [[] for _ in self.picture.nodes]
        slopes: list[list[float | None]] = [[] for _ in self.picture.nodes]
        for edge in self.picture.edges:
            inputs[_index(edge.target)].append(_index(edge.source))
            slopes[_index(edge.target)].append(edge.local)
        views = {view.group: i for i, view in enumerate(self._views)}
        shapes = list(dict.fromkeys(view.shape for view in self._views))
        used = {gate.name: gate for gate in self._gates if gate}
        data = {
            "alone": alone,
            "names": list(self.picture.names().values()),
            "unnamed": sorted(map(_index, self.picture.constants())),
            "data": [node.data for node in self.picture.nodes],
            "gates": [gate.name if gate else "" for gate in self._gates],
            "constants": self._constants,
            "inputs": inputs,
            "locals": slopes,
            "forms": {name: _forms(gate) for name, gate in used.items()},
            "views": [
                {**view.as_dict(self.picture, views), "shape": shapes.index(view.shape)}
                for view in self._views
            ],
            "shapes": [shape.replace(STYLE, "") for shape in shapes],
            "sentences": {**SENTENCES, "ordinals": ORDINALS},
        }
        packed = gzip.compress(json.dumps(jsonable(data), allow_nan=False).encode(), mtime=0)
        code = ",".join(f"{_js(name)}:{javascript(gate)}" for name, gate in used.items())
        return (
            f'<div id="{key}" class="autograd-walk">{self._image()}</div>\n'
            f"<style>{_style(key)}</style>\n"
            f"<script>(() => {{\nconst rules = {{{code}}};\n{_read('stepper.js')}\n"
            f"walk({_js(key)}, rules, {_js(base64.b64encode(packed).decode())});\n}})();</script>"
        )

    def _image(self) -> str:
        names = self.picture.names()
        alt = f"The computational graph of {names[self.picture.root]}: " + "; ".join(
            f"{names[node.id]} = {number(node.data)}, gradient {number(node.grad)}"
            for node in self.picture.nodes[:40]
        )
        if len(self.picture.nodes) > 40:
            alt += f"; and {len(self.picture.nodes) - 40} more"
        drawn = self._views[0].shape
        if not drawn:
            return f"<pre>{html.escape(str(NoGraphviz()))}\n\n{html.escape(self.to_text())}</pre>"
        source = base64.b64encode(drawn.encode()).decode()
        return f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{source}">'


@dataclass(frozen=True)
class _View:
    """One picture of the page: the whole graph, folded as far as needed, or the inside of a group.

    `shape` is its drawing; views of the same shape, such as the neurons of a layer, share one,
    since the page writes all numbers itself.
    """

    group: Group
    parent: int
    picture: Picture
    shape: str

    def as_dict(self, whole: Picture, views: Mapping[Group, int]) -> dict[str, object]:
        groups = {node.id: _group_of(node, whole) for node in self.picture.nodes}
        return {
            "title": ".".join(self.group),
            "parent": self.parent,
            "nodes": [list(map(_index, node.members or [node.id])) for node in self.picture.nodes],
            "titles": [node.name for node in self.picture.nodes],
            "opens": {id: views[group] for id, group in groups.items() if group and group in views},
            "wires": {edge.id: edge.wire if edge.count == 1 else "" for edge in self.picture.edges},
            "root": self.picture.root,
            "inside": [i for i, node in enumerate(whole.nodes) if within(node.group, self.group)],
        }


def _views(whole: Picture, depth: int | None, limit: int) -> list[_View]:
    """The overview first, then the inside of every group that is closed in a view before it."""
    shapes: dict[str, str] = {}
    can_draw = engine() is not None
    views: list[_View] = []
    waiting: list[tuple[Group, int]] = [((), -1)]  # a group, and the view that it is closed in
    for group, parent in waiting:  # which grows on the way
        picture = _legible(_inside(whole, group), len(group), depth, limit)
        diagram = digraph(_blank(picture, group) if group else picture)
        if can_draw and diagram.source not in shapes:
            shapes[diagram.source] = _compact(diagram.pipe("svg", encoding="utf-8"))
        closed = (_group_of(node, whole) for node in picture.nodes)
        waiting.extend((inner, len(views)) for inner in closed if inner)
        views.append(_View(group, parent, picture, shapes.get(diagram.source, "")))
    return views


def _legible(picture: Picture, level: int, depth: int | None, limit: int) -> Picture:
    """`picture`, its groups below `level` folded until a view can be read."""
    if depth is not None and level == 0:
        return fit(picture, depth, limit)
    deepest = max(len(node.group) for node in picture.nodes)
    folded = picture
    for opened in range(deepest - 1, level - 1, -1):
        if len(folded.nodes) + len(folded.edges) <= LEGIBLE:
            break
        folded = fold(picture, opened)
    return fit(picture, level, limit) if len(folded.nodes) > limit else folded


def _inside(whole: Picture, group: Group) -> Picture:
    """The part of the picture in `group`; what flows in from outside shows as leaves."""
    if not group:
        return whole
    own = {node.id for node in whole.nodes if within(node.group, group)}
    edges = tuple(edge for edge in whole.edges if edge.target in own)
    ports = {edge.source for edge in edges} - own
    names = whole.names()
    nodes = tuple(
        node if node.id in own else replace(node, op="", group=(), name=names[node.id])
        for node in whole.nodes
        if node.id in own or node.id in ports
    )
    leaving = [edge.source for edge in whole.edges if edge.source in own and edge.target not in own]
    root = whole.root if whole.root in own else leaving[-1]
    ids = {node.id: f"n{i}" for i, node in enumerate(nodes)}
    nodes = tuple(replace(node, id=ids[node.id], members=(node.id,)) for node in nodes)
    edges = tuple(replace(edge, source=ids[edge.source], target=ids[edge.target]) for edge in edges)
    return Picture(nodes, edges, ids[root], whole.backward)


def _group_of(node: Node, whole: Picture) -> Group:
    """The group that a node of a view stands for; () if it is not a folded group."""
    group = tuple(node.name.split("."))
    members = [whole.nodes[_index(member)] for member in node.members]
    closed = len(members) > 1 and all(within(one.group, group) for one in members)
    return group if closed else ()


def _blank(picture: Picture, group: Group) -> Picture:
    """The inside of a group without what is its own: names begin at the group, numbers are alike.

    So all neurons of a layer have one drawing, into which the page writes its numbers.
    """
    wide = -10.0  # a number as wide as most that will stand there

    def blank(node: Node) -> Node:
        parts = tuple(node.name.split("."))
        inner = ".".join(parts[len(group) :]) or "output"
        name = inner if within(parts, group) else node.name
        data = None if node.data is None else wide
        return replace(
            node, name=name, group=node.group[len(group) :], line="", grad=wide, data=data
        )

    edges = (
        replace(edge, local=None if edge.local is None else wide, grad=wide)
        for edge in picture.edges
    )
    return replace(picture, nodes=tuple(map(blank, picture.nodes)), edges=tuple(edges))


def _compact(svg: str) -> str:
    """The drawing without what a page never shows: comments, titles, the font."""
    pattern = r'<!--.*?-->\s*|<title>[^<]*</title>\s*| xml:space="preserve"| font-family="[^"]*"'
    return re.sub(pattern, "", re.sub(r' xlink:title="[^"]*"', "", svg), flags=re.DOTALL)


def _index(id: str) -> int:
    return int(id[1:])


def _forms(gate: Gate) -> dict[str, object]:
    """The gate's formulas as plain text, for sentences."""
    return {
        "op": gate.op,
        "operands": gate.operands,
        "parameters": gate.parameters,
        "value": plain(gate.latex),
        "slopes": list(map(plain, gate.slopes)),
    }


def _js(thing: object) -> str:
    """A JSON literal that may stand in a script: no `<`, which could end it."""
    return json.dumps(thing).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _style(key: str) -> str:
    """The style sheet, for this output alone."""
    light, dark = (
        "".join(f"--{role}:{pair[i]};" for role, pair in COLOURS.items()) for i in (0, 1)
    )
    drawn = "".join(
        f'& svg [{paint}="{pair[0]}"]{{{paint}:var(--{role})}}'
        for role, pair in COLOURS.items()
        for paint in ("fill", "stroke")
    )
    return (
        _read("stepper.css").replace("/*light*/", light).replace("/*dark*/", dark)
        .replace("/*drawn*/", drawn).replace("WALK", f"#{key}")
    )  # fmt: skip
