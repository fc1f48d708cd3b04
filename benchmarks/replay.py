"""What one replay of a graph costs: a value and all gradients of one point, new in each call.

    python benchmarks/replay.py             # JSON on stdout

network      the course's network, 10-40-40-5 with ReLUs, and the squared error: 2,285 gradients.
             Beside the eager engine, micrograd, PyTorch, NumPy by hand and C.
irregular    10,000 gates at random (add, sub, mul, max, sin, tanh, sigmoid, exp) on operands at
             random, 20 inputs and 100 parameters among them; beside the eager engine, which also
             builds and frees the graph in each call.

Every peer has the same numbers, float64 and one thread. Each runs in fresh processes, in turn;
every figure is the median.

us_a_call    the median of the calls in a process; C loops over the points by itself
import_s     to import packages and, where it will be needed, NumPy
tracing_s    to run the program once for its graph
ready_s      from there to the first result
difference   the largest one of the losses and of the gradients from the reference, as a share of
             the largest: NumPy's for the network, the eager engine's for the irregular graph
times_eager  how many calls of the replay one eager call is worth

Aims for the replay: 4 us a call of the network; the irregular graph 110 us a call, ready in 0.4 s;
all differences below 1e-9, or the program fails.
"""

from __future__ import annotations

import importlib
import itertools
import json
import random
import time
from collections.abc import Callable
from typing import Any

from shared import (
    Bench,
    ByHand,
    arguments,
    by_neuron,
    difference,
    doubles,
    each_call,
    in_c,
    medians,
    start,
    tensors,
)

WIDTHS = (10, 40, 40, 5)
POINTS = 100
INPUTS, PARAMETERS, GATES = 20, 100, 10_000
ENGINES = {
    "network": [
        "replayed_native", "replayed_numpy", "eager", "micrograd", "pytorch", "numpy", "c",
    ],
    "irregular": ["replayed_native", "replayed_numpy", "eager"],
}  # fmt: skip
REFERENCES = {"network": "numpy", "irregular": "eager"}
AIMS = {"network": {"us_a_call": 4.0}, "irregular": {"us_a_call": 110.0, "ready_s": 0.4}}
AGREEMENT = 1e-9
CHECKED = 3  # points whose losses and gradients are compared
SEED = 0

Rows = list[list[float]]
# The loss and the gradients at point k.
Call = Callable[[int], tuple[float, Any]]


def uniform(rng: random.Random, rows: int, columns: int) -> Rows:
    return [[rng.uniform(-1.0, 1.0) for _ in range(columns)] for _ in range(rows)]


# ---------------------------------------------------------------- the graphs


def network() -> tuple[Callable[[Any, Any], Any], list[Any], Rows, Rows]:
    """The loss of one example as a function of x and y, its parameters, and the examples."""
    import nn

    model = nn.Sequential(
        nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 5)
    )
    parameters = model.parameters()
    for parameter, number in zip(parameters, start(WIDTHS, SEED), strict=True):
        parameter.data = number

    def loss(x: Any, y: Any) -> Any:
        return sum((a - b) ** 2 for a, b in zip(model(x), y, strict=True))

    return loss, parameters, *examples()


def examples() -> tuple[Rows, Rows]:
    rng = random.Random(SEED)
    return uniform(rng, POINTS, WIDTHS[0]), uniform(rng, POINTS, WIDTHS[-1])


def irregular(gates: int) -> tuple[Callable[[Any, Any], Any], list[Any], Rows, Rows]:
    """The same for the random graph."""
    from autograd_core import Value, exp, maximum, sigmoid, sin, tanh

    rng = random.Random(SEED)
    binary: dict[str, Callable[[Any, Any], Any]] = {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
        "max": maximum,
    }  # fmt: skip
    unary: dict[str, Callable[[Any], Any]] = {
        "sin": sin, "tanh": tanh, "sigmoid": sigmoid, "exp": exp
    }  # fmt: skip
    lines: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
    bounds = [1.0] * (INPUTS + PARAMETERS)  # of every value so far, what its size cannot exceed
    ends = list(range(len(bounds)))  # the values that must still be read

    def add(gate: str, operands: tuple[int, ...]) -> None:
        a, b = bounds[operands[0]], bounds[operands[-1]]
        bound = {"add": a + b, "sub": a + b, "mul": a * b, "max": max(a, b), "exp": 2.8}
        lines.append((binary.get(gate) or unary[gate], operands))
        ends.append(len(bounds))
        bounds.append(bound.get(gate, 1.0))

    def an_end() -> int:
        k = rng.randrange(len(ends))
        ends[k], ends[-1] = ends[-1], ends[k]
        return ends.pop()

    while len(lines) + len(ends) <= gates:
        a = an_end() if rng.random() < 0.8 and len(ends) > 1 else rng.randrange(len(bounds))
        b = rng.randrange(len(bounds))
        if rng.random() < 0.6 and bounds[a] + bounds[b] <= 8.0 and bounds[a] * bounds[b] <= 8.0:
            add(rng.choice(list(binary)), (a, b))
        else:
            add(rng.choice([name for name in unary if name != "exp" or bounds[a] <= 1.0]), (a,))
    while len(ends) > 1:
        add("add", (an_end(), an_end()))

    parameters = [Value(rng.uniform(-1.0, 1.0), f"p{i}") for i in range(PARAMETERS)]

    def loss(x: Any, y: Any) -> Any:
        values = [*x, *parameters]
        for function, operands in lines:
            values.append(function(*[values[k] for k in operands]))
        return values[-1] * y[0]

    return loss, parameters, uniform(rng, POINTS, INPUTS), uniform(rng, POINTS, 1)


# ---------------------------------------------------------------- the peers


def values(
    value: Callable[[float], Any],
    loss: Callable[[Any, Any], Any],
    parameters: list[Any],
    x: Rows,
    y: Rows,
) -> Call:
    """The engines that build their graph in each call."""

    def call(k: int) -> tuple[float, Any]:
        for parameter in parameters:
            parameter.grad = 0.0
        root = loss([value(number) for number in x[k]], [value(number) for number in y[k]])
        root.backward()
        return root.data, [parameter.grad for parameter in parameters]

    return call


def micrograd() -> Call:
    from micrograd.engine import Value
    from micrograd.nn import MLP

    model = MLP(WIDTHS[0], list(WIDTHS[1:]))
    order = by_neuron(WIDTHS)
    flat = start(WIDTHS, SEED)
    for parameter, where in zip(model.parameters(), order, strict=True):
        parameter.data = flat[where]
    flat_order = [model.parameters()[order.index(where)] for where in range(len(flat))]

    def loss(x: Any, y: Any) -> Any:
        return sum((a - b) ** 2 for a, b in zip(model(x), y, strict=True))

    return values(Value, loss, flat_order, *examples())


def pytorch() -> Call:
    import torch

    parameters, forward = tensors(WIDTHS, start(WIDTHS, SEED))
    x, y = (torch.tensor(rows, dtype=torch.float64) for rows in examples())

    def call(k: int) -> tuple[float, Any]:
        loss = (forward(x[k]) - y[k]).square().sum()
        gradients = torch.autograd.grad(loss, parameters)
        return loss.item(), torch.nn.utils.parameters_to_vector(gradients)

    return call


def numpy() -> Call:
    import numpy as np

    net = ByHand(WIDTHS, start(WIDTHS, SEED))
    x, y = map(np.array, examples())

    def call(k: int) -> tuple[float, Any]:
        slopes = net.scores(x[k : k + 1])
        slopes -= y[k]
        loss = float(np.vdot(slopes, slopes))
        slopes *= 2.0
        net.backward(slopes)
        return loss, net.gradient

    return call


def c(library: str) -> tuple[Call, Callable[[], None]]:
    """One call, and all points in one loop."""
    code = in_c(library)
    p = doubles(start(WIDTHS, SEED))
    gradient = doubles([0.0] * len(p))
    rows = [[doubles(row) for row in part] for part in examples()]
    x, y = (doubles([number for row in part for number in row]) for part in examples())
    losses = doubles([0.0] * POINTS)

    def call(k: int) -> tuple[float, Any]:
        code.each(p, gradient, rows[0][k], rows[1][k], 1, losses)
        return losses[0], gradient

    return call, lambda: code.each(p, gradient, x, y, POINTS, losses)


def replayed(
    graph: str, loss: Callable[[Any, Any], Any], parameters: list[Any], x: Rows, y: Rows,
    executor: str,
) -> tuple[Call, dict[str, float]]:  # fmt: skip
    """One call, and the seconds until it works."""
    import numpy as np

    from autograd_core import Value, compile_graph

    a, b = np.array(x), np.array(y)
    begin = time.perf_counter()
    loss([Value(number) for number in x[0]], [Value(number) for number in y[0]])
    tracing = time.perf_counter() - begin
    begin = time.perf_counter()
    f = compile_graph(loss, parameters=parameters, backend=executor)
    f.value_and_grad(a[:1], b[:1])
    whole = time.perf_counter() - begin

    def call(k: int) -> tuple[float, Any]:
        value, gradients = f.value_and_grad(a[k : k + 1], b[k : k + 1])
        return value, gradients

    return call, {"tracing_s": tracing, "ready_s": whole - tracing}


def measure(graph: str, engine: str, quick: bool, library: str | None) -> dict[str, Any]:
    """One peer in this process."""
    figures: dict[str, float] = {}
    loop = None
    if engine == "eager" or engine.startswith("replayed"):
        executor = engine.partition("_")[2]
        begin = time.perf_counter()
        for name in ["autograd_core", "nn", *["numpy"][: bool(executor)]]:
            importlib.import_module(name)
        figures["import_s"] = time.perf_counter() - begin
        made = network() if graph == "network" else irregular(1_000 if quick else GATES)
        if executor:
            call, times = replayed(graph, *made, executor)
            figures |= times
        else:
            from autograd_core import Value

            call = values(Value, *made)
    elif engine == "c":
        call, loop = c(library or "")
    else:
        call = {"micrograd": micrograd, "pytorch": pytorch, "numpy": numpy}[engine]()
    answers = []
    for k in range(CHECKED):
        loss, gradients = call(k)
        answers.append([float(loss), *map(float, gradients)])
    ks = itertools.cycle(range(POINTS))
    seconds = 0.05 if quick else 0.5
    if loop is None:
        figures["us_a_call"] = each_call(lambda: call(next(ks)), seconds)
    else:
        figures["us_a_call"] = each_call(loop, seconds) / POINTS
    return {**figures, "answers": answers}


def compared(found: dict[str, list[dict[str, Any]]], reference: str) -> dict[str, dict[str, float]]:
    """The figures of each engine, with its difference from the reference."""
    report = {}
    for name, runs in found.items():
        wanted = found[reference][0]["answers"]
        far = max(
            max(difference(a[:1], b[:1]), difference(a[1:], b[1:]))
            for run in runs
            for a, b in zip(run["answers"], wanted, strict=True)
        )
        if not far <= AGREEMENT:
            raise SystemExit(f"{name} differs from {reference} by {far}")
        names = ("us_a_call", "import_s", "tracing_s", "ready_s")
        report[name] = {**medians(runs, *names), "difference": far}
    return report


def main() -> None:
    given = arguments(__doc__, runs=5)
    if given.one:
        print(json.dumps(measure(**given.one)))
        return
    engines = list(dict.fromkeys(itertools.chain(*ENGINES.values())))
    sizes = [f"-DN{i}={width}" for i, width in enumerate(WIDTHS)]
    with Bench(__file__, given, engines, *sizes, "-DROWS=1") as bench:
        jobs = {
            (graph, name): {"graph": graph, "engine": name}
            for graph, names in ENGINES.items()
            for name in names
            if name in bench.engines
        }
        everything = bench.run(jobs)
        graphs = {}
        for graph in ENGINES:
            found = {name: runs for (which, name), runs in everything.items() if which == graph}
            report = compared(found, REFERENCES[graph])
            for name in report:
                if name.startswith("replayed"):
                    times = report["eager"]["us_a_call"] / report[name]["us_a_call"]
                    report[name]["times_eager"] = round(times, 1)
            graphs[graph] = {"engines": report}
        bench.report("replay", unit="us a call", aims=AIMS, graphs=graphs)


if __name__ == "__main__":
    main()
