# ---
# jupyter:
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
# - check them against differences of the loss, and say why nobody trains a network that way.
#
# This lesson covers S1, S2 and S17 of the course's list of systems.

# %%
import math
from collections import defaultdict

from lesson import answer, check, graded

from autograd_core import (
    Gate,
    GradientError,
    Value,
    apply,
    check_gradient,
    cos,
    exp,
    gradients,
    sin,
)
from nn import judges
from viz import draw, explain, plots, step, to_text

# %% [markdown]
# ## A network that is one chain (S2)
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
given = dict(b0=0.3, w0=1.2, b1=-0.4, w1=1.5, b2=0.2, w2=0.8, b3=0.5, w3=-2.0, x=0.5, y=2.0)
b0, w0, b1, w1, b2, w2, b3, w3, x, y = (Value(number, name) for name, number in given.items())

f0 = b0 + w0 * x
h1 = sin(f0)
f1 = b1 + w1 * h1
h2 = exp(f1)
f2 = b2 + w2 * h2
h3 = cos(f2)
f3 = b3 + w3 * h3
loss = (f3 - y) ** 2
loss.label = "l"
names = dict(locals())  # the names so far, for the pictures
draw(f1, names=names)

# %% [markdown]
# ## The first pass stores (S1)
#
# No gradient yet: each shows as `-`. But the forward pass is done, and every number on the way is
# still there. All 13 gates kept their output: the pre-activations $f_k$, the activations $h_k$, and
# the sums and products without a name of their own (here `v` and a number).

# %%
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
# ## The second pass reuses (S1)
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

# %%
walk = step(loss, names=names)
walk

# %%
phases = [one.phase for one in walk]
check("steps forward", phases.count("forward"), 13)
check("steps backward", phases.count("backward"), 22)
check("forward comes first", phases, ["forward"] * 13 + ["seed"] + ["backward"] * 22)
kept = [v.partials for v in gates_run]
used = [one.local for one in walk if one.phase == "backward"]
check("each local is one that was kept", sorted(used), sorted(sum(kept, ())), within=0.0)

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
# ## All derivatives, by hand (S2)
#
# Backward by hand is the same walk. The loss gives the first factor, and then each step multiplies
# by a single slope: $\omega_k$ for a linear stage, $\cos$, $\exp$ or $-\sin$ for the others
# (Understanding Deep Learning, 7.3):
#
# $$\frac{\partial \ell}{\partial f_3} = 2 (f_3 - y) \qquad
#   \frac{\partial \ell}{\partial h_k} = \omega_k \frac{\partial \ell}{\partial f_k} \qquad
#   \frac{\partial \ell}{\partial f_{k-1}} = h_k' \frac{\partial \ell}{\partial h_k}$$
#
# Each line below uses the line before it. Nothing is computed twice.

# %%
F0, H1, F1, H2, F2, H3, F3 = (v.data for v in (f0, h1, f1, h2, f2, h3, f3))
hand = {}
hand["f3"] = 2.0 * (F3 - given["y"])
hand["h3"] = given["w3"] * hand["f3"]
hand["f2"] = -math.sin(F2) * hand["h3"]
hand["h2"] = given["w2"] * hand["f2"]
hand["f1"] = H2 * hand["h2"]  # exp' is exp, and that is H2
hand["h1"] = given["w1"] * hand["f1"]
hand["f0"] = math.cos(F0) * hand["h1"]

for name, v in zip(hand, (f3, h3, f2, h2, f1, h1, f0), strict=True):
    check(f"dl/d{name}", v.grad, hand[name])

# %% [markdown]
# The parameters come last; they are dead ends, and nothing waits for them. Each $f_k$ is a sum, so
# the bias gets what arrives; and the weight gets it times its input, stored by the first pass:
#
# $$\frac{\partial \ell}{\partial \beta_k} = \frac{\partial \ell}{\partial f_k} \qquad
#   \frac{\partial \ell}{\partial \omega_k} = h_k \frac{\partial \ell}{\partial f_k}
#   \quad (h_0 = x)$$

# %%
for k, h in enumerate((given["x"], H1, H2, H3)):
    hand[f"b{k}"] = hand[f"f{k}"]
    hand[f"w{k}"] = h * hand[f"f{k}"]

for name, v in zip(("b0", "w0", "b1", "w1"), (b0, w0, b1, w1), strict=True):
    check(f"dl/d{name}", v.grad, hand[name])
for name, v in zip(("b2", "w2", "b3", "w3"), (b2, w2, b3, w3), strict=True):
    check(f"dl/d{name}", v.grad, hand[name])

# %% [markdown]
# Seven derivatives along the chain and eight of parameters, and the engine agrees with each.
#
# ## Ask about a single one
#
# `explain` writes the chain rule for any value, with the names and numbers of this graph. For a
# value in the middle:

# %%
explain(loss, f2, names=names)

# %% [markdown]
# For a weight, where `v` and a number is the product $\omega_1 h_1$:

# %%
explain(loss, w1, names=names)

# %% [markdown]
# And for the whole chain, in plain text, as a terminal would show it. Read it from top to bottom:
# the result of each is the first factor of the next.

# %%
for v in (f3, h3, f2, h2, f1, h1, f0):
    print(str(explain(loss, v, names=names)).split("\nwhere")[0], end="\n\n")

# %% [markdown]
# ## A judge who knows no calculus (S2, S17)
#
# Hand and engine might share a mistake, since both believe the same rules. A derivative is a
# slope, though, and a slope can be measured: nudge a number by $h$ up and down, and see what the
# loss does.
#
# $$\frac{\partial \ell}{\partial v} \approx \frac{\ell(v + h) - \ell(v - h)}{2 h}$$
#
# Here is the chain again on plain numbers, without any engine. It can add a nudge to any number,
# including those in the middle of the chain.


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

# %%
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
plots.curves(
    {"one-sided": one, "both sides": both},
    xlabel="k, for a nudge of 10^-k", ylabel="error of the measured dl/dw0", log=True,
)  # fmt: skip

# %% [markdown]
# The best nudge is near $10^{-5}$ on both sides, and near $10^{-8}$ on one side, where it leaves an
# error more than ten times larger.

# %%
(best_both, least_both), (best_one, least_one) = (min(e, key=lambda p: p[1]) for e in (both, one))
check("best k, both sides", best_both, 5, within=0.2)  # 4, 5 or 6: rounding differs
check("best k, one-sided", best_one, 8, within=0.125)  # 7, 8 or 9
check("one-sided leaves more than ten times the error", least_one > 10 * least_both, True)

# %% [markdown]
# ## One by one: `check_gradient` (S17)
#
# `check_gradient` does this with care: it takes a row of nudges, each half the one before, and
# extrapolates to a nudge of zero. It takes a function of the parameters, and prints one line per
# parameter: the engine's slope, the measured one, and the measured ones from the left and the
# right.


# %%
def chain(b0, w0, b1, w1, b2, w2, b3, w3):
    h1 = sin(b0 + w0 * given["x"])
    h2 = exp(b1 + w1 * h1)
    h3 = cos(b2 + w2 * h2)
    return (b3 + w3 * h3 - given["y"]) ** 2


parameters = [number for name, number in given.items() if name not in "xy"]
report = check_gradient(chain, parameters)
print(report)
check("rows", len(report), 8)
check("measured", [row.numeric for row in report], [hand[n] for n in given if n not in "xy"], 1e-9)

# %% [markdown]
# What does it say when a rule is wrong? Here is a cosine gate whose author forgot the minus of its
# slope. The forward pass is perfect, so the loss looks right. Training with it would silently go
# astray.

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
# ## Why nobody trains like that: 2n passes (S17)
#
# A measured slope needs two forward passes, and it tells you about one parameter only. Then the
# next. So $n$ parameters cost $2n$ forward passes. Count them:

# %%
passes = 0


def counted(*w):
    global passes
    passes += 1
    return chain(*w)


def numeric_gradient(f, w, h=1e-5):
    def moved(i, by):
        return f(*w[:i], w[i] + by, *w[i + 1 :])

    return [(moved(i, h) - moved(i, -h)) / (2.0 * h) for i in range(len(w))]


slopes = numeric_gradient(counted, parameters)
check("forward passes for 8 parameters", passes, 2 * 8)
check("the gradient", slopes, [hand[name] for name in given if name not in "xy"], within=1e-8)

# %% [markdown]
# `check_gradient` takes more, for its row of nudges and for both sides; it is a judge, not a way to
# train.

# %%
passes = 0
check_gradient(counted, parameters)
check("forward passes of check_gradient", passes, 1 + 8 * 51)

# %% [markdown]
# The backward pass does not care how many parameters there are. It crosses each wire once, and a
# gate has at most two wires: no more than two multiplications for each gate of the forward pass,
# whether for one parameter or for a hundred.


# %%
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
    gates, wires = [[one.phase for one in step(out)].count(p) for p in ("forward", "backward")]
    check(f"n = {n}, by the engine: forward passes", passes, 1)
    check(f"   and backward, {wires} wires of {gates} gates", wires <= 2 * gates, True)

# %% [markdown]
# So differences are for checking a few numbers once, and backpropagation is for all of them,
# always.
#
# ## Exercises
#
# Change the numbers in the stepper above, then predict.
#
# **Exercise 1.** Set `w3` to 0. Of the eight derivatives of parameters, how many are not zero?


# %%
def slopes_at(**changed):
    now = {**given, **changed}
    w = [Value(number) for name, number in now.items() if name not in "xy"]
    total = gradients(chain(*w))
    return [total[v] for v in w]


answer(1, ..., lambda: sum(slope != 0.0 for slope in slopes_at(w3=0.0)))

# %% [markdown]
# **Exercise 2.** `b0` is 0.3. What is the smallest larger `b0` at which the loss no longer depends
# on `w0` at all (to first order), though it still depends on `w1`? (Which gate lies between them?)


# %%
def where_only_w0_is_silent():
    low, high = given["b0"], given["b0"] + 1.0
    for _ in range(60):  # halve the interval in which dl/dw0 changes its sign beside dl/dw1
        middle = (low + high) / 2.0
        _, at_w0, _, at_w1, *_ = slopes_at(b0=middle)
        low, high = (middle, high) if at_w0 / at_w1 > 0.0 else (low, middle)
    return low


answer(2, ..., where_only_w0_is_silent)

# %% [markdown]
# **Exercise 3.** With one-sided differences, $(\ell(v + h) - \ell(v)) / h$, how many forward passes
# does the gradient of the eight parameters take, if none is run twice?


# %%
def one_sided_passes(h=1e-8):
    global passes
    passes = 0
    here = counted(*parameters)
    measured_slopes = []
    for i, number in enumerate(parameters):
        up = counted(*parameters[:i], number + h, *parameters[i + 1 :])
        measured_slopes.append((up - here) / h)
    check("the gradient, one-sided", measured_slopes, slopes, within=1e-6)
    return passes


answer(3, ..., one_sided_passes)

# %% [markdown]
# **Exercise 4.** Write the whole backward pass of the chain as a function of its ten numbers. The
# forward pass is there. Try it from the formulas, without a look at the cells above; it is tried on
# twenty chains with other numbers.
#
# <details><summary>A hint</summary>
#
# From the loss down, each line uses the line before it and one number of the forward pass. The
# slope of $\cos f_2$ has a minus.
#
# </details>


# %%
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


graded(4, judges.toy_chain, derivatives)

# %% [markdown]
# ## Answers
#
# **1.** Only 2. With $\omega_3 = 0$ nothing passes from $f_3$ to $h_3$, so everything below gets
# zero. $\beta_3$ still gets what arrives at $f_3$, and $\omega_3$ gets it times $h_3$: a weight of
# 0 blocks the way down but can still learn.

# %%
check("exercise 1", 2, sum(slope != 0.0 for slope in slopes_at(w3=0.0)))

# %% [markdown]
# **2.** The sine lies between. Its slope is $\cos f_0$, and that is 0 where $f_0 = \pi / 2$, so
# $\beta_0 = \pi / 2 - \omega_0 x$, which is 0.97. There the sine is at its top, and a small nudge
# below it changes nothing above. (On the way $f_3$ passes $y$. There the loss is 0, and so are
# *all* derivatives; that is not what was asked.)

# %%
top = math.pi / 2 - 1.2 * 0.5
check("exercise 2", top, where_only_w0_is_silent())
check("rounded", top, 0.97, within=0.005)
_, at_w0, _, at_w1, _, _, at_b3, _ = slopes_at(b0=top)
check("dl/dw0 there", at_w0, 0.0)
check("dl/dw1 there is not 0", abs(at_w1) > 1.0, True)
check("dl/db3 changed sign on the way", [b3.grad < 0.0, at_b3 > 0.0], [True, True])

# %% [markdown]
# **3.** $n + 1 = 9$: one at the point itself, which all share, and one for each parameter. Cheaper
# than $2n$, but the plot above shows what it costs in digits.

# %%
check("exercise 3", 8 + 1, one_sided_passes())

# %% [markdown]
# Next: [5. Layers and matrices](05_layers_and_matrices.ipynb), where each link of the chain is a
# whole layer, and the slopes become matrices.
