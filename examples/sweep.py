"""A hundred small networks on two moons: ten learning rates by ten widths, over all cores.

    pip install -e ".[scale,plots]"
    python examples/sweep.py --plot sweep.png       # half a minute

Trainings that do not need each other are the easiest thing to run side by side: joblib hands them
to processes, and each is `nn.fit`. Everything is seeded, so the numbers are those of one process.
"""

from __future__ import annotations

import argparse
import time

from joblib import Parallel, delayed

import nn
from nn.optim import SGD

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


def accuracy(rate: float, width: int, epochs: int, seed: int) -> float:
    """The share of 200 other points that are on the right side after a training on 100 points.

    A training that ends in inf or nan has learnt nothing: 0.
    """
    model = nn.MLP(2, [width, 1], activation="tanh", rng=seed)
    optimizer = SGD(model.parameters(), lr=rate, momentum=0.9)
    points = nn.moons(100, noise=0.15, rng=seed)
    loss = nn.BCEWithLogitsLoss()
    try:
        nn.fit(model, loss, points, optimizer, epochs=epochs, batch_size=20, progress=False)
    except (ArithmeticError, ValueError):
        return 0.0
    xs, labels = nn.moons(200, noise=0.15, rng=seed + 1)
    right = [(model(x).data > 0.0) == label for x, label in zip(xs, labels, strict=True)]
    return sum(right) / len(right)


def sweep(jobs: int, epochs: int, seed: int) -> list[float]:
    """The accuracies, for each width those of all rates."""
    settings = [(rate, width) for width in WIDTHS for rate in RATES]
    return Parallel(n_jobs=jobs)(delayed(accuracy)(*pair, epochs, seed) for pair in settings)


def table(found: list[float]) -> list[list[float]]:
    """The accuracies (widths, rates)."""
    count = len(RATES)
    return [found[i : i + count] for i in range(0, len(found), count)]


def plot(rows: list[list[float]], path: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4.2), layout="constrained")
    axes = figure.add_subplot()
    picture = axes.imshow(rows, vmin=0.5, vmax=1.0, cmap="cividis", origin="lower")
    axes.set_xticks(range(len(RATES)), [f"{rate:g}" for rate in RATES], fontsize=8)
    axes.set_yticks(range(len(WIDTHS)), [str(width) for width in WIDTHS])
    axes.set(xlabel="learning rate", ylabel="hidden units", title="Accuracy on 200 other points")
    figure.colorbar(picture)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1: one per core (-1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", metavar="FILE", help="draw the table: .png .svg .pdf")
    given = parser.parse_args()
    found, seconds = {}, {}
    for jobs in (1, given.jobs):
        start = time.perf_counter()
        found[jobs] = sweep(jobs, given.epochs, given.seed)
        seconds[jobs] = time.perf_counter() - start
    rows = table(found[given.jobs])
    print("units" + "".join(f"{rate:>7g}" for rate in RATES) + "   learning rate")
    for width, row in zip(WIDTHS, rows, strict=True):
        print(f"{width:5d}" + "".join(f"{share:7.1%}" for share in row))
    same = "the same" if found[1] == found[given.jobs] else "other"
    print(f"{len(found[1])} trainings: alone {seconds[1]:.1f} s, ", end="")
    print(f"by joblib {seconds[given.jobs]:.1f} s, with {same} numbers")
    if given.plot:
        plot(rows, given.plot)


if __name__ == "__main__":
    main()
