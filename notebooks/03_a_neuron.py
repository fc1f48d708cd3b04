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
# # A neuron
#
# **A neuron gives 0.73 where it should give 1. Which of its numbers should move, which way, and how
# much does each of them count?**
#
# You will be able to
#
# - read off a neuron's gradients on its weights and on its inputs;
# - derive the slope of a squashing function, and tell from a neuron's output how much it lets back;
# - cut a formula into stages that are easy to differentiate, and see when one big gate is better;
# - say what scaling the data does to the gradients of the weights, and to the learning rate;
# - ask a trained classifier what it looks at.
#
# You need school calculus (slopes; the chain rule is recalled) and lessons 1 and 2.

# %%
import math
from itertools import pairwise
from random import Random

from lesson import answer, check, graded

from autograd_core import (
    Grade,
    Value,
    attempt,
    check_gradient,
    exp,
    grade_gradients,
    gradients,
    no_grad,
    sigmoid,
)
from nn import MLP, BCEWithLogitsLoss, moons
from nn.optim import Adam
from viz import draw, plots, sabotage, step

# %% [markdown]
# ## The neuron's numbers
#
# A neuron weighs its inputs, adds a bias and squashes the sum into the range from 0 to 1:
#
# $$f = \sigma(w_0 x_0 + w_1 x_1 + w_2), \qquad \sigma(s) = \frac{1}{1 + e^{-s}}$$
#
# These are the weights and inputs of Stanford CS231n's backpropagation notes. The bias is $w_2$.

# %% tags=["S6.neuron"]
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
# A step of 0.5 times the gradient, all three weights at once, does raise $f$, from 0.73 to 0.83:

# %%
m0, m1, m2 = (w.data + 0.5 * w.grad for w in (w0, w1, w2))
check("f after the step", sigmoid(m0 * x0.data + m1 * x1.data + m2), 0.83, within=0.005)

# %% [markdown]
# Step it. Backward, the sigmoid shrinks what arrives to 0.2 of it; the sums pass it on unchanged;
# the products swap. Then open *What if?* and change `w2` from $-3$ to $6$: the sum is then 10, the
# sigmoid is flat, and every gradient all but disappears.

# %%
check("the sigmoid's slope", f.partials[0], 0.2, within=0.005)
flat = sigmoid(w0.data * x0.data + w1.data * x1.data + Value(6.0))
check("the sum, with w2 = 6", flat.inputs[0], 10.0)
check("the sigmoid's slope there is below 0.0001", flat.partials[0] < 0.0001, True)
step(f, names=names)

# %% [markdown]
# ## By hand, in seven lines
#
# The whole neuron, both ways, without an engine. This is the listing of Stanford CS231n's notes,
# with `dot` for the weighted sum. The gradient on a name is called `d` and the name. Change a
# number in it: the engine, in the last four lines, follows.

# %% tags=["S6.listing"]
w = [2.0, -3.0, -3.0]
x = [-1.0, -2.0]

dot = w[0] * x[0] + w[1] * x[1] + w[2]  # forward
f_hand = 1.0 / (1.0 + math.exp(-dot))

ddot = (1.0 - f_hand) * f_hand  # backward: the slope of the sigmoid
dx = [w[0] * ddot, w[1] * ddot]
dw = [x[0] * ddot, x[1] * ddot, 1.0 * ddot]

a, b, bias, p, q = map(Value, w + x)
total = gradients(sigmoid(a * p + b * q + bias))
check("dw, by hand = engine", dw, [total[a], total[b], total[bias]])
check("dx, by hand = engine", dx, [total[p], total[q]])

# %% [markdown]
# ## Where does (1 - f) f come from?
#
# The listing has the slope of the sigmoid ready. Here it is derived, from the two rules that you
# know: the slope of $1/d$ is $-1/d^2$, and that of $e^{-s}$ is $-e^{-s}$.
#
# $$\begin{aligned}
# \sigma(s) &= \frac{1}{1 + e^{-s}} \\
# \sigma'(s) &= -\frac{1}{(1 + e^{-s})^2} \cdot (-e^{-s}) && \text{the chain rule} \\
# &= \frac{e^{-s}}{(1 + e^{-s})^2} && \text{minus times minus} \\
# &= \frac{(1 + e^{-s}) - 1}{1 + e^{-s}} \cdot \frac{1}{1 + e^{-s}}
#   && \text{add 1 and take it away again} \\
# &= (1 - \sigma(s)) \, \sigma(s) && \text{divide}
# \end{aligned}$$
#
# A derivation can be checked line by line: put in numbers, and every line must give the slope. Two
# judges who have not read it stand beside: the engine's gate, and a nudge to both sides.


# %% tags=["S6.slope"]
def plain(s):
    return 1.0 / (1.0 + math.exp(-s))


def lines(s):
    e = math.exp(-s)
    return [
        -1.0 / (1.0 + e) ** 2 * -e,
        e / (1.0 + e) ** 2,
        ((1.0 + e) - 1.0) / (1.0 + e) * (1.0 / (1.0 + e)),
        (1.0 - plain(s)) * plain(s),
    ]


for number in (-6.0, -1.0, 0.0, 0.5, 4.0):
    engine = sigmoid(Value(number)).partials[0]
    check(f"s = {number}: all four lines", lines(number), [engine] * 4)
    nudged = (plain(number + 1e-5) - plain(number - 1e-5)) / 2e-5
    check("    measured", nudged, engine, within=1e-9)

# %% [markdown]
# ## What a neuron lets through, its output tells
#
# Look at the last line again: there is no $s$ in it. Who knows the *output* $f$ knows the slope,
# $f (1 - f)$, whatever the weights and inputs were. It is largest, a quarter, at $f = 0.5$. A unit
# whose output is 0.01 passes back 0.0099 of what arrives, and so does one at 0.99; at an output of
# 0.001 it is about a thousandth. Such a unit is called **saturated**.

# %% tags=["S10.output"]
at = math.log(0.01 / 0.99)  # the sum at which the output is 0.01
for weight, data in ((1.0, 2.0), (-40.0, 0.3), (0.5, 300.0)):
    bias = Value(at - weight * data)
    out = sigmoid(weight * data + bias)
    check(f"w = {weight}, x = {data}: output", out, 0.01)
    check("    passes", gradients(out)[bias], 0.0099)

outputs = [k / 100 for k in range(1, 100)]
slopes = [sigmoid(Value(math.log(o / (1.0 - o)))).partials[0] for o in outputs]
passes = list(zip(outputs, slopes, strict=True))
plots.curves({"slope": passes}, xlabel="the unit's output", ylabel="the part it passes back")

# %% [markdown]
# So to find saturated units, look at the outputs of the forward pass. If most of them are close to
# 0 or to 1, little gradient reaches what lies below them.
#
# ## One gate, or four
#
# Who decides what a gate is? You do. The sigmoid can be one gate with the slope $\sigma (1 -
# \sigma)$, or it can be made of four simpler ones: minus, $\exp$, plus 1, and one over.

# %% tags=["S6.sigmoid"]
t = Value(s.data)
minus = -t
e = exp(minus)
d = 1.0 + e
four = 1.0 / d
four.backward()
parts = dict(t=t, minus=minus, e=e, d=d, four=four)
draw(four, names=parts)

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
# So is there no difference? On paper none. On a computer, far out in the left tail, there is: the
# four pass through a number that is too large for a float; the single gate does not.


# %%
def as_four(t):
    return 1.0 / (1.0 + exp(-t))


far = Value(-400.0)
check("slope at -400, one gate", sigmoid(far).partials[0], math.exp(-400.0), within=1e-187)
try:
    check("slope at -400, four gates", gradients(as_four(far))[far], 0.0, within=0.0)
    as_four(Value(-800.0))
except OverflowError as error:
    print("four gates at -800:", error)
check("one gate at -800", sigmoid(Value(-800.0)), 0.0, within=0.0)

# %% [markdown]
# That gives a rule of thumb for choosing gates: what has a simple slope of its own, and is used
# often, deserves to be one.
#
# ## Staged computation
#
# Cut a long formula into stages, each of which you can differentiate in your head. Keep what the
# forward pass computes, and walk the stages backward: the gradient of a name is collected by `+=`
# from everything that used it. This function has no use except as practice (it is from Stanford
# CS231n's backpropagation notes):
#
# $$q(x, y) = \frac{x + \sigma(y)}{\sigma(x) + (x + y)^2}$$


# %% tags=["S6.staged"]
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
draw(stages["q"], names=staged, backward=False)

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
# Nobody wrote down the derivative of $q$ as one formula, and nobody needs it. Now you: the page
# asks for the numbers of the way back, one wire after the other. Find the three paths that bring
# something to `x`, and the two to `y`.

# %%
walk = step(stages["q"], names=staged, quiz=True)
told = [one.text for one in walk]
check("paths to x", sum(text.startswith("x is used 3 times") for text in told), 3)
check("paths to y", sum(text.startswith("y is used twice") for text in told), 2)
walk

# %% [markdown]
# ## What scaling the data does
#
# Back to "large inputs make large gradients". Suppose somebody multiplies all data by $n$ before
# training, say by writing metres as millimetres. The gradient on each weight is its input times
# what arrives, so at the same upstream gradient it is $n$ times larger. (The one on the bias is
# not.)


# %% tags=["S6.scale"]
def score_of(n):
    w = [Value(2.0, "w0"), Value(-3.0, "w1"), Value(-3.0, "b")]
    x = [Value(-1.0 * n, "x0"), Value(-2.0 * n, "x1")]
    score = w[0] * x[0] + w[1] * x[1] + w[2]
    score.backward()
    return score, [v.grad for v in w]


_, once = score_of(1)
for n in (10, 1000):
    score, scaled = score_of(n)
    check(f"n = {n}: gradients", scaled, [n * once[0], n * once[1], once[2]])
score.label = "score"
draw(score)

# %% [markdown]
# A step of gradient descent is the learning rate times the gradient, so a rate that was good is now
# too large. How much smaller must it be? One weight shows it: fit $w x$ to $y = 2$ at $x = 1$, by
# gradient descent on $(w x - y)^2$. Then the same with $x$ ten times larger, at three learning
# rates.


# %% tags=["S6.scale"]
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
# $n^2$ in all. Stanford CS231n's notes say to lower the rate by $n$; who is right, and about what,
# is in [Where the notes and we differ](B_where_the_notes_and_we_differ.ipynb). Either way: scale
# your data to a common, moderate size first.

# %%
_, before = descend(1.0, 0.1)
_, after = descend(10.0, 0.1 / 100)
check("outputs, step for step", after, before)
check("rate / 10: the loss stays", curves["10 x, rate 0.1 / 10"], [4.0] * 20)
exploding = curves["10 x, rate 0.1"]
check("rate 0.1: a million times the loss", exploding[3] / exploding[0] > 1e6, True)
first = [gradients((w * x - 2.0) ** 2)[w] for w, x in ((Value(0.0), 1.0), (Value(0.0), 10.0))]
check("the first gradient is 10 times larger", first[1], 10.0 * first[0])

# %% [markdown]
# ## What does a trained network look at?
#
# We used the gradients on weights and threw away those on the inputs. But they answer a question of
# their own: *if this input changed a little, what would the network say?* Where the gradient on an
# input is large, a small change of it matters; where it is 0, none does, to first order.
#
# Here is a classifier to ask: eight hidden neurons, trained on two moons. (They squash with
# $\tanh$, into the range from $-1$ to 1. The score is above 0 for one class and below 0 for the
# other.)


# %%
def trained(seed):
    """Forty points, their labels, and a classifier that has learned them."""
    points, labels = moons(40, rng=seed)
    model = MLP(2, [8, 1], activation="tanh", rng=seed)
    optimizer, criterion = Adam(model.parameters(), lr=0.1), BCEWithLogitsLoss()
    for _ in range(60):
        optimizer.zero_grad()
        criterion(model(points), labels).backward()
        optimizer.step()
    return points, labels, model


def scores(model, points):
    with no_grad():
        return [score.data for score in model(points)]


points, labels, model = trained(seed=3)
sides = [(score > 0) == label for score, label in zip(scores(model, points), labels, strict=True)]
check("points on the right side", sum(sides), 40)

# %% [markdown]
# To see what it looks at, make the *inputs* Values, compute the score, and ask for its gradient on
# them. For one point, with each neuron folded to a box: what comes back through the eight neurons
# adds up at `x0` and `x1`.

# %% tags=["S16"]
inputs = [Value(number, f"x{i}") for i, number in enumerate(points[0])]
score = model(inputs)
score.backward()
draw(score, depth=1)

# %% [markdown]
# Now for all points, as arrows. Each shows in which direction the score rises fastest, and its
# length how fast. The score is above 0 on the blue side.


# %% tags=["S16"]
def gradient_on_input(model, point):
    inputs = [Value(number) for number in point]
    total = gradients(model(inputs))
    return tuple(total[x] for x in inputs)


report = check_gradient(lambda *point: model(list(point)), points[0])
measured = [row.numeric for row in report]
check("at the first point, engine = measured", [x.grad for x in inputs], measured, within=1e-6)
arrows = [(point, gradient_on_input(model, point)) for point in points]
plots.decision_boundary(lambda grid: scores(model, grid), points, labels, arrows=arrows)

# %% [markdown]
# What the network looks at differs from point to point. Where an arrow is short, a small move
# changes the score little; the longest is more than three times the shortest. At one point `x1`
# counts more than five times as much as `x0`, at another less than `x0`.

# %%
sizes = [math.hypot(*g) for _, g in arrows]
check("the longest is over three times the shortest", max(sizes) > 3 * min(sizes), True)
ratios = [abs(g1 / g0) for _, (g0, g1) in arrows]
check("x1 over x0: above 5 here, below 1 there", [max(ratios) > 5, min(ratios) < 1], [True, True])

# %% [markdown]
# Is it really this direction that counts? Push every point by 0.4 towards the other class, along
# its own arrow: in this run 18 of the 40 change sides. Push each by the same distance *across* its
# arrow, and 1 or 2 do, for the two ways across.


# %%
def pushed(model, points, length, turn=0.0):
    """All points, moved by length: towards the other class along the arrow, turned by an angle."""
    moved = []
    for point, score in zip(points, scores(model, points), strict=True):
        g0, g1 = gradient_on_input(model, point)
        angle = math.atan2(g1, g0) + turn + (math.pi if score > 0 else 0.0)
        moved.append((point[0] + length * math.cos(angle), point[1] + length * math.sin(angle)))
    return moved


def changed(model, points, turn):
    before, after = scores(model, points), scores(model, pushed(model, points, 0.4, turn))
    return sum((a > 0) != (b > 0) for a, b in zip(after, before, strict=True))


check("along the arrows", changed(model, points, 0.0), 18)
across = [changed(model, points, turn) for turn in (math.pi / 2, -math.pi / 2)]
check("across them", sorted(across), [1, 2])
away = scores(model, pushed(model, points, -0.001))  # a tiny step away from the other class
surer = [abs(b) > abs(a) for a, b in zip(scores(model, points), away, strict=True)]
check("surer after a tiny step the other way", sum(surer), 40)

# %% [markdown]
# The counts are of one run. Was it luck? Here are ten, each with other points and another start:
# the push along the arrows turns at least twice as many as either push across them.

# %% tags=["S16"]
wins = 0
for seed in range(10):
    points_now, _, model_now = trained(seed)
    turns = (0.0, math.pi / 2, -math.pi / 2)
    along, *both = (changed(model_now, points_now, turn) for turn in turns)
    print(f"seed {seed}: {along} along, {both[0]} and {both[1]} across")
    wins += along >= 2 * max(both)
check("at least nine of the ten", wins >= 9, True)

# %% [markdown]
# For an image the same gradient, a number per pixel, can be drawn as an image too, called a
# saliency map (Simonyan et al., 2014). And a push made from such gradients, too small to be seen,
# fools image classifiers (Goodfellow et al., 2015).
#
# ## Exercises
#
# **Exercise 1.** In the first stepper, change `w2` until the neuron is undecided, $f = 0.5$. What
# are the gradients on `w0`, `w1` and `w2` there? Type a list of three numbers.
#
# <details><summary>A hint</summary>
#
# The output is 0.5 where the sum is 0. What does the sigmoid let through there, and what does each
# product hand on to its weight?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def neuron(w, x):
    return sigmoid(w[0] * x[0] + w[1] * x[1] + w[2])


def slopes_when_undecided():
    w = [Value(v.data) for v in (w0, w1, w2 - s)]
    total = gradients(neuron(w, [x0.data, x1.data]))
    return [total[v] for v in w]


words_1 = {
    (-0.2, -0.39, 0.2): "Those are the gradients at f = 0.73.",
    (0.25, 0.5, 0.25): "The sizes are right. What do the signs of the two inputs do?",
    (0.5, -0.75, 0.25): "Those are made with the weights: gradients on inputs.",
    (-0.5, -1.0, 0.5): "You took the output for its slope.",
}  # fmt: skip

# %% tags=["aim-1"]
answer(1, ..., slopes_when_undecided, within=0.006, but=words_1)

# %% [markdown]
# **Exercise 2.** Predict. You know nothing about a neuron but its output, 0.98, and that a gradient
# of 5 arrives there from above. What is the gradient on its bias? Type a number.
#
# <details><summary>A hint</summary>
#
# The slope can be had from the output alone. Then upstream times local; a sum passes on what it
# gets.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def on_the_bias(output, upstream):
    bias = Value(math.log(output / (1.0 - output)))
    return gradients(upstream * sigmoid(bias))[bias]


def wanted_2():
    return on_the_bias(0.98, 5.0)


words_2 = {
    0.0196: "That is the local slope. What arrives from above?",
    4.9: "You multiplied by the output. Its slope is something else.",
    0.1: "You multiplied by 1 - f alone: one factor is missing.",
    1.25: "That is the slope of an undecided unit. This one is far from 0.5.",
    5: "A saturated unit does not let everything through.",
}  # fmt: skip

# %% tags=["aim-2"]
answer(2, ..., wanted_2, but=words_2)

# %% [markdown]
# **Exercise 3.** Derive a slope yourself: that of $\tanh$, in terms of its output $t$, as $(1 - f)
# f$ is in terms of $f$. Write it as a function of $t$; the judge compares it with differences of
# $\tanh$.
#
# <details><summary>A hint</summary>
#
# $\tanh s = u / v$ with $u = e^s - e^{-s}$ and $v = e^s + e^{-s}$. The slope of $u$ is $v$, and
# that of $v$ is $u$. Differentiate the quotient, then write $t$ for $u / v$.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def slopes_of_tanh(slope):
    for t in (0.4, -0.2, 0.9, -0.9):
        got, trouble = attempt(slope, t, form="(t)")
        if not isinstance(got, int | float):
            told = "It returned nothing." if got is None else "It should return a number."
            return Grade(False, trouble or told)
        s, h = math.atanh(t), 1e-5
        want = (math.tanh(s + h) - math.tanh(s - h)) / (2 * h)
        if not abs(got - want) < 1e-6:
            ideas = {
                "That is the sigmoid's, (1 - f) f with t for f.": (1 - t) * t,
                "One factor is missing, and it has t in it.": 1 - t,
                "One factor is missing: at t = 1 the slope is 0.": 1 + t,
                "The sign: tanh rises everywhere.": -want,
                "That takes t for the sum s. It is the output already.": 1 - math.tanh(t) ** 2,
            }
            found = (text for text, number in ideas.items() if abs(got - number) < 1e-6)
            told = next(found, "Differentiate the quotient once more, and watch its minus.")
            return Grade(False, told, place=f"slope at t = {t}", expected=want, got=got)
    return Grade(True, "Right: at four outputs, the slope that differences of tanh have.")


# %% tags=["aim-2"]
def slope_of_tanh(t):
    return ...


graded(3, slopes_of_tanh, slope_of_tanh)

# %% [markdown]
# **Exercise 4.** A neuron with a squared error, $(\sigma(w x + b) - y)^2$. In the way back of this
# walk is a mistake. Find it, and type its name in quotes. It is one of "overwrote",
# "wrong operand", "sign", "max to both", "stale value", "wrong order", "did not zero".
#
# <details><summary>A hint</summary>
#
# Check each wire: what should the local slope be, from the values in green? For the sigmoid you
# need its output only.
#
# </details>

# %%
weight, data = Value(1.5, "w"), Value(-2.0, "x")
bias, target = Value(2.0, "b"), Value(1.0, "y")
out = sigmoid(weight * data + bias)
out.label = "f"
walk = sabotage((out - target) ** 2, seed=5, names={})
walk


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def wanted_4():
    return walk.mistake.name


words_4 = {
    "overwrote": "No value here is used twice, so there is no sum to lose.",
    "wrong operand": "Look at the product: does each factor get the other one?",
    "sign": "Compare the signs, wire by wire: each is what it should be.",
    "did not zero": "Each gradient begins at 0.",
}  # fmt: skip

# %% tags=["aim-1"]
answer(4, ..., wanted_4, but=words_4)

# %% [markdown]
# **Exercise 5.** Two neurons in a row: $h = \sigma(w_0 x + w_1)$ and $f = \sigma(w_2 h + x)$. The
# input is used twice. Write the way back on plain numbers, stage by stage, and return the four
# gradients of $f$. You may add lines of your own. It is tried on ten other pairs.
#
# <details><summary>A hint</summary>
#
# Begin with the gradient on the second sum, $w_2 h + x$. All that lies below needs it. Which two
# paths lead to $x$?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def ten_pairs(work):
    for seed in range(10):
        numbers = [round(Random(seed + k / 4).uniform(-2.0, 2.0), 1) for k in range(4)]
        result, trouble = attempt(work, *numbers, form="(w0, w1, w2, x)")
        result = result if isinstance(result, tuple | list) else ()
        if [isinstance(one, int | float) for one in result] != [True] * 4:
            return Grade(False, trouble or "Return four numbers: dw0, dw1, dw2, dx.")
        leaves = [Value(number, name) for number, name in zip(numbers, NAMES, strict=True)]
        w0, w1, w2, x = leaves
        h = sigmoid(w0 * x + w1)
        f = sigmoid(w2 * h + x)
        h.label, f.label = "h", "f"
        report = grade_gradients(f, dict(zip(leaves, result, strict=True)))
        if not report:
            return report
    return Grade(True, "Right: ten pairs of neurons, and every gradient is the engine's.")


NAMES = ("w0", "w1", "w2", "x")


# %% tags=["aim-1", "aim-3"]
def by_hand(w0, w1, w2, x):
    h = 1.0 / (1.0 + math.exp(-(w0 * x + w1)))
    f = 1.0 / (1.0 + math.exp(-(w2 * h + x)))
    dw2 = ...
    dw1 = ...
    dw0 = ...
    dx = ...
    return dw0, dw1, dw2, dx


graded(5, ten_pairs, by_hand)

# %% [markdown]
# **Exercise 6.** Multiply both inputs of the first neuron by 10 and divide the weights `w0` and
# `w1` by 10, so that it says what it said. By what factor does the gradient on `w0` change, by what
# factor the one on `x0`, and by what factor must you change the learning rate of `w0`, so that one
# step of it moves the sum as far as before? Type a list of three numbers.
#
# <details><summary>A hint</summary>
#
# The product is the same, so the same gradient arrives at it. A step moves the weight by rate times
# gradient, and the sum by $x_0$ times that. How many of these have changed?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def factors(n):
    data, scaled = x0.data * n, Value(x0.data * n)
    w = [Value(w0.data / n), Value(w1.data / n), Value(w2.data)]
    total = gradients(neuron(w, [scaled, x1.data * n]))
    rate = (w0.grad * x0.data) / (total[w[0]] * data)
    return [total[w[0]] / w0.grad, total[scaled] / x0.grad, rate]


def wanted_6():
    return factors(10.0)


words_6 = {
    (10, 0.1, 0.1): "The rate makes up for the gradient. The step must be smaller as well.",
    (10, 10, 0.01): "What is the slope of the product in x0? It has changed too.",
    (0.1, 10, 0.01): "The other way round: a factor gets the *other* one.",
    (1, 1, 1): "The output is the same, but the slopes of the products are not.",
}  # fmt: skip

# %% tags=["aim-4"]
answer(6, ..., wanted_6, but=words_6)

# %% [markdown]
# **Exercise 7.** How far is a point from changing sides? Walk there: fill in one step of length
# `size`, in the direction that brings the score to the other side fastest. Take the gradient on the
# input afresh at each point. The judge walks from ten of the points.
#
# <details><summary>A hint</summary>
#
# The gradient points to where the score rises. Divide it by its length, `math.hypot(*g)`, so that
# the step has the length wanted, whatever the gradient's. If the score is above 0, walk against it.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 7.
def to_the_other_side(work):
    for start in points[::4]:
        way, trouble = attempt(work, model, start, form="(model, point)", steps=100_000)
        if trouble:
            return Grade(False, trouble)
        first, last = scores(model, [start, way[-1]])
        for here, there in pairwise(way):
            move = [b - a for a, b in zip(here, there, strict=True)]
            g = gradient_on_input(model, here)
            length = math.hypot(*move)
            if abs(length - 0.02) > 1e-6:
                return Grade(False, f"A step is {length:.3g} long: it should be 0.02.")
            rise = (move[0] * g[0] + move[1] * g[1]) / (length * math.hypot(*g))
            if rise * first > 0.0:
                return Grade(False, "A step leads away from the other side.")
            if abs(rise) < 0.999:
                return Grade(False, "There is a faster direction than that of one of your steps.")
        if first * last > 0.0:
            return Grade(False, "It ends before it has reached the other side.")
    return Grade(True, "Right: ten points, and each is led over by the fastest way.")


# %% tags=["aim-5"]
def walk_to_the_border(model, point, size=0.02):
    side = scores(model, [point])[0] > 0
    way = [point]
    while (scores(model, way[-1:])[0] > 0) == side and len(way) < 200:
        g = gradient_on_input(model, way[-1])
        way.append(...)
    return way


graded(7, to_the_other_side, walk_to_the_border)

# %% [markdown]
# Next: [4. The toy chain](04_the_toy_chain.ipynb), in which several such stages follow each other,
# and every derivative is checked against its formula and against a measurement.
