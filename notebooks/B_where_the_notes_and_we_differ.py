# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Where the notes and we differ
#
# **My number is not the one in the notes. Who is right?**
#
# The course notes are good, and nearly every number of theirs is also ours. This page is for
# readers who compare line by line: seven places where a formula, a sentence or a number differs.
# Each has a cell that measures who is right. In two of them both are.
#
# You need lessons 1 to 5; the sections on averages and on data also belong to lesson 9.

# %%
import numpy as np
from lesson import check

from autograd_core import Value, cos, exp, gradients, jacobian, maximum, sin
from nn.optim import EWA, SGD
from viz import draw, plots, step

# %% [markdown]
# ## 1. The maximum of two equal numbers
#
# **The notes** (Stanford CS231n, backpropagation) write the slopes of $\max(x, y)$ as
# $\mathbb{1}(x \ge y)$ and $\mathbb{1}(y \ge x)$. Where $x = y$ both conditions hold, and both
# slopes are 1. **We** give each 1/2.
#
# At a tie the maximum has a corner, so no slope is *the* right one. But some pairs cannot be
# right. If both inputs rise by a nudge, the maximum rises by one nudge; slopes of 1 and 1 say that
# it rises by two.

# %% tags=["S6.tie"]
x, y = Value(2.0), Value(2.0)
f = maximum(x, y)
f.backward()
draw(f, names=locals())

# %% tags=["S6.tie"]
nudge = 1e-3
rise = max(2.0 + nudge, 2.0 + nudge) - max(2.0, 2.0)
check("both move by a nudge: f moves by, in nudges", rise / nudge, 1.0, within=1e-9)
check("our slopes predict", x.grad + y.grad, 1.0)
notes = [float(x.data >= y.data), float(y.data >= x.data)]
check("those of the notes predict", sum(notes), 2.0)

# %% [markdown]
# Any two slopes of 0 or more whose sum is 1 will do. They are the *subgradients* of the maximum at
# a tie: the slopes of the planes that touch it there from below. Ours treat both inputs alike, as
# do PyTorch's `maximum` and `amax` and JAX's `maximum`. Where $x \ne y$ all agree, and ties of
# computed numbers are rare. But $\max(x, x)$ always is a tie, and its slope in $x$ is 1, since it
# is $x$ itself:

# %% tags=["S6.tie"]
x = Value(3.0)
f = maximum(x, x)
f.backward()
check("max(x, x): our slope", x.grad, 1.0)
step(f, names=locals())

# %% [markdown]
# ## 2. Data times n
#
# **The notes** (the same) say that data multiplied by $n$ make the gradients on the weights $n$
# times larger, and that one has to lower the learning rate by that factor. The first half is
# right, and with a rate $n$ times smaller the *steps* are as long as before. **We** say that the
# rate must be $n^2$ times smaller to train as before, since the weights that are sought are $n$
# times smaller too: steps of the old length are $n$ times too long.


# %% tags=["S6.scale"]
def outputs(n, rate, steps=15):
    """Fit w x to y by gradient descent, with data times n: the outputs at each step."""
    data, targets, w, path = [n * 1.0, n * -0.5, n * 2.0], [2.0, -1.5, 3.0], Value(0.0), []
    for _ in range(steps):
        path.append([w.data * x for x in data])
        loss = sum((w * x - y) ** 2 for x, y in zip(data, targets, strict=True))
        w.data -= rate * gradients(loss)[w]
    return np.array(path)


plain = outputs(1, 0.03)
by_n, by_n_squared = outputs(10, 0.03 / 10), outputs(10, 0.03 / 100)
gap = abs(by_n_squared - plain).max()
check("n = 10, rate / 100: outputs, largest difference", gap, 0.0, within=1e-9)
check("n = 10, rate / 10: it runs away", abs(by_n[-1]).max() > 1000, True)

# %% tags=["S6.scale"]
best = (2.0 * 1.0 + 1.5 * 0.5 + 3.0 * 2.0) / (1.0 + 0.5**2 + 2.0**2)  # sum x y / sum x x
runs = {"plain": plain, "10 x, rate / 10": by_n, "10 x, rate / 100": by_n_squared}
errors = {name: abs(run[:, 0] - best) for name, run in runs.items()}
plots.training_curves(errors, xlabel="step", ylabel="first output from its best", log=True)

# %% [markdown]
# ## 3. Large beta or small beta
#
# A running average is $v_t = \beta v_{t-1} + (1 - \beta) g_t$. **One of the notes** (Berkeley EECS
# 182/189, optimisers) has the effect of $\beta$ the other way round. **We** say that a large
# $\beta$ gives a smooth line, since it keeps much of what was there before.
#
# It can be computed. After many steps the gradient of $k$ steps ago has the weight
# $(1 - \beta)\beta^k$. If each $g$ carries independent noise of variance 1, the noise of the
# average has the sum of the squared weights as its variance, and that is
# $(1 - \beta)/(1 + \beta)$: 1/3 at $\beta = 0.5$, and 1/19 at 0.9.


# %% tags=["S11.smoothing"]
def average(numbers, beta, v=0.0):
    path = []
    for g in numbers:
        v = beta * v + (1 - beta) * g
        path.append(v)
    return np.array(path)


for beta in (0.5, 0.9, 0.98):
    weights = average([1.0] + [0.0] * 2000, beta)  # what is left of one number, step by step
    check(f"beta = {beta}: variance left", (weights**2).sum(), (1 - beta) / (1 + beta))

# %% tags=["S11.smoothing"]
rng = np.random.default_rng(0)
days = np.arange(200)
season = 12 - 8 * np.cos(days * 2 * np.pi / 365)
temperatures = season + rng.normal(scale=3, size=200)
lines = {f"beta = {beta}": average(temperatures, beta, v=temperatures[0]) for beta in (0.5, 0.95)}
plots.training_curves({"daily": temperatures, **lines}, xlabel="day", ylabel="temperature")

# %% tags=["S11.smoothing"]
smoother = 0
for seed in range(20):
    noisy = season + np.random.default_rng(seed).normal(scale=3, size=200)
    rough = [abs(np.diff(average(noisy, beta, v=noisy[0]))).mean() for beta in (0.5, 0.95)]
    smoother += rough[1] < rough[0]
check("series of 20 in which beta = 0.95 moves less from day to day", smoother, 20)

# %% [markdown]
# The price is a lag: the smooth line comes late. Mind the letter, too. The least-squares study
# writes $v \leftarrow (1 - 0.6)\,v + 0.6\,g$, with the 0.6 on the **new** number. There a larger
# number is rougher, and $\beta$ in our sense is 0.4.
#
# ## 4. A factor too many
#
# **One set of the notes**, in the notation of *Understanding Deep Learning*, prints the derivatives
# of a deep network once more "for reference", each written out, and has
# $\frac{\partial \ell}{\partial f_2}$ in one of them twice. **We** have each factor once:
#
# $$\frac{\partial \ell}{\partial f_1} =
# \frac{\partial h_2}{\partial f_1}\,\frac{\partial f_2}{\partial h_2}\,
# \frac{\partial \ell}{\partial f_2}, \qquad
# \frac{\partial \ell}{\partial f_2} =
# \frac{\partial h_3}{\partial f_2}\,\frac{\partial f_3}{\partial h_3}\,
# \frac{\partial \ell}{\partial f_3} .$$
#
# In matrices the shapes object: two columns cannot be multiplied. On single numbers nothing
# objects, so we try it on the toy chain of lesson 4.


# %% tags=["S3.factor"]
def toy_chain(f1, times=1.0):
    """The upper half of the toy chain, from f1 on: f2, f3 and the loss."""
    h2 = exp(f1)
    f2 = 0.3 + -1.1 * h2
    f3 = 0.7 + 1.6 * cos(f2)
    return f2, f3, times * (f3 - 0.5) ** 2


f1 = Value(0.4)
f2, f3, loss = toy_chain(f1)
loss.backward()
right = np.exp(f1.data) * -1.1 * f2.grad
printed = right * f2.grad

below, above = toy_chain(f1.data - 1e-6)[2], toy_chain(f1.data + 1e-6)[2]
measured = (above - below) / 2e-6
check("dl/df1, by the engine", f1.grad, right)
check("dl/df1, measured by a nudge", measured, right, within=1e-8)
check("with a factor too many it is off by", printed - measured, right * (f2.grad - 1), within=1e-8)
check("and that is not nothing", abs(printed - measured) > 0.1, True)

# %% [markdown]
# A way to find such a misprint without numbers: a derivative of $\ell$ contains $\ell$ once. Count
# the loss three times, and each derivative is three times as large. The printed product would grow
# ninefold.

# %% tags=["S3.factor"]
f1 = Value(0.4)
f2_threefold, _, threefold = toy_chain(f1, times=3.0)
threefold.backward()
check("dl/df1 grows by", f1.grad / right, 3.0)
check("the printed product by", np.exp(0.4) * -1.1 * f2_threefold.grad**2 / printed, 9.0)

# %% [markdown]
# ## 5. Standard deviation or covariance
#
# **The notes'** least-squares study describes its 500 points as normal around $(-3, 0)$ with the
# covariance diag(3, 1). Its code draws them with the *standard deviations* 3 and 1, which is
# the covariance diag(9, 1). Lesson 9 follows the code. Which of the two made the figures? The
# notes print the loss that is left after 100 iterations, 102.75171, and NumPy's seed 0 still draws
# what it drew then.


# %% tags=["S12.data"]
def study(std):
    """The first coordinate's variance, and the loss after 100 iterations."""
    points = np.random.RandomState(0).normal((-3.0, 0.0), std, (500, 2))
    labels, w = (points[:, 1] > 0) * 1.0, np.zeros(2)
    for _ in range(100):
        w -= 1e-4 * 2 * points.T @ (points @ w - labels)
    return points[:, 0].var(), ((points @ w - labels) ** 2).sum()


variance, loss = study(std=(3.0, 1.0))
check("std (3, 1): variance, around 9", variance, 9.0, within=0.1)
check("  loss after 100 iterations", f"{loss:.5f}", "102.75171")
variance, loss = study(std=(3.0**0.5, 1.0))
check("covariance diag(3, 1): variance, around 3", variance, 3.0, within=0.1)
check("  loss after 100 iterations is another", abs(loss - 102.75171) > 1, True)

# %% [markdown]
# The figures were made with standard deviations. `np.random.normal` takes a standard deviation,
# `np.random.multivariate_normal` a covariance: this is easily mixed up.
#
# ## 6. Omega, or omega transposed
#
# **The notes** (*Understanding Deep Learning*, problem 7.6) have $\partial z/\partial h = \Omega^T$
# for $z = \beta + \Omega h$. **Our** `jacobian` gives $\Omega$. Both are right: the book's table
# has a row for each input, ours a row for each output. The slopes in them are the same, and so is
# the gradient that comes out. [Lesson 5](05_layers_and_matrices.ipynb) has the reasons.

# %% tags=["S3.layouts"]
omega = np.array([[1.0, -2.0], [1.5, 3.0], [-1.0, 4.0]])
beta = np.array([0.1, 0.2, 0.3])
h = [Value(0.7), Value(-0.4)]
z = list(beta + omega @ np.array(h))
(z[0] * z[1] + sin(z[2])).backward()
arrived, wanted = np.array([v.grad for v in z]), np.array([v.grad for v in h])

ours = np.array(jacobian(lambda *h: list(beta + omega @ np.array(h)), [0.7, -0.4]))
check("our table is omega", ours, omega)
check("a gradient is a row: dl/dz ours", arrived[None, :] @ ours, wanted[None, :])
check("the book's: a gradient is a column", omega.T @ arrived[:, None], wanted[:, None])

# %% [markdown]
# ## 7. Momentum: an average, or a sum
#
# **The notes** write momentum as an average, $v \leftarrow \beta v + (1 - \beta) g$. PyTorch, and
# `SGD` of our `nn`, write a sum, $v \leftarrow \beta v + g$. From a start at 0 the sum is
# $1/(1 - \beta)$ times the average at every step: ten times, at $\beta = 0.9$. With a rate that is
# ten times smaller both make the same steps. Whoever copies a rate from one form to the other makes
# steps that are ten times too long, or too short.


# %% tags=["S11.momentum"]
def path_of(make, steps=40):
    w = Value(0.0)
    optimizer, path = make([w]), []
    for _ in range(steps):
        optimizer.zero_grad()
        ((w - 3.0) ** 2).backward()
        optimizer.step()
        path.append(w.data)
    return path


notes = path_of(lambda w: EWA(w, lr=0.1, beta=0.9))
tenth = path_of(lambda w: SGD(w, lr=0.1 / 10, momentum=0.9))
copied = path_of(lambda w: SGD(w, lr=0.1, momentum=0.9))
check("a tenth of the rate: largest difference", max(abs(np.subtract(notes, tenth))), 0.0)
check("the rate copied: first steps", copied[0] / notes[0], 10.0)
plots.training_curves({"average": notes, "sum, same rate": copied}, xlabel="step", ylabel="w")

# %% [markdown]
# ## All seven
#
# | | the notes | we | who is right |
# |---|---|---|---|
# | tie of max | 1 and 1 | 1/2 and 1/2 | the sum must be 1 |
# | data times $n$ | rate by $n$ | rate by $n^2$ | $n$ for equal steps, $n^2$ for equal training |
# | large $\beta$ | rougher | smoother | smoother |
# | $\partial \ell/\partial f_1$ | a factor twice | once | once |
# | the study's data | covariance diag(3, 1) | diag(9, 1), by the code | the code made the figures |
# | $\partial z/\partial h$ | $\Omega^T$ | $\Omega$ | both, in two layouts |
# | momentum | an average | an average, or a sum | both, at two rates |
#
# Back to the lessons: [1. One gate at a time](01_one_gate_at_a_time.ipynb),
# [3. A neuron](03_a_neuron.ipynb), [4. The toy chain](04_the_toy_chain.ipynb),
# [5. Layers and matrices](05_layers_and_matrices.ipynb), [9. Optimisers](09_optimisers.ipynb).
