"""python -m viz "sigmoid(w*x + b)" w=2 x=-1 b=0.5 -o neuron.svg"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from autograd_core import Value

from . import DRAWN, parse, sabotage, save, step, to_json, to_text
from .files import write
from .gate_sheet import gate_sheet
from .planted import KINDS
from .playground import playground
from .stepper import Stepper
from .terminal import run, say, version
from .worksheet import worksheet

FILES = ("svg", "png", "pdf", "tex", "dot", "json", "mmd", "html")


def main(arguments: list[str] | None = None) -> int:
    """Evaluate an expression, run it backward, print every number and draw it. 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m viz",
        description="Evaluate an expression gate by gate, backpropagate, and draw it.",
        epilog='examples: python -m viz "(x + y) * z" x=-2 y=5 z=-4 -o circuit.svg;    '
        'python -m viz "q = x + y; f = q*z" x=-2 y=5 z=-4 --walk;    '
        'python -m viz "where(x > 0, x, exp(x) - 1)" x=-1 -o - > elu.svg',
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument(
        "arguments", nargs="*", metavar="expression name=value",
        help='such as "sigmoid(w*x + b)", or statements that name what is between, "q = w*x; '
        'f = q + b"; and a number for each name: w=2 x=-1 b=0.5',
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE",
        help=f"draw it: {' '.join(f'.{form}' for form in FILES)}; or - for stdout, as --format says"
        " (svg)",
    )  # fmt: skip
    parser.add_argument("--style", choices=["circuit", "record"], default="circuit")
    parser.add_argument(
        "--format", choices=["text", *FILES], help="of what is printed (text)", default=None
    )
    parser.add_argument("--step", metavar="FILE", help="write a page that steps through it: .html")
    parser.add_argument(
        "--play", metavar="FILE", help="write the playground, a page that reads expressions: .html"
    )
    parser.add_argument(
        "--quiz", action="store_true", help="the page of --step asks before it shows"
    )
    parser.add_argument(
        "--sabotage", nargs="?", const="", metavar="KIND",
        help=f"plant a mistake in the page of --step, to be found: {', '.join(KINDS)}; drawn if it "
        "is left out",
    )  # fmt: skip
    parser.add_argument(
        "--worksheet", metavar="COUNT",
        help="write a page to print, -o FILE.html: so many circuits to be worked out by hand, one "
        "to five gates each, and their key; it takes no expression",
    )  # fmt: skip
    parser.add_argument(
        "--gates", metavar="NAMES",
        help='of --worksheet: names or symbols of gates with spaces between ("+ * max")',
    )  # fmt: skip
    parser.add_argument(
        "--forks", metavar="K",
        help="of --worksheet: how many values of each circuit are used more than once, or one "
        "more (0: none); a circuit of one gate is then x * x or x + x",
    )  # fmt: skip
    parser.add_argument(
        "--gate-sheet", action="store_true",
        help="write one page to print with all gates, -o FILE.html: formulas, slopes, and what "
        "each does to a gradient",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="of --sabotage or --worksheet (0)")
    parser.add_argument("--walk", action="store_true", help="print the walk, one line per step")
    parser.add_argument("--no-grad", action="store_true", help="the forward pass only")
    parser.add_argument("--version", action="version", version=version())
    arguments = sys.argv[1:] if arguments is None else arguments
    given = parser.parse_intermixed_args(_protected(arguments))
    is_sheet = given.worksheet is not None or given.gate_sheet
    if given.output == "-" and not is_sheet:
        given.format, given.output = given.format or "svg", None
    given.format = given.format or ("html" if is_sheet else "text")
    try:
        if is_sheet:
            return _sheet(given)
        for name in ("gates", "forks"):
            if (text := getattr(given, name)) is not None:
                raise ValueError(
                    f'--{name} is for --worksheet: --worksheet 20 --{name} "{text}" -o sheet.html'
                )
        if given.play:
            return _play(given)
        quiz = given.quiz or given.sabotage is not None
        pages = given.step or given.format == "html" or (given.output or "").endswith(".html")
        if given.step and not given.step.endswith(".html"):
            raise ValueError(f"--step writes a page, name.html, not {given.step!r}")
        if given.quiz and given.sabotage is not None:
            raise ValueError("--quiz asks of a right walk, --sabotage shows a wrong one: give one")
        if given.seed is not None and given.sabotage is None:
            raise ValueError(
                "--seed draws the mistake of --sabotage: add --sabotage --step FILE; or the "
                "circuits of --worksheet"
            )
        if quiz and not given.step:
            raise ValueError("the page asks the questions: add --step FILE")
        if given.no_grad and (given.walk or pages):
            raise ValueError("a walk goes forward and backward: leave out --no-grad")
        if given.walk and given.format not in ("text", "json"):
            raise ValueError("a walk is printed as text or as json; --step writes it as a page")
        root = parse(*_arguments(given.arguments))
        if not given.no_grad:
            root.backward()
        say(_printed(root, given))
        if given.step:
            say(f"wrote {_page(root, given).save(given.step)}", sys.stderr)
        if given.output:
            say(f"wrote {_save(root, given.output, given)}", sys.stderr)
    except (ValueError, RuntimeError, OSError) as error:
        say(f"python -m viz: {error}", sys.stderr)
        return 2
    return 0


def _play(given: argparse.Namespace) -> int:
    """Write the playground, which reads its expressions itself."""
    if not given.play.endswith(".html"):
        raise ValueError(f"--play writes a page, name.html, not {given.play!r}")
    if given.arguments:
        raise ValueError("the playground reads expressions itself: leave out all but --play FILE")
    say(f"wrote {write(given.play, playground().encode())}", sys.stderr)
    return 0


def _sheet(given: argparse.Namespace) -> int:
    """Write a page that is to be printed: a worksheet, or all gates."""
    if given.worksheet is not None and given.gate_sheet:
        raise ValueError("--worksheet and --gate-sheet are two pages: give one")
    name = "gate-sheet" if given.gate_sheet else "worksheet"
    call = "--gate-sheet -o gates.html" if given.gate_sheet else "--worksheet 20 -o sheet.html"
    if given.arguments:
        raise ValueError(
            f"--{name} takes no expression: leave out {given.arguments[0].strip()!r}, as in {call}"
        )
    if not given.output:
        raise ValueError(f"--{name} writes a page: add -o FILE.html, as in {call}")
    if given.output != "-" and not given.output.lower().endswith(".html"):
        raise ValueError(f"--{name} writes a page, -o name.html, not {given.output!r}: {call}")
    others = ["step", "play", "quiz", "sabotage", "walk", "no_grad"]
    others += ["gates", "forks", "seed"] if given.gate_sheet else []
    if given.format != "html":
        raise ValueError(f"--{name} writes html: leave out --format, as in {call}")
    for other in [*others, "style"]:
        if getattr(given, other) not in (None, False, "circuit"):
            raise ValueError(
                f"--{other.replace('_', '-')} does not go with --{name}: leave it out, as in {call}"
            )
    if given.gate_sheet:
        page = gate_sheet()
    else:
        count, forks = (
            _whole(option, text, call)
            for option, text in (("worksheet", given.worksheet), ("forks", given.forks or "0"))
        )
        names = "+ * max" if given.gates is None else given.gates
        page = worksheet(count, names.split(), forks, given.seed or 0)
    if given.output == "-":
        say(page.encode())
    else:
        say(f"wrote {write(given.output, page.encode())}", sys.stderr)
    return 0


def _whole(option: str, text: str, call: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"--{option} takes a whole number, not {text!r}: {call}") from None


def _page(root: Value, given: argparse.Namespace) -> Stepper:
    """What --step writes."""
    if given.sabotage is None:
        return step(root, quiz=given.quiz)
    return sabotage(root, given.sabotage, given.seed or 0)


def _printed(root: Value, given: argparse.Namespace) -> str | bytes:
    """What goes to stdout: the table or the walk, as text or as JSON, or a whole file."""
    if given.walk:
        stepper = step(root)
        return stepper.to_json() if given.format == "json" else stepper.to_text()
    if given.format in ("text", "json"):
        show = to_json if given.format == "json" else to_text
        return show(root, backward=not given.no_grad)
    with tempfile.TemporaryDirectory() as folder:
        return _save(root, f"{folder}/graph.{given.format}", given).read_bytes()


def _save(root: Value, path: str, given: argparse.Namespace) -> Path:
    options = {"style": given.style} if Path(path).suffix.lower() in DRAWN else {}
    return save(root, path, backward=not given.no_grad, **options)


_OPTION = re.compile(rf"--?|--[a-z][a-z-]*(=.*)?|-h|-o(-|.*\.(?i:{'|'.join(FILES)}))?", re.DOTALL)


def _protected(arguments: list[str]) -> list[str]:
    """The arguments, with a space before each expression that begins with a minus, as `-x*y`.

    argparse takes what begins with a minus for an option.
    """
    protected: list[str] = []
    for text in arguments:
        is_value = bool(protected) and protected[-1] in ("-o", "--output", "--step", "--play")
        is_expression = text.startswith("-") and not _OPTION.fullmatch(text)
        protected.append(f" {text}" if is_expression and not is_value else text)
    return protected


_ASSIGNMENT = re.compile(r"\s*[^\s()=;]*\s*=(?!=)")


def _arguments(texts: list[str]) -> tuple[str, dict[str, float]]:
    """The expression and the values; `f = x*y` is an expression if there is no other one."""
    texts = [text.strip() for text in texts]
    values = [text for text in texts if _ASSIGNMENT.match(text) and not re.search("[;\n]", text)]
    expressions = [text for text in texts if text not in values]
    if not expressions:
        expressions = [text for text in values if not _is_number(text.partition("=")[2])]
        values = [text for text in values if text not in expressions]
    if len(expressions) != 1:
        raise ValueError(
            "give one expression, and write name=value for each of its names; got "
            f"{len(expressions)} expressions: {', '.join(map(repr, expressions)) or 'none'}"
        )
    given: dict[str, float] = {}
    for name, value in map(_assignment, values):
        if name in given:
            raise ValueError(f"{name} is given two values")
        given[name] = value
    return expressions[0], given


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _assignment(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    if not name.strip().isidentifier():
        raise ValueError(f"{text!r} assigns no value: write name=value, as in x0=-1")
    if not _is_number(value):
        raise ValueError(f"{text!r}: {value!r} is not a number; write it as in x0=-1.5")
    return name.strip(), float(value)


def program() -> int | str | None:
    """The command `autograd-viz`."""
    return run(main)


if __name__ == "__main__":
    sys.exit(program())
