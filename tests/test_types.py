"""What type checkers say: a user's program passes, and each of many mistakes is found."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_core

ROOT = Path(autograd_core.__file__).parents[1]
TYPED = Path(__file__).with_name("typed")
MARKS = re.compile(r"  # type: ignore\[[a-z,-]+\]  # pyright: ignore$")

pytestmark = pytest.mark.once
with_pyright = pytest.mark.skipif(
    "PYRIGHT" not in os.environ, reason="PYRIGHT does not say where pyright is; npm has it"
)


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """mypy(path, ...) -> what it prints in strict mode about these files alone."""
    pytest.importorskip("mypy", reason="mypy is not installed; the extra dev has it")
    cache = tmp_path_factory.mktemp("mypy")
    command = [
        sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent",
        "--cache-dir", str(cache), "--no-pretty", "--no-error-summary",
    ]  # fmt: skip

    def run(*paths):
        # mypy finds what is installed, and refuses to be told where that is.
        is_clone = (ROOT / "pyproject.toml").exists()
        environment = {**os.environ, **({"MYPYPATH": str(ROOT)} if is_clone else {})}
        done = subprocess.run(
            [*command, *map(str, paths)], capture_output=True, text=True, cwd=cache, env=environment
        )
        return done.stdout + done.stderr

    return run


def pyright(*options):
    """What pyright reports, from its JSON."""
    done = subprocess.run(
        [os.environ["PYRIGHT"], "--pythonpath", sys.executable, "--outputjson", *options],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_the_program_runs():
    names = runpy.run_path(str(TYPED / "user.py"))
    assert names["report"].passed and len(names["losses"]) == 2


def test_every_mistake_is_marked_for_both_checkers():
    lines = (TYPED / "mistakes.py").read_text(encoding="utf-8").splitlines()
    first = lines.index("# Names.")
    mistakes = [line for line in lines[first:] if line and not line.startswith("#")]
    assert len(mistakes) > 90 and [x for x in mistakes if not MARKS.search(x)] == []
    assert not any(MARKS.search(line) for line in lines[:first])


def test_mypy_passes_the_program_and_finds_each_mistake(mypy):
    assert mypy(TYPED / "user.py", TYPED / "mistakes.py") == ""


def test_mypy_tells_of_a_mistake_that_is_none(mypy, tmp_path):
    path = tmp_path / "right.py"
    path.write_text("from autograd_core import exp\nexp(1.0)  # type: ignore[call-overload]\n")
    assert re.fullmatch(r'.*right\.py:2: error: Unused "type: ignore".*\n', mypy(path))


@with_pyright
def test_pyright_passes_the_program_and_finds_each_mistake():
    report = pyright("-p", str(TYPED))
    assert report["generalDiagnostics"] == []
    assert report["summary"]["filesAnalyzed"] == 2


@with_pyright
@pytest.mark.parametrize("package", ["autograd_core", "nn", "viz"])
def test_pyright_knows_the_types_of_public_names(package):
    report = pyright("--verifytypes", package, "--ignoreexternal")["typeCompleteness"]
    unknown = [x["name"] for x in report["symbols"] if x["isExported"] and not x["isTypeKnown"]]
    assert report["completenessScore"] >= 0.95, unknown


def test_what_is_a_number_at_run_time_is_asked_of_python():
    """`Number` in an annotation is evaluated: it must be there, and isinstance may ask it."""
    for number in (1, 2.5, np.float32(1.0), np.int64(1)):
        assert isinstance(number, autograd_core.Number)
    assert not isinstance("1", autograd_core.Number | None)


def test_typing_is_not_imported_with_the_engine():
    """It would take as long as a third of the engine."""
    code = "import sys, autograd_core; print(*{'typing', 'numpy', 'fractions'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "\n"
