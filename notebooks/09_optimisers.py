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
# # Optimisers
#
# **Backpropagation says which way is downhill. How far should you go? Why does a step that is a
# little too long make the loss explode, why do paths zigzag, and what do momentum, RMSProp and Adam
# do about it?**
#
# You will be able to
#
# - name the largest learning rate and the best one, before you try them;
# - say from the curvatures how fast the best one is, and why a path zigzags;
# - work out what momentum does to the limit of the learning rate;
# - say what a running average remembers, and for how long;
# - write momentum and Adam from memory;
# - find what is wrong with a training step.
#
# You need lessons 1 to 3, and from lesson 5 the product of matrices. What eigenvectors are is
# recalled in one sentence.

# %%
import math

import numpy as np
from lesson import answer, check, graded

from autograd_core import Grade, Value, attempt, hessian, value_and_grad
from nn import judges
from nn.data import DataLoader, TensorDataset
from nn.optim import EWA, SGD, Adam, RMSprop, ewa
from viz import draw, plots, sabotage, step

# %% [markdown]
# ## How large may a step be?
#
# The simplest loss with a bottom has one parameter. Its bottom is at 3, its curvature (second
# derivative) is 4, and at $w = 0$ its slope is $-12$.

# %%
bottom, curvature = 3.0, 4.0


def bowl(w):
    return curvature / 2 * (w - bottom) ** 2


w = Value(0.0)
loss = bowl(w)
loss.backward()

check("dl/dw", w.grad, curvature * (w.data - bottom))
check("curvature", hessian(bowl, [0.0])[0][0], curvature)
draw(loss, names=locals())

# %% [markdown]
# One update is $w \leftarrow w - \eta\,\frac{\partial \ell}{\partial w}$. Walk through the
# gradient, open "What if?", and put the new $w$ in by hand: first that of $\eta = 0.1$, then that
# of $\eta = 0.5$. What is the loss at each?

# %%
for lr in (0.1, 0.5):
    print(f"with a learning rate of {lr}: w = {w.data - lr * w.grad:g}")
step(loss, names=locals())

# %% [markdown]
# With 0.5 the loss is as high as before: $w$ is as far from 3 as it was, on the other side. The
# slope is the curvature $a$ times the distance to the bottom $w^*$, so each update multiplies that
# distance by the same factor:
#
# $$w_{t+1} - w^* = (1 - \eta a)\,(w_t - w^*).$$
#
# Where the factor is below 1 in size, the distance shrinks: $0 < \eta < 2/a$. At $1/a$ one step is
# enough. Between $1/a$ and $2/a$ the factor is negative, and $w$ jumps from side to side. At $2/a$
# it jumps for ever. On a logarithmic scale a constant factor is a straight line. (0.25 has only a
# first point: it is at the bottom after one step, and 0 has no logarithm.)


# %% tags=["S11.limit"]
def descend(optimizer, loss, params, steps, slopes=None):
    """Where the parameters are before each step, and at the end; `slopes` gets the gradients."""
    path = [[p.data for p in params]]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(*params).backward()
        if slopes is not None:
            slopes.append([p.grad for p in params])
        optimizer.step()
        path.append([p.data for p in params])
    return path


distances = {}
for lr in (0.1, 0.25, 0.45, 0.5, 0.55):
    w = Value(0.0)
    path = descend(SGD([w], lr=lr), bowl, [w], 20)
    distances[f"lr {lr}"] = [abs(w - bottom) for (w,) in path]
    factor = 1 - lr * curvature
    print(f"learning rate {lr}: factor {factor:.2g}")
    check("    w after 20 steps", path[-1][0], bottom + factor**20 * (0.0 - bottom))
plots.training_curves(distances, xlabel="step", ylabel="distance to the bottom", log=True)

# %% [markdown]
# ## Two curvatures, one learning rate
#
# Now the least-squares study of the Berkeley EECS 182/189 notes, on their own data: 500 points
# around $(-3, 0)$, drawn with standard deviations 3 and 1 after `np.random.seed(0)`. (The text of
# the notes says *covariance* diag(3, 1); it is the standard deviations of their code that give
# their losses. See [Where the notes and we differ](B_where_the_notes_and_we_differ.ipynb).) The
# label is 1 if the second coordinate is above 0, else 0; the line in the picture parts the two.

# %% tags=["S12.data"]
np.random.seed(0)
X = np.random.normal([-3.0, 0.0], [3.0, 1.0], (500, 2))
y = (X[:, 1] > 0).astype(float)
points, labels = [tuple(row) for row in X.tolist()], y.tolist()

check("examples with label 1", sum(labels), 247)
check("standard deviations", X.std(axis=0), (2.92, 1.00), within=0.005)
plots.decision_boundary(lambda some: [x1 for _, x1 in some], points, [int(one) for one in y])

# %% [markdown]
# The loss is the sum of squares of $Xw - y$: no intercept, no mean, no half. It is quadratic, so
# its curvature is the same everywhere: a table of second derivatives, the Hessian $2 X^T X$. Along
# the two *eigenvectors* of that table, which are at right angles, the loss is a bowl like the one
# above, each with a curvature of its own, the eigenvalue.


# %% tags=["S12.study"]
def squares(w0, w1):
    return sum((w0 * x0 + w1 * x1 - y) ** 2 for (x0, x1), y in zip(points, labels, strict=True))


value, slope = value_and_grad(squares, [0.0, 0.0])
check("loss at w = 0, the number of ones", value, y.sum())
check("gradient at w = 0, -2 X^T y", slope, -2 * X.T @ y)

H = np.array(hessian(squares, [0.0, 0.0]))
check("Hessian / 500", H / 500, 2 * X.T @ X / 500)
flat, steep = np.linalg.eigvalsh(H)
check("curvature of the flat axis", flat, 1000, within=0.001)
check("curvature of the steep axis", steep, 18745, within=0.001)

# %% [markdown]
# One learning rate serves both. An update multiplies the distance along the flat axis by
# $1 - \eta\,\lambda_{\min}$ and along the steep one by $1 - \eta\,\lambda_{\max}$. The steep one
# sets the limit, $2/\lambda_{\max}$. What counts in the end is the factor that is larger in size.
# As $\eta$ grows, the flat factor falls, until the steep one, negative by then, has the same size:
#
# $$1 - \eta\,\lambda_{\min} = -(1 - \eta\,\lambda_{\max})
# \quad\text{at}\quad \eta = \frac{2}{\lambda_{\min} + \lambda_{\max}},
# \quad\text{where both have the size}\quad \frac{k - 1}{k + 1},\quad
# k = \frac{\lambda_{\max}}{\lambda_{\min}} .$$
#
# This $k$ is the *condition number*. The longer and narrower the valley, the larger $k$, and the
# closer to 1 is even the best factor (see Goh, "Why Momentum Really Works", Distill 2017). With
# more than two parameters only the largest and the smallest curvature matter.


# %% tags=["S11.optimum"]
def slower(lr):
    return max(abs(1 - lr * flat), abs(1 - lr * steep))


rates = [k * 1e-7 for k in range(1, 1201)]
best, k = min(rates, key=slower), steep / flat
check("the limit", 2 / steep, 1.067e-4, within=1e-7)
check("the best of 1,200 rates", best, 2 / (flat + steep), within=1e-7)
check("condition number", k, 18.7, within=0.005)
check("its factor", slower(best), (k - 1) / (k + 1), within=0.002)
lr = 1e-4  # the study's
check("rate over the best rate", lr * (flat + steep) / 2, 0.987, within=0.0005)
check("factor along the steep axis", 1 - lr * steep, -0.875, within=0.0005)
check("factor along the flat axis", 1 - lr * flat, 0.900, within=0.0005)
sizes = {
    "flat axis": [(one * 1e4, abs(1 - one * flat)) for one in rates[::24]],
    "steep axis": [(one * 1e4, abs(1 - one * steep)) for one in rates[::24]],
}
plots.curves(sizes, xlabel="learning rate, in units of 0.0001", ylabel="size of the factor")

# %% [markdown]
# The study takes $10^{-4}$. That is no careless choice close to the limit: it is the best rate to
# within 1.3 percent. And yet the factor is $-0.87$ along the steep axis, a zigzag, and $0.90$ along
# the flat one, a crawl. A larger rate makes the first worse, a smaller one the second.
#
# ## Momentum
#
# Momentum goes back to Polyak (1964). Here it moves along a running average of the gradients,
# $v \leftarrow (1 - 0.6)\,v + 0.6\,g$, where $v$ starts as the first gradient: `EWA` with
# `beta=0.4`. Both take 100 steps from $w = 0$, by our engine and, to be sure, by matrices. The
# notes print a loss of 102.75171 at the end, for both.

# %% tags=["S12.study", "S12.data", "S11.momentum"]
w = [Value(0.0), Value(0.0)]
slopes_gd, slopes_momentum = [], []
gd = descend(SGD(w, lr=lr), squares, w, 100, slopes_gd)

w = [Value(0.0), Value(0.0)]
optimizer = EWA(w, lr=lr, beta=0.4, start="gradient")
momentum = descend(optimizer, squares, w, 100, slopes_momentum)

a = b = np.zeros(2)
v = None
for _ in range(100):
    a = a - lr * 2 * X.T @ (X @ a - y)
    g = 2 * X.T @ (X @ b - y)
    v = g if v is None else (1 - 0.6) * v + 0.6 * g
    b = b - lr * v

check("GD after 100 steps", gd[-1], a)
check("momentum after 100 steps", momentum[-1], b)
last = [squares(*gd[-1]), squares(*momentum[-1])]
print(f"last losses: {last[0]:.5f} and {last[1]:.5f}")
check("last losses", last, [102.75171, 102.75171], within=5e-8)  # relative: all digits printed

# %% [markdown]
# First the paths, over the contours of the loss. The ring is the start, the star the end. Which of
# the two parameters belongs to the steep axis?


# %% tags=["S12.study"]
def error(w0, w1):
    return float(((X @ [w0, w1] - y) ** 2).sum())  # the same loss, on plain numbers


check("the loss on numbers", error(0.3, -0.2), squares(0.3, -0.2))
square = {"x_range": (-0.5, 0.5), "y_range": (-0.5, 0.5)}
plots.loss_landscape(error, {"GD": gd, "momentum": momentum}, **square)

# %% [markdown]
# Along $w_0$, nearly the steep axis, gradient descent overshoots at every step. Momentum averages a
# gradient to the left with one to the right, and little is left of both, while the gradients along
# the valley agree. The same in the absolute values of the gradients, dimension 0 against dimension
# 1: a dip is where a gradient changes its sign.


# %% tags=["S12.data"]
def compared(of_gd, of_momentum):
    """Two panels, in each the sizes in dimension 0 against those in dimension 1."""
    both = {"GD": np.abs(of_gd), "momentum": np.abs(of_momentum)}
    return {
        name: {f"dimension {i}": sizes[:, i].tolist() for i in (0, 1)}
        for name, sizes in both.items()
    }


check("last gradient of GD", slopes_gd[-1], 2 * X.T @ (X @ gd[-2] - y), within=1e-9)
panels = compared(slopes_gd, slopes_momentum)
plots.training_panels(panels, xlabel="iteration", ylabel="size of the gradient", log=True)

# %% [markdown]
# And the parameters. Both optimisers settle where the normal equations $X^T X w = X^T y$ hold, at
# the bottom.

# %% tags=["S12.data"]
lowest = np.linalg.solve(X.T @ X, X.T @ y)
check("the bottom", lowest, (-0.087, 0.385), within=0.0005)
check("GD arrives", gd[-1], lowest, within=2e-5)
check("momentum arrives", momentum[-1], lowest, within=2e-5)
plots.training_panels(compared(gd, momentum), xlabel="iteration", ylabel="size of the parameter")

# %% [markdown]
# The dimensions are not quite the axes of the valley, which is why momentum's gradient in dimension
# 0 soon falls no faster than that in dimension 1. The axes are the right singular vectors of $X$,
# the eigenvectors of $2 X^T X$. Measured along them, from the bottom, the two bowls come apart: for
# gradient descent every step multiplies by the factors computed above, from the first to the last.
# (At $10^{-17}$ rounding has the last word.)

# %% tags=["S12.data"]
_, singular, axes = np.linalg.svd(X, full_matrices=False)  # a row of `axes` is an axis
check("curvatures, twice the squares", 2 * singular**2, (steep, flat))
along_gd, along_momentum = (np.array(gd) - lowest) @ axes.T, (np.array(momentum) - lowest) @ axes.T
for i, (name, a) in enumerate((("steep", steep), ("flat", flat))):
    predicted = [along_gd[0, i] * (1 - lr * a) ** t for t in range(101)]
    check(f"distances along the {name} axis", along_gd[:, i], predicted)

lines = compared(along_gd, along_momentum)
plots.training_panels(
    {name: dict(zip(("steep", "flat"), two.values(), strict=True)) for name, two in lines.items()},
    xlabel="iteration",
    ylabel="distance to the bottom",
    log=True,
)

# %% [markdown]
# For momentum look at the distance $d$ to the bottom along one axis, where the curvature is $a$.
# Put $\eta v_t = d_{t-1} - d_t$ into the update of $v$:
#
# $$d_{t+1} = \big(1 + \beta - \eta(1-\beta)a\big)\,d_t - \beta\,d_{t-1} .$$
#
# The *distance* $d_t = r^t$ solves this (the parameter $w_t$ itself does not) if
# $r^2 - (1 + \beta - \eta(1-\beta)a)\,r + \beta = 0$, and the root that is larger in size is the
# factor in the long run. The product of the roots is $\beta$. So where they are complex, the size
# of both is $\sqrt\beta$, whatever the curvature.
#
# At the study's rate that helps only the steep axis: 0.63 in place of 0.87. Along the flat one it
# is 0.89 in place of 0.90. But with the zigzag damped, *longer steps* are possible: with
# $2.3 \cdot 10^{-4}$, which is more than twice the limit of gradient descent, both axes have 0.63.
# That is what momentum gives: a larger learning rate. At equal rates the comparison hides it.


# %% tags=["S11.momentum", "S12.study"]
def factor(a, lr, beta=0.4):
    return max(abs(np.roots([1, -(1 + beta - lr * (1 - beta) * a), beta])))


def gaps(path):
    """The loss above its lowest, as |X (w - lowest)|^2: no difference of nearly equal numbers."""
    return [float(((X @ (np.array(w) - lowest)) ** 2).sum()) for w in path]


check("gap at the start", gaps(gd)[0], error(0.0, 0.0) - error(*lowest))
print(f"at 1e-4: steep {factor(steep, lr):.3f}, flat {factor(flat, lr):.3f}")
check("flat, as it goes", gaps(momentum)[80] / gaps(momentum)[79], factor(flat, lr) ** 2, 1e-6)
check("steep at 2.3e-4, sqrt(beta)", factor(steep, 2.3e-4), math.sqrt(0.4))
check("flat at 2.3e-4, sqrt(beta)", factor(flat, 2.3e-4), math.sqrt(0.4))

w = [Value(0.0), Value(0.0)]
longer = descend(EWA(w, lr=2.3e-4, beta=0.4, start="gradient"), squares, w, 60)
check("gap of GD over gap of momentum", gaps(gd)[-1] / gaps(momentum)[-1], 7.0, within=0.005)
check("with longer steps 60 are better than 100", gaps(longer)[-1] < gaps(momentum)[-1], True)
lines = {"GD": gaps(gd), "momentum": gaps(momentum), "momentum, 2.3e-4": gaps(longer)}
plots.training_curves(lines, xlabel="iteration", ylabel="loss gap", log=True)

# %% [markdown]
# A straight line is a constant factor for each step, the square of the one above; where the roots
# are complex, the gap waves around the line. The slope belongs to an optimiser *with its rate on
# this loss*. So compare optimisers each at a good rate of its own.
#
# ## A running average is a weighted sum
#
# Momentum, RMSProp and Adam are made of averages like $v_t = \beta v_{t-1} + (1-\beta) g_t$. Write
# it out, from the last step to the first:
#
# $$v_t = \beta^t v_0 + (1-\beta) \sum_{i=1}^{t} \beta^{\,t-i} g_i .$$
#
# Each step back counts $\beta$ times as much, and what $v$ started as counts $\beta^t$. The rule
# `ewa` takes one number, its gradient and its state, which is $v$, and returns the new number and
# state.


# %% tags=["S11.average", "S11.start"]
def average(beta, gs, v=0.0, bias_correction=False):
    """The running averages of the numbers gs, by the engine's rule."""
    state, averages = (v,), []
    for t, g in enumerate(gs, 1):  # with lr=1 from 0 the number becomes -v
        moved, state = ewa(0.0, g, state, t, 1.0, beta, bias_correction, start="zero")
        averages.append(-moved)
    return averages


beta, gs = 0.9, [3.0, -1.0, 4.0, 1.0, -5.0]
for v0 in (0.0, 10.0):
    sums = [
        beta**t * v0 + sum((1 - beta) * beta ** (t - i) * gs[i - 1] for i in range(1, t + 1))
        for t in range(1, 6)
    ]
    check(f"averages from v0 = {v0:g}", average(beta, gs, v0), sums)

first = [3.0 * one for one in (beta, beta**2)]  # the study starts at the first gradient, here 3
check("from v0 = 3, without later gradients", average(beta, [3.0, 0.0, 0.0], 3.0)[1:], first)

# %% [markdown]
# The last lines are the study's start: $v_0 = g_1$. The weights then sum to 1 from the first step
# on, but the first gradient counts $\beta^{t-1}$, which is $1/(1-\beta)$ times its share.
#
# From $v_0 = 0$ the weights sum to $1 - \beta^t$, which is only 0.1 after the first step. **Bias
# correction** divides by that sum. The average of equal gradients then is that gradient at once.

# %% tags=["S11.average"]
twos = [2.0] * 30
plain, corrected = average(0.9, twos), average(0.9, twos, bias_correction=True)
check("without correction", plain, [2.0 * (1 - 0.9**t) for t in range(1, 31)])
check("with correction", corrected, twos)

# %% [markdown]
# How far back does it remember? After $1/(1-\beta)$ steps a number counts
# $\beta^{1/(1-\beta)}$ times as much as the newest one. With $e = 1 - \beta$ that is
# $(1-e)^{1/e}$, which tends to 1/2.718 = 0.368 as $e$ tends to 0: a number that old has lost about
# two thirds of its weight. So $\beta = 0.9$ remembers about 10 steps, $\beta = 0.98$ about 50.
#
# Try it on a year of daily temperatures, made of a cosine and noise. Which is smoother: a large
# $\beta$ or a small one?


# %% tags=["S11.memory", "S11.smoothing"]
def roughness(temperatures):
    """How much neighbouring days differ, on average, once the start is past."""
    return float(np.abs(np.diff(temperatures[50:])).mean())


for beta in (0.5, 0.9, 0.98, 0.998):
    print(f"beta {beta}: {1 / (1 - beta):.0f} steps back counts {beta ** (1 / (1 - beta)):.3f}")
check("1/e, nearly", 0.998 ** (1 / (1 - 0.998)), 1 / math.e, within=0.0005)

chance = np.random.default_rng(0)
season = [10 - 10 * math.cos(2 * math.pi * day / 365) for day in range(365)]
days = [t + 3 * chance.standard_normal() for t in season]
smooth = {beta: average(beta, days, bias_correction=True) for beta in (0.5, 0.9, 0.98)}
rough = [roughness(days)] + [roughness(one) for one in smooth.values()]
print("from day to day, in degrees:", [round(one, 2) for one in rough])
check("the larger beta, the smoother", rough, sorted(rough, reverse=True))

hottest = [int(np.argmax(average(beta, season, bias_correction=True))) for beta in smooth]
check("the hottest day", int(np.argmax(season)), 182)
check("for beta = 0.5, 0.9, 0.98", hottest, [183, 191, 222])
lines = {f"beta = {beta}": one for beta, one in smooth.items()}
plots.training_curves(lines, xlabel="day", ylabel="degrees")

# %% [markdown]
# A large $\beta$ is smoother, and later: an average of the last 50 days is about days gone by. (One
# of the notes has it the other way round; see
# [Where the notes and we differ](B_where_the_notes_and_we_differ.ipynb).) How late, the cosine
# without its noise shows: its hottest day is 182. A small $\beta$ is on time and rough. For
# gradients it is the same: a large $\beta$ averages much noise away, and is slow to turn.
#
# PyTorch's `momentum` has no $(1 - \beta)$: $v \leftarrow \beta v + g$, a sum and not an average.
# It is $1/(1-\beta)$ times as large, 10 times at $\beta = 0.9$. With a tenth of the learning rate
# it walks the path of an average that starts at $v_0 = 0$. When you take a learning rate from a
# book, check which of the two it means.

# %% tags=["S11.momentum"]
w, u = Value(0.0), Value(0.0)
ours = descend(EWA([w], lr=0.1, beta=0.9), bowl, [w], 50)
pytorch = descend(SGD([u], lr=0.01, momentum=0.9), bowl, [u], 50)
check("the same path", ours, pytorch)

# %% [markdown]
# ## RMSProp and Adam, written out
#
# One learning rate for all is the trouble: too large for the steep parameters, too small for the
# flat ones. RMSProp (Hinton, lecture 6e) divides each gradient by the size it usually has, the root
# of a running mean of its square. Adam (Kingma and Ba, 2015) does so too, takes the running mean of
# the gradient in place of the gradient, and corrects both for their start at zero.
#
# - GD: $w \leftarrow w - \eta\, g$
# - momentum: $v \leftarrow \beta v + (1-\beta) g$, and $w \leftarrow w - \eta\, v$
# - RMSProp: $s \leftarrow \alpha s + (1-\alpha) g^2$, and
#   $w \leftarrow w - \eta\, g / (\sqrt{s} + \epsilon)$
# - Adam: $m \leftarrow \beta_1 m + (1-\beta_1) g$ and $s \leftarrow \beta_2 s + (1-\beta_2) g^2$,
#   then $\hat m = m / (1 - \beta_1^t)$ and $\hat s = s / (1 - \beta_2^t)$, and
#   $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat s} + \epsilon)$
#
# An optimiser reads nothing but `.grad`. So all four get the same gradients, those that gradient
# descent met in dimension 0 of the study, and must agree with the lines above.


# %% tags=["S11.rules"]
def fed(optimizer):
    """Where the optimiser's one parameter goes, from 0."""
    path, (w,) = [], optimizer.params
    for w.grad in [g for g, _ in slopes_gd]:
        optimizer.step()
        path.append(w.data)
    return path


a, b, c, d = [0.0], [0.0], [0.0], [0.0]
v = s = m = s2 = 0.0
for t, (g, _) in enumerate(slopes_gd, 1):
    v = 0.9 * v + 0.1 * g
    s = 0.99 * s + 0.01 * g**2
    m, s2 = 0.9 * m + 0.1 * g, 0.999 * s2 + 0.001 * g**2
    a.append(a[-1] - 1e-4 * g)
    b.append(b[-1] - 1e-4 * v)
    c.append(c[-1] - 0.01 * g / (math.sqrt(s) + 1e-8))
    d.append(d[-1] - 0.02 * (m / (1 - 0.9**t)) / (math.sqrt(s2 / (1 - 0.999**t)) + 1e-8))

check("GD", fed(SGD([Value(0.0)], lr=1e-4)), a[1:])
check("momentum", fed(EWA([Value(0.0)], lr=1e-4, beta=0.9)), b[1:])
check("RMSProp", fed(RMSprop([Value(0.0)], lr=0.01, alpha=0.99)), c[1:])
check("Adam", fed(Adam([Value(0.0)], lr=0.02, betas=(0.9, 0.999))), d[1:])

# %% [markdown]
# Now they find their own way through the study. After division by its size a gradient is little
# more than its sign, and the steep and the flat parameter move equally fast. Adam's first step has
# the length of the learning rate in every parameter whose gradient is well above $\epsilon$. So for
# Adam a learning rate is a *length*. Multiply the loss by 1000 and Adam walks the same path, where
# gradient descent would need a rate 1000 times smaller.
#
# You still have to choose that length, and the curvature still counts. As a gradient fades, its
# running size fades too, and their quotient does not: RMSProp comes close to the bottom and is
# thrown out again. Plain gradient descent, at nearly its best rate, is lower after 100 steps than
# both are at the rates chosen here.

# %%
w = [Value(0.0), Value(0.0)]
rms = descend(RMSprop(w, lr=0.01, alpha=0.9), squares, w, 100)
w = [Value(0.0), Value(0.0)]
adam = descend(Adam(w, lr=0.02, betas=(0.9, 0.99)), squares, w, 100)
length = 0.01 / math.sqrt(1 - 0.9)  # the first running mean is (1 - alpha) g^2
check("RMSProp's first step", rms[1], (-length, length), within=1e-9)
check("Adam's first step", adam[1], (-0.02, 0.02), within=1e-9)

paths = {}
for scale in (1e-3, 1.0, 1e3):
    w = Value(0.0)
    paths[scale] = descend(Adam([w], lr=0.1), lambda w, k=scale: k * bowl(w), [w], 50)
    print(f"Adam after 50 steps on {scale:g} times the bowl: {paths[scale][-1][0]:.5f}")
check("the same path", np.ptp([*paths.values()], axis=0).max(), 0.0, within=1e-5)

nearest = int(np.argmin(gaps(rms)))
check("RMSProp is thrown out", max(gaps(rms)[nearest:]) > 1e5 * gaps(rms)[nearest], True)
check("GD ends lower than RMSProp", gaps(gd)[-1] < gaps(rms)[-1], True)
check("GD ends lower than Adam", gaps(gd)[-1] < gaps(adam)[-1], True)
lines = {"GD": gaps(gd), "momentum": gaps(momentum), "RMSProp": gaps(rms), "Adam": gaps(adam)}
plots.training_curves(lines, xlabel="iteration", ylabel="loss gap", log=True)

# %% [markdown]
# ## Some of the data at a time: SGD
#
# A gradient costs as much as there are examples. Stochastic gradient descent takes a batch and
# moves at once. As the loss is a sum, the gradients of the batches of one pass sum to the whole
# gradient: each is that over the number of batches, plus noise. The curvatures sum too, so each
# batch has about a tenth of the curvature here, and the learning rate may be larger.


# %% tags=["S11.sgd"]
def sgd(lr, passes, seed):
    """The gaps after each update, of ten batches in a pass over the data."""
    loader = DataLoader(TensorDataset(points, labels), batch_size=50, shuffle=True, rng=seed)
    w = [Value(0.0), Value(0.0)]
    optimizer, path = SGD(w, lr=lr), [[0.0, 0.0]]
    for _ in range(passes):
        for xs, ys in loader:
            optimizer.zero_grad()
            errors = [w[0] * x0 + w[1] * x1 - y for (x0, x1), y in zip(xs, ys, strict=True)]
            sum(e**2 for e in errors).backward()
            optimizer.step()
            path.append([p.data for p in w])
    return gaps(path)


loader = DataLoader(TensorDataset(points, labels), batch_size=50, shuffle=True, rng=0)
batches = [tuple(map(np.array, batch)) for batch in loader]
parts = [-2 * xs.T @ ys for xs, ys in batches]  # at w = 0
check("batches", len(parts), 10)
check("their gradients add up", sum(parts), slope)
curvatures = [2 * xs.T @ xs for xs, _ in batches]
check("the curvatures add up", sum(curvatures) / 500, H / 500)
print("curvature, steep axis:", [round(c[0, 0]) for c in curvatures], "of", round(steep))

# %% [markdown]
# What is a fair comparison? One update of SGD costs a tenth of one of gradient descent. So count
# *passes over the data*, in which both look at 500 examples. The bands are 20 runs of SGD that
# differ in how the data are shuffled. The rate is five times that of gradient descent, not ten,
# since some batches are steeper than others; in the second band it is only twice.

# %% tags=["S11.sgd"]
runs = {rate: [sgd(rate, 50, seed) for seed in range(20)] for rate in (5e-4, 2e-4)}
per_pass = {f"SGD, {rate:g}": [run[::10] for run in some] for rate, some in runs.items()}
fast, slow, whole = runs[5e-4], runs[2e-4], gaps(gd)
after_5 = sum(run[50] < whole[5] for run in fast)
after_50 = sum(run[500] > whole[50] for run in fast)
check("runs of 20 in which SGD is lower after 5 passes", after_5, 20)
print("runs of 20 in which SGD is higher after 50 passes:", after_50)
check("nearly all, 18 at least", after_50 >= 18, True)
check("runs in which SGD is higher after 100 updates", sum(r[100] > whole[100] for r in fast), 20)
medians = [float(np.median([run[500] for run in some])) for some in (fast, slow)]
print(f"median gap after 50 passes: {medians[0]:.2g}, with the smaller rate {medians[1]:.2g}")
check("the smaller rate is lower by then", medians[1] < medians[0], True)

plots.bands(
    {**per_pass, "GD, 0.0001": [gaps(gd)[:51]]}, xlabel="pass over the data", ylabel="loss gap",
    log=True,
)  # fmt: skip

# %% [markdown]
# For the first passes SGD with five times the rate is far ahead: it makes ten steps where gradient
# descent makes one. Then it wanders around the bottom, as the gradient fades there and the noise of
# the batches does not, and gradient descent walks past it. A smaller rate averages more of the
# noise away and takes longer to arrive, which is why learning rates are lowered during training.
# [The next lesson](10_training.ipynb) does so.
#
# Counted per *update*, gradient descent is ahead after 100 in every run. That compares 50,000
# examples with 5,000: it says what a step is worth, and not what it costs.
#
# ## Exercises
#
# **Exercise 1.** The loss is $3(w - 1)^2 + 5$. Type two numbers in a list: the learning rate at
# which gradient descent stops getting closer to the bottom, and the one with which it arrives in a
# single step.
#
# <details><summary>A hint</summary>
#
# Differentiate twice. What does the 5 do to the slope?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def limit_and_best():
    a = hessian(lambda w: 3 * (w - 1) ** 2 + 5, [0.0])[0][0]
    return [2 / a, 1 / a]


words_1 = {
    (2 / 3, 1 / 3): "You took a curvature of 3. It is the second derivative, not the factor.",
    (1.0, 0.5): "You took the curvature of the square alone: the 3 in front of it counts too.",
    (2 / 11, 1 / 11): "The 5 is not part of the curvature: it has no slope.",
}  # fmt: skip

# %% tags=["aim-1"]
answer(1, ..., limit_and_best, but=words_1)

# %% [markdown]
# **Exercise 2.** The loss is $w_0^2 + 9 w_1^2$. Type two numbers in a list: the best learning rate,
# and the size of the factor by which the distance to the bottom then shrinks in each step.
#
# <details><summary>A hint</summary>
#
# There are no mixed terms, so the axes of the valley are $w_0$ and $w_1$. Find the curvature along
# each; then put one rate into both factors. If their sizes differ, the rate is not the best.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def best_and_factor():
    low, high = np.linalg.eigvalsh(hessian(lambda w0, w1: w0**2 + 9 * w1**2, [0.0, 0.0]))
    return [2 / (low + high), (high - low) / (high + low)]


words_2 = {
    (0.2, 0.8): "At this rate the steep axis explodes. What is the curvature of w0 squared?",
    (1 / 9, 1): "That is the limit, where the steep axis jumps for ever.",
    (1 / 18, 8 / 9): "This suits the steep axis alone; the flat one crawls more than it must.",
}  # fmt: skip

# %% tags=["aim-1", "aim-2"]
answer(2, ..., best_and_factor, but=words_2)

# %% [markdown]
# **Exercise 3.** Derive the limit of the learning rate with momentum,
# $v \leftarrow \beta v + (1-\beta) g$, on a bowl of curvature $a$: above it the distance grows.
# Your formula is tried on three bowls, just below it and just above.
#
# <details><summary>A hint</summary>
#
# As the rate rises, the quadratic equation for $r$ above gets two real negative roots. Their
# product stays $\beta$, so one shrinks and one grows. At the limit the larger one has the size 1.
# Which number is it? Put it in for $r$ and solve for $\eta$.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def leaves(lr, a, beta):
    """Whether momentum runs away from the bottom at 0, from 1."""
    optimizer = EWA([w := Value(1.0)], lr=lr, beta=beta)
    for _ in range(600):
        w.grad = a * w.data
        optimizer.step()
        if abs(w.data) > 1000:
            return True
    return False


def tried(limit):
    for a, beta in ((4.0, 0.0), (4.0, 0.4), (10.0, 0.9)):
        lr, trouble = attempt(limit, a, beta, form="(a, beta)")
        if trouble:
            return Grade(False, trouble)
        case = f"With a = {a:g} and beta = {beta:g}: "
        if not isinstance(lr, int | float) or lr <= 0:
            return Grade(False, case + f"it is {lr}: return a number above 0.")
        if beta and math.isclose(lr, attempt(limit, a, 0.0, form="(a, beta)").result or 0.0):
            return Grade(False, case + "it is what it is without momentum: where is beta?")
        if leaves(0.99 * lr, a, beta):
            return Grade(False, case + f"{0.99 * lr:.4g}, below your limit, runs away already.")
        if not leaves(1.01 * lr, a, beta):
            return Grade(False, case + f"{1.01 * lr:.4g}, above your limit, stays near the bottom.")
    return Grade(True, "Right: all three stay just below your limit and run away above it.")


# %% tags=["aim-3"]
def limit(a, beta):
    return ...


graded(3, tried, limit)

# %% [markdown]
# **Exercise 4.** A running average starts at $v_0 = 10$ and remembers about 20 steps. What is left
# of that 10 in $v_{20}$? Type a number with three decimals.
#
# <details><summary>A hint</summary>
#
# Which $\beta$ has $1/(1-\beta) = 20$? In the unrolled sum look at the term with $v_0$, and let all
# gradients be 0.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def left_of_ten(steps=20):
    return average(1 - 1 / steps, [0.0] * steps, 10.0)[-1]


words_4 = {
    0.5: "That is 10 times 1 - beta, the share of a new number. What does v0 count?",
    9.5: "That is left after one step.",
    3.679: "Near: that is 1/e of it, which only a very long memory comes to.",
    0.0: "Not nothing: it fades by the same factor at each step, and is never 0.",
}  # fmt: skip

# %% tags=["aim-4"]
answer(4, ..., left_of_ten, but=words_4)

# %% [markdown]
# **Exercise 5.** Write momentum as an average that starts at zero, without looking up: one running
# average for each parameter.
#
# <details><summary>A hint</summary>
#
# Two lines: what `v[i]` becomes, from itself and `p.grad`; and what `p.data` becomes.
#
# </details>


# %% tags=["aim-5"]
class Momentum:
    def __init__(self, params, lr, beta):
        self.params, self.lr, self.beta = list(params), lr, beta
        self.v = [0.0] * len(self.params)

    def step(self):
        for i, p in enumerate(self.params):
            self.v[i] = ...
            p.data = ...


graded(5, lambda mine: judges.optimizer(mine, EWA, lr=0.03, beta=0.8), Momentum)

# %% [markdown]
# **Exercise 6.** Write Adam, with $\epsilon = 10^{-8}$. `t` is the number of the step.
#
# <details><summary>A hint</summary>
#
# `m[i]` is an average of gradients with `self.b1`, `s[i]` one of their squares with `self.b2`. Both
# start at zero: by what is each divided? And RMSProp is the part of it that has `s` and no `m`.
#
# </details>


# %% tags=["aim-5"]
class MyAdam:
    def __init__(self, params, lr, betas):
        self.params, self.lr = list(params), lr
        self.b1, self.b2 = betas
        self.m = [0.0] * len(self.params)
        self.s = [0.0] * len(self.params)
        self.t = 0

    def step(self):
        self.t += 1
        for i, p in enumerate(self.params):
            self.m[i] = ...
            self.s[i] = ...
            p.data = ...


graded(6, lambda mine: judges.optimizer(mine, Adam, lr=0.03, betas=(0.8, 0.95)), MyAdam)

# %% [markdown]
# **Exercise 7.** A training loop moves `w` and `b` of a neuron, and the loss does not go down as it
# should. Here is a walk through its gradients, with what it did. One of seven mistakes was made.
# Type its name in quotes: "overwrote", "wrong operand", "sign", "max to both", "stale value",
# "wrong order" or "did not zero". (`walk` alone in a cell is the page to step through.)
#
# <details><summary>A hint</summary>
#
# Walk to the way back. At each wire, is the contribution upstream times local? And is the sum what
# was there before plus the contribution? Then ask where what was there before came from.
#
# </details>

# %%
w, x, b, t = Value(1.2, "w"), Value(2.0, "x"), Value(0.5, "b"), Value(3.0, "target")
walk = sabotage((w * x + b - t) ** 2, seed=9)
print(walk.to_text())


# %% jupyter={"source_hidden": true}
# The judge of exercise 7.
def wanted_7():
    return walk.mistake.name


words_7 = {
    "overwrote": "Then a sum would be lost. Is one here too small, or too large?",
    "wrong operand": "Look at the product: the slope in w is the number of x, and it is.",
    "sign": "Look at the minus: is the slope in the target not -1?",
}  # fmt: skip

# %% tags=["aim-6"]
answer(7, ..., wanted_7, but=words_7)

# %% [markdown]
# Next: [10. Training](10_training.ipynb). A deep network, its data in batches, a schedule for the
# learning rate: all the parts together.
