"""Optimisers: PyTorch's numbers, the notes' average, limits of the learning rate, S12, errors."""

import json
import math
import random

import numpy as np
import pytest

from autograd_core import Value
from nn.optim import (
    EWA,
    SGD,
    Adam,
    AdamW,
    Optimizer,
    RMSprop,
    adam,
    ewa,
    lr_scheduler,
    rmsprop,
    sgd,
)
from nn.optim.lr_scheduler import ExponentialLR, LambdaLR, StepLR

ALL = [SGD, EWA, RMSprop, Adam, AdamW]
each = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)


def run(make, grads, initial, schedule=None, **options):
    """The parameters after each row of gradients."""
    params = [Value(x) for x in initial]
    optimizer = make(params, **options)
    scheduler = schedule(optimizer) if schedule else None
    trace = []
    for row in grads:
        optimizer.zero_grad()
        for p, g in zip(params, row, strict=True):
            p.grad += g
        optimizer.step()
        if scheduler:
            scheduler.step()
        trace.append([p.data for p in params])
    return np.array(trace)


# ---------------------------------------------------------------- PyTorch


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (SGD, {"lr": 0.1}),
        (SGD, {}),
        (SGD, {"lr": 0.1, "momentum": 0.9}),
        (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
        (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (SGD, {"lr": 0.1, "weight_decay": 0.05}),
        (SGD, {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.05, "nesterov": True}),
        (RMSprop, {}),
        (RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.05}),
        (RMSprop, {"lr": 0.02, "momentum": 0.9}),
        (RMSprop, {"lr": 0.02, "alpha": 0.9, "centered": True}),
        (RMSprop, {"lr": 0.02, "alpha": 0.9, "centered": True, "momentum": 0.5, "eps": 1e-2}),
        (Adam, {}),
        (Adam, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}),
        (Adam, {"lr": 0.1, "weight_decay": 0.05}),
        (AdamW, {}),
        (AdamW, {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3}),
    ],
)
def test_optimisers_equal_pytorchs(make, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = rng.normal(size=7)
    grads = rng.normal(size=(200, 7)) * 10.0 ** rng.integers(-3, 3, size=7)
    theirs = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, make.__name__)([theirs], **options)
    trace = []
    for row in grads:
        theirs.grad = torch.tensor(row, dtype=torch.float64)
        optimizer.step()
        trace.append(theirs.detach().numpy().copy())
    np.testing.assert_allclose(run(make, grads, start, **options), trace, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "options"),
    [
        (StepLR, {"step_size": 10, "gamma": 0.5}),
        (StepLR, {"step_size": 1}),
        (StepLR, {"step_size": 7, "gamma": 1.1}),
        (ExponentialLR, {"gamma": 0.97}),
        (LambdaLR, {"lr_lambda": lambda epoch: 1.0 / (1.0 + epoch)}),
        (LambdaLR, {"lr_lambda": lambda epoch: 0.5 * (1.0 + math.cos(math.pi * epoch / 200))}),
    ],
)
def test_schedules_equal_pytorchs(ours, options):
    torch = pytest.importorskip("torch")
    grads = np.random.default_rng(1).normal(size=(200, 3))
    theirs = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, ours.__name__)(optimizer, **options)
    mine = SGD([Value(0.0)], lr=0.1)
    schedule = ours(mine, **options)
    for row in grads:
        theirs.grad = torch.tensor(row)
        optimizer.step()
        scheduler.step()
        schedule.step()
        assert schedule.get_last_lr() == pytest.approx(scheduler.get_last_lr(), rel=1e-12)
        assert mine.lr == schedule.get_last_lr()[0]
    found = run(
        SGD, grads, [0.0] * 3, lambda optimizer: ours(optimizer, **options), lr=0.1, momentum=0.9
    )
    np.testing.assert_allclose(found[-1], theirs.detach().numpy(), rtol=0, atol=1e-12)


def test_a_factor_that_is_no_rate_names_its_epoch():
    optimizer = SGD([Value(1.0)], lr=0.1)
    schedule = LambdaLR(optimizer, lambda epoch: 1.0 - epoch)
    schedule.step()
    with pytest.raises(ValueError, match=r"LambdaLR: lr_lambda\(2\) must be .*-1"):
        schedule.step()
    assert optimizer.lr == 0.0
    with pytest.raises(
        TypeError, match=r"function of the epoch, as in LambdaLR\(optimizer, lambda"
    ):
        LambdaLR(optimizer, 0.95)


@each
def test_training_goes_on_from_a_saved_state(make):
    grads = np.random.default_rng(5).normal(size=(20, 3))
    whole = run(make, grads, [1.0, 2.0, 3.0], lr=0.1)
    params = [Value(x) for x in (1.0, 2.0, 3.0)]
    first = make(params, lr=0.1)

    def steps(optimizer, rows):
        for row in rows:
            for p, g in zip(params, row, strict=True):
                p.grad = g
            optimizer.step()

    steps(first, grads[:7])
    saved = json.loads(json.dumps(first.state_dict()))
    second = make(params, lr=0.5)
    second.load_state_dict(saved)
    steps(second, grads[7:])
    assert [p.data for p in params] == list(whole[-1])
    assert second.state_dict()["steps"] == 20 and first.steps == 7


@pytest.mark.parametrize(
    "change, error",
    [
        (lambda state: state.pop("lr"), "needs steps, lr and state, got steps, state"),
        (lambda state: state.update(steps=-1), "steps must be a whole number of at least 0"),
        (
            lambda state: state["state"].pop(),
            r"has shape \(1, 2\), this optimiser's has shape \(2, 2\)",
        ),
        (lambda state: state["state"][1].pop(), "rows of several lengths, this optimiser's"),
        (lambda state: state.update(lr=-0.1), "lr must be"),
    ],
)
def test_a_state_of_another_optimiser_is_refused_and_changes_nothing(change, error):
    optimizer = Adam([Value(1.0), Value(2.0)])
    state = optimizer.state_dict()
    change(state)
    with pytest.raises(ValueError, match=error):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == Adam([Value(1.0), Value(2.0)]).state_dict()


def test_param_groups_says_what_to_write():
    optimizer = SGD([Value(1.0)], lr=0.1)
    with pytest.raises(AttributeError, match=r"no param_groups: .* optimizer\.lr = 0\.01"):
        optimizer.param_groups[0]["lr"] = 0.01


def test_step_lr_halves_every_tenth_epoch():
    optimizer = SGD([Value(1.0)], lr=0.1)
    schedule = lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    rates = []
    for _ in range(30):
        rates.append(optimizer.lr)
        schedule.step()
    assert rates == [0.1] * 10 + [0.05] * 10 + [0.025] * 10


# ---------------------------------------------------------------- the notes' average (S11)


@pytest.mark.parametrize("start", ["zero", "gradient"])
@pytest.mark.parametrize("beta", [0.0, 0.4, 0.9])
def test_ewa_is_its_unrolled_sum(beta, start):
    grads = np.random.default_rng(2).normal(size=(60, 1))
    trace = run(EWA, grads, [0.0], lr=1.0, beta=beta, start=start)[:, 0]
    moves = -np.diff(trace, prepend=0.0)
    for t in range(60):
        weights = (1 - beta) * beta ** np.arange(t, -1, -1)
        unrolled = weights @ grads[: t + 1, 0]
        if start == "gradient":
            unrolled += beta ** (t + 1) * grads[0, 0]
        assert moves[t] == pytest.approx(unrolled, abs=1e-12)


def test_bias_correction_divides_by_the_sum_of_weights():
    grads = np.full((20, 1), 3.0)
    plain, corrected = (
        -np.diff(run(EWA, grads, [0.0], lr=1.0, beta=0.9, bias_correction=b)[:, 0], prepend=0.0)
        for b in (False, True)
    )
    np.testing.assert_allclose(corrected, 3.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(plain, 3.0 * (1 - 0.9 ** np.arange(1, 21)), rtol=0, atol=1e-12)
    grads = np.random.default_rng(3).normal(size=(20, 1))
    moves = -np.diff(run(EWA, grads, [0.0], lr=1.0, bias_correction=True)[:, 0], prepend=0.0)
    weights = 0.9 ** np.arange(19, -1, -1)
    assert moves[-1] == pytest.approx(weights @ grads[:, 0] / weights.sum(), abs=1e-12)


def test_ewa_is_sgd_with_dampening():
    grads = np.random.default_rng(4).normal(size=(50, 3))
    averaged = run(EWA, grads, [0.0] * 3, lr=0.1, beta=0.9, start="gradient")
    damped = run(SGD, grads, [0.0] * 3, lr=0.1, momentum=0.9, dampening=0.9)
    np.testing.assert_allclose(averaged, damped, rtol=0, atol=1e-12)
    assert not np.allclose(averaged, run(EWA, grads, [0.0] * 3, lr=0.1, beta=0.9))


def test_rules_are_pure():
    state = (2.0,)
    assert sgd(1.0, 3.0, state, 2, 0.1, 0.5, 0.0, 0.0, False) == (1.0 - 0.1 * 4.0, (4.0,))
    assert ewa(1.0, 4.0, state, 2, 0.1, 0.5, False, "zero") == (1.0 - 0.1 * 3.0, (3.0,))
    assert state == (2.0,)


def test_a_setting_of_0_has_no_part_in_a_step():
    """0 times an infinite number would be nan; a momentum that is set later begins anew."""
    assert sgd(math.inf, 3.0, (2.0,), 2, 0.1, 0.0, 0.0, 0.0, False) == (math.inf, (2.0,))
    assert rmsprop(math.inf, 3.0, (0.0,) * 3, 1, 0.1, 0.9, 1e-8, 0.0, 0.0, False)[0] == math.inf
    assert adam(math.inf, 3.0, (0.0,) * 2, 1, 0.1, (0.9, 0.9), 1e-8, 0.0)[0] == math.inf


def test_the_state_of_a_centered_rmsprop_is_mean_square_mean_and_velocity():
    _, state = rmsprop(1.0, 2.0, (0.0, 0.0, 0.0), 1, 0.1, 0.5, 1.0, 0.0, 0.0, True)
    assert state == (2.0, 1.0, 1.0)  # 2 / (sqrt(2 - 1) + 1)


# ---------------------------------------------------------------- limits of the learning rate (S11)


def on_quadratic(make, steps=400, curvature=4.0, **options):
    """|w| after descent on curvature/2 w^2 from 1, its gradient from the engine."""
    w = Value(1.0)
    optimizer = make([w], **options)
    for _ in range(steps):
        optimizer.zero_grad()
        (curvature / 2.0 * w**2).backward()
        optimizer.step()
    return abs(w.data)


def test_learning_rate_limits_of_gradient_descent():
    assert on_quadratic(SGD, 1, lr=1 / 4.0) == 0.0
    assert on_quadratic(SGD, lr=0.99 * 2 / 4.0) < 1e-3
    assert on_quadratic(SGD, lr=2 / 4.0) == 1.0
    assert on_quadratic(SGD, lr=1.01 * 2 / 4.0) > 1e3


def test_learning_rate_limits_of_momentum():
    m = 0.5
    limit = 2 * (1 + m) / 4.0  # of v = m v + g; the average's 1 - m makes its own limit larger
    assert on_quadratic(SGD, lr=0.98 * limit, momentum=m) < 1e-2
    assert on_quadratic(SGD, lr=1.02 * limit, momentum=m) > 1e2
    assert on_quadratic(EWA, lr=0.98 * limit / (1 - m), beta=m) < 1e-2
    assert on_quadratic(EWA, lr=1.02 * limit / (1 - m), beta=m) > 1e2


def test_adaptive_steps_do_not_see_the_scale():
    for make in (RMSprop, Adam):
        small, large = (
            run(make, np.full((5, 1), scale), [0.0], lr=0.1, eps=1e-15) for scale in (1e-3, 1e3)
        )
        np.testing.assert_allclose(small, large, rtol=1e-9)
    np.testing.assert_allclose(run(Adam, [[7.0]] * 5, [0.0], lr=0.1)[:, 0], -0.1 * np.arange(1, 6))


# ---------------------------------------------------------------- the least-squares study (S12)


@pytest.mark.parametrize("momentum", [False, True], ids=["GD", "momentum"])
def test_least_squares_study(momentum):
    source = random.Random(0)
    points = [(source.gauss(-3.0, 3.0), source.gauss(0.0, 1.0)) for _ in range(500)]
    labels = [float(x1 > 0.0) for _, x1 in points]

    x, y = np.array(points), np.array(labels)
    w, v, expected = np.zeros(2), None, []
    for _ in range(100):
        g = 2.0 * x.T @ (x @ w - y)
        loss = ((x @ w - y) ** 2).sum()
        expected.append((loss, *g, *w))
        if momentum:
            v = (1 - 0.6) * (g if v is None else v) + 0.6 * g
        w = w - 1e-4 * (v if momentum else g)
    expected.append((((x @ w - y) ** 2).sum(), *(2.0 * x.T @ (x @ w - y)), *w))

    weights = [Value(0.0, "w0"), Value(0.0, "w1")]
    if momentum:
        optimizer = EWA(weights, lr=1e-4, beta=0.4, start="gradient")
    else:
        optimizer = SGD(weights, lr=1e-4)
    found = []
    for k in range(101):
        optimizer.zero_grad()
        loss = Value(0.0)
        for (x0, x1), label in zip(points, labels, strict=True):
            residual = x0 * weights[0] + x1 * weights[1] - label
            loss = loss + residual * residual
        loss.backward()
        found.append((loss.data, *(p.grad for p in weights), *(p.data for p in weights)))
        if k < 100:
            optimizer.step()
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)

    # The long axis of the data is stiff: plain descent jumps across the valley at every step,
    # momentum seldom, and it comes nearer to the best.
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    found = np.array(found)
    gap = found[-1, 0] - ((x @ best - y) ** 2).sum()
    stiff = (found[:, 3:] - best) @ np.linalg.eigh(x.T @ x)[1][:, 1]
    crossings = (stiff[:-1] * stiff[1:] < 0.0).sum()
    assert best == pytest.approx([-0.0849, 0.3822], abs=1e-4)
    if momentum:
        assert crossings < 50 and gap == pytest.approx(7.9e-9, rel=0.01)
    else:
        assert crossings > 85 and gap == pytest.approx(5.44e-8, rel=0.01)


# ---------------------------------------------------------------- all parameters or none


@each
def test_a_nan_gradient_changes_nothing(make):
    params = [Value(1.0, "layer0.w0"), Value(2.0, "layer0.w1"), Value(3.0)]
    optimizer = make(params, lr=0.1)
    for p in params:
        p.grad = 1.0
    optimizer.step()
    before, state = [p.data for p in params], dict(optimizer.state)
    params[1].grad = math.nan
    with pytest.raises(ValueError, match=r"gradient of layer0\.w1 is nan.*first_nan"):
        optimizer.step()
    params[1].grad, params[2].grad = 1.0, math.nan
    with pytest.raises(ValueError, match="gradient of parameter 2 is nan"):
        optimizer.step()
    assert [p.data for p in params] == before
    assert optimizer.state == state and optimizer.steps == 1


@pytest.mark.parametrize("make", [RMSprop, Adam])
def test_a_parameter_that_would_become_nan(make):
    params = [Value(1.0, "a"), Value(1.0, "b")]
    optimizer = make(params, lr=0.1)
    params[0].grad, params[1].grad = 1.0, math.inf
    with pytest.raises(ValueError, match="would make b nan"):
        optimizer.step()
    assert [p.data for p in params] == [1.0, 1.0] and optimizer.steps == 0


@each
@pytest.mark.parametrize("when", ["computing", "writing", "counting"])
def test_an_interrupted_step_changes_nothing(make, when, monkeypatch):
    class Interrupted:
        """A parameter whose number cannot be written, once."""

        grad = 1.0
        armed = True

        def __init__(self, value):
            self.value = value

        @property
        def data(self):
            return self.value.data

        @data.setter
        def data(self, data):
            if self.armed:
                self.armed = False
                raise KeyboardInterrupt
            self.value.data = data

    params = [Value(1.0), Value(2.0), Value(3.0)]
    optimizer = make(params, lr=0.1)
    for p in params:
        p.grad = 1.0
    optimizer.step()
    before, state = [p.data for p in params], dict(optimizer.state)
    with monkeypatch.context() as patch:
        if when == "writing":
            patched = [params[0], Interrupted(params[1]), params[2]]
            patch.setattr(optimizer, "params", patched)
        elif when == "counting":
            counts = []

            def count(self, steps):
                counts.append(steps)
                if len(counts) == 1:
                    raise KeyboardInterrupt

            patch.setattr(make, "steps", property(lambda self: (counts or [1])[-1], count), False)
        else:
            rule = make.update

            def update(self, data, grad, state, step):
                if data == before[2]:
                    raise KeyboardInterrupt
                return rule(self, data, grad, state, step)

            patch.setattr(make, "update", update)
        with pytest.raises(KeyboardInterrupt):
            optimizer.step()
        assert optimizer.steps == 1
    assert [p.data for p in params] == before
    assert optimizer.state == state and optimizer.steps == 1
    optimizer.step()
    assert all(p.data != old for p, old in zip(params, before, strict=True))


def test_centered_rmsprop_survives_rounding():
    # A constant gradient whose mean square comes out below its squared mean.
    grads = np.full((500, 1), 8.459776330097977)
    trace = run(RMSprop, grads, [0.0], lr=1e-3, alpha=0.5, centered=True)
    assert np.isfinite(trace).all()


def test_zero_grad_clears_every_parameter():
    params = [Value(1.0), Value(2.0)]
    for p in params:
        p.grad = 5.0
    SGD(params, lr=0.1).zero_grad()
    assert [p.grad for p in params] == [0.0, 0.0]


def test_parameters_from_a_generator_and_settings_of_numpy():
    params = [Value(1.0), Value(2.0)]
    optimizer = SGD((p for p in params), lr=np.float64(0.5), momentum=np.float32(0.5))
    for _ in range(2):
        for p in params:
            p.grad = 1.0
        optimizer.step()
    assert [p.data for p in params] == [1.0 - 0.5 * 2.5, 2.0 - 0.5 * 2.5]
    assert type(optimizer.lr) is type(optimizer.momentum) is float


# ---------------------------------------------------------------- rules


def descend(data, grad, state, step, rate, pull):
    (v,) = state
    v = pull * v + grad
    return data - rate * v, (v,)


class Descent(Optimizer):
    rule = descend

    def __init__(self, params, lr, pull):
        super().__init__(params, lr)
        self.pull = pull

    @property
    def rate(self):
        return self.lr


class Plain(Optimizer):
    @staticmethod
    def rule(data, grad, state, step, lr):
        return data - lr * grad, state


class Slower(Descent):
    """Inherits the rule, and calls it."""

    def update(self, data, grad, state, step):
        return super().update(data, 0.5 * grad, state, step)


GRADS = np.random.default_rng(6).normal(size=(5, 3))


def test_a_rule_and_a_class_with_its_settings_make_an_optimiser():
    found = run(Descent, GRADS, [1.0, 2.0, 3.0], lr=0.1, pull=0.9)
    np.testing.assert_array_equal(found, run(SGD, GRADS, [1.0, 2.0, 3.0], lr=0.1, momentum=0.9))
    half = run(Slower, GRADS, [0.0] * 3, lr=0.1, pull=0.9)
    np.testing.assert_allclose(half, run(SGD, GRADS / 2, [0.0] * 3, lr=0.1, momentum=0.9))
    found = run(Plain, GRADS, [1.0, 2.0, 3.0], lr=0.1)
    np.testing.assert_array_equal(found, run(SGD, GRADS, [1.0, 2.0, 3.0], lr=0.1))


def test_an_optimiser_may_have_another_base_that_looks_at_its_subclasses():
    seen = []

    class Noticed:
        def __init_subclass__(cls):
            seen.append(cls)

    class Mine(SGD, Noticed):
        pass

    assert seen == [Mine]


def test_a_setting_that_changes_counts():
    w = Value(1.0)
    optimizer = SGD([w], lr=0.1, momentum=0.5)
    for momentum, expected in ((0.5, 0.9), (0.0, 0.8)):
        optimizer.momentum, w.grad = momentum, 1.0
        optimizer.step()
        assert w.data == pytest.approx(expected)


@pytest.mark.parametrize(
    ("optimizer", "rule", "settings"),
    [
        (SGD([Value(1.0)], 0.1, 0.9, 0.2, 0.3), sgd, (0.1, 0.9, 0.2, 0.3, False)),
        (EWA([Value(1.0)], 0.1, 0.8), ewa, (0.1, 0.8, False, "zero")),
        (
            RMSprop([Value(1.0)], 0.1, 0.8, 0.01, 0.3, 0.9, True),
            rmsprop,
            (0.1, 0.8, 0.01, 0.3, 0.9, True),
        ),
        (Adam([Value(1.0)], 0.1, (0.8, 0.9), 0.01, 0.3), adam, (0.1, (0.8, 0.9), 0.01, 0.3)),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_an_update_is_the_rule_with_the_settings(optimizer, rule, settings):
    state = tuple([0.25 + i for i in range(len(optimizer.initial_state))])
    for data, grad in ((2.0, 3.0), (np.array([2.0, -1.0]), np.array([3.0, 0.5]))):
        found, expected = (
            optimizer.update(data, grad, state, 2),
            rule(data, grad, state, 2, *settings),
        )
        for x, y in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
            np.testing.assert_array_equal(x, y)


def test_an_optimiser_without_a_rule_says_what_to_write():
    w = Value(1.0)
    with pytest.raises(NotImplementedError, match=r"rule = sgd.*def update"):
        Optimizer([w], lr=0.1).step()
    assert w.data == 1.0


# ---------------------------------------------------------------- what goes wrong


@each
@pytest.mark.parametrize(
    "lr", [-0.1, math.nan, math.inf, 10**400], ids=["below", "nan", "inf", "huge"]
)
def test_a_bad_lr(make, lr):
    with pytest.raises(ValueError, match=rf"^{make.__name__}: lr must be at least 0"):
        make([Value(1.0)], lr=lr)
    optimizer = make([Value(1.0)], lr=0.1)
    with pytest.raises(ValueError, match="lr must be"):
        optimizer.lr = lr
    assert optimizer.lr == 0.1


@each
@pytest.mark.parametrize("lr", ["0.1", None, [0.1], Value(0.1)])
def test_an_lr_that_is_not_a_number(make, lr):
    with pytest.raises(TypeError, match=rf"lr must be a number, got {type(lr).__name__}"):
        make([Value(1.0)], lr=lr)


@each
def test_bad_parameters(make):
    right = rf"as in {make.__name__}\(model\.parameters\(\), lr=0\.1\)"
    with pytest.raises(ValueError, match=f"empty.*{right}"):
        make([], lr=0.1)
    with pytest.raises(TypeError, match=rf"params\[1\] is not a Value but of type float.*{right}"):
        make([Value(1.0), 2.0], lr=0.1)
    with pytest.raises(TypeError, match=f"list of Values, {right}"):
        make(Value(1.0), lr=0.1)
    w = Value(1.0, "w")
    with pytest.raises(ValueError, match=r"label='w'.*twice"):
        make([w, Value(2.0), w], lr=0.1)
    with pytest.raises(ValueError, match=r"params\[0\].*is the result of \*.*leaf"):
        make([w * 2.0], lr=0.1)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (SGD, {"momentum": -0.1}, "momentum must be at least 0"),
        (SGD, {"weight_decay": -0.1}, "weight_decay must be"),
        (SGD, {"nesterov": True}, "nesterov needs momentum.*nesterov=True"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs.*dampening 0"),
        (EWA, {"beta": 1.0}, r"beta must be in \[0, 1\)"),
        (EWA, {"beta": -0.1}, "beta must be"),
        (EWA, {"start": "first"}, "start must be 'zero' or 'gradient', got 'first'"),
        (EWA, {"start": "gradient", "bias_correction": True}, ".*no bias to correct"),
        (RMSprop, {"alpha": 1.0}, r"alpha must be in \[0, 1\)"),
        (RMSprop, {"eps": 0.0}, "eps must be above 0"),
        (RMSprop, {"momentum": -1}, "momentum must be"),
        (RMSprop, {"weight_decay": -1}, "weight_decay must be"),
        (Adam, {"betas": (1.0, 0.9)}, r"betas\[0\] must be in \[0, 1\)"),
        (Adam, {"betas": (0.9, math.nan)}, r"betas\[1\] must be"),
        (Adam, {"eps": -1e-8}, "eps must be"),
        (Adam, {"eps": 0}, "eps must be above 0"),
        (Adam, {"weight_decay": -1}, "weight_decay must be"),
    ],
)
def test_settings_out_of_range(make, options, message):
    with pytest.raises(ValueError, match=rf"^{make.__name__}: {message}"):
        make([Value(1.0)], lr=0.1, **options)


@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 0.9, 0.9), "ab", (0.9, "b")])
def test_bad_betas(betas):
    with pytest.raises(TypeError, match="betas"):
        Adam([Value(1.0)], betas=betas)


@pytest.mark.parametrize("step_size", [0, -1, 2.5, None])
def test_a_bad_step_size(step_size):
    with pytest.raises(ValueError, match="step_size must be a whole number"):
        StepLR(SGD([Value(1.0)], lr=0.1), step_size)


@pytest.mark.parametrize("make", [lambda o, g: StepLR(o, 2, g), ExponentialLR])
def test_bad_schedules(make):
    optimizer = SGD([Value(1.0)], lr=0.1)
    with pytest.raises(ValueError, match="gamma must be at least 0"):
        make(optimizer, -0.5)
    with pytest.raises(ValueError, match="gamma must be at least 0"):
        make(optimizer, math.nan)
    with pytest.raises(TypeError, match="gamma must be a number"):
        make(optimizer, "0.5")
    with pytest.raises(TypeError, match="must be an optimiser"):
        make([Value(1.0)], 0.5)


# ---------------------------------------------------------------- shown


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda p: SGD(p, lr=0.1, momentum=0.9), "SGD(lr=0.1, momentum=0.9, 41 parameters)"),
        (lambda p: SGD(p[:1]), "SGD(lr=0.001, 1 parameter)"),
        (lambda p: Adam(p, betas=(0.8, 0.99)), "Adam(lr=0.001, betas=(0.8, 0.99), 41 parameters)"),
        (lambda p: EWA(p, 0.5, start="gradient"), "EWA(lr=0.5, start='gradient', 41 parameters)"),
        (lambda p: RMSprop(p, centered=True), "RMSprop(lr=0.01, centered=True, 41 parameters)"),
    ],
)  # fmt: skip
def test_an_optimiser_is_shown_by_what_is_not_the_default(make, shown):
    assert repr(make([Value(0.0) for _ in range(41)])) == shown


def test_an_optimiser_of_ones_own_is_shown():
    class Mine(Optimizer):
        def __init__(self, params, lr=0.1, *, unseen=3):
            super().__init__(params, lr)

    optimizer = Mine([Value(0.0)], unseen=5)
    lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5).step()
    assert repr(optimizer) == "Mine(lr=0.05, 1 parameter)"

    class Other(Optimizer):
        def __init__(self, params, pull=0.5, lr=0.1):
            super().__init__(params, lr)
            self.pull = pull

    assert repr(Other([Value(0.0)], 0.9)) == "Other(lr=0.1, pull=0.9, 1 parameter)"
