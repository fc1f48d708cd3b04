"""Run a learner's function: it cannot run for ever, and leaves nothing behind.

    attempt(backward_pass, root, form="(root)").trouble     # "" or, in words, what went wrong

Whatever judges a function of somebody else's calls it this way. Its steps are counted by
`sys.settrace`, which works in a notebook, in a thread, on every system, and in Pyodide, where there
are no signals. A stop is raised where Python looks for Ctrl-C, and again wherever it would go
on, so that `except:` in a loop does not hold it up. Not seen are a loop that never comes back to
Python, as sum(itertools.count()), another thread, and what runs on after sys.settrace(None).
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Callable, Iterable
from opcode import opname
from time import monotonic
from typing import Any, NamedTuple

from . import modes

__all__ = ["attempt"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

STEPS = 1_000_000  # of the interpreter, some 100,000 lines: a fifth of a second
SECONDS = 10.0  # for one whose steps are calls of these packages, which take long
EXTENDED = opname.index("EXTENDED_ARG")  # what stands before an instruction of a far jump


class Attempt(NamedTuple):
    """What the function returned; or in `trouble`, which else is "", why it did not."""

    result: Any
    trouble: str


def attempt(
    function: Callable[..., Any], *arguments: Any, form: str, steps: int = STEPS,
    without: Iterable[Callable[..., Any]] = (), **named: Any,
) -> Attempt:  # fmt: skip
    """Call function(*arguments, **named), and say in words what went wrong, if something did.

    form     the arguments as a learner writes them, for the message: "(root)"
    steps    how many instructions of Python it may run, those of these packages not counted; a
             line has about ten. It also ends after ten seconds
    without  functions of these packages that it may not call, since it is there to do their work

    Recording is on while it runs, even inside `with no_grad():`. What it prints is not shown. The
    modes of this thread, Python's and NumPy's global generators, and a debugger's trace function
    are afterwards what they were before. Ctrl-C and SystemExit pass through. TypeError if
    `function` cannot be called.
    """
    import io
    from contextlib import redirect_stdout

    name = name_of(function)
    if not callable(function):
        raise TypeError(
            f"a function is wanted, to be called with {form}, got {type(function).__name__}: give "
            "it by its name alone, without parentheses behind it"
        )
    own = _codes_in(function)
    watch = _Watch(steps, {_code(one): one.__name__ for one in without}, own)
    trouble, result = "", None
    before = _state()
    tracer = sys.gettrace()
    try:
        with modes.recording(), redirect_stdout(io.StringIO()):
            sys.settrace(watch)
            try:
                result = function(*arguments, **named)
            except RecursionError as error:
                trouble = f"calls itself again and again without an end{_line_of(error, own)}."
            except Exception as error:
                words = _words(error)  # are the learner's too, so they are asked for here
                trouble = f"raised {type(error).__name__}{words}{_line_of(error, own)}."
                if error.__traceback__ is None or error.__traceback__.tb_next is None:
                    # It never began.
                    trouble = (
                        f"could not be called with {form}{words}. Begin it with def {name}{form}:"
                    )
            finally:
                watch.thread = None
                sys.settrace(tracer)
    except _Stop:
        pass
    finally:
        _restore(before)
    trouble = watch.trouble or trouble  # a stop that the function has caught is still one
    return Attempt(None, f"{name} {trouble}") if trouble else Attempt(result, "")


def name_of(function: object) -> str:
    """What a learner calls it."""
    name: str = getattr(function, "__name__", type(function).__name__)
    return "f" if name == "<lambda>" else name


class _Stop(BaseException):
    """Ends a learner's function; not an Exception, which `except Exception` would catch."""


class _Watch:
    """A trace function that counts steps, and stops at one too many or at a call that is barred."""

    def __init__(self, steps: int, barred: dict[CodeType, str], own: set[CodeType]) -> None:
        self.left = self.steps = steps
        self.barred, self.own = barred, own
        self.trouble = ""
        self.end = monotonic() + SECONDS
        self.thread: int | None = get_ident()  # None when all is over

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code in self.barred:
            caller = frame.f_back
            while caller is not None and not modes.of_user(caller):
                caller = caller.f_back
            self.tell(
                f"calls {self.barred[frame.f_code]}(){_line(caller)}. That is the work that it is "
                "here to do by itself."
            )
        elif not modes.of_user(frame):
            return None
        elif not self.trouble:
            frame.f_trace_opcodes = True  # `while True: pass` on one line has no other events
            return _Steps(self)
        frame.f_trace = _Steps(self)
        raise _Stop

    def tell(self, trouble: str) -> None:
        """Keep what was wrong first; from now on no loop goes on."""
        self.trouble = self.trouble or trouble
        self.left = min(self.left, 0)


class _Steps:
    """The trace function of one frame.

    Python takes all trace functions away when one fails: at a stop, or where a recursion is so deep
    that it cannot be called. This one's frame drops it then, at once or when it is unwound itself:
    that is the time to go on, since the learner's `except:` may catch the error.
    """

    def __init__(self, watch: _Watch) -> None:
        self.watch = watch

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        watch = self.watch
        if event == "line":
            frame.f_trace_opcodes = True  # CPython 3.13.0 has forgotten it since the call
        watch.left = left = watch.left - 1
        late = left % 1000 == 0 and monotonic() > watch.end
        if left < 0 or late:
            limit = f"{SECONDS:g} seconds" if late else f"{watch.steps:,} steps"
            inner: FrameType | None = frame
            while inner is not None and inner.f_code not in watch.own:
                inner = inner.f_back
            watch.tell(
                f"was stopped after {limit}: it seems to run for ever{_line(inner or frame)}."
            )
            if event == "opcode" and _jumps_back(frame):
                frame.f_trace = _Steps(watch)  # which alone holds it
                raise _Stop
        return self

    def __del__(self) -> None:
        if sys.gettrace() is None and self.watch.thread == get_ident():
            sys.settrace(self.watch)
            frame = sys._getframe(1)
            if frame.f_trace is None and modes.of_user(frame):
                frame.f_trace = _Steps(self.watch)


def _jumps_back(frame: FrameType) -> bool:
    """Whether the instruction that comes next does, as each loop does outside of its own `try`.

    Elsewhere, as between the catching of an error and its clause, Python counts on that no other
    error comes: it would go on with the wrong one as the one that is handled.
    """
    code, at = frame.f_code.co_code, frame.f_lasti
    while code[at] == EXTENDED:
        at += 2
    return "BACKWARD" in opname[code[at]]


def _words(error: Exception) -> str:
    """`: list index out of range`; nothing if the error's own method for that fails."""
    try:
        return f": {error}"
    except Exception:
        return ""


def _code(function: Any) -> CodeType:
    return function.__code__  # type: ignore[no-any-return]


def _codes_in(function: Any) -> set[CodeType]:
    """The code of a learner's function, or of the methods of a class, and what is defined in it."""
    found: set[Any] = set()
    things = [function, *vars(function).values()] if isinstance(function, type) else [function]
    left = [getattr(getattr(thing, "__func__", thing), "__code__", None) for thing in things]
    while left:
        code: Any = left.pop()
        if hasattr(code, "co_consts"):
            found.add(code)
            left += code.co_consts
    return found


def _line_of(error: BaseException, own: set[CodeType]) -> str:
    """The innermost line of the function that the error came through; else one that it called."""
    lines, step = {}, error.__traceback__
    while step is not None:
        if modes.of_user(step.tb_frame):
            lines[step.tb_frame.f_code in own] = _line(step.tb_frame, step.tb_lineno)
        step = step.tb_next
    return lines.get(True) or lines.get(False, "")


def _line(frame: FrameType | None, number: int | None = None) -> str:
    """`, in line 4: x = 1 / 0`."""
    from linecache import getline

    if frame is None:
        return ""
    code = frame.f_code
    if not number:  # a jump back has no line of its own: it is of the one before
        lines = [line for start, _, line in code.co_lines() if line and start <= frame.f_lasti]
        number = frame.f_lineno or (lines or [code.co_firstlineno])[-1]
    text = getline(code.co_filename, number, frame.f_globals).strip()
    return f", in line {number}: {text}".removesuffix(": ")


def _state() -> tuple[Any, ...]:
    """What belongs to the program that asks for a judgement."""
    python, numpy = (sys.modules.get(name) for name in ("random", "numpy.random"))
    return (
        dict(vars(modes.mine)),
        list(modes.mine.open),
        python and (python.setstate, python.getstate()),
        numpy and (numpy.set_state, numpy.get_state()),
    )


def _restore(state: tuple[Any, ...]) -> None:
    mode, blocks, *generators = state
    for block in [one for one in mode["open"] if one not in blocks]:  # that are left open
        modes.contexts.discard(block)
        mode["open"].pop(block, None)
    now = vars(modes.mine)
    now.update(mode)  # never empty: a block that ends in another thread may look into it
    for name in [name for name in now if name not in mode]:
        del now[name]
    for restore, numbers in filter(None, generators):
        restore(numbers)
