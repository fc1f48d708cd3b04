"""Mutation testing: small faults are put into the packages, and a test must fail at each.

    python tests/mutants.py                         # every module, for hours
    python tests/mutants.py autograd_core/graph.py  # these modules
    python tests/mutants.py --since main            # the lines that are new since that commit
    python tests/mutants.py --sample 200 --seed 0   # some mutants of all modules

A fault is a comparison, an operator, a number, a condition or a statement that is another or gone.
All of it happens in a copy of the clone. One run of the tests notes which of them pass each line;
a mutant is tried on those only, what failed last first, until one fails or the time is up. A
mutant that no test notices must stand in mutants.toml, with the reason why it cannot matter; the
command fails if one does not, and if an entry there is out of date.

mutmut wraps each function of a module and leaves the rest, so it would miss the gate table;
cosmic-ray runs the same tests, in a new process, for every mutant.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "mutants.toml"
SWEPT = [
    "autograd_core/*.py", "autograd_core/program/*.py", "nn/[!_]*.py", "nn/optim/*.py",
]  # fmt: skip
LEFT_OUT = {
    "nn/diagnose.py",  # prose and pictures
}
LOOP = {  # what they do in C needs the extension, without which all else is tried
    "autograd_core/program/run_native.py", "autograd_core/program/compiled.py",
    "autograd_core/program/descent.py", "autograd_core/program/executors.py",
    "autograd_core/program/spell.py", "nn/training.py",
}  # fmt: skip
TESTS = ["tests/engine", "tests/program", "tests/nn", "tests/properties"]
PYTEST = ["-q", "--assert=plain", "--tb=native"]  # nobody reads why
PYTEST += ["-p", "no:cacheprovider", "-p", "no:faulthandler"]  # a fork may crash

OTHER = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}  # fmt: skip


class Mutant(NamedTuple):
    module: str
    function: str  # where it is, as Class.method; "" for the module itself
    was: str
    now: str
    source: str  # of the whole module, with the fault in it
    lines: range
    live: bool  # whether it lies in the body of a function, which can be exchanged while it lives

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self[:4]


# ---------------------------------------------------------------------------- what may be wrong


def faults(node: ast.AST):
    """What may stand in place of a node: expressions, or "pass" for a statement."""
    match node:
        case ast.Compare(left, ops, comparators):
            for i, op in enumerate(ops):
                yield ast.Compare(left, [*ops[:i], OTHER[type(op)](), *ops[i + 1 :]], comparators)
        case ast.BinOp(left, op, right) if type(op) in OTHER:
            yield ast.BinOp(left, OTHER[type(op)](), right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(OTHER[type(op)](), values)
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Expr(ast.Call() | ast.Yield()) | ast.AugAssign() | ast.Raise():
            yield "pass"
        case ast.Break() | ast.Continue():
            yield "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"


def conditions(node: ast.AST):
    """The expressions in a node that decide something: each may be true, or false, for good."""
    match node:
        case ast.If(test) | ast.IfExp(test):
            return [(test, True), (test, False)]
        case ast.While(test):
            return [(test, False)]
        case ast.comprehension(ifs=tests):
            return [(test, True) for test in tests]
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            return [(value, None)]
    return []


def mutants(module: str):
    """Every mutant of a module, in the order of its lines."""
    source = (ROOT / module).read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    text = source.encode()

    def replaced(node, new, function, live, statement):
        a = starts[node.lineno - 1] + node.col_offset
        b = starts[node.end_lineno - 1] + node.end_col_offset
        gap = "\n" * (node.end_lineno - node.lineno)  # the lines below keep their numbers
        new = new + gap if new == "pass" else f"({new}{gap})"
        mutated = (text[:a] + new.encode() + text[b:]).decode()
        first, last = node.lineno - 1, node.end_lineno
        was = " ".join("".join(lines[first:last]).split())
        now = " ".join("".join(mutated.splitlines(keepends=True)[first:last]).split())
        passed = range(node.lineno, node.end_lineno + 1)
        if isinstance(statement, ast.stmt) and not hasattr(statement, "body"):
            passed = range(statement.lineno, statement.end_lineno + 1)
        return Mutant(module, function, was, now, mutated, passed, live)

    found = []
    work = [(ast.parse(source), "", False, None)]
    while work:
        node, function, live, statement = work.pop()
        statement = node if isinstance(node, ast.stmt) else statement
        match node:
            case ast.If(ast.Name("TYPE_CHECKING")) | ast.JoinedStr() | ast.Assert():
                continue
            case ast.keyword("strict") | ast.Assign([ast.Name("TYPE_CHECKING" | "__slots__")]):
                continue
        for new in faults(node):
            new = new if isinstance(new, str) else ast.unparse(new)
            found.append(replaced(node, new, function, live, statement))
        for test, answer in conditions(node):
            if not isinstance(test, ast.Constant):
                found.append(replaced(test, str(answer), function, live, statement))
        inner = function
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inner = f"{function}.{node.name}".lstrip(".")
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns"):
                continue
            body = live or (field == "body" and isinstance(node, ast.FunctionDef | ast.Lambda))
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    work.append((child, inner, body, statement))
    found.sort(key=lambda mutant: (mutant.lines.start, mutant.key))
    seen = Counter()
    for i, mutant in enumerate(found):  # the same text in the same function gets a number
        seen[mutant.key] += 1
        if seen[mutant.key] > 1:
            found[i] = mutant._replace(now=f"{mutant.now} [{seen[mutant.key]}]")
    return found


def changed(since: str, clone: Path) -> dict[str, set[int]]:
    """Of each file in a clone, the lines that are not as they were in the commit `since`."""
    command = ["git", "diff", "--unified=0", "--no-ext-diff", "--dst-prefix=", since]
    diff = subprocess.run(command, cwd=clone, stdout=subprocess.PIPE, text=True)
    if diff.returncode:
        sys.exit("mutants.py --since takes a commit or a branch, as in --since main")
    lines: dict[str, set[int]] = defaultdict(set)
    for line in diff.stdout.splitlines():
        if line.startswith("+++ "):
            file = line.removeprefix("+++ ")
        elif place := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(place[1]), int(place[2] or 1)
            lines[file].update(range(first, first + count))
    return lines


# -------------------------------------------------------------------- which tests pass which line


def fingerprint() -> str:
    files = sorted(p for top in ("autograd_core", "nn") for p in (ROOT / top).rglob("*.py"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()


def usable(item) -> bool:
    """Not what needs a browser: every fork would start it anew."""
    return "browser" not in item.fixturenames


def forget() -> None:
    """Let no test find a rule that another has recorded."""
    from autograd_core.program import rule

    rule._recorded.cache_clear()


class Measure:
    """A plugin of pytest: the time of each test, and the lines that it passes."""

    def __init__(self, coverage):
        self.coverage, self.seconds = coverage, {}

    def pytest_collection_modifyitems(self, items):
        items[:] = filter(usable, items)

    def pytest_runtest_logstart(self, nodeid):
        forget()
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report):
        took = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = took if report.passed else float("inf")


def measure(to: str) -> None:
    import coverage
    import pytest

    tracer = coverage.Coverage(
        data_file=None, config_file=False, include=["autograd_core/*", "nn/*"]
    )
    tracer.start()
    plugin = Measure(tracer)
    if pytest.main([*PYTEST, *TESTS], plugins=[plugin]) not in (0, 1):
        sys.exit("the tests could not be run")
    tracer.stop()
    data = tracer.get_data()
    lines = {
        str(Path(path).relative_to(ROOT)): data.contexts_by_lineno(path)
        for path in data.measured_files()
    }
    Path(to).write_text(json.dumps([fingerprint(), plugin.seconds, lines]))


# ------------------------------------------------------------------------------ trying a mutant


def pairs(old: CodeType, new: CodeType):
    """The code of each function, old and new, as far as the two modules have the same functions."""
    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (old, new)]
    if [c.co_name for c in inner[0]] == [c.co_name for c in inner[1]]:
        for a, b in zip(*inner, strict=True):
            yield a, b
            yield from pairs(a, b)


class Trial:
    """A plugin of pytest: it does not run the tests once, but for each mutant, in a fork."""

    def __init__(self, options, tried):
        self.options, self.tried = options, tried
        self.survivors, self.count, self.killers = [], Counter(), Counter()
        self.writes, self.sound = 0, set()
        _, self.seconds, self.lines = json.loads(options.copy.read_text())

    def pytest_runtestloop(self, session):
        warnings.simplefilter("ignore")
        with contextlib.suppress(ImportError):
            import torch  # noqa: F401 - once, not in every fork: it takes seconds
        self.items = {item.nodeid: item for item in session.items if usable(item)}
        self.functions = defaultdict(list)
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType):
                self.functions[thing.__code__].append(thing)
        forget()
        gc.freeze()
        started = time.monotonic()
        for mutant in self.tried:
            if time.monotonic() - started > self.options.minutes * 60:
                break
            original = (ROOT / mutant.module).read_text(encoding="utf-8")
            self.write(mutant.module, mutant.source)
            how = self.outcome(mutant, original)
            self.write(mutant.module, original)
            self.count[how] += 1
            if how == "survived":
                self.survivors.append(mutant)
                print(as_entry(mutant), flush=True)
            elif self.options.verbose:
                print(how, *mutant.key, flush=True)
        return True

    def chosen(self, mutant):
        """The tests to try: what failed last, the module's own file, all else, quickest first."""
        known = self.lines.get(mutant.module, {})
        tests = set()
        for line in mutant.lines:
            tests.update(known.get(str(line), ()))
        at_start = tests == {""} or not mutant.live
        stem = Path(mutant.module).stem.strip("_")
        folder = {"autograd_core": "engine"}.get(*[Path(mutant.module).parent.name] * 2)
        own = f"tests/{folder}/test_{stem}.py" if folder != "optim" else "tests/nn/test_optim.py"
        if at_start:  # no test is known to pass it
            tests.update(*known.values())
        first = tests & self.items.keys()
        more = {t for t in self.items if t.startswith(own) or t not in self.seconds}
        tests = sorted(
            {t for t in first | more if self.seconds.get(t, 0.0) < 60.0},
            key=lambda t: (-self.killers[t], t not in first, own not in t, self.seconds.get(t, 0)),
        )
        budget, kept = self.options.seconds, []
        for test in tests:  # all of the module's own file, and of the others what there is time for
            is_own = test.startswith(own)
            budget -= 0.0 if is_own else self.seconds.get(test, 0.0)
            if is_own or budget >= 0.0 or not kept:
                kept.append(test)
        return kept, at_start

    def outcome(self, mutant, original):
        tests, at_start = self.chosen(mutant)
        path = str(ROOT / mutant.module)
        try:
            new = compile(mutant.source, path, "exec", dont_inherit=True)
        except SyntaxError:
            return "no program"
        answer = "none"
        if mutant.live:
            old = compile(original, path, "exec", dont_inherit=True)
            for _ in range(2):  # what is late on a busy machine has another try
                answer = self.fork(lambda: self.exchanged(old, new) and self.first_failure(tests))
                if answer:
                    break
        if answer == "anew" or (answer == "none" and at_start):
            answer = self.fork(lambda: self.anew(tests))  # with what the fault does at the import
        if answer == "at import" and mutant.module not in self.sound:
            self.write(mutant.module, original)
            if self.fork(lambda: self.anew(tests)) != "none":
                return "error"
            self.sound.add(mutant.module)
        if answer in self.items and answer not in self.killers:
            so_far = tests[: tests.index(answer) + 1]
            self.write(mutant.module, original)
            if self.fork(lambda: self.first_failure(so_far)) != "none":  # not by the fault
                print("fails without a fault, and is left out:", answer, flush=True)
                del self.items[answer]
                self.write(mutant.module, mutant.source)
                return self.outcome(mutant, original)
        self.killers[answer] += 1
        return {"none": "survived", "": "late or crashed", "error": answer}.get(answer, "killed")

    def write(self, module, source):
        """For tests that start a process. The time is a new one: old bytecode is not used."""
        (ROOT / module).write_text(source, encoding="utf-8")
        self.writes += 1
        os.utime(ROOT / module, (self.writes, self.writes))

    def exchanged(self, old, new):
        """Whether the functions that are there could be given the mutant's code."""
        for a, b in pairs(old, new):
            for function in self.functions.get(a, ()):
                if function.__code__.co_freevars != b.co_freevars:
                    return False
                function.__code__ = b
        return True

    def first_failure(self, tests):
        for test, after in zip(tests, [*tests[1:], None], strict=True):
            signal.alarm(10 + int(10.0 * self.seconds.get(test, 0.0)))
            item = self.items[test]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=self.items.get(after))
            if item.session.testsfailed:
                return test
        return "none"

    def anew(self, tests):
        """The same in a process that imports the mutant."""
        signal.alarm(60 + int(10.0 * self.options.seconds))
        command = [sys.executable, "-m", "pytest", *PYTEST, "-x", *tests]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return "none" if done.returncode == 0 else "at import"

    def fork(self, work):
        """What `work` answers in a process of its own; "" if that died, as of being late."""
        receive, send = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))  # a loop may fill memory
            for stream in (0, 1, 2):
                os.dup2(os.open(os.devnull, os.O_RDWR), stream)
            answer = "error"
            try:
                answer = work() or "anew"
            finally:
                os.write(send, answer.encode())
                os._exit(0)
        os.close(send)
        answer = os.read(receive, 10_000).decode()
        os.close(receive)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return answer


# ---------------------------------------------------------------------------------- the command


def as_entry(mutant: Mutant) -> str:
    fields = zip(Mutant._fields, mutant.key, strict=False)
    lines = [f"{name} = {quoted(text)}" for name, text in fields]
    return "\n".join(["[[mutant]]", *lines, 'reason = ""', ""])


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if "'" in text else f"'{text}'"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("modules", nargs="*", help="files of the packages; all if none is given")
    add("--since", metavar="COMMIT", help="only the lines that are new since that commit")
    add("--sample", type=int, help="only so many mutants, drawn at random")
    add("--seed", type=int, default=0, help="of the sample")
    add("--minutes", type=float, default=1e9, help="when to stop")
    add("--seconds", type=float, default=10.0, help="of tests for one mutant, its own file's aside")
    add("--listed", action="store_true", help="try those of mutants.toml too")
    add("--verbose", action="store_true", help="say what becomes of each")
    add("--copy", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.copy is None:
        return in_a_copy()
    return sweep(options)


def in_a_copy() -> int:
    """Run this command in a copy of the clone, which is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "clone"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "dist"))
        script = copy / "tests" / "mutants.py"
        answers = []
        for pure in ("1", ""):
            kept = ROOT / "build" / f"mutants{pure}.json"
            command = [sys.executable, str(script), *sys.argv[1:], "--copy", str(kept)]
            env = {**os.environ, "PYTHONPATH": str(copy), "AUTOGRAD_CORE_PURE": pure}
            answers.append(subprocess.run(command, cwd=copy, env=env).returncode)
    return max(answers)


def sweep(options: argparse.Namespace) -> int:
    import pytest

    everywhere = sorted({str(p.relative_to(ROOT)) for glob in SWEPT for p in ROOT.glob(glob)})
    every = {name: mutants(name) for name in everywhere if name not in LEFT_OUT}
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    listed = {
        tuple(e[k] for k in ("module", "function", "was", "now")): e["reason"] for e in entries
    }
    gone = listed.keys() - {m.key for of_module in every.values() for m in of_module}
    chosen = [m for name in options.modules or every for m in every[name]]
    if options.since:
        lines = changed(options.since, options.copy.parents[1])  # this copy has no history
        chosen = [m for m in chosen if not lines[m.module].isdisjoint(m.lines)]
    if options.sample is not None:
        chosen = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))
    loop = os.environ["AUTOGRAD_CORE_PURE"] == ""
    chosen = [m for m in chosen if (m.module in LOOP) == loop]
    tried = [m for m in chosen if options.listed or m.key not in listed]
    if not chosen:
        return 0

    kept = options.copy
    if not kept.exists() or json.loads(kept.read_text())[0] != fingerprint():
        kept.parent.mkdir(exist_ok=True)
        command = [sys.executable, "-c", f"import mutants; mutants.measure({str(kept)!r})"]
        print("noting which tests pass which line ...", flush=True)
        env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    trial = Trial(options, tried)
    if pytest.main([*PYTEST, "-s", *TESTS], plugins=[trial]):
        return 2

    survivors = [m for m in trial.survivors if m.key not in listed]
    print(
        f"{len(chosen)} mutants, {len(chosen) - len(tried)} of them listed and not tried;", end=" "
    )
    print(", ".join(f"{count} {what}" for what, count in trial.count.most_common()))
    for key in sorted(gone):
        print("in mutants.toml, and there no more:", *key, sep="\n    ")
    for key in sorted(key for key, reason in listed.items() if not reason):
        print("in mutants.toml without a reason:", *key, sep="\n    ")
    return 1 if survivors or gone or not all(listed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
