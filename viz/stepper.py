"""Steps -> one self-contained HTML page, which also shows itself in a notebook.

step(f)                         # in a notebook: walk with the buttons or the arrow keys
step(f).save("walk.html")       # a page that asks for nothing from outside
step(f, quiz=True)              # it asks the learner for each number of the way back
sabotage(f, seed=1)             # a walk with a mistake in it, to be found
print(step(f).to_text())        # the same walk in a terminal

The page draws itself, from nodes and wires; its JavaScript lies in `page/`, a module per subject.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
import os
import re
import tempfile
import uuid
import webbrowser
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from autograd_core import (
    Gate,
    Mistake,
    Value,
    comparisons,
    gates,
    gradients,
    javascript,
    mistakes,
)  # fmt: skip

from .dot import digraph
from .files import write
from .formula import expression_of
from .inks import COLOURS, LIT
from .network import examples_of, shown_by
from .picture import Names, Picture, picture_of
from .planted import KINDS, Planted, plant
from .render import engine
from .steps import SENTENCES, Step, walk
from .words import ORDINALS, jsonable, number, printable

__all__ = ["Stepper", "sabotage", "step"]

STILL = 100  # values; of more the page holds no still image, which nobody could read
TOLD = 200  # lines of the walk as text, where scripts do not run and there is no still image
LEGIBLE = 60  # values; of more, runs of sums are one gate
MOST = 20_000  # values of one page; above it the page would take seconds to open

MODULES = ("numbers", "graph", "walk", "layout", "drawing", "sentences", "quiz", "page")
_PAGE = Path(__file__).parent / "page"

# A page is mostly its script: packed it has a third of the size, and a notebook keeps several.
_UNPACKED = """(async () => {
  if (typeof DecompressionStream === "undefined") return;
  const bytes = Uint8Array.from(atob(%s), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  script.remove();
})();"""


def step(
    root: Value, *, names: Names = None, depth: int | None = None, limit: int = MOST,
    quiz: bool = False,
) -> Stepper:  # fmt: skip
    """The walk through `root`'s graph: forward gate by gate, then backward wire by wire.

    names   `names=locals()` gives unlabelled values the names of your variables; in a notebook that
            is the default
    depth   how many levels of groups (`layer0.neuron3.w1`) are open at first; None: as fits
    limit   how many values a page may hold
    quiz    whether the page asks for the numbers of the way back, one wire after the other, before
            it shows them; a button turns that on too

    It shows itself in a notebook; `.save("walk.html")`, `.open()`, `.to_text()`, `.to_json()`; it
    has a length and iterates over its steps. Networks fold to their layers, and a group opens by a
    click. No `.grad` changes. It needs no Graphviz. ValueError, naming remedies, if the graph has
    more than `limit` values.
    """
    __tracebackhide__ = True
    return Stepper(root, names, depth, limit, quiz)


def sabotage(root: Value, kind: str = "", seed: int = 0, *, names: Names = None) -> Stepper:
    """A walk like that of `step`, with a mistake in its way back; the page asks which it is.

    kind    the name of the mistake, one of seven in `autograd_core.mistakes`: "overwrote", "wrong
            operand", "sign", "max to both", "stale value", "wrong order", "did not zero"; "" draws
            one that shows in this graph
    seed    draws it, and its place

    `.mistake` says which it is. The graph itself and its `.grad` stay right. ValueError, naming the
    remedy, if that mistake cannot show in this graph or if it has more than 100 values.
    """
    __tracebackhide__ = True
    return Stepper(root, names, None, MOST, planted=plant(root, kind, seed))


class Stepper:
    """A recorded walk; `step` makes one, and `sabotage` one with a mistake in it."""

    def __init__(
        self, root: Value, names: Names, depth: int | None, limit: int, quiz: bool = False,
        planted: Planted | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(root, Value):
            raise TypeError(f"only a Value can be walked, got {type(root).__name__}: step(loss)")
        total = gradients(root)
        if len(total) > limit:
            raise ValueError(
                f"the graph has {len(total):,} values, above the limit of {limit:,} for one page. "
                "Step through a smaller part (one example's loss, one neuron), or pass "
                f"limit={len(total)}"
            )
        if depth is not None and depth < 0:
            raise ValueError(f"depth must be 0 or more, got {depth}")
        self._depth, self._quiz = depth, quiz
        # What `sabotage` planted, and the pass as the page runs it.
        self.mistake: Mistake | None = planted.mistake if planted else None
        self._planted = _for_page(planted) if planted else None
        grads = planted.total if planted else total
        self.picture: Picture = picture_of(root, names=names, grads=grads)
        if planted:
            self.picture = _with_mistake(self.picture, planted)
        self.steps: list[Step] = walk(root, self.picture, planted.wires if planted else None)
        self._gates = [value.gate for value in total]
        self._constants = [value.constants for value in total]
        self._asked = [] if planted else _asked(root, total)
        labels = dict(zip(total, self.picture.names().values(), strict=True))
        self._title = expression_of(total, labels)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def to_text(self) -> str:
        """The walk, one numbered line per step."""
        return self._told(self.steps)

    def _told(self, steps: Iterable[Step]) -> str:
        width = len(str(len(self.steps)))
        lines = [f"{'':{width}}  {SENTENCES['start']}"]
        for i, one in enumerate(steps, 1):
            lines.append(f"{i:{width}}  " + str(one).replace("\n", "\n" + " " * width))
        return "\n".join(lines)

    def _plain(self) -> str:
        """What is told where scripts do not run: a quiz keeps what it would ask for to itself."""
        if not self._quiz:
            return self.to_text()
        return self._told(one for one in self.steps if one.phase == "forward")

    def to_json(self) -> str:
        """Nodes, edges and steps; inf and nan as the strings "Infinity" and "NaN"."""
        whole = {**self.picture.as_dict(), "steps": [one.as_dict() for one in self.steps]}
        return json.dumps(jsonable(whole), indent=1, allow_nan=False)

    def to_html(self) -> str:
        """The whole page."""
        title = printable(self._title, 80)
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>Backpropagation through {html.escape(title)}, step by step</title>"
            "<style>body{margin:0;padding:16px;background:#ffffff}"
            "@media (prefers-color-scheme: dark){body{background:#0d1117}}</style></head><body>"
            f"<main>\n{self._fragment(alone=True)}\n</main></body></html>\n"
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
        return {"text/html": self._fragment(), "text/plain": self._plain()}

    def _fragment(self, alone: bool = False) -> str:
        """The finished picture as an image and, beside it, what brings it to life.

        Where scripts do not run, the image stays and nothing else is seen. A notebook holds several
        fragments, so each has a key of its own; `alone` says that this is the whole page.
        """
        key = "walk-page" if alone else f"walk-{uuid.uuid4().hex[:12]}"
        used = {gate.name: gate for gate in self._gates if gate}
        used.update((name, gates[name]) for name, *_ in self._asked)
        code = ",".join(f"{js(name)}:{javascript(gate)}" for name, gate in used.items())
        data = json.dumps(jsonable(self._data(alone, used)))
        text = (
            f"(() => {{\nconst rules = {{{code}}};\n{script(MODULES)}\n"
            f"start({js(key)}, rules, {data});\n}})();"
        )
        packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        return (
            f'<div id="{key}" class="autograd-walk">{self._still()}</div>\n'
            f"<style>{style(key, 'page')}</style>\n<script>{_UNPACKED % js(packed)}</script>"
        )

    def _data(self, alone: bool, used: dict[str, Gate]) -> dict[str, object]:
        """What the page knows: the type Data of `page/graph.js`."""
        picture = self.picture
        inputs: list[list[int]] = [[] for _ in picture.nodes]
        slopes: list[list[float | None]] = [[] for _ in picture.nodes]
        for edge in picture.edges:
            inputs[_index(edge.target)].append(_index(edge.source))
            slopes[_index(edge.target)].append(edge.local)
        example, count = examples_of(picture)
        planted = self._planted
        large = not planted and (count > 1 or len(picture.nodes) > LEGIBLE)
        folds, terms = shown_by(picture) if large else ({}, {})
        return {
            "alone": alone,
            "title": self._title,
            "depth": -1 if self._depth is None else self._depth,
            "names": list(picture.names().values()),
            "unnamed": sorted(map(_index, picture.constants())),
            "data": [node.data for node in picture.nodes],
            "gates": [gate.name if gate else "" for gate in self._gates],
            "constants": self._constants,
            "inputs": inputs,
            "locals": slopes,
            "groups": [() if planted else node.group for node in picture.nodes],
            "example": [
                -1 if planted or (k := example[node.id]) is None else k for node in picture.nodes
            ],
            "examples": 1 if planted else count,
            "folds": [_index(folds.get(node.id, node.id)) for node in picture.nodes],
            "terms": {str(_index(id)): n for id, n in terms.items()},
            "forms": {name: forms(gate) for name, gate in used.items()},
            "sentences": {**SENTENCES, "ordinals": ORDINALS},
            "quiz": self._quiz,
            "mistakes": mistakes_for("sabotage" if planted else "quiz"),
            "planted": planted,
            "asked": self._asked,
        }

    def _still(self) -> str:
        """What is seen where scripts do not run: an image, or else the walk as text."""
        if len(self.picture.nodes) > STILL or engine() is None:
            told = self._plain().splitlines()
            if len(told) > TOLD:
                told[TOLD:] = ["...", f"{len(self)} steps in all: print(step(...).to_text())"]
            return f"<pre>{html.escape(chr(10).join(told))}</pre>"
        picture = replace(self.picture, backward=not self._quiz)
        names = picture.names()
        alt = f"The computational graph of {names[picture.root]}: " + "; ".join(
            f"{names[node.id]} = {number(node.data)}"
            + f", gradient {number(node.grad)}" * picture.backward
            for node in picture.nodes
        )
        drawn = digraph(picture).pipe("svg")
        source = base64.b64encode(_compact(drawn.decode()).encode()).decode()
        return f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{source}">'


def _asked(root: Value, values: Iterable[Value]) -> list[tuple[str, list[tuple[int, float]], bool]]:
    """The comparisons of `root`'s values: the gate, place and number of each side, the answer."""
    place = {value: i for i, value in enumerate(values)}
    return [
        (
            gate,
            [(place[x], x.data) if isinstance(x, Value) else (-1, _float(x)) for x in sides],
            said,
        )
        for gate, *sides, said in comparisons(root)
    ]


def _float(x: float) -> float:
    try:
        return float(x)
    except OverflowError:  # of an int, which compares all the same
        return math.copysign(math.inf, x)


def _for_page(planted: Planted) -> dict[str, object]:
    """The type Planted of `page/graph.js`; it is packed, so that nobody reads the answer."""
    place = {value: i for i, value in enumerate(planted.total)}
    return {
        "answer": KINDS.index(planted.mistake.name),
        "order": [place[value] for value in planted.order],
        "start": [planted.start.get(value, 0.0) for value in place],
        "overwritten": [place[value] for value in planted.overwritten],
    }


def _with_mistake(picture: Picture, planted: Planted) -> Picture:
    """The picture with the slopes of the planted pass, and with what flows back in it."""
    flows = {(_index(edge.target), edge.operand): edge for edge in picture.edges}
    places = {value: i for i, value in enumerate(planted.total)}
    for wire in planted.wires:
        key = (places[wire.value], wire.operand)
        flows[key] = replace(flows[key], local=wire.local, grad=wire.contribution)
    return replace(picture, edges=tuple(flows.values()))


def _compact(svg: str) -> str:
    """The drawing without what an image never shows."""
    pattern = r'<title>[^<]*</title>\s*| xml:space="preserve"| font-family="[^"]*"'
    return re.sub(pattern, "", re.sub(r' xlink:title="[^"]*"', "", svg))


def _index(id: str) -> int:
    return int(id[1:])


def forms(gate: Gate) -> dict[str, object]:
    """The gate's formulas as plain text, for sentences."""
    return {
        "op": gate.op,
        "operands": gate.operands,
        "parameters": gate.parameters,
        "value": gate.plain(gate.latex),
        "slopes": list(map(gate.plain, gate.slopes)),
    }


def mistakes_for(reader: str) -> list[dict[str, object]]:
    """The type Mistake of `page/graph.js`, of all that this reader knows."""
    return [
        {"name": one.name, "sentence": one.sentence, "hint": one.hint, "plant": one.plant}
        for one in mistakes.values()
        if reader in one.readers
    ]


def js(thing: object) -> str:
    """A JSON literal that may stand in a script: no `<`, which could end it."""
    return json.dumps(thing).replace("<", "\\u003c")


def script(modules: Iterable[str]) -> str:
    """The modules of the page as one script: each without its imports and exports."""
    texts = [(_PAGE / f"{name}.js").read_text(encoding="utf-8") for name in modules]
    whole = "\n".join(texts)
    whole = re.sub(r"^import [^;]*;\n", "", whole, flags=re.MULTILINE)
    whole = re.sub(r"^export ", "", whole, flags=re.MULTILINE)
    whole = re.sub(r"/\*\*.*?\*/", "", whole, flags=re.DOTALL)  # types and reasons stay here
    return re.sub(r"\n\s*(?://.*)?(?=\n)", "", whole)


def style(key: str, name: str) -> str:
    """A style sheet, for this output alone."""
    sheet = (_PAGE / f"{name}.css").read_text(encoding="utf-8")
    for i, mark in enumerate(("/*light*/", "/*dark*/")):
        inks = "".join(f"--{role}:{pair[i]};" for role, pair in {**COLOURS, **LIT}.items())
        sheet = sheet.replace(mark, inks)
    return sheet.replace("WALK", f"#{key}")
