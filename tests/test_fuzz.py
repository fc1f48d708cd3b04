"""Hostile input of every kind: it is taken for what it says, or refused with a clear error.

The quick profile runs with the other tests. The long one takes hours:

    pytest tests/test_fuzz.py --hypothesis-profile=long
"""

import ast
import base64
import copy
import gzip
import json
import math
import operator
import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, event, example, given, settings

import autograd_core
import nn
from autograd_core import Value, compile_graph, gates, to_c, to_numpy, topological
from viz import ExpressionError, draw, parse, step, to_json, to_mermaid, to_text
from viz.words import printable

# ---------------------------------------------------------------------------- the parser

WORDS = [
    "x", "y", "ﬁ", "é", "1", "2.5", ".5", "1e999", "0x1F", "1_0", "1j", "9" * 5000, "+", "-", "*",
    "/", "**", "%", "//", "@", "~", "<", "==", "<<", "^", "(", ")", "[", "]", "{", "}", ",", ".",
    ":", ":=", ";", "=", "->", "!", "sigmoid", "max", "relu(", "where(", "power(", "leaky_relu(x,",
    "lambda", "lambda x: x", "if", "else", "for", "in", "is", "not", "and", "or", "await", "yield",
    "None", "True", "print(1)", "__import__('os')", "().__class__", "open", "exec", "eval('1')",
    "'", '"', "f'{x}'", "b''", "'''", "\\", "\n", "\t", "\r", "\0", "\ufeff", "\ud800", "\u202e",
    "#", "...", "$", "`", " ",
]  # fmt: skip
pieces = st.one_of(st.sampled_from(WORDS), st.text(st.characters(), max_size=3))
texts = st.one_of(
    st.text(st.characters()),
    st.lists(pieces, max_size=25).map("".join),
    st.lists(pieces, max_size=25).map(" ".join),
    st.builds(lambda word, n, rest: word * n + rest, pieces, st.integers(0, 3000), pieces),
)


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@example("name" * 500, {})
@given(texts, st.dictionaries(st.sampled_from(["x", "y", "ﬁ", "fi", "é"]) | texts, st.floats()))
def test_any_text_is_an_expression_or_an_expression_error(text, values):
    for numbers in ({"x": 0.5, "y": -2.0}, {"x": 0.5}, {}, values):
        try:
            root = parse(text, numbers)
        except ExpressionError as error:
            event("refused")
            message, *shown = str(error).split("\n")
            assert message and len(shown) == 2 and len(str(error)) < 800
        except ValueError as error:
            assert "two spellings of one name" in str(error)
        else:
            event("an expression")
            assert all(v.gate is None or gates[v.gate.name] is v.gate for v in topological(root))


UNARY = [
    gate.name for gate in gates.values()
    if len(gate.operands) == 1 and not gate.symbol and not gate.parameters and gate.name != "floor"
]  # fmt: skip
PLAIN = {"abs": abs, **{name: getattr(math, name) for name in UNARY if hasattr(math, name)}}
OURS = {"abs": abs, "neg": operator.neg}
OURS |= {name: getattr(autograd_core, name) for name in UNARY if name not in OURS}
AT = {"x": 0.75, "y": -1.5, "z": 3.0}


def joined(parts):
    """Operands and operators with spaces, signs and brackets as they come."""
    (left, operator, right), spaces, brackets, sign = parts
    text = f"{left}{' ' * spaces}{operator}{' ' * spaces}{sign}{right}"
    return f"({text})" if brackets else text


def trees(functions):
    numbers = st.floats(0.0, 1e9).map(lambda x: repr(x))
    leaves = st.one_of(st.sampled_from([*AT]), numbers)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(
                st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner),
                st.integers(0, 2), st.booleans(), st.sampled_from(["", "-", "+", "--"]),
            ).map(joined),
            st.builds("{}({})".format, st.sampled_from(sorted(functions)), inner),
            st.builds("-{}".format, inner),
        ),
        max_leaves=12,
    )  # fmt: skip


def computed(text, names):
    """What Python makes of the text: a number, or the type of its error."""
    try:
        result = eval(text, {"__builtins__": {}}, dict(names))
        return ValueError if isinstance(result, complex) else result
    except (ArithmeticError, ValueError) as error:
        return type(error)
    except TypeError:  # a function of a root of a negative number, which Python makes complex
        return ValueError


def parsed(text):
    try:
        return parse(text, {name: x for name, x in AT.items() if name in names_in(text)})
    except ExpressionError as error:
        return error


def names_in(text):
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


@given(trees(PLAIN))
def test_an_expression_is_what_python_and_its_math_make_of_it(text):
    found, expected = parsed(text), computed(text, {**PLAIN, **AT})
    if isinstance(found, ExpressionError):
        event("an error")
        assert isinstance(expected, type), (text, expected)
    else:
        event("a number")
        number = found.data
        assert not isinstance(expected, type), (text, number, expected)
        same = number == expected or (number != number and expected != expected)
        assert same or math.isclose(number, expected, rel_tol=1e-9), (text, number, expected)


@given(trees(OURS))
def test_an_expression_is_what_the_operators_and_functions_of_values_make_of_it(text):
    leaves = {name: Value(x) for name, x in AT.items()}
    found, expected = parsed(text), computed(text, {**OURS, **leaves})
    if isinstance(found, ExpressionError):
        assert isinstance(expected, type), (text, expected)
        return
    if isinstance(expected, float):  # no name in it, so Python computed it without a Value
        expected = Value(expected)
    assert not isinstance(expected, type), (text, found, expected)
    found.backward()
    expected.backward()
    ours = {v.label: v.grad for v in topological(found) if v.label}
    assert found.data == pytest.approx(expected.data, rel=1e-9, nan_ok=True)
    for name, slope in ours.items():
        # a plain exponent has no slope, an exponent with a sign that is computed has
        assert slope == pytest.approx(leaves[name].grad, rel=1e-9, nan_ok=True), (text, name)


# ---------------------------------------------------------------------------- labels and names

SNIPPETS = [
    "</script><script>document.title='hit'</script>", "<img src=x onerror=alert(1)>", "-->", "]]>",
    "<!--", "&amp;", "&#65;", '"', "'", "\\", "\\N", "\\\\", '"];', ">];", "<b>", "`${x}`", "{a|b}",
    "|", "#quot;", "%s", "{0}", "\n", "\r", "\t", "\0", "\x1b[31m", "\u202e", "\u2066", "\u2028",
    "\ud800", "\udfff", "\ufeff", "\uffff", "🙂", "名", "é", "a.b", "layer0.w1", ".", "[0]", "*/",
    "/*", "??/", "//", "'''", '"""', "#", "$x$", "x" * 3000, "<" * 500, "subgraph", "end", "class",
]  # fmt: skip
labels = st.lists(
    st.one_of(st.sampled_from(SNIPPETS), st.text(st.characters(), max_size=5)), max_size=6
).map("".join)


def labelled(label, names=False):
    """A graph with that label at a fork, on a gate and on the root, and `names` to draw it with."""
    x, w = Value(3.0), Value(2.0, "w")
    middle = x * w
    root = middle.exp() + x
    root.backward()
    if names:
        return root, {"names": {label: x, f"{label} of a gate": middle}}
    x.label = middle.label = root.label = label
    return root, {}


def unseen(text):
    return [c for c in text if c != "\n" and not c.isprintable() and c not in "\u00a0\u2060"]


either = pytest.mark.parametrize("names", [False, True], ids=["label", "name"])


@either
@given(label=labels)
def test_any_label_stays_on_its_line_of_a_table(names, label):
    root, options = labelled(label, names)
    lines = to_text(root, **options).split("\n")
    assert len(lines) == 6 and unseen("".join(lines)) == [] and max(map(len, lines)) < 300
    shown = printable(label)
    assert names or sum(line.startswith(shown) for line in lines) == 3 or not shown.strip()
    assert "\n".join(lines).encode()


@given(labels)
def test_any_label_is_in_json_as_it_is(label):
    root, _ = labelled(label)
    text = to_json(root)
    assert text.isascii()
    assert [node["name"] for node in json.loads(text)["nodes"]] == [label, "w", label, "", label]
    walk = json.loads(step(root).to_json())
    assert walk["nodes"][0]["name"] == label


@either
@given(label=labels)
def test_any_label_stays_in_its_quotes_of_a_mermaid_chart(names, label):
    root, options = labelled(label, names)
    lines = to_mermaid(root, **options).split("\n")
    assert len(lines) == 1 + 5 + 5 + 1 and unseen("".join(lines)) == []
    for line in lines[1:-1]:
        shape = re.sub(r'"[^"]*"', '""', line)
        assert re.fullmatch(r'  n\d(\[""\]|\(\[""\]\)| -->\|""\| n\d)', shape), line
        text = "".join(re.findall(r'"([^"]*)"', line)).replace("<br>", "")
        assert not set(text) & set("<>&")


PLAIN_TAGS = {"svg", "g", "title", "polygon", "polyline", "path", "ellipse", "text", "a", "style"}


@pytest.mark.needs_dot
@either
@given(label=labels, style=st.sampled_from(["circuit", "record"]))
def test_any_label_is_laid_out_and_stays_text_of_the_picture(names, label, style):
    root, options = labelled(label, names)
    picture = ET.fromstring(draw(root, style=style, **options).pipe("svg"))
    elements = list(picture.iter())
    assert {e.tag.rpartition("}")[2] for e in elements} <= PLAIN_TAGS
    assert not any(key.startswith("on") for e in elements for key in e.keys())
    ids = Counter(e.get("id") for e in elements)
    assert all(ids[f"n{i}"] == 1 for i in range(5))
    shown = ["".join(e.itertext()) for e in elements if e.tag.endswith("}text")]
    assert unseen("".join(shown)) == []
    wanted = printable(label)
    if wanted.strip() == wanted != "" and "." not in wanted and not names:
        texts = [text.replace("\u00a0", " ").replace("\u2060", "") for text in shown]
        assert any(wanted.split() == text.split() for text in texts), (wanted, texts)


class Tags(HTMLParser):
    """The tags and attributes of a page, and the text of its scripts."""

    def __init__(self, page):
        super().__init__()
        self.found, self.scripts = Counter(), []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found[(tag, *(name for name, _ in attributes))] += 1
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.scripts and self.lasttag == "script":
            self.scripts[-1] += data


@pytest.mark.needs_dot
@given(labels)
def test_any_label_is_data_of_the_steppers_page(label):
    page = Tags(step(labelled(label)[0]).to_html())
    assert page.found == Tags(step(labelled("x")[0]).to_html()).found
    (script,) = page.scripts
    packed = re.search(r'atob\("([^"]*)"\)', script)[1]
    text = gzip.decompress(base64.b64decode(packed)).decode()
    data = json.loads(re.search(r'start\("walk-page", rules, (.*)\);', text)[1])
    assert data["names"][0] == (printable(label) or "3")


@pytest.mark.needs_dot
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(labels, min_size=25, max_size=25))
def test_no_label_runs_in_a_browser(open_page, many):
    total = Value(0.0, "start")
    for i, label in enumerate(many):
        total = total + Value(float(i + 1), label)
    page = open_page(step(total).to_html(), address="#step=last")
    page.click("summary:text('What if')")
    assert page.errors == []
    assert page.evaluate("document.querySelectorAll('script').length") == 1
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.title() != "hit" and len(page.requests) == 1


def sources(label):
    """The texts of a program whose parameter, input and results have that label."""
    w = Value(0.5, label)

    def function(a):
        a.label = label
        b = (a * w).tanh()
        b.label = label
        return b * b + w

    program = compile_graph(function, [w], backend="numpy").trace([1.0])
    return to_c(program), to_numpy(program)


def bare_c(text):
    return [line.rstrip() for line in re.sub(r"(?s)/\*.*?\*/", "", text).split("\n")]


@given(labels)
def test_any_label_stays_in_the_comments_of_a_text(label):
    c, python = sources(label)
    plain_c, _ = sources("x")
    assert bare_c(c) == bare_c(plain_c) and "??" not in c and "\0" not in c
    assert c.count("/*") == c.count("*/") and unseen(c) == [] and c.encode()
    assert unseen(python) == [] and python.encode()
    names = {}
    exec(compile(python, "text", "exec"), names)
    values, slopes = names["value_and_grad"](np.array([[1.0]]), np.array([0.5]))
    assert values[0, 0] == pytest.approx(math.tanh(0.5) ** 2 + 0.5)
    assert slopes[0] == pytest.approx(1.0 + 2 * math.tanh(0.5) * (1 - math.tanh(0.5) ** 2))


@given(st.text(st.characters(), max_size=6) | st.sampled_from(["if", "def", "int", "np", "exp"]))
def test_any_name_of_a_function_is_used_or_refused(name):
    program = compile_graph(lambda a: a.tanh(), wrt="inputs", backend="numpy").trace([1.0])
    for write in (to_c, to_numpy):
        try:
            text = write(program, name)
        except ValueError as error:
            assert "name must be one that" in str(error)
        else:
            assert name.isidentifier() and f"{name}(" in text


# ---------------------------------------------------------------------------- state_dict


def network(seed=0):
    return nn.Sequential(nn.Linear(2, 3, rng=seed), nn.BatchNorm1d(3), nn.Linear(3, 1, rng=seed))


class Odd:
    """An object that is a number to nobody."""

    def __repr__(self):
        return "Odd()"


junk = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.complex_numbers(),
    st.text(st.characters(), max_size=5), st.binary(max_size=3), st.just([]), st.just({}),
    st.just(Odd()), st.builds(Value, st.floats()),
    st.lists(st.floats() | st.none() | st.text(max_size=2), max_size=4),
    st.lists(st.lists(st.floats(), max_size=3), max_size=4),
    st.sampled_from([np.zeros(3), np.zeros((3, 2)), np.array(["a"]), np.array(None)]),
    st.dictionaries(st.text(max_size=2), st.floats(), max_size=2),
)  # fmt: skip


@st.composite
def spoilt(draw):
    """A state of the network after some changes that nobody asked for."""
    state = network(1).state_dict()
    for _ in range(draw(st.integers(1, 3))):
        change = draw(st.sampled_from(["take", "add", "put", "inside", "swap"]))
        names = [*state]
        name = draw(st.sampled_from(names)) if names else "0.weight"
        if change == "take":
            state.pop(name, None)
        elif change == "add":
            state[draw(st.text(st.characters(), max_size=6) | st.integers() | st.none())] = draw(
                junk
            )
        elif change == "put":
            state[name] = draw(junk)
        elif change == "swap" and names:
            other = draw(st.sampled_from(names))
            state[name], state[other] = state[other], state[name]
        elif isinstance(state.get(name), list) and state[name]:
            place = state[name] = copy.copy(state[name])
            i = draw(st.integers(0, len(place) - 1))
            if isinstance(place[i], list) and draw(st.booleans()):
                place[i] = [*place[i][:-1], draw(junk)]
            else:
                place[i] = draw(junk)
    return state


def bits(thing):
    return [x.hex() if isinstance(x, float) else x for x in nn.module.flat(thing)]


@given(spoilt())
def test_a_spoilt_state_is_refused_by_name_and_changes_nothing(state):
    model = network()
    before = {name: bits(thing) for name, thing in model.state_dict().items()}
    try:
        model.load_state_dict(state)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        event(type(error).__name__)
        assert {name: bits(thing) for name, thing in model.state_dict().items()} == before
        known = [*before, *map(str, state)]
        assert any(name in str(error) for name in known), error
        assert len(str(error)) < 2000
    else:
        event("loaded")
        after = model.state_dict()
        assert after.keys() == state.keys()
        for name, thing in after.items():
            given_numbers = map(float, nn.module.flat(nn.module.nested(state[name])))
            assert [float(x).hex() for x in nn.module.flat(thing)] == [
                x.hex() for x in given_numbers
            ]


@pytest.mark.parametrize("depth", [3, 300, 1000, 100_000, math.inf])
def test_a_state_nested_too_deeply_is_refused_by_name_and_changes_nothing(depth):
    thing = []
    if depth == math.inf:
        thing.append(thing)
    else:
        for _ in range(depth):
            thing = [thing]
    model = network()
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"2\.bias (has|is nested too deeply)"):
        model.load_state_dict({**before, "2.bias": thing})
    assert model.state_dict() == before
