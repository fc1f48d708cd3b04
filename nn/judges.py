"""Let functions of your own be judged: derivatives by hand, matrices, optimisers, starts, loops.

    print(judges.toy_chain(derivatives))
    print(judges.matrix_pass(backward_pass))            # and judges.deltas(recursion)
    print(judges.optimizer(Mine, SGD, lr=0.1, momentum=0.9))
    print(judges.initializer(fill, init.kaiming_normal_, nonlinearity="relu"))
    print(judges.lsuv(lsuv))
    print(judges.training_loop(train))

Each runs your function on cases of its own, the smallest first, and compares with what the engine
and `nn` compute. It returns a Grade, which is true if all is right, and else names the case, the
number, and the usual mistake that gives it, if there is one; `viz.draw` shows it. A function that
raises, runs for ever or returns something else is told so. Nothing of yours is changed. The
same `seed` gives the same cases. TypeError for what cannot be called.

A backward pass over any graph is judged by `autograd_core.grade`, and so is a gate.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import Any, TypeAlias

from autograd_core import Grade, Value, attempt, cos, exp, grade_gradients, mistakes, no_grad, sin

from .data import DataLoader, TensorDataset
from .diagnose import activation_statistics
from .init import normal_
from .layers import MLP, Linear, ReLU, Sequential
from .losses import MSELoss
from .module import expect, flat, nested, shape
from .optim import SGD, Optimizer
from .training import fit

__all__ = [
    "deltas", "initializer", "lsuv", "matrix_pass", "optimizer", "toy_chain", "training_loop",
]  # fmt: skip

Numbers: TypeAlias = "list[float]"

STEPS = 200_000  # of the interpreter, for a training loop: a right one needs some thousand
TOLERANCE = 1e-9


def _same(got: float, want: float, tolerance: float = TOLERANCE) -> bool:
    bound = tolerance * max(1.0, abs(want))
    return want - bound <= got <= want + bound  # without `got - want`: got may be an int too large


def _right(tried: int, what: str) -> Grade:
    return Grade(True, f"Right: {tried} {what}.", tried)


# ---------------------------------------------------------------- derivatives by hand

CHAIN = ("b0", "w0", "b1", "w1", "b2", "w2", "b3", "w3", "x", "y")
DERIVATIVES = ("f3", "h3", "f2", "h2", "f1", "h1", "f0", *CHAIN[:8])


def toy_chain(derivatives: Callable[..., Any], *, points: int = 20, seed: int = 0) -> Grade:
    """Judge the derivatives of the toy chain (Prince, Understanding Deep Learning, 7.3).

    derivatives(b0, w0, b1, w1, b2, w2, b3, w3, x, y) takes ten numbers and returns a dict: dl/df3,
    dl/dh3, dl/df2, dl/dh2, dl/df1, dl/dh1, dl/df0 under "f3" to "f0", and those of the eight
    parameters under their names. Here f0 = b0 + w0 x, h1 = sin f0, f1 = b1 + w1 h1, h2 = exp f1,
    f2 = b2 + w2 h2, h3 = cos f2, f3 = b3 + w3 h3 and l = (f3 - y)^2.
    """
    rng = random.Random(seed)
    form = f"({', '.join(CHAIN)})"
    for k in range(1, points + 1):
        numbers: dict[str, Any] = {name: round(rng.uniform(-1.5, 1.5), 1) for name in CHAIN}
        values = {name: Value(number, name) for name, number in numbers.items()}
        loss = _chain(values)
        result, trouble = attempt(derivatives, form=form, **numbers)
        if not trouble:
            trouble = _unlike_chain(result)
        if trouble:
            return Grade(False, trouble, k)
        report = grade_gradients(loss, {values[name]: result[name] for name in DERIVATIVES})
        if not report:
            return report._replace(tried=k)
    return _right(points, "points, and all fifteen derivatives are the engine's")


def _chain(values: dict[str, Value]) -> Value:
    """The loss of the toy chain; the values between join those that are given."""
    h: Any = values["x"]
    for k, activation in enumerate((sin, exp, cos, None)):
        f = values[f"b{k}"] + values[f"w{k}"] * h
        values[f"f{k}"] = f
        if activation is not None:
            values[f"h{k + 1}"] = h = activation(f)
    for name, value in values.items():
        value.label = name
    loss: Value = (f - values["y"]) ** 2
    loss.label = "l"
    return loss


def _unlike_chain(result: Any) -> str:
    """What is wrong with the form of the derivatives; "" if nothing."""
    if not isinstance(result, Mapping):
        return (
            f"It returned {_kind(result)}. It must return a dict of the fifteen derivatives, as "
            '{"f3": ..., "h3": ..., "b0": ..., "w0": ...}.'
        )
    missing = [name for name in DERIVATIVES if not isinstance(result.get(name), Real)]
    return f"The number for dl/d{missing[0]} is missing in what it returned." if missing else ""


def _kind(thing: Any) -> str:
    return "nothing" if thing is None else f"a thing of type {type(thing).__name__}"


# ---------------------------------------------------------------- layers in matrices


def _numpy(judge: str) -> Any:
    try:
        import numpy
    except ImportError as error:
        raise ImportError(
            f"{judge} hands over arrays and needs NumPy: pip install numpy", name="numpy"
        ) from error
    return numpy


def matrix_pass(backward_pass: Callable[..., Any], *, networks: int = 30, seed: int = 0) -> Grade:
    """Judge the backward pass of a deep network in matrices (Understanding Deep Learning, 7.4).

    backward_pass(omegas, f, h, y) takes what the forward pass has stored, lists of NumPy arrays:
    the weights omegas[k], a row per output; the inputs h[k] of layer k, h[0] being those of the
    network; the sums f[k] = beta[k] + omegas[k] @ h[k], with h[k + 1] = relu(f[k]). The last f is
    the output, and l = sum((f[-1] - y)**2). It returns two lists, in the order of the layers:
    dl/dbeta[k] and dl/domega[k], in the shapes of beta[k] and omegas[k].
    """
    np = _numpy("matrix_pass")

    rng = random.Random(seed)
    for k, widths in enumerate(_widths(rng, networks), 1):
        omegas = [_matrix(rng, n, m, f"omega{i}") for i, (m, n) in _layers_of(widths)]
        betas = [_row(rng, n, f"beta{i}") for i, (_, n) in _layers_of(widths)]
        h, f = [_row(rng, widths[0], "x")], []
        for i, (omega, beta) in enumerate(zip(omegas, betas, strict=True)):
            sums = [b + _dot(row, h[-1]) for row, b in zip(omega, beta, strict=True)]
            f.append(_named(sums, f"f{i}"))
            h.append([v.relu() for v in f[-1]])
        y = [rng.uniform(-1.0, 1.0) for _ in f[-1]]
        loss = _sum((v - t) ** 2 for v, t in zip(f[-1], y, strict=True))
        arrays = [[np.array(_data(each)) for each in group] for group in (omegas, f, h[:-1])]
        result, trouble = attempt(backward_pass, *arrays, np.array(y), form="(omegas, f, h, y)")
        if not trouble:
            wanted = [("dl/dbeta", betas), ("dl/domega", omegas)]
            trouble = _unlike(result, wanted, "two lists, [dl/dbeta0, ...] and [dl/domega0, ...]")
        if trouble:
            return Grade(False, trouble, k)
        dbetas, domegas = nested(result)
        given = _paired(f, dbetas) | _paired(betas, dbetas) | _paired(omegas, domegas)
        report = grade_gradients(loss, given)
        if not report:
            return report._replace(tried=k)
    return _right(networks, "networks, and every gradient is the engine's")


def deltas(recursion: Callable[..., Any], *, networks: int = 30, seed: int = 0) -> Grade:
    """Judge the delta recursion (Berkeley EECS 182/189).

    recursion(weights, x, y): unit j of a layer has the signal s_j = sum_i w_ij x_i and the
    output tanh(s_j). weights[k] is a NumPy array with a column per unit, whose first row belongs to
    an input that is always 1; x[k] are the inputs of layer k without that 1, so that x[-1] is
    the output of the network, of shape (1,). With l = (x[-1] - y)^2 it returns a list with an
    array dl/ds for each layer, the first layer first.
    """
    np = _numpy("deltas")

    rng = random.Random(seed)
    for k, widths in enumerate(_widths(rng, networks, outputs=1), 1):
        weights = [_matrix(rng, m + 1, n, f"w{i}") for i, (m, n) in _layers_of(widths)]
        x, s = [_row(rng, widths[0], "x")], []
        for i, w in enumerate(weights):
            columns = list(zip(*w, strict=True))
            s.append(_named([_dot(column, [Value(1.0), *x[-1]]) for column in columns], f"s{i}"))
            x.append([v.tanh() for v in s[-1]])
        y = rng.uniform(-0.9, 0.9)
        loss = (x[-1][0] - y) ** 2
        arrays = [[np.array(_data(each)) for each in group] for group in (weights, x)]
        result, trouble = attempt(recursion, *arrays, y, form="(weights, x, y)")
        if not trouble:
            trouble = _unlike([result], [("delta", s)], "a list, [delta0, delta1, ...]")
        if trouble:
            return Grade(False, trouble, k)
        report = grade_gradients(loss, _paired(s, nested(result)))
        if not report:
            return report._replace(tried=k)
    return _right(networks, "networks, and every delta is the engine's")


def _widths(rng: random.Random, networks: int, outputs: int = 3) -> list[list[int]]:
    """The widths of networks of one to four layers, the smallest first."""
    drawn = [[rng.randint(1, 3) for _ in range(rng.randint(1, 4))] for _ in range(networks)]
    all_widths = [[*widths, rng.randint(1, outputs)] for widths in drawn]
    return sorted(all_widths, key=lambda one: sum(m * n for m, n in pairwise(one)))


def _layers_of(widths: Iterable[int]) -> Iterator[tuple[int, tuple[int, int]]]:
    return enumerate(pairwise(widths))


def _row(rng: random.Random, size: int, name: str) -> list[Value]:
    numbers = [rng.choice((-1.0, 1.0)) * round(rng.uniform(0.2, 1.5), 1) for _ in range(size)]
    return _named([Value(number) for number in numbers], name)


def _matrix(rng: random.Random, rows: int, columns: int, name: str) -> list[list[Value]]:
    return [_row(rng, columns, f"{name}[{i}]") for i in range(rows)]


def _named(values: list[Value], name: str) -> list[Value]:
    for i, value in enumerate(values):
        value.label = f"{name}[{i}]"
    return values


def _dot(row: Iterable[Value], h: Iterable[Value]) -> Value:
    return _sum(w * x for w, x in zip(row, h, strict=True))


def _sum(terms: Iterable[Value]) -> Value:
    first, *others = terms
    for term in others:
        first = first + term
    return first


def _data(values: Any) -> Any:
    return [_data(v) for v in values] if isinstance(values, list) else values.data


def _paired(values: Any, numbers: Any) -> dict[Value, float]:
    return dict(zip(flat(values), flat(numbers), strict=True))


def _unlike(result: Any, wanted: list[tuple[str, Any]], form: str) -> str:
    """What is wrong with the form of lists of arrays; "" if nothing."""
    if not isinstance(result, tuple | list) or len(result) != len(wanted):
        return f"It returned {_kind(result)}. It must return {form}."
    for (name, right), got in zip(wanted, result, strict=True):
        if not isinstance(got, tuple | list) or len(got) != len(right):
            count = f"{len(right)} layer{'s' * (len(right) > 1)}"
            return f"It returned {_kind(got)} for {count}. It must return {form}."
        for k, (one, values) in enumerate(zip(got, right, strict=True)):
            one = nested(one)
            if shape(one) != shape(values):
                hint = ""
                if shape(one) and (shape(one) or ())[::-1] == shape(values):
                    hint = ": the factors of the product are the wrong way round"
                return f"{name}{k} has shape {shape(one)}, and must have {shape(values)}{hint}."
            if not all(isinstance(number, Real) for number in flat(one)):
                return f"{name}{k} must hold plain numbers."
    return ""


# ---------------------------------------------------------------- an optimiser

UPDATES = 12
# What each usual mistake makes of a rule: see `_path`.
RULE_MISTAKES: dict[str, dict[str, Any]] = {
    "It goes uphill: the step is to be subtracted.": {"sign": -1.0},
    "The learning rate is left out: multiply the step by lr.": {"rate": lambda rule: 1.0},
    "The new gradient counts whole, so that the average is a sum: it counts 1 - beta.": {
        "rate": lambda rule: rule.lr / (1.0 - _beta(rule))
    },
    "Nothing is kept from one step to the next: the running averages start anew each time.": {
        "forgets": True
    },
    "All parameters share one running average: each needs its own.": {"shared": True},
    "The bias of the averages, which start at 0, is not corrected: divide by 1 - beta**step.": {
        "count": lambda step, i, size: 10**9
    },
    "The number of the step stands still: it is 1 in the first step, 2 in the second.": {
        "count": lambda step, i, size: 1
    },
    "The number of the step counts parameters: it grows by 1 in a step, not for each of them.": {
        "count": lambda step, i, size: (step - 1) * size + i + 1
    },
    "The number of the step begins at 0 or at 2: in the first step it is 1.": {
        "count": lambda step, i, size: step + 1
    },
}


def optimizer(
    make: Callable[..., Any], like: type[Optimizer], *, seed: int = 0, **settings: Any
) -> Grade:
    """Judge an optimiser of yours against one of `nn.optim`, at the same gradients.

    make(params, **settings), a class or a function, returns an object whose step() moves each Value
    of the list `params` by its `.grad`. `settings` are those of both, as lr=0.1. Three parameters
    are moved twelve times and compared after each step.
    """
    expect(
        make, Callable, "judges.optimizer takes the class of your optimiser, as in "
        "judges.optimizer(Mine, SGD, lr=0.1), got",
    )  # fmt: skip
    rng = random.Random(seed)
    start = [rng.choice((-1.0, 1.0)) * rng.uniform(0.5, 2.0) for _ in range(3)]
    feed = [[rng.choice((-1.0, 1.0)) * rng.uniform(0.5, 2.0) for _ in start]
            for _ in range(UPDATES)]  # fmt: skip
    reference = like([Value(number) for number in start], **settings)
    right = _path(reference, start, feed)
    params = [Value(number, f"parameter {i}") for i, number in enumerate(start)]

    def moved() -> list[Numbers]:
        made, path = make(params, **settings), []
        for gradients in feed:
            for p, gradient in zip(params, gradients, strict=True):
                p.grad = gradient
            made.step()
            path.append([p.data for p in params])
        return path

    given = "".join(f", {name}={setting!r}" for name, setting in settings.items())
    name = getattr(make, "__name__", "the optimiser")
    got, trouble = attempt(moved, form=f"(params{given})")
    if trouble:
        return Grade(False, trouble.replace("moved", f"{name}(params{given}).step()", 1))
    wrong = _first_unlike(got, right)
    if wrong is None:
        return _right(UPDATES, f"steps of {len(start)} parameters, all as those of {like.__name__}")
    step, i = wrong
    sentence = "None of the usual mistakes gives this number: work this step out by hand."
    if got[-1] == start:
        sentence = "No parameter was moved: step() writes to p.data."
    else:
        for told, mistake in RULE_MISTAKES.items():
            if _first_unlike(got, _path(reference, start, feed, **mistake)) is None:
                sentence = told
                break
    place = f"parameter {i} after step {step + 1}"
    return Grade(False, sentence, step + 1, place, right[step][i], got[step][i])


def _beta(rule: Any) -> float:
    """What an optimiser's first running average keeps, 0 if it has none."""
    return float(getattr(rule, "betas", (getattr(rule, "beta", 0.0),))[0])


def _path(
    reference: Optimizer, start: Numbers, feed: list[Numbers], *, sign: float = 1.0,
    rate: Callable[[Any], float] | None = None, forgets: bool = False, shared: bool = False,
    count: Callable[[int, int, int], int] = lambda step, i, size: step,
) -> list[Numbers]:  # fmt: skip
    """Where the optimiser's rule leads from `start`, with a mistake in what it is given.

    sign     of the step
    rate     what is in place of the learning rate, from the optimiser
    forgets  whether its state is lost after each step
    shared   whether all parameters have one state
    count    the number of the step that it is told
    """
    lr = reference.lr
    reference.lr = lr if rate is None else rate(reference)
    fresh = reference.initial_state
    states, data, path = [fresh] * len(start), list(start), []
    for step, gradients in enumerate(feed, 1):
        for i, gradient in enumerate(gradients):
            place = 0 if shared else i
            state, told = fresh if forgets else states[place], count(step, i, len(start))
            now, states[place] = reference.update(data[i], gradient, state, told)
            data[i] += sign * (now - data[i])
        path.append(list(data))
    reference.lr = lr
    return path


def _first_unlike(got: list[Numbers], want: list[Numbers]) -> tuple[int, int] | None:
    """Where two lists of rows differ first."""
    pairs = zip(got, want, strict=True)
    return next(
        (
            (row, i)
            for row, (ours, theirs) in enumerate(pairs)
            for i, (a, b) in enumerate(zip(ours, theirs, strict=True))
            if not _same(a, b)
        ),
        None,
    )


# ---------------------------------------------------------------- an initialiser

SHAPES = ((40, 10), (10, 40), (20, 20))  # (fan out, fan in)
DRAWS = 4  # of each shape
REFERENCES = 8
DEVIATION = 0.2  # of a measured variance: five times what chance makes of 1,600 normal numbers


def initializer(
    fill: Callable[..., Any], like: Callable[..., Any], *, seed: int = 0, **settings: Any
) -> Grade:
    """Judge an initialiser of yours against one of `nn.init`.

    fill(weight, rng=rng) writes to the `.data` of each Value of `weight`, a list of rows, one per
    output; all that it draws comes from `rng`, a random.Random. `settings` are those of `like`, as
    nonlinearity="relu". Mean and variance are compared for three shapes, within 20 percent.
    """
    measured, wanted = {}, {}
    for rows, columns in SHAPES:
        drawn = []
        for k in range(DRAWS):
            weight = [[Value(0.0) for _ in range(columns)] for _ in range(rows)]
            _, trouble = attempt(fill, weight, form="(weight, rng)", rng=random.Random(seed + k))
            if trouble:
                return Grade(False, trouble)
            drawn.append([[v.data for v in row] for row in weight])
        measured[rows, columns] = _spread(flat(drawn))
        reference = [[Value(0.0) for _ in range(columns)] for _ in range(rows)]
        numbers = []
        for k in range(REFERENCES):
            like(reference, rng=random.Random(~seed - k), **settings)
            numbers += [v.data for row in reference for v in row]
        wanted[rows, columns] = _spread(numbers)
        sentence = _not_random(drawn) if wanted[rows, columns][1] else ""
        if sentence:
            return Grade(False, sentence, 1, f"a weight of {rows} rows and {columns} columns")
    for at, (mean, variance) in measured.items():
        expected_mean, expected = wanted[at]
        size = DRAWS * at[0] * at[1]
        place = f"of a weight of {at[0]} rows and {at[1]} columns"
        if abs(mean - expected_mean) > 7.0 * math.sqrt(max(expected, variance) / size):
            return Grade(
                False, "The numbers do not lie around the right mean.", 1, f"mean {place}",
                expected_mean, mean,
            )  # fmt: skip
        if not math.isclose(variance, expected, rel_tol=DEVIATION):
            sentence = _wrong_spread(measured, wanted)
            return Grade(False, sentence, 1, f"variance {place}", expected, variance)
    return _right(len(SHAPES), f"shapes, with the variance of {getattr(like, '__name__', 'it')}")


def _spread(numbers: Numbers) -> tuple[float, float]:
    """Mean and variance; nan where a float cannot hold them."""
    try:
        mean = math.fsum(numbers) / len(numbers)
        return mean, math.fsum((x - mean) ** 2 for x in numbers) / len(numbers)
    except (OverflowError, ValueError):  # too large; inf beside -inf
        return math.nan, math.nan


def _not_random(drawn: list[list[Numbers]]) -> str:
    """What is wrong with weights that should be random; "" if nothing."""
    first, second, *_ = drawn
    if not any(flat(first)):
        return "The weights are still 0: write to the data of each, weight[i][j].data = ..."
    if first == second:
        return "Another rng gave the same numbers: draw all of them from the rng that is given."
    if all(row == first[0] for row in first):
        return "All rows are equal: units that start equal get equal gradients, and stay equal."
    return ""


def _wrong_spread(measured: dict[Any, Any], wanted: dict[Any, Any]) -> str:
    """The usual mistake that gives these variances."""
    ideas: dict[str, Callable[[Any], float]] = {
        "The variance was taken for the standard deviation: take its root.": (
            lambda at: wanted[at][1] ** 2
        ),
        "Fan in and fan out changed places: fan in is the length of a row.": (
            lambda at: wanted[at[::-1]][1]
        ),
        "The variance is half of what it should be: is a factor of 2 missing?": (
            lambda at: wanted[at][1] / 2.0
        ),
        "The variance is twice what it should be.": lambda at: wanted[at][1] * 2.0,
        "The variance should fall with the width: divide by the fan.": (
            lambda at: measured[SHAPES[0]][1]
        ),
    }
    for sentence, idea in ideas.items():
        if all(math.isclose(measured[at][1], idea(at), rel_tol=DEVIATION) for at in SHAPES):
            return sentence
    return "None of the usual mistakes gives this variance: work it out for one shape by hand."


# ---------------------------------------------------------------- layer-sequential unit variance

NEAR = 0.1  # how near to 1 a variance must come: the tolerance of the paper


def lsuv(start: Callable[..., Any], *, seed: int = 0) -> Grade:
    """Judge layer-sequential unit variance (Mishkin and Matas, All you need is a good init, 2016).

    start(model, batch, rng) is given a Sequential of Linear and ReLU modules, in turn, with biases
    0. It makes the weights of each Linear orthogonal, by `init.orthogonal_(weight, rng=rng)`, and
    layer after layer divides them by the standard deviation of what this layer puts out for the
    batch. All these variances must come within 0.1 of 1.
    """
    rng = random.Random(seed)
    widths = (6, 9, 9, 4)
    linears = [Linear(m, n) for m, n in pairwise(widths)]
    model = Sequential(*[module for linear in linears for module in (linear, ReLU())])
    for linear in linears:
        normal_(linear.weight, std=0.1, rng=rng)
        for b in linear.bias or ():
            b.data = 0.0
    batch = [[rng.gauss(0.5, 2.0) for _ in range(widths[0])] for _ in range(25)]
    before = _weights(linears)
    _, trouble = attempt(start, model, batch, random.Random(seed), form="(model, batch, rng)")
    if trouble:
        return Grade(False, trouble)
    if _weights(linears) == before:
        return Grade(False, "The weights are as they were: write to w.data, for w of each row.")
    variances = [row.variance for row in activation_statistics(model, batch)][::2]
    for k, variance in enumerate(variances):
        place = f"variance of the outputs of linear layer {k + 1}"
        if not abs(variance - 1.0) <= NEAR:
            sentence = _wrong_scale(model, linears, batch, k)
            return Grade(False, sentence, k + 1, place, 1.0, variance)
    for k, linear in enumerate(linears):
        cosine = _largest_cosine([[w.data for w in row] for row in linear.weight])
        if cosine > 1e-6:
            told = "The weights are not orthogonal: begin with init.orthogonal_(weight, rng=rng)."
            place = f"cosine between two rows, or columns, of linear layer {k + 1}"
            return Grade(False, told, k + 1, place, 0.0, cosine)
    return _right(len(variances), "layers, each of variance 1")


def _weights(linears: list[Linear]) -> Any:
    return [[[w.data for w in row] for row in linear.weight] for linear in linears]


def _wrong_scale(model: Sequential, linears: list[Linear], batch: Any, k: int) -> str:
    """The usual mistake that gives layer k its scale: all are told from the weights' length."""
    lengths = [_length(linear) for linear in linears]

    def variance(scales: list[float], module: int) -> float:
        """What the module puts out if the weights of each layer have these lengths."""
        rows: Any = batch
        with no_grad():
            for at, part in enumerate(list(model)[: module + 1]):
                rows = part(rows)
                if isinstance(part, Linear):
                    factor = scales[at // 2] / lengths[at // 2]
                    rows = [[v * factor for v in row] for row in rows]
        return _spread([v.data for row in rows for v in row])[1] or math.nan  # nothing to divide by

    here = [*lengths[:k], 1.0]
    ideas = {
        "The weights were divided by the variance: divide them by its root.": (
            1.0 / variance(here, 2 * k)
        ),
        "The variance was measured behind the ReLU: it is that of the linear layer's outputs.": (
            variance(here, 2 * k + 1) ** -0.5
        ),
        "The layer was measured before those below it were scaled: go through them in order.": (
            variance([1.0] * (k + 1), 2 * k) ** -0.5
        ),
        "The weights are orthogonal, and were not scaled: divide them by the measured spread.": 1.0,
    }
    for sentence, length in ideas.items():
        if math.isclose(lengths[k], length, rel_tol=1e-6):
            return sentence
    return "None of the usual mistakes gives this variance: print it layer by layer."


def _vectors(rows: list[Numbers]) -> list[Numbers]:
    """The rows or, if there are fewer, the columns."""
    return (
        rows if len(rows) <= len(rows[0]) else [list(column) for column in zip(*rows, strict=True)]
    )


def _length(linear: Linear) -> float:
    return math.hypot(*_vectors([[w.data for w in row] for row in linear.weight])[0]) or math.nan


def _largest_cosine(rows: list[Numbers]) -> float:
    vectors = [[x / (math.hypot(*row) or math.inf) for x in row] for row in _vectors(rows)]
    return max(
        abs(math.fsum(x * y for x, y in zip(one, other, strict=True)))
        for i, one in enumerate(vectors) for other in vectors[:i]
    )  # fmt: skip


# ---------------------------------------------------------------- a training loop

EPOCHS = 3
RIGHT = ("zero", "backward", "step")
# What the usual mistakes do for each batch: see `_trained`.
LOOP_MISTAKES: dict[str, dict[str, Any]] = {
    mistakes["did not zero"].sentence: {"actions": ("backward", "step")},
    "The gradients were cleared once per epoch: clear them before each backward().": {
        "actions": ("backward", "step"), "epoch": ("zero",),  # at its end, which is the same
    },
    "The step came before the backward pass, and used the gradients of the batch before.": {
        "actions": ("step", "zero", "backward"),
    },
    "backward() was called twice for a batch, so that its gradients count twice.": {
        "actions": ("zero", "backward", "backward", "step"),
    },
    "A batch made two steps: call optimizer.step() once.": {
        "actions": ("zero", "backward", "step", "step"),
    },
    "The data were gone through once only: repeat that for every epoch.": {"epochs": 1},
    "An epoch has several batches, and only the first was used.": {"batches": slice(0, 1)},
    "Only the last batch of each epoch made a step: make it inside the inner loop.": {
        "batches": slice(-1, None),
    },
    "The step was made once per epoch, with the gradients of all batches: make it for each.": {
        "actions": ("backward",), "epoch": ("step", "zero"),
    },
}  # fmt: skip


def training_loop(train: Callable[..., Any], *, losses: bool = False, seed: int = 0) -> Grade:
    """Judge a training loop (Understanding Deep Learning, 7.6).

    train(model, loss_fn, loader, optimizer, epochs): for each epoch it goes through the loader,
    whose batches are pairs of inputs and targets, and for each batch clears the gradients, computes
    loss_fn(model(inputs), targets), goes back from it and makes a step. If it returns a list with a
    number per epoch, those must be the sums of the batches' losses; with `losses` it has to.
    """
    case = partial(_case, seed)
    model, loader, optimiser = case()
    right, wanted = _trained(*case())
    start = [p.data for p in model.parameters()]
    returned, trouble = attempt(
        train, model, MSELoss(), loader, optimiser, EPOCHS,
        form="(model, loss_fn, loader, optimizer, epochs)", steps=STEPS, without=(fit,),
    )  # fmt: skip
    if trouble:
        return Grade(False, trouble)
    got = [p.data for p in model.parameters()]
    wrong = _first_unlike([got], [right])
    if wrong is not None:
        cleared = not any(p.grad for p in model.parameters())
        sentence = "None of the usual mistakes gives these parameters: do the first step by hand."
        if got == start and cleared:
            sentence = (
                "Nothing has moved, and all gradients are 0: call loss.backward() after "
                "zero_grad(), and optimizer.step() before the next zero_grad()."
            )
        elif got == start:
            sentence = "Nothing has moved: call optimizer.step() after backward()."
        else:
            for told, mistake in LOOP_MISTAKES.items():
                if _first_unlike([got], [_trained(*case(), **mistake)[0]]) is None:
                    sentence = told
                    break
        place = f"{model.parameters()[wrong[1]].label} after {EPOCHS} epochs"
        known = mistakes["did not zero"]
        return Grade(
            False, sentence, EPOCHS, place, right[wrong[1]], got[wrong[1]],
            known if sentence == known.sentence else None,
        )  # fmt: skip
    rows = nested(returned)
    listed = rows if isinstance(rows, list) else []
    numbers = [x.data if isinstance(x, Value) else x for x in listed]
    real = len(numbers) == EPOCHS and all(isinstance(x, Real) for x in numbers)
    unlike = _first_unlike([numbers], [wanted]) if real else None
    if unlike is not None:
        told = "The parameters are right, the losses are not: add up those of the batches."
        k = unlike[1]
        return Grade(False, told, EPOCHS, f"loss of epoch {k + 1}", wanted[k], numbers[k])
    if losses and not real:
        told = (
            f"The parameters are right. Now return a list with one number per epoch, here "
            f"{EPOCHS}: it returned {_kind(returned)}."
        )
        return Grade(False, told, EPOCHS)
    return _right(EPOCHS, "epochs, and all parameters are where they should be")


def _case(seed: int) -> tuple[Any, DataLoader, SGD]:
    rng = random.Random(seed)
    model = MLP(2, [3, 1], activation="tanh", rng=rng)
    inputs = [[rng.gauss(0.0, 1.0) for _ in range(2)] for _ in range(6)]
    targets = [rng.gauss(0.0, 1.0) for _ in inputs]
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=2)
    return model, loader, SGD(model.parameters(), lr=0.1, momentum=0.5)


def _trained(
    model: Any, loader: DataLoader, optimiser: SGD, *, actions: Iterable[str] = RIGHT,
    epoch: Iterable[str] = (), epochs: int = EPOCHS, batches: slice = slice(None),
) -> tuple[Numbers, Numbers]:  # fmt: skip
    """The parameters and the losses of a loop that does `actions` for each batch.

    `epoch` is what it does at the end of each epoch; `batches` are those it uses.
    """
    losses = []

    def do(what: Iterable[str], loss: Any) -> None:
        for action in what:
            if action == "zero":
                optimiser.zero_grad()
            elif action == "step":
                optimiser.step()
            else:
                loss.backward()

    for _ in range(epochs):
        loss, total = None, 0.0
        for inputs, targets in list(loader)[batches]:
            loss = MSELoss()(model(inputs), targets)
            do(actions, loss)
            total += loss.data
        do(epoch, loss)
        losses.append(total)
    return [p.data for p in model.parameters()], losses
