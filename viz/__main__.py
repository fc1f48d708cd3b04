"""python -m viz "sigmoid(w*x + b)" w=2 x=-1 b=0.5 -o neuron.svg"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from autograd_core import Value

from . import DRAWN, parse, save, step, to_json, to_text


def main(arguments: list[str] | None = None) -> int:
    """Evaluate an expression, run it backward, print every number and draw it. 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m viz",
        description="Evaluate an expression gate by gate, backpropagate, and draw it.",
        epilog='example: python -m viz "(x + y) * z" x=-2 y=5 z=-4 -o circuit.svg    '
        "(an expression that begins with a minus goes last, after --)",
    )
    parser.add_argument(
        "arguments", nargs="+", metavar="expression name=value",
        help='such as "sigmoid(w*x + b)", and a number for each name: w=2 x=-1 b=0.5',
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="draw it: .svg .png .pdf .dot .json .mmd .html"
    )
    parser.add_argument("--style", choices=["circuit", "record"], default="circuit")
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="of what is printed"
    )
    parser.add_argument("--step", metavar="FILE", help="write a page that steps through it: .html")
    parser.add_argument("--walk", action="store_true", help="print the walk, one line per step")
    parser.add_argument("--no-grad", action="store_true", help="the forward pass only")
    given = parser.parse_intermixed_args(arguments)
    pages = [name for name in (given.step, given.output) if name and name.endswith(".html")]
    try:
        if given.step and not given.step.endswith(".html"):
            raise ValueError(f"--step writes a page, name.html, not {given.step!r}")
        if given.no_grad and (given.walk or pages):
            raise ValueError("a walk goes forward and backward: leave out --no-grad")
        root = parse(*_arguments(given.arguments))
        if not given.no_grad:
            root.backward()
        print(_text(root, given))
        if given.step:
            print(f"wrote {step(root).save(given.step)}", file=sys.stderr)
        if given.output:
            drawn = Path(given.output).suffix.lower() in DRAWN
            options = {"style": given.style} if drawn else {}
            path = save(root, given.output, backward=not given.no_grad, **options)
            print(f"wrote {path}", file=sys.stderr)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"python -m viz: {error}", file=sys.stderr)
        return 2
    return 0


def _text(root: Value, given: argparse.Namespace) -> str:
    """What goes to stdout: the table or the walk, as text or as JSON."""
    if given.walk:
        stepper = step(root)
        return stepper.to_json() if given.format == "json" else stepper.to_text()
    show = to_json if given.format == "json" else to_text
    return show(root, backward=not given.no_grad)


_ASSIGNMENT = re.compile(r"\s*[^\s()=]*\s*=(?!=)")


def _arguments(texts: list[str]) -> tuple[str, dict[str, float]]:
    """The expression, which is the one argument that assigns nothing, and the values."""
    expressions = [text for text in texts if not _ASSIGNMENT.match(text)]
    if len(expressions) != 1:
        raise ValueError(
            "give one expression, and write name=value for each of its names; got "
            f"{len(expressions)} expressions: {', '.join(map(repr, expressions)) or 'none'}"
        )
    values: dict[str, float] = {}
    for name, value in (_assignment(text) for text in texts if _ASSIGNMENT.match(text)):
        if name in values:
            raise ValueError(f"{name} is given two values")
        values[name] = value
    return expressions[0], values


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise ValueError(f"{text!r} assigns no value: write name=value, as in x0=-1")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ValueError(f"{text!r}: {value!r} is not a number; write it as in x0=-1.5") from None


if __name__ == "__main__":
    sys.exit(main())
