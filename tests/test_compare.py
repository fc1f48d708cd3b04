"""The same programs in PyTorch (float64) and in micrograd: the same numbers."""

import random

import pytest

from autograd_core import Value, gates, grad
from autograd_core.value import apply

torch = pytest.importorskip("torch")
F = torch.nn.functional

# PyTorch's softplus turns linear at its threshold; where it agrees with ours, it does not.
THEIRS = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
    "power": torch.pow, "neg": torch.neg, "abs": torch.abs, "max": torch.maximum,
    "min": torch.minimum, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log,
    "log1p": torch.log1p, "sqrt": torch.sqrt, "sin": torch.sin, "cos": torch.cos,
    "tan": torch.tan, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh,
    "asin": torch.asin, "acos": torch.acos, "atan": torch.atan, "sigmoid": torch.sigmoid,
    "softplus": lambda x: F.softplus(x, threshold=700.0), "relu": torch.relu,
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope), "floor": torch.floor,
    "elu": lambda x, alpha: F.elu(x, alpha),
    "less": lambda a, b: torch.where(a < b, a * 0.0 + 1.0, b * 0.0),
    "less_equal": lambda a, b: torch.where(a <= b, a * 0.0 + 1.0, b * 0.0),
}  # fmt: skip
SMOOTH = sorted(set(THEIRS) - {"floor", "less", "less_equal"})


def tensor(x):
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def call(name, ours, theirs, constants):
    """One gate on our operands and on theirs."""
    return apply(gates[name], *ours, *constants), THEIRS[name](*theirs, *constants)


def operands(rng, gate, pool):
    """Pairs from the pool that lie well inside of the gate's domain; None if there are none."""
    chosen = []
    for interval in gate.domain[: len(gate.operands)]:
        fitting = [
            pair for pair in pool
            if interval.low + 0.05 < pair[0].data < interval.high - 0.05 and abs(pair[0].data) < 4.0
        ]  # fmt: skip
        if not fitting:
            return None
        chosen.append(rng.choice(fitting))
    return chosen


def random_expression(seed, names, size):
    """The same random expression for both, with forks: leaves, root and the gates used."""
    rng = random.Random(seed)
    leaves = [(Value(x), tensor(x)) for x in (rng.uniform(-2.0, 2.0) for _ in range(5))]
    pool, used = list(leaves), set()
    while len(pool) < size:
        gate = gates[rng.choice(names)]
        pairs = operands(rng, gate, pool)
        if pairs is None:
            continue
        constants = [interval.sample(rng) for interval in gate.domain[len(gate.operands) :]]
        pool.append(call(gate.name, *zip(*pairs, strict=True), constants))
        used.add(gate.name)
    ours, theirs = pool[5]
    for a, b in pool[6:]:
        ours, theirs = ours + a, theirs + b
    return leaves, ours, theirs, used


def agree(ours, theirs, tolerance):
    """Equal to `tolerance`, relative to the largest number: sums may cancel in one of them."""
    scale = max(map(abs, theirs))
    return all(
        abs(a - b) <= tolerance * max(abs(b), scale) for a, b in zip(ours, theirs, strict=True)
    )


def of(found, tensors):
    return [0.0 if g is None else g.item() for g, _ in zip(found, tensors, strict=True)]


@pytest.mark.parametrize("seed", range(200))
def test_gradients_of_random_expressions_equal_pytorchs(seed):
    leaves, ours, theirs, _ = random_expression(seed, sorted(THEIRS), 30)
    ours.backward()
    theirs.backward()
    assert ours.data == pytest.approx(theirs.item(), rel=1e-13)
    expected = of([t.grad for _, t in leaves], leaves)
    assert any(expected)
    assert agree([v.grad for v, _ in leaves], expected, 1e-12)


def test_the_random_expressions_use_every_gate_that_pytorch_has():
    used = set().union(*(random_expression(seed, sorted(THEIRS), 30)[3] for seed in range(200)))
    assert used == set(THEIRS) and set(THEIRS) <= set(gates)  # a new gate is held by mpmath alone


@pytest.mark.parametrize("seed", range(60))
def test_second_derivatives_of_random_expressions_equal_pytorchs(seed):
    leaves, ours, theirs, _ = random_expression(seed, SMOOTH, 15)
    inputs, tensors = [list(side) for side in zip(*leaves, strict=True)]
    first = grad(ours, inputs)
    expected = torch.autograd.grad(theirs, tensors, create_graph=True, allow_unused=True)
    assert agree([g.data for g in first], of(expected, tensors), 1e-12)
    total = sum(e * e for e in expected if e is not None)
    second = grad(sum(g * g for g in first), inputs)
    wanted = of(torch.autograd.grad(total, tensors, allow_unused=True), tensors)
    assert agree([g.data for g in second], wanted, 1e-11)


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_each_gate_alone_equals_pytorchs(name):
    gate, rng = gates[name], random.Random(name)
    count = len(gate.operands)
    for _ in range(100):
        point = [interval.sample(rng) for interval in gate.domain]
        ours, theirs = [Value(x) for x in point[:count]], [tensor(x) for x in point[:count]]
        v, t = call(name, ours, theirs, point[count:])
        assert v.data == pytest.approx(t.item(), rel=1e-13, abs=1e-300)
        v.backward()
        if t.requires_grad:
            t.backward()
        for x, y in zip(ours, theirs, strict=True):
            slope = 0.0 if y.grad is None else y.grad.item()
            assert x.grad == pytest.approx(slope, rel=1e-12, abs=1e-15), point


@pytest.mark.parametrize(
    "name, point, constants",
    [
        ("relu", (0.0,), ()), ("abs", (0.0,), ()), ("leaky_relu", (0.0,), (0.2,)),
        ("max", (2.0, 2.0), ()), ("min", (2.0, 2.0), ()), ("sqrt", (0.0,), ()),
        ("asin", (1.0,), ()), ("acos", (-1.0,), ()), ("elu", (0.0,), (1.0,)),
        ("power", (0.0,), (0.0,)), ("power", (0.0,), (2.0,)), ("power", (-2.0,), (3.0,)),
    ],
)  # fmt: skip
def test_the_conventions_at_corners_are_pytorchs(name, point, constants):
    ours, theirs = [Value(x) for x in point], [tensor(x) for x in point]
    v, t = call(name, ours, theirs, constants)
    v.backward()
    t.backward()
    assert [x.grad for x in ours] == [y.grad.item() for y in theirs]


@pytest.mark.parametrize("seed", range(10))
def test_a_tiny_network_trained_for_30_steps_ends_at_the_same_weights(seed):
    rng = random.Random(seed)
    start = [rng.gauss(0.0, 0.7) for _ in range(9)]
    data = [(rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)) for _ in range(4)]

    def loss(w, tanh):
        total = 0.0
        for x, y in data:
            hidden = [tanh(w[3 * i] * x + w[3 * i + 1]) * w[3 * i + 2] for i in range(3)]
            total = total + (sum(hidden) - y) ** 2
        return total

    ours, theirs = [Value(w) for w in start], [tensor(w) for w in start]
    for _ in range(30):
        for w in ours:
            w.grad = 0.0
        loss(ours, Value.tanh).backward()
        for w in ours:
            w.data -= 0.05 * w.grad
        gradient = torch.autograd.grad(loss(theirs, torch.tanh), theirs)
        theirs = [
            (w - 0.05 * g).detach().requires_grad_() for w, g in zip(theirs, gradient, strict=True)
        ]
    assert [w.data for w in ours] == pytest.approx([w.item() for w in theirs], rel=1e-11)


def micrograd_program(Value):
    """A micrograd notebook's doings, with either class: numbers, and the walk of a drawing."""
    a, b, c = Value(-4.0), Value(2.0), Value(0.5)
    d = (a * b + c) ** 2 - 3 * a / b
    e = (d * c).relu() + (-b).relu() + 1
    f = e / 7 + 10 / (b + d) - c
    f += a + 0.5
    f.backward()
    nodes, edges, todo = {f}, 0, [f]
    while todo:
        v = todo.pop()
        edges += len(v._prev)
        new = [child for child in v._prev if child not in nodes]
        nodes.update(new)
        todo += new
    return [v.data for v in (d, e, f)], [v.grad for v in (a, b, c, d, e, f)], edges > 20


def test_a_micrograd_program_runs_with_only_its_import_swapped():
    engine = pytest.importorskip("micrograd.engine")
    data, gradients, walked = micrograd_program(Value)
    expected, expected_gradients, _ = micrograd_program(engine.Value)
    assert data == pytest.approx(expected, rel=1e-14)
    assert gradients == pytest.approx(expected_gradients, rel=1e-14)
    assert walked
