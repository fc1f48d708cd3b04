"""What the compiled part is made of, and the digest by which it knows its sources again.

digest()                # of the files as they are now
"""

from __future__ import annotations

import os
from zlib import adler32, crc32  # hashlib and pathlib would take half of the time of the import

__all__ = ["digest"]

PACKAGE = os.path.dirname(os.path.dirname(__file__))
# All that the text in C depends on: by hand, and what the formulas come from.
SOURCES = (
    "native/node.c", "native/loop.c", "native/loop.h", "native/loop_module.c", "native/descent.c",
    "native/rules.py", "native/loop_source.py", "native/build.py", "table.py", "gate.py",
    "rehearsal.py", "program/dialects.py", "program/passes.py", "program/program.py",
    "program/rule.py", "program/schedule.py", "program/sums.py",
)  # fmt: skip


def digest() -> str:
    """16 hexadecimal digits; "" where a source is missing, as in an archive."""
    try:
        text = b"".join(map(_read, SOURCES))
    except OSError:
        return ""
    return f"{crc32(text):08x}{adler32(text):08x}"


def _read(name: str) -> bytes:
    with open(os.path.join(PACKAGE, name), "rb") as file:
        return file.read()
