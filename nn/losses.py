"""Say how wrong a network is: one Value, whose backward() reaches every parameter.

    loss = MSELoss()(model(x), y)               # y has the shape of the outputs; so for L1Loss
    loss = HingeLoss()(scores, labels)          # labels -1 and 1
    loss = BCEWithLogitsLoss()(scores, labels)  # labels from 0 to 1
    loss = CrossEntropyLoss()(logits, classes)  # one row of logits and one class index per example

Outputs are Values or numbers, one for a single example or a list of them; targets are nested lists
or arrays of numbers. `reduction` is "mean" (over all terms) or "sum". Every loss raises ValueError
for an empty batch, for shapes that do not fit and for labels out of range, and FloatingPointError
for a loss that is nan, naming the gate that made the first nan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from numbers import Real
from operator import add, or_
from typing import Any, ClassVar, Literal, TypeAlias

from autograd_core import Number, Value, first_nan, is_tracing, maximum, where

from .module import Array, Batch, Example, Module, choice, flat, nested, shape, values

__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "HingeLoss", "L1Loss", "MSELoss"]

Shape: TypeAlias = "tuple[int, ...]"
Numbers: TypeAlias = "Value | Number | Example | Batch | Array"


class _Loss(Module):
    """The mean or the sum of one term per output, or per example."""

    def __init__(self, reduction: Literal["mean", "sum"] = "mean") -> None:
        choice(reduction, "reduction", ("mean", "sum"))
        self.reduction: Literal["mean", "sum"] = reduction

    def reads(self) -> tuple[Any, ...]:
        return (*super().reads(), self.reduction)

    def forward(self, outputs: Numbers, targets: Numbers) -> Value:
        outputs, targets = nested(outputs), nested(targets)
        lengths = self._shape_of_both(outputs, targets)
        terms = self._terms(outputs, self._labels(targets, lengths))
        loss: Value = reduce(add, terms)
        if self.reduction == "mean":
            loss = loss / len(terms)
        if not is_tracing() and math.isnan(loss.data):
            raise FloatingPointError(f"{self._name}: the loss is nan: {_blame(loss)}")
        return loss

    def check_labels(self, output: Any, targets: Sequence[Any]) -> None:
        """Check the targets of many examples, against the model's output for one of them.

        ValueError, naming the first label that is out of range; TypeError if it is not a number.
        """
        lengths = self._shape_of_both(nested(output), nested(targets[0]))
        self._labels(nested(targets), lengths)

    def _labels(self, targets: Any, lengths: Shape) -> list[Any]:
        """The targets in a flat list, checked; `lengths` is the shape of the outputs."""
        return flat(targets)

    def _terms(self, outputs: Any, labels: list[Any]) -> list[Value]:
        pairs = zip(values(flat(outputs)), labels, strict=True)
        return [self._term(output, label) for output, label in pairs]

    def _term(self, output: Value, label: Any) -> Any:
        raise NotImplementedError

    def _shape_of_both(self, outputs: Any, targets: Any) -> Shape:
        """The shape of the outputs; ValueError if the targets' does not go with it."""
        lengths, others = self._shape(outputs, "outputs"), self._shape(targets, "targets")
        if misfit := self._misfit(lengths, others):
            raise ValueError(f"{self._name}: {misfit}")
        return lengths

    def _misfit(self, lengths: Shape, others: Shape) -> str:
        """What is wrong with these shapes of outputs and targets, "" if they go together."""
        if lengths == others:
            return ""
        column = "; give [[y] for y in targets]" if lengths == (*others, 1) else ""
        return f"outputs of shape {lengths}, targets of shape {others}: they must be equal{column}"

    def _shape(self, thing: Any, name: str) -> Shape:
        lengths = shape(thing)
        if lengths is None:
            rows = [shape(row) for row in thing]
            odd = next(i for i, row in enumerate(rows) if row is None or row != rows[0])
            raise ValueError(
                f"{self._name}: {name} must have equal lengths, but {name} 0 has shape {rows[0]}, "
                f"{name} {odd} has {rows[odd]}"
            )
        if 0 in lengths:
            raise ValueError(f"{self._name}: the batch is empty ({name} of shape {lengths})")
        return lengths

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return f"{self._name}(reduction={self.reduction!r})"


class MSELoss(_Loss):
    """(output - target)^2, averaged over the batch and the outputs."""

    def _term(self, output: Value, label: Any) -> Any:
        return (output - label) ** 2


class L1Loss(_Loss):
    """|output - target|, averaged over the batch and the outputs; slope 0 where they are equal."""

    def _term(self, output: Value, label: Any) -> Any:
        return abs(output - label)


class _LabelLoss(_Loss):
    """A loss whose targets are labels: `_is_label` is the condition, `_range` says it in words.

    In a trace a label may be a Value whose number is not known yet. So the condition is written
    with comparisons, `&` and `|` alone: on a number it is a bool, in a trace a gate.
    """

    _range: ClassVar[str]
    _remedy: ClassVar[str]

    def _is_label(self, label: Any, classes: int) -> Any:
        raise NotImplementedError

    def _labels(self, targets: Any, lengths: Shape) -> list[Any]:
        classes = lengths[-1] if lengths else 1
        return [self._label(label, at, classes) for at, label in _leaves(targets)]

    def _label(self, label: Any, at: Shape, classes: int) -> Any:
        if _unknown(label):  # nan where it is out of range, so that the program names the lane
            checked = where(self._is_label(label, classes), label, math.nan)
            return self._named(checked, classes)
        place = at[0] if len(at) == 1 else "".join(f"[{i}]" for i in at) or 0
        try:
            leaf = label if isinstance(label, Value | Real) else Value(label)
            number = leaf.data if isinstance(leaf, Value) else float(leaf)
        except TypeError as error:
            raise TypeError(f"{self._name}: label {place}: {error}") from None
        if not self._is_label(number, classes):
            allowed = self._range.format(last=classes - 1)
            raise ValueError(
                f"{self._name}: label {place} is {number:g}, it must be {allowed}: {self._remedy}"
            )
        return label if isinstance(label, Value) else number

    def _named(self, checked: Any, classes: int) -> Any:
        """A gate that is nan for a label out of range, with a name that says so."""
        checked.label = f"a {self._name} label, {self._range.format(last=classes - 1)}"
        return checked


class HingeLoss(_LabelLoss):
    """max(0, 1 - label score), for labels -1 and 1; slope 0 at the corner."""

    _range = "-1 or 1"
    _remedy = "for classes 0 and 1 give 2 * label - 1"

    def _is_label(self, label: Any, classes: int) -> Any:
        return _equal(label, -1.0) | _equal(label, 1.0)

    def _term(self, output: Value, label: Any) -> Any:
        return (1.0 - label * output).relu()


class BCEWithLogitsLoss(_LabelLoss):
    """-log of the probability that sigmoid(score) gives to the label: 1, 0, or a number between.

    Computed as y softplus(-s) + (1 - y) softplus(s), which keeps its digits and neither overflows
    nor takes the log of 0, whatever the score.
    """

    _range = "from 0 to 1"
    _remedy = "for labels -1 and 1 give (label + 1) / 2"

    def _is_label(self, label: Any, classes: int) -> Any:
        return (label >= 0.0) & (label <= 1.0)

    def _term(self, output: Value, label: Any) -> Any:
        if not _unknown(label):  # one of the two terms is 0, and its softplus need not be computed
            if label == 1.0:
                return (-output).softplus()
            if label == 0.0:
                return output.softplus()
        return label * (-output).softplus() + (1.0 - label) * output.softplus()


class CrossEntropyLoss(_LabelLoss):
    """-log softmax(logits)[class]: one row of logits and one class index per example.

    Computed as log-sum-exp with the row's maximum subtracted, so that exp cannot overflow. The loss
    does not depend on what is subtracted, and neither does its gradient.
    """

    _range = "a whole number from 0 to {last}"
    _remedy = "the index of the example's class in its row of logits"

    def _is_label(self, label: Any, classes: int) -> Any:
        return reduce(or_, [_equal(label, k) for k in range(classes)])

    def _label(self, label: Any, at: Shape, classes: int) -> Any:
        # An unknown label is checked when it picks its logit: nan if it is not a class.
        return label if _unknown(label) else super()._label(label, at, classes)

    def _misfit(self, lengths: Shape, others: Shape) -> str:
        if not 1 <= len(lengths) <= 2:
            return f"one row of logits per example, got shape {lengths}"
        if others == lengths[:-1]:
            return ""
        return (
            f"logits of shape {lengths} need one class index per example, targets of shape "
            f"{lengths[:-1]}, got shape {others}"
        )

    def _terms(self, outputs: Any, labels: list[Any]) -> list[Value]:
        rows = outputs if isinstance(outputs[0], list) else [outputs]
        return [self._of_row(values(row), label) for row, label in zip(rows, labels, strict=True)]

    def _of_row(self, logits: list[Value], label: Any) -> Value:
        if is_tracing():
            highest = reduce(maximum, logits)
        else:  # a constant: one leaf instead of a chain of gates
            highest = Value(max(logit.data for logit in logits))
        shifted = [logit - highest for logit in logits]
        total = reduce(add, [x.exp() for x in shifted]).log()
        if _unknown(label):
            picked = self._picked(shifted, label)
        else:
            picked = shifted[int(label.data if isinstance(label, Value) else label)]
        loss: Value = total - picked
        return loss

    def _picked(self, logits: list[Value], label: Value) -> Any:
        """The logit of a class that is not known yet."""
        picked: Any = math.nan
        for k, logit in enumerate(logits):
            picked = self._named(where(_equal(label, k), logit, picked), len(logits))
        return picked


def _unknown(label: Any) -> bool:
    """Whether it is a number that a trace does not know yet."""
    return isinstance(label, Value) and is_tracing()


def _equal(a: Any, b: float) -> Any:
    """Whether a is b, where `==` of a Value would compare identities."""
    return (a >= b) & (a <= b)


def _leaves(thing: Any, at: Shape = ()) -> Iterator[tuple[Shape, Any]]:
    """The items of nested lists, each after the indices that lead to it."""
    if not isinstance(thing, list):
        yield at, thing
        return
    for i, item in enumerate(thing):
        yield from _leaves(item, (*at, i))


def _blame(loss: Value) -> str:
    """Where the nan comes from, in words."""
    first = first_nan(loss)
    if first is None or not loss.inputs:
        return "it was computed under no_grad, which records no gates; compute it without to see"
    named = f" {first.label!r}" if first.label else ""
    made = f", made at {first.line}" if first.line else ""
    if not first.inputs:
        return f"the leaf{named} was given nan{made}"
    operands = ", ".join(f"{x.label}={x.data!r}" if x.label else repr(x.data) for x in first.inputs)
    return f"the first nan{named} is made by the gate {first.op!r} of {operands}{made}"
