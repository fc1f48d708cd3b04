"""Values, gradients and second derivatives of random graphs, beside PyTorch's."""

from hypothesis import assume, given

from autograd_core import Value, gates, gradients, hvp, topological

from ..test_compare import THEIRS, of, tensor, torch
from .graphs import GATES as ALL
from .graphs import Slope, at_a_corner, close, eager, points, terms

GATES = [gate for gate in ALL if gate.name in THEIRS]


def theirs(root, leaves):
    """The recorded graph in PyTorch: its leaves and its root."""
    tensors = {v: tensor(v.data) for v in leaves}
    for v in topological(root):
        if v not in tensors:
            tensors[v] = (
                THEIRS[v.gate.name](*[tensors[x] for x in v.inputs], *v.constants)
                if v.gate else torch.tensor(v.data, dtype=torch.float64)
            )  # fmt: skip
    return [tensors[v] for v in leaves], tensors[root]


@given(points(GATES))
def test_random_graphs_have_pytorchs_numbers(point):
    graph, row = point
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    assume(not at_a_corner(root))
    # There PyTorch holds the slope in the base, b a^(b - 1), to be 0 whatever b, and loses d/db.
    assume(not any(v.gate is gates["pow"] and v.inputs[1].data == 0.0 for v in topological(root)))
    inputs, output = theirs(root, leaves)
    size, steep = terms(root)
    assert close(root.data, output.item(), size)
    total = gradients(root)
    first = torch.autograd.grad(output, inputs, create_graph=True, allow_unused=True)
    for leaf, expected in zip(leaves, of(first, inputs), strict=True):
        assert close(total.get(leaf, 0.0), expected, steep)
    along = [0.5 + i for i in range(graph.width)]
    slope = sum(g * d for g, d in zip(first, along, strict=True) if g is not None)
    _, second, (_, steep) = eager(Slope(graph), row)
    expected = [0.0] * len(row)
    if torch.is_tensor(slope) and slope.requires_grad:
        expected = of(torch.autograd.grad(slope, inputs, allow_unused=True), inputs)
    assert all(close(a, b, steep) for a, b in zip(second, expected, strict=True))
    assert all(close(a, b, steep) for a, b in zip(hvp(graph, row, along), expected, strict=True))
