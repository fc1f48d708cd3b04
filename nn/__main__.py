"""python -m nn --plot moons.png"""

from __future__ import annotations

import argparse
import random
import sys
from typing import Any

from autograd_core import Value, no_grad

from . import MLP, moons

SEED = 1


def main(arguments: list[str] | None = None) -> int:
    """Train MLP(2, [16, 16, 1]) on two moons, scalar by scalar, and print how it goes."""
    parser = argparse.ArgumentParser(prog="python -m nn", description=main.__doc__)
    parser.add_argument("--steps", type=int, default=100, help="of gradient descent (100)")
    parser.add_argument("--plot", metavar="FILE", help="draw the decision boundary: .png .svg .pdf")
    given = parser.parse_args(arguments)
    if given.plot:
        if not given.plot.endswith((".png", ".svg", ".pdf")):
            print(f"--plot writes .png, .svg or .pdf, not {given.plot!r}", file=sys.stderr)
            return 2
        try:
            import matplotlib as matplotlib
        except ImportError:
            print('--plot needs matplotlib: pip install "autograd-core[plots]"', file=sys.stderr)
            return 2
    rng = random.Random(SEED)
    points, labels = moons(100, noise=0.1, rng=rng)
    model = MLP(2, [16, 16, 1], rng=rng)
    print(f"{len(model.parameters())} parameters, {len(points)} points")
    for step in _progress(range(given.steps)):
        loss, accuracy = evaluate(model, points, labels)
        model.zero_grad()
        loss.backward()
        rate = 1.0 - 0.9 * step / given.steps
        for p in model.parameters():
            p.data -= rate * p.grad
        if step % 10 == 0:
            _write(f"step {step:3}  loss {loss.data:.4f}  accuracy {accuracy:.0%}")
    with no_grad():
        loss, accuracy = evaluate(model, points, labels)
    print(f"step {given.steps:3}  loss {loss.data:.4f}  accuracy {accuracy:.0%}")
    if given.plot:
        from viz.plots import decision_boundary

        with no_grad():
            decision_boundary(
                lambda grid: [score.data for score in model(grid)], points, labels, given.plot,
                title=f"two moons, MLP(2, [16, 16, 1]): accuracy {accuracy:.0%}",
            )  # fmt: skip
        print(f"wrote {given.plot}", file=sys.stderr)
    return 0


def evaluate(model: MLP, points: Any, labels: list[int]) -> tuple[Value, float]:
    """The hinge loss over all points plus an L2 penalty of 1e-4, and the accuracy."""
    scores = model(points)
    signs = [2 * label - 1 for label in labels]
    losses = [(1.0 - sign * score).relu() for sign, score in zip(signs, scores, strict=True)]
    penalty = sum((p * p for p in model.parameters()), Value(0.0)) * 1e-4
    right = sum((score.data > 0.0) == (sign > 0) for sign, score in zip(signs, scores, strict=True))
    return sum(losses, Value(0.0)) / len(losses) + penalty, right / len(losses)


def _progress(steps: range) -> Any:
    """The steps, under a progress bar if tqdm is there and somebody watches."""
    try:
        from tqdm import tqdm
    except ImportError:
        return steps
    return tqdm(steps, desc="training", unit="step", leave=False, disable=None)


def _write(line: str) -> None:
    """Print a line without breaking the bar."""
    try:
        from tqdm import tqdm
    except ImportError:
        print(line, flush=True)
    else:
        tqdm.write(line)


if __name__ == "__main__":
    sys.exit(main())
