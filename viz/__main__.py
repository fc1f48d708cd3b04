"""python -m viz "sigmoid(w*x + b)" w=2 x=-1 b=0.5 -o neuron.svg"""

from __future__ import annotations

import argparse
import sys

from . import parse, save, to_json, to_text


def main(arguments: list[str] | None = None) -> int:
    """Evaluate an expression, run it backward, print every number and draw it. 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m viz",
        description="Evaluate an expression gate by gate, backpropagate, and draw it.",
        epilog='example: python -m viz "(x + y) * z" x=-2 y=5 z=-4 -o circuit.svg    '
        "(an expression that begins with a minus goes last, after --)",
    )
    parser.add_argument("expression", help='such as "sigmoid(w*x + b)"')
    parser.add_argument("values", nargs="*", metavar="name=value", help="a number for each name")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="draw it: .svg .png .pdf .dot .json .mmd"
    )
    parser.add_argument("--style", choices=["circuit", "record"], default="circuit")
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="of what is printed"
    )
    parser.add_argument("--no-grad", action="store_true", help="the forward pass only")
    given = parser.parse_intermixed_args(arguments)
    try:
        root = parse(given.expression, dict(map(_assignment, given.values)))
        if not given.no_grad:
            root.backward()
        show = to_json if given.format == "json" else to_text
        print(show(root, backward=not given.no_grad))
        if given.output:
            options = {} if given.output.endswith((".json", ".mmd")) else {"style": given.style}
            path = save(root, given.output, backward=not given.no_grad, **options)
            print(f"wrote {path}", file=sys.stderr)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"python -m viz: {error}", file=sys.stderr)
        return 2
    return 0


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise ValueError(f"{text!r} gives no value: write name=value, as in x0=-1")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ValueError(f"{text!r}: {value!r} is no number; write it as in x0=-1.5") from None


if __name__ == "__main__":
    sys.exit(main())
