"""What a thread may switch: recording off, keeping the line that made each value, tracing.

with no_grad():
    score = model(x)                    # a number, and no graph

@no_grad()                              # the same for each call of a function
def accuracy(model): ...

with trace_creation():
    loss = log(model(x))                # an error or a nan now names the line
"""

from __future__ import annotations

import os
import sys
from functools import partial, wraps
from itertools import count
from threading import Lock, local

from . import errors

__all__ = ["changed", "is_tracing", "no_grad", "trace_creation", "used"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, Self, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

NEEDS_BLOCK = 0x20 | 0x80 | 0x200  # flags of generators and coroutines, as `inspect` has them
OURS = ("autograd_core", "nn", "viz")
# The blocks that are open, in all threads: quicker to ask than `mine`. Each is (a number of its
# own, the attribute, the value).
contexts: set[tuple[int, str, Any]] = set()
writes: int = 0  # how many times a `.data` was written: who keeps a copy knows if it is old
changes: int = -1  # the number of the last call of `changed`
counted: Any = None  # is told that number: the part in C keeps it too
_lock = Lock()
_serial = count()


def held_by_forks(lock: Any) -> None:
    """Let every fork hold the lock: a child must not inherit one that nobody will release."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )


held_by_forks(_lock)


class _Mode(local):
    recording = True
    keeps_lines = False
    notes_changes = True
    in_backward = False
    # Who records a function that runs on numbers which are not known yet. Values call it where they
    # would have to know theirs, and nowhere else: made(value), refuse(what), compare(gate, a, b),
    # where(condition, a, b), used(what, answer). Other threads ask knows(value).
    tracer: Any = None
    differentiating: tuple[Any, ...] = ()  # the arguments of all `grad(f)` that are under way
    drawn: Any = None  # the Values that `drawn` gives in place of new ones

    def __init__(self) -> None:
        # This thread's blocks, the latest last: a dict, since another thread may take one out.
        self.open: dict[tuple[int, str, Any], None] = {}


mine: _Mode = _Mode()


class Context:
    """Sets one attribute of this thread's mode for the length of a `with` block.

    The attribute is what the latest block sets that is open, so blocks may end in any order, as
    those of two coroutines do, and in another thread, as that of a generator does which is handed
    over. Ctrl-C may come at any bytecode of entering and leaving: each step may be done twice, the
    context is the first that knows of a block and the last that forgets it, and what an interrupted
    `__exit__` has not undone is undone when the block drops the context.
    """

    _name: str
    _value: Any
    _blocks: dict[tuple[int, str, Any], dict[str, Any]]  # open ones: the mode of each one's thread

    def __init__(self, *given: object) -> None:
        if given:
            name = type(self).__name__
            raise TypeError(f"{name} takes no argument: write `with {name}():`, or @{name}()")
        self._blocks = {}

    def __enter__(self) -> Self:
        mode = vars(mine)
        block = next(_serial), self._name, self._value
        self._blocks[block] = mode
        mode["open"][block] = None
        contexts.add(block)
        mode[self._name] = self._value
        return self

    def __exit__(self, *exception: object) -> None:
        here, blocks = vars(mine), list(self._blocks.copy().items())
        own = [block for block in blocks if block[1] is here] or blocks
        if not own:
            return
        block, mode = own[-1]
        mode["open"].pop(block, None)
        while True:
            others = list(mode["open"])
            values = [value for _, name, value in others if name == self._name]
            mode[self._name] = values[-1] if values else getattr(_Mode, self._name)
            if others == list(mode["open"]):  # else two threads are at it
                break
        contexts.discard(block)
        self._blocks.pop(block, None)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """As a decorator, `@no_grad()`: every call of the function is such a block."""
        name = type(self).__name__
        if isinstance(function, type):
            raise TypeError(
                f"@{name}() decorates a function, and would make one of the class "
                f"{function.__name__}: decorate its methods"
            )
        if not callable(function):
            raise TypeError(f"@{name}() decorates a function, not {function!r}")
        called: Any = function
        while isinstance(called, partial):
            called = called.func
        code = getattr(called, "__code__", None) or getattr(type(called).__call__, "__code__", None)
        if getattr(code, "co_flags", 0) & NEEDS_BLOCK:
            called_name = getattr(called, "__name__", type(called).__name__)
            raise TypeError(
                f"@{name}() would end before {called_name} runs, since that yields or is awaited: "
                f"write `with {name}():` in it"
            )

        @wraps(function)
        def switched(*args: P.args, **kwargs: P.kwargs) -> R:
            with type(self)():
                return function(*args, **kwargs)

        return switched

    def __del__(self) -> None:
        # At the end of the interpreter `mine` is gone before the last contexts are. A context that
        # was refused its argument has no `_blocks`.
        while mine is not None and getattr(self, "_blocks", None):
            self.__exit__()


class no_grad(Context):
    """`with no_grad():` computes values without recording how.

    A result keeps its `op`, has no inputs and counts as a constant. For this thread only; a
    generator or coroutine that waits inside of the block keeps it on for whoever runs meanwhile.
    """

    _name, _value = "recording", False


class recording(Context):
    """Undoes `no_grad` for what is to be differentiated inside of it."""

    _name, _value = "recording", True


class trace_creation(Context):
    """`with trace_creation():` keeps, for each value made, the line of your program that made it.

    It is in `v.line`, and errors, `repr`, `first_nan` and pictures show it. For this thread only.
    """

    _name, _value = "keeps_lines", True


class unchanging(Context):
    """What a function sets while it is traced or checked is its own doing, and no change to it."""

    _name, _value = "notes_changes", False


def is_tracing() -> bool:
    """Whether this thread is running a function for `compile_graph`: numbers cannot be read now."""
    return mine.tracer is not None


def used(what: Any, answer: object) -> None:
    """Tell the trace under way, if there is one, that the function read `answer` from `what`.

    `what` is asked again before each later call, by its `reads()`: where the answer is another, as
    that of a module whose mode has changed, the function is traced anew. If it has `parameters()`,
    these are parameters of the function. `nn.Module` calls this whenever it runs.
    """
    if mine.tracer is not None:
        mine.tracer.used(what, answer)


def changed() -> None:
    """Say that a function may now compute something else: every compiled graph traces its own again
    before its next call, and goes on with its program if nothing has changed for it.

    A Module says so when an attribute that it has is set anew. Say so yourself after you have put
    something in place of another where nobody sees it: in a list, a dict or a global, or in an
    object that is no Module.
    """
    global changes
    if mine.notes_changes:
        changes = next(_serial)


def written() -> int:
    """Count a write; its number."""
    global writes
    with _lock:
        writes += 1
        if counted is not None:
            counted(writes)
        return writes


def refuse(what: str, *values: object) -> None:
    """Raise TraceError if this thread is tracing a function: its numbers are not known yet.

    Also if any of `values` is of a function that another thread is tracing.
    """
    if mine.tracer is not None:
        mine.tracer.refuse(what)
    for _, name, tracer in tuple(contexts) if values else ():
        if name == "tracer" and any(map(tracer.knows, values)):
            tracer.refuse(f"{what}, in another thread,")


def refusal(what: str) -> errors.TraceError:
    """The error of a function that does `what` while it is traced; it names the line."""
    hide_frames()
    line = user_line()
    return errors.TraceError(
        errors.NO_READING.format(what=what, line=f" at {line}" if line else "")
    )


def hide_frames() -> None:
    """Before an error is raised in a notebook: its traceback will leave out our frames up to here.

    IPython shows no frame that has a local `__tracebackhide__`, but for the last. To set it at the
    error, and not in every function that may lie on the way, costs a gate nothing.
    """
    if "IPython" not in sys.modules:
        return
    frame = sys._getframe(1)
    while frame is not None:
        if _package(frame) in OURS:
            frame.f_locals["__tracebackhide__"] = True
        frame = frame.f_back  # type: ignore[assignment]


def user_line() -> str:
    """`file:line: text` of the innermost frame outside of these packages, "" if there is none."""
    from linecache import getline
    from os.path import basename

    frame = sys._getframe()
    while frame is not None:
        if of_user(frame):
            path = frame.f_code.co_filename
            return f"{basename(path)}:{frame.f_lineno}: {getline(path, frame.f_lineno).strip()}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def of_user(frame: Any) -> bool:
    """Whether a frame runs a program's own code: none of these packages, of NumPy or of Python."""
    package = _package(frame)
    return package not in (*OURS, "numpy") and package not in sys.stdlib_module_names


def _package(frame: Any) -> str:
    return frame.f_globals.get("__name__", "").partition(".")[0]  # type: ignore[no-any-return]
