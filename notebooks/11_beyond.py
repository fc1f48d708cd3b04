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
# # Beyond: what else a table of gates can do
#
# **Can I differentiate a derivative? Must I always go backward? Can I make a gate that is not
# there?**
#
# A backward pass needs two things of each gate: its inputs, and its slope in each of them. That is
# enough for more than the pass you know. This lesson runs the slopes themselves through a graph,
# then goes through a graph from the other end, and then adds a gate to the table.
#
# You will be able to
#
# - take second derivatives, as pictures and as numbers;
# - go downhill by Newton's steps, and say where they lead astray;
# - push derivatives forward through a graph, and say when that takes fewer passes than backward;
# - add a gate of your own in one entry, and have its slopes checked.
#
# You need lessons 1 to 5, and second derivatives from calculus. Newton's step solves two linear
# equations in two unknowns, and is compared with the gradient descent of lesson 9.

# %%
import math
from itertools import pairwise, product

import numpy as np
from lesson import answer, check, graded

import nn
from autograd_core import Grade, Value, attempt, exp, grad, grade, hessian, hvp, sin, value_and_grad
from viz import draw, plots, sabotage, step

# %% [markdown]
# ## The derivative of a derivative
#
# `backward()` leaves numbers behind. `grad` leaves *Values*: it does what the backward pass does,
# but with gates, so what it returns has a graph of its own. Take $f = x \sin x$ at 2.

# %%
x = Value(2.0)
f = x * sin(x)
(slope,) = grad(f, [x])
draw(slope, names={"x": x, "slope": slope}, backward=False)

# %% [markdown]
# There they are: the swapped inputs of the multiply, the cosine from the sine's slope, and the plus
# at the fork. Backpropagation is arithmetic like any other. So do it again, through *this* graph:

# %%
check("f'(x) = sin x + x cos x", slope, math.sin(x.data) + x.data * math.cos(x.data))
slope.backward()
check("f''(x) = 2 cos x - x sin x", x.grad, 2 * math.cos(x.data) - x.data * math.sin(x.data))
step(slope, names={"x": x, "slope": slope})

# %% [markdown]
# What is the slope of the slope at 0? Work it out first: $2 \cos 0 - 0 \cdot \sin 0$. Then set `x`
# to 0 under *What if?* and step again. (`hessian` gives the number alone.) You can go on as often
# as you like. The derivatives of the sine go round in fours:

# %%
check("f''(0)", hessian(lambda x: x * sin(x), [0.0]), [[2.0]])
x = Value(0.7)
round_trip = [sin(x)]
for _ in range(4):
    round_trip += grad(round_trip[-1], [x])
s, c = math.sin(x.data), math.cos(x.data)
check("sin and its four derivatives", round_trip, [s, c, -s, -c, s])

# %% [markdown]
# ## Newton's step
#
# The gradient says which way is down, but not how far to go: the learning rate was our guess. The
# second derivatives say how soon the slope changes on the way. With several inputs they are a
# table, the **Hessian** $H$, which has the derivative of each slope in each input. Near a point $w$
# the function is about
#
# $$f(w + d) \approx f(w) + g \cdot d + \tfrac{1}{2}\, d \cdot H d,$$
#
# a bowl, if $H$ curves upward in every direction. Its bottom is where $g + H d = 0$. **Newton's
# step** goes there at once: $d = -H^{-1} g$ (Boyd and Vandenberghe, *Convex Optimization*, section
# 9.5). On a real bowl, like the least squares of lesson 9, one step is all it takes:

# %%
points = nn.data.gaussian_points(100, (-3.0, 0.0), (3.0, 1.0), rng=0)


def squares(a, b):
    return sum((a * p + b * q - (1.0 if q > 0 else 0.0)) ** 2 for p, q in points)


_, g = value_and_grad(squares, [0.0, 0.0])
bottom = -np.linalg.solve(hessian(squares, [0.0, 0.0]), g)
_, g_there = value_and_grad(squares, bottom)
check("gradient at the start, above 30 in size", np.linalg.norm(g) > 30, True)
check("gradient after one step", g_there, [0.0, 0.0], within=1e-10)

# %% [markdown]
# Now something that is not a bowl (an example in the same book, section 9.3):
#
# $$f(a, b) = e^{a + 3b - 0.1} + e^{a - 3b - 0.1} + e^{-a - 0.1}$$
#
# By symmetry the lowest point has $b = 0$. There $2 e^{a} = e^{-a}$, so $a = -\tfrac{1}{2} \ln 2$.


# %%
def valley(a, b):
    return exp(a + 3 * b - 0.1) + exp(a - 3 * b - 0.1) + exp(-a - 0.1)


lowest = [-math.log(2) / 2, 0.0]
_, g = value_and_grad(valley, lowest)
check("gradient at the lowest point", g, [0.0, 0.0])
check("curvatures there", hessian(valley, lowest), [[2.56, 0], [0, 11.52]], within=0.005)

# %% [markdown]
# Gradient descent with rate 0.1, and Newton, from the same point:


# %%
def downhill(rule, steps, start=(-1.0, 0.7), f=valley):
    path = [np.array(start)]
    for _ in range(steps):
        w = path[-1]
        path.append(w + rule(f, w, np.array(value_and_grad(f, w)[1])))
    return path


def newton_rule(f, w, g):
    return -np.linalg.solve(hessian(f, w), g)


gd = downhill(lambda f, w, g: -0.1 * g, 50)
newton = downhill(newton_rule, 6)
ranges = {"x_range": (-1.5, 0.5), "y_range": (-0.5, 0.9), "names": ("a", "b")}
plots.loss_landscape(valley, {"GD": gd, "Newton": newton}, **ranges)


# %%
def gaps(path):
    return [valley(*w) - valley(*lowest) for w in path]


plots.training_curves(
    {"GD": gaps(gd), "Newton": gaps(newton)}, xlabel="step", ylabel="above the lowest", log=True
)

# %% [markdown]
# On this scale gradient descent soon draws a straight line: each step multiplies what is left by
# nearly the same factor. Newton's curve bends down: each step about doubles the number of right
# digits. After six steps there is nothing left to see in 16 digits. Gradient descent needs 47 to
# come within $10^{-12}$, and still 32 with the best rate for these two curvatures, the $2 /
# (\lambda_{\min} + \lambda_{\max})$ of lesson 9.

# %%
check("Newton after 6 steps", newton[6], lowest, within=1e-15)
digits = [-math.log10(gap) for gap in gaps(newton)[1:5]]
check("right digits, steps 1 to 4", digits, [0.9, 2.5, 5.6, 11.9], within=0.05)
best = downhill(lambda f, w, g: -2 / (2.56 + 11.52) * g, 50)
for rate, path, steps in (("0.1", gd, 47), ("best", best, 32)):
    there = next(k for k, gap in enumerate(gaps(path)) if gap < 1e-12)
    check(f"GD, rate {rate}, gets there after", there, steps)

# %% [markdown]
# Why isn't everything trained like this? A network with a million weights has a Hessian of a
# million million numbers. And Newton's step looks for a slope of 0, whatever the place: a bottom, a
# top or a saddle. You will catch it going the wrong way in an exercise.
#
# Often you do not need the table, only its product with one vector: how does the gradient change if
# I move that way? That is `hvp`, the gradient of (gradient $\cdot v$): two passes, whatever the
# number of inputs (Pearlmutter, 1994).


# %%
def long_chain(*xs):
    return sum(exp(a * b) for a, b in pairwise(xs))


at = [0.1 * math.sin(k) for k in range(30)]
v = [1.0 if k == 3 else 0.5 for k in range(30)]
along_v = hvp(long_chain, at, v)
check("hvp, all 30 inputs", along_v, np.array(hessian(long_chain, at)) @ v)
h = 1e-5
_, up = value_and_grad(long_chain, np.array(at) + h * np.array(v))
_, down = value_and_grad(long_chain, np.array(at) - h * np.array(v))
check("by nudging", along_v, (np.array(up) - np.array(down)) / (2 * h), within=1e-8)

# %% [markdown]
# ## The other way through a graph
#
# A backward pass fixes an *output*, and asks of every value: how fast does this output change with
# it? The same local gradients answer the opposite question. Fix an *input*, and ask of every value:
# how fast does it change with this input? Write $\dot v$ for the answer. The input itself has 1,
# the other leaves have 0, and each gate adds up what its own inputs bring:
#
# $$\dot v = \sum_{u \text{ into } v} \frac{\partial v}{\partial u}\, \dot u$$
#
# This is the chain rule, too, but taken in the order of the calculation. It is called **forward
# mode** (Wengert, 1964), and $\dot v$ is a *tangent*. What you have done since lesson 1 is
# **reverse mode** (both are in Griewank and Walther, *Evaluating Derivatives*, chapter 3).

# %% tags=["forward"]
from autograd_core import gradients, jacobian, topological


def tangents(rates, *outputs):
    """How fast each value changes, while the leaves change at these rates; all others stand still.

    For {x: 1.0} it is the derivative in x.
    """
    dot = {}
    for v in topological(*outputs):  # inputs first
        if v.inputs:
            dot[v] = sum(local * dot[u] for u, local in zip(v.inputs, v.partials, strict=True))
        else:
            dot[v] = rates.get(v, 0.0)
    return dot


x, y, z = Value(-2.0), Value(5.0), Value(-4.0)
q = x + y
f = q * z
columns = [tangents({leaf: 1.0}, f) for leaf in (x, y, z)]
f.backward()
print("     value   d/dx   d/dy   d/dz   df/d")
for name, u in {"x": x, "y": y, "z": z, "q": q, "f": f}.items():
    print(f"{name} {u.data:8g}", *(f"{dot[u]:6g}" for dot in columns), f"{u.grad:6g}")
check("what both know", [dot[f] for dot in columns], [x.grad, y.grad, z.grad])

# %% [markdown]
# Each of the last four columns is one pass. The three forward passes run down the page, from 1 at
# an input to the row of `f`. The backward pass, `df/d`, runs up, from 1 at `f` to the rows of the
# inputs. Where forward passes end, in the row of `f`, stand the three numbers that the one backward
# pass has brought to `x`, `y` and `z`.
#
# A forward pass is what nudging (lesson 1) tries to be: `x` moves, and all that depends on it moves
# along. But nothing is moved by a thousandth, so nothing is off by a thousandth. It shares the
# drawback, too: one pass for each *input*. A backward pass costs as much, a multiplication for each
# wire, and there is one for each *output*. So count:


# %%
def wires_of(*outputs):
    return sum(len(v.inputs) for v in topological(*outputs))


def both_ways(inputs, outputs):
    """The derivatives of all outputs (rows) in all inputs, forward and in reverse; and the work."""
    columns = [tangents({x: 1.0}, *outputs) for x in inputs]
    rows = [gradients(y) for y in outputs]
    forward = [[dot[y] for dot in columns] for y in outputs]
    reverse = [[row.get(x, 0.0) for x in inputs] for row in rows]
    work = (len(columns) * wires_of(*outputs), sum(map(wires_of, outputs)))
    print(f"forward: passes {len(columns)}, multiplications {work[0]}")
    print(f"reverse: passes {len(rows)}, multiplications {work[1]}")
    return forward, reverse, work


def two_outputs(x, y, z):
    q = x + y
    return q * z, q * sin(q)


leaves = [Value(-2.0), Value(5.0), Value(-4.0)]
forward, reverse, _ = both_ways(leaves, two_outputs(*leaves))
table = jacobian(two_outputs, [leaf.data for leaf in leaves])
check("forward, column by column", forward, table)
check("in reverse, row by row", reverse, table)

# %% [markdown]
# Now the two extremes. A network has many weights and one loss:

# %%
net = nn.MLP(2, [8, 1], rng=0)
loss = (net([0.5, -1.0]) - 1.0) ** 2
forward, reverse, work = both_ways(net.parameters(), [loss])
check("the same gradient", forward, reverse)
check("weights", len(net.parameters()), 33)
check("forward against reverse", work[0] / work[1], len(net.parameters()))

# %% [markdown]
# With a million weights it would be a million passes against one. That is why networks are trained
# in reverse. The other extreme is one number that a whole path depends on: a cup of tea cools in
# twenty steps, and loses a share of its warmth in each. How does each point answer to the rate?

# %%
rate = Value(0.3)
path = [Value(1.0)]
for _ in range(20):
    path.append(path[-1] - 0.1 * (rate * path[-1]))
forward, reverse, work = both_ways([rate], path[1:])
by_hand = [-0.1 * k * (1 - 0.1 * rate.data) ** (k - 1) for k in range(1, 21)]
check("how each point answers to the rate", [row[0] for row in forward], by_hand)
check("in reverse", [row[0] for row in reverse], by_hand)
check("reverse against forward, ten times and more", work[1] / work[0] > 10, True)

# %% [markdown]
# Forward mode needs one pass. Reverse mode needs twenty, and each goes back through all the steps
# before its own point.
#
# Forward mode has a second advantage: nothing has to be kept. Value and tangent are computed side
# by side, and may be forgotten as soon as the next ones are there. The backward pass must have the
# whole calculation behind it, with every value that a slope is made of. A thousand sines in a row:

# %%
value, dot = 0.5, 1.0
for _ in range(1000):
    value, dot = math.sin(value), math.cos(value) * dot

first = Value(0.5)
last = first
for _ in range(1000):
    last = sin(last)
last.backward()
check("forward, with two numbers in memory", dot, first.grad, within=1e-15)
check("in reverse, values kept", len(topological(last)), 1001)

# %% [markdown]
# The two can be combined. A gradient made by `grad` is a graph, and one forward pass through it, in
# the direction of $v$, says how the gradient changes that way. This is the Hessian times $v$ once
# more, "forward over reverse":

# %%
xs = [Value(a) for a in at]
slopes = grad(long_chain(*xs), xs)
dot = tangents(dict(zip(xs, v, strict=True)), *slopes)
check("hvp, forward over reverse", [dot[slope] for slope in slopes], along_v)

# %% [markdown]
# ## A gate of your own
#
# Everything above read the same table: a gate's value, its slope, its formula. Add an entry, and
# pictures, checks, second derivatives and compiled programs know it. Here is **swish**,
# $x \cdot \sigma(x)$, also called SiLU: a ReLU with a soft corner (Ramachandran and others, 2017).
#
# A rule is plain Python over a namespace `xp`, which computes with numbers at one time and with
# Values at another. (So write `xp.div(a, b)` for a quotient, `xp.exp(x)`, `xp.sqrt(x)`.) The slope
# comes from the product rule:
# $\sigma + x \sigma (1 - \sigma) = \sigma + y (1 - \sigma)$, with $y$ the gate's own output.


# %%
from autograd_core import Gate, GradientError, apply, check_gate, compile_graph


def squash(xp, x):
    return xp.div(1.0, 1.0 + xp.exp(-x))


swish = Gate(
    "swish",
    lambda xp, x: x * squash(xp, x),
    lambda xp, y, x: (squash(xp, x) + y * (1.0 - squash(xp, x)),),
    latex=r"<x> \cdot \sigma(<x>)",
    slopes=(r"\sigma(<x>) + <y> \cdot (1 - \sigma(<x>))",),
)
report = check_gate(swish)
check("slopes checked, first and second", [len(report), report.ok], [40, True])

# %% [markdown]
# `check_gate` draws 20 points, and compares each slope, and the slope of the slope, with
# differences. Had we forgotten the product rule, it would have said so:

# %%
hasty = Gate(
    "hasty", swish.forward, lambda xp, y, x: (squash(xp, x),), latex="?", slopes=("?",)
)  # fmt: skip
try:
    check_gate(hasty)
    found = False
except GradientError as error:
    print("\n".join(str(error).splitlines()[:4]))
    found = True
check("found out", found, True)

# %% [markdown]
# `apply` puts it into a graph, where it is a gate like any other. Step through it, then set `b` to
# 0.2 and step again. Hardly anything gets back past the gate: half a per cent. Swish dips below 0
# before it rises, and near its lowest point the slope is near 0.

# %%
w, x, b = Value(1.5), Value(-1.0), Value(0.5)
z = w * x + b
y = apply(swish, z)
y.backward()
s = 1 / (1 + math.exp(-z.data))
check("y", y, z.data * s)
check("dy/db", b.grad, s + z.data * s * (1 - s))
there = Value(1.5 * -1.0 + 0.2)
check("its slope with b = 0.2", grad(apply(swish, there), [there]), [-0.005], within=0.0005)
step(y, names={"w": w, "x": x, "b": b, "y": y})

# %% [markdown]
# Its derivative has a derivative, since the slope's rule runs on Values, too. By hand, it is
# $\sigma (1 - \sigma) (2 + z (1 - 2 \sigma))$.

# %%
(slope,) = grad(y, [z])
(curve,) = grad(slope, [z])
check("second derivative", curve, s * (1 - s) * (2 + z.data * (1 - 2 * s)))

# %% [markdown]
# And it trains, in `nn.fit` too. Eight neurons with swish, from twelve different starts:

# %%
from nn.optim import SGD

moons, labels = nn.moons(60, rng=2)
targets = [2.0 * label - 1.0 for label in labels]


def trained(seed):
    model = nn.MLP(2, [8, 1], activation=lambda v: apply(swish, v), rng=seed)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    nn.fit(model, nn.HingeLoss(), (moons, targets), optimizer, epochs=300)
    right = sum(model(p).data * t > 0 for p, t in zip(moons, targets, strict=True))
    return right, model


runs = [trained(seed) for seed in range(12)]
print("points on their side, of 60:", [right for right, _ in runs])
check("all 60 in ten starts or more", sum(right == 60 for right, _ in runs) >= 10, True)
surface = compile_graph(runs[0][1]).each
plots.decision_boundary(surface, moons, labels, title="8 swish neurons, the first start")


# %% [markdown]
# ## Exercises
#
# **Exercise 1.** The Hessian of `long_chain` at `at` has 30 × 30 entries. How many of them are not
# 0?
#
# <details><summary>A hint</summary>
#
# An entry asks: does the slope in one input change when another moves? Two inputs that never meet
# in a term cannot change each other's slope. Whatever is left, the table has it on both sides of
# its diagonal.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def wanted_1():
    return np.count_nonzero(hessian(long_chain, at))


words_1 = {
    900: "Only inputs that share a term change each other's slope.",
    30: "That is the diagonal. Does the slope in one input not change with its neighbours?",
    58: "Those are the neighbours. The slope in an input also changes with the input itself.",
    59: "The table has each pair of neighbours twice: once in the row of either.",
    90: "Three in each row, nearly: how many neighbours have the first and the last?",
}  # fmt: skip

# %% tags=["aim-1"]
answer(1, ..., wanted_1, but=words_1)

# %% [markdown]
# **Exercise 2.** This walk goes back through the graph of a *derivative*, that of $e^x \sin x$, to
# find the second one. Somewhere it goes wrong. Which mistake is it? Type its name in quotes, one of
# "overwrote", "wrong operand", "sign", "max to both", "stale value", "wrong order", "did not zero".
#
# <details><summary>A hint</summary>
#
# At each wire back, say the slope of the gate before you read it. What is the slope of each gate
# here? And where two wires come back to one value, is their sum there?
#
# </details>

# %%
x = Value(1.0)
(slope,) = grad(exp(x) * sin(x), [x])
walk = sabotage(slope, seed=7, names={"x": x, "slope": slope})
walk


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def wanted_2():
    return walk.mistake.name


words_2 = {
    "overwrote": "Look at the values that are used twice: both parts are in each sum.",
    "wrong operand": "Each product hands to a factor its upstream times the other factor.",
    "wrong order": "Each gate had all of its gradient before it handed it on.",
}  # fmt: skip

# %% tags=["aim-1"]
answer(2, ..., wanted_2, but=words_2)

# %% [markdown]
# **Exercise 3.** Write Newton's step for a function of one number. `f` takes a Value and returns
# one; you return a number, where the step lands.
#
# <details><summary>A hint</summary>
#
# `grad` returns a tuple with one Value for each input, and such a Value can be given to `grad`
# again. With one input the table $H$ is a single number. `.data` of a Value is its number.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def judge_step(work):
    functions = (lambda x: x * x - 3.0 * x, lambda x: exp(x) - 2.0 * x, lambda x: x * sin(x))
    for k, (f, at) in enumerate(product(functions, (0.5, -0.25, 1.0)), 1):
        got, trouble = attempt(work, f, at, form="(f, at)")
        if trouble or not isinstance(got, float):
            return Grade(False, trouble or "It must return a number: `.data` of a Value is one.")
        landed = downhill(newton_rule, 1, [at], f)[-1][0]
        descended = downhill(lambda f, w, g: -g, 1, [at], f)[-1][0]
        told = "It lands somewhere else."
        for wrong, why in (
            (2 * at - landed, "It goes the other way."),
            (descended, "There is no second derivative in it: this is gradient descent, rate 1."),
            (landed - at, "That is the step. Where does it land?"),
        ):
            told = why if math.isclose(got, wrong) else told
        if not math.isclose(got, landed, rel_tol=1e-9, abs_tol=1e-9):
            return Grade(False, told, k, f"function {(k + 2) // 3}, from {at}", landed, got)
    return Grade(True, f"Right: {k} steps on three functions.")


# %% tags=["aim-1", "aim-2"]
def newton_step(f, at):
    x = Value(at)
    slope = grad(f(x), [x])[0]
    curve = ...
    return ...


graded(3, judge_step, newton_step)


# %% [markdown]
# **Exercise 4.** Newton wants to go *down* the cosine, from 0.5. Predict where it ends up: a
# number.
#
# <details><summary>A hint</summary>
#
# Which sign has the second derivative of the cosine at 0.5? So which way up is the bowl that Newton
# puts there?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def wanted_4():
    return downhill(newton_rule, 8, [0.5], lambda z: z.cos())[-1][0]


words_4 = {
    math.pi: "There the cosine is lowest. But which way does the first step go?",
    -math.pi: "There the cosine is lowest, too. But how long is the first step?",
    math.pi / 2: "There the *value* is 0. Newton looks for a place where something else is 0.",
}  # fmt: skip

# %% tags=["aim-2"]
answer(4, ..., wanted_4, but=words_4)


# %% [markdown]
# **Exercise 5.** Newton's step on $f(x) = x^4$. The lowest point is 0, the second derivative is
# positive everywhere else, and still the digits do not double: each step multiplies the distance
# from 0 by the same factor. Which?
#
# <details><summary>A hint</summary>
#
# Write down slope and second derivative at $x$, and divide. How flat is the bottom here, compared
# with that of a bowl?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def wanted_5():
    return downhill(newton_rule, 1, [1.0], lambda x: x**4)[-1][0]


words_5 = {
    0: "On a real bowl it would be there at once. What is the second derivative at the bottom?",
    1 / 3: "That part of the distance is the step. What is left?",
    1 / 4: "Divide the slope by the second derivative, not the value by the slope.",
    3 / 4: "That is Newton for a place where f is 0. Here f' shall be 0.",
    1 / 2: "This would be one more binary digit per step. Divide slope by second derivative.",
}  # fmt: skip

# %% tags=["aim-2"]
answer(5, ..., wanted_5, but=words_5)

# %% [markdown]
# **Exercise 6.** Make a gate that computes the length of an arrow, $\sqrt{a^2 + b^2}$, from its two
# components. Write its value and its two slopes; the formulas for pictures can wait, so there are
# question marks. The slopes are compared with differences, by `check_gate`.
#
# <details><summary>A hint</summary>
#
# A slope may use the gate's own output, `y`. Derive $y^2 = a^2 + b^2$ on both sides. Quotients are
# `xp.div(a, b)`, roots `xp.sqrt(x)`.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def judge_hypot(work):
    def your_gate(a, b):  # as a program, to see that its rules run on more than numbers
        compiled = compile_graph(lambda a, b: apply(work(), a, b))
        return compiled.value_and_grad([a], [b])[0]

    for a, b in ((3.0, 4.0), (-12.0, 5.0), (0.0, -2.0)):
        got, trouble = attempt(your_gate, a, b, form="(a, b)")
        if trouble:
            return Grade(False, f"{trouble} A quotient is `xp.div`, a root `xp.sqrt`.")
        if not math.isclose(got, math.hypot(a, b)):
            place = f"hypot({a}, {b})"
            return Grade(False, "The value is not the length.", 1, place, math.hypot(a, b), got)
    return grade(work())


# %% tags=["aim-4"]
def hypot():
    return Gate(
        "hypot",
        lambda xp, a, b: ...,
        lambda xp, y, a, b: (..., ...),
        latex="?", slopes=("?", "?"),
    )  # fmt: skip


graded(6, judge_hypot, hypot)

# %% [markdown]
# **Exercise 7.** Forward mode needs no graph. A *dual number* is a value together with its tangent,
# and each operation makes both. Write the tangents of a sum and of a product.
#
# <details><summary>A hint</summary>
#
# A gate adds up, over its inputs, slope times tangent of the input. What are the slopes of `+`, and
# what those of `*`?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 7.
def judge_dual(work):
    def dual_numbers(text, da, db):
        return float(eval(text, {"a": work(3.0, da), "b": work(-2.0, db)}).dot)

    texts = ("a + b", "a * b", "b * a", "a * a", "(a * b + a) * (b + a) * b")
    for text, (da, db) in product(texts, ((1.0, 0.0), (0.0, 1.0), (0.5, -2.0))):
        got, trouble = attempt(dual_numbers, text, da, db, form="(text, da, db)")
        if trouble:
            return Grade(False, trouble)
        f = eval(text, {"a": (a := Value(3.0)), "b": (b := Value(-2.0))})
        want = tangents({a: da, b: db}, f)[f]
        if not math.isclose(got, want, abs_tol=1e-12):
            where = f"tangent of {text}, with a = 3 moving at {da:g}, b = -2 at {db:g}"
            told = "When one input moves, what does the output do? Then add up over both."
            return Grade(False, told, 1, where, want, got)
    return Grade(True, "Right: five expressions, in three directions each.")


# %% tags=["aim-3"]
class Dual:
    def __init__(self, value, dot=0.0):
        self.value, self.dot = value, dot

    def __add__(self, other):
        return Dual(self.value + other.value, ...)

    def __mul__(self, other):
        return Dual(self.value * other.value, ...)


graded(7, judge_dual, Dual)


# %% [markdown]
# **Exercise 8.** A function takes 20 numbers, makes *one* number of them, and 30 outputs of this
# one. All 20 × 30 derivatives are wanted. Forward mode takes 20 passes, reverse mode 30. Now you
# may cut the graph at the number in the middle, go through each part the way that you like, and
# multiply what you find. How many passes does it take at least?
#
# <details><summary>A hint</summary>
#
# For each of the two parts: how many inputs has it, and how many outputs? By the chain rule
# $\partial y_j / \partial x_i = (\partial y_j / \partial m)(\partial m / \partial x_i)$.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 8.
def wanted_8():
    return sum(min(part) for part in pairwise((20, 1, 30)))


words_8 = {
    1: "One pass goes through one part.",
    20: "That is forward mode all the way. Which way is the first part cheap?",
    21: "The second part is cheap that way. And the first, taken the other way?",
    30: "That is reverse mode all the way. Which way is the second part cheap?",
    31: "The first part is cheap that way. And the second, taken the other way?",
    50: "Both parts were taken the expensive way.",
}  # fmt: skip

# %% tags=["aim-3"]
answer(8, ..., wanted_8, but=words_8)

# %% [markdown]
# ## Where to go on
#
# This was the last lesson. You have seen every gate, every gradient and every step of training from
# within. The big libraries do the same things with arrays in place of single numbers.
#
# Two appendices follow. [A. Programs](A_programs.ipynb) is for engineers: what runs when `nn.fit`
# replays a network without building a graph, and how to take it to PyTorch, NumPy and C.
# [B. Where the notes and we differ](B_where_the_notes_and_we_differ.ipynb) puts what the course's
# notes say beside what the engine says, wherever the two part.
