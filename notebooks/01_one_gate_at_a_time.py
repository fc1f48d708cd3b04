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
# # One gate at a time
#
# **If I turn one number of a calculation up a little, what happens to the result?**
#
# That question is what training a neural network comes down to: there it is asked of millions of
# numbers (adjustable numbers, called weights), and the result is how wrong the network is. Here we
# ask it of three numbers, and see every step of the answer.
#
# You will be able to
#
# - read a calculation as a graph: gates, wires, and two numbers on each wire;
# - say why rates multiply along a path;
# - go backward through a graph for *all* the derivatives at once, by hand and in code;
# - say from memory what an add, a max and a multiply do to a gradient, and see when one does not;
# - let the gradients tell you which way to move each number;
# - tell a gradient that is zero from one that nobody has computed yet.
#
# You need school algebra and a little Python (functions, loops, lists). What a derivative is, you
# see on the way. Run the lesson from the top, each cell with Shift+Enter.

# %%
from itertools import permutations

from lesson import answer, check, graded

from autograd_core import Grade, Value, attempt, grade, gradients, maximum, topological
from viz import draw, explain, sabotage, step

# %% [markdown]
# ## A calculation that remembers
#
# A `Value` is a number that remembers how it was made. Otherwise you write plain Python. The
# calculation, or *circuit*, is the first one in Stanford CS231n's backpropagation notes:
# $f = (x + y)z$. (A `check` prints a number of this lesson. Change what you like: it then says that
# your number is not the lesson's, and goes on.)

# %% tags=["S6.circuit"]
x = Value(-2.0)
y = Value(5.0)
z = Value(-4.0)
q = x + y
f = q * z
check("q", q, 3.0)
check("f", f, -12.0)

# %% [markdown]
# A Python number would have forgotten by now where its -12 came from. A `Value` has not: ask which
# operation made it, and from what.

# %%
print("f was made by", f.op, "from", f.inputs)
print("q was made by", q.op, "from", q.inputs)
check("f.inputs == (q, z)", f.inputs == (q, z), True)
check("number of inputs of x", len(x.inputs), 0)

# %% [markdown]
# Follow these memories down to the numbers that you typed, and you have the **computational
# graph**. Each circle is a *gate*, which does one small operation. Each line is a *wire*, which
# carries one number from where it is made to where it is used. No gate made `x`, `y` and `z`: they
# are the *leaves*. The end, here `f`, is the *root*.

# %%
draw(f, backward=False)

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


before = circuit(x.data, y.data, z.data)
after = circuit(x.data + nudge, y.data, z.data)
check("f after the nudge", after, before + nudge * z.data)
check("change of f for each unit of x", (after - before) / nudge, z.data, within=1e-9)

# %% [markdown]
# `f` fell, four times as far as `x` rose. This number, -4, is the **derivative** of `f` with
# respect to `x`, written $\frac{\partial f}{\partial x}$: the *rate* at which `f` changes with `x`
# while `y` and `z` stay as they are. All derivatives of `f` together are its **gradient**, and the
# one that belongs to `x` is often called "the gradient on x".
#
# Nudging is easy to trust and expensive to run: it takes another pass through the whole calculation
# for each number you ask about. With a million weights that is a million passes. The rest of this
# lesson gets all the answers from one pass forward and one pass back.
#
# ## Why is every gradient 0 before `backward()`?
#
# Each `Value` has a place for its answer, `.grad`. Look into it now:

# %%
print([v.grad for v in (x, y, z, q, f)])
draw(f)

# %% [markdown]
# That 0.0 does not mean that `x` has no influence on `f`; we have just seen that it has. It is an
# empty account: nothing has been paid in yet, because nobody has asked. To keep the two apart, the
# picture shows a dash, `-`, below each wire until the backward pass has run.
#
# Something else is already there, in grey by the small arrows: `×1`, `×-4` and `×3`, read "times 1"
# and so on. Each gate noted these during the forward pass. They are its **local gradients**: how
# fast its *own* output changes with each of its *own* inputs, whatever the rest of the graph looks
# like.
#
# - An add, $q = x + y$: one more of `x` is one more of `q`. Local gradients 1 and 1.
# - A multiply, $f = qz$: one more of `q` is `z` more of `f`, and one more of `z` is `q`
#   more. Local gradients `z` and `q`, each the *other* input.
#
# Ask a gate's output for them, in the order of its inputs:

# %%
check("local gradients of the add", q.partials, (1.0, 1.0))
check("local gradients of the multiply", f.partials, (z.data, q.data))

# %% [markdown]
# ## Why rates multiply
#
# `x` does not touch `f`. It moves `q`, and `q` moves `f`. Send the nudge along this path, one gate
# at a time, and measure how far each number moves:

# %% tags=["rates"]
q_moves = ((x.data + nudge) + y.data) - q.data
f_moves = (q.data + q_moves) * z.data - f.data
check("x moves by 0.001, q by", q_moves, 1 * 0.001)
check("and f by", f_moves, z.data * 0.001)
check("f for each unit of x", f_moves / nudge, q.partials[0] * f.partials[0], within=1e-9)

# %% [markdown]
# A rate of 1 hides what is going on. Here are three gates in a row whose rates are not 1: the first
# triples, the second squares, the third takes -4 times. We start at 1.


# %% tags=["rates"]
def triple(v):
    return 3 * v


def square(v):
    return v**2


def times_minus_4(v):
    return -4 * v


def ratio(nudge):
    """How far the end of the row moves for each unit of its start, gate by gate."""
    number, moved = 1.0, 1.0 + nudge
    for gate in (triple, square, times_minus_4):
        move, number, moved = moved - number, gate(number), gate(moved)
        rate = (moved - number) / move
        print(f"{gate.__name__:13} gives {number:4g}, moves {rate:6.3f} times as far as its input")
    return (moved - number) / nudge


check("the row moves, in all", ratio(0.001), 3 * 6 * -4, within=0.001)
check("with a smaller nudge", ratio(0.000001), 3 * 6 * -4, within=0.000001)

# %% [markdown]
# The first output moves 3 times as far as the start. The second moves 6 times as far as the first,
# so $3 \times 6 = 18$ times as far as the start; and so on to $18 \times (-4) = -72$. **Along a
# path, rates multiply**, since each is a "so many times as far as the one before".
#
# (The square says 6.003: its graph is not a straight line, so its rate changes a little while you
# move. The rate *at* 3 is what you get as the nudge shrinks: $2 \times 3 = 6$, as calculus says.)
#
# ## Backward
#
# So multiply the local gradients along the path, and you have the derivative. Multiply them from
# the end, and one walk serves all leaves. This is what `backward` does:

# %%
f.backward()
draw(f)

# %% tags=["S6.circuit"]
check("df/dx", x.grad, -4.0)
check("df/dy", y.grad, -4.0)
check("df/dz", z.grad, 3.0)

# %% [markdown]
# The value is still above each wire, in green. Below it, in red, is now the gradient: how fast `f`
# changes with the number on this wire. The -4 on the wire of `x` is the one that we found by
# nudging. (Did you run `f.backward()` twice? Then the numbers are twice as large, and the checks
# say so. Lesson 2 is about that; for now, run the lesson again from the top.)
#
# How did it get there? Read the picture from right to left. This is the **backward pass**.
#
# - It starts at the end. `f` changes with itself one for one: the gradient on `f` is 1.
# - The multiply gets 1 from above, from the side of the root. To `q` it sends $1 \times (-4)$, to
#   `z` it sends $1 \times 3$.
# - The add gets -4 from above. It sends $-4 \times 1$ to `x`, and the same to `y`.
#
# Each gate did the same thing, and knew nothing but its own local gradients and the one number that
# arrived from above, which is called *upstream*:
#
# $$\text{gradient on an input} = \text{upstream} \times \text{local}$$
#
# In the language of calculus this is the **chain rule**,
# $\frac{\partial f}{\partial x} = \frac{\partial f}{\partial q} \frac{\partial q}{\partial x}$
# (Understanding Deep Learning, chapter 7; Stanford CS231n's backpropagation notes).
# `explain` writes it out for any value of the graph:

# %%
explain(f, x)

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

# %% tags=["S6.circuit"]
walk = step(f)
check("steps: 2 gates forward, the start of the way back, 4 wires", len(walk), 2 + 1 + 4)
walk

# %% [markdown]
# Now change a number and step again. Open **What if? Change a leaf** under the picture and set `y`
# to 2. Before you look: which gradients will change?
#
# The add does not care how large its inputs are, so `x` and `y` keep their -4. But `z` is
# multiplied by `q`, and `q` is now 0: turn `z` however you like, `f` stays 0. This gradient really
# is zero, and the picture says `0`, not a dash.


# %%
def gradients_at(x, y, z):
    """f = (x + y) z at three numbers: df/dx, df/dy, df/dz."""
    leaves = [Value(x), Value(y), Value(z)]
    circuit(*leaves).backward()
    return [leaf.grad for leaf in leaves]


check("gradients at y = 5", gradients_at(-2.0, 5.0, -4.0), [-4.0, -4.0, 3.0])
check("gradients at y = 2", gradients_at(-2.0, 2.0, -4.0), [-4.0, -4.0, 0.0])

# %% [markdown]
# ## What each gate wants
#
# Stanford's notes have another way to read these numbers. Say that the circuit *wants* its output
# to be higher. Then the gradient on a wire says what the gates after it want of this wire: the sign
# says which way it should go, the size with what **force**.
#
# On `q` stands -4: the multiply wants the output of the add lower, with a force of 4. The add hands
# this wish on, and wants both of its inputs lower, each with a force of 4. And the multiply wants
# `z` higher, with a force of 3. Does `f` rise if they get what they want? Move one leaf at a time,
# by a hundredth, the way it is pulled:

# %% tags=["S6.force"]
here = {"x": x.data, "y": y.data, "z": z.data}
for name, pull in {"x": x.grad, "y": y.grad, "z": z.grad}.items():
    a_bit = 0.01 if pull > 0 else -0.01
    moved = {**here, name: here[name] + a_bit}
    rise = circuit(**moved) - circuit(**here)
    check(f"{name} moves by {a_bit}, f rises by", rise, 0.01 * abs(pull))

# %% [markdown]
# It rises each time, by the force times the way. Training does this with all weights of a network
# at once, the other way round: its output is an error, so each weight moves *against* its gradient.
#
# ## Three gates, three habits
#
# Once you know what a gate does to a gradient, you can read a backward pass off a picture without
# calculating much. Three gates make up a surprisingly large part of a neural network. A circuit
# from the same Stanford notes has all three; the max gives out the larger of its two inputs.

# %%
x, y, z, w, c = Value(3.0), Value(-4.0), Value(2.0), Value(-1.0), Value(2.0)
p = x * y
m = maximum(z, w)
s = p + m
g = c * s
draw(g, backward=False)

# %% [markdown]
# | gate | local gradients | what it does to the gradient that arrives |
# |---|---|---|
# | add | 1 and 1 | **distributes** it: each input gets all of it, unchanged |
# | max | 1 for the larger input, 0 for the other | **routes** it: one gets all, the other nothing |
# | multiply | the other input | **swaps**: each input gets it times the *other* input's value |
#
# These are not rules to learn by heart: they *are* the local gradients, in words. Why does `w` get
# nothing? Because the max shows the world only its larger input. Whether it is -1 or -0.9, `w`
# stays hidden behind `z`, and nothing after the max can notice the change.
#
# Now you. This walk asks for each number of the way back before it shows it; say the habit of the
# gate first. It wants the local gradient (*local slope*), upstream times local (the
# *contribution*), and what has arrived at this input in all (the *new sum*: as long as each value
# is used once, that is the contribution again).

# %%
step(g, quiz=True)

# %% tags=["S6.gates"]
g.backward()
check("the add distributes: p and m get what s has", (p.grad, m.grad), (s.grad, s.grad))
check("the max routes: z gets all, w nothing", (z.grad, w.grad), (m.grad, 0.0))
check("the multiply swaps: dg/dx", x.grad, p.grad * y.data)
check("the multiply swaps: dg/dy", y.grad, p.grad * x.data)
check("dg/dx, dg/dy", (x.grad, y.grad), (-8.0, 6.0))

# %% [markdown]
# Note what the swap does to sizes: in a product of two numbers the one nearer to 0 gets the larger
# gradient, up or down. Here 3 gets -8, and -4 gets 6. Lesson 3 meets this again, when it prepares
# the numbers that go into a neuron.
#
# ## What if both inputs of a max are equal?
#
# Then the max has a corner. Turn `z` alone up, and it rises with `z`: rate 1. Turn `z` alone down,
# and `w` holds it: rate 0. The notes write the local gradients as $1(z \geq w)$ and $1(w \geq z)$:
# 1 where that is true, else 0. At a tie both are 1. Ours are one half and one half.


# %% tags=["S6.tie"]
def slopes_of_max(z, w):
    return list(maximum(Value(z), Value(w)).partials)


check("w just below z", slopes_of_max(2.0, 1.99), [1.0, 0.0])
check("w just above z", slopes_of_max(2.0, 2.01), [0.0, 1.0])
check("a tie", slopes_of_max(2.0, 2.0), [0.5, 0.5])
rise = max(2.0 + nudge, 2.0 + nudge) - max(2.0, 2.0)
check("both up by 0.001", rise, nudge * sum(slopes_of_max(2.0, 2.0)))

# %% [markdown]
# Turn both up together by a thousandth, and the larger of the two is a thousandth larger: two
# halves foretell that, while 1 and 1 would foretell two thousandths. For one input alone any number
# from 0 to 1 would do, so the halves are a convention, and PyTorch has the same.
# ([Where the notes and we differ](B_where_the_notes_and_we_differ.ipynb) says more.)
#
# ## A graph is a record, not a spreadsheet
#
# One surprise is best had early, and on purpose. Write a new number into a leaf, and go back once
# more:

# %% tags=["S1"]
slope_before = x.grad
x.data = 100.0
check("p is still the product of before", p, -12.0)
check("and g", g, -20.0)
g.zero_grad()  # sets all gradients of this graph to 0
g.backward()
check("and the gradient", x.grad, slope_before)
check("even the one that was made from x", y.grad, 6.0)

# %% [markdown]
# Nothing else changes: the graph records a calculation that *was made*, with the numbers of that
# moment. The forward pass has stored the values and the local gradients, and the backward pass
# reads what was stored. For new numbers, run the lines again: that is another graph. This is why
# training builds its graph anew at every step. (The stepper's *What if?* does just that for you.)

# %% [markdown]
# ## Exercises
#
# Predict first, on paper or in your head. Then put your answer in place of the dots and run the
# cell. If it says "not it yet", change the numbers in a stepper and walk. (A cell that shows only
# three dots is the judge of the exercise below it; look into it afterwards.)
#
# **Exercise 1.** Start at `g` of the last circuit and follow its memories, without running them:
# what number is `g.inputs[1].inputs[0].partials[1]`? (`g` is made by `c * s`, and Python counts
# from 0.)
#
# <details><summary>A hint</summary>
#
# Put a finger on `g` in the picture. Each `.inputs[...]` takes you one gate to the left, on the
# upper or the lower wire. You arrive at a gate; the question is what it noted about one of its two
# inputs, and when it noted that.
#
# </details>

# %% jupyter={"source_hidden": true}
# The judge of exercise 1.
words_1 = {
    -4: "That is the local gradient of the first input of that gate: 0 is the first.",
    100: "The gate noted its local gradients when it computed. What was on its wires then?",
    1: "One gate too early, or too far down: that is an add or the max.",
    -12: "That is the value of a gate; `partials` are its local gradients.",
}


def wanted_1():
    return g.inputs[1].inputs[0].partials[1]


# %% tags=["aim-1"]
answer(1, ..., wanted_1, but=words_1)

# %% [markdown]
# **Exercise 2.** In $f = (x + y)z$ with `x` = -2 and `y` = 5, which value of `z` makes
# $\frac{\partial f}{\partial x}$ equal to 10? Answer with a number.
#
# <details><summary>A hint</summary>
#
# Go from `f` back to `x`, and name the habit of each of the two gates. Which of the three numbers
# does the gradient on `x` depend on?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 2.
def wanted_z():
    return next(z for z in range(-20, 21) if gradients_at(-2.0, 5.0, z)[0] == 10.0)


words_2 = {
    10 / 3: "There f itself is 10. The question is how fast it changes with x.",
    -2.5: "You scaled the -4 that stood there before. Which number did that -4 come from?",
    -10: "The sign: what does the multiply send to q?",
    -5: "You made x times z equal to 10. But x meets y first, and in an add.",
}

# %% tags=["aim-4"]
answer(2, ..., wanted_z, but=words_2)

# %% [markdown]
# **Exercise 3.** Two gates in a row, `first` and `second`, both unknown to you: functions of one
# number. Write a function that measures the rate of each by a nudge, and gives the rate of the
# whole row at `x`. It is tried on three rows.
#
# <details><summary>A hint</summary>
#
# The second gate is a gate like the first: it has an input, and you nudge this input. Which number
# is it, when `x` goes into the row?
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 3.
def judge_of_rates(rate):
    for first, second in [(triple, times_minus_4), (square, triple), (triple, square)]:
        x = Value(2.5)
        want, r1, at_x = (gradients(end)[x] for end in (second(first(x)), first(x), second(x)))
        got, trouble = attempt(rate, first, second, 2.5, form="(first, second, x)")
        if not isinstance(got, int | float):
            nothing = "It returned nothing: did you print?"
            told = nothing if got is None else "It should return a number."
            return Grade(False, trouble or told)
        if not abs(got - want) < 0.1:
            ideas = {
                "The second gate was nudged at x. Which number stands at its input?": r1 * at_x,
                "The two rates were added.": r1 + want / r1,
                "That is the rate of the first gate alone.": r1,
                "That is the rate of the second gate alone.": want / r1,
            }
            found = (text for text, number in ideas.items() if abs(got - number) < 0.1)
            told = next(found, "Try your function on two gates whose rates you know.")
            return Grade(False, f"At 2.5, {first.__name__}, then {second.__name__}: {told}")
    return Grade(True, "Right: the rate of each row, from the rates of its gates.")


# %% tags=["aim-2"]
def rate(first, second, x):
    rate_of_first = (first(x + nudge) - first(x)) / nudge
    rate_of_second = ...
    return ...


graded(3, judge_of_rates, rate)

# %% [markdown]
# **Exercise 4.** Of the two results below only `f` was asked for its gradients. The cell prints
# those of the five leaves. Which leaves have a 0.0 that is a *derivative*, computed on the way back
# from `f`, and not an empty account? Answer with a list of names in the order of the alphabet, as
# `["b", "e"]`.
#
# <details><summary>A hint</summary>
#
# An account is empty where the backward pass from `f` never came. Draw `f`: which leaves are in the
# picture? Then ask of each: would a nudge of it move `f`?
#
# </details>

# %%
a, b, c, d, e = Value(-1.0), Value(0.0), Value(4.0), Value(3.0), Value(2.0)
f = maximum(a, b) * c
h = d * e
f.backward()
print([leaf.grad for leaf in (a, b, c, d, e)])


# %% jupyter={"source_hidden": true}
# The judge of exercise 4.
def true_zeros():
    slopes, named = gradients(f), {"a": a, "b": b, "c": c, "d": d, "e": e}
    return [name for name, leaf in named.items() if slopes.get(leaf) == 0.0]


words_4 = {
    ("a",): "There is one more: what does the multiply send to an input if the other is 0?",
    ("c",): "There is one more: what does the max send to the smaller of its inputs?",
    ("a", "c", "d", "e"): "Two of these belong to h, which nobody has asked yet.",
    ("d", "e"): "It is the other way round: these two were never reached.",
}


swapped = "The names are right; put them in the order of the alphabet."


words_4 |= dict.fromkeys(permutations(true_zeros()), swapped)


numbers = [leaf.data for leaf in (a, b, c, d, e)]


words_4 |= dict.fromkeys(permutations(numbers, 2), 'Names are wanted, in quotes: "b" and not b.')

# %% tags=["aim-6"]
answer(4, ..., true_zeros, but=words_4)

# %% [markdown]
# **Exercise 5.** Take $f = (x + y)z$ at `x` = -2, `y` = 5, `z` = -4 again, where it is -12. You may
# move each of the three by 0.1, up or down, and want `f` as large as possible. Let the gradients
# tell you which way to move each. What is `f` then? Answer with a number, to four digits.
#
# <details><summary>A hint</summary>
#
# Each leaf goes the way it is pulled. Then compute `f` at the new place. The forces foretell the
# rise only nearly: while you move one number, the gradients of the others change a little.
#
# </details>


# %% jupyter={"source_hidden": true}
# The judge of exercise 5.
def best_of_all_moves():
    moves = [(a, b, c) for a in (-0.1, 0.1) for b in (-0.1, 0.1) for c in (-0.1, 0.1)]
    return max(circuit(-2.0 + a, 5.0 + b, -4.0 + c) for a, b, c in moves)


words_5 = {
    -10.9: "That is what the forces foretell. Compute f at the new place.",
    -13.12: "That is the smallest f that you can get: you moved against the gradients.",
    -11.48: "Two leaves have a negative gradient. The third has not.",
    -10.88: "Two leaves went against their gradient. Which way is each pulled?",
}

# %% tags=["aim-5"]
answer(5, ..., best_of_all_moves, within=1e-4, but=words_5)

# %% [markdown]
# **Exercise 6.** Someone has put a mistake into the way back of this walk. Step through it, and
# hold each number to the habit of its gate. (A minus has local gradients 1 and -1.) The mistake is
# one of seven, and the buttons under the picture say what each of them means: "overwrote", "wrong
# operand", "sign", "max to both", "stale value", "wrong order", "did not zero". Two of them,
# "overwrote" and "wrong order", need a value that is used twice, so that they cannot be it. Answer
# with the name, in quotes.
#
# <details><summary>A hint</summary>
#
# Begin at the root and believe nothing. At each wire compute upstream times local yourself, with
# the local gradient from the table of habits. Stop at the first number that is not yours: how was
# it made?
#
# </details>

# %%
a, b, c, d, e = Value(-2.0), Value(-3.0), Value(1.0), Value(4.0), Value(5.0)
p = a * b
m = maximum(p, c)
t = d * e
f = m - t
walk = sabotage(f, seed=2)
walk

# %% jupyter={"source_hidden": true}
# The judge of exercise 6.
words_6 = {
    "sign": "Then a number would have the wrong sign and the right size.",
    "max to both": "Look at what the max sends to each of its inputs.",
}


def wanted_6():
    return walk.mistake.name


# %% tags=["aim-4"]
answer(6, ..., wanted_6, but=words_6)

# %% [markdown]
# **Exercise 7.** Now write the backward pass yourself, for any circuit. The loops are there.
# `topological(root)` lists all values, each after its inputs; `reversed` turns the list round, so
# that the outer loop goes from the root down to the leaves. `zip` pairs the inputs of a value with
# its local gradients. (Why `+=` and not `=`? That is the next lesson.) Put code in place of the
# dots. It is tried on a hundred circuits that you have not seen; if it is wrong, you see the
# smallest on which it fails.
#
# <details><summary>A hint</summary>
#
# At the end, a value changes with itself one for one. At each gate two numbers are multiplied: what
# has arrived from above, and what the gate noted on the way forward.
#
# </details>


# %% tags=["aim-3"]
def backward_pass(root):
    root.zero_grad()
    root.grad = ...
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad += ...


graded(7, grade, backward_pass)

# %% [markdown]
# ## Next
#
# In these circuits each value was used once. What if one is used twice, as in `x * x`? Then two
# gradients come back to the same place, and everything hangs on a `+=`:
# [2. Why plus-equals](02_why_plus_equals.ipynb).
