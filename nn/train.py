"""Train a model on data: by a program that replays its gates on arrays, or Value by Value.

    losses = train(model, nn.MSELoss(), (xs, ys), SGD(model.parameters(), lr=0.1), epochs=100,
                   batch_size=10, shuffle=True, rng=0)

The model and the loss are traced once, as the loss of one example, and replayed for each batch.
`eager=True` builds each batch's graph of Values instead: slower by three orders of magnitude, the
same losses to the last digits, and what a batch normalisation or a branch on a number needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd_core import Value, compile_graph

from .data import DataLoader, TensorDataset
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
    watch       watch(epoch, loss) is called after each pass, when the model holds its new weights

    Returns for each epoch the sum of its batches' losses, as the loop of the textbooks prints it.

    The model's Values hold the new weights when the call returns. After Ctrl-C or an error they,
    the optimiser's state and the learning rate are those after the last whole pass. ValueError if a
    gradient is infinite, or a parameter would become so; a gate that fails raises what it raises in
    the engine, naming the example's lane in the batch, and so does a nan; TraceError for a model or
    loss that reads numbers while it is traced.
    """
    if not isinstance(epochs, int) or epochs < 0:
        raise ValueError(f"train: epochs must be a whole number of at least 0, got {epochs!r}")
    loader = _loader(data, batch_size, shuffle, rng)
    run = _Eager if eager else _Replay
    steps = run(model, loss_fn, loader, optimizer)
    losses: list[float] = []
    whole = steps.state()
    rate = optimizer.lr
    try:
        for epoch in range(epochs):
            total = 0.0
            for batch in loader.batches():
                total += steps.step(batch)
            if scheduler is not None:
                scheduler.step()
            whole, rate = steps.state(), optimizer.lr
            losses.append(total)
            if watch is not None:
                steps.restore(whole)
                watch(epoch, total)
    finally:
        steps.restore(whole)
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
        self.arrays = [np.asarray(nested(sequence), float) for sequence in self.sequences]
        self.graph = compile_graph(self._example, optimizer.params, reduction=self.reduction)
        self.data: Any = np.array([parameter.data for parameter in optimizer.params])
        kept = [optimizer.state[i] for i in range(len(self.data))]
        self.columns: Any = tuple(np.array(column) for column in zip(*kept, strict=True))
        self.steps = optimizer.steps

    def _example(self, x: Any, y: Any) -> Value:
        return self.loss_fn(self.model(x), y)

    def step(self, batch: list[int]) -> float:
        loss, gradient = self.graph.value_and_grad(
            *[array[batch] for array in self.arrays], at=self.data
        )
        if not math.isfinite(gradient @ gradient):  # or its square overflows
            self._finite(gradient, "the gradient of")
        data: Any
        data, columns = self.optimizer.update(self.data, gradient, self.columns, self.steps + 1)
        if not math.isfinite(data @ data):
            self._finite(data, "after this step")
        self.data, self.columns, self.steps = data, columns, self.steps + 1
        return loss

    def state(self) -> Any:
        return self.data, self.columns, self.steps

    def _write(self, data: Any, columns: Any, steps: int) -> None:
        rows = zip(*[column.tolist() for column in columns], strict=True)
        super()._write(data.tolist(), dict(enumerate(rows)), steps)


class _Eager(_Steps):
    """Steps through Values: each batch's graph is built, differentiated and dropped."""

    def step(self, batch: list[int]) -> float:
        xs, ys = ([sequence[i] for i in batch] for sequence in self.sequences)
        optimizer = self.optimizer
        optimizer.zero_grad()
        terms = [self.loss_fn(p, y) for p, y in zip(self.model(xs), ys, strict=True)]
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
        return [p.data for p in optimizer.params], dict(optimizer.state), optimizer.steps


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
        loader = DataLoader(data, batch_size or max(1, len(data)), shuffle, rng=rng)
    if len(loader.dataset.sequences) != 2:
        raise ValueError(
            f"train: data must have inputs and targets, got {len(loader.dataset.sequences)} "
            "sequences"
        )
    return loader
