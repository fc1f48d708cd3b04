"""Derivatives as graphs, and as numbers: the gates' own rules, run on Values.

    x = Value(0.5)
    (slope,) = grad(sin(x) * tanh(x), [x])      # a Value: draw it, differentiate it again
    hessian(lambda x, y: x * y**2, [2.0, 3.0])  # ((0.0, 6.0), (6.0, 4.0))

Where a rule branches, the derivative holds the branch taken at its point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from . import errors, modes
from .functions import function_of, where
from .graph import is_stale, topological
from .scalars import real
from .table import gates
from .value import Value, as_value

__all__ = ["grad", "hessian", "hvp", "jacobian", "value_and_grad"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .scalars import Number


class _OnValues:
    """The namespace `xp` in which a rule makes a graph: the gates themselves, raising nothing."""

    where = staticmethod(where)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = function_of(gates[name], quiet=True)
        setattr(self, name, function)
        return function


on_values: _OnValues = _OnValues()


def grad(output: Value, inputs: Value | Iterable[Value]) -> tuple[Value, ...]:
    """The derivatives of `output` with respect to `inputs`, as Values that can be differentiated.

    Inputs may be any values of the graph; 0 for one that output does not depend on. No `.grad`
    changes. As `torch.autograd.grad(..., create_graph=True)`. RuntimeError if output was made under
    `no_grad`, or if `.data` was written since the graph was made: its rules would run on numbers
    that are not those of the forward pass.
    """
    modes.refuse("grad() is called")
    sources = (inputs,) if isinstance(inputs, Value) else tuple(inputs)
    for x, what in ((output, "output"), *((x, "each of inputs") for x in sources)):
        if not isinstance(x, Value):
            kind = type(x).__name__
            message = f"grad: {what} must be a Value, got {kind}; the call is grad(output, [x, y])"
            raise TypeError(message)
    if output.gate is not None and not output.inputs:
        raise RuntimeError(errors.NO_GRAD_ROOT.format(value=output))
    order = topological(output)
    needed = set(sources)
    for node in order:
        if any(x in needed for x in node.inputs):
            needed.add(node)
    total: dict[Value, Value | float] = {output: 1.0}
    for node in reversed(order):
        gate = node.gate
        if node not in total or gate is None or not any(x in needed for x in node.inputs):
            continue
        if is_stale(node):
            raise RuntimeError(errors.STALE.format(value=node, op=node.op))
        upstream = total[node]
        slopes = gate.partials(on_values, node, *node.inputs, *node.constants)
        for x, slope in zip(node.inputs, slopes, strict=True):
            if x not in needed:
                continue
            # 1.0 times a graph is that graph: derivatives stay small enough to draw.
            contribution = (
                slope if isinstance(upstream, float) and upstream == 1.0
                else upstream if isinstance(slope, float) and slope == 1.0
                else upstream * slope
            )  # fmt: skip
            total[x] = total[x] + contribution if x in total else contribution
    return tuple(as_value(total.get(x, 0.0), "grad") for x in sources)


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
    lone = not isinstance(outputs, Iterable)
    roots = [as_value(y, "jacobian: each output of f") for y in ((outputs,) if lone else outputs)]
    rows = tuple(tuple(x.data for x in grad(root, inputs)) for root in roots)
    return rows[0] if lone else rows


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
        counts = f"{len(vs)} for {len(inputs)}"
        raise ValueError(f"hvp: vs needs one number for each of xs, got {counts}")
    directional = Value(0.0)
    for slope, v in zip(grad(output, inputs), vs, strict=True):
        directional = directional + slope * real(v, "hvp: each of vs")
    return tuple(x.data for x in grad(directional, inputs))


def _call(name: str, f: Callable[..., Any], xs: Sequence[Number]) -> tuple[list[Value], Value]:
    inputs = [Value(real(x, f"{name}: each of xs")) for x in xs]
    return inputs, as_value(f(*inputs), f"{name}: what f returns")
