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
# # How a network should start
#
# **Why does a deep network sometimes learn nothing at all, or output `nan`, before training has
# even begun? And why may its weights not all start at zero?**
#
# A network is judged by its numbers after training, but it lives or dies by the numbers it starts
# with.
#
# You will be able to
#
# - predict whether 50 layers make values and gradients vanish, stay or explode;
# - derive the factor of a layer, line by line;
# - choose between He, Xavier and $4/(D+D')$, and say where each comes from;
# - show why weights lie around 0, and why equal weights learn equal features.
#
# You need lessons 1 to 5, and of probability the mean and the variance; each is recalled where it
# is used.

# %%
import math
import sys
from itertools import product
from random import Random
from statistics import NormalDist, fmean, median

from lesson import answer, check, graded

from autograd_core import Grade, Value, attempt, first_nan, no_grad
from nn import MLP, HingeLoss, Linear, init, judges
from nn.data import circles, gaussian_points
from nn.diagnose import activation_statistics, gradient_statistics
from nn.optim import SGD
from viz import draw, plots, sabotage, step

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
walk = step(h3, names=locals())
check("h3", h3, x.data * w.data**3)
check("dh3/dx", x.grad, w.data**3)
check("dh3/dw", w.grad, 3 * x.data * w.data**2)
walk

# %% [markdown]
# Step it, then set $w$ to 1.5 and to 1, and watch the gradient that reaches $x$.
#
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

# %% [markdown] tags=["S4.variance"]
# ## 2. The factor of a real layer, line by line
#
# A real layer has many weights, drawn at random. Their numbers differ from unit to unit; what they
# share is their *mean* 0 and their *variance* $\sigma_\Omega^2$. So we follow mean and variance,
# over all the draws that could be, in the place of the numbers. In the notation of Understanding
# Deep Learning (7.5), a unit's pre-activation is $f'_i = \beta_i + \sum_{j=1}^{D} \Omega_{ij} h_j$
# with $h_j = \text{ReLU}(f_j)$, and its bias $\beta_i$ starts at 0. First the mean:
#
# $$
# \begin{aligned}
# E[f'_i] &= E\Big[\beta_i + \sum_j \Omega_{ij} h_j\Big] \\
#   &= \beta_i + \sum_j E[\Omega_{ij} h_j] && \text{a mean of a sum is the sum of means} \\
#   &= 0 + \sum_j E[\Omega_{ij}]\, E[h_j] && \text{weights know nothing of what comes in} \\
#   &= 0 + \sum_j 0 \cdot E[h_j] = 0 .
# \end{aligned}
# $$
#
# The third line is the one to look at twice: $E[\Omega h] = E[\Omega]E[h]$ holds because the two
# are *independent*. Draw weights around 0.3, so that there is something to see:

# %%
rng = Random(3)
N = 20_000
h = [max(0.0, rng.gauss(0.0, 1.0)) for _ in range(N)]
weights = [rng.gauss(0.3, 1.0) for _ in range(N)]
apart = fmean(weights) * fmean(h)
together = fmean(w * x for w, x in zip(weights, h, strict=True))
check("independent: E[W h] - E[W] E[h]", together - apart, 0.0, within=0.03)
h_h = fmean(x * x for x in h)
check("not independent, W = h: E[h h] - E[h] E[h]", h_h - fmean(h) ** 2, 0.34, within=0.03)

# %% [markdown] tags=["S4.variance"]
# Then the variance, which is the mean square minus the square of the mean:
#
# $$
# \begin{aligned}
# \sigma_{f'}^2 &= E[f_i'^2] - E[f'_i]^2 = E[f_i'^2] - 0 && \text{from above} \\
#   &= E\Big[\Big(\sum_j \Omega_{ij} h_j\Big)^2\Big] && \beta_i = 0 \\
#   &= \sum_j E[\Omega_{ij}^2 h_j^2]
#      + \sum_{j \ne k} E[\Omega_{ij}\Omega_{ik} h_j h_k] && \text{squares and mixed terms} \\
#   &= \sum_j E[\Omega_{ij}^2]\, E[h_j^2]
#      + \sum_{j \ne k} E[\Omega_{ij}] E[\Omega_{ik}] E[h_j h_k] && \text{independent} \\
#   &= \sum_j E[\Omega_{ij}^2]\, E[h_j^2] + 0 && \text{the mean of each weight is 0} \\
#   &= \sum_j \sigma_\Omega^2\, E[h_j^2] = D\,\sigma_\Omega^2\, E[h^2]
#      && \text{the same for every } j .
# \end{aligned}
# $$
#
# It remains to say what ReLU leaves of $f$. If $f$ lies around 0 as often above as below, ReLU
# throws away half of the mean square:
#
# $$ E[h^2] = \int_0^\infty f^2\, p(f)\, df = \tfrac12 \int_{-\infty}^\infty f^2\, p(f)\, df
# = \tfrac12 \sigma_f^2, \qquad\text{hence}\qquad
# \sigma_{f'}^2 = \frac{D\,\sigma_\Omega^2}{2}\; \sigma_f^2 . $$
#
# Every line can be checked by drawing: 20,000 times a unit with 10 inputs and weights of variance
# 0.3.


# %% tags=["S4.variance"]
def mean_square(numbers):
    return fmean(x * x for x in numbers)


D, variance = 10, 0.3
f, f_next, mixed = [], [], []
for _ in range(N):
    before = [rng.gauss(0.0, 1.0) for _ in range(D)]
    terms = [rng.gauss(0.0, math.sqrt(variance)) * max(0.0, x) for x in before]
    f.append(before[0])
    f_next.append(sum(terms))
    mixed.append(terms[0] * terms[1])
h = [max(0.0, x) for x in f]
check("E[f']", fmean(f_next), 0.0, within=0.05)
check("a mixed term", fmean(mixed), 0.0, within=0.02)
check("E[h²], half of the variance of f", mean_square(h), 0.5, within=0.03)
check("E[f'²] = D σ² E[h²]", mean_square(f_next), D * variance * 0.5, within=0.08)

# %% [markdown] tags=["S4.he"]
# So a layer multiplies the variance by $D\sigma_\Omega^2/2$, where $D$ is the number of its
# *inputs*. Backward it is the same story upside down: a unit's gradient is a sum over the $D'$
# units above it, and ReLU passes it to half of them below: $D'\sigma_\Omega^2/2$. The forward
# factor is 1 for
#
# $$ \sigma_\Omega^2 = \frac{2}{D} \qquad\text{(He initialisation, which PyTorch calls “kaiming”),}
# $$
#
# and where all layers have the same width, $D = D'$, the backward factor is then 1 too. Let us see
# 30 layers of 20 units, started with weights of variance $k/D$ for four $k$. (`nn.diagnose` gives
# mean and variance of each layer; the mean square is the variance plus the squared mean.)


# %% tags=["S4.he"]
def normal(k):
    """Weights of variance k / fan in."""
    return lambda rng, fan_in: rng.gauss(0.0, math.sqrt(k / fan_in))


def squares(found):
    """The mean square of each hidden layer."""
    return [s.variance + s.mean**2 for s in found][:-1]


def up_and_down(seed, start, width=20, depth=30):
    """The mean square of each layer's values, and of the gradients on them."""
    model = MLP(width, [width] * depth + [1], rng=seed, init=start)
    example = gaussian_points(1, [0.0] * width, rng=1000 + seed)
    found = gradient_statistics(model, example, lambda outputs: outputs[0])
    return squares(activation_statistics(model, example)), squares(found)


starts = {"too small, 0.1/D": 0.1, "Xavier, 1/D": 1.0, "He, 2/D": 2.0, "too large, 10/D": 10.0}
up, down = {}, {}
for i, (name, k) in enumerate(starts.items()):
    runs = [up_and_down(12 * i + seed, normal(k)) for seed in range(12)]
    up[name], down[name] = zip(*runs, strict=True)

# %%
plots.bands(up, log=True, xlabel="layer", ylabel="mean square of the values",
            title="30 layers of 20 ReLUs, 12 networks each")  # fmt: skip

# %%
plots.bands(down, log=True, xlabel="layer", ylabel="mean square of the gradients")

# %% [markdown]
# The line is the median of twelve networks, the band holds them all, and layer 0 is the first. Read
# the first picture from left to right, as the values go, and the second from right to left, as the
# gradients go. Small weights vanish, large ones explode, those of He initialisation come
# nearest to staying. Every one of the 48 networks has weights of its own; what one layer does, on
# average over its 29 steps, should then be about $k/2$:


# %% tags=["S4.he"]
def rates(runs):
    """The factor per layer of each run, from its first number to its last; 0 if it died."""
    return [(run[-1] / (run[0] or 1.0)) ** (1 / (len(run) - 1)) for run in runs]


for name, k in starts.items():
    upward = median(rates(up[name]))
    downward = median(rates([run[::-1] for run in down[name]]))
    check(f"{name}: up, down, over k/2", [upward / (k / 2), downward / (k / 2)], [0.87] * 2, 0.1)

# %% [markdown]
# ## 3. Why the typical network sinks below the line
#
# About, and a little less: 0.87 of it, up and down, for every $k$. That is not bad luck. A layer of
# 20 units is a small sample, so it multiplies the mean square by a *random* number whose mean is 1
# (for He), and a product of random numbers around 1 is typically below 1. Think of a coin that
# makes every step 1/2 or 3/2, mean 1. One of each makes $\frac12 \cdot \frac32 = \frac34$. Here are
# all $2^{10}$ ways to go ten steps:

# %%
ends = [math.prod(path) for path in product((0.5, 1.5), repeat=10)]
check("mean of all", fmean(ends), 1.0)
check("the typical one, with five of each", median(ends), 0.75**5)
check("share that ends below 1", sum(end < 1 for end in ends) / len(ends), 0.83, within=0.01)
fourth = fmean(x**4 for x in h) / mean_square(h) ** 2
check("ReLUs: E[h⁴] / E[h²]², which is needed below", fourth, 6.0, within=0.12)

# %% [markdown]
# The mean is kept up by a few large ones. A product adds up *logarithms*, and the mean of the
# logarithms is below the logarithm of the mean (Jensen's inequality). How far below? The squares of
# $D$ ReLUs have a mean of relative variance $5/D$ (since $E[h^4]/E[h^2]^2 - 1 = 6 - 1$), and the
# logarithm of a number around 1 with a small variance $s$ lies on average at about $-s/2$. So a
# typical layer multiplies by about $e^{-5/(2D)}$: the wider, the nearer to 1. (A band that drops
# out of the picture is a network in which all units of a layer were off.)

# %%
wide = {"10 units": [], "20 units": [run[:20] for run in up["He, 2/D"]], "40 units": []}
for units in (10, 40):
    for seed in range(12):
        model = MLP(units, [units] * 20 + [1], rng=100 + seed)  # He is what our MLP takes
        example = gaussian_points(1, [0.0] * units, rng=seed)
        wide[f"{units} units"].append(squares(activation_statistics(model, example)))
for units in (10, 20, 40):
    found, formula = median(rates(wide[f"{units} units"])), math.exp(-2.5 / units)
    print(f"{units} units: {found:.3f} per layer, the formula {formula:.3f}")
    check("one over the other", found / formula, 1.0, within=0.15)
plots.bands(wide, log=True, xlabel="layer", ylabel="mean square", title="He, 12 networks each")

# %% [markdown] tags=["S4.unequal"]
# ## 4. Unequal widths: 4/(D + D')
#
# From $D$ units to $D'$, forward asks for $2/D$ and backward for $2/D'$. One number cannot be both,
# and the usual compromise uses the mean width: $\sigma^2 = 4/(D+D')$ (Understanding Deep Learning,
# 7.5). Here is a layer from 10 to 40 units; its factors are measured in both directions, on sixty
# draws.


# %% tags=["S4.unequal"]
fan_in, fan_out = 10, 40


def factors(mode, rng, examples=5):
    layer = Linear(fan_in, fan_out, bias=False)
    init.kaiming_normal_(layer.weight, mode=mode, rng=rng)
    f = [[Value(rng.gauss(0.0, 1.0)) for _ in range(fan_in)] for _ in range(examples)]
    above = layer([[v.relu() for v in row] for row in f])
    sum(rng.gauss(0.0, 1.0) * v for row in above for v in row).backward()
    up = mean_square([v.data for row in above for v in row])
    return up, mean_square([v.grad for row in f for v in row])


rng = Random(0)
variances = {"fan_in": 2 / fan_in, "fan_out": 2 / fan_out, "average": 4 / (fan_in + fan_out)}
for mode, variance in variances.items():
    draws = [factors(mode, rng) for _ in range(60)]
    found = [fmean(column) for column in zip(*draws, strict=True)]
    expected = [fan_in * variance / 2, fan_out * variance / 2]
    print(f"{mode}: factors {found[0]:.2f} up and {found[1]:.2f} down")
    check("over those of the formula", [a / b for a, b in zip(found, expected, strict=True)],
          [1.0, 1.0], within=0.15)  # fmt: skip

# %% [markdown]
# `fan_in` keeps the values (a factor near 1 forward) and lets gradients grow by 4, `fan_out` keeps
# the gradients and shrinks the values to a quarter, and the compromise misses both by less:
# 0.4 and 1.6.
#
# **Try:** swap the two widths. What does `fan_in` do to the gradients now?
#
# ## 5. Xavier: the same without ReLU
#
# Glorot and Bengio (2010) asked first, for tanh. Near 0 it is a straight line of slope 1, and there
# the activation may be left out. Their argument stands on three assumptions:
#
# 1. the weights of a layer are drawn independently, from one distribution, of mean 0;
# 2. its inputs are independent of each other, alike in distribution, of mean 0;
# 3. weights and inputs are independent of each other.
#
# For two independent numbers
#
# $$ \text{Var}(XY) = E[X]^2\,\text{Var}(Y) + \text{Var}(X)\,E[Y]^2 + \text{Var}(X)\,\text{Var}(Y) .
# $$
#
# With both means 0 only the third term is left, a layer of $n$ inputs adds up $n$ of those, and
# variances of independent numbers add: $\text{Var}(f) = n\,\text{Var}(W)\,\text{Var}(x)$. Layer
# upon layer this is $\text{Var}(x) \prod_l n_l\,\text{Var}(W_l)$, a product that vanishes, stays or
# explodes as its factors lie below, at or above 1. To keep it,
# $\text{Var}(W) = 1/n_\text{in}$; backward, $1/n_\text{out}$; the usual compromise is
# $2/(n_\text{in}+n_\text{out})$.

# %% tags=["S4.xavier"]
x = [rng.gauss(1.0, 0.5) for _ in range(N)]
y = [rng.gauss(-2.0, 1.0) for _ in range(N)]
xy = [a * b for a, b in zip(x, y, strict=True)]
three_terms = 1.0**2 * 1.0 + 0.25 * (-2.0) ** 2 + 0.25 * 1.0
check("Var(XY)", mean_square(xy) - fmean(xy) ** 2, three_terms, within=0.06)

small, one = Value(0.1).tanh(), Value(1.0).tanh()
check("tanh 0.1 and its slope: near the line", [small.data, small.partials[0]], [0.1, 1.0], 0.01)
check("tanh 1 and its slope: far from it", [one.data, one.partials[0]], [0.76, 0.42], 0.01)

# %% tags=["S4.xavier"]
for factor in (0.9, 1.0, 1.1):
    ends = []
    for _ in range(40):  # three linear layers of different widths, Var(W) = factor / n
        v = [Value(rng.choice((-1.0, 1.0))) for _ in range(8)]
        with no_grad():
            for n, units in ((8, 30), (30, 12), (12, 40)):
                layer = Linear(n, units, bias=False)
                init.normal_(layer.weight, std=math.sqrt(factor / n), rng=rng)
                v = layer(v)
        ends.append(mean_square([out.data for out in v]))
    print(f"n Var(W) = {factor} in 3 layers: {fmean(ends):.2f}; in 50: {factor**50:.3g}")
    check("over the product of three factors", fmean(ends) / factor**3, 1.0, within=0.3)
weight = init.xavier_normal_(Linear(40, 160).weight, rng=0)
numbers = [w.data for row in weight for w in row]
check("Xavier: variance x (in + out)", mean_square(numbers) * 200, 2.0, within=0.1)

# %% [markdown] tags=["S4.xavier"]
# Two rules of thumb come out of this: the *variance* should be the same in every layer, and the
# *mean of the activations* should be 0, or a term $E[h]^2\,\text{Var}(W)$ comes back. ReLU breaks
# the second one: half of its outputs are 0 and none is negative, so their mean is
# $\sigma_f/\sqrt{2\pi} \approx 0.4\,\sigma_f$. This is why section 2 counts with the mean square
# $E[h^2]$, and not with the variance of $h$.
#
# And does tanh with Xavier's weights keep the variance? Only where it is linear. It bends down, so
# its mean square is a little less than that of its input: $q$ becomes about $q - 2q^2$. From layer
# to layer that gives a slow decay, $q \approx 1/(2l)$ in layer $l$ of a wide network. Narrow ones,
# as before, sink further.

# %% tags=["S4.xavier"]
relus = [max(0.0, rng.gauss(0.0, 1.0)) for _ in range(N)]
check("ReLU's mean", fmean(relus), 1 / math.sqrt(2 * math.pi), within=0.02)
q, bell = 0.01, NormalDist()
spread = [bell.inv_cdf((k + 0.5) / 2000) * math.sqrt(q) for k in range(2000)]  # normal numbers
bent = mean_square([Value(f).tanh().data for f in spread])
check("q less what tanh leaves, over q²", (mean_square(spread) - bent) / q**2, 2.0, within=0.1)

runs = []
for seed in range(12):
    model = MLP(20, [20] * 30 + [1], activation="tanh", init="xavier", rng=seed)
    example = gaussian_points(1, [0.0] * 20, rng=1000 + seed)
    runs.append(squares(activation_statistics(model, example)))
last = [run[-1] for run in runs]
check("layer 30: all have decayed, below 0.1", max(last) < 0.1, True)
check("slowly: far above the 1/2 per layer of ReLU", min(last) > 1000 * 0.5**29, True)
plots.bands(
    {"tanh, Xavier: 12 networks": runs}, log=True, xlabel="layer", ylabel="mean square",
    dots={"1/(2 layer)": {k - 1: 1 / (2 * k) for k in (2, 5, 10, 20, 30)}},
)  # fmt: skip

# %% [markdown] tags=["S4.mean"]
# ## 6. Why the weights lie around 0
#
# Because signs cancel. A sum of $D$ products of both signs grows like $\sqrt D$; with a mean $\mu$
# in the weights there is another part, $D\mu$ times the mean of $h$, which is the *same for every
# unit* and grows like $D$. For $D = 40$ a mean of only 0.1 makes that part 4 times larger in each
# layer, and its square 16 times: the network explodes, and its units differ far less than they
# should.

# %% tags=["S4.mean"]
growths, alike = [], []
for seed in range(10):
    model = MLP(40, [40] * 10 + [1], rng=seed,
                init=lambda rng, fan_in: rng.gauss(0.1, math.sqrt(2 / fan_in)))  # fmt: skip
    example = gaussian_points(1, [0.0] * 40, rng=seed)
    found = activation_statistics(model, example)[:10]
    growths.append((squares(found)[-1] / squares(found)[3]) ** (1 / 5))
    alike.append(found[-1].variance / found[-1].mean ** 2)
check("growth of the mean square per layer", median(growths), (40 * 0.1) ** 2, within=0.15)
check("variance over squared mean, in layer 10: at most", max(alike) < 0.5, True)
usual = mean_square(relus) / fmean(relus) ** 2 - 1
check("in ReLUs around whose f lies 0 it is π - 1", usual, math.pi - 1, within=0.05)

# %% [markdown] tags=["S4.mean"]
# Biases need no such care: they may all start at 0. A bias only adds, so no slope of
# $f = b + wh$ contains it: those are $h$, $w$ and 1, whatever $b$ is. It gets a gradient of its
# own from the start, the one that arrives at $f$, and with different weights every unit gets a
# different one.

# %% tags=["S4.mean"]
for bias in (0.0, 0.7):
    h, w, b = Value(2.0), Value(-0.5), Value(bias)
    f = b + w * h
    f.backward()
    check(f"b = {bias}: gradients of w, h, b", [w.grad, h.grad, b.grad], [2.0, -0.5, 1.0])

model = MLP(3, [4, 1], activation="tanh", rng=0)
((model([1.0, -1.0, 0.5]) - 1.0) ** 2).backward()
of_biases = [unit.b.grad for unit in model.layers[0].neurons]
check("gradients of four biases that are 0: different ones", len(set(of_biases)), 4)

# %% [markdown] tags=["S4.extreme"]
# ## 7. Beyond extreme: where `nan` comes from
#
# A float ends at about $1.8 \cdot 10^{308}$. If the weights are large enough, the values run past
# it to infinity. Infinity minus infinity is `nan`, and from there on everything is. `first_nan`
# walks to the gate where it began.

# %% tags=["S4.extreme"]
extreme = MLP(16, [16] * 25 + [1], rng=2, init=lambda rng, fan_in: rng.gauss(0.0, 1e15))
out = extreme([1.0] * 16)
culprit = first_nan(out)
check("the largest float", sys.float_info.max, 1.8e308, within=0.01)
check("the output is nan", math.isnan(out.data), True)
check("it began in a gate", culprit.op, "+")
check("of two infinities", [abs(v.data) for v in culprit.inputs], [math.inf] * 2)
check("of opposite sign", sum(v.data > 0 for v in culprit.inputs), 1)

# %% [markdown] tags=["S4.symmetry"]
# ## 8. Zero and constant: the symmetry
#
# *Why not start at zero, then?* Because a product's gradient is the other factor. With all weights
# and biases 0, every hidden unit outputs $g(0)$, what the activation makes of 0. For ReLU and tanh
# that is 0, and of all parameters only the last bias gets a gradient, now and ever.

# %% tags=["S4.symmetry"]
for activation in ("relu", "tanh"):
    zeros = MLP(2, [3, 1], init="zeros", activation=activation)
    loss = (zeros([1.0, 2.0]) - 1.0) ** 2
    loss.backward()
    moving = [p.label for p in zeros.parameters() if p.grad != 0.0]
    check(f"{activation}: parameters with a gradient", moving, ["layer1.neuron0.b"])

# %% [markdown] tags=["S4.sigmoid"]
# The sigmoid is different: $g(0) = \frac12$. Now the weights *above* the hidden units have a
# gradient, and once these are not 0, those below have one as well. Everything moves. But it moves
# in step:


# %% tags=["S4.sigmoid"]
def features(model):
    """How many different units the first layer has."""
    return len({tuple(p.data for p in unit.parameters()) for unit in model.layers[0].neurons})


zeros = MLP(2, [3, 1], init="zeros", activation="sigmoid")
optimizer, moved = SGD(zeros.parameters(), lr=0.1), []
for _ in range(50):
    loss = sum((zeros([a, b]) - a * b) ** 2 for a, b in ((1.0, 2.0), (-1.0, 0.5), (0.5, 1.0)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    moved.append(sum(p.data != 0.0 for p in zeros.parameters()))
check("parameters that are not 0, after 1 and 2 steps, of 13", moved[:2], [4, 13])
check("different units after 50 steps", features(zeros), 1)

# %% [markdown]
# *A constant, then?* Look at two hidden units $h$ and $g$ that start with the same weights: the
# same inputs, the same values, so the same gradients.

# %%
x = Value(2.0)
w, u, a, b = (Value(0.5) for _ in range(4))
h = (w * x).relu()
g = (u * x).relu()
y = a * h + b * g
y.backward()
twins = draw(y, names=locals())
check("dy/dw, dy/du", [w.grad, u.grad], [a.data * x.data, b.data * x.data])
check("dy/da, dy/db", [a.grad, b.grad], [h.data, g.data])
twins

# %% [markdown] tags=["S4.symmetry"]
# The same step from the same place leads to the same place. Twins stay twins, however long you
# train: a layer of 8 is worth a single unit. Random weights are there to make the units different.


# %% tags=["S4.symmetry"]
def train(model, points, labels, steps=40, lr=0.1):
    """The loss of each step of gradient descent, on the whole data set."""
    optimizer = SGD(model.parameters(), lr=lr)
    signs = [[2 * label - 1] for label in labels]
    losses = []
    for _ in range(steps):
        loss = HingeLoss()([[score] for score in model(points)], signs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return losses


points, labels = circles(40, noise=0.05, rng=1)
constants = [MLP(2, [8, 1], init=number) for number in (0.1, 0.3, 0.5, 0.7)]
varied = [MLP(2, [8, 1], rng=seed) for seed in range(10)]
losses = {
    "constant: 0.1, 0.3, 0.5, 0.7": [train(m, points, labels, 100, 0.3) for m in constants],
    "He: ten networks": [train(m, points, labels, 100, 0.3) for m in varied],
}
check("constant starts: different units", [features(m) for m in constants], [1] * 4)
check("He initialisation: different units", [features(m) for m in varied], [8] * 10)
plots.bands(losses, xlabel="step")

# %% [markdown]
# Eight twins can bend their answer along one line only; eight different units can close a ring.


# %%
def accuracy(model):
    with no_grad():
        pairs = zip(model(points), labels, strict=True)
        return sum((score.data > 0) == (label == 1) for score, label in pairs) / len(points)


check("constant starts: best share right, below three quarters",
      max(accuracy(m) for m in constants) < 0.75, True)  # fmt: skip
right = sum(accuracy(m) > 0.9 for m in varied)
check("He: of ten networks above 90 %, at least nine", right >= 9, True)


def boundary(model, title):
    def score(grid):
        with no_grad():
            return [s.data for s in model(grid)]

    return plots.decision_boundary(score, points, labels, resolution=30, title=title)


boundary(constants[2], "started constant: eight times the same unit")

# %%
boundary(varied[0], "He initialisation: eight units")

# %% [markdown]
# ## Exercises
#
# Put your answer, or your code, in place of the dots and run the cell.
#
# **Exercise 1.** A deep network of ReLUs, all layers of the same width, starts with Xavier's
# weights, of variance $1/D$. By the factor of section 2, after how many layers is less than a
# millionth of the variance left? Type a whole number.
#
# <details><summary>A hint</summary>
#
# What does one layer multiply the *variance* by? You want the first power of it below $10^{-6}$.
# (A power of ten is a bit more than three halvings.)
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def layers_needed(k=1.0, left=1e-6):
    depth = 0
    while (k / 2) ** depth >= left:
        depth += 1
    return depth


words_1 = {
    40: "That is the number for the values themselves: the variance is their square.",
    10: "A quarter per layer? Put the variance of the weights into the factor of section 2.",
    6: "A tenth per layer? Put the variance of the weights into the factor of section 2.",
}  # fmt: skip

# %% tags=["aim-1"]
answer(1, ..., layers_needed, but=words_1)

# %% [markdown]
# **Exercise 2.** PyTorch's `Linear`, and ours, draws weights uniformly between $-1/\sqrt{D}$ and
# $1/\sqrt{D}$. By what factor does the variance change in each layer of a deep ReLU network that
# starts this way? Type a number.
#
# <details><summary>A hint</summary>
#
# The variance of a uniform number between $-a$ and $a$ is its mean square,
# $\frac{1}{2a}\int_{-a}^{a} x^2\,dx$. Put it into $D\sigma^2/2$.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def default_factor():
    weight = Linear(200, 200, rng=0).weight
    return 200 * mean_square([w.data for row in weight for w in row]) / 2


words_2 = {
    1 / 3: "That is the variance times D. And what does ReLU do?",
    1 / 2: "That would be a variance of 1/D. The bounds are not the standard deviation.",
    2 / 3: "The factor of a ReLU layer has its 2 below the line.",
}  # fmt: skip

# %% tags=["aim-1", "aim-2"]
answer(2, ..., default_factor, within=0.01, but=words_2)

# %% [markdown]
# **Exercise 3.** Leaky ReLU passes a share $a$ of what lies below 0: $h = f$ above 0 and $h = af$
# below. Derive, as in section 2, which variance of the weights keeps the variance from layer to
# layer, and write it down as a function of the fan in and of $a$. It is judged by drawing.
#
# <details><summary>A hint</summary>
#
# Only one line of the derivation changes: $E[h^2]$ has a second integral, over the lower half. For
# $a = 0$ you must get He's formula back, and for $a = 1$, where nothing bends, Xavier's.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def keeps(variance_of):
    """What a layer multiplies the variance by, for three slopes: 1, or a word on it."""
    rng = Random(1)
    for fan_in, a in ((50, 0.0), (50, 0.6), (200, 1.0)):
        found, trouble = attempt(variance_of, fan_in, a, form="(fan_in, a)")
        if trouble or not isinstance(found, int | float):
            return Grade(False, trouble or "It must return one number.")
        h = [Value(rng.gauss(0.0, 1.0)).leaky_relu(a).data for _ in range(20_000)]
        factor = fan_in * found * mean_square(h)
        if abs(factor - 1) > 0.05:
            told = f"With fan in {fan_in} and a = {a} a layer multiplies the variance by "
            why = "the lower half is left out?" if a and found == 2 / fan_in else "draw E[h²]?"
            return Grade(False, f"{told}{factor:.3g}: {why}")
    return Grade(True, "Right: the variance stays for a = 0, 0.6 and 1.")


# %% tags=["aim-2", "aim-3"]
def start_variance(fan_in, a):
    """The variance of the weights under leaky ReLU of slope a."""
    return ...


graded(3, keeps, start_variance)

# %% [markdown]
# **Exercise 4.** Write the compromise $4/(D+D')$ as an initialiser. `weight` is a list of rows of
# Values, a row per output; write to the `.data` of each, and draw all you need from `rng`, with
# `rng.gauss(mean, standard deviation)`.
#
# <details><summary>A hint</summary>
#
# $D$ is the length of a row, $D'$ the number of rows. `gauss` takes the standard deviation, which
# is not the variance.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def compromise(fill):
    return judges.initializer(fill, init.kaiming_normal_, mode="average", nonlinearity="relu")


# %% tags=["aim-3"]
def fill(weight, rng):
    std = ...
    for row in weight:
        for w in row:
            w.data = rng.gauss(0.0, std)


graded(4, compromise, fill)

# %% [markdown]
# **Exercise 5.** Four hidden units all start with weights 0.5, but one of them has its first weight
# moved to 0.51. How many *different* hidden units are there after five steps of training? Type a
# whole number. (Then try `nudged(0.51, 0.52)`.)
#
# <details><summary>A hint</summary>
#
# Two units that start alike and see the same inputs stay alike. Which units start alike here?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def nudged(*firsts):
    model = MLP(2, [4, 1], init=0.5)
    for unit, number in zip(model.layers[0].neurons, firsts, strict=False):
        unit.w[0].data = number
    train(model, points, labels, steps=5)
    return features(model)


def wanted_5():
    return nudged(0.51)


words_5 = {
    4: "Nothing makes a difference between units that start equal: training cannot part them.",
    1: "A unit that starts elsewhere gets gradients of its own.",
    3: "Count again how many were moved, and in how many groups the others fall.",
}  # fmt: skip

# %% tags=["aim-4"]
answer(5, ..., wanted_5, but=words_5)

# %% [markdown]
# **Exercise 6.** A network of ReLUs has 60 units in each layer, and its weights have a mean of 0.05
# by mistake. By what factor does the mean square grow in each layer, once the part that all units
# share is by far the largest? Type a number.
#
# <details><summary>A hint</summary>
#
# Write $h_j = m$ for all $j$: what is then $\sum_j \Omega_{ij} h_j$, and what is its square?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def shared_growth(units=60, mean=0.05):
    h = Value(1.0)
    total = sum(mean * h for _ in range(units))
    return total.data**2


words_6 = {
    3: "That is the factor of the values. The question is about their mean square.",
    0.15: "That is D times the square of the mean: the terms have one sign, so they add up first.",
    1.5: "ReLU takes nothing away here: the shared part is above 0.",
}  # fmt: skip

# %% tags=["aim-1", "aim-4"]
answer(6, ..., shared_growth, but=words_6)

# %% [markdown]
# **Exercise 7.** In the circuit of the twins, the two halves must get equal gradients. In the walk
# below somebody made one mistake on the way back, and the twins differ. Which is it? Type its name
# in quotes, one of `"overwrote"`, `"wrong operand"`, `"sign"`, `"max to both"`, `"stale value"`,
# `"wrong order"`, `"did not zero"`.
#
# <details><summary>A hint</summary>
#
# Step backward until a wire of one twin brings something else than the same wire of the other.
# Which number did the gate take for its slope there, and which should it take?
#
# </details>

# %%
wrong_walk = sabotage(y, seed=1)
wrong_walk


# %% jupyter={"source_hidden": true}
# The judge of exercise 7.
def wanted_7():
    return wrong_walk.mistake.name


words_7 = {
    "sign": "All gradients here are positive, and all of them should be.",
    "overwrote": "Only x gets two parts. Is it x that is wrong?",
    "stale value": "No number has changed since the forward pass. Which of them is the slope?",
}  # fmt: skip

# %% tags=["aim-4"]
answer(7, ..., wanted_7, but=words_7)

# %% [markdown]
# So far it was mostly ReLUs. Next:
# [7. What an activation lets through](07_activations.ipynb).
