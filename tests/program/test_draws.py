"""Random numbers in compiled graphs: every call has new ones, those that the engine would draw."""

import random

import numpy as np
import pytest

import nn
from autograd_core import TraceError, Value, compile_graph, drawn, run, to_numpy
from autograd_core.program.executors import EXECUTORS, is_there


@pytest.fixture(params=[*filter(is_there, EXECUTORS)])
def backend(request):
    return request.param


def noise(seed):
    source = random.Random(seed)
    return lambda n: [source.gauss(0.0, 1.0) for _ in range(n)]


def noisy(draw):
    """A function of one example that draws twice for it."""

    def fn(x):
        a, b = drawn(draw, 2)
        (c,) = drawn(draw, 1)
        return a * x + b * c

    return fn


def test_every_call_draws_anew_and_what_the_engine_draws(backend):
    f = compile_graph(noisy(noise(0)), wrt="inputs", backend=backend)
    fn = noisy(noise(0))
    for xs in ([1.0, 2.0, -1.0], [0.5], [1.0, 2.0, -1.0]):
        expected = [fn(Value(x)).data for x in xs]
        np.testing.assert_allclose(f.each(xs), expected, rtol=1e-14)
    value, slopes = f.value_and_grad([3.0, 3.0])
    first, second = fn(Value(3.0)), fn(Value(3.0))
    assert value == pytest.approx((first.data + second.data) / 2, rel=1e-14)
    assert np.shape(slopes) == (2,) and slopes[0] != slopes[1]


def test_sources_that_are_asked_in_turn_give_what_they_give_the_engine(backend):
    def turns(sizes):
        def drawing(seed):
            draw = noise(seed)
            return lambda n: sizes.append(n) or draw(n)

        one, two, never = map(drawing, (1, 2, 3))

        def fn(x):
            a, b, c, _ = drawn(one, 1)[0], drawn(two, 2), drawn(one, 1)[0], drawn(never, 0)
            return a * x + b[0] + b[1] * c

        return fn

    sizes = []
    f, fn = compile_graph(turns(sizes), backend=backend), turns([])
    for xs in ([1.0, 2.0, -1.0], [0.5, 4.0]):
        expected = [fn(Value(x)).data for x in xs]
        np.testing.assert_allclose(f.each(xs), expected, rtol=1e-14)
    assert sizes == [1, 2, 1] * 5


def test_sources_that_share_a_generator_give_what_they_give_the_engine(backend):
    """However many examples are run at a time, and whichever is checked before."""

    def difference(source):
        one = lambda: drawn(lambda n: [source.random() for _ in range(n)], 1)[0]  # noqa: E731
        return lambda x: 0.0 * x + one() - 2.0 * one() + drawn(source.gauss_, 1)[0]

    class Source(random.Random):
        def gauss_(self, n):
            return [self.gauss(0.0, 1.0) for _ in range(n)]

    fn = difference(Source(0))
    expected = [fn(Value(1.0)).data for _ in range(6)]
    for sizes in ([6], [1, 2, 3], [4, 2]):
        f = compile_graph(difference(Source(0)), backend=backend)
        found = [x for size in sizes for x in f.each([1.0] * size).tolist()]
        assert found == pytest.approx(expected, rel=1e-14)


def test_drawn_numbers_are_inputs_of_the_program_with_names_of_their_own(backend):
    f = compile_graph(noisy(noise(0)), wrt="inputs", backend=backend)
    program = f.trace([1.0])
    assert program.inputs == ("x", "drawn[0]", "drawn[1]", "drawn[2]")
    assert [program.name(r) for r in program.wrt] == ["x"]
    outputs, slopes = run(program, [[3.0, 0.5, -1.0, 4.0]])
    assert outputs.tolist() == [[-2.5]] and slopes.tolist() == [[0.5]]


def test_masks_of_a_layer_are_one_array_in_a_text():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Dropout(0.5, rng=1), nn.Linear(3, 1, rng=2))
    f = compile_graph(lambda x: model(x)[0])
    assert "layer1_mask = inputs[:, 2:5]" in to_numpy(f.trace([[1.0, 2.0]]))


def test_a_layer_that_is_used_twice_draws_twice(backend):
    drop = nn.Dropout(0.5, rng=0)
    f = compile_graph(lambda x: drop(drop(x)), backend=backend)
    again = nn.Dropout(0.5, rng=0)
    expected = [again(again(Value(1.0))).data for _ in range(20)]
    assert f.each([1.0] * 20).tolist() == expected and {*expected} == {0.0, 4.0}
    assert f.program.inputs == ("x", "mask[0]", "drawn[1]")


def test_a_compiled_dropout_follows_mode_and_rate(backend):
    drop = nn.Dropout(0.5, rng=0)
    f = compile_graph(lambda x: drop(x), wrt="inputs", backend=backend)
    assert {*f.each([1.0] * 30).tolist()} == {0.0, 2.0}
    drop.eval()
    assert f.each([1.0] * 30).tolist() == [1.0] * 30
    drop.train().p = 0.75
    assert {*f.each([1.0] * 30).tolist()} == {0.0, 4.0}


def test_the_check_of_a_trace_uses_the_masks_of_the_first_call(backend):
    runs = []
    for verify in (0, 2, 50):
        drop = nn.Dropout(0.5, rng=0)
        f = compile_graph(lambda x, drop=drop: drop(x * x), backend=backend, verify=verify)
        runs.append((f.each(np.arange(1.0, 9.0)).tolist(), drop.source.getstate()))
    assert runs[0] == runs[1] == runs[2]


def test_a_draw_that_the_trace_did_not_see_is_caught():
    draw, calls = noise(0), []

    def fn(x):
        calls.append(x)
        return x * drawn(draw, len(calls))[-1]

    with pytest.raises(TraceError, match="draws more numbers than when it was traced"):
        compile_graph(fn)([1.0, 2.0])
    calls += [0] * 5
    fewer = compile_graph(lambda x: x * drawn(draw, max(1, 3 - len(calls.append(x) or calls)))[0])
    del calls[:]
    with pytest.raises(TraceError, match="draws fewer numbers than when it was traced"):
        fewer([1.0, 2.0])


def test_a_draw_of_the_wrong_length_is_named_in_a_call():
    f = compile_graph(lambda x: x * drawn(lambda n: [1.0], 2)[0])
    with pytest.raises(ValueError, match=r"draw\(6\) must return 6 numbers, it returned 1"):
        f([1.0, 2.0, 3.0])


def test_drawing_without_drawn_is_refused_with_its_name():
    with pytest.raises(TraceError, match=r"take them from autograd_core\.drawn"):
        compile_graph(lambda x: x * random.random())([1.0])
