"""The engine's hot half in C, where it was built: `is_native()` says so.

    @adopted
    class Value: ...                # the class as it reads, or the type in C that takes it over

    @adopted
    def topological(root): ...      # as it reads, or the same in C

What is decorated stays whole, is the reference, and runs where there is no compiler, as CPython's
own heapq and datetime do (PEP 399). The type in C has the memory of a node and the common case of
its hot methods, and calls the Python ones for everything else. AUTOGRAD_CORE_PURE=1 in the
environment leaves everything as it reads.

node.c holds what is written by hand, rules.py writes the gates' formulas from the table, build.py
compiles both, and hatch_build.py calls that when the package is built.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from .. import modes
from ..table import gates
from .sources import digest

__all__ = ["adopted", "is_native"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")

_native: Any = None
if os.environ.get("AUTOGRAD_CORE_PURE", "") != "1":
    try:
        _native = import_module("._native", __package__)
    except ImportError:
        pass
    else:
        if _native.DIGEST != digest():
            print(
                "autograd_core: its compiled part is not that of these sources and is not used; "
                f"build it anew: {sys.executable} -m pip install -e .",
                file=sys.stderr,
            )
            _native = None

# What the class in Python has that the one in C keeps in its own way.
_SLOTS = (
    "__weakref__", "_a", "_b", "_gate", "_grad", "_number", "_rest", "_seen", "_slope_a",
    "_slope_b", "_stamp", "_sum",
)  # fmt: skip


def is_native() -> bool:
    """Whether the compiled part runs; else all is plain Python, with the same results."""
    return _native is not None


def adopted(thing: T) -> T:
    """What C has under that name; `thing` itself where there is no C."""
    twin: T = thing
    if _native is not None:
        twin = _class(thing) if isinstance(thing, type) else _function(thing)
    return twin


def _function(function: Any) -> Any:
    _native.plain[function.__name__] = function
    return getattr(_native, function.__name__)


def _class(plain: Any) -> Any:
    if plain.__slots__ != _SLOTS:
        raise TypeError(f"{plain.__name__} has other slots than its twin in C: {plain.__slots__}")
    members = dict(vars(plain))
    twin = _native.adopt(members, tuple(gates.values()), modes.contexts)
    modes.counted = _native.count_writes
    own = set(vars(twin))
    # Names of one function, as asin and arcsin, are names of one function in C too.
    quick = {id(member): vars(twin)[name] for name, member in members.items() if name in own}
    for name, member in members.items():
        if name not in own and name not in (*_SLOTS, "__dict__", "__slots__", "__weakref__"):
            setattr(twin, name, quick.get(id(member), member))
    twin.__doc__ = plain.__doc__
    return twin
