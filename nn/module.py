"""Module: what has parameters."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_core import Value

__all__ = ["Module"]


class Module:
    """Base of neurons, layers and networks: finds the parameters in its attributes.

    A parameter is a Value in an attribute, in a list there, or in a Module there, in the order in
    which the attributes were set.
    """

    def parameters(self) -> list[Value]:
        """All parameters, each once."""
        return list(dict.fromkeys(_parameters(list(vars(self).values()))))

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, as before each backward pass of training."""
        for parameter in self.parameters():
            parameter.grad = 0.0


def _parameters(thing: object) -> Iterator[Value]:
    if isinstance(thing, Value):
        yield thing
    elif isinstance(thing, Module):
        yield from thing.parameters()
    elif isinstance(thing, list | tuple):
        for item in thing:
            yield from _parameters(item)
