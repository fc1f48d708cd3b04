"""What runs a Schedule on a batch: one interface for every executor, and which of them is taken.

outputs, gradients = run(program, inputs, parameters)
schedule = plan("numpy", program)       # the same in steps
executor = prepare("numpy", schedule, lanes=10)     # see Executor

To add one: a class with the interface of Executor, in a module of its own, and a line in EXECUTORS.
"""

from __future__ import annotations

import os
from importlib import import_module

from .. import errors
from .program import Program, require_program
from .schedule import Schedule
from .spell import spell

__all__ = ["EXECUTORS", "choose", "columns", "is_there", "numpy_for", "plan", "prepare", "run"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, ClassVar, Protocol

    from ..gate import Gate
    from .sums import Sum

    class Executor(Protocol):
        """Memory for the numbers of a program, and what fills it. `rows` may have spare lanes.

        sums     the sums that it knows: others are spelt out for it
        gates    the gates that it knows, by their entries in the table; None if it runs any rule
        singles  the numbers that all lanes share: parameters, constants, results
        rows     the numbers of the lanes, (row, lane)

        One that can make an optimiser's steps has a method `descent`, too: see NativeRun.
        """

        sums: ClassVar[Collection[Sum]]
        gates: ClassVar[Collection[Gate] | None]
        singles: Any
        rows: Any

        def __init__(self, schedule: Schedule, lanes: int, scale: float = 1.0) -> None:
            """`scale` multiplies gradients in their slots: sums over lanes become means."""

        def __call__(self) -> bool:
            """Run the program. True if the lanes must be checked: a gate may have failed, a
            comparison may have met a nan, or gradients, or their squares, are not finite."""


# The module and the class of each, the quickest first.
EXECUTORS = {
    "native": ("run_native", "NativeRun"),
    "numpy": ("run_numpy", "NumpyRun"),
}


def numpy_for(what: str) -> Any:
    """NumPy, imported late; ImportError that says what needs it if it is not there."""
    try:
        import numpy
    except ImportError as error:
        raise ImportError(errors.NO_NUMPY.format(what=what), name="numpy") from error
    return numpy


def choose(name: str | None = None) -> str:
    """The executor of that name; by default what the environment says, or the quickest there is."""
    name = name or os.environ.get("AUTOGRAD_CORE_BACKEND") or None
    if name is None:
        return next(filter(is_there, EXECUTORS))
    if name not in EXECUTORS:
        known = " or ".join(map(repr, EXECUTORS))
        raise ValueError(f"backend must be {known}, got {name!r}")
    return name


def is_there(name: str) -> bool:
    """Whether that executor can be used: the loop in C may not have been built."""
    try:
        _class(name)
    except ImportError:
        return False
    return True


def _class(name: str) -> type[Executor]:
    module, title = EXECUTORS[name]
    return getattr(import_module(f".{module}", __package__), title)  # type: ignore[no-any-return]


def plan(name: str | None, program: Program) -> Schedule:
    """The schedule of a program for that executor, in gates and sums that it knows."""
    executor = _usable(choose(name))
    if executor.gates is not None:
        program = spell(program, executor.gates)
    return Schedule(program, sums=executor.sums)


def prepare(name: str | None, schedule: Schedule, lanes: int, scale: float = 1.0) -> Executor:
    """That executor, with memory for so many lanes."""
    return _usable(choose(name))(schedule, lanes, scale)


def _usable(name: str) -> type[Executor]:
    """The class of an executor; ImportError with a remedy if what it needs cannot be imported."""
    try:
        return _class(name)
    except ImportError as error:
        raise ImportError(
            f"backend {name!r} cannot be used, the compiled part is not there ({error}): install "
            "the package where there are a C compiler and Python's headers, or give "
            "backend='numpy'"
        ) from error


def run(
    program: Program, inputs: Any, parameters: Any = (), backend: str | None = None
) -> tuple[Any, Any]:
    """Run a program on a batch: (outputs, gradients), as arrays.

    inputs      (lanes, inputs), parameters (parameters,), in the order of their names
    outputs     (lanes, outputs)
    gradients   one for each of program.wrt: of parameters summed over the lanes; else (lanes, wrt)

    backend as in `compile_graph`. ValueError for other shapes, or if the program is not well
    formed. Where a gate fails, numbers are inf or nan.
    """
    np = numpy_for("run")
    require_program("run", program)
    rows, numbers = np.asarray(inputs, float), np.asarray(parameters, float)
    shape = (len(program.inputs), len(program.parameters))
    if rows.ndim != 2 or len(rows) < 1 or (rows.shape[1], *numbers.shape) != shape:
        raise ValueError(
            f"the program takes inputs of shape (lanes, {shape[0]}) and {shape[1]} parameters, "
            f"got shapes {rows.shape} and {numbers.shape}"
        )
    lanes = len(rows)
    schedule = plan(backend, program.verify())
    memory = prepare(backend, schedule, lanes)
    memory.singles[: shape[1]] = numbers
    memory.rows[: shape[0], :lanes] = rows.T
    memory.rows[: shape[0], lanes:] = rows.T[:, :1]  # spare lanes hold copies of the first
    memory()
    outputs = columns(memory, schedule.outputs, lanes)
    if schedule.slots:
        return outputs, memory.singles[schedule.slots.start : schedule.slots.stop].copy()
    return outputs, columns(memory, schedule.gradients, lanes)


def columns(memory: Executor, places: list[tuple[bool, int]], lanes: int) -> Any:
    """What lies at these places, (lanes, places): a number that all lanes share is repeated."""
    import numpy as np

    table = np.empty((lanes, len(places)))
    for i, (of_lanes, place) in enumerate(places):
        table[:, i] = memory.rows[place, :lanes] if of_lanes else memory.singles[place]
    return table
