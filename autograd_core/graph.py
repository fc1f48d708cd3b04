"""Backpropagation, on one page: the order of a graph, and the pass that goes back through it.

    for v in topological(f): print(v)       # every value that f depends on, inputs first
    gradients(f)[x]                         # df/dx

A Value made by a gate has inputs `_a` and perhaps `_b`, and for each of them the slope of its
output with respect to that input, the local gradient, which the gate computed on the way forward.
What arrives from above, d(root)/d(output), is called upstream; upstream x local is the contribution
of the gate to the gradient of its input.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import elementary as xp
from . import errors, modes
from .native import adopted
from .scalars import real

__all__ = ["first_nan", "first_stale", "gradients", "is_stale", "release", "topological"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeAlias, TypeVar

    from .scalars import Number

    class Node(Protocol):
        """A Value: value.py imports this module, so that it cannot be named here."""

        _number: float
        _gate: Any
        _a: Any
        _b: Any
        _slope_a: float
        _slope_b: float
        _stamp: int

        @property
        def constants(self) -> tuple[float, ...]: ...

    V = TypeVar("V", bound=Node)
    Watch: TypeAlias = Callable[[Any, int, float, float, float], object]


WRITTEN = -1  # the stamp of a result that was written: it is no longer what its gate made
RELEASED = -2  # the stamp of a result that `release` has cut off


@adopted
def topological(root: V, *others: V) -> list[V]:
    """Every value that `root` depends on, inputs before results, root last; then what `others` add.

    Depth first, inputs from left to right: the order in which the expression is evaluated, the
    same on every run.
    """
    _require_values(root, *others)
    order: list[Any] = []
    seen: set[Any] = set()
    # A list of our own instead of recursion: a graph may be a million gates deep.
    stack: list[Any] = [*reversed(others), root]
    pop, push = stack.pop, stack.append
    while stack:
        node = pop()
        if node is None:  # a mark: all inputs of the value below it are in the order now
            order.append(pop())
            continue
        if node in seen:  # reached on another path before
            continue
        seen.add(node)
        a = node._a
        if a is None:
            order.append(node)
            continue
        # The node waits under its mark until its inputs, pushed above it, are done. What is pushed
        # last is taken first, so the right input is pushed before the left.
        push(node)
        push(None)
        b = node._b
        if b is not None and b not in seen:
            push(b)
        if a not in seen:
            push(a)
    return order


def gradients(root: V, seed: Number = 1.0, watch: Watch | None = None) -> dict[V, float]:
    """One backward pass: d(root)/dv, times `seed`, for every v in topological order.

    No `.grad` changes: `Value.backward` adds what this returns. The pass runs from the root to the
    leaves; at each gate, upstream x local goes to each input from left to right.

    watch(gate, index, upstream, before, after), if given, sees every step: the value whose gate is
    passed, which of its inputs receives, the gradient that arrives from above, and the input's
    gradient of this pass before and after its contribution.
    """
    modes.refuse("gradients() is called")
    if watch is not None and not callable(watch):
        raise TypeError(
            errors.NO_WATCH.format(kind=type(watch).__name__, thing=errors.short(watch))
        )
    order: list[Any] = topological(root)
    seed = checked_seed(root, seed)
    # The gradient of each value in this pass, as far as contributions have arrived.
    total = dict.fromkeys(order, 0.0)
    # The root's gradient with respect to itself is 1, or what the caller seeds the pass with.
    total[root] = seed
    # In reverse order every reader of a value comes before the value itself: when a gate's turn
    # comes, all contributions to its gradient are in, and it can be handed on.
    for node in reversed(order):
        a = node._a
        if a is None:
            continue
        upstream = total[node]
        before = total[a]
        # Added to what is there, not put in its place: a value that is used more than once gets a
        # part from each of its readers.
        total[a] = after = before + upstream * node._slope_a
        if watch is not None:
            watch(node, 0, upstream, before, after)
        b = node._b
        if b is not None:
            # Read again: in x * x both inputs are the same value.
            before = total[b]
            total[b] = after = before + upstream * node._slope_b
            if watch is not None:
                watch(node, 1, upstream, before, after)
    return total


def checked_seed(root: Any, seed: Any) -> float:
    """`seed` as a float; RuntimeError if `root` was made by a gate whose inputs are not known."""
    require_graph(root)
    return real(seed, "seed")


def require_graph(root: Any) -> None:
    """RuntimeError if `root` was made by a gate whose inputs are not known."""
    if root._gate is not None and root._a is None:
        cause = errors.RELEASED if root._stamp == RELEASED else errors.NO_GRAD_ROOT
        raise RuntimeError(cause.format(value=root))


def summed(root: V, seed: float) -> list[V]:
    """The pass of `gradients`, quicker: each value keeps its own gradient of this pass, in `_sum`.

    One pass at a time: the caller holds the lock. `_seen` is a token of this pass, so that one
    which was interrupted leaves no mark that the next would take for its own.
    """
    seen = object()
    order: list[Any] = []
    waiting: list[Any] = []  # values whose inputs come first
    push, pop, append = waiting.append, waiting.pop, order.append
    node: Any = root
    while True:
        a = node._a
        if a is not None:
            if a._seen is not seen:
                push(node)
                node = a
                continue
            b = node._b
            if b is not None and b._seen is not seen:
                push(node)
                node = b
                continue
        node._seen = seen
        node._sum = 0.0
        append(node)
        if not waiting:
            break
        node = pop()
    node._sum = seed
    for node in reversed(order):
        a = node._a
        if a is not None:
            upstream = node._sum
            a._sum += upstream * node._slope_a
            b = node._b
            if b is not None:
                b._sum += upstream * node._slope_b
    return order


def _require_values(*things: object) -> None:
    for thing in things:
        if not hasattr(thing, "_gate"):
            raise TypeError(errors.NOT_A_VALUE.format(kind=type(thing).__name__))


def release(root: Node) -> None:
    """Cut the graph of `root`: every result in it keeps data, grad, op and label, and no inputs.

    You rarely need it: a graph that is dropped is freed by itself. But where the stack is small,
    plain Python from CPython 3.13 on, and Pyodide, cannot free a deep one: some 2,000 gates in 256
    KiB, any number in 1 MiB; Pyodide 4,000; more end the interpreter. After `release` nothing is
    freed in a chain. CPython 3.11 and 3.12, and the compiled build on any, free a million in 256
    KiB.

    A graph that shares results with this one is cut there, too, and `backward` from what was cut
    raises RuntimeError; so does `release` in the `watch` of a backward pass.
    """
    if modes.mine.in_backward:
        raise RuntimeError(errors.BACKWARD_IN_WATCH)
    order: list[Any] = topological(root)
    for node in order:
        if node._a is not None:
            node._a = node._b = None
            node._stamp = RELEASED


def first_nan(root: V) -> V | None:
    """The first value, in topological order, that is nan while its inputs are not.

    That is the gate that made the nan, or a leaf that was given one; None if there is no nan.
    """
    modes.refuse("a number is read")
    order: list[Any] = topological(root)
    for node in order:
        if math.isnan(node._number) and not any(math.isnan(x._number) for x in node.inputs):
            return node  # type: ignore[no-any-return]
    return None


def is_stale(node: Node) -> bool:
    """Whether a gate would make something else of its inputs now than it did when it was computed.

    Every value has a stamp, which grows with each write of a `.data`: only where an input is newer
    than what was made of it the gate computes again. A number that was written and put back does no
    harm.
    """
    _require_values(node)
    inputs = [x for x in (node._a, node._b) if x is not None]
    if all(x._stamp <= node._stamp and x._stamp != WRITTEN for x in inputs):
        return False
    numbers = [x._number for x in inputs] + list(node.constants)
    y = node._gate.forward(xp, *numbers)
    now = (y, *node._gate.partials(xp, y, *numbers))
    then = (node._number, node._slope_a, node._slope_b)
    return any(p != q and (p == p or q == q) for p, q in zip(now, then, strict=False))


def first_stale(root: V) -> V | None:
    """The first gate, in topological order, that would make something else of its inputs now.

    `.data` of one of them, or its own, was written after it was computed. Its number, its slopes
    and `backward` are those of the forward pass; None if there is no such gate.
    """
    order: list[Any] = topological(root)
    return next((node for node in order if is_stale(node)), None)
