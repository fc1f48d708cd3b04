"""What a step of training costs, and the whole program: the course's network, 1,000 steps.

    python benchmarks/training.py               # JSON on stdout

Linear(10, 40), ReLU, Linear(40, 40), ReLU, Linear(40, 5) on 100 points, mean squared error, SGD
with momentum 0.9, a learning rate of 0.1 that is halved every 10 epochs; 100 epochs of 10 batches
of 10. Every peer has the same data, weights and order of the batches, float64 and one thread. Each
runs in fresh processes, in turn; every figure is the median. micrograd and the eager engine take
few epochs.

us_a_step        the median epoch over its 10 steps
whole_s          the process, with the interpreter's start and the imports
loss_difference  the largest relative one from PyTorch's losses (without it from NumPy's): of all
                 1,000 steps or, where a program gives only these, of the epochs' sums

Aims for the replay: 9 us a step, 0.5 s the whole program, differences below 1e-12.
"""

from __future__ import annotations

import json
import os
import random
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
)

WIDTHS = (10, 40, 40, 5)
POINTS, BATCH, EPOCHS = 100, 10, 100
RATE, MOMENTUM, STEP_SIZE, GAMMA = 0.1, 0.9, 10, 0.5
FEW = {"eager": 2, "micrograd": 1}  # epochs of those that would take minutes
AIMS = {"us_a_step": 9.0, "whole_s": 0.5, "loss_difference": 1e-12}
SEED = 0

# One list for each epoch: the losses of its steps, or only their sum.
Losses = list[list[float]]
Tick = Callable[[], None]


def points(count: int) -> tuple[list[list[float]], list[list[float]]]:
    rng = random.Random(SEED)
    x = [[rng.gauss(0.0, 1.0) for _ in range(WIDTHS[0])] for _ in range(count)]
    y = [[rng.gauss(0.0, 1.0) for _ in range(WIDTHS[-1])] for _ in range(count)]
    return x, y


def orders(count: int, epochs: int) -> list[list[int]]:
    """Every epoch's order of the points: DataLoader's, with rng=SEED."""
    rng = random.Random(SEED)
    found = []
    for _ in range(epochs):
        order = list(range(count))
        rng.shuffle(order)
        found.append(order)
    return found


def rate(epoch: int) -> float:
    return RATE * GAMMA ** (epoch // STEP_SIZE)


def ours(count: int, tick: Tick) -> tuple[Any, ...]:
    """Model, criterion, loader, optimiser, and a scheduler that reads the clock every epoch."""
    import nn
    from nn.data import DataLoader, TensorDataset
    from nn.optim import SGD
    from nn.optim.lr_scheduler import StepLR

    class Scheduler(StepLR):
        def step(self) -> None:
            super().step()
            tick()

    model = nn.Sequential(
        nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 5)
    )
    for parameter, number in zip(model.parameters(), start(WIDTHS, SEED), strict=True):
        parameter.data = number
    loader = DataLoader(TensorDataset(*points(count)), batch_size=BATCH, shuffle=True, rng=SEED)
    optimizer = SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    scheduler = Scheduler(optimizer, step_size=STEP_SIZE, gamma=GAMMA)
    return model, nn.MSELoss(), loader, optimizer, scheduler


def replayed(count: int, epochs: int, tick: Tick) -> Losses:
    from nn import fit

    model, criterion, loader, optimizer, scheduler = ours(count, tick)
    tick()
    losses = fit(model, criterion, loader, optimizer, epochs=epochs, scheduler=scheduler)
    return [[float(loss)] for loss in losses]


def eager(count: int, epochs: int, tick: Tick) -> Losses:
    model, criterion, loader, optimizer, scheduler = ours(count, tick)
    losses: Losses = []
    tick()
    for _ in range(epochs):
        losses.append([])
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
        scheduler.step()
    return losses


def micrograd(count: int, epochs: int, tick: Tick) -> Losses:
    from micrograd.nn import MLP

    model = MLP(WIDTHS[0], list(WIDTHS[1:]))
    parameters = model.parameters()
    flat = start(WIDTHS, SEED)
    for parameter, where in zip(parameters, by_neuron(WIDTHS), strict=True):
        parameter.data = flat[where]
    velocity = [0.0] * len(parameters)
    x, y = points(count)
    losses: Losses = []
    tick()
    for epoch, order in enumerate(orders(count, epochs)):
        losses.append([])
        lr = rate(epoch)
        for first in range(0, count, BATCH):
            batch = order[first : first + BATCH]
            errors = [a - b for k in batch for a, b in zip(model(x[k]), y[k], strict=True)]
            loss = sum(error**2 for error in errors) * (1.0 / len(errors))
            model.zero_grad()
            loss.backward()
            for k, parameter in enumerate(parameters):
                velocity[k] = MOMENTUM * velocity[k] + parameter.grad
                parameter.data -= lr * velocity[k]
            losses[-1].append(loss.data)
        tick()
    return losses


def pytorch(count: int, epochs: int, tick: Tick) -> Losses:
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    model = torch.nn.Sequential(
        torch.nn.Linear(10, 40), torch.nn.ReLU(), torch.nn.Linear(40, 40), torch.nn.ReLU(),
        torch.nn.Linear(40, 5),
    )  # fmt: skip
    torch.nn.utils.vector_to_parameters(torch.tensor(start(WIDTHS, SEED)), model.parameters())
    x, y = map(torch.tensor, points(count))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=STEP_SIZE, gamma=GAMMA)
    criterion = torch.nn.MSELoss()
    losses: Losses = []
    tick()
    for order in orders(count, epochs):
        losses.append([])
        for batch in torch.tensor(order).split(BATCH):
            optimizer.zero_grad()
            loss = criterion(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
        scheduler.step()
        tick()
    return losses


def numpy(count: int, epochs: int, tick: Tick) -> Losses:
    import numpy as np

    net = ByHand(WIDTHS, start(WIDTHS, SEED))
    velocity = np.zeros_like(net.parameters)
    x, y = map(np.array, points(count))
    scale = 1.0 / (BATCH * WIDTHS[-1])
    losses: Losses = []
    tick()
    for epoch, order in enumerate(map(np.array, orders(count, epochs))):
        losses.append([])
        lr = rate(epoch)
        for first in range(0, count, BATCH):
            batch = order[first : first + BATCH]
            slopes = net.scores(x[batch])
            slopes -= y[batch]
            losses[-1].append(float(np.vdot(slopes, slopes)) * scale)
            slopes *= 2.0 * scale
            net.backward(slopes)
            velocity *= MOMENTUM
            velocity += net.gradient
            net.parameters -= lr * velocity
        tick()
    return losses


def c(count: int, epochs: int, tick: Tick, library: str) -> Losses:
    import ctypes

    code = in_c(library)
    p = doubles(start(WIDTHS, SEED))
    v = doubles([0.0] * len(p))
    x, y = (doubles([number for row in rows for number in row]) for rows in points(count))
    batches = count // BATCH
    now = doubles([0.0] * batches)
    losses: Losses = []
    tick()
    for epoch, order in enumerate(orders(count, epochs)):
        code.epoch(
            p, v, x, y, (ctypes.c_int * count)(*order), batches, BATCH,
            1.0 / (BATCH * WIDTHS[-1]), 0.0, rate(epoch), MOMENTUM, now,
        )  # fmt: skip
        losses.append(list(now))
        tick()
    return losses


def measure(engine: str, quick: bool, library: str | None) -> dict[str, Any]:
    """One program in this process."""
    clock: list[float] = []

    def tick() -> None:
        clock.append(time.perf_counter())

    count = 2 * BATCH if quick else POINTS
    epochs = FEW.get(engine, 2 if quick else EPOCHS)
    if engine.startswith("replayed"):
        os.environ["AUTOGRAD_CORE_BACKEND"] = engine.partition("_")[2]
        losses = replayed(count, epochs, tick)
    elif engine == "c":
        losses = c(count, epochs, tick, library or "")
    else:
        peers = {"eager": eager, "micrograd": micrograd, "pytorch": pytorch, "numpy": numpy}
        losses = peers[engine](count, epochs, tick)
    return {"us_a_step": intervals(clock) / (count // BATCH), "losses": losses}


def between(found: Losses, wanted: Losses) -> float:
    """The losses' relative difference, by epochs where one side has only their sums."""
    wanted = wanted[: len(found)]
    if [len(a) for a in found] != [len(b) for b in wanted]:
        found, wanted = [[sum(a)] for a in found], [[sum(b)] for b in wanted]
    return relative([x for a in found for x in a], [x for b in wanted for x in b])


def main() -> None:
    given = arguments(__doc__, runs=5)
    if given.one:
        print(json.dumps(measure(**given.one)))
        return
    network = [f"-DN{i}={width}" for i, width in enumerate(WIDTHS)]
    engines = ["replayed_native", "replayed_numpy", "eager", "micrograd", "pytorch", "numpy", "c"]
    with Bench(__file__, given, engines, *network, f"-DROWS={BATCH}") as bench:
        jobs = {name: {"engine": name} for name in bench.engines}
        found = bench.run(jobs)
        reference = "pytorch" if "pytorch" in found else "numpy"
        report: dict[str, dict[str, float]] = {}
        for name, runs in found.items():
            figures = medians(runs, "us_a_step", "process_s")
            whole = figures.pop("process_s")
            if name not in FEW:
                figures["whole_s"] = whole
            wanted = found[reference][0]["losses"]
            figures["loss_difference"] = max(between(run["losses"], wanted) for run in runs)
            report[name] = figures
        bench.report(
            "training",
            unit="us a step; s the whole program",
            steps=sum(map(len, found[reference][0]["losses"])),
            aims=AIMS,
            losses_from=reference,
            engines=report,
        )


if __name__ == "__main__":
    main()
