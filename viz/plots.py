"""Plots, by matplotlib: `pip install "autograd-core[plots]"`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

__all__ = ["decision_boundary"]


def decision_boundary(
    score: Callable[[list[tuple[float, float]]], Sequence[float]],
    points: Sequence[tuple[float, float]],
    labels: Sequence[int],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    resolution: int = 60,
) -> None:
    """Draw where a classifier's score changes sign, over its points, and save it to `path`.

    score takes a list of points in the plane and returns a number for each: above 0 means label 1.
    The form is that of path's suffix: png, svg, pdf.
    """
    from matplotlib.figure import Figure

    xs, ys = zip(*points, strict=True)
    margin = 0.5
    across = _steps(min(xs) - margin, max(xs) + margin, resolution)
    up = _steps(min(ys) - margin, max(ys) + margin, resolution)
    flat = list(score([(x, y) for y in up for x in across]))
    grid = [flat[i : i + resolution] for i in range(0, len(flat), resolution)]
    figure = Figure(figsize=(6.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    bound = max(abs(z) for z in flat) or 1.0
    axes.contourf(across, up, grid, levels=20, cmap="RdBu", alpha=0.5, vmin=-bound, vmax=bound)
    axes.contour(across, up, grid, levels=[0.0], colors="black", linewidths=1.5)
    for label, colour, marker in ((0, "#b3261e", "o"), (1, "#0550ae", "s")):
        chosen = [point for point, own in zip(points, labels, strict=True) if own == label]
        axes.scatter(
            [x for x, _ in chosen], [y for _, y in chosen], c=colour, marker=marker, s=28,
            edgecolors="white", linewidths=0.6, label=f"label {label}",
        )  # fmt: skip
    axes.set(title=title, xlabel="x0", ylabel="x1", aspect="equal")
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=120)


def _steps(low: float, high: float, count: int) -> list[float]:
    return [low + (high - low) * i / (count - 1) for i in range(count)]
