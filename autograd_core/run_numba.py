"""The compiled executor (extra `fast`): one loop over blocks, made of the gates' rules by Numba.

    run = NumbaRun(Schedule(program), lanes=10)     # as NumpyRun

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

from .emit import NUMBA, Rule
from .program import RESERVED, Program
from .schedule import Schedule

__all__ = ["NumbaRun", "kernel_source"]

FIELDS = 11  # of a block in the kernel: opcode, width, count, start, table, then its own
# In every loop, so that most programs find the one that another has left in the cache.
COMMON = (
    "add", "div", "exp", "less", "less_equal", "log", "mul", "neg", "power", "power'x", "relu",
    "relu'x", "sub", "tanh", "tanh'x", "where",
)  # fmt: skip


class NumbaRun:
    """Memory for a number of lanes, and the compiled loop that fills it.

    single  the numbers that all lanes share: parameters, constants, results
    rows    the numbers of the lanes, (row, lane); lanes are filled up to a multiple of four, and
            those beyond `lanes` must hold numbers at which no gate fails: copies of another lane
    scale   what the gradients are multiplied by in the end: sums over lanes become means
    """

    def __init__(self, schedule: Schedule, lanes: int, scale: float = 1.0) -> None:
        program = schedule.program
        ops = sorted({*COMMON, *(block.op for block in schedule.blocks)} - set(RESERVED))
        self._kernel = _kernel(kernel_source(program, ops))
        width = lanes if lanes <= 2 else -(-lanes // 4) * 4
        singles = -(-(schedule.singles + 1) // 8) * 8  # the last one is the scale
        scratch = max([width * b.shape[1] for b in schedule.blocks if b.op == "outer"], default=0)
        size = singles + schedule.rows * width
        if size + scratch >= 2**32:
            raise MemoryError(f"a program with {size} numbers: give fewer lanes at a time")
        self.lanes, self.width = lanes, width
        self.memory = np.zeros(size + scratch)
        self.single = self.memory[: schedule.singles]
        self.memory[singles - 1] = scale
        self.rows = self.memory[singles:size].reshape(schedule.rows, width)
        schedule.fill(self.single, self.rows)
        self._table, self._blocks = self._encode(schedule, ops, singles, size)
        self._arguments = (
            self.memory.ctypes.data, self._blocks.ctypes.data, len(self._blocks),
            self._table.ctypes.data, lanes,
        )  # fmt: skip

    def __call__(self) -> bool:
        """Run the program; whether a gate may have failed, or met nan in a comparison.

        Also if gradients are not finite, or their squares.
        """
        return bool(self._kernel(*self._arguments))

    def _encode(self, schedule: Schedule, ops: list[str], singles: int, scratch: int) -> Any:
        """The blocks as numbers: places are made addresses in `memory`."""
        table: list[int] = []
        rows = []
        codes = {op: i for i, op in enumerate((*RESERVED, *ops))}

        def address(place: int, lanes: bool) -> int:
            return singles + place * self.width if lanes else place

        for block in schedule.blocks:
            of_lanes = block.lanes or block.of_lanes
            own: list[int] = []
            start = len(table)
            if block.op == "product":
                biases, (matrix, by_row, by_column), (vector,) = block.sources
                table += biases
                own = [*block.shape, matrix, by_row, by_column, address(vector, True)]
            elif block.op == "outer":
                (left,), (right,) = block.sources
                own = [*block.shape, address(left, True), address(right, True), scratch]
            elif block.op == "dot":
                a, b, counts = block.sources
                pair = iter(zip(a, b, strict=True))
                for count in counts:
                    table.append(count)
                    for _ in range(count):
                        table += [address(place, of_lanes) for place in next(pair)]
            else:
                if block.op == "total":
                    own = [int(of_lanes)]
                from_lanes = of_lanes and block.op != "spread"
                for places in zip(*block.sources, strict=True):
                    table += [address(place, from_lanes) for place in places]
            width = self.width if of_lanes else 1
            row = [codes[block.op], width, block.size, address(block.start, block.lanes), start]
            rows.append([*row, *own, *[0] * (FIELDS - len(row) - len(own))])
        if schedule.slots:
            rows.append([codes["finish"], 1, len(schedule.slots), schedule.slots.start, len(table)])
            rows[-1] += [0] * (FIELDS - len(rows[-1]))
            table.append(singles - 1)
        return np.array(table or [0], np.uint32), np.array(rows, np.uint32).reshape(-1, FIELDS)


def kernel_source(program: Program, ops: list[str]) -> str:
    """The text of the compiled loop, for these opcodes beside the fixed ones."""
    cases = [_case(program, op, code) for code, op in enumerate(ops, len(RESERVED))]
    return _multiply() + _LOOP + "".join(cases) + "    return np.int64(failed)\n"


def _case(program: Program, op: str, code: int) -> str:
    """The branch of the loop for one opcode, written by its gate's rule."""
    gate = program.gate(op)
    assert gate is not None
    rule = Rule(gate, op, taken=gate.operands)  # x0, x1, ...: the loop has names of its own
    names = [argument.name for argument in rule.arguments]
    body = [f"{x} = memory[a{i} + lane]" for i, x in enumerate(names)]
    body += [*rule.lines(NUMBA), f"y = {NUMBA.literal(rule.answer)}", "memory[o + lane] = y"]
    if op == gate.name and gate.condition:
        body += [f"if {' or '.join(f'{x} != {x}' for x in names)}:", "    failed = True"]
    if op == gate.name and gate.failures:
        body += ["if y - y != 0.0:", "    failed = True"]
    load = [f"a{i} = np.uint64(table[t + U{i}])" for i in range(len(names))]
    lines = [f"elif op == {code}:  # {op}", "    for i in range(count):"]
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
    """Where kernels are kept: the user's cache; a temporary folder if that cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "autograd-core"
        folder.mkdir(parents=True, exist_ok=True)
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
    text = _MULTIPLY.replace("FIELDS_OF_A_BLOCK", str(FIELDS))
    return text + "".join(f"    {line}\n" for line in lines)


_MULTIPLY = '''\
"""The loop of a compiled program, written by autograd_core.run_numba."""

import math

import numpy as np
from numba import cfunc, njit, types

SUMS = {"contract", "reassoc"}
FIELDS = np.uint64(FIELDS_OF_A_BLOCK)
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
        if op == 4:  # spread
            for i in range(count):
                number = memory[table[t + i]]
                o = start + i * width
                for lane in range(width):
                    memory[o + lane] = number
        elif op == 5:  # copy
            for i in range(count):
                a = np.uint64(table[t + i])
                o = start + i * width
                for lane in range(width):
                    memory[o + lane] = memory[a + lane]
        elif op == 0:  # dot
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
        elif op == 2:  # total
            for i in range(count):
                a = np.uint64(table[t])
                b = np.uint64(table[t + U1])
                t += U2
                if n:
                    memory[start + i] = over_lanes(memory, a, b, lanes)
                else:
                    memory[start + i] = memory[a] * memory[b] * lanes
        elif op == 1:  # product
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
        elif op == 3:  # outer
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
        elif op == 6:  # finish
            total = scaled(memory, start, count, memory[table[t]])
            if total - total != 0.0:
                failed = True
'''
