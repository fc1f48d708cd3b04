"""A graph as plain data: nodes, edges and groups, for every form of drawing and text.

    picture_of(f, names=locals())       # of a Value; of a Program see program_picture.py

Ids count in the order of evaluation, so the same program always draws the same picture.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import TypeAlias, TypeVar

from autograd_core import Value, first_stale, topological

from .names import callers_names
from .words import TIMES, jsonable, number, printable

__all__ = [
    "Edge", "Group", "Names", "Node", "Picture", "common", "groups_of", "path_of", "picture_of",
    "within",
]  # fmt: skip

Group: TypeAlias = "tuple[str, ...]"
Names: TypeAlias = "Mapping[str, object] | None"  # variables by their names, as locals() gives them
T = TypeVar("T", bound=Hashable)

FOLDED_FIELDS = frozenset(
    ["ordered", "terms", "values", "grads", "weight", "weight_grad", "program", "network",
     "examples", "right", "wrong", "words", "blank", "taken"]
)  # fmt: skip
PROGRAM_FIELDS = frozenset(["kind", "register", "formula", "once", "entries", "role"])


@dataclass(frozen=True)
class Node:
    """A value with the gate that made it; or a part of a program; or a folded group of either.

    id      "n3", by order
    name    its label, or the variable's name; "" if it has none
    op      its gate, with its constants (`*`, `tanh`, `**2`); "" for a leaf or a group
    data    the value; None for a group without a single result
    grad    its gradient; None before a backward pass, and in a forward picture
    uses    into how many operands it goes
    line    the source line that made it, if its creation was traced
    group   the path of groups that it lies in, from its label; in a program the outermost is the
            part, "forward" or "backward"
    members the ids of what is folded into it; () for a single node
    ordered whether its gate has operands that may not change places, as in a - b
    right   in the picture of a Grade, what the gradient should be if it is wrong

    Only in the picture of a network, see `network.py`:

    terms   how many numbers a sum adds, those of examples that are not drawn included
    values, grads  of the examples of a small batch, one each
    kind    "neuron"; "feature", a number that neurons take; "port", many parameters at once

    Only in the picture of a Program:

    kind      "input", "parameter", "constant", "instruction", "kept", "output" or "gradient"; ""
              for a folded group
    register  what the listing calls it: "t9", "t9..t14"
    formula   the right side of its line in the listing; "" if it is not an instruction
    once      whether it is one number for all lanes
    entries   how many numbers it consists of: "", "3 × 2", "6"
    """

    id: str
    name: str = ""
    op: str = ""
    data: float | None = None
    grad: float | None = None
    uses: int = 0
    line: str = ""
    group: Group = ()
    members: tuple[str, ...] = ()
    ordered: bool = False
    terms: int = 0
    values: tuple[float | None, ...] = ()
    grads: tuple[float | None, ...] = ()
    kind: str = ""
    register: str = ""
    formula: str = ""
    once: bool = False
    entries: str = ""
    right: float | None = None

    @property
    def size(self) -> int:
        """How many nodes of the unfolded picture this one stands for."""
        return max(1, len(self.members))

    @property
    def symbol(self) -> str:
        """Its op as readers see it: × for `*`."""
        return TIMES if self.op == "*" else self.op

    @property
    def part(self) -> str:
        """The outermost group: in the picture of a program "forward" or "backward"."""
        return self.group[0] if self.group else ""

    @property
    def inner_name(self) -> str:
        """The name as it is shown inside the box of its group: without the group's path."""
        path = path_of(self.name)
        group = self.group[1:] if self.kind else self.group  # labels leave out the part
        return path[-1] if group and within(path, group) else self.name

    @property
    def title(self) -> str:
        """All that is known, on one line at full precision."""
        return printable(" ".join(filter(None, self._facts())), 400)

    def _facts(self) -> Iterator[str]:
        if self.kind == "instruction":
            yield f"{self.register} = {self.formula}"
            yield f"({self.name})" if self.name else ""
            yield "once for all lanes" if self.once else "in each lane"
        elif self.kind:
            yield self.kind
            yield self.name or self.register
            yield f"({self.entries})" if self.entries else ""
        else:
            yield self.name or self.symbol or "constant"
            yield f"= {self.symbol}" if self.name and self.op else ""
            yield f"({self.size} values)" if self.size > 1 else ""
            yield f"value {self.data!r}" if self.data is not None else ""
            yield f"gradient {self.grad!r}" if self.grad is not None else ""
            yield f"at {self.line}" if self.line else ""


@dataclass(frozen=True)
class Edge:
    """A wire from the value `source` into operand `operand` of the gate of `target`.

    local   the slope of target in source
    grad    what flows back along the wire: the gradient of target, times local
    count   how many wires between two groups this one stands for
    wire    its name in the unfolded picture, "n0-n2-1"; "" if it stands for several
    grads   what flows back along it in each example of a small batch
    weight, weight_grad  in a network, of the parameter that a neuron multiplies by here
    role    in a program, which operand it is where that is not plain: "a", "1", "matrix"
    wrong   in the picture of a Grade, whether this is where the mistake was made
    """

    source: str
    target: str
    operand: int
    local: float | None = None
    grad: float | None = None
    count: int = 1
    wire: str = ""
    grads: tuple[float | None, ...] = ()
    weight: float | None = None
    weight_grad: float | None = None
    role: str = ""
    wrong: bool = False

    @property
    def label(self) -> str:
        """Its role, and how many wires it stands for: "a", "8 a", "8 wires"."""
        return f"{self.count} {self.role or 'wires'}" if self.count > 1 else self.role

    @property
    def id(self) -> str:
        """Its name in this picture: "n0-n2-1"."""
        return f"{self.source}-{self.target}-{self.operand}"


@dataclass(frozen=True)
class Picture:
    """Nodes in topological order and the wires between them.

    root        the id of the output, in a program of the first
    backward    whether gradients are shown, in a program those instructions
    program     whether it is the picture of a Program
    network     whether some of its nodes are neurons
    examples    of how many examples it shows one, or the numbers of all side by side
    words       what stands below it, in the picture of a Grade
    blank       whether numbers that are not there have a box, to be written in by hand
    taken       the names in the unfolded picture, which no other node may get
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    root: str
    backward: bool
    program: bool = False
    network: bool = False
    examples: int = 1
    words: str = ""
    blank: bool = False
    taken: frozenset[str] = frozenset()

    def names(self) -> dict[str, str]:
        """A name for each node: its own, or the number of a constant, or v and its place.

        The place is that in the unfolded picture, so that a value has one name in all of them; if
        another value has that name, there is one more v. In a program a result without a name goes
        by its register.
        """
        names = {}
        for node in self.nodes:
            if node.name:
                names[node.id] = printable(node.name)
            elif node.register:
                names[node.id] = node.register
            elif not node.op and node.uses and node.data is not None:
                names[node.id] = number(node.data)
            else:
                made = f"v{(node.members or (node.id,))[0][1:]}"
                while made in self.taken:
                    made = f"v{made}"
                names[node.id] = made
        return names

    def constants(self) -> frozenset[str]:
        """The ids of leaves without a name, which go by their number."""
        return frozenset(node.id for node in self.nodes if not node.op and not node.name)

    def as_dict(self) -> dict[str, object]:
        """Plain data; the picture of a Value leaves out the fields that only programs fill."""
        left_out = FOLDED_FIELDS if self.program else FOLDED_FIELDS | PROGRAM_FIELDS
        return asdict(
            self, dict_factory=lambda fields: {k: v for k, v in fields if k not in left_out}
        )

    def to_json(self) -> str:
        """Nodes and edges as JSON; inf and nan as the strings "Infinity" and "NaN"."""
        return json.dumps(jsonable(self.as_dict()), indent=1, allow_nan=False)


def picture_of(
    root: Value, *, backward: bool = True, names: Names = None,
    grads: Mapping[Value, float] | None = None,
) -> Picture:  # fmt: skip
    """The picture of `root` and all that it depends on. TypeError if root is not a Value.

    names, as `names=locals()`, gives unlabelled values the names of their variables; in a notebook
    they are by default the caller's, and `names={}` turns that off. Gradients are `grads`, or else
    the stored ones; before `root.backward()`, when root's is 0, there are none.
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"only a Value has a graph to draw, got {type(root).__name__}; the call is draw(loss), "
            "or draw(program)"
        )
    order = topological(root)
    stale = first_stale(root)
    if stale is not None:
        made = f"{stale.label!r}, made by" if stale.label else "a result of"
        warnings.warn(
            f"the numbers of this graph do not fit together: a .data below {made} {stale.op!r} was "
            "written after it was computed. Compute the graph again to see one forward pass",
            stacklevel=3,
        )
    names_of = _names(order, callers_names() if names is None else names)
    groups = groups_of(order, names_of, lambda value: value.inputs)
    ids = {value: f"n{i}" for i, value in enumerate(order)}
    if grads is None:
        grads = {value: value.grad for value in order} if backward and root.grad != 0.0 else {}
    edges = []
    for value in order:
        grad = grads.get(value)
        for operand, (source, local) in enumerate(zip(value.inputs, value.partials, strict=True)):
            flow = None if grad is None else grad * local
            slope, wire = local if backward else None, f"{ids[source]}-{ids[value]}-{operand}"
            edges.append(Edge(ids[source], ids[value], operand, slope, flow, wire=wire))
    uses = Counter(edge.source for edge in edges)
    nodes = tuple(
        Node(
            ids[value], names_of[value], _op(value), value.data, grads.get(value),
            uses[ids[value]], value.line, groups[value],
            ordered=len(value.inputs) > 1 and value.gate is not None and not value.gate.symmetric,
        )
        for value in order
    )  # fmt: skip
    taken = frozenset(printable(name) for name in names_of.values() if name)
    return Picture(nodes, tuple(edges), ids[root], backward, taken=taken)


def _op(value: Value) -> str:
    if not value.constants:
        return value.op
    constants = " ".join(number(constant) for constant in value.constants)
    return f"**{constants}" if value.op == "**" else f"{value.op} {constants}".rstrip()


def _names(order: list[Value], names: Mapping[str, object]) -> dict[Value, str]:
    """The label of each value, or else its variable's name, or `w[0]` as an item of a list."""
    variables: dict[Value, str] = {}
    if not isinstance(names, Mapping):
        raise TypeError(f"names must map names to Values, as names=locals(), got {names!r}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names must map names to Values, as names=locals(), got {name!r}")
    public = {name: thing for name, thing in names.items() if not name.startswith("_")}
    pairs = list(public.items())  # a variable's own name wins, even if the list comes first
    for name, thing in public.items():
        if isinstance(thing, list | tuple):
            pairs += [(f"{name}[{i}]", item) for i, item in enumerate(thing)]
    for name, thing in pairs:
        if isinstance(thing, Value):
            variables.setdefault(thing, name)
    return {value: str(value.label) or variables.get(value, "") for value in order}


# ---------------------------------------------------------------- groups, from labels

_PART = re.compile(r"[^\W\d]\w*(\[\d+\])?")


def path_of(name: str) -> Group:
    """`layer0.neuron3.w1` in parts; a name that is prose with dots in it stays whole."""
    parts = tuple(name.split("."))
    return parts if len(parts) <= 8 and all(map(_PART.fullmatch, parts)) else (name,)


def within(path: Group, group: Group) -> bool:
    """Whether `path` is that of this group, or of something in it."""
    return path[: len(group)] == group


def common(groups: Iterable[Group]) -> Group:
    """The innermost group that holds all of these groups; () if there are none."""
    distinct = set(groups)
    if len(distinct) == 1:
        return distinct.pop()
    ordered = sorted(distinct) or [()]  # what the first and the last share, all share
    pairs = zip(ordered[0], ordered[-1], strict=False)
    return tuple(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def groups_of(
    order: Sequence[T], names: Mapping[T, str], inputs: Callable[[T], Iterable[T]]
) -> dict[T, Group]:
    """The group of each value, from labels alone.

    `layer0.neuron3.w1` lies in the group layer0.neuron3. A result labelled layer0.neuron3 is the
    output of that group, if the group exists. An unlabelled result lies in the group that its
    value flows to, if something of that group flows into it.
    """
    paths = {value: path_of(name) for value in order if (name := names[value])}
    known = {path[:i] for path in paths.values() for i in range(1, len(path))}
    if not known:
        return dict.fromkeys(order, ())
    groups = {value: path if path in known else path[:-1] for value, path in paths.items()}
    reached: dict[T, frozenset[Group]] = {}  # the labelled groups that flow into a value
    uses: dict[T, list[T]] = {}
    for value in order:
        for source in inputs(value):
            uses.setdefault(source, []).append(value)
        if value in groups:
            reached[value] = frozenset([groups[value]])
        else:
            sets = {reached[source] for source in inputs(value)}
            reached[value] = sets.pop() if len(sets) == 1 else frozenset().union(*sets)
    for value in reversed(order):
        if value in groups:
            continue
        target = common(groups[use] for use in uses.get(value, ()))
        inside = any(within(group, target) for group in reached[value])
        groups[value] = target if inside else ()
    return groups
