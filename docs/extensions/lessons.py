"""Lessons as pages: numbered, judges folded, with a line on how to run them.

An anchor of a link, which is that of a notebook, becomes that of the page.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from sphinx.application import Sphinx

RUN = (
    "*To run this page yourself, and to do its exercises: "
    "[one command](README.md) opens it in JupyterLab as `notebooks/{file}`.*"
)


def read(app: Sphinx, name: str, content: list[str]) -> None:
    if Path(app.env.doc2path(name, base=False)).suffix == ".ipynb":
        content[0] = lesson(json.loads(content[0]), name.rpartition("/")[2] + ".ipynb")
    else:
        content[0] = re.sub(r"(?<=\.ipynb#)[^)\s]+", slug, content[0])


def lesson(notebook: dict[str, Any], file: str) -> str:
    cells = notebook["cells"]
    for cell in cells:
        if cell["metadata"].get("jupyter", {}).get("source_hidden"):
            cell["metadata"].setdefault("tags", []).append("hide-input")
    title, _, rest = "".join(cells[0]["source"]).partition("\n")
    number = file.partition("_")[0].lstrip("0")
    title = f"# {number}. {title.removeprefix('# ')}"
    cells[0]["source"] = f"{title}\n\n{RUN.format(file=file)}\n{rest}"
    return json.dumps(notebook)


def slug(anchor: re.Match[str]) -> str:
    """The anchor of a heading here for the one in a notebook: `By-hand%2C-in` as `by-hand-in`."""
    return re.sub(r"[^\w\-]", "", unquote(anchor[0]).lower())


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
