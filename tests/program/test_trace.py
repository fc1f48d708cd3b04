"""Tracing: what a function does, and what it must not do."""

import copy
import gc
import itertools
import math
import operator
import random
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nn
from autograd_core import (
    TraceError,
    Value,
    apply,
    compile_graph,
    exp,
    first_nan,
    gates,
    grad,
    grade,
    grade_gradients,
    gradients,
    jacobian,
    log,
    maximum,
    minimum,
    no_grad,
    used,
    value_and_grad,
    where,
)
from autograd_core.program.trace import Condition, trace

# ------------------------------------------------------------------ what a trace holds


def traced(fn, *shapes):
    return trace(fn, [f"x{i}" for i in range(len(shapes))], shapes)


def test_inputs_are_named_by_argument_and_place():
    seen = []

    def fn(a, b, c):
        seen.extend([a, b, c])
        return a * b[1] * c[0][1]

    made = trace(fn, ["a", "b", "c"], [(), (2,), (2, 2)])
    assert [v.label for v in made.inputs] == [
        "a", "b[0]", "b[1]", "c[0][0]", "c[0][1]", "c[1][0]", "c[1][1]",
    ]  # fmt: skip
    assert all(math.isnan(v.data) for v in made.inputs)
    a, b, c = seen
    assert a is made.inputs[0] and b == made.inputs[1:3] and c[1] == made.inputs[5:7]


def test_outputs_are_what_was_returned_and_lone_if_that_was_one():
    one = traced(lambda x: x * 2.0, ())
    assert one.lone and [v.op for v in one.outputs] == ["*"]
    many = traced(lambda x: (x, x * 2.0, 3), ())
    assert not many.lone and many.outputs[:1] == many.inputs
    assert [v.data for v in many.outputs[2:]] == [3.0]
    assert traced(lambda x: 3, ()).lone and traced(lambda x: x > 0.0, ()).lone


def test_the_order_is_topological_and_holds_gates_that_may_fail_although_nothing_uses_them():
    def fn(x):
        unused = log(x)
        forgotten = x.tanh()  # cannot fail: nobody misses it
        del unused, forgotten
        return (x * 2.0).exp()

    made = traced(fn, ())
    assert [v.op for v in made.order if v.op] == ["log", "*", "exp"]
    assert made.order[0] is made.inputs[0]


def test_leaves_made_inside_are_constants_and_leaves_from_outside_are_parameters():
    w = Value(2.0, "w")
    made = traced(lambda x: x * w + Value(3.0) * 4, ())
    assert made.parameters == [w] and made.fixed == []
    assert sorted(v.data for v in made.order if not v.op and v not in (w, *made.inputs)) == [
        3.0, 4.0,
    ]  # fmt: skip


def test_a_result_made_under_no_grad_is_fixed_and_gets_no_gradient():
    w = Value(2.0, "w")
    with no_grad():
        scale = w * 3.0
    made = traced(lambda x: x * scale * w, ())
    assert made.parameters == [w] and made.fixed == [scale]


def test_a_graph_made_outside_is_part_of_the_program_until_its_leaves_are_written():
    w = Value(2.0, "w")
    square = w * w
    made = traced(lambda x: x * square, ())
    assert made.parameters == [w] and square in made.order
    assert traced(lambda x: x * square, ()).fixed == []
    f = compile_graph(lambda x: x * square)
    assert f.value_and_grad([3.0]) == (12.0, [12.0])
    w.data = 5.0  # the engine's square is 4 still
    with pytest.raises(TraceError, match=r"was made outside of it.*detach"):
        f.value_and_grad([3.0])


# ------------------------------------------------------------------ conditions


CONDITIONS = {
    "and": lambda x: where((x > 0.0) & (x < 1.0), x, -x),
    "or": lambda x: where((x < 0.0) | (x >= 1.0), x, -x),
    "and, or": lambda x: where(((x > 0.0) & (x < 1.0)) | (x <= -1.0), x, -x),
    "with a bool": lambda x: where((x > 0.0) & True, x, where(False | (x < -1.0), 2.0, 3.0)),
    "a bool on the left": lambda x: where(True & (x > 0.0), x, -x),
    "plus": lambda x: (x > 0.0) + x,
    "plus, reflected": lambda x: 1.0 + (x > 0.0) + x * 0.0,
    "minus": lambda x: (x > 0.0) - x,
    "minus, reflected": lambda x: x - (x > 0.0),
    "times": lambda x: (x > 0.0) * x,
    "times, reflected": lambda x: x * (x > 0.0) * 2,
    "over": lambda x: (x > 0.0) / (x * x + 1.0),
    "over, reflected": lambda x: x / ((x > 0.0) + 1),
    "neg": lambda x: -(x > 0.0) * x,
    "sum": lambda x: sum([x > -1.0, x > 0.0, x > 1.0]) * x,
    "of conditions": lambda x: where(x > 0.0, x > 1.0, x < -1.0) + x * 0.0,
    "returned": lambda x: x > 0.0,
    "a number": lambda x: where(x, 1.0, 2.0) * x,
    "less than a condition": lambda x: where(x < (x > 0.0), x, 2.0),
    "where of where": lambda x: where(where(x > 0.0, 1.0, 0.0), x, -x),
    "at most": lambda x: where((x > 0.0) <= x, 1.0, 2.0) + x * 0.0,
    "above": lambda x: where((x > 0.0) > x, 1.0, 2.0) + x * 0.0,
    "max of x and 1": lambda x: where(1.0 >= x, 1.0, x),
}
POINTS = [-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 1.5, 4.0]


@pytest.mark.parametrize("name", CONDITIONS)
def test_arithmetic_with_a_condition_uses_the_1_or_0_that_it_is(name):
    fn = CONDITIONS[name]
    wanted = [float(getattr(y, "data", y)) for y in (fn(Value(x)) for x in POINTS)]
    assert compile_graph(fn).each(POINTS).tolist() == wanted


def test_a_number_over_a_condition_is_itself_or_fails():
    f = compile_graph(lambda x: x / (x > 0.0))
    assert f([2.0]) == 2.0
    with pytest.raises(ZeroDivisionError):
        f([-1.0])


@pytest.mark.parametrize("join", [operator.and_, operator.or_, operator.xor])
def test_a_condition_joined_with_a_number_is_pythons_type_error(join):
    with pytest.raises(TypeError, match="unsupported operand"):
        traced(lambda x: join(x > 0.0, 2.0), ())


def test_where_on_what_is_known_is_its_arm():
    for known in (True, False, 1, 0):
        made = traced(lambda x, y, known=known: where(known, x, y), (), ())
        assert made.outputs == [made.inputs[0 if known else 1]]


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x if x > 0.0 else -x,
        lambda x: x * (not x > 0.0),
        lambda x: x * bool((x > 0.0) | (x < -1.0)),
        lambda x: x * all([x > 0.0, x < 1.0]),
        lambda x: (x > 0.0) and x,
    ],
)
def test_the_truth_of_a_condition_is_refused(fn):
    with pytest.raises(TraceError, match="comparison of numbers is asked for its truth"):
        traced(fn, ())


@pytest.mark.parametrize(
    "fn",
    [lambda x: x if (x > 0.0) == True else -x, lambda x: x if (x > 0.0) != False else -x],  # noqa: E712
)
def test_a_branch_on_the_comparison_of_a_condition_with_a_bool_is_refused(fn):
    with pytest.raises(TypeError):
        traced(fn, ())


def test_a_condition_that_outlives_its_trace_still_has_no_truth():
    kept = []
    traced(lambda x: kept.append(x > 0.0) or x, ())
    assert isinstance(kept[0], Condition)
    with pytest.raises(TraceError, match="after the trace"):
        bool(kept[0])


def test_a_comparison_with_what_is_not_a_number_is_pythons_type_error():
    for thing in ("1", None, [1.0]):
        for compare in (lambda x, t: x < t, lambda x, t: x >= t):
            with pytest.raises(TypeError, match="not supported between"):
                traced(lambda x, t=thing, c=compare: c(x, t), ())


def test_where_refuses_what_is_not_a_number():
    with pytest.raises(TypeError, match="an operand of a traced function must be a real number"):
        traced(lambda x: where(x > 0.0, x, "1"), ())


# ------------------------------------------------------------------ parameters


class Model:
    """What `used` asks of a model: `reads` and `parameters`."""

    def __init__(self, *parameters, mode="training"):
        self.values = parameters
        self.mode = mode

    def parameters(self):
        return list(self.values)

    def reads(self):
        return (self.mode,)

    def __call__(self, x):
        used(self, self.reads())
        return self.values[-1] * x * (2.0 if self.mode == "training" else 1.0)


def leaves(names):
    return [Value(0.5 + i, name) for i, name in enumerate(names)]


def test_parameters_of_modules_come_first_in_their_order_then_loose_leaves_by_first_use():
    a, b, c, d, u, v, w = leaves("abcduvw")
    first, second, idle = Model(a, b), Model(c, b), Model(d)

    def fn(x):
        y = v * x + (u * x) * v  # v before u: inputs from left to right
        return y + second(x) * a + first(x) + w

    made = traced(fn, ())
    assert made.parameters == [c, b, a, v, u, w]  # `second` ran before `first`; a is in a module
    assert made.asked == [(second, ("training",)), (first, ("training",))]
    assert idle.values[0] not in made.parameters


def test_a_module_that_ran_gives_all_its_parameters_although_it_uses_one():
    a, b, w = leaves("abw")
    f = compile_graph(lambda x: Model(a, b)(x) * w)
    gradient = f.value_and_grad([1.0])[1]
    assert f.parameters == [a, b, w]
    assert gradient.tolist() == [0.0, 2.0 * w.data, 2.0 * b.data]


def test_what_has_no_parameters_is_asked_only_for_what_it_reads():
    class Switch:
        on = True

        def reads(self):
            return self.on

    switch, w = Switch(), Value(3.0, "w")

    def fn(x):
        used(switch, switch.reads())
        return w * x if switch.on else -w * x

    f = compile_graph(fn)
    assert f([2.0]) == 6.0 and f.parameters == [w]
    switch.on = False
    assert f([2.0]) == -6.0


def test_parameters_that_are_given_keep_their_order_and_the_others_get_no_gradient():
    a, b, w = leaves("abw")
    f = compile_graph(lambda x: Model(a, b)(x) * w, [w, a])
    assert f.value_and_grad([1.0])[1].tolist() == [2.0 * b.data, 0.0]
    assert f.parameters == [w, a]


def test_an_input_is_not_a_parameter_of_the_module_that_is_given_it():
    w = Value(3.0, "w")
    made = traced(lambda x: Model(w, x)(x), ())
    assert made.parameters == [w]


def test_the_function_is_traced_anew_when_what_it_read_has_changed():
    runs = []
    w = Value(3.0, "w")
    model = Model(w)

    def fn(x):
        runs.append(model.mode)
        return model(x)

    f = compile_graph(fn, verify=0)
    for mode, value in (("training", 6.0), ("eval", 3.0), ("training", 6.0), ("eval", 3.0)):
        model.mode = mode
        for rows in ([1.0], [1.0, 1.0], [1.0]):
            assert f(rows) == value
            assert f.value_and_grad(rows)[1].tolist() == [value / 3.0]
    assert runs == ["training", "eval"]


def test_a_mode_that_never_comes_back_does_not_fill_the_memory():
    w = Value(3.0, "w")
    model = Model(w)
    f = compile_graph(model)
    kept = []
    for epoch in range(60):
        model.mode = Mode(epoch)
        kept.append(weakref.ref(model.mode))
        assert f([1.0]) == 3.0 and f([1.0, 3.0]) == 6.0
    gc.collect()
    assert sum(ref() is not None for ref in kept) <= 20


class Mode:
    """A setting that can be watched."""

    def __init__(self, epoch):
        self.epoch = epoch


def test_the_parameters_of_the_models_that_fn_uses_come_first_in_their_order():
    model, extra = nn.MLP(2, [3, 1], rng=0), Value(1.0, "extra")
    f = compile_graph(lambda x: extra * model(x))
    f([[1.0, 2.0]])
    assert f.parameters == [*model.parameters(), extra]


def test_a_function_of_a_variable_that_is_set_later():
    def make():
        f = compile_graph(lambda x: later * x)
        later = Value(3.0)
        return f

    assert make()([2.0]) == 6.0


def test_models_are_found_where_fn_reaches_them():
    import functools

    model = nn.MLP(2, [3, 1], rng=0)

    def helper(x, y):
        return (model(x) - y) ** 2

    class Trainer:
        def __init__(self):
            self.net = model

        def loss(self, x, y):
            return (self.net(x) - y) ** 2

    def with_model(net, x, y):
        return (net(x) - y) ** 2

    for fn in (
        lambda x, y: helper(x, y), Trainer().loss, functools.partial(with_model, model),
    ):  # fmt: skip
        f = compile_graph(fn)
        f([[1.0, 2.0]], [1.0])
        assert f.parameters == model.parameters()


# ------------------------------------------------------------------ what it returns


@pytest.mark.parametrize(
    "answer",
    [
        None, "text", {"a": 1}, [[1.0]],
        [],
    ],
)  # fmt: skip
def test_a_function_that_returns_something_else_is_refused(answer):
    with pytest.raises(TypeError, match="what a traced function returns"):
        compile_graph(lambda x: answer)([1.0])


def test_a_function_without_a_return_is_asked_for_it():
    with pytest.raises(TypeError, match=r"got None: is a `return` missing\?"):
        traced(lambda x: None, ())


# ------------------------------------------------------------------ reading numbers


W = Value(2.0, "w")


def _under_no_grad(x):
    with no_grad():
        return x * 2.0


def _if(x):
    if x > 0.0:
        return x
    return -x


def _while(x):
    while x < 10.0:
        x = x * 2.0
    return x


def _and(x):
    return where(0.0 < x < 1.0, x, W)


READING = {
    ".data": lambda x: x * W.data,
    "item": lambda x: x * W.item(),
    "detach": lambda x: x * W.detach(),
    "float": lambda x: x * float(W),
    "int": lambda x: x * int(W),
    "complex": lambda x: x * complex(W),
    "math.exp": lambda x: x * math.exp(W),
    "bool": lambda x: x * bool(W),
    "not": lambda x: x * (not x),
    "if": _if,
    "while": _while,
    "and": _and,
    "or": lambda x: x or W,
    "max()": lambda x: max(x, W),
    "min()": lambda x: min([x, W]),
    "sorted": lambda x: sorted([x, W])[0],
    "format": lambda x: float(f"{W:.3f}") * x,
    "no_grad": _under_no_grad,
    "grad()": lambda x: grad(W * x, [W])[0],
    "backward()": lambda x: (W * x).backward(),
    ".grad": lambda x: x * W.grad,
    ".partials": lambda x: x * (W * 3.0).partials[0],
    "gradients": lambda x: x * gradients(W * W)[W],
    "value_and_grad": lambda x: x * value_and_grad(lambda a: a * a, [2.0])[0],
    "jacobian": lambda x: x * jacobian(lambda a: a * a, [2.0])[0],
    "first_nan": lambda x: x if first_nan(x) is None else W,
    "copy": lambda x: x * copy.copy(W),
    "deepcopy": lambda x: x * copy.deepcopy([W])[0],
    "np.array": lambda x: x * np.array([W], float)[0],
    "np.maximum": lambda x: np.maximum(np.array([x]), W)[0],
    "array.max": lambda x: np.array([x, W]).max(),
    "array.sort": lambda x: np.sort(np.array([x, W]))[0],
    "writing": lambda x: setattr(W, "data", 3.0) or x,
    "any": lambda x: x * any([x > 0.0, W > 0.0]),
    "state_dict": lambda x: x * nn.Linear(1, 1, rng=0).state_dict()["bias"][0],
}


@pytest.mark.parametrize("way", READING)
def test_reading_a_number_is_refused_with_the_line_and_the_remedy(way):
    f = compile_graph(READING[way])
    with pytest.raises(TraceError) as found:
        f([1.0, 2.0])
    message = str(found.value)
    assert "test_trace.py:" in message
    for remedy in ("where(", "maximum(", "eager=True"):
        assert remedy in message
    assert W.data == 2.0


def test_the_error_shows_the_line_that_branched():
    with pytest.raises(TraceError, match=r"test_trace\.py:\d+: if x > 0\.0:"):
        compile_graph(_if)([1.0])


def test_numbers_can_be_read_again_after_a_trace_that_failed():
    with pytest.raises(TraceError):
        compile_graph(_if)([1.0])
    assert W.data == 2.0 and _if(Value(-3.0)).data == 3.0


def test_where_maximum_and_minimum_work_instead(eager, close):
    fn = lambda x: where(x > 0.0, x, -x) + maximum(x, W) * minimum(x, 1.0)  # noqa: E731
    rows = [[-3.0], [0.5], [2.0], [7.0]]
    value, [slope], _ = eager(fn, rows, [W])
    found, gradient = compile_graph(fn).value_and_grad([row[0] for row in rows])
    close([found, *gradient], [value, slope])


def test_ufuncs_and_matrices_of_values_work_and_do_not_warn(close):
    a = np.array([[Value(1.0), Value(2.0)], [Value(0.5), Value(-1.0)]])
    f = compile_graph(lambda x: np.exp(a @ np.array(x)).sum())
    close(f([[1.0, 2.0]]), math.exp(5.0) + math.exp(-1.5))


def test_a_result_of_no_grad_is_a_constant():
    with no_grad():
        fixed = W * 3.0
    value, gradient = compile_graph(lambda x: W * x * fixed).value_and_grad([1.0])
    assert value == 12.0 and gradient.tolist() == [6.0]


def test_random_numbers_in_a_traced_function_are_refused():

    with pytest.raises(TraceError, match="draws random numbers"):
        compile_graph(lambda x: x * random.random())([1.0])


def test_a_refusal_that_is_caught_is_raised_in_the_end():
    def fn(x):
        try:
            return x if x > 0 else -x
        except TypeError:
            return x * 3

    with pytest.raises(TraceError, match="asked for its truth"):
        compile_graph(fn)([1.0])


def test_a_trace_in_one_thread_leaves_the_numbers_of_another_readable():
    entered, done = threading.Event(), threading.Event()
    w = Value(2.0)

    def fn(x):
        entered.set()
        assert done.wait(10.0)
        return x * w

    answers = []
    thread = threading.Thread(target=lambda: answers.append(compile_graph(fn)([3.0])))
    thread.start()
    assert entered.wait(10.0)
    y = w * 4.0
    y.backward()
    assert y.data == 8.0 and w.grad == 4.0 and (y > 1.0) is True
    done.set()
    thread.join()
    assert answers == [6.0]


# ---------------------------------------------------------------------------- nothing is baked in


W = Value(2.0, "w")


@pytest.mark.parametrize(
    "fn",
    [
        lambda x, y: x if y == 1 else -x, lambda x, y: x if y != 1 else -x,
        lambda x, y: x * (y in [0.0, 1.0]), lambda x, y: x * [1.0, 2.0].count(y),
        lambda x, y: x if x == y else -x, lambda x, y: x * {1.0: 2.0}.get(y > 0, 3.0),
        lambda x, y: x * len({x > 0, y > 0}), lambda x, y: x * float(x > 0),
        lambda x, y: x * int(x > 0), lambda x, y: x * [3.0, 4.0][x > 0],
        lambda x, y: x if not x > 0 else -x, lambda x, y: x * max(x > 0, y > 0),
        lambda x, y: x * ((x > 0) == "yes"), lambda x, y: x * round(x > 0),
        lambda x, y: x * float(f"{x > 0:d}"), lambda x, y: W.zero_grad() or x,
        lambda x, y: setattr(W, "grad", 0.0) or x,
    ],
)  # fmt: skip
def test_what_would_have_to_know_a_number_is_refused_with_the_line(fn):
    with pytest.raises(TraceError, match=r"while the function is traced at .*lambda"):
        compile_graph(fn)([1.0], [2.0])


@pytest.mark.parametrize(
    "fn",
    [
        lambda x, y: where((x > 0) == (y > 0), x, -x), lambda x, y: where((x > 0) != (y > 0), x, y),
        lambda x, y: where((x > 0) ^ (y > 0), x, -x),
        lambda x, y: where((x > 0) == True, x, -x),  # noqa: E712
        lambda x, y: where((x > 0) & (y > 0) | (x < y), x, -x), lambda x, y: (x > 0) + (y > 0) + x,
        lambda x, y: 3.0 * (x > 0) - (y > 0) / 2.0 + x, lambda x, y: sum([x > 0, y > 0]) * x,
        lambda x, y: where(((x > 0) < (y > 0)) | ((x > 0) >= 1.0), x, -x),
        lambda x, y: -(x > y) * x,
        lambda x, y: where(True & (x > 0), x, False | (x > y)) + x,
    ],
)  # fmt: skip
def test_conditions_are_recorded_as_the_engine_has_them(fn):
    f = compile_graph(fn)
    points = [(a, b) for a in (-1.0, 0.0, 0.5) for b in (-2.0, 0.0, 0.5)]
    xs, ys = zip(*points, strict=True)
    eager = [fn(Value(a), Value(b)) for a, b in points]
    assert f.each(xs, ys).tolist() == [getattr(v, "data", v) for v in eager]


def test_the_same_object_is_the_same_in_a_trace_too():
    f = compile_graph(lambda x: x * 2.0 if x == x and x in [x] and not x != x else x)
    assert f([3.0]) == 6.0
    assert Value(2.0) != Value(2.0)


def test_random_numbers_of_numpys_own_generator_are_refused():
    with pytest.raises(TraceError, match="draws random numbers"):
        compile_graph(lambda x: x * np.random.normal())([1.0])


def test_a_compiled_graph_inside_a_trace_is_refused():
    inner = compile_graph(lambda x: x * W)
    with pytest.raises(TraceError, match="a compiled graph is called while"):
        compile_graph(lambda x: x * inner([1.0]))([1.0])


def test_a_refusal_that_was_caught_before_a_nested_trace_is_not_lost():
    def fn(x):
        try:
            x.data  # noqa: B018
        except TraceError:
            pass
        trace(lambda z: z * 2.0, ["z"], [()])
        return x

    with pytest.raises(TraceError, match="a number is read"):
        compile_graph(fn)([1.0])


def test_a_gate_over_a_leaf_that_was_written_before_the_trace_is_refused():
    w = Value(3.0, "w")
    double = w * 2.0
    w.data = 4.0
    with pytest.raises(TraceError, match="was made outside of it"):
        compile_graph(lambda x: x * double)([1.0])


@pytest.mark.parametrize("join", ["and_", "or_", "xor", "eq", "ne"])
def test_comparisons_joined_with_others_are_the_1_or_0_that_they_are_in_the_engine(join):
    def fn(x, y):
        return 1.0 * getattr(operator, join)(x < 0.0, y < 0.0)

    f = compile_graph(fn, wrt="inputs")
    for x, y in itertools.product((-1.0, 1.0), repeat=2):
        assert f.value_and_grad([x], [y])[0] == fn(x, y)


def test_a_condition_is_not_known_in_a_trace_where_0_could_not_be_divided_by():
    def fn(x):
        return 1.0 / apply(gates["less"], x, 2.0)

    assert compile_graph(fn, wrt="inputs").value_and_grad([1.0])[0] == 1.0 == fn(1.0).data


def test_backward_in_a_trace_is_refused_by_its_name():
    with pytest.raises(TraceError, match=r"backward\(\) is called"):
        trace(lambda x: (x * 2.0).backward(), ["x"], [()])


def test_grad_in_a_trace_is_refused_before_its_function_runs():
    with pytest.raises(TraceError, match=r"grad\(\) is called"):
        trace(grad(lambda x: x.data * x), ["x"], [()])


def test_nothing_is_judged_in_a_trace():
    x = Value(1.0)
    with pytest.raises(TraceError, match=r"grade\(\) is called"):
        trace(lambda y: grade(lambda root: {}) and y, ["y"], [()])
    with pytest.raises(TraceError, match=r"grade_gradients\(\) is called"):
        trace(lambda y: grade_gradients(x * x, {x: 2.0}) and y, ["y"], [()])


# ------------------------------------------------------------------ other threads


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.data > 0.0, lambda x: x > 0.0, lambda x: bool(x), lambda x: x == 1.0,
        lambda x: x * 2.0, lambda x: (2.0 * x).relu(), lambda x: exp(x), lambda x: x.grad,
    ],
)  # fmt: skip
def test_no_other_thread_may_use_the_numbers_of_a_trace(ask):
    with ThreadPoolExecutor(1) as pool:
        f = compile_graph(lambda x: x if pool.submit(ask, x).result() else x * 5.0)
        with pytest.raises(TraceError, match="in another thread"):
            f.each([-1.0, 2.0, -3.0])

        def swallows(x):
            pool.submit(ask, x).exception()
            return x

        with pytest.raises(TraceError, match="in another thread"):
            compile_graph(swallows)([1.0])


def test_other_threads_go_on_with_their_own_numbers_during_a_trace():
    own = Value(3.0)

    def work():
        y = own * 2.0 + (own < 4.0)
        y.backward()
        return y.data

    with ThreadPoolExecutor(1) as pool:
        f = compile_graph(lambda x: x * pool.submit(work).result(), verify=0)
        assert f([1.0]) == 7.0
