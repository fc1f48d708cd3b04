"""What a step of micrograd's demo costs: two moons, the whole batch, hinge loss and weight decay.

    python benchmarks/moons.py              # JSON on stdout

MLP(2, [16, 16, 1]) on 100 points, the mean of max(0, 1 - label score) and 1e-4 times the sum of
the squares of all 337 parameters, gradient descent at 1 - 0.9 k / 100 in step k. Every peer has the
same points and weights, float64 and one thread. Each runs in fresh processes, in turn; every figure
is the median. micrograd and the eager engine take few steps.

loss_difference  the largest relative one from NumPy's losses

Aims: 0.016 ms a step for the replay, 20 ms for the eager engine.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from shared import (
    Bench,
    ByHand,
    arguments,
    by_neuron,
    doubles,
    in_c,
    intervals,
    medians,
    relative,
    start,
    tensors,
)

import nn

WIDTHS = (2, 16, 16, 1)
POINTS, STEPS = 100, 100
FEW = {"eager": 5, "micrograd": 2}
DECAY = 1e-4
AIMS = {"ms_a_step": {"replayed_native": 0.016, "eager": 20.0}}
SEED = 0

Tick = Callable[[], None]


def points(count: int) -> tuple[list[tuple[float, float]], list[float]]:
    """The points, and their labels -1 and 1."""
    x, labels = nn.moons(count, noise=0.1, rng=SEED)
    return x, [2.0 * label - 1.0 for label in labels]


def rate(step: int) -> float:
    return 1.0 - 0.9 * step / 100


def replayed(count: int, steps: int, tick: Tick) -> list[float]:
    class Schedule:
        """Sets the learning rate of the next step, and reads the clock."""

        done = 0

        def step(self) -> None:
            self.done += 1
            optimizer.lr = rate(self.done)
            tick()

    model = nn.MLP(2, [16, 16, 1])
    fill(model.parameters())
    optimizer = nn.optim.SGD(model.parameters(), lr=rate(0))

    def loss(score: Any, label: Any) -> Any:
        return (1 - label * score).relu() + DECAY * sum(p * p for p in model.parameters())

    tick()
    return nn.fit(
        model, loss, points(count), optimizer,
        epochs=steps, batch_size=count, shuffle=False, scheduler=Schedule(),
    )  # fmt: skip


def scalars(model: Any, count: int, steps: int, tick: Tick) -> list[float]:
    """The demo as micrograd has it, with its MLP or ours."""
    parameters = model.parameters()
    fill(parameters)
    x, y = points(count)
    losses = []
    tick()
    for step in range(steps):
        scores = [model(row) for row in x]
        terms = [(1 - label * score).relu() for label, score in zip(y, scores, strict=True)]
        loss = sum(terms) * (1.0 / count) + DECAY * sum(p * p for p in parameters)
        model.zero_grad()
        loss.backward()
        for p in parameters:
            p.data -= rate(step) * p.grad
        losses.append(loss.data)
        tick()
    return losses


def eager(count: int, steps: int, tick: Tick) -> list[float]:
    return scalars(nn.MLP(2, [16, 16, 1]), count, steps, tick)


def micrograd(count: int, steps: int, tick: Tick) -> list[float]:
    from micrograd.nn import MLP

    return scalars(MLP(2, [16, 16, 1]), count, steps, tick)


def pytorch(count: int, steps: int, tick: Tick) -> list[float]:
    import torch

    parameters, forward = tensors(WIDTHS, start(WIDTHS, SEED))
    x, y = (torch.tensor(part, dtype=torch.float64) for part in points(count))
    losses = []
    tick()
    for step in range(steps):
        loss = torch.relu(1.0 - y * forward(x)[:, 0]).mean()
        loss = loss + DECAY * sum((p * p).sum() for p in parameters)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, gradient in zip(parameters, gradients, strict=True):
                p -= rate(step) * gradient
        losses.append(loss.item())
        tick()
    return losses


def numpy(count: int, steps: int, tick: Tick) -> list[float]:
    import numpy as np

    net = ByHand(WIDTHS, start(WIDTHS, SEED))
    x, y = map(np.array, points(count))
    y = y[:, None]
    slopes = -y / count
    losses = []
    tick()
    for step in range(steps):
        margins = 1.0 - y * net.scores(x)
        inside = margins > 0.0
        loss = float((margins * inside).sum()) / count
        loss += DECAY * float(np.vdot(net.parameters, net.parameters))
        net.backward(slopes * inside)
        net.gradient += (2.0 * DECAY) * net.parameters
        net.parameters -= rate(step) * net.gradient
        losses.append(loss)
        tick()
    return losses


def c(count: int, steps: int, tick: Tick, library: str) -> list[float]:
    import ctypes

    code = in_c(library)
    p = doubles(start(WIDTHS, SEED))
    v = doubles([0.0] * len(p))
    rows, labels = points(count)
    x, y = doubles([number for row in rows for number in row]), doubles(labels)
    order = (ctypes.c_int * count)(*range(count))
    now = doubles([0.0])
    losses = []
    tick()
    for step in range(steps):
        code.epoch(p, v, x, y, order, 1, count, 1.0 / count, DECAY, rate(step), 0.0, now)
        losses.append(now[0])
        tick()
    return losses


def fill(parameters: list[Any]) -> None:
    """The common weights into an MLP."""
    flat = start(WIDTHS, SEED)
    for parameter, where in zip(parameters, by_neuron(WIDTHS), strict=True):
        parameter.data = flat[where]


def measure(engine: str, quick: bool, library: str | None) -> dict[str, Any]:
    """One training in this process."""
    clock: list[float] = []

    def tick() -> None:
        clock.append(time.perf_counter())

    count = 10 if quick else POINTS
    steps = FEW.get(engine, 5 if quick else STEPS)
    if engine.startswith("replayed"):
        os.environ["AUTOGRAD_CORE_BACKEND"] = engine.partition("_")[2]
        losses = replayed(count, steps, tick)
    elif engine == "c":
        losses = c(count, steps, tick, library or "")
    else:
        peers = {"eager": eager, "micrograd": micrograd, "pytorch": pytorch, "numpy": numpy}
        losses = peers[engine](count, steps, tick)
    return {"ms_a_step": intervals(clock) / 1000.0, "losses": [float(loss) for loss in losses]}


def main() -> None:
    given = arguments(__doc__, runs=5)
    if given.one:
        print(json.dumps(measure(**given.one)))
        return
    network = [f"-DN{i}={width}" for i, width in enumerate(WIDTHS)]
    engines = ["replayed_native", "replayed_numpy", "eager", "micrograd", "pytorch", "numpy", "c"]
    with Bench(__file__, given, engines, *network, f"-DROWS={POINTS}", "-DHINGE") as bench:
        found = bench.run({name: {"engine": name} for name in bench.engines})
        wanted = found["numpy"][0]["losses"]
        report = {
            name: {
                **medians(runs, "ms_a_step"),
                "loss_difference": max(relative(run["losses"], wanted) for run in runs),
            }
            for name, runs in found.items()
        }
        bench.report("moons", unit="ms a step", steps=len(wanted), aims=AIMS, engines=report)


if __name__ == "__main__":
    main()
