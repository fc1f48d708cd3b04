# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Beyond: what else a table of gates can do
#
# **Can I differentiate a derivative? Can I make a gate that is not there? What is it that runs when
# the engine replays a network, and can I take it elsewhere?**
#
# You will be able to
#
# - take second derivatives, as pictures and as numbers, and go downhill by Newton's steps;
# - add a gate of your own in one entry, and have its slopes checked;
# - read the program behind a graph, and say what each of its passes leaves out;
# - write a branch that survives tracing;
# - take a trained network to PyTorch, and a loss with its gradient to NumPy and C.
#
# This lesson goes beyond the course's list of systems. It comes back to the least squares of S12
# and the outer product of S3.

# %%
import json
import math
from itertools import pairwise

import numpy as np
from lesson import answer, check

import nn
from autograd_core import Value, exp, grad, hessian, hvp, log, sin, sqrt, value_and_grad
from viz import draw, plots, step

# %% [markdown]
# ## The derivative of a derivative
#
# `backward()` leaves numbers behind. `grad` leaves *Values*: it does what the backward pass does,
# but with gates, so what it returns has a graph of its own. Take $f = x \sin x$ at 2.

# %%
x = Value(2.0)
f = x * sin(x)
(slope,) = grad(f, [x])
check("f'(2) = sin 2 + 2 cos 2", slope, math.sin(2) + 2 * math.cos(2))
draw(slope, names={"x": x, "slope": slope}, backward=False)

# %% [markdown]
# There they are: the swapped inputs of the multiply, the cosine from the sine's slope, and the plus
# at the fork. Backpropagation is arithmetic like any other. So do it again, through *this* graph:

# %%
slope.backward()
check("f''(2) = 2 cos 2 - 2 sin 2", x.grad, 2 * math.cos(2) - 2 * math.sin(2))
step(slope, names={"x": x, "slope": slope})

# %% [markdown]
# What is the slope of the slope at 0? Work it out first: $2 \cos 0 - 0 \cdot \sin 0$. Then set `x`
# to 0 under *What if?* and step again.

# %%
check("f''(0)", hessian(lambda x: x * sin(x), [0.0]), [[2.0]])

# %% [markdown]
# You can do so as often as you like. The derivatives of the sine go round in fours:

# %%
x = Value(0.7)
round_trip = [sin(x)]
for _ in range(4):
    round_trip += grad(round_trip[-1], [x])
want = [math.sin(0.7), math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7)]
check("sin and its four derivatives", round_trip, want)

# %% [markdown]
# ## Newton's step
#
# The gradient says which way is down, but not how far to go: the learning rate was our guess.
# Curvature knows. With several inputs it is a table, the **Hessian** $H$, which has the derivative
# of each slope in each input. Near a point the function is about
#
# $$f(w + d) \approx f(w) + g \cdot d + \tfrac{1}{2}\, d \cdot H d,$$
#
# a bowl, if $H$ curves upward. Its bottom is where $g + H d = 0$. **Newton's step** goes there in
# one go: $d = -H^{-1} g$. On a real bowl, like the least-squares study of lesson 7, one step is all
# it takes:

# %%
points = nn.data.gaussian_points(100, (-3.0, 0.0), (3.0, 1.0), rng=0)


def squares(a, b):
    return sum((a * p + b * q - (1.0 if q > 0 else 0.0)) ** 2 for p, q in points)


value, g = value_and_grad(squares, [0.0, 0.0])
bottom = -np.linalg.solve(hessian(squares, [0.0, 0.0]), g)
_, g = value_and_grad(squares, bottom)
check("gradient after one step", g, [0.0, 0.0], within=1e-10)

# %% [markdown]
# Now something that is not a bowl (an example in Boyd and Vandenberghe, *Convex Optimization*,
# section 9.3):
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


def downhill(step_of, steps, start=(-1.0, 0.7)):
    path = [np.array(start)]
    for _ in range(steps):
        _, g = value_and_grad(valley, path[-1])
        path.append(path[-1] + step_of(path[-1], np.array(g)))
    return path


gd = downhill(lambda w, g: -0.1 * g, 50)
newton = downhill(lambda w, g: -np.linalg.solve(hessian(valley, w), g), 6)
ranges = {"x_range": (-1.5, 0.5), "y_range": (-0.5, 0.9), "names": ("a", "b")}
plots.loss_landscape(valley, {"GD": gd, "Newton": newton}, **ranges)


# %%
def gaps(path):
    return [valley(*w) - valley(*lowest) for w in path]


plots.training_curves(
    {"GD": gaps(gd), "Newton": gaps(newton)}, xlabel="step", ylabel="above the lowest", log=True
)

# %% [markdown]
# Gradient descent draws a straight line on this scale: each step multiplies what is left. Newton's
# curve bends down: each step about doubles the number of right digits. After six steps there is
# nothing left to see in 16 digits; gradient descent needs 47 to come within $10^{-12}$.

# %%
check("Newton after 6 steps", newton[6], lowest)
digits = [-math.log10(gap) for gap in gaps(newton)[1:5]]
check("right digits, steps 1 to 4", digits, [0.9, 2.5, 5.6, 11.9], within=0.05)
check("GD gets there after", next(k for k, gap in enumerate(gaps(gd)) if gap < 1e-12), 47)

# %% [markdown]
# Why isn't everything trained like this? A network with a million weights has a Hessian of a
# million million numbers, and where the function curves *downward* Newton walks up (exercise 2).
#
# Often you do not need the table, only its product with one vector: how does the gradient change if
# I move that way? That is `hvp`, the gradient of (gradient $\cdot v$): two passes, whatever the
# number of inputs (Pearlmutter, 1994).


# %%
def long_chain(*xs):
    return sum(exp(a * b) for a, b in pairwise(xs))


at = [0.1 * math.sin(k) for k in range(30)]
v = [1.0 if k == 3 else 0.5 for k in range(30)]
product = hvp(long_chain, at, v)
check("hvp, all 30 inputs", product, np.array(hessian(long_chain, at)) @ v)
h = 1e-5
_, up = value_and_grad(long_chain, np.array(at) + h * np.array(v))
_, down = value_and_grad(long_chain, np.array(at) - h * np.array(v))
check("by nudging", product, (np.array(up) - np.array(down)) / (2 * h), within=1e-8)

# %% [markdown]
# ## A gate of your own
#
# Everything above read the same table: a gate's value, its slope, its formula. Add an entry and
# pictures, checks, second derivatives and programs know it. Here is **swish**,
# $x \cdot \sigma(x)$: a ReLU with a soft corner (Ramachandran and others, 2017).
#
# A rule is plain Python over a namespace `xp`, which computes with numbers at one time and with
# Values at another. The slope comes from the product rule:
# $\sigma + x \sigma (1 - \sigma) = \sigma + y (1 - \sigma)$, with $y$ the gate's own output.


# %%
from autograd_core import Gate, GradientError, apply, check_gate


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
# `check_gate` draws points and compares each slope, and the slope of the slope, with differences.
# Had we forgotten the product rule, it would have said so:

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
# 0.2 and step again. Hardly anything gets back past the gate: half a per cent. Somewhere nearby is
# a place where nothing does, and exercise 1 looks for it.

# %%
w, x, b = Value(1.5), Value(-1.0), Value(0.5)
y = apply(swish, w * x + b)
y.backward()
s = 1 / (1 + math.e)  # the sigmoid of -1
check("y", y, -1.0 * s)
check("dy/db", b.grad, s + y.data * (1 - s))
there = Value(1.5 * -1.0 + 0.2)
check("its slope with b = 0.2", grad(apply(swish, there), [there]), [-0.005], within=0.0005)
draw(y, names=locals())

# %%
step(y, names=locals())

# %% [markdown]
# Its derivative has a derivative, since the slope's rule ran on Values. By hand, it is
# $\sigma (1 - \sigma) (2 + x (1 - 2 \sigma))$.

# %%
z = Value(-1.0)
(slope,) = grad(apply(swish, z), [z])
(curve,) = grad(slope, [z])
check("second derivative", curve, s * (1 - s) * (2 + z.data * (1 - 2 * s)))

# %% [markdown]
# And it trains, in `nn.fit` too:

# %%
from autograd_core import compile_graph
from nn.optim import SGD

model = nn.MLP(2, [8, 1], activation=lambda v: apply(swish, v), rng=1)
moons, labels = nn.moons(60, rng=2)
targets = [2.0 * label - 1.0 for label in labels]
optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
nn.fit(model, nn.HingeLoss(), (moons, targets), optimizer, epochs=300)
plots.decision_boundary(compile_graph(model).each, moons, labels, title="8 swish neurons")

# %%
right = [model(p).data * t > 0 for p, t in zip(moons, targets, strict=True)]
check("points on their side, of 60", sum(right), 60)

# %% [markdown]
# ## The program behind the graph
#
# `nn.fit` has just replayed our gate three hundred times, without building a graph for each. What
# did it run? `compile_graph` gives you the same for any function of one example. One neuron:

# %%
w, b = Value(0.3, "w"), Value(0.1, "b")


def neuron_loss(x, y):
    return ((w * x + b).tanh() - y) ** 2


neuron = compile_graph(neuron_loss)
value, slopes = neuron.value_and_grad([0.5, -1.0, 2.0], [1.0, -1.0, 0.0])
print(neuron.program.listing())

# %% [markdown]
# It is a list of instructions over numbered places `t6`, `t7`, ... First the forward pass; then the
# slopes that the gates' entries give, `2 * t8` for the square and `tanh'(t6)` for the tanh; then
# upstream $\times$ local; and at the end `lane_sum` adds up what the three examples want of each
# parameter. No objects to make, no order to find, nothing to decide, only numbers in numbered
# places: that is where the speed is.
#
# It can be drawn, too. The dashed boxes are what lesson 8 measured: the numbers of the forward pass
# that must be kept for the backward pass.

# %%
draw(neuron.program)

# %% [markdown]
# What it answers is what Values answer:

# %%
terms = [neuron_loss(x, y) for x, y in ((0.5, 1.0), (-1.0, -1.0), (2.0, 0.0))]
mean = sum(terms) / 3
mean.backward()
check("value", value, mean.data)
check("gradient", slopes, [w.grad, b.grad])
check("by hand, too", neuron.each([0.5], [1.0]), [(math.tanh(0.3 * 0.5 + 0.1) - 1.0) ** 2])

# %% [markdown]
# ### What the passes leave out
#
# Between the trace and that list stand five passes. To see them at work, here is a function written
# carelessly: it asks the model twice, and takes a root that never changes.

# %%
from autograd_core.program.lower import lower
from autograd_core.program.passes import PASSES
from autograd_core.program.trace import trace

net = nn.MLP(3, [3, 1], activation="tanh", rng=0)


def careless(x, y):
    return (net(x) - y) * (net(x) - y) / sqrt(Value(2.0))


example = [0.5, -1.0, 2.0]
eager = careless(example, 1.0)
eager.backward()
want = [eager.data] + [p.grad for p in net.parameters()]

# %%
traced = trace(careless, ["x", "y"], [(3,), ()])
program = lower(traced, net.parameters(), net.parameters())
weights = [p.data for p in net.parameters()]
lines = {"as traced": len(program)}
for improve in PASSES:
    program = improve(program)
    registers = program.evaluate([*example, 1.0], weights)
    got = [registers[r] for r in (*program.outputs, *program.gradients)]
    check(f"{improve.__name__:5} | loss and gradient", got, want)
    lines[improve.__name__] = len(program)
print(lines)

# %% [markdown]
# - `fold` does at once what is known already: the root of 2, and 1 over it.
# - `share` computes once what is written twice: the second call of the model is gone.
# - `prune` leaves out what nothing needs. Here there is nothing of that kind.
# - `fuse` makes one `dot` of a sum of products.
# - `group` makes one `affine` map, with a matrix, of dots that share their numbers: a layer is a
#   layer again. Sums over the batch become the `outer` product,
#   $\partial \ell / \partial W = \delta h^T$ of lesson 5.
#
# The gradient is the same after each. Of what is left, the first lines, the outer product, and the
# last line. That one is what carelessness still costs: each of the two calls wants its share of
# each of the 16 parameters, and the passes do not know that the shares are equal before they are
# made. Write `** 2`, and these lines are not there.

# %%
check("fewer lines with every pass, or as many", sorted(lines.values())[::-1], [*lines.values()])
check("under a third", lines["group"] < lines["as traced"] / 3, True)
check("doublings", sum(line.op.name == "add" for line in program.code), 16)
shown = [line for line in program.listing().splitlines() if line.startswith("t")]
for line in shown[:7] + [line for line in shown if "outer" in line] + shown[-1:]:
    print(line if len(line) < 95 else f"{line[:45]} ... {line[-45:]}")

# %% [markdown]
# ### A branch that survives
#
# A trace sees what the function does *once*. If it branched on a number, the program would hold the
# branch of that one number for ever. So during a trace the numbers are unknown, and whoever asks
# for one is told:


# %%
from autograd_core import TraceError, where


def leaky(x):
    return x if x > 0 else 0.1 * x


try:
    compile_graph(leaky)([1.0, -1.0])
    asked = False
except TraceError as error:
    print("TraceError:", error)
    asked = True
check("it refused", asked, True)

# %% [markdown]
# `where` is a branch that is a gate: the program holds both arms and chooses, example by example.


# %%
def leaky_where(x):
    return where(x > 0, x, 0.1 * x)


f = compile_graph(leaky_where)
check("both branches", f.each([1.0, -1.0]), [1.0, -0.1])
_, slopes = f.value_and_grad([1.0, -1.0])
check("slopes of the mean", slopes, [0.5, 0.05])

# %% [markdown]
# A number that goes bad inside a program is found too, with its place in the batch:

# %%
try:
    compile_graph(lambda x: log(x))([1.0, 0.5, -2.0])
    found = ""
except ValueError as error:
    found = str(error)
check("the message", found, "log: log(x=-2.0): needs an operand above 0 (lane 2 of 3)")

# %% [markdown]
# ## Out to PyTorch
#
# Modules have PyTorch's names and shapes, so a trained network travels as a dictionary of lists,
# for example in a file of JSON. There and back again:

# %%
teacher = nn.Sequential(nn.Linear(2, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
state = teacher.state_dict()
check("names", list(state), ["0.weight", "0.bias", "2.weight", "2.bias"])
check("shape of 0.weight", np.shape(state["0.weight"]), (4, 2))

text = json.dumps(state)
copy = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
copy.load_state_dict(json.loads(text))
check("round trip, as lists", copy.state_dict() == state, True)
check("same score", copy([0.5, -1.0]), teacher([0.5, -1.0]), within=0.0)

# %% [markdown]
# In PyTorch, with `text` in a file:
#
# ```python
# net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
# state = json.load(open("teacher.json"))
# net.load_state_dict({name: torch.tensor(x) for name, x in state.items()})
# ```
#
# And from PyTorch: `copy.load_state_dict(net.state_dict())`, as it is.
#
# ## Out to NumPy and C
#
# A program needs no engine to run. It can be written out as text, from the same rules of the same
# gates. As NumPy it reads like backpropagation written by hand:

# %%
from autograd_core import to_c, to_numpy

text = to_numpy(neuron.program)
print(text[text.index("@np") :])

# %%
examples = np.array([[0.5, 1.0], [-1.0, -1.0], [2.0, 0.0]])  # a row for x and y
module = {}
exec(text, module)
values, sums = module["value_and_grad"](examples, np.array([w.data, b.data]))
check("value in NumPy", values.mean(), mean.data)
check("gradient in NumPy", sums / 3, [w.grad, b.grad])

# %% [markdown]
# `tanh_slope`, which stands above this piece, is the entry of the table once more. And here it is
# as one C function, for a place where there is not even Python. The heart of it:

# %%
source = to_c(neuron.program, name="neuron")
print(source[source.index("double neuron(") :])

# %% [markdown]
# If there is a C compiler on this machine, check it against what we know. It returns sums over the
# three examples, so we divide by 3.


# %%
import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path


def compiled(source, compiler):
    """The library that a C compiler makes of this text."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        text, library = Path(folder, "neuron.c"), Path(folder, "neuron.so")
        text.write_text(source)
        options = ["-O2", "-std=c99", "-shared", "-fPIC", "-o", library]
        subprocess.run([compiler, *options, text, "-lm"], check=True)
        return ctypes.CDLL(str(library))


def call(library, inputs, parameters):
    room = ctypes.c_size_t.in_dll(library, "neuron_workspace").value
    outputs, gradients = np.empty(len(inputs)), np.empty(len(parameters))
    numbers = np.ctypeslib.ndpointer(float)
    library.neuron.argtypes = [ctypes.c_size_t] + [numbers] * 5
    library.neuron.restype = ctypes.c_double
    arrays = (inputs, parameters, outputs, gradients, np.empty(room))
    total = library.neuron(len(inputs), *arrays)
    return total, gradients


# %%
compiler = shutil.which("cc")
if compiler:
    total, sums = call(compiled(source, compiler), examples, np.array([w.data, b.data]))
    check("value in C", total / 3, mean.data)
    check("gradient in C", sums / 3, [w.grad, b.grad])
else:
    print("There is no C compiler here.")

# %% [markdown]
# ## Exercises
#
# **1.** Swish has a lowest point. Where? Start Newton at $-1$, with `grad` for the slope and `grad`
# of that for the curvature. (Or step: set `x` in the stepper of the gate.)


# %%
def lowest_of_swish():
    at = -1.0
    for _ in range(6):
        z = Value(at)
        (slope,) = grad(apply(swish, z), [z])
        (curve,) = grad(slope, [z])
        at -= slope.data / curve.data
    return at


answer(1, ..., lowest_of_swish)

# %% [markdown]
# **2.** Newton wants to go *down* the cosine, from 0.5. Predict where it ends up. Then look at the
# sign of the second derivative at 0.5.


# %%
def newton_on_cosine(at=0.5):
    for _ in range(8):
        z = Value(at)
        (slope,) = grad(z.cos(), [z])
        (curve,) = grad(slope, [z])
        at -= slope.data / curve.data
    return at


answer(2, ..., newton_on_cosine)

# %% [markdown]
# **3.** $\sin x \cdot \sin x + \sin x \cdot \sin x$, written just like that, has seven gates. How
# many lines of a program (without gradient) do the passes leave of it?


# %%
def lines_left():
    def wave(x):
        return sin(x) * sin(x) + sin(x) * sin(x)

    program = lower(trace(wave, ["x"], [()]))
    for improve in PASSES:
        program = improve(program)
    return len(program)


answer(3, ..., lines_left)

# %% [markdown]
# ## Answers
#
# **1.** The slope is $\sigma \cdot (1 + x (1 - \sigma))$, and $1 - \sigma = 1 / (1 + e^x)$. So at
# the bottom $x = -(1 + e^x)$. Put any number in on the right, put in what comes out, and so on:

# %%
by_hand = -1.0
for _ in range(40):
    by_hand = -(1.0 + math.exp(by_hand))
check("exercise 1", by_hand, lowest_of_swish())

# %% [markdown]
# **2.** At 0, which is the *top*. The second derivative, $-\cos 0.5$, is negative: the bowl that
# Newton fits is upside down, and its "bottom" is a peak. The step is $-\tan x$, back over 0 each
# time.

# %%
check("exercise 2", 0.0, newton_on_cosine())
check("curvature at 0.5", hessian(lambda z: z.cos(), [0.5])[0][0], -math.cos(0.5))

# %% [markdown]
# **3.** Three: one sine, one product, one sum of it with itself.

# %%
check("exercise 3", 3, lines_left())

# %% [markdown]
# That was the last lesson. You have seen every gate, every gradient and every step of training from
# within. The big libraries do this too, on bigger arrays.
