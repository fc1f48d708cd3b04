"""The compiled executor (extra `fast`): one loop over blocks, made of the gates' rules by Numba.

    run = NumbaRun(Schedule(program), lanes=10)     # an Executor, see `executors`

The loop is written from the gate table for the opcodes that a program uses. Numba compiles it once;
the machine code is kept in the user's cache, under a name that holds the text, the processor and
the versions. Another program with the same opcodes, now or in another process, finds it there and
loads it through llvmlite, Numba's own code generator, in some hundredth of the time: Numba itself
is not imported then.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import tempfile
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from ..table import gates
from .dialects import NUMBA
from .program import Op
from .rule import rule
from .schedule import COPY, SPREAD, Block, Schedule
from .sums import AFFINE, DOT, LANE_SUM, OUTER, SUMS

__all__ = ["NumbaRun", "kernel_source"]

FIELDS = 11  # of a block in the kernel: opcode, width, count, start, table, then its own
# The opcodes that are there whatever the program is, by their numbers; those of gates follow.
FIXED = {entry.name.upper(): entry.number for entry in (*SUMS, SPREAD, COPY)}
FIXED["FINISH"] = max(FIXED.values()) + 1  # scale the gradients, and look at them
# In every loop, so that most programs find the one that another has left in the cache.
COMMON = [
    *(Op(gates[name]) for name in (
        "add", "div", "exp", "less", "less_equal", "log", "mul", "neg", "power", "relu", "sub",
        "tanh", "where",
    )),
    *(Op(gates[name], 0) for name in ("power", "relu", "tanh")),
]  # fmt: skip


class NumbaRun:
    """Memory for a number of lanes, and the compiled loop that fills it.

    Lanes are filled up to a multiple of four; those beyond `lanes` must hold numbers at which no
    gate fails: copies of another lane.
    """

    sums = (DOT, AFFINE, LANE_SUM, OUTER)

    def __init__(self, schedule: Schedule, lanes: int, scale: float = 1.0) -> None:
        used = [block.op for block in schedule.blocks if isinstance(block.op, Op)]
        # By name, so that programs with the same opcodes have the same text.
        ops = sorted(dict.fromkeys([*COMMON, *used]), key=str)
        self._kernel = _kernel(kernel_source(ops))
        width = lanes if lanes <= 2 else -(-lanes // 4) * 4
        singles = -(-(schedule.singles + 1) // 8) * 8  # the last one is the scale
        scratch = max([width * b.shape[1] for b in schedule.blocks if b.op is OUTER], default=0)
        size = singles + schedule.rows * width
        if size + scratch >= 2**32:
            raise MemoryError(f"a program with {size} numbers: give fewer lanes at a time")
        self.lanes, self.width = lanes, width
        self.memory = np.zeros(size + scratch)
        self.singles = self.memory[: schedule.singles]
        self.memory[singles - 1] = scale
        self.rows = self.memory[singles:size].reshape(schedule.rows, width)
        schedule.fill(self.singles, self.rows)
        codes = {op: code for code, op in enumerate(ops, FIXED["FINISH"] + 1)}
        self._table, self._blocks = self._encode(schedule, codes, singles, size)
        self._arguments = (
            self.memory.ctypes.data, self._blocks.ctypes.data, len(self._blocks),
            self._table.ctypes.data, lanes,
        )  # fmt: skip

    def __call__(self) -> bool:
        return bool(self._kernel(*self._arguments))

    def _encode(
        self, schedule: Schedule, codes: dict[Op, int], singles: int, scratch: int
    ) -> tuple[Any, Any]:
        """The blocks as numbers: places are made addresses in `memory`."""
        table: list[int] = []
        rows = []

        def addresses(places: Any, lanes: bool) -> list[int]:
            return [singles + place * self.width if lanes else place for place in places]

        def entries(block: Block, start: int) -> list[int]:
            """Puts what a block reads into the table; its own fields."""
            op, of_lanes = block.op, block.of_lanes
            if op is AFFINE:
                biases, numbers = block.sources
                table.extend(biases)
                assert block.matrix is not None
                return [*block.shape, *block.matrix, *addresses(numbers[:1], True)]
            if op is OUTER:
                left, right = block.sources
                return [*block.shape, *addresses((left[0], right[0]), True), scratch]
            columns = [addresses(places, of_lanes) for places in block.sources]
            if op is DOT:
                pair = iter(zip(*columns, strict=True))
                for count in block.counts:
                    table.append(count)
                    for _ in range(count):
                        table.extend(next(pair))
                return []
            for row in zip(*columns, strict=True):
                table.extend(row)
            return [int(of_lanes)] if op is LANE_SUM else []

        for block in schedule.blocks:
            start = len(table)
            own = entries(block, start)
            op = block.op
            code = codes[op] if isinstance(op, Op) else op.number
            width = self.width if block.lanes or block.of_lanes else 1
            (first,) = addresses((block.start,), block.lanes)
            row = [code, width, block.size, first, start, *own]
            rows.append([*row, *[0] * (FIELDS - len(row))])
        if schedule.slots:
            row = [FIXED["FINISH"], 1, len(schedule.slots), schedule.slots.start, len(table)]
            rows.append([*row, *[0] * (FIELDS - len(row))])
            table.append(singles - 1)
        return np.array(table or [0], np.uint32), np.array(rows, np.uint32).reshape(-1, FIELDS)


def kernel_source(ops: list[Op]) -> str:
    """The text of the compiled loop, for these opcodes beside the fixed ones."""
    cases = [_case(op, code) for code, op in enumerate(ops, FIXED["FINISH"] + 1)]
    return _multiply() + _LOOP + "".join(cases) + "    return np.int64(failed)\n"


def _case(op: Op, code: int) -> str:
    """The branch of the loop for one opcode, written by its gate's rule."""
    gate, program = op.gate, rule(op)
    names = [f"x{i}" for i in range(len(program.inputs))]
    body = [f"{x} = memory[a{i} + lane]" for i, x in enumerate(names)]
    body += [*NUMBA.lines(program, names), f"y = {NUMBA.answer(program, names)}"]
    body += ["memory[o + lane] = y"]
    if op.slope is None and gate.condition:
        body += [f"if {' or '.join(f'{x} != {x}' for x in names)}:", "    failed = True"]
    if op.slope is None and gate.failures:
        body += ["if y - y != 0.0:", "    failed = True"]
    load = [f"a{i} = np.uint64(table[t + U{i}])" for i in range(len(names))]
    lines = [f"elif op == {code}:", "    for i in range(count):"]
    lines += [f"        {line}" for line in ["o = start + i * width", *load, f"t += U{len(names)}"]]
    lines += ["        for lane in range(width):", *[f"            {line}" for line in body]]
    return "".join(f"        {line}\n" for line in lines)


Loop = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_int64,
)
_loaded: dict[str, Any] = {}
_owners: list[Any] = []  # of the machine code
_lock = Lock()


def _kernel(source: str) -> Any:
    """The compiled loop with this text, from this process, the user's cache, or Numba."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    versions = (version("numba"), version("llvmlite"), llvm.get_process_triple())
    key = hashlib.sha256(repr((source, machine, versions)).encode()).hexdigest()[:24]
    with _lock:
        if key not in _loaded:
            folder = _folder()
            kept = folder / f"{key}.o"
            _loaded[key] = _from_cache(kept, machine) or _compiled(source, kept, machine)
        return _loaded[key]


# Numba's wrapper names these where a function raises; the loop never does.
_UNREACHED = (
    "NRT_Free", "numba_do_raise", "numba_gil_ensure", "numba_gil_release",
    "numba_runtime_build_excinfo_struct", "numba_unpickle",
)  # fmt: skip


def _from_cache(kept: Path, machine: tuple[str, str]) -> Any:
    """The loop in a file that `_compiled` wrote; None if there is none that can be used."""
    try:
        digest, _, content = kept.read_bytes().partition(b"\n")
        if digest != _digest(content):  # LLVM would end the process, or worse, run it
            return None
        name, _, code = content.partition(b"\n")
        library = llvm.JITLibraryBuilder().add_object_img(code).export_symbol(name.decode())
        stop = ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value
        for symbol in _UNREACHED:
            library.import_symbol(symbol, stop)
        engine = llvm.create_lljit_compiler(_machine(machine))
        tracker = library.add_current_process().link(engine, kept.stem)
    except (OSError, RuntimeError, UnicodeDecodeError):
        return None
    _owners.append((engine, tracker))
    return Loop(tracker[name.decode()])


def _compiled(source: str, kept: Path, machine: tuple[str, str]) -> Any:
    """The loop, compiled by Numba; its machine code goes into the file `kept`."""
    from numba.core import config as numba_config

    config: Any = numba_config
    path = kept.with_suffix(".py")
    _write(path, source.encode())
    spec = importlib.util.spec_from_file_location(f"autograd_core_kernel_{kept.stem}", path)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    before = config.SLP_VECTORIZE, config.DISABLE_JIT
    try:
        config.SLP_VECTORIZE = 1  # the tiles of `multiply` become vector instructions
        config.DISABLE_JIT = 0  # a user may have switched it on, to debug code of their own
        spec.loader.exec_module(module)
    finally:
        config.SLP_VECTORIZE, config.DISABLE_JIT = before
    _owners.append(module)
    code = _machine(machine).emit_object(llvm.parse_assembly(module.run.inspect_llvm()))
    content = module.run.native_name.encode() + b"\n" + code
    with suppress(OSError):  # a full disk: then it is compiled again the next time
        _write(kept, _digest(content) + b"\n" + content)
    return Loop(module.run.address)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _machine(machine: tuple[str, str]) -> Any:
    cpu, features = machine
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=cpu, features=features, opt=3, codemodel="jitdefault", jit=True
    )


def _write(path: Path, content: bytes) -> None:
    half = path.with_suffix(f"{path.suffix}.{os.getpid()}.part")
    half.write_bytes(content)
    os.replace(half, path)


def _folder() -> Path:
    """Where kernels are kept: the user's cache; a temporary folder if that cannot be written.

    What lies there is run. So it must be the user's own, and nobody else may write into it.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "autograd-core"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
        foreign = hasattr(os, "getuid") and state.st_uid != os.getuid()
        if foreign or (os.name == "posix" and state.st_mode & 0o022):
            return _temporary_folder()
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return _temporary_folder()


@lru_cache
def _temporary_folder() -> Path:
    """A folder for this process alone, removed at its end."""
    folder = tempfile.TemporaryDirectory(prefix="autograd-core-")
    _owners.append(folder)
    return Path(folder.name)


def _tile(rows: int, columns: int) -> list[str]:
    """Statements that add a x b to `rows` by `columns` numbers of c, kept in registers meanwhile.

    Rows of a are read with any strides; of b, `columns` numbers side by side.
    """
    grid = [(r, q) for r in range(rows) for q in range(columns)]
    lines = [f"c{r}_{q} = 0.0" for r, q in grid]
    lines += ["left = a + i * by_row", "right = b + q", "for _ in range(m):"]
    lines += [f"    b{q} = memory[right + U{q}]" for q in range(columns)]
    for r in range(rows):
        lines.append(f"    a0 = memory[left + U{r} * by_row]")
        lines += [f"    c{r}_{q} += a0 * b{q}" for q in range(columns)]
    lines += ["    left += by_column", "    right += by_b", "o = c + i * by_c + q"]
    for r in range(rows):
        lines += [f"memory[o + U{q}] += c{r}_{q}" for q in range(columns)] + ["o += by_c"]
    return lines


def _multiply() -> str:
    lines = []
    for rows in (8, 1):
        lines += [f"while i + U{rows} <= n:", "    q = U0"]
        for columns in (4, 1):
            lines += [f"    while q + U{columns} <= p:"]
            lines += [f"        {line}" for line in _tile(rows, columns)]
            lines += [f"        q += U{columns}"]
        lines += [f"    i += U{rows}"]
    opcodes = "".join(f"{name} = {number}\n" for name, number in FIXED.items())
    text = _MULTIPLY.replace("FIELDS_OF_A_BLOCK", str(FIELDS)).replace("# OPCODES\n", opcodes)
    return text + "".join(f"    {line}\n" for line in lines)


_MULTIPLY = '''\
"""The loop of a compiled program, written by autograd_core.program.run_numba."""

import math

import numpy as np
from numba import cfunc, njit, types

SUMS = {"contract", "reassoc"}
FIELDS = np.uint64(FIELDS_OF_A_BLOCK)
# OPCODES
U0, U1, U2, U3, U4, U5, U6, U7, U8 = [np.uint64(i) for i in range(9)]


@njit(fastmath=SUMS, error_model="numpy")
def multiply(memory, c, by_c, a, by_row, by_column, b, by_b, n, m, p):
    """c[i, q] += sum over k of a[i, k] b[k, q], for i < n, k < m, q < p."""
    i = U0
'''
_LOOP = '''

@njit(fastmath=SUMS, error_model="numpy")
def multiply_one(memory, c, a, by_row, by_column, b, n, m):
    """c[i] += sum over k of a[i, k] b[k]."""
    if by_column == U1:
        for i in range(n):
            total = 0.0
            row = a + i * by_row
            for k in range(m):
                total += memory[row + k] * memory[b + k]
            memory[c + i] += total
    else:
        for k in range(m):
            number = memory[b + k]
            column = a + k * by_column
            if by_row == U1:
                for i in range(n):
                    memory[c + i] += memory[column + i] * number
            else:
                for i in range(n):
                    memory[c + i] += memory[column + i * by_row] * number


@njit(fastmath=SUMS, error_model="numpy")
def over_lanes(memory, a, b, lanes):
    total = 0.0
    for lane in range(lanes):
        total += memory[a + lane] * memory[b + lane]
    return total


NUMBERS, PLACES = types.CPointer(types.float64), types.CPointer(types.uint32)


@njit(fastmath=SUMS, error_model="numpy")
def scaled(memory, start, count, scale):
    """Multiply these numbers by scale; the sum of their squares."""
    total = 0.0
    for i in range(start, start + count):
        number = memory[i] * scale
        memory[i] = number
        total += number * number
    return total


@cfunc(types.int64(NUMBERS, PLACES, types.int64, PLACES, types.int64), error_model="numpy")
def run(memory, blocks, size, table, batch):
    failed = False
    lanes = np.uint64(batch)
    for block in range(np.uint64(size)):
        j = block * FIELDS
        op = blocks[j + U0]
        width = np.uint64(blocks[j + U1])
        count = np.uint64(blocks[j + U2])
        start = np.uint64(blocks[j + U3])
        t = np.uint64(blocks[j + U4])
        n = np.uint64(blocks[j + U5])
        m = np.uint64(blocks[j + U6])
        if op == SPREAD:
            for i in range(count):
                number = memory[table[t + i]]
                o = start + i * width
                for lane in range(width):
                    memory[o + lane] = number
        elif op == COPY:
            for i in range(count):
                a = np.uint64(table[t + i])
                o = start + i * width
                for lane in range(width):
                    memory[o + lane] = memory[a + lane]
        elif op == DOT:
            for i in range(count):
                pairs = np.uint64(table[t])
                t += U1
                o = start + i * width
                if width == U1:
                    total = memory[table[t]] * memory[table[t + U1]]
                    t += U2
                    for _ in range(U1, pairs):
                        total += memory[table[t]] * memory[table[t + U1]]
                        t += U2
                    memory[o] = total
                else:
                    for lane in range(width):
                        memory[o + lane] = 0.0
                    for _ in range(pairs):
                        a = np.uint64(table[t])
                        b = np.uint64(table[t + U1])
                        t += U2
                        for lane in range(width):
                            memory[o + lane] += memory[a + lane] * memory[b + lane]
        elif op == LANE_SUM:
            for i in range(count):
                a = np.uint64(table[t])
                b = np.uint64(table[t + U1])
                t += U2
                if n:
                    memory[start + i] = over_lanes(memory, a, b, lanes)
                else:
                    memory[start + i] = memory[a] * memory[b] * lanes
        elif op == AFFINE:
            a = np.uint64(blocks[j + U7])
            by_row = np.uint64(blocks[j + U8])
            by_column = np.uint64(blocks[j + U8 + U1])
            b = np.uint64(blocks[j + U8 + U2])
            for i in range(n):
                number = memory[table[t + i]]
                o = start + i * width
                for lane in range(width):
                    memory[o + lane] = number
            if width == U1:
                multiply_one(memory, start, a, by_row, by_column, b, n, m)
            else:
                multiply(memory, start, width, a, by_row, by_column, b, width, n, m, width)
        elif op == OUTER:
            a = np.uint64(blocks[j + U7])
            b = np.uint64(blocks[j + U8])
            turned = np.uint64(blocks[j + U8 + U1])
            if lanes == U1:
                for i in range(n):
                    number = memory[a + i * width]
                    o = start + i * m
                    for k in range(m):
                        memory[o + k] = number * memory[b + k * width]
            else:
                for k in range(m):
                    for lane in range(lanes):
                        memory[turned + lane * m + k] = memory[b + k * width + lane]
                for i in range(n * m):
                    memory[start + i] = 0.0
                multiply(memory, start, m, a, width, U1, turned, m, n, lanes, m)
        elif op == FINISH:
            total = scaled(memory, start, count, memory[table[t]])
            if total - total != 0.0:
                failed = True
'''
