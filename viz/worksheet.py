"""Worksheets for a class: circuits to be worked out by hand, and a key.

Path("sheet.html").write_text(worksheet(20, ["+", "*", "max"], forks=1, seed=7))
# or: python -m viz --worksheet 20 --gates "+ * max" --forks 1 --seed 7 -o sheet.html

A circuit has its numbers at the leaves, and a box for every other value and for every gradient.
The first ones have one gate, the last ones five. The same seed draws the same sheet.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from autograd_core import Circuit, Gate, Value, gates, gradients, random_circuit

from .dot import digraph
from .paper import figure, page
from .picture import Picture, picture_of
from .suggestions import SIGNS, gate_like
from .words import TIMES, number

__all__ = ["blanked", "worksheet"]

MOST = 200  # circuits
LARGEST = 5  # gates of one circuit
LONGEST = 4  # gates of one in which each gate has one input
WIDEST = 8.6  # boxes in a row, half a box for each name before one, a box for 10 letters in gates
FORKS = 3  # values of one circuit that are used more than once
WHOLE = [sign * size for size in (1.0, 2.0, 3.0, 4.0, 5.0) for sign in (1.0, -1.0)]
HALVES = [0.5, -0.5, 1.5, -1.5, 0.25, 2.5]  # where whole numbers do not do
LEAST, BOUND = 0.001, 100.0  # of values and gradients that are not 0: they are easy to write
TRIES, MANY_TRIES = 60, 6000  # for a circuit whose numbers are short, for any circuit
FAILURES = 4  # of a draw, after which there seems to be no such circuit


def worksheet(
    count: int = 20, gates: Sequence[str] = ("+", "*", "max"), forks: int = 0, seed: int = 0
) -> str:
    """A page with `count` circuits to be worked out, and their key on the pages behind.

    gates   their names or symbols in the gate table
    forks   how many values of each circuit are used more than once: so many or one more, and none
            for 0; in a circuit of one gate that is x * x or x + x
    seed    draws the circuits

    Numbers are whole, or at least short, wherever the gates allow it; else the page asks for three
    significant digits. ValueError, naming the argument and the right call, if there is no such
    sheet; NoGraphviz if nothing can lay out its pictures.
    """
    if not 1 <= count <= MOST:
        raise ValueError(
            f"--worksheet makes 1 to {MOST} circuits, not {count}: --worksheet 20 -o sheet.html"
        )
    if not 0 <= forks <= FORKS:
        raise ValueError(
            f"--forks must be from 0 to {FORKS}, since a circuit has {LARGEST} gates at most, not "
            f"{forks}: --worksheet 20 --forks 1 -o sheet.html"
        )
    drawn = _circuits(Random(seed), count, [*dict.fromkeys(map(_gate, gates))], forks)
    sheet, key = [], []
    for i, one in enumerate(drawn, 1):
        shown = html.escape(str(one.circuit).replace(" * ", f" {TIMES} "))
        given = [f"{n.name} = {number(n.data)}" for n in one.picture.nodes if not n.op]
        told = f"the circuit at {', '.join(given)}"
        blank = figure(digraph(blanked(one.picture), legend=False), told)
        sheet.append(f"<figure><b>{i}</b>{blank}<figcaption>{shown}</figcaption></figure>")
        values, found = _answers(one.picture)
        key.append(f"<tr><th>{i}</th><td>{values}</td><td>{found}</td></tr>")
    digits = "" if all(one.is_short for one in drawn) else " Round to three significant digits."
    body = (
        "<header><h1>Backpropagation by hand</h1>"
        '<p class="name">Name <span></span></p></header>\n'
        "<p>Write the value above each wire, the gradient below it; the gradient on f is 1."
        f"{digits}</p>\n"
        f'<section class="sheet">\n{chr(10).join(sheet)}\n</section>\n'
        '<section class="key">\n<h2>Key</h2>\n'
        "<p>Behind a sum, in parentheses, what comes back from each gate, by the name of its "
        "result.</p>\n<table>\n<thead><tr><th></th><th>Values</th><th>Gradients</th></tr></thead>"
        f"\n<tbody>\n{chr(10).join(key)}\n</tbody></table>\n</section>"
    )
    return page("Backpropagation by hand", body, _STYLE)


_STYLE = """\
@page{size:landscape;margin:12mm}
main{max-width:255mm}
header{display:flex;justify-content:space-between;align-items:baseline;gap:24px;flex-wrap:wrap}
h1,h2{font-size:15pt;margin:0}
.name{margin:0}.name span{display:inline-block;width:70mm;border-bottom:1px solid var(--ink)}
p{margin:6pt 0 10pt;font-size:11pt}
.sheet{display:flex;flex-wrap:wrap;align-items:flex-end;justify-content:space-between;gap:7mm 6mm}
figure{margin:0;break-inside:avoid;position:relative;padding-left:6mm;max-width:100%;
box-sizing:border-box}
figure b{position:absolute;left:0;top:0;font-size:11pt}
figcaption{font-size:10pt;margin-top:1mm;font-family:ui-monospace,Menlo,Consolas,monospace}
.key{break-before:page;margin-top:14mm}
.key p{font-size:9pt}
table{border-collapse:collapse;width:100%;font-size:9pt}
th,td{text-align:left;vertical-align:top;padding:1.2mm 4mm 1.2mm 0}
td span{white-space:nowrap}tr{break-inside:avoid}tbody tr{border-top:1px solid var(--group_line)}
@media print{.key{margin-top:0}}"""


def blanked(picture: Picture) -> Picture:
    """The picture with the numbers of its leaves alone, and boxes for all that is to be found."""
    return replace(
        picture, blank=True,
        nodes=tuple(
            replace(node, data=None if node.op else node.data, grad=None) for node in picture.nodes
        ),
        edges=tuple(replace(edge, local=None, grad=None) for edge in picture.edges),
    )  # fmt: skip


def _answers(picture: Picture) -> tuple[str, str]:
    """What goes into the boxes: the values, and the gradients with the parts of each sum."""
    names = picture.names()
    values, found = [], []
    for node in picture.nodes:
        if node.op:
            values.append(f"{names[node.id]} = {number(node.data)}")
        parts = [edge for edge in picture.edges if edge.source == node.id]
        text = f"{names[node.id]}: {number(node.grad)}"
        if len(parts) > 1:
            each = (f"{names[edge.target]} {number(edge.grad)}" for edge in parts)
            text += f" ({', '.join(each)})"
        found.append(text)
    return _cell(values), _cell(found)


def _cell(texts: list[str]) -> str:
    """Texts that break only between each other."""
    return ",&ensp; ".join(f"<span>{html.escape(text)}</span>" for text in texts)


def _gate(name: str) -> Gate:
    """The gate of this name or symbol. ValueError if none can be worked out by hand."""
    call = '--gates "+ * max"'
    sign = SIGNS.get(name, name)
    gate = gates.named(sign) or next((g for g in gates.values() if g.symbol == sign), None)
    if gate is None:
        meant = gate_like(name)
        hint = f"did you mean {meant}?" if meant else f"write names or symbols, as in {call}"
        raise ValueError(f"--gates: there is no gate {name!r}; {hint}")
    if len(gate.operands) > 2:
        raise ValueError(f"--gates: {name} has more than two inputs; leave it out, as in {call}")
    if set(gate.slopes) == {"0"}:
        raise ValueError(f"--gates: no gradient flows through {name}; leave it out, as in {call}")
    return gate


# ---------------------------------------------------------------- circuits to be worked out


class _Drawn(NamedTuple):
    """A circuit with its picture, numbers and all."""

    circuit: Circuit
    picture: Picture
    is_short: bool


def _circuits(rng: Random, count: int, chosen: list[Gate], forks: int) -> list[_Drawn]:
    """Circuits that grow, each gate being in turn the last one of a circuit."""
    if not chosen:
        raise ValueError('--gates names no gate: --gates "+ * max"')
    names = " ".join(gate.op for gate in chosen)
    two = any(len(gate.operands) == 2 for gate in chosen)
    if forks and not two:
        raise ValueError(
            f"--forks {forks}: after a fork a gate with two inputs has to join its wires, and "
            f'--gates {names!r} has none; --gates "+ {names}"'
        )
    least = 1 if forks < 2 else forks + 1
    if forks == 1 and not any(map(_may_have_twice, chosen)):
        least = 2
    most = LARGEST if two else LONGEST
    rows = _Rows(rng, forks)
    for i in range(count):
        turned = chosen[i % len(chosen) :] + chosen[: i % len(chosen)]
        size = least + i * (most + 1 - least) // count
        sizes = [*range(size, least - 1, -1), *range(size + 1, most + 1)]
        if not any(rows.add(turned, other) for other in sizes):
            raise ValueError(
                f"--gates {names!r} --forks {forks}: found no circuit whose numbers are of a handy "
                'size; --gates "+ * max" --forks 1'
            )
    return rows.drawn


class _Rows:
    """The circuits drawn so far. `forks` is how many values of each are used more than once."""

    def __init__(self, rng: Random, forks: int) -> None:
        self.rng = rng
        self.forks = forks
        self.drawn: list[_Drawn] = []
        # By last gate, size, and whether leaves are whole: how many tries are worth while.
        self.tries: dict[tuple[Gate, int, bool], int] = {}

    def add(self, chosen: list[Gate], size: int) -> bool:
        """Draw another circuit, one that ends in the first of these gates if possible."""
        for last in chosen:
            if size > 1 or not self.forks or _may_have_twice(last):
                gates = [last, *(gate for gate in chosen if gate is not last)]
                one = self._short(gates, size)
                if one is not None:
                    self.drawn.append(one)
                    return True
        return False

    def _short(self, gates: list[Gate], size: int) -> _Drawn | None:
        """A circuit with short numbers, unlike those before; or else any one that will do."""
        spare = None
        most = MANY_TRIES if any(len(gate.operands) == 2 for gate in gates) else 4 * TRIES
        before = {one.circuit for one in self.drawn}
        for whole in (True, False):
            key = gates[0], size, whole
            tries, failed = self.tries.get(key, TRIES), 0
            for k in range(most if tries else 0):
                if (spare and k >= tries) or failed == FAILURES:
                    break
                try:
                    one = self._any(gates, size, whole)
                except ValueError:
                    failed += 1
                    continue
                if one is not None and one.is_short and one.circuit not in before:
                    return one
                if spare is None or spare.circuit in before:
                    spare = one or spare
            self.tries[key] = 1 if spare else 0
        return spare

    def _any(self, gates: list[Gate], size: int, whole: bool) -> _Drawn | None:
        """The next circuit at random, if it is an exercise. ValueError if none was found."""
        two = any(len(gate.operands) == 2 for gate in gates)
        leaves = 1 if not two or (size == 1 and self.forks) else max(2, size + 1 - self.forks)
        numbers = WHOLE if whole else [*WHOLE, *HALVES]
        circuit = random_circuit(
            self.rng, gates, size, numbers=numbers, leaves=leaves, twice=size == 1
        )
        if not _is_exercise(circuit, size, self.forks, len(gates)):
            return None
        root = circuit.values()[-1]
        total = gradients(root)
        if not _is_handy(total):
            return None
        picture = picture_of(root, names={}, grads=total)
        shown = [x for node in picture.nodes for x in (node.data, node.grad)]
        shown += [edge.grad for edge in picture.edges]
        return _Drawn(circuit, picture, all(map(_is_short, shown)))


def _is_exercise(circuit: Circuit, size: int, forks: int, choice: int) -> bool:
    """Whether it is of this size, forks as often as it should, or once more, and is not dull.

    Without forks a circuit is a tree.

    And whether its picture is no wider than a page: a value that forks has two boxes in a row.
    """
    made = [step for step in circuit.steps if not isinstance(step, float)]
    if len(made) != size or len({*made}) < size:  # the same gate of the same inputs again
        return False
    for gate, inputs in made:
        if len({*inputs}) < len(inputs) and not (forks and _may_have_twice(gate)):
            return False
    if size > 1 and choice > 1 and len({gate for gate, _ in made}) == 1:
        return False
    uses = Counter(i for _, inputs in made for i in inputs)
    if not forks <= sum(n > 1 for n in uses.values()) <= forks + (forks > 0):
        return False
    width: list[float] = []  # of what lies to the left of a value, and of its own wire
    for i, step in enumerate(circuit.steps):
        before = 0.0
        if not isinstance(step, float):
            gate, inputs = step
            letters = len(gate.op) + 5 * len(gate.defaults)
            before = 0.5 + max(0.0, letters - 3) / 10 + max(width[x] for x in inputs)
        width.append(before + min(max(1, uses[i]), 2))
    return width[-1] <= WIDEST


def _may_have_twice(gate: Gate) -> bool:
    """Whether x * x is an exercise: x - x is always 0, and max(x, x) always a tie."""
    return gate.symmetric and not gate.corners


def _is_handy(total: Mapping[Value, float]) -> bool:
    """Whether its gradients are of a handy size, and most of its values get one."""
    reached = [grad for grad in total.values() if grad != 0.0]
    flows = [total[value] * local for value in total for local in value.partials]
    return 2 * len(reached) > len(total) and all(
        LEAST <= abs(x) <= BOUND for x in (*reached, *flows) if x != 0.0
    )


def _is_short(x: float | None) -> bool:
    return x is None or float(number(x)) == x
