"""Writes docs/reliability.md: what was tried against the promises, how often, and what held.

    python tests/reliability.py                             # as the quick tests do, 5 minutes
    python tests/reliability.py --hypothesis-profile=long   # for hours
    python tests/reliability.py --hypothesis-profile=long -k laws   # a part of that

Arguments are pytest's. The counts are kept beside the page, in docs/reliability.json: those of a
test are of its last run, for the long ones need not run in one sitting.
"""

import json
import platform
import re
import runpy
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
RECORD = TESTS.parent / "docs" / "reliability.json"
PAGE = RECORD.with_suffix(".md")
POINTS = 2000  # of each kind, for each gate
FILES = {
    "test_fuzz.py": "Hostile input",
    "test_faults.py": "Faults",
    "properties": "Random graphs",
}

HEAD = """\
# What you can rely on, and how it was tried

This page is written by `python tests/reliability.py`, from what it ran on {python},
{system}.
Each row is a test, and its name says what held in its last run. A case is one input, one
interrupted bytecode or one fault.
"""
ACCURACY = """\
## Accuracy of the gates

The largest errors that were seen, in ulp, against 60 digits of mpmath. An ulp is the distance of
two neighbouring floats where the exact number lies; 0 says that every answer was the float nearest
to the exact one. The points are moderate numbers, tails up to overflow, subnormal numbers, and the
neighbours of seams between two formulas. The tests hold all of them within 2.5 ulp, on glibc;
another C library may be worse by what its own functions are worse.
"""
LIMITS = """\
`where`, `less`, `less_equal` and `floor` are exact; only rules use them.

## What a trace cannot see

`compile_graph` and `fit` run your function once on unknown numbers. What it asks of a Value they
see: they record it, or refuse it and name the line. What it asks of anything else they cannot see,
and build in what they found:

- `is`, `isinstance`, `match`, `type(x)`, `x in a_set`, `a_dict.get(x)`, text with x in it: they
  look at the object, not at its number;
- random numbers, a generator or counter of your own, the clock, a file;
- what is changed in place in a list, a dict or an array, or put in place of another in a global, a
  closure, a class or an object that is no Module: after that call `changed()`, and every program is
  compared with its function again. An attribute of a Module that is set anew is seen, and so are
  its mode and what is written into a `.data`.

So the first time that a program runs, two of the examples run through Values as well (`verify=2`),
and a difference raises TraceError; `fit` gives your model and loss each of them as it is in the
data then, a label as an int, a row as an array. What differs on other examples only is not found:
raise `verify`, or pass `eager=True`.

## What holds where

| | CPython 3.11 and 3.12 | CPython 3.13 | Pyodide (CPython 3.14 in the browser) |
|---|---|---|---|
| the tests of all packages | yes; against PyTorch on 3.11 | yes | a sample |
| a million gates, built and differentiated on 256 KiB of stack | yes | yes | yes, on its own |
| and freed there | yes | yes; plain: after `release`, or from 1 MiB on | after `release(root)` |

Plain is the engine without its part in C. From 3.13 on CPython nests the deallocators of its
dropped graphs: without `release` some 2,000 gates are freed on 256 KiB and in a browser. More
end the interpreter, and no `except` sees it. The main thread of a program usually has 8 MiB, and
needs nothing. CPython 3.14 was tried in Pyodide alone, 3.11 to 3.13 as 3.11.7, 3.12.1 and 3.13.0.

Ctrl-C falls between two bytecodes. The tests let it fall on them one after the other, under a
trace: on each one of `backward` and `save`, on a sample of the many thousands of a training. Where
memory ends, all gradients have changed, or none; that was tried on 3.11, and from 3.12 on CPython
itself crashed under the hook that makes allocations fail. A file is written beside its place and
moved there in one step: an interrupt may leave a hidden file beside it, never half a one in its
place.
"""


class Counter:
    """A pytest plugin that keeps the outcome and the number of cases of each test function."""

    def __init__(self):
        self.names, self.ran = {}, {}  # of all tests; what became of those that ran

    @pytest.hookimpl(tryfirst=True)  # before -k leaves some out
    def pytest_collection_modifyitems(self, items):
        self.names = dict.fromkeys(self.name(item.nodeid) for item in items)

    @staticmethod
    def name(nodeid):
        path, _, name = nodeid.partition("::")
        name = name.partition("[")[0]
        name = {
            "TestCompiledCalls::runTest": "compiled calls after writes and in any shape",
            "TestModels::runTest": "compiled models after steps, loads and changes of mode",
        }.get(name, name)
        return next(file for file in FILES if file in path.split("/")), name

    def pytest_runtest_logreport(self, report):
        entry = self.ran.setdefault(self.name(report.nodeid), {"cases": 0, "held": True})
        entry["held"] &= report.passed
        if report.when == "teardown":  # only now Hypothesis says how many examples it has run
            stats = report.__dict__.get("_hypothesis_stats", "")
            drawn = sum(map(int, re.findall(r"(\d+) passing", stats)))
            counted = sum(n for key, n in report.user_properties if key == "cases")
            entry["cases"] += counted or drawn or 1

    def tests(self, known):
        """By file, the entry of each test: of this run, or else the one known from an earlier."""
        tests = {file: {} for file in FILES}
        for file, name in self.names:
            entry = self.ran.get((file, name)) or known.get(file, {}).get(name)
            if entry:
                tests[file][name] = entry
        return tests


def accuracy():
    """For each gate how many points, and for each quantity the largest error and where."""
    names = runpy.run_path(str(TESTS / "engine" / "test_accuracy.py"))
    table = {}
    for gate in names["EXACT"]:
        worst, count = {}, 0
        for quantity, error, point in names["errors"](gate, POINTS):
            count += quantity == "value"
            if error >= worst.get(quantity, (-1.0,))[0]:
                worst[quantity] = (error, [float(x) for x in point])
        table[gate] = {"points": count, "worst": worst}
    return table


def page(record):
    """The text of the page."""
    lines = [HEAD.format(**record)]
    for file, title in FILES.items():
        tests = record["tests"][file]
        total = sum(test["cases"] for test in tests.values())
        lines += [f"## {title}\n", f"{total:,} cases ([`{file}`](../tests/{file}))\n"]
        lines += ["| what held | cases |", "|---|--:|"]
        for name, test in tests.items():
            sentence = name.removeprefix("test_").replace("_", " ").replace("ctrl c", "Ctrl-C")
            failed = "" if test["held"] else "**did not hold:** "
            lines.append(f"| {failed}{sentence} | {test['cases']:,} |")
        lines.append("")
    lines += [ACCURACY, "| gate | points | value | slopes | the worst of them at |"]
    lines.append("|---|--:|--:|--:|---|")
    for gate, entry in record["accuracy"].items():
        (value, _), *slopes = entry["worst"].values()
        shown = ", ".join(f"{error:.2g}" for error, _ in slopes)
        error, point = max(entry["worst"].values())
        where = ", ".join(f"{x:.6g}" for x in point) if error else ""
        lines.append(f"| {gate} | {entry['points']:,} | {value:.2g} | {shown} | {where} |")
    return "\n".join([*lines, "", LIMITS])


def main(arguments):
    known = json.loads(RECORD.read_text(encoding="utf-8"))["tests"] if RECORD.exists() else {}
    counter = Counter()
    files = [str(TESTS / file) for file in FILES]
    code = pytest.main(["-q", "-p", "no:cacheprovider", *arguments, *files], plugins=[counter])
    record = {
        "python": f"CPython {platform.python_version()}",
        "system": f"{platform.system()} with {' '.join(platform.libc_ver()) or 'its C library'}",
        "tests": counter.tests(known),
        "accuracy": accuracy(),
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(record), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
