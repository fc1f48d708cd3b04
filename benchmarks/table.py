"""The tables of speed in the README and in docs/benchmarks.md, from what the benchmarks print.

    python benchmarks/table.py              # runs all benchmarks, for some minutes, and writes
    python benchmarks/table.py --text       # writes only, from the figures of docs/benchmarks.json

A table stands between two comments that name it, and only what is between them changes. The
figures are those of one machine: they are written by hand, from a quiet one, and no test asserts
them; a test holds that the tables say what the JSON says.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "benchmarks.json"
PAGES = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")
BENCHMARKS = ("gates", "moons", "training", "replay")

Figures = dict[str, Any]

PEERS = {
    "compiled": "autograd-core, with its part in C",
    "plain": "autograd-core, plain Python",
    "eager": "autograd-core, Values",
    "replayed_native": "autograd-core, a program in C",
    "replayed_numpy": "autograd-core, a program on NumPy",
    "micrograd": "micrograd",
    "pytorch": "PyTorch",
    "numpy": "NumPy, by hand",
    "c": "C, by hand",
}
COLUMNS = ("micrograd", "pytorch", "numpy", "c")  # of the short table, beside ours
# A line of the short table: what is done, the benchmark, our engine, the figure, its seconds.
SHORT = (
    ("a gate: build, differentiate, free", "gates", "compiled", "total", 1e-9),
    ("micrograd's demo, a step of 100 points", "moons", "replayed_native", "ms_a_step", 1e-3),
    ("a training program, a step of 10 points", "training", "replayed_native", "us_a_step", 1e-6),
    ("its 1,000 steps, from start to exit", "training", "replayed_native", "whole_s", 1.0),
    ("a value and 2,285 gradients, one point", "network", "replayed_native", "us_a_call", 1e-6),
)
# A column of a long table: the figure, its heading, its seconds; or how to print what is no time.
LONG: dict[str, tuple[tuple[str, str, float | str], ...]] = {
    "gates": (
        ("build", "build", 1e-9), ("backward", "backward", 1e-9), ("free", "free", 1e-9),
        ("total", "a gate", 1e-9), ("bytes", "bytes a gate", ".0f"),
        ("times_micrograd", "times micrograd's speed", ".3g"),
    ),
    "moons": (
        ("ms_a_step", "a step", 1e-3),
        ("loss_difference", "losses differ from NumPy's by", ".0e"),
    ),
    "training": (
        ("us_a_step", "a step", 1e-6), ("whole_s", "the whole program", 1.0),
        ("loss_difference", "losses differ from PyTorch's by", ".0e"),
    ),
    "network": (
        ("us_a_call", "a call", 1e-6), ("ready_s", "ready in", 1.0),
        ("difference", "gradients differ from NumPy's by", ".0e"),
    ),
    "irregular": (
        ("us_a_call", "a call", 1e-6), ("ready_s", "ready in", 1.0),
        ("difference", "gradients differ from those of Values by", ".0e"),
    ),
}  # fmt: skip


def measured(runs: int | None) -> Figures:
    """What all benchmarks print."""
    options = [] if runs is None else ["--runs", str(runs)]
    found = {}
    for name in BENCHMARKS:
        command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *options]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found[name] = json.loads(output)
    return found


def engines(figures: Figures, benchmark: str) -> dict[str, dict[str, float]]:
    """The figures by engine; network and irregular are the two graphs of `replay`."""
    graphs: dict[str, Any] = figures["replay"]["graphs"]
    found: dict[str, dict[str, float]] = (graphs | figures)[benchmark]["engines"]
    return found


def duration(seconds: float) -> str:
    """Two digits and a unit: 140 ns."""
    units = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
    fits = (pair for pair in units.items() if seconds >= 0.995 * pair[1])
    unit, size = next(fits, ("ns", 1e-9))
    return f"{float(f'{seconds / size:.2g}'):g}\N{NO-BREAK SPACE}{unit}"


def rows(table: list[list[str]]) -> str:
    """Markdown of a table whose first row is its head; numbers stand to the right."""
    head, *body = table
    line = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, line, *body])


def short(figures: Figures) -> str:
    """The README's table."""

    def cells() -> Iterator[list[str]]:
        yield ["", "autograd-core", *(PEERS[name] for name in COLUMNS)]
        for work, benchmark, ours, figure, size in SHORT:
            by = engines(figures, benchmark)
            found = [by.get(name, {}).get(figure) for name in (ours, *COLUMNS)]
            mine, *theirs = ("" if n is None else duration(n * size) for n in found)
            yield [work, f"**{mine}**", *theirs]

    return rows(list(cells()))


def long(figures: Figures, benchmark: str) -> str:
    """A benchmark's table: an engine in each row."""
    by = engines(figures, benchmark)
    columns = [column for column in LONG[benchmark] if any(column[0] in one for one in by.values())]

    def cell(number: float | None, form: float | str) -> str:
        if number is None:
            return ""
        if isinstance(form, str):
            return format(number, form) if number else "0"
        return duration(number * form)

    head = ["", *(heading for _, heading, _ in columns)]
    return rows(
        [head, *([PEERS[n], *(cell(by[n].get(f), form) for f, _, form in columns)] for n in by)]
    )


def machine(figures: Figures) -> str:
    """A sentence on what the figures were measured with."""
    one = figures["training"]
    versions = one["versions"]
    peers = {"micrograd": "micrograd", "numpy": "NumPy", "torch": "PyTorch"}
    named = [f"{name} {versions[key]}" for key, name in peers.items() if key in versions]
    python = versions["python"]
    return (
        f"Measured on {one['cores']} shared cores ({one['machine']}), CPython {python}, "
        f"{', '.join(named)}; float64, one thread, medians of fresh processes in turn."
    )


def written(text: str, figures: Figures) -> str:
    """A page with its tables made anew."""
    made = {"short": short(figures), "machine": machine(figures)}
    made |= {name: long(figures, name) for name in LONG}

    def table(match: re.Match[str]) -> str:
        return f"{match[1]}\n{made[match[2]]}\n{match[3]}"

    return re.sub(r"(<!-- speed: (\w+) -->)\n.*?(<!-- end -->)", table, text, flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--text", action="store_true", help="measure nothing")
    parser.add_argument("--runs", type=int, help="fresh processes a peer")
    given = parser.parse_args()
    if not given.text:
        FIGURES.write_text(json.dumps(measured(given.runs), indent=1) + "\n", encoding="utf-8")
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    for page in PAGES:
        page.write_text(written(page.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
