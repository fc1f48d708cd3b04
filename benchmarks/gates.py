"""What a gate costs, eagerly: nanoseconds to build, backpropagate and free it, and its bytes.

    python benchmarks/gates.py              # JSON on stdout

The graph: 100,000 gates x*w, +b, relu, in chains of at most 50, summed pairwise: wide and shallow,
so that micrograd's recursion gets through. Each engine runs in fresh processes, in turn; every
figure is the median. The collector is on. "free" is dropping the root, and the collection of cycles
where dropping it left the graph alive. Bytes are tracemalloc's, after the backward pass; it does
not see those of PyTorch, which are not Python's.

Aims: the compiled engine 60 times micrograd's speed at 100 bytes a gate, the plain one 9 times.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import os
import random
import statistics
import time
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

from shared import Bench, arguments, medians

ENGINES = {"compiled": "autograd_core", "plain": "autograd_core", "micrograd": "micrograd.engine"}
GATES = 100_000
CHAIN = 50
AIMS = {"times_micrograd": {"compiled": 60.0, "plain": 9.0}, "bytes": {"compiled": 100.0}}


def value_of(engine: str) -> Callable[[float], Any]:
    """What makes a leaf of a number."""
    if engine == "pytorch":
        import torch

        torch.set_num_threads(1)
        return lambda number: torch.tensor(number, dtype=torch.float64, requires_grad=True)
    if engine == "plain":
        os.environ["AUTOGRAD_CORE_PURE"] = "1"
    made: Callable[[float], Any] = importlib.import_module(ENGINES[engine]).Value
    return made


def build(value_of: Callable[[float], Any], gates: int) -> tuple[Any, int, Any]:
    """The root, how many gates it has, and a weak reference to one of the inner values."""
    rng = random.Random(0)
    leaves = [[value_of(rng.uniform(-1, 1)) for _ in range(CHAIN)] for _ in range(3)]
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


def measure(engine: str, memory: bool, quick: bool, library: str | None) -> dict[str, float]:
    """One run in this process; figures per gate."""
    make = value_of(engine)
    gates = 1_000 if quick else GATES
    if memory:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        root, count, _ = build(make, gates)
        root.backward()
        return {"bytes": (tracemalloc.get_traced_memory()[0] - before) / count}
    times = [time.perf_counter()]
    root, count, inner = build(make, gates)
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
    given = arguments(__doc__, runs=9)
    if given.one:
        print(json.dumps(measure(**given.one)))
        return
    with Bench(__file__, given, [*ENGINES, "pytorch"]) as bench:
        jobs = {name: {"engine": name, "memory": False} for name in bench.engines}
        found = bench.run(jobs)
        memory = {name: {**job, "memory": True} for name, job in jobs.items() if name != "pytorch"}
        for name, (run,) in bench.run(memory, runs=1).items():
            found[name] = [{**one, "bytes": run["bytes"]} for one in found[name]]
        names = ("build", "backward", "free", "total", "bytes")
        report = {name: medians(runs, *names) for name, runs in found.items()}
        if "micrograd" in found:
            for name, runs in found.items():
                pairs = zip(found["micrograd"], runs, strict=True)
                times = statistics.median(a["total"] / b["total"] for a, b in pairs)
                report[name]["times_micrograd"] = round(times, 1)
        bench.report("gates", unit="ns a gate", gates=GATES, aims=AIMS, engines=report)


if __name__ == "__main__":
    main()
