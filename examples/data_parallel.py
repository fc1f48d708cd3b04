"""The course's training program on eight devices, each with a part of every batch.

    pip install -e ".[scale]"
    python examples/data_parallel.py                       # 100 epochs, some seconds
    python examples/data_parallel.py --devices 2 --epochs 5

The network of deep_network.py is traced once; its program, written for JAX, is what every device
runs. The devices are GPUs where there are any, else parts of this CPU, which show that the numbers
are right and save no time. At the end the losses stand beside those of `nn.fit`.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np
from deep_network import build

import nn
from autograd_core import compile_graph, to_numpy
from nn.data import DataLoader, TensorDataset
from nn.optim import SGD
from nn.optim.lr_scheduler import StepLR

RATE, MOMENTUM, STEP_SIZE, GAMMA = 0.1, 0.9, 10, 0.5


def traced(model: nn.Module) -> Any:
    """The gradient of the network as a function for JAX, see `to_numpy`.

    A row is 10 numbers of x, 5 of y and the example's share of the loss: 1/10 in a batch of 10.
    """
    criterion = nn.MSELoss()
    f = compile_graph(lambda x, y, share: share * criterion(model(x), y))
    program = f.trace(np.zeros((1, 10)), np.zeros((1, 5)), np.ones(1))
    names: dict[str, Any] = {}
    exec(to_numpy(program, module="jax.numpy"), names)
    return names["value_and_grad"]


def step_on(mesh: Any, value_and_grad: Any) -> Any:
    """step(parameters, velocity, rows, rate) -> the next two, and the loss of the batch."""

    def shard(parameters: Any, velocity: Any, rows: Any, rate: Any) -> tuple[Any, Any, Any]:
        values, gradient = value_and_grad(rows, parameters)  # of this device's rows
        loss, gradient = jax.lax.psum((values.sum(), gradient), "data")  # of all
        velocity = MOMENTUM * velocity + gradient
        return parameters - rate * velocity, velocity, loss

    rows, whole = jax.P("data"), jax.P()
    specs = {"in_specs": (whole, whole, rows, whole), "out_specs": whole}
    return jax.jit(jax.shard_map(shard, mesh=mesh, **specs))


def padded(x: Any, y: Any, devices: int) -> Any:
    """A batch as rows, and rows without a share until every device has as many as the others."""
    rows = np.column_stack([x, y, np.full(len(x), 1.0 / len(x))])
    return np.pad(rows, [(0, -len(x) % devices), (0, 0)])


def train(model: nn.Module, loader: Iterable[Any], epochs: int, mesh: Any) -> list[float]:
    """Each epoch's loss, summed over its batches. The model's own numbers stay as they are."""
    value_and_grad = traced(model)
    step = step_on(mesh, value_and_grad)
    split = jax.NamedSharding(mesh, jax.P("data"))
    parameters = jax.numpy.array([p.data for p in model.parameters()])
    velocity = jax.numpy.zeros_like(parameters)
    losses = []
    for epoch in range(epochs):
        rate = RATE * GAMMA ** (epoch // STEP_SIZE)
        epoch_loss = 0.0
        for x, y in loader:
            rows = jax.device_put(padded(x, y, mesh.size), split)
            parameters, velocity, loss = step(parameters, velocity, rows, rate)
            epoch_loss += float(loss)
        losses.append(epoch_loss)
    return losses


def by_fit(model: nn.Module, loader: DataLoader, epochs: int) -> list[float]:
    """The same by `nn.fit`, in this process; the model is trained then."""
    optimizer = SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    scheduler = StepLR(optimizer, step_size=STEP_SIZE, gamma=GAMMA)
    return nn.fit(model, nn.MSELoss(), loader, optimizer, epochs=epochs, scheduler=scheduler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--devices", type=int, default=8, help="of a CPU; of GPUs all are used (8)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", given.devices)
    mesh = jax.make_mesh((jax.device_count(),), ("data",))
    print(f"{mesh.size} devices: {', '.join(map(str, mesh.devices.flat))}")

    rng = random.Random(given.seed)
    model = build(rng)
    x = [[rng.gauss(0.0, 1.0) for _ in range(10)] for _ in range(100)]
    y = [[rng.gauss(0.0, 1.0) for _ in range(5)] for _ in range(100)]

    def loader() -> DataLoader:
        return DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True, rng=given.seed)

    theirs = train(model, loader(), given.epochs, mesh)
    ours = by_fit(model, loader(), given.epochs)
    print("epoch   devices            nn.fit")
    for epoch, (a, b) in enumerate(zip(theirs, ours, strict=True)):
        if epoch % 10 == 0 or epoch == given.epochs - 1:
            print(f"{epoch:5d}   {a:.12f}    {b:.12f}")
    largest = max(abs(a - b) for a, b in zip(theirs, ours, strict=True))
    print(f"largest difference of {given.epochs} epochs: {largest:.1e}")


if __name__ == "__main__":
    main()
