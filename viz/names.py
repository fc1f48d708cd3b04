"""The variables of whoever calls: in a notebook they name the values of a picture by themselves.

callers_names()         # {"x": Value(...), "f": ...} in a notebook or at a prompt, {} in a program
"""

from __future__ import annotations

import sys
from types import FrameType

from autograd_core import Value

__all__ = ["callers_names"]


def callers_names() -> dict[str, object]:
    """The Values, and lists of Values, among the variables of the first frame outside of viz.

    Where there is a prompt, Python's own, IPython's or a notebook's: they all set `sys.ps1`.

    The frame's own variables come first, then those of its module, which in a notebook are those of
    all cells. What IPython keeps for itself (`_`, `_12`, `Out`) is left out. A program gets {}: it
    says `names=locals()`.
    """
    if not hasattr(sys, "ps1"):
        return {}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "viz":
        frame = frame.f_back
    if frame is None:
        return {}
    variables = {**frame.f_locals}
    for name, thing in frame.f_globals.items():
        variables.setdefault(name, thing)
    return {
        name: thing
        for name, thing in variables.items()
        if not name.startswith("_") and (isinstance(thing, Value) or _holds_values(thing))
    }


def _holds_values(thing: object) -> bool:
    return isinstance(thing, list | tuple) and any(isinstance(item, Value) for item in thing)
