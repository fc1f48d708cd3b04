"""Write a model as a class: a Module finds its parameters, names them, saves and loads them.

class Net(Module):
    def __init__(self):
        self.hidden = Linear(2, 8)
        self.out = Linear(8, 1)

    def forward(self, x):
        return self.out([h.relu() for h in self.hidden(x)])

net = Net()
net([0.5, -1.0])                                # forward
[name for name, _ in net.named_parameters()]    # hidden.weight, hidden.bias, out.weight, ...
net.load_state_dict(torch_net.state_dict())
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from numbers import Integral, Real
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol, Self, TypeAlias, TypeVar

from autograd_core import Number, Value, changed, is_tracing, used

from .elsewhere import HINTS, missing

__all__ = ["Module"]


class Array(Protocol):
    """An array or tensor, whose type does not say how many dimensions it has."""

    def __len__(self) -> int: ...
    def tolist(self) -> Any: ...


Example: TypeAlias = "Sequence[Value | Number]"
Batch: TypeAlias = "Sequence[Example | Array]"
OWN = ("__call__", "forward")  # what runs a module
P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class HasForward(Protocol[P, R]):
    """A module as its call sees it: a checker takes the types of the call from `forward`."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    def reads(self) -> tuple[Any, ...]: ...


class Module:
    """The base of neurons, layers, networks and losses: it finds the parameters in its attributes.

    A parameter is a leaf Value in an attribute, or in a list, a dict, an array of objects or a
    Module in one; the order is that in which the attributes were set. Names and methods are those
    of `torch.nn.Module`. Calling a module calls its `forward`.
    """

    training: bool = True
    _buffers: ClassVar[tuple[str, ...]] = ()  # attributes that are saved but not trained

    def __init_subclass__(cls, **given: object) -> None:
        super().__init_subclass__(**given)
        if vars(cls).get("__slots__"):
            raise TypeError(
                f"{cls.__name__} has __slots__, and a Module finds its parameters in plain "
                "attributes: leave them out"
            )
        # Not in __call__ below alone: a class may have one of its own, and any method may be what
        # is compiled.
        for name, method in list(vars(cls).items()):
            is_ours = name.startswith("_") or hasattr(Module, name)
            if isinstance(method, FunctionType) and (name in OWN or not is_ours):
                setattr(cls, name, _noted(method))

    def __call__(self: HasForward[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True  # a notebook leaves this frame out of a traceback
        try:
            return self.forward(*args, **kwargs)
        except RecursionError as error:
            if not hasattr(error, "__notes__"):
                error.add_note(
                    f"{type(self).__name__}: modules lie deeper in one another than Python's "
                    "limit allows: raise it with sys.setrecursionlimit, or make fewer of them"
                )
            raise

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no forward: define `def forward(self, x): ...` in it"
        )

    def reads(self) -> tuple[Any, ...]:
        """What `forward` reads besides its arguments and parameters: at least the mode.

        A compiled graph has these numbers built in, and traces the model again when they change. A
        module of your own whose forward reads a setting that may change adds it to the tuple:
        `return (*super().reads(), self.setting)`.
        """
        return (self.training,)

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, thing: object) -> None:
            known = name in vars(self) or hasattr(type(self), name)
            object.__setattr__(self, name, thing)
            if known and name != "training":  # which reads() has
                changed()

        def __delattr__(self, name: str) -> None:
            object.__delattr__(self, name)
            changed()

        def __getattr__(self, name: str) -> object:
            if name in HINTS["Module"]:
                raise missing("Module", name, self, type(self).__name__)
            return object.__getattribute__(self, name)  # it raises again, also a property's error

    def __repr__(self) -> str:
        """The modules inside by their names, one per line, as PyTorch shows them."""
        lines = [f"{type(self).__name__}("]
        path = [(self, self._members())]
        while path:
            indent = "  " * len(path)
            for name, thing in path[-1][1]:
                if not isinstance(thing, Module):
                    continue
                if type(thing).__repr__ is not Module.__repr__:
                    text = repr(thing).replace("\n", f"\n{indent}")
                elif any(thing is outer for outer, _ in path):  # it holds itself
                    text = f"{type(thing).__name__}(...)"
                else:
                    lines.append(f"{indent}({name}): {type(thing).__name__}(")
                    path.append((thing, thing._members()))
                    break
                lines.append(f"{indent}({name}): {text}")
            else:
                path.pop()
                if lines[-1].endswith("("):
                    lines[-1] += ")"  # nothing inside
                else:
                    lines.append("  " * len(path) + ")")
        return "\n".join(lines)

    def parameters(self) -> list[Value]:
        """Every parameter once, as single Values."""
        return list(dict.fromkeys(_values_in(vars(self).values())))

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """(name, parameter) pairs, each parameter once, with PyTorch's names such as `0.weight`.

        A parameter is what PyTorch gives one name: a list of rows of Values for a weight, a list of
        Values for a bias, or a Value. `nn.init` takes it as it is.
        """
        seen: set[Value] = set()
        for name, _, thing in self._state():
            leaves = {leaf for leaf in flat(thing) if isinstance(leaf, Value)}  # none in a buffer
            if not leaves <= seen:
                seen |= leaves
                yield name, thing

    def children(self) -> list[Module]:
        """The modules directly inside this one, each once, in the order in which they were set."""
        return [module for _, module in self.named_children()]

    def named_children(self) -> list[tuple[str, Module]]:
        """(name, module) pairs of the children; one in a list is called `layers.0`."""
        found: dict[int, tuple[str, Module]] = {}  # by identity, since two modules may be equal
        for name, thing in self._members():
            if isinstance(thing, Module):
                found.setdefault(id(thing), (name, thing))
        return list(found.values())

    def modules(self) -> list[Module]:
        """This module and all modules inside it, each once, outermost first."""
        return [module for _, module in self.named_modules()]

    def named_modules(self) -> list[tuple[str, Module]]:
        """(name, module) pairs of `modules()`, as `encoder.layers.0`; this module's name is ""."""
        found: dict[int, tuple[str, Module]] = {}
        stack: list[tuple[str, Module]] = [("", self)]
        while stack:  # a module may lie 400 deep, or inside itself
            path, module = stack.pop()
            if id(module) not in found:
                found[id(module)] = path, module
                dot = f"{path}." if path else ""
                children = reversed(module.named_children())
                stack += [(dot + name, child) for name, child in children]
        return list(found.values())

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call fn(module) on every module inside, then on this one; returns self."""
        stack: list[tuple[Module, bool]] = [(self, False)]
        seen: set[int] = set()
        while stack:
            module, inside_done = stack.pop()
            if inside_done:
                fn(module)
            elif id(module) not in seen:
                seen.add(id(module))
                stack.append((module, True))
                stack += [(child, False) for child in reversed(module.children())]
        return self

    def train(self, mode: bool = True) -> Self:
        """Set `.training` here and in every module inside; returns self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The same as `train(False)`: batch normalisation then uses its running averages."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, as a training loop does in every step."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Every parameter and running average under its PyTorch name, as nested lists of floats.

        Shapes are PyTorch's: `weight` is [out][in]. The lists are copies, so further training does
        not change them. `json.dump` writes them to a file; PyTorch takes
        `{name: torch.tensor(x) for name, x in model.state_dict().items()}`.
        """
        return {name: _numbers(thing) for name, _, thing in self._state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter and running average from nested lists, arrays or torch tensors.

        Raises ValueError, naming every missing or unexpected name and every wrong shape, TypeError
        for what is not a number, and OverflowError for an int too large. Nothing has changed then.
        """
        expect(state, Mapping, "load_state_dict takes a dict of names, got")
        mine = {name: (owner, thing) for name, owner, thing in self._state()}
        given, shapes = {}, {}
        for name, thing in state.items():
            try:
                given[name] = nested(thing)
                shapes[name] = shape(given[name])
            except RecursionError:  # a list in a list, a thousand times or in itself
                raise ValueError(f"load_state_dict: {name} is nested too deeply") from None
        faults = [f"{name} is missing" for name in mine if name not in given]
        faults += [f"{name} is unexpected" for name in given if name not in mine]
        for name, (_, thing) in mine.items():
            if name in given and shapes[name] != shape(thing):
                faults.append(
                    f"{name} has {shape_text(given[name])}, the model's has {shape_text(thing)}"
                )
        if faults:
            raise ValueError(f"load_state_dict of {type(self).__name__}: {'; '.join(faults)}")
        # All numbers are converted before the first is written: an error changes nothing.
        writes: list[tuple[Module | Value, str, Any]] = []
        for name, (owner, thing) in mine.items():
            try:
                numbers = [Value(number).data for number in flat(given[name])]
            except (TypeError, OverflowError) as error:
                raise type(error)(f"load_state_dict: {name}: {error}") from None
            pairs, attribute = list(zip(flat(thing), numbers, strict=True)), name.rpartition(".")[2]
            if attribute not in owner._buffers:
                writes += [(value, "data", number) for value, number in pairs]
                continue
            if any(isinstance(old, int) and not number.is_integer() for old, number in pairs):
                raise ValueError(f"load_state_dict: {name} is a count, got {given[name]}")
            buffer = [type(old)(number) for old, number in pairs]
            writes.append((owner, attribute, buffer if isinstance(thing, list) else buffer[0]))
        for target, attribute, new in writes:
            setattr(target, attribute, new)

    def _members(self) -> Iterator[tuple[str, Any]]:
        """(name, thing) of parameters, buffers and modules; those in a list come one by one."""
        for name, thing in vars(self).items():
            try:
                yield from [(name, thing)] if name in self._buffers else _spread(name, thing)
            except RecursionError:
                raise ValueError(
                    f"{type(self).__name__}.{name} lies in itself, or is nested too deeply"
                ) from None

    def _state(self) -> Iterator[tuple[str, Module, Any]]:
        """(name, owner, parameter or buffer), here and in the modules inside."""
        path = [("", self, self._members())]
        taken: set[str] = set()
        while path:
            prefix, owner, members = path[-1]
            for name, thing in members:
                if not isinstance(thing, Module):
                    if prefix + name in taken:
                        raise ValueError(
                            f"{type(self).__name__} has two parameters that are called "
                            f"{prefix}{name}: give one of them another key or attribute"
                        )
                    taken.add(prefix + name)
                    yield prefix + name, owner, thing
                elif all(thing is not outer for _, outer, _ in path):  # not one that holds itself
                    path.append((f"{prefix}{name}.", thing, thing._members()))
                    break
            else:
                path.pop()


def _noted(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method; in a trace, which must know whose parameters and settings it has read, noted."""

    @wraps(method)
    def noted(self: Module, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if is_tracing():
            used(self, self.reads())
        return method(self, *args, **kwargs)

    return noted


def _values_in(things: Iterable[object]) -> Iterator[Value]:
    """The leaf Values in these things, in order; a result that a module keeps is no parameter."""
    path = [iter(things)]
    seen: dict[int, object] = {}  # modules, lists and dicts: one may lie in itself
    while path:
        for thing in path[-1]:
            if isinstance(thing, Value):
                if thing.gate is None:
                    yield thing
                continue
            if id(thing) in seen:
                continue
            if isinstance(thing, Module | dict | list | tuple):
                seen[id(thing)] = thing
            if isinstance(thing, Module):
                own = type(thing).parameters is not Module.parameters
                inside: Iterable[object] = thing.parameters() if own else vars(thing).values()
            elif isinstance(thing, dict):
                inside = thing.values()
            elif _is_array_of_objects(thing):
                inside = thing.flat  # type: ignore[attr-defined]
            elif isinstance(thing, list | tuple):
                inside = thing
            else:
                continue
            path.append(iter(inside))
            break
        else:
            path.pop()


def _spread(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """(name, thing) if it is a module or a regular block of parameters, else item by item."""
    if _is_array_of_objects(thing):
        thing = thing.tolist()
    if isinstance(thing, Module) or _is_parameter(thing):
        yield name, thing
    elif isinstance(thing, dict):
        for key, item in thing.items():
            yield from _spread(f"{name}.{key}", item)
    elif isinstance(thing, list | tuple):
        leaves = flat(thing)
        if leaves and shape(thing) and all(map(_is_parameter, leaves)):
            yield name, thing
        else:
            for i, item in enumerate(thing):
                yield from _spread(f"{name}.{i}", item)


def _is_array_of_objects(thing: object) -> bool:
    """Whether it is an array that may hold Values, as NumPy makes of a list of them."""
    return getattr(getattr(thing, "dtype", None), "kind", "") == "O"


def _is_parameter(thing: object) -> bool:
    return isinstance(thing, Value) and thing.gate is None


# ---------------------------------------------------------------- nested lists and numbers


def nested(thing: Any) -> Any:
    """`thing` with lists in place of tuples and of arrays and tensors (all that has `tolist`)."""
    if hasattr(thing, "tolist"):
        return thing.tolist()
    return [nested(item) for item in thing] if isinstance(thing, list | tuple) else thing


def shape(thing: Any) -> tuple[int, ...] | None:
    """The lengths of nested lists, outermost first: () for a number, None if rows differ."""
    if not isinstance(thing, list | tuple):
        return ()
    shapes = {shape(item) for item in thing}
    first = shapes.pop() if shapes else ()
    return None if shapes or first is None else (len(thing), *first)


def flat(thing: Any) -> list[Any]:
    """The items of nested lists, from left to right."""
    if not isinstance(thing, list | tuple):
        return [thing]
    return [leaf for item in thing for leaf in flat(item)]


def values(numbers: Iterable[Any]) -> list[Value]:
    """Numbers and Values as Values."""
    return [x if isinstance(x, Value) else Value(x) for x in numbers]


def expect(thing: object, kind: Any, message: str) -> None:
    """TypeError, of `message` and the type that was given, if `thing` is not of this kind."""
    if not isinstance(thing, kind):
        raise TypeError(f"{message} {type(thing).__name__}")


def name_of(module: Any) -> str:
    """What messages call a module: its label or, if it has none, its class."""
    return getattr(module, "label", "") or type(module).__name__


def choice(given: object, what: str, options: Collection[str]) -> None:
    """ValueError if `given` is none of the options."""
    if given not in options:
        *most, last = options
        raise ValueError(f"unknown {what} {given!r}: use {', '.join(most)} or {last}")


def whole(number: Any, name: str, least: int) -> int:
    """`number` as an int, NumPy's included; ValueError if it is not whole or is below `least`."""
    if not isinstance(number, Integral) or isinstance(number, bool) or number < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {number!r}")
    return int(number)


def bounded(number: Any, name: str, below: float = math.inf) -> float:
    """`number` as a float in [0, below); TypeError or ValueError if it is not."""
    expect(number, Real, f"{name} must be a number, got")
    if isinstance(number, bool):
        raise TypeError(f"{name} must be a number, got bool")
    try:
        x = float(number)
    except OverflowError:  # an int larger than every float
        number = x = math.inf
    if not 0.0 <= x < below:
        bounds = "at least 0 and finite" if below == math.inf else f"in [0, {below:g})"
        raise ValueError(f"{name} must be {bounds}, got {number}")
    return x


def shape_text(thing: Any) -> str:
    """The shape of nested lists, in words."""
    lengths = shape(thing)
    return "rows of several lengths" if lengths is None else f"shape {lengths}"


def _numbers(thing: Any) -> Any:
    """Nested lists of Values as nested lists of their numbers."""
    if isinstance(thing, list | tuple):
        return [_numbers(item) for item in thing]
    return thing.data if isinstance(thing, Value) else thing
