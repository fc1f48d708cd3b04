"""Text to Value: what it computes, what it refuses, and where the caret stands."""

import math
import random
import re

import pytest

from autograd_core import Value, apply, gates, topological
from viz import ExpressionError, parse

NUMBERS = {"x": 0.3, "y": 0.7, "z": 2.5}


def used(text, numbers):
    """Of these numbers, those whose names occur."""
    return {name: number for name, number in numbers.items() if name in text}


def leaves(root):
    return {v.label: v for v in topological(root) if v.label and not v.op}


def gradients(text, **numbers):
    root = parse(text, numbers)
    root.backward()
    return {name: leaf.grad for name, leaf in leaves(root).items()}


def marked(text):
    """The text without its marks, and the place between them: 'x + «y.a»'."""
    start, end = text.index("«"), text.index("»") - 1
    return text.replace("«", "").replace("»", ""), start, end


def refusal(text, numbers):
    """The error's message, and first and last column of the carets in the text as it is shown."""
    with pytest.raises(ExpressionError) as caught:
        parse(text, numbers)
    *message, shown, carets = str(caught.value).split("\n")
    assert shown[:2] == carets[:2] == "  " and set(carets) == {" ", "^"}
    start = carets.index("^") - 2
    assert carets[2 + start :].strip("^") == ""
    return "\n".join(message), shown[2:], start, len(carets) - 2


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    "text",
    [
        "x", "2", "2.5e-3", ".5", "1_000*x", "0x10 + x", "x + y*z", "(x + y)*z", "x - y - z",
        "x - (y - z)", "x/y/z", "x/(y/z)", "x/y*z", "-x + y", "-(x + y)", "--x", "+x", "-+-x",
        "- x * y", "x*-y", "x - -y", "-x**2", "(-x)**2", "-2**2", "2**-1", "2**-x", "x**y**z",
        "(x**y)**z",
        "x**-2", "x**+2", "x**--2", "2**3**0.5", "x*y**2", "x**2*y", "-x*-y", "1/3", "7 - 2 - 1",
        "2*3 + 4*5", "100/10/5", "x  +\ty", "x +\n  y", "  x", "x ", "(((x)))",
    ],
)  # fmt: skip
def test_precedence_is_pythons(text):
    numbers = used(text.replace("0x10", ""), NUMBERS)
    wanted = eval(" ".join(text.split()), {"__builtins__": {}}, numbers)
    assert parse(text, numbers).data == wanted


def random_text(rng, depth):
    kind = rng.randrange(8) if depth else rng.randrange(2)
    if kind == 0:
        return rng.choice("xyz")
    if kind == 1:
        return rng.choice(["2", "0.5", "3.25", "1e-2", "7"])
    if kind == 2:
        return "-" + random_text(rng, depth - 1)
    if kind == 3:
        return f"({random_text(rng, depth - 1)})"
    if kind == 4:
        return f"({random_text(rng, depth - 1)})**{rng.choice(['2', '-1', '3', '0'])}"
    operator = rng.choice(["+", " - ", "*", " / "])
    return random_text(rng, depth - 1) + operator + random_text(rng, depth - 1)


def test_precedence_of_random_expressions():
    rng = random.Random(11)
    values = 0
    for _ in range(500):
        text = random_text(rng, 5)
        numbers = used(text, NUMBERS)
        try:
            wanted = eval(text, {"__builtins__": {}}, numbers)
        except (ZeroDivisionError, OverflowError):
            with pytest.raises(ExpressionError):
                parse(text, numbers)
        else:
            assert parse(text, numbers).data == wanted, text
            values += 1
    assert values > 400


FUNCTIONS = {
    "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p, "sqrt": math.sqrt,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "sinh": math.sinh, "cosh": math.cosh,
    "tanh": math.tanh, "asin": math.asin, "acos": math.acos, "atan": math.atan, "abs": abs,
    "neg": lambda x: -x, "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "relu": lambda x: max(x, 0.0),
    "softplus": lambda x: math.log(1 + math.exp(x)), "leaky_relu": lambda x: x, "elu": lambda x: x,
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    assert parse(f"{name}(x)", {"x": 0.3}).data == pytest.approx(FUNCTIONS[name](0.3), rel=1e-14)


CALLABLE = [g.name for g in gates.values() if not g.symbol and len(g.operands) < 3]


@pytest.mark.parametrize("name", CALLABLE)
def test_every_gate_can_be_called(name):
    gate = gates[name]
    names = "xy"[: len(gate.operands)]
    root = parse(f"{name}({', '.join(names)})", used(names, NUMBERS))
    wanted = apply(gate, *(NUMBERS[n] for n in names))
    assert (root.data, root.partials) == (wanted.data, wanted.partials)
    assert root.op == name
    assert [v.label for v in root.inputs] == list(names)


@pytest.mark.parametrize(
    ("alias", "name"),
    [("maximum", "max"), ("minimum", "min"), ("arcsin", "asin"), ("arccos", "acos"),
     ("arctan", "atan")],
)  # fmt: skip
def test_aliases(alias, name):
    arguments = "x, y" if name in ("max", "min") else "x"
    numbers = used(arguments, NUMBERS)
    root, wanted = (parse(f"{n}({arguments})", numbers) for n in (alias, name))
    assert (root.op, root.data, root.partials) == (name, wanted.data, wanted.partials)


def test_max_and_min():
    assert parse("max(x, 1)", {"x": 2.0}).data == 2.0
    assert parse("min(x, 1)", {"x": 2.0}).data == 1.0


# ---------------------------------------------------------------- gradients and graphs


@pytest.mark.parametrize(
    ("text", "numbers", "wanted"),
    [
        ("(x + y) * z", {"x": -2, "y": 5, "z": -4}, {"x": -4, "y": -4, "z": 3}),
        ("x*x + x", {"x": 3}, {"x": 7}),
        ("x - y", {"x": 1, "y": 2}, {"x": 1, "y": -1}),
        ("-x**2", {"x": 3}, {"x": -6}),
        ("x / y", {"x": 3, "y": 2}, {"x": 0.5, "y": -0.75}),
        ("x**y", {"x": 2, "y": 3}, {"x": 12, "y": 8 * math.log(2)}),
        ("exp(x) * sin(y)", {"x": 0, "y": 0}, {"x": 0, "y": 1}),
        ("max(x, y)", {"x": 3, "y": 2}, {"x": 1, "y": 0}),
        ("sigmoid(x) * 4", {"x": 0}, {"x": 1}),
    ],
)
def test_gradients(text, numbers, wanted):
    assert gradients(text, **numbers) == pytest.approx(wanted, rel=1e-14)


def test_neuron_of_the_notes():
    numbers = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
    root = parse("sigmoid(w0*x0 + w1*x1 + w2)", numbers)
    root.backward()
    grads = {name: round(leaf.grad, 2) for name, leaf in leaves(root).items()}
    assert round(root.data, 2) == 0.73
    assert grads == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}


def test_gradients_of_random_expressions():
    rng = random.Random(12)
    checked = 0
    while checked < 60:
        text = random_text(rng, 4)
        numbers = used(text, NUMBERS)
        if not numbers:
            continue
        root = parse(text, numbers)
        built = eval(text, {"__builtins__": {}}, held := {n: Value(v) for n, v in numbers.items()})
        root.backward()
        if not isinstance(built, Value):
            continue
        built.backward()
        for name, leaf in leaves(root).items():
            assert leaf.grad == pytest.approx(held[name].grad, rel=1e-9, abs=1e-12), text
        checked += 1


def test_a_name_is_one_leaf():
    root = parse("x * x", {"x": 3})
    assert isinstance(root, Value)
    assert root.inputs[0] is root.inputs[1]
    assert root.inputs[0].label == "x"
    assert len(topological(root)) == 2


def test_a_number_is_a_leaf_of_its_own():
    root = parse("2*x + 2*y", {"x": 1, "y": 1})
    assert [v.data for v in topological(root) if not v.op and not v.label] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("text", "exponent"),
    [("x**2", 2.0), ("x**-2", -2.0), ("x**--0.5", 0.5), ("x**(3)", 3.0), ("x**+1e2", 100.0)],
)
def test_a_plain_exponent_is_a_parameter(text, exponent):
    root = parse(text, {"x": 2})
    assert root.op == "**"
    assert [v.label for v in root.inputs] == ["x"]
    assert root.constants == (exponent,)


@pytest.mark.parametrize("text", ["x**y", "2**x", "x**(1 + 1)", "x**x"])
def test_any_other_exponent_is_an_input(text):
    root = parse(text, used(text, {"x": 2.0, "y": 3.0}))
    assert root.op == "**" and len(root.inputs) == 2 and root.constants == ()


@pytest.mark.parametrize(
    ("text", "value", "constants"),
    [
        ("leaky_relu(x)", -0.02, (0.01,)),
        ("leaky_relu(x, 0.1)", -0.2, (0.1,)),
        ("leaky_relu(x, slope=0.1)", -0.2, (0.1,)),
        ("leaky_relu(x, -0.1)", 0.2, (-0.1,)),
        ("elu(x)", math.expm1(-2), (1.0,)),
        ("elu(x, 2)", 2 * math.expm1(-2), (2.0,)),
        ("elu(x, alpha=+2)", 2 * math.expm1(-2), (2.0,)),
    ],
)
def test_parameters(text, value, constants):
    root = parse(text, {"x": -2})
    assert root.data == pytest.approx(value, rel=1e-14)
    assert root.constants == constants
    assert [v.label for v in root.inputs] == ["x"]


@pytest.mark.parametrize("name", ["é", "β", "名前", "x_1", "_"])
def test_names_of_all_kinds(name):
    assert gradients(f"3*{name}", **{name: 2}) == {name: 3.0}


@pytest.mark.parametrize("name", ["\u00b5", "\ufb01t", "\uff58"])  # Python folds these by NFKC
def test_names_that_python_folds(name):
    assert parse(f"3*{name}", {name: 2}).data == 6.0


def test_a_name_may_be_that_of_a_gate():
    assert parse("tanh(exp)", {"exp": 0.5}).data == math.tanh(0.5)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_values_beyond_the_finite(value):
    assert repr(parse("x + 1", {"x": value}).data) == repr(value + 1)


# ---------------------------------------------------------------- refusals

ONLY = "only numbers, names"
REFUSED = [
    ("«x.real» + 1", ONLY),
    ("2 * («x.real» + 1)", ONLY),
    ("sin(x) + «x[0]»", ONLY),
    ("«foo»(x)", "only gates can be called"),
    ("1 + «__import__»('os')", "only gates can be called"),
    ("«x.exp»()", "only gates can be called"),
    ("«x»(2)", "only gates can be called"),
    ("«sin(x)»(2)", "only gates can be called"),
    ("where(«x», x, x)", r"where takes a comparison first, as in where\(a > b, x, y\)"),
    ("«where(x > 0, x)»", r"the call is where\(a > b, x, y\)"),
    ("«where()»", r"the call is where\(a > b, x, y\)"),
    ("where(«x == x», x, x)", "one comparison, by < <= > or >="),
    ("where(«0 < x < 1», x, x)", "one comparison, by < <= > or >="),
    ("where(«x > 0 and x < 1», x, x)", "where takes a comparison first"),
    ("x + «where»", "where is called with a comparison first"),
    ("«add»(x, x)", "only gates can be called"),
    ("«pow»(x, 2)", "only gates can be called"),
    ("«lambda: x»", ONLY),
    ("1 + («x < 1»)", r"a comparison stands in where, as in where\(x < 1, 1, 0\)"),
    ("«x == x»", ONLY),
    ("x + «'a'»", ONLY),
    ("x * «b'a'»", ONLY),
    ("«f'{x}'»", ONLY),
    ("«True» * x", ONLY),
    ("x + «None»", ONLY),
    ("x + «...»", ONLY),
    ("«1j» * x", ONLY),
    ("«x if x else x»", ONLY),
    ("«x and x»", ONLY),
    ("«not x»", ONLY),
    ("x + «~x»", ONLY),
    ("x + «[x]»", ONLY),
    ("x + «(x, x)»", ONLY),
    ("«{x}»", ONLY),
    ("«[x for x in x]»", ONLY),
    ("«x := 2»", ONLY),
    ("tanh(«*x»)", ONLY),
    ("1 + («x^2»)", r"x\*\*2, not x\^2"),
    ("1 + «x//2»", r"only \+ - \* / \*\* are gates"),
    ("«x % 2» + 1", r"only \+ - \* / \*\* are gates"),
    ("«x @ x»", r"only \+ - \* / \*\* are gates"),
    ("«x | x»", r"only \+ - \* / \*\* are gates"),
    ("x + «y»", "y has no value: add y=1.0"),
    ("sin(«omega» * x)", "omega has no value"),
    ("x + «tanh»", r"tanh is a gate: call it, as in tanh\(x\)"),
    ("x + «arcsin»", r"arcsin is a gate"),
    ("«tanh()» + x", r"the call is tanh\(x\)"),
    ("x + «tanh(x, x)»", r"the call is tanh\(x\)"),
    ("x + «max(x)»", r"the call is max\(a, b\)"),
    ("x + «max(x, b=2)»", r"the call is max\(a, b\)"),
    ("x * «leaky_relu(slope=0.1)»", r"the call is leaky_relu\(x, slope\)"),
    ("«leaky_relu(x, 0.1, 0.2)»", r"the call is leaky_relu\(x, slope\)"),
    ("«leaky_relu(x, 0.1, slope=0.2)»", r"the call is leaky_relu\(x, slope\)"),
    ("leaky_relu(x, «x»)", "takes as plain numbers: slope"),
    ("leaky_relu(x, «1 + 1»)", "takes as plain numbers: slope"),
    ("leaky_relu(x, slope=«sin(x)»)", "takes as plain numbers: slope"),
    ("leaky_relu(x, foo=«1»)", "takes as plain numbers: slope"),
    ("leaky_relu(x, **«x»)", "takes as plain numbers: slope"),
]


@pytest.mark.parametrize("before", ["", "ä*0 + ", "名前*0 + 名前 + "], ids=["", "umlaut", "CJK"])
@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_refused(text, message, before):
    text, start, end = marked(f"{before}({text})")
    numbers = {"x": 0.5, **used(before, {"ä": 1.0, "名前": 1.0})}
    found, shown, *place = refusal(text, numbers)
    assert place == [start, end], f"the caret is under {shown[slice(*place)]!r}"
    assert shown == text
    assert re.search(message, found)


@pytest.mark.parametrize("text", ["«x, x»", "«x,»", "«lambda: x»", "«not x»", "«x < 1»"])
def test_refused_as_a_whole(text):
    text, start, end = marked(text)
    _, _, *place = refusal(text, {"x": 0.5})
    assert place == [start, end]


@pytest.mark.parametrize(
    "text",
    [
        "x «x»", "x«)»", "«(»x", "sin«(»x", "1 +«*» x", "x «$» x", "x «?»", "x «=» 3", "x«;» x",
        "ä + x «x»", "ä + «)»", "«🙂» + x", "ä «\u2013» x", "ä * «'abc»", "«yield» x", "3 «!» x",
        "x + «*x»",
    ],
)  # fmt: skip
def test_syntax_errors(text):
    text, start, _ = marked(text)
    message, shown, *place = refusal(text, {"x": 1, "ä": 1})
    assert place[0] == start, f"the caret is under {shown[slice(*place)]!r}"
    assert shown == text
    assert "SyntaxError" not in message and "<unknown>" not in message


@pytest.mark.parametrize("text", ["x +", "ä*x -", "x * y **", "2 + sin(x) /"])
def test_missing_operand_at_the_end(text):
    _, shown, start, _ = refusal(text, {"x": 1, "y": 1, "ä": 1})
    assert shown.rstrip() == text
    operator = len(text.rstrip("*/+-"))
    assert operator <= start <= len(text) + 1, f"the caret is at {start}, the text ends here"


@pytest.mark.parametrize("text", ["", " ", "\n", "()", "sin"])
def test_next_to_nothing(text):
    refusal(text, {})


def test_value_without_a_name():
    message, shown, start, _ = refusal("x + 1", {"x": 1, "speed": 2})
    assert "speed is given a value and does not occur" in message
    assert (shown, start) == ("x + 1", 0)


def test_null_character():
    text, start, end = marked("x + «\0» + x")
    _, _, *place = refusal(text, {"x": 1})
    assert place == [start, end]


def test_lone_surrogate():
    text, start, end = marked("x + «\udc80»")
    _, _, *place = refusal(text, {"x": 1})
    assert place == [start, end]


def test_spaces_are_counted_as_shown():
    _, shown, *place = refusal("  x \n +   y.a", {"x": 1, "y": 1})
    assert shown[slice(*place)] == "y.a"


def test_long_text_is_shown_around_the_place():
    text = "x + " * 60 + "x.a" + " + x" * 60
    _, shown, *place = refusal(text, {"x": 1})
    assert shown[slice(*place)] == "x.a"
    assert len(shown) < 200


def test_a_comment_does_not_swallow_the_rest():
    try:
        root = parse("x  # the first\n + x", {"x": 1})
    except ExpressionError:
        return
    assert root.data == 2.0


# ---------------------------------------------------------------- size


def test_deep_parentheses():
    _, shown, start, _ = refusal("(" * 10_000 + "x" + ")" * 10_000, {"x": 1})
    assert shown[start] == "("


def test_deep_calls():
    _, shown, start, _ = refusal("sin(" * 10_000 + "x" + ")" * 10_000, {"x": 1})
    assert shown[start] in "sin("


@pytest.mark.parametrize("operator", ["+", "-", "*"])
def test_long_chains(operator):
    root = parse(operator.join(["x"] * 2_000), {"x": 1})
    assert root.data == {"+": 2_000.0, "-": -1_998.0, "*": 1.0}[operator]
    root.backward()
    assert leaves(root)["x"].grad == {"+": 2_000.0, "-": -1_998.0, "*": 2_000.0}[operator]


def test_a_chain_too_long_for_pythons_parser_is_refused_or_computed():
    try:
        assert parse("+".join(["x"] * 100_000), {"x": 1}).data == 100_000.0
    except ExpressionError as error:
        assert "too deeply" in str(error)


@pytest.mark.parametrize("text", ["-" * 10_000 + "x", "**".join(["x"] * 3_000)])
def test_right_deep(text):
    try:
        root = parse(text, {"x": 1})
    except ExpressionError:
        return
    assert root.data == 1.0


@pytest.mark.parametrize("digits", [310, 400, 5_000])
def test_huge_integers(digits):
    text, start, _ = marked("x + «" + "9" * digits + "»")
    _, _, found, _ = refusal(text, {"x": 1})
    assert found == start


# ---------------------------------------------------------------- where a gate fails


@pytest.mark.parametrize(
    ("text", "gate", "reason"),
    [
        ("«log(-1)»", "log", "needs an operand above 0"),
        ("2 + «log(x - 2)» * 3", "log", "needs an operand above 0"),
        ("1 + «x/0»", "div", "division by zero"),
        ("1 + «1/(x - 1)»", "div", "division by zero"),
        ("ä + «sqrt(-x)»", "sqrt", "at least 0"),
        ("ä*«asin(2*x)»", "asin", "from -1 to 1"),
        ("«exp(1000*x)»", "exp", "too large"),
        ("ä + «(-x)**0.5»", "power", "fractional exponent"),
        ("«(x - x)**-1»", "power", "negative power"),
        ("2*«(-x)**(x/2)»", "pow", "fractional exponent"),
        ("sin(ä) + «10**400»", "power", "too large"),
    ],
)
def test_domain_errors(text, gate, reason):
    text, start, end = marked(text)
    message, shown, *place = refusal(text, used(text.replace("exp", ""), {"x": 1, "ä": 1}))
    assert place == [start, end], f"the caret is under {shown[slice(*place)]!r}"
    assert message.startswith(f"{gate}: ") and reason in message


def test_domain_error_names_the_operand():
    message, *_ = refusal("log(rate)", {"rate": -1})
    assert "log(rate=-1.0)" in message


def test_error_is_a_value_error():
    assert issubclass(ExpressionError, ValueError)


def test_two_spellings_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two spellings of one name"):
        parse("\N{LATIN SMALL LIGATURE FI} + 1", {"\N{LATIN SMALL LIGATURE FI}": 1.0, "fi": 2.0})
    assert parse("fi + 1", {"\N{LATIN SMALL LIGATURE FI}": 1.0}).data == 2.0


@pytest.mark.parametrize("values", [None, [1.0], {1: 2.0}, "x"])
def test_values_that_do_not_map_names_are_refused(values):
    with pytest.raises(TypeError, match="parse: values must map names to numbers"):
        parse("x", values)


def test_what_is_no_text_is_refused():
    with pytest.raises(TypeError, match=r"parse takes text, as .*, got NoneType"):
        parse(None, {})


# ---------------------------------------------------------------- statements, where, pi


def table(root):
    return [(v.op, v.label) for v in topological(root)]


@pytest.mark.parametrize(
    "text",
    [
        "q = x + y; f = q*z", "q = x + y ;f=q*z;", "q = x + y\nf = q*z", "q = x + y;\n\n  f=q*z\n",
        "q = (x\n + y)\nf = q *\n z", "q =\nx + y; f = q*z",
    ],
)  # fmt: skip
def test_statements_name_what_is_between(text):
    root = parse(text, {"x": -2, "y": 5, "z": -4})
    assert table(root) == [("", "x"), ("", "y"), ("+", "q"), ("", "z"), ("*", "f")]
    root.backward()
    assert {name: leaf.grad for name, leaf in leaves(root).items()} == {"x": -4, "y": -4, "z": 3}


def test_the_last_statement_may_be_a_bare_expression():
    root = parse("q = x + y\n-q * q", {"x": 1, "y": 2})
    assert (root.data, root.label) == (-9.0, "")
    assert table(root)[2] == ("+", "q")


def test_a_statement_may_name_a_number_or_another_name():
    root = parse("two = 2; w = x; f = two * w + w", {"x": 3})
    assert root.data == 9.0
    assert table(root) == [("", "two"), ("", "x"), ("*", ""), ("+", "f")]


STATEMENTS_REFUSED = [
    ("«q» = x; «q» = x + 1; q", "q has a value already: give this another name, such as q2"),
    ("«q = x + 1»; f = 2*x", "q is not used by what follows"),
    ("f = «q»*x; q = x + 1; f", "q is used before it is assigned"),
    ("q = «q» + x", "q is used before it is assigned"),
    ("«sin» = x + 1; sin*2", "sin is a gate: give this value another name"),
    ("«where» = x + 1; where*2", "where is a gate"),
    ("q = x + 1«;» q*2; q", None),
    ("x + 1«;» f = 2*x", r"nothing uses .* as in q = x \+ 1"),
    ("x «= 3»; x + 1", "x is assigned here and is given a value, too: leave out x=0.5"),
    ("«a, b = x, x»; a", "one name to one value"),
    ("«a = b = x»; a + b", "one name to one value"),
    ("«x.real = 3»; x", "one name to one value"),
    ("«q += x»; q", "a statement is name = expression"),
    ("«import os»; x", "a statement is name = expression"),
    ("«q: x = 3»; x", "a statement is name = expression"),
    ("«del x»", "a statement is name = expression"),
    ("q = log(x); f = «foo»(q)", "only gates can be called"),
    ("q = 1 + «log(-x)»; f = 2*q", "needs an operand above 0"),
]


@pytest.mark.parametrize(("text", "message"), STATEMENTS_REFUSED, ids=lambda x: x)
def test_statements_that_are_refused(text, message):
    if message is None:  # a bare expression in the middle
        text, message = "q = x + 1; q*2«;» q", "nothing uses what stands before this"
    if text.count("«") == 2:  # the second one is marked
        text = text.replace("«", "", 1).replace("»", "", 1)
    text, start, end = marked(text)
    found, shown, *place = refusal(text, {"x": 0.5})
    assert place == [start, end], f"the caret is under {shown[slice(*place)]!r}"
    assert re.search(message, found), found


def test_the_root_may_need_a_statement_through_another():
    with pytest.raises(ExpressionError, match="b is not used"):
        parse("a = x; b = a + 1; c = 2*x", {"x": 1})
    assert parse("a = x + 1; b = a + 1; c = 2*b", {"x": 1}).data == 6.0


@pytest.mark.parametrize(
    ("condition", "taken"),
    [("x < y", True), ("x <= y", True), ("x > y", False), ("x >= y", False), ("x <= x", True),
     ("x < x", False), ("2*x > y", True), ("-x >= y", False)],
)  # fmt: skip
def test_where_takes_an_arm(condition, taken):
    root = parse(f"2 * where({condition}, x*y, x + y)", {"x": 2, "y": 3})
    root.backward()
    assert root.data == (12.0 if taken else 10.0)
    assert "where" not in {v.op for v in topological(root)}
    assert {v.label: v.grad for v in topological(root) if v.label} == (
        {"x": 6.0, "y": 4.0} if taken else {"x": 2.0, "y": 2.0}
    )


def test_where_shields_what_fails_in_the_arm_that_is_not_taken():
    text = "q = log(x); where(x > 0, q, 1/(x - x) + 2)"
    assert parse(text, {"x": 2}).data == math.log(2)
    with pytest.raises(ExpressionError, match="division by zero"):
        parse(text, {"x": -2})
    with pytest.raises(ExpressionError, match="needs an operand above 0"):
        parse("where(log(x) > 0, x, 1)", {"x": -1})
    with pytest.raises(ExpressionError, match="y has no value"):
        parse("where(x > 0, x, y)", {"x": 2})


def test_pi_is_a_number_unless_it_is_yours():
    root = parse("sin(pi/2) + pi*0", {})
    assert root.data == 1.0 and table(root)[0] == ("", "pi")
    assert [v.label for v in topological(root)].count("pi") == 1
    assert parse("2*pi", {"pi": 3}).data == 6.0
    assert parse("pi = 4; 2*pi", {}).data == 8.0


def test_e_is_a_name_like_any_other():
    assert parse("e*x", {"e": 2, "x": 3}).data == 6.0
    with pytest.raises(ExpressionError, match=r"add e=2.718281828459045, or write exp\(x\)"):
        parse("e**x", {"x": 1})


# ---------------------------------------------------------------- did you mean


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("ln(x + 1)", "log(x + 1)"), ("2*ReLU(x)", "relu(x)"), ("LeakyReLU(x)", "leaky_relu(x)"),
        ("Sigmoid(x)", "sigmoid(x)"), ("sigmod(x)", "sigmoid(x)"), ("tg(x)", "tan(x)"),
        ("MAX(x, y)", "max(x, y)"), ("math.sin(x)", "sin(x)"), ("np.log1p(x*y)", "log1p(x*y)"),
        ("x.relu()", "relu(x)"), ("pow(x, 2)", "x ** 2"), ("add(x + 1, y)", "(x + 1) + y"),
        ("log10(x)", "log(x) / log(10)"), ("x(y + 1)", "x*(y + 1)"), ("(x + 1)(y)", "(x + 1)*(y)"),
        ("2*3(x)", "3*(x)"), ("\N{GREEK SMALL LETTER SIGMA}(x)", "sigmoid(x)"),
        ("sin x", "sin(x)"), ("Sin x", "sin(x)"), ("2x", "2*x"), ("2x + 3.5y", "2*x + 3.5*y"),
        ("1e-3x", "1e-3*x"), ("1e-3 + 2x", "1e-3 + 2*x"), ("sin 2x", "sin(2*x)"), ("x y", "x*y"),
        ("2 (x + 1) y", "2*(x + 1)*y"), ("ln x + 1", "log(x) + 1"), ("3sin(x)", "3*sin(x)"),
        ("x²", "x**2"), ("x¹⁰ + y⁻²", "x**10 + y**-2"),
        ("2\N{MULTIPLICATION SIGN}x", "2*x"), ("x ÷ y", "x / y"),
        ("x \N{MINUS SIGN} y", "x - y"), ("√x", "sqrt(x)"), ("√(x + y)", "sqrt(x + y)"),
        ("|x - y|", "abs(x - y)"),
        ("sin^2(x)", "sin(x)**2"), ("sin²(x) + cos² y", "sin(x)**2 + cos(y)**2"), ("xy + 1", "x*y"),
        ("2π", "2*pi"), ("x²y", "x**2*y"),
        ("1 + x^2", "1 + x**2"), ("x^2*y^3", "x**2*y**3"), ("q = 2x; sin q", "q = 2*x; sin(q)"),
        ("Y + x", "y"), ("π*x", "pi"), ("x if x > y else 2*y", "where(x > y, x, 2*y)"),
        ("2\N{MIDDLE DOT}x", "2*x"),
    ],
)  # fmt: skip
def test_did_you_mean(text, right):
    with pytest.raises(ExpressionError) as caught:
        parse(text, {"x": 1.5, "y": 2.5})
    message = str(caught.value).split("\n")[0]
    assert message.endswith(f"did you mean {right}?"), message
    if len(right) > 2:
        names = set(re.findall(r"\b[xy]\b", right))
        parse(right, {name: 1.5 for name in names})  # what it proposes runs


@pytest.mark.parametrize(
    "text",
    ["x ! y", "(", "x and y", "0x10 y", "qqq(x)", "2x +", "sin cos x", "sin^x", "x" * 90 + "^2"],
)
def test_no_proposal_where_none_is_sure(text):
    with pytest.raises(ExpressionError) as caught:
        parse(text, {"x": 1.5, "y": 2.5})
    assert "did you mean" not in str(caught.value)
