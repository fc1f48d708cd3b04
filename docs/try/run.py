"""Runs the learner's program in the worker, and sends what it prints, shows and raises.

run(text, send)     # send("text" | "svg" | "html" | "error", content), in order

A program runs as at Python's prompt: each expression is shown, and values in pictures go by the
names of its variables. Every run starts afresh, as the module `__main__`.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import TextIOBase
from pathlib import Path
from time import monotonic
from types import ModuleType, TracebackType

from autograd_core import Value, release

PROGRAM = "program.py"
OURS = ("autograd_core", "nn", "viz")
MOST = 100_000  # characters of text, and
FIGURES = 50  # pictures, in one run: a loop must not fill the page
SOON = 0.05  # seconds that text is kept for what follows it

sys.ps1 = ">>> "


def run(text: str, send: Callable[[str, str], None]) -> None:
    """Run a program to its end. What it raises is sent as an error."""
    output = Output(send)
    main = ModuleType("__main__")
    main.__dict__.update(
        __builtins__=builtins, __file__=PROGRAM, display=output.show, input=nobody_answers
    )  # fmt: skip
    sys.modules["__main__"], sys.displayhook = main, output.show
    Path(PROGRAM).write_text(text, encoding="utf-8")  # for the lines of errors
    linecache.clearcache()
    with redirect_stdout(output), redirect_stderr(output):
        try:
            module = compile(text, PROGRAM, "exec", ast.PyCF_ONLY_AST)
            assert isinstance(module, ast.Module)
            exec(compile(ast.Interactive(module.body), PROGRAM, "single"), main.__dict__)
        except SystemExit:
            pass
        except BaseException as error:
            output.flush()
            send("error", report(error))
    output.flush()
    for value in vars(main).values():
        if isinstance(value, Value):  # deep graphs are not freed on a small stack without that
            release(value)


def nobody_answers(prompt: object = "") -> str:
    """In place of `input`."""
    raise RuntimeError(f"input({prompt!r}) cannot ask here: write the answer into the program")


class Output(TextIOBase):
    """A stream whose text is sent on a moment later, and pictures at once, up to a limit."""

    def __init__(self, send: Callable[[str, str], None]) -> None:
        self._send = send
        self._text: list[str] = []
        self._left, self._figures, self._sent = MOST, FIGURES, monotonic()

    def write(self, text: str) -> int:
        if self._left > 0:
            self._text.append(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._text.append(f"\n... the rest: more than {MOST:,} characters in one run\n")
            if self._left <= 0 or monotonic() > self._sent + SOON:
                self.flush()
        return len(text)

    def flush(self) -> None:
        if self._text:
            self._send("text", "".join(self._text))
            self._text.clear()
        self._sent = monotonic()

    def show(self, thing: object) -> None:
        """A picture or a stepper as such, anything else as text; None is nothing."""
        if thing is None:
            return
        bundle: dict[str, str] = getattr(thing, "_repr_mimebundle_", dict)()
        for kind, name in (("text/html", "html"), ("image/svg+xml", "svg")):
            if kind in bundle:
                self.flush()
                self._figures -= 1
                if self._figures >= 0:
                    self._send(name, bundle[kind])
                elif self._figures == -1:
                    self._send("text", f"... the rest: more than {FIGURES} pictures in one run\n")
                return
        self.write(f"{bundle.get('text/plain') or repr(thing)}\n")


def report(error: BaseException) -> str:
    """The traceback as in a notebook: the program's own frames, and the place that raised."""
    chain: BaseException | None = error
    while chain is not None:
        chain.__traceback__ = _of_interest(chain.__traceback__)
        chain = chain.__cause__ or chain.__context__
    said = "".join(traceback.format_exception(error))
    if type(error) is ImportError and error.name == "numpy":  # ours, of what runs on arrays
        said += "Here `import numpy` on top of the program fetches it.\n"
    return said


def _of_interest(trace: TracebackType | None) -> TracebackType | None:
    places = []
    while trace is not None:
        places.append(trace)
        trace = trace.tb_next
    for place in reversed(places):
        package = place.tb_frame.f_globals["__name__"].partition(".")[0]
        if package != __name__ and (trace is None or package not in OURS):
            place.tb_next = trace
            trace = place
    return trace
