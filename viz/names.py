"""The variables of whoever calls: in a notebook they name the values of a picture by themselves.

callers_names()         # {"x": Value(...), "f": ...} in IPython and Jupyter, {} in a program
"""

from __future__ import annotations

import sys
from types import FrameType

from autograd_core import Value

__all__ = ["callers_names"]


def callers_names() -> dict[str, object]:
    """The Values, and lists of Values, among the variables of the first frame outside of viz.

    The frame's own variables come first, then those of its module, which in a notebook are those of
    all cells. What IPython keeps for itself (`_`, `_12`, `Out`) is left out. A program gets {}: it
    says `names=locals()`.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    if shell is None or shell() is None:
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
