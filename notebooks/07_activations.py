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
# # What an activation lets through
#
# **The weights are well chosen, the values stay level, and still nothing reaches the first layers.
# Where does the gradient get lost?**
#
# You will be able to
#
# - say what slope a sigmoid, a tanh and a ReLU let through, from their input or their output;
# - predict what a deep stack of sigmoids does to a gradient;
# - say where a ReLU has its elbow, and spread the elbows of a layer;
# - tell when a ReLU is dead, when it may come back, and what helps.
#
# You need school calculus and lesson 6, for the variance of a layer.

# %%
import math
from random import Random
from statistics import fmean, median

from lesson import answer, check, graded

from autograd_core import Grade, Value, attempt, grad
from nn import MLP, HingeLoss, Linear, ReLU, Sequential, init
from nn.data import circles, gaussian_points
from nn.diagnose import activation_statistics, dead_relus, elbows, gradient_statistics
from nn.optim import SGD
from viz import draw, explain, plots, step

# %% [markdown] tags=["S10.slope"]
# ## 1. The sigmoid's small slope
#
# On its way down, a gradient is multiplied by the slope of every activation it meets. So ask the
# engine for the sigmoid's slope along a line, and for those of its relatives.


# %% tags=["S10.slope"]
def slope(gate, at):
    x = Value(at)
    return grad(gate(x), [x])[0].data


gates = {"sigmoid": Value.sigmoid, "tanh": Value.tanh, "ReLU": Value.relu}
line = [k / 10 for k in range(-80, 81)]
plots.curves(
    {name: [(x, slope(gate, x)) for x in line] for name, gate in gates.items()},
    xlabel="f", ylabel="slope", title="what each activation lets through",
)  # fmt: skip

# %% [markdown]
# The sigmoid's slope is $1/4$ at 0, less everywhere else, and goes to 0 in both tails. The slope of
# tanh is 1 at 0, and its tails are thinner still. ReLU's is 1 or 0, with nothing between.

# %% tags=["S10.slope"]
slopes = [slope(Value.sigmoid, x) for x in line]
check("slope at 0", slope(Value.sigmoid, 0.0), 0.25)
check("largest on the line, and where", [max(slopes), line[slopes.index(max(slopes))]], [0.25, 0.0])
check("it falls to the right of 0", slopes[80:], sorted(slopes[80:], reverse=True))
check("and lies alike to the left", slopes, slopes[::-1])
check("at -10 and 10", [slope(Value.sigmoid, x) for x in (-10.0, 10.0)], [4.54e-5] * 2, within=1e-7)
check("at 40: tiny, and not 0", 0.0 < slope(Value.sigmoid, 40.0) < 1e-17, True)
check("tanh at 0 and 10", [slope(Value.tanh, x) for x in (0.0, 10.0)], [1.0, 8.24e-9], within=1e-11)

# %% [markdown] tags=["S10.output"]
# You can tell the slope from the *output* alone, and need not know what went in: it is
# $h(1-h)$ for the sigmoid and $1-h^2$ for tanh (lesson 3 derives the first). A unit near the ends
# of its range, a sigmoid near 0 or 1 and a tanh near -1 or 1, is *saturated*: it lets nearly
# nothing through. That is worth a look in a trained network, where outputs are what you see.

# %% tags=["S10.output"]
for f in (-3.0, 0.5, 4.6):
    h, t = Value(f).sigmoid().data, Value(f).tanh().data
    check(f"f = {f}: output {h:.3f}, slope", slope(Value.sigmoid, f), h * (1 - h))
    check(f"f = {f}: tanh {t:.3f}, slope", slope(Value.tanh, f), 1 - t * t)

# %% [markdown]
# ## 2. A stack of sigmoids
#
# Stack three, and the slopes multiply: at most $1/4$ each, so at most $1/64$ together.

# %% tags=["S10.stack"]
x = Value(0.0)
s1 = x.sigmoid()
s2 = s1.sigmoid()
s3 = s2.sigmoid()
s3.backward()
walk = step(s3, names=locals())
slopes = [slope(Value.sigmoid, v.data) for v in (x, s1, s2)]
check("ds3/dx is the product of the slopes", x.grad, math.prod(slopes))
check("below 1/64", x.grad < 1 / 64, True)
check("the first slope at x = 6", slope(Value.sigmoid, 6.0), 0.0025, within=1e-4)
walk

# %% [markdown]
# Step it, and put $x$ to 6: the first gate is saturated, its slope 0.0025, and hardly anything
# comes through. The chain rule of $x$, with its numbers:

# %%
explain(s3, x, names=locals())

# %% [markdown] tags=["S10.stack"]
# Now a deep stack of layers: 20 of 12 units, with Xavier weights for sigmoid and tanh and He
# weights for ReLU, twelve networks of each. Read the picture from right to left, as gradients go.
# (Layer 0 is the first; the line is the median, the band holds all twelve.)


# %% tags=["S10.stack"]
kinds = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he"}
spread, gradients = {}, {}
for activation, start in kinds.items():
    spread[activation], gradients[activation] = [], []
    for seed in range(12):
        model = MLP(12, [12] * 20 + [1], activation=activation, init=start, rng=seed)
        example = gaussian_points(1, [0.0] * 12, rng=100 + seed)
        spread[activation].append(activation_statistics(model, example)[-2].variance)
        found = gradient_statistics(model, example, lambda outputs: outputs[0])[:-1]
        gradients[activation].append([s.variance + s.mean**2 for s in found])
plots.bands(gradients, log=True, xlabel="layer", ylabel="mean square of the gradients",
            title="20 layers of 12 units, 12 networks each")  # fmt: skip

# %% [markdown]
# The values of the sigmoids look healthy, yet their gradients die. Xavier's weights alone would
# about keep the mean square; the slopes, at most $1/4$, divide it by at least $4^2 = 16$ in a
# typical layer. Tanh and ReLU lose far less. This is why hidden layers are seldom made of sigmoids
# now.

# %% tags=["S10.stack"]
rates = {name: [(run[0] / run[-1]) ** (1 / 19) for run in runs] for name, runs in gradients.items()}
for name, found in rates.items():
    print(f"{name}: factor per layer {min(found):.3f} to {max(found):.3f}")
check("sigmoid: below 1/16 in at least nine of ten", sorted(rates["sigmoid"])[10] < 1 / 16, True)
check("tanh and ReLU: at least a half, typically",
      min(median(rates["tanh"]), median(rates["relu"])) > 0.5, True)  # fmt: skip
check("the sigmoids' values differ still", min(spread["sigmoid"]) > 1e-3, True)

# %% [markdown] tags=["S13.elbows"]
# ## 3. Elbows
#
# A ReLU of one input bends where $wx + b = 0$, at $x = -b/w$: its *elbow* (Berkeley EECS 182/189
# notes). A network of one hidden layer bends its answer only at these places, so it matters where
# they start. With biases of 0, as in He initialisation, all of them lie on one spot. Random biases
# spread them.

# %% tags=["S13.elbows"]
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

# %% tags=["S13.elbows"]
many = elbows(Linear(1, 4000, rng=0))
check("share between -1 and 1", sum(-1 < e < 1 for e in many) / 4000, 0.5, within=0.03)

# %% [markdown]
# What an elbow is good for shows in the slope of the whole network. Three units, elbows at -1, 0
# and 2: between the elbows the slope of the sum stays what it is, at each of them it changes by
# $|w|$ times the weight above.

# %% tags=["S13.elbows"]
units = [(1.0, 1.0, 0.5), (1.0, 0.0, -2.0), (2.0, -4.0, 1.0)]  # w, b, and the weight above


def bent(x):
    return sum(above * (w * x + b).relu() for w, b, above in units)


found = [slope(bent, at) for at in (-1.5, -0.5, 1.0, 1.9, 2.1)]
check("slopes left of -1, then between, then right of 2", found, [0.0, 0.5, -1.5, -1.5, 0.5])
plots.curves({"the sum": [(x / 10, bent(Value(x / 10)).data) for x in range(-30, 41)]})

# %% [markdown]
# With more inputs than one, biases of 0 do less harm: the elbow is then a line or plane through the
# origin, and planes at many angles still make the units different. An elbow far outside the data is
# another matter. If the data lie on its one side, the unit is always on and merely linear; on its
# other side it is dead.

# %% [markdown] tags=["S13.dead"]
# ## 4. Dead ReLUs
#
# A ReLU whose input is below 0 on every example outputs 0, and its slope is 0: neither its weight
# nor its bias is told to change.

# %% tags=["S13.dead"]
x, w, b = Value(0.5), Value(1.0), Value(-2.0)
h = (w * x + b).relu()
h.backward()
picture = draw(h, names=locals())
check("gradients of w, b, x", [w.grad, b.grad, x.grad], [0.0, 0.0, 0.0])
picture

# %% [markdown]
# How do units die? From a bias far below 0, or from one training step that was too long.
# `dead_relus` counts them. First the biases: 50 units on the same 40 points, five draws each.

# %% tags=["S13.dead"]
points, labels = circles(40, noise=0.05, rng=1)
counts = []
for bias in (0.0, -0.5, -1.0, -2.0, -4.0):
    of_five = []
    for seed in range(5):
        layer = Sequential(Linear(2, 50), ReLU())
        init.kaiming_normal_(layer[0].weight, rng=seed)
        init.constant_(layer[0].bias, bias)
        of_five.append(len(dead_relus(layer, points)[0].dead))
    counts.append(fmean(of_five))
    print(f"bias {bias:4}: {min(of_five)} to {max(of_five)} of 50 dead")
check("the lower, the more", counts, sorted(counts))
check("at 0 and at -4, on average", [counts[0], counts[-1]], [0, 50], within=1)

# %% [markdown]
# Now the steps. Ten networks, trained with steps of 1 and with steps of 10:


# %% tags=["S13.dead"]
def train(model, points, labels, steps=40, lr=0.1):
    """Gradient descent, on the whole data set."""
    optimizer = SGD(model.parameters(), lr=lr)
    signs = [[2 * label - 1] for label in labels]
    for _ in range(steps):
        loss = HingeLoss()([[score] for score in model(points)], signs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


trained, dead = {}, {}
for lr in (1.0, 10.0):
    trained[lr] = [MLP(2, [16, 1], rng=seed) for seed in range(10)]
    for model in trained[lr]:
        train(model, points, labels, steps=10, lr=lr)
    dead[lr] = [len(dead_relus(model, points)[0].dead) for model in trained[lr]]
    print(f"step {lr}: dead units of 16: {dead[lr]}")
check("a step of 1: hardly one", median(dead[1.0]), 0)
check("a step of 10: all 16", median(dead[10.0]), 16)

# %% [markdown]
# In the *first* layer dead means dead for good, as long as the data stay the same and only
# gradients move the weights: what comes in never changes, and neither does the unit. Go on with a
# small step, and no hidden parameter of such a network ever moves again.

# %% tags=["S13.dead"]
model = next(m for m, count in zip(trained[10.0], dead[10.0], strict=True) if count == 16)
hidden = [p.data for p in model.layers[0].parameters()]
train(model, points, labels, steps=20, lr=0.1)
check("all are where they were", [p.data for p in model.layers[0].parameters()] == hidden, True)

# %% [markdown]
# In a *deeper* layer that need not be so: what comes in is made by units below, and these move, if
# something else tells them to. Here $h$ feeds two units, one alive and one dead. The live one wants
# $h$ larger, $h$ grows, and wakes the other.

# %% tags=["S13.dead"]
w, above, bias = Value(1.0), Value(1.0), Value(-1.5)
optimizer, sleeper = SGD([w, above, bias], lr=0.05), []
for _ in range(30):
    h = (w * 1.0).relu()  # the layer below
    alive, asleep = h.relu(), (above * h + bias).relu()
    loss = (alive + asleep - 4.0) ** 2
    optimizer.zero_grad()
    loss.backward()
    sleeper.append((asleep.data, above.grad))
    optimizer.step()
check("output and gradient at first", sleeper[0], [0.0, 0.0])
check("it wakes in step", next(k for k, (out, _) in enumerate(sleeper) if out > 0), 2)
check("and learns: the loss at the end", loss.data, 0.0, within=0.01)

# %% [markdown]
# ## 5. Keep a slope on the lower side
#
# *Leaky ReLU* keeps a small constant slope below 0, *ELU* one that fades out as $e^f$.

# %% tags=["S13.dead"]
x, w, b = Value(0.5), Value(1.0), Value(-2.0)
h = (w * x + b).leaky_relu(0.1)
h.backward()
walk = step(h, names=locals())
check("gradients of w, b, x", [w.grad, b.grad, x.grad], [0.1 * x.data, 0.1, 0.1 * w.data])
walk

# %% [markdown]
# Step it, and raise $b$ until the unit switches on. The slopes of all three, from the engine:

# %%
gates = {"ReLU": Value.relu, "leaky ReLU, 0.1": lambda v: v.leaky_relu(0.1), "ELU": Value.elu}
near = [k / 10 for k in range(-40, 41)]
plots.curves(
    {name: [(x, slope(gate, x)) for x in near] for name, gate in gates.items()},
    xlabel="f", ylabel="slope",
)  # fmt: skip

# %% [markdown]
# They bring a dead unit back. One unit, with bias -2, is to learn the line $(x+1)/2$ between -1
# and 1. There its $f$ starts below 0 throughout.


# %% tags=["S13.dead"]
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


curves = {name: revive(gate) for name, gate in gates.items()}
check("ReLU has learnt nothing", curves["ReLU"][-1], curves["ReLU"][0])
check("leaky ReLU", curves["leaky ReLU, 0.1"][-1] < 0.1, True)
check("ELU", curves["ELU"][-1] < 1e-6, True)
plots.training_curves(curves, log=True, xlabel="step")

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Put a weight before a sigmoid, $\sigma(wx)$. Which $w$ makes the slope in $x$ at
# $x = 0$ just 1, so that gradients pass unchanged? Type a number. (Then try
# `weighted_slope(w, 1.0)` and see why this is no cure.)
#
# <details><summary>A hint</summary>
#
# The chain rule has two factors here: the sigmoid's own slope at 0, and that of $wx$.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def weighted_slope(w, at):
    return slope(lambda x: (w * x).sigmoid(), at)


def wanted_1():
    return 1 / slope(Value.sigmoid, 0.0)


words_1 = {
    0.25: "That is the sigmoid's own slope. What must it be multiplied by?",
    1: "With this weight the slope is still the sigmoid's own.",
    2: "The output at 0 is a half; the question is about the slope.",
}  # fmt: skip

# %% tags=["aim-1"]
answer(1, ..., wanted_1, but=words_1)

# %% [markdown]
# **Exercise 2.** *Softsign* is $h = f / (1 + |f|)$, another curve from -1 to 1. Derive its slope,
# and write it as a function of the *output* $h$ alone, as it is done for the sigmoid and for tanh
# in section 1. It is compared with the engine.
#
# <details><summary>A hint</summary>
#
# Take $f > 0$ first: $h = 1 - \frac{1}{1+f}$. Derive, then say what $\frac{1}{1+f}$ is in terms of
# $h$. For $f < 0$ the curve is the same, turned around the origin.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def softsign(f):
    return f / (1 + abs(f))


def same_slope(function):
    for f in (0.0, 1.0, 3.0, -0.5, -4.0):
        h, expected = softsign(Value(f)).data, slope(softsign, f)
        got, trouble = attempt(function, h, form="(h)")
        if trouble or not isinstance(got, int | float):
            return Grade(False, trouble or "It must return one number.")
        if abs(got - expected) > 1e-9:
            twice = " Its square would be right here." * (abs(got**2 - expected) < 1e-9)
            side = " For f > 0 all was right: mind the sign of h." * (f < 0)
            return Grade(False, f"At f = {f}, h = {h:.3g} it gives {got:.3g}.{twice}{side}")
    return Grade(True, "Right: five slopes are the engine's.")


# %% tags=["aim-1"]
def slope_from_output(h):
    """The slope of softsign where its output is h."""
    return ...


graded(2, same_slope, slope_from_output)

# %% [markdown]
# **Exercise 3.** Sigmoids are stacked on $x = 0$, one on the other, without any weights. How many
# does it take until less than one part in ten thousand of the gradient reaches $x$? Type a whole
# number.
#
# <details><summary>A hint</summary>
#
# No slope is above 1/4, and only the first is as large as that. Powers of 4 are enough.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def stack_needed(left=1e-4):
    height, gradient = 0, 1.0
    while gradient >= left:
        x = top = Value(0.0)
        height += 1
        for _ in range(height):
            top = top.sigmoid()
        gradient = grad(top, [x])[0].data
    return height


words_3 = {
    4: "That would be a tenth in each. How much does a sigmoid let through at most?",
    14: "That would be a half in each: the output at 0 is 1/2, its slope is less.",
    6: "Nearly: work out the power of 1/4 once more.",
}  # fmt: skip

# %% tags=["aim-2"]
answer(3, ..., stack_needed, but=words_3)

# %% [markdown]
# **Exercise 4.** Spread the elbows. `weight` has a row with one Value for each unit, and is filled
# already; `bias` is a list of Values. Set the biases so that the elbows lie evenly at random
# between -2 and 2. Draw from `rng`: `rng.uniform(low, high)`.
#
# <details><summary>A hint</summary>
#
# Draw the place of the elbow first. The elbow is at $x = -b/w$: which $b$ puts it there?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def evenly(function):
    layer = Linear(1, 600, rng=4)
    init.kaiming_normal_(layer.weight, rng=5)
    _, trouble = attempt(function, layer.weight, layer.bias, Random(6), form="(weight, bias, rng)")
    if trouble:
        return Grade(False, trouble)
    found = elbows(layer)
    outside = sum(abs(e) > 2 for e in found)
    if outside:
        far = max(found, key=abs)
        return Grade(
            False, f"{outside} of 600 elbows lie beyond -2 and 2, one of them at {far:.3g}"
        )
    quarters = [sum(low <= e < low + 1 for e in found) / 600 for low in (-2, -1, 0, 1)]
    if max(quarters) > 0.33:
        return Grade(False, f"They crowd: the shares from -2 to 2, unit by unit, are {quarters}")
    return Grade(True, "Right: 600 elbows, about a quarter in each unit from -2 to 2.")


# %% tags=["aim-3"]
def spread_elbows(weight, bias, rng):
    for (w,), b in zip(weight, bias, strict=True):
        place = rng.uniform(-2.0, 2.0)
        b.data = ...


graded(4, evenly, spread_elbows)

# %% [markdown]
# **Exercise 5.** A unit $\text{ReLU}(2x + b)$ sees inputs $x$ from -1 to 1. Below which $b$ is it
# dead on all of them? Type a number.
#
# <details><summary>A hint</summary>
#
# On which of the inputs is $2x + b$ largest? The unit is dead if it is not above 0 even there. Or:
# where must the elbow be?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def alive(b):
    return any((2 * Value(k / 10) + b).relu().data > 0 for k in range(-10, 11))


def last_dead():
    return max(k / 10 for k in range(-50, 51) if not alive(k / 10))


words_5 = {
    2: "With this bias the unit is on for all inputs: it is merely linear.",
    0: "With this bias the unit is on for half of the inputs.",
    -1: "At x = 1 it would still be on. Mind the weight.",
    -0.5: "The elbow is at -b/w: the weight stands below the line.",
}  # fmt: skip

# %% tags=["aim-3", "aim-4"]
answer(5, ..., last_dead, but=words_5)

# %% [markdown]
# **Exercise 6.** A hidden ReLU has just died: it is 0 on all examples, and training goes on, on the
# same examples. In which of these cases does the number that goes *into* the ReLU still move?
# (a) first layer, plain gradient descent; (b) first layer, with momentum; (c) second layer, plain;
# (d) first layer, plain, but with weight decay. Type a list of four numbers, 1 for yes and 0 for
# no. (Then think: in which of them can it come back above 0?)
#
# <details><summary>A hint</summary>
#
# Its own gradients are 0. What else moves a weight, or an input? Momentum adds up past gradients;
# weight decay pulls each parameter towards 0, whatever the loss says.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def moves(deep=False, **settings):
    """Whether the unit's pre-activation changes in the step after it has died."""
    below, w, b = Value(1.0), Value(1.0), Value(0.0)
    optimizer, f_after = SGD([below, w, b], lr=1.0, **settings), []
    for _ in range(3):
        x = below if deep else 1.0
        f = w * x + b
        f_after.append(f.data)
        loss = 2 * f.relu() + below**2 * 0.1  # which the unit below hears in any case
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return int(f_after[1] < 0 and f_after[2] != f_after[1])


cases = {"momentum": 0.5}, {"deep": True}, {"weight_decay": 0.1}


def wanted_6():
    return [moves(), *[moves(**case) for case in cases]]


words_6 = {
    (0, 0, 0, 0): "Dead is not always for good: see the end of section 4.",
    (0, 0, 1, 0): "The layer is not all that counts. Gradients are not all that moves a weight.",
    (1, 1, 1, 1): "In one of the four nothing can move: neither the unit nor what comes in.",
}  # fmt: skip

# %% tags=["aim-4"]
answer(6, ..., wanted_6, but=words_6)

# %% [markdown]
# Next: [8. Starting by measuring](08_normalisation.ipynb). Why trust a formula, if you can measure?
