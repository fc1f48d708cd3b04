"""A graph of Values as plain data: nodes, wires and groups, for every form of drawing.

Ids count in topological order, so that the same program always draws the same picture.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeVar

from autograd_core import Value, topological

__all__ = [
    "Edge",
    "Node",
    "Path",
    "Picture",
    "common",
    "groups_of",
    "jsonable",
    "number",
    "path_of",
    "picture_of",
    "printable",
]

Path = tuple[str, ...]
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Node:
    """One value with the gate that made it, or a group of values folded into one.

    id      "n3", by order
    name    its label, or the variable's name; "" if it has none
    op      what its gate shows (`*`, `tanh`, `**2`); "" for a leaf or a group
    data    the value; None for a group without a single result
    grad    its gradient; None before a backward pass, and in a forward picture
    uses    into how many operands it goes
    line    the line of the program that made it, if traced
    group   the path of groups that it lies in, from its label
    members the ids of the values folded into it; () for a single value
    """

    id: str
    name: str
    op: str
    data: float | None
    grad: float | None
    uses: int
    line: str
    group: Path
    members: Path = ()

    @property
    def size(self) -> int:
        """How many values this node stands for."""
        return max(1, len(self.members))

    @property
    def short(self) -> str:
        """The name as it is shown inside the box of its group: without the group's path."""
        path = path_of(self.name)
        inside = self.group and path[: len(self.group)] == self.group
        return path[-1] if inside else self.name

    @property
    def title(self) -> str:
        """All that is known, in one line at full precision."""
        parts = [self.name or self.op or "constant"]
        if self.name and self.op:
            parts.append(f"= {self.op}")
        if self.size > 1:
            parts.append(f"({self.size} values)")
        if self.data is not None:
            parts.append(f"value {self.data!r}")
        if self.grad is not None:
            parts.append(f"gradient {self.grad!r}")
        if self.line:
            parts.append(f"at {self.line}")
        return printable(" ".join(parts), 400)


@dataclass(frozen=True)
class Edge:
    """A wire from the value `source` into operand `operand` of the gate of `target`.

    local   the slope of target in source
    grad    what flows back along the wire: the gradient of target, times local
    count   how many wires between two groups this one stands for
    wire    its name in the unfolded picture, "n0-n2-1"; "" if it stands for several
    """

    source: str
    target: str
    operand: int
    local: float | None
    grad: float | None
    count: int = 1
    wire: str = ""


@dataclass(frozen=True)
class Picture:
    """Nodes in topological order and the wires between them; `root` is the id of the output."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    root: str
    backward: bool

    def names(self) -> dict[str, str]:
        """A name for each node: its own, or the number of a constant, or v and its place."""
        names = {}
        for node in self.nodes:
            if node.name:
                names[node.id] = printable(node.name)
            elif not node.op and node.uses and node.data is not None:
                names[node.id] = short(node.data)
            else:
                names[node.id] = f"v{node.id[1:]}"
        return names

    def constants(self) -> frozenset[str]:
        """The ids of leaves without a name, which go by their number."""
        return frozenset(node.id for node in self.nodes if not node.op and not node.name)

    def to_json(self) -> str:
        """Nodes and edges as JSON; inf and nan as the strings "Infinity" and "NaN"."""
        return json.dumps(jsonable(asdict(self)), indent=1, allow_nan=False)


def picture_of(
    root: Value,
    *,
    backward: bool = True,
    names: Mapping[str, object] | None = None,
    grads: Mapping[Value, float] | None = None,
) -> Picture:
    """The picture of `root` and all that it depends on. TypeError if root is no Value.

    names, as `names=locals()`, gives unlabelled values the names of their variables. Gradients are
    `grads`, or else the stored ones; before `root.backward()`, when root's is 0, there are none.
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"only a Value has a graph to draw, got {type(root).__name__}; the call is draw(loss), "
            "or draw(program)"
        )
    order = topological(root)
    names_of = _names(order, names or {})
    groups = groups_of(order, names_of, lambda value: value.inputs)
    index = {value: i for i, value in enumerate(order)}
    uses = [0] * len(order)
    edges = []
    if grads is None and backward and root.grad != 0.0:
        grads = {value: value.grad for value in order}
    for value in order:
        for operand, (source, local) in enumerate(zip(value.inputs, value.partials, strict=True)):
            uses[index[source]] += 1
            edges.append(
                Edge(
                    f"n{index[source]}",
                    f"n{index[value]}",
                    operand,
                    local if backward else None,
                    None if grads is None else grads[value] * local,
                    wire=f"n{index[source]}-n{index[value]}-{operand}",
                )
            )
    nodes = tuple(
        Node(
            f"n{i}",
            names_of[value],
            _op(value),
            value.data,
            None if grads is None else grads[value],
            uses[i],
            value.line,
            groups[value],
        )
        for i, value in enumerate(order)
    )
    return Picture(nodes, tuple(edges), f"n{index[root]}", backward)


def _op(value: Value) -> str:
    constants = " ".join(f"{constant:g}" for constant in value.constants)
    return f"**{constants}" if value.op == "**" else f"{value.op} {constants}".rstrip()


def number(x: float | None) -> str:
    """Two decimals, as the course notes print; small and large numbers with an exponent."""
    if x is None:
        return "-"
    size = abs(x)
    if not math.isfinite(x):
        return f"{x}"
    if size == 0.0 or 0.01 <= size < 1e5:
        return f"{Decimal(x).quantize(Decimal('0.01'), ROUND_HALF_UP) + 0:.2f}"  # never -0.00
    return _exponent(f"{rounded(x, 2):.1e}")


def short(x: float) -> str:
    """Four digits, as a sentence says a number."""
    return _exponent(f"{rounded(x, 4):.4g}") if math.isfinite(x) else f"{x}"


def rounded(x: float, digits: int) -> float:
    """x to so many digits, halves away from zero: as the page, whose language rounds so."""
    return float(Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(x))


def _exponent(text: str) -> str:
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


def printable(text: str, limit: int = 40) -> str:
    """User text on one line: control and direction marks as escapes, cut to `limit` characters."""
    text = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit + 1]
    )
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _names(order: list[Value], names: Mapping[str, object]) -> dict[Value, str]:
    found: dict[Value, str] = {}
    given = {name: thing for name, thing in names.items() if not name.startswith("_")}
    for name, thing in given.items():
        if isinstance(thing, Value):
            found.setdefault(thing, name)
    for name, thing in given.items():  # after all variables, wherever among them the list stands
        if isinstance(thing, list | tuple):
            for i, item in enumerate(thing):
                if isinstance(item, Value):
                    found.setdefault(item, f"{name}[{i}]")
    return {value: str(value.label) or found.get(value, "") for value in order}


_PART = re.compile(r"[^\W\d]\w*(\[\d+\])?")


def path_of(name: str) -> Path:
    parts = tuple(name.split("."))
    return parts if len(parts) <= 8 and all(map(_PART.fullmatch, parts)) else (name,)


def common(paths: Iterable[Path]) -> Path:
    """The path of the innermost group that holds all of these groups."""
    first, *rest = paths
    for path in rest:
        length = next(
            (i for i, (a, b) in enumerate(zip(first, path, strict=False)) if a != b), None
        )
        first = first[: min(len(first), len(path)) if length is None else length]
    return first


def groups_of(
    order: Sequence[T], names: Mapping[T, str], inputs: Callable[[T], Iterable[T]]
) -> dict[T, Path]:
    """The group of each value, from labels alone.

    `layer0.neuron3.w1` lies in the group layer0.neuron3. A result labelled layer0.neuron3 is the
    output of that group, if the group exists. An unlabelled result lies in the group that its
    value flows to, if something of that group flows into it.
    """
    paths = {value: path_of(name) for value in order if (name := names[value])}
    known = {path[:i] for path in paths.values() for i in range(1, len(path))}
    groups = {value: path if path in known else path[:-1] for value, path in paths.items()}
    if not known:
        return {value: () for value in order}
    reached: dict[T, frozenset[Path]] = {}
    uses: dict[T, list[T]] = {}
    for value in order:
        for source in inputs(value):
            uses.setdefault(source, []).append(value)
        if value in groups:
            reached[value] = frozenset([groups[value]])
        else:
            reached[value] = frozenset().union(*(reached[source] for source in inputs(value)))
    for value in reversed(order):
        if value in groups:
            continue
        target = common(groups[use] for use in uses[value]) if value in uses else ()
        inside = any(path[: len(target)] == target for path in reached[value])
        groups[value] = target if inside else ()
    return groups


def jsonable(thing: object) -> object:
    """`thing` with inf and nan, which JSON lacks, as the strings that JavaScript's Number reads."""
    if isinstance(thing, float) and not math.isfinite(thing):
        return "NaN" if math.isnan(thing) else "Infinity" if thing > 0.0 else "-Infinity"
    if isinstance(thing, dict):
        return {key: jsonable(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [jsonable(value) for value in thing]
    return thing
