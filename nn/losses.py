"""Say how wrong a network is: one Value, whose backward() reaches every parameter.

    loss = MSELoss()(model(x), y)               # y of the outputs' shape
    loss = HingeLoss()(scores, labels)          # labels -1 and 1
    loss = BCEWithLogitsLoss()(scores, labels)  # labels 0 to 1
    loss = CrossEntropyLoss()(logits, classes)  # a row of logits and a class index an example

Outputs are Values (numbers do, too), one for an example or a list of them; targets are nested lists
or arrays of numbers. `reduction` is "mean" (of all terms) or "sum". Each raises ValueError for an
empty batch, for shapes that do not fit and for labels out of range, and FloatingPointError, naming
the first gate that made it, for a loss that is nan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from numbers import Real
from typing import Any

from autograd_core import Value, first_nan, is_tracing, maximum, where

from .module import Module, flat, nested, shape

__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "HingeLoss", "MSELoss"]


class _Loss(Module):
    """The mean or the sum of one term for each output, or for each example."""

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum"):
            raise ValueError(f"unknown reduction {reduction!r}: use mean or sum")
        self.reduction = reduction

    def forward(self, outputs: Any, targets: Any) -> Value:
        terms = self._terms(nested(outputs), nested(targets))
        total: Value = sum(terms[1:], terms[0])
        loss = total / len(terms) if self.reduction == "mean" else total
        if not is_tracing() and math.isnan(loss.data):
            raise FloatingPointError(f"{self._name}: the loss is nan: {_blame(loss)}")
        return loss

    def _terms(self, outputs: Any, targets: Any) -> list[Value]:
        """The terms, for outputs and targets of one shape."""
        found, wanted = self._shape(outputs, "outputs"), self._shape(targets, "targets")
        if found and wanted and found[0] != wanted[0]:
            raise ValueError(
                f"{self._name}: {found[0]} outputs and {wanted[0]} targets: shapes {found} and "
                f"{wanted} must be equal"
            )
        if found != wanted:
            column = "; give [[y] for y in targets]" if found == (*wanted, 1) else ""
            raise ValueError(
                f"{self._name}: outputs of shape {found}, targets of shape {wanted}: they must be "
                f"equal{column}"
            )
        pairs = zip(_values(flat(outputs)), flat(targets), strict=True)
        return [self._term(i, output, target) for i, (output, target) in enumerate(pairs)]

    def _term(self, index: int, output: Value, target: Any) -> Value:
        raise NotImplementedError

    def _shape(self, thing: Any, what: str) -> tuple[int, ...]:
        lengths = shape(thing)
        if lengths is None:
            rows = [shape(row) for row in thing]
            odd = next((i for i, row in enumerate(rows) if row is None or row != rows[0]), 0)
            raise ValueError(
                f"{self._name}: {what} must have equal lengths, but {what} 0 has shape {rows[0]}, "
                f"{what} {odd} has {rows[odd]}"
            )
        if 0 in lengths:
            raise ValueError(f"{self._name}: the batch is empty ({what} of shape {lengths})")
        return lengths

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return f"{self._name}(reduction={self.reduction!r})"


class MSELoss(_Loss):
    """(output - target)^2, averaged over the batch and the outputs."""

    def _term(self, index: int, output: Value, target: Any) -> Value:
        difference: Value = output - target
        return difference**2


class HingeLoss(_Loss):
    """max(0, 1 - label score), for labels -1 and 1; slope 0 at the corner."""

    def _term(self, index: int, output: Value, target: Any) -> Value:
        if isinstance(target, Value) and is_tracing():
            right = (target >= 1.0) & (target <= 1.0) | (target <= -1.0) & (target >= -1.0)
            label: Any = _valid(target, right, "a HingeLoss label, -1 or 1")
        else:
            label = _label(self._name, index, target)
            if label not in (-1.0, 1.0):
                raise ValueError(
                    f"HingeLoss: label {index} is {label:g}, it must be -1 or 1: for classes 0 and "
                    "1 give 2 * label - 1"
                )
        hinge: Value = (1.0 - label * output).relu()
        return hinge


class BCEWithLogitsLoss(_Loss):
    """-log of the probability that sigmoid(score) gives to the label: 1, 0, or between.

    Computed as softplus, y softplus(-s) + (1 - y) softplus(s), which keeps its digits and neither
    overflows nor becomes log 0 for any score.
    """

    def _term(self, index: int, output: Value, target: Any) -> Value:
        if isinstance(target, Value) and is_tracing():
            right = (target >= 0.0) & (target <= 1.0)
            label: Any = _valid(target, right, "a BCEWithLogitsLoss label, from 0 to 1")
        else:
            label = _label(self._name, index, target)
            if not 0.0 <= label <= 1.0:
                raise ValueError(
                    f"BCEWithLogitsLoss: label {index} is {label:g}, it must be from 0 to 1: for "
                    "labels -1 and 1 give (label + 1) / 2"
                )
            if label == 1.0:
                return (-output).softplus()
            if label == 0.0:
                return output.softplus()
        loss: Value = label * (-output).softplus() + (1.0 - label) * output.softplus()
        return loss


class CrossEntropyLoss(_Loss):
    """-log softmax(logits)[class]: one row of logits and one class index for each example.

    Log-sum-exp with the row's maximum subtracted, as a constant: exp cannot overflow, and since the
    loss does not depend on what is subtracted, no gradient is lost.
    """

    def _terms(self, outputs: Any, targets: Any) -> list[Value]:
        found, wanted = self._shape(outputs, "outputs"), self._shape(targets, "targets")
        if not 1 <= len(found) <= 2:
            raise ValueError(f"CrossEntropyLoss: one row of logits an example, got shape {found}")
        if wanted != found[:-1]:
            raise ValueError(
                f"CrossEntropyLoss: logits of shape {found} need one class index an example, "
                f"targets of shape {found[:-1]}, got shape {wanted}"
            )
        rows = outputs if len(found) == 2 else [outputs]
        pairs = zip(rows, flat(targets), strict=True)
        labels = [
            label if isinstance(label, Value) and is_tracing() else _class(i, label, len(row))
            for i, (row, label) in enumerate(pairs)
        ]
        return [
            _minus_log_softmax(_values(row), label) for row, label in zip(rows, labels, strict=True)
        ]


def _minus_log_softmax(logits: list[Value], label: Value | int) -> Value:
    if is_tracing():
        highest = reduce(maximum, logits)
    else:
        highest = Value(max(logit.data for logit in logits))
    shifted = [logit - highest for logit in logits]
    powers = [value.exp() for value in shifted]
    total: Value = sum(powers[1:], powers[0])
    return total.log() - (_picked(shifted, label) if isinstance(label, Value) else shifted[label])


def _picked(values: list[Value], label: Value) -> Value:
    """The value of the class that is not known yet, lane by lane; nan if there is none."""
    picked: Any = math.nan
    for k, value in enumerate(values):
        picked = where((label >= k) & (label <= k), value, picked)
        picked.label = f"a CrossEntropyLoss label, a class index from 0 to {len(values) - 1}"
    return picked  # type: ignore[no-any-return]


def _valid(label: Value, condition: Any, name: str) -> Value:
    """The label where the condition holds, else nan: the program then names the lane."""
    checked: Any = where(condition, label, math.nan)
    checked.label = name
    return checked  # type: ignore[no-any-return]


def _class(index: int, label: Any, classes: int) -> int:
    number = _label("CrossEntropyLoss", index, label)
    if number not in range(classes):
        raise ValueError(
            f"CrossEntropyLoss: label {index} is {number:g}, with {classes} classes it must be a "
            f"whole number from 0 to {classes - 1}"
        )
    return int(number)


def _label(name: str, index: int, label: Any) -> float:
    if isinstance(label, Real):
        return float(label)
    try:
        return Value(label).data
    except TypeError as error:
        raise TypeError(f"{name}: label {index}: {error}") from None


def _values(numbers: Sequence[Any]) -> list[Value]:
    return [x if isinstance(x, Value) else Value(x) for x in numbers]


def _blame(loss: Value) -> str:
    """Where the nan comes from, in words."""
    first = first_nan(loss)
    if first is None or (first is loss and not loss.inputs):
        return "it was computed under no_grad, which keeps no gates; compute it without, to see"
    named = f" {first.label!r}" if first.label else ""
    made = f", made at {first.line}" if first.line else ""
    if not first.inputs:
        return f"the leaf{named} was given nan{made}"
    operands = ", ".join(f"{x.label}={x.data!r}" if x.label else repr(x.data) for x in first.inputs)
    return f"the first nan{named} is made by the gate {first.op!r} of {operands}{made}"
