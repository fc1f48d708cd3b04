"""The compiler's face: what `autograd_core` serves of it, and when it is loaded."""

import subprocess
import sys

import pytest

import autograd_core
from autograd_core import program


@pytest.mark.parametrize(
    "name",
    ["CompiledGraph", "Instruction", "Op", "Program", "compile_graph", "javascript", "run", "to_c",
     "to_numpy"],
)  # fmt: skip
def test_a_name_of_the_compiler_is_served_by_the_package(name):
    assert name in autograd_core.__all__ and name in program.__all__
    assert getattr(autograd_core, name) is getattr(program, name)


def test_every_public_name_is_there():
    assert [name for name in autograd_core.__all__ if not hasattr(autograd_core, name)] == []
    assert [name for name in program.__all__ if not hasattr(program, name)] == []


LOADED = """
import sys
import autograd_core
assert not [name for name in sys.modules if name.startswith("autograd_core.program")]
f = autograd_core.compile_graph
assert "autograd_core.program.compiled" in sys.modules and "numpy" not in sys.modules
"compile_graph" in vars(autograd_core) and print("loaded once")
"""


def test_the_compiler_is_loaded_when_one_of_its_names_is_asked_for():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "loaded once\n"), done.stderr
