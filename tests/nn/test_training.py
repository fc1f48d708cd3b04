"""fit: a replay gives what stepping through Values gives, and epochs stay whole."""

import math
import os
import random
import re
import signal
from decimal import Decimal
from fractions import Fraction
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import nn
from autograd_core import CompiledGraph, TraceError, Value, drawn, where
from autograd_core.program.executors import EXECUTORS, is_there
from nn.data import DataLoader, TensorDataset
from nn.optim import EWA, SGD, Adam, AdamW, Optimizer, RMSprop, lr_scheduler


@pytest.fixture(autouse=True, params=[*filter(is_there, EXECUTORS)])
def executor(request, monkeypatch):
    """Every test of this file, step by step in NumPy and in the loop in C."""
    monkeypatch.setenv("AUTOGRAD_CORE_BACKEND", request.param)
    return request.param


def points(n=13, width=2, seed=0):
    rng = random.Random(seed)
    return [[rng.gauss(0.0, 1.0) for _ in range(width)] for _ in range(n)]


XS = points()
TARGETS = [math.sin(a) + b for a, b in XS]
SIGNS = [1 if a > b else -1 for a, b in XS]
BITS = [(s + 1) // 2 for s in SIGNS]
CLASSES = [i % 3 for i in range(13)]


def run(
    eager, make=lambda p: SGD(p, lr=0.05), loss=None, ys=None, nout=1, schedule=None, epochs=4,
    **keywords,
):  # fmt: skip
    """Losses, weights, state and steps, and the learning rate after a training."""
    model = nn.MLP(2, [4, nout], rng=3, activation="tanh")
    optimizer = make(model.parameters())
    scheduler = schedule(optimizer) if schedule else None
    keywords = {"batch_size": 5, "shuffle": True, "rng": 7, **keywords}
    losses = nn.fit(
        model, loss or nn.MSELoss(), (XS, ys or TARGETS), optimizer, epochs=epochs,
        scheduler=scheduler, eager=eager, **keywords,
    )  # fmt: skip
    state = [optimizer.state[i] for i in range(len(optimizer.params))]
    return losses, [p.data for p in model.parameters()], state, optimizer.steps, optimizer.lr


def alike(results, expected):
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


OPTIMISERS = {
    "sgd": lambda p: SGD(p, lr=0.1),
    "momentum": lambda p: SGD(p, lr=0.05, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda p: SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "ewa": lambda p: EWA(p, lr=0.1, bias_correction=True),
    "ewa from the gradient": lambda p: EWA(p, lr=0.1, start="gradient"),
    "rmsprop": lambda p: RMSprop(p, lr=0.01, weight_decay=0.01),
    "rmsprop centered": lambda p: RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adam": lambda p: Adam(p, lr=0.02, weight_decay=0.01),
    "adamw": lambda p: AdamW(p, lr=0.02, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_gives_the_same_on_both_paths(name):
    alike(run(False, OPTIMISERS[name]), run(True, OPTIMISERS[name]))


@pytest.fixture
def stopped(monkeypatch):
    """No time goes by: twice as many steps are made at a time, and then twice as many."""
    monkeypatch.setattr("nn.training.monotonic", lambda: 0.0)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_many_steps_at_a_time_give_the_same(name, stopped):
    alike(*[run(eager, OPTIMISERS[name], batch_size=1) for eager in (False, True)])


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: lr_scheduler.StepLR(o, step_size=2, gamma=0.5),
        lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9),
    ],
)
def test_every_scheduler_gives_the_same_on_both_paths(schedule):
    replayed, stepped = (run(e, OPTIMISERS["adam"], schedule=schedule) for e in (False, True))
    alike(replayed, stepped)
    assert replayed[4] == stepped[4] < 0.02


def penalised(p, y):
    return (p - y) ** 2 + 0.01 * p * p


LOSSES = {
    "mse": (nn.MSELoss, TARGETS, 1),
    "hinge": (nn.HingeLoss, SIGNS, 1),
    "bce": (nn.BCEWithLogitsLoss, BITS, 1),
    "cross entropy": (nn.CrossEntropyLoss, CLASSES, 3),
    "custom": (lambda reduction: penalised, TARGETS, 1),
}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_gives_the_same_on_both_paths(name, reduction):
    make, ys, nout = LOSSES[name]
    replayed, stepped = (run(e, loss=make(reduction), ys=ys, nout=nout) for e in (False, True))
    alike(replayed, stepped)
    assert replayed[0][-1] < replayed[0][0]


def test_a_loss_with_a_penalty_on_the_weights():
    def go(eager):
        model = nn.MLP(2, [3, 1], rng=0)
        mse = nn.MSELoss()

        def loss(p, y):
            return mse(p, y) + 0.1 * sum(w * w for w in model.parameters())

        optimizer = SGD(model.parameters(), lr=0.05)
        return nn.fit(model, loss, (XS, TARGETS), optimizer, epochs=3, batch_size=4, eager=eager), [
            p.data for p in model.parameters()
        ]

    alike(go(False), go(True))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_loss_that_is_the_same_for_every_example(reduction):
    def size(p, y):
        return p * p

    size.reduction = reduction

    def go(eager):
        w = Value(0.5)
        model, optimizer = lambda x: w + 1.0, SGD([w])
        data = XS, TARGETS
        return nn.fit(model, size, data, optimizer, epochs=3, batch_size=4, eager=eager), [w.data]

    alike(go(False), go(True))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", ["mse", "bce", "cross entropy"])
def test_the_losses_are_pytorchs(name, reduction):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)
    ).double()
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))
    model.load_state_dict(theirs.state_dict())
    ys, ours, loss = {
        "mse": (points(13, 3, 1), nn.MSELoss, torch.nn.MSELoss),
        "bce": ([[b, 1 - b, b] for b in BITS], nn.BCEWithLogitsLoss, torch.nn.BCEWithLogitsLoss),
        "cross entropy": (CLASSES, nn.CrossEntropyLoss, torch.nn.CrossEntropyLoss),
    }[name]
    losses = nn.fit(
        model, ours(reduction), (XS, ys), Adam(model.parameters(), lr=0.01), epochs=5, batch_size=4
    )
    x = torch.tensor(XS, dtype=torch.float64)
    y = torch.tensor(ys) if name == "cross entropy" else torch.tensor(ys, dtype=torch.float64)
    optimizer, loss = torch.optim.Adam(theirs.parameters(), lr=0.01), loss(reduction=reduction)
    expected = []
    for _ in range(5):
        total = 0.0
        for start in range(0, 13, 4):
            optimizer.zero_grad()
            value = loss(theirs(x[start : start + 4]), y[start : start + 4])
            value.backward()
            optimizer.step()
            total += value.item()
        expected.append(total)
    alike([losses], [expected])
    alike(
        [nn.module.flat(list(model.state_dict().values()))],
        [[float(p) for p in nn.module.flat([t.tolist() for t in theirs.state_dict().values()])]],
    )


# ---------------------------------------------------------------------------- whole epochs


class Stop(Exception):
    pass


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
def test_an_error_in_a_watch_leaves_the_last_whole_epoch(eager, error):
    def stop(epoch, loss):
        if epoch == 1:
            raise error

    expected = run(eager, OPTIMISERS["adam"], epochs=2)
    seen = {}

    def make(params):
        seen["optimizer"] = Adam(params, lr=0.02, weight_decay=0.01)
        return seen["optimizer"]

    with pytest.raises(error):
        run(eager, make, epochs=9, watch=stop)
    optimizer = seen["optimizer"]
    state = [optimizer.state[i] for i in range(len(optimizer.params))]
    alike([[p.data for p in optimizer.params], state], expected[1:3])
    assert optimizer.steps == expected[3] == 6


class Interrupted(SGD):
    """Raises in the middle of the third epoch."""

    def update(self, data, grad, state, step):
        if step == 8:
            raise self.error
        return super().update(data, grad, state, step)


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
def test_an_error_inside_an_epoch_leaves_the_last_whole_one(eager, error):
    halve = lambda o: lr_scheduler.ExponentialLR(o, gamma=0.5)  # noqa: E731
    expected = run(eager, lambda p: SGD(p, lr=0.1, momentum=0.9), schedule=halve, epochs=2)
    seen = {}

    def make(params):
        seen["optimizer"] = optimizer = Interrupted(params, lr=0.1, momentum=0.9)
        optimizer.error = error
        return optimizer

    with pytest.raises(error):
        run(eager, make, schedule=halve, epochs=9)
    optimizer = seen["optimizer"]
    state = [optimizer.state[i] for i in range(len(optimizer.params))]
    assert [p.data for p in optimizer.params] == expected[1] and state == expected[2]
    assert (optimizer.steps, optimizer.lr) == expected[3:] == (6, 0.025)


class InterruptedTwice(Interrupted):
    """The second time while the last whole epoch is written back."""

    error = KeyboardInterrupt
    times = 0

    def update(self, data, grad, state, step):
        self.times = 2 if step == 8 else 0
        return super().update(data, grad, state, step)

    def restore(self, *state):
        if self.times == 2:
            self.times = 0
            raise KeyboardInterrupt
        super().restore(*state)


@pytest.mark.parametrize("eager", [False, True])
def test_a_second_ctrl_c_leaves_the_last_whole_epoch_too(eager):
    optimizers = []

    def make(params):
        optimizers.append(InterruptedTwice(params, lr=0.1))
        return optimizers[-1]

    with pytest.raises(KeyboardInterrupt):
        run(eager, make, epochs=9)
    expected = run(eager, lambda p: SGD(p, lr=0.1), epochs=2)
    assert [p.data for p in optimizers[0].params] == expected[1] and optimizers[0].steps == 6


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_by_a_signal_leaves_whole_epochs():
    def start():
        model = nn.MLP(2, [4, 1], rng=3, activation="tanh")
        return model, SGD(model.parameters(), lr=0.05, momentum=0.9)

    def go(model, optimizer, epochs):
        nn.fit(
            model, nn.MSELoss(), (XS, TARGETS), optimizer, epochs=epochs, batch_size=2,
            watch=lambda epoch, loss: None,
        )  # fmt: skip

    go(*start(), 1)  # what is compiled is compiled before the clock runs
    model, optimizer = start()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            go(model, optimizer, 10**9)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    whole, rest = divmod(optimizer.steps, 7)
    assert rest == 0 and whole > 0
    other, again = start()
    go(other, again, whole)
    assert [p.data for p in model.parameters()] == [p.data for p in other.parameters()]
    assert optimizer.state == again.state


@pytest.mark.parametrize("eager", [False, True])
def test_a_loss_that_diverges_is_an_error_and_the_model_stays_finite(eager):
    model = nn.MLP(2, [4, 1], rng=3)
    optimizer = SGD(model.parameters(), lr=1e3, momentum=0.9)
    with pytest.raises((ValueError, ArithmeticError)):
        nn.fit(model, nn.MSELoss(), (XS, TARGETS), optimizer, epochs=2000, eager=eager)
    assert all(math.isfinite(p.data) for p in model.parameters())
    assert all(math.isfinite(x) for state in optimizer.state.values() for x in state)


@pytest.mark.parametrize("eager", [False, True])
def test_a_gradient_that_is_infinite_is_refused_by_name(eager):
    w = Value(0.0, "the weight")
    with pytest.raises(ValueError, match="the gradient of the weight is inf"):
        nn.fit(lambda x: w.sqrt() * x, lambda p, y: p - y, ([1.0], [0.0]), SGD([w]), epochs=1,
                 eager=eager)  # fmt: skip
    assert w.data == 0.0


@pytest.mark.parametrize("eager", [False, True])
def test_a_step_to_an_infinite_number_is_refused_by_name(eager):
    w = Value(1.0, "the weight")
    with pytest.raises(ValueError, match="after this step the weight is -inf"):
        nn.fit(lambda x: w * x, nn.MSELoss(), ([1e10], [0.0]), SGD([w], lr=1e300), epochs=1,
                 eager=eager)  # fmt: skip
    assert w.data == 1.0


def test_the_numbers_of_a_matrix_lie_in_their_places_and_have_names():
    xs = [[[2.0, 3.0, 5.0], [7.0, 1.0, 11.0]], [[1.0, 3.0, 0.5], [7.0, 2.0, 11.0]]]

    def go(eager=False):
        w = Value(1.0, "w")
        model = lambda x: w * x[0][0] * x[0][2] - (w * x[1][1]).log()  # noqa: E731
        data = xs, [1.0, 2.0]
        return nn.fit(model, nn.MSELoss(), data, SGD([w]), epochs=2, verify=0, eager=eager)

    alike([go()], [go(eager=True)])
    xs[0][1][1] = -3.0
    w = Value(1.0)
    with pytest.raises(ValueError, match=r"log\(x\[1\]\[1\]=-3\.0\)"):
        nn.fit(lambda x: w * x[1][1].log(), nn.MSELoss(), (xs, [1.0, 2.0]), SGD([w]), epochs=1,
               verify=0)  # fmt: skip


def test_a_loss_that_does_not_take_output_and_target_is_told_what_it_gets():
    model = nn.MLP(2, [1], rng=0)
    with pytest.raises(TypeError, match="positional argument") as caught:
        nn.fit(model, lambda p: p, (XS, TARGETS), SGD(model.parameters()), epochs=1)
    assert caught.value.__notes__ == ["fit: loss_fn takes the output and the target of one example"]


def test_a_failing_gate_names_the_lane():
    w = Value(1.0, "w")
    with pytest.raises(ValueError, match=r"log: log\(-3\.0\).*lane 2 of 3"):
        nn.fit(lambda x: (x * w).log(), lambda p, y: p - y, ([1.0, 2.0, -3.0], [0.0] * 3),
                 SGD([w]), epochs=1)  # fmt: skip
    assert w.data == 1.0


BAD_LABELS = [
    (nn.HingeLoss, [1, -1, 0, 1], 1, "0, it must be -1 or 1"),
    (nn.HingeLoss, [1, -1, 0.5, 1], 1, "0.5, it must be -1 or 1"),
    (nn.BCEWithLogitsLoss, [1, 0, -1, 1], 1, "-1, it must be from 0 to 1"),
    (nn.BCEWithLogitsLoss, [1, 0, 1.5, 1], 1, "1.5, it must be from 0 to 1"),
    (nn.CrossEntropyLoss, [0, 2, 3, 1], 3, "3, it must be a whole number from 0 to 2"),
    (nn.CrossEntropyLoss, [0, 2, -1, 1], 3, "-1, it must be a whole number from 0 to 2"),
    (nn.CrossEntropyLoss, [0, 2, 0.5, 1], 3, "0.5, it must be a whole number from 0 to 2"),
]


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(("loss", "ys", "nout", "said"), BAD_LABELS)
def test_a_label_out_of_range_is_named_before_anything_moves(loss, ys, nout, said, eager):
    model = nn.MLP(2, [nout], rng=0)
    before = model.state_dict()
    optimizer = SGD(model.parameters(), lr=0.1)
    message = rf"^{loss.__name__}: label 2 is {re.escape(said)}"
    with pytest.raises(ValueError, match=message):  # although the first batch has good labels
        nn.fit(model, loss(), (XS[:4], ys), optimizer, epochs=1, batch_size=2, eager=eager)
    assert model.state_dict() == before and optimizer.steps == 0


@pytest.mark.parametrize("eager", [False, True])
def test_a_bad_label_among_several_of_an_example_is_named(eager):
    model = nn.Linear(2, 3, rng=0)
    data = (np.array(XS[:2]), np.array([[1, -1, 1], [1, 0, 1]]))
    optimizer = SGD(model.parameters())
    with pytest.raises(ValueError, match=r"HingeLoss: label \[1\]\[1\] is 0"):
        nn.fit(model, nn.HingeLoss(), data, optimizer, epochs=1, eager=eager)


@pytest.mark.parametrize(("loss", "ys", "nout", "said"), BAD_LABELS)
def test_a_label_out_of_range_inside_a_loss_of_yours_is_found_in_its_lane(loss, ys, nout, said):
    model = nn.MLP(2, [nout], rng=0)
    before = model.state_dict()
    inside = loss()
    with pytest.raises(FloatingPointError, match=rf"a {loss.__name__} label.*lane 2 of 4"):
        nn.fit(model, lambda p, y: 2.0 * inside(p, y), (XS[:4], ys), SGD(model.parameters()),
               epochs=1)  # fmt: skip
    assert model.state_dict() == before


# ---------------------------------------------------------------------------- models and data


def test_batch_norm_asks_for_eager_and_works_so():
    def fresh():
        return nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3), nn.Linear(3, 1, rng=1))

    model = fresh()
    data = (XS, [[y] for y in TARGETS])
    with pytest.raises(TraceError, match="eager=True"):
        nn.fit(model, nn.MSELoss(), data, SGD(model.parameters(), lr=0.1), epochs=1)
    optimizer = SGD(model.parameters(), lr=0.1)
    losses = nn.fit(model, nn.MSELoss(), data, optimizer, epochs=5, eager=True)
    assert losses[-1] < losses[0] and model[1].num_batches_tracked == 5

    def stop(epoch, loss):
        if epoch == 4:
            optimizer.update = lambda *_: 1 / 0

    other = fresh()
    optimizer = SGD(other.parameters(), lr=0.1)
    with pytest.raises(ZeroDivisionError):
        nn.fit(other, nn.MSELoss(), data, optimizer, epochs=9, eager=True, watch=stop)
    assert other.state_dict() == model.state_dict()  # the running averages too


def test_batch_norm_in_eval_mode_is_replayed():
    def go(eager):
        model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3), nn.Linear(3, 1, rng=1))
        model(XS)  # gives the averages something to say
        optimizer = Adam(model.eval().parameters(), lr=0.01)
        data = (XS, [[y] for y in TARGETS])
        losses = nn.fit(model, nn.MSELoss(), data, optimizer, epochs=3, batch_size=4, eager=eager)
        return losses, nn.module.flat(list(model.state_dict().values()))

    alike(go(False), go(True))


class First(nn.Module):
    """Knows single examples only: of a batch, [0] would be the first example."""

    def __init__(self):
        self.linear = nn.Linear(2, 2, rng=0)

    def forward(self, x):
        return self.linear(x)[0]


def test_eager_goes_example_by_example_as_a_program_does():
    def go(eager):
        model = First()
        return nn.fit(model, penalised, (XS[:2], TARGETS[:2]), SGD(model.parameters(), lr=0.1),
                        epochs=3, eager=eager)  # fmt: skip

    alike([go(False)], [go(True)])


def test_a_branch_on_a_number_asks_for_eager_and_works_so():
    w = Value(0.5, "w")
    model = lambda x: w * x if x > 0.0 else -w * x  # noqa: E731
    data = ([1.0, -2.0], [1.0, 1.0])
    with pytest.raises(TraceError, match="eager=True"):
        nn.fit(model, nn.MSELoss(), data, SGD([w], lr=0.1), epochs=2)
    assert w.data == 0.5
    losses = nn.fit(model, nn.MSELoss(), data, SGD([w], lr=0.1), epochs=2, eager=True)
    w.data = 0.5
    same = nn.fit(
        lambda x: where(x > 0.0, w * x, -w * x), nn.MSELoss(), data, SGD([w], lr=0.1), epochs=2
    )
    alike([same], [losses])


def test_a_data_loader_says_how_data_is_cut():
    def loader(**keywords):
        return DataLoader(TensorDataset(XS, TARGETS), batch_size=4, **keywords)

    def go(data, eager=False, **keywords):
        model = nn.MLP(2, [3, 1], rng=0)
        return nn.fit(model, nn.MSELoss(), data, SGD(model.parameters(), lr=0.05), epochs=3,
                        eager=eager, **keywords)  # fmt: skip

    alike([go(loader(shuffle=True, rng=1))], [go(loader(shuffle=True, rng=1), eager=True)])
    assert go(loader()) == go((XS, TARGETS), batch_size=4)
    assert go(loader(drop_last=True)) != go(loader())
    assert go(TensorDataset(np.array(XS), np.array(TARGETS))) == go((XS, TARGETS))
    for keywords in ({"batch_size": 2}, {"shuffle": True}, {"rng": 0}):
        with pytest.raises(TypeError, match="DataLoader"):
            go(loader(), **keywords)


def test_a_watch_sees_whole_epochs_and_what_it_writes_counts():
    seen = []

    def go(eager):
        model = nn.MLP(2, [3, 1], rng=0)
        optimizer = SGD(model.parameters(), lr=0.05)

        def watch(epoch, loss):
            seen.append((epoch, loss))
            optimizer.lr = 0.01
            model.parameters()[0].data = 0.25

        losses = nn.fit(model, nn.MSELoss(), (XS, TARGETS), optimizer, epochs=3, eager=eager,
                          watch=watch)  # fmt: skip
        assert optimizer.lr == 0.01 and model.parameters()[0].data == 0.25
        assert seen[-3:] == list(enumerate(losses))
        return losses

    alike([go(False)], [go(True)])


def test_training_goes_on_where_it_stopped():
    def go(eager, *parts):
        model = nn.MLP(2, [3, 1], rng=0)
        optimizer = Adam(model.parameters(), lr=0.02)
        return [
            loss for epochs, way in parts
            for loss in nn.fit(model, nn.MSELoss(), (XS, TARGETS), optimizer, epochs=epochs,
                                 eager=way)
        ]  # fmt: skip

    alike([go(False, (2, False), (0, True), (2, True), (2, False))], [go(False, (6, True))])


# ---------------------------------------------------------------------------- own optimisers


class InPlace(Optimizer):
    """Writes into what it is given, and goes on writing into what it has returned."""

    def update(self, data, grad, state, step):
        (v,) = state
        grad *= self.lr
        v += grad
        data -= v
        return data, (v,)


class Reuses(Optimizer):
    """Keeps its state in an array of its own, which it has returned before."""

    seen = None

    def update(self, data, grad, state, step):
        self.seen = grad * 0.0 if step == 1 else self.seen
        self.seen += grad
        return data - self.lr * self.seen, (self.seen,)


class Constant(Optimizer):
    """One number as the state of all parameters."""

    def update(self, data, grad, state, step):
        return data - self.lr * grad, (float(step),)


class Stateless(Optimizer):
    initial_state = ()

    def update(self, data, grad, state, step):
        return data - self.lr * grad, ()


def clipped(data, grad, state, step, lr, limit):
    size = (grad * grad) ** 0.5
    return data - lr * grad * limit / (0.5 * (size + limit + abs(size - limit))), state


class Clipped(Optimizer):
    rule = clipped
    limit = 0.1


def by_size(data, grad, state, step, lr):
    """Another rule on arrays than on numbers."""
    return data - lr * (grad if getattr(grad, "size", 0) else 2.0 * grad), state


def by_kind(data, grad, state, step, lr):
    """A rule that looks at what it is given: what is recorded would be another."""
    return data - lr * (grad if isinstance(grad, float | np.ndarray) else 2.0 * grad), state


def counting(data, grad, state, step, lr):
    (count,) = state
    count = count + 1.0
    return data - lr * grad / (count if step < 3 else count * count), (count,)


def slowing(data, grad, state, step, lr):
    return data - lr / step * grad, state


def with_nan(data, grad, state, step, lr):
    return data - lr * grad, (math.nan,)


def nan_on_arrays(data, grad, state, step, lr):
    return data - lr * grad, (math.nan if getattr(grad, "size", 0) else 0.0,)


def nan_on_numbers(data, grad, state, step, lr):
    return data - lr * grad, (0.0 if getattr(grad, "size", 0) else math.nan,)


def at_steps(data, grad, state, step, lr):
    """Other code, or another number, in some steps: a rule of `nn.optim` may ask for any."""
    (v,) = state
    if step == 12:
        lr = 0.5 * lr
    if step == 1 or step == 9:
        v = grad
    if step == 6:
        v = v - lr
    return data - lr * v, (0.9 * v + grad,)


at_steps.__module__ = Optimizer.__module__


class BySize(Optimizer):
    rule = by_size


class NanOnArrays(Optimizer):
    rule = nan_on_arrays


class NanOnNumbers(Optimizer):
    rule = nan_on_numbers


class Slowing(Optimizer):
    """A number that is another in every step."""

    rule = slowing


class NoStates(Optimizer):
    initial_state = ()
    rule = slowing


class WithNan(Optimizer):
    """A state that is not a number."""

    initial_state = (math.nan,)
    rule = with_nan


class AtSteps(Optimizer):
    rule = at_steps


class ByKind(Optimizer):
    rule = by_kind


class Counting(Optimizer):
    """Other code from the third step on."""

    rule = counting


OWN = [InPlace, Constant, Stateless, Clipped, Counting, ByKind, Slowing]
OWN += [NoStates, WithNan, AtSteps]


@pytest.mark.parametrize("kind", [BySize, NanOnArrays, NanOnNumbers])
def test_a_rule_that_is_another_on_arrays_is_refused(kind):
    with pytest.raises(TypeError, match=rf"rule of {kind.__name__}.* eager=True"):
        run(False, lambda p: kind(p, lr=0.01))
    run(True, lambda p: kind(p, lr=0.01))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_more_parameters_than_are_moved_at_a_time(name, executor):
    """In batches of 5 with a short last one, and a rate that falls."""
    results = []
    for eager in (False, True):
        model = nn.MLP(2, [16, 16, 1], rng=1, activation="tanh")
        optimizer = OPTIMISERS[name](model.parameters())
        losses = nn.fit(
            model, nn.MSELoss(), (XS, TARGETS), optimizer, epochs=3, batch_size=5, shuffle=True,
            rng=2, eager=eager, scheduler=lr_scheduler.StepLR(optimizer, 1, gamma=0.5),
        )  # fmt: skip
        state = [optimizer.state[i] for i in range(337)]
        results.append((losses, [p.data for p in model.parameters()], state))
    alike(*results)


@pytest.mark.parametrize("kind", OWN)
def test_an_update_of_yours_gives_the_same_on_both_paths(kind):
    alike(run(False, lambda p: kind(p, lr=0.01)), run(True, lambda p: kind(p, lr=0.01)))


@pytest.mark.parametrize("kind", OWN)
def test_many_steps_of_yours_at_a_time_give_the_same(kind, stopped):
    """A watch lets the optimiser begin anew, with the first step among many."""

    def results(eager):
        optimizers = []

        def make(params):
            optimizers.append(kind(params, lr=0.01))
            return optimizers[0]

        def watch(epoch, loss):
            if epoch == 1:
                fresh = kind(optimizers[0].params, lr=0.01)
                optimizers[0].load_state_dict(fresh.state_dict())

        return run(eager, make, batch_size=1, watch=watch)

    alike(results(False), results(True))


@pytest.mark.parametrize(
    ("kind", "compared"), [(SGD, 0), (Clipped, 1), (WithNan, 1), (Counting, 2), (ByKind, 12)]
)
def test_a_rule_goes_to_c_once_it_was_compared_with_what_it_does_on_arrays(
    kind, compared, executor, monkeypatch
):
    on_arrays, in_c = [], []
    update, descend = nn.training._Replay._updated, CompiledGraph.descend

    def updated(*given):
        on_arrays.append(1)
        return update(*given)

    def descended(graph, *given):
        answer = descend(graph, *given)
        if answer:
            in_c.append(given[4])
        return answer

    monkeypatch.setattr(nn.training._Replay, "_updated", updated)
    monkeypatch.setattr(CompiledGraph, "descend", descended)
    run(False, lambda p: kind(p, lr=0.01))
    if executor == "native":
        assert len(on_arrays) == compared and sum(in_c) == 12 - compared
    else:
        assert len(on_arrays) == (12 if compared else 0) and not in_c


@pytest.mark.parametrize("kind", OWN)
def test_one_parameter_gives_the_same_on_both_paths(kind):
    def go(eager):
        w = Value(0.5, "w")
        optimizer = kind([w], lr=0.1)
        data = ([1.0, 2.0], [1.0, 1.0])
        nn.fit(lambda x: w * x, nn.MSELoss(), data, optimizer, epochs=3, eager=eager)
        return w.data, optimizer.state[0]

    alike(go(False), go(True))


@pytest.mark.parametrize("kind", [InPlace, Reuses])
def test_an_update_that_writes_in_place_cannot_damage_the_last_whole_epoch(kind):
    class Stops(kind):
        def update(self, data, grad, state, step):
            result = super().update(data, grad, state, step)
            if step == 5:
                raise Stop
            return result

    optimizers = []

    def make(cls, params):
        optimizers.append(cls(params, lr=0.01))
        return optimizers[-1]

    with pytest.raises(Stop):
        run(False, lambda p: make(Stops, p), epochs=3)
    expected = run(False, lambda p: make(kind, p), epochs=1)
    assert [p.data for p in optimizers[0].params] == expected[1]
    assert [optimizers[0].state[i] for i in range(len(expected[2]))] == expected[2]


class Branching(Optimizer):
    initial_state = ()

    def update(self, data, grad, state, step):
        return (data - self.lr if grad > 0.0 else data + self.lr), ()


class WithMath(Optimizer):
    def update(self, data, grad, state, step):
        (v,) = state
        v = v + grad * grad
        return data - self.lr * grad / math.sqrt(v + 1e-8), (v,)


def with_max(data, grad, state, step, lr):
    return data - lr * max(grad, 0.0), state


class WithMax(Optimizer):
    rule = with_max


class OneNumber(Optimizer):
    def update(self, data, grad, state, step):
        return 0.5, state


class NoState(Optimizer):
    def update(self, data, grad, state, step):
        return data - self.lr * grad


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Branching, "truth value"), (WithMath, "Python scalar"), (WithMax, "truth value"),
        (OneNumber, "with the shape it was given"), (NoState, r"must return \(data, state\)"),
    ],
)  # fmt: skip
def test_an_update_that_cannot_run_on_arrays_is_named_with_the_remedies(kind, said, size):
    parameters = [Value(0.5, "w"), Value(0.25, "b")]
    optimizer = kind(parameters[:size], lr=0.1)
    message = rf"^fit: {kind.__name__}\.update cannot run on arrays.*{said}.*x\*\*0\.5.*eager=True"
    with pytest.raises(TypeError, match=message):
        nn.fit(lambda x: parameters[0] * x + parameters[1], nn.MSELoss(), ([1.0, 2.0], [1.0, 1.0]),
               optimizer, epochs=3)  # fmt: skip
    assert [p.data for p in parameters] == [0.5, 0.25] and optimizer.steps == 0


@pytest.mark.parametrize("kind", [Branching, WithMath, WithMax])
def test_an_update_that_cannot_run_on_arrays_runs_eagerly(kind):
    losses, *_ = run(True, lambda p: kind(p, lr=0.01))
    assert losses[-1] < losses[0]


def test_an_update_that_a_watch_replaces_is_run_with_care():
    model = nn.MLP(2, [3, 1], rng=0)
    optimizer = SGD(model.parameters(), lr=0.05)
    weights = []

    def watch(epoch, loss):
        weights.append([p.data for p in model.parameters()])
        if epoch == 1:
            raise Stop
        optimizer.update = in_place

    def in_place(data, grad, state, step):
        data *= 0.5
        return data, state

    with pytest.raises(Stop):
        nn.fit(model, nn.MSELoss(), (XS, TARGETS), optimizer, epochs=3, watch=watch)
    assert weights[1] == [0.5 * w for w in weights[0]]
    assert [p.data for p in model.parameters()] == weights[1]


def test_an_optimiser_with_a_step_of_its_own_asks_for_eager():
    class Stepper(SGD):
        def step(self):
            super().step()

    def go(kind, eager):
        w = Value(0.5, "w")
        nn.fit(lambda x: w * x, nn.MSELoss(), ([1.0, 2.0], [1.0, 1.0]), kind([w], lr=0.1),
               epochs=3, eager=eager)  # fmt: skip
        return w.data

    with pytest.raises(TypeError, match=r"^fit: Stepper has a step\(\).*eager=True"):
        go(Stepper, False)
    assert go(Stepper, True) == go(SGD, True)


# ---------------------------------------------------------------------------- arguments


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"epochs": -1}, ValueError, "epochs"),
        ({"epochs": 1.5}, ValueError, "epochs"),
        ({"epochs": None}, ValueError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": 2.0}, ValueError, "batch_size"),
        ({"data": XS}, TypeError, "data"),
        ({"data": (XS,)}, TypeError, "data"),
        ({"data": (XS, TARGETS[:3])}, ValueError, "13 and 3"),
        ({"data": ([], [])}, ValueError, "empty"),
        ({"data": TensorDataset(XS)}, ValueError, "inputs and targets"),
        ({"optimizer": None}, TypeError, "optimiser"),
        ({"optimizer": "sgd"}, TypeError, "optimiser"),
        ({"loss_fn": 3}, TypeError, "loss_fn"),
        ({"model": None}, TypeError, "model"),
        ({"scheduler": 0.5}, TypeError, "scheduler"),
    ],
)
def test_arguments_that_are_wrong_are_named(change, error, message, eager):
    model = nn.MLP(2, [1], rng=0)
    arguments = {
        "model": model, "loss_fn": nn.MSELoss(), "data": (XS, TARGETS),
        "optimizer": SGD(model.parameters()), "epochs": 1, **change,
    }  # fmt: skip
    with pytest.raises(error, match=message):
        nn.fit(**arguments, eager=eager)


@pytest.mark.parametrize("data", [([[1.0, 2.0], [3.0]], [1.0, 2.0]), ([["a", "b"]], [1.0])])
def test_inputs_that_are_not_numbers_or_ragged(data):
    model = nn.MLP(2, [1], rng=0)
    with pytest.raises(ValueError, match="the inputs must be numbers"):
        nn.fit(model, nn.MSELoss(), data, SGD(model.parameters()), epochs=1)


def test_no_epochs_change_nothing():
    model = nn.MLP(2, [1], rng=0)
    before = model.state_dict()
    assert nn.fit(model, nn.MSELoss(), (XS, TARGETS), SGD(model.parameters()), epochs=0) == []
    assert model.state_dict() == before


# ---------------------------------------------------------------- what is refused, and restored


@pytest.mark.parametrize("eager", [False, True])
def test_an_optimiser_of_another_model_is_refused(eager):
    model, other = nn.MLP(2, [3, 1], rng=0), nn.MLP(2, [3, 1], rng=1)
    before = [p.data for p in (*model.parameters(), *other.parameters())]
    with pytest.raises(ValueError, match="depends on none of the optimiser's parameters"):
        nn.fit(
            model, nn.MSELoss(), ([[1.0, 2.0]], [1.0]), SGD(other.parameters(), lr=0.1),
            epochs=1, eager=eager,
        )  # fmt: skip
    assert [p.data for p in (*model.parameters(), *other.parameters())] == before


def test_true_is_neither_a_count_of_epochs_nor_a_rate():
    model = nn.MLP(2, [1], rng=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="epochs must be a whole number"):
        nn.fit(model, nn.MSELoss(), ([[1.0, 2.0]], [1.0]), optimizer, epochs=True)
    with pytest.raises(TypeError, match="lr must be a number, got bool"):
        SGD(model.parameters(), lr=True)


@pytest.mark.parametrize("eager", [False, True])
def test_a_schedule_is_restored_with_the_rate(eager):
    model = nn.MLP(2, [1], rng=0)
    optimizer = SGD(model.parameters(), lr=0.1)

    class Interrupted(lr_scheduler.StepLR):
        def step(self):
            super().step()
            if self.last_epoch == 3:
                raise KeyboardInterrupt

    scheduler = Interrupted(optimizer, step_size=1)
    with pytest.raises(KeyboardInterrupt):
        nn.fit(
            model, nn.MSELoss(), ([[1.0, 2.0]], [1.0]), optimizer, epochs=5, scheduler=scheduler,
            eager=eager,
        )  # fmt: skip
    assert scheduler.last_epoch == 2 and optimizer.lr == pytest.approx(0.001)


def test_a_program_that_differs_from_its_model_is_refused():
    class Odd(nn.Module):
        def __init__(self):
            self.w = Value(1.0)

        def forward(self, x):
            return self.w * x[0] if isinstance(x[0] > 0, bool) else self.w * 2.0

    model = Odd()
    data = ([[0.5], [1.0]], [1.0, 2.0])
    with pytest.raises(TraceError, match=r"in the engine and .* in the program"):
        nn.fit(model, nn.MSELoss(), data, SGD(model.parameters(), lr=0.1), epochs=1)
    assert model.w.data == 1.0
    nn.fit(model, nn.MSELoss(), data, SGD(model.parameters(), lr=0.1), epochs=1, eager=True)


def test_a_loader_that_cuts_its_own_batches_is_followed_in_each_way_of_training():
    class Uneven(DataLoader):
        def batches(self):
            yield from ([0, 1], [2, 3], [4], [5, 5, 6], [7, 8, 9])

    def go(eager):
        model = nn.MLP(2, [3, 1], rng=0)
        optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
        loader = Uneven(TensorDataset(XS, TARGETS), batch_size=2)
        losses = nn.fit(model, nn.MSELoss(), loader, optimizer, epochs=4, eager=eager)
        return losses, [p.data for p in model.parameters()]

    alike(go(False), go(True))


def test_an_update_of_ones_own_needs_no_settings_of_the_class_it_derives_from():
    class Own(SGD):
        def __init__(self, params):
            Optimizer.__init__(self, params, 0.05)  # no momentum, no weight decay

        def update(self, data, grad, state, step):
            return data - self.lr * grad, state

    def go(eager):
        model = nn.MLP(2, [3, 1], rng=0)
        data, optimizer = (XS, TARGETS), Own(model.parameters())
        losses = nn.fit(model, nn.MSELoss(), data, optimizer, epochs=3, eager=eager)
        return losses, [p.data for p in model.parameters()]

    alike(go(False), go(True))


@pytest.mark.parametrize("eager", [True, False])
def test_a_batch_without_examples_is_refused(eager):
    loader = DataLoader(TensorDataset(XS, TARGETS))
    loader.batches = lambda: iter([[0], []])
    model = nn.MLP(2, [1], rng=0)
    before = [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match="a batch of the loader is empty"):
        nn.fit(model, nn.MSELoss(), loader, SGD(model.parameters(), lr=0.1), epochs=1, eager=eager)
    assert [p.data for p in model.parameters()] == before


# ------------------------------------------------------------------ dropout


def dropping(eager, norm=False, epochs=4, **keywords):
    """Losses, weights and where the generators stand, after a training with masks."""
    layers = [nn.Linear(2, 6, rng=1), nn.Tanh(), nn.Dropout(0.5, rng=2), nn.Linear(6, 6, rng=3)]
    layers += [nn.BatchNorm1d(6).eval()] if norm else []
    model = nn.Sequential(*layers, nn.Dropout(0.2, rng=4), nn.Linear(6, 1, rng=5))
    optimizer = Adam(model.parameters(), lr=0.02)
    keywords = {"batch_size": 5, "shuffle": True, "rng": 7, "progress": False, **keywords}
    losses = nn.fit(
        model, lambda out, y: (out[0] - y) ** 2, (XS, TARGETS), optimizer, epochs=epochs,
        eager=eager, **keywords,
    )  # fmt: skip
    states = [m.source.getstate() for m in model.modules() if isinstance(m, nn.Dropout)]
    return losses, [p.data for p in model.parameters()], states


@pytest.mark.parametrize("norm", [False, True])
def test_dropout_gives_the_same_on_both_paths(norm):
    replayed, eager = dropping(False, norm), dropping(True, norm)
    alike(replayed[:2], eager[:2])
    assert replayed[2] == eager[2]
    assert dropping(False, norm) == replayed, "not the same bits on every run"


def test_dropout_stays_in_c(executor, monkeypatch):
    calls = []
    whole = CompiledGraph.descend

    def counted(graph, *given):
        answer = whole(graph, *given)
        calls.append(answer is not None)
        return answer

    monkeypatch.setattr(CompiledGraph, "descend", counted)
    dropping(False, epochs=8)
    assert {*calls} == {executor == "native"}


def test_a_model_trained_with_dropout_is_traced_anew_when_a_watch_changes_its_mode():
    def go(eager):
        drop = nn.Dropout(0.5, rng=0)
        model = nn.Sequential(nn.Linear(2, 4, rng=1), drop, nn.Linear(4, 1, rng=2))
        optimizer = SGD(model.parameters(), lr=0.02)
        return nn.fit(
            model, lambda out, y: (out[0] - y) ** 2, (XS, TARGETS), optimizer, epochs=6,
            batch_size=4, eager=eager, watch=lambda epoch, loss: drop.train(epoch % 2 == 0),
        )  # fmt: skip

    alike([go(False)], [go(True)])


class Noise(nn.Module):
    """A layer of one's own that draws: it has nothing of Dropout but a generator."""

    def __init__(self):
        self.source = random.Random(0)

    def forward(self, x):
        noise = drawn(lambda n: [self.source.gauss(0.0, 0.1) for _ in range(n)], len(x))
        return [a + b for a, b in zip(x, noise, strict=True)]


@pytest.mark.parametrize("make", [lambda: nn.Dropout(0.5, rng=0), Noise])
@pytest.mark.parametrize("eager", [False, True])
def test_draws_are_those_after_the_last_whole_epoch_after_an_error(eager, make):
    drop = make()
    model = nn.Sequential(nn.Linear(2, 4, rng=1), drop, nn.Linear(4, 1, rng=2))
    states = []

    def watch(epoch, loss):
        states.append(drop.source.getstate())
        if epoch == 2:
            drop.source.random()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nn.fit(
            model, lambda out, y: (out[0] - y) ** 2, (XS, TARGETS),
            SGD(model.parameters(), lr=0.02), epochs=9, batch_size=4, eager=eager, watch=watch,
        )  # fmt: skip
    assert drop.source.getstate() == states[-1] != states[0]


# ------------------------------------------------------------------ the backend


def test_fit_takes_a_backend_and_names_one_that_is_not_there():
    assert dropping(False, backend="numpy")[2] == dropping(True)[2]
    with pytest.raises(ValueError, match="backend must be 'native' or 'numpy', got 'jax'"):
        dropping(False, backend="jax")
    with pytest.raises(TypeError, match="give one of them"):
        dropping(True, backend="numpy")


# ------------------------------------------------------------------ the bar


class Bar:
    def __init__(self, total, title, shown):
        self.total, self.done, self.said, self.is_closed = total, 0, [], False

    def add(self, steps):
        self.done += steps

    def say(self, name, number):
        self.said.append(number)

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize("eager", [False, True])
def test_the_bar_hears_of_every_step_and_every_loss(eager, monkeypatch):
    bars = []
    monkeypatch.setattr("nn.training.Progress", lambda *given: bars.append(Bar(*given)) or bars[0])
    losses, *_ = run(eager)
    (bar,) = bars
    assert bar.done == bar.total == 4 * 3 and bar.said == losses and bar.is_closed


def test_steps_are_made_for_some_milliseconds_at_a_time(monkeypatch):
    """Then Ctrl-C and the bar have a turn. The clock moves only by steps, which get longer."""
    clock = SimpleNamespace(now=0.0, step=0.001)
    turns = [[], [], []]

    def steps(replay, order, count, total):
        clock.now += clock.step * count
        turns[len(lengths)].append(count)
        return total

    lengths = []

    def watch(epoch, loss):
        lengths.append(clock.step)
        clock.step = 0.01 if epoch == 0 else 1.0

    monkeypatch.setattr("nn.training.monotonic", lambda: clock.now)
    monkeypatch.setattr("nn.training._Replay._steps", steps)
    w = Value(1.0)
    nn.fit(lambda x: w * x, nn.MSELoss(), ([1.0] * 300, [1.0] * 300), SGD([w]), epochs=3,
           batch_size=1, watch=watch)  # fmt: skip
    assert turns[0][0] == 1 and [sum(counts) for counts in turns] == [300] * 3
    found = [set(counts[6:-1]) for counts in turns]  # once the length of a step is known
    assert min(found[0]) >= 10 and max(found[0]) <= 50
    assert min(found[1]) >= 1 and max(found[1]) <= 5
    assert found[2] == {1}


# ------------------------------------------------------------------ what replay and eager see


WEIGHTS = {1: 5.0}


def as_a_number(y):
    try:
        return 1.0 + int(y)
    except TypeError:
        return 1.0


@pytest.mark.parametrize(
    "loss",
    [
        lambda o, y: WEIGHTS.get(y, 1.0) * (o - y) ** 2,
        lambda o, y: (o - y) ** 2 * (3.0 if y in WEIGHTS else 1.0),
        lambda o, y: (o - y) ** 2 * {"c1": 4.0}.get(f"c{y}", 1.0),
        lambda o, y: (o - y) ** 2 * as_a_number(y),
        lambda o, y: (o - y) ** 2 * (2.0 if isinstance(y, int) else 1.0),
    ],
)
def test_the_check_gives_a_loss_the_labels_as_they_were_given(loss):
    w = [Value(0.5), Value(-0.25)]
    data = [[1.0, 2.0], [0.5, -1.0]], [0, 1]
    with pytest.raises(TraceError, match="computes something else"):
        nn.fit(lambda x: w[0] * x[0] + w[1] * x[1], loss, data, SGD(w, lr=0.1), epochs=1)
    assert [p.data for p in w] == [0.5, -0.25]


def test_the_check_gives_a_model_the_rows_as_they_were_given():
    w = [Value(0.5), Value(-0.25)]
    data = np.array([[1.0, 2.0], [0.5, -1.0], [0.0, -0.0]]), [0.0, 1.0, 0.0]
    with pytest.raises(TraceError, match="computes something else"):  # a list would be doubled
        nn.fit(lambda x: sum(w[0] * v * v for v in x * 2), lambda o, y: o - y, data, SGD(w, lr=0.1),
               epochs=1, batch_size=2)  # fmt: skip


def test_a_label_as_a_key_says_what_it_is():
    w = Value(0.5)
    with pytest.raises(KeyError) as caught:
        nn.fit(lambda x: w * x, lambda o, y: WEIGHTS[y] * o, ([1.0], [1]), SGD([w]), epochs=1)
    assert "Values whose numbers are not known" in caught.value.__notes__[0]


def test_a_graph_of_the_parameters_from_outside_is_refused():
    w = [Value(0.5), Value(-0.25)]
    penalty = w[0] * w[0] + w[1] * w[1]
    with pytest.raises(TraceError, match="was made outside"):
        nn.fit(lambda x: w[0] * x[0], lambda o, y: (o - y) ** 2 + penalty,
               ([[1.0], [2.0]], [0.0, 1.0]), SGD(w, lr=0.1), epochs=3)  # fmt: skip
    other = Value(2.0)
    shift = other * other  # of nothing that moves
    losses = nn.fit(lambda x: w[0] * x[0], lambda o, y: (o - y) ** 2 + shift,
                    ([[1.0]], [0.5]), SGD(w, lr=0.1), epochs=1)  # fmt: skip
    assert losses == [4.0]


class Backwards(DataLoader):
    def order(self):
        return [3, 2, 1, 0]


class Half(DataLoader):
    def __len__(self):
        return 1


class Writes:
    def __init__(self, optimizer):
        self.params = optimizer.params

    def step(self):
        self.params[0].data = 1.0


class Reads(Writes):
    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        if self.optimizer.params[0].data < 0.45:
            self.optimizer.lr = 0.001


class Forgets(Reads):
    def step(self):
        self.optimizer.steps = 0
        self.optimizer.state = {0: (0.0,), 1: (0.0,)}


def on_both_paths(loader=DataLoader, make=SGD, schedule=None, **settings):
    """The losses of the same training, eager and replayed, or what it raises replayed."""
    results = []
    for eager in (True, False):
        w = [Value(0.5), Value(-0.25)]
        dataset = TensorDataset([[1.0, 2.0], [0.5, -1.0], [2.0, 1.0], [-1.0, 0.5]], [0, 1, 1, 0])
        optimizer = make(w, lr=0.1, **settings)
        losses = nn.fit(
            lambda x, w=w: w[0] * x[0] + w[1] * x[1], lambda o, y: (o - y) ** 2,
            loader(dataset, batch_size=2), optimizer, epochs=3, eager=eager,
            scheduler=schedule and schedule(optimizer),
        )  # fmt: skip
        results.append(losses)
    return results


@pytest.mark.parametrize("loader", [Backwards, Half])
def test_a_loader_of_ones_own_says_the_order_and_how_many(loader):
    eager, replayed = on_both_paths(loader)
    assert replayed == pytest.approx(eager, rel=1e-12)
    assert on_both_paths()[0] != pytest.approx(eager, rel=1e-3)


@pytest.mark.parametrize("schedule", [Writes, Reads, Forgets])
def test_a_schedule_of_ones_own_sees_the_weights_and_what_it_writes_counts(schedule):
    eager, replayed = on_both_paths(schedule=schedule, momentum=0.9)
    assert replayed == pytest.approx(eager, rel=1e-12)


class OwnZero(SGD):
    def zero_grad(self):
        for p in self.params:
            p.grad = 1.0


class OwnRate(SGD):
    lr = property(lambda self: 0.1 / (1 + self.steps), lambda self, lr: None)


def patched(params, lr):
    optimizer = SGD(params, lr)
    optimizer.step = lambda: None
    return optimizer


@pytest.mark.parametrize(
    "make, name",
    [
        (OwnZero, r"a zero_grad\(\)"),
        (OwnRate, "an lr"),
        (patched, r"a step\(\)"),
    ],
)
def test_what_a_program_cannot_replay_of_an_optimiser_is_refused(make, name):
    with pytest.raises(TypeError, match=f"has {name} of its own.*eager=True"):
        on_both_paths(make=make)


def test_parameters_that_are_exchanged_in_a_watch_are_refused():
    w = [Value(0.5), Value(-0.25)]
    optimizer = SGD(w, lr=0.1)

    def watch(epoch, loss):
        optimizer.params[0] = Value(1.0)

    with pytest.raises(ValueError, match=r"optimizer\.params has other Values"):
        nn.fit(lambda x: w[0] * x + w[1], lambda o, y: (o - y) ** 2, ([1.0], [0.0]), optimizer,
               epochs=2, watch=watch)  # fmt: skip


@pytest.mark.parametrize("eager", [True, False])
def test_the_first_example_may_take_the_arm_without_parameters(eager):
    v = Value(0.5)
    losses = nn.fit(
        lambda x: where(x > 0.0, v * x, 0.0), lambda o, y: (o - y) ** 2,
        ([-1.0, 1.0, 2.0], [0.0, 1.0, 1.0]), SGD([v], lr=0.1), epochs=1, batch_size=1, eager=eager,
    )  # fmt: skip
    assert losses == [pytest.approx(0.29)]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"scheduler": lr_scheduler.StepLR}, r"an object, as StepLR\(optimizer, ...\)"),
        ({"watch": 5}, "watch must be a function"),
    ],
)
def test_a_schedule_or_a_watch_that_is_none_is_refused_before_it_begins(wrong, said):
    w = Value(0.5)
    with pytest.raises(TypeError, match=said):
        nn.fit(lambda x: w * x, nn.MSELoss(), ([1.0], [1.0]), SGD([w]), epochs=1, **wrong)
    assert w.data == 0.5


@pytest.mark.parametrize("eager", [True, False])
def test_the_list_of_a_schedule_is_that_of_the_last_whole_epoch(eager):
    class Notes:
        def __init__(self):
            self.seen = []

        def step(self):
            self.seen.append(len(self.seen))
            if len(self.seen) == 3:
                raise Stop

    w, notes = Value(0.5), Notes()
    with pytest.raises(Stop):
        nn.fit(lambda x: w * x, lambda o, y: (o - y) ** 2, ([1.0], [1.0]), SGD([w]), epochs=5,
               scheduler=notes, eager=eager)  # fmt: skip
    assert notes.seen == [0, 1]


@pytest.mark.parametrize("eager", [True, False])
def test_a_pass_without_a_batch_is_no_error(eager):
    w = Value(0.5)
    loader = DataLoader(TensorDataset([1.0], [1.0]), batch_size=2, drop_last=True)
    losses = nn.fit(lambda x: w * x, nn.MSELoss(), loader, SGD([w]), epochs=2, eager=eager)
    assert losses == [0.0, 0.0] and w.data == 0.5


# ------------------------------------------------------------------ what runs beside the steps

XY = [[0.5, -1.0], [1.0, 0.25], [-0.75, 0.5], [2.0, 1.0], [0.1, 0.9]], [1.0, -1.0, 0.5, 0.25, 2.0]


def trained(go, **options):
    """The weights and the last loss of a training that `go` arranges, eagerly and by replay."""
    results = []
    for eager in (True, False):
        w, b = Value(0.5, "w"), Value(-0.3, "b")
        arguments = {"loss_fn": nn.MSELoss(), "data": XY, "epochs": 5, **options, "eager": eager}
        arguments.update(go(w, b, arguments))
        arguments.setdefault("optimizer", SGD([w, b], lr=0.1))
        losses = nn.fit(partial(lambda w, b, x: w * x[0] + b, w, b), **arguments)
        results.append([*losses, w.data, b.data])
    return results


def halving(w, b, arguments):
    optimizer = SGD([w, b], lr=0.1)
    rate = lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0 / (1.0 + abs(w.data)))
    return {"optimizer": optimizer, "scheduler": rate}


def through_an_adapter(w, b, arguments):
    optimizer = SGD([w, b], lr=0.1)

    class Adapter:
        lr = property(
            lambda self: optimizer.lr,
            lambda self, lr: (setattr(optimizer, "lr", lr), setattr(w, "data", 0.5 * w.data)),
        )

    return {"optimizer": optimizer, "scheduler": lr_scheduler.StepLR(Adapter(), 1, 0.9)}


def with_a_step_of_its_own(w, b, arguments):
    optimizer = SGD([w, b], lr=0.1)
    rate = lr_scheduler.StepLR(optimizer, 1, 0.9)
    step = rate.step
    rate.step = lambda: (step(), setattr(w, "data", 0.25 * w.data))
    return {"optimizer": optimizer, "scheduler": rate}


def hardest_first(w, b, arguments):
    def loss(i):
        return -abs(w.data * XY[0][i][0] + b.data - XY[1][i])

    class Hard(DataLoader):
        def order(self):
            return sorted(range(5), key=loss)

    return {"data": Hard(TensorDataset(*XY), 2, shuffle=True)}


def hardest_in_each_step(w, b, arguments):
    def loss(i):
        return -abs(w.data * XY[0][i][0] + b.data - XY[1][i])

    class Hard(DataLoader):
        def batches(self):
            for _ in range(3):  # arrays, from the end
                yield np.array(sorted(range(-5, 0), key=loss)[:2])

    return {"data": Hard(TensorDataset(*XY), 2)}


def a_shorter_dataset(w, b, arguments):
    class First(TensorDataset):
        def __len__(self):
            return 3

    return {"data": DataLoader(First(*XY), 2)}


class LooksAround(Optimizer):
    """An update that asks the optimiser and its parameters."""

    def update(self, data, grad, state, step):
        size = sum(p.data**2 + p.grad**2 for p in self.params) + self.steps
        return data - self.lr * grad / (1.0 + size), state


class LateMomentum(SGD):
    momentum = property(lambda self: 0.9 if self.steps > 1 else 0.1, lambda self, number: None)


@pytest.mark.parametrize(
    "go",
    [
        halving, through_an_adapter, with_a_step_of_its_own, hardest_first, hardest_in_each_step,
        a_shorter_dataset, lambda w, b, arguments: {"optimizer": LooksAround([w, b], lr=0.1)},
        lambda w, b, arguments: {"optimizer": LateMomentum([w, b], lr=0.1)},
    ],
)  # fmt: skip
def test_what_looks_at_the_model_during_a_training_sees_it_as_it_is(go):
    eager, replayed = trained(go)
    assert replayed == pytest.approx(eager, rel=1e-9)


class ByNorm(Optimizer):
    def update(self, data, grad, state, step):
        return data - self.lr * grad / (1.0 + np.sum(grad * grad)), state


class Noisy(Optimizer):
    def __init__(self, *given, **settings):
        super().__init__(*given, **settings)
        self.source = random.Random(0)

    def update(self, data, grad, state, step):
        return data - self.lr * grad + self.source.gauss(0.0, 0.1), state


class Decaying(Optimizer):
    def update(self, data, grad, state, step):
        self.lr *= 0.9
        return data - self.lr * grad, state


@pytest.mark.parametrize("kind", [ByNorm, Noisy, Decaying])
def test_an_update_that_does_another_thing_with_all_parameters_is_refused(kind):
    w = [Value(0.5), Value(-0.3)]
    with pytest.raises(
        TypeError, match=rf"{kind.__name__}\.update does something else with an array"
    ):
        nn.fit(lambda x: w[0] * x[0] + w[1] * x[1], nn.MSELoss(), XY, kind(w, lr=0.1), epochs=2)
    assert [p.data for p in w] == [0.5, -0.3]


def test_a_model_that_writes_into_its_example_is_refused():
    w = Value(0.5)

    def model(x):
        x[0] = x[0] * 0.5
        return w * x[0]

    for verify in (0, 2):
        with pytest.raises(TraceError, match=r"writes into the example that it is given.*copy it"):
            nn.fit(model, nn.MSELoss(), XY, SGD([w], lr=0.1), epochs=2, verify=verify)


def test_batches_and_numbers_of_one_generator_are_drawn_in_turn():
    def go(w, b, arguments):
        source = random.Random(0)

        def noise():
            return drawn(lambda n: [source.random() for _ in range(n)], 1)[0]

        class Sampled(DataLoader):
            def batches(self):
                for _ in range(2):
                    yield source.sample(range(5), 2)

        loss = lambda o, y: (o + noise() - y - noise()) ** 2  # noqa: E731
        return {"data": Sampled(TensorDataset(*XY), 2), "loss_fn": loss}

    eager, replayed = trained(go)
    assert replayed == pytest.approx(eager, rel=1e-9)


@pytest.mark.parametrize("label", [0.0, 1])
def test_a_kink_is_looked_at_nearby_with_labels_as_they_are(label):
    """abs(o - y) where o is y but for rounding: the slope is -x, 0 or x."""
    w = Value(1.0)
    for x in (0.1 * k for k in range(1, 60)):
        model = partial(lambda y, x: (w * x).tanh() - y + label, math.tanh(x))
        nn.fit(model, lambda o, y: abs(o - y), ([x], [label]), SGD([w], lr=0.0), epochs=1)


@pytest.mark.parametrize("i", [5, -6])
def test_an_example_that_is_not_there_is_named(i):
    class Beyond(DataLoader):
        def batches(self):
            yield [0, i]

    w = Value(0.5)
    with pytest.raises(IndexError):
        nn.fit(lambda x: w * x[0], nn.MSELoss(), Beyond(TensorDataset(*XY), 2), SGD([w], lr=0.1),
               epochs=1)  # fmt: skip


def test_fractions_are_numbers():
    w = [Value(0.5), Value(0.5)]
    data = [Fraction(1, 2), Fraction(1, 3), 10**30], [1.0, 2.0, 10**30]
    losses = [
        nn.fit(partial(lambda w, x: w * x, w[eager]), lambda o, y: (o - y) / 10**30, data,
               SGD([w[eager]], lr=0.1), epochs=2, eager=bool(eager))
        for eager in (0, 1)
    ]  # fmt: skip
    assert losses[0] == pytest.approx(losses[1], rel=1e-12) and w[0].data == pytest.approx(
        w[1].data
    )
    for thing in (None, "a", Decimal(1), 10**400):
        with pytest.raises(ValueError, match="fit: the inputs must be numbers"):
            nn.fit(lambda x: w[0] * x, nn.MSELoss(), ([thing, 1], [1, 2]), SGD(w, lr=0.1), epochs=1)


def test_parameters_that_a_watch_takes_away_are_there_again_after_the_error():
    w = Value(0.5)
    optimizer = SGD([w], lr=0.1)
    with pytest.raises(ValueError, match="has other Values than when the training began"):
        nn.fit(lambda x: w * x, nn.MSELoss(), ([1.0], [2.0]), optimizer, epochs=3,
               watch=lambda epoch, loss: optimizer.params.clear())  # fmt: skip
    assert optimizer.params == [w] and optimizer.steps == 1 and w.data == pytest.approx(0.8)
