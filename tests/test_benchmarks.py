"""The benchmarks of the replay run, and print what they promise. No time is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PEERS = {"replayed_native", "replayed_numpy", "eager", "micrograd", "pytorch", "numpy", "c"}
EVERYWHERE = {"eager", "plain", "numpy"}  # peers that need nothing but the package


@pytest.fixture(scope="module")
def reports():
    """What the scripts print with --quick, all running at the same time."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    running = {
        name: subprocess.Popen(
            [sys.executable, ROOT / "benchmarks" / f"{name}.py", "--quick"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        for name in ("gates", "training", "replay", "moons")
    }  # fmt: skip
    printed = {name: process.communicate() for name, process in running.items()}
    for name, process in running.items():
        assert process.returncode == 0, printed[name][1]
    return {name: json.loads(output) for name, (output, _) in printed.items()}


def complete(report, name, engines, wanted, figure):
    """Each wanted engine has the figure, above 0, or is left out with a reason."""
    assert report["benchmark"] == name and report["aims"] and report["versions"]["python"]
    assert set(engines) | set(report["left_out"]) >= wanted
    assert EVERYWHERE & wanted <= set(engines) and not set(engines) & set(report["left_out"])
    assert all(report["left_out"].values())
    assert all(figures[figure] > 0.0 for figures in engines.values())


def test_gates(reports):
    report = reports["gates"]
    complete(
        report, "gates", report["engines"], {"compiled", "plain", "micrograd", "pytorch"}, "total"
    )
    assert all(figures["bytes"] > 0 for n, figures in report["engines"].items() if n != "pytorch")


def test_training(reports):
    report = reports["training"]
    complete(report, "training", report["engines"], PEERS, "us_a_step")
    assert report["steps"] == 4 and report["losses_from"] in report["engines"]
    for name, figures in report["engines"].items():
        assert figures["loss_difference"] < 1e-9
        assert ("whole_s" in figures) == (name not in ("eager", "micrograd"))


def test_moons(reports):
    report = reports["moons"]
    complete(report, "moons", report["engines"], PEERS, "ms_a_step")
    assert all(figures["loss_difference"] < 1e-9 for figures in report["engines"].values())


@pytest.mark.parametrize(
    ("graph", "wanted"),
    [
        ("network", PEERS),
        ("irregular", {"replayed_native", "replayed_numpy", "eager"}),
    ],
)
def test_replay(reports, graph, wanted):
    engines = reports["replay"]["graphs"][graph]["engines"]
    complete(reports["replay"], "replay", engines, wanted, "us_a_call")
    for name, figures in engines.items():
        assert figures["difference"] < 1e-9
        if name.startswith("replayed"):
            assert {"import_s", "tracing_s", "ready_s", "times_eager"} <= set(figures)
