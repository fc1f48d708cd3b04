"""What the engine says when a program is wrong: each message shows the right one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class TraceError(TypeError):
    """A traced function did what a program cannot hold: it read a number, or branched on one."""


LABEL = 'label must be a str, got {kind}: {thing}. A leaf is Value(2.0, label="x")'
FINAL = (
    "{name}: Value is final, since results of its gates would be plain Values. Hold one, "
    "`self.value = Value(0.0)` in a class of your own; a new operation is a gate, see Gate"
)
NOT_A_NUMBER = (
    "{what} must be a real number, got {kind}: {thing}. "
    "Give one number, as in Value(2.0); for many, [Value(x) for x in numbers]"
)
TOO_LARGE = (
    "{what} is a number larger than every float, which end at 1.8e308: "
    "take its logarithm, or a larger unit"
)
NOT_A_VALUE = "only a Value has a graph, got {kind}: as in topological(loss), gradients(loss)"
VALUE_AS_NUMBER = (
    "{what} must be a plain number, got a Value, which would lose its graph. "
    "Use the Value itself, or v.detach() for a fresh leaf, or v.data for its number"
)
PLAIN_FLOAT = (
    "a Value does not turn into a plain {kind} by itself, since its gradient would be lost. "
    "Use v.data for the number, and autograd_core's functions on Values: "
    "`from autograd_core import exp; exp(v)` instead of math.exp(v); "
    "for arrays np.array([v.data for v in values])"
)
COPY_OF_RESULT = (
    "only a leaf can be copied or pickled, and {value!r} is the result of {op!r}: its inputs "
    "would be lost. Copy the leaves and compute it again, or copy v.detach()"
)
NO_GRAD_ROOT = (
    "backward() from {value!r}: it was made under no_grad, or cut off by release() and written "
    "since, so nothing is recorded that could be differentiated. Compute it again, outside of "
    "`with no_grad():`"
)
RELEASED = (
    "backward() from {value!r}: release() cut the graph that it is part of. Compute it again, or "
    "call release() after the last backward()"
)
BACKWARD_IN_WATCH = (
    "a backward pass is under way in this thread: a `watch` must not call backward(), "
    "zero_grad() or release(). Collect what it is shown and call them afterwards"
)
CALLED_INSIDE = (
    "a compiled graph was called while it ran, by what draws for it or by the handler of a signal: "
    "give those a graph of their own"
)
NO_CONDITION = (
    "where: the condition must be a comparison, as in where(x > 0.0, a, b), or a bool, a Value or "
    "a number, got {kind}: {thing}"
)
NO_WATCH = (
    "watch is a function that sees every step, as watch(gate, index, upstream, before, after), got "
    "{kind}: {thing}"
)
STALE = (
    "grad() through {value!r}: a .data below this {op!r} was written after it was computed, so its "
    "slope is no longer that of the forward pass. Compute the output again, or use backward(), "
    "whose slopes were fixed in the forward pass"
)
OUTSIDE = (
    "{value!r}, which the traced function uses, was made outside of it, and a .data below was "
    "written since, or moves in training: the engine keeps the old number, a program would compute "
    "a new one. Compute it inside the function, or use its detach()"
)
MADE_IN_TRACE = (
    "{value!r} was made while the function was traced, so it is a constant of the program, and was "
    "written since. Make parameters before: in __init__, or by a call of the model"
)
NO_NUMPY = (
    "{what} runs on arrays and needs NumPy: pip install numpy. Values, pictures, and nn.fit with "
    "eager=True do without it"
)
NO_READING = (
    "{what} while the function is traced{line}: the program runs on numbers that are not known "
    "yet, and a branch would be baked in. Write where(condition, a, b), maximum(a, b) or "
    "minimum(a, b) from autograd_core; or step through Values (eager=True in nn.fit)"
)
# What PyTorch has, as it ends "autograd_core has no tensor: ..."; that of nn is in nn/elsewhere.py.
OF_TORCH = {
    **dict.fromkeys(
        ("tensor", "Tensor", "as_tensor", "from_numpy"),
        "numbers are scalars here: Value(2.0) for one, [Value(x) for x in numbers] for several",
    ),
    **dict.fromkeys(
        ("zeros", "ones", "rand", "randn", "arange", "linspace"),
        "write a list, as [0.0] * 3; models and losses take lists and arrays of numbers",
    ),
    "manual_seed": "what draws takes rng=, as nn.MLP(2, [4, 1], rng=0); without it, random.seed(0)",
    "device": "every number is a Python float, in the computer's memory: leave it out",
    "autograd": "grad, jacobian, hessian and hvp are functions of autograd_core itself",
    "func": "grad, jacobian, hessian and hvp are functions of autograd_core itself",
    "compile": "compile_graph(f) makes a program of a function of one example",
    "save": "json.dump(model.state_dict(), file)",
    "load": "model.load_state_dict(json.load(file))",
    "stack": "a list of Values is a vector, a list of rows a matrix",
    "cat": "a list of Values is a vector, a list of rows a matrix: a + b joins two",
    "enable_grad": "end the block of `with no_grad():` before",
    "inference_mode": "with no_grad():",
}


MOVES = (
    "every Value has a gradient; what should not move is not given to the optimiser, and nothing "
    "flows back through v.detach()"
)


class Elsewhere:
    """What PyTorch's tensors have and a Value has not: an attribute that says what to write."""

    def __init__(self, hint: str) -> None:
        self.hint = hint

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, value: object, owner: type) -> Elsewhere:
        if value is None:  # of the class, as help() looks at it
            return self
        raise AttributeError(f"Value has no {self.name}: {self.hint}")

    def __set__(self, value: object, new: object) -> None:
        self.__get__(value, type(value))


# What the rules of a gate must not do, since they also run on Values and are written as programs:
# how "cube: its rule ..." ends.
IN_A_RULE = {
    "if": "branches on an operand: use xp.where(condition, a, b), and & and | for and, or",
    "/": "divides with /: use xp.div(a, b), which knows what a / 0 is",
    "**": "takes a power with **: use xp.power(a, 2.0), or xp.pow(a, b)",
    "float": "makes a float of an operand: use xp.sqrt, xp.exp ... for math's",
    "abs": "calls abs(a): use xp.abs(a)",
}
INTEGER_POWER = "pow() with a modulus has no derivative: use x ** y"


def short(thing: object) -> str:
    """repr(thing), cut to one line of a message."""
    text = repr(thing)
    return text if len(text) <= 80 else text[:76] + " ..."


def argument_names(fn: Callable[..., Any], count: int) -> list[str]:
    """What `fn` calls its first `count` arguments; x0, x1, ... where that cannot be known."""
    import inspect

    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        known = [p.name for p in inspect.signature(fn).parameters.values() if p.kind in kinds]
    except (TypeError, ValueError):
        known = []
    return known[:count] if len(known) >= count else [f"x{i}" for i in range(count)]
