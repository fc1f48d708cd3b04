"""What a thread may switch: no_grad, trace_creation, the tracer's hook."""

import asyncio
import copy
import gc
import inspect
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from autograd_core import (
    TraceError,
    Value,
    apply,
    exp,
    first_nan,
    first_stale,
    gates,
    grad,
    gradients,
    is_tracing,
    log,
    modes,
    no_grad,
    tanh,
    topological,
    trace_creation,
    used,
    where,
)

# ------------------------------------------------------------------ no_grad


def test_no_grad_records_nothing_and_its_results_count_as_constants():
    x = Value(3.0)
    with no_grad():
        y = x * x + 1.0
        leaf = Value(2.0)
    assert (y.data, y.op, y.inputs, y.partials) == (10.0, "+", (), ())
    z = y * x * leaf
    z.backward()
    assert x.grad == 20.0 and y.grad == 6.0
    assert grad(z, [x])[0].data == 20.0
    leaf.backward()
    assert leaf.grad == 30.0 + 1.0


def test_backward_of_a_result_made_under_no_grad_names_no_grad_and_changes_nothing():
    x = Value(3.0)
    with no_grad():
        y = exp(x) * 2.0
        with pytest.raises(RuntimeError, match="no_grad"):
            y.backward()
    with pytest.raises(RuntimeError, match="no_grad"):
        y.backward()
    assert (x.grad, y.grad) == (0.0, 0.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x + 1.0, lambda x: -x, lambda x: x.relu(), lambda x: x.tanh(), lambda x: x**2,
        lambda x: x / 2.0, lambda x: x.max(1.0), lambda x: x.elu(), lambda x: 2.0**x, abs, tanh,
        lambda x: x.leaky_relu(),
    ],
)  # fmt: skip
def test_every_kind_of_gate_respects_no_grad(make):
    with no_grad():
        v = make(Value(1.0))
    assert v.inputs == () and v.op != "" and v.data == make(Value(1.0)).data
    assert make(Value(1.0)).inputs != ()


def test_no_grad_nests_and_ends_after_an_error_and_may_be_used_again():
    x = Value(2.0)
    context = no_grad()
    with context:
        with no_grad(), context:
            assert (x * x).inputs == ()
        assert (x * x).inputs == ()
    assert (x * x).inputs == (x, x)
    with pytest.raises(ZeroDivisionError):
        with context:
            x / 0.0
    assert (x * x).inputs == (x, x)


def test_a_mode_decorates_whatever_is_called_and_does_not_yield():
    class Double:
        def __call__(self, x):
            return x * 2

    x = Value(3.0)
    for function in (Double(), partial(Double()), partial(pow, x), exp, Value.exp):
        assert function(x).inputs != () and no_grad()(function)(x).inputs == ()


@pytest.mark.parametrize("mode", [no_grad, trace_creation])
def test_a_mode_decorates_a_function(mode):
    @mode()
    def double(x, times=2):
        "Doc."
        return x * times

    x = Value(3.0)
    inside, outside = double(x), x * 2
    assert (
        double.__name__ == "double" and double.__doc__ == "Doc." and double(x, times=3).data == 9.0
    )
    assert (inside.inputs == ()) == (mode is no_grad) and outside.inputs
    assert bool(inside.line) == (mode is trace_creation) and not outside.line


def test_a_mode_says_what_it_cannot_decorate():
    def generator():
        yield 1

    async def coroutine():
        pass

    class Stream:
        def __call__(self):
            yield 1

    for function, called in [
        (generator, "generator"), (coroutine, "coroutine"), (Stream(), "Stream"),
        (partial(partial(generator)), "generator"), (partial(Stream()), "Stream"),
    ]:  # fmt: skip
        with pytest.raises(TypeError, match=rf"end before {called} runs.*`with no_grad"):
            no_grad()(function)
    with pytest.raises(TypeError, match=r"make one of the class Stream: decorate its methods"):
        no_grad()(Stream)
    with pytest.raises(
        TypeError, match=r"takes no argument: write `with no_grad\(\):`, or @no_grad"
    ):
        no_grad(len)
    with pytest.raises(TypeError, match=r"@no_grad\(\) decorates a function, not 3"):
        no_grad()(3)


def test_a_graph_made_outside_is_differentiated_inside_of_no_grad():
    x = Value(2.0)
    y = x * x
    with no_grad():
        y.backward()
    assert x.grad == 4.0


def test_recording_undoes_no_grad():
    x = Value(2.0)
    with no_grad(), modes.recording():
        assert (x * x).inputs == (x, x)


def test_no_grad_is_thread_local(on_thread):
    x = Value(2.0)
    with no_grad():
        assert on_thread(lambda: (x * x).inputs) == (x, x)
        assert (x * x).inputs == ()
    entered, checked = threading.Event(), threading.Event()

    def hold():
        with no_grad():
            entered.set()
            checked.wait(10)
            return (x * x).inputs

    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(hold()))
    thread.start()
    try:
        assert entered.wait(10)
        assert (x * x).inputs == (x, x)
    finally:
        checked.set()
        thread.join()
    assert outcome == [()]
    assert (x * x).inputs == (x, x)


# ------------------------------------------------------------------ trace_creation


def here():
    return inspect.currentframe().f_back.f_lineno


def test_no_line_is_kept_unless_asked():
    assert (Value(1.0) * 2.0).line == "" and "line" not in repr(Value(1.0))


def test_trace_creation_keeps_the_line_that_made_a_value():
    with trace_creation():
        leaf = Value(2.0)
        leaf_line = here() - 1
        v = exp(leaf)
        w = -v * 3.0
    assert leaf.line == f"test_modes.py:{leaf_line}: leaf = Value(2.0)"
    assert v.line == f"test_modes.py:{leaf_line + 2}: v = exp(leaf)"
    assert w.line == w.inputs[0].line == f"test_modes.py:{leaf_line + 3}: w = -v * 3.0"
    assert f"line={v.line!r}" in repr(v)
    assert (v * 2.0).line == ""


def test_an_error_names_the_line_that_made_its_operand_and_the_line_that_failed():
    with trace_creation():
        x = Value(1.0, label="x")
        d = x - 1.0
        line = here() - 1
        with pytest.raises(ZeroDivisionError) as caught:
            x / d
    message = str(caught.value)
    assert message.startswith("div: x=1.0 / 0.0: division by zero")
    assert f"0.0 was made at test_modes.py:{line}: d = x - 1.0" in message
    assert f"x=1.0 was made at test_modes.py:{line - 1}:" in message
    assert f"is at test_modes.py:{line + 3}: x / d" in message
    with pytest.raises(ValueError, match=rf"was made at test_modes\.py:{line}: ") as outside:
        log(d)
    assert " is at " not in str(outside.value)


# ------------------------------------------------------------------ the tracer's hook


class Refused(Exception):
    pass


class FakeTracer:
    """The five methods; it keeps what it was told, and answers with what a test can recognise."""

    def __init__(self):
        self.values, self.refused, self.questions, self.choices, self.uses = [], [], [], [], []

    def made(self, value):
        self.values.append(value)

    def refuse(self, what):
        self.refused.append(what)
        raise Refused(what)

    def compare(self, gate, a, b):
        self.questions.append((gate, a, b))
        return "an answer"

    def where(self, condition, a, b):
        self.choices.append((condition, a, b))
        return "a choice"

    def used(self, what, answer):
        self.uses.append((what, answer))


@contextmanager
def a_mode_is_open():
    """As far as those know who ask whether any is."""
    modes.contexts.add((-1, "", None))
    try:
        yield
    finally:
        modes.contexts.discard((-1, "", None))


@pytest.fixture
def tracer(monkeypatch):
    """A tracer of this thread, as `compile_graph` sets one; it is gone after the test."""
    fake = FakeTracer()
    monkeypatch.setattr(modes.mine, "tracer", fake)
    with a_mode_is_open():
        yield fake


@pytest.fixture
def values():
    """Made before the tracer is set, if asked for before it."""
    x = Value(2.0, "x")
    return x, Value(3.0, "y"), x * 5.0


def test_the_tracer_is_told_of_every_value_that_is_made(values, tracer):
    x, y, _ = values
    leaf = Value(1.0)
    made = [
        x + y, x - y, x * y, -x, x / y, x**2, x**y, x.relu(), x.tanh(), x.max(y), x.elu(),
        exp(x), apply(gates["sigmoid"], x),
    ]  # fmt: skip
    assert tracer.values == [leaf, *made]
    assert not tracer.refused
    lifted = x + 7
    assert tracer.values[-2:] == [lifted.inputs[1], lifted]


READING = {
    "data": lambda x, y, r: x.data,
    "item": lambda x, y, r: x.item(),
    "detach": lambda x, y, r: x.detach(),
    "writing data": lambda x, y, r: setattr(x, "data", 1.0),
    "grad": lambda x, y, r: x.grad,
    "partials": lambda x, y, r: r.partials,
    "bool": lambda x, y, r: bool(x),
    "not": lambda x, y, r: not x,
    "format": lambda x, y, r: f"{x:.3f}",
    "copy": lambda x, y, r: copy.copy(x),
    "pickle": lambda x, y, r: pickle.dumps(x),
    "backward": lambda x, y, r: r.backward(),
    "gradients": lambda x, y, r: gradients(r),
    "grad()": lambda x, y, r: grad(r, [x]),
    "first_nan": lambda x, y, r: first_nan(r),
    "==": lambda x, y, r: x == y,
    "!=": lambda x, y, r: x != 2.0,
    "writing grad": lambda x, y, r: setattr(x, "grad", 1.0),
    "zero_grad": lambda x, y, r: r.zero_grad(),
}


@pytest.mark.parametrize("way", READING)
def test_the_tracer_refuses_where_a_number_would_have_to_be_known(values, tracer, way):
    with pytest.raises(Refused):
        READING[way](*values)
    assert len(tracer.refused) == 1


def test_the_tracer_refuses_gates_under_no_grad(values, tracer):
    x, y, _ = values
    for make in (lambda: x + y, lambda: x.tanh(), lambda: x / y):
        with pytest.raises(Refused, match="no_grad"), no_grad():
            make()


@pytest.mark.parametrize("kind", [float, int, complex])
def test_a_plain_number_is_a_trace_error_that_a_function_may_catch(values, tracer, kind):
    with pytest.raises(TraceError, match=r"test_modes\.py:\d+: kind\(x\)"):
        x = values[0]
        kind(x)
    assert tracer.refused == []  # it has not branched on the number


def test_a_trace_error_names_no_line_where_no_code_of_a_user_runs(values):
    with ThreadPoolExecutor(1) as pool, a_mode_is_open():
        pool.submit(setattr, modes.mine, "tracer", FakeTracer()).result()
        error = pool.submit(values[0].__float__).exception()
    assert isinstance(error, TraceError) and "while the function is traced: the" in str(error)


def test_what_needs_no_number_is_not_refused(values, tracer):
    x, y, r = values
    assert (x.label, r.op, r.inputs[0], r.gate, r.constants, x.line) == (
        "x", "*", x, gates["mul"], (), "",
    )  # fmt: skip
    assert len(topological(r)) == 3 and r in {r} and x is not y
    assert repr(x).startswith("Value(") and f"{x}" == repr(x)
    assert not tracer.refused


def test_a_comparison_is_the_tracers_answer_with_the_operands_in_the_order_of_less(values, tracer):
    x, y, _ = values
    answers = [x < y, x > y, x <= y, x >= y, x < 1.0, 1.0 < x, 2 >= x]
    assert answers == ["an answer"] * 7
    assert tracer.questions == [
        ("less", x, y), ("less", y, x), ("less_equal", x, y), ("less_equal", y, x),
        ("less", x, 1.0), ("less", 1.0, x), ("less_equal", x, 2),
    ]  # fmt: skip


def test_where_asks_the_tracer_unless_the_condition_is_known(values, tracer):
    x, y, _ = values
    condition = object()
    assert where(condition, x, 1.0) == where(x, 1.0, y) == "a choice"
    assert tracer.choices == [(condition, x, 1.0), (x, 1.0, y)]
    assert where(True, x, y) is x and where(False, x, y) is y
    assert len(tracer.choices) == 2


def test_used_goes_to_the_tracer_and_outside_of_a_trace_does_nothing(monkeypatch):
    module = object()
    assert used(module, ("training",)) is None
    fake = FakeTracer()
    with a_mode_is_open(), monkeypatch.context() as traced:
        traced.setattr(modes.mine, "tracer", fake)
        assert is_tracing()
        used(module, ("training",))
    assert not is_tracing()
    used(module, ("eval",))
    assert fake.uses == [(module, ("training",))]


def test_without_a_tracer_nothing_is_refused():
    for way in READING.values():
        x, y = Value(2.0), Value(3.0)
        way(x, y, x * y)
    x, y = Value(2.0), Value(3.0)
    assert (x < y) is True and where(x < y, x, y) is x


def test_a_tracer_is_that_of_its_thread(values, tracer, on_thread):
    x, y, _ = values
    assert is_tracing() and not on_thread(is_tracing)
    assert on_thread(lambda: (x.data, x < y)) == (2.0, True)


# ------------------------------------------------------------------ writes


def test_a_write_to_data_is_noticed_and_a_write_to_grad_is_not():
    x = Value(1.0)
    before = modes.writes
    x.grad = 5.0
    (x * x).backward()
    assert modes.writes is before
    x.data = 1.0  # the same number is a write, too
    assert modes.writes is not before
    before = modes.writes
    with pytest.raises(TypeError):
        x.data = "1"
    assert x.data == 1.0
    y = x * x
    x.data = 2.0
    assert first_stale(y) is y and first_stale(x * x) is None


def test_the_part_in_c_is_told_how_many_writes_there_were(monkeypatch):
    told = []
    monkeypatch.setattr(modes, "counted", told.append)
    x = Value(1.0)
    x.data = 2.0
    x.data = 3.0
    assert told == [modes.writes - 1, modes.writes]


# ------------------------------------------------------------------ interrupts


def interrupted_at(step, block):
    """Run the block with a KeyboardInterrupt at its bytecode number `step`; whether one came."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            if count == step:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()  # what measures coverage
    sys._getframe().f_trace_opcodes = (
        True  # from 3.12 on one frame must ask before the trace starts
    )
    sys.settrace(trace)
    try:
        block()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("context", [no_grad, trace_creation])
def test_a_context_ends_with_its_block_at_whatever_bytecode_it_is_interrupted(context):
    import linecache  # noqa: F401 - loaded now, not under the interrupts

    def block():
        with context():
            return Value(1.0) * 2.0

    step = 1
    while interrupted_at(step, block):
        assert modes.mine.recording and not modes.mine.keeps_lines, step
        assert not modes.contexts, step
        step += 1
    assert step > 100


def test_a_context_that_is_entered_twice_ends_twice():
    once = no_grad()
    with once, once:
        pass
    assert modes.mine.recording and not modes.contexts


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_during_a_backward_pass_leaves_no_lock_held():
    x = Value(2.0)
    y = x
    for _ in range(2000):
        y = y * 1.001
    busy = threading.Event()
    stop = threading.Event()

    def passes():
        while not stop.is_set():
            y.backward(watch=lambda *_: busy.set())

    thread = threading.Thread(target=passes)
    thread.start()
    busy.wait()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:  # would wait for ever on the lock of a thread that is not there
                signal.alarm(20)
                (x * 2.0).backward()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()


def test_only_trace_creation_keeps_lines():
    with no_grad():
        x = Value(1.0)
        assert x.line == (x * 2.0).line == ""


def test_no_gradient_is_zeroed_in_a_watch():
    x = Value(2.0)
    with pytest.raises(RuntimeError, match="watch"):
        (x * x).backward(watch=lambda *_: x.zero_grad())
    assert x.grad == 0.0


# ------------------------------------------------------------------ tracebacks in a notebook


def hidden(error):
    """The functions that an error came through, and of these the hidden ones."""
    names, marked = [], []
    place = error.__traceback__
    while place is not None:
        names.append(place.tb_frame.f_code.co_name)
        if place.tb_frame.f_locals.get("__tracebackhide__"):
            marked.append(names[-1])
        place = place.tb_next
    return names, marked


@pytest.mark.parametrize(
    "call, raises",
    [
        (lambda x: log(x), "evaluate"), (lambda x: Value("a"), "real"),
        (lambda x: Value(10**400), "real"), (lambda x: float(x), "__float__"),
    ],
)  # fmt: skip
def test_frames_are_marked_only_where_ipython_is_loaded(call, raises, values, tracer, monkeypatch):
    x = Value(-1.0)
    monkeypatch.setitem(sys.modules, "IPython", sys)
    with pytest.raises((TypeError, ValueError, OverflowError)) as caught:
        call(x)
    names, marked = hidden(caught.value)
    assert names[-1] == raises and marked == names[2:]  # all but the test's own
    monkeypatch.delitem(sys.modules, "IPython")
    with pytest.raises((TypeError, ValueError, OverflowError)) as caught:
        call(x)
    assert hidden(caught.value)[1] == []


# ------------------------------------------------------------------ blocks that end in any order


def test_blocks_may_end_in_any_order():
    one, two = no_grad(), no_grad()
    x = Value(2.0)
    one.__enter__()
    two.__enter__()
    one.__exit__()
    assert (x * x).inputs == ()
    two.__exit__()
    assert (x * x).inputs == (x, x) and not modes.contexts
    with no_grad(), modes.recording():
        assert (x * x).inputs == (x, x)
    held = no_grad()
    with held:
        with held:
            pass
        assert (x * x).inputs == ()
    assert (x * x).inputs == (x, x) and not modes.contexts


def test_one_context_serves_two_threads():
    held, x = no_grad(), Value(2.0)
    inside, out = threading.Event(), threading.Event()

    def other():
        with held:
            inside.set()
            out.wait()

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    with held:
        assert (x * x).inputs == ()
    assert (x * x).inputs == (x, x)
    out.set()
    thread.join()
    with trace_creation():
        assert (x * x).inputs == (x, x)
    assert not modes.contexts


def test_two_coroutines_may_wait_in_their_blocks():
    x = Value(2.0)

    async def score(first, second):
        with no_grad():
            first.set()
            await second.wait()
            return (x * x).inputs

    async def both():
        a, b = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(score(a, b), score(b, a))

    assert asyncio.run(both()) == [(), ()]
    with trace_creation():
        assert (x * x).inputs == (x, x)
    assert not modes.contexts


def test_an_inner_block_that_is_interrupted_ends_too(monkeypatch):
    leave, calls = modes.Context.__exit__, []

    def interrupted(self, *exception):
        calls.append(self._name)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return leave(self, *exception)

    monkeypatch.setattr(modes.Context, "__exit__", interrupted)
    with pytest.raises(KeyboardInterrupt), no_grad(), no_grad():
        pass
    monkeypatch.undo()
    gc.collect()
    x = Value(2.0)
    with trace_creation():
        assert (x * x).inputs == (x, x)
    assert not modes.contexts


def in_block(mode, *ends):
    """A generator that waits in the block, and then at `ends`."""
    with mode:
        yield
        for end in ends:
            end()


def finish(generator):
    next(generator, None)


def test_a_block_that_ends_in_another_thread_is_closed_where_it_was_opened(on_thread):
    x = Value(2.0)
    waiting = in_block(no_grad())
    next(waiting)
    on_thread(lambda: finish(waiting))
    assert (x * x).inputs == (x, x) and not modes.contexts
    outer, inner = in_block(no_grad()), in_block(modes.recording())
    next(outer)
    next(inner)
    on_thread(lambda: finish(outer))
    assert (x * x).inputs == (x, x)
    with no_grad():
        on_thread(lambda: finish(inner))
        assert (x * x).inputs == ()
    assert (x * x).inputs == (x, x) and not modes.contexts


def test_a_block_that_ends_in_another_thread_leaves_that_threads_own_open(on_thread):
    held, x = no_grad(), Value(2.0)
    waiting = in_block(no_grad())
    shared = in_block(held)
    next(waiting)
    next(shared)

    def other():
        with held:
            finish(waiting)
            inside = (x * x).inputs
        after = (x * x).inputs
        finish(shared)
        return inside, after, (x * x).inputs

    assert on_thread(other) == ((), (x, x), (x, x))
    assert (x * x).inputs == (x, x) and not modes.contexts


def test_a_generator_that_is_dropped_in_another_thread_closes_its_block(on_thread):
    x = Value(2.0)
    waiting = [in_block(no_grad())]
    next(waiting[0])
    on_thread(waiting.clear)
    assert (x * x).inputs == (x, x) and not modes.contexts


def test_the_thread_of_a_block_may_have_ended_before_the_block(on_thread):
    waiting = in_block(no_grad())
    on_thread(lambda: next(waiting))
    assert modes.contexts
    finish(waiting)
    assert modes.mine.recording and not modes.contexts


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_end_in_another_thread_may_be_interrupted_at_any_bytecode(on_thread):
    step, came = 1, True
    while came:
        waiting = in_block(no_grad())
        next(waiting)
        end = partial(finish, waiting)
        came = on_thread(partial(interrupted_at, step, end))
        del waiting, end
        assert modes.mine.recording and not modes.contexts, step
        step += 1
    assert step > 50


def test_threads_may_end_blocks_while_their_thread_opens_and_closes_others():
    x, rounds = Value(2.0), 300
    waiting = [in_block(no_grad()) for _ in range(rounds)]
    for generator in waiting:
        next(generator)
    with ThreadPoolExecutor(4) as pool:
        done = pool.map(finish, waiting)
        for _ in range(rounds):
            with modes.recording():
                assert (x * x).inputs == (x, x)
            with no_grad():
                assert (x * x).inputs == ()
        list(done)
    assert (x * x).inputs == (x, x) and not modes.contexts


def test_a_context_that_is_kept_keeps_no_block_and_no_thread(on_thread):
    held = no_grad()
    for run in (lambda run: run(), on_thread):
        with held:
            pass
        run(lambda: finish(in_block(held)))
        assert not held._blocks and not modes.mine.open
