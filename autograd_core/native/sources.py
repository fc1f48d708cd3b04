"""What the compiled part is made of, and the digest by which it knows its sources again.

digest()                # of the files as they are now
"""

from __future__ import annotations

from importlib.util import source_hash
from pathlib import Path

__all__ = ["digest"]

HERE = Path(__file__).parent
# All that the text in C depends on: by hand, and what the formulas come from.
SOURCES = (
    "native/node.c", "native/rules.py", "native/build.py", "table.py", "gate.py",
    "program/dialects.py", "program/passes.py", "program/rule.py",
)  # fmt: skip


def digest() -> str:
    """16 hexadecimal digits; "" where a source is missing, as in an archive."""
    try:
        return source_hash(b"".join((HERE.parent / name).read_bytes() for name in SOURCES)).hex()
    except OSError:
        return ""
