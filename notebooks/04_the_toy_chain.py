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
# # The toy chain
#
# **One backward pass gives every derivative of a network at once. How, and how do you know that
# they are right?**
#
# You will be able to
#
# - run the two passes, and say what the first one stores for the second;
# - derive all derivatives of a chain by hand, from the loss back to the first number;
# - say what this saves, compared with one long formula for each derivative;
# - check derivatives against differences of the loss, and say why nobody trains a network that way.
#
# You need school calculus (the slopes of sin, cos and exp; the chain rule) and lessons 1 to 3.

# %%
import ast
import math
from collections import Counter, defaultdict
from contextlib import suppress

from lesson import answer, check, graded

from autograd_core import (
    Gate,
    Grade,
    GradientError,
    Value,
    apply,
    attempt,
    check_gradient,
    cos,
    exp,
    gradients,
    sin,
)
from nn import judges
from viz import draw, explain, plots, sabotage, step, to_text

# %% [markdown]
# ## A network that is one chain
#
# Before networks with many units per layer, take one with a single number per layer. It is a sine,
# an exponential and a cosine with a weight and a bias before, between and after them, and a squared
# error at its end (Understanding Deep Learning, 7.3):
#
# $$f_0 = \beta_0 + \omega_0 x \quad h_1 = \sin f_0 \quad f_1 = \beta_1 + \omega_1 h_1 \quad
#   h_2 = \exp f_1$$
# $$f_2 = \beta_2 + \omega_2 h_2 \quad h_3 = \cos f_2 \quad f_3 = \beta_3 + \omega_3 h_3 \quad
#   \ell = (f_3 - y)^2$$
#
# In code $\beta$ is `b` and $\omega$ is `w`. The program is the formulas, line by line. The picture
# shows its first two links, up to $f_1$; the others follow in the same manner.

# %%
b0, w0, b1, w1 = Value(0.3, "b0"), Value(1.2, "w0"), Value(-0.4, "b1"), Value(1.5, "w1")
b2, w2, b3, w3 = Value(0.2, "b2"), Value(0.8, "w2"), Value(0.5, "b3"), Value(-2.0, "w3")
x, y = Value(0.5, "x"), Value(2.0, "y")

f0 = b0 + w0 * x
h1 = sin(f0)
f1 = b1 + w1 * h1
h2 = exp(f1)
f2 = b2 + w2 * h2
h3 = cos(f2)
f3 = b3 + w3 * h3
loss = (f3 - y) ** 2
loss.label = "l"
given = {v.label: v.data for v in (b0, w0, b1, w1, b2, w2, b3, w3, x, y)}
names = dict(locals())  # the names so far, for the pictures
draw(f1, names=names)

# %% [markdown]
# ## The first pass stores
#
# No gradient yet: each shows as `-`. But the forward pass is done, and every number on the way is
# still there. All 13 gates kept their output: the pre-activations $f_k$, the activations $h_k$, and
# the sums and products without a name of their own (here `v` and a number).

# %% tags=["S1"]
print(to_text(loss, backward=False, names=names))
gates_run = [v for v in gradients(loss) if v.inputs]
check("gates that ran and kept their output", len(gates_run), 13)

# %% [markdown]
# These are the cached forward variables, and they are what the backward pass works with. The
# slope of each gate is made of them, and each gate keeps its slopes beside its output: the
# slope of `w1 * h1` in `w1` *is* $h_1$, the slope of `exp` *is* its output $h_2$.

# %%
product = f1.inputs[1]  # w1 * h1
check("d(w1 h1)/dw1, kept by the gate", product.partials[0], h1.data, within=0.0)
check("dh2/df1, kept by the gate", h2.partials[0], h2.data, within=0.0)
check("dh1/df0, kept by the gate", h1.partials[0], math.cos(f0.data))
check("dh3/df2, kept by the gate", h3.partials[0], -math.sin(f2.data))

# %% [markdown]
# ## The second pass reuses
#
# Now backward. It computes no sine and no exponential: at each gate it multiplies what arrives from
# above by a number that the first pass left there. Here is the whole chain after both passes, from
# top to bottom, since it is long. Above each line is the value from the first pass, below it the
# gradient from the second, and after each $\times$ the slope that joins them.

# %%
loss.backward()
draw(loss, names=names, direction="TB")

# %% [markdown]
# Now step it: 13 gates forward, then the seed 1, then 22 wires backward, from the loss to the first
# layer. In the forward half the values fill in. In the backward half watch the `local` of each
# step: it is one of those values, or made of one, or (at a sum) simply 1.

# %% tags=["S1"]
walk = step(loss, names=names)
phases = [one.phase for one in walk]
check("steps forward", phases.count("forward"), 13)
check("steps backward", phases.count("backward"), 22)
check("forward comes first", phases, ["forward"] * 13 + ["seed"] + ["backward"] * 22)
kept = [v.partials for v in gates_run]
used = [one.local for one in walk if one.phase == "backward"]
check("each local is one that was kept", sorted(used), sorted(sum(kept, ())), within=0.0)
walk

# %% [markdown]
# That it really uses the stored numbers shows when somebody tampers with a value between the
# passes: whatever is written over $h_1$ after the forward pass, the gradient is that of the pass
# that was run.

# %%
true_number, true_gradient = h1.data, gradients(loss)[w1]
h1.data = 99.0
check("dl/dw1, after h1 was overwritten", gradients(loss)[w1], true_gradient, within=0.0)
h1.data = true_number

# %% [markdown]
# ## All derivatives, by hand
#
# Backward by hand is the same walk. The loss gives the first factor, and then each step multiplies
# by a single slope: $\omega_k$ for a linear stage, $\cos$, $\exp$ or $-\sin$ for the others
# (Understanding Deep Learning, 7.3):
#
# $$\frac{\partial \ell}{\partial f_3} = 2 (f_3 - y) \qquad
#   \frac{\partial \ell}{\partial h_k} = \omega_k \frac{\partial \ell}{\partial f_k} \qquad
#   \frac{\partial \ell}{\partial f_{k-1}} = h_k' \frac{\partial \ell}{\partial h_k}$$
#
# The forward pass stores what it computes under a name. This store counts how often each number is
# read again. (You need not read this cell; it only counts.)


# %%
class Cache(dict):
    """A dict that counts how often each entry is read."""

    def __init__(self):
        self.reads = Counter()

    def __getitem__(self, name):
        self.reads[name] += 1
        return super().__getitem__(name)


# %% tags=["S1"]
def forward_pass(b0, w0, b1, w1, b2, w2, b3, w3, x, y):
    """The loss, and the seven numbers on the way."""
    cache = Cache()
    cache["f0"] = f0 = b0 + w0 * x
    cache["h1"] = h1 = math.sin(f0)
    cache["f1"] = f1 = b1 + w1 * h1
    cache["h2"] = h2 = math.exp(f1)
    cache["f2"] = f2 = b2 + w2 * h2
    cache["h3"] = h3 = math.cos(f2)
    cache["f3"] = f3 = b3 + w3 * h3
    return (f3 - y) ** 2, cache


number, cache = forward_pass(**given)
check("the same loss as the engine's", number, loss.data)

# %% [markdown]
# Now back. Here are the seven slopes from the loss down. Each derivative is the one before times
# the next slope: nothing is computed twice.

# %% tags=["S2"]
slopes = {
    "f3": 2.0 * (cache["f3"] - given["y"]),
    "h3": given["w3"],
    "f2": -math.sin(cache["f2"]),
    "h2": given["w2"],
    "f1": cache["h2"],  # exp' is exp, and that is h2
    "h1": given["w1"],
    "f0": math.cos(cache["f0"]),
}
hand, arrived = {}, 1.0
for name, slope in slopes.items():
    arrived *= slope
    hand[name] = arrived

for name, v in zip(hand, (f3, h3, f2, h2, f1, h1, f0), strict=True):
    check(f"dl/d{name}", v.grad, hand[name])

# %% [markdown]
# The parameters come last; they are dead ends, and nothing waits for them. Each $f_k$ is a sum, so
# the bias gets what arrives; and the weight gets it times its input, stored by the first pass:
#
# $$\frac{\partial \ell}{\partial \beta_k} = \frac{\partial \ell}{\partial f_k} \qquad
#   \frac{\partial \ell}{\partial \omega_k} = h_k \frac{\partial \ell}{\partial f_k}
#   \quad (h_0 = x)$$
#
# Then the store can say how often the way back has read what the way there had left.

# %% tags=["S1", "S2"]
for k, h in enumerate((given["x"], cache["h1"], cache["h2"], cache["h3"])):
    hand[f"b{k}"] = hand[f"f{k}"]
    hand[f"w{k}"] = h * hand[f"f{k}"]

for name, v in zip(("b0", "w0", "b1", "w1"), (b0, w0, b1, w1), strict=True):
    check(f"dl/d{name}", v.grad, hand[name])
for name, v in zip(("b2", "w2", "b3", "w3"), (b2, w2, b3, w3), strict=True):
    check(f"dl/d{name}", v.grad, hand[name])

print()
for name in cache:
    print(f"{name}: stored once, read on the way back: {cache.reads[name]}")
check("reads of h2, of f1", [cache.reads["h2"], cache.reads["f1"]], [2, 0])

# %% [markdown]
# $h_2$ serves twice: for the slope of its exponential, and for the weight behind it. $f_1$ is not
# read at all, since the slope of an exponential is its output: a program that must save memory may
# drop it. All others have to wait until the way back comes by.
#
# Seven derivatives along the chain and eight of parameters, and the engine agrees with each.
#
# ## The long formula that nobody needs
#
# Could one not write the derivative down once, as a formula, and put in the numbers? One could. Put
# the stages into each other, and with $\omega_0$ at the very bottom it is this (Understanding Deep
# Learning, 7.3):
#
# $$\begin{aligned}
# \frac{\partial \ell}{\partial \omega_0} = -2 \,
# & \bigl(\beta_3 + \omega_3 \cos[\beta_2 + \omega_2 \exp[\beta_1 + \omega_1
#   \sin[\beta_0 + \omega_0 x]]] - y\bigr) \\
# & \cdot \omega_1 \omega_2 \omega_3 \cdot x \cdot \cos[\beta_0 + \omega_0 x]
#   \cdot \exp[\beta_1 + \omega_1 \sin[\beta_0 + \omega_0 x]] \\
# & \cdot \sin[\beta_2 + \omega_2 \exp[\beta_1 + \omega_1 \sin[\beta_0 + \omega_0 x]]]
# \end{aligned}$$
#
# The same in Python, put together from its parts:

# %% tags=["S2.formula"]
F0 = "b0 + w0*x"
F1 = f"b1 + w1*sin({F0})"
F2 = f"b2 + w2*exp({F1})"
F3 = f"b3 + w3*cos({F2})"
formula = f"-2*({F3} - y) * w1*w2*w3 * x * cos({F0}) * exp({F1}) * sin({F2})"
print(formula)

plain = {"sin": math.sin, "exp": math.exp, "cos": math.cos}
check("dl/dw0, by the long formula = engine", eval(formula, plain | given), w0.grad)

# %% [markdown]
# How many sines, exponentials and cosines stand in it? (You need not read this cell; it only
# counts.)

# %% tags=["S2.formula"]
calls = Counter(part.func.id for part in ast.walk(ast.parse(formula)) if isinstance(part, ast.Call))
print(dict(calls))
check("exp, all three times of the same number", formula.count(f"exp({F1})"), 3)
check("sin of f0", formula.count(f"sin({F0})"), 3)
check("functions evaluated, for one derivative", sum(calls.values()), 9)

# %% [markdown]
# It is right, and it computes the same things again and again: nine evaluations of a function for
# one derivative, and each of the other seven parameters has a formula of its own. The two passes
# above evaluate `sin`, `exp` and `cos` once each on the way there, and $\cos f_0$ and $\sin f_2$ on
# the way back: five in all, for all fifteen derivatives.
#
# And the gap grows with depth. Take a chain of sines, one upon the other: the formula of $\partial
# \ell / \partial \omega_0$ grows with the square of the depth, the two passes by one sine and one
# cosine for each link. (You need not read this cell; it only counts.)


# %% tags=["S2.formula"]
def evaluations(depth):
    """In the formula of dl/dw0, and in two passes, for a chain of so many sines."""
    f, sums = "b + w*x", []
    for _ in range(depth):
        sums.append(f)
        f = f"b + w*sin({f})"
    formula = " * ".join([f"2*({f} - y)", "x", *(f"w*cos({one})" for one in sums)])
    return formula.count("sin(") + formula.count("cos("), 2 * depth


for depth in (3, 10, 30):
    long, passes = evaluations(depth)
    print(f"{depth} sines: {long} in the formula, {passes} in the two passes")
    check("    n (n + 3) / 2", long, depth * (depth + 3) / 2)

# %% [markdown]
# ## Ask about a single one
#
# `explain` writes the chain rule for any value, with the names and numbers of this graph. For a
# weight, where `v` and a number is the product $\omega_1 h_1$:

# %%
explain(loss, w1, names=names)

# %% [markdown]
# And for the whole chain, in plain text, as a terminal would show it. Read it from top to bottom:
# the result of each is the first factor of the next.

# %%
for v in (f3, h3, f2, h2, f1, h1, f0):
    print(str(explain(loss, v, names=names)).split("\nwhere")[0], end="\n\n")

# %% [markdown]
# ## A judge who knows no calculus
#
# Hand and engine might share a mistake, since both believe the same rules. A derivative is a
# slope, though, and a slope can be measured: nudge a number by $h$ up and down, and see what the
# loss does.
#
# $$\frac{\partial \ell}{\partial v} \approx \frac{\ell(v + h) - \ell(v - h)}{2 h}$$
#
# Here is the chain again on plain numbers, without any engine. It can add a nudge to any number,
# including those in the middle of the chain. (`add[...]` is `h` for the name that you give, and 0
# for all others.)


# %%
def nudged(name, h):
    """The loss, if h is added to the number of that name, given or computed."""
    add = defaultdict(float, {name: h})
    n = {own: number + add[own] for own, number in given.items()}
    f0 = n["b0"] + n["w0"] * n["x"] + add["f0"]
    h1 = math.sin(f0) + add["h1"]
    f1 = n["b1"] + n["w1"] * h1 + add["f1"]
    h2 = math.exp(f1) + add["h2"]
    f2 = n["b2"] + n["w2"] * h2 + add["f2"]
    h3 = math.cos(f2) + add["h3"]
    f3 = n["b3"] + n["w3"] * h3 + add["f3"]
    return (f3 - n["y"]) ** 2


def measured(name, h=1e-5):
    return (nudged(name, h) - nudged(name, -h)) / (2.0 * h)


check("the same loss", nudged("x", 0.0), loss.data)

# %% [markdown]
# All fifteen, engine beside measurement:

# %% tags=["S2", "S17"]
engine = dict(f3=f3, h3=h3, f2=f2, h2=h2, f1=f1, h1=h1, f0=f0)
engine |= dict(b0=b0, w0=w0, b1=b1, w1=w1, b2=b2, w2=w2, b3=b3, w3=w3)
for name, v in engine.items():
    check(f"dl/d{name}, measured", measured(name), v.grad, within=1e-8)
check("how many", len(engine), 15)

# %% [markdown]
# ### How small a nudge?
#
# A large nudge measures the curve and not the slope. A tiny one drowns in rounding, since the two
# losses then agree in nearly all their digits. So the error falls and rises again:


# %%
def one_sided(name, h):
    return (nudged(name, h) - nudged(name, 0.0)) / h


def errors(quotient):
    return [(k, abs(quotient("w0", 10.0**-k) - w0.grad)) for k in range(1, 14)]


both, one = errors(measured), errors(one_sided)
(best_both, least_both), (best_one, least_one) = (min(e, key=lambda p: p[1]) for e in (both, one))
check("best k, both sides", best_both, 5, within=0.2)  # 4, 5 or 6: rounding differs
check("best k, one-sided", best_one, 8, within=0.125)  # 7, 8 or 9
check("one-sided leaves more than ten times the error", least_one > 10 * least_both, True)
plots.curves(
    {"one-sided": one, "both sides": both},
    xlabel="k, for a nudge of 10^-k", ylabel="error of the measured dl/dw0", log=True,
)  # fmt: skip

# %% [markdown]
# Here the best nudge is near $10^{-5}$ on both sides, and near $10^{-8}$ on one side, where it
# leaves an error more than ten times larger. Why there? Rounding brings an error of about
# $10^{-16}$ of the loss, divided by the nudge. The curve brings one that grows as $h$ on one side,
# and as $h^2$ on both. The best nudge is where the two errors are of about the same size.

# %% [markdown]
# ## One by one: `check_gradient`
#
# A slope measured by a nudge that is small but not zero is called a *finite difference*.
# `check_gradient` takes a row of them with care, each nudge half the one before, and extrapolates
# to a nudge of zero. It takes a function of the parameters, and prints one line per
# parameter: the engine's slope, the measured one, and the measured ones from the left and the
# right.


# %% tags=["S17"]
def chain(b0, w0, b1, w1, b2, w2, b3, w3):
    h1 = sin(b0 + w0 * given["x"])
    h2 = exp(b1 + w1 * h1)
    h3 = cos(b2 + w2 * h2)
    return (b3 + w3 * h3 - given["y"]) ** 2


parameters = [number for name, number in given.items() if name not in "xy"]
try:
    report = check_gradient(chain, parameters)
except GradientError as found:  # numbers of yours may be too steep to be measured so finely
    report = found.report
print(report)
check("rows", len(report), 8)
check("measured", [row.numeric for row in report], [hand[n] for n in given if n not in "xy"], 1e-9)

# %% [markdown]
# What does it say when a rule is wrong? Here is a cosine gate whose author forgot the minus of its
# slope. A `Gate` is made of two functions: the first computes its output from the input `x`, the
# second the slope, from the output `y` and `x` (`xp` is where `cos` and `sin` come from). The first
# is perfect, so the loss looks right. Training with it would silently go astray.

# %%
forgetful = Gate(
    "forgetful", lambda xp, x: xp.cos(x), lambda xp, y, x: (xp.sin(x),),
    latex=r"\cos <x>", slopes=(r"\sin <x>",),
)  # fmt: skip
check("its value", apply(forgetful, 0.5), math.cos(0.5))
try:
    check_gradient(lambda w: apply(forgetful, 2.0 * w), [0.25])
except GradientError as found:
    print(found)
    check("the sign", found.report[0].analytic, -found.report[0].numeric, within=1e-9)

# %% [markdown]
# ## Why nobody trains like that: 2n passes
#
# A measured slope needs two forward passes, and it tells you about one parameter only. Then the
# next. So $n$ parameters cost $2n$ forward passes. Count them:

# %% tags=["S17"]
passes = 0


def counted(*w):
    global passes
    passes += 1
    return chain(*w)


def numeric_gradient(f, w, h=1e-5):
    def moved(i, by):
        return f(*w[:i], w[i] + by, *w[i + 1 :])

    return [(moved(i, h) - moved(i, -h)) / (2.0 * h) for i in range(len(w))]


measured_slopes = numeric_gradient(counted, parameters)
check("forward passes for 8 parameters", passes, 2 * 8)
check(
    "the gradient", measured_slopes, [hand[name] for name in given if name not in "xy"], within=1e-8
)

# %% [markdown]
# `check_gradient` takes more, about 40 for each parameter, for its row of nudges and for both
# sides; it is a judge, not a way to train.

# %% tags=["S17"]
passes = 0
with suppress(GradientError):  # the count is the same
    check_gradient(counted, parameters)
check("its forward passes, for each parameter", passes / 8, 40, within=0.1)

# %% [markdown]
# The backward pass does not ask how many of the leaves are parameters. It crosses each wire once,
# with one multiplication and one addition, and the forward pass has read each of these wires too.
# So both passes grow alike with the network, and one of each gives all derivatives, of one
# parameter or of a hundred.


# %% tags=["S17"]
def wide(*w):
    global passes
    passes += 1
    return sin(sum(0.01 * one for one in w))


for n in (1, 10, 100):
    passes = 0
    numeric_gradient(wide, [1.0] * n)
    check(f"n = {n}, measured: forward passes", passes, 2 * n)
    passes = 0
    out = wide(*map(Value, [1.0] * n))
    crossed = sum(one.phase == "backward" for one in step(out))
    check(f"n = {n}, by the engine: forward passes", passes, 1)
    read = sum(len(v.inputs) for v in gradients(out))
    check("   wires crossed backward = wires read forward", crossed, read)

# %% [markdown]
# So differences are for checking a few numbers once, and backpropagation is for all of them,
# always.
#
# ## Exercises
#
# **Exercise 1.** Predict. The chain gets one more link before its loss: $h_4 = \tanh f_3$, $f_4 =
# \beta_4 + \omega_4 h_4$ and $\ell = (f_4 - y)^2$. How many gates store their output on the way
# there, and how many wires does the way back cross? Type a list of two numbers.
#
# <details><summary>A hint</summary>
#
# The chain above has 13 gates and 22 wires. Which gates come with a link, and how many wires go
# into each?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def longer():
    b4, w4 = Value(0.1), Value(0.7)
    loss = (b4 + w4 * f3.tanh() - y) ** 2
    gates = [v for v in gradients(loss) if v.inputs]
    return [len(gates), sum(len(v.inputs) for v in gates)]


words_1 = {
    (14, 23): "You counted the tanh. The line of f4 has gates of its own.",
    (15, 25): "The line of f4 is more than one gate.",
    (16, 25): "The gates are right. How many wires go into a sum, and into a product?",
    (16, 28): "The gates are right. How many wires go into the tanh?",
}  # fmt: skip

# %% tags=["aim-1"]
answer(1, ..., longer, but=words_1)

# %% [markdown]
# **Exercise 2.** Predict. Somebody sets `w3` to 0. Of the eight derivatives of parameters, how many
# are not zero? Type a number; then try it in the stepper above.
#
# <details><summary>A hint</summary>
#
# What does a product hand to its two factors? A weight of 0 blocks the way down. Is it blocked
# itself?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def slopes_at(**changed):
    now = {**given, **changed}
    w = [Value(number) for name, number in now.items() if name not in "xy"]
    total = gradients(chain(*w))
    return [total[v] for v in w]


def wanted_2():
    return sum(slope != 0.0 for slope in slopes_at(w3=0.0))


words_2 = {
    0: "Something still arrives at f3.",
    1: "One of them is the bias b3. Does the weight beside it learn?",
    3: "The parameters of f3 get theirs. Does anything get past h3?",
    7: "What arrives at h3, and what is below it?",
    8: "What arrives at h3, if the slope on the way is 0?",
}  # fmt: skip

# %% tags=["aim-2"]
answer(2, ..., wanted_2, but=words_2)

# %% [markdown]
# **Exercise 3.** Write the whole backward pass of the chain as a function of its ten numbers. The
# forward pass is there. Try it from the formulas, without a look at the cells above; it is tried on
# twenty chains with other numbers.
#
# <details><summary>A hint</summary>
#
# From the loss down, each line uses the line before it and one number of the forward pass. The
# slope of $\cos f_2$ has a minus.
#
# </details>


# %% tags=["aim-1", "aim-2"]
def derivatives(b0, w0, b1, w1, b2, w2, b3, w3, x, y):
    f0 = b0 + w0 * x
    h1 = math.sin(f0)
    f1 = b1 + w1 * h1
    h2 = math.exp(f1)
    f2 = b2 + w2 * h2
    h3 = math.cos(f2)
    f3 = b3 + w3 * h3
    d = {"f3": ...}
    d["h3"] = ...
    d["f2"] = ...
    d["h2"] = ...
    d["f1"] = ...
    d["h1"] = ...
    d["f0"] = ...
    for k, h in enumerate((x, h1, h2, h3)):
        d[f"b{k}"] = ...
        d[f"w{k}"] = ...
    return d


graded(3, judges.toy_chain, derivatives)

# %% [markdown]
# **Exercise 4.** Here is the chain once more, and in its way back is a mistake. Find it, and type
# its name in quotes. It is one of "overwrote", "wrong operand", "sign", "max to both",
# "stale value", "wrong order", "did not zero".
#
# <details><summary>A hint</summary>
#
# Go from the loss down, and work out each `local` yourself before you look: it is a weight, an
# activation, or the slope of a sine, an exponential or a cosine at the number that stands there.
#
# </details>

# %%
broken = sabotage(loss, seed=14, names=names)
broken


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def wanted_4():
    return broken.mistake.name


words_4 = {
    "overwrote": "No value in the chain is used twice, so there is no sum to lose.",
    "sign": "Compare the signs: the slope of the cosine has its minus.",
    "stale value": "Each slope is made of a number that stands there now. Of the right one?",
    "did not zero": "Each gradient begins at 0.",
}  # fmt: skip

# %% tags=["aim-2"]
answer(4, ..., wanted_4, but=words_4)

# %% [markdown]
# **Exercise 5.** Somebody writes one long formula, like that of $\partial \ell / \partial
# \omega_0$, for each of the eight parameters. How often does `exp` stand in all eight together? (In
# the two passes it is evaluated once.) Type a number.
#
# <details><summary>A hint</summary>
#
# Each formula is a product of slopes, from the loss down to its parameter. How often is `exp` in
# $f_3 - y$? Which slopes have $f_2$ or $h_2$ in them? And do not forget the factor that a weight
# gets.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def all_eight():
    h = ["x", f"sin({F0})", f"exp({F1})", f"cos({F2})"]
    down = [f"2*({F3} - y)", f"w3*-sin({F2})", f"w2*exp({F1})", f"w1*cos({F0})"]
    count = 0
    for k, factor in enumerate(h):
        bias = "*".join(down[: 4 - k])
        count += bias.count("exp(") + f"{bias}*{factor}".count("exp(")
    return count


words_5 = {
    24: "Three in each? The formulas of b3, w3 and b2 are shorter.",
    18: "Nearly: which weights get a factor that has an exponential in it?",
    8: "More than one in each: look at the formula of w0.",
    3: "That is one of the formulas alone.",
}  # fmt: skip

# %% tags=["aim-3"]
answer(5, ..., all_eight, but=words_5)

# %% [markdown]
# **Exercise 6.** Predict. Somebody adds 100 000 to the loss. No derivative changes, but the loss is
# rounded to larger steps. Measured on both sides with a nudge of $10^{-k}$: for which $k$, a whole
# number, is the worst error of the eight derivatives smallest now?
#
# <details><summary>A hint</summary>
#
# The rounding now brings about $10^5 \cdot 10^{-16}$, divided by the nudge $h$. The curve brings,
# for the worst of the eight, about $10 \, h^2$. At which $h$ are the two about equal?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def best_on_a_hill(hill=1e5):
    def worst(k):
        h = 10.0**-k
        pairs = ((name, nudged(name, h) + hill, nudged(name, -h) + hill) for name in PARAMETERS)
        return max(abs((up - down) / (2.0 * h) - engine[name].grad) for name, up, down in pairs)

    return min(range(1, 10), key=worst)


PARAMETERS = [name for name in given if name not in "xy"]


words_6 = {
    5: "That was the best without the hill. Larger rounding wants another nudge.",
    6: "With more rounding, a smaller nudge drowns sooner.",
    8: "That is the best on one side, and without the hill.",
    3: "The right direction, but too far: the error of the curve grows with the square.",
    1: "The right direction, but much too far.",
}  # fmt: skip

# %% tags=["aim-4"]
answer(6, ..., best_on_a_hill, but=words_6)

# %% [markdown]
# **Exercise 7.** On one side, $(f(v + h) - f(v)) / h$, a gradient needs fewer passes than $2n$.
# Write it with as few as you can, for any function `f` of some numbers `w`, called as `f(*w)`. You
# may add lines. The judge counts the calls.
#
# <details><summary>A hint</summary>
#
# Which of the two numbers is the same for all parameters? The list with one number changed is
# `[*w[:i], w[i] + h, *w[i + 1:]]`.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 7.
def counts_passes(work):
    for numbers in ([0.5], [1.0, -2.0], parameters):
        calls = []

        def f(*w, calls=calls):
            calls.append(w)
            return sum(k * math.sin(v) for k, v in enumerate(w, 1)) + math.prod(w)

        leaves = [Value(number) for number in numbers]
        total = gradients(sum(k * sin(v) for k, v in enumerate(leaves, 1)) + math.prod(leaves))
        result, trouble = attempt(work, f, list(numbers), form="(f, w)")
        if trouble or not isinstance(result, list) or len(result) != len(numbers):
            return Grade(False, trouble or "Return a list with a number for each parameter.")
        n = len(numbers)
        for i, (slope, leaf) in enumerate(zip(result, leaves, strict=True)):
            if abs(slope - total[leaf]) > 1e-5:
                return Grade(False, f"Slope {i} of {n}: {slope:.6g}, expected {total[leaf]:.6g}.")
        if len(calls) > n + 1:
            return Grade(False, f"The slopes are right, but {len(calls)} passes are too many.")
    return Grade(True, "Right: the slopes are good to five digits, with no pass run twice.")


# %% tags=["aim-4"]
def one_sided_gradient(f, w, h=1e-7):
    slopes = []
    for i in range(len(w)):
        slopes.append(...)
    return slopes


graded(7, counts_passes, one_sided_gradient)

# %% [markdown]
# Next: [5. Layers and matrices](05_layers_and_matrices.ipynb), where each link of the chain is a
# whole layer, and the slopes become matrices.
