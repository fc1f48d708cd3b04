"""The judges: what is right passes, each usual mistake gets its sentence, trouble gets words."""

import itertools
import math
import random

import pytest

from autograd_core import Value, mistakes
from nn import fit, init, judges
from nn.optim import EWA, SGD, Adam, Optimizer, RMSprop, adam, sgd

np = pytest.importorskip("numpy")


# ---------------------------------------------------------------- the toy chain


def chain(b0, w0, b1, w1, b2, w2, b3, w3, x, y, wrong=""):
    f0 = b0 + w0 * x
    h1 = math.sin(f0)
    f1 = b1 + w1 * h1
    h2 = math.exp(f1)
    f2 = b2 + w2 * h2
    h3 = math.cos(f2)
    f3 = b3 + w3 * h3
    d = {"f3": 2.0 * (f3 - y)}
    d["h3"] = w3 * d["f3"]
    d["f2"] = (1.0 if wrong == "sign" else -1.0) * math.sin(f2) * d["h3"]
    d["h2"] = (h2 if wrong == "operand" else w2) * d["f2"]
    d["f1"] = h2 * (1.0 if wrong == "upstream" else d["h2"])
    d["h1"] = w1 * d["f1"] * (0.5 if wrong == "unknown" else 1.0)
    d["f0"] = math.cos(f0) * d["h1"]
    for k, h in enumerate((x, h1, h2, h3)):
        d[f"b{k}"] = d[f"f{k}"]
        d[f"w{k}"] = h * d[f"f{k}"]
    return d


def wrong_chain(wrong):
    def derivatives(b0, w0, b1, w1, b2, w2, b3, w3, x, y):
        return chain(b0, w0, b1, w1, b2, w2, b3, w3, x, y, wrong)

    return derivatives


def test_the_toy_chain():
    report = judges.toy_chain(chain)
    assert report and report.tried == 20 and "20 points" in str(report)


@pytest.mark.parametrize(
    "wrong, name, at",
    [
        ("sign", "sign", "f2"), ("operand", "wrong operand", "h2"),
        ("upstream", "forgot upstream", "f1"), ("unknown", None, "h1"),
    ],
)  # fmt: skip
def test_the_toy_chain_with_a_mistake(wrong, name, at):
    report = judges.toy_chain(wrong_chain(wrong))
    assert not report and (report.mistake and report.mistake.name) == name
    assert f"gradient of {at}," in report.place and report.wrong.label == at
    assert "    f0 = b0 + w0 * x; h1 = sin(f0); " in str(report) and ", b0 = " in str(report)
    assert "; l = (f3 - y) ** 2" in str(report)


def test_the_toy_chain_in_trouble():
    report = judges.toy_chain(lambda **numbers: None)
    assert str(report).startswith("Not yet. It returned nothing") and report.tried == 1
    report = judges.toy_chain(lambda **numbers: {"f3": 1.0})
    assert str(report).startswith("Not yet. The number for dl/dh3 is missing")
    assert "Begin it with def f(b0, w0, b1," in str(judges.toy_chain(lambda b0: None))
    with pytest.raises(TypeError, match="by its name alone"):
        judges.toy_chain({"f3": 1.0})


# ---------------------------------------------------------------- matrices


def matrices(omegas, f, h, y, wrong=""):
    df = (1 if wrong == "two" else 2) * (f[-1] - y)
    dbetas, domegas = [], []
    for k in reversed(range(len(omegas))):
        dbetas.insert(0, df)
        domegas.insert(0, np.outer(h[k], df) if wrong == "outer" else np.outer(df, h[k]))
        if k > 0:
            back = (omegas[k] if wrong == "transpose" else omegas[k].T) @ df
            df = back if wrong == "indicator" else (f[k - 1] > 0) * back
    return dbetas, domegas


def test_the_matrix_pass():
    report = judges.matrix_pass(matrices)
    assert report and report.tried == 30
    as_lists = judges.matrix_pass(lambda *a: [[x.tolist() for x in part] for part in matrices(*a)])
    assert as_lists


def backward(wrong):
    def backward_pass(omegas, f, h, y):
        return matrices(omegas, f, h, y, wrong)

    return backward_pass


def test_a_number_larger_than_every_float_is_a_wrong_answer():
    large = 10**400

    def trained(model, loss_fn, loader, optimizer, epochs):
        right = loop(["zero", "back", "step"])(model, loss_fn, loader, optimizer, epochs)
        return [right[0], large, right[2]]

    chain = judges.toy_chain(lambda **numbers: dict.fromkeys(judges.DERIVATIVES, large))
    assert "gradient of f3" in chain.place and "got inf" in str(chain)
    report = judges.training_loop(trained)
    assert report.place == "loss of epoch 2" and "got inf, expected" in str(report)
    assert "got inf" in str(judges.matrix_pass(lambda *given: ([[large]], [[[large]]])))
    assert "got inf" in str(judges.deltas(lambda *given: [[large]]))


def test_the_matrix_pass_with_a_mistake():
    report = judges.matrix_pass(backward("indicator"))
    assert report.mistake is mistakes["forgot local"] and "input of a relu" in report.place
    report = judges.matrix_pass(backward("outer"))
    assert "dl/domega0 has shape" in str(report) and "the wrong way round" in str(report)
    assert "backward_pass raised ValueError: matmul" in str(
        judges.matrix_pass(backward("transpose"))
    )
    assert "gradient of f" in judges.matrix_pass(backward("two")).place


@pytest.mark.parametrize(
    "result, words",
    [
        (None, "It returned nothing. It must return two lists"),
        ([[1.0]], "a thing of type list"),
        (([], []), "for 1 layer"),
        (([["a"]], [[[1.0]]]), "plain numbers"),
        (([[1.0]], [[[1.0] * 9]]), "dl/domega0 has shape (1, 9), and must have (1, 1)."),
        (([[1.0, 2.0]], [[[1.0]]]), "dl/dbeta0 has shape (2,), and must have (1,)."),
        (([1.0], [[[1.0]]]), "dl/dbeta0 has shape (), and must have (1,)."),
    ],
)
def test_matrices_of_another_form(result, words):
    report = judges.matrix_pass(lambda omegas, f, h, y: result)
    assert words in str(report) and not report and report.tried == 1


def recursion(weights, x, y, wrong=""):
    slope = 1.0 if wrong == "base" else 1 - x[-1] ** 2
    found = [2 * (x[-1] - y) * slope]
    for w, out in zip(weights[:0:-1], x[-2:0:-1], strict=True):
        slope = 1.0 if wrong == "slope" else 1 - out**2
        found.insert(0, slope * (w[1:] @ found[0]))
    return found


def test_the_delta_recursion():
    assert judges.deltas(recursion)
    for wrong in ("base", "slope"):
        report = judges.deltas(lambda weights, x, y, wrong=wrong: recursion(weights, x, y, wrong))
        assert report.mistake is mistakes["forgot local"] and "gradient of s" in report.place
        assert "tanh" in report.expression
    report = judges.deltas(lambda weights, x, y: None)
    assert str(report).startswith("Not yet. It returned nothing for 1 layer") and report.tried == 1
    assert "Begin it with def f(weights, x, y):" in str(judges.deltas(lambda w: None))


def test_what_a_judge_gives_are_small_networks_at_numbers_of_both_signs():
    chains, layers, entries, targets, signs = [], [], [], [], []

    def derivatives(**numbers):
        chains.extend(numbers.values())
        return chain(**numbers)

    def back(omegas, f, h, y):
        layers.append(len(omegas))
        targets.extend(y)
        entries.extend(x for omega in omegas for x in omega.flat)
        for k in range(1, len(h)):
            assert (h[k] == np.maximum(f[k - 1], 0.0)).all() and f[k].shape == omegas[k].shape[:1]
        return matrices(omegas, f, h, y)

    def signals(weights, x, y):
        signs.append(y)
        for w, one, out in zip(weights, x[:-1], x[1:], strict=True):
            np.testing.assert_allclose(out, np.tanh(w.T @ [1.0, *one]), atol=1e-12)
        return recursion(weights, x, y)

    assert judges.toy_chain(derivatives) and judges.matrix_pass(back) and judges.deltas(signals)
    assert -1.5 <= min(chains) < 0.0 < max(chains) <= 1.5 and all(x == round(x, 1) for x in chains)
    for each in (targets, signs):
        assert -1.0 <= min(each) < 0.0 < max(each) <= 1.0
    assert len(chains) == 20 * 10 and len(layers) == len(signs) == 30
    assert {*layers} == {1, 2, 3, 4} and layers[0] == 1
    assert -1.5 <= min(entries) < 0.0 < max(entries) <= 1.5 and min(map(abs, entries)) < 0.5
    assert all(x == round(x, 1) for x in entries)


def test_networks_come_the_smallest_first():
    widths = judges._widths(random.Random(0), 60, outputs=2)
    assert {w for each in widths for w in each[:-1]} == {1, 2, 3}
    assert {each[-1] for each in widths} == {1, 2} and {len(each) for each in widths} == {
        2,
        3,
        4,
        5,
    }
    sizes = [sum(m * n for m, n in itertools.pairwise(each)) for each in widths]
    assert sizes == sorted(sizes) and len(sizes) == 60


# ---------------------------------------------------------------- optimisers


def mine(rule, **changes):
    """An optimiser written out, with a mistake in it."""

    class Mine:
        def __init__(self, params, lr, **settings):
            self.params, self.lr, self.t = params, lr, 0
            self.state = {}
            self.reference = (Adam if rule is adam else SGD)([Value(0.0)], lr=lr, **settings)

        def step(self):
            self.t += 1
            for i, p in enumerate(self.params):
                key = 0 if "shared" in changes else i
                state = self.state.get(key, self.reference.initial_state)
                if "forgets" in changes:
                    state = self.reference.initial_state
                step = changes.get("count", lambda t, i: t)(self.t, i)
                new, self.state[key] = self.reference.update(p.data, p.grad, state, step)
                move = (new - p.data) * changes.get("scale", 1.0)
                if "still" not in changes:
                    p.data += move

    return Mine


def test_every_optimiser_is_like_itself():
    for like, settings in (
        (SGD, {"lr": 0.1}), (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (EWA, {"lr": 0.1}), (RMSprop, {"lr": 0.1}), (Adam, {"lr": 0.1}),
    ):  # fmt: skip
        report = judges.optimizer(like, like, **settings)
        assert report and "12 steps of 3 parameters" in str(report)


def test_an_optimiser_written_by_hand():
    class Momentum:
        def __init__(self, params, lr, momentum):
            self.params, self.lr, self.momentum = params, lr, momentum
            self.v = [None] * len(params)

        def step(self):
            for i, p in enumerate(self.params):
                first = self.v[i] is None
                self.v[i] = p.grad if first else self.momentum * self.v[i] + p.grad
                p.data -= self.lr * self.v[i]

    assert judges.optimizer(Momentum, SGD, lr=0.1, momentum=0.9)
    report = judges.optimizer(Momentum, EWA, lr=0.1)
    assert "raised TypeError" in str(report) and "momentum" in str(report)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({}, "Right: "),
        ({"scale": -1.0}, "It goes uphill"),
        ({"scale": 1.0 / 0.05}, "The learning rate is left out"),
        ({"scale": 1.1}, "None of the usual mistakes"),
        ({"still": True}, "No parameter was moved"),
        ({"shared": True}, "All parameters share one running average"),
        ({"forgets": True}, "Nothing is kept from one step to the next"),
        ({"count": lambda t, i: 10**9}, "is not corrected: divide by 1 - beta**step"),
        ({"count": lambda t, i: 1}, "The number of the step stands still"),
        ({"count": lambda t, i: 3 * (t - 1) + i + 1}, "counts parameters"),
        ({"count": lambda t, i: t + 1}, "begins at 0 or at 2"),
    ],
)
def test_an_adam_with_a_mistake(changes, words):
    report = judges.optimizer(mine(adam, **changes), Adam, lr=0.05)
    assert words in str(report)
    assert report.passed or re_place(report)


def re_place(report):
    return report.place.startswith("parameter ") and " after step " in report.place


def test_an_sgd_with_a_mistake():
    for changes, words in (
        ({"forgets": True, "count": lambda t, i: 1}, "Nothing is kept"),
        ({"shared": True}, "share one"),
        ({"scale": -1.0}, "uphill"),
    ):
        report = judges.optimizer(mine(sgd, **changes), SGD, lr=0.1, momentum=0.9)
        assert words in str(report)
    assert report.tried == 1 and report.got != report.expected


def test_an_optimiser_that_moves_late_has_moved():
    class Late(SGD):
        def step(self):
            self.steps = getattr(self, "steps", 0) + 1
            if self.steps == judges.UPDATES:
                super().step()

    assert "None of the usual mistakes" in judges.optimizer(Late, SGD, lr=0.1).sentence


def test_an_optimiser_in_trouble():
    class Raises(SGD):
        def step(self):
            raise ValueError("it moved")

    report = judges.optimizer(Raises, SGD, lr=0.1)
    assert not report and "Raises(params, lr=0.1).step() raised ValueError: it moved" in str(report)
    assert ".step() raised AttributeError: 'NoneType' object has no attribute 'step'" in str(
        judges.optimizer(lambda params, lr: None, SGD, lr=0.1)
    )
    assert ".step() raised NotImplementedError" in str(judges.optimizer(Optimizer, SGD, lr=0.1))
    with pytest.raises(ValueError, match="lr"):
        judges.optimizer(SGD, SGD, lr=-1.0)
    with pytest.raises(TypeError, match=r"judges.optimizer\(Mine, SGD, lr=0.1\), got SGD"):
        judges.optimizer(SGD([Value(0.0)], lr=0.1), SGD, lr=0.1)


# ---------------------------------------------------------------- initialisers


def fills(std):
    """An initialiser: normal numbers with std(fan in, fan out)."""

    def fill(weight, rng):
        for row in weight:
            for w in row:
                w.data = rng.gauss(0.0, std(len(row), len(weight)))

    return fill


def test_every_initialiser_is_like_itself():
    for like in (init.kaiming_normal_, init.kaiming_uniform_, init.xavier_normal_,
                 init.orthogonal_, init.zeros_):  # fmt: skip
        fill = like if like is not init.zeros_ else lambda weight, rng: init.zeros_(weight)
        kind = like if like is not init.zeros_ else fill
        for seed in range(2):
            assert judges.initializer(fill, kind, seed=seed), like
    aside = {"mean": 1.0, "std": 0.5}
    report = judges.initializer(
        lambda w, rng: init.normal_(w, **aside, rng=rng), init.normal_, **aside
    )
    assert report, report


@pytest.mark.parametrize(
    "fill, words",
    [
        (fills(lambda n, m: math.sqrt(2.0 / n)), "Right: 3 shapes"),
        (fills(lambda n, m: 2.0 / n), "take its root"),
        (fills(lambda n, m: math.sqrt(2.0 / m)), "changed places"),
        (fills(lambda n, m: math.sqrt(1.0 / n)), "factor of 2 missing"),
        (fills(lambda n, m: math.sqrt(4.0 / n)), "twice what it should be"),
        (fills(lambda n, m: 0.3), "should fall with the width"),
        (fills(lambda n, m: math.sqrt(3.1 / n)), "None of the usual mistakes"),
        (lambda weight, rng: None, "still 0"),
        (lambda weight, rng: init.constant_(weight, 0.1), "Another rng gave the same"),
        (lambda weight, rng: init.kaiming_normal_(weight, rng=0), "Another rng gave the same"),
        (lambda weight, rng: init.kaiming_normal_(weight), "Another rng gave the same"),
        (lambda weight, rng: init.constant_(weight, rng.gauss(0.0, 0.3)), "All rows are equal"),
        (lambda weight, rng: init.normal_(weight, 0.4, 0.2, rng=rng), "the right mean"),
        (lambda weight: None, "Begin it with def f(weight, rng):"),
        (fills(lambda n, m: 1e200), "None of the usual mistakes"),
        (fills(lambda n, m: math.inf), "None of the usual mistakes"),
    ],
)
def test_an_initialiser_with_a_mistake(fill, words):
    before = random.getstate()
    for seed in range(2):
        report = judges.initializer(fill, init.kaiming_normal_, nonlinearity="relu", seed=seed)
        assert words in str(report) and report.passed == words.startswith("Right")
        assert report.tried <= (3 if report else 1)
    assert random.getstate() == before


# ---------------------------------------------------------------- LSUV


def variance(rows):
    numbers = [v.data for row in rows for v in row]
    mean = sum(numbers) / len(numbers)
    return sum((x - mean) ** 2 for x in numbers) / len(numbers)


def scale(layer, factor):
    for row in layer.weight:
        for w in row:
            w.data *= factor


def lsuv(model, rows, rng, mistake="", since=0):
    """LSUV by hand; the mistake is made from linear layer `since` on."""
    layers = list(model)
    if mistake == "first":
        for layer in layers[::2]:
            init.orthogonal_(layer.weight, rng=rng)
        spreads = []
        for layer in layers:
            rows = layer(rows)
            spreads.append(variance(rows))
        for layer, spread in list(zip(layers, spreads, strict=True))[::2]:
            scale(layer, spread**-0.5)
        return
    for k, (linear, relu) in enumerate(zip(layers[::2], layers[1::2], strict=True)):
        wrong = mistake if k >= since else ""
        if wrong != "orthogonal":
            init.orthogonal_(linear.weight, rng=rng)
        measured = variance(relu(linear(rows)) if wrong == "relu" else linear(rows))
        if wrong != "unscaled":
            scale(linear, 1.0 / measured if wrong == "variance" else measured**-0.5)
        if wrong == "half":
            scale(linear, 0.5)
        rows = relu(linear(rows))


def test_lsuv_done_right():
    for seed in range(3):
        report = judges.lsuv(lsuv, seed=seed)
        assert report and report.tried == 3 and "Right: 3 layers" in str(report)


@pytest.mark.parametrize("since", range(3))
@pytest.mark.parametrize(
    "mistake, words",
    [
        ("variance", "divided by the variance"),
        ("relu", "measured behind the ReLU"),
        ("unscaled", "were not scaled"),
        ("orthogonal", "not orthogonal"),
        ("half", "None of the usual mistakes"),
    ],
)
def test_lsuv_with_a_mistake_in_one_layer_and_all_behind_it(mistake, words, since):
    report = judges.lsuv(lambda *case: lsuv(*case, mistake, since))
    assert words in report.sentence and report.tried == since + 1
    assert report.place.endswith(f"of linear layer {since + 1}")
    assert report.expected == (0.0 if mistake == "orthogonal" else 1.0)
    if mistake == "half":
        assert report.got == pytest.approx(0.25, rel=1e-9)


def test_lsuv_measured_before_the_layers_below_were_scaled():
    for seed in range(3):
        report = judges.lsuv(lambda *case: lsuv(*case, "first"), seed=seed)
        assert "before those below it were scaled" in report.sentence and report.tried == 2


def test_lsuv_tells_the_largest_cosine():
    def skewed(model, batch, rng):
        for layer in list(model)[::2]:
            init.orthogonal_(layer.weight, rng=rng)
        for a, b in zip(*model[2].weight[:2], strict=True):
            b.data += a.data
        lsuv(model, batch, rng, "orthogonal")

    assert judges.lsuv(skewed).got == pytest.approx(0.5**0.5, rel=1e-9)


@pytest.mark.parametrize("size", [0.0, 5e-324, 1e-200, 1e200, math.inf, math.nan])
def test_lsuv_of_weights_that_are_far_too_small_or_large(size):
    def of_this_size(model, batch, rng):
        for layer in list(model)[::2]:
            init.constant_(layer.weight, size)
            layer.weight[0][0].data = -size

    report = judges.lsuv(of_this_size)
    assert "None of the usual mistakes" in report.sentence and report.tried == 1


def test_lsuv_of_a_layer_with_a_row_of_zeros():
    def half_dead(model, batch, rng):
        for layer in list(model)[::2]:
            init.orthogonal_(layer.weight, rng=rng)
        init.zeros_(model[2].weight[4:])
        lsuv(model, batch, rng, "orthogonal")

    assert judges.lsuv(half_dead)


def test_the_same_seed_gives_lsuv_the_same_case():
    seen = []

    def looks(model, batch, rng):
        seen.append((str(model.state_dict()), str(batch), rng.random()))

    for seed in (0, 0, 1):
        judges.lsuv(looks, seed=seed)
    assert seen[0] == seen[1] != seen[2]


def test_lsuv_in_trouble():
    assert str(judges.lsuv(lambda model, batch, rng: None)).startswith(
        "Not yet. The weights are as"
    )
    assert "Not yet. f could not be called with (model, batch, rng)" in str(
        judges.lsuv(lambda model: None)
    )


# ---------------------------------------------------------------- training loops


def loop(order, epoch=(), end=(), twice=False, batches=None, rounds=None):
    """A training loop with its lines in this order."""

    def train(model, loss_fn, loader, optimizer, epochs):
        losses = []
        for _ in range(rounds or epochs):
            total = 0.0
            if "zero" in epoch:
                optimizer.zero_grad()
            for inputs, targets in list(loader)[batches or slice(None)]:
                loss = loss_fn(model(inputs), targets)
                for line in order:
                    if line == "zero":
                        optimizer.zero_grad()
                    elif line == "back":
                        loss.backward()
                    else:
                        optimizer.step()
                total += loss.item()
            for line in end:
                optimizer.step() if line == "step" else optimizer.zero_grad()
            losses.append(total)
        return losses

    return train


@pytest.mark.parametrize(
    "train, words",
    [
        (loop(["zero", "back", "step"]), "Right: 3 epochs"),
        (loop(["back", "step", "zero"]), "Right: 3 epochs"),
        (loop(["back", "step"]), mistakes["did not zero"].sentence),
        (loop(["back", "step"], epoch=["zero"]), "cleared once per epoch"),
        (loop(["step", "zero", "back"]), "The step came before the backward pass"),
        (loop(["zero", "back", "back", "step"]), "backward() was called twice"),
        (loop(["zero", "back", "step", "step"]), "A batch made two steps"),
        (loop(["zero", "back", "step"], rounds=1), "gone through once only"),
        (loop(["zero", "back", "step"], batches=slice(0, 1)), "only the first was used"),
        (loop(["zero", "back", "step"], batches=slice(-1, None)), "Only the last batch"),
        (loop(["zero", "back"], end=["step"]), "Only the last batch"),
        (loop(["back"], end=["step", "zero"]), "with the gradients of all batches"),
        (loop(["zero", "back"]), "call optimizer.step()"),
        (loop(["back", "zero", "step"]), "all gradients are 0"),
        (loop(["zero", "step"]), "all gradients are 0"),
        (loop(["zero", "back", "step"], rounds=4), "None of the usual mistakes"),
        (lambda *case: [0.0 for _ in loop(["zero", "back", "step"])(*case)], "the losses are not"),
        (lambda *case: loop(["zero", "back", "step"])(*case) and ["a"] * 3, "Right: 3 epochs"),
        (lambda model: None, "optimizer, epochs):"),
    ],
)  # fmt: skip
def test_a_training_loop(train, words):
    for seed in range(2):
        report = judges.training_loop(train, seed=seed)
        assert words in str(report) and report.passed == words.startswith("Right")
        assert (report.mistake is not None) == (words == mistakes["did not zero"].sentence)


def test_forgetting_to_zero_is_the_mistake_of_the_table():
    report = judges.training_loop(loop(["back", "step"]))
    assert report.mistake is mistakes["did not zero"] and " after 3 epochs" in report.place


def test_a_loop_without_an_end_is_stopped():
    def train(model, loss_fn, loader, optimizer, epochs):
        while epochs > 0:
            for _ in loader:
                pass

    report = judges.training_loop(train)
    assert "train was stopped after 200,000 steps: it seems to run for ever" in str(report)


def test_a_sum_taken_for_an_average_is_told_from_a_missing_rate():
    """Where lr = 1 - beta the two are the same: lessons use other settings."""

    class Summed:
        def __init__(self, params, lr, beta):
            self.params, self.lr, self.beta = list(params), lr, beta
            self.v = [0.0] * len(self.params)

        def step(self):
            for i, p in enumerate(self.params):
                self.v[i] = self.beta * self.v[i] + p.grad
                p.data -= self.lr * self.v[i]

    report = judges.optimizer(Summed, EWA, lr=0.03, beta=0.8)
    assert not report and "the average is a sum: it counts 1 - beta" in report.sentence


def test_a_loop_that_returns_nothing_or_values_or_lets_fit_do_the_work():
    def silent(model, loss_fn, loader, optimizer, epochs):
        for _ in range(epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()

    def with_values(*case):
        return [Value(total) for total in loop(["zero", "back", "step"])(*case)]

    def lazy(model, loss_fn, loader, optimizer, epochs):
        return fit(model, loss_fn, loader, optimizer, epochs=epochs)

    assert judges.training_loop(silent)
    assert judges.training_loop(with_values, losses=True)
    report = judges.training_loop(silent, losses=True)
    assert not report and "Now return a list with one number per epoch, here 3" in report.sentence
    assert "calls fit()" in judges.training_loop(lazy).sentence
