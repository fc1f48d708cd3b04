"""Derivatives as graphs, and as numbers: the gates' own rules, run on Values.

    x = Value(0.5)
    (slope,) = grad(sin(x) * tanh(x), [x])      # a Value: draw it, differentiate it again
    hessian(lambda x, y: x * y**2, [2.0, 3.0])  # ((0.0, 6.0), (6.0, 4.0))

Where a rule branches, the derivative holds the branch taken at its point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from . import errors
from .functions import function_of, where
from .gates import gates
from .value import Value, real, refuse, topological

__all__ = ["grad", "hessian", "hvp", "jacobian", "value_and_grad"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .value import Number


class _OnValues:
    """The namespace `xp` in which a rule makes a graph: the gates themselves, raising nothing."""

    where = staticmethod(where)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = function_of(gates[name], quiet=True)
        setattr(self, name, function)
        return function


on_values = _OnValues()


def grad(output: Value, inputs: Value | Iterable[Value]) -> tuple[Value, ...]:
    """The derivatives of `output` with respect to `inputs`, as Values that can be differentiated.

    Inputs may be any values of the graph; 0 for one that output does not depend on. No `.grad`
    changes. As `torch.autograd.grad(..., create_graph=True)`. RuntimeError if output was made under
    `no_grad`, or if `.data` was written since the graph was made: its rules would run on numbers
    that are not those of the forward pass.
    """
    _require_value(output, "grad: output")
    refuse("grad() is called")
    wanted = (inputs,) if isinstance(inputs, Value) else tuple(inputs)
    for x in wanted:
        _require_value(x, "grad: each of inputs")
    if output.gate is not None and not output.inputs:
        raise RuntimeError(errors.NO_GRAD_ROOT.format(value=output))
    order = topological(output)
    needed = set(wanted)
    for node in order:
        if any(x in needed for x in node.inputs):
            needed.add(node)
    total: dict[Value, Value | float] = {output: 1.0}
    for node in reversed(order):
        gate = node.gate
        if node not in total or gate is None or not any(x in needed for x in node.inputs):
            continue
        upstream = total[node]
        slopes = gate.partials(on_values, node, *node.inputs, *node.constants)
        for x, slope, fixed in zip(node.inputs, slopes, node.partials, strict=True):
            if x not in needed:
                continue
            found = slope.data if isinstance(slope, Value) else slope
            if found != fixed and not (math.isnan(found) and math.isnan(fixed)):
                raise RuntimeError(errors.STALE.format(value=node, op=node.op))
            # 1.0 times a graph is that graph: derivatives stay small enough to draw.
            contribution = (
                slope if isinstance(upstream, float) and upstream == 1.0
                else upstream if isinstance(slope, float) and slope == 1.0
                else upstream * slope
            )  # fmt: skip
            total[x] = total[x] + contribution if x in total else contribution
    found = (total.get(x, 0.0) for x in wanted)
    return tuple(x if isinstance(x, Value) else Value(x) for x in found)


def value_and_grad(
    f: Callable[..., Value], xs: Sequence[Number]
) -> tuple[float, tuple[float, ...]]:
    """f(*xs) and its gradient, as floats. f takes len(xs) Values and returns one."""
    inputs, output = _call("value_and_grad", f, xs)
    return output.data, tuple(x.data for x in grad(output, inputs))


def jacobian(f: Callable[..., Any], xs: Sequence[Number]) -> tuple[Any, ...]:
    """The slopes of every output of f (rows) in every one of xs (columns), as floats.

    f takes len(xs) Values and returns a sequence of Values, or one, whose row is then the answer.
    """
    inputs = [Value(real(x, "jacobian: each of xs")) for x in xs]
    outputs = f(*inputs)
    single = not isinstance(outputs, Iterable)
    rows = []
    for output in (outputs,) if single else outputs:
        root = (
            output
            if isinstance(output, Value)
            else Value(real(output, "jacobian: each output of f"))
        )
        rows.append(tuple(x.data for x in grad(root, inputs)))
    return rows[0] if single else tuple(rows)


def hessian(f: Callable[..., Value], xs: Sequence[Number]) -> tuple[tuple[float, ...], ...]:
    """The second derivatives of f at xs, len(xs) x len(xs) floats. f returns one Value."""
    inputs, output = _call("hessian", f, xs)
    return tuple(tuple(x.data for x in grad(slope, inputs)) for slope in grad(output, inputs))


def hvp(f: Callable[..., Value], xs: Sequence[Number], vs: Sequence[Number]) -> tuple[float, ...]:
    """The Hessian of f at xs times the vector vs, as floats, without making the matrix.

    The gradient of (gradient . v): two passes, whatever the number of inputs (Pearlmutter, 1994).
    """
    inputs, output = _call("hvp", f, xs)
    if len(vs) != len(inputs):
        raise ValueError(
            f"hvp: vs needs one number for each of xs, got {len(vs)} for {len(inputs)}"
        )
    directional = Value(0.0)
    for slope, v in zip(grad(output, inputs), vs, strict=True):
        directional = directional + slope * real(v, "hvp: each of vs")
    return tuple(x.data for x in grad(directional, inputs))


def _require_value(x: object, what: str) -> None:
    if not isinstance(x, Value):
        raise TypeError(
            f"{what} must be a Value, got {type(x).__name__}; the call is grad(output, [x, y])"
        )


def _call(name: str, f: Callable[..., Any], xs: Sequence[Number]) -> tuple[list[Value], Value]:
    inputs = [Value(real(x, f"{name}: each of xs")) for x in xs]
    output = f(*inputs)
    if isinstance(output, Value):
        return inputs, output
    return inputs, Value(real(output, f"{name}: what f returns"))
