"""The project's docstrings, which are plain text, as what Sphinx reads.

paragraphs(text)            # each with its kind: "code", "session", "fields" or "prose"
rst(text)                   # the same as lines of reStructuredText

- What is indented, or is Python by itself, is code; `>>>` begins a session.
- Lines of `name   what it is` become a list of fields.
- In prose a name in backticks is a link where it is a public one, else code.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from operator import attrgetter
from types import ModuleType
from typing import TYPE_CHECKING, Any

import autograd_core
import nn
import viz
import viz.plots
from autograd_core import gates

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOMS = (
    autograd_core, nn, nn.optim, nn.optim.lr_scheduler, nn.init, nn.diagnose, nn.judges, nn.data,
    viz, viz.plots,
)  # fmt: skip


def paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """The paragraphs of a docstring, each with its kind; code is no longer indented."""
    code: list[str] = []
    for paragraph in [*re.split(r"\n\s*\n", inspect.cleandoc(text)), ""]:
        if paragraph.startswith("    ") or _is_python(paragraph):
            code.append(paragraph)
            continue
        if code:  # with the empty lines in it
            yield "code", textwrap.dedent("\n\n".join(code))
            code = []
        if paragraph.startswith(">>>"):
            yield "session", paragraph
        elif re.match(r"\w+ {2,}\S", paragraph):
            yield "fields", paragraph
        elif paragraph:
            yield "prose", paragraph


def _is_python(text: str) -> bool:
    try:
        return any(not isinstance(line, ast.Expr) or isinstance(line.value, ast.Call)
                   for line in ast.parse(text).body)  # fmt: skip
    except SyntaxError:
        return False


ATTRIBUTES = frozenset({"grad"})  # of a Value: what a docstring means, not the function


def rst(text: str, room: str = "", own: frozenset[str] = frozenset()) -> list[str]:
    """A docstring as reStructuredText: `room` is where its names are looked up first.

    `own` are names that it speaks of as its own, arguments and attributes, and that link nowhere.
    """
    lines: list[str] = []
    for kind, paragraph in paragraphs(text):
        if kind == "session":
            told = paragraph
        elif kind == "code":
            told = ".. code-block:: python\n\n" + textwrap.indent(paragraph, "   ")
        elif kind == "fields":
            told = "\n".join(f"``{name}``\n   {_inline(what, room, own)}"
                             for name, what in fields(paragraph))  # fmt: skip
        else:
            told = _inline(paragraph, room, own)
        lines += [*told.split("\n"), ""]
    return lines


def fields(paragraph: str) -> Iterator[tuple[str, str]]:
    """What stands in two columns: the names, and what is said of each."""
    column = re.match(r"\w+ +", paragraph).end()  # type: ignore[union-attr]
    name, told = "", []
    for line in paragraph.split("\n"):
        if line[:column].strip():
            if name:
                yield name, " ".join(told)
            name, told = line[:column].strip(), []
        told.append(line[column:])
    yield name, " ".join(told)


def _inline(text: str, room: str, own: frozenset[str]) -> str:
    parts = text.split("`")
    for i, part in enumerate(parts):
        if i % 2 == 0:
            parts[i] = re.sub(r"([\\*|])|_(?!\w)", lambda sign: "\\" + sign[0], part)
        else:
            target = public(part.partition("(")[0], room) if part not in own | ATTRIBUTES else ""
            parts[i] = f":py:obj:`{part} <{target}>`" if target else f"``{part}``"
    return "".join(parts)


def public(name: str, room: str) -> str:
    """The whole name of what is public and called so, looked up from `room` on; else ""."""
    rooms = sorted(ROOMS, key=lambda place: place.__name__ != room)  # stable: the own one first
    for place in rooms:
        bare = name.removeprefix(place.__name__ + ".")
        if bare.partition(".")[0] in place.__all__:
            try:
                thing = attrgetter(bare)(place)
            except AttributeError:
                continue
            return "" if isinstance(thing, ModuleType) else f"{place.__name__}.{bare}"
    return ""


def _process(app: Sphinx, what: str, name: str, thing: Any, _: Any, lines: list[str]) -> None:
    room = next((r.__name__ for r in reversed(ROOMS) if name.startswith(r.__name__)), "")
    owner: Any = thing
    if what in ("method", "property", "attribute"):
        owner = attrgetter(name.rpartition(".")[0].removeprefix(room + "."))(_imported(room))
    own = set(dir(owner)) if inspect.isclass(owner) else set()
    try:
        own |= {*inspect.signature(thing).parameters}
    except (TypeError, ValueError):
        pass
    lines[:] = rst("\n".join(lines), room, frozenset(own))


def _imported(room: str) -> ModuleType:
    return next(place for place in ROOMS if place.__name__ == room)


def _signature(
    app: Sphinx, what: str, name: str, thing: Any, _: Any, arguments: str, answer: str
) -> tuple[str, str] | None:
    """Of a gate, what its entry says: `(x, slope=0.01)`; its function takes any operands."""
    gate = gates.named(name.rpartition(".")[2])
    if gate is None or "operands" not in (arguments or ""):
        return None
    first = len(gate.parameters) - len(gate.defaults)
    defaults = map("{}={}".format, gate.parameters[first:], gate.defaults)
    skipped = 1 if what == "method" else 0
    names = [*gate.operands[skipped:], *gate.parameters[:first], *defaults]
    return f"({', '.join(names)})", answer


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _process)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True}
