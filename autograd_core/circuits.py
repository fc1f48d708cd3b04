"""Small random circuits, and what is left of one when a part of it is taken away.

    circuit = random_circuit(Random(0), [gates["mul"], gates["exp"]], size=3)
    values = circuit.values()           # Values, root last, labelled x, y, ..., p, q, ..., f
    str(circuit)                        # "p = exp(x); f = p * y"
    for smaller in circuit.smaller(Random(0), [gates["mul"]]):
        print(smaller)                  # a circuit with a gate less, or a simpler gate

A circuit is a recipe: its Values are made anew whenever it is to run. Leaves are short numbers
and no two inputs of a gate are equal, so that a wrong gradient seldom looks right by chance.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from typing import NamedTuple
from unicodedata import normalize

from .gate import Gate
from .graph import topological
from .table import gates as table
from .value import Value, apply

__all__ = ["Circuit", "expression", "names", "random_circuit"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random
    from typing import TypeAlias

    Step: TypeAlias = float | tuple[Gate, tuple[int, ...]]

LEAVES, RESULTS = "xyzwabc", "pqrstuvgh"
LEAST, MOST = 0.01, 100.0  # numbers on the wires: gradients are then of a size to read
NUMBERS = [sign * size for size in (2.0, 3.0, 4.0, 5.0, 7.0, 0.5, 1.5) for sign in (1.0, -1.0)]
TRIES = 30


class Circuit(NamedTuple):
    """Numbers, and gates with the places of their inputs among the steps before; the root last."""

    steps: tuple[Step, ...]

    def values(self) -> list[Value]:
        """New Values, one per step. Raises what a gate raises."""
        made: list[Value] = []
        for step in self.steps:
            if isinstance(step, float):
                made.append(Value(step))
            else:
                made.append(_apply(step[0], [made[i] for i in step[1]]))
        letters = iter(LEAVES), iter(RESULTS)
        for i, value in enumerate(topological(made[-1])):  # as they stand in the expression
            value.label = next(letters[bool(value.inputs)], f"v{i}")
        made[-1].label = "f"
        return made

    @property
    def size(self) -> int:
        """How many gates it has."""
        return sum(not isinstance(step, float) for step in self.steps)

    def __str__(self) -> str:
        return expression(self.values()[-1])

    def smaller(self, rng: Random, simple: Sequence[Gate]) -> Iterator[Circuit]:
        """The circuits that differ from this one by one part, simplest first.

        A part is taken for the whole; a gate becomes a number, or its own input; or one of
        the `simple` gates takes its place. Only those that can be computed.
        """
        for at, step in enumerate(self.steps):
            if isinstance(step, float):
                continue
            gate, inputs = step
            yield from self._with(self.steps[: at + 1])
            yield from self._with(self._replaced(at, rng.choice(NUMBERS)))
            for source in inputs:
                yield from self._with(self._bypassed(at, source))
            for other in simple:
                if other is gate:
                    break  # what follows is no simpler
                if len(other.operands) == len(gate.operands):
                    yield from self._with(self._replaced(at, (other, inputs)))

    def _replaced(self, at: int, step: Step) -> tuple[Step, ...]:
        return (*self.steps[:at], step, *self.steps[at + 1 :])

    def _bypassed(self, at: int, source: int) -> tuple[Step, ...]:
        return tuple(
            step if isinstance(step, float)
            else (step[0], tuple(source if i == at else i for i in step[1]))
            for step in self.steps
        )  # fmt: skip

    def _with(self, steps: tuple[Step, ...]) -> Iterator[Circuit]:
        """The circuit of these steps without what its root does not depend on, if it is one."""
        needed = {len(steps) - 1}
        for at in reversed(range(len(steps))):
            step = steps[at]
            if at in needed and not isinstance(step, float):
                needed.update(step[1])
        kept = {at: new for new, at in enumerate(sorted(needed))}
        circuit = Circuit(tuple(
            step if isinstance(step, float) else (step[0], tuple(kept[i] for i in step[1]))
            for at, step in enumerate(steps) if at in kept
        ))  # fmt: skip
        if 0 < circuit.size and circuit != self and circuit.is_fit():
            yield circuit

    def is_fit(self) -> bool:
        """Whether every gate can be computed, away from kinks and from numbers hard to read."""
        try:
            values = self.values()
        except (ValueError, ArithmeticError):
            return False
        return all(map(_is_fit, values))


def random_circuit(
    rng: Random, gates: Sequence[Gate], size: int, *, numbers: Sequence[float] = NUMBERS,
    leaves: int = 3, twice: bool = True,
) -> Circuit:  # fmt: skip
    """A circuit of at most `size` gates, whose root is made by the first of `gates`.

    Its leaves are at most so many, and some of `numbers`; `twice` says whether a gate may take the
    same value in two inputs, as x * x does. ValueError if no such circuit can be computed with
    all its values of a handy size.
    """
    for _ in range(TRIES):
        steps: list[Step] = [*rng.sample(numbers, rng.randint(1, leaves))]
        unused = list(range(len(steps)))
        for k in range(size):
            for _ in range(TRIES):
                gate = gates[0] if k == size - 1 else rng.choice(gates)
                # What nobody has read yet comes first, so that little is left over in the end.
                inputs = tuple(
                    rng.choice(unused if unused and rng.random() < 0.7 else range(len(steps)))
                    for _ in gate.operands
                )
                repeats = len({*inputs}) < len(inputs)
                if (twice or not repeats) and Circuit((*steps, (gate, inputs))).is_fit():
                    unused = [i for i in (*unused, len(steps)) if i not in inputs]
                    steps.append((gate, inputs))
                    break
        last = steps[-1]
        if not isinstance(last, float) and last[0] is gates[0]:
            whole = Circuit(tuple(steps))
            return next(whole._with(whole.steps), whole)
    raise ValueError(f"no circuit that ends in {gates[0].name} could be computed at handy numbers")


def names(order: Sequence[Value]) -> dict[Value, str]:
    """The labels that can stand in an expression: `viz.parse` reads them, and no other has them."""
    labels = Counter(v.label for v in order)
    return {v: v.label for v in order if labels[v.label] == 1 and _is_name(v.label)}


def expression(root: Value) -> str:
    """The graph as statements: "p = x * y; f = (p + x) * 2".

    One for each result with a label; a result without one stands where it is used, or goes by v and
    its place if that is in several places. A leaf without a label is its number, as exactly as it
    takes to have it back. A label that cannot stand here, or that two have, gives way to v and the
    place, and a leaf is then a statement: "v0 = 2; v1 = 3; v2 = v0 * v1".
    """
    order = topological(root)
    uses = Counter(x for v in order for x in v.inputs)
    known, labels = names(order), {v.label for v in order}
    texts: dict[Value, str] = {}
    inlined: dict[Value, str] = {}  # the symbols of gates that stand where they are used
    exponents = {v.inputs[1] for v in order if v.op == "**" and len(v.inputs) == 2}
    lines = []
    for i, value in enumerate(order):
        gate = value.gate
        name = known.get(value, f"v{i}")
        while name in labels and value not in known:
            name += "_"
        if gate is None or not value.inputs:
            # A number as an exponent would be no leaf, and one in two places two leaves.
            named = value.label or uses[value] > 1 or value in exponents
            if named and value not in known:
                lines.append(f"{name} = {_number(value.data)}")
            texts[value] = name if named else _number(value.data)
            continue
        inputs = [texts[x] for x in value.inputs]
        constants = [_number(c) for c in value.constants]
        if gate.symbol:
            for k, x in enumerate(value.inputs):
                inner = inlined.get(x, "")
                binds = gate.symbol in ("+", "-") and inner in ("*", "/")  # more strongly
                if inputs[k].startswith("-") or (inner and not binds):
                    inputs[k] = f"({inputs[k]})"
            texts[value] = f" {gate.symbol} ".join(inputs + constants)
        else:
            texts[value] = f"{gate.name}({', '.join(inputs + constants)})"
        if value.label or uses[value] > 1 or value is root:
            lines.append(f"{name} = {texts[value]}")
            texts[value] = name
        else:
            inlined[value] = gate.symbol
    return "; ".join(lines) or texts[root]


def _number(x: float) -> str:
    """x as `viz.parse` reads it: 2, 0.3333333333333333, 1e999 where it is infinite."""
    if math.isinf(x):
        return "1e999" if x > 0 else "-1e999"
    short = f"{x:g}"
    return short if float(short) == x or x != x else repr(x)


def _is_name(label: str) -> bool:
    """Whether `viz.parse` reads the label as a name, and as this one."""
    plain = label.isidentifier() and not iskeyword(label) and normalize("NFKC", label) == label
    return plain and label not in ("pi", "where") and table.named(label) is None


def _apply(gate: Gate, inputs: Sequence[Value]) -> Value:
    missing = len(gate.parameters) - len(gate.defaults)
    return apply(gate, *inputs, *[2.0] * missing)


def _is_fit(value: Value) -> bool:
    numbers = [x.data for x in dict.fromkeys(value.inputs)]
    apart = len(set(numbers)) == len(numbers) and 0.0 not in numbers
    return apart and (value.data == 0.0 or LEAST <= abs(value.data) <= MOST)
