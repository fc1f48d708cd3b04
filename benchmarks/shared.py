"""What the benchmarks share: fresh processes in turn, and the peers' perceptron.

A peer that is not installed is left out with a note. The perceptron is written out here by
hand in NumPy, with PyTorch's tensors and, in `network.c`, in C. Its parameters are one flat list,
layer by layer, weights [out][in] and then biases, as PyTorch orders them.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.metadata
import importlib.util
import itertools
import json
import math
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

# The peers, and the modules that each needs; "c" needs a compiler.
ENGINES = {
    "replayed_native": ("autograd_core.native._native", "numpy"),
    "replayed_numpy": ("autograd_core.program", "numpy"),
    "eager": (),
    "compiled": ("autograd_core.native._native",),
    "plain": (),
    "micrograd": ("micrograd",),
    "pytorch": ("torch",),
    "numpy": ("numpy",),
    "c": (),
}
Key = TypeVar("Key")  # what a benchmark calls a job by
Job = dict[str, Any]  # the engine, and what else `measure` of the benchmark takes
THREADS = ("OMP", "MKL", "OPENBLAS")
COMPILERS = ("cc", "gcc", "clang")

# ---------------------------------------------------------------- processes


def arguments(doc: str | None, runs: int) -> argparse.Namespace:
    """The command line; `one` is set in the processes that measure, JSON of a job."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=runs, help=f"fresh processes a peer ({runs})")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick:
        given.runs = 1
    return given


class Bench:
    """The processes of one benchmark: what is there to be measured, and what was left out.

    with Bench(__file__, given, engines, widths) as bench:
        found = bench.run({name: {"engine": name} for name in bench.engines})
    """

    def __init__(
        self, script: str, given: argparse.Namespace, engines: Sequence[str], *network: str
    ) -> None:
        self.script = script
        self.given = given
        self.left_out: dict[str, str] = {}
        self._folder = tempfile.TemporaryDirectory()
        self.binary = self._compile(network) if "c" in engines else None
        for name in engines:
            for module in ENGINES[name]:
                if not _found(module):
                    self.left_out[name] = f"{module} is not installed"
        self.engines = [name for name in engines if name not in self.left_out]
        self._env = {
            **os.environ,
            **{f"{name}_NUM_THREADS": "1" for name in THREADS},
        }

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def _compile(self, network: Sequence[str]) -> str | None:
        compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
        if compiler is None:
            self.left_out["c"] = "no compiler is installed"
            return None
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "network.c")
        library = os.path.join(self._folder.name, "network.so")
        flags = ["-O3", "-march=native", "-fopenmp-simd", "-shared", "-fPIC"]
        done = subprocess.run(
            [compiler, *flags, *network, source, "-o", library], capture_output=True, text=True
        )
        if done.returncode:
            self.left_out["c"] = f"the compiler failed: {done.stderr.strip()[:200]}"
            return None
        return library

    def run(
        self, jobs: Mapping[Key, Job], runs: int | None = None
    ) -> dict[Key, list[dict[str, Any]]]:
        """What each job's processes print, all jobs in turn; `process_s` is a process's time."""
        found: dict[Key, list[dict[str, Any]]] = {name: [] for name in jobs}
        for _ in range(self.given.runs if runs is None else runs):
            for name, job in jobs.items():
                one = json.dumps({**job, "quick": self.given.quick, "library": self.binary})
                begin = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, self.script, "--one", one],
                    capture_output=True, text=True, env=self._env,
                )  # fmt: skip
                seconds = time.perf_counter() - begin
                if done.returncode:
                    raise SystemExit(f"{name} failed:\n{done.stderr}")
                found[name].append({**json.loads(done.stdout), "process_s": seconds})
        return found

    def report(self, name: str, **figures: Any) -> None:
        """Print the JSON."""
        packages = {"numpy", *(m for modules in ENGINES.values() for m in modules if "." not in m)}
        versions = {"python": platform.python_version()}
        for package in sorted(packages):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                versions[package] = importlib.metadata.version(package)
        head = {
            "benchmark": name,
            "runs": self.given.runs,
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "versions": versions,
        }
        print(json.dumps({**head, **figures, "left_out": self.left_out}, indent=1))


def _found(module: str) -> bool:
    if module.endswith("_native") and os.environ.get("AUTOGRAD_CORE_PURE") == "1":
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def medians(runs: list[dict[str, Any]], *names: str) -> dict[str, float]:
    """The median of each figure that these runs have, to four digits."""
    return {
        name: _digits(statistics.median(run[name] for run in runs))
        for name in names
        if runs and name in runs[0]
    }


def each_call(call: Callable[[], object], seconds: float, least: int = 5) -> float:
    """Microseconds of a call: the median of as many as fit into these seconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def intervals(clock: Sequence[float]) -> float:
    """Microseconds from one reading of the clock to the next: the median."""
    return statistics.median(b - a for a, b in itertools.pairwise(clock)) * 1e6


def relative(found: Sequence[float], wanted: Sequence[float]) -> float:
    """The largest relative difference, of the first numbers where there are fewer in `found`."""
    pairs = list(zip(found, wanted, strict=False))
    return _digits(max(abs(a - b) / abs(b) if a != b else 0.0 for a, b in pairs))


def difference(found: Sequence[float], wanted: Sequence[float]) -> float:
    """The largest difference, as a share of the largest number wanted."""
    pairs = zip(found, wanted, strict=True)
    return _digits(max(abs(a - b) for a, b in pairs) / max(map(abs, wanted)))


def _digits(number: float) -> float:
    return float(f"{number:.4g}")


# ---------------------------------------------------------------- the perceptron


def layers(widths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(inputs, outputs, where its parameters start in the flat list) of each layer."""
    at = 0
    for inside, outside in itertools.pairwise(widths):
        yield inside, outside, at
        at += (inside + 1) * outside


def start(widths: Sequence[int], seed: int) -> list[float]:
    """He initialisation, and biases of 0."""
    rng = random.Random(seed)
    flat: list[float] = []
    for inside, outside, _ in layers(widths):
        flat += [rng.gauss(0.0, math.sqrt(2.0 / inside)) for _ in range(inside * outside)]
        flat += [0.0] * outside
    return flat


def by_neuron(widths: Sequence[int]) -> list[int]:
    """Where in the flat list each parameter of an MLP is, whose neurons hold weights and bias."""
    return [
        where
        for inside, outside, at in layers(widths)
        for j in range(outside)
        for where in [
            *range(at + j * inside, at + (j + 1) * inside),
            at + inside * outside + j,
        ]
    ]


class ByHand:
    """The perceptron in NumPy, forward and backward written out."""

    def __init__(self, widths: Sequence[int], flat: Sequence[float]) -> None:
        import numpy as np

        self.parameters = np.array(flat)
        self.gradient = np.zeros_like(self.parameters)
        self._layers = [
            (*_views(self.parameters, layer), *_views(self.gradient, layer))
            for layer in layers(widths)
        ]
        self._maximum = np.maximum
        self._inputs: list[Any] = []

    def scores(self, x: Any) -> Any:
        """The outputs for the rows of x."""
        self._inputs = [x]
        last = len(self._layers) - 1
        for i, (weight, bias, _, _) in enumerate(self._layers):
            x = x @ weight.T
            x += bias
            if i != last:
                self._maximum(x, 0.0, out=x)
                self._inputs.append(x)
        return x

    def backward(self, slopes: Any) -> None:
        """Fill `gradient`, from the slopes of the loss in the scores."""
        for i in range(len(self._layers) - 1, -1, -1):
            weight, _, weight_gradient, bias_gradient = self._layers[i]
            x = self._inputs[i]
            (slopes.T).dot(x, out=weight_gradient)
            slopes.sum(axis=0, out=bias_gradient)
            if i:
                slopes = slopes @ weight
                slopes *= x > 0.0


def tensors(widths: Sequence[int], flat: Sequence[float]) -> tuple[list[Any], Callable[[Any], Any]]:
    """The perceptron of PyTorch's tensors: its parameters, and the scores as a function of x."""
    import torch

    torch.set_num_threads(1)
    parameters = []
    for inside, outside, at in layers(widths):
        end = at + inside * outside
        weight = torch.tensor(flat[at:end], dtype=torch.float64).reshape(outside, inside)
        bias = torch.tensor(flat[end : end + outside], dtype=torch.float64)
        parameters += [weight.requires_grad_(), bias.requires_grad_()]

    def scores(x: Any) -> Any:
        for i in range(0, len(parameters), 2):
            x = torch.nn.functional.linear(x if i == 0 else torch.relu(x), *parameters[i : i + 2])
        return x

    return parameters, scores


def in_c(library: str) -> ctypes.CDLL:
    """The functions of network.c."""
    number, pointer = ctypes.c_double, ctypes.POINTER(ctypes.c_double)
    loaded = ctypes.CDLL(library)
    loaded.each.argtypes = [pointer] * 4 + [ctypes.c_int, pointer]
    loaded.epoch.argtypes = [
        *[pointer] * 4, ctypes.POINTER(ctypes.c_int), ctypes.c_int, ctypes.c_int, *[number] * 4,
        pointer,
    ]  # fmt: skip
    loaded.each.restype = loaded.epoch.restype = None
    return loaded


def doubles(numbers: Sequence[float]) -> Any:
    """An array for C."""
    return (ctypes.c_double * len(numbers))(*numbers)


def _views(flat: Any, layer: tuple[int, int, int]) -> tuple[Any, Any]:
    inside, outside, at = layer
    end = at + inside * outside
    return flat[at:end].reshape(outside, inside), flat[end : end + outside]
