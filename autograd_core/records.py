"""NamedTuple: tuples with names and types, without the import of `typing`.

class Row(NamedTuple("Row", [("name", str), ("slope", float)])): ...

It is `typing.NamedTuple` to a type checker. The import of `typing` would take as long as a third of
the engine's; what needs no speed at the start imports that.
"""

from __future__ import annotations

from collections import namedtuple

__all__ = ["NamedTuple"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:

    def NamedTuple(name, fields):
        return namedtuple(name, [field for field, _ in fields])
