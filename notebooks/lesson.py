"""What the lessons share: `check` holds a number of the text to the engine, `answer` holds yours.

check("df/dx", x.grad, -4.0)            # df/dx = -4
answer(1, ..., lambda: -4.0)            # Exercise 1 waits: put your answer in place of the dots.
graded(4, grade, backward_pass)         # the same for a function: a Grade, drawn where it is wrong
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any

from autograd_core import Grade, mistakes
from viz import Diagram, draw

# The svg follows a dark theme. JupyterLab shows no svg of a notebook that was opened and not run
# there yet, so that stored notebooks have the png alone: see execute.py.
Diagram.formats = ("svg", "png")

__all__ = ["answer", "check", "graded"]


def check(what: str, got: Any, want: Any, within: float = 1e-12) -> None:
    """Print `what = got` and, if it is not `want`, that you changed something.

    Numbers, Values (their data), and lists or arrays of them, nested alike. `within` is the
    distance allowed, absolute, or relative where `want` is above 1: 0.005 for two digits in print.
    Where the environment variable CI is set nobody has changed anything: AssertionError.
    """
    if _same(got, want, within):
        print(f"{what} = {_shown(got)}")
    elif os.environ.get("CI"):
        raise AssertionError(f"{what} is {_shown(got)}, and the lesson says {_shown(want)}")
    else:
        print(f"{what} = {_shown(got)}; the lesson's run had {_shown(want)}: you changed something")


def answer(
    number: int, mine: Any, *want: Any, within: float | None = None,
    but: Mapping[Any, str] | None = None,
) -> None:  # fmt: skip
    """Say whether `mine` is right. `want` may be a function that computes it.

    Without `within` a whole number must be exact, others right to a thousandth. Texts may differ in
    case and spaces. `but` maps wrong answers to a word on each: what was probably done, without the
    right answer. The name of a mistake, where a walk has one planted, is answered with what it
    means.
    """
    if mine is ...:
        print(f"Exercise {number} waits: put your answer in place of the dots.")
        return
    if len(want) > 1:
        print(f"Exercise {number}: put several answers in brackets, as [1, 2].")
        return
    mine, right = _plain(mine), _plain(want[0]() if isinstance(want[0], Callable) else want[0])
    if _same(_loose(mine), _loose(right), within):
        print(f"Exercise {number}: right, {_shown(mine)}.")
        return
    told = "Not one of the usual mistakes: step it or try it in a cell, and open the hint."
    if isinstance(right, list) and (not isinstance(mine, list) or len(mine) != len(right)):
        told = f"The answer is a list of {len(right)}, in brackets."
    elif isinstance(right, str) and not isinstance(mine, str):
        told = "The answer is a text, in quotes."
    elif not isinstance(right, str) and isinstance(mine, str):
        told = "The answer is a number, without quotes."
    elif isinstance(mine, str) and (name := " ".join(mine.lower().split())) in mistakes:
        told = f"Is it that? {mistakes[name].sentence}"
    for wrong, word in (but or {}).items():
        if _same(_loose(mine), _loose(wrong), within):
            told = word
    print(f"Exercise {number}: {_shown(mine)} is not it yet. {told}")


def graded(number: int, judge: Callable[[Any], Grade], work: Callable[..., Any]) -> Diagram | None:
    """Say what the judge says of your function or class; where it is wrong, with a picture."""
    if _has_dots(work):
        print(f"Exercise {number} waits: write your code in place of the dots.")
        return None
    report = judge(work)
    print(f"Exercise {number}: {report}")
    return draw(report) if report.circuit is not None else None


def _has_dots(thing: Any) -> bool:
    """Whether the code of this function, or of a function in it, still has a `...` in it."""
    if isinstance(thing, type):
        return any(map(_has_dots, vars(thing).values()))
    if isinstance(thing, tuple):
        return any(map(_has_dots, thing))
    code = getattr(thing, "__code__", thing)
    return any(map(_has_dots, code.co_consts)) if isinstance(code, CodeType) else thing is ...


def _plain(thing: Any) -> Any:
    """Values as their numbers, arrays and tuples as lists."""
    if hasattr(thing, "tolist"):
        thing = thing.tolist()
    if hasattr(thing, "data") and hasattr(thing, "backward"):
        return thing.data
    if isinstance(thing, Iterable) and not isinstance(thing, str):
        return [_plain(item) for item in thing]
    return thing


def _loose(thing: Any) -> Any:
    """An answer with its texts without case and spaces, and with True as no number."""
    thing = _plain(thing)
    if isinstance(thing, list):
        return [_loose(item) for item in thing]
    if isinstance(thing, bool):
        return str(thing)
    return "".join(thing.lower().split()) if isinstance(thing, str) else thing


def _same(got: Any, want: Any, within: float | None) -> bool:
    got, want = _plain(got), _plain(want)
    if isinstance(got, list) and isinstance(want, list):
        return len(got) == len(want) and all(map(_same, got, want, [within] * len(got)))
    if isinstance(got, int | float) and isinstance(want, int | float):
        if within is None:
            within = 0.0 if isinstance(want, int) else 1e-3
        near = abs(got - want) <= within * max(1.0, abs(want))
        return near or got == want or (math.isnan(got) and math.isnan(want))
    return bool(got == want)


def _shown(thing: Any) -> str:
    thing = _plain(thing)
    if isinstance(thing, list):
        shown = [_shown(item) for item in thing[:8]] + ["..."] * (len(thing) > 8)
        return f"[{', '.join(shown)}]"
    return f"{thing:.6g}" if isinstance(thing, float) else str(thing)
