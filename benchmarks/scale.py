"""The gradient of the course's network over 10 to 1,000,000 examples: our executors, JAX, Dask.

    python benchmarks/scale.py                  # JSON on stdout

10-40-40-5, mean squared error, 2,285 parameters, float64. Ours run on one core. JAX runs the text
of `to_numpy` under jit, on 1, 2, 4 or 8 devices by shard_map, which must have equally many; here
they are parts of one CPU, so that 8 of them cannot be faster than its cores. Dask runs the text on
chunks of 20,000 examples. Data and parameters lie where the engine wants them. Every engine and
size runs in fresh processes, in random order; every figure is the median.

examples_a_second    of calls after the first, the median
a_core_second        examples in a second of processor time, of all threads: what else the machine
                     does counts for little here
ready_s              what the first call took: tracing, and compiling
gradient_difference  the largest from ours in C, as a share of the largest number in it
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

from shared import Bench, arguments, difference, each_call, medians, start

WIDTHS = (10, 40, 40, 5)
BATCHES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
CHUNK = 20_000
SEED = 0
ENGINES = ("replayed_native", "replayed_numpy", "jax_1", "jax_2", "jax_4", "jax_8", "dask")
Call = Callable[[], Any]  # the summed gradient


def compiled() -> Any:
    """The loss of one example, traced with the same numbers for every engine."""
    import nn
    from autograd_core import compile_graph

    model = nn.Sequential(
        nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 5)
    )
    for parameter, number in zip(model.parameters(), start(WIDTHS, SEED), strict=True):
        parameter.data = number
    criterion = nn.MSELoss()
    return compile_graph(lambda x, y: criterion(model(x), y), reduction="sum")


def text(module: str) -> Any:
    """The text's function, imported."""
    import numpy as np

    from autograd_core import to_numpy

    program = compiled().trace(np.zeros((1, WIDTHS[0])), np.zeros((1, WIDTHS[-1])))
    names: dict[str, Any] = {}
    exec(to_numpy(program, module=module), names)
    return names["value_and_grad"]


def replayed(rows: Any) -> Call:
    f = compiled()
    x, y = rows[:, : WIDTHS[0]].copy(), rows[:, WIDTHS[0] :].copy()
    return lambda: f.value_and_grad(x, y)[1]


def jax(rows: Any, devices: int) -> Call:
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", devices)
    value_and_grad = text("jax.numpy")
    mesh = jax.make_mesh((devices,), ("data",))

    def shard(rows: Any, parameters: Any) -> Any:
        return jax.lax.psum(value_and_grad(rows, parameters)[1], "data")

    specs = {"in_specs": (jax.P("data"), jax.P()), "out_specs": jax.P()}
    step = jax.jit(jax.shard_map(shard, mesh=mesh, **specs))
    rows = jax.device_put(rows, jax.NamedSharding(mesh, jax.P("data")))
    parameters = np.array(start(WIDTHS, SEED))
    return lambda: np.array(step(rows, parameters))


def dask(rows: Any) -> Call:
    import dask.array
    import numpy as np

    parameters = np.array(start(WIDTHS, SEED))
    _, gradient = text("dask.array")(dask.array.from_array(rows, (CHUNK, -1)), parameters)
    return lambda: gradient.compute()


def measure(engine: str, batch: int, quick: bool, library: str | None) -> dict[str, Any]:
    """One engine and size in this process."""
    import numpy as np

    rows = np.random.default_rng(SEED).normal(size=(batch, WIDTHS[0] + WIDTHS[-1]))
    begin = time.perf_counter()
    if engine.startswith("replayed"):
        os.environ["AUTOGRAD_CORE_BACKEND"] = engine.partition("_")[2]
        call = replayed(rows)
    elif engine == "dask":
        call = dask(rows)
    else:
        call = jax(rows, int(engine.partition("_")[2]))
    gradient = [*map(float, call())]
    ready = time.perf_counter() - begin
    count, begin = itertools.count(), time.process_time()

    def counted() -> None:
        call()
        next(count)

    us = each_call(counted, 0.0 if quick else 0.5, 1 if quick else 3)
    work = time.process_time() - begin
    return {
        "examples_a_second": batch / us * 1e6, "a_core_second": batch * next(count) / work,
        "ready_s": ready, "gradient": gradient,
    }  # fmt: skip


def main() -> None:
    given = arguments(__doc__, runs=3)
    if given.one:
        print(json.dumps(measure(**given.one)))
        return
    with Bench(__file__, given, ENGINES) as bench:
        batches = BATCHES[:1] if given.quick else BATCHES
        jobs = {
            (name, batch): {"engine": name, "batch": batch}
            for batch in batches
            for name in bench.engines
            if not name.startswith("jax") or batch % int(name.partition("_")[2]) == 0
        }
        jobs = dict(random.Random(SEED).sample([*jobs.items()], len(jobs)))
        found = bench.run(jobs)
        first = "replayed_native" if "replayed_native" in bench.engines else "replayed_numpy"
        report: dict[str, dict[str, dict[str, float]]] = {str(batch): {} for batch in batches}
        for batch in batches:
            wanted = found[first, batch][0]["gradient"]
            for name in bench.engines:
                if (name, batch) not in found:
                    continue
                runs = found[name, batch]
                figures = medians(runs, "examples_a_second", "a_core_second", "ready_s")
                apart = [difference(run["gradient"], wanted) for run in runs]
                report[str(batch)][name] = {**figures, "gradient_difference": max(apart)}
        bench.report("scale", unit="examples a second", gradient_of=first, batches=report)


if __name__ == "__main__":
    main()
