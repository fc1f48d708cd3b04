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

from . import modes
from .errors import TraceError, short
from .failure import find_failure
from .passes import optimise
from .program import Program
from .schedule import Schedule
from .trace import lower, names_of, trace
from .value import Value

__all__ = ["CompiledGraph", "compile_graph"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXECUTORS = ("numba", "numpy")
KEPT = 16  # shapes of arguments whose memory is kept
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
    examples. It gets Values, and lists of them for rows; gates of parameters alone run then, at the
    parameters' numbers. It must not read numbers: TraceError then names the line. A gate that fails
    in a lane raises what the engine raises, naming the lane.
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
    values = None if parameters is None else _checked(parameters)
    return CompiledGraph(fn, values, wrt, reduction, _executor(executor))


class CompiledGraph:
    """What `compile_graph` returns: call it, `value_and_grad`, `each`; see there.

    Arguments are numbers, lists or arrays. Each is one example a row, all of one length; a number
    among them means that all are a single example. TypeError and ValueError name the argument that
    is no array of numbers or has another length.
    """

    def __init__(
        self, fn: Callable[..., Any], parameters: list[Value] | None, wrt: str | None,
        reduction: str, executor: str,
    ) -> None:  # fmt: skip
        import numpy

        self._np: Any = numpy
        self._float = numpy.dtype(float)
        self.fn = fn
        self.reduction = reduction
        self.executor = executor
        self._given = parameters
        self._models = _models(fn)
        self._wrt = wrt
        self._traces: dict[tuple[Any, ...], _Traced] = {}
        self._batches: dict[tuple[Any, ...], _Batch] = {}
        self._latest: _Batch | None = None
        self._last: _Traced | None = None
        self._lock = RLock()

    # ------------------------------------------------------------------ running

    def __call__(self, *arguments: Any) -> float:
        """The mean (or sum) over the examples of what fn returns."""
        with self._lock:
            batch = self._run(arguments, None)
            batch.require_one_output()
            loss = batch.loss()
            if batch.failed or not math.isfinite(loss):
                batch.find_failure(loss)
            return loss

    def value_and_grad(self, *arguments: Any, at: Any = None) -> tuple[float, Any]:
        """The value, as a call gives it, and its gradient.

        The gradient is an array with a number for each of `parameters`; with respect to inputs, an
        array of the shape of the argument, or a tuple of these if there are several. No `.grad`
        changes. `at`: numbers to use in place of those of the parameters.

        FloatingPointError, naming gate, lane and operands, where a nan comes up.
        """
        with self._lock:
            batch = self._run(arguments, at)
            batch.require_one_output()
            loss = batch.loss()
            gradient = batch.gradient()
            if batch.failed or not math.isfinite(loss):
                batch.find_failure(loss, gradient)
            return loss, gradient

    def each(self, *arguments: Any) -> Any:
        """What fn returns for each example: an array of one number, or one row, an example."""
        with self._lock:
            batch = self._run(arguments, None)
            outputs = batch.outputs()
            if batch.failed or not batch.is_finite(outputs):
                batch.find_failure(outputs)
            return outputs

    # ------------------------------------------------------------------ what is run

    def trace(self, *arguments: Any, plain: bool = False) -> Program:
        """The program for arguments of these shapes; `plain`: as it was lowered, before passes."""
        with self._lock:
            traced = self._traced(self._arrays(arguments))[0]
            return traced.plain if plain else traced.program

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
        return [] if self._wrt == "inputs" else list(self._given or ())

    def _run(self, arguments: tuple[Any, ...], at: Any) -> _Batch:
        arrays = self._arrays(arguments)
        key = self._key([array.shape for array in arrays])
        batch = self._batches.get(key) or self._batch(key, arrays)
        if batch is not self._latest:  # the latest used stand last, the first is dropped first
            self._batches[key] = self._latest = self._batches.pop(key)
        self._last = batch.traced
        batch.run(arrays, at)
        return batch

    def _arrays(self, arguments: tuple[Any, ...]) -> list[Any]:
        """The arguments as arrays of floats."""
        np = self._np
        try:
            arrays = [np.asarray(argument) for argument in arguments]
            return [array if array.dtype is self._float else _floats(array) for array in arrays]
        except (TypeError, ValueError):
            for name, argument in zip(self._names(arguments), arguments, strict=True):
                try:
                    _floats(np.asarray(argument))
                except (TypeError, ValueError) as error:
                    kind = TypeError if isinstance(error, TypeError) else ValueError
                    raise kind(
                        f"argument {name} must be an array of numbers, got {short(argument)}: "
                        f"{error}"
                    ) from None
            raise

    def _traced(self, arrays: list[Any]) -> tuple[_Traced, int, bool]:
        """The trace for an example of such arrays, how many there are, and if it is a lone one."""
        single = any(array.ndim == 0 for array in arrays)
        rows = [1] if single else [len(array) for array in arrays]
        if not rows or min(rows) < 1 or min(rows) < max(rows):
            found = ", ".join(
                f"{n}: {len(a)}" for n, a in zip(self._names(arrays), arrays, strict=True)
            )
            raise ValueError(
                "arguments must have one row an example, at least one and equally many, got "
                f"{found or 'no argument: a function without arguments has no examples'}; for a "
                "single example give f([x], [y])"
            )
        shapes = tuple([array.shape if single else array.shape[1:] for array in arrays])
        key = self._key(shapes)
        traced = self._traces.get(key)
        if traced is None:
            try:
                traced = self._traces[key] = _Traced(self, shapes, self._names(arrays))
            except (TypeError, ValueError) as error:
                if not single and () in shapes and not isinstance(error, TraceError):
                    error.add_note(
                        f"the arguments were taken as {rows[0]} examples, one a row: for a single "
                        "example give f([x], [y])"
                    )
                raise
        self._last = traced
        return traced, rows[0], single

    def _key(self, shapes: Iterable[tuple[int, ...]]) -> tuple[Any, ...]:
        """Shapes, and whether the models that fn uses are in training: it may ask for that."""
        return (*shapes, *[getattr(model, "training", None) for model in self._models])

    def _batch(self, key: tuple[Any, ...], arrays: list[Any]) -> _Batch:
        """Memory for arguments of these shapes."""
        if len(self._batches) >= KEPT:
            del self._batches[next(iter(self._batches))]
        batch = _Batch(self, *self._traced(arrays))
        self._batches[key] = batch
        return batch

    def _names(self, arguments: Sequence[Any]) -> list[str]:
        return names_of(self.fn, len(arguments))

    def __reduce__(self) -> Any:
        raise TypeError(
            "a compiled graph belongs to the Values of its function and can be neither copied nor "
            "pickled: copy the model, and call compile_graph again"
        )

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", type(self.fn).__name__)
        return f"<compiled graph of {name}, run by {self.executor}>"


class _Traced:
    """A function traced for one shape of example: its programs, and whose numbers they take."""

    def __init__(
        self, owner: CompiledGraph, shapes: tuple[tuple[int, ...], ...], names: list[str]
    ) -> None:
        self.shapes = shapes
        import numpy as np

        with np.errstate(all="ignore"):  # the unknown numbers are nan, which ufuncs would report
            traced = trace(owner.fn, names, shapes)
        self.single = traced.single
        found = dict.fromkeys(traced.parameters)
        given = owner._given or []
        if owner._given is None:  # what the models that fn uses have, then other leaves
            owned = [model.parameters() for model in owner._models]
            used = [values for values in owned if not found.keys().isdisjoint(values)]
            leaves = [value for value in found if value.gate is None]
            given = list(dict.fromkeys([*(v for values in used for v in values), *leaves]))
        known = set(given)
        others = [value for value in found if value not in known]
        self.of_inputs = owner._wrt == "inputs" or (owner._wrt is None and not given)
        self.wrt: list[Value] = [] if self.of_inputs else given
        self.values = [*given, *others]
        wrt = traced.inputs if self.of_inputs else given
        self.plain = lower(traced, wrt if traced.single else (), self.values)
        self.program = optimise(self.plain)
        self.schedule = Schedule(self.program)


class _Batch:
    """A program with memory for a number of examples: run it, then ask for results."""

    def __init__(self, owner: CompiledGraph, traced: _Traced, lanes: int, single: bool) -> None:
        import numpy as np

        self.traced = traced
        self.lanes = lanes
        self.single = single
        self._scale = 1.0 / lanes if owner.reduction == "mean" else 1.0
        executor = _memory(owner.executor, traced.schedule, lanes, self._scale)
        self._execute = executor
        self._rows, self._single = executor.rows, executor.single
        self.failed = False
        self._targets = []
        k = 0
        for shape in traced.shapes:
            size = math.prod(shape)
            self._targets.append(self._rows[k : k + size, :lanes])
            k += size
        self._flat = not single and all(len(shape) < 2 for shape in traced.shapes)
        self._spare = self._rows[:k, lanes:] if self._rows.shape[1] > lanes else None
        self._first = self._rows[:k, :1]
        self._seen: object = None
        self._ones = np.ones(lanes)
        self._vdot: Any = np.vdot  # a sum of products which, unlike `@`, never warns
        of_lanes, place = traced.schedule.outputs[0]
        self._output = self._rows[place, :lanes] if of_lanes else self._single[place : place + 1]
        slots = traced.schedule.slots
        self._gradient = self._single[slots.start : slots.stop]

    def run(self, arrays: list[Any], at: Any) -> None:
        self._parameters(at)
        if not self._flat:
            arrays = [array.reshape(self.lanes, -1) for array in arrays]
        for target, array in zip(self._targets, arrays, strict=True):
            target[...] = array.T
        if self._spare is not None:
            self._spare[...] = self._first
        self.failed = self._execute()

    def _parameters(self, at: Any) -> None:
        """Numbers of the parameters into the memory, if it has not the latest."""
        values, count = self.traced.values, len(self.traced.wrt)
        if at is None or count < len(values):
            latest = modes.writes
            if self._seen is not latest:
                self._single[: len(values)] = [value._data for value in values]
                self._seen = latest
        if at is not None:
            if getattr(at, "shape", None) != (count,):
                import numpy as np

                shape = np.shape(at)
                if shape != (count,):
                    raise ValueError(
                        f"value_and_grad: at must hold one number for each of {count} parameters, "
                        f"got an array of shape {shape}"
                    )
            self._seen = None  # first: after an interrupt these must not pass for the parameters'
            self._single[:count] = at

    def loss(self) -> float:
        row = self._output
        if len(row) == 1:  # one lane, or one number for all
            total = float(row[0])
            return total if self._scale != 1.0 else total * self.lanes
        return float(self._vdot(row, self._ones)) * self._scale

    def gradient(self) -> Any:
        if not self.traced.of_inputs:
            return self._gradient.copy()
        table = _columns(self._execute, self.traced.schedule.gradients, self.lanes) * self._scale
        self.failed = self.failed or not self.is_finite(table)
        found, k = [], 0
        for shape in self.traced.shapes:
            size = math.prod(shape)
            array = table[:, k : k + size].reshape(self.lanes, *shape)
            found.append(array[0] if self.single else array)
            k += size
        return found[0] if len(found) == 1 else tuple(found)

    def outputs(self) -> Any:
        table = _columns(self._execute, self.traced.schedule.outputs, self.lanes)
        array = table[:, 0] if self.traced.single else table
        return array[0] if self.single else array

    def is_finite(self, numbers: Any) -> bool:
        """Whether an array holds no nan and no infinity; False too if a square overflows."""
        return math.isfinite(self._vdot(numbers, numbers))

    def require_one_output(self) -> None:
        if not self.traced.single:
            count = len(self.traced.program.outputs)
            raise TypeError(
                "the value and its gradient are those of a function that returns one Value, this "
                f"one returns a sequence of {count}: return their loss, or call f.each(...)"
            )

    def find_failure(self, *results: Any) -> None:
        """Run lane after lane by the gates' own rules, and raise what the engine would.

        FloatingPointError, too, for a nan in the results that no lane has by itself.
        """
        inputs = self._rows[: len(self.traced.plain.inputs), : self.lanes].T.tolist()
        numbers = self._single[: len(self.traced.values)].tolist()
        for lane, row in enumerate(inputs):
            where = f" (lane {lane} of {self.lanes})" if self.lanes > 1 else ""
            find_failure(self.traced.plain, row, numbers, where)
        arrays = [y for x in results for y in (x if isinstance(x, tuple) else (x,))]
        if any((x != x).any() if hasattr(x, "any") else x != x for x in arrays):
            raise FloatingPointError(self._across_lanes(arrays))

    def _across_lanes(self, results: list[Any]) -> str:
        """What to say of a nan that comes up only where the lanes are summed."""
        which = "the value"
        if len(results) > 1 and results[0] == results[0] and not self.traced.of_inputs:
            names = map(self.traced.program.name, self.traced.program.wrt)
            which = next(
                f"the gradient of {n}" for n, x in zip(names, results[1], strict=True) if x != x
            )
        return f"{which} is nan: over the {self.lanes} lanes infinities of both signs are added"


# ---------------------------------------------------------------------------- what is given


def _floats(array: Any) -> Any:
    """The array with floats in it; TypeError for what NumPy would turn into some number."""
    kind = array.dtype.kind
    if kind not in "biufO":
        raise TypeError(f"its elements are of type {array.dtype}")
    if kind == "O" and any(isinstance(x, str | bytes | None) for x in array.flat):
        raise TypeError("its elements are not all numbers")
    return array.astype(float)


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


def _models(fn: Any) -> list[Any]:
    """What `fn` is or uses that has parameters, in the order in which it comes up.

    It looks at fn itself, the object whose method it is and what that holds, the arguments of a
    partial, and the variables of fn, and of functions among these.
    """
    import inspect
    from functools import partial

    found: dict[int, Any] = {}
    seen: set[int] = set()
    work = [(fn, 0)]
    while work:
        thing, depth = work.pop(0)
        if id(thing) in seen or depth > 3 or isinstance(thing, type | Value):
            continue
        seen.add(id(thing))
        if _has_parameters(thing):
            found[id(thing)] = thing
            continue
        inside: list[Any] = []
        if isinstance(thing, partial):
            inside += [thing.func, *thing.args, *thing.keywords.values()]
        if inspect.ismethod(thing):
            inside += [thing.__self__, *getattr(thing.__self__, "__dict__", {}).values()]
        try:
            used = inspect.getclosurevars(thing)
            inside += [*used.nonlocals.values(), *used.globals.values()]
        except (TypeError, ValueError):  # no Python function; a variable that is not set yet
            pass
        work += [(x, depth + 1) for x in inside if callable(x) or _has_parameters(x)]
    return list(found.values())


def _has_parameters(thing: Any) -> bool:
    try:
        return callable(thing.parameters)
    except Exception:  # whatever a stranger's __getattr__ may raise
        return False


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


def _memory(executor: str, schedule: Schedule, lanes: int, scale: float) -> Any:
    """A run of the executor of this name."""
    if executor == "numpy":
        from .run_numpy import NumpyRun

        return NumpyRun(schedule, lanes, scale)
    try:
        from .run_numba import NumbaRun

        return NumbaRun(schedule, lanes, scale)
    except ImportError as error:
        raise ImportError(
            f"executor 'numba' cannot be used, {error}: "
            'pip install "autograd-core[fast]", or give executor="numpy"'
        ) from error


def run_program(
    program: Program, inputs: Any, parameters: Any, executor: str | None
) -> tuple[Any, Any]:
    """What `Program.run` does."""
    import numpy as np

    rows, numbers = np.asarray(inputs, float), np.asarray(parameters, float)
    wanted = (len(program.inputs), len(program.parameters))
    if rows.ndim != 2 or len(rows) < 1 or (rows.shape[1], *numbers.shape) != wanted:
        raise ValueError(
            f"the program takes inputs of shape (lanes, {wanted[0]}) and {wanted[1]} parameters, "
            f"got shapes {rows.shape} and {numbers.shape}"
        )
    lanes = len(rows)
    schedule = Schedule(program.verify())
    memory = _memory(_executor(executor), schedule, lanes, 1.0)
    memory.single[: wanted[1]] = numbers
    memory.rows[: wanted[0], :lanes] = rows.T
    memory.rows[: wanted[0], lanes:] = rows.T[:, :1]
    memory()

    outputs = _columns(memory, schedule.outputs, lanes)
    if schedule.slots:
        return outputs, memory.single[schedule.slots.start : schedule.slots.stop].copy()
    return outputs, _columns(memory, schedule.gradients, lanes)


def _columns(memory: Any, places: list[tuple[bool, int]], lanes: int) -> Any:
    """What lies at these places, (lanes, places): numbers of all lanes are repeated."""
    import numpy as np

    table = np.empty((lanes, len(places)))
    for i, (of_lanes, place) in enumerate(places):
        table[:, i] = memory.rows[place, :lanes] if of_lanes else memory.single[place]
    return table
