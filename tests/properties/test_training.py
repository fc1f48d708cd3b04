"""Training by a program is training through Values: small random models, losses, settings."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import booleans, floats, integers, just, sampled_from

import nn
from nn.optim import EWA, SGD, Adam, RMSprop, lr_scheduler

moderate = floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.0005)


def settings_of(kind, always=None, **options):
    return st.tuples(just(kind), st.fixed_dictionaries(always or {}, optional=options))


# An eps of 1e-8 makes a step of 1e-9 of the rounding that is left where a gradient cancels.
OPTIMISERS = st.one_of(
    settings_of(SGD, momentum=floats(0.0, 0.9), dampening=floats(0.0, 0.5), weight_decay=just(0.1)),
    st.tuples(just(SGD), just({"momentum": 0.9, "nesterov": True})),
    settings_of(EWA, beta=floats(0.0, 0.95), bias_correction=booleans()),
    st.tuples(just(EWA), just({"start": "gradient"})),
    settings_of(
        RMSprop, {"eps": just(1e-3)}, alpha=floats(0.5, 0.99), momentum=floats(0.0, 0.5),
        centered=booleans(), weight_decay=just(0.1),
    ),
    settings_of(Adam, {"eps": just(1e-4)}, betas=just((0.8, 0.9)), weight_decay=just(0.1)),
)  # fmt: skip
SCHEDULES = sampled_from([
    lambda optimizer: None,
    lambda optimizer: lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5),
    lambda optimizer: lr_scheduler.ExponentialLR(optimizer, gamma=0.9),
])  # fmt: skip
# The loss, its targets, and how many numbers the model answers with.
LOSSES = sampled_from([
    (nn.MSELoss, moderate, 1), (nn.MSELoss, st.tuples(moderate, moderate), 2),
    (nn.HingeLoss, sampled_from([-1, 1]), 1), (nn.BCEWithLogitsLoss, floats(0.0, 1.0), 1),
    (nn.CrossEntropyLoss, integers(0, 2), 3),
    (lambda reduction: lambda p, y: (p - y) ** 2 + 0.01 * p * p, moderate, 1),
])  # fmt: skip
ACTIVATIONS = sampled_from([nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU])  # no kink, but elu's second


@pytest.fixture(scope="module", autouse=True)
def on_numpy():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOGRAD_CORE_BACKEND", "numpy")
        yield


def network(inputs, hidden, outputs, activation, normalised, dropped, seed):
    layers = [nn.Linear(inputs, hidden, rng=seed), activation(), nn.Dropout(dropped, rng=seed)]
    if normalised:  # by running averages that stay: a program cannot take those of a batch
        layers.insert(1, nn.BatchNorm1d(hidden).eval())
        layers[1].running_mean = [0.1 * i for i in range(hidden)]
    model = nn.Sequential(*layers, nn.Linear(hidden, outputs, rng=seed + 1))
    return model if outputs > 1 else nn.Sequential(model, _First())


class _First(nn.Module):
    """The lone number of a list, and of each list of a batch."""

    def forward(self, x):
        return [row[0] for row in x] if isinstance(x[0], list) else x[0]


@given(st.data())
def test_a_replay_is_training_through_values(data):
    make, targets, outputs = data.draw(LOSSES)
    reduction = data.draw(sampled_from(["mean", "sum"]))
    inputs, hidden, seed = (data.draw(integers(1, 3)) for _ in range(3))
    activation, normalised = data.draw(ACTIVATIONS), data.draw(booleans())
    dropped = data.draw(sampled_from([0.0, 0.5, 0.9]))
    count = data.draw(integers(1, 7))
    row = st.lists(moderate, min_size=inputs, max_size=inputs)
    xs = data.draw(st.lists(row, min_size=count, max_size=count))
    ys = data.draw(st.lists(targets, min_size=count, max_size=count))
    (kind, options), schedule = data.draw(OPTIMISERS), data.draw(SCHEDULES)
    how = {
        "epochs": data.draw(integers(0, 3)), "batch_size": data.draw(st.none() | integers(1, 8)),
        "shuffle": data.draw(booleans()), "rng": seed,
    }  # fmt: skip

    def trained(eager):
        model = network(inputs, hidden, outputs, activation, normalised, dropped, seed)
        optimizer = kind(model.parameters(), lr=0.02, **options)
        losses = nn.fit(
            model, make(reduction), (xs, ys), optimizer, scheduler=schedule(optimizer),
            eager=eager, **how,
        )  # fmt: skip
        states = [optimizer.state[i] for i in range(len(optimizer.params))]
        weights = [p.data for p in optimizer.params]
        return losses, weights, states, optimizer.steps, optimizer.lr

    for replayed, stepped in zip(trained(False), trained(True), strict=True):
        np.testing.assert_allclose(replayed, stepped, rtol=1e-9, atol=1e-10)
