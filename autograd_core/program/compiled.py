"""Trace a function once, and run it on batches at the speed of arrays.

    f = compile_graph(lambda x, y: (model(x) - y) ** 2)
    loss, gradients = f.value_and_grad(xs, ys)      # one example per row: the mean over them
    f.parameters                                    # the Values that gradients belong to
    print(f.program.listing())                      # what is run

The function is that of one example. It runs once for each shape of an example, on unknown numbers;
its gates and their derivatives become a Program, which a loop in C runs, or NumPy. Numbers other
than arguments and Values are fixed from then on.
"""

from __future__ import annotations

import gc
import math
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from threading import RLock
from weakref import WeakSet

from .. import modes
from ..draws import checked
from ..errors import CALLED_INSIDE, MADE_IN_TRACE, OUTSIDE, TraceError, argument_names, short
from ..graph import is_stale
from ..scalars import real
from ..value import Value
from .agreement import require_agreement
from .descent import Code, record
from .executors import choose, columns, numpy_for, plan, prepare
from .failure import find_failure
from .lower import lower
from .passes import optimise
from .program import Program
from .trace import Trace, trace

__all__ = ["CompiledGraph", "compile_graph"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Protocol, TypeAlias

    from ..scalars import Number
    from .executors import Executor

    Output: TypeAlias = Value | Number

    class HasParameters(Protocol):
        """A Module, of `nn` or of yours."""

        def parameters(self) -> Iterable[Value]: ...


LIMIT = 16  # how many shapes of arguments a graph keeps memory for, and traces; the latest


def compile_graph(
    fn: Callable[..., Output | Iterable[Output]],
    parameters: HasParameters | Iterable[Value] | Value | None = None,
    *,
    wrt: str | None = None,
    reduction: str = "mean",
    backend: str | None = None,
    verify: int = 2,
) -> CompiledGraph:
    """`fn`, a function of one example that returns a Value, ready to run on batches.

    parameters  a Module or Values: what gradients are taken of, in this order; by default those of
                the modules that run in fn, then other leaves in the order of their first use
    wrt         "parameters", or "inputs"; by default inputs only if there are no parameters
    reduction   "mean" of the lanes' values and gradients, or "sum"
    backend     the executor: "native" or "numpy"; by default the environment's
                AUTOGRAD_CORE_BACKEND, else the loop in C if it was built with the package, else
                NumPy
    verify      how many examples of the first call are run by the eager engine as well, see below

    fn is traced at the first call, for every new shape of an example (not for another number of
    examples), and when the mode of a module that ran in it has changed, or an attribute of a module
    was set anew, or `changed()` was called. It gets Values, and lists of them for rows; gates of
    parameters alone run then, at the parameters' numbers. It must not read numbers: TraceError then
    names the line. A gate that fails in a lane raises what the engine raises, naming the lane.

    What a trace cannot see (`is`, `isinstance`, `match`, a generator of your own, the clock) is
    fixed in the program. So the first time it runs, `verify` distinct examples, fewer if they take
    long, are run eagerly too; TraceError if value or gradient differ. Random numbers that fn has
    from `drawn`, as the masks of nn.Dropout, are new for every example of every call.

    A graph that was made outside of fn is part of the program, from its leaves on; its plain
    numbers are leaves, too, so give `parameters` if it has any. Once one of these is written, the
    engine would keep the old result, and a call raises TraceError.

    Batches are arrays: ImportError where there is no NumPy.
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
    if not isinstance(verify, int) or isinstance(verify, bool) or verify < 0:
        raise ValueError(f"compile_graph: verify must be a whole number from 0 on, got {verify!r}")
    return CompiledGraph(fn, parameters, wrt, reduction, backend, verify)


class CompiledGraph:
    """What `compile_graph` returns, used as f(...), f.value_and_grad(...) or f.each(...).

    Arguments are numbers, lists or arrays with one example per row, all of the same length; a
    number among them means that all of them are a single example. TypeError and ValueError name the
    argument that is not an array of numbers, or has another length.
    """

    def __init__(
        self, fn: Callable[..., Any], parameters: Any, wrt: str | None,
        reduction: str, backend: str | None, verify: int,
    ) -> None:  # fmt: skip
        self._np: Any = numpy_for("compile_graph")
        self._float = self._np.dtype(float)
        self.fn = fn
        self.reduction = reduction
        self.backend = choose(backend)
        self._given = None if parameters is None else _checked(parameters)
        self._module = parameters if hasattr(parameters, "parameters") else None
        self._verify = verify
        self._wrt = wrt
        self._traces: dict[tuple[Any, ...], list[_Compiled]] = {}
        self._batches: dict[tuple[Any, ...], list[_Batch]] = {}
        self._latest: _Batch | None = None
        self._last: _Compiled | None = None
        self._turn = 0  # how many calls were begun: one may begin inside of another
        self._lock = RLock()
        _all.add(self)

    # ------------------------------------------------------------------ running

    def __call__(self, *arguments: Any) -> float:
        """The mean (or sum) over the examples of what fn returns."""
        with self._lock:
            turn = self._turn = self._turn + 1
            batch = self._run(arguments, None)
            batch.require_one_output()
            loss = batch.loss()
            if self._turn != turn:
                batch.require_no_draws()
                return self(*arguments)
            if batch.failed or not math.isfinite(loss):
                batch.find_failure(loss)
            return loss

    def value_and_grad(self, *arguments: Any, at: Any = None) -> tuple[float, Any]:
        """The value, as a call gives it, and its gradient.

        The gradient is an array with a number for each of `parameters`; with respect to inputs, an
        array of the shape of the argument, or a tuple of these if there are several. No `.grad`
        changes. `at`: numbers to use in place of those of the parameters, also in a graph of them
        that was made outside of fn.

        FloatingPointError, naming gate, lane and operands, where a nan comes up.
        """
        with self._lock:
            turn = self._turn = self._turn + 1
            if at is not None:
                at = self._array(at, "at: the parameters' numbers")
            batch = self._run(arguments, at)
            if not batch.traced.one_output:
                batch.require_one_output()
            loss = batch.loss()
            gradient = batch.gradient()
            if self._turn != turn:
                batch.require_no_draws()
                return self.value_and_grad(*arguments, at=at)
            if batch.failed or not math.isfinite(loss):
                batch.find_failure(loss, gradient)
            return loss, gradient

    def each(self, *arguments: Any) -> Any:
        """What fn returns for each example: an array with one number per example, or
        one row if fn returns a sequence."""
        with self._lock:
            turn = self._turn = self._turn + 1
            batch = self._run(arguments, None)
            outputs = batch.outputs()
            if self._turn != turn:
                batch.require_no_draws()
                return self.each(*arguments)
            if batch.failed or not batch.is_finite(outputs):
                batch.find_failure(outputs)
            return outputs

    record: ClassVar[Callable[..., tuple[Code, list[float]]]] = staticmethod(record)

    def descend(
        self, rows: Any, order: array[int], code: Code, numbers: array[float], count: int,
        data: Any, states: Any, look: Callable[[Any, Any], None],
    ) -> tuple[list[float], Any, Any] | None:  # fmt: skip
        """Steps of an optimiser, so many, in the loop in C; None if another executor runs this.

        rows      a table: a row has all numbers that fn takes, in one argument
        order     which of them, those of the first step, then as many for each other
        code      the optimiser's rule, as `record` says it; numbers: those of each step
        data      the parameters' numbers before the first step
        states    (states of a parameter, parameters)

        Returns the value in each step, and data and states after the last. Raises what
        `value_and_grad` raises; look(gradient, data) is called when a parameter has become
        infinite or nan.
        """
        with self._lock:
            turn = self._turn = self._turn + 1
            lanes = len(order) // count
            batch = self._latest
            if batch is None or batch.key != ((lanes, rows.shape[1]),) or not batch.is_ready():
                batch = self._fitting([rows.take(order[:lanes], axis=0)])
            self._last = batch.traced
            batch.require_one_output()
            descend = batch.steps(code, len(numbers) // count)
            if descend is None:
                return None
            batch.set_parameters(data)
            draws = batch.traced.draws
            if draws is not None:  # each example of each step has numbers of its own
                new = draws.take(len(order))
                rows = self._np.hstack([rows.take(order, axis=0), new])
                order = array("q", range(len(order)))

            def examine(step: int, total: float, moved: bool) -> None:
                gradient = batch.gradient()
                if moved:
                    look(gradient, batch.numbers())
                else:
                    batch.find_failure(total, gradient)

            totals, data, states = descend(rows, order, numbers, states, count, examine)
            if self._turn != turn:
                raise RuntimeError(CALLED_INSIDE)
            factor = batch.factor
            return [total * factor for total in totals], data, states

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

    def require_still(self) -> None:
        """TraceError if parameters may not move, since fn uses a graph of them that it did not
        make: it would keep their old numbers in the engine."""
        if self._last is not None:
            self._last.require_still()

    def _run(self, arguments: tuple[Any, ...], at: Any) -> _Batch:
        if modes.contexts:
            modes.refuse("a compiled graph is called")
        batch = self._latest
        if batch is None or not batch.takes(arguments):
            arguments = tuple(self._arrays(arguments))
            batch = self._fitting(arguments)
        self._last = batch.traced
        batch.run(arguments, at)
        return batch

    def _fitting(self, arrays: Sequence[Any]) -> _Batch:
        """The batch for arguments of these shapes, whose trace was compared with the engine."""
        key = tuple([array.shape for array in arrays])
        batch = self._latest
        if batch is None or batch.key != key or not batch.is_ready():
            batch = self._latest = self._batch(key, arrays)
            if not batch.traced.checked:
                self._check(batch, arrays)
        return batch

    def _check(self, batch: _Batch, arrays: Sequence[Any]) -> None:
        """A few of these examples by the eager engine, too."""
        np, count, traced = self._np, batch.lanes, batch.traced
        if self._verify:
            columns = [array.reshape(count, -1) for array in arrays]
            if traced.draws is not None:
                columns.append(traced.draws.ahead(count))
            table = np.hstack(columns)
            chosen = np.linspace(0, count - 1, min(count, self._verify)).astype(int)
            rows = np.unique(table[chosen], axis=0).tolist()
            names, shapes = self._names(arrays), traced.shapes
            require_agreement(self.fn, batch.example, traced.fails, rows, names, shapes, traced.wrt)
        traced.checked = True

    def _arrays(self, arguments: tuple[Any, ...]) -> list[Any]:
        """The arguments as arrays of floats."""
        plain, floats = self._np.ndarray, self._float
        if all(x.__class__ is plain and x.dtype is floats for x in arguments):
            return list(arguments)
        names = self._names(arguments)
        pairs = zip(arguments, names, strict=True)
        return [self._array(x, f"argument {name}") for x, name in pairs]

    def _array(self, argument: Any, what: str) -> Any:
        """It as an array of floats; TypeError or ValueError, naming `what`, if it is none."""
        np = self._np
        if argument.__class__ is np.ndarray and argument.dtype is self._float:
            return argument
        try:
            rows = argument if isinstance(argument, list | tuple) else ()
            if any(isinstance(x, np.ma.MaskedArray) for x in (argument, *rows)):
                raise TypeError("it is masked: fill it, as with argument.filled(0.0)")
            return _floats(np.asarray(argument))
        # RuntimeError is PyTorch's, of a tensor that requires a gradient.
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"{what} must be an array of numbers, got {short(argument)}: {error}"
            ) from None

    def _traced(self, arrays: Sequence[Any]) -> tuple[_Compiled, int, bool]:
        """The trace for an example of such arrays, how many there are, and if it is a lone one."""
        lone = any(array.ndim == 0 for array in arrays)
        rows = [1] if lone else [len(array) for array in arrays]
        if not rows or min(rows) < 1 or min(rows) < max(rows):
            lengths = ", ".join(
                f"{n}: {len(a)}" for n, a in zip(self._names(arrays), arrays, strict=True)
            )
            raise ValueError(
                "arguments must have one row per example, at least one and equally many, got "
                f"{lengths or 'no argument: a function without arguments has no examples'}; for a "
                "single example give f([x], [y])"
            )
        shapes = tuple([array.shape if lone else array.shape[1:] for array in arrays])
        traces = self._traces.pop(shapes, [])
        self._traces[shapes] = traces
        if len(self._traces) > LIMIT:
            del self._traces[next(iter(self._traces))]
        traced = next((traced for traced in traces if traced.holds()), None)
        if traced is None:
            try:
                traced = self._traced_anew(shapes, self._names(arrays), traces)
            except (TypeError, ValueError) as error:
                if not lone and () in shapes and not isinstance(error, TraceError):
                    error.add_note(
                        f"the arguments were taken as {rows[0]} examples, one per row: for a lone "
                        "example give f([x], [y])"
                    )
                raise
            traces[:] = [*[each for each in traces if each is not traced], traced][-LIMIT:]
        self._last = traced
        return traced, rows[0], lone

    def _traced_anew(
        self, shapes: tuple[tuple[int, ...], ...], names: list[str], traces: Iterable[_Compiled]
    ) -> _Compiled:
        """What fn is now: one of these, if it does the same, or another."""
        with self._np.errstate(all="ignore"):  # unknown numbers are nan, which ufuncs would report
            found = trace(self.fn, names, shapes)
        if self._module is not None:
            self._given = _checked(self._module)
        fingerprint = hash((found.fingerprint(), *map(id, self._given or ())))
        for traced in traces:
            if traced.fingerprint == fingerprint and traced.reads_the_same():
                traced.changes = modes.changes
                return traced
        return _Compiled(self, found, shapes, fingerprint)

    def _batch(self, key: tuple[Any, ...], arrays: Sequence[Any]) -> _Batch:
        """Memory for arguments of these shapes."""
        batches = self._batches.pop(key, [])
        self._batches[key] = batches  # the latest used stand last, the first is dropped first
        batch = next((batch for batch in batches if batch.traced.holds()), None)
        if batch is None:
            if len(self._batches) > LIMIT:
                del self._batches[next(iter(self._batches))]
            traced, lanes, lone = self._traced(arrays)
            batch = next((batch for batch in batches if batch.traced is traced), None)
        if batch is None:
            batch = _Batch(self, key, traced, lanes, lone)
            batches.append(batch)
            del batches[:-2]  # modules alternate between two modes, training and evaluation
        return batch

    def _names(self, arguments: Sequence[Any]) -> list[str]:
        return argument_names(self.fn, len(arguments))

    def __reduce__(self) -> Any:
        raise TypeError(
            "a compiled graph belongs to the Values of its function and can be neither copied nor "
            "pickled: copy the model, and call compile_graph again"
        )

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", type(self.fn).__name__)
        return f"<compiled graph of {name}, run by {self.backend}>"


_all: WeakSet[CompiledGraph] = WeakSet()


def _unlock() -> None:
    """In the child of a fork, where the thread that holds a lock is not there to release it."""
    for graph in _all:
        graph._lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


class _Compiled:
    """A function traced for one shape of example: its programs, and whose numbers they take.

    fingerprint  what another trace has that would make the same
    changes      how many changes the function has been asked about
    """

    def __init__(
        self, owner: CompiledGraph, traced: Trace, shapes: tuple[tuple[int, ...], ...],
        fingerprint: int,
    ) -> None:  # fmt: skip
        self.shapes = shapes
        self.fingerprint = fingerprint
        self.changes = modes.changes
        self.one_output = traced.lone
        self.draws = _Draws(traced.draws) if traced.draws else None
        self.checked = False
        self._outside = traced.outside
        self._kept = [(value, value._stamp) for value in traced.kept]
        self._asked = [(what.reads, _copied(answer, what)) for what, answer in traced.asked]
        given = traced.parameters if owner._given is None else owner._given
        self.values = list(dict.fromkeys([*given, *traced.parameters, *traced.fixed]))
        self.of_inputs = owner._wrt == "inputs" or (owner._wrt is None and not given)
        self.wrt: list[Value] = [] if self.of_inputs else given
        moving = set(self.wrt)
        self._moving: list[Value] = []  # those outside that would keep the old numbers of wrt
        for value in self._outside:
            if not moving.isdisjoint(value.inputs):
                moving.add(value)
                self._moving.append(value)
        arguments = traced.inputs[: sum(map(math.prod, shapes))]
        wrt = arguments if self.of_inputs else given
        # The collector of cycles, called after every so many new objects, would take a third of the
        # time: here these are tuples by the 10,000, all are kept, and none is part of a cycle.
        was_on = gc.isenabled()
        try:
            gc.disable()
            self.plain = lower(traced, wrt if traced.lone else (), self.values)
            self.program = optimise(self.plain)
            self.schedule = plan(owner.backend, self.program)
        finally:
            if was_on:
                gc.enable()

    def require_fresh(self) -> None:
        """TraceError if a number that fn uses, but did not make, is not that of its inputs now."""
        for value in self._outside:
            if is_stale(value):
                raise TraceError(OUTSIDE.format(value=value))
        for value, stamp in self._kept:
            if value._stamp != stamp:
                raise TraceError(MADE_IN_TRACE.format(value=value))

    def require_still(self) -> None:
        """TraceError if fn uses, but did not make, a gate of a parameter that is about to move."""
        for value in self._moving:
            raise TraceError(OUTSIDE.format(value=value))

    def fails(self, row: list[float]) -> bool:
        """Whether a gate fails in that example: by the gates' rules, in the order that fn has."""
        try:
            find_failure(self.plain, row, [v._number for v in self.values], gradients=False)
        except (ArithmeticError, ValueError):
            return True
        return False

    def holds(self) -> bool:
        """Whether fn would do the same, as far as is known without running it."""
        return self.changes == modes.changes and self.reads_the_same()

    def reads_the_same(self) -> bool:
        """Whether what fn read beside arguments and Values, as a mode, still reads the same."""
        for read, answer in self._asked:
            if read() != answer:
                return False
        return True


class _Draws:
    """The random numbers of a program: rows of them, one for each example.

    draws  (function, how many it gives an example), in the order in which fn asks

    A function is asked for those of many examples at once. Where several may share a generator,
    they are asked example by example, as fn asks them: the numbers are then those of the engine,
    however many examples are run at a time. Only methods of several objects, and no other
    functions, have generators of their own, as the masks of several nn.Dropout.
    """

    def __init__(self, draws: Sequence[tuple[Callable[[int], Any], int]]) -> None:
        groups: dict[int, list[tuple[Callable[[int], Any], list[int]]]] = {}
        owners = [getattr(draw, "__self__", None) for draw, _ in draws]
        self.width = 0
        for (draw, count), owner in zip(draws, owners, strict=True):
            group = groups.setdefault(0 if None in owners else id(owner), [])
            at = list(range(self.width, self.width + count))
            if group and group[-1][0] == draw:
                group[-1][1].extend(at)
            elif at:
                group.append((draw, at))
            self.width += count
        self._groups = [[(draw, len(at), _as_slice(at)) for draw, at in g] for g in groups.values()]
        self._ahead: Any = None

    def ahead(self, count: int) -> Any:
        """What the next call of `take` will give, if that is for as many examples."""
        self._ahead = self.take(count)
        return self._ahead

    def take(self, count: int) -> Any:
        """The numbers of the next `count` examples, a row for each."""
        import numpy as np

        known, self._ahead = self._ahead, None
        done = 0 if known is None else len(known)
        table = np.empty((max(count, done), self.width))
        if done:
            table[:done] = known
        rest = len(table) - done
        for group in self._groups if rest else ():
            step = rest if len(group) == 1 else 1
            for row in range(done, len(table), step):
                for draw, each, at in group:
                    numbers: Any = checked(draw(step * each), step * each)
                    table[row : row + step, at] = np.reshape(numbers, (step, -1))
        return table[:count]


def _as_slice(places: list[int]) -> Any:
    """Places that lie side by side as a slice, which is quicker to fill."""
    first, end = places[0], places[-1] + 1
    return slice(first, end) if end - first == len(places) else places


class _Batch:
    """A program with memory for a number of examples: run it, then ask for results."""

    def __init__(
        self, owner: CompiledGraph, key: tuple[Any, ...], traced: _Compiled, lanes: int, lone: bool
    ) -> None:
        import numpy as np

        self.key = key
        self.traced = traced
        self.lanes = lanes
        self.one_example = lone
        self._scale = 1.0 / lanes if owner.reduction == "mean" else 1.0
        # Executors that make the steps of an optimiser, by its rule and how many numbers it has.
        self._descents: dict[tuple[Code, int], Any] = {}
        self._code: tuple[Code, int] | None = None  # of the one that runs now
        self.failed = False
        self._flat = all(len(shape) < 2 for shape in traced.shapes)
        self._array, self._float = np.ndarray, np.dtype(float)
        self._ones = np.ones(lanes)
        self._vdot: Any = np.vdot  # a sum of products which, unlike `@`, never warns
        self._use(prepare(owner.backend, traced.schedule, lanes, self._scale))

    def _use(self, executor: Executor) -> None:
        """Let this executor run the program: where its memory holds what."""
        traced, lanes = self.traced, self.lanes
        self._executor: Any = executor
        self._rows, self._singles = executor.rows, executor.singles
        self._targets = []
        k = 0
        for shape in traced.shapes:
            size = math.prod(shape)
            rows = self._rows[k : k + size, :lanes]
            self._targets.append(rows.T if shape else rows[0])
            k += size
        if traced.draws is not None:
            self._drawn = self._rows[k : k + traced.draws.width, :lanes].T
            k += traced.draws.width
        self._spare = self._rows[:k, lanes:] if self._rows.shape[1] > lanes else None
        self._first = self._rows[:k, :1]
        self._seen = -1  # how many writes there were when the parameters were copied
        of_lanes, place = traced.schedule.outputs[0]
        self._output = self._rows[place, :lanes] if of_lanes else self._singles[place : place + 1]
        # What makes the sum of the output's numbers, or the lone one, the value of the batch.
        alone = 1.0 if self._scale != 1.0 else float(lanes)
        self.factor = self._scale if len(self._output) == lanes else alone
        slots = traced.schedule.slots
        self._gradient = self._singles[slots.start : slots.stop]

    def is_ready(self) -> bool:
        """Whether the trace was checked, and still holds."""
        return self.traced.checked and self.traced.holds()

    def takes(self, arguments: tuple[Any, ...]) -> bool:
        """Whether it can run these as they are: arrays of floats in its shapes."""
        if len(arguments) != len(self.key):
            return False
        array, floats = self._array, self._float
        # As many, and below too: strict=True would add 0.15 us, where a call takes 5.
        for argument, shape in zip(arguments, self.key):  # noqa: B905
            if argument.__class__ is not array or argument.dtype is not floats:
                return False
            if argument.shape != shape:
                return False
        return self.is_ready()

    def run(self, arrays: Sequence[Any], at: Any) -> None:
        if at is not None or self._seen != modes.writes:
            self.set_parameters(at)
        if not self._flat:
            pairs = zip(self._targets, arrays, strict=True)
            arrays = [numbers.reshape(target.shape) for target, numbers in pairs]
        for target, numbers in zip(self._targets, arrays):  # noqa: B905
            target[...] = numbers
        if self.traced.draws is not None:
            self._drawn[...] = self.traced.draws.take(self.lanes)
        if self._spare is not None:
            self._spare[...] = self._first
        self.failed = self._executor()

    def example(self, row: list[float], at: list[float] | None) -> tuple[list[float], list[float]]:
        """The values and the gradient of one example: all lanes are it."""
        self.set_parameters(at)
        for i, number in enumerate(row):
            self._rows[i] = number
        self._executor()
        schedule = self.traced.schedule
        values = columns(self._executor, schedule.outputs, 1)[0].tolist()
        slopes = columns(self._executor, schedule.gradients, 1)[0]
        if schedule.slots:  # the sum over the lanes, or their mean
            slopes /= self.lanes * self._scale
        return values, slopes.tolist()

    def set_parameters(self, at: Any) -> None:
        """Numbers of the parameters into the memory, if it has not the latest."""
        values, count = self.traced.values, len(self.traced.wrt)
        if at is None or count < len(values):
            latest = modes.writes
            if self._seen != latest:
                self.traced.require_fresh()
                self._singles[: len(values)] = [value._number for value in values]
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
            self._seen = -1  # first: after an interrupt these must not pass for the parameters'
            self._singles[:count] = at

    def steps(self, code: Code, numbers: int) -> Any:
        """What makes steps of an optimiser whose rule is this code; None if nothing does."""
        if (code, numbers) == self._code:
            return self._executor.descend
        executor = self._descents.get((code, numbers))
        if executor is None:
            make = getattr(self._executor, "descent", None)
            if make is None:
                return None
            if len(self._descents) == LIMIT:
                self._descents.clear()
            executor = self._descents[code, numbers] = make(self.traced.schedule, code, numbers)
        self._use(executor)
        self._code = code, numbers
        return self._executor.descend

    def numbers(self) -> Any:
        """The numbers of the parameters that gradients are of."""
        return self._singles[: len(self.traced.wrt)].copy()

    def loss(self) -> float:
        row = self._output
        total = float(row[0] if len(row) == 1 else self._vdot(row, self._ones))
        return total * self.factor

    def gradient(self) -> Any:
        if not self.traced.of_inputs:
            return self._gradient.copy()
        table = columns(self._executor, self.traced.schedule.gradients, self.lanes) * self._scale
        self.failed = self.failed or not self.is_finite(table)
        arrays, k = [], 0
        for shape in self.traced.shapes:
            size = math.prod(shape)
            array = table[:, k : k + size].reshape(self.lanes, *shape)
            arrays.append(array[0] if self.one_example else array)
            k += size
        return arrays[0] if len(arrays) == 1 else tuple(arrays)

    def outputs(self) -> Any:
        table = columns(self._executor, self.traced.schedule.outputs, self.lanes)
        array = table[:, 0] if self.traced.one_output else table
        return array[0] if self.one_example else array

    def is_finite(self, numbers: Any) -> bool:
        """Whether an array holds no nan and no infinity; False too if a square overflows."""
        return math.isfinite(self._vdot(numbers, numbers))

    def require_no_draws(self) -> None:
        """RuntimeError if a call that was begun inside of this one cannot be made up for.

        A signal's handler may have called the graph, in whose memory are other numbers now: then
        the call is made once more. But what was drawn for it is gone.
        """
        if self.traced.draws is not None:
            raise RuntimeError(CALLED_INSIDE)

    def require_one_output(self) -> None:
        if not self.traced.one_output:
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
        numbers = self._singles[: len(self.traced.values)].tolist()
        for lane, row in enumerate(inputs):
            where = f" (lane {lane} of {self.lanes})" if self.lanes > 1 else ""
            find_failure(self.traced.plain, row, numbers, where, gradients=len(results) > 1)
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
    if kind == "O":  # fractions, ints beyond 64 bits
        import numpy as np

        try:
            numbers = [real(x, "each") for x in array.flat]
        except TypeError as error:
            raise TypeError(f"its elements are not all numbers: {error}") from None
        return np.array(numbers, float).reshape(array.shape)
    return array.astype(float)


def _copied(answer: Any, what: Any) -> Any:
    """What a module answered, to be compared later: with copies of lists, which may change."""
    if isinstance(answer, tuple | list):
        things = [_copied(thing, what) for thing in answer]
        return tuple(things) if isinstance(answer, tuple) else things
    if isinstance(answer, dict):
        return {key: _copied(thing, what) for key, thing in answer.items()}
    if type(answer).__hash__ is None and not getattr(answer, "shape", ()):
        return deepcopy(answer)  # a set, a deque: what may change, and is compared by what it holds
    if getattr(answer, "shape", ()):
        raise TypeError(
            f"{type(what).__name__}.reads() must give what == compares, as numbers and tuples of "
            "them: for an array write tuple(a.ravel().tolist())"
        )
    return answer


def _checked(parameters: Any) -> list[Value]:
    """The leaf Values that were given, or those of the Module."""
    if hasattr(parameters, "parameters"):
        parameters = parameters.parameters()
    values = list(parameters) if isinstance(parameters, Iterable) else [parameters]
    seen: set[Value] = set()
    for value in values:
        if not isinstance(value, Value) or value.gate is not None:
            raise TypeError(
                "compile_graph: parameters must be a Module or leaf Values, as model.parameters(), "
                f"got {short(value)}"
            )
        if value in seen:
            raise ValueError(f"compile_graph: the parameter {short(value)} is given twice")
        seen.add(value)
    return values
