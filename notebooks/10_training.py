# ---
# jupyter:
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
# - write the loop that trains a network, and read PyTorch's, since it is the same one;
# - make it hundreds of times faster without changing a number: trace once, then replay;
# - say what backpropagation keeps in memory, measure it, and trade some of it for time;
# - split a batch over several processes and get the same gradient as with one.
#
# This lesson covers S5 and S15 of the course's list of systems, and the data-parallel part of S14.

# %%
import inspect
import math
import multiprocessing
import os
import random
import time
import tracemalloc

import worker
from lesson import answer, check

import nn
from autograd_core import TraceError, Value, compile_graph, no_grad, sin, topological
from nn.data import DataLoader, TensorDataset
from nn.optim import SGD
from nn.optim.lr_scheduler import StepLR
from viz import draw, plots, step

# %% [markdown]
# ## Two moons
#
# A hundred points in the plane, on two half circles that reach into each other. No straight line
# separates them. (This is the demonstration of micrograd, Andrej Karpathy's small engine: same
# data, same loss, same network.)
#
# A network gives each point a score. Above 0 means label 1. For the loss we write the labels as
# signs, $s = \pm 1$, and want the product $s \cdot \text{score}$ to be at least 1. Whatever is
# missing is the **hinge** loss. A small penalty on the squares of all parameters keeps them from
# growing without need:
#
# $$\ell = \max(0,\; 1 - s \cdot \text{score}) + \alpha \sum_p p^2, \qquad \alpha = 10^{-4}.$$
#
# First with the smallest network there is, one neuron, on one point:

# %%
points, labels = nn.moons(100, noise=0.1, rng=1)
signs = [2 * label - 1 for label in labels]


def moons_loss(model):
    def loss(score, sign):
        penalty = sum(p * p for p in model.parameters())
        return (1 - sign * score).relu() + 1e-4 * penalty

    return loss


small = nn.MLP(2, [1], rng=1)
score = small(points[0])
loss = moons_loss(small)(score, signs[0])
loss.backward()
draw(loss, names={"score": score, "loss": loss})

# %% [markdown]
# Two streams of gradient meet at every weight, one from the hinge and one from the penalty. Walk
# back along both. Then, under *What if?*, set `b` to 2 and step again. Now the point is well on its
# side: the hinge goes silent, and only the penalty still pulls, at $w_0$ with
# $2 \alpha w_0$.

# %%
step(loss, names={"score": score, "loss": loss})

# %%
w0, _, b = small.parameters()
b.data = 2.0
small.zero_grad()
moons_loss(small)(small(points[0]), signs[0]).backward()
check("dl/dw0, the penalty alone", w0.grad, 2e-4 * w0.data)

# %% [markdown]
# Now the real one: two hidden layers of 16. `nn.fit` runs the loop. It wants the loss of *one
# example* and takes the mean over the batch itself. The batch here is all 100 points, and a
# scheduler of our own lowers the learning rate from 1 to a tenth.


# %%
class Falling:
    """From 1 to 0.1 in 100 epochs."""

    def __init__(self, optimizer):
        self.optimizer, self.epoch = optimizer, 0

    def step(self):
        self.epoch += 1
        self.optimizer.lr = 1.0 - 0.9 * self.epoch / 100


model = nn.MLP(2, [16, 16, 1], rng=1)
check("parameters", len(model.parameters()), 337)
optimizer = SGD(model.parameters(), lr=1.0)
rate = Falling(optimizer)
losses = nn.fit(model, moons_loss(model), (points, signs), optimizer, epochs=100, scheduler=rate)
right = [model(p).data * s > 0 for p, s in zip(points, signs, strict=True)]
check("points on their side", sum(right), 100)
check("the last loss, below a hundredth", losses[-1] < 0.01, True)

# %%
scores = compile_graph(model)  # more of this below
plots.decision_boundary(scores.each, points, labels, title="after 100 epochs")

# %% [markdown]
# The curve has a spike: a learning rate of 1 is bold, and in the third epoch the loss stands higher
# than at the start. Nothing is lost: the next steps come down the other side.

# %%
check("the highest loss is that of epoch", losses.index(max(losses)), 2)
plots.training_curves({"hinge + penalty": losses})

# %% [markdown]
# ## The program of the course (S5)
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

# %%
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

# %% [markdown]
# At this pace a hundred epochs take some minutes. Where does the time go? Each step builds a graph
# of Values, walks it once backward, and drops it. The next step builds the same graph again, gate
# for gate, with other numbers in it. The last one is too big to look at, so we count it:

# %%
graph = topological(loss)
made = [v for v in graph if v.gate]
check("values in the graph of one step", len(graph), 47386)
check("of which gates", len(made), 44950)

# %% [markdown]
# ## Trace once, replay
#
# `nn.fit` runs the same loop, but it watches the model do *one example* only, writes down which
# gates it used, forward and backward, and from then on fills in numbers. The whole batch goes
# through each line of that program together, as arrays.

# %%
model, loader, optimizer, scheduler = program()
start = time.perf_counter()
losses = nn.fit(model, nn.MSELoss(), loader, optimizer, epochs=100, scheduler=scheduler)
seconds = time.perf_counter() - start
check("the first three epochs, eager", eager, losses[:3], within=1e-9)
print(f"{seconds:.2f} s for 100 epochs; eager would take about {100 * seconds_eager:.0f} s")

# %%
for epoch in (0, 1, 2, 3, 10, 20, 30, 40, 99):
    print(f"Epoch {epoch:2d}, loss {losses[epoch]:.3f}")
plots.training_curves({"loss of an epoch, summed over its 10 batches": losses})

# %% [markdown]
# The course's notes print 14.346, 8.229, 7.697, 6.941, then 4.684 at epoch 10, 2.680 at epoch 20,
# 2.184 at epoch 30 and 2.045 at epoch 40. Their random numbers are different, so our losses are not
# theirs; but the shape is the same. It starts above 10, nearly halves in the first epoch, and then
# each halving of the learning rate takes out some noise, until nothing moves any more.

# %%
notes = {0: 14.346, 1: 8.229, 2: 7.697, 3: 6.941, 10: 4.684, 20: 2.680, 30: 2.184, 40: 2.045}
for epoch, theirs in notes.items():
    check(f"epoch {epoch}, within a fifth of the notes'", losses[epoch], theirs, within=0.2)
check("what the first epoch leaves", losses[1] / losses[0], 0.55, within=0.005)
thirds = [sum(losses[k : k + 33]) / 33 for k in (0, 33, 66)]
check("each third is lower than the one before", thirds == sorted(thirds, reverse=True), True)
check("the learning rate after 100 epochs", optimizer.lr, 0.1 * 0.5**10)

# %% [markdown]
# With the same data, weights and order of examples, our losses equal PyTorch's own to nine digits;
# the project's tests check that.
#
# ### What was written down
#
# `nn.fit` uses `compile_graph`, which you can call yourself. Here on a network small enough to
# read: two inputs, two hidden units, one output. Lines that begin with `t` are instructions; `dot`
# is a sum of products; `lane_sum` sums over the batch.

# %%
tiny = nn.MLP(2, [2, 1], rng=3)
f = compile_graph(lambda x, y: (tiny(x) - y) ** 2)
value, slopes = f.value_and_grad(points, signs)
print(f.program.listing())

# %%
draw(f.program)

# %% [markdown]
# Read the list from the top, or the picture from left to right: first the forward pass, then the
# backward pass, made by the chain rule from the same gates. It is a graph, as ever, but without
# Values: no objects to create, no order to find. And the answer is the same as with Values:

# %%
tiny.zero_grad()
mean = sum((tiny(x) - y) ** 2 for x, y in zip(points, signs, strict=True)) / 100
mean.backward()
check("loss", value, mean.data)
check("gradient", slopes, [p.grad for p in tiny.parameters()])

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
# ## What backpropagation keeps (S15)
#
# "Not memory efficient": the backward pass needs what the forward pass computed (the slope of
# $\sin$ is a $\cos$ *at the operand*), so every intermediate value is kept until it has been used.
# How much is that? Python can count bytes.


# %%
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

# %%
x, y = next(iter(loader))
size, count = bytes_of(lambda: nn.MSELoss()(model(x), y))
print(f"{size / 1e6:.1f} MB for {count} gates, {size / count:.0f} bytes per gate")
check("between 80 and 300 bytes per gate", 80 < size / count < 300, True)
double, _ = bytes_of(lambda: nn.MSELoss()(model(x + x), y + y))
check("twice the examples, twice the memory", double / size, 2.0, within=0.02)
with no_grad():
    nothing, _ = bytes_of(lambda: nn.MSELoss()(model(x), y))
check("without gradients, under a hundredth", nothing < size / 100, True)

# %% [markdown]
# So memory grows with the depth of the network times the size of the batch, and parameters hardly
# matter: this is what fills a graphics card. Under `no_grad()` each gate is forgotten as soon as it
# has been used.
#
# ## Checkpointing: keep less, compute twice (S15)
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
# the gradient that arrives at the one before.


# %%
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
check("gradients", [p.grad for p in parameters], whole)
check("each over its own", [p.grad / g for p, g in zip(parameters, whole, strict=True)], [1.0] * 96)
check("most numbers kept at a time", peak, 12 + 12)
check("blocks computed", len(calls), 48 + 44)

# %% [markdown]
# 24 numbers instead of 144, the same gradients, and the price is not quite a second forward pass
# (the last segment does not have to be run twice). Long segments need much room for their graphs,
# short ones have many starts to keep. With $n$ blocks of $g$ gates, segments of length $L$ keep
# $n / L + g L$ numbers, which is least at $L = \sqrt{n / g}$; so memory grows with the square root
# of the depth. (Chen and others, *Training Deep Nets with Sublinear Memory Cost*, 2016.)

# %%
peaks = [math.nan] + [checkpointed(blocks, 0.5, length) for length in range(1, 49)]
check("length of 4", peaks[4], 48 / 4 + 3 * 4)
check("the least", min(peaks[1:]), peaks[4])
check("one segment is the whole graph, and its start", peaks[48], 144 + 1)
plots.training_curves(
    {"kept with checkpoints": peaks, "kept without": [math.nan] + [144] * 48},
    xlabel="blocks in a segment",
    ylabel="numbers kept at a time",
)

# %% [markdown]
# (Where a cut goes through several numbers, such as a layer of a network, each has an arriving
# gradient of its own: call `backward` on each with that gradient. Passes add up, as in lesson 2.)
#
# ## Many processes, one gradient (S14)
#
# The loss of a batch is the mean over its examples, so its gradient is the mean of their gradients,
# and it does not matter who works them out. **Synchronous data-parallel training**: each worker has
# a copy of the model and a part of the batch, a shard. Each works out its gradient; the gradients
# are averaged; all take the same step with the average. Then the next batch.
#
# Each worker is a Python process of its own. It finds its function by importing a file, so ours
# lies beside this notebook:

# %%
print(inspect.getsource(worker))

# %% [markdown]
# Two workers, half of a batch each. First in this one process:

# %%
model, loader, optimizer, scheduler = program()
x, y = next(iter(loader))
_, alone = worker.gradient(model, x, y)

pool = multiprocessing.get_context("spawn").Pool(2)
shards = [(model, x[:5], y[:5]), (model, x[5:], y[5:])]
(first, one), (second, other) = pool.starmap(worker.gradient, shards, chunksize=1)
check("workers are processes of their own", os.getpid() not in (first, second), True)

average = [(a + b) / 2 for a, b in zip(one, other, strict=True)]
check("gradients", len(average), 2285)
check("averaged over two processes", average, alone)

# %% [markdown]
# The halves alone are not the gradient, and they differ a lot: each sees five points of its own.


# %%
def distance(a, b):
    return math.dist(a, b) / math.hypot(*b)


print(f"first half, off by {distance(one, alone):.0%}; average, {distance(average, alone):.0e}")
check("a half is off by more than a tenth", distance(one, alone) > 0.1, True)

# %% [markdown]
# Now an epoch, ten steps with momentum, against `nn.fit` in one process.

# %%
model, loader, optimizer, scheduler = program()
for x, y in loader:
    shards = [(model, x[:5], y[:5]), (model, x[5:], y[5:])]
    (_, one), (_, other) = pool.starmap(worker.gradient, shards, chunksize=1)
    for p, a, b in zip(model.parameters(), one, other, strict=True):
        p.grad = (a + b) / 2
    optimizer.step()
pool.close()
pool.join()

single, loader, optimizer, _ = program()
nn.fit(single, nn.MSELoss(), loader, optimizer, epochs=1)
weights = [p.data for p in model.parameters()]
check("weights after ten steps", weights, [p.data for p in single.parameters()])

# %% [markdown]
# *Synchronous* means that all wait for the slowest before they step. That keeps it exact: with two
# workers or two thousand, the weights are those of one process with the whole batch. On big
# machines nobody collects the gradients in one place: they travel round in a ring, and the sum is
# the same.
#
# ## Exercises
#
# **1.** `StepLR(optimizer, step_size=10, gamma=0.5)` starts at 0.1. Which learning rate does epoch
# 35 use? (The first epoch is 0.)


# %%
def rate_in_epoch(epoch):
    optimizer = SGD([Value(0.0)], lr=0.1)
    scheduler = StepLR(optimizer, step_size=10, gamma=0.5)
    for _ in range(epoch):
        scheduler.step()
    return optimizer.lr


answer(1, ..., lambda: rate_in_epoch(35), within=1e-6)

# %% [markdown]
# **2.** A chain of 300 blocks of three gates. How long should its segments be, and how many numbers
# are then kept at a time? Answer with that number. (`checkpointed(blocks * 6, 0.5, length)` has
# 288, if you want to try.)


# %%
def fewest(n):
    many = [blocks[0]] * n
    return min(checkpointed(many, 0.5, length) for length in range(5, 16))


answer(2, ..., lambda: fewest(300))

# %% [markdown]
# **3.** One worker is slow, so it gets 3 of the 10 examples and the other 7. Each sends the
# gradient of the mean over *its* examples. What weight must the gradient of the slow one have in
# the average? The cell below tries your weight; put it in.

# %%
model, loader, _, _ = program()
x, y = next(iter(loader))
_, alone = worker.gradient(model, x, y)
_, three = worker.gradient(model, x[:3], y[:3])
_, seven = worker.gradient(model, x[3:], y[3:])
share = 0.5
mixed = [share * a + (1 - share) * b for a, b in zip(three, seven, strict=True)]
print(f"off by {distance(mixed, alone):.1%}")

# %%
answer(3, ..., lambda: (alone[0] - seven[0]) / (three[0] - seven[0]))

# %% [markdown]
# ## Answers
#
# **1.** It was halved after epochs 9, 19 and 29: $0.1 / 2^3 = 0.0125$.

# %%
check("exercise 1", 0.1 / 2**3, rate_in_epoch(35))

# %% [markdown]
# **2.** $L = \sqrt{300 / 3} = 10$: 30 starts and a graph of 30 gates, 60 numbers instead of 900.

# %%
check("exercise 2", 300 / 10 + 3 * 10, fewest(300))

# %% [markdown]
# **3.** A mean over 3 is a sum divided by 3, and the batch wants it divided by 10: weight 3/10, and
# 7/10 for the other. In short, shards count by their sizes.

# %%
check("exercise 3", 3 / 10, (alone[0] - seven[0]) / (three[0] - seven[0]))
mixed = [0.3 * a + 0.7 * b for a, b in zip(three, seven, strict=True)]
check("all gradients", mixed, alone)

# %% [markdown]
# Next: [9. Beyond](09_beyond.ipynb). Derivatives of derivatives, a gate of your own, and what
# else the program behind a graph is good for.
