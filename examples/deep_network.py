"""The course's training program, with `nn` in place of `torch.nn`: every number is a Value.

    python examples/deep_network.py              # 100 epochs, about two minutes
    python examples/deep_network.py --epochs 5

Linear(10, 40), ReLU, Linear(40, 40), ReLU, Linear(40, 5) on 100 random points: He initialisation,
mean squared error, SGD with momentum 0.9, a learning rate of 0.1 that is halved every 10 epochs
(Prince, Understanding Deep Learning, 7.6).
"""

from __future__ import annotations

import argparse
import random

import nn
from nn.data import DataLoader, TensorDataset
from nn.optim import SGD
from nn.optim.lr_scheduler import StepLR


def build(rng: random.Random) -> nn.Sequential:
    """The network, with He initialisation and biases of 0."""
    model = nn.Sequential(
        nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 5)
    )

    def init(layer: nn.Module) -> None:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, rng=rng)
            nn.init.zeros_(layer.bias)

    model.apply(init)
    return model


def train(model: nn.Sequential, loader: DataLoader, epochs: int) -> list[float]:
    """Print and return each epoch's loss, summed over its batches."""
    criterion = nn.MSELoss()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=10, gamma=0.5)
    losses = []
    for epoch in range(epochs):
        epoch_loss = 0.0
        for x_batch, y_batch in loader:
            optimizer.zero_grad()
            loss = criterion(model(x_batch), y_batch)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        print(f"Epoch {epoch:3d}, loss {epoch_loss:.3f}", flush=True)
        losses.append(epoch_loss)
        scheduler.step()
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    model = build(rng)
    x = [[rng.gauss(0.0, 1.0) for _ in range(10)] for _ in range(100)]
    y = [[rng.gauss(0.0, 1.0) for _ in range(5)] for _ in range(100)]
    train(
        model, DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True, rng=rng), given.epochs
    )


if __name__ == "__main__":
    main()
