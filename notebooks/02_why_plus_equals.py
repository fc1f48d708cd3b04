# ---
# jupyter:
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
# - say why a backward pass runs through the graph in reverse topological order;
# - say what a second `backward()` does, what `zero_grad()` is for, and which bug you get without
#   it.
#
# This lesson completes what S6 of the course's list of systems says about forks.

# %%
from lesson import answer, check, graded

from autograd_core import Value, grade, gradients, topological
from viz import draw, explain, plots, step

# %% [markdown]
# ## The smallest fork: x times x (S6)
#
# One leaf, one gate. Two wires lead from the leaf into the gate, because the gate uses it twice.

# %%
x = Value(3.0)
y = x * x
y.backward()
check("y", y, 9.0)
check("dy/dx", x.grad, 6.0)
draw(y, names=locals())

# %% [markdown]
# The multiply knows nothing about squares. It swaps, as in lesson 1: to its left input it sends the
# value of its right input, 3, and to its right input the value of its left, 3. That both inputs are
# the same `x` is none of its business. So two gradients of 3 arrive at `x`, and below the name the
# picture shows what they add up to: `sum 6.00`.
#
# Six is right. Calculus says that $x^2$ has slope $2x$, and a nudge says so too:

# %%
nudge = 1e-6
check("by nudging", ((3.0 + nudge) ** 2 - 3.0**2) / nudge, 6.0, within=1e-5)

# %% [markdown]
# Why *add*? Turn `x` up by a thousandth. The left input of the gate rises by a thousandth, and that
# alone would make `y` rise by 3 thousandths. The right input rises too, which is worth another 3.
# Both happen at once, so `y` rises by both together. Walk it, and watch the second wire meet the
# first:

# %%
step(y, names=locals())

# %% [markdown]
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


check("dy/dx, assigned", pass_with_equals(y)[x], 3.0)
check("dy/dx, added up", x.grad, 6.0)

# %% [markdown]
# The mistake has a nasty way of hiding: as long as each value is used once, `=` and `+=` agree. It
# shows at the first fork. And forks are everywhere: each weight of a network meets every example of
# a batch, each hidden unit feeds the whole next layer.
#
# The two paths need not be alike, either. Take $f = x y + x$:

# %%
x, y = Value(-2.0), Value(5.0)
p = x * y
f = p + x
f.backward()
check("df/dx", x.grad, 6.0)
check("df/dx, assigned", pass_with_equals(f)[x], 5.0)
draw(f, names=locals())

# %%
explain(f, x, names=locals())

# %% [markdown]
# One product for each wire that leaves `x`, and their sum. That is the chain rule for several
# variables: with $g$ running over all values that use $x$,
#
# $$
# \frac{\partial f}{\partial x}
# = \sum_{g} \frac{\partial f}{\partial g} \frac{\partial g}{\partial x}
# $$
#
# (Stanford CS231n's backpropagation notes, on gradients that add up at forks). The `+=` *is* this
# sum, taken as its terms arrive.
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


f.zero_grad()
f.grad = 1.0
hand_on(f)
check("df/dx by recursion", x.grad, 6.0)

# %% [markdown]
# On $x y + x$ it works. Now let two paths part *and meet again above something else*: a diamond.
# From `x` we make `a`; `a` is used by `b` and by `c`; and both end in `d`.

# %%
x = Value(1.0)
a = x * 2
b = a * 3
c = a * 4
d = b + c
d.backward()
check("dd/dx", x.grad, 14.0)
draw(d, names=locals())

# %% [markdown]
# By hand: two paths lead from `x` up to `d`. Along one the local gradients are 2, 3 and 1, along
# the other 2, 4 and 1. Multiply along a path, add over paths:
#
# $$\frac{\partial d}{\partial x} = 2 \cdot 3 \cdot 1 + 2 \cdot 4 \cdot 1 = 14$$

# %%
check("sum over paths", 2 * 3 * 1 + 2 * 4 * 1, 14)
d.zero_grad()
d.grad = 1.0
hand_on(d)
check("a.grad by recursion", a.grad, 7.0)
check("x.grad by recursion", x.grad, 20.0)
check("which is", 3 * 2 + (3 + 4) * 2, 20)

# %% [markdown]
# `a` is right, but `x` got 20 instead of 14. Where do the extra 6 come from? Play it through. `b`
# pays 3 into `a`, and `a` at once hands $3 \times 2 = 6$ on to `x`. Then `c` pays in 4 more, `a`
# holds 7, and hands on $7 \times 2 = 14$. But these 7 still contain the first 3, which were thus
# handed on twice. $6 + 14 = 20$.
#
# "Then visit every value only once!" is the usual repair.


# %%
def hand_on_once(v, seen):
    for u, local in wires(v):
        u.grad += v.grad * local
        if u not in seen:
            seen.add(u)
            hand_on_once(u, seen)


d.zero_grad()
d.grad = 1.0
hand_on_once(d, set())
check("x.grad, each value visited once", x.grad, 6.0)

# %% [markdown]
# Now it is too little. `a` handed on its 3 and was done; when the 4 arrived, it had already left.
#
# The recursion can be made *right*: hand on not what a value holds, but only what has just arrived.
# Then each path is walked on its own, just as in the sum above. Let it also count its calls.


# %%
def walk_every_path(v, arriving=1.0):
    v.grad += arriving
    return 1 + sum(walk_every_path(u, arriving * local) for u, local in wires(v))


d.zero_grad()
calls = walk_every_path(d)
check("x.grad, path by path", x.grad, 14.0)
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
check("gradient at the foot", foot.grad, 2.0**3)
draw(top, names=locals())

# %% [markdown]
# Three gates, six wires, and already $2^3 = 8$ ways to walk from `top` to `foot`. Compare the calls
# of the recursion with the steps of the engine, which passes each wire once:


# %%
def engine_steps(root):
    passed = []
    gradients(root, watch=lambda *wire: passed.append(wire))
    return len(passed)


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
check("gates", len(topological(top)) - 1, 60)
top.backward()
check("gradient through 60 floors", foot.grad, 2.0**60)
years = (2**61 - 1) / 10_000_000 / (365.25 * 24 * 60 * 60)
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

# %%
shown = {a: "a", b: "b", c: "c", d: "d"}
order = [shown[v] for v in topological(d) if v in shown]
check("forward, inputs first", order, ["a", "b", "c", "d"])
check("backward", order[::-1], ["d", "c", "b", "a"])

# %% [markdown]
# With that order, no recursion is left. This is a complete backward pass; the engine's own,
# `gradients` in `autograd_core/graph.py`, is the same loop, written for speed.


# %%
def backward_pass(root):
    order = topological(root)
    total = dict.fromkeys(order, 0.0)
    total[root] = 1.0
    for v in reversed(order):  # all who use v have paid in
        for u, local in wires(v):
            total[u] += total[v] * local
    return total


check("the diamond", backward_pass(d)[a], 7.0)
check("both passes agree", list(backward_pass(d).values()), list(gradients(d).values()))

# %% [markdown]
# | pass | what a value hands on | $\partial d / \partial x$ | steps |
# |---|---|---|---|
# | `hand_on` | all it holds, at each arrival | 20, too much | one per path |
# | `hand_on_once` | what the first arrival brought | 6, too little | one per wire |
# | `walk_every_path` | each arrival on its own | 14 | one per path: doubles with each fork |
# | `backward_pass` | the sum, when all have arrived | 14 | one per wire |
#
# Walk the diamond, and watch `a`: it hands nothing to `x` before its sum is complete.

# %%
step(d, names=locals())

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
# `+=` has a second consequence, between passes. `backward()` does not set `.grad`, it adds to it.

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
draw(f, names=locals())

# %% [markdown]
# Twice the pass, exactly twice the gradient, on every value of the graph. Nobody wants that here.
# But take two results that depend on the same `x`, say the losses of two examples. Each sends its
# gradients, one after the other, and `x` ends up with the gradient of their *sum*, as it should:

# %%
x = Value(3.0)
q = x * x
first, second = q + 1, q * 5
first.backward()
second.backward()
one_by_one = x.grad
x.grad = 0.0
(first + second).backward()
check("one after the other", one_by_one, 36.0)
check("as one sum", x.grad, 36.0)

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

# %% [markdown]
# Once, all is well. Twice, it should be 12. The fault is not at `x`, nor at `f`, which is set to 1
# again. It is at `q`, in between:

# %%
check("q.grad after two passes", q.grad, 2.0)
check("what the second pass handed to x", q.grad * 2 * x.data, 12.0)
check("so x holds", 6.0 + 12.0, 18.0)

# %% [markdown]
# `q.grad` is an account book: it holds everything that ever came in. In the first pass 1 came in,
# and 6 went out to `x`. In the second pass another 1 comes in. The book now says 2, so `careless`
# sends out 12. But half of that is the old 1, which was passed on long ago and is now passed on
# again.
#
# So the gradients *in between* matter, although hardly anyone reads them: `.grad` is a record of
# all passes, and a pass must hand on only what came in during *this* pass. The cure is in
# `backward_pass` above: sums of its own, which start at 0. `f.backward()` works like that, and adds
# its sums to every `.grad` only at the end.
#
# The same old entry makes `careless` wrong for the two losses above, since they share `q`:

# %%
x = Value(3.0)
q = x * x
first, second = q + 1, q * 5
careless(first)
careless(second)
check("two losses, careless", x.grad, 42.0)
check("too much by the first 6, once more", x.grad - 36.0, 6.0)

# %% [markdown]
# ## `zero_grad()`: begin again
#
# When you do want a fresh answer, say so. `f.zero_grad()` sets the gradient of `f`, and of
# everything it depends on, back to 0.

# %%
x = Value(3.0)
f = x * x + 1
f.backward()
f.zero_grad()
f.backward()
check("df/dx, fresh", x.grad, 6.0)

# %% [markdown]
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


with_it, without = descend(True), descend(False)
check("loss at the start", with_it[0], 9.0)
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
# so that the gradient is 0? Use the stepper's *What if?* below to try numbers, and look at the two
# contributions.

# %%
x = Value(2.0)
r = 1 - x
f = x * r
f.backward()
draw(f, names=locals())

# %%
step(f, names=locals())


# %%
def slope_at(k):
    x = Value(k)
    return gradients(x * (1 - x))[x]


tries = [k / 8 for k in range(-16, 17)]
answer(1, ..., lambda: next(k for k in tries if slope_at(k) == 0.0))

# %% [markdown]
# **Exercise 2.** Build a tower whose floors each use the last one *three* times, `v = v + v + v`,
# four floors high. Without running it: what is the gradient on the `x` at its foot?


# %%
def wide_tower(floors):
    x = v = Value(1.0)
    for _ in range(floors):
        v = v + v + v
    return gradients(v)[x]


answer(2, ..., lambda: wide_tower(4))

# %% [markdown]
# **Exercise 3.** A chain of ten gates, each adding 1: `x` at one end, `f` at the other. The right
# gradient is 1, and after two passes 2. What does `careless` leave in `x.grad` after two passes?
# Think of a chain of one gate first, then of two.


# %%
def two_careless_passes(gates):
    x = v = Value(0.0)
    for _ in range(gates):
        v = v + 1
    careless(v)
    careless(v)
    return x.grad


answer(3, ..., lambda: two_careless_passes(10))

# %% [markdown]
# **Exercise 4.** Mend `careless`, so that it is right however often it is called. The judge runs it
# twice on each of a hundred circuits.
#
# <details><summary>A hint</summary>
#
# Which entries of the account book must not be there when the pass begins? Not only those of the
# leaves.
#
# </details>


# %%
def careful(root):
    for v in ...:
        v.grad = ...
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local


graded(4, grade, careful)

# %% [markdown]
# ## Answers
#
# **Exercise 1.** Along one wire comes $1 - x$, the other factor. Along the other comes $x$ times
# the local gradient of `1 - x`, which is -1. They cancel where $1 - x = x$, at one half: the top of
# the parabola. The gradient is 0 there although neither contribution is: they are one half and
# minus one half.

# %%
check("exercise 1", 1 / 2, next(k for k in tries if slope_at(k) == 0.0))
check("contributions at 1/2", [1 - 0.5, 0.5 * -1], [0.5, -0.5])
check("gradient at 2, where we began", slope_at(2.0), (1 - 2.0) + 2.0 * -1)

# %% [markdown]
# **Exercise 2.** An add has local gradients of 1 only, so each path is worth 1, and the gradient
# *counts the paths*. Each floor has three ways down: $3^4 = 81$.

# %%
check("exercise 2", 3**4, wide_tower(4))
check("which is", 3**4, 81)

# %% [markdown]
# **Exercise 3.** The inputs of the last gate get 1 in each pass: 2, which is right. The value one
# gate further down gets 1 in the first pass and, since its user's book now says 2, another 2 in the
# second: 3. The next gets 1 and 3, and so on: after $n$ gates $n + 1$. Ten gates leave 11. So the
# error grows with depth, and only a graph of a single gate hides it.

# %%
check("one gate, two gates, three", [two_careless_passes(n) for n in (1, 2, 3)], [2, 3, 4])
check("exercise 3", 10 + 1, two_careless_passes(10))

# %% [markdown]
# ## Next
#
# You have everything that backpropagation is: upstream times local, a sum at forks, one pass in
# reverse order. The rest of the course puts it to work, first on a single neuron:
# [3. A neuron](03_a_neuron.ipynb).
