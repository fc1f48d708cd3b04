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
# # Why plus-equals
#
# **Why does every engine write `grad += ...` and never `grad = ...`? Why must it sort the graph
# first? And why does a second `backward()` change the answer?**
#
# The three have one cause: a value may be used more than once.
#
# You will be able to
#
# - find the gradient of a value that is used twice, and say why contributions add;
# - show a graph on which the obvious recursion goes wrong, and one that it would never finish;
# - say why a backward pass runs through the graph in reverse topological order, and find one;
# - say what a second `backward()` does, what `zero_grad()` is for, and which bug you get without
#   it.
#
# You need lesson 1: gates, wires, local gradients, and upstream times local.

# %%
from collections import defaultdict

from lesson import answer, check, graded

from autograd_core import Grade, Value, attempt, grade, gradients, topological
from viz import draw, explain, parse, plots, sabotage, step

# %% [markdown]
# ## The smallest fork: x times x
#
# One leaf, one gate. Two wires lead from the leaf into the gate, because the gate uses it twice.

# %%
x = Value(3.0)
y = x * x
y.backward()
draw(y)

# %% tags=["S6.forks"]
nudge = 1e-6
by_nudging = ((x.data + nudge) ** 2 - x.data**2) / nudge
check("dy/dx", x.grad, 6.0)
check("and a nudge agrees", x.grad, by_nudging, within=1e-6)

# %% [markdown]
# The multiply knows nothing about squares. It swaps, as in lesson 1: to its left input it sends the
# value of its right input, 3, and to its right input the value of its left, 3. That both inputs are
# the same `x` is none of its business. So two gradients of 3 arrive at `x`, and below the name the
# picture shows what they add up to: `sum 6`. The nudge agrees.
#
# Why *add*? Turn `x` up by a thousandth. The left input of the gate rises by a thousandth, and that
# alone would make `y` rise by 3 thousandths. The right input rises too, which is worth another 3.
# Both happen at once, so `y` rises by both together.
#
# ## What `=` would do
#
# Here is a backward pass with `=` where `+=` belongs. For now take its order on trust: it visits
# the values from the output down. `wires` lists what leads into a value: each input with the local
# gradient that the gate noted for it.


# %%
def wires(v):
    return zip(v.inputs, v.partials, strict=True)


def pass_with_equals(root):
    grad = {root: 1.0}
    for v in reversed(topological(root)):
        for u, local in wires(v):
            grad[u] = grad[v] * local  # a second arrival wipes out the first
    return grad


check("dy/dx, assigned", pass_with_equals(y)[x], x.data)
check("dy/dx, added up", x.grad, 6.0)

# %% [markdown]
# The mistake has a nasty way of hiding: as long as each value is used once, `=` and `+=` agree. It
# shows at the first fork. And forks are everywhere: a network uses each of its weights once
# for every example, and what one neuron computes goes to every neuron of the next layer.
#
# The two paths need not be alike, either. Take $f = x y + x$:

# %%
x, y = Value(-2.0), Value(5.0)
p = x * y
f = p + x
f.backward()
draw(f)

# %% tags=["S6.forks"]
check("df/dx", x.grad, y.data + 1)
check("df/dx, assigned", pass_with_equals(f)[x], y.data)
explain(f, x)

# %% [markdown]
# One product for each wire that leaves `x`, and their sum. That is the chain rule for several
# variables (Stanford CS231n's backpropagation notes, on gradients that add up at forks):
#
# $$\frac{df}{dx} = \sum_{w} \frac{df}{dg_w} \cdot \ell_w$$
#
# Here $w$ runs over the *wires* that leave $x$, $g_w$ is the output of the gate into which $w$
# leads, and $\ell_w$ is the local gradient that this gate noted for this wire. The two kinds of
# derivative are not the same. $\frac{df}{dx}$ and $\frac{df}{dg_w}$ are **total**: how fast `f`
# changes when everything moves that depends on `x`, or on $g_w$. $\ell_w$ is **local**: how fast
# the gate's output changes with the number at the end of this one wire, while its other input stays
# as it is. (`explain` writes $\partial$ for the total ones, and calls the local ones slopes of a
# gate in its first or second input.)
#
# That the sum runs over wires matters. In $x \cdot x$ one value uses `x`, but two wires lead there,
# each with $\ell_w = 3$: $1 \cdot 3 + 1 \cdot 3 = 6$. Often the sum is written over the values $g$
# that use $x$, with $\frac{\partial g}{\partial x}$. For $x \cdot x$ that is a single term, which
# is right only if $\frac{\partial g}{\partial x}$ means 6, with both inputs moving, and not the 3
# that the gate notes.


# %% tags=["S6.forks"]
def over_wires(root, x):
    total = gradients(root)  # df/dv of every value v, without touching .grad
    return sum(total[g] * local for g in topological(root) for u, local in wires(g) if u is x)


def over_values(root, x):
    total = gradients(root)
    return sum(total[g] * dict(wires(g))[x] for g in topological(root) if x in g.inputs)


for circuit in (lambda x: x * 5 + x, lambda x: x * x, lambda x: x * x * x + x):
    x = Value(3.0)
    f = circuit(x)
    slope = (circuit(x.data + nudge) - circuit(x.data - nudge)) / (2 * nudge)
    check("by nudging, and the sum over wires", over_wires(f, x), slope, within=1e-6)
    print("    one term for each value:", over_values(f, x))

# %% [markdown]
# The `+=` *is* the sum over wires, taken as its terms arrive.
#
# ## The diamond that breaks recursion
#
# So: hand each gradient on to the inputs, with `+=`. As a recursion that takes a few lines,
# probably the first that you or I would write:


# %%
def hand_on(v):
    for u, local in wires(v):
        u.grad += v.grad * local
        hand_on(u)


def gradient_by(recursion, root, x):
    """The gradient that a recursion leaves on x; it begins with 1 on the root."""
    root.zero_grad()
    root.grad = 1.0
    recursion(root)
    return x.grad


x = Value(-2.0)
check("df/dx of 5 x + x by recursion", gradient_by(hand_on, x * 5 + x, x), 6.0)

# %% [markdown]
# Here it works. Now let two paths part *and meet again above something else*: a diamond. From `x`
# we make `a`; `a` is used by `b` and by `c`; and both end in `e`.

# %%
x = Value(1.0)
a = x * 2
b = a * 3
c = a * 4
e = b + c
e.backward()
draw(e)

# %% [markdown]
# By hand: two paths lead from `x` up to `e`. Along one the local gradients are 2, 3 and 1, along
# the other 2, 4 and 1. Multiply along a path, add over paths:
#
# $$\frac{de}{dx} = 2 \cdot 3 \cdot 1 + 2 \cdot 4 \cdot 1 = 14$$

# %%
check("de/dx", x.grad, 2 * 3 * 1 + 2 * 4 * 1)
check("de/dx by recursion", gradient_by(hand_on, e, x), 20.0)
check("a.grad by recursion", a.grad, 7.0)

# %% [markdown]
# `a` is right, but `x` got 20 instead of 14. Where do the extra 6 come from? Play it through. `b`
# pays 3 into `a`, and `a` at once hands $3 \times 2 = 6$ on to `x`. Then `c` pays in 4 more, `a`
# holds 7, and hands on $7 \times 2 = 14$. But these 7 still contain the first 3, which were thus
# handed on twice. $6 + 14 = 20$.
#
# "Then visit every value only once!" is the usual repair.


# %%
def hand_on_once(v, seen=None):
    seen = set() if seen is None else seen
    for u, local in wires(v):
        u.grad += v.grad * local
        if u not in seen:
            seen.add(u)
            hand_on_once(u, seen)


check("de/dx, each value visited once", gradient_by(hand_on_once, e, x), 6.0)

# %% [markdown]
# Now it is too little. `a` handed on its 3 and was done; when the 4 arrived, it had already left.
#
# The recursion can be made *right*: hand on not what a value holds, but only what has just arrived.
# Then each path is walked on its own, just as in the sum above. Let it also count its calls.


# %%
def walk_every_path(v, arriving=1.0):
    v.grad += arriving
    return 1 + sum(walk_every_path(u, arriving * local) for u, local in wires(v))


e.zero_grad()
calls = walk_every_path(e)
check("de/dx, path by path", x.grad, 14.0)
check("calls", calls, 11)

# %% [markdown]
# 14 is right. But the price! Stack forks on top of each other, and the paths double with each. In
# this tower every floor adds the last one to itself:


# %%
def tower(floors):
    x = v = Value(1.0)
    for _ in range(floors):
        v = v + v
    return x, v


foot, top = tower(3)
top.backward()
draw(top)

# %% [markdown]
# Three gates, six wires, and already $2^3 = 8$ ways to walk from `top` to `foot`. Compare the calls
# of the recursion with the steps of the engine, which passes each wire once:


# %%
def engine_steps(root):
    passed = []
    gradients(root, watch=lambda *wire: passed.append(wire))
    return len(passed)


check("gradient at the foot of 3 floors", foot.grad, 2.0**3)
towers = [tower(floors)[1] for floors in range(15)]
recursion = [walk_every_path(top) for top in towers]
engine = [engine_steps(top) for top in towers]
check("recursion, 14 floors", recursion[14], 2**15 - 1)
check("engine, 14 floors", engine[14], 28)
plots.training_curves(
    {"walk every path": recursion, "pass each wire once": engine},
    xlabel="forks on top of each other",
    ylabel="steps (logarithmic)",
    log=True,
    title="The same gradient, two prices",
)

# %% [markdown]
# Sixty floors are still only sixty gates. The engine answers at once. The recursion, at ten million
# calls a second, would need more than seven thousand years.

# %%
foot, top = tower(60)
top.backward()
check("gradient through 60 floors", foot.grad, 2.0**60)
years = (2**61 - 1) / 10_000_000 / (365.25 * 24 * 60 * 60)
check("gates", len(topological(top)) - 1, 60)
check("years for the recursion, over 7000", years > 7000, True)

# %% [markdown]
# ## Wait until all have paid in
#
# Too much, too little, too slow. All three have the same cure:
#
# > **A value hands its gradient on once, and only after everyone who uses it has paid in.**
#
# In the diamond: `a` waits for both `b` and `c`. So we want the values in an order in which each
# comes after everything that uses it. Turn that around, each value *before* everything that uses
# it, and you have what is called a **topological order**. The order in which Python computed the
# values is one.
#
# With it, no recursion is left. This is a complete backward pass. It computes no value anew: the
# local gradients were noted on the way forward. The engine's own, `gradients` in
# `autograd_core/graph.py`, is the same loop, written for speed.


# %%
def backward_pass(root):
    order = topological(root)  # inputs first
    total = dict.fromkeys(order, 0.0)
    total[root] = 1.0
    for v in reversed(order):  # all who use v have paid in
        for u, local in wires(v):
            total[u] += total[v] * local
    return total


shown = {a: "a", b: "b", c: "c", e: "e"}
order = [shown[v] for v in topological(e) if v in shown]
check("forward", order, ["a", "b", "c", "e"])
check("backward", order[::-1], ["e", "c", "b", "a"])
check("a, x in the diamond", (backward_pass(e)[a], backward_pass(e)[x]), (7.0, 14.0))

# %% [markdown]
# | pass | what a value hands on | $de / dx$ | steps |
# |---|---|---|---|
# | `hand_on` | all it holds, at each arrival | 20, too much | one per path |
# | `hand_on_once` | what the first arrival brought | 6, too little | one per wire |
# | `walk_every_path` | each arrival on its own | 14 | one per path: doubles with each fork |
# | `backward_pass` | the sum, when all have arrived | 14 | one per wire |
#
# Walk the diamond, and watch `a`: it hands nothing to `x` before its sum is complete.

# %%
step(e)

# %% [markdown]
# (One more snag: Python stops a recursion that is some thousand calls deep, and a long calculation
# is a deep graph. This engine finds its order with a list of its own instead of recursion, so a
# chain may be as long as memory allows.)

# %%
start = end = Value(0.0)
for _gate in range(100_000):
    end = end + 1
end.backward()
check("through 100000 gates", start.grad, 1.0)
try:
    walk_every_path(end)
except RecursionError:
    print("and the recursion: RecursionError")

# %% [markdown]
# ## Why did my second `backward()` change the answer?
#
# `+=` has a second consequence, between passes. `backward()` does not set `.grad`, it adds to it:
# gradients *accumulate*.

# %%
x = Value(3.0)
q = x * x
f = q + 1
f.backward()
check("df/dx after one backward", x.grad, 6.0)
f.backward()
check("after two", x.grad, 12.0)
once = list(gradients(f).values())
check("everywhere", [v.grad for v in topological(f)], [2 * grad for grad in once])

# %% [markdown]
# Twice the pass, exactly twice the gradient, on every value of the graph. Nobody wants that here.
# But take two results that depend on the same `x`, say the losses of two examples (a *loss* says
# how wrong a network is). Each sends its gradients, one after the other, and `x` ends up with the
# gradient of their *sum*, as it should:


# %%
def two_losses(x):
    q = x * x
    return q + 1, q * 5


x = Value(3.0)
first, second = two_losses(x)
first.backward()
second.backward()
check("one after the other", x.grad, gradients(first + second)[x])
check("which is", x.grad, 36.0)

# %% [markdown]
# ## Eighteen, where twelve is right
#
# "Exactly twice" is easy to miss. Here is a very natural pass. It has the right order, and it keeps
# its sums where they end up anyway, in `.grad`. (The well-known micrograd works like this.)


# %%
def careless(root):
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local


x = Value(3.0)
q = x * x
f = q + 1
careless(f)
check("once", x.grad, 6.0)
careless(f)
check("twice", x.grad, 18.0)
check("and q, in between", q.grad, 2.0)
x = Value(3.0)
for loss in two_losses(x):
    careless(loss)
check("two losses, careless", x.grad, 42.0)

# %% [markdown]
# Once, all is well. Twice, it should be 12. The fault is not at `x`, nor at `f`, which is set to 1
# again. It is at `q`, in between.
#
# `q.grad` is an account book: it holds everything that ever came in. In the first pass 1 came in,
# and 6 went out to `x`. In the second pass another 1 comes in. The book now says 2, so `careless`
# sends out 12, and `x` holds $6 + 12 = 18$. But half of those 2 is the old 1, which was passed on
# long ago and is now passed on again. For the same reason `careless` leaves 42 for the two losses
# above, where 36 is right: they share `q`, and its first 6 went out once more.
#
# So the gradients *in between* matter, although hardly anyone reads them: `.grad` is a record of
# all passes, and a pass must hand on only what came in during *this* pass. The cure is in
# `backward_pass` above: sums of its own, which start at 0. `f.backward()` works like that, and adds
# its sums to every `.grad` only at the end.
#
# ## `zero_grad()`: begin again
#
# When you do want a fresh answer, say so. `f.zero_grad()` sets the gradient of `f`, and of
# everything it depends on, back to 0.
#
# In training it is the line that people forget. Each step builds a new graph, whose inner values
# start at 0 by themselves; but the weight lives on, and so does its `.grad`. Let `w` look for the
# bottom of $(w - 3)^2$, always moving a tenth of the gradient downhill, with the line and without.


# %%
def descend(clear):
    w, losses = Value(0.0), []
    for _ in range(40):
        loss = (w - 3.0) ** 2
        losses.append(loss.data)
        if clear:
            loss.zero_grad()  # reaches w, as loss depends on it
        loss.backward()
        w.data -= 0.1 * w.grad
    return losses


f.zero_grad()
f.backward()
check("q.grad held 2; fresh it is", q.grad, 1.0)
with_it, without = descend(True), descend(False)
check("with: the last loss is below a millionth", with_it[-1] < 1e-6, True)
check("without: still above 8 among the last ten", max(without[-10:]) > 8.0, True)
plots.training_curves(
    {"with zero_grad": with_it, "without": without}, xlabel="step", title="The forgotten line"
)

# %% [markdown]
# Without the line, `w` acts on the sum of all the gradients it ever had. It rolls through the
# bottom, up the other side and back, and never comes to rest. No error tells you; the loss just
# looks odd.
#
# ## Exercises
#
# **Exercise 1.** In $f = x(1 - x)$ two contributions come back to `x`. At which `x` do they cancel,
# so that the gradient is 0? Use *What if?* below the stepper to try numbers, and look at the two
# contributions. Answer with a number.
#
# <details><summary>A hint</summary>
#
# Along one wire comes the other factor. Along the other comes `x` times the local gradient of
# `1 - x`, which is -1. Neither needs to be 0 for their sum to be 0.
#
# </details>

# %%
x = Value(2.0)
r = 1 - x
f = x * r
step(f)


# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
def slope_at(k):
    x = Value(k)
    return gradients(x * (1 - x))[x]


words_1 = {
    0: "There f is 0. The question is where its gradient is.",
    1: "There one of the two contributions is 0, and the other is not.",
    2: "That is where the stepper begins: change the leaf.",
    -1: "Did both contributions get a minus there? Look again.",
}


tries = [k / 8 for k in range(-16, 17)]


def wanted_1():
    return next(k for k in tries if slope_at(k) == 0.0)


# %% tags=["aim-1"]
answer(1, ..., wanted_1, but=words_1)

# %% [markdown]
# **Exercise 2.** Build a tower whose floors each use the last one *three* times, `v = v + v + v`,
# four floors high. Without running it: what is the gradient on the `x` at its foot? Answer with a
# number.
#
# <details><summary>A hint</summary>
#
# An add has local gradients of 1 only, so each path is worth 1, and the gradient *counts the
# paths*. How many ways lead down one floor? How many two floors?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def wide_tower(floors):
    x = v = Value(1.0)
    for _ in range(floors):
        v = v + v + v
    return gradients(v)[x]


words_2 = {
    12: "You added up the ways of each floor. Each way down one floor goes on in several.",
    16: "That is the tower of two: each floor here has one way more.",
    27: "One floor is missing.",
    64: "Count the ways down one floor, then down two, and go on from there.",
}


def wanted_2():
    return wide_tower(4)


# %% tags=["aim-1", "aim-2"]
answer(2, ..., wanted_2, but=words_2)

# %% [markdown]
# **Exercise 3.** The diamond broke `hand_on` with four gates. Two are enough. Write a circuit of at
# most two gates on which `hand_on` leaves a wrong gradient on `x`.
#
# <details><summary>A hint</summary>
#
# In the diamond a part was handed on twice. It takes a value with two arrivals, and something below
# it that the value hands on to. Which gate can bring two arrivals all by itself?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def judge_of_circuits(breaks_it):
    x = Value(1.5)
    f, trouble = attempt(breaks_it, x, form="(x)")
    if not isinstance(f, Value):
        return Grade(False, trouble or "It should return a Value, made from x.")
    if x not in topological(f):
        return Grade(False, "x is not in this circuit: make it from x.", circuit=f)
    gates = sum(bool(v.inputs) for v in topological(f))
    if gates > 2:
        return Grade(False, f"It has {gates} gates; two are enough.", circuit=f)
    if abs(gradient_by(hand_on, f, x) - gradients(f)[x]) < 1e-9:
        twice = max(sum(u is v for g in topological(f) for u in g.inputs) for v in topological(f))
        told = "The fork is x itself: what is below it?" if twice > 1 else "Nothing is used twice."
        return Grade(False, f"There hand_on is right. {told}", circuit=f)
    return Grade(True, "Right: two gates, and the recursion is wrong.")


# %% tags=["aim-2"]
def breaks_it(x):
    return ...


graded(3, judge_of_circuits, breaks_it)

# %% [markdown]
# **Exercise 4.** Find the planted mistake in this walk. The circuit has six wires; stop at the
# first step back that you would not have made. The name is one of "overwrote", "wrong operand",
# "sign", "max to both", "stale value", "wrong order", "did not zero" (the buttons say what they
# mean). Answer with the name, in quotes.
#
# <details><summary>A hint</summary>
#
# Write down the way back that you would take, wire by wire, before you look at this one. Then
# compare the two, step by step, and not the numbers alone.
#
# </details>

# %%
a, b, c = Value(2.0), Value(-3.0), Value(4.0)
q = a * b
r = q * c
f = r - q
walk = sabotage(f, seed=5)
walk

# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
words_4 = {
    "overwrote": "Then a sum would be a single contribution. Look at `was` and `is` of q.",
    "wrong operand": "Each slope is that of its own wire. What else belongs to a step?",
    "sign": "The minus has slopes 1 and -1, so that one minus is as it should be.",
    "did not zero": "All gradients but that of f are 0 before something arrives.",
}


def wanted_4():
    return walk.mistake.name


# %% tags=["aim-3"]
answer(4, ..., wanted_4, but=words_4)

# %% [markdown]
# **Exercise 5.** Find an order yourself, without `topological`. Write `visit`, which puts `v` and
# everything below it on the list `order`: each value once, and each after its inputs. (`visit` may
# call itself. A Value can be in a set.) The judge reads your list for three small circuits, then
# sends gradients through a hundred others in your order.
#
# <details><summary>A hint</summary>
#
# When may `v` go on the list? Only when all that it is made of is there. And if `visit` comes to a
# value for the second time, what is left to do?
#
# </details>
#
# (You need not read the next cell: it has the circuits, and the words on a list.)


# %%
SMALL = ("p = x * y; f = p + x", "p = x * y; f = p * p", "p = x * y; q = p * y; f = p - q")


def word_on(order, root):
    """What is wrong with a list of values, or nothing."""
    if not isinstance(order, list) or not all(isinstance(v, Value) for v in order):
        return "inputs_first should return a list of Values."
    if not order:
        return "Your list is empty."
    names = {v: v.label or f"the {v.op}" for v in topological(root)}
    for v in order:
        if v not in names:
            return f"{v} is not in this circuit."
        if order.count(v) > 1:
            return f"{names[v]} stands in your list twice."
    for k, v in enumerate(order):
        for u in v.inputs:
            if u in order[k:]:
                return f"{names[v]} stands before its input {names[u]}."
    left_out = [name for v, name in names.items() if v not in order]
    return f"{left_out[0]} is missing from your list." if left_out else ""


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def judge_of_orders(inputs_first):
    for text in SMALL:
        root = parse(text, {"x": 2.0, "y": -3.0})
        order, trouble = attempt(inputs_first, root, form="(root)")
        if told := trouble or word_on(order, root):
            return Grade(False, told, circuit=root, expression=text)

    def backward(root):
        total = defaultdict(float, {root: 1.0})
        for v in reversed(inputs_first(root)):
            for u, local in wires(v):
                total[u] += total[v] * local
        return total

    backward.__name__ = "inputs_first"
    return grade(backward)


# %% tags=["aim-3"]
def inputs_first(root):
    order, seen = [], set()

    def visit(v):
        return ...

    visit(root)
    return order


graded(5, judge_of_orders, inputs_first)

# %% [markdown]
# **Exercise 6.** A chain of ten gates, each adding 1: `x` at one end, `f` at the other. The right
# gradient is 1, and after two passes 2. What does `careless` leave in `x.grad` after two passes?
# Answer with a number.
#
# <details><summary>A hint</summary>
#
# Think of a chain of one gate first, then of two. What does each account hold after the first pass,
# and what does each hand on in the second?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
def two_careless_passes(gates):
    x = v = Value(0.0)
    for _ in range(gates):
        v = v + 1
    careless(v)
    careless(v)
    return x.grad


words_6 = {
    2: "That is what a right pass leaves, and what a chain of one gate has.",
    3: "That is a chain of two gates. The error grows with each gate.",
    10: "Begin with one gate: what does x hold then?",
    20: "The second pass brings more than the first, but how much more to which value?",
    1024: "The old entries do not double: each gate brings one more of them.",
}


def wanted_6():
    return two_careless_passes(10)


# %% tags=["aim-4"]
answer(6, ..., wanted_6, but=words_6)

# %% [markdown]
# **Exercise 7.** Mend `careless` so that each call leaves the gradients of *this* root alone, as
# after a `zero_grad()`. (It then no longer adds up over two losses, as `f.backward()` does.) The
# judge runs it twice on each of a hundred circuits.
#
# <details><summary>A hint</summary>
#
# Which entries of the account book must not be there when the pass begins? Not only those of the
# leaves.
#
# </details>


# %% tags=["aim-4"]
def careful(root):
    for v in ...:
        v.grad = ...
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local


graded(7, grade, careful)

# %% [markdown]
# ## Next
#
# You have everything that backpropagation is: upstream times local, a sum at forks, one pass in
# reverse order. The rest of the course puts it to work, first on a single neuron:
# [3. A neuron](03_a_neuron.ipynb).
