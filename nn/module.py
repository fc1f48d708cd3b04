"""Module: what has parameters, finds them, names them, saves and loads them.

class Net(Module):
    def __init__(self):
        self.hidden = Linear(2, 8)
        self.out = Linear(8, 1)

    def forward(self, x):
        return self.out([h.relu() for h in self.hidden(x)])

net = Net()
net([0.5, -1.0])                        # forward
[name for name, _ in net.named_parameters()]  # hidden.weight, hidden.bias, out.weight, ...
net.load_state_dict(torch_net.state_dict())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

from autograd_core import Value

__all__ = ["Module"]


class Module:
    """Base of neurons, layers, networks and losses: finds the parameters in its attributes.

    A parameter is a Value in an attribute, in a list there, or in a Module there, in the order in
    which the attributes were set. Names and methods are those of `torch.nn.Module`. Calling a
    module calls its `forward`.
    """

    training: bool = True
    _buffers: ClassVar[tuple[str, ...]] = ()  # attributes of the state that are no parameters

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no forward: define `def forward(self, x): ...` in it"
        )

    def parameters(self) -> list[Value]:
        """All parameters, each once, one Value each."""
        return list(dict.fromkeys(_parameters(list(vars(self).values()))))

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """(name, parameter), the name as PyTorch has it, as `0.weight`; each parameter once.

        A parameter is here what has one name there: a list of rows of Values for a weight, a list
        of Values for a bias, a Value. `nn.init` takes it as it is.
        """
        seen: set[Value] = set()
        for name, owner, thing in self._state():
            values = [] if name.rpartition(".")[2] in owner._buffers else flat(thing)
            if not seen.issuperset(values):
                seen.update(values)
                yield name, thing

    def children(self) -> list[Module]:
        """The modules directly in this one, in the order in which they were set, each once."""
        members = (thing for _, thing in self._members())
        return list(dict.fromkeys(thing for thing in members if isinstance(thing, Module)))

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call fn(module) on every module inside and then on this one; returns self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set `.training` here and in every module inside; returns self."""
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """`train(False)`: batch normalisation then uses its running averages."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, as before each backward pass of training."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Every parameter and running average by its PyTorch name, as nested lists of floats.

        Shapes are PyTorch's: `weight` is [out][in]. A copy: training on does not change it. To
        PyTorch: `{name: torch.tensor(x) for name, x in model.state_dict().items()}`; to a file:
        `json.dump`.
        """
        return {name: _numbers(thing) for name, _, thing in self._state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter and running average from nested lists, arrays or torch tensors.

        Raises ValueError, naming every missing or unexpected name and every wrong shape, and
        TypeError for what is no number. Nothing changes then.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict takes a dict of names, got {type(state).__name__}")
        mine = {name: (owner, thing) for name, owner, thing in self._state()}
        found = {name: nested(thing) for name, thing in state.items()}
        wrong = [f"{name} is missing" for name in mine if name not in found]
        wrong += [f"{name} is unexpected" for name in found if name not in mine]
        for name, (_, thing) in mine.items():
            if name in found and shape(found[name]) != shape(thing):
                wrong.append(
                    f"{name} has shape {_shown(found[name])}, the model's is {_shown(thing)}"
                )
        if wrong:
            raise ValueError(f"load_state_dict of {type(self).__name__}: {'; '.join(wrong)}")
        numbers = {name: _floats(name, found[name]) for name in mine}
        buffers: list[tuple[Module, str, Any]] = []
        values: list[tuple[Value, float]] = []
        for name, (owner, thing) in mine.items():
            pairs = list(zip(flat(thing), numbers[name], strict=True))
            last = name.rpartition(".")[2]
            if last in owner._buffers:
                for old, new in pairs:
                    if isinstance(old, int) and not new.is_integer():
                        raise ValueError(f"load_state_dict: {name} is a count, got {new}")
                kept = [type(old)(new) for old, new in pairs]
                buffers.append((owner, last, kept if isinstance(thing, list) else kept[0]))
            else:
                values += pairs
        for owner, last, kept in buffers:
            setattr(owner, last, kept)
        for value, number in values:
            value.data = number

    def _members(self) -> Iterator[tuple[str, Any]]:
        """(name, thing): parameters, buffers and modules, as set; a list of modules one by one."""
        for name, thing in vars(self).items():
            if name in self._buffers:
                yield name, thing
            else:
                yield from _spread(name, thing)

    def _state(self, prefix: str = "") -> Iterator[tuple[str, Module, Any]]:
        """(name, owner, parameter or buffer), of the modules inside too."""
        for name, thing in self._members():
            if isinstance(thing, Module):
                yield from thing._state(f"{prefix}{name}.")
            else:
                yield prefix + name, self, thing


def _parameters(thing: object) -> Iterator[Value]:
    if isinstance(thing, Value):
        yield thing
    elif isinstance(thing, Module):
        yield from thing.parameters()
    elif isinstance(thing, list | tuple):
        for item in thing:
            yield from _parameters(item)


def _spread(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """What `thing` holds under its name: a module, Values in a regular shape, or item by item."""
    if isinstance(thing, Module | Value):
        yield name, thing
    elif isinstance(thing, list | tuple):
        leaves = flat(thing)
        if leaves and shape(thing) and all(isinstance(leaf, Value) for leaf in leaves):
            yield name, thing
        else:
            for i, item in enumerate(thing):
                yield from _spread(f"{name}.{i}", item)


# ---------------------------------------------------------------------------- nested lists


def nested(thing: Any) -> Any:
    """`thing` with lists for arrays, tensors and tuples: all that has `.tolist()` is asked."""
    if hasattr(thing, "tolist"):
        return thing.tolist()
    return [nested(item) for item in thing] if isinstance(thing, list | tuple) else thing


def shape(thing: Any) -> tuple[int, ...] | None:
    """The lengths of nested lists, outermost first: () for a number, None if rows differ."""
    if not isinstance(thing, list | tuple):
        return ()
    inside = {shape(item) for item in thing}
    first = inside.pop() if inside else ()
    return None if inside or first is None else (len(thing), *first)


def flat(thing: Any) -> list[Any]:
    """What nested lists hold, from left to right."""
    if not isinstance(thing, list | tuple):
        return [thing]
    return [leaf for item in thing for leaf in flat(item)]


def _shown(thing: Any) -> str:
    lengths = shape(thing)
    return "that differs from row to row" if lengths is None else str(lengths)


def _numbers(thing: Any) -> Any:
    """Nested lists of Values as nested lists of their numbers."""
    if isinstance(thing, list | tuple):
        return [_numbers(item) for item in thing]
    return thing.data if isinstance(thing, Value) else thing


def _floats(name: str, thing: Any) -> list[float]:
    try:
        return [Value(number).data for number in flat(thing)]
    except TypeError as error:
        raise TypeError(f"load_state_dict: {name}: {error}") from None
