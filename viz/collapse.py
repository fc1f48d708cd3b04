"""Fold a big picture: whole groups, and values that repeat, into one node each."""

from __future__ import annotations

from dataclasses import replace

from .picture import Edge, Node, Path, Picture

__all__ = ["BUDGET", "fit", "fold"]

PART = "Draw a smaller part (one example's loss, one neuron)"
BUDGET = 400  # values; above it a layout takes long and nobody can read it


def fit(
    picture: Picture, depth: int | None, limit: int, *, readable: int | None = None,
    outer: int = 0, part: str = PART,
) -> Picture:  # fmt: skip
    """`picture` with groups opened down to `depth`, or as far as `limit` nodes allow.

    readable  fold to so many nodes if groups allow; by default to `limit`
    outer     how many outermost levels of groups stay open, and are not counted in `depth`
    part      the first remedy that the error names

    Raises ValueError, naming the remedies, if the picture stays above `limit`.
    """
    if depth is not None:
        folded = fold(picture, depth, outer)
    else:
        folded = picture
        deepest = max((len(node.group) for node in picture.nodes), default=0)
        for opened in range(max(deepest - outer, 1) - 1, -1, -1):
            if len(folded.nodes) <= min(limit, readable or limit):
                break
            folded = fold(picture, opened, outer)
    if len(folded.nodes) > limit:
        raise ValueError(
            f"the picture has {len(folded.nodes):,} nodes for {len(picture.nodes):,} values, above "
            f"the limit of {limit:,} that can be read. {part}, or give "
            "values labels with dots, such as layer0.neuron3.w1, which fold into groups, or fold "
            f"further with depth=0, or pass limit={len(folded.nodes)}"
        )
    return folded


def fold(picture: Picture, depth: int, outer: int = 0) -> Picture:
    """Fold every group whose path is longer than `outer + depth` parts into one node.

    depth 0 leaves the outermost groups as single nodes. Values outside of all groups that were
    made in the same way, as the losses of many examples are, fold into one node too.
    """
    if depth < 0:
        raise ValueError(f"depth must be 0 or more, got {depth}")
    depth += outer
    into: dict[str, Path | str] = {}
    for node in picture.nodes:
        into[node.id] = node.group[: depth + 1] if len(node.group) > depth else node.id
    _fold_repeats(picture, into)
    members: dict[Path | str, list[Node]] = {}
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
    edges = tuple(
        replace(edge, source=source, target=target, count=len(edges))
        if len(edges) == 1
        else Edge(source, target, edge.operand, None, None, len(edges))
        for (source, target), edges in wires.items()
        for edge in edges[:1]
    )
    return replace(picture, nodes=nodes, edges=edges, root=ids[into[picture.root]])


def _node(id: str, key: Path | str, members: list[Node], leaving: set[str]) -> Node:
    """The node that stands for `members`: a group by its path, or repeats by what they are."""
    values = tuple(value for node in members for value in node.members or (node.id,))
    if len(members) == 1:
        return replace(members[0], id=id, members=values)
    first = members[0]
    results = [node for node in members if node.id in leaving]
    named = [node for node in members if isinstance(key, tuple) and node.name == ".".join(key)]
    result = next((one[0] for one in (named, results) if len(one) == 1), None)
    return Node(
        id,
        ".".join(key) if isinstance(key, tuple) else first.op or "leaves",
        "",
        result.data if result else None,
        result.grad if result else None,
        sum(node.uses for node in results),
        "",
        key[:-1] if isinstance(key, tuple) else (),
        values,
    )


def _fold_repeats(picture: Picture, into: dict[str, Path | str]) -> None:
    """Send unnamed values outside of all groups to the first one made in the same way.

    Made in the same way: the same gate on inputs made in the same way; a sum by the set of what it
    adds, however long it is.
    """
    inputs: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    roles: dict[str, set[tuple[Path | str, int]]] = {node.id: set() for node in picture.nodes}
    ops = {node.id: node.op for node in picture.nodes}
    foreign = {node.id: bool(node.group or node.name) for node in picture.nodes}
    for edge in picture.edges:
        inputs[edge.target].append(edge.source)
        roles[edge.source].add(
            (into[edge.target] if foreign[edge.target] else ops[edge.target], edge.operand)
        )
    kinds: dict[object, int] = {}
    terms: dict[str, frozenset[int]] = {}
    first: dict[int, str] = {}
    for node in picture.nodes:
        own = not foreign[node.id]
        made_of = [terms[source] for source in inputs[node.id]]
        added = frozenset().union(*made_of)
        how: object
        if not own:
            how = into[node.id]
        elif not node.op:
            how = frozenset(roles[node.id])
        else:
            how = (node.op, added if node.op == "+" else tuple(made_of))
        kind = kinds.setdefault(how, len(kinds))
        terms[node.id] = added if own and node.op == "+" else frozenset([kind])
        if own:
            into[node.id] = first.setdefault(kind, node.id)
