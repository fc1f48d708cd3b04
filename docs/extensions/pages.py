"""What the pages of a site need: whole pages beside them, links to these, and the inks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.addnodes import download_reference

from viz.inks import COLOURS, LIT

if TYPE_CHECKING:
    from sphinx.application import Sphinx

WHOLE = ("docs/gates.html", "docs/play.html")  # they stand in the site as they are


def unlink_folders(app: Sphinx, name: str, content: list[str]) -> None:
    """A link to a folder of the repository is its text here: there is no page of it."""
    place = Path(app.env.doc2path(name)).parent

    def text(link: re.Match[str]) -> str:
        return link[1] if (place / link[2]).is_dir() else link[0]

    if Path(app.env.doc2path(name)).suffix != ".ipynb":
        content[0] = re.sub(r"\[([^\]]+)\]\(([^)#:\s]+)\)", text, content[0])


def open_pages(app: Sphinx, document: nodes.document) -> None:
    """A link to a whole page opens it, and does not save it as a file."""
    for node in [*document.findall(download_reference)]:
        if node["reftarget"].endswith(".html"):
            node.replace_self(nodes.reference("", "", *node.children, refuri=node["reftarget"]))


def forget_sources(app: Sphinx) -> list[tuple[str, dict[str, Any], str]]:
    """What is compiled has no source to be listed; Sphinx would list it, and lead nowhere."""
    modules = getattr(app.env, "_viewcode_modules", {})
    for name in [name for name, source in modules.items() if not source]:
        del modules[name]
    return []


def copy(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        for name in WHOLE:
            shutil.copy(Path(app.srcdir, name), Path(app.outdir, name))


def inks() -> str:
    """The inks of pictures and steppers as rules that follow the theme that the reader chose."""
    drawn = "".join(
        f'.viz-auto [{what}="{light}"]{{{what}:var(--ink-{role})}}'
        for role, (light, _) in COLOURS.items()
        for what in ("fill", "stroke")
    )
    own = "".join(f"--{role}:var(--ink-{role})!important;" for role in {**COLOURS, **LIT})
    return f"<style>{drawn}.autograd-walk{{{own}}}</style>"


def dress(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    context["metatags"] = context.get("metatags", "") + inks()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", unlink_folders)
    app.connect("doctree-read", open_pages, priority=400)  # before downloads are collected
    app.connect("html-page-context", dress)
    app.connect("html-collect-pages", forget_sources, priority=400)  # before they are listed
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
