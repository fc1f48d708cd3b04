"""A network's picture, made small: one example of a batch, sums in one gate, neurons with weights.

    picture = one_example(picture)          # of a loss over 100 examples the first
    picture = with_sums(picture)            # a + b + c + d is one gate with four inputs
    picture = as_network(folded, picture)   # folded neurons get wires with weights

Examples are told apart by labels: each makes its own result `layer0.neuron3`. What only one of them
flows through, or flows into, is that example's; parameters, and what joins examples, are shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from .picture import Edge, Group, Node, Picture

__all__ = [
    "SEVERAL", "SIGMA", "as_network", "examples_of", "in_order", "one_example", "shown_by",
    "with_sums",
]  # fmt: skip

SIGMA = "\N{GREEK CAPITAL LETTER SIGMA}"
SEVERAL = 3  # examples whose numbers are shown side by side; of more, those of the first


def one_example(picture: Picture, which: int = 0) -> Picture:
    """`picture` with only one example of its batch, and the number of examples in `examples`.

    Of up to three examples, each node and wire that is kept has the numbers of all. A picture that
    is not of a batch is returned as it is.
    """
    example, count = examples_of(picture)
    if count < 2 or picture.program:
        return picture
    kept = [node for node in picture.nodes if example[node.id] in (None, which)]
    ids = {node.id for node in kept}
    edges = [edge for edge in picture.edges if edge.source in ids and edge.target in ids]
    inputs: dict[str, int] = {}
    for edge in picture.edges:
        inputs[edge.target] = inputs.get(edge.target, 0) + 1
    nodes = [replace(node, terms=inputs.get(node.id, 0)) for node in kept]
    if count <= SEVERAL:
        nodes, edges = _side_by_side(picture, example, count, nodes, edges)
    return replace(picture, nodes=tuple(nodes), edges=tuple(edges), examples=count)


def examples_of(picture: Picture) -> tuple[dict[str, int | None], int]:
    """The example that each node belongs to, None for what all share; and how many there are."""
    copies: dict[str, list[str]] = {}
    for node in picture.nodes:
        if node.op and node.group and node.name == ".".join(node.group):
            copies.setdefault(node.name, []).append(node.id)
    count = max(map(len, copies.values()), default=0)
    full = [same for same in copies.values() if len(same) == count]
    place = {id: k for same in full for k, id in enumerate(same)}
    inputs: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    users: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    for edge in picture.edges:
        inputs[edge.target].append(edge.source)
        users[edge.source].append(edge.target)
    of: dict[str, int | None] = {}
    if count > 1 and any(_chained(picture, set(same), inputs) for same in (full[0], full[-1])):
        return dict.fromkeys(inputs, None), 1
    for node in reversed(picture.nodes):  # what flows into results of one example alone is its own
        if node.id in place:
            of[node.id] = place[node.id]
        elif using := {of[user] for user in users[node.id] if user in of}:
            of[node.id] = using.pop() if len(using) == 1 else None
    for node in picture.nodes:  # behind the last results: what comes from one example alone
        if node.id not in of and (reached := {of[s] for s in inputs[node.id] if s in of}):
            of[node.id] = reached.pop() if len(reached) == 1 else None
    for node in reversed(picture.nodes):  # leaves of the loss, such as targets
        if node.id not in of:
            using = {of[user] for user in users[node.id]}
            of[node.id] = using.pop() if len(using) == 1 else None
    return of, count


def _chained(picture: Picture, same: set[str], inputs: dict[str, list[str]]) -> bool:
    """Whether one of these results flows into another, as those of steps in time do."""
    below: set[str] = set()
    for node in picture.nodes:
        if not below.isdisjoint(inputs[node.id]):
            if node.id in same:
                return True
            below.add(node.id)
        elif node.id in same:
            below.add(node.id)
    return False


def _side_by_side(
    picture: Picture, example: dict[str, int | None], count: int, nodes: list[Node],
    edges: list[Edge],
) -> tuple[list[Node], list[Edge]]:  # fmt: skip
    """Nodes and edges with the numbers of all examples: those at the same place in each."""
    kinds = _kinds(picture, example)
    same: dict[int, list[list[Node]]] = {}
    for node in picture.nodes:
        k = example[node.id]
        if k is not None:
            same.setdefault(kinds[node.id], [[] for _ in range(count)])[k].append(node)
    alike: list[list[Node]] = [[] for _ in range(count)]
    for of_kind in same.values():
        if len(set(map(len, of_kind))) == 1:  # a branch that not all examples took is left out
            for one, more in zip(alike, of_kind, strict=True):
                one.extend(more)
    first = {node.id: i for i, node in enumerate(alike[0])}
    nodes = [
        replace(
            node,
            values=tuple(one[i].data for one in alike), grads=tuple(one[i].grad for one in alike),
        )
        if (i := first.get(node.id)) is not None else node
        for node in nodes
    ]  # fmt: skip
    place = {node.id: (k, i) for k, one in enumerate(alike) for i, node in enumerate(one)}
    flows: dict[tuple[object, object, int], list[float | None]] = {}
    for edge in picture.edges:
        ends = place.get(edge.source), place.get(edge.target)
        if ends[0] or ends[1]:
            key = (ends[0] and ends[0][1], ends[1] and ends[1][1], edge.operand if ends[1] else 0)
            flows.setdefault(key, []).append(edge.grad)

    def of_all(edge: Edge) -> Edge:
        ends = first.get(edge.source), first.get(edge.target)
        grads = flows.get((*ends, edge.operand if ends[1] is not None else 0), [])
        return replace(edge, grads=tuple(grads)) if len(grads) == count else edge

    return nodes, list(map(of_all, edges))


def _kinds(picture: Picture, example: dict[str, int | None]) -> dict[str, int]:
    """A number for each node of an example: the same one for those that were made in the same way.

    A leaf is known by what uses it first, a gate by its inputs.
    """
    inputs: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    role: dict[str, tuple[str, int]] = {}
    ops = {node.id: node.op for node in picture.nodes}
    for edge in picture.edges:
        inputs[edge.target].append(edge.source)
        role.setdefault(edge.source, (ops[edge.target], edge.operand))
    known: dict[object, int] = {}
    kinds: dict[str, int] = {}
    for node in picture.nodes:
        made: list[object] = [node.name, node.op, node.uses]
        made += [kinds[s] if example[s] is not None else s for s in inputs[node.id]]
        made.append(None if inputs[node.id] else role.get(node.id))
        kinds[node.id] = known.setdefault(tuple(made), len(known))
    return kinds


def with_sums(picture: Picture) -> Picture:
    """`picture` with each run of unnamed sums outside of all groups as one gate, with its terms."""
    users: dict[str, list[Edge]] = {}
    for edge in picture.edges:
        users.setdefault(edge.source, []).append(edge)
    nodes = {node.id: node for node in picture.nodes}

    def is_sum(id: str) -> bool:
        return nodes[id].op == "+" and not nodes[id].group

    into: dict[str, str] = {}  # a sum within a run -> the last of its run
    for node in reversed(picture.nodes):
        using = users.get(node.id, [])
        if len(using) == 1 and is_sum(node.id) and not node.name and is_sum(using[0].target):
            into[node.id] = into.get(using[0].target, using[0].target)
    runs: dict[str, list[Node]] = {}
    for node in picture.nodes:
        if node.id in into:
            runs.setdefault(into[node.id], []).append(node)
    runs = {last: run for last, run in runs.items() if nodes[last].terms or len(run) > 1}
    into = {id: last for id, last in into.items() if last in runs}
    terms: dict[str, int] = dict.fromkeys(runs, 0)
    starts = set()
    edges = []
    for edge in picture.edges:
        target = into.get(edge.target, edge.target)
        source = nodes[edge.source]
        alone = len(users[source.id]) == 1 and not (source.op or source.name or source.group)
        if target in runs and alone and source.data == 0.0:
            starts.add(source.id)  # the 0 that Python's sum() starts from
            continue
        if edge.source in into and into[edge.source] == target:
            continue
        if target in runs:
            edge = replace(edge, target=target, operand=terms[target])
            terms[target] += 1
        edges.append(edge)
    kept = []
    for node in picture.nodes:
        if node.id in runs:
            all_terms = sum(one.terms or 2 for one in [*runs[node.id], node]) - len(runs[node.id])
            begun = sum(into.get(e.target, e.target) == node.id for s in starts for e in users[s])
            node = replace(node, op=SIGMA, terms=all_terms - begun)
        if node.id not in into and node.id not in starts:
            kept.append(node)
    return replace(picture, nodes=tuple(kept), edges=tuple(edges))


def shown_by(picture: Picture) -> tuple[dict[str, str], dict[str, int]]:
    """For each sum within a run the last of the run, which shows it; and of those, their terms."""
    whole = with_sums(one_example(picture))
    kept = {node.id for node in whole.nodes}
    terms = {node.id: node.terms for node in whole.nodes if node.op == SIGMA}
    users: dict[str, list[str]] = {}
    for edge in picture.edges:
        users.setdefault(edge.source, []).append(edge.target)
    folds: dict[str, str] = {}
    for node in reversed(picture.nodes):
        using = users.get(node.id, [])
        if node.op == "+" and not node.group and node.id not in kept and len(using) == 1:
            last = folds.get(using[0], using[0])
            if last in terms:
                folds[node.id] = last
    return folds, terms


def as_network(folded: Picture, whole: Picture) -> Picture:
    """`folded` with neurons: groups of parameters with one result, whose wires carry weights.

    What uses parameters outside of their groups, as weight decay does, has one wire for all. Leaves
    without a name that flow into neurons are called x[0], x[1] and so on.
    """
    nodes = {node.id: node for node in whole.nodes}
    inner = {id: node for node in folded.nodes for id in node.members}
    # The parameters that each gate multiplies by; a slope is the other operand.
    beside: dict[str, dict[int, str]] = {}
    for edge in whole.edges:
        beside.setdefault(edge.target, {})[edge.operand] = edge.source
    neurons = {
        node.id for node in folded.nodes
        if node.size > 1 and node.data is not None
        and sum(nodes[m].op != "" and nodes[m].name == node.name for m in node.members) == 1
        and any(_is_parameter(nodes[m]) and nodes[m].group == _path(node) for m in node.members)
    }  # fmt: skip
    if not neurons:
        return folded
    weights: dict[tuple[str, str], Node] = {}
    for edge in whole.edges:
        source, target = inner.get(edge.source), inner.get(edge.target)
        if source is None or target is None or source is target or target.id not in neurons:
            continue
        other = nodes[beside[edge.target].get(1 - edge.operand, edge.target)]
        if nodes[edge.target].op == "*" and _is_parameter(other):
            weights.setdefault((source.id, target.id), other)
    uses_of_parameters = {
        (inner[edge.source].id, inner[edge.target].id)
        for edge in whole.edges
        if edge.source in inner and edge.target in inner
        and _is_parameter(nodes[edge.source]) and inner[edge.target].id not in neurons
        and inner[edge.source].id in neurons
    }  # fmt: skip
    edges: list[Edge] = []
    ports: dict[str, str] = {}
    for edge in folded.edges:
        if (edge.source, edge.target) in uses_of_parameters:
            port = ports.setdefault(edge.target, f"p{edge.target[1:]}")
            if not any(one.source == port for one in edges):
                edges.append(Edge(port, edge.target, 0, count=2))
            continue
        weight = weights.get((edge.source, edge.target))
        if weight is not None:
            edge = replace(edge, weight=weight.data, weight_grad=weight.grad)
        edges.append(edge)
    fed = {source for source, _ in weights}
    features = [node for node in folded.nodes if node.id in fed and not node.op and node.size == 1]
    places = {node.id: i for i, node in enumerate(features)}
    unnamed = all(not node.name for node in features)

    inside = {  # numbers that a layer computes with, such as the count of a mean
        node.id for node in folded.nodes
        if not node.op and not node.name and node.size == 1 and node.id not in places
        and all(edge.target in neurons for edge in folded.edges if edge.source == node.id)
    }  # fmt: skip
    layers = {node.group for node in folded.nodes if node.id in neurons}

    def shown(node: Node) -> Node:
        whole_layer = node.op and node.name == f"{'.'.join(node.group)}.{node.inner_name}"
        if node.id in neurons or (whole_layer and _NEURON.search(node.name) and layers):
            return replace(node, kind="neuron")
        if node.id in places:
            name = f"x[{places[node.id]}]" if unnamed else node.name
            return replace(node, kind="feature", name=name)
        return node

    parameters = sum(_is_parameter(node) for node in whole.nodes)
    extra = [Node(id, name=f"{parameters} parameters", kind="port") for id in ports.values()]
    return replace(
        folded, network=True, edges=tuple(edge for edge in edges if edge.source not in inside),
        nodes=(*extra, *(shown(node) for node in folded.nodes if node.id not in inside)),
    )  # fmt: skip


_NEURON = re.compile(r"\.neuron\d+$")  # an activation that is a layer of its own


def _path(node: Node) -> Group:
    """That of a folded group."""
    return tuple(node.name.split("."))


def _is_parameter(node: Node) -> bool:
    return bool(node.group) and not node.op


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Nodes of one column, by the numbers at the end of their names."""

    def place(node: Node) -> int:
        number = re.search(r"(\d+)\]?$", node.name)
        return int(number[1]) if number else 0

    return sorted(nodes, key=place)
