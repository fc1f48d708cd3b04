"""Train a model on data: by a program that replays its gates on arrays, or Value by Value.

    losses = train(model, nn.MSELoss(), (xs, ys), SGD(model.parameters(), lr=0.1), epochs=100,
                   batch_size=10, shuffle=True, rng=0)

The model and the loss are traced once, as the loss of one example, and replayed for each batch.
`eager=True` builds each batch's graph of Values instead: slower by three orders of magnitude, the
same losses to the last digits, and what a batch normalisation or a branch on a number needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from autograd_core import Value, compile_graph

from .data import DataLoader, TensorDataset
from .layers import BatchNorm1d
from .module import Module, nested
from .optim import Optimizer
from .rng import Rng

__all__ = ["train"]


def train(
    model: Module,
    loss_fn: Callable[[Any, Any], Value],
    data: Any,
    optimizer: Optimizer,
    *,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = False,
    rng: Rng = None,
    scheduler: Any = None,
    eager: bool = False,
    watch: Callable[[int, float], object] | None = None,
) -> list[float]:
    """Move the optimiser's parameters for `epochs` passes over the data; each pass's loss.

    loss_fn     loss_fn(model(x), y) of one example: `nn.MSELoss()`, or a function of yours. A batch
                has the mean of its examples' losses, or with reduction="sum" their sum
    data        (xs, ys), a TensorDataset, or a DataLoader, which then says how it is cut and
                shuffled
    batch_size  examples in a step; by default all
    scheduler   has a `step()`, which is called after each pass
    eager       step through Values instead of replaying a program
    watch       watch(epoch, loss) is called after each pass, when the model holds its new weights;
                what it writes there, or into optimizer.lr, counts

    Returns for each epoch the sum of its batches' losses, as the loop of the textbooks prints it.

    The model's Values hold the new weights when the call returns. After Ctrl-C or an error they,
    the optimiser's state and the learning rate are those after the last whole pass. ValueError if a
    gradient is infinite, or a parameter would become so; a gate that fails raises what it raises in
    the engine, naming the example's lane in the batch, and so does a nan; TraceError for a model or
    loss that reads numbers while it is traced. What is random in them (dropout) needs eager=True: a
    generator of your own is asked once, and its answer stays.
    """
    if not isinstance(epochs, int) or epochs < 0:
        raise ValueError(f"train: epochs must be a whole number of at least 0, got {epochs!r}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            "train: the optimiser must be one of nn.optim, as SGD(model.parameters(), lr=0.1), got "
            f"{type(optimizer).__name__}"
        )
    for what, thing in (("model", model), ("loss_fn", loss_fn)):
        if not callable(thing):
            raise TypeError(f"train: {what} must be a function, got {type(thing).__name__}")
    if scheduler is not None and not callable(getattr(scheduler, "step", None)):
        raise TypeError(f"train: scheduler must have a step(), got {type(scheduler).__name__}")
    loader = _loader(data, batch_size, shuffle, rng)
    run = _Eager if eager else _Replay
    steps = run(model, loss_fn, loader, optimizer)
    losses: list[float] = []
    whole = steps.state()
    rate = optimizer.lr
    try:
        for epoch in range(epochs):
            total = steps.epoch(loader.batches())
            if scheduler is not None:
                scheduler.step()
            whole, rate = steps.state(), optimizer.lr
            losses.append(total)
            if watch is not None:
                steps.restore(whole)
                watch(epoch, total)
                steps.adopt()
                whole, rate = steps.state(), optimizer.lr
    finally:
        try:
            steps.restore(whole)
        finally:
            optimizer.lr = rate
    return losses


class _Steps:
    """The steps of a training: `step` makes one and returns its loss; `state` and `restore`."""

    def __init__(
        self, model: Module, loss_fn: Callable[[Any, Any], Value], loader: DataLoader,
        optimizer: Optimizer,
    ) -> None:  # fmt: skip
        self.model = model
        self.loss_fn = loss_fn
        self.optimizer = optimizer
        self.sequences = loader.dataset.sequences
        self.reduction = getattr(loss_fn, "reduction", "mean")

    def epoch(self, batches: Iterable[list[int]]) -> float:
        """A pass over the data; the sum of its batches' losses."""
        return sum(map(self.step, batches))

    def step(self, batch: list[int]) -> float:
        raise NotImplementedError

    def state(self) -> Any:
        """The parameters, the optimiser's state and the number of its steps."""
        raise NotImplementedError

    def restore(self, whole: Any) -> None:
        """Write a state into the model's Values and into the optimiser."""
        try:
            self._write(*whole)
        except BaseException:  # a Ctrl-C that comes now must not leave half of it
            self._write(*whole)
            raise

    def adopt(self) -> None:
        """Go on from what the model's Values and the optimiser hold now."""

    def _write(self, data: Any, state: dict[int, tuple[float, ...]], steps: int) -> None:
        optimizer = self.optimizer
        for parameter, number in zip(optimizer.params, data, strict=True):
            parameter.data = number
        optimizer.state, optimizer.steps = dict(state), steps

    def _finite(self, numbers: Any, what: str) -> None:
        """ValueError, naming the first parameter whose gradient or new number is no number."""
        for parameter, number in zip(self.optimizer.params, numbers, strict=True):
            if not math.isfinite(number):
                name = parameter.label or "a parameter"
                raise ValueError(
                    f"train: {what} {name} is {number}: the loss has run away; the model keeps the "
                    "numbers of the last whole epoch. Try a smaller lr"
                )


class _Replay(_Steps):
    """Steps on arrays: a program for loss and gradients, the optimiser's rule on all at once."""

    def __init__(
        self, model: Module, loss_fn: Callable[[Any, Any], Value], loader: DataLoader,
        optimizer: Optimizer,
    ) -> None:  # fmt: skip
        import numpy as np

        super().__init__(model, loss_fn, loader, optimizer)
        if type(optimizer).step is not Optimizer.step:
            raise TypeError(
                f"{type(optimizer).__name__} has a step() of its own, which a program cannot "
                "replay: define update() instead, or train with eager=True"
            )
        self.np = np
        arrays = [_numbers(sequence, i) for i, sequence in enumerate(self.sequences)]
        self.shapes = [array.shape[1:] for array in arrays]
        self.table = np.hstack([array.reshape(len(array), -1) for array in arrays])
        self.graph = compile_graph(self._example, optimizer.params, reduction=self.reduction)
        # A rule of yours may have an `if` on a number, or write into what it is given.
        program = self.graph.trace(self.table[:1])
        if all(program.constant(g) == 0.0 for g in program.gradients):
            raise ValueError(
                "train: the loss depends on none of the optimiser's parameters: give it those of "
                "this model, as SGD(model.parameters(), lr=0.1)"
            )
        self.ours = type(optimizer).update.__module__ == Optimizer.__module__
        self.at_once = len(optimizer.params) > 1  # an array of one number would pass for a number
        self.adopt()

    def adopt(self) -> None:
        np, optimizer = self.np, self.optimizer
        self.data: Any = np.array([parameter.data for parameter in optimizer.params])
        kept = [optimizer.state[i] for i in range(len(self.data))]
        self.columns: Any = tuple(np.array(column) for column in zip(*kept, strict=True))
        self.steps = optimizer.steps

    def _example(self, row: list[Value]) -> Value:
        """The loss of one example: a row of the table holds its inputs, then its targets."""
        size = math.prod(self.shapes[0])
        output = self.model(_shaped("x", row[:size], self.shapes[0]))
        target = _shaped("y", row[size:], self.shapes[1])
        try:
            return self.loss_fn(output, target)
        except TypeError as error:
            error.add_note("train: loss_fn takes the output and the target of one example")
            raise

    def epoch(self, batches: Iterable[list[int]]) -> float:
        with self.np.errstate(all="ignore"):  # what is no number any more is found afterwards
            return super().epoch(batches)

    def step(self, batch: list[int]) -> float:
        np = self.np
        rows = self.table.take(np.array(batch), axis=0)
        loss, gradient = self.graph.value_and_grad(rows, at=self.data)
        data, columns = self._update(gradient)
        if not math.isfinite(np.vdot(data, data)):  # or it overflows: looked at one by one
            self._finite(gradient, "the gradient of")
            self._finite(data, "after this step")
        self.data, self.columns, self.steps = data, columns, self.steps + 1
        return loss

    def _update(self, gradient: Any) -> Any:
        """The new parameters and state: by the optimiser's rule on all at once, or one by one."""
        np, step = self.np, self.steps + 1
        update: Any = self.optimizer.update
        if self.ours:
            return update(self.data, gradient, self.columns, step)
        if self.at_once:
            data, kept = self.data.copy(), tuple([column.copy() for column in self.columns])
            try:
                new, state = update(data, gradient, kept, step)
                columns = tuple([np.broadcast_to(x, data.shape) for x in state])
                if getattr(new, "shape", None) == data.shape:
                    return new, columns
            except (TypeError, ValueError):
                pass
            self.at_once = False
        rows = [*zip(*[column.tolist() for column in self.columns], strict=True)]
        moved = [
            update(number, grad, state, step)
            for number, grad, state in zip(
                self.data.tolist(), gradient.tolist(), rows or [()] * len(gradient), strict=True
            )
        ]
        states = zip(*[state for _, state in moved], strict=True)
        return np.array([data for data, _ in moved], float), tuple([np.array(x) for x in states])

    def state(self) -> Any:
        return self.data, self.columns, self.steps

    def _write(self, data: Any, columns: Any, steps: int) -> None:
        rows = [*zip(*[column.tolist() for column in columns], strict=True)] or [()] * len(data)
        super()._write(data.tolist(), dict(enumerate(rows)), steps)


class _Eager(_Steps):
    """Steps through Values: each batch's graph is built, differentiated and dropped.

    The model gets example by example, as in a program, unless it has a batch normalisation.
    """

    def __init__(self, model: Module, *others: Any) -> None:
        super().__init__(model, *others)
        inside = _modules(model) if isinstance(model, Module) else []
        self.coupled = any(isinstance(module, BatchNorm1d) for module in inside)
        self.buffers = [(module, name) for module in inside for name in module._buffers]

    def step(self, batch: list[int]) -> float:
        xs, ys = ([sequence[i] for i in batch] for sequence in self.sequences)
        optimizer = self.optimizer
        optimizer.zero_grad()
        outputs = self.model(xs) if self.coupled else [self.model(x) for x in xs]
        terms = [self.loss_fn(p, y) for p, y in zip(outputs, ys, strict=True)]
        loss: Value = sum(terms[1:], terms[0])
        if self.reduction == "mean":
            loss = loss / len(terms)
        loss.backward()
        self._finite([p.grad for p in optimizer.params], "the gradient of")
        optimizer.step()
        self._finite([p.data for p in optimizer.params], "after this step")
        return loss.data

    def state(self) -> Any:
        optimizer = self.optimizer
        averages = [_copied(getattr(module, name)) for module, name in self.buffers]
        return [p.data for p in optimizer.params], dict(optimizer.state), optimizer.steps, averages

    def _write(self, data: Any, state: Any, steps: int, averages: Any = ()) -> None:
        super()._write(data, state, steps)
        for (module, name), kept in zip(self.buffers, averages, strict=True):
            setattr(module, name, _copied(kept))


def _shaped(name: str, values: list[Value], shape: tuple[int, ...]) -> Any:
    """Values as nested lists of this shape, labelled as their places in it."""
    if not shape:
        values[0].label = name
        return values[0]
    size = math.prod(shape[1:])
    return [
        _shaped(f"{name}[{i}]", values[i * size : (i + 1) * size], shape[1:])
        for i in range(shape[0])
    ]


def _modules(module: Module) -> list[Module]:
    """A module and all inside."""
    found: list[Module] = []
    module.apply(found.append)
    return list(dict.fromkeys(found))


def _copied(thing: Any) -> Any:
    return list(thing) if isinstance(thing, list) else thing


def _numbers(sequence: Any, place: int) -> Any:
    """The inputs or targets as an array."""
    import numpy as np

    try:
        array = np.asarray(nested(sequence))
        if array.dtype.kind in "biuf":
            return array.astype(float)
        found = f"elements of type {array.dtype}"
    except ValueError as error:
        found = str(error)
    raise ValueError(
        f"train: the {('inputs', 'targets')[place]} must be numbers, and for every example as many "
        f"as for the first: {found}"
    )


def _loader(data: Any, batch_size: int | None, shuffle: bool, rng: Rng) -> DataLoader:
    """The data as a DataLoader."""
    if isinstance(data, DataLoader):
        if batch_size is not None or shuffle or rng is not None:
            raise TypeError(
                "train: a DataLoader has its own batch_size, shuffle and rng: give them there"
            )
        loader = data
    else:
        if not isinstance(data, TensorDataset):
            if not isinstance(data, tuple | list) or len(data) != 2:
                raise TypeError(
                    "train: data must be (xs, ys), a TensorDataset or a DataLoader, got "
                    f"{type(data).__name__}"
                )
            data = TensorDataset(*data)
        size = max(1, len(data)) if batch_size is None else batch_size
        loader = DataLoader(data, size, shuffle, rng=rng)
    if len(loader.dataset.sequences) != 2:
        raise ValueError(
            f"train: data must have inputs and targets, got {len(loader.dataset.sequences)} "
            "sequences"
        )
    return loader
