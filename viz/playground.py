"""The playground: one HTML file to type expressions into, for browsers alone.

Path("play.html").write_text(playground())      # or: python -m viz --play play.html

It holds every gate that is in the table when it is written, and asks for nothing from outside.
"""

from __future__ import annotations

import random

from autograd_core import gates, javascript

from .stepper import MODULES, forms, js, mistakes_for, script, style
from .steps import SENTENCES
from .suggestions import SIGNS, callables, spellings
from .words import ORDINALS, jsonable

__all__ = ["playground"]

_KEY = "play-page"
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def playground() -> str:
    """The whole page: an expression box, sliders, the stepper, a check by differences, descent.

    A name without a value in the text has a slider; `where(a > b, x, y)` is in the graph with both
    arms, so that it is right for all numbers.
    """
    code = ",".join(f"{js(name)}:{javascript(gate)}" for name, gate in gates.items())
    known = callables()
    names = {
        name: gate.name
        for gate in gates.values()
        if gate.name in known
        for name in (*gate.aliases, gate.name)
    }
    grammar = {
        "forms": {
            name: {**forms(gate), "symbol": gate.symbol, "defaults": gate.defaults}
            for name, gate in gates.items()
        },
        "callables": {**names, "where": "where"},
        "spellings": spellings(),
        "signs": SIGNS,
        "sentences": {**SENTENCES, "ordinals": ORDINALS},
        "mistakes": mistakes_for("quiz"),
    }
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        "<title>Backpropagation playground</title>"
        "<style>body{margin:0;padding:16px;background:#ffffff}"
        "@media (prefers-color-scheme: dark){body{background:#0d1117}}"
        f"{style(_KEY, 'page')}{style(_KEY, 'play')}</style></head><body>\n"
        f'<main id="{_KEY}"><noscript>The playground needs JavaScript.</noscript></main>\n'
        f"<script>(() => {{\nconst rules = {{{code}}};\n"
        f"{script((*MODULES, 'expression', 'play'))}\n"
        f"const box = document.getElementById({js(_KEY)});\n"
        f"box.play = new Playground(box, {js(_KEY)}, rules, {js(jsonable(grammar))}, "
        f"{js(_examples())});\n}})();</script>\n</body></html>\n"
    )


def _examples() -> list[dict[str, object]]:
    """What the buttons below the box show, in the order of the lessons."""
    neuron = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    learner, first = _neuron(1)
    network, weights = _network(1)
    rows: list[tuple[str, str, dict[str, float], float]] = [
        ("a sum and a product", "q = x*y; f = q + max(x, 0)", {"x": 2.0, "y": -3.0}, 0.1),
        ("three gates", "(x + y)*z", {"x": -2.0, "y": 5.0, "z": -4.0}, 0.1),
        ("a fork", "(x*y + x)*z", {"x": -2.0, "y": 5.0, "z": 3.0}, 0.01),
        ("a neuron", "sigmoid(w0*x0 + w1*x1 + w2)", neuron, 1.0),
        ("a branch", "where(x > y, x**2, 3*y)", {"x": 2.0, "y": 1.0}, 0.1),
        ("a valley", "(1 - x)**2 + 5*(y - x**2)**2", {"x": -1.0, "y": 1.5}, 0.01),
        ("a neuron learns", learner, first, 1.0),
        ("a network learns", network, weights, 0.2),
    ]
    return [
        {"title": title, "text": text, "numbers": numbers, "rate": rate}
        for title, text, numbers, rate in rows
    ]


_POINTS = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def _neuron(seed: int) -> tuple[str, dict[str, float]]:
    """A neuron that learns `or` from four points: its loss as text, and its first weights."""
    lines = [
        f"p{k} = tanh(w1*{_number(a)} + w2*{_number(b)} + b)" for k, (a, b) in enumerate(_POINTS)
    ]
    targets = [max(a, b) for a, b in _POINTS]
    return _with_loss(lines, targets), _weights(["w1", "w2", "b"], seed)


def _network(seed: int) -> tuple[str, dict[str, float]]:
    """A 2-4-1 network that learns `xor` from four points."""
    lines, names = [], []
    for k, (a, b) in enumerate(_POINTS):
        hidden = [f"h{k}{j}" for j in range(4)]
        for j, name in enumerate(hidden):
            lines.append(f"{name} = tanh(u{j}*{_number(a)} + v{j}*{_number(b)} + b{j})")
        lines.append(f"p{k} = {' + '.join(f'w{j}*{h}' for j, h in enumerate(hidden))} + c")
    for j in range(4):
        names += [f"u{j}", f"v{j}", f"b{j}", f"w{j}"]
    return _with_loss(lines, [-a * b for a, b in _POINTS]), _weights([*names, "c"], seed)


def _with_loss(lines: list[str], targets: list[int]) -> str:
    squares = " + ".join(f"(p{k} - {_number(y)})**2" for k, y in enumerate(targets))
    return "\n".join([*lines, f"loss = ({squares})/{len(targets)}"])


def _weights(names: list[str], seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    return {name: round(rng.uniform(-1.0, 1.0), 2) for name in names}


def _number(x: int) -> str:
    return f"({x})" if x < 0 else f"{x}"
