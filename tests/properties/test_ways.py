"""Every way to compute a graph gives the engine's numbers: programs, texts, the page; and errors.

First order: a random graph. Second order: the derivative of a random graph, as a graph.
"""

import _ctypes
import ctypes
import math
import re
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, event, given

import viz.stepper
from autograd_core import (
    Value,
    compile_graph,
    gates,
    gradients,
    javascript,
    run,
    to_c,
    to_numpy,
    topological,
)
from autograd_core.program.executors import EXECUTORS, is_there

from .graphs import (
    BUNDLE,
    GATES,
    Slope,
    bundled,
    close,
    eager,
    graphs,
    moderate,
    near_a_kink,
    points,
    terms,
)

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, math.inf, -math.inf, math.nan, 1e308, 5e-324, -1e-9]
CC = shutil.which("cc") or shutil.which("gcc")
PAGE = Path(viz.stepper.__file__).parent / "page"

# ---------------------------------------------------------------------------- what is compared


def program_of(graph, row):
    """The program of a graph, with its gradient; the inputs and the parameters to run it with."""
    f = compile_graph(graph, wrt="inputs", backend="numpy")
    return f.trace(*[[x] for x in row]), [row], []


def program_of_slope(slope, row):
    """The same of the derivative of a graph. A traced function may not call grad(): it is made
    outside, at this row. So the numbers in it are parameters, and the input is of no use."""
    leaves = [Value(x) for x in row]
    root = slope(*leaves)
    numbers = {}
    for i, v in enumerate(dict.fromkeys([*leaves, *topological(root)])):
        if v.gate is None:
            v.label = f"v{i}"
            numbers[v.label] = v.data
    f = compile_graph(lambda x: root + x * 0.0, leaves, backend="numpy")
    program = f.trace([1.0])
    return program, [[1.0]], [numbers[name] for name in program.parameters]


def prepared(graph, row):
    return (program_of_slope if isinstance(graph, Slope) else program_of)(graph, row)


def agree(graph, row, found):
    """Hold what each way has found, (value, gradient), against the engine."""
    value, slopes, (size, steep) = eager(graph, row)
    if not all(map(math.isfinite, (value, *slopes))):
        event("not finite")
        return
    for way, (y, gradient) in found.items():
        pairs = [(y, value, size), *zip(gradient, slopes, [steep] * len(row), strict=True)]
        if not all(close(*pair) for pair in pairs):
            assert near_a_kink(graph, row), f"{way}: {pairs} for {graph!r} at {row}"
            event("near a kink")


def by_rules(program, rows, parameters):
    (row,) = rows
    numbers = program.evaluate(row, parameters)
    return [[numbers[r] for r in program.outputs]], [numbers[r] for r in program.gradients]


def by_numpy_text(program, rows, parameters):
    names = {}
    exec(to_numpy(program), names)
    return names["value_and_grad"](np.array(rows), np.array(parameters))


WAYS = {"rules": by_rules, "NumPy text": by_numpy_text} | {
    name: partial(run, backend=name) for name in filter(is_there, EXECUTORS)
}


def bundles(**options):
    """Points by the bundle: for what is done to many at once in little more time than to one."""
    return st.tuples(*[points(GATES, slopes=True, **options)] * BUNDLE)


# ---------------------------------------------------------------------------- all ways agree


@given(points(GATES, slopes=True))
def test_a_program_is_its_function_in_every_way(point):
    graph, row = point
    ready = prepared(graph, row)
    answers = {name: way(*ready) for name, way in WAYS.items()}
    agree(graph, row, {way: (y[0][0], np.ravel(slopes)) for way, (y, slopes) in answers.items()})


@given(graphs(GATES), st.data())
def test_a_compiled_call_is_its_function_on_every_lane(graph, data):
    rows = data.draw(st.lists(moderate(graph.width), min_size=1, max_size=3))
    f = compile_graph(graph, wrt="inputs", backend="numpy", verify=0, reduction="sum")
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    value, slopes = f.value_and_grad(*columns)
    each, slopes = f.each(*columns), np.reshape(slopes, (graph.width, len(rows))).T
    assert close(value, sum(each), max(map(abs, each)))
    for row, *found in zip(rows, each, slopes, strict=True):
        agree(graph, row, {"call": found})


def apart(text):
    """A C text whose static names are its own, for many of them to be compiled as one file."""
    (name,) = re.findall(r"extern const size_t (\w+)_workspace;", text)
    static = "|".join(re.findall(r"^static [^(=;]*?(\w+)[\[(]", text, re.M))
    return re.sub(rf"\b({static})\b", rf"\1_of_{name}", text) if static else text


@pytest.mark.skipif(CC is None, reason="no C compiler is installed")
@bundled()
@given(cases=bundles(longest=10))
def test_the_c_texts_are_their_functions(record_property, cases):
    record_property("cases", len(cases))
    cases = [(graph, row, *prepared(graph, row)) for graph, row in cases]
    array = ctypes.POINTER(ctypes.c_double)
    names = [f"f{i}" for i in range(len(cases))]
    texts = [apart(to_c(case[2], name)) for name, case in zip(names, cases, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "all.c", Path(folder) / "all.so"
        source.write_text("\n".join(texts))
        flags = ["-std=c99", "-O0", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC"]
        subprocess.run([CC, *flags, source, "-o", built, "-lm"], check=True)
        library = ctypes.CDLL(str(built))
    for name, (graph, row, _, inputs, parameters) in zip(names, cases, strict=True):
        function = getattr(library, name)
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_size_t, *[array] * 5]
        value, gradient = np.zeros(1), np.zeros(len(row))
        memory = np.zeros(ctypes.c_size_t.in_dll(library, f"{name}_workspace").value)
        given = [np.array(x, float) for x in (inputs, parameters)]
        function(1, *[x.ctypes.data_as(array) for x in (*given, value, gradient, memory)])
        agree(graph, row, {"C": (value[0], gradient)})
    _ctypes.dlclose(library._handle)  # the long profile loads thousands


RECOMPUTE = """
const rules = {RULES};
function recompute({gates, inputs, constants, values}) {
  const none = gates.map(() => []), names = gates.map(() => "");
  const data = { gates, inputs, constants, data: values, locals: none, names, unnamed: [] };
  const graph = new Graph(data, rules);
  graph.formula = () => "";
  return graph.compute(new Map([[0, values[0]]]));
}
"""


@bundled()
@given(cases=bundles())
def test_the_page_recomputes_the_numbers_of_the_engine(page, record_property, cases):
    """Values and local slopes, by the function of the stepper that answers "What if"."""
    record_property("cases", len(cases))
    asked, expected = [], []
    for graph, row in cases:
        order = topological(graph(*map(Value, row)))
        place = {v: i for i, v in enumerate(order)}
        asked.append({
            "gates": [v.gate.name if v.gate else "" for v in order],
            "inputs": [[place[x] for x in v.inputs] for v in order],
            "constants": [list(v.constants) for v in order],
            "values": [v.data if v.gate is None else math.nan for v in order],
        })  # fmt: skip
        expected.append(order)
    answers = page.evaluate("asked => asked.map(recompute)", asked)
    for (graph, row), order, answer in zip(cases, expected, answers, strict=True):
        assert not answer["failure"]
        size = terms(order[-1])[0]
        alike = all(close(y, v.data, size) for y, v in zip(answer["values"], order, strict=True))
        for v, slopes in zip(order, answer["locals"], strict=True):
            pairs = zip(slopes, v.partials, strict=True)
            alike = alike and all(close(a, b, max(1.0, abs(b))) for a, b in pairs)
        assert alike or near_a_kink(graph, row), (graph, row)


@pytest.fixture
def page(open_page):
    """A page with the rules of all gates, and the graph of the stepper."""
    modules = [(PAGE / f"{name}.js").read_text(encoding="utf-8") for name in ("numbers", "graph")]
    engine = re.sub(r"^import [^;]*;|^export ", "", "\n".join(modules), flags=re.M)
    rules = ", ".join(f"{name}: {javascript(gate)}" for name, gate in gates.items())
    opened = open_page("<p>rules</p>", ready="p")
    script = engine + RECOMPUTE.replace("RULES", rules)
    opened.add_script_tag(content=script)
    return opened


# ---------------------------------------------------------------------------- failures


@given(graphs(GATES, safe=False, longest=8), st.data())
def test_a_failure_is_the_same_error_as_in_the_engine(graph, data):
    number = st.one_of(st.sampled_from(SPECIAL), st.floats(-5.0, 5.0))
    row = data.draw(st.lists(number, min_size=graph.width, max_size=graph.width))
    assume(not any(math.isnan(x) for x in row))
    f = compile_graph(graph, wrt="inputs", backend="numpy", verify=0)
    try:
        root = graph(*[Value(x) for x in row])
    except (ArithmeticError, ValueError) as error:
        event(type(error).__name__)
        with pytest.raises((ArithmeticError, ValueError)):
            # Another gate may fail first: programs add in another order.
            f(*[[x] for x in row])
        return
    assume(math.isfinite(root.data) and all(math.isfinite(v.data) for v in gradients(root)))
    value = f(*[[x] for x in row])
    assert close(value, root.data, terms(root)[0]) or near_a_kink(graph, row)
