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
# # Training: the loop, its speed and its memory
#
# **Why is my training loop so slow, and why does it run out of memory? And what is it that a big
# machine with many processors does differently?**
#
# You will be able to
#
# - write the loop that trains a network, and see what happens when a line of it is missing;
# - trace it once and replay it: the same numbers, about a hundred times faster than this engine's
#   own eager loop (not than PyTorch);
# - say what backpropagation keeps in memory, in a graph of scalars and in an array library;
# - trade some of that memory for time;
# - split a batch over several processes and get the same gradient as with one.
#
# You need lessons 1 to 5 (matrices in one cell), what He initialisation is from lesson 6, and what
# momentum is from lesson 9.

# %%
import inspect
import math
import multiprocessing
import os
import random
import time
import tracemalloc
from itertools import accumulate, cycle, islice, pairwise
from statistics import median

import numpy as np
import worker
from lesson import answer, check, graded

import nn
from autograd_core import (
    Grade,
    TraceError,
    Value,
    attempt,
    compile_graph,
    gradients,
    no_grad,
    sin,
    topological,
)
from nn.data import DataLoader, TensorDataset
from nn.optim import SGD
from nn.optim.lr_scheduler import StepLR
from viz import draw, plots, step

# %% [markdown]
# ## Two moons
#
# A hundred points in the plane, on two half circles that reach into each other. No straight line
# separates them. (This is the demonstration of micrograd, Andrej Karpathy's small engine: the same
# kind of data, the same loss, the same network.)
#
# A network gives each point a score. Above 0 means label 1. For the loss we write the labels as
# signs, $s = \pm 1$, and want the product $s \cdot \text{score}$ to be at least 1. Whatever is
# missing is the **hinge** loss. A small penalty on the squares of all parameters keeps them from
# growing without need:
#
# $$\ell = \max(0,\; 1 - s \cdot \text{score}) + \alpha \sum_p p^2, \qquad \alpha = 10^{-4}.$$
#
# (In PyTorch's `SGD` the penalty is `weight_decay`, but for a factor of 2: the slope of
# $\alpha p^2$ is $2 \alpha p$, so this $\alpha$ is a `weight_decay` of $2 \alpha$.)
#
# First with the smallest network there is, one neuron, on one point. Two streams of gradient meet
# at every weight, one from the hinge and one from the penalty. Walk back along both:

# %%
points, labels = nn.moons(100, noise=0.1, rng=1)
signs = [2 * label - 1 for label in labels]

x0, x1 = Value(points[0][0], "x0"), Value(points[0][1], "x1")
w0, w1, b = Value(1.3, "w0"), Value(1.4, "w1"), Value(0.0, "b")
sign, alpha = Value(signs[0], "sign"), Value(1e-4, "alpha")


def one_point():
    score = w0 * x0 + w1 * x1 + b
    hinge = (1 - sign * score).relu()
    penalty = w0**2 + w1**2 + b**2
    return score, hinge, penalty, hinge + alpha * penalty


score, hinge, penalty, loss = one_point()
step(loss)

# %% [markdown]
# Then, under *What if?*, set `b` to 2 and step again. Now the point is well on its side: the hinge
# goes silent, and only the penalty still pulls, at $w_0$ with $2 \alpha w_0$.

# %%
b.data = 2.0
check("dl/dw0, the penalty alone", gradients(one_point()[-1])[w0], 2 * alpha.data * w0.data)

# %% [markdown]
# Now the real one: two hidden layers of 16. `nn.fit` runs the loop. It wants the loss of *one
# example* and takes the mean over the batch itself. The batch here is all 100 points, and a
# scheduler of our own lowers the learning rate from 1 to a tenth.


# %%
def moons_loss(model):
    def loss(score, sign):
        penalty = sum(p * p for p in model.parameters())
        return (1 - sign * score).relu() + 1e-4 * penalty

    return loss


class Falling:
    """From 1 to 0.1 in 100 epochs."""

    def __init__(self, optimizer):
        self.optimizer, self.epoch = optimizer, 0

    def step(self):
        self.epoch += 1
        self.optimizer.lr = 1.0 - 0.9 * self.epoch / 100


model = nn.MLP(2, [16, 16, 1], rng=1)
optimizer = SGD(model.parameters(), lr=1.0)
rate = Falling(optimizer)
losses = nn.fit(model, moons_loss(model), (points, signs), optimizer, epochs=100, scheduler=rate)

# %%
scores = compile_graph(model)  # more of this below
right = [s * score > 0 for s, score in zip(signs, scores.each(points), strict=True)]
penalty = 1e-4 * sum(p.data**2 for p in model.parameters())
check("parameters", len(model.parameters()), 337)
check("points on their side", sum(right), 100)
print(f"last loss {losses[-1]:.4f}, of which the penalty is {penalty:.4f}")
plots.decision_boundary(scores.each, points, labels, title="after 100 epochs")

# %% [markdown]
# In this run all 100 points end on their side, and most of the loss that is left is the penalty.
# Other starts leave a few points on the wrong side, and their hinge with them: put `rng=22` into
# `nn.moons` and into the model, and run again.
#
# A learning rate of 1 is bold, and this run shows it: in epoch 2 (epochs count from 0, here and
# below) its loss is twice that of epoch 0. Nothing is lost, the next step comes down again. Some
# starts have such a spike, others have none.

# %%
check("the epoch with the highest loss", losses.index(max(losses)), 2)
check("its loss over that of epoch 0", losses[2] / losses[0], 2.06, within=0.01)
plots.training_curves({"hinge + penalty": losses})

# %% [markdown]
# ## The program of the book
#
# The training program in *Understanding Deep Learning* (section 7.6) is a network with two hidden
# layers on random data: nothing to learn, only to remember, but it shows each part that a training
# loop has. In PyTorch it reads roughly like this:
#
# ```python
# model = nn.Sequential(
#     nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 5)
# )
#
# def init(layer):
#     if isinstance(layer, nn.Linear):
#         nn.init.kaiming_normal_(layer.weight)
#         nn.init.zeros_(layer.bias)
#
# model.apply(init)
# x, y = torch.randn(100, 10), torch.randn(100, 5)
# loader = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True)
#
# criterion = nn.MSELoss()
# optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
# scheduler = StepLR(optimizer, step_size=10, gamma=0.5)
# for epoch in range(100):
#     epoch_loss = 0.0
#     for x_batch, y_batch in loader:
#         optimizer.zero_grad()
#         loss = criterion(model(x_batch), y_batch)
#         loss.backward()
#         optimizer.step()
#         epoch_loss += loss.item()
#     print(f"Epoch {epoch}, loss {epoch_loss:.3f}")
#     scheduler.step()
# ```
#
# And here with scalars. What differs is where the random numbers come from: we name the generator,
# so that a run can be repeated.


# %%
def program(seed=4):
    rng = random.Random(seed)
    model = nn.Sequential(
        nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 5)
    )

    def init(layer):
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, rng=rng)
            nn.init.zeros_(layer.bias)

    model.apply(init)
    x = [[rng.gauss(0, 1) for _ in range(10)] for _ in range(100)]
    y = [[rng.gauss(0, 1) for _ in range(5)] for _ in range(100)]
    loader = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True, rng=rng)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    return model, loader, optimizer, StepLR(optimizer, step_size=10, gamma=0.5)


# %% [markdown]
# The loop is PyTorch's, line for line. Three epochs are enough for a start:

# %% tags=["S5.program"]
model, loader, optimizer, scheduler = program()
criterion = nn.MSELoss()
eager = []
start = time.perf_counter()
for epoch in range(3):
    epoch_loss = 0.0
    for x_batch, y_batch in loader:
        optimizer.zero_grad()
        loss = criterion(model(x_batch), y_batch)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    print(f"Epoch {epoch}, loss {epoch_loss:.3f}")
    eager.append(epoch_loss)
    scheduler.step()
seconds_eager = (time.perf_counter() - start) / 3
print(f"{seconds_eager:.2f} s per epoch")
check("gates in the last graph", sum(v.gate is not None for v in topological(loss)), 44950)

# %% [markdown]
# ## Trace once, replay
#
# Where does the time go? Each step builds a graph of 44,950 gates, walks it once backward, and
# drops it. The next step builds the same graph again, gate for gate, with other numbers in it.
#
# `nn.fit` runs the same loop, but it watches the model do *one example* only, writes down which
# gates it used, forward and backward, and from then on fills in numbers. The whole batch goes
# through each line of that program together, as arrays.
#
# (A PyTorch user looks for `torch.compile` and CUDA graphs: they too record once and run often.
# But they record what is done to a whole batch, in operations on tensors; here it is one example,
# in gates on scalars.)

# %% tags=["S5.program"]
model, loader, optimizer, scheduler = program()
start = time.perf_counter()
losses = nn.fit(model, nn.MSELoss(), loader, optimizer, epochs=100, scheduler=scheduler)
seconds = time.perf_counter() - start
print(f"{seconds:.2f} s for 100 epochs; eager would take about {100 * seconds_eager:.0f} s")
print(f"that is {100 * seconds_eager / seconds:.0f} times faster than this engine's eager loop")
check("ten times faster at least", 100 * seconds_eager > 10 * seconds, True)
check("the first three epochs, eager", eager, losses[:3], within=1e-9)
check("the learning rate after 100 epochs", optimizer.lr, 0.1 * 0.5**10)

# %% [markdown]
# The course's notes print the losses of their run: 14.346, 8.229, 7.697, 6.941, then 4.684 at epoch
# 10, 2.680 at epoch 20, 2.184 at epoch 30 and 2.045 at epoch 40. Their weights and data are drawn
# at random, without a seed, so nobody can repeat that run. But a run is fast now, so we can make
# twenty, and ask how far apart runs of this program lie.

# %% tags=["S5.losses"]
notes = {0: 14.346, 1: 8.229, 2: 7.697, 3: 6.941, 10: 4.684, 20: 2.680, 30: 2.184, 40: 2.045}
runs = []
for seed in range(20):
    model, loader, optimizer, scheduler = program(seed)
    runs.append(nn.fit(model, nn.MSELoss(), loader, optimizer, epochs=100, scheduler=scheduler))
plots.bands({"20 seeds": runs}, dots={"the notes": notes}, title="loss, summed over 10 batches")

# %%
below = {}  # for each epoch at which the notes lie outside: how far below the lowest run, in %
for epoch, theirs in notes.items():
    low, high = min(run[epoch] for run in runs), max(run[epoch] for run in runs)
    print(f"epoch {epoch:2d}: the notes {theirs:6.3f}, ours {low:6.3f} to {high:6.3f}")
    if not low <= theirs <= high:
        below[epoch] = round(100 * (1 - theirs / low), 1)
check("epochs at which the notes lie outside", list(below), [0, 1, 2, 3, 10])
percent = [min(below.values(), default=0.0), max(below.values(), default=0.0)]
check("percent below our lowest run, least and most", percent, [0.2, 8.5])
ratios = [run[1] / run[0] for run in runs]
check("what the first epoch leaves, the middle run", median(ratios), 0.55, within=0.05)
later = [run[60] / run[99] for run in runs]
check("epoch 60 is within 5 % of the last, in all runs", max(later) < 1.05, True)

# %% [markdown]
# The shape is the same: a fall to about half in the first epoch, then a slow one, and with each
# halving of the learning rate the weights settle a little more, until hardly anything moves. The
# level is not: three of the eight dots lie in our band, near its lower edge, and five lie below it,
# by 0.2 to 8.5 %. The notes' run was a lucky one, as far as twenty runs can tell. Other seeds
# make another band: put `range(100, 120)` into the cell above, and six of the dots lie in it.
#
# With the same data, weights and order of examples, our losses equal PyTorch's own to nine digits;
# the project's tests check that.
#
# ### What was written down
#
# `nn.fit` uses `compile_graph`, which you can call yourself. Here on something small enough to
# read: one neuron with one input, and a squared error. Lines that begin with `t` are instructions;
# `dot` is a sum of products; `lane_sum` sums over the batch.

# %%
w, b = Value(0.5, "w"), Value(0.1, "b")


def squared_error(x, y):
    return ((w * x + b).relu() - y) ** 2


xs = [x for x, _ in points]
f = compile_graph(squared_error)
value, slopes = f.value_and_grad(xs, signs)
print(f.program.listing())
draw(f.program)

# %% [markdown]
# Read the list from the top, or the picture from left to right: first the forward pass, then the
# backward pass, made by the chain rule from the same gates. It is a graph, as ever, but without
# Values: no objects to create, no order to find. And the answer is the same as with Values:


# %%
def mean_of(n):
    """The mean error of n points, as a graph of Values."""
    many = islice(cycle(zip(xs, signs, strict=True)), n)
    return sum(squared_error(x, y) for x, y in many) / n


mean = mean_of(100)
total = gradients(mean)
check("loss", value, mean.data)
check("gradient", slopes, [total[w], total[b]])
check("gates in the graph", sum(v.gate is not None for v in topological(mean)), 601)
check("instructions in the program", len(f.program.code), 9)

# %% [markdown]
# A program of one example knows nothing of the others in its batch. That is what makes it fast, and
# it is also its limit. Batch normalisation subtracts the mean *of the batch*, so it couples the
# examples, and cannot be replayed this way. `nn.fit` says so, and with `eager=True` it steps
# through Values:

# %%
normed = nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1, rng=1))
data = (points, [[s] for s in signs])
optimizer = SGD(normed.parameters(), lr=0.1)
try:
    nn.fit(normed, nn.MSELoss(), data, optimizer, epochs=5, batch_size=20)
except TraceError as error:
    print("TraceError:", error)
slow = nn.fit(normed, nn.MSELoss(), data, optimizer, epochs=5, batch_size=20, eager=True)
check("its loss fell", slow[-1] < slow[0], True)

# %% [markdown]
# ## What backpropagation keeps
#
# "Not memory efficient", say the notes: the backward pass needs what the forward pass computed (the
# slope of $\sin$ is a $\cos$ *at the operand*), so an intermediate value is kept until it has been
# used. (PyTorch calls what is kept *saved tensors*.) How much is that? Python can count bytes.


# %% tags=["S15.memory"]
def bytes_of(build):
    tracemalloc.start()
    kept = build()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size, sum(v.gate is not None for v in topological(kept))


def chain(gates):
    v = Value(0.5)
    for _ in range(gates):
        v = sin(v)
    return v


for gates in (1000, 2000, 4000):
    size, count = bytes_of(lambda n=gates: chain(n))
    check("gates", count, gates)
    print(f"{size} bytes, {size / gates:.1f} per gate")
check("times the 8 bytes of a number, 10 to 30", 10 < size / gates / 8 < 30, True)

# %% [markdown]
# A number costs twelve times its 8 bytes (in plain Python twice as much), with all that it
# remembers: itself, its gradient, which gate made it, from what, and the local gradients. The
# network from above, a batch of 10:

# %% tags=["S15.memory"]
model, loader, _, _ = program()
x, y = next(iter(loader))
size, count = bytes_of(lambda: nn.MSELoss()(model(x), y))
print(f"{size / 1e6:.1f} MB for {count} gates, {size / count:.0f} bytes per gate")
check("between 80 and 300 bytes per gate", 80 < size / count < 300, True)
weights = 10 * 40 + 40 * 40 + 40 * 5
check("gates", count, 10 * (2 * weights + 80 + 3 * 5))
double, _ = bytes_of(lambda: nn.MSELoss()(model(x + x), y + y))
check("twice the examples, twice the memory", double / size, 2.0, within=0.02)
with no_grad():
    nothing, _ = bytes_of(lambda: nn.MSELoss()(model(x), y))
check("without gradients, under a hundredth", nothing < size / 100, True)

# %% [markdown]
# Under `no_grad()` each gate is forgotten as soon as it has been used. What are the 44,950 gates?
# In a graph of scalars each weight times its input is a gate of its own, and so is each sum: two
# gates per weight and example. Only 95 per example are anything else: 80 ReLUs and, for each of
# the five outputs, a difference, a square and a part of the mean.
#
# So here it is the weights that fill the memory, times the batch. An array library does not keep
# the products. The four matrix lines of lesson 5 read the inputs of each layer, and nothing else
# from between (a ReLU's slope can be told from its output):

# %% tags=["S15.memory"]
linear = [model[0], model[2], model[4]]
omegas = [np.array([[w.data for w in row] for row in layer.weight]) for layer in linear]
betas = [np.array([b.data for b in layer.bias]) for layer in linear]
kept = [np.array(x)]  # the input of each layer, an example per row
for omega, beta in zip(omegas[:-1], betas[:-1], strict=True):
    kept.append(np.maximum(kept[-1] @ omega.T + beta, 0.0))
error = kept[-1] @ omegas[-1].T + betas[-1] - np.array(y)

by_arrays = []
delta = 2 * error / error.size
for k in (2, 1, 0):
    by_arrays[:0] = [delta.T @ kept[k], delta.sum(axis=0)]
    delta = (delta @ omegas[k]) * (kept[k] > 0)

_, by_values = worker.gradient(model, x, y)
check("gradients", np.concatenate([g.ravel() for g in by_arrays]), by_values)
check("numbers kept", sum(h.size for h in kept) + error.size, 10 * (10 + 40 + 40 + 5))

# %% [markdown]
# 950 numbers instead of 44,950, and the same 2,285 gradients. In an array library this memory grows
# with the batch times what the layers *put out*. The parameters take the same room whatever the
# batch: in training three numbers each, with the gradient and the velocity that momentum keeps.
# Here that is 6,855 numbers, more than the 950. With a batch of 100 it is the other way round,
# 9,500 against 6,855. And in networks on images, which use each weight at thousands of places, it
# is often the activations that fill the graphics card.
#
# ## Checkpointing: keep less, compute twice
#
# If you cannot keep everything, keep some, and work out the rest again when it is needed. Take a
# chain of 48 blocks, $h \leftarrow \sin(w h + b)$, three gates each.

# %%
rng = random.Random(7)
blocks = [(Value(rng.uniform(0.8, 1.6)), Value(rng.gauss(0, 0.3))) for _ in range(48)]
parameters = [p for block in blocks for p in block]
calls = []


def forward(blocks, h):
    for w, b in blocks:
        h = sin(w * h + b)
        calls.append(h.data)
    return h


def gates_in(root):
    return sum(v.gate is not None for v in topological(root))


out = forward(blocks, Value(0.5))
out.backward()
whole = [p.grad for p in parameters]
check("gates kept by the whole graph", gates_in(out), 48 * 3)

# %% [markdown]
# Cut the chain into segments. Go forward without a graph, and keep only the number at the start of
# each segment. Then go backward, segment by segment: build its graph from the number kept, send in
# the gradient that arrives from above, and let go of it. What comes out at the segment's start is
# the gradient that arrives at the one before. (In PyTorch: `torch.utils.checkpoint`.)


# %% tags=["S15.checkpoints"]
def checkpointed(blocks, x, length):
    segments = [blocks[i : i + length] for i in range(0, len(blocks), length)]
    starts = [x]
    with no_grad():
        for segment in segments[:-1]:
            starts.append(forward(segment, starts[-1]).data)
    upstream, peak = 1.0, 0
    for segment in reversed(segments):
        h = Value(starts[-1])
        end = forward(segment, h)
        peak = max(peak, gates_in(end) + len(starts))
        end.backward(upstream)
        upstream = h.grad
        starts.pop()
    return peak


for p in parameters:
    p.grad = 0.0
calls.clear()
peak = checkpointed(blocks, 0.5, 4)
check("gradients, as from the whole graph", [p.grad for p in parameters], whole)
check("most numbers kept at a time", peak, 12 + 12)
check("blocks computed", len(calls), 48 + 44)

# %% [markdown]
# 24 numbers instead of 144, the same gradients, and the price is not quite a second forward pass
# (the last segment does not have to be run twice). Long segments need much room for their graphs,
# short ones have many starts to keep. With $n$ blocks of $g$ gates, segments of length $L$ keep
# $n / L + g L$ numbers, which is least at $L = \sqrt{n / g}$, where both terms are equal. So memory
# grows with the *square root* of the depth: four times as many blocks keep only twice as much.
# (Chen and others, *Training Deep Nets with Sublinear Memory Cost*, 2016.) Before you run the next
# cell: where on the curve is a chain that is not cut at all?

# %% tags=["S15.checkpoints"]
peaks = [math.nan] + [checkpointed(blocks, 0.5, length) for length in range(1, 49)]
check("the least is at a length of", peaks.index(min(peaks[1:])), 4)
check("one segment is the whole graph, and its start", peaks[48], 144 + 1)
least = min(checkpointed(blocks * 4, 0.5, length) for length in range(4, 17))
check("192 blocks, against 48", least / min(peaks[1:]), 2.0)
plots.training_curves(
    {"kept with checkpoints": peaks, "kept without": [math.nan] + [144] * 48},
    xlabel="blocks in a segment",
    ylabel="numbers kept at a time",
)

# %% [markdown]
# (Where a cut goes through several numbers, such as a layer of a network, each has an arriving
# gradient of its own: call `backward` on each with that gradient. Passes add up, as in lesson 2.)
#
# ## Many processes, one gradient
#
# The loss of a batch is the mean over its examples, so its gradient is the mean of their gradients,
# and it does not matter who works them out. **Synchronous data-parallel training**: each worker
# gets a part of the batch, a shard, and works out its gradient; the gradients are averaged; the
# step is taken with the average. Then the next batch.
#
# Here this process, the parent, owns the model. With every shard it sends the model along
# (pickled), and it makes the step itself. On a big machine each worker keeps a copy of its own, and
# all make the same step, so that gradients travel and parameters do not. PyTorch calls this
# `DistributedDataParallel`.
#
# Each worker is a Python process of its own. It finds its function by importing a file, so ours
# lies beside this notebook:

# %%
print(inspect.getsource(worker.gradient))

# %% [markdown]
# Two workers, half of a batch each, against this one process. The halves alone are not the
# gradient, and they differ a lot: each sees five points of its own.


# %% tags=["S14.parallel"]
def distance(a, b):
    return math.dist(a, b) / math.hypot(*b)


model, loader, _, _ = program()
x, y = next(iter(loader))
_, alone = worker.gradient(model, x, y)

processes = multiprocessing.get_context("spawn")
shards = [(model, x[:5], y[:5]), (model, x[5:], y[5:])]
with processes.Pool(2) as pool:
    (first, one), (second, other) = pool.starmap(worker.gradient, shards, chunksize=1)
check("workers are processes of their own", os.getpid() not in (first, second), True)

average = [(a + b) / 2 for a, b in zip(one, other, strict=True)]
check("gradients", len(average), 2285)
check("averaged over two processes", average, alone)
print(f"first half, off by {distance(one, alone):.0%}; average, {distance(average, alone):.0e}")
check("a half is off by more than a tenth", distance(one, alone) > 0.1, True)

# %% [markdown]
# Now an epoch, ten steps with momentum, against `nn.fit` in one process. Which is faster?

# %% tags=["S14.parallel"]
model, loader, optimizer, scheduler = program()
ticks = [time.perf_counter()]
with processes.Pool(2) as pool:
    for x, y in loader:
        shards = [(model, x[:5], y[:5]), (model, x[5:], y[5:])]
        (_, one), (_, other) = pool.starmap(worker.gradient, shards, chunksize=1)
        for p, mine, yours in zip(model.parameters(), one, other, strict=True):
            p.grad = (mine + yours) / 2
        optimizer.step()
        ticks.append(time.perf_counter())

single, loader, optimizer, _ = program()
start = time.perf_counter()
nn.fit(single, nn.MSELoss(), loader, optimizer, epochs=1)
print(f"one process: nn.fit {time.perf_counter() - start:.2f} s; eager {seconds_eager:.2f} s")
print(f"pool: {ticks[-1] - ticks[0]:.2f} s, of which the first step {ticks[1] - ticks[0]:.2f} s")
weights = [p.data for p in model.parameters()]
check("weights after ten steps", weights, [p.data for p in single.parameters()])

# %% [markdown]
# The weights are the same, and in our run the pool is slower, even than the eager loop in one
# process. Its first step waits until two new Pythons have started and imported what they need.
# After that, each step pickles the 2,285 parameters once per worker, and two lists of gradients on
# the way back, for a model so small that its own work is done in about a hundredth of a second.
# More processes pay where a shard takes much longer to work out than to send.
#
# *Synchronous* means that all wait for the slowest before they step. That keeps it exact: with two
# workers or two thousand, the weights are those of one process with the whole batch, up to
# rounding. (Not where a layer couples the examples: batch normalisation then takes the mean of a
# shard.) Each worker keeps the activations of its shard only, but all of the parameters. On big
# machines the gradients are seldom collected in one place: they travel round in a ring, and the sum
# is the same (PyTorch's name for that sum is `all_reduce`).
#
# Engines for big machines do the sending for you. `to_numpy(program, module="jax.numpy")` writes
# what our tracer has seen as a function for JAX, which runs it on eight devices, each with its
# shard, and sums the gradients by one call:
# [`data_parallel.py`](../examples/data_parallel.py) trains this network so, with the losses of
# `nn.fit` to the 14th digit. When that pays, and what to take for data that does not fit into
# memory or for a hundred trainings at once, is in [Past one machine](../docs/scale.md).
#
# ## Exercises
#
# Predict first, then put your answer or your code in place of the dots.
#
# **Exercise 1.** Write the training loop. It goes through the loader once per epoch, makes a step
# for each batch, and returns a list with one number per epoch: the sum of its batches' losses. It
# is tried on a small network; the learning rate stays as it is.
#
# <details><summary>A hint</summary>
#
# Two loops, one in the other, and five lines in the inner one. Which of them forgets the gradients
# of the batch before, and when must that happen?
#
# </details>


# %% tags=["aim-1"]
def train(model, loss_fn, loader, optimizer, epochs):
    return ...


graded(1, lambda work: nn.judges.training_loop(work, losses=True), train)

# %% [markdown]
# **Exercise 2.** This loop is to bring one weight to 0, and never does. The picture shows how it
# swings. A line is missing. Put it back (try it), and the swinging is gone. Now give the right loop
# a momentum, `SGD([weight], lr=0.1, momentum=...)`. With one particular number it walks exactly the
# path of the wrong one. Which number?

# %%
weight = Value(1.0)
optimizer = SGD([weight], lr=0.1)
path = []
for _ in range(60):
    loss = weight * weight
    loss.backward()
    optimizer.step()
    path.append(weight.data)
plots.training_curves({"weight": path}, xlabel="step", ylabel="weight", title="a line is missing")

# %% [markdown]
# <details><summary>A hint</summary>
#
# Momentum, in PyTorch's form, steps along $v \leftarrow m v + g$. Write down what the wrong loop
# steps along after its first, second and third backward pass, and compare.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def walk(momentum, right=True):
    w = Value(1.0)
    optimizer = SGD([w], lr=0.1, momentum=momentum)
    for _ in range(60):
        if right:
            optimizer.zero_grad()
        (w * w).backward()
        optimizer.step()
        yield w.data


def momentum_like_it():
    wrong = list(walk(0.0, right=False))
    tries = [k / 100 for k in range(150)]
    return next(m for m in tries if math.dist(list(walk(m)), wrong) < 1e-9)


words_2 = {
    0: "That is the right loop without momentum, which does not swing.",
    0.9: "That forgets a tenth of the past in each step. What does the wrong loop forget?",
    0.1: "That is the learning rate. The number asked for says how much of the past is kept.",
}

# %% tags=["aim-1"]
answer(2, ..., momentum_like_it, but=words_2)

# %% [markdown]
# **Exercise 3.** For 100 points the graph of `mean_of(100)` has 601 gates, and the program
# `f.program` has 9 instructions. What are these two numbers for 300 points? Answer with a list of
# both.
#
# <details><summary>A hint</summary>
#
# Which gates of the graph belong to a point, and which one to none? And what was traced, the batch
# or one example?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def gates_and_instructions():
    longer = compile_graph(squared_error)
    longer.value_and_grad(xs * 3, signs * 3)
    return [sum(v.gate is not None for v in topological(mean_of(300))), len(longer.program.code)]


gates, lines = gates_and_instructions()


words_3 = {
    (3 * 601, lines): "One gate does not belong to a point: the mean is divided once.",
    (3 * 601, 3 * 9): "An instruction runs once for all points, and the mean is divided once.",
    (gates, 3 * 9): "An instruction takes an array, with a lane for each point.",
    (601, 9): "Values are scalars: a point more is a point's gates more.",
}

# %% tags=["aim-2"]
answer(3, ..., gates_and_instructions, but=words_3)

# %% [markdown]
# **Exercise 4.** A network of `Linear(8, 16)`, `ReLU()`, `Linear(16, 4)` and the mean squared
# error, for a batch of 6. How many gates has its graph of scalars, and how many numbers does an
# array library keep between the passes, counted as above: the inputs of the layers, and the error?
# Answer with a list of both.
#
# <details><summary>A hint</summary>
#
# For one example first. Gates: those of the weights, those of the ReLUs, those of the outputs.
# Arrays: what goes into the first layer, into the second, and what comes out.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def gates_and_numbers():
    network = nn.Sequential(nn.Linear(8, 16, rng=0), nn.ReLU(), nn.Linear(16, 4, rng=1))
    rows, targets = [[1.0] * 8] * 6, [[0.0] * 4] * 6
    hidden = network[1](network[0](rows))
    layers = [rows, hidden, network(rows)]
    loss = nn.MSELoss()(network(rows), targets)
    return [gates_in(loss), sum(len(row) for layer in layers for row in layer)]


gates, numbers = gates_and_numbers()


weights = 8 * 16 + 16 * 4


words_4 = {
    (gates // 6, numbers // 6): "That is one example.",
    (gates - 6 * weights, numbers): "A weight makes two gates per example: a product and a sum.",
    (12 * weights, numbers): "Those are the weights' gates. The ReLUs and the loss have some too.",
    (gates, gates): "An array library does not keep the products.",
}

# %% tags=["aim-3"]
answer(4, ..., gates_and_numbers, but=words_4)

# %% [markdown]
# **Exercise 5.** A chain of 300 blocks of three gates, cut into segments of one length, the best
# that divides 300. How many numbers are kept at a time, and how many blocks are computed in all?
# Answer with a list of both. (`checkpointed(blocks * 6, 0.5, length)` has 288 blocks, if you want
# to try; `calls` gets an entry for each block computed.)
#
# <details><summary>A hint</summary>
#
# The best length makes both terms of $n / L + g L$ equal. Every block is computed once without a
# graph and once with one, but for those of one segment.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def least_and_work():
    many = (blocks * 7)[:300]
    kept, length = min((checkpointed(many, 0.5, n), n) for n in range(5, 31) if 300 % n == 0)
    calls.clear()
    checkpointed(many, 0.5, length)
    return [kept, len(calls)]


least, work = least_and_work()


words_5 = {
    (least, 600): "Nearly: is there a segment that need not be run before its graph is built?",
    (least, 300): "A block whose graph was not kept is computed again.",
    (900, 300): "That is the whole graph, without checkpoints.",
    (61, 588): "A length of 12 is near, but another makes both terms equal.",
    (least // 2, work): "Starts and graph both need room: add them.",
}

# %% tags=["aim-4"]
answer(5, ..., least_and_work, but=words_5)

# %% [markdown]
# **Exercise 6.** One worker is slow and gets 3 of the 10 examples, the other gets 7. Each sends the
# gradient of the mean over *its* examples. Write the function that makes the gradient of the whole
# batch from them, for any number of workers. `gradients` is a list with one list per worker, a
# number for each parameter; `sizes` are the lengths of the shards; it returns one list.
#
# <details><summary>A hint</summary>
#
# What would each worker send if it sent the *sum* over its examples? How do you get that from what
# it does send, and what remains to be done with the sum of the sums?
#
# </details>


# %%
pupil = nn.Sequential(nn.Linear(2, 3, rng=1), nn.ReLU(), nn.Linear(3, 1, rng=2))
batch, targets = points[:10], [[s] for s in signs[:10]]


def plain(thing):
    """Arrays and tuples as lists, their numbers as Python's."""
    thing = thing.tolist() if hasattr(thing, "tolist") else thing
    return [plain(item) for item in thing] if isinstance(thing, list | tuple) else thing


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def whole_batch(combine):
    """Judge it on three ways to cut ten examples."""
    _, right = worker.gradient(pupil, batch, targets)
    for sizes in ([5, 5], [3, 7], [1, 2, 7]):
        cuts = pairwise(accumulate(sizes, initial=0))
        parts = [worker.gradient(pupil, batch[a:b], targets[a:b])[1] for a, b in cuts]
        got, trouble = attempt(combine, parts, sizes, form="(gradients, sizes)")
        got = plain(got)
        real = isinstance(got, list) and all(isinstance(g, int | float) for g in got)
        if trouble or not real or len(got) != len(right):
            return Grade(False, trouble or "It must return one list, a number per parameter.")
        added = [sum(each) for each in zip(*parts, strict=True)]
        words = {
            "The gradients were added, and the loss of a batch is a mean.": added,
            "All shards count alike here.": [g / len(sizes) for g in added],
            "That is the sum over all examples: what makes it a mean?": [10 * g for g in right],
        }
        if not distance(got, right) < 1e-6:  # nan is not right either
            told = [told for told, wrong in words.items() if distance(got, wrong) < 1e-6]
            place = f"shards of {sizes}, the first gradient"
            told.append("Work it out by hand for two shards and one parameter.")
            return Grade(False, told[0], 1, place, right[0], got[0])
    return Grade(True, "Right: three ways to cut a batch, and each gives its gradient.", 3)


# %% tags=["aim-5"]
def combined(gradients, sizes):
    return ...


graded(6, whole_batch, combined)

# %% [markdown]
# ## Next
#
# Derivatives of derivatives, a gate of your own, and what else the program behind a graph is good
# for: [11. Beyond](11_beyond.ipynb).
