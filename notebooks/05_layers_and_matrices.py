# ---
# jupyter:
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
# - draw a layer, a logistic regression and a two-layer network for a batch of three,
# - read the matrix equations of backpropagation off a graph of single numbers,
# - compute the deltas of a network by hand, and train with them.
#
# This lesson covers S3, S7, S8 and S9 of the course's list of systems.

# %%
import numpy as np
from lesson import answer, check

from autograd_core import Value, jacobian, log, maximum, sigmoid
from nn import MLP, BCEWithLogitsLoss, MSELoss
from viz import draw, explain, plots, step

# %% [markdown]
# ## The parts (S9)
#
# A layer is made of very few gates. Each keeps, from the forward pass, how much its output moves
# when one of its inputs moves: its local gradients.

# %%
a, b = Value(3.0), Value(-2.0)

check("local gradients of a + b", (a + b).partials, (1.0, 1.0))
check("local gradients of a * b", (a * b).partials, (-2.0, 3.0))
check("local gradients of max(a, b)", maximum(a, b).partials, (1.0, 0.0))

# %% [markdown]
# A shallow graph: one weight, one bias, one squared error. The error `e` is 2, so the loss is 4 and
# what flows back into `e` is $2e = 4$. Everything else is that 4, times what is next to it.

# %%
w, x, b, y = Value(2.0), Value(3.0), Value(1.0), 5.0
e = w * x + b - y
loss = e**2
loss.backward()

check("dl/de", e.grad, 4.0)
check("dl/dw = 4x", w.grad, 12.0)
check("dl/dx = 4w", x.grad, 8.0)
check("dl/db", b.grad, 4.0)
draw(loss, names=locals())

# %% [markdown]
# ## Logistic regression, one example (S9)
#
# Two weights, a sigmoid, and the loss $-\log p$ of a point whose label is 1. (A bias is one more
# weight, whose input is always 1; the picture does without.) The labels `unit.w0`, `unit.w1`,
# `unit.p` put everything that belongs to the unit into one box.

# %%
w0, w1 = Value(0.75, "unit.w0"), Value(-1.0, "unit.w1")
x0, x1 = Value(2.0), Value(1.0)
p = sigmoid(w0 * x0 + w1 * x1)
p.label = "unit.p"
loss = -log(p)
loss.backward()
draw(loss, names=locals())

# %% [markdown]
# The sigmoid and the logarithm cancel each other almost completely. What arrives at each weight is
# the error in the probability times the weight's input:
#
# $$\frac{\partial \ell}{\partial w_i} = (p - y)\,x_i .$$
#
# It holds for both labels, and for a bias with $x_i = 1$. `BCEWithLogitsLoss` is the same loss in
# a form that survives large scores.

# %%
check("p", p, 0.62, within=0.005)
check("dl/dw", (w0.grad, w1.grad), ((p.data - 1) * 2.0, (p.data - 1) * 1.0))

for label in (0, 1):
    params = [Value(0.75), Value(-1.0), Value(0.0)]
    score = params[0] * 2.0 + params[1] * 1.0 + params[2]
    BCEWithLogitsLoss()(score, label).backward()
    want = [(p.data - label) * x for x in (2.0, 1.0, 1.0)]
    check(f"dl/dw0, dl/dw1, dl/db for label {label}", [v.grad for v in params], want)

# %%
step(loss, names=locals())

# %% [markdown]
# ## A layer, and problem 7.6 (S3)
#
# Let $z = \beta + \Omega h$: three units that look at the same two inputs. Move $h_j$ a little, and
# $z_i$ moves $\Omega_{ij}$ times as much, since only the product $\Omega_{ij} h_j$ contains both.
# So the table of all slopes, a row for each output, is $\Omega$ itself. Problem 7.6 of
# *Understanding Deep Learning* writes the same table with a row for each **input** and thereby has
# $\partial z / \partial h = \Omega^T$. That is another layout, not another fact.

# %%
omega = np.array([[1.0, -2.0], [1.5, 3.0], [-1.0, 4.0]])
beta = np.array([0.1, 0.2, 0.3])

slopes = jacobian(lambda *h: list(beta + omega @ np.array(h)), [0.7, -0.4])
check("dz_i/dh_j, a row for each output", slopes, omega)
check("the same in the book's layout", np.array(slopes).T, omega.T)

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

# %%
h0, h1 = Value(0.7), Value(-0.4)
a0, a1 = 1.0 * h0, 1.5 * h0  # the wires of h0: the first column of omega
z0 = a0 + -2.0 * h1
z1 = a1 + 3.0 * h1
f = z0 - 2.0 * z1  # so that g = (1, -2) arrives at z
f.backward()

check("df/dz", (z0.grad, z1.grad), (1.0, -2.0))
check("df/dh", (h0.grad, h1.grad), omega[:2].T @ [1.0, -2.0])
explain(f, h0, names=locals())

# %%
draw(f, names=locals())

# %% [markdown]
# ## A batch: where the transposed input comes from (S7)
#
# With several examples, $D = W X$ has a column for each. A weight is now used once **for every
# example**. Here is one row of $W$ and a batch of two: `w0` forks into `d0` and `d1`.

# %%
w0, w1 = Value(2.0), Value(-1.0)
x00, x10 = Value(1.0), Value(3.0)  # the first example
x01, x11 = Value(2.0), Value(5.0)  # the second
d0 = w0 * x00 + w1 * x10
d1 = w0 * x01 + w1 * x11
f = d0 - 2.0 * d1  # so that 1 arrives at d0, and -2 at d1
f.backward()

check("what arrives, dD", (d0.grad, d1.grad), (1.0, -2.0))
check("dW = dD X^T", (w0.grad, w1.grad), (1.0 * 1.0 - 2.0 * 2.0, 1.0 * 3.0 - 2.0 * 5.0))
draw(f, names=locals())

# %% [markdown]
# Step to the place where `w0` gets its second contribution. The `+=` of the fork **is** the sum
# over the examples, and the sum over the examples is what $dW = dD\,X^T$ stands for. Change a
# number of an example, and see which weight notices.

# %%
step(f, names=locals())

# %% [markdown]
# Now at the size of Stanford CS231n's backpropagation notes: $W$ is 5 by 10, $X$ is 10 by 3. NumPy
# multiplies arrays of Values as it multiplies numbers, so nothing but `@` is needed.
#
# $$dW = dD\,X^T, \qquad dX = W^T dD .$$


# %%
def values(numbers):
    """An array of Values from an array of numbers."""
    return np.vectorize(Value, otypes=[object])(numbers)


data = np.vectorize(lambda v: v.data)
grad = np.vectorize(lambda v: v.grad)

rng = np.random.default_rng(0)
W, X = values(rng.normal(size=(5, 10))), values(rng.normal(size=(10, 3)))
dD = rng.normal(size=(5, 3))
D = W @ X
(D * dD).sum().backward()  # a scalar whose gradient at D is dD

# %%
check("shape of dW", grad(W).shape, (5, 10))
check("shape of dX", grad(X).shape, (10, 3))
check("largest difference of dW and dD X^T", abs(grad(W) - dD @ data(X).T).max(), 0.0)
check("largest difference of dX and W^T dD", abs(grad(X) - data(W).T @ dD).max(), 0.0)

# %% [markdown]
# You do not have to remember which factor is transposed. $dW$ has the shape of $W$, 5 by 10, and
# $dD$ (5 by 3) and $X$ (10 by 3) can be multiplied to that shape in one way only.

# %% [markdown]
# ## A deep network in four lines of matrices (S3)
#
# Three hidden ReLU layers and a squared error. The forward pass is $f_k = \beta_k + \Omega_k h_k$,
# $h_{k+1} = \mathrm{relu}(f_k)$. The engine differentiates it as a graph of scalars.

# %%
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
# The backward pass of *Understanding Deep Learning*, section 7.4, on plain numbers:
#
# $$\frac{\partial \ell}{\partial \beta_k} = \frac{\partial \ell}{\partial f_k}, \qquad
# \frac{\partial \ell}{\partial \Omega_k} = \frac{\partial \ell}{\partial f_k} h_k^T, \qquad
# \frac{\partial \ell}{\partial f_{k-1}} = \mathbb{I}[f_{k-1} > 0] \odot
# \left(\Omega_k^T \frac{\partial \ell}{\partial f_k}\right).$$
#
# Nothing in it is new: a bias is added (gradient copied), a weight is multiplied by $h$, the input
# of a layer forks ($\Omega^T$), and a ReLU lets through or blocks.

# %%
df = 2 * (data(f[-1]) - target)
for k in reversed(range(4)):
    check(f"dl/dbeta_{k}", grad(betas[k]), df)
    gap = grad(omegas[k]) - np.outer(df, data(h[k]))
    check(f"  largest difference of dl/dOmega_{k}", abs(gap).max(), 0.0)
    if k > 0:
        df = (data(f[k - 1]) > 0) * (data(omegas[k]).T @ df)

# %% [markdown]
# The zeros in `dl/dbeta_0`, `dl/dbeta_1` and `dl/dbeta_2` are units whose ReLU was shut for this
# example: 8 of the 15 hidden units.

# %%
shut = sum(int((data(fk) <= 0).sum()) for fk in f[:-1])
silent = sum(int((grad(bk) == 0).sum()) for bk in betas[:-1])
check("shut ReLUs", shut, 8)
check("biases with gradient 0", silent, shut)

# %% [markdown]
# ## The delta recursion (S8)
#
# Older texts, and the Berkeley EECS 182/189 notes, tell the same story in terms of **deltas**. Unit
# $j$ of a layer has the signal $s_j = \sum_i w_{ij} x_i$ and the output $x_j = \theta(s_j)$; its
# delta is $\delta_j = \partial \ell / \partial s_j$. With $\ell = (x^{(L)} - y)^2$:
#
# - base step, at the last layer: $\delta = 2\,(x^{(L)} - y)\;\theta'(s)$,
# - induction, one layer down: $\delta_i = \theta'(s_i) \sum_j w_{ij}\,\delta_j$,
# - the weights: $\partial \ell / \partial w_{ij} = \delta_j\,x_i$.
#
# A delta is nothing but the `.grad` of a signal. Below, `forward` runs on Values and on numbers
# alike; $\theta = \tanh$, whose slope is $1 - x^2$, and an input 1 before each layer carries the
# biases.


# %%
def forward(weights, point):
    """All signals s and all outputs x, layer by layer."""
    s, x = [], [np.array(point)]
    for w in weights:
        s.append(np.append(1.0, x[-1]) @ w)
        x.append(np.tanh(s[-1]))
    return s, x


def recursion(weights, x, y):
    """The deltas of all layers, by the recursion."""
    deltas = [2 * (x[-1] - y) * (1 - x[-1] ** 2)]
    for w, out in zip(weights[:0:-1], x[-2:0:-1], strict=True):
        deltas.insert(0, (1 - out**2) * (w[1:] @ deltas[0]))
    return deltas


# %%
start = [rng.normal(size=(3, 3)), rng.normal(size=(4, 2)), rng.normal(size=(3, 1))]
weights = [values(w) for w in start]
s, x = forward(weights, [1.0, -1.0])
((x[-1][0] - 1.0) ** 2).backward()

numbers = forward(start, [1.0, -1.0])[1]
for layer, (sl, delta) in enumerate(zip(s, recursion(start, numbers, 1.0), strict=True), 1):
    check(f"delta of layer {layer}", grad(sl), delta)
    want = np.outer(np.append(1.0, numbers[layer - 1]), delta)
    check("  largest difference of dl/dw", abs(grad(weights[layer - 1]) - want).max(), 0.0)

# %% [markdown]
# The stochastic algorithm built on it has seven steps. Here it is twice, on the four corners of
# XOR: once with the gradients from the engine, once with those from the recursion.


# %%
def by_engine(w, point, y):
    w = [values(a) for a in w]
    _, x = forward(w, point)  # 4. forward: all x
    ((x[-1][0] - y) ** 2).backward()  # 5. backward: all deltas
    return [grad(a) for a in w]


def by_recursion(w, point, y):
    _, x = forward(w, point)  # 4. forward
    deltas = recursion(w, x, y)  # 5. backward
    return [np.outer(np.append(1.0, a), delta) for a, delta in zip(x[:-1], deltas, strict=True)]


# %%
corners = [((-1.0, -1.0), -1.0), ((1.0, -1.0), 1.0), ((1.0, 1.0), -1.0), ((-1.0, 1.0), 1.0)]


def outputs(w):
    return [float(forward(w, point)[1][-1][0]) for point, _ in corners]


def train(gradients, updates, eta=0.1):
    chance, w, losses = np.random.default_rng(1), start, []  # 1. initialise the weights
    for _ in range(updates):  # 2. for t = 0, 1, 2, ...
        point, y = corners[chance.integers(4)]  # 3. pick an example at random
        slopes = gradients(w, point, y)  # 4. forward, 5. backward
        w = [a - eta * slope for a, slope in zip(w, slopes, strict=True)]  # 6. update
        errors = [out - y for out, (_, y) in zip(outputs(w), corners, strict=True)]
        losses.append(sum(e * e for e in errors) / 4)
    return w, losses  # 7. stop when it is time


# %%
learnt, losses = train(by_engine, 400)
by_hand, _ = train(by_recursion, 400)

gap = max(abs(a - b).max() for a, b in zip(learnt, by_hand, strict=True))
check("largest difference of the weights after 400 updates", gap, 0.0, within=1e-9)
print("outputs:", *(f"{out:.2f}" for out in outputs(learnt)))
check("signs of the outputs", np.sign(outputs(learnt)), [y for _, y in corners])
check("last loss", losses[-1], 0.0, within=0.01)
plots.training_curves({"XOR": losses}, xlabel="update", ylabel="mean over the corners", log=True)

# %% [markdown]
# ## A two-layer network, batch of three (S9)
#
# `nn` labels every weight and every output (`layer0.neuron1.w0`), and pictures group and fold by
# the labels. First the forward pass, with each layer folded into one node; an arrow says how many
# wires it stands for. The `leaves` are the coordinates of the three points, and their labels.

# %%
model = MLP(2, [2, 1], rng=4)
points, labels = [[1.0, -0.5], [0.3, 2.0], [-1.2, 0.8]], [1.0, -1.0, 0.5]
scores = model(points)
loss = MSELoss(reduction="sum")(scores, labels)
draw(loss, depth=0, backward=False)

# %% [markdown]
# Then backward, with the layers opened to their neurons.

# %%
loss.backward()
draw(loss, depth=1)

# %% [markdown]
# And the matrix equations for the whole batch, a column for each example. The bias is added to
# every column, so its gradient is the sum of $dF$ over the columns: a fork once more.


# %%
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
# The same walk in the stepper. Click a folded layer to go inside.

# %%
step(loss, depth=0)

# %% [markdown]
# ## Exercises
#
# **1.** Go back to the batch of two, `f = d0 - 2.0 * d1`. Suppose both examples are the same, (1,
# 3). What is the gradient of `w1` then? Predict it, then change `x01` and `x11` in the stepper.


# %%
def same_examples():
    w = [Value(2.0), Value(-1.0)]
    d = [w[0] * 1.0 + w[1] * 3.0 for _ in range(2)]
    (d[0] - 2.0 * d[1]).backward()
    return w[1].grad


answer(1, ..., same_examples)

# %% [markdown]
# **2.** The logistic regression above starts again, with all weights and the bias 0. The point is
# (2, 1), its label 1. What is the gradient of `w0`?


# %%
def from_zero():
    w = [Value(0.0), Value(0.0), Value(0.0)]
    (-log(sigmoid(w[0] * 2.0 + w[1] * 1.0 + w[2]))).backward()
    return w[0].grad


answer(2, ..., from_zero)

# %% [markdown]
# **3.** Somebody divides the loss of the two-layer network by 3, to get the mean over the batch. By
# what factor does the length of one update $-\eta\,dW_0$ change, and what must $\eta$ be multiplied
# by to get the old update back? Answer with the second number.


# %%
def old_over_new():
    for p in model.parameters():
        p.grad = 0.0
    (MSELoss(reduction="sum")(model(points), labels) / 3).backward()
    return dW0[0, 0] / model.layers[0].neurons[0].w[0].grad


answer(3, ..., old_over_new)

# %% [markdown]
# ## Answers
#
# **1.** $dW = dD\,X^T$, so `w1` gets $1 \cdot 3 + (-2) \cdot 3 = -3$. The two examples pull in
# opposite directions, and the second twice as hard.

# %%
check("exercise 1", 1.0 * 3.0 + -2.0 * 3.0, same_examples())

# %% [markdown]
# **2.** With all weights 0 the score is 0 and $p = 1/2$. Then
# $(p - y)\,x_0 = (0.5 - 1) \cdot 2 = -1$.

# %%
check("exercise 2", (0.5 - 1.0) * 2.0, from_zero())

# %% [markdown]
# **3.** The division is one more gate at the end; it sends 1/3 down instead of 1, and everything
# below is a third as large. With $\eta$ three times as large the update is the old one. That is why
# a learning rate means something only together with "sum" or "mean".

# %%
check("exercise 3", 3.0, old_over_new())

# %% [markdown]
# Next: [6. How a network should start](06_initialisation.ipynb). The same matrices, one after
# another, fifty times: what do they do to the size of what flows through them?
