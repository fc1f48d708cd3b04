"""What the tests of the compiler share."""

import ctypes
import importlib.util
import math
import random
import shutil
import subprocess
from functools import partial
from itertools import count

import numpy as np
import pytest

from autograd_core import Value, to_c, to_numpy
from autograd_core.program.lower import lower
from autograd_core.program.trace import trace
from nn import MLP

CC = shutil.which("cc") or shutil.which("gcc")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
numbers = count()


def shared(function):
    """The function as a fixture of its name: test files cannot import from this one."""
    return pytest.fixture(scope="session", name=function.__name__)(lambda: function)


@pytest.fixture(autouse=True)
def plain_numpy(monkeypatch):
    """NumPy, where a test does not ask for the other: it compiles nothing."""
    monkeypatch.setenv("AUTOGRAD_CORE_BACKEND", "numpy")


@shared
def eager(fn, rows, wrt=()):
    """The mean of fn over rows of numbers, its gradient in wrt, those in the rows' numbers."""
    for w in wrt:
        w.grad = 0.0
    values = [[Value(x) for x in row] for row in rows]
    terms = [fn(*row) for row in values]
    loss = sum(terms[1:], terms[0]) / len(terms)
    loss.backward()
    return loss.data, [w.grad for w in wrt], [[x.grad for x in row] for row in values]


@shared
def close(found, wanted, tolerance=1e-12):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=0.0)


# ------------------------------------------------------------------ texts


@shared
def reference(program, inputs, parameters):
    """(values, gradients) by Program.evaluate, lane by lane: for no uniform sums."""
    lanes = [program.evaluate(row, parameters) for row in inputs]
    values = np.array([[t[r] for r in program.outputs] for t in lanes])
    rows = np.array([[t[r] for r in program.gradients] for t in lanes])
    if program.wrt and program.wrt[0] >= len(program.inputs):
        return values, rows.sum(axis=0)
    return values, rows


def run_numpy(folder, program, inputs, parameters, name="value_and_grad"):
    """(values, gradients) by the text of to_numpy, imported."""
    path = folder / f"by_hand_{next(numbers)}.py"
    path.write_text(to_numpy(program, name), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)(inputs, parameters)


def built(folder, program, name):
    """The library that the C compiler makes of the text of to_c."""
    source, library = folder / f"{next(numbers)}.c", folder / f"{next(numbers)}.so"
    source.write_text(to_c(program, name), encoding="utf-8")
    command = [CC, "-O1", *STRICT, "-shared", "-fPIC", source, "-o", library, "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def run_c_text(folder, program, inputs, parameters, name="value_and_grad"):
    """(values, gradients) by the text of to_c, which writes nothing beyond its workspace."""
    library = built(folder, program, name)
    function = getattr(library, name)
    array = ctypes.POINTER(ctypes.c_double)
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_size_t, *[array] * 5]
    lanes = len(inputs)
    values = np.full((lanes, len(program.outputs)), 77.0)
    rows = program.wrt and program.wrt[0] < len(program.inputs)
    shape = (lanes, len(program.gradients)) if rows else len(program.gradients)
    gradients = np.full(shape, 77.0)
    room = ctypes.c_size_t.in_dll(library, f"{name}_workspace").value
    workspace = np.full(room + 1, np.nan)
    workspace[room] = 77.0
    given = [np.array(x, float) for x in (inputs, parameters)]
    total = function(
        lanes, *[x.ctypes.data_as(array) for x in (*given, values, gradients, workspace)]
    )
    assert workspace[room] == 77.0
    in_order = np.cumsum(values[:, 0])[-1]
    np.testing.assert_allclose(total, in_order, rtol=1e-12, atol=1e-12)
    again = function(lanes, *[x.ctypes.data_as(array) for x in given], None, None,
                     workspace.ctypes.data_as(array))  # fmt: skip
    assert again == total or math.isnan(total)
    return values, gradients


@pytest.fixture
def run_c(tmp_path):
    """run_c(program, inputs, parameters) -> (values, gradients), by its C text."""
    if CC is None:
        pytest.skip("no C compiler is installed")
    return partial(run_c_text, tmp_path)


@pytest.fixture(params=["numpy", "c"])
def run_text(request, tmp_path):
    """run_text(program, inputs, parameters) -> (values, gradients), by each of its texts."""
    if request.param == "c" and CC is None:
        pytest.skip("no C compiler is installed")
    return partial(run_numpy if request.param == "numpy" else run_c_text, tmp_path)


@shared
def same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@shared
def lowered(fn, count, wrt=(), names="abcdef"):
    """The program of fn of `count` numbers; the gradient with respect to `wrt`, or the inputs."""
    traced = trace(fn, names[:count], [()] * count)
    return lower(traced, wrt or traced.inputs)


@shared
def mlp(activation="tanh", sizes=(3, 1), nin=2):
    return MLP(nin, list(sizes), activation=activation, rng=random.Random(3))


@shared
def chain(x, w, gates_of_it):
    v = x
    for i in range(gates_of_it // 3):
        v = (v * w + 0.25 * i / gates_of_it).tanh() if i % 2 else v.sin() + w * x
    return v
