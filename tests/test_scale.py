"""The examples and the benchmark past one machine run, and their numbers are the engine's."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
# One thread for each product of matrices, and two chunks at a time however many cores there are.
THREADS = {"OMP_NUM_THREADS": "1", "DASK_NUM_WORKERS": "2"}
ENVIRONMENT = {**os.environ, **THREADS, "PYTHONPATH": str(ROOT)}


def printed(script, *options):
    """What it prints in a process of its own, which sets up its devices before JAX starts."""
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / script, *map(str, options)],
        capture_output=True, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def number(pattern, text):
    return float(re.search(pattern, text)[1].replace(",", ""))


@pytest.mark.parametrize("devices", [1, 8])
def test_training_on_devices_has_the_losses_of_fit(devices):
    pytest.importorskip("jax")
    text = printed("examples/data_parallel.py", "--epochs", 12, "--devices", devices)
    assert text.startswith(f"{devices} devices: ")
    assert number(r"largest difference of 12 epochs: (\S+)\n", text) < 1e-9
    rows = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+)$", text, re.M)
    assert [int(row[0]) for row in rows] == [0, 10, 11]
    assert float(rows[0][1]) > 10.0 > float(rows[-1][1])


def test_more_examples_than_memory_have_the_gradient_of_compile_graph():
    pytest.importorskip("dask.array")
    sizes = ("--examples", 130_500, "--chunk", 2_000)
    text = printed("examples/more_than_memory.py", *sizes)
    assert number(r"differ by (\S+) of", text) < 1e-12
    assert "130,500 examples in 66 chunks" in text
    memory = number(r"time ([\d,]+) MB", text) - number(r"which ([\d,]+) MB", text)
    assert memory < number(r"data ([\d,]+) MB", text) * 5  # the network's numbers are 11 times that


def test_a_chunk_is_the_same_whenever_it_is_made(monkeypatch):
    pytest.importorskip("dask.array")
    monkeypatch.syspath_prepend(ROOT / "examples")
    from more_than_memory import examples

    whole = examples(25, 10, seed=3).compute()
    assert whole.shape == (25, 15)
    assert (examples(25, 10, seed=3)[10:20].compute() == whole[10:20]).all()
    assert not (whole[:10] == whole[10:20]).any()


def test_a_sweep_over_processes_has_the_numbers_of_one(tmp_path):
    pytest.importorskip("joblib")
    path = tmp_path / "sweep.png"
    text = printed("examples/sweep.py", "--epochs", 2, "--jobs", 2, "--plot", path)
    assert "100 trainings: " in text and "with the same numbers" in text
    assert len(re.findall(r"\d\.\d%", text)) == 100
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_benchmark_has_every_engine_and_one_gradient():
    report = json.loads(printed("benchmarks/scale.py", "--quick"))
    engines = report["batches"]["10"]
    wanted = {"replayed_native", "replayed_numpy", "jax_1", "jax_2", "dask"}
    assert wanted <= {*engines, *report["left_out"]} and "replayed_numpy" in engines
    for figures in engines.values():
        assert figures["examples_a_second"] > 0.0 and figures["ready_s"] > 0.0
        assert figures["gradient_difference"] < 1e-12
