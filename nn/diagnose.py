"""Look inside a network: the spread of activations and gradients, dead ReLUs, elbows.

    for layer in activation_statistics(model, batch):
        print(layer.name, layer.mean, layer.variance)
    gradient_statistics(model, batch, lambda outputs: loss(outputs, targets))
    dead_relus(model, batch)
    elbows(model.layers[0])
    gradient_norm(model.parameters())

A model is an MLP, anything with a list `layers`, a container that can be iterated, or one layer;
a container inside a container counts as its layers. A batch is a list of examples or an array of
shape (batch, width). The functions return plain numbers and change no parameter and no `.grad`.
They run the model's own forward pass, so a layer that keeps running averages in training counts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from autograd_core import Value, gradients, no_grad

from .module import expect, name_of, values

__all__ = [
    "DeadUnits", "LayerStatistics", "activation_statistics", "dead_relus", "elbows",
    "gradient_norm", "gradient_statistics",
]  # fmt: skip

Batch: TypeAlias = "list[list[Value]]"


@dataclass(frozen=True)
class LayerStatistics:
    """Mean and variance (divided by n, not n - 1) of a layer's numbers, over units and batch."""

    name: str
    mean: float
    variance: float


@dataclass(frozen=True)
class DeadUnits:
    """The indices of the dead units in a layer of `units`: their ReLU is 0 for the whole batch."""

    name: str
    dead: tuple[int, ...]
    units: int


def activation_statistics(model: Any, batch: Any) -> list[LayerStatistics]:
    """Mean and variance of each layer's outputs, first layer first.

    He initialisation is there so that they neither vanish nor explode with depth (Prince,
    Understanding Deep Learning, 7.5).
    """
    with no_grad():
        layers, _ = _forward(model, batch)
    return [_statistics(name, rows, lambda v: v.data) for name, rows in layers]


def gradient_statistics(
    model: Any, batch: Any, loss: Callable[[Any], Value]
) -> list[LayerStatistics]:
    """Mean and variance of the loss's gradient in each layer's outputs, first layer first.

    `loss` takes what the model returns for the batch, and returns a Value. An output that it does
    not use has gradient 0.
    """
    layers, outputs = _forward(model, batch)
    root = loss(outputs)
    expect(root, Value, "loss(outputs) must return one Value, got")
    slopes = gradients(root)
    return [_statistics(name, rows, lambda v: slopes.get(v, 0.0)) for name, rows in layers]


def dead_relus(model: Any, batch: Any) -> list[DeadUnits]:
    """For each layer whose outputs are ReLUs, the units that are 0 on the whole batch.

    Their gradient is 0 as well, so they cannot learn from these data. Layers of leaky ReLU or ELU
    are left out.
    """
    layers = []
    with no_grad():
        for name, rows in _forward(model, batch)[0]:
            if all(v.op == "relu" for row in rows for v in row):
                units = range(len(rows[0]))
                dead = tuple(i for i in units if all(row[i].data == 0.0 for row in rows))
                layers.append(DeadUnits(name, dead, len(units)))
    return layers


def elbows(layer: Any) -> list[float]:
    """Where each unit of a one-input layer has its kink: at -b/w, where its weighted sum is 0.

    The layer is a Neuron, a Layer or a Linear. A unit with weight 0 has no kink, and gets inf.
    ValueError if the layer has more than one input.
    """
    rows, neurons = getattr(layer, "weight", None), getattr(layer, "neurons", [layer])
    if rows and isinstance(rows[0], list):
        biases = layer.bias or [Value(0.0)] * len(rows)
    elif all(hasattr(neuron, "w") and hasattr(neuron, "b") for neuron in neurons):
        rows, biases = [neuron.w for neuron in neurons], [neuron.b for neuron in neurons]
    else:
        raise TypeError(
            "elbows takes a layer with weights, as in elbows(model.layers[0]); "
            f"got {type(layer).__name__}"
        )
    if len(rows[0]) != 1:
        raise ValueError(
            f"elbows: {name_of(layer)} has {len(rows[0])} inputs; a kink is a point if there is one"
        )
    units = zip(rows, biases, strict=True)
    return [-b.data / w.data if w.data else math.inf for (w,), b in units]


def gradient_norm(parameters: Iterable[Value]) -> float:
    """The Euclidean norm of the vector of all `.grad`."""
    return math.hypot(*[parameter.grad for parameter in parameters])


# ---------------------------------------------------------------- walking a model


def _forward(model: Any, batch: Any) -> tuple[list[tuple[str, Batch]], Any]:
    """Each layer's name and outputs, as one list of Values per example; what the last returned."""
    rows = [values(example) for example in batch]
    if not rows:
        raise ValueError("the batch is empty")
    layers = []
    for i, layer in enumerate(_layers(model)):
        outputs = layer(rows)
        rows = [[out] if isinstance(out, Value) else list(out) for out in outputs]
        layers.append((getattr(layer, "label", "") or f"{i} {type(layer).__name__}", rows))
    if not layers:
        raise ValueError(f"{type(model).__name__} has no layers")
    return layers, outputs


def _layers(model: Any) -> list[Any]:
    """The layers in order, with those of a container in its place."""
    inside = getattr(model, "layers", model)
    if not isinstance(inside, Iterable):
        return [model]
    return [layer for part in inside for layer in _layers(part)]


def _statistics(name: str, rows: Batch, number: Callable[[Value], float]) -> LayerStatistics:
    numbers = [number(value) for row in rows for value in row]
    n = len(numbers)
    mean = sum(numbers) / n
    # d * d, not d**2, which raises where the numbers of an exploding network overflow.
    return LayerStatistics(name, mean, sum(d * d for d in (x - mean for x in numbers)) / n)
