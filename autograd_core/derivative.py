"""Derivatives as graphs, and as numbers: the gates' own rules, run on Values.

    grad(sin)(0.5)                              # the slope of a function, cos(0.5)
    x = Value(0.5)
    (slope,) = grad(sin(x) * tanh(x), [x])      # that of a graph: a Value, to draw it
    hessian(lambda x, y: x * y**2, [2.0, 3.0])  # ((0.0, 6.0), (6.0, 4.0))

Where a rule branches, the derivative holds the branch taken at its point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, wraps

from . import errors, modes
from .functions import function_of, where
from .graph import is_stale, require_graph, topological
from .scalars import real, reals
from .table import gates
from .value import Value, as_value

__all__ = ["grad", "hessian", "hvp", "jacobian", "value_and_grad"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, overload

    from .scalars import Number

    F = TypeVar("F", bound=Callable[..., Any])


class _OnValues:
    """The namespace `xp` in which a rule makes a graph: the gates themselves, raising nothing."""

    where = staticmethod(where)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = function_of(gates[name], quiet=True)
        setattr(self, name, function)
        return function


on_values: _OnValues = _OnValues()


if TYPE_CHECKING:

    @overload
    def grad(output: Value, inputs: Value | Iterable[Value]) -> tuple[Value, ...]: ...
    @overload
    def grad(output: Callable[..., Any], *, argnums: int = 0) -> Callable[..., Any]: ...
    @overload
    def grad(
        output: Callable[..., Any], *, argnums: Sequence[int]
    ) -> Callable[..., tuple[Any, ...]]: ...


def grad(
    output: Value | Callable[..., Any],
    inputs: Value | Iterable[Value] | None = None,
    *,
    argnums: int | Sequence[int] = 0,
) -> Any:
    """Of a graph, `grad(output, [x, y])`: its slopes. Of a function, `grad(f)`: f's derivative.

    grad(output, inputs)    the derivatives of a Value with respect to `inputs`, a tuple of Values
        that can be differentiated again, as `torch.autograd.grad(..., create_graph=True)`. Inputs
        may be any values of the graph; 0 for one that output does not depend on. RuntimeError if
        output was made under `no_grad`, or if `.data` was written since the graph was made: its
        rules would run on numbers that are not those of the forward pass

    grad(f)     a function: grad(f)(x, y) is the slope of f(x, y) in x, as `jax.grad` and
        `torch.func.grad`. argnums=1 is that in y, argnums=(0, 1) a tuple of both. For an argument
        that is a list, a tuple or a dict, however deep, it is such a thing of slopes. Floats come
        out where numbers go in, and Values where one of the arguments is a Value or holds one:
        grad(grad(f))(0.5) is the second derivative. TypeError if f returns anything but one number

    No `.grad` changes.
    """
    if callable(output):
        if inputs is not None:
            raise TypeError(
                "grad: of a function it takes no inputs: the slope at 2.0 is grad(f)(2.0), that in "
                "the second argument grad(f, argnums=1)(2.0, 3.0)"
            )
        return _derivative(output, argnums)
    modes.refuse("grad() is called")
    if inputs is None:
        raise TypeError(
            f"grad takes a function, as in grad(sin)(0.5), or a Value and inputs, as in "
            f"grad(output, [x, y]); got {type(output).__name__} alone"
        )
    if not isinstance(inputs, Iterable):
        inputs = (inputs,)
    sources = tuple(inputs)
    for x, what in ((output, "output"), *((x, "each of inputs") for x in sources)):
        if not isinstance(x, Value):
            kind = type(x).__name__
            message = f"grad: {what} must be a Value, got {kind}; the call is grad(output, [x, y])"
            raise TypeError(message)
    require_graph(output)
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


def _derivative(f: Callable[..., Any], argnums: int | Sequence[int]) -> Callable[..., Any]:
    lone = isinstance(argnums, int)
    places = tuple(argnums) if isinstance(argnums, Iterable) else (argnums,)
    if not places or not all(type(i) is int and i >= 0 for i in places):
        raise TypeError(f"grad: argnums must be 0, 1, ... or a tuple of these, got {argnums!r}")

    @wraps(f)
    def slopes(*args: Any, **kwargs: Any) -> Any:
        modes.refuse("grad() is called")
        if len(args) <= max(places):
            raise TypeError(
                f"grad: there is no argument {max(places)} to differentiate in, the function was "
                f"called with {len(args)}; arguments given by name are not differentiated"
            )
        # Each call has inputs of its own. Of a Value x that is x - 0: f may use x itself besides.
        with modes.recording():
            given = list(args)
            for i in places:
                try:
                    given[i] = _rebuilt(args[i], partial(_input, i))
                except RecursionError:
                    raise ValueError(
                        f"grad: argument {i} of the function lies in itself, or is nested too deep"
                    ) from None
            inputs = [x for i in places for x in _leaves(given[i])]
            outer = modes.mine.differentiating
            modes.mine.differentiating = (*outer, *inputs)
            try:
                answer = f(*given, **kwargs)
            finally:
                modes.mine.differentiating = outer
            if isinstance(answer, Iterable):
                raise TypeError(
                    f"grad: the function must return one number, got {errors.short(answer)}: pick "
                    "one of them, or their sum; jacobian(f, xs) has the slopes of all"
                )
            found = grad(as_value(answer, "grad: what the function returns"), inputs)
        keeps = any(isinstance(x, Value) for x in _leaves([*args, kwargs]))
        if not keeps and outer:  # a derivative of what uses this one is under way
            keeps = not set(outer).isdisjoint(topological(*found))
        if not modes.mine.recording:
            found = tuple(x.detach() for x in found)
        rest = iter(found if keeps else [x.data for x in found])
        result = tuple(_rebuilt(args[i], lambda x: next(rest)) for i in places)
        return result[0] if lone else result

    return slopes


def _input(i: int, x: Any) -> Value:
    """A number or Value of argument i as a value that the function alone has."""
    return (
        x - 0.0 if isinstance(x, Value) else Value(real(x, f"grad: argument {i} of the function"))
    )


def _rebuilt(thing: Any, change: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples and dicts with other things in place of their items."""
    if isinstance(thing, dict):
        return {key: _rebuilt(item, change) for key, item in thing.items()}
    if isinstance(thing, list | tuple):
        items = [_rebuilt(item, change) for item in thing]
        make = getattr(thing, "_make", tuple)  # that of a named tuple
        return items if isinstance(thing, list) else make(items)
    return change(thing)


def _leaves(thing: Any) -> Iterator[Any]:
    """The items of nested lists, tuples and dicts."""
    if isinstance(thing, dict | list | tuple):
        for item in thing.values() if isinstance(thing, dict) else thing:
            yield from _leaves(item)
    else:
        yield thing


def _recorded(function: F) -> F:
    """The function, which records inside of `no_grad` too."""
    recording = modes.recording()(function)

    @wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        # Not always in a block: while one is open, every gate asks whether it is its own.
        return (function if modes.mine.recording else recording)(*args, **kwargs)

    return recorded  # type: ignore[return-value]


@_recorded
def value_and_grad(
    f: Callable[..., Value], xs: Sequence[Number]
) -> tuple[float, tuple[float, ...]]:
    """f(*xs) and its gradient, as floats. f takes len(xs) Values and returns one."""
    inputs, output = _call("value_and_grad", f, xs)
    return output.data, tuple(x.data for x in grad(output, inputs))


@_recorded
def jacobian(f: Callable[..., Any], xs: Sequence[Number]) -> tuple[Any, ...]:
    """The slopes of every output of f (rows) in every one of xs (columns), as floats.

    f takes len(xs) Values and returns a sequence of Values, or one, whose row is then the answer.
    """
    inputs = [Value(x) for x in reals(xs, "jacobian")]
    outputs = f(*inputs)
    if getattr(outputs, "shape", None) == ():  # an array without dimensions cannot be iterated over
        outputs = outputs.item()
    lone = not isinstance(outputs, Iterable)
    roots = [as_value(y, "jacobian: each output of f") for y in ((outputs,) if lone else outputs)]
    rows = tuple(tuple(x.data for x in grad(root, inputs)) for root in roots)
    return rows[0] if lone else rows


@_recorded
def hessian(f: Callable[..., Value], xs: Sequence[Number]) -> tuple[tuple[float, ...], ...]:
    """The second derivatives of f at xs, len(xs) x len(xs) floats. f returns one Value."""
    inputs, output = _call("hessian", f, xs)
    return tuple(tuple(x.data for x in grad(slope, inputs)) for slope in grad(output, inputs))


@_recorded
def hvp(f: Callable[..., Value], xs: Sequence[Number], vs: Sequence[Number]) -> tuple[float, ...]:
    """The Hessian of f at xs times the vector vs, as floats, without making the matrix.

    The gradient of (gradient . v): two passes, whatever the number of inputs (Pearlmutter, 1994).
    """
    inputs, output = _call("hvp", f, xs)
    direction = reals(vs, "hvp", "vs")
    if len(direction) != len(inputs):
        counts = f"{len(direction)} for {len(inputs)}"
        raise ValueError(f"hvp: vs needs one number for each of xs, got {counts}")
    directional = Value(0.0)
    for slope, v in zip(grad(output, inputs), direction, strict=True):
        directional = directional + slope * v
    return tuple(x.data for x in grad(directional, inputs))


def _call(name: str, f: Callable[..., Any], xs: Sequence[Number]) -> tuple[list[Value], Value]:
    inputs = [Value(x) for x in reals(xs, name)]
    return inputs, as_value(f(*inputs), f"{name}: what f returns")
