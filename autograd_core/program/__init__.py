"""The compiler: a function of one example becomes a program that runs on batches.

    f = compile_graph(lambda x, y: (model(x) - y) ** 2)
    loss, gradients = f.value_and_grad(xs, ys)
    print(f.program.listing())              # what is run
    run(f.program, inputs, parameters)      # the same by hand
    print(to_c(f.program))                  # as C; to_numpy: as Python to read

A batch passes the files in this order: `compiled` takes the call; `trace` sees what the function
does; `lower` writes that as a `program` of gates and `sums`, forward and backward, with the
derivatives that `rule` records; `passes` improve it; `schedule` lays it out in blocks; one of the
`executors` runs these, `agreement` compares the first examples with the engine, and `failure` finds
which gate failed. `c_source` and `numpy_source` write the schedule as text, in the `dialects` of
their languages.
"""

from .c_source import to_c
from .compiled import CompiledGraph, compile_graph
from .dialects import javascript
from .executors import run
from .numpy_source import to_numpy
from .program import Instruction, Op, Program
from .sums import AFFINE, DOT, LANE_SUM, OUTER, Sum

__all__ = [
    "AFFINE", "DOT", "LANE_SUM", "OUTER", "CompiledGraph", "Instruction", "Op", "Program", "Sum",
    "compile_graph", "javascript", "run", "to_c", "to_numpy",
]  # fmt: skip
