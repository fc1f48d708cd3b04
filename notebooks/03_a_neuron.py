# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A neuron
#
# **A neuron gives 0.73 where it should give 1. Which of its numbers should move, which way, and how
# much does each of them count?**
#
# You will be able to
#
# - read off a neuron's gradients on its weights and on its inputs;
# - cut a formula into stages that are easy to differentiate, and see when one big gate is better;
# - say what scaling the data does to the gradients of the weights, and to the learning rate;
# - ask a trained classifier what it looks at.
#
# This lesson covers S6 (its neuron, staged computation, the sigmoid as one gate and as four, data
# scaled by n) and S16 of the course's list of systems.

# %%
import math

from lesson import answer, check, graded

from autograd_core import (
    Value,
    check_gradient,
    exp,
    grade_gradients,
    gradients,
    no_grad,
    sigmoid,
)
from nn import MLP, BCEWithLogitsLoss, moons
from nn.optim import Adam
from viz import draw, plots, step

# %% [markdown]
# ## The neuron's numbers (S6)
#
# A neuron weighs its inputs, adds a bias and squashes the sum into the range from 0 to 1:
#
# $$f = \sigma(w_0 x_0 + w_1 x_1 + w_2), \qquad \sigma(s) = \frac{1}{1 + e^{-s}}$$
#
# These are the weights and inputs of Stanford CS231n's backpropagation notes. The bias is $w_2$.

# %%
w0, w1, w2 = Value(2.0), Value(-3.0), Value(-3.0)
x0, x1 = Value(-1.0), Value(-2.0)
s = w0 * x0 + w1 * x1 + w2
f = sigmoid(s)
f.backward()
names = dict(locals())  # the names so far, for the pictures
draw(f, names=names)

# %%
check("f", f, 0.73, within=0.005)
check("df/dw0, df/dw1, df/dw2", [w0.grad, w1.grad, w2.grad], [-0.20, -0.39, 0.20], within=0.005)
check("df/dx0, df/dx1", [x0.grad, x1.grad], [0.39, -0.59], within=0.005)

# %% [markdown]
# So to raise $f$, raise $w_2$ and lower $w_0$ and $w_1$. Of the three, $w_1$ counts most. A
# multiplication hands each factor the *other* one, so $w_1$ gets its input $-2$, the larger of the
# two in size, as its factor. Large inputs make large gradients on their weights: keep that in mind.
#
# A step of 0.5 along the gradient, all three weights at once, does raise it, from 0.73 to 0.83:

# %%
moved = [w.data + 0.5 * w.grad for w in (w0, w1, w2)]
check("f after the step", sigmoid(-1.0 * moved[0] - 2.0 * moved[1] + moved[2]), 0.83, within=0.005)

# %% [markdown]
# Step it. Backward, the sigmoid shrinks what arrives to 0.2 of it; the sums pass it on unchanged;
# the products swap. Then open *What if?* and change `w2` from $-3$ to $6$: the sum is then 10, the
# sigmoid is flat, and every gradient all but disappears.

# %%
step(f, names=names)

# %%
check("the sigmoid's slope", f.partials[0], 0.2, within=0.005)
check("the sum, with w2 = 6", 2.0 * -1.0 + -3.0 * -2.0 + 6.0, 10.0)
flat = sigmoid(Value(10.0))
check("the sigmoid's slope there is below 0.0001", flat.partials[0] < 0.0001, True)

# %% [markdown]
# ## One gate, or four (S6)
#
# Who decides what a gate is? You do. The sigmoid can be one gate with the slope $\sigma (1 -
# \sigma)$, or it can be made of four simpler ones: minus, $\exp$, plus 1, and one over.

# %%
t = Value(1.0)
minus = -t
e = exp(minus)
d = 1.0 + e
four = 1.0 / d
four.backward()
parts = dict(t=t, minus=minus, e=e, d=d, four=four)
draw(four, names=parts)

# %%
step(four, names=parts)

# %% [markdown]
# Follow the red numbers from right to left: 1, then $-0.53$ twice, then $-0.20$, then $0.20$. In
# the end the same number arrives as through the single gate.

# %%
check("on d, e", [d.grad, e.grad], [-0.53, -0.53], within=0.005)
check("on minus, t", [minus.grad, t.grad], [-0.20, 0.20], within=0.005)
check("the value: four gates = one", four.data, f.data)
check("the slope: four gates = one", t.grad, s.grad)
check("gates", sum(1 for v in gradients(four) if v.inputs), 4)

# %% [markdown]
# So is there no difference? On paper none. On a computer, far out in the tail, there is: the four
# pass through a number too large or too small for a float; the single gate does not.


# %%
def as_four(t):
    return 1.0 / (1.0 + exp(-t))


far = Value(-400.0)
check("slope at -400, one gate, in logarithm", math.log(sigmoid(far).partials[0]), -400.0)
check("slope at -400, four gates", gradients(as_four(far))[far], 0.0, within=0.0)
try:
    as_four(Value(-800.0))
except OverflowError as error:
    print("four gates at -800:", error)
check("one gate at -800", sigmoid(Value(-800.0)), 0.0, within=0.0)

# %% [markdown]
# That gives a rule of thumb for choosing gates: whatever has a simple slope of its own, and is used
# often, deserves to be one.
#
# ## Staged computation (S6)
#
# Cut a long formula into stages, each of which you can differentiate in your head. Keep what the
# forward pass computes, and walk the stages backward: the gradient of a name is collected by `+=`
# from everything that used it. This function has no use except as practice (it is from Stanford
# CS231n's backpropagation notes):
#
# $$q(x, y) = \frac{x + \sigma(y)}{\sigma(x) + (x + y)^2}$$


# %%
def forward(x, y, sigmoid):
    sig_y = sigmoid(y)
    top = x + sig_y
    sig_x = sigmoid(x)
    xy = x + y
    square = xy**2
    bottom = sig_x + square
    q = top / bottom
    return dict(sig_y=sig_y, top=top, sig_x=sig_x, xy=xy, square=square, bottom=bottom, q=q)


x, y = Value(3.0), Value(-4.0)
stages = forward(x, y, sigmoid)
stages["q"].backward()
staged = dict(x=x, y=y, **stages)
draw(stages["q"], names=staged)

# %% [markdown]
# Backward by hand, on plain numbers, one short block for each stage. Nothing but the chain rule,
# and `+=` at the places where `x` and `y` are used again.

# %%
n = forward(3.0, -4.0, sigmoid)  # the same stages on plain numbers
dtop = 1.0 / n["bottom"]  # q = top / bottom
dbottom = -n["top"] / n["bottom"] ** 2
dsig_x = dbottom  # bottom = sig_x + square
dsquare = dbottom
dxy = 2.0 * n["xy"] * dsquare  # square = xy**2
dx = dxy  # xy = x + y
dy = dxy
dx += n["sig_x"] * (1.0 - n["sig_x"]) * dsig_x  # sig_x = sigmoid(x)
dx += dtop  # top = x + sig_y
dsig_y = dtop
dy += n["sig_y"] * (1.0 - n["sig_y"]) * dsig_y  # sig_y = sigmoid(y)

check("q", stages["q"], n["q"])
check("dq/dx, by hand = engine", dx, x.grad)
check("dq/dy, by hand = engine", dy, y.grad)

# %% [markdown]
# Nobody wrote down the derivative of $q$ as one formula, and nobody needs it. Step it and find the
# three paths that bring something to `x`, and the two to `y`.

# %%
step(stages["q"], names=staged)

# %%
told = [one.text for one in step(stages["q"], names=staged)]
check("paths to x", sum(text.startswith("x is used 3 times") for text in told), 3)
check("paths to y", sum(text.startswith("y is used twice") for text in told), 2)

# %% [markdown]
# ## What scaling the data does (S6)
#
# Back to "large inputs make large gradients". Suppose somebody multiplies all data by $n$ before
# training, say by writing metres as millimetres. The gradient on each weight is its input times
# what arrives, so at the same upstream gradient it is $n$ times larger. (The one on the bias is
# not.)


# %%
def score_of(n):
    w = [Value(2.0, "w0"), Value(-3.0, "w1"), Value(-3.0, "b")]
    x = [Value(-1.0 * n, "x0"), Value(-2.0 * n, "x1")]
    score = w[0] * x[0] + w[1] * x[1] + w[2]
    score.backward()
    return score, [v.grad for v in w]


_, plain = score_of(1)
for n in (10, 1000):
    score, scaled = score_of(n)
    check(f"n = {n}: gradients", scaled, [n * plain[0], n * plain[1], plain[2]])
score.label = "score"
draw(score)

# %%
step(score)

# %% [markdown]
# Then the steps of training are $n$ times longer, and a learning rate that was good is now too
# large. How much smaller must it be? One weight shows it: fit $w x$ to $y = 2$ at $x = 1$, by
# gradient descent on $(w x - y)^2$. Then the same with $x$ ten times larger, at three learning
# rates.


# %%
def descend(x, rate, steps=20, y=2.0):
    w, losses, outputs = Value(0.0), [], []
    for _ in range(steps):
        output = w * x
        loss = (output - y) ** 2
        losses.append(loss.data)
        outputs.append(output.data)
        w.data -= rate * gradients(loss)[w]
    return losses, outputs


curves = {
    "x, rate 0.1": descend(1.0, 0.1)[0],
    "10 x, rate 0.1": descend(10.0, 0.1, steps=4)[0],
    "10 x, rate 0.1 / 10": descend(10.0, 0.1 / 10)[0],
    "10 x, rate 0.1 / 100": descend(10.0, 0.1 / 100)[0],
}
plots.training_curves(curves, xlabel="step", log=True)

# %% [markdown]
# At the old rate it explodes: after three steps the loss is more than a million times larger. With
# a rate ten times smaller it swings from one side to the other and learns nothing. At a rate a
# *hundred* times smaller it does what it did before, step for step (its line lies on top of the
# first). The gradient is $n$ times larger, and the weight we are looking for is $n$ times smaller:
# $n^2$ in all. So scale your data to a common, moderate size first.

# %%
_, before = descend(1.0, 0.1)
_, after = descend(10.0, 0.1 / 100)
check("outputs, step for step", after, before)
check("rate / 10: the loss stays", curves["10 x, rate 0.1 / 10"], [4.0] * 20)
exploding = curves["10 x, rate 0.1"]
check("rate 0.1: a million times the loss", exploding[3] / exploding[0] > 1e6, True)
first = [gradients((w * x - 2.0) ** 2)[w] for w, x in ((Value(0.0), 1.0), (Value(0.0), 10.0))]
check("the first gradient is 10 times larger", first[1] / first[0], 10.0)

# %% [markdown]
# ## What does a trained network look at? (S16)
#
# We trained on gradients of weights and threw away those on the inputs. But they answer a question
# of their own: *if this input changed a little, what would the network say?* Where the gradient on
# an input is large, the network looks closely; where it is 0, it does not look at all.
#
# Here is a classifier to ask: eight hidden neurons, trained on two moons.

# %%
points, labels = moons(40, rng=1)
model = MLP(2, [8, 1], activation="tanh", rng=0)
optimizer = Adam(model.parameters(), lr=0.1)
criterion = BCEWithLogitsLoss()
for _ in range(60):
    optimizer.zero_grad()
    loss = criterion(model(points), labels)
    loss.backward()
    optimizer.step()

right = [(score.data > 0) == label for score, label in zip(model(points), labels, strict=True)]
check("points on the right side", sum(right), 40)

# %% [markdown]
# To see what it looks at, make the *inputs* Values, compute the score, and ask for its gradient on
# them. For one point, with each neuron folded to a box: what comes back through the eight neurons
# adds up at `x0` and `x1`.

# %%
a = [Value(number, f"x{i}") for i, number in enumerate(points[0])]
score = model(a)
score.backward()
draw(score, depth=1)

# %%
report = check_gradient(lambda *point: model(list(point)), points[0])
check("gradient on x0, x1 = measured", [x.grad for x in a], [row.numeric for row in report], 1e-6)

# %% [markdown]
# Now for all points, as arrows. Each shows in which direction the score rises fastest, and its
# length how fast. The score is above 0 on the blue side.


# %%
def gradient_on_input(point):
    inputs = [Value(number) for number in point]
    total = gradients(model(inputs))
    return tuple(total[x] for x in inputs)


def scores(grid):
    with no_grad():
        return [score.data for score in model(grid)]


arrows = [(point, gradient_on_input(point)) for point in points]
plots.decision_boundary(scores, points, labels, arrows=arrows)

# %% [markdown]
# What the network looks at differs from point to point. Where an arrow is short, a small move
# changes the score little; the longest is over five times the shortest. And at one point `x1`
# counts over eight times as much as `x0`, at another less than `x0`.
#
# Is it really this direction that counts? Push every point by 0.4 towards the other class, along
# its own arrow: 14 of the 40 change sides. Push each by the same distance *across* its arrow, and
# only 1 or 4 do, for the two ways across.


# %%
def pushed(length, turn):
    """All points, moved by length: towards the other class along the arrow, turned by an angle."""
    moved = []
    for (point, g), score in zip(arrows, scores(points), strict=True):
        angle = math.atan2(g[1], g[0]) + turn + (math.pi if score > 0 else 0.0)
        moved.append((point[0] + length * math.cos(angle), point[1] + length * math.sin(angle)))
    return moved


def changed(moved):
    return sum((a > 0) != (b > 0) for a, b in zip(scores(moved), scores(points), strict=True))


sizes = [math.hypot(*g) for _, g in arrows]
check("the longest is over five times the shortest", max(sizes) > 5 * min(sizes), True)
ratios = [abs(g1 / g0) for _, (g0, g1) in arrows]
check("x1 over x0: above 8 here, below 1 there", [max(ratios) > 8, min(ratios) < 1], [True, True])
check("along the arrows", changed(pushed(0.4, 0.0)), 14)
across = [changed(pushed(0.4, turn)) for turn in (math.pi / 2, -math.pi / 2)]
check("across them", sorted(across), [1, 4])
tiny = pushed(-0.001, 0.0)  # away from the other class
surer = [abs(b) > abs(a) for a, b in zip(scores(points), scores(tiny), strict=True)]
check("surer after a tiny step the other way", sum(surer), 40)

# %% [markdown]
# For an image the same gradient, one number per pixel, is an image too, called a saliency map
# (Simonyan et al., 2014). And the same push, too small to be seen, fools image classifiers
# (Goodfellow et al., 2015).
#
# ## Exercises
#
# **Exercise 1.** In the first stepper, change `w2` until the neuron is undecided, $f = 0.5$. What
# is the gradient on `w2` there?


# %%
def neuron(w, x):
    return sigmoid(w[0] * x[0] + w[1] * x[1] + w[2])


def slope_when_undecided():
    w = [Value(2.0), Value(-3.0), Value(-4.0)]
    return gradients(neuron(w, [-1.0, -2.0]))[w[2]]


answer(1, ..., slope_when_undecided)

# %% [markdown]
# **Exercise 2.** Multiply both inputs of that first neuron by 10 and divide the weights `w0` and
# `w1` by 10. By what factor does the gradient on `w0` change, and by what factor the one on `x0`?
# Answer with a list of two numbers.


# %%
def factors(n):
    w, x = [Value(2.0 / n), Value(-3.0 / n), Value(-3.0)], [Value(-1.0 * n), Value(-2.0 * n)]
    total = gradients(neuron(w, x))
    return [total[w[0]] / w0.grad, total[x[0]] / x0.grad]


answer(2, ..., lambda: factors(10.0))

# %% [markdown]
# **Exercise 3.** Leave the weights alone. What is the shortest distance by which you can move the
# point $(x_0, x_1) = (-1, -2)$ so that the neuron is undecided? (Which direction is best? What does
# the sum $s$ lose for each unit of the way?)


# %%
def shortest_way():
    size = math.hypot(x0.grad, x1.grad)
    low, high = 0.0, 10.0
    for _ in range(60):  # halve the interval in which f crosses 0.5
        way = (low + high) / 2.0
        point = [x.data - way * x.grad / size for x in (x0, x1)]
        low, high = (way, high) if neuron([2.0, -3.0, -3.0], point) > 0.5 else (low, way)
    return low


answer(3, ..., shortest_way)

# %% [markdown]
# **Exercise 4.** Write a function that computes the five gradients of such a neuron, on plain
# numbers: first the gradient on the sum, then what the products make of it. The judge tries it on
# another neuron than the one above.
#
# <details><summary>A hint</summary>
#
# The slope of the sigmoid can be written with its output alone. A sum hands on what it gets, and a
# product gives each factor the other one.
#
# </details>


# %%
def by_hand(w0, w1, w2, x0, x1):
    f = 1.0 / (1.0 + math.exp(-(w0 * x0 + w1 * x1 + w2)))
    ds = ...
    return ..., ..., ..., ..., ...  # on w0, w1, w2, x0, x1


def another_neuron(work):
    leaves = [Value(number, name) for name, number in zip(NAMES, NUMBERS, strict=True)]
    s = leaves[0] * leaves[3] + leaves[1] * leaves[4] + leaves[2]
    return grade_gradients(sigmoid(s), dict(zip(leaves, work(*NUMBERS), strict=True)))


NAMES, NUMBERS = ("w0", "w1", "w2", "x0", "x1"), (-1.5, 0.5, 0.2, 0.7, 3.0)
graded(4, another_neuron, by_hand)

# %% [markdown]
# ## Answers
#
# **1.** The sum must be 0, so $w_2 = -4$. The slope is then $0.5 \, (1 - 0.5) = 0.25$. The sigmoid
# is nowhere steeper: an undecided neuron passes the most back.

# %%
check("the sum, with w2 = -4", 2.0 * -1.0 + -3.0 * -2.0 - 4.0, 0.0)
check("exercise 1", 0.5 * (1.0 - 0.5), slope_when_undecided())

# %% [markdown]
# **2.** The products are as before, so the sum, $f$, and all that arrives at the products are as
# before. What changes are the local slopes: `w0` has $x_0$ for its slope, which is 10 times larger,
# and `x0` has $w_0$, which is a tenth as large.

# %%
check("exercise 2", [10.0, 0.1], factors(10.0))

# %% [markdown]
# **3.** Straight against the gradient, whose direction is that of the weights, $(2, -3)$. The sum
# is 1 and must become 0, and it falls by $\sqrt{2^2 + 3^2}$ for each unit of that way. So the
# distance is $1 / \sqrt{13}$, which is 0.28.

# %%
check("exercise 3", 1.0 / math.sqrt(13.0), shortest_way())
check("rounded", shortest_way(), 0.28, within=0.005)
check("direction", x0.grad / x1.grad, 2.0 / -3.0)

# %% [markdown]
# Next: [4. The toy chain](04_the_toy_chain.ipynb), in which several such stages follow each other,
# and every derivative is checked against its formula and against a measurement.
