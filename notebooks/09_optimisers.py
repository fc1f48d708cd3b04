# ---
# jupyter:
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
# - name the largest learning rate before you try it,
# - read a zigzag off a path, and say what momentum does about it,
# - write gradient descent, momentum, RMSProp and Adam from memory, a line or two each.
#
# This lesson covers S11 and S12 of the course's list of systems.

# %%
import math

import numpy as np
from lesson import answer, check

from autograd_core import Value, hessian, value_and_grad
from nn.data import DataLoader, TensorDataset, gaussian_points
from nn.optim import EWA, SGD, Adam, RMSprop, ewa
from viz import draw, plots, step

# %% [markdown]
# ## How large may a step be? (S11)
#
# The simplest loss with a bottom: one parameter, the bottom at 3, curvature (second derivative) 4.
# At $w = 0$ the slope is $-12$.


# %%
def bowl(w):
    return 2.0 * (w - 3.0) ** 2


w = Value(0.0)
loss = bowl(w)
loss.backward()

check("dl/dw", w.grad, -12.0)
check("curvature", hessian(bowl, [0.0])[0][0], 4.0)
draw(loss, names=locals())

# %% [markdown]
# One update is $w \leftarrow w - \eta\,\frac{\partial \ell}{\partial w}$. Walk through the
# gradient, open "What if?", and put the new $w$ in by hand: with $\eta = 0.1$ it is 1.2, with
# $\eta = 0.5$ it is 6, as far from 3 as before.

# %%
check("w after a step of 0.1", 0.0 - 0.1 * w.grad, 1.2)
check("w after a step of 0.5", 0.0 - 0.5 * w.grad, 6.0)
step(loss, names=locals())

# %% [markdown]
# The slope is the curvature $a$ times the distance to the bottom, so an update multiplies the
# distance by the same factor each time:
#
# $$w_{t+1} - w^* = (1 - \eta a)\,(w_t - w^*).$$
#
# If the factor is smaller than 1 in size, it converges: $0 < \eta < 2/a$. At $1/a$ one step is
# enough. Between $1/a$ and $2/a$ the factor is negative, and $w$ jumps from side to side. At $2/a$
# it jumps for ever.


# %%
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


rates = {0.1: 0.6, 0.25: 0.0, 0.45: -0.8, 0.5: -1.0, 0.55: -1.2}  # lr: factor
distances = {}
for lr, factor in rates.items():
    w = Value(0.0)
    path = descend(SGD([w], lr=lr), bowl, [w], 20)
    distances[f"lr {lr}"] = [abs(w - 3.0) for (w,) in path]
    check(f"w after 20 steps of {lr}", path[-1][0], 3.0 + factor**20 * (0.0 - 3.0))

# %% [markdown]
# On a logarithmic scale a constant factor is a straight line. (0.25 has only a first point: it is
# at the bottom after one step, and 0 has no logarithm.)

# %%
plots.training_curves(distances, xlabel="step", ylabel="distance to the bottom", log=True)

# %% [markdown]
# ## The least-squares study (S12)
#
# Now two parameters. 500 points around $(-3, 0)$, three times as wide in the first coordinate as
# in the second; the label is 1 if the second coordinate is above 0, else 0. The loss is the sum of
# squares of $Xw - y$: no intercept, no mean, no half.

# %%
points = gaussian_points(500, mean=(-3.0, 0.0), std=(3.0, 1.0), rng=2)
labels = [float(x1 > 0) for _, x1 in points]


def squares(w0, w1):
    return sum((w0 * x0 + w1 * x1 - y) ** 2 for (x0, x1), y in zip(points, labels, strict=True))


X, y = np.array(points), np.array(labels)
value, slope = value_and_grad(squares, [0.0, 0.0])
check("loss at w = 0, the number of ones", value, y.sum())
check("gradient at w = 0, -2 X^T y", slope, -2 * X.T @ y)

# %% [markdown]
# The curvature is now a table, the Hessian $2 X^T X$. Along its two axes (eigenvectors) the loss
# is a bowl as above, each with a curvature of its own, and the learning rate is the same for both.
# The steep one sets the limit, the flat one the waiting time.

# %%
H = np.array(hessian(squares, [0.0, 0.0]))
check("Hessian", H / 500, 2 * X.T @ X / 500)

flat, steep = np.linalg.eigvalsh(H)
check("curvature of the flat axis", flat, 934.0, within=0.001)
check("curvature of the steep axis", steep, 19177.0, within=0.001)
check("the limit 2/a", 2 / steep, 1.043e-4, within=1e-7)

# %% [markdown]
# The study's learning rate, $10^{-4}$, is just below the limit of $1.043 \cdot 10^{-4}$. So the
# factors for one step are $-0.918$ along the steep axis, a zigzag that hardly dies out, and
# $0.907$ along the flat one, a slow crawl.

# %%
check("factor along the steep axis", 1 - 1e-4 * steep, -0.918, within=0.0005)
check("factor along the flat axis", 1 - 1e-4 * flat, 0.907, within=0.0005)

# %% [markdown]
# Gradient descent against momentum, 100 steps from $w = 0$. Momentum moves along a running average
# of the gradients, $v \leftarrow (1 - 0.6)\,v + 0.6\,g$, where $v$ starts as the first gradient:
# `EWA` with `beta=0.4`.

# %%
w = [Value(0.0), Value(0.0)]
slopes_gd, slopes_momentum = [], []
gd = descend(SGD(w, lr=1e-4), squares, w, 100, slopes_gd)

w = [Value(0.0), Value(0.0)]
optimizer = EWA(w, lr=1e-4, beta=0.4, start="gradient")
momentum = descend(optimizer, squares, w, 100, slopes_momentum)

# %% [markdown]
# The same 100 steps by matrices, to be sure:

# %%
a = b = np.zeros(2)
v = None
for _ in range(100):
    a = a - 1e-4 * 2 * X.T @ (X @ a - y)
    g = 2 * X.T @ (X @ b - y)
    v = g if v is None else (1 - 0.6) * v + 0.6 * g
    b = b - 1e-4 * v

check("GD after 100 steps", gd[-1], a)
check("momentum after 100 steps", momentum[-1], b)

# %% [markdown]
# First the paths, over the contours of the loss. The ring is the start, the star the end.


# %%
def error(w0, w1):
    return float(((X @ [w0, w1] - y) ** 2).sum())  # the same loss, on plain numbers


check("the loss on numbers", error(0.3, -0.2), squares(0.3, -0.2))
square = {"x_range": (-0.5, 0.5), "y_range": (-0.5, 0.5)}
plots.loss_landscape(error, {"GD": gd, "momentum": momentum}, **square)

# %% [markdown]
# Gradient descent overshoots the valley at every step. Momentum averages a gradient to the left
# with one to the right, and little is left of both, while the gradients along the valley all agree.
# Here are the gradients, one panel per dimension:


# %%
slopes, others = np.array(slopes_gd), np.array(slopes_momentum)
check("the last of GD, by matrices", slopes[-1], 2 * X.T @ (X @ gd[-2] - y), within=1e-9)
plots.training_panels(
    {f"dimension {i}": {"GD": slopes[:, i], "momentum": others[:, i]} for i in (0, 1)},
    xlabel="iteration",
    ylabel="gradient",
)

# %% [markdown]
# The same for the parameters. The bottom, from the normal equations $X^T X w = X^T y$, is where
# both settle.

# %%
bottom = np.linalg.solve(X.T @ X, X.T @ y)
check("the bottom", bottom, (-0.080, 0.410), within=0.0005)
check("GD arrives", gd[-1], bottom, within=1e-4)
check("momentum arrives", momentum[-1], bottom, within=1e-4)

plots.training_panels(
    {f"w{i}": {"GD": [w[i] for w in gd], "momentum": [w[i] for w in momentum]} for i in (0, 1)},
    xlabel="iteration",
    ylabel="parameter",
)

# %% [markdown]
# And the gap between the loss and its lowest value, on a logarithmic scale. A straight line is a
# constant factor for each step, so its slope is what an optimiser is worth in the long run. After
# 100 steps momentum is 50 times nearer to the lowest loss.


# %%
def gaps(path):
    return [squares(*w) - squares(*bottom) for w in path]


check("gap of GD over gap of momentum, at the end", gaps(gd)[-1] / gaps(momentum)[-1], 50, 0.01)
plots.training_curves(
    {"GD": gaps(gd), "momentum": gaps(momentum)}, xlabel="iteration", ylabel="loss gap", log=True
)

# %% [markdown]
# The factor of momentum along one axis is the larger root of
# $r^2 - (1 + \beta - \eta(1-\beta)a)\,r + \beta = 0$: put $w_t = r^t$ into the two update lines.
# Where the roots are complex their size is $\sqrt\beta$, whatever the curvature: here 0.632 instead
# of 0.918. Along the flat axis it is 0.899 instead of 0.907. That is the slope of the lower line
# above, since the loss gap goes with the square.


# %%
def factor(curvature, lr=1e-4, beta=0.4):
    return max(abs(np.roots([1, -(1 + beta - lr * (1 - beta) * curvature), beta])))


check("steep, sqrt(beta)", factor(steep), math.sqrt(0.4))
check("steep", factor(steep), 0.632, within=0.0005)
check("flat", factor(flat), 0.899, within=0.0005)
check("gap, one step", gaps(momentum)[80] / gaps(momentum)[79], factor(flat) ** 2, within=1e-6)

# %% [markdown]
# Momentum also moves the limit of the learning rate, from $2/a$ to
# $\frac{2}{a} \cdot \frac{1 + \beta}{1 - \beta}$. On the bowl of curvature 4 with $\beta = 0.4$
# that is 7/6 instead of 1/2.

# %%
limit = 2 / 4.0 * (1 + 0.4) / (1 - 0.4)
check("limit with momentum", limit, 7 / 6)
for part, stays in ((0.99, True), (1.01, False)):
    w = Value(0.0)
    path = descend(EWA([w], lr=part * limit, beta=0.4), bowl, [w], 200)
    check(f"stays near the bottom at {part} of it", abs(path[-1][0] - 3.0) < 3.0, stays)

# %% [markdown]
# ## A running average is a weighted sum (S11)
#
# Start at $v = 0$ and write $v_t = \beta v_{t-1} + (1-\beta) g_t$ out, from the last step to the
# first:
#
# $$v_t = (1-\beta) \sum_{i=1}^{t} \beta^{\,t-i} g_i .$$
#
# Recent gradients count most, and each step back counts $\beta$ times as much. The rule `ewa`
# takes one number, its gradient and its state, and returns the new ones; with `lr=1` from 0 the
# number is $-v$.

# %%
beta = 0.9
gs = [3.0, -1.0, 4.0, 1.0, -5.0]
state = (0.0,)
for t, g in enumerate(gs, 1):
    _, state = ewa(0.0, g, state, t, 1.0, beta, bias_correction=False, start="zero")
    unrolled = sum((1 - beta) * beta ** (t - i) * gi for i, gi in enumerate(gs[:t], 1))
    check(f"v after {t} gradients", state[0], unrolled)

# %% [markdown]
# The weights do not sum to 1 but to $1 - \beta^t$, which is only 0.1 after the first step: the
# average is too small as long as it remembers its zero. **Bias correction** divides by that sum.
# The average of equal gradients then is that gradient, from the first step on.

# %%
plain, corrected, state = [0.0], [math.nan], (0.0,)
for t in range(1, 31):
    moved, _ = ewa(0.0, 2.0, state, t, 1.0, beta, bias_correction=False, start="zero")
    plain.append(-moved)
    moved, state = ewa(0.0, 2.0, state, t, 1.0, beta, bias_correction=True, start="zero")
    corrected.append(-moved)

check("sum of the weights after 1 step", 1 - beta**1, 0.1)
check("without", plain, [2.0 * (1 - beta**t) for t in range(31)])
check("with", corrected[1:], [2.0] * 30)
plots.training_curves(
    {"v": plain, "v, bias-corrected": corrected}, xlabel="step", ylabel="average of equal 2s"
)

# %% [markdown]
# PyTorch's `momentum` has no $(1 - \beta)$: $v \leftarrow \beta v + g$, a sum and not an average.
# Its $v$ is $1/(1-\beta)$ times ours, 10 times at $\beta = 0.9$. With a tenth of the learning rate
# it walks the same path. When you take a learning rate from a book, check which of the two it
# means.

# %%
w, u = Value(0.0), Value(0.0)
average = descend(EWA([w], lr=0.1, beta=0.9), bowl, [w], 50)
pytorch = descend(SGD([u], lr=0.01, momentum=0.9), bowl, [u], 50)
check("the same path", average, pytorch)

# %% [markdown]
# ## RMSProp and Adam, written out (S11)
#
# One learning rate for all parameters is the trouble: too large for the steep ones, too small for
# the flat ones. RMSProp (Hinton, lecture 6e) divides each gradient by the size it usually has, the
# root of a running mean of its square. Adam (Kingma and Ba, 2015) does so too, uses the running
# mean of the gradient instead of the gradient, and corrects both for having started at zero.
#
# - GD: $w \leftarrow w - \eta\, g$
# - momentum: $v \leftarrow \beta v + (1-\beta) g$, and $w \leftarrow w - \eta\, v$
# - RMSProp: $s \leftarrow \alpha s + (1-\alpha) g^2$, and
#   $w \leftarrow w - \eta\, g / (\sqrt{s} + \epsilon)$
# - Adam: $m \leftarrow \beta_1 m + (1-\beta_1) g$ and $s \leftarrow \beta_2 s + (1-\beta_2) g^2$,
#   then $\hat m = m / (1 - \beta_1^t)$ and $\hat s = s / (1 - \beta_2^t)$, and
#   $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat s} + \epsilon)$
#
# An optimiser reads nothing but `.grad`. So give all four the same gradients, those that gradient
# descent met in dimension 0 of the study, and check them against the lines above.

# %%
feed = slopes[:, 0]


def fed(make):
    w = Value(0.0)
    optimizer, path = make([w]), []
    for w.grad in feed:
        optimizer.step()
        path.append(w.data)
    return path


a, b, c, d = [0.0], [0.0], [0.0], [0.0]
v = s = m = s2 = 0.0
for t, g in enumerate(feed, 1):
    v = 0.9 * v + 0.1 * g
    s = 0.99 * s + 0.01 * g**2
    m, s2 = 0.9 * m + 0.1 * g, 0.999 * s2 + 0.001 * g**2
    a.append(a[-1] - 1e-4 * g)
    b.append(b[-1] - 1e-4 * v)
    c.append(c[-1] - 0.01 * g / (math.sqrt(s) + 1e-8))
    d.append(d[-1] - 0.02 * (m / (1 - 0.9**t)) / (math.sqrt(s2 / (1 - 0.999**t)) + 1e-8))

# %%
check("GD", fed(lambda w: SGD(w, lr=1e-4)), a[1:])
check("momentum", fed(lambda w: EWA(w, lr=1e-4, beta=0.9)), b[1:])
check("RMSProp", fed(lambda w: RMSprop(w, lr=0.01, alpha=0.99)), c[1:])
check("Adam", fed(lambda w: Adam(w, lr=0.02, betas=(0.9, 0.999))), d[1:])

# %% [markdown]
# Now let them find their own way through the study.

# %%
w = [Value(0.0), Value(0.0)]
rms = descend(RMSprop(w, lr=0.01, alpha=0.9), squares, w, 100)
w = [Value(0.0), Value(0.0)]
adam = descend(Adam(w, lr=0.02, betas=(0.9, 0.99)), squares, w, 100)

# %%
plots.loss_landscape(error, {"GD": gd, "RMSProp": rms, "Adam": adam}, **square)

# %% [markdown]
# Both leave the start diagonally: dividing by the size of the gradient leaves only its sign, so
# that the steep and the flat parameter move equally fast. Adam's first step has the length of the
# learning rate in **every** parameter, however large or small the gradient is. You no longer need
# to know the curvature to choose a learning rate. On this bowl gradient descent, with a rate that
# fits it so well, gets lower in the end: steps whose length does not fade circle the bottom.

# %%
check("Adam's first step", adam[1], (-0.02, 0.02), within=1e-9)
for scale in (1e-3, 1.0, 1e3):
    w = Value(0.0)
    path = descend(Adam([w], lr=0.1), lambda w, k=scale: k * bowl(w), [w], 1)
    check(f"first step on {scale:g} times the bowl", path[1][0], 0.1, within=1e-6)

# %%
check("GD ends lower than RMSProp", gaps(gd)[-1] < gaps(rms)[-1], True)
check("GD ends lower than Adam", gaps(gd)[-1] < gaps(adam)[-1], True)
plots.training_curves(
    {"GD": gaps(gd), "momentum": gaps(momentum), "RMSProp": gaps(rms), "Adam": gaps(adam)},
    xlabel="iteration",
    ylabel="loss gap",
    log=True,
)

# %% [markdown]
# ## Some of the data at a time: SGD (S11)
#
# A gradient costs as much as there are examples. Stochastic gradient descent takes a batch and
# moves at once. The gradients of the batches sum to the whole gradient, as the loss is a sum: each
# is that divided by the number of batches, plus noise.


# %%
def batch_gradient(w, batch):
    xs, ys = map(np.array, batch)
    return 2 * xs.T @ (xs @ w - ys)


loader = DataLoader(TensorDataset(points, labels), batch_size=50, shuffle=True, rng=0)
parts = [batch_gradient(np.zeros(2), batch) for batch in loader]
check("batches", len(parts), 10)
check("their gradients add up", sum(parts), slope)

# %% [markdown]
# The curvature of a batch is about a tenth, too, so the learning rate may be larger: here it is
# five times that of gradient descent. Ten epochs of ten batches make 100 updates, as many as above,
# with a tenth of the arithmetic in each.

# %%
curvatures = [2 * np.array(xs).T @ np.array(xs) for xs, _ in loader]
check("the curvatures add up", sum(curvatures) / 500, H / 500)

w = [Value(0.0), Value(0.0)]
optimizer, sgd = SGD(w, lr=5e-4), [[0.0, 0.0]]
for _ in range(10):
    for xs, ys in loader:
        optimizer.zero_grad()
        errors = [w[0] * x0 + w[1] * x1 - y for (x0, x1), y in zip(xs, ys, strict=True)]
        sum(e**2 for e in errors).backward()
        optimizer.step()
        sgd.append([p.data for p in w])

# %%
check("updates", len(sgd) - 1, 100)
plots.training_curves(
    {"GD": gaps(gd), "SGD": gaps(sgd)}, xlabel="update", ylabel="loss gap", log=True
)

# %% [markdown]
# SGD comes near the bottom and then wanders around it: the gradient fades there, the noise of the
# batches does not. Smaller steps make the noise smaller, which is why learning rates are lowered
# during training. [Lesson 8](08_training.ipynb) does so.

# %%
late = gaps(sgd)[-20:]
print(f"loss gap of SGD, last 20 updates: {min(late):.2g} to {max(late):.2g}")
check("SGD is still off the bottom", min(late) > 100 * gaps(gd)[-1], True)

# %% [markdown]
# ## Exercises
#
# **1.** The loss is $3(w - 1)^2 + 5$. At what learning rate does gradient descent stop getting
# closer to the bottom?

# %%
answer(1, ..., lambda: 2 / hessian(lambda w: 3 * (w - 1) ** 2 + 5, [0.0])[0][0])

# %% [markdown]
# **2.** `EWA` with $\beta = 0.9$ starts at $v = 0$ and sees the gradient 5 twice. How large is $v$
# then, without bias correction?


# %%
def after_two_fives():
    v = (0.0,)
    for t in (1, 2):
        _, v = ewa(0.0, 5.0, v, t, 1.0, 0.9, False, "zero")
    return v[0]


answer(2, ..., after_two_fives)

# %% [markdown]
# **3.** Gradient descent on the bowl, $2(w-3)^2$, with a learning rate of 0.45, from $w = 0$.
# Where is it after two steps? Predict it by the factor, then put the numbers into the stepper
# above and step again.


# %%
def after_two_steps():
    w = Value(0.0)
    return descend(SGD([w], lr=0.45), bowl, [w], 2)[-1][0]


answer(3, ..., after_two_steps)

# %% [markdown]
# ## Answers
#
# **1.** The second derivative is 6, so the limit is $2/6 = 1/3$. The 5 makes no difference: it adds
# a gate through which the gradient passes unchanged.

# %%
check("exercise 1", 1 / 3, 2 / hessian(lambda w: 3 * (w - 1) ** 2 + 5, [0.0])[0][0])

# %% [markdown]
# **2.** The weights sum to $1 - 0.9^2 = 0.19$, and $0.19 \cdot 5 = 0.95$. Divided by 0.19, as bias
# correction does, it is the 5 that was there all along.

# %%
check("exercise 2", (1 - 0.9**2) * 5.0, after_two_fives())

# %% [markdown]
# **3.** The factor is $1 - 0.45 \cdot 4 = -0.8$, so the distance goes from $-3$ to $2.4$ to
# $-1.92$: first $w = 5.4$, then $w = 1.08$.

# %%
check("exercise 3", 3.0 + (-0.8) ** 2 * -3.0, after_two_steps())

# %% [markdown]
# Next: [8. Training](08_training.ipynb). A deep network, its data in batches, a schedule for the
# learning rate: all the parts together.
