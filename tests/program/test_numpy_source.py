"""to_numpy: the text, which reads like backpropagation by hand."""

import ast
import random
import re
import textwrap
from itertools import pairwise

import numpy as np
import pytest

from autograd_core import Instruction, Op, Program, Value, compile_graph, gates, to_numpy, where
from autograd_core.program.lower import lower
from autograd_core.program.trace import trace


def test_a_small_network_reads_like_backpropagation_by_hand(mlp):
    model = mlp()
    f = compile_graph(lambda x, y: (model(x) - y) ** 2)
    text = to_numpy(f.trace([0.5, -1.0], 1.0))
    body = [line.strip().partition("  #")[0] for line in text.splitlines()]
    start = body.index("x = inputs[:, 0:2]")
    assert body[start:] == [
        "x = inputs[:, 0:2]", "y = inputs[:, 2:3]",
        "W0 = parameters[0:9].reshape(3, 3)[:, 0:2]", "b0 = parameters[2:9:3]",
        "W1 = parameters[9:12].reshape(1, 3)", "b1 = parameters[12:13]", "",
        "# forward",
        "z0 = x @ W0.T + b0", "h0 = np.tanh(z0)", "z1 = h0 @ W1.T + b1", "t0 = z1 - y",
        "t1 = t0 ** 2.0", "values = t1", "",
        "# backward",
        "dz1 = 2.0 * t0", "dh0 = dz1 @ W1", "db1 = dz1.sum(axis=0)", "dW1 = dz1.T @ h0",
        "dz0 = dh0 * tanh_slope(h0, z0)", "db0 = dz0.sum(axis=0)", "dW0 = dz0.T @ x", "",
        "gradients = np.concatenate([",
        "np.concatenate([dW0, db0.reshape(-1, 1)], axis=1).ravel(),", "dW1.ravel(),", "db1,", "])",
        "return values, gradients",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", "2f", "a b", "f()", "class", "np"])
def test_names_that_are_not_valid_in_python_are_refused(lowered, name):
    with pytest.raises(ValueError, match="to_numpy: name must be one"):
        to_numpy(lowered(lambda a: a * a, 1), name)


def test_gradients_that_come_in_turn_are_columns_of_a_matrix(lowered):
    w = [Value(float(i), f"w{i}") for i in range(6)]

    def fn(x, y):  # weights and biases lie by neuron, or layer by layer
        return sum(a * x + b for a, b in zip(w[0::2], w[1::2], strict=True)) * y

    text = to_numpy(lowered(fn, 2, w))
    assert "axis=1).ravel()\n    return values, gradients\n" in text
    names = {}
    exec(text, names)
    _, gradients = names["value_and_grad"](np.array([[2.0, 3.0], [5.0, 7.0]]), np.ones(6))
    assert gradients.tolist() == [41.0, 10.0] * 3


def test_texts_for_other_modules_differ_in_the_line_that_imports(lowered):
    program = lowered(lambda a: a.tanh() * a, 1)
    texts = {m: to_numpy(program, module=m) for m in ("numpy", "jax.numpy", "dask.array")}
    for module, text in texts.items():
        _, imported, rest = re.split(r"^import (.*)$", text, flags=re.M)
        assert imported.partition("  #")[0] == f"{module} as np"
        rest = re.sub("^@.*\n", "", rest, flags=re.M)
        assert texts["dask.array"].partition("import dask.array as np")[2] == rest
    assert "jax_enable_x64" in texts["jax.numpy"] and "errstate" not in texts["jax.numpy"]


@pytest.mark.parametrize("module", ["jnp", "", "torch", None])
def test_a_module_that_is_not_known_is_refused(lowered, module):
    known = '"numpy", "jax.numpy", "dask.array"'
    with pytest.raises(ValueError, match=f"to_numpy: module must be one of {known}, got"):
        to_numpy(lowered(lambda a: a * a, 1), module=module)


# ------------------------------------------------------------------ what can be read


def dense(sizes, act=Value.tanh):
    """A loss of a dense network of one example, and its weights, layer by layer."""
    rng = random.Random(5)
    layers = [
        [[Value(rng.gauss(0.0, 0.5), f"w{k}.{i}.{j}") for j in range(m + 1)] for i in range(n)]
        for k, (m, n) in enumerate(pairwise(sizes))
    ]

    def loss(x, y):
        for layer in layers:
            x = [
                act(sum((w * a for w, a in zip(row[1:], x, strict=True)), row[0])) for row in layer
            ]
        return (x[0] - y) ** 2

    return loss, [w for layer in layers for row in layer for w in row]


def text_of(fn, *example, **options):
    return to_numpy(compile_graph(fn, **options).trace(*example))


def conditional(x, y):
    return where(x[0] > y, x[1].exp() * W, x[0] / (x[1] + 3.0)).max(0.25) + W**3


W = Value(0.75, "w")
TEXTS = {
    "one layer": lambda: text_of(dense((2, 1))[0], [0.0] * 2, 0.0),
    "relu": lambda: text_of(dense((3, 4, 1), Value.relu)[0], [0.0] * 3, 0.0),
    "sigmoid": lambda: text_of(dense((2, 2, 2, 1), Value.sigmoid)[0], [0.0] * 2, 0.0),
    "of inputs": lambda: text_of(dense((2, 3, 1))[0], [0.0] * 2, 0.0, wrt="inputs"),
    "no gradient": lambda: to_numpy(lower(trace(lambda x: [x, x.exp()], ["x"], [()]))),
    "where": lambda: text_of(conditional, [0.0] * 2, 0.0),
    "a constant": lambda: text_of(lambda x: 3.0, 0.0),
    "names that clash": lambda: to_numpy(
        lower(trace(lambda a, b, c: a * b + c, ["np", "t0", "lanes"], [(), (), ()]), [W])
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_name_is_given_before_it_is_read_and_never_twice(name):
    """Assignments to parts, as `gradients[3] = db0`, count as readings."""
    tree = ast.parse(TEXTS[name]())
    known = {"np", "len"}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        mine = known | {a.arg for a in node.args.args}
        for statement in node.body:
            names = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
            assert mine.issuperset(n.id for n in names if isinstance(n.ctx, ast.Load))
            for new in (n.id for n in names if isinstance(n.ctx, ast.Store)):
                assert new not in mine, f"{new} in {ast.unparse(statement)}"
                mine.add(new)
        known.add(node.name)


@pytest.mark.parametrize("name", TEXTS)
def test_every_line_is_of_a_length_that_can_be_read_and_one_operation(name):
    for line in TEXTS[name]().splitlines():
        assert len(line) <= 100 and ";" not in line and line == line.rstrip()


def test_arguments_have_the_names_of_the_function():
    text = text_of(dense((2, 1))[0], [0.0] * 2, 0.0)
    assert "    x = inputs[:, 0:2]\n    y = inputs[:, 2:3]\n" in text
    assert "def value_and_grad(inputs, parameters):" in text
    assert "def loss(inputs, parameters):" in to_numpy(
        compile_graph(dense((2, 1))[0]).trace([0.0] * 2, 0.0), "loss"
    )


def test_gradients_of_three_arrays_in_turn_are_columns_of_a_matrix():
    text = text_of(dense((2, 3, 1))[0], [0.0] * 2, 0.0)
    sides = "dW1.ravel().reshape(-1, 1), db0.reshape(-1, 1), dW0"
    assert f"    np.concatenate([{sides}], axis=1).ravel(),\n" in text


def test_names_that_are_taken_are_counted():
    traced = trace(lambda a, b, c, d: a.exp() * b * c * d, ["a b", "a-b", "t0", "a_b"], [()] * 4)
    text = to_numpy(lower(traced))
    names = [line.split()[0] for line in text.splitlines() if re.match("    [at].* = ", line)]
    assert names == ["a_b", "a_b_0", "t0", "a_b_1", "t0_0", "t1", "t2", "t3"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("2x", "x"), ("", "x"), ("class", "class_0"), ("a.b-c!", "a_b_c"), ("np", "np_0")],
)
def test_arguments_get_names_that_python_takes(name, wanted):
    assert f"    {wanted} = inputs[:, 0:1]\n" in to_numpy(lower(trace(Value.exp, [name], [()])))


@pytest.mark.parametrize(
    ("wrt", "wanted"),
    [("inputs", "(lanes, inputs)"), (None, "one for each parameter, summed over the lanes")],
)
def test_the_docstring_says_what_the_gradients_are(wrt, wanted):
    text = text_of(lambda x: x * W, 0.0, wrt=wrt)
    assert f"    The gradients are of the first value: {wanted}.\n" in text


def test_matrices_biases_and_their_gradients_are_named_by_layer():
    text = text_of(dense((3, 4, 2, 1))[0], [0.0] * 3, 0.0)
    for k in range(2):
        for name in (f"W{k}", f"b{k}", f"z{k}", f"h{k}", f"dW{k}", f"db{k}", f"dz{k}", f"dh{k}"):
            assert f"    {name} = " in text, name


def test_a_gate_of_a_layer_may_have_a_parameter():
    text = text_of(dense((3, 4, 1), lambda z: z.elu(0.5))[0], [0.0] * 3, 0.0)
    assert "    h0 = elu(z0)\n" in text and "    dz0 = dh0 * elu_slope(z0)\n" in text


def test_labels_are_comments():
    def fn(x):
        y = x * 2.0
        y.label = "the score"
        return y.tanh()

    assert "  # the score\n" in to_numpy(lower(trace(fn, ["x"], [()])))


@pytest.mark.parametrize(
    ("count", "note"), [(1, "a"), (2, "a, b"), (3, "a, b, c"), (4, "a, ..., d"), (5, "a, ..., e")]
)
def test_of_many_labels_the_first_and_the_last_are_shown(count, note):
    def fn(x):
        out = [v.exp() for v in x]
        for v, name in zip(out, "abcde", strict=False):
            v.label = name
        return out

    text = to_numpy(lower(trace(fn, ["x"], [(count,)])))
    assert f"    t0 = np.exp(x)  # {note}\n" in text


def test_the_slope_of_a_textbook_stands_at_the_function_of_a_slope():
    traced = trace(lambda x: x.tanh(), ["x"], [()])
    assert "def tanh_slope(y, x):\n    # in a textbook: 1 - y^2\n" in to_numpy(
        lower(traced, traced.inputs)
    )


def test_functions_have_the_names_of_gates_and_operands_and_stand_once():
    text = text_of(lambda x: x[0].max(x[1]).tanh().tanh(), [[0.0] * 2], wrt="inputs")
    heads = re.findall("^def (.*):", text, re.M)
    slopes = ["tanh_slope(y, x)", "max_slope_a(a, b)", "max_slope_b(a, b)"]
    assert heads == ["max(a, b)", *slopes, "value_and_grad(inputs, parameters)"]


def test_a_program_that_is_not_well_formed_is_refused():
    with pytest.raises(ValueError, match="line 0 of the program"):
        to_numpy(Program(["x"], [], [], [Instruction(1, Op(gates["exp"]), (1,))], [1]))


# ------------------------------------------------------------------ whole texts


P = [Value(0.5 + i, f"p{i}") for i in range(9)]


def layer(weights, x):
    """tanh of what each neuron makes of two numbers."""
    return [(a * x[0] + b * x[1]).tanh() for a, b in zip(weights[::2], weights[1::2], strict=True)]


def without_biases(x):
    return layer(P[:2], layer(P[2:6], x))[0].exp()


def tied(x):  # x W.T W
    h = [P[0] * x[0] + P[1] * x[1], P[2] * x[0] + P[3] * x[1]]
    y = [P[0] * h[0] + P[2] * h[1], P[1] * h[0] + P[3] * h[1]]
    return (y[0].exp() + y[1].exp()).sin()


def in_turn(x):  # a weight; then the weight and the bias of each neuron
    return P[0] * x[1] + (P[1] * x[0] + P[2]).tanh() + (P[3] * x[0] + P[4]).tanh()


def leaky(x):
    return x.leaky_relu(0.5)


def recurrent(x):
    y, z = layer(P[:4], layer(P[:4], x))
    return (y + z).exp()


def out_of_order(x):
    y, z = layer(P[:4], x)
    return y * z * x[0]


WHOLE = {
    "nothing to compute": (
        lambda x: x[0], "inputs", """\
lanes = len(inputs)
x = inputs[:, 0:2]
values = x[:, 0:1]

gradients = np.broadcast_to(np.array([1.0, 0.0]), (lanes, 2))
return values, gradients
""",
    ),
    "gradients that are parameters": (
        lambda x: P[0] * x[0] + P[1] * x[1], "inputs", """\
lanes = len(inputs)
x = inputs[:, 0:2]
W0 = parameters[0:2].reshape(1, 2)

# forward
z0 = x @ W0.T
values = z0

gradients = np.broadcast_to(parameters, (lanes, 2))
return values, gradients
""",
    ),
    "a gradient that is a number": (
        lambda x: x[0] * 2.0 + x[1].exp(), "inputs", """\
lanes = len(inputs)
x = inputs[:, 0:2]

# forward
t0 = np.exp(x[:, 1:2])
t1 = x[:, 0:1] * 2.0 + t0
values = t1

gradients = np.concatenate([np.broadcast_to(np.array([2.0]), (lanes, 1)), t0], axis=1)
return values, gradients
""",
    ),
    "gradients that are the same": (
        lambda x: x[0] + x[1], "inputs", """\
lanes = len(inputs)
x = inputs[:, 0:2]

# forward
t0 = x[:, 0:1] + x[:, 1:2]
values = t0

gradients = np.broadcast_to(np.full(2, 1.0), (lanes, 2))
return values, gradients
""",
    ),
    "no biases": (
        without_biases, None, """\
x = inputs[:, 0:2]
W0 = parameters[0:6].reshape(2, 3)[:, 1:3]
W1 = parameters[..., [[0, 3]]]

# forward
z0 = x @ W0.T
h0 = np.tanh(z0)
z1 = h0 @ W1.T
h1 = np.tanh(z1)
t0 = np.exp(h1)
values = t0

# backward
dz1 = t0 * tanh_slope(h1, z1)
dh0 = dz1 @ W1
dW1 = dz1.T @ h0
dz0 = dh0 * tanh_slope(h0, z0)
dW0 = dz0.T @ x

gradients = np.concatenate([dW1.ravel().reshape(-1, 1), dW0], axis=1).ravel()
return values, gradients
""",
    ),
    "with respect to inputs": (
        without_biases, "inputs", """\
x = inputs[:, 0:2]
W0 = parameters[0:6].reshape(2, 3)[:, 1:3]
W1 = parameters[..., [[0, 3]]]

# forward
z0 = x @ W0.T
h0 = np.tanh(z0)
z1 = h0 @ W1.T
h1 = np.tanh(z1)
t0 = np.exp(h1)
values = t0

# backward
t3 = t0 * tanh_slope(h1, z1)
dh0 = t3 @ W1
t4 = dh0 * tanh_slope(h0, z0)
dx = t4 @ W0

gradients = dx
return values, gradients
""",
    ),
    "a part of a gradient is not called so": (
        lambda x: (P[0] * x[0] + P[1] * x[1] + P[2]).tanh() * x[0], "inputs", """\
x = inputs[:, 0:2]
W0 = parameters[0:2].reshape(1, 2)
b0 = parameters[2:3]

# forward
z0 = x @ W0.T + b0
h0 = np.tanh(z0)
t0 = h0 * x[:, 0:1]
values = t0

# backward
t2 = x[:, 0:1] * tanh_slope(h0, z0)
t3 = t2 @ W0
t4 = t3[:, 0:1] + h0

gradients = np.concatenate([t4, t3[:, 1:2]], axis=1)
return values, gradients
""",
    ),
    "nor is a gradient in another order": (
        out_of_order, None, """\
x = inputs[:, 0:2]
W0 = parameters[0:4].reshape(2, 2)

# forward
z0 = x @ W0.T
h0 = np.tanh(z0)
t0 = h0[:, 0:1] * h0[:, 1:2]
t1 = t0 * x[:, 0:1]
values = t1

# backward
t2 = x[:, 0:1] * h0
t3 = tanh_slope(h0, z0)
t4 = t2 * t3[..., [1, 0]]
t5 = t4.T @ x

gradients = t5.ravel()[..., [2, 3, 0, 1]]
return values, gradients
""",
    ),
    "one matrix, and turned": (
        tied, "inputs", """\
x = inputs[:, 0:2]
W0 = parameters[0:4].reshape(2, 2)

# forward
z0 = x @ W0.T
t0 = z0 @ W0
t1 = np.exp(t0)
t2 = t1[:, 0:1] + t1[:, 1:2]
t3 = np.sin(t2)
values = t3

# backward
t4 = np.cos(t2)
t5 = t4 * t1
t6 = t5 @ W0.T
t7 = t6 @ W0

gradients = t7
return values, gradients
""",
    ),
    "one matrix twice": (
        recurrent, "inputs", """\
x = inputs[:, 0:2]
W0 = parameters[0:4].reshape(2, 2)

# forward
z0 = x @ W0.T
h0 = np.tanh(z0)
t0 = h0 @ W0.T
t1 = np.tanh(t0)
t2 = t1[:, 0:1] + t1[:, 1:2]
t3 = np.exp(t2)
values = t3

# backward
t6 = t3 * tanh_slope(t1, t0)
dh0 = t6 @ W0
t7 = dh0 * tanh_slope(h0, z0)
t8 = t7 @ W0

gradients = t8
return values, gradients
""",
    ),
    "a sum of many": (
        lambda x: x[0] + (2.0 + P[0] + 3.0 + P[1] + P[2]), None, """\
lanes = len(inputs)
x = inputs[:, 0:2]

# forward
t0 = 5.0 + parameters.sum(axis=-1, keepdims=True)
t1 = x[:, 0:1] + t0
values = t1

# backward
t2 = lanes * np.array([1.0]) * np.array([1.0])

gradients = t2[..., [0, 0, 0]]
return values, gradients
""",
    ),
    "a sum of pairs": (
        lambda x: x[0] * x[0] + x[1] * x[0] + x[0] * x[1] + x[1] * x[1] + 3.0 * x[1], None, """\
x = inputs[:, 0:2]

# forward
t0 = (x[..., [0, 1, 0, 1]] * x[..., [0, 0, 1, 1]]).sum(axis=-1, keepdims=True) + 3.0 * x[:, 1:2]
values = t0

# backward
t1 = 3.0 + (x[..., [1, 1, 0, 0]]).sum(axis=-1, keepdims=True)
t2 = x[:, 1:2] + x[:, 1:2] + x[:, 0:1] + x[:, 0:1]

gradients = np.concatenate([t2, t1], axis=1)
return values, gradients
""",
    ),
    "gradients in turn after another": (
        in_turn, None, """\
x = inputs[:, 0:2]
W0 = parameters[1:5].reshape(2, 2)[:, 0:1]
b0 = parameters[2:5:2]

# forward
z0 = x[:, 0:1] @ W0.T + b0
h0 = np.tanh(z0)
t0 = parameters[0:1] * x[:, 1:2] + h0[:, 0:1] + h0[:, 1:2]
values = t0

# backward
dz0 = tanh_slope(h0, z0)
t1 = (x[:, 1:2]).sum(axis=0)
db0 = dz0.sum(axis=0)
dW0 = dz0.T @ x[:, 0:1]

gradients = np.concatenate([
    t1,
    np.concatenate([dW0, db0.reshape(-1, 1)], axis=1).ravel(),
])
return values, gradients
""",
    ),
    "a number for many columns": (
        lambda x: leaky(x[0] * P[0] + P[1]) * x[0] + leaky(x[1] * P[0] + P[2]) * x[0], None, """\
x = inputs[:, 0:2]

# forward
t0 = parameters[1:3] + x * parameters[0:1]
t1 = leaky_relu(t0)
t2 = t1[:, 0:1] * x[:, 0:1] + t1[:, 1:2] * x[:, 0:1]
values = t2

# backward
t4 = x[:, 0:1] * leaky_relu_slope(t0)
t5 = t4.sum(axis=0)
t6 = (t4 * x).sum(axis=0)
t7 = t6[1:2] + t6[0:1]

gradients = np.concatenate([t7, t5])
return values, gradients
""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_the_statements_of_a_text(name):
    fn, wrt, wanted = WHOLE[name]
    text = text_of(fn, [[0.0] * 2], wrt=wrt)
    assert textwrap.dedent(text.rpartition('"""\n')[2]) == wanted


def residual(x):
    h = layer(P[:4], x)
    return (h[0] + layer(P[4:8], h)[1]).exp() * (h[1] - x[0])


def squares(x):
    return x[0].sin() ** 2 + x[1].sin() ** 2


@pytest.mark.parametrize("wrt", ["inputs", None])
@pytest.mark.parametrize("fn", [*[fn for fn, *_ in WHOLE.values()], residual, squares])
def test_what_is_called_a_gradient_is_that(fn, wrt):
    """d of a name, beside what the value gains where the array of that name is nudged."""
    text = text_of(fn, [[0.0] * 2], wrt=wrt)
    rng = np.random.default_rng(0)
    count = int(re.search(r"parameters \((\d)", text)[1])
    rows, numbers = rng.normal(size=(3, 2)), rng.normal(size=count)

    def value(to=0.0):
        names = {"to": to}
        exec(new, names)
        return names["value_and_grad"](rows, numbers)

    for name in re.findall(r"^    d(\w+) = ", text, re.M):
        new = text.replace("values, gradients\n", f"values[:, 0].sum(), d{name}\n")
        new = re.sub(f"^    {name} = .*", f"\\g<0>\n    {name} = {name} + to", new, flags=re.M)
        to = 1e-6 * rng.normal(size=value()[1].shape)
        gain = value(to)[0] - value(-to)[0]
        assert gain == pytest.approx((2.0 * to * value()[1]).sum(), rel=1e-6)
