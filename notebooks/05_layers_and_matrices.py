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
# # Layers and matrices
#
# **The backward pass of a layer is always written with a transposed matrix, and the gradient of its
# weights with a transposed input. Nobody transposes anything in a scalar graph. So where does the
# transpose come from?**
#
# You will be able to
#
# - predict every number of a shallow graph, and find a wrong one;
# - read the matrix equations of backpropagation off a graph of single numbers, and write them;
# - translate between layouts: outputs or inputs in rows, examples in rows or in columns;
# - derive what softmax and cross-entropy send back to the scores;
# - compute the deltas of a network by hand, and make a training step with them.
#
# You need lessons 1 to 4, and matrices: what $Wx$ and $W^T$ are, and that a matrix product takes a
# row of the left factor and a column of the right one.

# %%
import math
import random

import numpy as np
from lesson import answer, check, graded

from autograd_core import Grade, Value, attempt, exp, jacobian, log, sigmoid
from nn import MLP, BCEWithLogitsLoss, CrossEntropyLoss, Linear, MSELoss, judges
from viz import draw, explain, plots, sabotage, step

# %% [markdown]
# ## Three shallow graphs
#
# **The first** is one unit without an activation, and a squared error. The loss sends $2e$ to the
# error $e$. Everything else is that number, times what is next to it.

# %% tags=["S9.shallow"]
w, x, b, y = Value(2.0), Value(3.0), Value(1.0), Value(5.0)
e = w * x + b - y
loss = e**2
loss.backward()
draw(loss, names=locals())

# %%
check("dl/de = 2e", e.grad, 2 * e.data)
check("dl/dw = 2e x", w.grad, 2 * e.data * x.data)
check("dl/dx = 2e w", x.grad, 2 * e.data * w.data)
check("dl/db = 2e", b.grad, 2 * e.data)
check("dl/dy = -2e, for a target is subtracted", y.grad, -2 * e.data)

# %% [markdown]
# **The second** is logistic regression, for one example: two weights, a sigmoid that makes a
# probability $p$ of the score $s$, and the loss $-\log p$ of a point whose label is 1. (A bias is
# one more weight, whose input is always 1; the picture does without.)

# %% tags=["S9.shallow", "S9.logistic"]
w0, w1 = Value(0.75), Value(-1.0)
x0, x1 = Value(2.0), Value(1.0)
s = w0 * x0 + w1 * x1
p = sigmoid(s)
loss = -log(p)
loss.backward()
draw(loss, names=locals())

# %% [markdown]
# The logarithm sends $-1/p$ to the probability, the sigmoid multiplies it by $p(1 - p)$, and $p$
# cancels: the score gets $p - 1$. What arrives at each weight is the error in the probability times
# the weight's input. It holds for both labels $y$, and for a bias with $x_i = 1$:
#
# $$\frac{\partial \ell}{\partial w_i} = (p - y)\,x_i .$$
#
# `BCEWithLogitsLoss` is the same loss in a form that survives large scores.

# %% tags=["S9.logistic"]
check("dl/dp, and dl/ds", (p.grad, s.grad), (-1 / p.data, p.data - 1))
check("dl/dw", (w0.grad, w1.grad), ((p.data - 1) * x0.data, (p.data - 1) * x1.data))

for label in (0, 1):
    params = [Value(0.75), Value(-1.0), Value(0.2)]
    score = params[0] * 2.0 + params[1] * 1.0 + params[2]
    BCEWithLogitsLoss()(score, label).backward()
    want = [(1 / (1 + math.exp(-score.data)) - label) * x for x in (2.0, 1.0, 1.0)]
    check(f"dl/dw0, dl/dw1, dl/db for label {label}", [v.grad for v in params], want)

# %% [markdown]
# **The third** is the smallest network: two inputs, one hidden ReLU unit, one output. All that
# `w0` and `w1` hear of the error comes through the one wire of `v`, and then through the ReLU. If
# the ReLU is shut, they hear nothing.

# %% tags=["S9.shallow"]
w0, w1, v = Value(1.0), Value(-0.5), Value(-2.0)
x0, x1, y = Value(2.0), Value(1.0), Value(-1.0)
f = w0 * x0 + w1 * x1
h = f.relu()
loss = (v * h - y) ** 2
loss.backward()
draw(loss, names=locals())

# %%
error, open_ = v.data * h.data - y.data, float(f.data > 0)
check("dl/dv", v.grad, 2 * error * h.data)
check("dl/df, through v and the ReLU", f.grad, 2 * error * v.data * open_)
check("dl/dw0, dl/dw1", (w0.grad, w1.grad), (f.grad * x0.data, f.grad * x1.data))

# %% [markdown]
# ## Softmax with cross-entropy: three classes
#
# With more than two classes each class $k$ has a score $s_k$. Softmax makes probabilities of the
# scores, and the loss is $-\log$ of the probability of the right class $y$:
#
# $$p_k = \frac{e^{s_k}}{S}, \qquad S = \sum_j e^{s_j}, \qquad \ell = -\log p_y .$$
#
# Five kinds of gates do it. Here class 0 is the right one.

# %% tags=["softmax"]
s0, s1, s2 = Value(1.0), Value(2.0), Value(-1.0)
e0, e1, e2 = exp(s0), exp(s1), exp(s2)
total = e0 + e1 + e2
p0 = e0 / total
loss = -log(p0)
loss.backward()
draw(loss, names=locals())

# %% [markdown]
# Now the gradient on the scores, line by line. The logarithm first:
# $\frac{\partial \ell}{\partial p_y} = -\frac{1}{p_y}$. Then $p_y$, a quotient. Its own score is in
# the numerator and in the sum $S$, every other score in $S$ only:
#
# $$\frac{\partial p_y}{\partial s_y} = \frac{e^{s_y}}{S} - \frac{e^{s_y}\,e^{s_y}}{S^2}
# = p_y (1 - p_y), \qquad
# \frac{\partial p_y}{\partial s_k} = -\frac{e^{s_y}\,e^{s_k}}{S^2} = -p_y\,p_k .$$
#
# Multiply by $-1/p_y$, and $p_y$ cancels: $p_y - 1$ for the right class, $p_k$ for the others. With
# $y_k = 1$ for the right class and 0 for the others that is one line,
#
# $$\frac{\partial \ell}{\partial s_k} = p_k - y_k .$$
#
# In the picture it is a fork: `e0` is used twice, and its score hears from both wires.

# %% tags=["softmax"]
scores = [s0.data, s1.data, s2.data]
p = np.exp(scores) / np.exp(scores).sum()
check("dl/dp0 = -1/p0", p0.grad, -1 / p[0])
by_score = jacobian(lambda *s: exp(s[0]) / (exp(s[0]) + exp(s[1]) + exp(s[2])), scores)
check("dp0/ds", by_score, [p[0] * (1 - p[0]), -p[0] * p[1], -p[0] * p[2]])
check("dl/ds = p - y", (s0.grad, s1.grad, s2.grad), p - [1.0, 0.0, 0.0])

# %% [markdown]
# `CrossEntropyLoss` of `nn` is the same loss. It takes the largest score away from all of them
# first, so that no `exp` overflows; the loss does not notice, since numerator and $S$ shrink by the
# same factor. And softmax of the two scores $s$ and 0 is the sigmoid of $s$: logistic regression is
# the case of two classes.

# %% tags=["softmax"]
again = [Value(score) for score in scores]
CrossEntropyLoss()(again, 0).backward()
check("dl/ds by nn", [v.grad for v in again], p - [1.0, 0.0, 0.0])
check("scores of a thousand", CrossEntropyLoss()([1000.0, 999.0], 0), math.log1p(math.exp(-1)))

two, one = [Value(1.5), Value(0.0)], Value(1.5)
many, few = CrossEntropyLoss()(two, 0), BCEWithLogitsLoss()(one, 1)
many.backward()
few.backward()
check("two classes: loss, and gradient on the score", (many, two[0].grad), (few, one.grad))

# %% [markdown]
# ## A layer, and its table of slopes
#
# Let $z = \beta + \Omega h$: three units that look at the same two inputs. Move $h_j$ a little, and
# $z_i$ moves $\Omega_{ij}$ times as much, since only the product $\Omega_{ij} h_j$ contains both.
# So the table of all slopes, the **Jacobian**, is $\Omega$ itself if it has a row for each
# output.

# %% tags=["S3.layer"]
omega = np.array([[1.0, -2.0], [1.5, 3.0], [-1.0, 4.0]])
beta = np.array([0.1, 0.2, 0.3])

slopes = jacobian(lambda *h: list(beta + omega @ np.array(h)), [0.7, -0.4])
check("dz_i/dh_j, a row for each output", slopes, omega)

# %% [markdown]
# Now go backward. What arrives from above is one number $g_i$ for each output. The input $h_j$
# forks into all three units, and at a fork the contributions add up:
#
# $$\frac{\partial \ell}{\partial h_j} = \sum_i g_i\,\Omega_{ij}, \quad\text{that is}\quad
# \frac{\partial \ell}{\partial h} = \Omega^T g .$$
#
# The forward pass sums over a **row** of $\Omega$, the backward pass over a **column**. That is
# all the transpose says: the same wires, walked from the other end. Here are the first two units,
# with a function of them that sends $g = (1, -2)$ down.

# %% tags=["S3.layer"]
h0, h1 = Value(0.7), Value(-0.4)
o00, o10 = Value(1.0), Value(1.5)  # the wires of h0: the first column of omega
o01, o11 = Value(-2.0), Value(3.0)
z0 = o00 * h0 + o01 * h1
z1 = o10 * h0 + o11 * h1
f = z0 - 2.0 * z1  # so that g = (1, -2) arrives at z
f.backward()
draw(f, names=locals())

# %%
two_units = np.array([[o00.data, o01.data], [o10.data, o11.data]])
check("df/dz", (z0.grad, z1.grad), (1.0, -2.0))
check("df/dh", (h0.grad, h1.grad), two_units.T @ [1.0, -2.0])
explain(f, h0, names=locals())

# %% [markdown]
# ### An activation has a diagonal Jacobian
#
# $h_{i} = \mathrm{relu}(f_i)$ looks at $f_i$ only. So its table of slopes is 0 everywhere but on
# the diagonal. Nobody stores it: for a layer of 1000 units it would have a million entries, of
# which 999,000 are 0. Only the diagonal is kept, and a product with the matrix becomes a product
# of numbers at the same place, written $\odot$. (Softmax has a full table: every $p_i$ depends on
# every score, through the sum.)

# %% tags=["S3.diagonal"]
f, g = np.array([0.5, -1.0, 2.0]), np.array([3.0, 5.0, -2.0])
table = np.array(jacobian(lambda *f: [v.relu() for v in f], f))
print(table)
check("off the diagonal", table - np.diag(np.diag(table)), np.zeros((3, 3)))
check("the diagonal", np.diag(table), f > 0)
check("table^T g, by the diagonal alone", table.T @ g, (f > 0) * g)

table = np.array(jacobian(lambda *s: [exp(v) / sum(map(exp, s)) for v in s], scores))
check("softmax: diag(p) - p p^T", table, np.diag(p) - np.outer(p, p))

# %% [markdown]
# ### Two layouts of the same table
#
# Problem 7.6 of *Understanding Deep Learning* has $\partial z / \partial h = \Omega^T$, and we have
# $\Omega$. Both are right. With a row for each **output** (numerator layout) the chain rule is
# written from left to right, loss first, and a gradient is a row. With a row for each **input**
# (denominator layout) it is written from right to left, and a gradient is a column, of the shape of
# what it belongs to. The numbers are the same.

# %% tags=["S3.layouts"]
h = [Value(0.7), Value(-0.4)]
z = [beta[i] + omega[i, 0] * h[0] + omega[i, 1] * h[1] for i in range(3)]
(z[0] * z[1] + z[2] ** 2).backward()
row = np.array([[v.grad for v in z]])  # 1 by 3
column = row.T  # 3 by 1

check("numerator: dl/dh = dl/dz omega", row @ omega, [[v.grad for v in h]])
check("denominator: dl/dh = omega^T dl/dz", omega.T @ column, [[v.grad] for v in h])

# %% [markdown]
# ## A batch: where the transposed input comes from
#
# With several examples, $D = W X$ has a column for each. A weight is now used once **for every
# example**. Here is one row of $W$ and a batch of two: `w0` forks into `d0` and `d1`.

# %% tags=["S7"]
w0, w1 = Value(2.0), Value(-1.0)
x00, x10 = Value(1.0), Value(3.0)  # the first example
x01, x11 = Value(2.0), Value(5.0)  # the second
d0 = w0 * x00 + w1 * x10
d1 = w0 * x01 + w1 * x11
f = d0 - 2.0 * d1  # so that 1 arrives at d0, and -2 at d1
f.backward()
X = np.array([[x00.data, x01.data], [x10.data, x11.data]])
check("what arrives, dD", (d0.grad, d1.grad), (1.0, -2.0))
check("dW = dD X^T", [[w0.grad, w1.grad]], np.array([[1.0, -2.0]]) @ X.T)

# %% [markdown]
# Step to the place where `w0` gets its second contribution. The `+=` of the fork **is** the sum
# over the examples, and the sum over the examples is what $dW = dD\,X^T$ stands for. The page asks
# you for each number on the way back.

# %%
step(f, names=locals(), quiz=True)

# %% [markdown]
# Now at the size of Stanford CS231n's backpropagation notes: $W$ is 5 by 10, $X$ is 10 by 3. NumPy
# multiplies arrays of Values as it multiplies numbers, so nothing but `@` is needed.
#
# $$dW = dD\,X^T, \qquad dX = W^T dD .$$


# %% tags=["S7"]
def values(numbers):
    """An array of Values from an array of numbers."""
    return np.vectorize(Value, otypes=[object])(numbers)


data = np.vectorize(lambda v: v.data)
grad = np.vectorize(lambda v: v.grad)

rng = np.random.default_rng(0)
W, X = values(rng.normal(size=(5, 10))), values(rng.normal(size=(10, 3)))
dD = rng.normal(size=(5, 3))
(W @ X * dD).sum().backward()  # a scalar whose gradient at W X is dD

check("largest difference of dW and dD X^T", abs(grad(W) - dD @ data(X).T).max(), 0.0)
check("largest difference of dX and W^T dD", abs(grad(X) - data(W).T @ dD).max(), 0.0)

# %% [markdown]
# You do not have to remember which factor is transposed. $dW$ has the shape of $W$, 5 by 10, and
# $dD$ (5 by 3) and $X$ (10 by 3) can be multiplied to that shape in one way only. (That is so as
# long as no two of the sizes are equal.)
#
# ### Examples in columns, or in rows
#
# In $D = WX$ each example is a column. PyTorch, `nn` and most data files have an example in each
# **row** ("batch by dimension"), and so does the form $H = XW + b$. Examples of one number are a
# table, too: a batch of four is 4 by 1. To get from one form to the other, transpose everything:
# $(W X)^T = X^T W^T$. A weight of row $i$ and column $j$ is then in row $j$ and column $i$, and so
# is its gradient. (`nn` keeps a row of weights for each output, as the columns' form does,
# and computes $X W^T + b$. Which product gives $dW$ in the form $XW + b$ is left for exercise 4.)

# %% tags=["S3.layouts"]
linear = Linear(3, 2, rng=0)
W, b, X = data(linear.weight), data(linear.bias), rng.normal(size=(4, 3))
outputs, dH = linear(X), rng.normal(size=(4, 2))
check("in rows, X W^T + b", data(outputs), X @ W.T + b)
check("in columns, W X + b, transposed", data(outputs).T, W @ X.T + b[:, None])

(np.array(outputs) * dH).sum().backward()
dW, db = grad(linear.weight), grad(linear.bias)
check("columns: dW = dD X^T", dW, dH.T @ X)
check("the bias: dH, summed over the examples", db, dH.sum(axis=0))
single = Linear(1, 2, rng=0)([[1.0], [2.0], [3.0], [4.0]])
check("4 examples of one number: the shape", np.shape(single), (4, 2))

# %% [markdown]
# ## A deep network in three lines of matrices
#
# Three hidden ReLU layers and a squared error. The forward pass is $f_k = \beta_k + \Omega_k h_k$,
# $h_{k+1} = \mathrm{relu}(f_k)$. The engine differentiates it as a graph of scalars.

# %% tags=["S3.network"]
widths = [3, 5, 4, 6, 2]
shapes = list(zip(widths[1:], widths[:-1], strict=True))
omegas = [values(rng.normal(size=(n, m)) * np.sqrt(2 / m)) for n, m in shapes]
betas = [values(rng.normal(size=n)) for n, _ in shapes]
target = np.array([1.0, -1.0])

h, f = [values(rng.normal(size=3))], []
for omega, beta in zip(omegas, betas, strict=True):
    f.append(beta + omega @ h[-1])  # f and h are kept: the backward pass needs them
    h.append(np.array([v.relu() for v in f[-1]]))
loss = ((f[-1] - target) ** 2).sum()
loss.backward()

# %% [markdown]
# The backward pass of *Understanding Deep Learning*, section 7.4:
#
# $$\frac{\partial \ell}{\partial \beta_k} = \frac{\partial \ell}{\partial f_k}, \qquad
# \frac{\partial \ell}{\partial \Omega_k} = \frac{\partial \ell}{\partial f_k} h_k^T, \qquad
# \frac{\partial \ell}{\partial f_{k-1}} = \mathbb{I}[f_{k-1} > 0] \odot
# \left(\Omega_k^T \frac{\partial \ell}{\partial f_k}\right).$$
#
# Nothing in it is new: a bias is added (gradient copied), a weight is multiplied by $h$, the input
# of a layer forks ($\Omega^T$), and a ReLU lets through or blocks (its diagonal). We read all
# gradients off the graph, and see whether the three equations hold between them, layer by layer. In
# exercise 3 you put them in order and have a backward pass.

# %% tags=["S3.network"]
for k in reversed(range(4)):
    df = grad(f[k])
    check(f"dl/dbeta_{k}", grad(betas[k]), df)
    gap = grad(omegas[k]) - np.outer(df, data(h[k]))
    check(f"  largest difference of dl/dOmega_{k}", abs(gap).max(), 0.0)
    if k > 0:
        gap = grad(f[k - 1]) - (data(f[k - 1]) > 0) * (data(omegas[k]).T @ df)
        check(f"  largest difference of dl/df_{k - 1}", abs(gap).max(), 0.0)

# %% [markdown]
# ## A two-layer network, batch of three
#
# `nn` labels every weight and every output (`layer0.neuron1.w0`), and pictures group and fold by
# the labels. First the forward pass, with each layer folded into one node; an arrow says how many
# wires it stands for. Where three numbers stand in a row they belong to the three examples; the two
# inputs on the left are those of the first. Then backward, with the layers opened to their neurons.

# %% tags=["S9.mlp"]
model = MLP(2, [2, 1], rng=4)
points, labels = [[1.0, -0.5], [0.3, 2.0], [-1.2, 0.8]], [1.0, -1.0, 0.5]
loss = MSELoss(reduction="sum")(model(points), labels)
draw(loss, depth=0, backward=False)

# %% tags=["S9.mlp"]
loss.backward()
draw(loss, depth=1)

# %% [markdown]
# And the matrix equations for the whole batch, a column for each example. The bias is added to
# every column, so its gradient is the sum of $dF$ over the columns: a fork once more. (With
# `reduction="mean"` everything below the loss is a third of this, and the learning rate must be
# three times as large for the same update.)


# %% tags=["S9.mlp"]
def matrix(layer, what):
    """The weights of a layer as a matrix, and its biases as a column."""
    rows = [[what(w) for w in neuron.w] for neuron in layer.neurons]
    return np.array(rows), np.array([[what(neuron.b)] for neuron in layer.neurons])


(W0, b0), (W1, b1) = (matrix(layer, lambda v: v.data) for layer in model.layers)
X = np.array(points).T
F0 = b0 + W0 @ X
H = np.maximum(F0, 0)
dF1 = 2 * (b1 + W1 @ H - labels)
dF0 = (F0 > 0) * (W1.T @ dF1)

(dW0, db0), (dW1, db1) = (matrix(layer, lambda v: v.grad) for layer in model.layers)
check("dW1 = dF1 H^T", dW1, dF1 @ H.T)
check("db1", db1, dF1.sum(axis=1, keepdims=True))
check("dW0 = dF0 X^T", dW0, dF0 @ X.T)
check("db0", db0, dF0.sum(axis=1, keepdims=True))

# %% [markdown]
# ## The delta recursion
#
# Older texts, and the Berkeley EECS 182/189 notes, tell the same story in terms of **deltas**. Unit
# $j$ of a layer has the signal $s_j = \sum_i w_{ij} x_i$ and the output $x_j = \theta(s_j)$; its
# delta is $\delta_j = \partial \ell / \partial s_j$. With $\ell = (x^{(L)} - y)^2$:
#
# - base step, at the last layer: $\delta = 2\,(x^{(L)} - y)\;\theta'(s)$,
# - induction, one layer down: $\delta_i = \theta'(s_i) \sum_j w_{ij}\,\delta_j$,
# - the weights: $\partial \ell / \partial w_{ij} = \delta_j\,x_i$.
#
# A delta is nothing but the `.grad` of a signal. Below, $\theta = \tanh$, whose slope is $1 - x^2$,
# and an input 1 before each layer carries the biases, in row 0 of the weights. No delta goes back
# to that 1, so the induction leaves row 0 out.


# %% tags=["S8"]
def forward(weights, point):
    """All signals s and all outputs x, layer by layer; weights are Values or numbers."""
    s, x = [], [np.array(point)]
    for w in weights:
        s.append(np.append(1.0, x[-1]) @ w)
        x.append(np.tanh(s[-1]))
    return s, x


def slopes_and_deltas(start, point, y):
    """Read off the graph: dl/dw, and the deltas."""
    weights = [values(w) for w in start]
    s, x = forward(weights, point)
    ((x[-1][0] - y) ** 2).backward()
    return [grad(w) for w in weights], [grad(signals) for signals in s]


# %% tags=["S8"]
start = [rng.normal(size=(3, 3)), rng.normal(size=(4, 2)), rng.normal(size=(3, 1))]
point, y = [1.0, -1.0], 1.0
slopes, delta = slopes_and_deltas(start, point, y)
x = forward(start, point)[1]

check("base step", delta[2], 2 * (x[3] - y) * (1 - x[3] ** 2))
for i in (1, 0):
    below = (1 - x[i + 1] ** 2) * (start[i + 1][1:] @ delta[i + 1])
    check(f"induction, layer {i + 1}", delta[i], below)
for i in range(3):
    gap = slopes[i] - np.outer(np.append(1.0, x[i]), delta[i])
    check(f"dl/dw of layer {i + 1}, largest difference", abs(gap).max(), 0.0)

# %% [markdown]
# The stochastic algorithm built on it has seven steps. Here it is on the four corners of XOR. From
# the start below all four signs are right after 400 updates. Not every start is as good (try other
# seeds): how a network should start is the next lesson.


# %% tags=["S8"]
corners = [((-1.0, -1.0), -1.0), ((1.0, -1.0), 1.0), ((1.0, 1.0), -1.0), ((-1.0, 1.0), 1.0)]


def outputs(w):
    return [float(forward(w, point)[1][-1][0]) for point, _ in corners]


def train(w, updates, eta=0.1):
    chance, losses = np.random.default_rng(1), []  # 1. initialise the weights: they are given
    for _ in range(updates):  # 2. for t = 0, 1, 2, ...
        point, y = corners[chance.integers(4)]  # 3. pick an example at random
        x = forward(w, point)[1]  # 4. forward: all x
        deltas = slopes_and_deltas(w, point, y)[1]  # 5. backward: all deltas
        slopes = [np.outer(np.append(1.0, below), d) for below, d in zip(x, deltas, strict=False)]
        w = [a - eta * slope for a, slope in zip(w, slopes, strict=True)]  # 6. update
        errors = [out - y for out, (_, y) in zip(outputs(w), corners, strict=True)]
        losses.append(sum(e * e for e in errors) / 4)
    return w, losses  # 7. stop when it is time


# %% tags=["S8"]
seeded = np.random.default_rng(0)
begin = [seeded.normal(size=size) for size in ((3, 3), (4, 2), (3, 1))]
learnt, losses = train(begin, 400)
print("outputs:", *(f"{out:.2f}" for out in outputs(learnt)))
check("signs of the outputs", np.sign(outputs(learnt)), [y for _, y in corners])
plots.training_curves({"XOR": losses}, xlabel="update", ylabel="mean over the corners", log=True)

# %% [markdown]
# ## Exercises
#
# Predict first, on paper. Then put your answer in place of the dots and run the cell.
#
# **Exercise 1.** The logistic regression above starts again, with both weights and the bias 0. The
# point is (2, 1), its label 1. What is the gradient of the loss on `w0`? Type a number.
#
# <details><summary>A hint</summary>
#
# Which score does the point get if all weights are 0, and which probability does the sigmoid make
# of it? The error in the probability is then multiplied by the input of `w0`.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def from_zero():
    w = [Value(0.0), Value(0.0), Value(0.0)]
    (-log(sigmoid(w[0] * 2.0 + w[1] * 1.0 + w[2]))).backward()
    return w[0].grad


words_1 = {
    1.0: "The sign: the label is 1, p is below it, and a larger w0 makes the loss smaller.",
    -0.5: "That is the gradient on the score, p - y. The weight has an input, too.",
    0.0: "The weight is 0, but its gradient need not be: it does not depend on the weight alone.",
    -2.0: "That would be p = 0. What is the sigmoid of 0?",
}

# %% tags=["aim-1"]
answer(1, ..., from_zero, but=words_1)

# %% [markdown]
# **Exercise 2.** Two examples go through one unit, and their squared errors are added. In this walk
# something has gone wrong on the way back. Step through it, and say what. Type one of the seven
# names in quotes: "overwrote", "wrong operand", "sign", "max to both", "stale value", "wrong
# order", "did not zero".
#
# <details><summary>A hint</summary>
#
# Go backward and work out each wire yourself: what arrives at the gate, times the gate's slope in
# this input. At a value that was used twice, also look at what was there before.
#
# </details>

# %%
w, b, x0, x1, y0, y1 = map(Value, (2.0, -1.0, 1.5, -0.5, 1.0, -3.5))
e0 = w * x0 + b - y0
e1 = w * x1 + b - y1
walk = sabotage(e0**2 + e1**2, seed=4, names=locals())
walk

# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
words_2 = {
    "overwrote": "Look at w and b, which are used twice: is the first part still in the sum?",
    "sign": "A lost minus changes a sign and nothing else. Do all the sizes fit?",
    "stale value": "No number of an earlier run is in this walk: each stands on a wire of it.",
}


def wanted_2():
    return walk.mistake.name


# %% tags=["aim-1"]
answer(2, ..., wanted_2, but=words_2)

# %% [markdown]
# **Exercise 3.** Write the backward pass of a deep network in matrices. `omegas`, `f` and `h` are
# lists of arrays that the forward pass has stored, as above: `f[k] = beta[k] + omegas[k] @ h[k]`
# and `h[k + 1] = relu(f[k])`; the last `f` is the output, and the loss is the sum of
# `(f[-1] - y) ** 2`. Put code in place of the four `...`. It is tried on thirty networks.
#
# <details><summary>A hint</summary>
#
# The four lines are the three equations and the slope of the loss. `np.outer(a, b)` is $a\,b^T$,
# `*` multiplies number by number, `@` is the matrix product, and `(f[k - 1] > 0)` is 1 where the
# ReLU was open. If shapes do not fit, write down the shape of each factor.
#
# </details>


# %% tags=["aim-2"]
def backward_pass(omegas, f, h, y):
    dbetas, domegas = [], []
    df = ...  # dl/df of the last layer
    for k in reversed(range(len(omegas))):
        dbeta = ...
        domega = ...
        dbetas.insert(0, dbeta)
        domegas.insert(0, domega)
        if k > 0:
            df = ...  # dl/df of the layer below
    return dbetas, domegas


graded(3, judges.matrix_pass, backward_pass)

# %% [markdown]
# **Exercise 4.** A puzzle that shapes do not solve. A layer in rows, $H = X W + b$, has three
# inputs and three outputs, and the batch has three examples. `X`, `W` and `dH` are all 3 by 3, so
# that every product fits. Which one is the gradient on `W`? Type one of these texts, in quotes:
# "X @ dH", "X.T @ dH", "X @ dH.T", "dH @ X", "dH.T @ X", "dH @ X.T".
#
# <details><summary>A hint</summary>
#
# Give the batch another size, four examples say, and let the shapes decide. Or ask which examples
# `W[i, j]` meets: what is the sum over the examples of input `i` times what arrives at output `j`?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def product_in_rows():
    X, W, dH = rng.normal(size=(3, 3)), values(rng.normal(size=(3, 3))), rng.normal(size=(3, 3))
    ((X @ W) * dH).sum().backward()
    pairs = [(a, b) for a in ("X", "X.T", "dH", "dH.T") for b in ("X", "X.T", "dH", "dH.T")]
    texts = [f"{a} @ {b}" for a, b in pairs if a[0] != b[0]]
    known = {"X": X, "dH": dH}
    return next(text for text in texts if np.allclose(eval(text, known), grad(W)))


words_4 = {
    "dH.T @ X": "That is the gradient for weights with a row per output, its transpose.",
    "dH @ X.T": "That is the product for examples in columns. Here they are in rows.",
    "X @ dH": "It pairs inputs with examples: the sum must run over examples in both factors.",
}

# %% tags=["aim-3"]
answer(4, ..., product_in_rows, but=words_4)

# %% [markdown]
# **Exercise 5.** Scores are often divided by a *temperature* $T$ before the softmax:
# $p_k = e^{s_k/T} / \sum_j e^{s_j/T}$, and $\ell = -\log p_y$ as before. Derive
# $\partial \ell / \partial s_k$ on paper, and write it down: a list of three numbers, from three
# scores, the index of the right class, and $T$.
#
# <details><summary>A hint</summary>
#
# Call $u_k = s_k / T$. You know the gradient on $u_k$ from the lesson. One gate lies between $u_k$
# and $s_k$.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def slopes_at(scores, right, T):
    """What the engine sends back to the scores."""
    leaves = [Value(score) for score in scores]
    CrossEntropyLoss()([leaf / T for leaf in leaves], right).backward()
    return np.array([leaf.grad for leaf in leaves])


def at_a_temperature(work):
    chance = random.Random(0)
    for case in range(1, 11):
        scores, T = [chance.uniform(-2, 2) for _ in range(3)], chance.choice((0.5, 2.0, 4.0))
        right = chance.randrange(3)
        got, told = attempt(work, scores, right, T, form="(scores, right, T)")
        if not told and np.shape(got) != (3,):
            told = "It must return a list of three numbers."
        want, without = slopes_at(scores, right, T), slopes_at(scores, right, 1.0)
        if not told and not np.allclose(got, want):
            told = "Derive it once more, wire by wire."
            if np.allclose(got, -want):
                told = "The sign: the gradient is p - y, not y - p."
            elif np.allclose(got, want * T):
                told = "Right for the scores divided by T: the gate of that division is missing."
            elif np.allclose(got, without) or np.allclose(got, without / T):
                told = "The probabilities are those without T."
            elif abs(np.sum(got)) > 1e-9:
                told = "The numbers must add up to 0. What is different for the right class?"
        if told:
            return Grade(False, f"{told} Case {case}: T = {T}, class {right}.", case)
    return Grade(True, "Right: ten cases, and every gradient is the engine's.", 10)


# %% tags=["aim-4"]
def on_the_scores(scores, right, T):
    return ...


graded(5, at_a_temperature, on_the_scores)

# %% [markdown]
# **Exercise 6.** Two tanh units in a row, each with a bias (the weight of an input 1). The input is
# 2, the target 1, and all is chosen so that paper is enough. The first unit has the weight 0.5 and
# the bias -1, the second the weight 3 and the bias 0. Compute both deltas, then make one update
# with $\eta = 0.1$. What is the first unit's weight (it was 0.5) after it? Type a number.
#
# <details><summary>A hint</summary>
#
# Both signals are 0, and tanh has the value 0 and the slope 1 there. Begin with the delta of the
# second unit, take it down through its weight, then multiply by the input that the first weight
# meets.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def one_update():
    w = [np.array([[-1.0], [0.5]]), np.array([[0.0], [3.0]])]
    slopes, _ = slopes_and_deltas(w, [2.0], 1.0)
    return w[0][1, 0] - 0.1 * slopes[0][1, 0]


words_6 = {
    -0.7: "Uphill: the update subtracts eta times the gradient. What is its sign?",
    1.1: "A factor of 2 is missing: that of the square in the loss, or the input of this weight.",
    0.9: "The delta of the second unit goes down through that unit's weight.",
    -11.5: "The learning rate, and the sign, are missing in the update.",
    12.5: "The learning rate is missing in the update.",
}

# %% tags=["aim-5"]
answer(6, ..., one_update, but=words_6)

# %% [markdown]
# **Exercise 7.** Write the recursion. `weights[k]` has a column per unit, and its row 0 belongs to
# the input that is always 1. `x[k]` are the inputs of layer `k`, without that 1, so that `x[-1]` is
# the output. All units are tanh. Put code in place of the two `...`; the list has the delta of the
# first layer first.
#
# <details><summary>A hint</summary>
#
# The two lines are the base step and the induction. tanh' needs no signals: it follows from the
# outputs, $1 - x^2$. The outputs of layer `k - 1` are the inputs of layer `k`, and
# `weights[k][1:]` leaves row 0 out.
#
# </details>


# %% tags=["aim-5"]
def recursion(weights, x, y):
    delta = ...  # of the last layer
    deltas = [delta]
    for k in reversed(range(1, len(weights))):
        delta = ...  # of the layer below layer k
        deltas.insert(0, delta)
    return deltas


graded(7, judges.deltas, recursion)

# %% [markdown]
# ## Next
#
# The same matrices, one after another, fifty times: what do they do to the size of what flows
# through them? [6. How a network should start](06_initialisation.ipynb)
