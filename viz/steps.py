"""The walk through a graph, step by step: first every gate forward, then every wire backward.

    for step in walk(f, picture_of(f)):
        print(step)

The page, the terminal and the tests read the same list, with the same sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

from autograd_core import Gate, Value, gradients, is_stale

from .formula import fill, parts_of, place, slope_of
from .picture import Picture
from .words import number, ordinal, shown, times

__all__ = ["SENTENCES", "Step", "Wire", "walk"]

# What each kind of step says. The page fills in the same sentences, with its own numbers, since it
# recomputes them when a leaf is changed.
SENTENCES = {
    "start": "Only the leaves have numbers. Step forward: each gate computes its output.",
    "forward": "{result} = {symbols} = {value}",
    "forward_long": "{result} = {symbols} = {numbers} = {value}",
    "seed": "Backward: the gradient of {result} with respect to itself is {after}.",
    "once": "{input}: upstream {upstream} × local {local} = {contribution}",
    "fork_first": (
        "{input} is used {times}: the first wire brings {upstream} × {local} = {contribution}"
    ),
    "fork_next": (
        "{input} is used {times}: the {ordinal} wire adds {upstream} × {local} to the {before} "
        "already there: {before} + {contribution} = {after}"
    ),
    # Of a walk with a mistake in it, in which a kind of its own would tell where to look.
    "planted": (
        "{input}: upstream {upstream} × local {local} = {contribution}; "
        "its gradient was {before} and is {after}"
    ),
    "group_forward": "{group} computes: {count} gates.",
    "group_backward": "{group} passes gradients back: {count} wires.",
    "sum_forward": "{result} adds up all its terms: {count} sums.",
    "sum_backward": "{result} passes its gradient on to each of its terms.",
    "slope": "local d{result}/d{input} = {formula}",
    # Of an input that is used more than once d{result}/d{input} is the sum over all wires.
    "slope_fork": "slope of {result} in its {place}, {input}: {formula}",
    "constant": "constant {number}",  # an input without a name, in a sentence
    "constant_slope": "({number})",  # the same, below a d
}


class Wire(NamedTuple):
    """One wire of a backward pass: the value whose gate is passed, which input receives, what."""

    value: Value
    operand: int
    upstream: float
    local: float
    contribution: float
    before: float
    after: float


@dataclass(frozen=True)
class Step:
    """One step of the walk.

    phase         "forward", "seed" or "backward"
    gate          the id of the value whose gate works ("n5"); of the output, for the seed
    text          what happens, in a sentence
    formula       the gate's formula or derivative with names and with numbers; "" for the seed
    value         forward: the output
    input         backward: the id of the input that receives, `operand` its place
    upstream      backward: the gradient that arrives at the gate
    local         backward: the slope of the gate in this input
    contribution  backward: upstream times local
    before, after backward: the input's gradient around the step; after is 1 for the seed
    fork          backward: whether the input is used more than once
    """

    phase: str
    gate: str
    text: str
    formula: str = ""
    value: float | None = None
    input: str | None = None
    operand: int | None = None
    upstream: float | None = None
    local: float | None = None
    contribution: float | None = None
    before: float | None = None
    after: float | None = None
    fork: bool | None = None

    def __str__(self) -> str:
        return shown(f"{self.text}\n    {self.formula}" if self.formula else self.text)

    def as_dict(self) -> dict[str, object]:
        """The fields that this phase has."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def walk(root: Value, picture: Picture, planted: Iterable[Wire] | None = None) -> list[Step]:
    """All steps from the leaves to `root` and back, in the order in which the engine works.

    `picture` is that of root, unfolded: it gives ids and names. `planted` are the wires of a pass
    with a mistake in it, which then are told instead. No `.grad` changes.
    """
    wires: list[Wire] = []

    def passed(value: Value, operand: int, upstream: float, before: float, after: float) -> None:
        local = value.partials[operand]
        wires.append(Wire(value, operand, upstream, local, upstream * local, before, after))

    total = gradients(root, watch=passed)
    nodes = dict(zip(total, picture.nodes, strict=True))
    names = dict(zip(total, picture.names().values(), strict=True))
    constants = picture.constants()
    steps = []
    for value in total:
        if value.gate is not None and value.inputs:
            text = _forward(value.gate, value, names)
            steps.append(Step("forward", nodes[value].id, text, value=value.data))
    seed = SENTENCES["seed"].format(result=names[root], after=number(1.0))
    steps.append(Step("seed", nodes[root].id, seed, after=1.0))
    arrived = dict.fromkeys(total, 0)  # how many wires have reached a value so far
    for wire in wires if planted is None else planted:
        value, operand = wire.value, wire.operand
        source = value.inputs[operand]
        count = nodes[source].uses
        arrived[source] += 1
        kind = "once" if count < 2 else "fork_first" if arrived[source] == 1 else "fork_next"
        name = below = names[source]
        if nodes[source].id in constants:
            name = SENTENCES["constant"].format(number=names[source])
            below = SENTENCES["constant_slope"].format(number=names[source])
        text = SENTENCES[kind if planted is None else "planted"].format(
            input=name, times=times(count), ordinal=ordinal(arrived[source]),
            upstream=number(wire.upstream), local=number(wire.local),
            contribution=number(wire.contribution), before=number(wire.before),
            after=number(wire.after),
        )  # fmt: skip
        formula = SENTENCES["slope" if count < 2 else "slope_fork"].format(
            result=names[value], input=below if count < 2 else name, place=place(value, operand),
            formula=slope_of(value, operand, names),
        )  # fmt: skip
        steps.append(
            Step(
                "backward", nodes[value].id, text, formula if planted is None else "",
                input=nodes[source].id, operand=operand, upstream=wire.upstream, local=wire.local,
                contribution=wire.contribution, before=wire.before, after=wire.after,
                fork=count > 1,
            )
        )  # fmt: skip
    return steps


def _forward(gate: Gate, value: Value, names: Mapping[Value, str]) -> str:
    """`v2 = x × y = (-2) × 5 = -10`, the middle only if it says more than the symbols."""
    form = gate.plain(gate.latex)
    inputs, numbers = [names[x] for x in value.inputs], [number(x.data) for x in value.inputs]
    symbols = fill(form, parts_of(gate, inputs, names[value], value.constants))
    filled = fill(form, parts_of(gate, numbers, names[value], value.constants))
    kind = "forward" if symbols == filled or is_stale(value) else "forward_long"
    return SENTENCES[kind].format(
        result=names[value], symbols=symbols, numbers=filled, value=number(value.data)
    )
