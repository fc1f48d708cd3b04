"""Train a model on data: by a program that replays its gates on arrays, or Value by Value.

    losses = fit(model, nn.MSELoss(), (xs, ys), SGD(model.parameters(), lr=0.1), epochs=100,
                 batch_size=10, shuffle=True, rng=0)

Model and loss are traced once, as the loss of one example, and replayed for each batch. With
`eager=True` each batch's graph of Values is built instead, which is slower by three orders of
magnitude and gives the same losses up to rounding: batch normalisation in training needs it, and so
does a model that branches on a number.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy, deepcopy
from functools import reduce
from inspect import signature
from itertools import groupby, islice
from operator import add, eq
from time import monotonic
from typing import Any, Protocol

from autograd_core import CompiledGraph, TraceError, Value, compile_graph, is_tracing, topological

from .data import DataLoader, TensorDataset
from .init import Rng
from .layers import BatchNorm1d
from .module import Module, expect, flat, nested, whole
from .optim import Optimizer
from .optim.lr_scheduler import ExponentialLR, StepLR
from .progress import Progress

__all__ = ["fit"]

FOREIGN = (
    "fit: the loss depends on none of the optimiser's parameters: give it those of this model, as "
    "SGD(model.parameters(), lr=0.1)"
)


EMPTY = "fit: a batch of the loader is empty: its batches() must give lists of examples' indices"


class Schedule(Protocol):
    """What `fit` calls after each pass, as those of `nn.optim.lr_scheduler`."""

    def step(self) -> object: ...


def fit(
    model: Module | Callable[[Any], Any], loss_fn: Callable[[Any, Any], Value],
    data: tuple[Any, Any] | list[Any] | TensorDataset | DataLoader, optimizer: Optimizer, *,
    epochs: int, batch_size: int | None = None, shuffle: bool = False, rng: Rng = None,
    scheduler: Schedule | None = None, eager: bool = False, backend: str | None = None,
    watch: Callable[[int, float], object] | None = None, verify: int = 2,
    progress: bool | None = None,
) -> list[float]:  # fmt: skip
    """Move the optimiser's parameters for `epochs` passes over the data; the losses of the passes.

    loss_fn     loss_fn(model(x), y) for one example: `nn.MSELoss()`, or a function of yours. The
                loss of a batch is the mean of those of its examples or, for a loss with
                reduction="sum", their sum
    data        (xs, ys), a TensorDataset, or a DataLoader, which then says how to cut and shuffle
    batch_size  how many examples make a step; by default all
    scheduler   an object whose `step()` is called after each pass
    eager       step through Values instead of replaying a program
    backend     what runs the program, as in `compile_graph`
    watch       watch(epoch, loss) is called after each pass, when the model holds its new weights.
                What it writes into them, or into optimizer.lr, counts; a replay reads the data
                once, at the start, and changes no `.grad`
    verify      how many examples of the first batch are run through Values as well, to see that the
                program is what the model and the loss are; see `compile_graph`
    progress    a bar of the steps, by tqdm: None shows it on a terminal and in a notebook once two
                seconds have gone by, True always, False never

    Returns one number per epoch, the sum of the losses of its batches, as textbook loops print it.

    The model's Values hold the new weights when the call returns. After Ctrl-C or an error they,
    the optimiser's state, the learning rate and its schedule are those after the last whole epoch,
    and so are the running averages and the generators of the model's layers. Of the layers in a
    function around a model `fit` knows nothing: they keep theirs, and batch normalisation, which
    needs whole batches, is refused.

    A replay raises TraceError for a model or loss that reads numbers while it is traced, or whose
    program differs from it on one of the verified examples, and TypeError for an optimiser whose
    `update` cannot run on arrays. An optimiser of another model is refused with a ValueError.
    Whether eager or not, ValueError names a label out of range before anything moves, a gradient
    that is infinite, and a parameter that would become so. A gate that fails raises what it raises
    in the engine, and so does a nan; a replay names the example's lane in the batch too.
    """
    __tracebackhide__ = True  # a notebook leaves this frame out of a traceback
    whole(epochs, "fit: epochs", 0)
    expect(
        optimizer, Optimizer, "fit: the optimiser must be one of nn.optim, as "
        "SGD(model.parameters(), lr=0.1), got",
    )  # fmt: skip
    for name, thing in (("model", model), ("loss_fn", loss_fn)):
        expect(thing, Callable, f"fit: {name} must be a function, got")
    if scheduler is not None and not callable(getattr(scheduler, "step", None)):
        raise TypeError(f"fit: scheduler must have a step(), got {type(scheduler).__name__}")
    if isinstance(scheduler, type):
        name = scheduler.__name__
        raise TypeError(f"fit: scheduler must be an object, as {name}(optimizer, ...), got {name}")
    if watch is not None:
        expect(watch, Callable, "fit: watch must be a function watch(epoch, loss), got")
    if eager and backend is not None:
        raise TypeError(
            "fit: a backend runs a program, and eager=True makes none: give one of them"
        )
    loader = _loader(data, batch_size, shuffle, rng)
    given = model, loss_fn, loader, optimizer, scheduler
    steps = _Steps(*given) if eager else _Replay(*given, verify=verify, backend=backend)
    # It moves the learning rate alone, and asks nobody.
    is_ours = type(scheduler) in (StepLR, ExponentialLR) and "step" not in vars(scheduler)
    is_ours = is_ours and scheduler.optimizer is optimizer  # type: ignore[union-attr]
    losses: list[float] = []
    state = steps.state()  # after the last whole epoch
    bar = Progress(epochs * len(loader), "training", progress)
    try:
        for epoch in range(epochs):
            total = steps.epoch(loader, bar)
            bar.say("loss", total)
            if scheduler is not None and is_ours:
                scheduler.step()
            elif scheduler is not None:
                steps.restore(steps.state())  # as for `watch`
                scheduler.step()
                steps.adopt()
            state = steps.state()
            if watch is not None:
                steps.restore(state)
                watch(epoch, total)
                steps.adopt()
                state = steps.state()
            # Not before the `if`: CPython 3.12 leaves a branch that ends a loop out of the `try`,
            # and a Ctrl-C at its jump would not be caught.
            losses.append(total)
        steps.restore(state)
    except BaseException:
        try:
            steps.restore(state)
        finally:  # once more, should a second Ctrl-C have cut it short
            steps.restore(state)
        raise
    finally:
        bar.close()
    return losses


class _Steps:
    """The steps of a training, through Values; `state` and `restore` keep epochs whole.

    Each batch's graph is built, differentiated and dropped. The model gets one example at a time,
    as in a program, unless it has a batch normalisation.
    """

    def __init__(
        self, model: Module | Callable[[Any], Any], loss_fn: Callable[[Any, Any], Value],
        loader: DataLoader, optimizer: Optimizer, scheduler: Schedule | None,
    ) -> None:  # fmt: skip
        self.model, self.loss_fn, self.optimizer = model, loss_fn, optimizer
        self.schedule = getattr(scheduler, "__dict__", {})
        self.is_of_this_model = False
        self.inputs, self.targets = loader.dataset.sequences
        self.examples = len(loader.dataset)
        self.reduction = getattr(loss_fn, "reduction", "mean")
        self.labels_checked = False
        modules = model.modules() if isinstance(model, Module) else []
        self.coupling = [module for module in modules if isinstance(module, BatchNorm1d)]
        self.sources = [
            thing for module in modules for thing in vars(module).values()
            if isinstance(thing, random.Random)
        ]  # fmt: skip
        self.buffers = [(module, name) for module in modules for name in module._buffers]

    def epoch(self, loader: DataLoader, bar: Progress) -> float:
        """Step through the batches of one pass; the sum of their losses."""
        total, batch = 0.0, None
        for batch in loader.batches():
            if not len(batch):
                raise ValueError(EMPTY)
            total += self.step(batch)
            bar.add(1)
        if batch is not None and not self.is_of_this_model:
            raise ValueError(FOREIGN)
        return total

    def step(self, batch: Sequence[int]) -> float:
        """Move the parameters by one batch, given as indices of examples; its loss."""
        optimizer = self.optimizer
        optimizer.zero_grad()
        is_coupled = any(module.training for module in self.coupling)
        outputs = self.model([self.inputs[i] for i in batch]) if is_coupled else None
        terms = []
        for k, i in enumerate(batch):  # an example after the other, as a program draws for them
            output = self.model(self.inputs[i]) if outputs is None else outputs[k]
            self._check_labels(output)
            terms.append(self.loss_fn(output, self.targets[i]))
        loss = reduce(add, terms)
        if self.reduction == "mean":
            loss = loss / len(terms)
        if not self.is_of_this_model:  # the branch of another example may read them
            self.is_of_this_model = not set(topological(loss)).isdisjoint(optimizer.params)
        loss.backward()
        self._check_finite([p.grad for p in optimizer.params], "the gradient of")
        optimizer.step()
        self._check_finite([p.data for p in optimizer.params], "after this step")
        return loss.data

    def state(self) -> tuple[Any, ...]:
        """All that an epoch changes: what the optimiser holds and moves, and running averages."""
        return self._surroundings(), *self.optimizer.snapshot()

    def _surroundings(self) -> tuple[Any, ...]:
        """The learning rate, what its schedule counts, the running averages, the generators, and
        which parameters there are."""
        generators = [source.getstate() for source in self.sources]
        schedule = {
            name: copy(thing) if isinstance(thing, list | dict | set) else thing
            for name, thing in self.schedule.items()
        }
        return (
            self.optimizer.lr,
            schedule,
            self._averages(),
            generators,
            list(self.optimizer.params),
        )

    def _averages(self) -> list[Any]:
        return [copy(getattr(module, name)) for module, name in self.buffers]

    def restore(self, state: tuple[Any, ...]) -> None:
        """Write a state into the model and the optimiser."""
        (lr, schedule, averages, generators, params), data, states, steps = state
        self.optimizer.lr, self.optimizer.params = lr, list(params)
        for source, numbers in zip(self.sources, generators, strict=True):
            source.setstate(numbers)
        self.schedule.update(schedule)
        for (module, name), numbers in zip(self.buffers, averages, strict=True):
            if getattr(module, name) != numbers:
                setattr(module, name, copy(numbers))
        self.optimizer.restore(data, dict(states), steps)

    def adopt(self) -> None:
        """Go on from what the model's Values and the optimiser hold now."""

    def _check_labels(self, output: Any) -> None:
        """Let the loss check all targets at once, given the model's output for one example."""
        if not self.labels_checked and hasattr(self.loss_fn, "check_labels"):
            self.loss_fn.check_labels(output, list(self.targets))
        self.labels_checked = True

    def _check_finite(self, numbers: Any, what: str) -> None:
        """ValueError, naming the first parameter whose gradient or new number is not finite."""
        for parameter, number in zip(self.optimizer.params, numbers, strict=True):
            if not math.isfinite(number):
                name = parameter.label or "a parameter"
                raise ValueError(
                    f"fit: {what} {name} is {number}: the loss has diverged; the model keeps the "
                    "numbers of the last whole epoch. Try a smaller lr"
                )


class _Replay(_Steps):
    """The same on arrays: a program for loss and gradient, the optimiser's rule on all numbers."""

    def __init__(self, *given: Any, verify: int, backend: str | None) -> None:
        super().__init__(*given)
        optimizer = self.optimizer
        for name, what in (("step", "a step()"), ("zero_grad", "a zero_grad()"), ("lr", "an lr")):
            if not _is_of(Optimizer, optimizer, name):
                raise TypeError(
                    f"fit: {type(optimizer).__name__} has {what} of its own, which a program "
                    "cannot replay: define update() instead, or train with eager=True"
                )
        self.params = list(optimizer.params)
        self.graph = compile_graph(
            self.loss_of_example, optimizer.params, reduction=self.reduction, backend=backend,
            verify=verify,
        )  # fmt: skip
        import numpy as np  # which compile_graph has asked for

        self.np = np
        # One row per example: a batch is then a single `take`.
        arrays = [_numbers(self.inputs, "inputs"), _numbers(self.targets, "targets")]
        self.shapes = [array.shape[1:] for array in arrays]
        self.table = np.hstack([array.reshape(len(array), -1) for array in arrays])
        program = self.graph.trace(self.table[:1])
        self.graph.require_still()
        if all(program.constant(g) == 0.0 for g in program.gradients):
            raise ValueError(FOREIGN)
        self.at_a_time = 1  # steps, see `epoch`
        self.in_order = array("q", range(self.examples))
        self.adopt()

    def adopt(self) -> None:
        np, optimizer = self.np, self.optimizer
        if list(map(id, optimizer.params)) != list(map(id, self.params)):
            raise ValueError(
                "fit: optimizer.params has other Values than when the training began, which a "
                "program cannot replay: write the numbers of those that are there, or train with "
                "eager=True"
            )
        self.data: Any = np.array([parameter.data for parameter in optimizer.params])
        states = [optimizer.state[i] for i in range(len(self.data))]
        self.columns: Any = tuple(np.array(column) for column in zip(*states, strict=True))
        self.steps = optimizer.steps
        self.rule = _Rule(optimizer, self.graph)

    def loss_of_example(self, row: list[Value]) -> Value:
        """The loss of one example: a row of the table holds its inputs, then its targets."""
        if not is_tracing():
            return self._as_given(row)
        size = math.prod(self.shapes[0])
        example = _shaped("x", row[:size], self.shapes[0])
        target = _shaped("y", row[size:], self.shapes[1])
        output = self.model(example)
        self._check_labels(output)
        try:
            loss = self.loss_fn(output, target)
        except TypeError as error:
            error.add_note("fit: loss_fn takes the output and the target of one example")
            raise
        if list(map(id, [*flat(example), *flat(target)])) != list(map(id, row)):
            raise TraceError(
                "fit: the model or the loss writes into the example that it is given, which a "
                "program does not do to the data: copy it first, as x = list(x)"
            )
        return loss

    def _as_given(self, row: list[Value]) -> Value:
        """The same of the example itself, as eager=True gives it to model and loss: a label may be
        an int, a row an array. What they do with such is then compared with the program."""
        numbers = self.np.array([x.data for x in row])
        same = (self.table.view("q") == numbers.view("q")).all(axis=1)  # in each bit, so nan too
        if same.any():
            i = int(same.argmax())
            return self.loss_fn(self.model(self.inputs[i]), self.targets[i])
        # Nearby, where the two are compared once more if a kink was met.
        i = int(abs(self.table - numbers).max(axis=1).argmin())
        rest = iter(numbers.tolist())
        example, target = _moved(self.inputs[i], rest), _moved(self.targets[i], rest)
        return self.loss_fn(self.model(example), target)

    def epoch(self, loader: DataLoader, bar: Progress) -> float:
        total = 0.0
        for size, order in self._orders(loader):
            start = 0
            while start < len(order):
                # Some milliseconds at a time: then Ctrl-C, other threads and the bar have a turn.
                begin, end = monotonic(), start + self.at_a_time * size
                part = order[start:end]
                count = len(part) // size
                total = self._steps(part, count, total)
                seconds = monotonic() - begin
                if seconds > 0.05:
                    self.at_a_time = max(1, self.at_a_time // 2)
                elif seconds < 0.01 and count == self.at_a_time:
                    self.at_a_time *= 2
                start = end
                bar.add(count)
        return total

    def _orders(self, loader: DataLoader) -> Iterator[tuple[int, array[int]]]:
        """A pass over the data: (examples in a batch, those of all the batches that have so many).

        What does its own batching may look at the model, so its Values hold the weights of that
        time: of the start of the pass for an order of its own, of each step for `batches`.
        """
        size = loader.batch_size
        if all(_is_of(DataLoader, loader, name) for name in ("batches", "order", "__len__")):
            order = array("q", loader.order()) if loader.shuffle else self.in_order
            full = len(order) // size * size
            yield size, order[:full]
            if not loader.drop_last:
                yield len(order) - full, order[full:]
            return
        self.restore(self.state())
        batches: Iterable[Any] = loader.batches()
        is_asked_once = _is_of(DataLoader, loader, "batches")
        for size, same in (
            groupby(batches, len) if is_asked_once else ((len(b), [b]) for b in batches)
        ):
            if not size:
                raise ValueError(EMPTY)
            yield size, array("q", [self._place(i) for batch in same for i in batch])
            self.restore(self.state())

    def _place(self, i: Any) -> int:
        """An index of an example as Python takes it, from the end if it is below 0."""
        if not -self.examples <= i < self.examples:
            raise IndexError(f"fit: there is no example {i}: there are {self.examples}")
        return int(i) % self.examples

    def _steps(self, order: array[int], count: int, total: float) -> float:
        """So many steps on equally many examples each; `total` and their losses.

        They run in C, all that have the same code at once; else each alone, in NumPy.
        """
        size = len(order) // count
        while count:
            code, numbers, same = self.rule.steps(self.steps + 1, count)
            answer = code and self.graph.descend(
                self.table, order[: same * size], code, numbers, same, self.data, self.columns,
                self._look,
            )  # fmt: skip
            if answer:
                losses, self.data, self.columns = answer
                self.steps += same
                for loss in losses:
                    total += loss
            else:
                same = 1
                total += self.step(order[:size])
            count -= same
            order = order[same * size :]
        return total

    def step(self, batch: Sequence[int]) -> float:
        np = self.np
        with np.errstate(all="ignore"):  # what is not finite is looked for
            rows = self.table.take(np.array(batch), axis=0)
            loss, gradient = self.graph.value_and_grad(rows, at=self.data)
            step = self.steps + 1
            if self.rule.is_ours:
                update: Any = self.optimizer.update
                data, columns = update(self.data, gradient, tuple(self.columns), step)
            else:
                data, columns = self._updated(gradient, step)
                self.rule.compare(step, (self.data, gradient, *self.columns), (data, *columns))
            if not math.isfinite(np.vdot(data, data)):  # or the square of a finite number overflows
                self._look(gradient, data)
        self.data, self.columns, self.steps = data, columns, step
        return loss

    def _look(self, gradient: Any, data: Any) -> None:
        """ValueError for what is not finite: in a gradient, or in the numbers that it made."""
        self._check_finite(gradient, "the gradient of")
        self._check_finite(data, "after this step")

    def _updated(self, gradient: Any, step: int) -> Any:
        """The new numbers and states, by an `update` that is not ours.

        It works on copies, and so do we on what it returns: it may write into either at any time. A
        lone parameter stands in the arrays twice: `if` and math.sqrt would take an array of one
        number for a number, and fail as soon as there is another parameter.
        """
        np, optimizer = self.np, self.optimizer
        if not self.rule.is_arithmetic:  # it may look at the optimiser, and at its parameters
            self.restore(self.state())
            for parameter, slope in zip(self.params, gradient.tolist(), strict=True):
                parameter.grad = slope
        twin = self.rule.twin()
        size = len(gradient)
        shape = (max(size, 2),)
        data, grad, *columns = [
            np.broadcast_to(array, shape).copy() for array in (self.data, gradient, *self.columns)
        ]
        try:
            result = optimizer.update(data, grad, tuple(columns), step)
            if not isinstance(result, tuple) or np.shape(result[0]) != shape:
                raise ValueError("it must return (data, state), data with the shape it was given")
            data, state = result
            arrays = [np.broadcast_to(array, shape) for array in (data, *state)]
            data, *columns = [np.array(array[:size], float) for array in arrays]
        except (TypeError, ValueError) as error:
            name = type(optimizer).__name__
            raise TypeError(
                f"fit: {name}.update cannot run on arrays, which hold all parameters at once: "
                f"{error}. Write it as arithmetic, without `if` and the functions of math, as "
                "0.5 * (x + abs(x)) for max(x, 0) and x**0.5 for the root; or train with "
                "eager=True, which calls it for one parameter at a time"
            ) from error
        if twin is not None:
            self.rule.compare_update(
                twin, step, zip(self.data, gradient, *self.columns, strict=True),
                zip(data, *columns, strict=True),
            )  # fmt: skip
        return data, tuple(columns)

    def state(self) -> tuple[Any, ...]:
        return self._surroundings(), self.data, self.columns, self.steps

    def restore(self, state: tuple[Any, ...]) -> None:
        surroundings, data, states, steps = state
        rows = [*zip(*[column.tolist() for column in states], strict=True)] or [()] * len(data)
        super().restore((surroundings, data.tolist(), dict(enumerate(rows)), steps))


class _Rule:
    """The optimiser's rule as the graph records it: code, and the numbers of each step.

    A rule of ours is recorded again when a setting has changed, or an answer of the step's number;
    any other in every step, and only once it has done the same as on arrays. An `update` of one's
    own may count and remember what it likes: it runs on arrays, once in each step.
    """

    def __init__(self, optimizer: Optimizer, graph: CompiledGraph) -> None:
        self.optimizer, self.graph = optimizer, graph
        self.states = len(optimizer.initial_state)
        self.is_arithmetic = getattr(optimizer.update, "__func__", None) is Optimizer.update
        self.is_arithmetic = self.is_arithmetic and not _computes_settings(optimizer)
        self.is_compared = False
        # Ours change nothing they are given.
        module = getattr(optimizer.rule, "__module__", None)
        self.is_ours = self.is_arithmetic and module == Optimizer.__module__
        self.trusted: set[Any] = set()
        # Of a rule of ours the settings, the step, and what was recorded.
        self.last: tuple[Any, _Step, tuple[Any, list[float]]] = None, _Step(0), (None, [])

    def steps(self, first: int, count: int) -> tuple[Any, array[float], int]:
        """The code from step `first` on, its numbers step by step, and for how many steps it holds.

        No code, if step `first` is for arrays.
        """
        at = self._of_ours if self.is_ours else self._of_others
        settings = self.optimizer._settings(self.optimizer) if self.is_arithmetic else ()
        code, row, step = at(first, first + count, settings)
        numbers = array("d", row) * (step - first)
        while step < first + count:
            found, row, next_step = at(step, first + count, settings)
            if found is not code and found != code:
                return code, numbers, step - first
            numbers += array("d", row) * (next_step - step)
            step = next_step
        return code, numbers, count

    def _of_ours(self, step: int, end: int, settings: Any) -> tuple[Any, list[float], int]:
        """The code and the numbers of a step, and the step where they may be others."""
        known, asked, answer = self.last
        if known != settings or not asked.is_like(step):
            asked = _Step(step)
            before = answer[0]
            answer = self.graph.record(self.optimizer.rule, self.states, asked, *settings)
            if answer[0] == before:  # the same object: it is compared at once
                answer = before, answer[1]
            self.last = settings, asked, answer
        return *answer, asked.end(step, end)

    def _of_others(self, step: int, end: int, settings: Any) -> tuple[Any, list[float], int]:
        code, numbers = self._recorded(step, settings)
        return (code if code in self.trusted else None), numbers, step + 1

    def _recorded(self, step: int, settings: Any) -> tuple[Any, list[float]]:
        if self.is_arithmetic:
            try:
                return self.graph.record(self.optimizer.rule, self.states, step, *settings)
            except Exception:  # of any kind, as it is a function of anyone's; arrays will say more
                self.is_arithmetic = False
        return None, []

    def twin(self) -> Optimizer | None:
        """A copy of an optimiser whose `update` is to be compared, None if it was or cannot be."""
        if self.is_compared or self.is_arithmetic:
            return None
        self.is_compared = True
        twin = copy(self.optimizer)
        try:
            for name, thing in vars(twin).items():
                vars(twin)[name] = thing if name == "params" else deepcopy(thing)
        except Exception:  # it holds what nobody can copy
            return None
        return twin

    def compare_update(
        self, twin: Optimizer, step: int, before: Iterable[Any], after: Iterable[Any]
    ) -> None:
        """TypeError if `update` does something else parameter by parameter than on arrays."""
        for given, wanted in zip(before, after, strict=True):
            data, grad, *state = map(float, given)
            found, states = twin.update(data, grad, tuple(state), step)
            if not all(map(_alike, (found, *states), wanted)):
                raise TypeError(
                    f"fit: {type(twin).__name__}.update does something else with an array of all "
                    "parameters than with their numbers one by one, as eager=True calls it: write "
                    "it as arithmetic that is the same for both, or train with eager=True"
                )

    def compare(self, step: int, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
        """Trust what is recorded, if it does with two parameters what arrays did with all.

        TypeError if the rule itself, given the numbers of one parameter, does something else.
        """
        if not self.is_arithmetic:
            return
        settings = self.optimizer._settings(self.optimizer)
        code, numbers = self._recorded(step, settings)
        if code is None or code in self.trusted:
            return
        program = code.program(len(numbers))
        for i in (0, -1):
            given = [float(column[i]) for column in before]
            wanted = [float(column[i]) for column in after]
            data, state = self.optimizer.rule(*given[:2], tuple(given[2:]), step, *settings)
            if not all(map(_alike, (data, *state), wanted)):
                raise TypeError(
                    f"fit: the rule of {type(self.optimizer).__name__} does something else with an "
                    "array of all parameters than with the numbers of one: write it as arithmetic "
                    "that is the same for both, or train with eager=True"
                )
            found = program.evaluate(given, numbers)
            if not all(map(_alike, [found[r] for r in program.outputs], wanted)):
                self.is_arithmetic = False
                return
        self.trusted.add(code)


def _alike(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300) or (a != a and b != b)


class _Step:
    """The number of a step, which notes what a rule of ours asks of it, and the answers."""

    __slots__ = ("asked", "number")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, number: int) -> None:
        self.number = number
        self.asked: list[tuple[Callable[[Any, Any], Any], Any, Any]] = []

    def __eq__(self, other: object) -> bool:
        return self._answer(eq, other)  # type: ignore[no-any-return]

    def __rpow__(self, base: float) -> float:
        return self._answer(_power_of, base)  # type: ignore[no-any-return]

    def _answer(self, question: Callable[[Any, Any], Any], other: Any) -> Any:
        answer = question(self.number, other)
        self.asked.append((question, other, answer))
        return answer

    def is_like(self, number: int) -> bool:
        """Whether another step would have given the same answers."""
        for question, other, answer in self.asked:
            if question(number, other) != answer:
                return False
        return True

    def end(self, number: int, end: int) -> int:
        """The first step after this one, up to `end`, that may give another answer."""
        for question, other, answer in self.asked:
            if question is not eq or answer:
                return number + 1
            if number < other < end:
                end = other
        return end


def _is_of(base: type, thing: object, name: str) -> bool:
    """Whether it has a method or property of the base, and none of its own or its class."""
    return name not in vars(thing) and getattr(type(thing), name) is getattr(base, name)


def _computes_settings(optimizer: Optimizer) -> bool:
    """Whether a setting of the rule is a property, but for lr: it may look at anything."""
    names = {*[*signature(optimizer.rule).parameters][4:]} - {"lr"}
    return any(isinstance(getattr(type(optimizer), name, None), property) for name in names)


def _power_of(number: int, base: float) -> float:
    return base**number


def _shaped(name: str, row: list[Value], shape: tuple[int, ...]) -> Any:
    """Values as nested lists of this shape, each labelled with its place in them."""
    if not shape:
        row[0].label = name
        return row[0]
    size = math.prod(shape[1:])
    return [
        _shaped(f"{name}[{i}]", row[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])
    ]


def _moved(thing: Any, numbers: Iterator[float]) -> Any:
    """Nested lists, or an array, with these numbers in place of their floats; the rest stays."""
    if isinstance(thing, list | tuple):
        items = [_moved(item, numbers) for item in thing]
        return items if isinstance(thing, list) else tuple(items)
    if getattr(thing, "shape", ()):
        moved = thing.astype(float)
        moved.flat = list(islice(numbers, moved.size))
        return moved
    number = next(numbers)
    return number if isinstance(thing, float) else thing


def _numbers(sequence: Any, name: str) -> Any:
    """The inputs or targets as an array of floats."""
    import numpy as np

    try:
        array = np.asarray(nested(sequence))
        if array.dtype.kind == "O":  # fractions, or ints beyond 64 bits
            numbers = [Value(x).data for x in array.flat]
            array = np.array(numbers).reshape(array.shape)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"elements of type {array.dtype}")
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"fit: the {name} must be numbers, and every example must have as many as the first: "
            f"{error}"
        ) from None
    return array.astype(float)


def _loader(data: Any, batch_size: int | None, shuffle: bool, rng: Rng) -> DataLoader:
    """The data as a DataLoader."""
    if isinstance(data, DataLoader):
        if batch_size is not None or shuffle or rng is not None:
            raise TypeError(
                "fit: a DataLoader has its own batch_size, shuffle and rng: give them there"
            )
        loader = data
    else:
        if isinstance(data, tuple | list) and len(data) == 2:
            data = TensorDataset(*data)
        expect(
            data, TensorDataset, "fit: data must be (xs, ys), a TensorDataset or a DataLoader, got"
        )
        size = max(1, len(data)) if batch_size is None else batch_size
        loader = DataLoader(data, size, shuffle, rng=rng)
    count = len(loader.dataset.sequences)
    if count != 2:
        raise ValueError(f"fit: data must have inputs and targets, got {count} sequences")
    return loader
