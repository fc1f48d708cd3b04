"""Trace a function once, and run it on batches at the speed of arrays.

    f = compile_graph(lambda x, y: (model(x) - y) ** 2)
    loss, gradients = f.value_and_grad(xs, ys)      # one example a row: the mean over them
    f.parameters                                    # the Values that gradients belong to
    print(f.program.listing())                      # what is run

The function is that of one example. It runs once for each shape of an example, on unknown numbers;
its gates and their derivatives become a Program, which Numba runs (`pip install
"autograd-core[fast]"`), or NumPy. Numbers other than arguments and Values are fixed from then on.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from threading import RLock

from . import elementary, modes
from .errors import short
from .passes import optimise
from .program import Instruction, Program
from .schedule import Schedule
from .trace import lower, names_of, trace
from .value import Value, failure_message

__all__ = ["CompiledGraph", "compile_graph"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXECUTORS = ("numba", "numpy")
KEPT = 8  # numbers of lanes whose memory is kept
_told = False


def compile_graph(
    fn: Callable[..., Any],
    parameters: Any = None,
    *,
    wrt: str | None = None,
    reduction: str = "mean",
    executor: str | None = None,
) -> CompiledGraph:
    """`fn`, a function of one example that returns a Value, ready to run on batches.

    parameters  a Module or Values: what gradients are taken of, in this order; by default those of
                the models that fn uses, then other leaves in the order of their first use
    wrt         "parameters", or "inputs"; by default inputs only if there are no parameters
    reduction   "mean" of the lanes' values and gradients, or "sum"
    executor    "numba" or "numpy"; by default the environment's AUTOGRAD_CORE_EXECUTOR, else Numba
                if it is installed, else NumPy, which is said once

    fn is traced at the first call and for every new shape of an example, not for another number of
    examples. It gets Values, and lists of them for rows. It must not read their numbers: TraceError
    then names the line. A gate that fails in a lane raises what the engine raises, naming the lane.
    """
    if not callable(fn):
        raise TypeError(
            f"compile_graph takes a function of one example, got {type(fn).__name__}: "
            "compile_graph(lambda x, y: (model(x) - y) ** 2)"
        )
    if wrt not in (None, "parameters", "inputs"):
        raise ValueError(f"compile_graph: wrt must be 'parameters' or 'inputs', got {wrt!r}")
    if reduction not in ("mean", "sum"):
        raise ValueError(f"compile_graph: reduction must be 'mean' or 'sum', got {reduction!r}")
    exact = parameters is not None
    values = _checked(parameters) if exact else _guessed(fn)
    return CompiledGraph(fn, values, exact, wrt, reduction, _executor(executor))


class CompiledGraph:
    """What `compile_graph` returns: call it, `value_and_grad`, `each`; see there.

    Arguments are numbers, lists or arrays. Each is one example a row, all of one length; a number
    among them means that all are a single example. TypeError and ValueError name the argument that
    is no array of numbers or has another length.
    """

    def __init__(
        self, fn: Callable[..., Any], parameters: list[Value], exact: bool, wrt: str | None,
        reduction: str, executor: str,
    ) -> None:  # fmt: skip
        self.fn = fn
        self.reduction = reduction
        self.executor = executor
        self._given = parameters
        self._exact = exact
        self._wrt = wrt
        self._traces: dict[tuple[tuple[int, ...], ...], _Traced] = {}
        self._last: _Traced | None = None
        self._lock = RLock()

    # ------------------------------------------------------------------ running

    def __call__(self, *arguments: Any) -> float:
        """The mean (or sum) over the examples of what fn returns."""
        with self._lock:
            batch = self._start(arguments, None)
            batch.check(batch.loss)
            return batch.loss

    def value_and_grad(self, *arguments: Any, at: Any = None) -> tuple[float, Any]:
        """The value, as a call gives it, and its gradient.

        The gradient is an array with a number for each of `parameters`; with respect to inputs, an
        array of the shape of the argument, or a tuple of these if there are several. No `.grad`
        changes. `at`: numbers to use in place of those of the parameters.

        FloatingPointError, naming gate, lane and operands, where a nan comes up.
        """
        with self._lock:
            batch = self._start(arguments, at)
            gradient = batch.gradient()
            if gradient is None:
                found = batch.input_gradients()
                batch.check(batch.loss, *(float(g.sum()) for g in found))
                return batch.loss, found[0] if len(found) == 1 else tuple(found)
            batch.check(batch.loss, float(gradient @ gradient), gradient)
            return batch.loss, gradient

    def each(self, *arguments: Any) -> Any:
        """What fn returns for each example: an array of one number, or one row, an example."""
        with self._lock:
            return self._start(arguments, None).outputs()

    # ------------------------------------------------------------------ what is run

    def trace(self, *arguments: Any) -> Program:
        """The program for arguments of these shapes, as a call takes them."""
        with self._lock:
            return self._traced(_batch(arguments, self._names(len(arguments)))[2]).program

    @property
    def program(self) -> Program:
        """The program of the last call. RuntimeError before the first: use `trace(x, y)`."""
        if self._last is None:
            raise RuntimeError("nothing was traced yet: call f.trace(x, y) with an example")
        return self._last.program

    @property
    def parameters(self) -> list[Value]:
        """The Values that the gradient is of. Without `parameters=`, known after the trace."""
        if self._last is not None:
            return list(self._last.wrt)
        return list(self._given or ())

    def _names(self, count: int) -> list[str]:
        return names_of(self.fn, count)

    def _traced(self, shapes: tuple[tuple[int, ...], ...]) -> _Traced:
        found = self._traces.get(shapes)
        if found is None:
            found = _Traced(self, shapes)
            self._traces[shapes] = found
        self._last = found
        return found

    def _start(self, arguments: tuple[Any, ...], at: Any) -> _Batch:
        arrays, lanes, shapes, single = _batch(arguments, None)
        if arrays is None:
            arrays, lanes, shapes, single = _batch(arguments, self._names(len(arguments)))
        return _Batch(self._traced(shapes), arrays, lanes, single, at)

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", type(self.fn).__name__)
        return f"<compiled graph of {name}, run by {self.executor}>"


class _Traced:
    """A function traced for one shape of example: programs, and memory by number of lanes."""

    def __init__(self, owner: CompiledGraph, shapes: tuple[tuple[int, ...], ...]) -> None:
        self.owner = owner
        self.shapes = shapes
        traced = trace(owner.fn, owner._names(len(shapes)), shapes)
        given = list(owner._given or ())
        self.single = traced.single
        found = traced.parameters
        if not owner._exact:
            known = set(given)
            given += [v for v in found if v not in known]
        self.of_inputs = owner._wrt == "inputs" or (owner._wrt is None and not given)
        self.wrt: list[Value] = [] if self.of_inputs else given
        known = set(given)
        self.values = [*given, *(v for v in found if v not in known)]
        wrt = traced.inputs if self.of_inputs else self.wrt
        several = not traced.single
        self.plain = lower(traced, () if several else wrt, self.values)
        self.program = optimise(self.plain)
        self.schedule = Schedule(self.program)
        self.runs: dict[int, Any] = {}

    def run(self, lanes: int) -> Any:
        """The memory for this number of lanes; `seen` is the state of the parameters in it."""
        run = self.runs.get(lanes)
        if run is None:
            if len(self.runs) >= KEPT:
                del self.runs[next(iter(self.runs))]
            if self.owner.executor == "numba":
                from .run_numba import NumbaRun

                run = NumbaRun(self.schedule, lanes)
            else:
                from .run_numpy import NumpyRun

                run = NumpyRun(self.schedule, lanes)
            self.runs[lanes] = run
        return run


class _Batch:
    """One run of a program on a batch, and its results."""

    def __init__(
        self, traced: _Traced, arrays: list[Any], lanes: int, single: bool, at: Any
    ) -> None:
        self.traced = traced
        self.lanes = lanes
        self.single = single
        self.run = run = traced.run(lanes)
        self.mean = traced.owner.reduction == "mean"
        self._parameters(at)
        rows = run.rows
        k = 0
        for array in arrays:
            if array.ndim == 1:
                rows[k, :lanes] = array
                k += 1
            else:
                flat = array.reshape(lanes, -1)
                rows[k : k + flat.shape[1], :lanes] = flat.T
                k += flat.shape[1]
        if rows.shape[1] > lanes:
            rows[:k, lanes:] = rows[:k, :1]
        self.failed = run()
        self.loss = self._loss()

    def _parameters(self, at: Any) -> None:
        run, traced = self.run, self.traced
        state = modes.writes
        if run.seen is not state:
            run.single[: len(traced.values)] = [value._data for value in traced.values]
            run.seen = state
        if at is not None:
            import numpy as np

            given = np.asarray(at, float)
            if given.shape != (len(traced.wrt),):
                raise ValueError(
                    f"value_and_grad: at must hold one number for each of {len(traced.wrt)} "
                    f"parameters, got an array of shape {given.shape}"
                )
            run.single[: len(given)] = given
            run.seen = None

    def _loss(self) -> float:
        lanes, place = self.traced.schedule.outputs[0]
        if not lanes:
            total = float(self.run.single[place])
            return total if self.mean else total * self.lanes
        total = float(self.run.rows[place, : self.lanes] @ self.run.ones)
        return total / self.lanes if self.mean else total

    def gradient(self) -> Any:
        """The array of the parameters' gradients; None if it is the inputs' that are wanted."""
        self._one_output()
        if self.traced.of_inputs:
            return None
        gradient = self.run.single.take(self.run.places)
        if self.mean and self.lanes > 1:
            gradient *= 1.0 / self.lanes
        return gradient

    def input_gradients(self) -> list[Any]:
        """An array for each argument, of its shape."""
        import numpy as np

        lanes = self.lanes
        table = np.empty((len(self.traced.schedule.gradients), lanes))
        for i, (of_lanes, place) in enumerate(self.traced.schedule.gradients):
            table[i] = self.run.rows[place, :lanes] if of_lanes else self.run.single[place]
        if self.mean:
            table /= lanes
        found, k = [], 0
        for shape in self.traced.shapes:
            size = math.prod(shape)
            array = table[k : k + size].T.reshape(lanes, *shape)
            found.append(array[0] if self.single else array)
            k += size
        return found

    def outputs(self) -> Any:
        import numpy as np

        schedule, lanes = self.traced.schedule, self.lanes
        table = np.empty((lanes, len(schedule.outputs)))
        for i, (of_lanes, place) in enumerate(schedule.outputs):
            table[:, i] = self.run.rows[place, :lanes] if of_lanes else self.run.single[place]
        self.check(float(table.sum()))
        array = table[:, 0] if self.traced.single else table
        return array[0] if self.single else array

    def _one_output(self) -> None:
        if not self.traced.single:
            raise TypeError(
                "value_and_grad needs a function that returns one Value, this one returns "
                f"{len(self.traced.schedule.outputs)}: return their loss, or call each(...)"
            )

    def check(self, *numbers: float | Any) -> None:
        """Raise what the engine would, if a gate failed or a result is nan."""
        if not self.failed and all(math.isfinite(x) for x in numbers[:2]):
            return
        self._raise_failure()

    def _raise_failure(self) -> None:
        """Run lane after lane by the gates' own rules, to find the gate and say what is wrong."""
        inputs = self.run.rows[: len(self.traced.plain.inputs), : self.lanes].T.tolist()
        numbers = self.run.single[: len(self.traced.values)].tolist()
        for lane, row in enumerate(inputs):
            where = f" (lane {lane} of {self.lanes})" if self.lanes > 1 else ""
            find_failure(self.traced.plain, row, numbers, where)


def find_failure(
    program: Program, inputs: Sequence[float], parameters: Sequence[float], where: str = ""
) -> None:
    """Raise for the first gate that fails, or that makes a nan, in one lane of a plain program."""
    numbers = program.evaluate(inputs, parameters)
    for register in range(program.first_constant):
        if math.isnan(numbers[register]):
            kind = "input" if register < len(program.inputs) else "parameter"
            raise FloatingPointError(f"the {kind} {program.name(register)} is nan{where}")
    for line in program.code:
        gate = program.gate(line.op)
        y = numbers[line.result]
        if y - y == 0.0:
            continue
        operands = [numbers[r] for r in line.operands]
        names = [_named(program, r) for r in line.operands]
        label = program.labels.get(line.result)
        behind = f", the gate of {label!r}" if label else ""
        if gate is not None and line.op == gate.name:
            for failure in gate.failures:
                if failure.when(elementary, y, *operands):
                    raise failure.error(
                        failure_message(gate, failure.reason, operands, names) + behind + where
                    )
        made = program.first_result  # a nan among the constants is the gate's own
        if math.isnan(y) and not any(math.isnan(numbers[r]) for r in line.operands if r >= made):
            shown = ", ".join(
                f"{name}={x!r}" if name else repr(x)
                for name, x in zip(names, operands, strict=True)
            )
            raise FloatingPointError(
                f"{line.op}: the result is nan for {shown}{behind or _backward(program, line)}"
                f"{where}"
            )


def _backward(program: Program, line: Instruction) -> str:
    last = max(program.outputs)
    return ", in the backward pass" if line.result > last else ""


def _named(program: Program, register: int) -> str:
    """The name or label of a register; "" for a constant or a gate that has none."""
    if register < program.first_constant:
        return program.name(register)
    if register < program.first_result:
        return ""
    line = program.code[register - program.first_result]
    return program.labels.get(register) or (line.op if "'" in line.op else "")


# ---------------------------------------------------------------------------- arguments


def _batch(
    arguments: tuple[Any, ...], names: list[str] | None
) -> tuple[Any, int, tuple[tuple[int, ...], ...], bool]:
    """(arrays with a row an example, how many, the shape of an example, whether it is just one).

    Without names, arrays are None where something is wrong; with them, the error is raised.
    """
    import numpy as np

    arrays = []
    for i, argument in enumerate(arguments):
        try:
            arrays.append(np.asarray(argument, float))
        except (TypeError, ValueError) as error:
            if names is None:
                return None, 0, (), False
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"argument {names[i]} must be an array of numbers, got {short(argument)}: {error}"
            ) from None
    single = any(array.ndim == 0 for array in arrays)
    if single:
        arrays = [array[None] for array in arrays]
    lanes = {len(array) for array in arrays}
    if len(lanes) != 1 or 0 in lanes:
        if names is None:
            return None, 0, (), False
        if not arguments:
            raise TypeError("a compiled graph takes arguments: an array with a row an example")
        found = ", ".join(f"{n}: {len(a)}" for n, a in zip(names, arrays, strict=True))
        raise ValueError(
            f"arguments must have one row an example, at least one and equally many, got {found}; "
            "for a single example give f([x], [y])"
        )
    return arrays, lanes.pop(), tuple([array.shape[1:] for array in arrays]), single


def _checked(parameters: Any) -> list[Value]:
    """The leaf Values that were given, or those of the Module."""
    if hasattr(parameters, "parameters"):
        parameters = parameters.parameters()
    values = list(parameters) if isinstance(parameters, Iterable) else [parameters]
    for value in values:
        if not isinstance(value, Value) or value.gate is not None:
            raise TypeError(
                "compile_graph: parameters must be a Module or leaf Values, as model.parameters(), "
                f"got {short(value)}"
            )
    return list(dict.fromkeys(values))


def _guessed(fn: Callable[..., Any]) -> list[Value]:
    """The parameters of the models that `fn` uses, in the models' order."""
    return list(dict.fromkeys(v for model in _models(fn) for v in model.parameters()))


def _models(fn: Any) -> list[Any]:
    """What `fn` is or uses that has parameters: itself, its object, its variables."""
    import inspect

    things = [fn, getattr(fn, "__self__", None)]
    try:
        used = inspect.getclosurevars(fn)
        things += [*used.nonlocals.values(), *used.globals.values()]
    except TypeError:
        pass
    return [
        thing
        for thing in things
        if callable(getattr(thing, "parameters", None)) and not isinstance(thing, type)
    ]


def _executor(name: str | None) -> str:
    global _told
    wanted = name or os.environ.get("AUTOGRAD_CORE_EXECUTOR") or None
    if wanted is not None:
        if wanted not in EXECUTORS:
            raise ValueError(f"executor must be 'numba' or 'numpy', got {wanted!r}")
        return wanted
    from importlib.util import find_spec

    if find_spec("numba") is not None:
        return "numba"
    if not _told:
        import warnings

        _told = True
        warnings.warn(
            "programs run on NumPy, since Numba is not installed: "
            'pip install "autograd-core[fast]" makes them several times faster',
            stacklevel=3,
        )
    return "numpy"
