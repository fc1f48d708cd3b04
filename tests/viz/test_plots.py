"""viz.plots: what is drawn is what was given; files whole; no global state."""

import math
import subprocess
import sys

import pytest

from viz import plots

pytest.importorskip("matplotlib")

POINTS = [(0.0, 0.0), (1.0, 0.5), (2.0, -0.5), (0.5, 1.0)]
LABELS = [0, 1, 1, 0]
TRAIL = [(0.0, 0.0), (0.2, 0.1), (0.3, 0.25)]


def plot_boundary(path=None, **options):
    return plots.decision_boundary(
        lambda grid: [x + y - 1.0 for x, y in grid], POINTS, LABELS, path, **options
    )


def plot_variances(path=None, **options):
    series = {"He": [1.0, 0.9, 1.1], "zeros": [1.0, 0.0, 0.0]}
    return plots.variance_by_depth(series, {"He": [2.0, 1.0, math.inf]}, path, **options)


def plot_elbows(path=None, **options):
    kinks = {"He": [-0.5, 0.5, math.inf, 9.0], "zeros": [0.0, 0.0]}
    return plots.elbows(kinks, path, **options)


def plot_landscape(path=None, **options):
    return plots.loss_landscape(
        lambda x, y: x * x + 4.0 * y * y, {"GD": TRAIL, "Adam": TRAIL[:2]}, path, **options
    )


def plot_curves(path=None, **options):
    return plots.training_curves({"GD": [4.0, 2.0, 0.0], "Adam": [3.0, 1.0]}, path, **options)


def plot_functions(path=None, **options):
    series = {"square": [(-1.0, 1.0), (0.5, 0.25), (2.0, 4.0)], "line": [(0.0, -1.0), (1.0, 0.0)]}
    return plots.curves(series, path, **options)


def plot_panels(path=None, **options):
    panels = {"w0": {"GD": [4.0, 2.0, 0.0], "Adam": [3.0, 1.0]}, "w1": {"GD": [0.1, 0.2]}}
    return plots.training_panels(panels, path, **options)


def plot_bands(path=None, **options):
    runs = {"GD": [[4.0, 2.0, 0.0], [5.0, 1.0, 1.0], [3.0, 3.0, 0.5]], "Adam": [[1.0, 0.5, 0.25]]}
    return plots.bands(runs, path, dots={"the book": {0: 4.5, 2: 0.1}}, **options)


ALL = [
    plot_boundary, plot_variances, plot_elbows, plot_landscape, plot_curves, plot_functions,
    plot_panels, plot_bands,
]  # fmt: skip
each = pytest.mark.parametrize("draw", ALL, ids=lambda draw: draw.__name__)


def data(line):
    return list(zip(line.get_xdata(), line.get_ydata(), strict=True))


def texts(figure):
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text)]


def same(found, expected):
    return len(found) == len(expected) and all(
        a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(found, expected, strict=True)
    )


# ---------------------------------------------------------------- files and state


@each
@pytest.mark.parametrize(
    ("suffix", "head"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")],
)
def test_saves(draw, suffix, head, tmp_path):
    path = tmp_path / f"plot.{suffix}"
    figure = draw(path, title="a title")
    assert path.read_bytes().startswith(head)
    assert type(figure).__name__ == "Figure" and "a title" in texts(figure)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@each
def test_path_may_be_text(draw, tmp_path):
    draw(str(tmp_path / "plot.png"))
    assert (tmp_path / "plot.png").stat().st_size > 1000


@each
def test_a_notebook_shows_it(draw):
    formatters = pytest.importorskip("IPython.core.formatters")
    bundle, _ = formatters.DisplayFormatter().format(draw())
    picture = bundle["image/png"]
    assert picture.startswith(b"\x89PNG")
    assert picture[25] == 3, "a palette, which keeps notebooks small"


def test_matplotlib_is_left_as_it_was():
    from matplotlib.figure import Figure

    assert isinstance(plot_curves(), Figure)
    assert not hasattr(Figure, "_repr_png_")


@each
def test_other_forms_are_refused(draw, tmp_path):
    for name in ("plot.txt", "plot"):
        with pytest.raises(ValueError, match=rf"\.png, \.svg or \.pdf, not .*{name}"):
            draw(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    path = tmp_path / "plot.png"
    path.write_bytes(b"old")

    def torn(self, file, **options):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", torn)
    with pytest.raises(KeyboardInterrupt):
        plot_curves(path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_no_global_state():
    program = (
        "import sys\n"
        "from viz import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plots.training_curves({'a': [1.0, 2.0]})\n"
        "assert 'matplotlib.figure' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@each
def test_without_matplotlib(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        draw()


def test_refused_before_the_work():
    def loss(x, y):
        raise AssertionError("computed")

    with pytest.raises(ValueError, match="plots are saved as"):
        plots.loss_landscape(loss, {}, "plot.txt")


# ---------------------------------------------------------------- what is drawn


def test_boundary():
    (axes,) = plot_boundary().axes
    dots = [c for c in axes.collections if type(c).__name__ == "PathCollection"]
    found = [[tuple(map(float, p)) for p in c.get_offsets()] for c in dots]
    assert found == [[POINTS[0], POINTS[3]], [POINTS[1], POINTS[2]]]
    (line,) = [c for c in axes.collections if type(c).__name__ == "QuadContourSet" and not c.filled]
    (vertices,) = [path.vertices for path in line.get_paths()]
    assert len(vertices) > 10
    assert all(x + y == pytest.approx(1.0) for x, y in vertices)


def test_boundary_with_arrows():
    given = [((0.0, 0.0), (3.0, 4.0)), ((2.0, -0.5), (-1.0, 0.0))]
    (axes,) = plot_boundary(arrows=given).axes
    (drawn,) = [c for c in axes.collections if type(c).__name__ == "Quiver"]
    assert [tuple(map(float, start)) for start in drawn.get_offsets()] == [(0, 0), (2, -0.5)]
    assert list(drawn.U) == [3.0, -1.0] and list(drawn.V) == [4.0, 0.0]
    width = 2.0 + 2 * 0.5
    assert 5.0 / drawn.scale == pytest.approx(width / 9)  # the longest, in units of the axes
    plot_boundary(arrows=[((0.0, 0.0), (0.0, 0.0))])  # a flat score has no direction


@pytest.mark.parametrize("score", [0.0, 1.0, -2.0])
def test_boundary_of_a_classifier_that_never_changes_its_mind(score, tmp_path):
    figure = plots.decision_boundary(
        lambda grid: [score] * len(grid), POINTS, LABELS, tmp_path / "plot.png"
    )
    assert all(c.filled for c in figure.axes[0].collections if hasattr(c, "filled"))


def test_variances():
    figure = plot_variances()
    left, right = figure.axes
    assert left.get_yscale() == right.get_yscale() == "log"
    he, zeros = left.lines
    assert data(he) == [(1, 1.0), (2, 0.9), (3, 1.1)]
    assert same(zeros.get_ydata(), [1.0, math.nan, math.nan])
    assert same(right.lines[0].get_ydata(), [2.0, 1.0, math.nan])
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["He", "zeros"]


def test_elbows():
    figure = plot_elbows()
    (axes,) = figure.axes
    marks = [[float(segment[0][0]) for segment in c.get_segments()] for c in axes.collections]
    assert marks == [[-0.5, 0.5], [0.0, 0.0]]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["He", "zeros"]
    assert {"2 of 4", "2 of 2"} <= set(texts(figure))
    assert "3 of 4" in texts(plot_elbows(interval=(-10.0, 10.0)))
    with pytest.raises(ValueError, match="interval must rise"):
        plot_elbows(interval=(1.0, -1.0))


def test_landscape():
    figure = plot_landscape(x_range=(-0.5, 0.5), y_range=(-0.4, 0.4), names=("a", "b"))
    axes = figure.axes[0]
    assert data(axes.lines[0]) == TRAIL
    assert data(axes.lines[1]) == TRAIL[:1] and data(axes.lines[2]) == TRAIL[-1:]
    assert data(axes.lines[3]) == TRAIL[:2]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")
    assert axes.get_xlim() == (-0.5, 0.5) and axes.get_ylim() == (-0.4, 0.4)
    filled = axes.collections[0]
    assert filled.levels[-1] == pytest.approx(0.25 + 4 * 0.16)
    gaps = [b - a for a, b in zip(filled.levels, filled.levels[1:], strict=False)]
    assert gaps == sorted(gaps)


def test_landscapes_at_the_edge(tmp_path):
    plots.loss_landscape(lambda x, y: 1.0, {}, tmp_path / "flat.png")
    plots.loss_landscape(lambda x, y: math.inf if x > 0 else y, {}, tmp_path / "wall.png")
    plots.loss_landscape(lambda x, y: x, {"none": []}, tmp_path / "none.png")
    with pytest.raises(ValueError, match="nowhere finite"):
        plots.loss_landscape(lambda x, y: math.nan, {})


def test_curves():
    figure = plot_curves(ylabel="error")
    (axes,) = figure.axes
    assert data(axes.lines[0]) == [(0, 4.0), (1, 2.0), (2, 0.0)]
    assert data(axes.lines[1]) == [(0, 3.0), (1, 1.0)]
    assert axes.get_ylabel() == "error" and axes.get_yscale() == "linear"
    logarithmic = plot_curves(log=True).axes[0]
    assert logarithmic.get_yscale() == "log"
    assert same(logarithmic.lines[0].get_ydata(), [4.0, 2.0, math.nan])


def test_functions():
    (axes,) = plot_functions(xlabel="input", ylabel="slope").axes
    assert data(axes.lines[0]) == [(-1.0, 1.0), (0.5, 0.25), (2.0, 4.0)]
    assert data(axes.lines[1]) == [(0.0, -1.0), (1.0, 0.0)]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("input", "slope", "linear")
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["square", "line"]
    (logarithmic,) = plot_functions(log=True).axes
    assert logarithmic.get_yscale() == "log"
    assert same(logarithmic.lines[1].get_ydata(), [math.nan, math.nan])
    assert plots.curves({"alone": [(0.0, 1.0)]}).axes[0].get_legend() is None


def test_panels():
    left, right = plot_panels(xlabel="step", ylabel="value").axes
    assert data(left.lines[0]) == [(0, 4.0), (1, 2.0), (2, 0.0)]
    assert data(left.lines[1]) == [(0, 3.0), (1, 1.0)]
    assert data(right.lines[0]) == [(0, 0.1), (1, 0.2)]
    assert [axes.get_title() for axes in (left, right)] == ["w0", "w1"]
    assert right.get_xlabel() == "step" and right.get_ylabel() == "value"
    assert left.get_legend() and not right.get_legend()
    assert left.get_ylim() != right.get_ylim()
    (alone,) = plots.training_panels({"w": {"GD": [1.0, 0.0]}}, log=True).axes
    assert alone.get_yscale() == "log" and same(alone.lines[0].get_ydata(), [1.0, math.nan])
    with pytest.raises(ValueError, match="needs a panel"):
        plots.training_panels({})


def test_series_differ_without_colour():
    lines = plots.training_curves({str(i): [1.0, 2.0] for i in range(7)}).axes[0].lines
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 7
    assert len({line.get_color() for line in lines}) == 7


def test_bands_hold_every_run_around_their_median():
    (axes,) = plot_bands().axes
    gd, adam, book = axes.get_lines()
    assert [list(line.get_ydata()) for line in (gd, adam, book)] == [
        [4.0, 2.0, 0.5], [1.0, 0.5, 0.25], [4.5, 0.1],
    ]  # fmt: skip
    assert list(book.get_xdata()) == [0, 2] and book.get_linestyle() == "None"
    band, _ = axes.collections
    (outline,) = band.get_paths()
    for epoch, (low, high) in enumerate([(3.0, 5.0), (1.0, 3.0), (0.0, 1.0)]):
        assert {y for x, y in outline.vertices if x == epoch} >= {low, high}


@pytest.mark.parametrize("runs", [[], [[1.0, 2.0], [1.0]]])
def test_bands_need_runs_of_one_length(runs):
    with pytest.raises(ValueError, match="runs of one length for 'GD'"):
        plots.bands({"GD": runs})
