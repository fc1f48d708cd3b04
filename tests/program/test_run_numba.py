"""The compiled executor: its loop, its cache, its memory."""

import re
import sys
import threading
import time

import numpy as np
import pytest

from autograd_core import Instruction, Op, Program, compile_graph, gates, run
from autograd_core.program import AFFINE, LANE_SUM, OUTER
from autograd_core.program.executors import prepare
from autograd_core.program.schedule import COPY, SPREAD, Schedule
from autograd_core.program.sums import SUMS

# ------------------------------------------------------------------ the loop and its memory


@pytest.fixture
def kernel_source():
    pytest.importorskip("numba")
    from autograd_core.program.run_numba import kernel_source

    return kernel_source


def test_the_loop_is_written_for_its_opcodes_each_with_a_number_of_its_own(kernel_source):
    ops = [Op(gates["exp"]), Op(gates["tanh"], 0), Op(gates["log"])]
    text = kernel_source(ops)
    for entry in (*SUMS, SPREAD, COPY):
        assert f"\n{entry.name.upper()} = {entry.number}\n" in text
    (finish,) = (int(x.split(" = ")[1]) for x in text.splitlines() if x.startswith("FINISH = "))
    fixed = [entry.number for entry in (*SUMS, SPREAD, COPY)] + [finish]
    codes = [int(number) for number in re.findall(r"elif op == (\d+):", text)]
    assert codes == [finish + 1, finish + 2, finish + 3] and set(codes).isdisjoint(fixed)


def test_the_same_opcodes_have_the_same_text(kernel_source):
    ops = [Op(gates["exp"]), Op(gates["log"])]
    assert kernel_source(ops) == kernel_source(list(ops)) != kernel_source(ops[:1])


def test_only_gates_that_may_fail_or_compare_are_looked_at(kernel_source):
    def looks(name):
        bare, text = kernel_source([]), kernel_source([Op(gates[name])])
        return text.count("failed = True") - bare.count("failed = True")

    assert [looks(name) for name in ("log", "less", "tanh", "mul")] == [1, 1, 0, 0]


@pytest.mark.parametrize("lanes, width", [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (13, 16)])
def test_lanes_are_filled_up_to_a_multiple_of_four(lanes, width):
    pytest.importorskip("numba")
    program = Program(["x"], [], [], [Instruction(1, Op(gates["tanh"]), (0,))], [1]).verify()
    assert prepare("numba", Schedule(program), lanes).rows.shape == (2, width)


def test_a_program_that_memory_cannot_hold_is_refused():
    pytest.importorskip("numba")
    program = Program(["x"], [], [], [Instruction(1, Op(gates["tanh"]), (0,))], [1]).verify()
    with pytest.raises(MemoryError, match="give fewer lanes at a time"):
        prepare("numba", Schedule(program), 2**31)


@pytest.mark.parametrize("n, m", [(1, 1), (3, 1), (1, 5), (8, 4), (9, 5), (17, 3)])
@pytest.mark.parametrize("lanes", [1, 2, 4, 6])
def test_matrices_of_every_size_are_multiplied_whole(n, m, lanes):
    """The loop takes 8 rows and 4 columns at a time, and what is left over one by one."""
    pytest.importorskip("numba")
    inputs, weights = n + m, n + n * m
    first = inputs + weights
    vector = tuple(range(n, n + m))
    code = [
        Instruction(first, AFFINE, (*range(inputs, first), *vector), (n, m)),
        Instruction(first + n, OUTER, (*range(n), *vector), (n, m)),
        Instruction(first + n + n * m, LANE_SUM, (0, n)),
    ]
    names = [f"x{i}" for i in range(inputs)], [f"w{i}" for i in range(weights)]
    results = range(first, first + n + n * m + 1)
    program = Program(*names, [], code, results).verify()
    rng = np.random.default_rng(n * m + lanes)
    rows, numbers = rng.normal(size=(lanes, inputs)), rng.normal(size=weights)
    values, _ = run(program, rows, numbers, "numba")
    a, b = rows[:, :n], rows[:, n:]
    matrix = numbers[n:].reshape(n, m)
    outer = np.broadcast_to((a.T @ b).ravel(), (lanes, n * m))
    total = np.full((lanes, 1), a[:, 0] @ b[:, 0])
    wanted = np.concatenate([b @ matrix.T + numbers[:n], outer, total], axis=1)
    np.testing.assert_allclose(values, wanted, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------ the cache


def test_a_damaged_file_of_the_cache_is_not_run(tmp_path):
    compile_graph(lambda x: x, executor="numba")([1.0])
    run_numba = sys.modules["autograd_core.program.run_numba"]
    llvm = run_numba.llvm
    machine = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    found = run_numba._folder().glob("*.o")
    whole = next(path for path in found if run_numba._from_cache(path, machine)).read_bytes()
    kept = tmp_path / "kernel.o"
    for place in (0, 70, len(whole) // 2, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        kept.write_bytes(damaged)
        assert run_numba._from_cache(kept, machine) is None
    for length in (0, 10, len(whole) - 1):
        kept.write_bytes(whole[:length])
        assert run_numba._from_cache(kept, machine) is None


SMALL = """
from numba import cfunc, njit, types

@njit
def twice(x):
    return 2 * x

@cfunc(types.int64(types.int64))
def run(x):
    return twice(x)
"""


def test_loops_are_compiled_while_the_users_own_are_not(monkeypatch, tmp_path):
    from numba.core import config

    from autograd_core.program import run_numba

    llvm = run_numba.llvm
    machine = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    run_numba._compiled(SMALL, tmp_path / "small.o", machine)
    assert config.DISABLE_JIT == 1
    assert run_numba._from_cache(tmp_path / "small.o", machine) is not None


def test_threads_compile_a_loop_once(monkeypatch, tmp_path):
    from autograd_core.program import run_numba

    calls = []

    def compiled(source, kept, machine):
        calls.append(source)
        time.sleep(0.05)
        return source.upper()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(run_numba, "_loaded", {})
    monkeypatch.setattr(run_numba, "_compiled", compiled)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(run_numba._kernel("text"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["TEXT"] * 4 and calls == ["text"]
