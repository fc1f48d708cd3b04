"""Which comparisons were asked of the values of a graph, so that a reader can tell a way not taken.

    f = a * a if a > b else b * b
    comparisons(f)                 # [Comparison(gate="less", a=Value b, b=Value a, answer=True)]

A comparison of Values is a plain bool, so nothing of it is in the graph: with other numbers the
program may build another one. Whoever changes numbers in a recorded graph asks here whether that
could be so.
"""

from __future__ import annotations

from collections import deque
from weakref import ref

from .graph import topological
from .records import NamedTuple

__all__ = ["Comparison", "comparisons"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Value: TypeAlias = Any  # which value.py defines

KEPT = 1000  # of the process, the last ones; a reference that is weak keeps no graph alive

Comparison = NamedTuple(
    "Comparison", [("gate", str), ("a", "Value | float"), ("b", "Value | float"), ("answer", bool)]
)

# (gate, left, right, answer); left and right are weak references to Values, or numbers.
last: deque[tuple[str, Any, Any, bool]] = deque(maxlen=KEPT)


def comparisons(root: Value) -> list[Comparison]:
    """The comparisons that were asked of values of `root`'s graph, each once, the oldest first.

    gate is "less" or "less_equal", and `a > b` is the "less" of b and a; a and b are Values of the
    graph, one of them perhaps a number; answer is what the comparison said. Only the last 1,000
    comparisons of the process are known.
    """
    values = set(topological(root))
    found: dict[tuple[str, Any, Any], Comparison] = {}
    for gate, left, right, answer in tuple(last):
        a, b = (side() if isinstance(side, ref) else side for side in (left, right))
        if (a in values or left is a) and (b in values or right is b):
            found[gate, a, b] = Comparison(gate, a, b, answer)
    return list(found.values())
