"""What a thread may switch: recording off, and keeping the line that made each value.

with no_grad():
    score = model(x)                    # a number, and no graph

with trace_creation():
    loss = log(model(x))                # an error or a nan now names the line
"""

from __future__ import annotations

import sys
from threading import Lock, local

__all__ = ["is_tracing", "no_grad", "trace_creation"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

open = 0  # contexts open now, in all threads: a plain int, quicker to read than `mine`
writes = object()  # a new one whenever a `.data` is written: who keeps a copy knows if it is old
_lock = Lock()


class _Mode(local):
    recording = True
    tracing = False
    passing = False  # a backward pass is under way
    # The leaves, and the results of gates that may fail, made in a function's trace; None: no trace
    born: dict[Any, None] | None = None
    refusal: Exception | None = None  # the last reading of a number that a trace refused


mine = _Mode()


class _Context:
    """Sets one attribute of this thread's mode for the length of a `with` block."""

    _name: str
    _value: Any

    def __init__(self) -> None:
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        global open
        with _lock:
            open += 1
        self._before.append(getattr(mine, self._name))
        setattr(mine, self._name, self._value)
        return self

    def __exit__(self, *exception: object) -> None:
        global open
        setattr(mine, self._name, self._before.pop())
        with _lock:
            open -= 1


class no_grad(_Context):
    """`with no_grad():` computes values without recording how.

    A result keeps its `op`, has no inputs and counts as a constant. For this thread only.
    """

    _name, _value = "recording", False


class trace_creation(_Context):
    """`with trace_creation():` keeps, for each value made, the line of your program that made it.

    It is in `v.line`, and errors, `repr`, `first_nan` and pictures show it. For this thread only.
    """

    _name, _value = "tracing", True


class tracing(_Context):
    """`with tracing():` a function runs to be recorded: no number may be read (`compile_graph`)."""

    _name = "born"

    def __init__(self) -> None:
        super().__init__()
        self.born: dict[Any, None] = {}
        self._value = self.born


def is_tracing() -> bool:
    """Whether this thread is running a function for `compile_graph`: numbers cannot be read now."""
    return mine.born is not None


def user_line() -> str:
    """`file:line: text` of the innermost frame outside of these packages, "" if there is none."""
    from linecache import getline
    from os.path import basename

    frame = sys._getframe(1)
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("autograd_core", "nn", "viz", "numpy", "copy"):
            path = frame.f_code.co_filename
            return f"{basename(path)}:{frame.f_lineno}: {getline(path, frame.f_lineno).strip()}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
