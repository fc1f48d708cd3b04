"""Make a lesson's notebook from its percent script, run it, and store it with small pictures.

    python notebooks/execute.py                     # all
    python notebooks/execute.py 03_a_neuron A_programs

Every `check` must hold, as in CI.
"""

import base64
import io
import os
import sys
from pathlib import Path

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
    print(f"{source.stem}: {source.with_suffix('.ipynb').stat().st_size / 1000:.0f} kB")


def smaller(png: str) -> str:
    """The picture in 64 colours, which is more than its inks and what lies between them."""
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    small = io.BytesIO()
    image.convert("RGB").quantize(64).save(small, format="png", optimize=True)
    shorter = base64.b64encode(small.getvalue()).decode()
    return min(png, shorter, key=len)


if __name__ == "__main__":
    os.environ["CI"] = "1"
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("[0-9A-Z]*.py"))
    for name in names:
        execute(HERE / f"{Path(name).stem}.py")
