"""grade: each usual mistake gets its own sentence, the right pass none, and nothing is harmed."""

import itertools
import math
import random
from collections import deque
from functools import partial
from weakref import WeakKeyDictionary

import pytest

from autograd_core import (
    Gate,
    Grade,
    TraceError,
    Value,
    exp,
    grade,
    grade_gradients,
    grader,
    gradients,
    maximum,
    mistakes,
    modes,
    no_grad,
    topological,
)

INF, NAN = math.inf, math.nan


def wires(v):
    return list(zip(v.inputs, v.partials, strict=True))


# ---------------------------------------------------------------- right passes, in several ways


def into_grad(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local


def as_lesson_2(root):
    order = topological(root)
    total = dict.fromkeys(order, 0.0)
    total[root] = 1.0
    for v in reversed(order):
        for u, local in wires(v):
            total[u] += total[v] * local
    return total


def of_leaves_only(root):
    return {v: x for v, x in as_lesson_2(root).items() if not v.inputs}


def adding_as_the_engine_does(root):
    for v, gradient in as_lesson_2(root).items():
        v.grad += gradient


def path_by_path(v, arriving=1.0):
    v.grad += arriving
    return 1 + sum(path_by_path(u, arriving * local) for u, local in wires(v))


@pytest.mark.parametrize(
    "right",
    [into_grad, as_lesson_2, of_leaves_only, adding_as_the_engine_does, path_by_path],
)
def test_a_right_pass_is_right(right):
    for seed in range(3):
        report = grade(right, seed=seed)
        assert report.passed and report and report.tried == 100
        assert report.mistake is report.circuit is report.wire is None
        assert str(report) == "Right: 100 circuits, and every gradient is the engine's."


# ---------------------------------------------------------------- each mistake in several ways


def with_step(step):
    """A pass whose step may be wrong: step(v, i, u, local)."""

    def backward_pass(root):
        root.zero_grad()
        root.grad = 1.0
        for v in reversed(topological(root)):
            for i, (u, local) in enumerate(wires(v)):
                step(v, i, u, local)

    return backward_pass


def add(u, change):
    u.grad += change


def in_order(order):
    """A pass that takes the values in the order that order(root) gives."""

    def backward_pass(root):
        root.zero_grad()
        root.grad = 1.0
        for v in order(root):
            for u, local in wires(v):
                u.grad += v.grad * local

    return backward_pass


def first_reached(pop, turned=list):
    def order(root):
        waiting, seen = deque([root]), {root}
        while waiting:
            v = pop(waiting)
            yield v
            for u in turned(v.inputs):
                if u not in seen:
                    seen.add(u)
                    waiting.append(u)

    return order


def first_taken(pop, turned=list):
    def order(root):
        waiting, seen = deque([root]), set()
        while waiting:
            v = pop(waiting)
            if v not in seen:
                seen.add(v)
                yield v
                waiting.extend(turned(v.inputs))

    return order


def every_time(root):
    waiting = deque([root])
    while waiting:
        yield (v := waiting.popleft())
        waiting.extend(v.inputs)


def hand_on(v, seen=None, turned=list):
    for u, local in turned(wires(v)):
        u.grad += v.grad * local
        if seen is None or u not in seen:
            if seen is not None:
                seen.add(u)
            hand_on(u, seen, turned)


def recursive(root, turned=list):
    root.zero_grad()
    root.grad = 1.0
    hand_on(root, None, turned)


def recursive_once(root, turned=list):
    root.zero_grad()
    root.grad = 1.0
    hand_on(root, set(), turned)


def careless(root):
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local


def careless_from_the_root(root):
    root.grad += 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local


def careless_between_from_the_root(root):
    for v in topological(root):
        if not v.inputs:
            v.grad = 0.0
    careless_from_the_root(root)


def careless_between(root):
    for v in topological(root):
        if not v.inputs:
            v.grad = 0.0
    careless(root)


def own_rules(root, sign=-1.0, swap=False):
    """As a learner writes it who knows three gates."""
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        if not v.inputs:
            continue
        a, b = v.inputs
        if v.op == "+":
            a.grad += v.grad
            b.grad += v.grad
        elif v.op == "-":
            a.grad += v.grad
            b.grad += sign * v.grad
        elif v.op == "*":
            a.grad += v.grad * (a if swap else b).data
            b.grad += v.grad * (b if swap else a).data


def careless_of_its_own_sums(root, kept=WeakKeyDictionary()):  # noqa: B006
    for v in topological(root):
        kept.setdefault(v, 0.0)
    kept[root] = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            kept[u] += kept[v] * local
    return {v: kept[v] for v in topological(root) if not v.inputs}


# name: (ways to make it, gates of the smallest circuit at most)
PLANTED = {
    "forgot upstream": (
        [
            with_step(lambda v, i, u, local: add(u, local)),
            with_step(lambda v, i, u, local: add(u, local * (1.0 if v.op == "*" else v.grad))),
        ],
        2,
    ),
    "forgot local": ([with_step(lambda v, i, u, local: add(u, v.grad))], 1),
    "overwrote": (
        [
            with_step(lambda v, i, u, local: setattr(u, "grad", v.grad * local)),
            lambda root: overwrite(root, itertools.chain),
            lambda root: overwrite(root, reversed),
        ],
        1,
    ),
    "wrong operand": (
        [
            with_step(lambda v, i, u, local: add(u, v.grad * v.partials[-1 - i])),
            lambda root: own_rules(root, swap=True),
        ],
        1,
    ),
    "sign": (
        [
            with_step(lambda v, i, u, local: add(u, -v.grad * local)),
            with_step(lambda v, i, u, x: add(u, v.grad * (abs(x) if v.op == "-" else x))),
            lambda root: own_rules(root, sign=1.0),
        ],
        1,
    ),
    "wrong order": (
        [
            in_order(topological),
            in_order(first_reached(deque.popleft)),
            in_order(first_reached(deque.pop)),
            recursive_once,
        ],
        3,
    ),
    "visited twice": ([recursive, in_order(every_time)], 2),
    "did not zero": (
        [
            careless,
            careless_from_the_root,
            careless_between,
            careless_between_from_the_root,
            careless_of_its_own_sums,
        ],
        2,
    ),
}  # fmt: skip


def overwrite(root, ways):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in ways(wires(v)):
            u.grad = v.grad * local


each_way = pytest.mark.parametrize(
    "name, way, most",
    [
        pytest.param(name, way, most, id=f"{name} {k}")
        for name, (ways, most) in PLANTED.items()
        for k, way in enumerate(ways)
    ],
)


def test_all_mistakes_of_the_table_are_planted_here():
    assert list(PLANTED) == [name for name, one in mistakes.items() if "grader" in one.readers]


@each_way
def test_each_mistake_gets_its_own_sentence(name, way, most):
    three = {"gates": ["+", "-", "*"]}  # all that some ways know
    for seed in range(3):
        for options in [three] if "own_rules" in way.__code__.co_names else [three, {}]:
            report = grade(way, seed=seed, **options)
            assert not report and not report.passed
            assert report.mistake is mistakes[name], (seed, options, report)
            assert mistakes[name].sentence in str(report)
            gates = [v for v in topological(report.circuit) if v.inputs]
            assert len(gates) <= most, report


@each_way
def test_the_report_says_where(name, way, most):
    three = {"gates": ["+", "-", "*"]}
    report = grade(way, **three)
    gate, operand = report.wire
    assert gate.inputs[operand] is report.wrong
    values = topological(report.circuit)
    assert report.wrong in values and gate in values
    right = gradients(report.circuit)
    assert report.expected == right[report.wrong] and report.got == report.wrong.grad
    assert report.got != report.expected
    # All that its gradient is made of is right: what reads it lies nearer to the root.
    for v in values[values.index(report.wrong) + 1 :]:
        if v not in report.gradients:
            continue
        earlier = right[v] if name == "did not zero" else 0.0
        assert v.grad in (right[v], earlier + right[v])
    assert ("first pass was right" in report.sentence) == (name == "did not zero")
    assert report.expression.rpartition("; ")[2].startswith("f = ")
    assert f"{report.place}: got " in str(report) and f"gradient of {report.wrong.label}" in str(
        report
    )
    assert ", ".join(f"{v.label} = {v.data:g}" for v in values if not v.inputs) in str(report)


def test_a_pass_that_returns_its_gradients_leaves_them_in_grad_as_well():
    report = grade(lambda root: {v: 2.0 * x for v, x in as_lesson_2(root).items()})
    assert report.gradients == {v: 2.0 * x for v, x in gradients(report.circuit).items()}
    assert all(v.grad == x for v, x in report.gradients.items())


def test_the_same_seed_gives_the_same_report():
    way = PLANTED["wrong order"][0][3]
    assert str(grade(way, seed=4)) == str(grade(way, seed=4))
    seen = {str(grade(way, seed=seed)) for seed in range(6)}
    assert len(seen) > 1


def test_an_unknown_mistake_names_the_wire():
    half = with_step(lambda v, i, u, x: add(u, v.grad * x * (0.5 if v.op == "exp" else 1.0)))
    report = grade(half)
    assert report.mistake is None and report.expression == "f = exp(x)"
    assert "None of the usual mistakes" in str(report) and "on the wire into the input of f" in str(
        report
    )
    assert report.got == pytest.approx(report.expected / 2)


def test_a_gate_that_is_passed_over_is_named():
    report = grade(own_rules, gates=["+", "max"])
    assert "does your pass take the max gate" in report.sentence and report.mistake is None


def test_a_wrong_start():
    def seeds_two(root):
        into_grad(root)
        for v in topological(root):
            v.grad *= 2.0

    report = grade(seeds_two)
    assert report.wire is None and report.wrong is report.circuit
    assert (report.expected, report.got) == (1.0, 2.0) and "A pass begins at the root" in str(
        report
    )


def test_a_gradient_that_is_missing():
    report = grade(lambda root: {root: 1.0})
    assert "There is no gradient for x" in str(report) and "got nothing" in str(report)
    assert report.got is None and report.mistake is None


# ---------------------------------------------------------------- what never comes to numbers


def raises_on_forks(root):
    into_grad(root)
    for v in topological(root):
        if len({*v.inputs}) < len(v.inputs):
            raise KeyError(v.label)


def returns_late(root):
    yield root


def forever(root):
    while root:
        root.grad = 1.0


@pytest.mark.parametrize(
    "work, words",
    [
        (lambda root: None, "f left every gradient at 0. A pass begins with root.grad = 1.0"),
        (raises_on_forks, "raised KeyError: 'f', in line 3"),
        (forever, "forever was stopped after 200,000 steps: it seems to run for ever, in line"),
        (lambda: None, "could not be called with (root): "),
        (lambda root: root.backward(), "f calls backward(), in line"),
        (gradients, "gradients calls gradients()"),
        (lambda root: [1.0], "f returned a thing of type list. It must set the grad of every"),
        (returns_late, "returned a thing of type generator"),
        (lambda root: {v: v for v in topological(root)}, "returned a dict of something else"),
        (lambda root: {"x": 1.0}, "returned a dict of something else"),
        (lambda root: setattr(root, "data", 7.0), "f wrote to the data of f."),
    ],
)
def test_trouble_is_told_in_words(work, words):
    report = grade(work)
    assert not report and report.wrong is report.wire is report.mistake is None
    assert words in str(report), report
    assert str(report).startswith("Not yet. ")


def test_trouble_is_shrunk_too():
    assert grade(raises_on_forks).expression in ("f = x + x", "f = x * x", "f = max(x, x)")


def test_bad_input_is_refused():
    with pytest.raises(TypeError, match=r"got NoneType: give it by its name alone"):
        grade(None)
    with pytest.raises(ValueError, match="no gate is called 'foo'"):
        grade(into_grad, gates=["foo"])
    with pytest.raises(ValueError, match="where takes 3 inputs"):
        grade(into_grad, gates=["where"])
    for options in ({"circuits": 0}, {"gates": []}):
        with pytest.raises(ValueError, match=r"grade\(f, gates="):
            grade(into_grad, **options)


def test_gates_by_name_symbol_and_entry():
    cube = Gate("cube", lambda xp, x: x * x * x, lambda xp, y, x: (3.0 * x * x,), latex="<x>^3",
                slopes=("3 <x>^2",))  # fmt: skip
    used = set()

    def looks(root):
        used.update(v.op for v in topological(root))
        return as_lesson_2(root)

    assert grade(looks, gates=["+", "maximum", "log", "asin", "**", "leaky_relu", cube])
    assert used == {"", "+", "max", "log", "asin", "**", "leaky_relu", "cube"}


# ---------------------------------------------------------------- nothing is harmed


def test_what_is_the_learners_stays_as_it_was():
    x = Value(3.0, "x")
    y = x * x
    y.backward()
    random.seed(5)
    before = random.getstate()

    def draws(root):
        random.random()
        as_lesson_2(y)
        return as_lesson_2(root)

    with no_grad():
        assert grade(draws)
        assert not grade(careless)
        assert not (x * x).inputs
    assert random.getstate() == before and x.grad == 6.0 and (x * x).inputs


# ---------------------------------------------------------------- gradients worked out by hand


@pytest.fixture
def circuit():
    x, y = Value(3.0, "x"), Value(4.0, "y")
    q = x * y
    q.label = "q"
    return x, y, q, q + exp(x) * 2.0


def test_gradients_by_hand(circuit):
    x, y, q, f = circuit
    right = gradients(f)
    report = grade_gradients(f, {x: right[x], q: 1, y: 3})
    assert report and report.tried == 3 and "3 gradients" in str(report)
    report = grade_gradients(f, {x: right[x], q: 1.0, y: 4.0})
    assert report.mistake is mistakes["wrong operand"] and report.wrong is y
    assert report.wire == (q, 1) and "second input of q: got 4, expected 3" in str(report)
    for large, shown in ((10**400, "inf"), (-(10**400), "-inf")):
        assert f"got {shown}, expected 3" in str(grade_gradients(f, {y: large}))
    report = grade_gradients(f, {x: 4.0})
    assert report.mistake is mistakes["overwrote"] and report.circuit is f
    assert x.grad == 0.0


def test_of_several_mistakes_the_first_is_told_if_one_alone_gives_its_number(circuit):
    x, y, _, f = circuit
    for given, name in ((4.0, "wrong operand"), (1.0, "forgot local"), (-3.0, "sign")):
        report = grade_gradients(f, {y: given, x: 77.0})
        assert report.wrong is y and report.mistake is mistakes[name]
    report = grade_gradients((x - y) * x, {y: 3.0, x: 77.0})  # no slope, or a minus lost
    assert report.wrong is y and report.mistake is None and "None of the usual" in str(report)
    assert grade_gradients((x - y) * x, {y: 3.0}).mistake is mistakes["sign"]


def test_two_equal_parts_that_are_missing_are_no_lost_minus(circuit):
    x, *_ = circuit
    report = grade_gradients(x * 2.0 + x * 2.0, {x: 0.0})
    assert not report and report.mistake is not mistakes["sign"]


def test_the_wire_is_the_one_that_the_mistake_is_on(circuit):
    x, _, q, f = circuit
    by_exp = f.inputs[1].inputs[0]
    for given, wire in ((1.0 + 2.0 * by_exp.data, (q, 0)), (4.0 + 2.0, (by_exp, 0))):
        report = grade_gradients(f, {x: given})
        assert report.mistake is mistakes["forgot local"] and report.wire == wire
    assert grade_gradients(f, {x: 77.0}).wire == (q, 0)  # none is known to be wrong


def test_the_wire_along_which_nothing_came(circuit):
    a, b = Value(1.5, "a"), Value(2.0, "b")
    x = a * b
    q, by_exp = x * 4.0, x.exp()
    for given, wire in ((4.0, (by_exp, 0)), (by_exp.data, (q, 0))):
        report = grade_gradients(q + by_exp, {x: given, a: 99.0})
        assert report.wire == wire and report.mistake is None
        assert f"does your pass take the {wire[0].op} gate" in report.sentence


def test_what_has_no_label_goes_by_its_gate_or_its_number(circuit):
    *_, q, f = circuit
    assert "gradient of q, on the wire into the first input of a +" in str(
        grade_gradients(f, {q: 7.0})
    )
    assert "gradient of 2, on the wire into the second input of a *: got 7" in str(
        grade_gradients(f, {f.inputs[1].inputs[1]: 7.0})
    )


# What it takes to find the mistake, then: the graph, its leaves' numbers, the gradients, the name.
VERDICTS = {
    "everywhere is plainer than at one kind of gate": (
        lambda x: squared(x + x), [-4.0], [-16.0], "wrong order"
    ),
    "at one kind of gate": (lambda x, y: twice(x * y), [0.5, -4.0], [1.0, 1.0], "forgot local"),
    "once": (lambda x, y: x - y - y, [2.0, -7.0], [-1.0, -2.0], "sign"),
    "a slope of 0 for that of both other inputs": (
        lambda x, y: maximum(x, y), [-5.0, 7.0], [1.0, 0.0], "wrong operand"
    ),
    "a slope of 0 for that of one is nothing": (lambda x, y: x * y, [0.0, 4.0], [0.0, 0.0], None),
    "the first wire last": (lambda x: x - x, [7.0], [1.0], "overwrote"),
    "gates in another right order": (
        lambda x, y: (x - y) * maximum(x, y), [0.5, -4.0], [5.0, 0.0], "overwrote"
    ),
    "the root alone, in one number": (
        lambda x, y: x + (x * y + exp(x)), [3.0, 4.0], [1.0, 3.0], "wrong order"
    ),
    "no gate before its turn": (lambda x: add2(add2(add2(x))), [1.5], [16.0], None),
}  # fmt: skip


def squared(v):
    return v * v


def add2(v):
    return v + v


def twice(v):
    return maximum(v, v)


@pytest.mark.parametrize("case", VERDICTS)
def test_which_mistake_gives_the_gradients_by_hand(case):
    make, numbers, given, name = VERDICTS[case]
    leaves = [Value(number) for number in numbers]
    report = grade_gradients(make(*leaves), dict(zip(leaves, given, strict=True)))
    assert not report and (report.mistake and report.mistake.name) == name, report


@pytest.mark.parametrize("turned", [list, lambda items: list(reversed(items))])
@pytest.mark.parametrize(
    "way, name, factors",  # of each gate; most walks differ from one another on these graphs
    [
        (lambda t: in_order(topological), "wrong order", "xy yp pq qr"),
        (lambda t: in_order(first_reached(deque.popleft, t)), "wrong order", "yy yy qq rr sq"),
        (lambda t: in_order(first_reached(deque.pop, t)), "wrong order", "yy py qp rq pr st"),
        (lambda t: in_order(first_taken(deque.pop, t)), "wrong order", "yx yp pq qr sq ts"),
        (lambda t: partial(recursive_once, turned=t), "wrong order", "xx pp qq rr qs ts pu"),
        (lambda t: partial(recursive, turned=t), "visited twice", "xy yp qp qr"),
        (lambda t: in_order(every_time), "visited twice", "xy yp pq qr"),
    ],
)
def test_wrong_orders_in_larger_graphs(way, name, factors, turned):
    values = {"x": Value(1.5), "y": Value(-0.5)}
    for result, pair in zip("pqrstuv", factors.split(), strict=False):
        a, b = turned(pair)
        f = values[result] = values[a] * values[b]
    way(turned)(f)
    report = grade_gradients(f, {v: v.grad for v in topological(f)})
    assert not report and report.mistake is mistakes[name]


def test_a_walk_that_takes_every_path_is_followed_to_its_end_or_not_at_all(monkeypatch):
    x = Value(1.5)
    f = add2(add2(x))  # 6 turns, after which x has 8
    for most, given, name in ((6, 8.0, "visited twice"), (5, 8.0, None), (5, 6.0, None)):
        monkeypatch.setattr(grader, "MOST_TURNS", most)
        report = grade_gradients(f, {x: given})
        assert not report and (report.mistake and report.mistake.name) == name


def test_nothing_has_arrived_where_several_wires_are_missing(circuit):
    x, y, *_ = circuit
    for f in (x * x, x * y + x * 2.0):
        report = grade_gradients(f, {x: 0.0, y: 3.0} if y in topological(f) else {x: 0.0})
        assert report.mistake is None and "Nothing has arrived at x. What goes" in str(report)
    report = grade_gradients(x * x, {x: 1.0})
    assert report.mistake is None and "None of the usual" in str(report)


@pytest.mark.parametrize("factor", [2.0, 0.5, 3.0, 4.0, 0.25, -2.0, -0.5, -3.0, -4.0, -0.25])
def test_a_simple_factor_between_the_numbers_is_told(factor):
    x = Value(0.3)
    f = x.exp()
    told = f"by hand. It is {factor:g} times the right one."
    assert grade_gradients(f, {x: factor * f.data}).sentence.endswith(told)
    assert grade_gradients(f, {x: 1.1 * factor * f.data}).sentence.endswith("by hand.")


def test_gradients_by_hand_of_something_else(circuit):
    x, y, q, f = circuit
    for given in ({"x": 1.0}, {x: "4"}, {x: y}):
        with pytest.raises(TypeError, match=r"takes a dict of Values and numbers"):
            grade_gradients(f, given)
    with pytest.raises(ValueError, match="is not in the graph"):
        grade_gradients(q, {f: 1.0})


@pytest.mark.parametrize("right", [1.0, -1e-3, 1e6, 1e-12, -1e-200])
def test_a_billionth_of_the_gradient_apart_is_right_however_small_it_is(right):
    x = Value(1.0)
    for apart, enough in ((0.9e-9, True), (1.2e-9, False), (1.0, False), (2.0, False)):
        for given in (right * (1.0 - apart), right * (1.0 + apart)):
            assert bool(grade_gradients(x * right, {x: given})) is enough


def test_a_tiny_gradient_is_looked_at_as_any_other():
    t = Value(1e-12)
    assert grade_gradients(t * t, {t: 2e-12})
    for given, name in ((-5e-10, None), (0.0, None), (-2e-12, "sign"), (1e-12, "overwrote")):
        report = grade_gradients(t * t, {t: given})
        assert not report and (report.mistake and report.mistake.name) == name


def test_what_rounding_leaves_of_parts_that_cancel_is_right():
    x = Value(1.0)
    f = x * 0.1 + x * 0.2 - x * 0.3  # 5.6e-17
    for given, enough in ((0.0, True), (1e-13, True), (1e-11, False)):
        assert bool(grade_gradients(f, {x: given})) is enough
    inner = x * 1.0
    f = (inner * 0.1 + inner * 0.2 - inner * 0.3) * 1.0  # and further on
    assert grade_gradients(f, {x: 0.0, inner: 0.0})
    f = x * 1e9 - x * (1e9 - 0.5)
    assert grade_gradients(f, {x: 0.5})
    for given in (0.0, -0.5):
        assert not grade_gradients(f, {x: given})


def test_an_infinite_gradient_is_no_other_number():
    x = Value(1.0)
    f = x * INF
    assert grade_gradients(f, {x: INF})
    for given in (5.0, -INF, NAN):
        assert not grade_gradients(f, {x: given})


def test_slopes_worked_out_in_another_way_are_right_in_a_circuit():
    def one_minus_square(root):
        root.zero_grad()
        root.grad = 1.0
        for v in reversed(topological(root)):
            for u, local in wires(v):
                u.grad += v.grad * (1.0 - v.data * v.data if v.op == "tanh" else local)

    assert grade(one_minus_square, gates=["tanh", "*", "/"])


def test_a_right_pass_may_return_anything():
    def adds_and_returns(root):
        adding_as_the_engine_does(root)
        return root

    def zeroes_and_returns(root):
        into_grad(root)
        return root

    assert grade(adds_and_returns, circuits=8) and grade(zeroes_and_returns, circuits=8)
    report = grade(lambda root: {v: 10**400 for v in topological(root)}, circuits=1)
    assert "got inf, expected 1" in str(report)


def test_what_is_no_mapping_or_no_number_of_circuits_is_named():
    x = Value(1.0)
    for given in ([4.0], 4.0, None):
        with pytest.raises(TypeError, match=r"takes a dict of Values and numbers, as .*, got "):
            grade_gradients(x * x, given)
    for circuits in (1.5, "8", None):
        with pytest.raises(TypeError, match=r"grade: circuits must be a whole number, got "):
            grade(into_grad, circuits=circuits)


def test_leaves_that_share_a_label_are_told_apart():
    a, b = Value(2.0, "x"), Value(3.0, "x")
    report = grade_gradients(a * b, {a: 1.0})
    assert report.expression == "v0 = 2; v1 = 3; v2 = v0 * v1" and " with " not in str(report)
    f = Value(2.0, "x") * Value(3.0, "y")
    assert "v2 = x * y    with x = 2, y = 3" in str(grade_gradients(f, {f: 2.0}))


def test_a_nan_is_wrong_where_there_is_none():
    x, big = Value(1.0), Value(INF)
    assert not grade_gradients(x * 2.0, {x: NAN})
    f = x * big - x * big
    assert grade_gradients(f, {x: NAN}) and not grade_gradients(f, {x: 0.0})


def test_a_traced_function_is_not_judged(monkeypatch):
    class Tracer:
        def refuse(self, what):
            raise TraceError(what)

    x = Value(1.0)
    f = x.exp()
    monkeypatch.setattr(modes.mine, "tracer", Tracer())
    with pytest.raises(TraceError, match=r"^grade\(\) is called"):
        grade(into_grad)
    with pytest.raises(TraceError, match=r"^grade_gradients\(\) is called"):
        grade_gradients(f, {x: 1.0})


# ---------------------------------------------------------------- a gate


def gate(partials, two=False):
    if two:
        return Gate("times", lambda xp, a, b: a * b, partials, latex="<a><b>", slopes=("", ""))
    return Gate("cube", lambda xp, x: x * x * x, partials, latex="<x>^3", slopes=("3 <x>^2",))


def test_a_gate_is_judged_by_check_gate():
    length = Gate(
        "length", lambda xp, a, b: xp.sqrt(a * a + b * b),
        lambda xp, y, a, b: (xp.div(b, y), xp.div(a, y)), latex="?", slopes=("?", "?"),
    )  # fmt: skip
    minus = Gate(
        "minus", lambda xp, a, b: a - b, lambda xp, y, a, b: (1.0, 1.0), latex="?",
        slopes=("?", "?"),
    )  # fmt: skip
    three = Gate(
        "three", lambda xp, a, b, c: a * b * c, lambda xp, y, a, b, c: (a * c, a * c, a * b),
        latex="?", slopes=("?", "?", "?"),
    )  # fmt: skip
    assert grade(gate(lambda xp, y, x: (3.0 * x * x,)))
    assert grade(gate(lambda xp, y, a, b: (b, a), two=True)).tried > 40
    for wrong, name in (
        (gate(lambda xp, y, x: (-3.0 * x * x,)), "sign"),
        (gate(lambda xp, y, a, b: (a, b), two=True), "wrong operand"),
        (gate(lambda xp, y, a, b: (1.0, a), two=True), "forgot local"),
        (gate(lambda xp, y, x: (2.0 * x * x,)), None),
        (length, "wrong operand"),  # whose slopes' own slopes are wrong as well
        (minus, "sign"),  # and not "forgot local", which gives 1 as well
        (three, None),  # of two other inputs none is the other
    ):
        report = grade(wrong)
        assert not report and (report.mistake and report.mistake.name) == name
        assert "slope in " in report.place and report.got != report.expected
        assert report.tried >= 20
        assert ("derive it once more" in str(report)) == (name is None)


def test_a_gate_whose_rules_fail():
    report = grade(gate(lambda xp, y, x: (1.0 / 0.0,)))
    assert not report and "check_gate('cube') raised ZeroDivisionError" in str(report)
    assert "tuple of 1 slopes" in str(grade(gate(lambda xp, y, x: 3.0 * x * x)))


def test_a_report_cannot_be_changed():
    report = grade(into_grad)
    assert isinstance(report, Grade) and repr(report) == str(report)
    with pytest.raises(AttributeError):
        report.passed = False


# ---------------------------------------------------------------- as it is read


def test_a_grade_is_printed_for_its_reader():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    f = x * y + 1.0
    f.label = "f"
    wrong = Grade(False, "No.", 1, "gradient of x", 2.0, 4.0, None, f, "f = x * y + 1")
    circuit = "    f = x * y + 1    with x = 3, y = 2\n"
    assert str(wrong) == f"Not yet. No.\n{circuit}    gradient of x: got 4, expected 2"
    missing = wrong._replace(got=None, circuit=None)
    assert str(missing) == "Not yet. No.\n    gradient of x: got nothing, expected 2"
    assert str(Grade(False, "No.", place="a weight")) == "Not yet. No.\n    a weight"
    assert str(Grade(False, "No.", circuit=Value(1.0))) == "Not yet. No."
    assert str(Grade(True, "Right.")) == "Right." and Grade(True, "").tried == 0


@pytest.mark.parametrize(
    "got, shown",
    [(1.0 / 3.0, "0.333333"), (1.0 + 1e-9, "1.000000001"), (1.0 + 2.0**-52, "1.0000000000000002")],
)
def test_numbers_are_printed_with_as_many_digits_as_tell_them_apart(got, shown):
    assert str(Grade(False, "", 1, "here", 1.0, got)).endswith(f"here: got {shown}, expected 1")


def test_a_long_circuit_is_cut_off():
    for size, end in ((300, ""), (301, " ...")):
        report = Grade(False, "No.", circuit=Value(1.0), expression="x" * size)
        assert str(report) == f"Not yet. No.\n    {'x' * 300}{end}"


def test_each_gate_has_its_turn_to_be_the_root_of_ever_larger_circuits():
    seen = []

    def looks(root):
        if not root.grad:
            seen.append((root.op, len([v for v in topological(root) if v.inputs])))
        return as_lesson_2(root)

    assert grade(looks, gates=["+", "*", "exp"], circuits=8)
    roots = seen[::2]  # each circuit is run twice
    assert [op for op, _ in roots] == ["+", "*", "exp"] * 2 + ["+", "*"]
    assert all(size <= k for k, (_, size) in enumerate(roots, 1)) and roots[0][1] == 1
    assert grade(into_grad, circuits=1).tried == 1


def test_larger_circuits_tell_mistakes_apart_that_look_alike_in_a_small_one():
    for name, way, tried in (("wrong operand", 0, 2), ("wrong order", 3, 15)):
        report = grade(PLANTED[name][0][way], gates=["+", "-", "*"])
        assert report.mistake is mistakes[name] and report.tried == tried


def test_circuits_on_which_nothing_is_wrong_do_not_vote():
    lost = PLANTED["sign"][0][1]  # a minus, at differences alone: not all of the larger have one
    for seed in range(8):
        report = grade(lost, gates=["*", "+", "-"], circuits=3, seed=seed)
        assert report.mistake is mistakes["sign"]
