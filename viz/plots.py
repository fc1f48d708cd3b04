"""Plots of data, training and networks, by matplotlib: `pip install matplotlib`.

    decision_boundary(score, points, labels, "moons.png")
    training_curves({"GD": losses, "momentum": others}, "losses.pdf", log=True)
    training_panels({"w0": {"GD": path0}, "w1": {"GD": path1}})     # side by side
    curves({"sin": [(x / 10, math.sin(x / 10)) for x in range(63)]}, ylabel="sin x")
    bands({"20 seeds": [train(seed) for seed in range(20)]})        # what chance does, as a band
    figure = loss_landscape(loss, {"GD": path})         # no file: a Figure, which a notebook shows

Each takes plain numbers and returns a `matplotlib.figure.Figure`; with `path` it is saved there as
well, in the format of the suffix: png, svg, pdf. Series differ in colour, dash and marker, so that
a print in grey can be read. ImportError, naming it, if there is no matplotlib.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from .files import write

__all__ = [
    "bands", "check", "curves", "decision_boundary", "elbows", "loss_landscape", "training_curves",
    "training_panels", "variance_by_depth",
]  # fmt: skip

Destination: TypeAlias = "str | os.PathLike[str] | None"
Point: TypeAlias = "tuple[float, float]"
Series: TypeAlias = "Mapping[str, Sequence[float]]"  # numbers, by the name of their line

# Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def decision_boundary(
    score: Callable[[list[Point]], Sequence[float]], points: Sequence[Point],
    labels: Sequence[int], path: Destination = None, *,
    arrows: Sequence[tuple[Point, Point]] = (), title: str = "", resolution: int = 60,
) -> Any:  # fmt: skip
    """Where a classifier's score changes sign, over its points.

    score takes a list of points in the plane and returns a number for each: above 0 means label 1.
    arrows, as pairs (start, vector), show what the score does there: its gradients on the points.
    All are on one scale, the longest a ninth of the plot's width.
    """
    xs, ys = zip(*points, strict=True)
    margin = 0.5
    slant = (max(ys) - min(ys) + 2 * margin) / (max(xs) - min(xs) + 2 * margin)
    figure, (axes,) = _figure(path, 6.0, min(8.0, max(2.5, 5.3 * slant + 0.9)))
    across = _steps(min(xs) - margin, max(xs) + margin, resolution)
    up = _steps(min(ys) - margin, max(ys) + margin, resolution)
    flat = list(score([(x, y) for y in up for x in across]))
    grid = [flat[i : i + resolution] for i in range(0, len(flat), resolution)]
    bound = max(abs(z) for z in flat) or 1.0
    axes.contourf(across, up, grid, levels=20, cmap="RdBu", alpha=0.5, vmin=-bound, vmax=bound)
    if min(flat) < 0.0 < max(flat):
        axes.contour(across, up, grid, levels=[0.0], colors="black", linewidths=1.5)
    for label, colour, marker in ((0, "#b3261e", "o"), (1, "#0550ae", "s")):
        chosen = [point for point, own in zip(points, labels, strict=True) if own == label]
        axes.scatter(
            [x for x, _ in chosen], [y for _, y in chosen], c=colour, marker=marker, s=28,
            edgecolors="white", linewidths=0.6, label=f"label {label}",
        )  # fmt: skip
    if arrows:
        starts, vectors = zip(*arrows, strict=True)
        us, vs = zip(*vectors, strict=True)
        longest = max(map(math.hypot, us, vs)) or 1.0
        axes.quiver(
            *zip(*starts, strict=True), us, vs, angles="xy", scale_units="xy",
            scale=longest / ((across[-1] - across[0]) / 9.0), width=0.004, zorder=3,
        )  # fmt: skip
    axes.set(title=title, xlabel="x0", ylabel="x1", aspect="equal")
    axes.legend(loc="upper right")
    return _finished(figure, path)


def variance_by_depth(
    activations: Series, gradients: Series, path: Destination = None, *, title: str = ""
) -> Any:
    """The variance of activations and of gradients by layer, one line per initialisation.

    Both map its name to one variance for each layer, first layer first. The scale is logarithmic;
    a layer whose variance is 0 or not finite has no point.
    """
    figure, (left, right) = _figure(path, 9.0, 4.2, columns=2)
    for axes, series, what in ((left, activations, "activations"), (right, gradients, "gradients")):
        _counted(axes, series, log=True, first=1, legend=False)
        axes.set(xlabel="layer", ylabel=f"variance of {what}")
    if len(activations) > 1 or len(gradients) > 1:
        handles, names = max(
            (axes.get_legend_handles_labels() for axes in (left, right)),
            key=lambda legend: len(legend[1]),
        )
        figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 4))
    return _finished(figure, path, title)


def elbows(
    positions: Series, path: Destination = None, *, interval: Point = (-3.0, 3.0), title: str = ""
) -> Any:
    """Where ReLU units of one input have their kinks: one row of marks per initialisation.

    positions maps its name to the kinks; only those within `interval` are drawn, and each row
    says how many these are.
    """
    low, high = interval
    if not low < high:
        raise ValueError(f"interval must rise, as (-3.0, 3.0), got {interval}")
    count = len(positions)
    figure, (axes,) = _figure(path, 7.0, 1.3 + 0.6 * count)
    for i, kinks in enumerate(positions.values()):
        inside = [x for x in kinks if low <= x <= high]
        axes.vlines(inside, i - 0.32, i + 0.32, color=COLOURS[i % len(COLOURS)], alpha=0.7)
        axes.text(
            1.01, i, f"{len(inside)} of {len(kinks)}",
            transform=axes.get_yaxis_transform(), va="center",
        )  # fmt: skip
    axes.set_yticks(range(count), list(positions))
    axes.tick_params(axis="y", length=0)
    axes.spines[["left", "top", "right"]].set_visible(False)
    axes.set(xlim=interval, ylim=(count - 0.5, -0.5), xlabel="elbow, -b/w", title=title)
    axes.grid(axis="x", alpha=0.3)
    return _finished(figure, path)


def loss_landscape(
    loss: Callable[[float, float], float], paths: Mapping[str, Sequence[Point]],
    path: Destination = None, *, x_range: Point = (-1.0, 1.0), y_range: Point = (-1.0, 1.0),
    names: tuple[str, str] = ("w0", "w1"), title: str = "", resolution: int = 80,
) -> Any:  # fmt: skip
    """Contours of a loss over two parameters, with the paths that optimisers took.

    loss takes the two numbers; paths maps a name to the points passed, start first. The start has
    a ring, the end a star. The levels lie closer near the bottom.
    """
    figure, (axes,) = _figure(path, 6.4, 5.4)
    across, up = _steps(*x_range, resolution), _steps(*y_range, resolution)
    grid = [[loss(x, y) for x in across] for y in up]
    finite = [z for row in grid for z in row if math.isfinite(z)]
    if not finite:
        raise ValueError("the loss is nowhere finite in x_range, y_range")
    low, high = min(finite), max(finite)
    if low < high:
        levels = [low + (high - low) * (k / 16) ** 2 for k in range(17)]
        filled = axes.contourf(across, up, grid, levels=levels, cmap="Greys", alpha=0.6)
        axes.contour(across, up, grid, levels=levels, colors="0.45", linewidths=0.5)
        figure.colorbar(filled, ax=axes, label="loss", format="%.3g")
    for i, (name, points) in enumerate(paths.items()):
        xs, ys = [x for x, _ in points], [y for _, y in points]
        style = _style(i, len(xs))
        axes.plot(xs, ys, label=name, markersize=2.5, **{**style, "markevery": 1, "linewidth": 1.1})
        colour = style["color"]
        axes.plot(xs[:1], ys[:1], "o", color=colour, markersize=10, markerfacecolor="none")
        axes.plot(
            xs[-1:], ys[-1:], "*", color=colour, markersize=14, markeredgecolor="white", zorder=3
        )
    axes.set(xlim=x_range, ylim=y_range, xlabel=names[0], ylabel=names[1], title=title)
    if paths:
        axes.legend(loc="upper right")
    return _finished(figure, path)


def training_curves(
    curves: Series, path: Destination = None, *,
    xlabel: str = "epoch", ylabel: str = "loss", log: bool = False, title: str = "",
) -> Any:  # fmt: skip
    """Numbers that training left behind, one line for each name, from epoch 0 on.

    With `log` the scale is logarithmic, and numbers of 0 and below have no point.
    """
    figure, (axes,) = _figure(path, 6.4, 4.2)
    _counted(axes, curves, log)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    return _finished(figure, path)


def training_panels(
    panels: Mapping[str, Series], path: Destination = None, *,
    xlabel: str = "epoch", ylabel: str = "", log: bool = False, title: str = "",
) -> Any:  # fmt: skip
    """`training_curves` side by side, each panel with its name above and a scale of its own.

    panels maps a name, as that of a parameter, to the curves of its panel. ValueError without any.
    """
    if not panels:
        raise ValueError('training_panels needs a panel, as {"w0": {"GD": numbers}}')
    figure, row = _figure(path, 4.6 * len(panels), 3.8, columns=len(panels))
    for axes, (name, curves) in zip(row, panels.items(), strict=True):
        _counted(axes, curves, log)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=name)
    return _finished(figure, path, title)


def curves(
    series: Mapping[str, Sequence[Point]], path: Destination = None, *,
    xlabel: str = "x", ylabel: str = "y", log: bool = False, title: str = "",
) -> Any:  # fmt: skip
    """Functions of one number, as points (x, y) joined in the order given, one line per name.

    With `log` the scale of y is logarithmic, and numbers of 0 and below have no point.
    """
    figure, (axes,) = _figure(path, 6.4, 3.8)
    _lines(axes, series, log)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    return _finished(figure, path)


def bands(
    runs: Mapping[str, Sequence[Sequence[float]]], path: Destination = None, *,
    dots: Mapping[str, Mapping[int, float]] | None = None,
    xlabel: str = "epoch", ylabel: str = "loss", log: bool = False, title: str = "",
) -> Any:  # fmt: skip
    """What many runs did, one band for each name: the median as a line, all runs within the band.

    runs maps a name to its runs, each with one number per epoch, from epoch 0 on, all of one
    length. dots maps a name to single points, {epoch: number}, such as numbers from a book. With
    `log` the scale is logarithmic, and numbers of 0 and below have no place. ValueError for a name
    without runs, or with runs of different lengths.
    """
    for name, several in runs.items():
        if not several or len(set(map(len, several))) > 1:
            raise ValueError(
                f"bands needs runs of one length for {name!r}, as [[4.0, 2.0], [3.0, 1.0]]; got "
                f"the lengths {[len(run) for run in several]}"
            )
    figure, (axes,) = _figure(path, 6.4, 4.2)
    by_epoch = {
        name: [sorted(numbers) for numbers in zip(*runs[name], strict=True)] for name in runs
    }
    middle = {name: [median(numbers) for numbers in each] for name, each in by_epoch.items()}
    _counted(axes, middle, log, legend=False)
    for i, numbers in enumerate(by_epoch.values()):
        low, high = [each[0] for each in numbers], [each[-1] for each in numbers]
        colour = COLOURS[i % len(COLOURS)]
        axes.fill_between(range(len(low)), low, high, color=colour, alpha=0.2, linewidth=0)
    for i, (name, points) in enumerate((dots or {}).items(), len(runs)):
        style = {**_style(i, 1), "linestyle": "", "markersize": 6, "zorder": 3}
        axes.plot(list(points), list(points.values()), label=name, **style)
    if len(runs) + len(dots or {}) > 1:
        axes.legend()
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    return _finished(figure, path)


# ---------------------------------------------------------------- shared


def check(path: Destination) -> Any:
    """Refuse a path, or a machine without matplotlib, before any work; returns its Figure."""
    if path is not None and Path(path).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"plots are saved as .png, .svg or .pdf, not {os.fspath(path)!r}")
    try:
        import matplotlib.figure
    except ImportError:
        raise ImportError(
            "plots need matplotlib: pip install matplotlib", name="matplotlib"
        ) from None
    return matplotlib.figure.Figure


def _figure(path: Destination, width: float, height: float, columns: int = 1) -> tuple[Any, Any]:
    """A figure that pyplot does not know, and a row of axes."""
    figure = _shown(check(path))(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _lines(
    axes: Any, series: Mapping[str, Sequence[Point]], log: bool, legend: bool = True
) -> None:
    for i, (name, points) in enumerate(series.items()):
        xs = [x for x, _ in points]
        ys = [y if 0.0 < y < math.inf or not log else math.nan for _, y in points]
        axes.plot(xs, ys, label=name, markersize=4, **_style(i, len(points)))
    if log:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if legend and len(series) > 1:
        axes.legend()


def _counted(axes: Any, series: Series, log: bool, first: int = 0, legend: bool = True) -> None:
    """Lines over first, first + 1, ..."""
    points = {name: list(enumerate(numbers, first)) for name, numbers in series.items()}
    _lines(axes, points, log, legend)
    axes.xaxis.get_major_locator().set_params(integer=True)


@cache
def _shown(figure: type) -> Any:
    """matplotlib's Figure, but one that a notebook shows: by itself it shows only pyplot's."""
    return type("Figure", (figure,), {"_repr_png_": _png})


def _png(figure: Any) -> bytes:
    """The figure in 256 colours: a third of the bytes, and notebooks keep every picture."""
    from PIL import Image  # matplotlib needs it too

    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=100)
    Image.open(full).convert("RGB").quantize(256).save(small, format="png", optimize=True)
    return small.getvalue()


def _finished(figure: Any, path: Destination, title: str = "") -> Any:
    """The figure, titled above all its axes, and saved if there is a path: whole or not at all."""
    if title:
        figure.suptitle(title)
    if path is not None:
        content = io.BytesIO()
        figure.savefig(content, format=Path(path).suffix.lower()[1:], dpi=150)
        write(path, content.getvalue())
    return figure


def _style(i: int, points: int) -> dict[str, Any]:
    """Colour, dash and marker of series i; markers on about ten of its points."""
    return {
        "color": COLOURS[i % len(COLOURS)],
        "linestyle": DASHES[i % len(DASHES)],
        "marker": MARKERS[i % len(MARKERS)],
        "markevery": max(1, points // 10),
        "linewidth": 1.5,
    }


def _steps(low: float, high: float, count: int) -> list[float]:
    return [low + (high - low) * i / (count - 1) for i in range(count)]
