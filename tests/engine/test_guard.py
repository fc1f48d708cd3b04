"""A learner's function is run with care: it ends, it is explained, and it leaves nothing behind."""

import contextlib
import itertools
import json
import random
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from autograd_core import Value, attempt, gradients, is_tracing, modes, no_grad, trace_creation


def test_what_it_returns_comes_back():
    assert attempt(lambda a, b: a - b, 5, form="(a, b)", b=3) == (2, "")


def f(x):
    return 1 / x


def g(x):
    return helper(x)


def helper(x):
    return x["no"]


def forever():
    while True: pass  # noqa: E701  # fmt: skip


def forever_in_a_generator():
    return all(True for _ in iter(int, 1))


def catches_everything():
    while True:
        try:
            time.time()
        except Exception:
            pass


def again(x):
    return again(x)


@pytest.mark.parametrize(
    "function, arguments, words",
    [
        (f, (0,), "f raised ZeroDivisionError: division by zero, in line 24: return 1 / x."),
        (g, ([],), "g raised TypeError: list indices .*, in line 28: return helper\\(x\\)"),
        (f, (), "f could not be called with \\(x\\): .* missing 1 required .* def f\\(x\\):"),
        (f, (1, 2), "f could not be called with \\(x\\): .* 2 were given"),
        (again, (1,), "again calls itself again and again without an end, in line .*again\\(x\\)"),
        (forever, (), "forever was stopped after 10,000 steps: it seems to run for ever, in line"),
        (forever_in_a_generator, (), "was stopped after 10,000 steps.*: return all"),
        (catches_everything, (), "was stopped after 10,000 steps"),
        (lambda x: x.nothing, (1,), "f raised AttributeError"),
    ],
)
def test_what_goes_wrong_is_said_with_its_line(function, arguments, words):
    result, trouble = attempt(function, *arguments, form="(x)", steps=10_000)
    assert result is None
    assert re.search(words, trouble), trouble


def test_the_limit_also_holds_in_a_thread():
    said = []
    run = threading.Thread(target=lambda: said.append(attempt(forever, form="()", steps=1_000)))
    run.start()
    run.join(20)
    assert "1,000 steps" in said[0].trouble


def test_lines_of_these_packages_and_of_python_are_not_counted():
    def long_graph():
        v = Value(1.0)
        for _ in range(50):
            v = v.tanh() + 1.0
        return gradients(v) and random.Random(0).sample(range(1000), 900)

    assert attempt(long_graph, form="()", steps=5_000).trouble == ""


@pytest.mark.parametrize("cheat", [lambda x: x.backward(), lambda x: [gradients(x)]])
def test_what_it_may_not_call_is_told(cheat):
    x = Value(1.0)
    barred = (Value.backward, gradients)
    result, trouble = attempt(cheat, x * x, form="(x)", without=barred)
    assert result is None and "calls " in trouble and "(), in line " in trouble
    assert "x.backward()" in trouble or "gradients(x)" in trouble
    assert x.grad == 0.0


def test_a_cheat_that_hides_its_error_is_seen_too():
    def hidden(x):
        try:
            x.backward()
        except BaseException:
            return 1

    assert "calls backward()" in attempt(
        hidden, Value(1.0), form="(x)", without=[Value.backward]
    ).trouble  # fmt: skip


def test_a_cheat_by_way_of_a_library_is_told_at_the_learners_own_line():
    def hidden(x):
        with contextlib.ExitStack() as stack:
            stack.callback(x.backward)

    trouble = attempt(hidden, Value(1.0), form="(x)", without=[Value.backward]).trouble
    assert "calls backward(), in line" in trouble and ": with contextlib.ExitStack()" in trouble


def test_only_a_function_can_be_called():
    with pytest.raises(TypeError, match=r"called with \(root\), got NoneType: give it by its name"):
        attempt(None, form="(root)")


def test_ctrl_c_and_exit_pass_through():
    for error in (KeyboardInterrupt, SystemExit):

        def stops(error=error):
            raise error

        with pytest.raises(error):
            attempt(stops, form="()")
        assert sys.gettrace() is TRACE


TRACE = sys.gettrace()


def test_modes_generators_and_the_trace_function_are_as_before(capsys):
    numpy = pytest.importorskip("numpy")

    def messes_up():
        print("noise")
        random.random()
        numpy.random.random()
        opened.append(no_grad().__enter__())
        opened.append(trace_creation().__enter__())
        return (Value(1.0) * 2.0).inputs

    opened = []
    before = random.getstate(), numpy.random.get_state()[1].tolist()
    traces = []
    tracer = sys.gettrace()

    def mine(*args):
        traces.append(args)

    sys.settrace(mine)
    try:
        attempt(messes_up, form="()")
        assert sys.gettrace() is mine
    finally:
        sys.settrace(tracer)
    assert (random.getstate(), numpy.random.get_state()[1].tolist()) == before
    assert capsys.readouterr().out == ""
    assert (Value(1.0) * 2.0).inputs and Value(1.0).line == "" and not is_tracing()
    opened.clear()
    assert (Value(1.0) * 2.0).inputs


def test_it_records_even_inside_no_grad():
    with no_grad():
        assert attempt(lambda: (Value(1.0) * 2.0).inputs, form="()").result
        assert not (Value(1.0) * 2.0).inputs


def test_it_ends_after_some_seconds_too(monkeypatch):
    """Where each step is a call of these packages, which may take long."""
    from autograd_core import guard

    monkeypatch.setattr(guard, "SECONDS", 0.05)
    assert "was stopped after 0.05 seconds: it seems to run for ever, in line" in trouble_of(
        forever
    )
    assert ": while True: pass" in trouble_of(forever)


def trouble_of(function):
    return attempt(function, form="()", steps=10**9).trouble


def test_a_line_takes_about_ten_steps():
    def counts():
        x = 0
        for _ in range(1000):
            x += 1

    assert attempt(counts, form="()", steps=14_000).trouble == ""
    assert "4,000 steps" in attempt(counts, form="()", steps=4_000).trouble


class Mine:
    def __init__(self, x):
        self.y = helper(x)


def waits():
    return forever()


def nested(x):
    def inner():
        return 1 / x

    return inner()


@pytest.mark.parametrize(
    "function, arguments, line",
    [
        (Mine, ([],), "self.y = helper(x)"), (nested, (0,), "return 1 / x"),
        (waits, (), "return forever()"), (partial(helper, []), (), 'return x["no"]'),
    ],
)  # fmt: skip
def test_the_innermost_line_of_the_learners_own_is_told(function, arguments, line):
    trouble = attempt(function, *arguments, form="(x)", steps=10_000).trouble
    assert trouble.endswith(f": {line}."), trouble


def test_no_line_is_told_where_none_is_the_learners():
    assert attempt(json.loads, "?", form="(x)").trouble.endswith("(char 0).")
    assert attempt(max, 1, 2, form="(a, b)").result == 2
    with ThreadPoolExecutor(1) as pool:
        given = {"form": "(root)", "without": [gradients]}
        done = pool.submit(attempt, gradients, Value(1.0), **given).result()
    assert done.trouble.startswith("gradients calls gradients(). That is the work")


def test_modes_that_a_new_thread_has_not_had_are_gone_afterwards():
    opened = []
    with ThreadPoolExecutor(1) as pool:
        pool.submit(attempt, lambda: opened.append(no_grad().__enter__()), form="()").result()
        assert pool.submit(lambda: (Value(1.0) * 2.0).inputs).result()
        pool.submit(opened.clear).result()


def goes_on_after_every_error():
    while True:
        try:
            while True: pass  # noqa: E701  # fmt: skip
        except:  # noqa: E722
            pass


def goes_on_twice_nested():
    while True:
        try:
            goes_on_after_every_error()
            while True:
                try:
                    while True: pass  # noqa: E701  # fmt: skip
                except BaseException:
                    continue
                finally:
                    goes_on_after_every_error()
        except BaseException as error:
            KEPT.append(error)


def goes_on_in_a_generator():
    def one_after_another():
        while True:
            try:
                yield 1
            except BaseException:
                pass

    for _ in one_after_another():
        with contextlib.suppress(BaseException):
            [... for _ in itertools.count()]


def goes_on_in_every_call():
    def branches(n):
        for _ in range(2):
            try:
                branches(n + 1)
            except BaseException:
                pass

    branches(0)


def goes_on_after_an_endless_recursion():
    with contextlib.suppress(RecursionError):
        again(1)
    while True: pass  # noqa: E701  # fmt: skip


def goes_on_after_what_it_may_not_do():
    while True:
        try:
            Value(1.0).backward()
        except BaseException:
            pass


def loops_in_the_words_of_its_error():
    class Odd(Exception):
        def __str__(self):
            return forever()

    raise Odd


KEPT = []


@pytest.mark.parametrize(
    "function, words",
    [
        (goes_on_after_every_error, "was stopped after 20,000 steps: .*: while True: pass"),
        (goes_on_twice_nested, "was stopped after 20,000 steps"),
        (goes_on_in_a_generator, "was stopped after 20,000 steps"),
        (goes_on_in_every_call, "was stopped after 20,000 steps"),
        (goes_on_after_an_endless_recursion, "was stopped after 20,000 steps: .*: while True:"),
        (goes_on_after_what_it_may_not_do, "calls backward\\(\\), in line .*Value\\(1.0\\)"),
        (loops_in_the_words_of_its_error, "was stopped after 20,000 steps: .*: return forever"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_is_caught_is_raised_again_until_it_is_over(function, words):
    threads = threading.active_count()
    trouble = attempt(function, form="()", steps=20_000, without=[Value.backward]).trouble
    KEPT.clear()
    assert re.search(words, trouble), trouble
    assert sys.gettrace() is TRACE and threading.active_count() == threads
    assert sys.exc_info() == (None, None, None)


def test_a_stop_by_time_that_is_caught_is_raised_again(monkeypatch):
    from autograd_core import guard

    monkeypatch.setattr(guard, "SECONDS", 0.05)
    assert "was stopped after 0.05 seconds" in trouble_of(goes_on_after_every_error)


def test_what_is_left_of_a_call_is_not_stopped_later():
    def numbers():
        yield from range(10_000)

    waiting = attempt(lambda: iter(numbers()), form="()", steps=1_000).result
    assert next(waiting) == 0 and sum(attempt(lambda: waiting, form="()").result) == 49_995_000
    assert sys.gettrace() is TRACE


def test_a_jump_over_more_than_a_byte_can_tell_is_one_too():
    text = "def far():\n while True:\n  try:\n" + "   x = 1\n" * 400 + "  except: pass\n"
    made = {"__name__": "far"}
    exec(text, made)
    assert "1,000 steps" in attempt(made["far"], form="()", steps=1_000).trouble


def test_blocks_that_the_call_left_open_are_closed():
    kept = []

    def opens():
        kept.append(no_grad())
        kept[0].__enter__()

    with trace_creation():
        before = set(modes.contexts)
        attempt(opens, form="()")
        assert modes.contexts == before
        with no_grad():
            pass
        made = Value(1.0) * 2.0
        assert made.inputs and made.line
    assert (Value(1.0) * 2.0).inputs and not Value(1.0).line
    kept.clear()
    assert (Value(1.0) * 2.0).inputs


def test_an_error_that_cannot_say_what_it_is_is_told_by_its_name():
    class Odd(Exception):
        def __str__(self):
            raise ValueError("no words")

    def fails():
        raise Odd

    assert re.fullmatch("fails raised Odd, in line \\d+: raise Odd.", trouble_of(fails))
