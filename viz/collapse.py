"""Fold a big picture: whole groups, and values that repeat, into one node each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .network import as_network, one_example, with_sums
from .picture import Edge, Group, Node, Picture

__all__ = ["BUDGET", "fit", "fold"]

BUDGET = 400  # nodes; above it a layout takes long and nobody can read it
READABLE = 120  # nodes of a program, whose wires cross more; above it groups fold


def fit(picture: Picture, depth: int | None, limit: int) -> Picture:
    """`picture` with groups opened down to `depth`, or as far as `limit` nodes allow.

    The two parts of a program stay open and are not counted in `depth`. ValueError, naming the
    remedies, if the picture stays above `limit`.
    """
    if depth is not None:
        folded = fold(picture, depth)
    else:
        folded = picture
        enough = min(limit, READABLE) if picture.program else limit
        deepest = max((len(node.group) for node in picture.nodes), default=0) - picture.program
        for opened in range(max(deepest, 1) - 1, -1, -1):
            if len(folded.nodes) <= enough:
                break
            folded = _fold_largest(picture, opened, enough)
    if len(folded.nodes) > limit:
        smaller = (
            "Draw the forward pass alone (backward=False), or a smaller program"
            if picture.program
            else "Draw a smaller part (one example's loss, one neuron)"
        )
        raise ValueError(
            f"the picture has {len(folded.nodes):,} nodes for {len(picture.nodes):,} values, above "
            f"the limit of {limit:,} that can be read. {smaller}, or give values labels with dots, "
            "such as layer0.neuron3.w1, which fold into groups, or fold further with depth=0, or "
            f"pass limit={len(folded.nodes)}"
        )
    return folded


def _fold_largest(picture: Picture, depth: int, enough: int) -> Picture:
    """`picture` folded to `depth`; what is still too large, such as one wide layer, further.

    So a part that is too large to be drawn says so in its own place, by its number of values.
    """
    closed: set[Group] = set()
    folded = fold(picture, depth)
    while depth > 0 and len(folded.nodes) > enough:
        sizes = Counter(node.group for node in folded.nodes if len(node.group) == depth)
        largest, count = max(sizes.items(), key=lambda item: item[1], default=((), 0))
        if count < 2 or count <= len(folded.nodes) // 10:
            break  # many small ones: another level folds better
        closed.add(largest)
        folded = fold(picture, depth, frozenset(closed))
    return folded


def fold(picture: Picture, depth: int, closed: frozenset[Group] = frozenset()) -> Picture:
    """Fold every group whose path is longer than `depth` parts into one node, and those `closed`.

    depth 0 leaves the outermost groups as single nodes, in a program those within its two parts.
    Of a batch one example is drawn; runs of sums are one gate; values outside of all groups that
    were made in the same way fold into one node too.
    """
    if depth < 0:
        raise ValueError(f"depth must be 0 or more, got {depth}")
    depth += picture.program
    picture = with_sums(one_example(picture))
    into: dict[str, Group | str] = {}  # node -> the group, or the one node, that it folds into
    for node in picture.nodes:
        level = depth - (node.group[:depth] in closed)
        into[node.id] = node.group[: level + 1] if len(node.group) > level else node.id
    _fold_repeats(picture, into)
    members: dict[Group | str, list[Node]] = {}
    for node in picture.nodes:
        members.setdefault(into[node.id], []).append(node)
    ids = {key: f"n{i}" for i, key in enumerate(members)}
    wires: dict[tuple[str, str], list[Edge]] = {}
    for edge in picture.edges:
        ends = ids[into[edge.source]], ids[into[edge.target]]
        if ends[0] != ends[1]:
            wires.setdefault(ends, []).append(edge)
    leaving = {edge.source for edges in wires.values() for edge in edges} | {picture.root}
    nodes = tuple(_node(ids[key], key, nodes, leaving) for key, nodes in members.items())
    edges = tuple(_edge(*ends, edges) for ends, edges in wires.items())
    folded = replace(picture, nodes=nodes, edges=edges, root=ids[into[picture.root]])
    return folded if picture.program else as_network(folded, picture)


def _edge(source: str, target: str, edges: list[Edge]) -> Edge:
    """The wire that stands for `edges`: one keeps all that is known of it."""
    first = edges[0]
    if len(edges) == 1:
        return replace(first, source=source, target=target)
    return Edge(source, target, first.operand, count=sum(edge.count for edge in edges))


def _node(id: str, key: Group | str, members: list[Node], leaving: set[str]) -> Node:
    """The node that stands for `members`: a group by its path, or repeats by what they are."""
    own_ids = tuple(one for node in members for one in node.members or (node.id,))
    if len(members) == 1:
        return replace(members[0], id=id, members=own_ids)
    group = key if isinstance(key, tuple) else ()
    results = [node for node in members if node.id in leaving]
    namesakes = [node for node in members if group and node.name == ".".join(group)]
    result = next((one[0] for one in (namesakes, results) if len(one) == 1), None)
    return Node(
        id, name=".".join(group) or members[0].op or "leaves", members=own_ids, group=group[:-1],
        data=result.data if result else None, grad=result.grad if result else None,
        uses=sum(node.uses for node in results),
        values=result.values if result else (), grads=result.grads if result else (),
    )  # fmt: skip


def _fold_repeats(picture: Picture, into: dict[str, Group | str]) -> None:
    """Send unnamed values outside of all groups to the first one made in the same way.

    Made in the same way: the same gate on inputs made in the same way; a sum by the set of what it
    adds, however long it is.
    """
    inputs: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    roles: dict[str, set[tuple[Group | str, int]]] = {node.id: set() for node in picture.nodes}
    ops = {node.id: node.op for node in picture.nodes}
    stays = {node.id: bool(node.group or node.name) for node in picture.nodes}
    grouped = {node.id for node in picture.nodes if node.group}
    features = {edge.source for edge in picture.edges if edge.target in grouped}
    for edge in picture.edges:
        inputs[edge.target].append(edge.source)
        user = into[edge.target] if stays[edge.target] else ops[edge.target]
        roles[edge.source].add((user, edge.operand))
    kinds: dict[object, int] = {}  # how values are made -> a number for it
    terms: dict[str, frozenset[int]] = {}  # node -> the kinds that it adds; of no sum, its own
    first: dict[int, str] = {}
    for node in picture.nodes:
        made_of = [terms[source] for source in inputs[node.id]]
        added = frozenset().union(*made_of)
        how: object
        if stays[node.id]:
            is_parameter = not node.op and len(node.group) > 1
            how = "parameter" if is_parameter else into[node.id]
        elif not node.op:
            how = frozenset(roles[node.id])
        else:
            how = (node.op, added if node.op == "+" else tuple(made_of))
        kind = kinds.setdefault(how, len(kinds))
        is_sum = node.op == "+" and not stays[node.id]
        terms[node.id] = added if is_sum else frozenset([kind])
        if not stays[node.id] and node.op:
            into[node.id] = first.setdefault(kind, node.id)
    users: dict[str, set[tuple[Group | str, int]]] = {node.id: set() for node in picture.nodes}
    for edge in picture.edges:
        users[edge.source].add((into[edge.target], edge.operand))
    together: dict[object, str] = {}  # leaves fold only if what they go into does
    for node in picture.nodes:
        if not (stays[node.id] or node.op or node.id in features):
            into[node.id] = together.setdefault(frozenset(users[node.id]), node.id)
