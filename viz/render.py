"""The only place that runs a program: Graphviz's `dot`, or else the wheel graphviz-pure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

__all__ = ["NoGraphviz", "engine", "render", "use", "writes_pdf"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Layout: TypeAlias = "Callable[[str, str], bytes]"

_own: Layout | None = None  # instead of a program

PATIENCE = 60  # seconds for one layout
SOON = 2.0  # seconds after which it says that it is at work
# How a picture begins and ends: a program that is ended halfway may still say that all went well.
WHOLE = {"svg": (b"<svg", b"</svg>"), "png": (b"\x89PNG", b"IEND"), "pdf": (b"%PDF", b"%%EOF")}


class NoGraphviz(RuntimeError):
    """There is no program that can lay out the graph."""

    def __init__(self, what: str = "", package: str = "graphviz-pure") -> None:
        super().__init__(
            (what or "no Graphviz program was found, which lays out the picture.")
            + f"\nInstall one: pip install {package}"
            "\n        or:   apt install graphviz    (brew, choco, dnf: the same name)"
            "\nWithout it, to_text(root), and saving as .dot, .json or .mmd, still work."
        )


def use(layout: Layout | None) -> None:
    """Let `layout(source, format)` lay out DOT text where no program can run; None ends that.

    A browser's: viz.render.use(lambda source, format: viz_js(source, format).encode()). It returns
    the picture's bytes for format "svg", and raises for formats that it does not know.
    """
    global _own
    if layout is not None and not callable(layout):
        raise TypeError(f"use takes a function of DOT text and format, got {layout!r}")
    _own = layout


def engine() -> str | None:
    """What lays out pictures: the path of `dot` or else `graphviz-pure`, on PATH or beside this
    Python, or the name of a function given to `use`; None if there is neither.
    """
    if _own is not None:
        return getattr(_own, "__name__", "a function")
    beside = os.path.dirname(sys.executable)  # a virtual environment may not be activated
    for program in ("dot", "graphviz-pure"):
        path = shutil.which(program) or shutil.which(program, path=beside)
        if path:
            return path
    return None


def writes_pdf() -> bool:
    """Whether the program writes pdf: graphviz-pure does not."""
    return not os.path.basename(engine() or "").startswith("graphviz-pure")


def render(source: str, format: str, scale: float = 1.0) -> bytes:
    """DOT text laid out as "svg", "png" or, with a system `dot`, "pdf". Raises NoGraphviz.

    scale   enlarges a png or pdf; an svg with a resolution is cropped by some releases
    """
    if _own is not None:
        return _own(source, format)
    program = engine()
    if program is None:
        raise NoGraphviz()
    command = [program, "-Kdot", f"-T{format}"]
    if scale != 1.0 and format in ("png", "pdf"):
        command.append(f"-Gdpi={(96.0 if format == 'png' else 72.0) * scale:g}")
    note = f"laying out a large picture, {PATIENCE} s at most ..."
    waiting = threading.Timer(SOON, print, [note], {"file": sys.stderr})
    waiting.daemon = True
    waiting.start()
    try:
        run = subprocess.run(
            command, input=source.encode(), capture_output=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"{program} found no layout in {PATIENCE} s. Draw a smaller part, or fold: give values "
            "labels with dots, such as layer0.neuron3.w1, or pass a smaller depth or limit"
        ) from None
    finally:
        waiting.cancel()
    start, end = WHOLE.get(format, (b"", b""))
    if run.returncode != 0 or not run.stdout:
        said = run.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"{program} could not draw {format}: {said}")
    if run.stdout.find(start) < 0 or end not in run.stdout[-100:]:
        raise RuntimeError(f"{program} did not write a whole {format}: its output is no picture")
    return run.stdout
