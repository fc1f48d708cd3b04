"""What a gate costs, eagerly: nanoseconds to build, backpropagate and free it, and its bytes.

    python benchmarks/gates.py              # JSON on stdout; beside micrograd if it is installed

The graph: 100,000 gates x*w, +b, relu, in chains of at most 50, summed pairwise: wide and shallow,
so that micrograd's recursion gets through. Each engine runs in fresh processes, in turn; every
figure is the median. The collector is on. "free" is dropping the root, and the collection of cycles
where dropping it left the graph alive. Bytes are tracemalloc's, after the backward pass.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import itertools
import json
import platform
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
import weakref
from typing import Any

from autograd_core import is_native

ENGINES = {"autograd_core": "autograd_core", "micrograd": "micrograd.engine"}
GATES = 100_000
CHAIN = 50


def build(Value: Any, gates: int) -> tuple[Any, int, Any]:
    """The root, how many gates it has, and a weak reference to one of the inner values."""
    rng = random.Random(0)
    leaves = [[Value(rng.uniform(-1, 1)) for _ in range(CHAIN)] for _ in range(3)]
    ends, count, inner = [], 0, None
    while count < gates:
        value = leaves[0][count % CHAIN]
        for step in range(CHAIN // 3):
            value = (value * leaves[1][step] + leaves[2][step]).relu()
        count += CHAIN // 3 * 3
        ends.append(value)
        inner = inner or weakref.ref(value)
    while len(ends) > 1:
        pairs = [ends[i] + ends[i + 1] for i in range(0, len(ends) - 1, 2)]
        count += len(pairs)
        ends = pairs + ends[2 * len(pairs) :]
    return ends[0], count, inner


def measure(engine: str, memory: bool) -> dict[str, float]:
    """One run in this process; figures per gate."""
    Value = importlib.import_module(ENGINES[engine]).Value
    if memory:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        root, count, _ = build(Value, GATES)
        root.backward()
        return {"bytes": (tracemalloc.get_traced_memory()[0] - before) / count}
    times = [time.perf_counter()]
    root, count, inner = build(Value, GATES)
    times.append(time.perf_counter())
    root.backward()
    times.append(time.perf_counter())
    del root
    if inner() is not None:
        gc.collect()
    times.append(time.perf_counter())
    build_ns, backward_ns, free_ns = (
        (end - start) * 1e9 / count for start, end in itertools.pairwise(times)
    )
    return {"build": build_ns, "backward": backward_ns, "free": free_ns,
            "total": build_ns + backward_ns + free_ns}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9, help="fresh processes an engine (9)")
    parser.add_argument("--one", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.memory)))
        return
    present = [
        name for name, module in ENGINES.items() if importlib.util.find_spec(module.split(".")[0])
    ]
    found: dict[str, dict[str, list[float]]] = {name: {} for name in present}
    for run in range(given.runs + 1):
        for name in present:
            command = [sys.executable, __file__, "--one", name]
            if run == given.runs:
                command.append("--memory")
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            for key, figure in json.loads(output).items():
                found[name].setdefault(key, []).append(figure)
    medians = {
        name: {key: round(statistics.median(figures), 1) for key, figures in figures_of.items()}
        for name, figures_of in found.items()
    }
    report: dict[str, Any] = {
        "benchmark": "gates",
        "unit": "ns a gate; bytes a gate",
        "gates": GATES,
        "runs": given.runs,
        "python": platform.python_version(),
        "build": "compiled" if is_native() else "plain",
        "engines": medians,
    }
    if "micrograd" in medians:
        totals = zip(found["autograd_core"]["total"], found["micrograd"]["total"], strict=True)
        report["share_of_micrograd"] = round(statistics.median(a / b for a, b in totals), 3)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
