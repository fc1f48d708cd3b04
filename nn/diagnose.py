"""What goes on inside a network: spread of activations and gradients, dead ReLUs, elbows.

    for layer in activation_statistics(model, batch):
        print(layer.name, layer.mean, layer.variance)
    gradient_statistics(model, batch, lambda outputs: loss(outputs, targets))
    dead_relus(model, batch)
    elbows(model.layers[0])
    gradient_norm(model.parameters())

A model is an MLP, anything with a list `layers`, a container that can be iterated, or one layer;
containers inside containers count as their layers. A batch is a list of examples or an array of
shape (batch, width). The functions return plain numbers and change no parameter and no `.grad`;
the forward pass is the model's own, so a layer that keeps running averages in training counts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from autograd_core import Value, gradients, no_grad

__all__ = [
    "DeadUnits", "LayerStatistics", "activation_statistics", "dead_relus", "elbows",
    "gradient_norm", "gradient_statistics",
]  # fmt: skip

Batch: TypeAlias = "list[list[Value]]"


@dataclass(frozen=True)
class LayerStatistics:
    """Mean and variance (over n, not n - 1) of all numbers of a layer, over units and batch."""

    name: str
    mean: float
    variance: float


@dataclass(frozen=True)
class DeadUnits:
    """The units of a layer of `units` whose ReLU let no example of the batch through."""

    name: str
    dead: tuple[int, ...]
    units: int


def activation_statistics(model: Any, batch: Any) -> list[LayerStatistics]:
    """Mean and variance of each layer's outputs, first layer first.

    That they neither vanish nor explode with depth is what He initialisation is for (Prince,
    Understanding Deep Learning, 7.5).
    """
    with no_grad():
        return [
            _statistics(name, [v.data for row in rows for v in row])
            for name, rows in _forward(model, batch)[0]
        ]


def gradient_statistics(
    model: Any, batch: Any, loss: Callable[[Any], Value]
) -> list[LayerStatistics]:
    """Mean and variance of the loss's derivatives in each layer's outputs, first layer first.

    loss takes what the model returns for the batch and returns a Value. An output that the loss
    does not use has gradient 0.
    """
    layers, outputs = _forward(model, batch)
    root = loss(outputs)
    if not isinstance(root, Value):
        raise TypeError(f"loss(outputs) must return one Value, got {type(root).__name__}")
    total = gradients(root)
    return [
        _statistics(name, [total.get(v, 0.0) for row in rows for v in row]) for name, rows in layers
    ]


def dead_relus(model: Any, batch: Any) -> list[DeadUnits]:
    """For each layer whose outputs are ReLUs, the units that are 0 on the whole batch.

    Their gradient is 0 as well: on these data they cannot learn. Leaky ReLU and ELU have none.
    """
    found = []
    with no_grad():
        for name, rows in _forward(model, batch)[0]:
            if all(v.op == "relu" for row in rows for v in row):
                units = range(len(rows[0]))
                dead = tuple(i for i in units if all(row[i].data == 0.0 for row in rows))
                found.append(DeadUnits(name, dead, len(units)))
    return found


def elbows(layer: Any) -> list[float]:
    """Where each unit of a one-input layer has its kink: -b/w, where its weighted sum is 0.

    A Neuron, a Layer, or a Linear (`weight`, `bias`). inf for a weight of 0: such a unit has no
    kink. ValueError if the layer has more inputs than one.
    """
    weights = getattr(layer, "weight", None)
    if weights and isinstance(weights[0], list):
        biases = [0.0] * len(weights) if layer.bias is None else [b.data for b in layer.bias]
    else:
        neurons = getattr(layer, "neurons", [layer])
        if not all(hasattr(neuron, "w") and hasattr(neuron, "b") for neuron in neurons):
            raise TypeError(
                "elbows takes a layer with weights, as in elbows(model.layers[0]); "
                f"got {type(layer).__name__}"
            )
        weights = [neuron.w for neuron in neurons]
        biases = [neuron.b.data for neuron in neurons]
    width = len(weights[0])
    if width != 1:
        name = getattr(layer, "label", "") or type(layer).__name__
        raise ValueError(f"elbows: {name} has {width} inputs; a kink is a point for one input only")
    slopes = [row[0].data for row in weights]
    return [-b / w if w else math.inf for w, b in zip(slopes, biases, strict=True)]


def gradient_norm(parameters: Iterable[Value]) -> float:
    """The Euclidean norm of all `.grad` together."""
    return math.hypot(*[parameter.grad for parameter in parameters])


# ---------------------------------------------------------------- walking a model


def _forward(model: Any, batch: Any) -> tuple[list[tuple[str, Batch]], Any]:
    """Each layer's name and outputs, a list of Values for each example; what the last returned."""
    rows = [[v if isinstance(v, Value) else Value(v) for v in example] for example in batch]
    if not rows:
        raise ValueError("the batch is empty")
    found = []
    for i, layer in enumerate(_layers(model)):
        outputs = layer(rows)
        rows = [[out] if isinstance(out, Value) else list(out) for out in outputs]
        found.append((getattr(layer, "label", "") or f"{i} {type(layer).__name__}", rows))
    return found, outputs


def _layers(model: Any) -> list[Any]:
    """The layers in order; a container stands for its own."""
    found = []
    work = [model]
    while work:
        thing = work.pop()
        inside = getattr(thing, "layers", thing)
        if isinstance(inside, Iterable):
            work += reversed(list(inside))
        else:
            found.append(thing)
    if not found:
        raise ValueError(f"{type(model).__name__} has no layers")
    return found


def _statistics(name: str, numbers: list[float]) -> LayerStatistics:
    n = len(numbers)  # no ** below: it raises where an exploding network's numbers overflow
    mean = sum(numbers) / n
    return LayerStatistics(name, mean, sum(d * d for d in (x - mean for x in numbers)) / n)
