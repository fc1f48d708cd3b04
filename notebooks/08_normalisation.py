# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Starting by measuring
#
# **A formula says how large the weights should be on average. Your network is one network, and it
# sees your data. Why not measure, and set?**
#
# You will be able to
#
# - write LSUV, and say why its steps come in that order;
# - say what an orthogonal start keeps, in a dense layer and in a convolution;
# - follow batch normalisation forward and backward, and say what it makes no matter;
# - start a residual network so that every layer begins as nothing.
#
# You need lessons 6 and 7, and the mean and variance of a list of numbers.

# %%
import math
from random import Random
from statistics import fmean, median

from lesson import answer, check, graded

from autograd_core import Grade, Value, attempt, no_grad
from nn import MLP, BatchNorm1d, HingeLoss, Linear, Module, ReLU, Sequential, init, judges
from nn.data import circles, gaussian_points
from nn.diagnose import activation_statistics, gradient_statistics
from nn.optim import SGD
from viz import plots, sabotage, step

# %% [markdown] tags=["S14.lsuv"]
# ## 1. Measure, then set
#
# He's formula is right on average, and lesson 6 has shown how far below it a narrow network
# typically lies. *Layer-sequential unit variance*, LSUV (Mishkin and Matas, 2016), does not rely on
# a formula. It takes one batch of data and begins with orthogonal weights (section 2 is about
# them). Then, layer after layer, it measures the variance of what the layer puts out for this
# batch, and divides the weights by its root.
#
# Here is a careless network, of ten layers whose weights are all too small, on data with a standard
# deviation of 3; and then its first layer, done by hand.

# %%
WIDTH, LAYERS = 12, 10
batch = gaussian_points(12, [0.0] * WIDTH, std=3.0, rng=9)


def deep(std, norm=False, seed=0):
    """Linear and ReLU, ten times; with `norm` a batch norm between the two."""
    rng, modules = Random(seed), []
    for _ in range(LAYERS):
        linear = Linear(WIDTH, WIDTH)
        init.normal_(linear.weight, std=std, rng=rng)
        init.zeros_(linear.bias)
        modules += [linear, BatchNorm1d(WIDTH), ReLU()] if norm else [linear, ReLU()]
    return Sequential(*modules)


def variance(rows):
    numbers = [v.data for row in rows for v in row]
    mean = fmean(numbers)
    return fmean((x - mean) ** 2 for x in numbers)


careless = deep(std=0.1)
found = [s.variance for s in activation_statistics(careless, batch)][::2]
print("careless:", ", ".join(f"{v:.1e}" for v in found))
check("the tenth layer", found[-1] < 1e-8, True)

# %% tags=["S14.lsuv"]
by_hand = deep(std=0.1)
first, relu, second, *_ = by_hand
for layer in (first, second):
    init.orthogonal_(layer.weight, rng=Random(1))
with no_grad():
    before = variance(first(batch))
    too_early = variance(second(relu(first(batch))))
    for row in first.weight:
        for w in row:
            w.data /= math.sqrt(before)
    after = variance(first(batch))
    in_time = variance(second(relu(first(batch))))
check("first layer, afterwards", after, 1.0)
print(f"second layer: {too_early:.3f} before the first was scaled, {in_time:.3f} after")
check("one over the other", in_time / too_early, 1 / before)

# %% [markdown]
# One division makes the variance exactly 1: the biases are 0, so the outputs scale with the
# weights. (The paper repeats it until it is near enough.) And the second layer must be measured
# *after* the first is set, because its inputs have changed. The whole of it is your first exercise.

# %% [markdown] tags=["S14.orthogonal"]
# ## 2. Orthogonal weights
#
# The rows of an orthogonal matrix have length 1 and stand at right angles (Saxe, McClelland and
# Ganguli, 2014). It turns a vector, or mirrors it, and keeps its length, exactly and at any depth,
# where random weights keep it only on average. (ReLU breaks this, hence LSUV's second half.)

# %% tags=["S14.orthogonal"]
weight = init.orthogonal_(Linear(WIDTH, WIDTH).weight, rng=Random(2))
worst = 0.0
for i, row in enumerate(weight):
    for j, other in enumerate(weight):
        product = sum(a.data * b.data for a, b in zip(row, other, strict=True))
        worst = max(worst, abs(product - (i == j)))
check("W Wᵀ - I, largest entry", worst, 0.0)


# %% tags=["S14.orthogonal"]
def lengths(fill, seed):
    """The length of a vector of 1 on its way through 50 linear layers."""
    rng, v = Random(seed), [Value(1 / math.sqrt(WIDTH))] * WIDTH
    found = [1.0]
    with no_grad():
        for _ in range(50):
            linear = Linear(WIDTH, WIDTH, bias=False)
            fill(linear.weight, rng=rng)
            v = linear(v)
            found.append(math.hypot(*[x.data for x in v]))
    return found


runs = {
    "normal, 1/D: 12 networks": [lengths(init.xavier_normal_, seed) for seed in range(12)],
    "orthogonal: 4 networks": [lengths(init.orthogonal_, seed) for seed in range(4)],
}
normals, orthogonals = runs.values()
check("orthogonal, after 50 layers", [run[-1] for run in orthogonals], [1.0] * 4)
check("normal: typically below a half", median(run[-1] for run in normals) < 0.5, True)
plots.bands(runs, log=True, xlabel="layer", ylabel="length of the vector")

# %% [markdown] tags=["S14.convolution"]
# A *convolution* can be started orthogonally too. One way lays each kernel out as a row, makes
# these rows orthogonal (this is what PyTorch's `orthogonal_` does to a kernel), and so keeps
# lengths only on average; the other, *delta-orthogonal* (Xiao and others, 2018), sets the kernel to
# 0 but for its middle, which is an orthogonal matrix, so that the whole convolution keeps lengths
# exactly.


# %% tags=["S14.convolution"]
def convolve(taps, signal):
    """taps[k] is the matrix of tap k, of three; the signal, a list of rows, lies on a circle."""
    found = []
    for t in range(len(signal)):
        window = [signal[(t + k - 1) % len(signal)] for k in range(3)]
        found.append([sum(w.data * x for tap, at in zip(taps, window, strict=True)
                          for w, x in zip(tap[i], at, strict=True)) for i in range(4)])  # fmt: skip
    return found


def length(signal):
    return math.hypot(*[x for row in signal for x in row])


rng, ratios = Random(3), {"delta-orthogonal": [], "kernels as rows": []}
for _ in range(10):
    signal = [[rng.gauss(0.0, 1.0) for _ in range(4)] for _ in range(9)]
    rows = init.orthogonal_([[Value(0.0) for _ in range(12)] for _ in range(4)], rng=rng)
    as_rows = [[row[4 * k : 4 * k + 4] for row in rows] for k in range(3)]
    zero = [[Value(0.0)] * 4] * 4
    middle = init.orthogonal_([[Value(0.0) for _ in range(4)] for _ in range(4)], rng=rng)
    for name, taps in (("delta-orthogonal", [zero, middle, zero]), ("kernels as rows", as_rows)):
        ratios[name].append(length(convolve(taps, signal)) / length(signal))
check("delta-orthogonal: length, before and after", ratios["delta-orthogonal"], [1.0] * 10)
check("as rows: on average about 1", fmean(ratios["kernels as rows"]), 1.0, within=0.15)
check("but not exactly", max(abs(r - 1) for r in ratios["kernels as rows"]) > 0.02, True)

# %% [markdown] tags=["S14.batch"]
# ## 3. Normalise as you go: batch norm
#
# *Batch normalisation* (Ioffe and Szegedy, 2015) puts the measuring into the network. Each unit's
# numbers $x_i$ over a batch are shifted to mean 0 and scaled to variance 1, at every step:
#
# $$ y_i = \frac{x_i - m}{s}, \qquad m = \frac1n \sum_i x_i, \qquad
# s = \sqrt{\frac1n \sum_i (x_i - m)^2 + \epsilon}, $$
#
# with a small $\epsilon$, here $10^{-5}$, against division by 0. (Then come a learnable factor and
# shift for each unit, which start at 1 and 0.) Mean and variance are computed from the inputs, so
# the gradient flows through them as well: every example influences every other.

# %% tags=["S14.batch"]
inputs = [[Value(z)] for z in (1.0, 2.0, 6.0)]
norm = BatchNorm1d(1)
outputs = [row[0] for row in norm(inputs)]
mean, spread = 3.0, math.sqrt(14 / 3 + 1e-5)
check("normalised", outputs, [(z - mean) / spread for z in (1.0, 2.0, 6.0)])
outputs[2].backward()
gradients = [row[0].grad for row in inputs]
check("gradients of the last output", gradients, [0.0441, -0.0551, 0.0110], within=1e-4)
check("their sum", sum(gradients), 0.0)
along = sum(g * y.data for g, y in zip(gradients, outputs, strict=True))
check("their sum, each times its output", along, 0.0, within=1e-5)

# %% [markdown]
# Both sums must be 0. Shift the whole batch, and the outputs stay what they are: no gradient is
# left in that direction. Spread the batch wider around its mean, and the outputs stay too (up to
# $\epsilon$): none is left in that direction either. That holds for any batch, and whatever arrives
# at the outputs:


# %% tags=["S14.batch"]
def any_batch(n, rng):
    """What arrives at n outputs, these outputs, s, and what the engine sends to the inputs."""
    x = [[Value(rng.gauss(1.0, 2.0))] for _ in range(n)]
    y = [row[0] for row in BatchNorm1d(1)(x)]
    g = [rng.gauss(0.5, 1.0) for _ in range(n)]
    sum(a * out for a, out in zip(g, y, strict=True)).backward()
    s = math.sqrt(variance(x) + 1e-5)
    return g, [out.data for out in y], s, [row[0].grad for row in x]


rng = Random(2)
for n in (3, 10):
    g, y, s, down = any_batch(n, rng)
    check(f"batch of {n}: sum of the gradients", sum(down), 0.0, within=1e-9)
    along = sum(a * b for a, b in zip(down, y, strict=True))
    check("each times its output", along, 0.0, within=1e-3)

# %% [markdown]
# Now the depth: Linear, batch norm and ReLU, ten times, with the careless weights from before, and
# with weights ten times larger.

# %% tags=["S14.batch"]
readout = gaussian_points(1, [0.0] * WIDTH, rng=4)[0]


def read(outputs):
    """One number from a batch of outputs, to differentiate."""
    return sum(c * v for row in outputs for c, v in zip(readout, row, strict=True))


gaps, growths = [], []
for seed in range(6):
    small, large = deep(0.1, norm=True, seed=seed), deep(1.0, norm=True, seed=seed)
    with no_grad():
        pairs = zip(small(batch), large(batch), strict=True)
        gaps += [a.data - b.data for p, q in pairs for a, b in zip(p, q, strict=True)]
    found = [s.variance for s in gradient_statistics(small, batch, read)][1::3]
    growths.append((found[0] / found[-1]) ** (1 / (LAYERS - 1)))
found = [s.variance for s in activation_statistics(small, batch)][1::3]
check("batch norm: variance of each layer", found, [1.0] * LAYERS, within=0.01)
check("weights ten times larger: an output's largest change", max(map(abs, gaps)), 0.0, within=0.05)
print("gradients, factor per layer downward:", ", ".join(f"{g:.2f}" for g in growths))
check("they typically grow", 1.0 < median(growths) < 1.9, True)

# %% [markdown]
# Values stay level, whatever the size of the weights; what little changes comes from $\epsilon$.
# Gradients are not quite level: in a plain deep stack batch norm makes them grow towards the
# bottom. (In wide ReLU networks their variance grows by $\pi/(\pi-1) \approx 1.47$ per layer: Yang
# and others, 2019.)

# %% [markdown] tags=["S14.activation"]
# ## 4. The family: activation normalisation
#
# The members differ in what they average over: batch norm over the examples of a unit, layer norm
# over the units of an example. A third, called *actnorm* (Kingma and Dhariwal, 2018), uses a batch
# once, at the start: each unit gets a shift and a scale that make this batch's mean 0 and variance
# 1, and from then on these are ordinary parameters. With a `Linear` before it, they can go into its
# weights and its bias:


# %% tags=["S14.activation"]
def actnorm(layer, rows):
    """Set each unit's weights and bias so that its outputs for these rows have mean 0, variance 1.

    Returns the outputs.
    """
    columns = zip(*layer(rows), strict=True)
    for row, bias, column in zip(layer.weight, layer.bias, columns, strict=True):
        spread = math.sqrt(variance([column]))
        bias.data = (bias.data - fmean(v.data for v in column)) / spread
        for w in row:
            w.data /= spread
    return layer(rows)


measured = deep(std=0.1)
with no_grad():
    rows = batch
    for layer in measured:
        rows = actnorm(layer, rows) if isinstance(layer, Linear) else layer(rows)
    columns = list(zip(*measured[0](batch), strict=True))
check("mean of each unit", [fmean(v.data for v in c) for c in columns], [0.0] * WIDTH)
check("variance of each unit", [variance([c]) for c in columns], [1.0] * WIDTH)

# %% tags=["S14.activation"]
nets = {
    "std 0.1": (careless, 2, 0),
    "std 0.1, actnorm": (measured, 2, 0),
    "std 0.1, batch norm": (deep(std=0.1, norm=True), 3, 1),
}
up, down = {}, {}
for name, (model, period, at) in nets.items():
    found = activation_statistics(model, batch)
    up[name] = [s.variance for s in found][at::period]
    found = gradient_statistics(model, batch, read)
    down[name] = [s.variance for s in found][at::period]
check("actnorm: variance of each layer", up["std 0.1, actnorm"], [1.0] * LAYERS)
plots.variance_by_depth(up, down, title="10 layers of 12 units, before each ReLU")

# %% [markdown] tags=["S14.fixup"]
# ## 5. Start a residual network as nothing: Fixup
#
# A residual layer outputs $x + \text{branch}(x)$. Look at one unit of it: the gradient on $x$ is a
# sum of what comes by the bypass and what comes through the branch. If the last weight of the
# branch, `a`, is 0, the branch adds nothing, and the gradient passes as it is.

# %% tags=["S14.fixup"]
x, w, a = Value(1.5), Value(0.8), Value(0.0)
h = (w * x).relu()
y = x + a * h
y.backward()
walk = step(y, names=locals())
check("y = x, and dy/dx", [y.data, x.grad], [x.data + a.data * h.data, 1.0 + a.data * w.data])
check("dy/da: a can learn, from what the branch has inside", a.grad, h.data)
check("dy/dw: w not yet", w.grad, a.data * x.data)
walk

# %% [markdown] tags=["S14.fixup"]
# With a branch that keeps the variance, the sum about doubles it, layer after layer. *Fixup*
# (Zhang, Dauphin and Ma, 2019) cures this through the start alone: the last layer of each branch
# begins at 0, and the others are made smaller by $L^{-1/(2m-2)}$, for $L$ branches of $m$ layers.
# (The whole recipe also puts 0 into the classifier and gives each branch a few scalar biases and a
# multiplier. We run the core of it.)


# %% tags=["S14.fixup"]
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


# %% tags=["S14.fixup"]
def residual(seed, fixed):
    """Mean squares of values and gradients in 12 residual layers, and the layers."""
    rng = Random(seed)
    blocks = [Residual(WIDTH, rng) for _ in range(12)]
    for block in blocks if fixed else ():
        fixup(block, 12, rng)
    found = activation_statistics(blocks, batch[:4]), gradient_statistics(blocks, batch[:4], read)
    return [[s.variance + s.mean**2 for s in each] for each in found], blocks


plain = [residual(seed, fixed=False)[0][0] for seed in range(12)]
(values, gradients), blocks = residual(0, fixed=True)
growth = median((run[-1] / run[0]) ** (1 / 11) for run in plain)
check("He branches, typical factor per layer", growth, 1.85, within=0.15)
check("Fixup, up", values, [values[0]] * 12)
check("Fixup, down", gradients, [gradients[0]] * 12)
plots.bands({"He branches: 12 networks": plain, "Fixup": [values]}, log=True,
            xlabel="layer", ylabel="mean square of the values")  # fmt: skip

# %% [markdown]
# With Fixup every layer begins as $x + 0$: values and gradients pass all 12 unchanged. And it can
# learn, as the single unit has shown: a last layer of 0 still gets gradients from what its branch
# has inside. That is the difference from a network all of zeros (lesson 6), where the inside is 0
# as well.

# %% tags=["S14.fixup"]
outputs = blocks[0]([[Value(x) for x in row] for row in batch[:4]])
read(outputs).backward()
check("the zeros get a gradient", any(w.grad for w in blocks[0].last.weight[0]), True)
check("the inside not yet", any(w.grad for row in blocks[0].first.weight for w in row), False)

# %% [markdown]
# ## 6. Does it matter?
#
# Sixteen points on circles, four hidden layers of 8 units, 25 steps. Only the start differs, or
# there is a batch norm in each layer; ten networks of each kind.


# %%
def train(model, points, labels, steps=25, lr=0.3):
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


def small(seed):
    return MLP(2, [8] * 4 + [1], rng=seed, init=lambda rng, n: rng.gauss(0.0, math.sqrt(0.1 / n)))


def he(seed):
    return MLP(2, [8] * 4 + [1], rng=seed)


# %%
def batch_normed(seed):
    rng, modules = Random(seed), []
    for i in range(4):
        linear = Linear(8 if i else 2, 8)
        init.normal_(linear.weight, std=0.1, rng=rng)
        modules += [linear, BatchNorm1d(8), ReLU()]
    return Sequential(*modules, Linear(8, 1, rng=rng))


points, labels = circles(16, noise=0.05, rng=1)
makers = {"too small, 0.1/D": small, "He, 2/D": he, "std 0.1 and batch norm": batch_normed}
losses = {
    name: [train(make(seed), points, labels) for seed in range(10)] for name, make in makers.items()
}
plots.bands(losses, xlabel="step", title="four hidden layers on circles, ten networks each")

# %%
last = {name: sorted(run[-1] for run in runs) for name, runs in losses.items()}
for name, numbers in last.items():
    print(f"{name}: {numbers[0]:.3f} to {numbers[-1]:.3f}, median {median(numbers):.3f}")
check("too small: all as good as answering 0", last["too small, 0.1/D"], [1.0] * 10, within=0.01)
check("He: the median has learnt something", median(last["He, 2/D"]) < 0.9, True)
normed = last["std 0.1 and batch norm"]
check("batch norm: the median is done, and nine of ten", [median(normed), normed[8]], [0, 0], 0.35)

# %% [markdown]
# A hinge loss of 1 is what you get for always answering 0, and the careless starts end there. With
# He's weights it depends on luck: networks as narrow as this go anywhere between nothing and all.
# Batch norm brings nearly all of them to 0, on the careless weights.
#
# ## Exercises
#
# **Exercise 1.** Write LSUV for a whole model, a `Sequential` of `Linear` and `ReLU` in turn, with
# biases 0. `variance(rows)` is the one from above. (When it is right, try it on `deep(0.1)` and
# look at `activation_statistics`.)
#
# <details><summary>A hint</summary>
#
# Section 1 has all the pieces. At the top of the loop, `rows` is what goes into this layer. What is
# measured, and what goes into the next layer, once this one is set?
#
# </details>


# %% tags=["aim-1"]
def lsuv(model, batch, rng):
    with no_grad():
        rows = batch
        for layer in model:
            if isinstance(layer, Linear):
                init.orthogonal_(layer.weight, rng=rng)
                spread = ...
                for row in layer.weight:
                    for w in row:
                        w.data /= spread
            rows = ...


graded(1, judges.lsuv, lsuv)

# %% [markdown]
# **Exercise 2.** Deep layers of orthogonal weights, with a ReLU after each, let the values vanish.
# By what number should all weights be multiplied, so that a layer with its ReLU keeps the mean
# square? Type a number, to two digits at least.
#
# <details><summary>A hint</summary>
#
# The orthogonal matrix keeps the mean square, and ReLU lets half of it through. Multiplying the
# weights by $c$ multiplies the mean square by what?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def gain():
    rng = Random(0)
    f = [Value(rng.gauss(0.0, 1.0)) for _ in range(20_000)]
    before, after = (fmean(v.data**2 for v in vs) for vs in (f, [v.relu() for v in f]))
    return math.sqrt(before / after)


words_2 = {
    2: "That is the factor for the mean square. What is it for the weights?",
    1: "With 1 the mean square becomes a half in each layer.",
    0.5: "That would make them smaller still.",
}  # fmt: skip

# %% tags=["aim-2"]
answer(2, ..., gain, within=0.02, but=words_2)

# %% [markdown]
# **Exercise 3.** A delta-orthogonal kernel of 5 taps joins 8 channels to 8. How many of its
# $5 \times 8 \times 8$ weights are 0 at the start, if the orthogonal matrix in it has no zeros?
# Type a whole number.
#
# <details><summary>A hint</summary>
#
# Where does the orthogonal matrix stand, and what is in all other taps?
#
# </details>

# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
kernel = [init.zeros_([[Value(1.0) for _ in range(8)] for _ in range(8)]) for _ in range(5)]


init.orthogonal_(kernel[2], rng=0)


def wanted_3():
    return sum(w.data == 0 for tap in kernel for row in tap for w in row)


words_3 = {
    64: "That is how many are not 0.",
    312: "The middle tap is a whole matrix, not its diagonal.",
    319: "The middle tap is a whole matrix, not one number.",
    320: "Then nothing would come through: the middle tap is not 0.",
}  # fmt: skip

# %% tags=["aim-2"]
answer(3, ..., wanted_3, but=words_3)

# %% [markdown]
# **Exercise 4.** Write the backward pass of batch norm, for one unit. Given are the gradients `g`
# that arrive at its outputs, the outputs `y`, both lists of $n$ numbers, and `s` from section 3.
# Return the list of the gradients on the inputs. It is compared with the engine's.
#
# <details><summary>A hint</summary>
#
# $y_i$ depends on $x_j$ in three ways: directly (if $i = j$), through $m$, and through $s$. Show
# first that $\partial m/\partial x_j = 1/n$ and $\partial s/\partial x_j = y_j/n$. Then gather
# $\sum_i g_i\, \partial y_i/\partial x_j$: two sums appear, that of the $g_i$ and that of the
# $g_i y_i$. The two zeros of section 3 are a test of what you get.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def as_engine(function):
    for n in (3, 2, 5):
        g, y, s, want = any_batch(n, Random(n))
        got, trouble = attempt(function, list(g), list(y), s, form="(g, y, s)")
        if trouble or not isinstance(got, list) or len(got) != n:
            return Grade(False, trouble or "It must return a list, a number for each input.")
        ideas = {
            "right": want,
            "m and s were taken for constants, and they move with each input.": [a / s for a in g],
            "The way through s is left out.": [(a - fmean(g)) / s for a in g],
            "All is there but the division by s.": [a * s for a in want],
        }
        near = (k for k, v in ideas.items() if math.dist(v, got) < 1e-7)
        told = next(near, f"For n = {n} it gives {got[0]:.4g} first, the engine {want[0]:.4g}.")
        if told != "right":
            return Grade(False, told)
    return Grade(True, "Right: batches of 2, 3 and 5 have the engine's gradients.")


# %% tags=["aim-3"]
def batch_norm_backward(g, y, s):
    n = len(g)
    mean_g = sum(g) / n
    mean_gy = sum(a * b for a, b in zip(g, y, strict=True)) / n
    return [... for gi, yi in zip(g, y, strict=True)]


graded(4, as_engine, batch_norm_backward)

# %% [markdown]
# **Exercise 5.** All weights of a layer before a batch norm are made ten times larger. Its outputs
# stay the same (leave $\epsilon$ aside). By what factor do the *gradients on these weights* change?
# Type a number.
#
# <details><summary>A hint</summary>
#
# The loss as a function of the weights does not change along this direction, $l(10w) = l(w)$.
# Derive both sides in $w$. Or: ten times larger weights need a ten times larger nudge.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def of_weights(factor):
    linear, norm = Linear(WIDTH, WIDTH, rng=1), BatchNorm1d(WIDTH, eps=0.0)
    init.zeros_(linear.bias)
    for w in (w for row in linear.weight for w in row):
        w.data *= factor
    read([[v.tanh() for v in row] for row in norm(linear(batch))]).backward()
    return linear.weight[0][0].grad


def wanted_5():
    return of_weights(10.0) / of_weights(1.0)


words_5 = {
    1: "The outputs are the same, but a nudge of a weight is now small beside the weight.",
    10: "The other way: which of the two batches of weights feels a nudge of 0.01 more?",
    0.01: "Once, not squared. (The step in proportion to the weights is what falls by 100.)",
}  # fmt: skip

# %% tags=["aim-3"]
answer(5, ..., wanted_5, but=words_5)

# %% [markdown]
# **Exercise 6.** Where does Fixup's power of $L$ come from? Take one unit and 16 branches of three
# layers, $y = x + \sum_i a_i w w x$, with all $a_i = 0$ and $x = 1$. A step of gradient descent on
# the $a_i$ moves $y$ in proportion to $\sum_i (\partial y/\partial a_i)^2$. Which $w$ above 0 makes
# this sum 1, as it is for a single branch with $w = 1$? Type a number.
#
# <details><summary>A hint</summary>
#
# What is one $\partial y/\partial a_i$? Add up 16 of its squares. The formula of section 5 must
# give the same.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def moved(weight, branches=16):
    x, w = Value(1.0), Value(weight)
    lasts = [Value(0.0) for _ in range(branches)]
    y = x + sum(a * (w * (w * x)) for a in lasts)
    y.backward()
    return sum(a.grad**2 for a in lasts)


def wanted_6():
    return next(k / 1000 for k in range(1, 2000) if moved(k / 1000) >= 1)


words_6 = {
    0.25: "That is what each branch has inside. The weight stands in it twice.",
    1 / 16: "That is the square of one gradient, not the weight.",
    1: "Then the sum is 16: all branches move the output at once.",
    2: "Smaller, not larger: 16 branches together shall do what one did.",
}  # fmt: skip

# %% tags=["aim-4"]
answer(6, ..., wanted_6, but=words_6)

# %% [markdown]
# **Exercise 7.** In the walk below, through the residual unit with $a = 0.5$, somebody made one
# mistake on the way back. Which? Type its name in quotes, one of `"overwrote"`, `"wrong operand"`,
# `"sign"`, `"max to both"`, `"stale value"`, `"wrong order"`, `"did not zero"`.
#
# <details><summary>A hint</summary>
#
# Two wires lead back to $x$, the bypass and the branch. Step until both have arrived: what should
# the gradient on $x$ be then?
#
# </details>

# %%
x, w, a = Value(1.5), Value(0.8), Value(0.5)
h = (w * x).relu()
y = x + a * h
wrong_walk = sabotage(y, seed=2)
wrong_walk


# %% jupyter={"source_hidden": true}
# The judge of exercise 7.
def wanted_7():
    return wrong_walk.mistake.name


words_7 = {
    "sign": "All numbers here are positive, and all gradients in the walk too.",
    "wrong operand": "Each slope in the walk is right. Look at what is done with the products.",
    "did not zero": "Before the first wire every gradient was 0.",
}  # fmt: skip

# %% tags=["aim-4"]
answer(7, ..., wanted_7, but=words_7)

# %% [markdown]
# The network starts well. Next: [9. Optimisers](09_optimisers.ipynb). Which way should it go, and
# how fast?
