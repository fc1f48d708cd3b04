"""A mistake planted in a recorded walk, for a learner to find.

    planted = plant(f, "overwrote", seed=0)     # a Planted: its wires, its gradients, what it is

`viz.sabotage` makes the page of it. The mistakes are those of `autograd_core.mistakes`; here stands
where each of them can show in a graph.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from autograd_core import Gate, Mistake, Value, apply, mistakes, topological

from .steps import Wire
from .words import number

__all__ = ["KINDS", "Planted", "plant"]

MOST = 100  # values; nobody looks for a mistake in more
KINDS = tuple(name for name, one in mistakes.items() if "sabotage" in one.readers)
NEEDS = {
    "overwrote": "a value that is used more than once, as x in x*y + x",
    "wrong operand": "a product of two different numbers, as x*y",
    "sign": "a gate with a minus in its slope, as x - y, x / y or cos(x)",
    "max to both": "a maximum or minimum, as maximum(x, y)",
    "stale value": "a gate whose slope depends on its inputs, as x*y or exp(x)",
    "wrong order": "a result that several gates read, as q in q = x*y; q*x + q",
    "did not zero": "a leaf with a gradient, as any of x*y",
}
NOTHING = "can show in this graph: take one with gates, as x*y + x"


@dataclass(frozen=True)
class Planted:
    """A backward pass with a mistake in it.

    mistake  which one
    locals   the slopes of each gate
    order    the gates in the order of their turns
    start    the gradients that were there before; of all other values 0
    overwritten  the values in which a contribution takes the place of the sum
    wires    what happens, wire by wire
    total    the gradients at the end
    """

    mistake: Mistake
    locals: Mapping[Value, tuple[float, ...]]
    order: tuple[Value, ...]
    start: Mapping[Value, float] = field(default_factory=dict)
    overwritten: frozenset[Value] = frozenset()
    wires: list[Wire] = field(default_factory=list)
    total: dict[Value, float] = field(default_factory=dict)

    def run(self, values: Iterable[Value]) -> Planted:
        """Fill in wires and total, for all values of the graph in topological order, root last."""
        total = self.total
        for value in values:
            total[value] = self.start.get(value, 0.0)
        total[value] = 1.0
        for value in self.order:
            for operand, source in enumerate(value.inputs):
                upstream, local, before = total[value], self.locals[value][operand], total[source]
                contribution = upstream * local
                after = contribution if source in self.overwritten else before + contribution
                total[source] = after
                wire = Wire(value, operand, upstream, local, contribution, before, after)
                self.wires.append(wire)
        return self

    def seen(self) -> list[tuple[object, ...]]:
        """What a reader sees of it: numbers as they are written."""
        return [(one.value, one.operand, *map(number, one[2:])) for one in self.wires]


def plant(root: Value, kind: str = "", seed: int = 0) -> Planted:
    """A pass through `root`'s graph with a mistake that shows; kind "": one of those that can.

    Where there are several places for it, or several mistakes, `seed` draws. ValueError, naming the
    remedy, if it is unknown or cannot show in this graph, or if that has more than 100 values.
    """
    values = topological(root)
    if kind and kind not in KINDS:
        raise ValueError(f"no mistake {kind!r} can be planted: the kinds are {', '.join(KINDS)}")
    if len(values) > MOST:
        raise ValueError(
            f"the graph has {len(values):,} values, above {MOST}: nobody would find a mistake. "
            "Take a smaller part (one neuron, one example's loss)"
        )
    right = [one.seen() for one in [_right(values).run(values)]]
    found: dict[str, list[Planted]] = {}
    for name in KINDS:
        passes = [one.run(values) for one in _ways(mistakes[name], values)]
        found[name] = [one for one in passes if one.seen() not in right]
    # Of two mistakes with the same numbers a learner could name the one or the other.
    told = {name: [one.seen() for one in passes] for name, passes in found.items()}
    for name, passes in found.items():
        others = [seen for other in KINDS if other != name for seen in told[other]]
        clear = [one for one in passes if one.seen() not in others]
        found[name] = clear or (passes if name == kind else [])
    rng = random.Random(seed)
    can = [name for name in KINDS if found[name]]
    if not can or (kind and kind not in can):
        also = f". What can show here: {', '.join(can)}" if can else ""
        which = f"the mistake {kind!r}" if kind else "no mistake"
        needs = f"cannot show in this graph: it needs {NEEDS[kind]}" if kind else NOTHING
        raise ValueError(f"{which} {needs}{also}")
    return rng.choice(found[kind or rng.choice(can)])


def _right(values: list[Value]) -> Planted:
    slopes = {value: tuple(value.partials) for value in values if value.inputs}
    return Planted(mistakes["overwrote"], slopes, tuple(reversed(slopes)))


def _ways(mistake: Mistake, values: list[Value]) -> Iterator[Planted]:
    """The passes with this mistake, one for each place that it can have."""
    right = _right(values)
    slopes, order = right.locals, right.order
    what, instead = mistake.plant
    if what == "local":
        for value, wrong in _slopes(mistake, slopes):
            yield Planted(mistake, {**slopes, value: wrong}, order)
    elif what == "order":
        for value in order[1:]:
            readers = [gate for gate in order if value in gate.inputs]
            if len(readers) > 1:
                others = [gate for gate in order if gate is not value]
                turn = others.index(readers[0]) + 1
                yield Planted(mistake, slopes, (*others[:turn], value, *others[turn:]))
    elif instead == "earlier":
        total = right.run(values).total
        start = {value: grad for value, grad in total.items() if not value.inputs}
        yield Planted(mistake, slopes, order, start=start)
    else:
        for value in values:
            yield Planted(mistake, slopes, order, overwritten=frozenset([value]))


def _slopes(
    mistake: Mistake, slopes: Mapping[Value, tuple[float, ...]]
) -> Iterator[tuple[Value, tuple[float, ...]]]:
    """A gate and its wrong slopes, for each gate in which a slope can go wrong so."""
    for value, right in slopes.items():
        if value.gate is None:
            continue
        if mistake.name == "stale value":
            for before in _before(value, value.gate):
                yield value, before
            continue
        wrong = list(right)
        for operand, local in enumerate(right):
            if _goes_wrong(mistake, value.gate, operand):
                other = right[operand - 1]
                step = mistake.step(upstream=1.0, local=local, before=0.0, other=other)
                wrong[operand] = step[0] if step else local
        if wrong != list(right):
            yield value, tuple(wrong)


def _goes_wrong(mistake: Mistake, gate: Gate, operand: int) -> bool:
    if mistake.name == "sign":
        return gate.slopes[operand].startswith("-")
    return gate.name in {"wrong operand": ("mul",), "max to both": ("max", "min")}[mistake.name]


def _before(value: Value, gate: Gate) -> Iterator[tuple[float, ...]]:
    """The slopes that `gate` had when one of its inputs was another number."""
    for operand in range(len(value.inputs)):
        for change in (1.0, -1.0, 0.5, -0.5):
            numbers = [x.data for x in value.inputs]
            numbers[operand] += change
            try:
                yield tuple(apply(gate, *map(Value, numbers), *value.constants).partials)
            except (ValueError, ArithmeticError):
                continue  # outside of where the gate is defined
