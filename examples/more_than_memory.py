"""The gradient of a network over more examples than are in memory at a time, by Dask.

    pip install -e ".[scale]"
    OMP_NUM_THREADS=1 python examples/more_than_memory.py            # 5 million examples, 600 MB
    OMP_NUM_THREADS=1 python examples/more_than_memory.py --examples 300000000            # 36 GB

The examples lie in chunks, each made by a function of its number when it is needed and dropped when
it has been used; a chunk could as well be read from a file. The network of deep_network.py is
traced once, and its program, written for Dask, plans the whole sum before anything is computed.
Dask runs a chunk per core: that NumPy's products start threads of their own would only slow it.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from typing import Any

import dask
import dask.array
import numpy as np
from deep_network import build

import nn
from autograd_core import CompiledGraph, compile_graph, to_numpy

INPUTS, OUTPUTS = 10, 5


def chunk(rows: int, seed: int, block_id: tuple[int, int]) -> Any:
    """Chunk number block_id[0]: x (rows, 10), and beside it y (rows, 5), which depends on x."""
    rng = np.random.default_rng([seed, block_id[0]])
    x = rng.normal(size=(rows, INPUTS))
    return np.concatenate([x, np.sin(x[:, :OUTPUTS]) * x[:, OUTPUTS:]], axis=1)


def examples(count: int, rows: int, seed: int) -> Any:
    """A Dask array (count, 15) in chunks of `rows`; none is made yet."""
    full, rest = divmod(count, rows)
    sizes = (rows,) * full + (rest,) * (rest > 0)

    def made(block_id: tuple[int, int]) -> Any:
        return chunk(rows, seed, block_id)[: sizes[block_id[0]]]

    meta = np.empty((0, 0))
    return dask.array.map_blocks(made, chunks=(sizes, (INPUTS + OUTPUTS,)), meta=meta)


def total(f: CompiledGraph, data: Any) -> tuple[float, Any]:
    """The sum of the losses over all rows, and its gradient (parameters,)."""
    names: dict[str, Any] = {}
    program = f.trace(np.zeros((1, INPUTS)), np.zeros((1, OUTPUTS)))
    exec(to_numpy(program, module="dask.array"), names)
    parameters = np.array([p.data for p in f.parameters])
    values, gradient = names["value_and_grad"](data, parameters)
    loss, gradient = dask.compute(values.sum(), gradient)
    return float(loss), gradient


def peak() -> float:
    """Bytes that this process had in memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=5_000_000)
    parser.add_argument("--chunk", type=int, default=20_000, help="examples in a chunk (20,000)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    model, criterion = build(random.Random(given.seed)), nn.MSELoss()
    f = compile_graph(lambda x, y: criterion(model(x), y), reduction="sum")

    few = examples(min(given.examples, 2_500), 1_000, given.seed)
    rows = few.compute()
    value, gradient = f.value_and_grad(rows[:, :INPUTS], rows[:, INPUTS:])
    loss, found = total(f, few)
    apart = max(abs(loss - value) / value, *np.abs(found - gradient) / np.abs(gradient).max())
    print(f"{len(rows):,} examples: Dask and compile_graph differ by {apart:.1e} of the largest")

    data = examples(given.examples, given.chunk, given.seed)
    before, start = peak(), time.perf_counter()
    loss, gradient = total(f, data)
    seconds = time.perf_counter() - start
    print(f"{given.examples:,} examples in {data.numblocks[0]:,} chunks: {seconds:.1f} s")
    print(f"mean loss {loss / given.examples:.6f}, ", end="")
    print(f"length of the mean gradient {np.linalg.norm(gradient) / given.examples:.6f}")
    print(
        f"data {data.nbytes / 1e6:,.0f} MB; most memory at a time {peak() / 1e6:,.0f} MB, ", end=""
    )
    print(f"of which {before / 1e6:,.0f} MB were there before")


if __name__ == "__main__":
    main()
