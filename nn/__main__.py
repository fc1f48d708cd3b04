"""Train a small network from the command line: python -m nn --plot moons.png"""

from __future__ import annotations

import argparse
import json
import random
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from autograd_core import Value, compile_graph

from .data import circles, gaussian_points, moons, xor
from .layers import MLP
from .losses import HingeLoss
from .optim import EWA, SGD, Adam, RMSprop
from .training import fit

POINTS = 100


def _gaussian(n: int, rng: random.Random) -> tuple[list[tuple[float, ...]], list[int]]:
    points = gaussian_points(n, (0.0, 0.0), (1.0, 1.0), rng=rng)
    return points, [int(point[1] > 0.0) for point in points]


DATA: dict[str, Any] = {
    "moons": moons, "circles": circles, "xor": partial(xor, noise=0.3), "gaussian": _gaussian,
}  # fmt: skip
OPTIMIZERS: dict[str, Any] = {
    "sgd": partial(SGD, lr=1.0),
    "momentum": partial(SGD, lr=0.1, momentum=0.9),
    "ewa": partial(EWA, lr=1.0, beta=0.9),
    "rmsprop": partial(RMSprop, lr=0.01),
    "adam": partial(Adam, lr=0.05),
}


def main(arguments: list[str] | None = None) -> int:
    """Train a small network of scalars on points in the plane, and print its progress."""
    from viz.terminal import version

    parser = argparse.ArgumentParser(prog="python -m nn", description=main.__doc__)
    parser.add_argument("--data", choices=DATA, default="moons", help="which points (moons)")
    parser.add_argument("--layers", type=_widths, default=[16, 16], help="hidden widths (16,16)")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="sgd", help="which rule (sgd)")
    parser.add_argument("--epochs", type=int, default=100, help="passes over all points (100)")
    parser.add_argument("--seed", type=int, default=1, help="seed of points and weights (1)")
    parser.add_argument("--eager", action="store_true", help="step Value by Value, which is slow")
    parser.add_argument("--save", metavar="FILE", help="write the weights at the end, as JSON")
    parser.add_argument("--load", metavar="FILE", help="start from weights saved before")
    parser.add_argument("--plot", metavar="FILE", help="draw the decision boundary: .png .svg .pdf")
    parser.add_argument("--version", action="version", version=version())
    given = parser.parse_args(arguments)
    try:
        _check_files(given)
        rng = random.Random(given.seed)
        points, labels = DATA[given.data](POINTS, rng=rng)
        model = MLP(2, [*given.layers, 1], rng=rng)
        if given.load:
            model.load_state_dict(json.loads(Path(given.load).read_text(encoding="utf-8")))
        accuracy = _train(model, points, labels, given)
        if given.save:
            from viz.files import write

            write(given.save, json.dumps(model.state_dict()).encode())
            _say(f"wrote {given.save}", sys.stderr)
        if given.plot:
            _plot(model, points, labels, given, accuracy)
    except (ValueError, OSError, ImportError, ArithmeticError) as error:
        _say(f"python -m nn: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        _say("interrupted: nothing was written", sys.stderr)
        return 130
    return 0


def _train(model: MLP, points: Any, labels: list[int], given: argparse.Namespace) -> float:
    """Take full-batch steps at a rate that falls to a tenth; return the accuracy at the end."""
    _say(f"{len(model.parameters())} parameters, {len(points)} points")
    signs = [2 * label - 1 for label in labels]
    hinge, scores = HingeLoss(), compile_graph(model)

    def loss(score: Value, sign: Value) -> Any:
        """The hinge loss of one example, plus 1e-4 times the sum of all squared parameters."""
        return hinge(score, sign) + 1e-4 * sum(p * p for p in model.parameters())

    def accuracy() -> float:
        pairs = zip(scores.each(points), signs, strict=True)
        right: list[bool] = [(score > 0.0) == (sign > 0) for score, sign in pairs]
        return sum(right) / len(right)

    optimizer = OPTIMIZERS[given.optimizer](model.parameters())
    first_lr = optimizer.lr
    before = accuracy()

    def watch(epoch: int, loss: float) -> None:
        nonlocal before
        if epoch % 10 == 0:
            _say(f"epoch {epoch:3}  loss {loss:.4f}  accuracy {before:.0%}")
        before = accuracy()
        optimizer.lr = first_lr * (1.0 - 0.9 * (epoch + 1) / given.epochs)

    fit(
        model, loss, (points, signs), optimizer, epochs=given.epochs, eager=given.eager,
        watch=watch,
    )  # fmt: skip
    last = compile_graph(lambda x, y: loss(model(x), y))(points, signs)
    _say(f"epoch {given.epochs:3}  loss {last:.4f}  accuracy {before:.0%}")
    return before


def _plot(
    model: MLP, points: Any, labels: list[int], given: argparse.Namespace, accuracy: float
) -> None:
    from viz.plots import decision_boundary

    widths = ", ".join(map(str, [*given.layers, 1]))
    decision_boundary(
        compile_graph(model).each, points, labels, given.plot,
        title=f"{given.data}, MLP(2, [{widths}]): accuracy {accuracy:.0%}",
    )  # fmt: skip
    _say(f"wrote {given.plot}", sys.stderr)


def _widths(text: str) -> list[int]:
    widths = [int(width) for width in text.split(",") if width.strip()]
    if any(width < 1 for width in widths):
        raise ValueError(text)
    return widths


def _check_files(given: argparse.Namespace) -> None:
    """Raise before a long training what would go wrong only after it."""
    if given.epochs < 0:
        raise ValueError(f"--epochs must be 0 or more, got {given.epochs}")
    for path in filter(None, (given.save, given.plot)):
        if not Path(path).absolute().parent.is_dir():
            raise FileNotFoundError(f"cannot write {path}: there is no folder {Path(path).parent}")
    if given.plot:
        from viz.plots import check

        check(given.plot)


def _say(text: str, stream: Any = None) -> None:
    """Print a line, above the progress bar if there is one."""
    from viz.terminal import say

    tqdm = sys.modules.get("tqdm")
    with tqdm.tqdm.external_write_mode() if tqdm else nullcontext():
        say(text, stream)


def program() -> int | str | None:
    """The command `autograd-nn`."""
    from viz.terminal import run

    return run(main)


if __name__ == "__main__":
    sys.exit(program())
