"""A bar for what lasts, on a terminal and in a notebook; else nothing."""

import io
import sys
import warnings
from types import ModuleType, SimpleNamespace

import pytest

import nn
from nn import progress
from nn.optim import SGD
from nn.progress import PATIENCE, Progress

tqdm = pytest.importorskip("tqdm")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves by clock.now, and a terminal."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress, "monotonic", lambda: clock.now)
    monkeypatch.setattr(progress, "_on_a_terminal", lambda: True)
    return clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


def work(clock, seconds, steps=10, **options):
    """Steps that take so many seconds each; how many were counted, and what the bar began with."""
    bar = Progress(steps, "working", **options)
    began = None
    for i in range(steps):
        if bar._bar is not None and began is None:
            began = i
        clock.now += seconds
        bar.say("loss", i)
        bar.add(1)
    bar.close()
    return began


def test_short_work_is_quiet(clock, capsys):
    assert work(clock, 0.99 * PATIENCE / 10) is None
    assert capsys.readouterr().err == ""


def test_a_bar_comes_when_work_lasts(clock, capsys):
    assert work(clock, PATIENCE / 4) == 4
    shown = capsys.readouterr().err
    assert "working:  40%" in shown and "4/10" in shown and "step" in shown
    assert shown.endswith("\r")  # it is wiped at the end


def test_a_bar_counts_what_is_done_and_says_a_number(capsys):
    bar = Progress(9, "counting", shown=True)
    bar.say("loss", 0.123456)
    bar.add(2)
    bar.add(3)
    bar._bar.refresh()  # which waits a tenth of a second else
    assert "5/9" in (shown := capsys.readouterr().err) and "loss 0.1235" in shown


def test_no_bar_where_nobody_looks(monkeypatch):
    for stderr, looks in ((io.StringIO(), False), (None, False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stderr)
        assert progress._on_a_terminal() == looks
    monkeypatch.setattr(sys, "stderr", None)
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress, "monotonic", lambda: clock.now)
    assert work(clock, PATIENCE) is None


def test_a_bar_on_demand(clock, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_on_a_terminal", lambda: False)
    assert work(clock, 0.0, shown=True) == 0
    assert "0/10" in capsys.readouterr().err
    assert work(clock, PATIENCE, shown=False) is None


def test_without_tqdm(clock, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert work(clock, PATIENCE) is None
    assert capsys.readouterr().err == ""
    with pytest.raises(ImportError, match="pip install tqdm"):
        work(clock, PATIENCE, shown=True)


@pytest.mark.parametrize("eager", [False, True])
def test_fit_shows_its_steps_and_the_loss(clock, capsys, eager):
    model = nn.MLP(2, [1], rng=0)
    data = [[float(i), 1.0] for i in range(6)], [0.0] * 6

    def watch(epoch, loss):
        clock.now += 1.5

    options = {"batch_size": 2, "epochs": 4, "eager": eager, "watch": watch}
    losses = [
        nn.fit(model, nn.MSELoss(), data, SGD(model.parameters(), lr=0.01), **options, **more)
        for more in ({}, {"progress": False})
    ]
    assert len(losses[0]) == 4
    shown = capsys.readouterr().err
    assert "training:" in shown and "/12" in shown and "loss " in shown


def test_fit_wipes_its_bar_after_an_error(clock, capsys):
    model = nn.MLP(2, [1], rng=0)

    def stop(epoch, loss):
        clock.now += 1.5
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        nn.fit(
            model, nn.MSELoss(), ([[1.0, 2.0]] * 4, [1.0] * 4), SGD(model.parameters(), lr=0.01),
            batch_size=1, epochs=9, watch=stop,
        )  # fmt: skip
    shown = capsys.readouterr().err
    assert "training:" in shown and shown.endswith("\r")
    del caught  # its frames have kept the bar alive so far, which would wipe itself at its end


def test_a_notebook_has_a_bar_and_no_warning(cells):
    outputs = cells(
        "import nn, warnings\nfrom nn import progress\nfrom nn.progress import Progress\n"
        "warnings.simplefilter('error')\nprogress.PATIENCE = -1.0\nbar = Progress(3, 'in a cell')",
        "bar.add(1)\nbar.close()",
    )
    assert "in a cell:  33%" in outputs[1] and "Error" not in "".join(outputs)


def test_what_tqdm_warns_of_where_a_notebook_has_no_widgets_is_not_shown(monkeypatch, capsys):
    class Auto(ModuleType):
        @property
        def tqdm(self):
            warnings.warn("IProgress not found", stacklevel=2)
            return tqdm.tqdm

    monkeypatch.setitem(sys.modules, "tqdm.auto", Auto("tqdm.auto"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Progress(3, "in a cell", shown=True).close()
    assert said == [] and "in a cell:   0%" in capsys.readouterr().err
