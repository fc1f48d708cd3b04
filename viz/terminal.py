"""What the command lines share: text that any terminal takes, readers that leave, the version.

say("f = x*y")              # print; that `| head -1` has read enough is no error
sys.exit(run(main))         # the exit code of main(), its streams made ready and flushed
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from autograd_core import __version__

__all__ = ["run", "say", "version"]

_SPELT = {
    "\N{MULTIPLICATION SIGN}": "*", "·": "*", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-",
    "\N{EM DASH}": "-", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "…": "...", "∂": "d",
}  # fmt: skip


def say(text: str | bytes, stream: TextIO | None = None) -> None:
    """Print to `stream`, by default stdout; bytes go out as they are."""
    stream = stream or sys.stdout
    if stream is None:  # closed before we began
        return
    try:
        if isinstance(text, bytes):
            stream.flush()
            stream.buffer.write(text)
        else:
            print(text, file=stream)
        stream.flush()
    except BrokenPipeError:
        _discard(stream)


def run(main: Callable[[], int]) -> int | str | None:
    """Call main(), with streams that spell out what a terminal's encoding lacks; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelt")
    try:
        code: int | str | None = main()
    except SystemExit as stop:  # after --help
        code = stop.code
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            _discard(stream)
    return code


def _discard(stream: TextIO) -> None:
    """Let go of a stream that nobody reads, or Python complains when it flushes it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def version() -> str:
    """`autograd-core 0.1.0`."""
    return f"autograd-core {__version__}"


def _spell(error: UnicodeError) -> tuple[str, int]:
    """The characters that an encoding lacks, as ASCII; those without a spelling as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    spelt = (
        _SPELT.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in lacking
    )
    return "".join(spelt), error.end


codecs.register_error("spelt", _spell)
