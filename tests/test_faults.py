"""Faults from outside: Ctrl-C at any bytecode, no memory, a full disk, a layout program gone wrong.

Whatever is hit has happened wholly or not at all, and says what was wrong. With the long profile
every bytecode has its turn, else a sample:

    pytest tests/test_faults.py --hypothesis-profile=long
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import event, given, settings

import nn
import viz
from autograd_core import Value, compile_graph, is_tracing, modes, topological
from viz import save

ROOT = Path(viz.__file__).parents[1]
ROUNDS = settings.default.max_examples
FORMATS = [".dot", ".json", ".mmd"]
if viz.render.engine() is not None:
    FORMATS += [".svg", ".png", ".html"]
if shutil.which("dot") is not None:
    FORMATS += [".pdf"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs scripts and signals of POSIX")

# ---------------------------------------------------------------------------- Ctrl-C


def run_to(step, block, *files):
    """Run the block, with a KeyboardInterrupt at bytecode number `step` of what stands in `files`.

    How many of these bytecodes ran; all, if none is interrupted.
    """
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if not frame.f_code.co_filename.endswith(files):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            if count == step:
                raise KeyboardInterrupt
        return trace

    sys._getframe().f_trace_opcodes = (
        True  # from 3.12 on one frame must ask before the trace starts
    )
    before = sys.gettrace()  # what measures coverage
    sys.settrace(trace)
    try:
        block()
    except KeyboardInterrupt:
        assert count >= step
    finally:
        sys.settrace(before)
    return count


def steps_of(block, *files, most=ROUNDS):
    """The bytecodes to interrupt: all, or `most` and the last, where things are put back."""
    count = run_to(0, block, *files)
    steps = range(1, count + 1)
    if count <= most + 150:
        return steps
    return [*sorted(random.Random(count).sample(steps[:-150], most)), *steps[-150:]]


def is_free():
    """Whether another thread can make a backward pass, and no mode is left on in this one."""
    x = Value(2.0)
    thread = threading.Thread(target=(x * x).backward, daemon=True)
    thread.start()
    thread.join(20)
    return x.grad == 4.0 and not modes.contexts and not modes.mine.in_backward


ENGINE = ("autograd_core/value.py", "autograd_core/graph.py", "autograd_core/modes.py")


@pytest.mark.parametrize("method", ["backward", "zero_grad"])
def test_a_pass_that_is_interrupted_changes_all_gradients_or_none(method, record_property):
    x = Value(0.7)
    root = (x * x).sin() + x.exp() * x
    root.backward()
    nodes = topological(root)
    once = [v.grad for v in nodes]

    def again():
        getattr(root, method)()

    steps = steps_of(again, *ENGINE, most=10_000)
    assert len(steps) > 50
    changed = 0
    for step in steps:
        for v, grad in zip(nodes, once, strict=True):
            v.grad = grad
        assert run_to(step, again, *ENGINE) >= step
        grads = [v.grad for v in nodes]
        after = [2.0 * grad if method == "backward" else 0.0 for grad in once]
        assert grads in (once, after), step
        changed += grads == after
        assert is_free(), step
    assert changed < len(steps)
    record_property("cases", len(steps))


class Schedule:
    """A rate that falls by half; `passes` counts its steps outside of what fit restores."""

    def __init__(self, optimizer, passes):
        self.optimizer, self.factor = optimizer, 1.0
        Schedule.passes = passes

    def step(self):
        Schedule.passes.append(0)
        self.factor *= 0.5
        self.optimizer.lr = 0.1 * self.factor


def training():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    return model, optimizer, Schedule(optimizer, [])


def train(parts, epochs, eager):
    model, optimizer, schedule = parts
    xs = [[0.5, -1.0], [1.0, 0.3], [-0.7, 0.2]]
    nn.fit(
        model, nn.MSELoss(), (xs, [[0.1], [1.0], [-1.0]]), optimizer, epochs=epochs, batch_size=2,
        scheduler=schedule, eager=eager, verify=0,
    )  # fmt: skip


def held(parts):
    model, optimizer, schedule = parts
    return (
        [p.data for p in model.parameters()],
        *optimizer.snapshot(),
        optimizer.lr,
        schedule.factor,
    )


TRAINING = (
    "nn/training.py",
    "nn/optim/__init__.py",
    "program/compiled.py",
    "autograd_core/value.py",
)


@pytest.mark.parametrize("eager", [True, False], ids=["eager", "compiled"])
@pytest.mark.parametrize("files", [TRAINING[:1], TRAINING], ids=["fit", "below"])
def test_a_training_that_is_interrupted_holds_its_last_whole_epoch(eager, files, record_property):
    epochs = 3
    after = []
    for count in range(epochs + 1):
        parts = training()
        train(parts, count, eager)
        after.append(held(parts))
    steps = steps_of(lambda: train(training(), epochs, eager), *files)
    seen = set()
    for step in steps:
        parts = training()
        run_to(step, lambda parts=parts: train(parts, epochs, eager), *files)
        assert held(parts) in after, (step, held(parts))
        done = after.index(held(parts))
        assert len(Schedule.passes) - 1 <= done <= len(Schedule.passes), step
        seen.add(done)
        assert is_free() and not is_tracing(), step
        train(parts, epochs - done, eager)
        assert held(parts) == after[epochs], step
    assert len(seen) > 2
    record_property("cases", len(steps))


def test_a_compiled_graph_is_right_after_an_interrupted_call(record_property):
    w = [Value(0.5), Value(-1.0)]

    def function(x, y):
        return (w[0] * x + w[1]).tanh() * y

    f = compile_graph(function, w, backend="numpy", verify=0)
    rows = [0.3, -0.2, 0.9], [1.0, 2.0, -1.0]
    f.value_and_grad(*rows)
    numbers = iter(range(10**9))

    def call():
        w[0].data = 0.001 * next(numbers)
        f.value_and_grad(*rows)

    files = ("program/compiled.py", "program/run_numpy.py")
    steps = steps_of(call, *files)
    for step in steps:
        run_to(step, call, *files)
        value, slopes = f.value_and_grad(*rows)
        root = sum(function(x, y) for x, y in zip(*rows, strict=True)) / 3
        for v in w:
            v.grad = 0.0
        root.backward()
        assert value == pytest.approx(root.data, rel=1e-12), step
        assert slopes.tolist() == pytest.approx([v.grad for v in w], rel=1e-12), step
        assert is_free() and not is_tracing(), step
    record_property("cases", len(steps))


def graph():
    x = Value(3.0, "x")
    root = (x * 2.0).exp() + x
    root.label = "f"
    root.backward()
    return root


# An interrupt right after a file was opened leaves its closing to the interpreter.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("before", [None, b"what was there"], ids=["new", "old"])
def test_a_save_that_is_interrupted_leaves_the_old_file_or_the_new(
    before, tmp_path, record_property
):
    path, root = tmp_path / "f.json", graph()
    whole = save(root, tmp_path / "whole.json").read_bytes()
    files = ("viz/files.py", "tempfile.py")
    steps = steps_of(lambda: save(root, path), *files, most=10_000)
    contents = set()
    for step in steps:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        run_to(step, lambda: save(root, path), *files)
        contents.add(path.read_bytes() if path.exists() else None)
    assert contents == {before, whole}
    record_property("cases", len(steps))


# ---------------------------------------------------------------------------- memory

NO_MEMORY = """
import threading
import _testcapi
from autograd_core import Value, topological

x = Value(0.7)
root = (x * x).sin() + x.exp() * x
nodes = topological(root)
root.backward()
once = [v.grad for v in nodes]
failures, start, ended = 0, 0, False
while not ended:
    start += 1
    for stop in (start + 1, 0):  # one allocation fails, or all from here on
        for v, grad in zip(nodes, once):
            v.grad = grad
        failed = False
        _testcapi.set_nomemory(start, stop)
        try:
            root.backward()
        except MemoryError:
            failed = True
        _testcapi.remove_mem_hooks()
        grads = [v.grad for v in nodes]
        twice = [2.0 * grad for grad in once]
        assert grads == twice or failed and grads == once, (start, stop, failed)
        failures += failed
    ended = not failed
thread = threading.Thread(target=root.backward, daemon=True)
thread.start()
thread.join(20)
assert root.grad == 3.0, "the lock is still held"
print(failures)
"""


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="from 3.12 on CPython itself crashes under this hook"
)
def test_a_pass_without_memory_changes_all_gradients_or_none(record_property):
    pytest.importorskip("_testcapi", reason="this Python was installed without _testcapi")
    # A tracer, as that of coverage, needs memory itself.
    plain = {name: x for name, x in os.environ.items() if not name.startswith("COVERAGE")}
    run = subprocess.run(
        [sys.executable, "-c", NO_MEMORY],
        cwd=ROOT, env=plain, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 10
    record_property("cases", int(run.stdout))


# ---------------------------------------------------------------------------- disk


def kept(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(st.text(st.characters(exclude_characters="/"), max_size=300), st.sampled_from(FORMATS[:3]))
def test_a_file_of_any_name_is_there_whole_or_the_error_says_why(name, suffix):
    root = graph()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        whole = save(root, folder / f"f{suffix}").read_bytes()
        before = kept(folder)
        try:
            path = save(root, folder / f"{name}{suffix}")
        except (OSError, ValueError) as error:
            event(type(error).__name__)
            assert kept(folder) == before and str(error)
        else:
            event("saved")
            assert path == folder / f"{name}{suffix}" and path.read_bytes() == whole
            assert set(kept(folder)) == {*before, path.name}


@pytest.mark.parametrize("bytes_of_name", [200, 250, 255])
def test_a_name_as_long_as_the_disk_takes_is_taken(bytes_of_name, tmp_path):
    name = "n" * (bytes_of_name - 5) + ".json"
    (tmp_path / name).write_text("the disk takes it")
    assert save(graph(), tmp_path / name).read_bytes().startswith(b"{")


FULL = """
import resource, signal, sys
from pathlib import Path
from autograd_core import Value
from viz import save, step

x = Value(3.0, "x")
root = (x * 2.0).exp() + x
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        save(root, path)
        print(path.name, "was saved")
    except OSError as error:
        print(error)
"""


@posix
@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_leaves_the_old_file(room, tmp_path, record_property):
    for suffix in FORMATS:
        (tmp_path / f"f{suffix}").write_bytes(b"what was there")
    before = kept(tmp_path)
    run = subprocess.run(
        [sys.executable, "-B", "-c", FULL, str(tmp_path), str(room)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("File too large") == len(FORMATS), run.stdout
    assert kept(tmp_path) == before
    record_property("cases", len(FORMATS))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("suffix", FORMATS)
def test_no_space_left_is_said_and_leaves_the_old_file(suffix, tmp_path, monkeypatch):
    path = tmp_path / f"f{suffix}"
    path.write_bytes(b"what was there")

    def full(dir, prefix):
        temporary = Path(dir, prefix)
        temporary.touch()
        return os.open("/dev/full", os.O_WRONLY), str(temporary)

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(OSError, match="No space left"):
        save(graph(), path)
    assert kept(tmp_path) == {path.name: b"what was there"}


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_folder_that_takes_no_files_is_named(suffix):
    with pytest.raises(OSError, match=rf"/proc/\d+/\.f\{suffix}"):
        save(graph(), f"/proc/self/f{suffix}")


@posix
@pytest.mark.parametrize("target", ["there.json", "missing.json", "missing/f.json", "link.json"])
def test_a_link_is_followed_or_refused(target, tmp_path):
    (tmp_path / "there.json").write_text("what was there")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    before = set(tmp_path.iterdir())
    try:
        save(graph(), link)
    except OSError:
        assert target in ("missing/f.json", "link.json")  # into no folder, or back to itself
        assert set(tmp_path.iterdir()) == before and link.is_symlink()
    else:
        assert link.read_bytes().startswith(b"{")
        assert set(tmp_path.iterdir()) <= {*before, tmp_path / target}


# ---------------------------------------------------------------------------- the layout program


@pytest.fixture
def dot(tmp_path, monkeypatch):
    """dot(script): that script is the only `dot` there is; the processes that were started."""
    folder = tmp_path / "bin"
    folder.mkdir()
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    def install(script):
        program = folder / "dot"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
        monkeypatch.setattr(subprocess, "Popen", Recorded)
        return started

    return install


def gone(process):
    """Whether it has ended and its end was taken note of: no zombie."""
    if process.returncode is None:
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


@posix
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
@pytest.mark.parametrize("script", ["exec sleep 600", "echo '<svg>'; exec sleep 600"])
def test_a_dot_that_hangs_is_ended_and_the_error_says_so(
    script, suffix, dot, tmp_path, monkeypatch
):
    started = dot(script)
    monkeypatch.setattr(viz.render, "PATIENCE", 0.3)
    path = tmp_path / f"f{suffix}"
    path.write_bytes(b"what was there")
    with pytest.raises(RuntimeError, match=r"dot found no layout in 0\.3 s\. Draw a smaller part"):
        save(graph(), path)
    assert path.read_bytes() == b"what was there"
    assert len(started) == 1 and gone(started[0])


@posix
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer on this system")
def test_ctrl_c_ends_a_dot_that_hangs(dot):
    started = dot("exec sleep 600")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            viz.draw(graph()).pipe("svg")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert len(started) == 1 and started[0].wait(20) == -signal.SIGKILL


BROKEN = {
    "it fails": "cat >/dev/null; echo 'syntax error' >&2; exit 1",
    "it fails at once": "exit 1",
    "it writes and fails": "echo '<svg></svg>'; exit 1",
    "it says nothing": "cat >/dev/null",
    "it prints garbage": "cat >/dev/null; echo 'Killed'",
    "half a picture": "cat >/dev/null; printf '<svg width=\"8pt\"><g>'",
    "half a png": "cat >/dev/null; printf '\\211PNG\\r\\n'",
    "it complains in no encoding": "cat >/dev/null; printf '\\377\\376' >&2; exit 1",
    "it is killed": "kill -9 $$",
}


@posix
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".html"])
@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
def test_a_dot_that_goes_wrong_is_an_error_and_leaves_the_old_file(script, suffix, dot, tmp_path):
    started = dot(script)
    path = tmp_path / f"f{suffix}"
    path.write_bytes(b"what was there")
    with pytest.raises(RuntimeError, match=r"dot could not draw|dot did not write a whole"):
        save(graph(), path)
    assert path.read_bytes() == b"what was there"
    assert set(tmp_path.iterdir()) == {path, tmp_path / "bin"}
    assert all(map(gone, started))
