"""The only place that runs a program: Graphviz's `dot`, or else the wheel graphviz-pure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

__all__ = ["NoGraphviz", "engine", "render"]

PATIENCE = 60  # seconds for one layout
# How a picture begins and ends: a program that is ended halfway may still say that all went well.
WHOLE = {"svg": (b"<svg", b"</svg>"), "png": (b"\x89PNG", b"IEND"), "pdf": (b"%PDF", b"%%EOF")}


class NoGraphviz(RuntimeError):
    """There is no program that can lay out the graph."""

    def __init__(self, what: str = "") -> None:
        super().__init__(
            (what or "no Graphviz program was found, which lays out the picture.")
            + '\nInstall one: pip install "autograd-core[render]"'
            "\n        or:   apt install graphviz    (brew, choco, dnf: the same name)"
            "\nWithout it, to_text(root), and saving as .dot, .json or .mmd, still work."
        )


def engine() -> str | None:
    """The path of `dot` or else `graphviz-pure`, on PATH or beside this Python; None if neither."""
    beside = os.path.dirname(sys.executable)  # a virtual environment may not be activated
    for program in ("dot", "graphviz-pure"):
        path = shutil.which(program) or shutil.which(program, path=beside)
        if path:
            return path
    return None


def render(source: str, format: str) -> bytes:
    """DOT text laid out as "svg", "png" or, with a system `dot`, "pdf". Raises NoGraphviz."""
    program = engine()
    if program is None:
        raise NoGraphviz()
    if format == "pdf" and os.path.basename(program).startswith("graphviz-pure"):
        raise NoGraphviz(
            "graphviz-pure cannot write pdf, only a system `dot` can; svg and png work."
        )
    command = [program, "-Kdot", f"-T{format}"]
    try:
        run = subprocess.run(
            command, input=source.encode(), capture_output=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"{program} found no layout in {PATIENCE} s. Draw a smaller part, or fold: give values "
            "labels with dots, such as layer0.neuron3.w1, or pass a smaller depth or limit"
        ) from None
    start, end = WHOLE.get(format, (b"", b""))
    if run.returncode != 0 or not run.stdout:
        said = run.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"{program} could not draw {format}: {said}")
    if run.stdout.find(start) < 0 or end not in run.stdout[-100:]:
        raise RuntimeError(f"{program} did not write a whole {format}: its output is no picture")
    return run.stdout
