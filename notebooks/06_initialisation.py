# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How a network should start
#
# **Why does a deep network sometimes learn nothing at all, or output `nan`, before training has
# even begun? And why may its weights not all start at zero?**
#
# A network is judged by its numbers after training, but it lives or dies by the numbers it starts
# with. This lesson covers S4, S10, S13 and S14 of the course's list of systems.
#
# You will be able to
#
# - predict whether 50 layers make values and gradients vanish, stay or explode;
# - choose between He, Xavier and $4/(D+D')$, and say where each comes from;
# - show why equal weights learn equal features, why sigmoids starve what is below them, where a
#   ReLU has its elbow and when it is dead;
# - write LSUV, orthogonal weights, batch and activation normalisation and a Fixup-like start in a
#   few lines, and measure what each does.

# %%
import math
import sys
from random import Random

from lesson import answer, check

from autograd_core import Value, first_nan, grad, no_grad
from nn import MLP, BatchNorm1d, HingeLoss, Linear, Module, ReLU, Sequential, init
from nn.data import circles, gaussian_points
from nn.diagnose import activation_statistics, dead_relus, elbows, gradient_statistics
from nn.optim import SGD
from viz import draw, explain, plots, step

# %% [markdown]
# ## 1. The same factor, again and again
#
# Take the thinnest deep network there is: one unit per layer, the same weight $w$ everywhere. (Its
# numbers are positive: a ReLU would change nothing, so we leave it out.) Each layer multiplies by
# $w$ on the way up, and the gradient is multiplied by $w$ on the way down.

# %%
x, w = Value(1.0), Value(0.5)
h1 = w * x
h2 = w * h1
h3 = w * h2
h3.backward()
check("h3", h3, 0.5**3)
check("dh3/dx", x.grad, 0.5**3)
check("dh3/dw", w.grad, 3 * 0.5**2)
draw(h3, names=locals())

# %% [markdown]
# Step it, then set $w$ to 1.5 and to 1, and watch the gradient that reaches $x$.

# %%
step(h3, names=locals())

# %% [markdown]
# Three layers are harmless. Fifty are not: a weight of a half leaves less than $10^{-15}$ of the
# signal, one of three halves makes it more than $10^8$ times larger. Only a factor of 1 carries it
# through.


# %%
def through(weight, depth=50):
    """(value on top, gradient at the bottom) of that many thin layers."""
    bottom = top = Value(1.0)
    for _ in range(depth):
        top = (weight * top).relu()
    top.backward()
    return top.data, bottom.grad


for weight in (0.5, 1.0, 1.5):
    check(f"w = {weight}: value and gradient", through(weight), [weight**50] * 2)
check("a half is lost", through(0.5)[1] < 1e-15, True)
check("three halves explode", through(1.5)[1] > 1e8, True)

# %% [markdown]
# ## 2. The factor of a real layer (S4)
#
# A real layer has many weights, drawn at random around 0. What stays the same from unit to unit is
# their *variance* $\sigma^2$, so we follow the variance of the numbers instead of the numbers.
#
# Let the pre-activations $f$ of a layer have variance $v$ around 0. ReLU throws the lower half
# away, and what is left has a mean square of $v/2$:

# %%
rng = Random(3)
f = [Value(rng.gauss(0.0, 1.0)) for _ in range(20_000)]


def mean_square(values):
    return sum(v.data**2 for v in values) / len(values)


check("mean square before ReLU", mean_square(f), 1.0, within=0.02)
check("mean square after ReLU", mean_square([v.relu() for v in f]), 0.5, within=0.02)

# %% [markdown]
# The next pre-activation adds up $D$ products of such a number and an independent weight, so
#
# $$ v' = D \, \sigma^2 \, \frac{v}{2} \qquad\text{hence a factor of}\qquad \frac{D\sigma^2}{2}
# \quad\text{per layer (Understanding Deep Learning, 7.5).} $$
#
# Backward it is the same story upside down. A unit's gradient is a sum over the $D'$ units above
# it, and ReLU passes half of them: the factor is $D'\sigma^2/2$. Both are 1 for
#
# $$ \sigma^2 = \frac{2}{D} \qquad\text{(He initialisation, which PyTorch calls “kaiming”).} $$
#
# Biases start at 0: they would only add variance. Let us see 50 layers of 40 units, started in five
# ways. (`activation_statistics` runs forward, `gradient_statistics` forward and backward.)

# %%
D, DEPTH = 40, 50
starts = {"too small, 0.1/D": 0.1, "Xavier, 1/D": 1.0, "He, 2/D": 2.0, "too large, 10/D": 10.0,
          "extreme, 100/D": 100.0}  # fmt: skip


def normal(k):
    """Weights of variance k / fan in."""
    return lambda rng, fan_in: rng.gauss(0.0, math.sqrt(k / fan_in))


example = gaussian_points(1, [0.0] * D, rng=7)
forward, backward = {}, {}
for name, k in starts.items():
    model = MLP(D, [D] * DEPTH + [1], rng=1, init=normal(k))
    forward[name] = [s.variance for s in activation_statistics(model, example)][:DEPTH]
    found = gradient_statistics(model, example, lambda outputs: outputs[0])
    backward[name] = [s.variance for s in found][:DEPTH]

# %%
plots.variance_by_depth(forward, backward, title="50 layers of 40 ReLUs")

# %% [markdown]
# Read the left picture from left to right, as the values go, and the right one from right to left,
# as the gradients go. Small weights vanish, large ones explode, those of He initialisation stay.
#
# All five used the same random draws, only scaled, and ReLU hands a scale straight on. So the
# factor shows exactly: divide by the line for He, and each layer multiplies by $k/2$.

# %%
he_up, he_down = forward["He, 2/D"], backward["He, 2/D"]
for name, k in starts.items():
    up = [v / he for v, he in zip(forward[name], he_up, strict=True)]
    down = [v / he for v, he in zip(backward[name], he_down, strict=True)]
    check(f"{name}: factor up", (up[-1] / up[0]) ** (1 / 49), k / 2, within=1e-9)
    check(f"{name}: factor down", (down[0] / down[-1]) ** (1 / 49), k / 2, within=1e-9)

# %% [markdown]
# The line for He itself wanders, since 40 units are only a sample: a factor of 1 is what you get on
# average, not in each layer. Over 49 layers its factor is within a tenth of 1. Wider layers wander
# less.

# %%
check("He, factor up", (he_up[-1] / he_up[0]) ** (1 / 49), 1.0, within=0.1)
check("He, factor down", (he_down[0] / he_down[-1]) ** (1 / 49), 1.0, within=0.1)
check("0.1/D on top", forward["too small, 0.1/D"][-1] < 1e-60, True)
check("100/D on top", forward["extreme, 100/D"][-1] > 1e80, True)

# %% [markdown]
# ## 3. Unequal widths: 4/(D + D') (S4)
#
# From $D$ units to $D'$, forward asks for $2/D$ and backward for $2/D'$. One number cannot be both,
# and the usual compromise uses the mean width: $\sigma^2 = 4/(D+D')$ (Understanding Deep Learning,
# 7.5). Here is a layer from 40 to 160 units; its factors are measured in both directions.


# %%
def factors(mode, fan_in=40, fan_out=160, examples=10):
    rng = Random(0)
    layer = Linear(fan_in, fan_out, bias=False)
    init.kaiming_normal_(layer.weight, mode=mode, rng=rng)
    f = [[Value(rng.gauss(0.0, 1.0)) for _ in range(fan_in)] for _ in range(examples)]
    above = layer([[v.relu() for v in row] for row in f])
    sum(rng.gauss(0.0, 1.0) * v for row in above for v in row).backward()
    up = mean_square([v for row in above for v in row])
    down = sum(v.grad**2 for row in f for v in row) / (fan_in * examples)
    return up, down


for mode, variance in (("fan_in", 2 / 40), ("fan_out", 2 / 160), ("average", 4 / (40 + 160))):
    expected = [40 * variance / 2, 160 * variance / 2]
    check(f"{mode:8} forward, backward", factors(mode), expected, within=0.15)

# %% [markdown]
# `fan_in` keeps the values (a factor near 1 forward) and lets gradients grow by 4, `fan_out` keeps
# the gradients and shrinks the values to a quarter, and the compromise misses both by a little:
# 0.4 and 1.6. (Measured on one draw, so within 15 %.)
#
# **Xavier** (Glorot) initialisation is the same argument without ReLU's half, for layers that are
# linear near 0, such as tanh: $1/n_\text{in}$ keeps the values, $1/n_\text{out}$ the gradients, and
# `xavier_normal_` takes $2/(n_\text{in}+n_\text{out})$. Under ReLU, Xavier weights halve the
# variance in each layer.

# %%
weight = Linear(40, 160).weight
init.xavier_normal_(weight, rng=0)
numbers = [w for row in weight for w in row]
check("Xavier, variance x (in + out)", mean_square(numbers) * 200, 2.0, within=0.05)
init.kaiming_normal_(weight, nonlinearity="linear", rng=0)
check("Xavier forward, variance x in", mean_square(numbers) * 40, 1.0, within=0.05)
init.kaiming_normal_(weight, mode="fan_out", nonlinearity="linear", rng=0)
check("Xavier backward, variance x out", mean_square(numbers) * 160, 1.0, within=0.05)

# %% [markdown]
# ## 4. Beyond extreme: where `nan` comes from (S4)
#
# A float ends at about $1.8 \cdot 10^{308}$. If the weights are large enough, the values run past
# it to infinity. Infinity minus infinity is `nan`, and from there on everything is. `first_nan`
# walks to the gate where it began.

# %%
model = MLP(8, [8] * 50 + [1], rng=2, init=normal(1e15))
out = model([1.0] * 8)
culprit = first_nan(out)
check("the largest float", sys.float_info.max, 1.8e308, within=0.01)
check("the output is nan", math.isnan(out.data), True)
check("it began in a gate", culprit.op, "+")
check("of two infinities", [abs(v.data) for v in culprit.inputs], [math.inf] * 2)
check("of opposite sign", sum(v.data > 0 for v in culprit.inputs), 1)

# %% [markdown]
# ## 5. Zero and constant: the symmetry (S4)
#
# *Why not start at zero, then?* Because a product's gradient is the other factor. With all weights
# 0 every hidden unit outputs 0, and of all parameters only the last bias gets a gradient.

# %%
zeros = MLP(2, [3, 1], init="zeros")
loss = (zeros([1.0, 2.0]) - 1.0) ** 2
loss.backward()
moving = [p.label for p in zeros.parameters() if p.grad != 0.0]
check("parameters with a gradient", moving, ["layer1.neuron0.b"])

# %% [markdown]
# *A constant, then?* Now there are gradients. But look at two hidden units $h$ and $g$ that start
# with the same weights: the same inputs, the same values, so the same gradients.

# %%
x = Value(2.0)
w, u, a, b = (Value(0.5) for _ in range(4))
h = (w * x).relu()
g = (u * x).relu()
y = a * h + b * g
y.backward()
check("dy/dw, dy/du", [w.grad, u.grad], [1.0, 1.0])
check("dy/da, dy/db", [a.grad, b.grad], [1.0, 1.0])
draw(y, names=locals())

# %% [markdown]
# The same step from the same place leads to the same place. Twins stay twins, however long you
# train: a layer of 8 is worth a single unit. Random weights are there to make the units different.


# %%
def train(model, points, labels, steps=40, lr=0.1):
    """The loss of each step of gradient descent, on the whole data set."""
    optimizer = SGD(model.parameters(), lr=lr)
    signs = [[2 * label - 1] for label in labels]
    losses = []
    for _ in range(steps):
        scores = [s if isinstance(s, list) else [s] for s in model(points)]
        loss = HingeLoss()(scores, signs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return losses


def features(model):
    """How many different units the first layer has."""
    return len({tuple(p.data for p in unit.parameters()) for unit in model.layers[0].neurons})


points, labels = circles(40, noise=0.05, rng=1)
constant, varied = MLP(2, [8, 1], init=0.5), MLP(2, [8, 1], rng=4)
constant_losses = train(constant, points, labels, steps=100, lr=0.3)
varied_losses = train(varied, points, labels, steps=100, lr=0.3)
check("constant start: different units", features(constant), 1)
check("He initialisation: different units", features(varied), 8)


# %%
def accuracy(model):
    with no_grad():
        pairs = zip(model(points), labels, strict=True)
        return sum((score.data > 0) == (label == 1) for score, label in pairs) / len(points)


print(f"constant start: {accuracy(constant):.0%} right")
check("constant start: below three quarters", accuracy(constant) < 0.75, True)
check("He initialisation: right", accuracy(varied), 1.0)
plots.training_curves({"constant 0.5": constant_losses, "He": varied_losses}, xlabel="step")

# %% [markdown]
# Eight twins can bend their answer along one line only; eight different units can close a ring.


# %%
def boundary(model, title):
    def score(grid):
        with no_grad():
            return [s.data for s in model(grid)]

    return plots.decision_boundary(score, points, labels, resolution=40, title=title)


boundary(constant, "started constant: eight times the same unit")

# %%
boundary(varied, "He initialisation: eight units")

# %% [markdown]
# ## 6. The sigmoid's small slope (S10)
#
# A good variance does not help if the activation itself swallows the gradient. Ask the engine for
# the sigmoid's slope along a line, and for those of its relatives.


# %%
def slope(gate, at):
    x = Value(at)
    return grad(gate(x), [x])[0].data


line = [k / 10 for k in range(-80, 81)]
plots.curves(
    {
        "sigmoid": [(x, slope(Value.sigmoid, x)) for x in line],
        "tanh": [(x, slope(Value.tanh, x)) for x in line],
        "ReLU": [(x, slope(Value.relu, x)) for x in line],
    },
    xlabel="f",
    ylabel="slope",
    title="what each activation lets through",
)

# %% [markdown]
# The sigmoid's slope is $1/4$ at 0, less everywhere else, and goes to 0 in both tails.

# %%
check("slope at 0", slope(Value.sigmoid, 0.0), 0.25)
check("largest on the line", max(slope(Value.sigmoid, x) for x in line), 0.25)
check("at -10 and 10", [slope(Value.sigmoid, x) for x in (-10.0, 10.0)], [4.54e-5] * 2, within=1e-7)
check("at 40: tiny, and not 0", 0.0 < slope(Value.sigmoid, 40.0) < 1e-17, True)

# %% [markdown]
# Stack three, and the slopes multiply: at most $1/4$ each, so at most $1/64$ together.

# %%
x = Value(0.0)
s1 = x.sigmoid()
s2 = s1.sigmoid()
s3 = s2.sigmoid()
s3.backward()
slopes = [slope(Value.sigmoid, v.data) for v in (x, s1, s2)]
check("ds3/dx is the product of the slopes", x.grad, math.prod(slopes))
check("below 1/64", x.grad < 1 / 64, True)
check("the first slope at x = 6", slope(Value.sigmoid, 6.0), 0.0025, within=1e-4)
draw(s3, names=locals())

# %% [markdown]
# Step it, and put $x$ to 6: the first gate is *saturated*, its slope 0.0025, and hardly
# anything comes through.

# %%
step(s3, names=locals())

# %% [markdown]
# The chain rule of $x$, with its numbers:

# %%
explain(s3, x, names=locals())

# %% [markdown]
# Now a deep stack of layers: 30 of 20 units, with Xavier weights for sigmoid and tanh and He
# weights for ReLU.

# %%
kinds = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he"}
example = gaussian_points(1, [0.0] * 20, rng=7)
up, down = {}, {}
for activation, start in kinds.items():
    model = MLP(20, [20] * 30 + [1], activation=activation, init=start, rng=0)
    up[activation] = [s.variance for s in activation_statistics(model, example)][:-1]
    found = gradient_statistics(model, example, lambda outputs: outputs[0])
    down[activation] = [s.variance for s in found][:-1]
plots.variance_by_depth(up, down, title="30 layers of 20 units")

# %% [markdown]
# The sigmoids' values look healthy, yet their gradients die. With Xavier weights only the slope is
# left, and a slope of at most $1/4$ divides the variance by at least $4^2 = 16$ in each layer. Over
# the same depth tanh and ReLU keep more than 0.7 of it per layer. This is why hidden layers are
# seldom made of sigmoids now.

# %%
rate = {name: (v[0] / v[-1]) ** (1 / 29) for name, v in down.items()}
print(", ".join(f"{name} {factor:.3f}" for name, factor in rate.items()))
check("sigmoid: factor per layer, below 1/16", rate["sigmoid"] < 1 / 16, True)
check("sigmoid: lost over 29 layers", down["sigmoid"][0] / down["sigmoid"][-1] < 1e-34, True)
check("tanh and ReLU: factor above", min(rate["tanh"], rate["relu"]) > 0.7, True)
check("values of the sigmoids", up["sigmoid"][-1] > 1e-3, True)

# %% [markdown]
# ## 7. Elbows (S13)
#
# A ReLU of one input bends where $wx + b = 0$, at $x = -b/w$: its *elbow* (Berkeley EECS 182/189
# notes). A network bends its answer only at elbows, so it matters where they start. With biases of
# 0, as in He initialisation, all of them lie on one spot. Random biases spread them.

# %%
rng = Random(5)
layers = {name: Linear(1, 60, rng=rng) for name in ("b = 0", "b ~ N(0, 0.1²)", "b ~ U(-3, 3)")}
for layer in layers.values():
    init.kaiming_normal_(layer.weight, rng=rng)
init.zeros_(layers["b = 0"].bias)
init.normal_(layers["b ~ N(0, 0.1²)"].bias, std=0.1, rng=rng)
init.uniform_(layers["b ~ U(-3, 3)"].bias, -3.0, 3.0, rng=rng)
layers["PyTorch's: w, b ~ U(-1, 1)"] = Linear(1, 60, rng=rng)
places = {name: elbows(layer) for name, layer in layers.items()}
check("with b = 0, farthest elbow", max(abs(e) for e in places["b = 0"]), 0.0)
plots.elbows(places, title="elbows of 60 ReLUs")

# %% [markdown]
# The numbers on the right count the elbows between -3 and 3. Where $w$ and $b$ are spread alike, as
# in PyTorch's default for one input, half of the elbows lie between -1 and 1: one of the two is
# larger in size, and it is $w$ as often as $b$.

# %%
many = elbows(Linear(1, 4000, rng=0))
check("share between -1 and 1", sum(-1 < e < 1 for e in many) / 4000, 0.5, within=0.02)

# %% [markdown]
# With more inputs than one, biases of 0 do less harm: the elbow is then a line or plane through the
# origin, and planes at many angles still make the units different. An elbow far outside the data is
# another matter. On one side of it the unit is always on and merely linear; on the other it is
# dead.
#
# ## 8. Dead ReLUs (S13)
#
# A ReLU whose input is below 0 on every example outputs 0, and its slope is 0: neither its weight
# nor its bias is ever told to change.

# %%
x, w, b = Value(0.5), Value(1.0), Value(-2.0)
h = (w * x + b).relu()
h.backward()
check("gradients of w, b, x", [w.grad, b.grad, x.grad], [0.0, 0.0, 0.0])
draw(h, names=locals())

# %% [markdown]
# The remedies keep a slope on the lower side: *leaky ReLU* a small constant one, *ELU* one that
# fades out as $e^f$.

# %%
x, w, b = Value(0.5), Value(1.0), Value(-2.0)
h = (w * x + b).leaky_relu(0.1)
h.backward()
check("gradients of w, b, x", [w.grad, b.grad, x.grad], [0.05, 0.1, 0.1])
draw(h, names=locals())

# %% [markdown]
# Step it, and raise $b$ until the unit switches on.

# %%
step(h, names=locals())

# %% [markdown]
# The slopes of all three, from the engine:

# %%
plots.curves(
    {
        "ReLU": [(x, slope(Value.relu, x)) for x in line if abs(x) < 4],
        "leaky ReLU, 0.1": [(x, slope(lambda v: v.leaky_relu(0.1), x)) for x in line if abs(x) < 4],
        "ELU": [(x, slope(Value.elu, x)) for x in line if abs(x) < 4],
    },
    xlabel="f",
    ylabel="slope",
)

# %% [markdown]
# How do units die? From a bias far below 0, or from one training step that was too long.
# `dead_relus` counts them. First the biases: 50 units on the same 40 points.

# %%
counts = []
for bias in (0.0, -0.5, -1.0, -2.0, -4.0):
    layer = Sequential(Linear(2, 50), ReLU())
    init.kaiming_normal_(layer[0].weight, rng=0)
    init.constant_(layer[0].bias, bias)
    (relus,) = dead_relus(layer, points)
    counts.append(len(relus.dead))
    print(f"bias {bias:4}: {len(relus.dead)} of {relus.units} dead")
check("dead units", counts, [0, 4, 14, 41, 50])

# %% [markdown]
# Now the steps. The same network, trained once with a step of 1 and once with a step of 10:

# %%
trained = {}
for lr in (1.0, 10.0):
    model = trained[lr] = MLP(2, [16, 1], rng=0)
    train(model, points, labels, steps=10, lr=lr)
    (relus,) = dead_relus(model, points)
    print(f"step {lr}: {len(relus.dead)} of {relus.units} dead")
    check("dead units", len(relus.dead), 16 if lr == 10.0 else 0)

# %% [markdown]
# Dead means dead for good: go on with a small step, and no hidden parameter ever moves again.

# %%
model = trained[10.0]
hidden = [p.data for p in model.layers[0].parameters()]
train(model, points, labels, steps=5, lr=0.1)
check("all are where they were", [p.data for p in model.layers[0].parameters()] == hidden, True)

# %% [markdown]
# The remedies bring such a unit back. One unit, with bias -2, is to learn the line $(x+1)/2$
# between -1 and 1. There its $f$ starts below 0 throughout.


# %%
def revive(activation, steps=60):
    unit = MLP(1, [1, 1], activation=activation, init=1.0).layers[0]
    unit.neurons[0].b.data = -2.0
    xs = [k / 10 for k in range(-10, 11)]
    optimizer, losses = SGD(unit.parameters(), lr=0.3), []
    for _ in range(steps):
        loss = sum((unit([x]) - (x + 1) / 2) ** 2 for x in xs) / len(xs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return losses


curves = {
    "ReLU": revive("relu"),
    "leaky ReLU, 0.1": revive(lambda f: f.leaky_relu(0.1)),
    "ELU": revive("elu"),
}
check("ReLU has learnt nothing", curves["ReLU"][-1], curves["ReLU"][0])
check("leaky ReLU", curves["leaky ReLU, 0.1"][-1] < 0.1, True)
check("ELU", curves["ELU"][-1] < 1e-6, True)
plots.training_curves(curves, log=True, xlabel="step")

# %% [markdown]
# ## 9. Measure, then set: LSUV (S14)
#
# The He formula is right on average. You can also look at the data. *Layer-sequential unit
# variance* (Mishkin and Matas, 2016) starts with orthogonal weights and then, layer after layer,
# divides them by the spread it measures on one batch. Our biases are 0, so one division makes it
# exact; the paper repeats until it is near enough.

# %%
WIDTH, LAYERS = 16, 12
batch = gaussian_points(16, [0.0] * WIDTH, rng=9)


def deep(std, norm=False):
    rng, modules = Random(0), []
    for _ in range(LAYERS):
        linear = Linear(WIDTH, WIDTH)
        init.normal_(linear.weight, std=std, rng=rng)
        init.zeros_(linear.bias)
        modules += [linear, BatchNorm1d(WIDTH), ReLU()] if norm else [linear, ReLU()]
    return Sequential(*modules)


def variance(rows):
    numbers = [v.data for row in rows for v in row]
    mean = sum(numbers) / len(numbers)
    return sum((x - mean) ** 2 for x in numbers) / len(numbers)


# %%
def lsuv(model, rows, rng):
    with no_grad():
        for layer in model:
            if isinstance(layer, Linear):
                init.orthogonal_(layer.weight, rng=rng)
                scale = 1.0 / math.sqrt(variance(layer(rows)))
                for w in (w for row in layer.weight for w in row):
                    w.data *= scale
            rows = layer(rows)


careless, careful = deep(std=0.1), deep(std=0.1)
lsuv(careful, batch, Random(1))
found = [s.variance for s in activation_statistics(careful, batch)][::2]
check("LSUV: variance of each layer", found, [1.0] * LAYERS)

# %% [markdown]
# **Orthogonal weights** (Saxe, McClelland and Ganguli, 2014) are what LSUV starts from: rows of
# length 1 at right angles. They turn a vector and keep its length, exactly and at any depth, where
# random weights keep it only on average. (ReLU breaks this, hence LSUV's second half.)

# %%
rng = Random(2)
weight = init.orthogonal_(Linear(WIDTH, WIDTH).weight, rng=rng)
worst = 0.0
for i, row in enumerate(weight):
    for j, other in enumerate(weight):
        product = sum(a.data * b.data for a, b in zip(row, other, strict=True))
        worst = max(worst, abs(product - (i == j)))
check("W Wᵀ - I, largest entry", worst, 0.0)

# %%
lengths = {"orthogonal": [1.0], "normal, 1/D": [1.0]}
for name, numbers in lengths.items():
    v = [Value(0.25)] * WIDTH
    with no_grad():
        for _ in range(50):
            linear = Linear(WIDTH, WIDTH, bias=False)
            fill = init.orthogonal_ if name == "orthogonal" else init.xavier_normal_
            fill(linear.weight, rng=rng)
            v = linear(v)
            numbers.append(math.hypot(*[x.data for x in v]))
check("length after 50 layers", lengths["orthogonal"][-1], 1.0)
check("length at random", abs(lengths["normal, 1/D"][-1] - 1.0) > 0.3, True)
plots.training_curves(lengths, log=True, xlabel="layer", ylabel="length of the vector")

# %% [markdown]
# ## 10. Normalise as you go: batch norm, activation norm (S14)
#
# *Batch normalisation* (Ioffe and Szegedy, 2015) puts the measuring into the network: each unit's
# numbers are shifted to mean 0 and scaled to variance 1 over the batch, at every step, and the
# gradient flows through mean and variance too. The start then hardly matters: weights ten times
# larger give the same outputs, to within a hundredth.

# %%
inputs = [[Value(z)] for z in (1.0, 2.0, 6.0)]
norm = BatchNorm1d(1)
outputs = [row[0] for row in norm(inputs)]
mean, spread = 3.0, math.sqrt(14 / 3 + 1e-5)
check("normalised", outputs, [(z - mean) / spread for z in (1.0, 2.0, 6.0)])
outputs[2].backward()
gradients = [row[0].grad for row in inputs]
check("gradients of the last output", gradients, [0.0441, -0.0551, 0.0110], within=1e-4)
check("their sum", sum(gradients), 0.0)

# %% [markdown]
# Shifting the whole batch changes nothing, so the gradients over a batch sum to 0, and every
# example influences every other. Now the depth: Linear, batch norm and ReLU, twelve times, with the
# careless weights from before.


# %%
readout = gaussian_points(1, [0.0] * WIDTH, rng=4)[0]


def read(outputs):
    """One number from a batch of outputs, to differentiate."""
    return sum(c * v for row in outputs for c, v in zip(readout, row, strict=True))


nets = {
    "std 0.1": (careless, 2, 0),
    "LSUV": (careful, 2, 0),
    "batch norm": (deep(std=0.1, norm=True), 3, 1),
}
up, down = {}, {}
for name, (model, period, at) in nets.items():
    found = activation_statistics(model, batch)
    up[name] = [s.variance for s in found][at::period]
    found = gradient_statistics(model, batch, read)
    down[name] = [s.variance for s in found][at::period]
plots.variance_by_depth(up, down, title="12 layers of 16 units, before each ReLU")

# %%
check("std 0.1, last layer", up["std 0.1"][-1] < 1e-12, True)
check("batch norm, each layer", up["batch norm"], [1.0] * LAYERS, within=0.01)
big = deep(std=1.0, norm=True)
found = [s.variance for s in activation_statistics(big, batch)][1::3]
check("std 1, batch norm, each layer", found, [1.0] * LAYERS, within=0.01)

# %%
with no_grad():
    small_out, big_out = nets["batch norm"][0](batch), big(batch)
gaps = [
    a.data - b.data
    for p, q in zip(small_out, big_out, strict=True)
    for a, b in zip(p, q, strict=True)
]
check("weights ten times larger: an output's largest change", max(map(abs, gaps)), 0.0, within=0.01)
growth = down["batch norm"][0] / down["batch norm"][-1]
check("batch norm: gradients grow downward, below 100 times", 2 < growth < 100, True)

# %% [markdown]
# Values stay level, whatever the weights. Gradients are not quite: in a plain deep stack batch norm
# makes them grow towards the bottom, gently here.
#
# *Activation normalisation* is the name of the family. Its members differ in what they average
# over: batch norm over the examples of a unit, layer norm over the units of an example. A third,
# called actnorm (Kingma and Dhariwal, 2018), uses a batch once, at the start: each unit gets a
# shift and a scale that make this batch's mean 0 and variance 1, and from then on these are
# ordinary parameters. For a `Linear` that is LSUV unit by unit, with the bias as the shift:

# %%
linear = Linear(WIDTH, WIDTH, rng=3)
with no_grad():
    columns = list(zip(*linear(batch), strict=True))
    for row, bias, column in zip(linear.weight, linear.bias, columns, strict=True):
        mean = sum(v.data for v in column) / len(column)
        spread = math.sqrt(variance([column]))
        bias.data = (bias.data - mean) / spread
        for w in row:
            w.data /= spread
    columns = list(zip(*linear(batch), strict=True))
check("mean of each unit", [sum(v.data for v in c) / len(c) for c in columns], [0.0] * WIDTH)
check("variance of each unit", [variance([c]) for c in columns], [1.0] * WIDTH)

# %% [markdown]
# ## 11. Start a residual network as nothing: Fixup (S14)
#
# A residual layer outputs $x + \text{branch}(x)$. With a branch that keeps the variance, the sum
# doubles it, layer after layer. *Fixup* (Zhang, Dauphin and Ma, 2019) cures this through the start
# alone: the last layer of each branch begins at 0, and the others are made smaller by
# $L^{-1/(2m-2)}$, for $L$ branches of $m$ layers. (The whole recipe also puts 0 into the classifier
# and gives each branch a few scalar biases and a multiplier. We run the core of it.)


# %%
class Residual(Module):
    """x + last(relu(first(x))), on a batch."""

    def __init__(self, width, rng):
        self.first = Linear(width, width, bias=False)
        self.last = Linear(width, width, bias=False)
        init.kaiming_normal_(self.first.weight, nonlinearity="linear", rng=rng)
        init.kaiming_normal_(self.last.weight, rng=rng)

    def forward(self, rows):
        inside = [[f.relu() for f in row] for row in self.first(rows)]
        pairs = zip(rows, self.last(inside), strict=True)
        return [[x + f for x, f in zip(*pair, strict=True)] for pair in pairs]


def fixup(block, blocks, rng):
    std = math.sqrt(2 / WIDTH) * blocks ** (-1 / 2)  # m = 2 layers per branch
    init.normal_(block.first.weight, std=std, rng=rng)
    init.zeros_(block.last.weight)


# %%
up, down = {}, {}
for name in ("He branches", "Fixup branches"):
    rng = Random(0)
    blocks = [Residual(WIDTH, rng) for _ in range(20)]
    if name.startswith("Fixup"):
        for block in blocks:
            fixup(block, 20, rng)
    up[name] = [s.variance for s in activation_statistics(blocks, batch[:4])]
    down[name] = [s.variance for s in gradient_statistics(blocks, batch[:4], read)]
plots.variance_by_depth(up, down, title="20 residual layers of 16 units")

# %% [markdown]
# With Fixup every layer begins as $x + 0$: values and gradients pass all 20 unchanged. And it can
# learn, since a last layer of 0 still gets gradients from what its branch has inside. That is the
# difference from the zero start above, where the inside was 0 as well.

# %%
per_layer = (up["He branches"][-1] / up["He branches"][0]) ** (1 / 19)
check("He branches, factor per layer", per_layer, 2.0, within=0.15)
check("Fixup, up", up["Fixup branches"], [up["Fixup branches"][0]] * 20)
check("Fixup, down", down["Fixup branches"], [down["Fixup branches"][0]] * 20)
outputs = blocks[0]([[Value(x) for x in row] for row in batch[:4]])
read(outputs).backward()
check("the zeros get a gradient", any(w.grad for w in blocks[0].last.weight[0]), True)
check("the inside not yet", any(w.grad for row in blocks[0].first.weight for w in row), False)

# %% [markdown]
# The last name on the list of S14, synchronous data-parallel training, waits for
# [lesson 8](08_training.ipynb).
#
# ## 12. Does it matter?
#
# Sixteen points on circles, four hidden layers of 8 units, 30 steps. Only the initialisation
# differs.

# %%
points, labels = circles(16, noise=0.05, rng=1)
rng, modules = Random(1), []
for i in range(4):
    linear = Linear(8 if i else 2, 8)
    init.normal_(linear.weight, std=0.1, rng=rng)
    modules += [linear, BatchNorm1d(8), ReLU()]
models = {
    "too small, 0.1/D": MLP(2, [8] * 4 + [1], rng=1, init=normal(0.1)),
    "constant 0.3": MLP(2, [8] * 4 + [1], init=0.3),
    "He, 2/D": MLP(2, [8] * 4 + [1], rng=1),
    "std 0.1 and batch norm": Sequential(*modules, Linear(8, 1, rng=rng)),
}
losses = {name: train(model, points, labels, steps=30, lr=0.3) for name, model in models.items()}
plots.training_curves(losses, xlabel="step", title="four hidden layers on circles")

# %%
last = {name: numbers[-1] for name, numbers in losses.items()}
check("too small: as good as answering 0", last["too small, 0.1/D"], 1.0, within=0.001)
check("constant: the same", last["constant 0.3"], 1.0, within=0.001)
check("He", last["He, 2/D"], 0.0, within=0.03)
check("batch norm", last["std 0.1 and batch norm"], 0.0, within=0.01)

# %% [markdown]
# A hinge loss of 1 is what you get for always answering 0, and the careless starts end there. He
# initialisation takes a bumpy road down to nearly 0; batch norm gets there early and stays. One
# seed is one story, though: change `rng=1` and `Random(1)`, run again, and see that networks as
# narrow as this depend on their luck.
#
# ## Exercises
#
# **1.** PyTorch's `Linear`, and ours, draws weights uniformly between $-1/\sqrt{D}$ and
# $1/\sqrt{D}$. By what factor does the variance change in each layer of a deep ReLU network that
# starts this way? (A uniform number between $-a$ and $a$ has variance $a^2/3$.)


# %%
def default_factor():
    weight = Linear(100, 100, rng=0).weight
    return 100 * mean_square([w for row in weight for w in row]) / 2


answer(1, ..., default_factor, within=0.01)

# %% [markdown]
# **2.** Four hidden units all start with weights 0.5, but one of them has its first weight moved to
# 0.51. How many *different* hidden units are there after five steps of training? Predict, then
# run; then move a second one, to 0.52.


# %%
def nudged(*firsts):
    model = MLP(2, [4, 1], init=0.5)
    for unit, number in zip(model.layers[0].neurons, firsts, strict=False):
        unit.w[0].data = number
    train(model, points, labels, steps=5)
    return features(model)


answer(2, ..., lambda: nudged(0.51))

# %% [markdown]
# **3.** Put a weight before each sigmoid, $\sigma(wx)$. Which $w$ makes the slope in $x$ at $x = 0$
# just 1, so that gradients pass unchanged? Draw `(w * x).sigmoid()` and step it; then move $x$ to 1
# and see why this is no cure.


# %%
def weighted_slope(w, at):
    return slope(lambda x: (w * x).sigmoid(), at)


answer(3, ..., lambda: 1 / slope(Value.sigmoid, 0.0))

# %% [markdown]
# ## Answers
#
# **1.** The variance is $\frac{1}{3D}$, so the factor is $\frac{D}{2}\cdot\frac{1}{3D} =
# \frac16$. In ten layers less than one part in $10^7$ is left.

# %%
check("exercise 1", 1 / 6, default_factor(), within=0.01)
check("ten layers", (1 / 6) ** 10 < 1e-7, True)

# %% [markdown]
# **2.** Two: the one that was moved, and the other three, which are still triplets. Each unit that
# is moved elsewhere adds one, so two nudges leave three.

# %%
check("exercise 2", 2, nudged(0.51))
check("two nudges", 3, nudged(0.51, 0.52))

# %% [markdown]
# **3.** The chain rule gives $w\,\sigma'(0) = w/4$, so $w = 4$. But at $x = 1$ the
# gate sees 4, where the sigmoid is nearly flat: the slope is about 0.07. Larger weights saturate,
# smaller ones vanish.

# %%
check("exercise 3", 4.0, 1 / slope(Value.sigmoid, 0.0))
check("slope at 0, w = 4", weighted_slope(4.0, 0.0), 1.0)
check("slope at 1, w = 4", weighted_slope(4.0, 1.0), 0.07, within=0.005)

# %% [markdown]
# Next: [7. Optimisers](07_optimisers.ipynb). The network starts well; which way should it go, and
# how fast?
