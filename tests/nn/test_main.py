"""The command line of nn: `python -m nn`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nn.__main__
from nn.__main__ import main

ROOT = Path(nn.__file__).parents[1]


def python(*arguments, directory):
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, check=False,
    )  # fmt: skip


def last_line(out):
    return re.fullmatch(
        r"epoch +(\d+)  loss (\d+\.\d+)  accuracy (\d+)%", out.strip().splitlines()[-1]
    )


def test_three_epochs_are_printed_and_repeat(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--epochs", "3"]) == 0
    out = capsys.readouterr().out
    assert "337 parameters" in out
    first = float(re.search(r"epoch +0  loss (\d+\.\d+)", out)[1])
    step, loss, accuracy = last_line(out).groups()
    assert step == "3" and float(loss) < first and int(accuracy) > 50
    assert main(["--epochs", "3"]) == 0
    assert capsys.readouterr().out == out
    assert list(tmp_path.iterdir()) == []


def test_a_plot_is_written(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "moons.png"
    assert main(["--epochs", "1", "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert str(path) in capsys.readouterr().err


def test_a_plot_of_an_unknown_form_is_refused(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    assert main(["--epochs", "0", "--plot", str(tmp_path / "moons.foo")]) == 2
    assert "foo" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_plot_without_matplotlib_says_what_to_install(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["--epochs", "1", "--plot", str(tmp_path / "moons.png")]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_training_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["--epochs", "1"]) == 0
    assert last_line(capsys.readouterr().out)[1] == "1"


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out.startswith("autograd-core")


@pytest.mark.parametrize("arguments", [["--epochs", "1"], ["--help"]])
def test_a_closed_pipe_is_no_error(tmp_path, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "nn", *arguments, "--save", "w.json"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=writer, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr.replace(b"wrote w.json\n", b"")) == (0, b"")
    assert arguments == ["--help"] or (tmp_path / "w.json").exists()


def test_an_ascii_terminal_gets_text(tmp_path):
    name = "größe/w.json"
    done = subprocess.run(
        [sys.executable, "-m", "nn", "--save", name], cwd=tmp_path, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii:strict"},
    )  # fmt: skip
    assert done.returncode == 2 and rb"no folder gr\xf6\xdfe" in done.stderr
    assert b"Traceback" not in done.stderr


def test_epochs_that_are_not_a_number(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--epochs", "many"])
    assert stop.value.code == 2 and "many" in capsys.readouterr().err


SMALL = ["--layers", "6", "--epochs", "4"]


@pytest.mark.parametrize("data", ["moons", "circles", "xor", "gaussian"])
def test_every_data_set(capsys, data):
    assert main([*SMALL, "--data", data]) == 0
    assert "25 parameters, 100 points" in capsys.readouterr().out


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "ewa", "rmsprop", "adam"])
def test_every_optimizer_lowers_the_loss(capsys, optimizer):
    assert main([*SMALL, "--optimizer", optimizer]) == 0
    losses = re.findall(r"loss (\d+\.\d+)", capsys.readouterr().out)
    assert float(losses[-1]) < float(losses[0])


def test_seed_changes_the_run(capsys):
    outputs = []
    for seed in ("3", "3", "4"):
        assert main([*SMALL, "--seed", seed]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]


def test_weights_are_saved_and_loaded(capsys, tmp_path):
    path = tmp_path / "weights.json"
    assert main([*SMALL, "--save", str(path)]) == 0
    trained = last_line(capsys.readouterr().out).groups()[1:]
    assert main(["--layers", "6", "--epochs", "0", "--load", str(path)]) == 0
    assert last_line(capsys.readouterr().out).groups()[1:] == trained
    assert [one.name for one in tmp_path.iterdir()] == ["weights.json"]


def test_weights_of_another_network_are_refused(capsys, tmp_path):
    path = tmp_path / "weights.json"
    assert main([*SMALL, "--save", str(path)]) == 0
    capsys.readouterr()
    assert main(["--layers", "7", "--epochs", "0", "--load", str(path)]) == 2
    err = capsys.readouterr().err
    assert "(6," in err.replace("[", "(") or "shape" in err


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--save", "nowhere/w.json"], "no folder nowhere"),
        (["--plot", "nowhere/p.png"], "no folder nowhere"),
        (["--load", "missing.json"], "missing.json"),
        (["--epochs", "-1"], "--epochs must be 0 or more"),
    ],
)
def test_files_are_looked_at_before_training(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert main(["--layers", "2", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and "epoch" not in captured.out
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_writes_nothing(capsys, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nn.__main__, "fit", interrupted)
    assert main([*SMALL, "--save", str(tmp_path / "w.json")]) == 130
    assert "nothing was written" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_full_training_ends_at_100_percent(tmp_path):
    """The whole demonstration, as a program and from another directory."""
    done = python("-m", "nn", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    step, loss, accuracy = last_line(done.stdout.decode()).groups()
    assert (step, accuracy) == ("100", "100")
    assert float(loss) < 0.1
    assert list(tmp_path.iterdir()) == []
