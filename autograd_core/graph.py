"""Backpropagation, on one page: the order of a graph, and the pass that goes back through it.

    for v in topological(f): print(v)       # every value that f depends on, inputs first
    gradients(f)[x]                         # df/dx

A Value made by a gate has inputs `_a` and perhaps `_b`, and with each the slope of its own number
in that input, which the gate computed on the way forward.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import errors, modes
from .scalars import real

__all__ = ["first_nan", "gradients", "topological"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias, TypeVar

    V = TypeVar("V")  # Value, which is declared above this module and made of what it needs
    Watch: TypeAlias = Callable[[Any, int, float, float, float], object]


def topological(root: V, *others: V) -> list[V]:
    """Every value that `root` depends on, inputs before results, root last; then those of others.

    Depth first, inputs from left to right: the order in which the expression is evaluated, the
    same on every run.
    """
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


def gradients(root: V, seed: Any = 1.0, watch: Watch | None = None) -> dict[V, float]:
    """One backward pass: d(root)/dv, times `seed`, for every v in topological order.

    No `.grad` changes: `backward` adds what this returns. The pass runs from the root to the
    leaves; at each gate, upstream x local goes to each input from left to right.

    watch(gate, index, upstream, before, after), if given, sees every step: the value whose gate is
    passed, which of its inputs receives, the gradient that arrives from above, and the input's
    gradient of this pass before and after its contribution.
    """
    modes.refuse("gradients() is called")
    order: list[Any] = topological(root)
    top = order[-1]
    if top._gate is not None and top._a is None:
        raise RuntimeError(errors.NO_GRAD_ROOT.format(value=root))
    seed = real(seed, "seed")
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
        # += and not =: a value that is used more than once gets a part from each of its readers.
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


def first_nan(root: V) -> V | None:
    """The first value, in topological order, that is nan while its inputs are not.

    That is the gate that made the nan, or a leaf that was given one; None if there is no nan.
    """
    modes.refuse("a number is read")
    order: list[Any] = topological(root)
    for node in order:
        if math.isnan(node._data) and not any(math.isnan(x._data) for x in node.inputs):
            return node  # type: ignore[no-any-return]
    return None
