"""python -m nn --plot moons.png"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from autograd_core import Value, compile_graph

from .data import circles, gaussian_points, moons, xor
from .layers import MLP
from .losses import HingeLoss
from .optim import EWA, SGD, Adam, RMSprop
from .train import train

POINTS = 100


def _gaussian(n: int, rng: random.Random) -> tuple[list[tuple[float, ...]], list[int]]:
    points = gaussian_points(n, (0.0, 0.0), (1.0, 1.0), rng=rng)
    return points, [int(point[1] > 0.0) for point in points]


DATA: dict[str, Any] = {
    "moons": lambda rng: moons(POINTS, rng=rng),
    "circles": lambda rng: circles(POINTS, rng=rng),
    "xor": lambda rng: xor(POINTS, noise=0.3, rng=rng),
    "gaussian": lambda rng: _gaussian(POINTS, rng),
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda parameters: SGD(parameters, lr=1.0),
    "momentum": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9),
    "ewa": lambda parameters: EWA(parameters, lr=1.0, beta=0.9),
    "rmsprop": lambda parameters: RMSprop(parameters, lr=0.01),
    "adam": lambda parameters: Adam(parameters, lr=0.05),
}


def main(arguments: list[str] | None = None) -> int:
    """Train a small network of scalars on points in the plane, and print how it goes."""
    parser = argparse.ArgumentParser(prog="python -m nn", description=main.__doc__)
    parser.add_argument("--data", choices=DATA, default="moons", help="the points (moons)")
    parser.add_argument("--layers", type=_widths, default=[16, 16], help="hidden widths (16,16)")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="sgd", help="(sgd)")
    parser.add_argument("--epochs", type=int, default=100, help="passes over all points (100)")
    parser.add_argument("--seed", type=int, default=1, help="of points and weights (1)")
    parser.add_argument("--eager", action="store_true", help="step Value by Value: slow")
    parser.add_argument("--save", metavar="FILE", help="write the weights at the end, as JSON")
    parser.add_argument("--load", metavar="FILE", help="start from weights saved before")
    parser.add_argument("--plot", metavar="FILE", help="draw the decision boundary: .png .svg .pdf")
    given = parser.parse_args(arguments)
    try:
        _check_files(given)
        rng = random.Random(given.seed)
        points, labels = DATA[given.data](rng)
        model = MLP(2, [*given.layers, 1], rng=rng)
        if given.load:
            model.load_state_dict(json.loads(Path(given.load).read_text(encoding="utf-8")))
        accuracy = _train(model, points, labels, given)
        if given.save:
            from viz.output import write

            write(given.save, json.dumps(model.state_dict()).encode())
            print(f"wrote {given.save}", file=sys.stderr)
        if given.plot:
            _plot(model, points, labels, given, accuracy)
    except (ValueError, OSError, ImportError, ArithmeticError) as error:
        print(f"python -m nn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    return 0


def _loss(model: MLP) -> Callable[[Value, Value], Value]:
    """The hinge loss of one example plus an L2 penalty of 1e-4."""
    hinge = HingeLoss()

    def loss(score: Value, sign: Value) -> Value:
        penalty: Value = sum((p * p for p in model.parameters()), Value(0.0)) * 1e-4
        return hinge.forward(score, sign) + penalty

    return loss


def _train(model: MLP, points: Any, labels: list[int], given: argparse.Namespace) -> float:
    """Full-batch steps, at a rate that falls to a tenth; returns the accuracy at the end."""
    print(f"{len(model.parameters())} parameters, {len(points)} points")
    signs = [2 * label - 1 for label in labels]
    scores = compile_graph(model)
    loss = compile_graph(lambda x, y: _loss(model)(model(x), y))

    def accuracy() -> float:
        found = scores.each(points)
        right: list[bool] = [(x > 0.0) == (sign > 0) for sign, x in zip(signs, found, strict=True)]
        return sum(right) / len(right)

    optimizer = OPTIMIZERS[given.optimizer](model.parameters())
    before = accuracy()
    with _progress(given.epochs) as bar:

        def watch(epoch: int, loss: float) -> None:
            nonlocal before
            bar.update()
            if epoch % 10 == 0:
                bar.write(f"epoch {epoch:3}  loss {loss:.4f}  accuracy {before:.0%}")
            before = accuracy()

        train(
            model, _loss(model), (points, signs), optimizer, epochs=given.epochs,
            scheduler=_Falling(optimizer, given.epochs), eager=given.eager, watch=watch,
        )  # fmt: skip
    print(f"epoch {given.epochs:3}  loss {loss(points, signs):.4f}  accuracy {before:.0%}")
    return before


class _Falling:
    """A learning rate that falls in a line to a tenth."""

    def __init__(self, optimizer: Any, epochs: int) -> None:
        self.optimizer, self.epochs = optimizer, epochs
        self.first, self.epoch = optimizer.lr, 0

    def step(self) -> None:
        self.epoch += 1
        self.optimizer.lr = self.first * (1.0 - 0.9 * self.epoch / self.epochs)


def _plot(
    model: MLP, points: Any, labels: list[int], given: argparse.Namespace, accuracy: float
) -> None:
    from viz.plots import decision_boundary

    widths = ", ".join(map(str, [*given.layers, 1]))
    decision_boundary(
        compile_graph(model).each, points, labels, given.plot,
        title=f"{given.data}, MLP(2, [{widths}]): accuracy {accuracy:.0%}",
    )  # fmt: skip
    print(f"wrote {given.plot}", file=sys.stderr)


def _widths(text: str) -> list[int]:
    widths = [int(width) for width in text.split(",") if width.strip()]
    if any(width < 1 for width in widths):
        raise ValueError(text)
    return widths


def _check_files(given: argparse.Namespace) -> None:
    """Say before a long training what could not be written or drawn after it."""
    if given.epochs < 0:
        raise ValueError(f"--epochs must be 0 or more, got {given.epochs}")
    for path in filter(None, (given.save, given.plot)):
        if not Path(path).absolute().parent.is_dir():
            raise FileNotFoundError(f"cannot write {path}: there is no folder {Path(path).parent}")
    if given.plot:
        if Path(given.plot).suffix.lower() not in (".png", ".svg", ".pdf"):
            raise ValueError(f"--plot writes .png, .svg or .pdf, not {given.plot!r}")
        try:
            import matplotlib as matplotlib
        except ImportError:
            raise ImportError(
                '--plot needs matplotlib: pip install "autograd-core[plots]"'
            ) from None


class _Quiet:
    """What stands for a progress bar where tqdm is not installed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def update(self) -> None:
        pass

    def write(self, line: str) -> None:
        print(line, flush=True)


def _progress(epochs: int) -> Any:
    """A progress bar, if tqdm is there and somebody watches."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _Quiet()
    return tqdm(total=epochs, desc="training", unit="epoch", leave=False, disable=None)


if __name__ == "__main__":
    sys.exit(main())
