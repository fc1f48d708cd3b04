# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One gate at a time
#
# **If I turn one number of a calculation up a little, what happens to the result?**
#
# That question is what training a neural network comes down to: there the numbers are millions of
# weights, and the result is how wrong the network is. Here we ask it of three numbers, and see
# every step of the answer.
#
# You will be able to
#
# - read a calculation as a graph: gates, wires, and two numbers on each wire;
# - run it forward for the value and backward for *all* the derivatives at once;
# - say from memory what an add, a max and a multiply do to a gradient;
# - tell a gradient that is zero from one that nobody has computed yet.
#
# This lesson covers the circuits of S6 in the course's list of systems. It needs school algebra and
# a little Python. Run it from the top, each cell with Shift+Enter.

# %%
from lesson import answer, check, graded

from autograd_core import Value, grade, maximum, topological
from viz import draw, explain, step

# %% [markdown]
# ## A calculation that remembers
#
# A `Value` is a number that remembers how it was made. Otherwise you write plain Python. The
# circuit is the first one in Stanford CS231n's backpropagation notes: $f = (x + y)z$.

# %%
x = Value(-2.0)
y = Value(5.0)
z = Value(-4.0)
q = x + y
f = q * z
check("q", q, 3.0)
check("f", f, -12.0)

# %% [markdown]
# A float would have forgotten by now where its -12 came from. A `Value` has not: ask which gate
# made it, and from what.

# %%
print("f was made by", f.op, "from", f.inputs)
print("q was made by", q.op, "from", q.inputs)
check("f.inputs == (q, z)", f.inputs == (q, z), True)
check("q.inputs == (x, y)", q.inputs == (x, y), True)
check("inputs of x", len(x.inputs), 0)

# %% [markdown]
# Follow these memories down to the numbers that you typed, and you have the **computational
# graph**. Each circle is a *gate*, which does one small operation. Each line is a *wire*, which
# carries one number from where it is made to where it is used. No gate made `x`, `y` and `z`: they
# are the *leaves*.

# %%
draw(f, backward=False, names=locals())

# %% [markdown]
# Read it from left to right and you do the calculation yourself: -2 and 5 go into the add, 3 comes
# out and meets -4 in the multiply. This is the **forward pass**. It has already happened, while
# Python ran the lines above.
#
# ## Ask by nudging
#
# Back to the question. The honest way to answer it is to try: turn `x` up by a thousandth, compute
# everything again, and see how much of that thousandth arrives at the end.

# %%
nudge = 0.001


def circuit(x, y, z):
    return (x + y) * z


before = circuit(-2.0, 5.0, -4.0)
after = circuit(-2.0 + nudge, 5.0, -4.0)
check("f after the nudge", after, -12.004)
check("change of f for each unit of x", (after - before) / nudge, -4.0, within=1e-9)

# %% [markdown]
# `f` fell, four times as far as `x` rose. This number, -4, is the **derivative** of `f` with
# respect to `x`, written $\frac{\partial f}{\partial x}$. All derivatives of `f` together are its
# **gradient**, and the one that belongs to `x` is often called "the gradient on x".
#
# Nudging is easy to trust and expensive to run: it takes another pass through the whole calculation
# for each number you ask about. With a million weights that is a million passes. The rest of this
# lesson gets all the answers from one.
#
# ## Why is every gradient 0 before `backward()`?
#
# Each `Value` has a place for its answer, `.grad`. Look into it now:

# %%
for name, value in {"x": x, "y": y, "z": z, "q": q, "f": f}.items():
    print(f"{name}.grad = {value.grad}")
check("x.grad, before backward", x.grad, 0.0)

# %% [markdown]
# That 0.0 does not mean that `x` has no influence on `f`; we have just seen that it has. It is an
# empty account: nothing has been paid in yet, because nobody has asked. To keep the two apart, the
# picture shows a dash, `-`, below each wire until the backward pass has run.

# %%
draw(f, names=locals())

# %% [markdown]
# Something else is already there, in grey by the arrows: $\times\ 1.00$ and $\times\ {-4.00}$, read
# "times 1" and "times -4". Each gate noted these during the forward pass. They are its **local
# gradients**: how fast its *own* output changes with each of its *own* inputs, whatever the rest of
# the graph looks like.
#
# - An add, $q = x + y$: one more of `x` is one more of `q`. Local gradients 1 and 1.
# - A multiply, $f = qz$: one more of `q` is `z` more of `f`, and one more of `z` is `q`
#   more. Local gradients `z` and `q`, each the *other* input.

# %%
check("local gradients of the add", q.partials, (1.0, 1.0))
check("local gradients of the multiply", f.partials, (-4.0, 3.0))

# %% [markdown]
# ## Backward
#
# Now ask for all derivatives of `f`:

# %%
f.backward()
check("df/dx", x.grad, -4.0)
check("df/dy", y.grad, -4.0)
check("df/dz", z.grad, 3.0)
draw(f, names=locals())

# %% [markdown]
# The value is still above each wire, in green. Below it, in red, is now the gradient: how fast `f`
# changes with the number on this wire. The -4 on the wire of `x` is the one that we found by
# nudging. (Did you run the cell twice? Then the check complains that df/dx is -8. Lesson 2 is about
# that; for now, run the lesson again from the top.)
#
# How did it get there? Read the picture from right to left. This is the **backward pass**.
#
# - It starts at the end. `f` changes with itself one for one: the gradient on `f` is 1.
# - The multiply hears 1 from above. To `q` it sends $1 \times (-4)$, to `z` it sends $1 \times 3$.
# - The add hears -4 from above. It sends $-4 \times 1$ to `x`, and the same to `y`.
#
# Each gate did the same thing, and knew nothing but its own two inputs and the one number that
# arrived from above:
#
# $$\text{gradient on an input} = \text{upstream} \times \text{local}$$
#
# In the language of calculus this is the chain rule,
# $\frac{\partial f}{\partial x} = \frac{\partial f}{\partial q} \frac{\partial q}{\partial x}$
# (Understanding Deep Learning, chapter 7; Stanford CS231n's backpropagation notes).
# `explain` writes it out for any value of the graph:

# %%
explain(f, x, names=locals())

# %% [markdown]
# And here is the whole pass by hand, without `backward`:

# %%
df_df = 1.0
df_dq, df_dz = df_df * z.data, df_df * q.data  # the multiply: each gets the other input
df_dx, df_dy = df_dq * 1.0, df_dq * 1.0  # the add: each gets what arrived
check("by hand: df/dq, df/dz", (df_dq, df_dz), (q.grad, z.grad))
check("by hand: df/dx, df/dy", (df_dx, df_dy), (x.grad, y.grad))

# %% [markdown]
# ## Step through it
#
# Press **Forward**, or click on the picture and use the arrow keys. First each gate computes, one
# step per gate; then the gradients come back, one step per wire. The text under the picture says
# what happened, with its numbers. (Do you see only the finished picture, and no buttons? Then run
# the cell. On a hosting site, where nothing runs, the picture stays still.)

# %%
walk = step(f, names=locals())
check("steps: 2 gates forward, the start of the way back, 4 wires", len(walk), 2 + 1 + 4)
walk

# %% [markdown]
# Now change a number and step again. Open **What if? Change a leaf** under the picture and set `y`
# to 2. Before you look: which gradients will change?
#
# The add does not care how large its inputs are, so `x` and `y` keep their -4. But `z` is
# multiplied by `q`, and `q` is now 0: turn `z` however you like, `f` stays 0. This gradient really
# is zero, and the picture says `0.00`, not a dash.


# %%
def gradients_at(x, y, z):
    """f = (x + y) z at three numbers: df/dx, df/dy, df/dz."""
    leaves = [Value(x), Value(y), Value(z)]
    circuit(*leaves).backward()
    return [leaf.grad for leaf in leaves]


check("gradients at y = 5", gradients_at(-2.0, 5.0, -4.0), [-4.0, -4.0, 3.0])
check("gradients at y = 2", gradients_at(-2.0, 2.0, -4.0), [-4.0, -4.0, 0.0])

# %% [markdown]
# ## Three gates, three habits (S6)
#
# Once you know what a gate does to a gradient, you can read a backward pass off a picture without
# calculating much. Three gates make up a surprisingly large part of a neural network. A circuit
# from the same Stanford notes has all three:

# %%
x, y, z, w, c = Value(3.0), Value(-4.0), Value(2.0), Value(-1.0), Value(2.0)
p = x * y
m = maximum(z, w)
s = p + m
g = c * s
g.backward()
check("g", g, -20.0)
draw(g, names=locals())

# %% [markdown]
# Go backward from the right, and name the habit at each gate.
#
# | gate | local gradients | what it does to the gradient that arrives |
# |---|---|---|
# | add | 1 and 1 | **distributes** it: each input gets all of it, unchanged |
# | max | 1 for the larger input, 0 for the other | **routes** it: one gets all, the other nothing |
# | multiply | the other input | **swaps**: each input gets it times the *other* input's value |

# %%
check("the add distributes: both inputs get what s has", (p.grad, m.grad), (s.grad, s.grad))
check("which is", s.grad, 2.0)
check("the max routes: z gets all, w nothing", (z.grad, w.grad), (m.grad, 0.0))
check("the multiply swaps: dg/dx", x.grad, p.grad * y.data)
check("the multiply swaps: dg/dy", y.grad, p.grad * x.data)
check("dg/dx and dg/dy", (x.grad, y.grad), (-8.0, 6.0))

# %% [markdown]
# The habits are not rules to learn by heart: they *are* the local gradients, in words. Why does `w`
# get nothing? Because the max shows the world only its larger input. Whether it is -1 or -0.9, `w`
# stays hidden behind `z`, and nothing after the max can notice the change.
#
# The swap has a consequence worth remembering. In a product the small number gets the large
# gradient, and the large number the small one. Multiply a weight by an input of 5, then by one of
# 5000:

# %%
for size in (5.0, 5000.0):
    weight = Value(0.1)
    (weight * size).backward()
    check(f"gradient on the weight, input {size:g}", weight.grad, size)

# %% [markdown]
# An input a thousand times larger makes the gradient on its weight a thousand times larger.
# Lesson 3 meets this again, when it prepares the numbers that go into a neuron.
#
# Step through the circuit, and say the habit aloud before each wire:

# %%
step(g, names=locals())

# %% [markdown]
# ## A graph is a record, not a spreadsheet
#
# One surprise is best had early, and on purpose. Write a new number into a leaf:

# %%
x.data = 100.0
check("p is still the product of before", p, -12.0)
check("and g", g, -20.0)
check("and the max still holds its slopes", m.partials, (1.0, 0.0))

# %% [markdown]
# Nothing else changes: the graph records a calculation that *was made*, with the numbers of that
# moment, and all its local gradients belong to that moment too. For new numbers, run the lines
# again: that is another graph. This is why training builds its graph anew at every step. (The
# stepper's *What if?* does just that for you.)

# %% [markdown]
# ## Exercises
#
# Predict first, on paper or in your head. Then put your answer in place of the dots and run the
# cell. If it says "not it yet", change the numbers in a stepper and walk.
#
# **Exercise 1.** In $f = (x + y)z$ with `x` = -2 and `y` = 5, which value of `z` makes
# $\frac{\partial f}{\partial x}$ equal to 10?


# %%
def wanted_z():
    return next(z for z in range(-20, 21) if gradients_at(-2.0, 5.0, z)[0] == 10.0)


answer(1, ..., wanted_z)

# %% [markdown]
# **Exercise 2.** In the circuit $g = 2 (x y + \max(z, w))$ raise `w` until it is exactly as large
# as `z`: both are 2. What are $\frac{\partial g}{\partial z}$ and
# $\frac{\partial g}{\partial w}$? Answer with a list of two numbers.


# %%
def at_the_tie(z, w):
    z, w = Value(z), Value(w)
    (2.0 * (Value(3.0) * Value(-4.0) + maximum(z, w))).backward()
    return [z.grad, w.grad]


answer(2, ..., lambda: at_the_tie(2.0, 2.0))

# %% [markdown]
# **Exercise 3.** What is a gradient good for? Take $f = (x + y)z$ at `x` = -2, `y` = 5, `z` = -4
# again, where it is -12. You may move each of the three by 0.1, up or down, and want `f` as large
# as possible. Let the gradients tell you which way to move each. What is `f` then?


# %%
def best_of_all_moves():
    moves = [(a, b, c) for a in (-0.1, 0.1) for b in (-0.1, 0.1) for c in (-0.1, 0.1)]
    return max(circuit(-2.0 + a, 5.0 + b, -4.0 + c) for a, b, c in moves)


answer(3, ..., best_of_all_moves)

# %% [markdown]
# **Exercise 4.** Now write the backward pass yourself, for any circuit. The loops are there: the
# outer one takes the values from the root down, each before its inputs, the inner one the inputs of
# a value with their local gradients. (Why `+=` and not `=`? That is the next lesson.) Put code in
# place of the dots. It is tried on a hundred circuits that you have not seen; if it is wrong, you
# see the smallest of them.
#
# <details><summary>A hint</summary>
#
# At the end, a value changes with itself one for one. At each gate two numbers are multiplied: what
# has arrived from above, and what the gate noted on the way forward.
#
# </details>


# %%
def backward_pass(root):
    root.zero_grad()
    root.grad = ...
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad += ...


graded(4, grade, backward_pass)

# %% [markdown]
# ## Answers
#
# **Exercise 1.** The add hands on whatever it gets, so $\frac{\partial f}{\partial x}$ is what the
# multiply sends to `q`: the other input, `z`. Hence `z` = 10, and neither `x` nor `y` mattered.

# %%
check("exercise 1", 10, wanted_z())
check("df/dx there", gradients_at(-2.0, 5.0, 10.0)[0], 10.0)

# %% [markdown]
# **Exercise 2.** The max gets 2 from above. Below the tie all of it goes to `z`, above the tie all
# of it to `w`. At the tie the true slope does not exist: a max has a corner there. An engine has to
# say something all the same, and this one shares: half to each, so 1 and 1. That is a *convention*,
# the same as PyTorch's, and the sum is still what arrived.

# %%
check("w just below z", at_the_tie(2.0, 1.99), [2.0, 0.0])
check("w just above z", at_the_tie(2.0, 2.01), [0.0, 2.0])
check("exercise 2", [2.0 / 2, 2.0 / 2], at_the_tie(2.0, 2.0))

# %% [markdown]
# **Exercise 3.** The gradients are -4, -4 and 3, so move `x` and `y` down and `z` up:
# $(-2.1 + 4.9) \times (-3.9) = -10.92$. The gradients even predict how much `f` grows, nearly:
# $0.1 \times (4 + 4 + 3) = 1.1$, and it grew by 1.08. Nearly, because while you move, the gradients
# themselves change a little. Move a weight *against* its gradient instead and a loss falls: that is
# gradient descent, and you have just taken a step of it, uphill.

# %%
check("exercise 3", (-2.1 + 4.9) * -3.9, best_of_all_moves())
check("f is then", best_of_all_moves(), -10.92)
check("predicted growth", 0.1 * (4 + 4 + 3), 1.1)
check("growth", best_of_all_moves() - -12.0, 1.08)

# %% [markdown]
# ## Next
#
# In both circuits each value was used once. What if one is used twice, as in `x * x`? Then two
# gradients come back to the same place, and everything hangs on a `+=`:
# [2. Why plus-equals](02_why_plus_equals.ipynb).
