"""Make a lesson's notebook from its percent script, run it, and store it with small pictures.

    python notebooks/execute.py                     # all
    python notebooks/execute.py 03_a_neuron A_programs
    python notebooks/execute.py --update            # only those that differ from their scripts
    python notebooks/execute.py --check             # name these, change nothing; 1 if any

Every `check` must hold, as in CI. Where only texts have changed, --update keeps the outputs. A
change of the packages may change outputs too: then execute, without --update.
"""

import argparse
import base64
import io
import os
import sys
from pathlib import Path
from typing import Any

import jupytext
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent


def execute(source: Path) -> None:
    notebook = jupytext.read(source)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": HERE}}).execute()
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{i}"  # else drawn anew each time
        cell.metadata.pop("execution", None)  # the time of day
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"].pop("image/svg+xml", None)
                output["data"]["image/png"] = smaller(output["data"]["image/png"])
    jupytext.write(notebook, source.with_suffix(".ipynb"))
    size = source.with_suffix(".ipynb").stat().st_size
    print(f"{source.stem}: executed, {size / 1000:.0f} kB")


def cells(notebook: Any, *kinds: str) -> list[tuple[Any, ...]]:
    """What a script and its notebook share, in all cells or those of these kinds."""
    return [
        (cell.cell_type, cell.source.strip(), cell.metadata.get("tags", []))
        for cell in notebook.cells
        if not kinds or cell.cell_type in kinds
    ]


def update(source: Path, check: bool) -> bool:
    """Whether the notebook is in step; if not, execute it, or take over what are texts alone."""
    path = source.with_suffix(".ipynb")
    new, old = jupytext.read(source), jupytext.read(path) if path.exists() else None
    ran = old is not None and all(
        cell.execution_count for cell in old.cells if cell.cell_type == "code" and cell.source
    )
    if ran and cells(new) == cells(old):
        print(f"{source.stem}: in step")
        return True
    if check:
        print(f"{source.stem}: differs from its script: python notebooks/execute.py --update")
    elif ran and cells(new, "code") == cells(old, "code"):
        done = iter([cell for cell in old.cells if cell.cell_type == "code"])
        for i, cell in enumerate(new.cells):
            cell["id"] = f"cell-{i}"
            if cell.cell_type == "code":
                same = next(done)
                cell.outputs, cell.execution_count = same.outputs, same.execution_count
        new.metadata = old.metadata  # it names the kernel
        jupytext.write(new, path)
        print(f"{source.stem}: texts taken over, outputs kept")
    else:
        execute(source)
    return False


def smaller(png: str) -> str:
    """The picture in 64 colours, which is more than its inks and what lies between them."""
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    small = io.BytesIO()
    image.convert("RGB").quantize(64).save(small, format="png", optimize=True)
    shorter = base64.b64encode(small.getvalue()).decode()
    return min(png, shorter, key=len)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="lesson", help="such as 03_a_neuron (all)")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--update", action="store_true", help="those that differ from their scripts")
    way.add_argument("--check", action="store_true", help="name these, and change nothing")
    given = parser.parse_args()
    os.environ["CI"] = "1"
    names = given.names or sorted(path.stem for path in HERE.glob("[0-9A-Z]*.py"))
    sources = [HERE / f"{Path(name).stem}.py" for name in names]
    if given.update or given.check:
        in_step = [update(source, given.check) for source in sources]
        sys.exit(given.check and not all(in_step))
    for source in sources:
        execute(source)
