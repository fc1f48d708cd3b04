"""The stepper: its steps as data and text, and its page, driven in a headless browser."""

import json
import math
import os
import random
import re
from html import escape
from pathlib import Path

import pytest

import viz
from autograd_core import Value, elementary, gates, gradients, javascript, where
from nn import MLP, moons
from viz import parse, save, step
from viz.words import number

FORK = "x*y + x"
NEURON = "sigmoid(w0*x0 + w1*x1 + w2)"
AT = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "\"'`${alert(1)}",
    "a\nb\r\n\t",
    "\u202eevil\u2066",
    "\\N \\G \\u003cscript\\u003ealert(1)",
    "--><script>alert(1)</script>",
    "]]>&lt;b&gt;",
    "x" * 10_000,
]


def fork():
    return parse(FORK, {"x": -2.0, "y": 5.0})


def neuron():
    return parse(NEURON, AT)


def loss_of(widths, inputs=2):
    model = MLP(inputs, widths, rng=0)
    out = model([Value(0.3 * i - 0.5, f"x{i}") for i in range(inputs)])
    total = out if isinstance(out, Value) else sum(out[1:], out[0])
    loss = (total - 1.0) ** 2
    loss.label = "loss"
    return loss


# ---------------------------------------------------------------- the walk it holds


def with_constants():
    """s 2 - 0.5, the minus inside: its constants go by their numbers."""
    return Value(3.0, "s") * 2.0 + (-0.5)


def with_negative_numbers():
    return parse("max(sigmoid(x), y) / x", {"x": -0.7, "y": -2.0})


@pytest.mark.parametrize("graph", [with_constants, with_negative_numbers])
def test_the_page_tells_numbers_in_the_same_words(open_page, graph):
    f = graph()
    for i, one in enumerate(step(f), 1):
        page = open_page(step(f).to_html(), address=f"#step={i}")
        assert message(page) == one.text
        assert page.inner_text(".formula") == one.formula


def test_recording_changes_no_gradient_and_is_not_changed_by_later_writes():
    f = fork()
    x = f.inputs[1]
    f.backward()
    stepper = step(f)
    assert (x.grad, f.grad) == (6.0, 1.0)
    x.data = 100.0
    with pytest.warns(UserWarning, match="do not fit together"):
        later = step(f)
    assert stepper.steps == later.steps or stepper.picture.nodes[0].data == -2.0
    assert "-2" in stepper.to_text()


def test_text_and_json_hold_the_same_walk():
    stepper = step(neuron())
    text, whole = stepper.to_text(), json.loads(stepper.to_json())
    assert len(whole["steps"]) == len(stepper)
    assert all(one["text"] in text for one in whole["steps"])
    assert whole["steps"][-1]["after"] == list(stepper)[-1].after


def test_json_holds_inf_and_nan_as_strings():
    x = Value(0.0, "x")
    whole = step(x.sqrt() * Value(math.inf)).to_json()
    assert '"inf"' in whole.lower() or '"infinity"' in whole.lower()
    json.loads(whole, parse_constant=lambda name: pytest.fail(name))


def test_only_values_are_walked():
    with pytest.raises(TypeError, match=r"step\(loss\)"):
        step(2.0)


def test_it_shows_itself_as_html_and_as_text():
    stepper = step(fork())
    bundle = stepper._repr_mimebundle_()
    assert bundle["text/html"].count("<img") == 1 and "<script>" in bundle["text/html"]
    assert bundle["text/plain"] == stepper.to_text()
    assert "<img" in stepper._repr_html_()


def test_each_output_has_ids_of_its_own():
    stepper = step(fork())
    first, second = (stepper._repr_html_().split('id="')[1].split('"')[0] for _ in range(2))
    assert first != second


def test_save_writes_one_page_and_keeps_the_old_one_on_error(tmp_path):
    path = tmp_path / "walk.html"
    assert step(fork()).save(path) == path
    before = path.read_text()
    assert before.startswith("<!DOCTYPE html>")
    with pytest.raises(TypeError):
        save("no value", path)
    assert path.read_text() == before
    assert save(fork(), path).read_text().startswith("<!DOCTYPE html>")


def test_the_page_is_the_same_on_every_run():
    assert step(fork()).to_html() == step(fork()).to_html()


def test_open_shows_the_page_in_the_browser(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = step(fork()).open()
    assert opened == [path.as_uri()] and "walk" in path.read_text()
    path.unlink()


def test_without_graphviz_the_page_holds_the_walk_as_text_and_draws_itself(monkeypatch, open_page):
    monkeypatch.setattr("viz.stepper.engine", lambda: None)
    html = step(fork()).to_html()
    assert "the second wire adds" in html and "<img" not in html
    page = open_page(html, address="#step=last")
    assert page.locator("svg ellipse").count() == 2
    assert {"sum 6", "v2 = -10"} <= set(page.locator("svg text").all_text_contents())


def test_above_the_limit_the_message_names_the_remedy():
    v = Value(0.1)
    for _ in range(500):
        v = v.sin()
    with pytest.raises(ValueError, match=r"501 values, above the limit of 500 .* limit=501"):
        step(v, limit=500)
    assert len(step(v)) == 1001


def test_a_large_graph_has_no_still_image_and_not_all_of_its_text():
    v = Value(0.1)
    for _ in range(500):
        v = v.sin()
    html = step(v).to_html()
    assert "<img" not in html and "1001 steps in all" in html and len(html) < 150_000


# ---------------------------------------------------------------- the page


def shown(page, attribute):
    """{name: number} as the page holds it, at full precision."""
    nodes = page.eval_on_selector_all(
        "[data-node]", f"all => all.map(e => [e.dataset.name, e.dataset.{attribute}])"
    )
    return {name: float(number) for name, number in nodes if number}


def message(page):
    return page.inner_text(".message")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def press(page, name):
    button(page, name).click()


def is_off(page, name):
    return button(page, name).get_attribute("aria-disabled") == "true"


def at(page):
    return page.inner_text(".where")


def test_every_control(open_page):
    page = open_page(step(fork()).to_html())
    assert at(page) == "start, 7 steps" and is_off(page, "Back") and not is_off(page, "Last")
    press(page, "Forward")
    assert message(page) == "v2 = x × y = (-2) × 5 = -10" and at(page) == "forward 1 of 2"
    press(page, "Last")
    assert at(page) == "backward 5 of 5" and is_off(page, "Forward")
    press(page, "Back")
    assert "the second wire adds 1 × 5 to the 1 already there: 1 + 5 = 6" in message(page)
    assert page.inner_text(".formula") == "slope of v2 in its first input, x: y = 5"
    press(page, "First")
    assert at(page) == "start, 7 steps"
    page.fill("input[type=range]", "3")
    assert "with respect to itself is 1" in message(page)
    assert page.errors == []


def test_play_runs_to_the_end_and_pauses(open_page):
    page = open_page(step(fork()).to_html())
    page.select_option("select[aria-label=speed]", "400")
    press(page, "Play")
    assert button(page, "Pause").is_visible()
    page.wait_for_function("document.querySelector('.where').textContent === 'backward 5 of 5'")
    assert button(page, "Play").is_visible()
    press(page, "First")
    press(page, "Play")
    press(page, "Pause")
    stopped = at(page)
    page.wait_for_timeout(600)
    assert at(page) == stopped


def test_keys_walk_and_do_not_reach_the_notebook(open_page):
    page = open_page(step(fork()).to_html())
    page.evaluate("window.heard = 0; window.addEventListener('keydown', () => window.heard++)")
    walked = {
        "ArrowRight": "forward 1 of 2", "ArrowLeft": "start, 7 steps", "End": "backward 5 of 5",
        "Home": "start, 7 steps",
    }  # fmt: skip
    for key, want in walked.items():
        page.keyboard.press(key)
        assert at(page) == want
    page.keyboard.press("Space")
    assert button(page, "Pause").is_visible()
    assert page.evaluate("window.heard") == 0


def test_a_notebook_that_takes_enter_for_itself_leaves_it_to_fields_and_buttons(open_page):
    """As JupyterLab does, which edits the cell; Shift with Enter still reaches it, to run that."""
    page = open_page(step(fork(), quiz=True)._repr_html_())
    page.evaluate(
        """() => {
          window.heard = [];
          document.addEventListener("keydown", (event) => {
            window.heard.push(event.key);
            if (event.key === "Enter") event.preventDefault();
          });
        }"""
    )
    page.click("[data-field=local]")
    for one in "111":
        page.keyboard.type(one)
        page.keyboard.press("Enter")
    assert at(page) == "backward 2 of 5" and page.inner_text(".said") == "Right."
    page.keyboard.press("Enter")  # the focus is on Forward
    assert at(page) == "backward 3 of 5"
    page.locator("summary", has_text="Words").press("Enter")
    assert page.locator(".words dl").is_visible()
    assert page.evaluate("window.heard") == []
    page.keyboard.press("Shift+Enter")
    assert page.evaluate("window.heard") == ["Shift", "Enter"]


def test_the_fork_step_lights_gate_wire_and_changed_gradient(open_page):
    page = open_page(step(fork()).to_html(), address="#step=6")
    assert page.locator(".node.lit .name").all_text_contents() == ["×"]
    assert page.locator(".node.fresh").get_attribute("data-name") == "x"
    wire = page.locator(".wire.lit")
    assert wire.count() == 1 and wire.locator("path").count() == 1  # one line, lit as one
    assert wire.locator("text").all_text_contents() == ["-2", "5 ← ×5"]
    assert "sum 6" in page.locator("svg text").all_text_contents()


def test_hover_and_focus_tell_the_details(open_page):
    page = open_page(step(fork()).to_html(), address="#step=last")
    page.hover("[data-name=x]")
    assert page.inner_text(".detail") == "x: value -2, gradient 6"
    page.focus("[data-name=v2]")
    assert page.inner_text(".detail") == "v2: value -10, gradient 1, x × y"
    assert page.get_attribute("[data-name=y]", "aria-label") == "y: value 5, gradient -2"


@pytest.mark.parametrize(
    "address, want",
    [
        ("#step=4", "backward 2 of 5"), ("#step=last", "backward 5 of 5"),
        ("#step=99", "backward 5 of 5"), ("", "start, 7 steps"),
    ],
)  # fmt: skip
def test_the_address_opens_a_step(open_page, follow, address, want):
    page = open_page(step(fork()).to_html(), address=address)
    assert at(page) == want
    follow(page, "#step=2")
    assert at(page) == "forward 2 of 2"
    page.keyboard.press("End")
    assert page.evaluate("location.hash") == "#step=last"


def test_before_a_step_nothing_of_it_is_shown(open_page):
    page = open_page(step(neuron()).to_html())
    assert set(shown(page, "value")) == set(AT) and shown(page, "grad") == {}
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert shown(page, "grad") == {"v9": 1.0}


EXPRESSIONS = [
    (NEURON, AT),
    (FORK, {"x": -2.0, "y": 5.0}),
    ("x*x*x", {"x": 1.7}),
    ("max(a, b) * exp(a / b) - log1p(b) ** 3", {"a": 0.4, "b": 1.9}),
    ("leaky_relu(a - 2) + elu(b - 3, alpha=0.5) + softplus(a) ** b", {"a": 0.3, "b": 1.5}),
    ("sin(x) / x + abs(x - 4) * sqrt(x)", {"x": 2.2}),
]


@pytest.mark.parametrize("text, values", EXPRESSIONS)
def test_after_the_last_step_every_gradient_is_the_engines(open_page, text, values):
    root = parse(text, values)
    page = open_page(step(root).to_html(), address="#step=last")
    names = step(root).picture.names().values()
    grads = shown(page, "grad")
    for name, (_, want) in zip(names, gradients(root).items(), strict=True):
        if name in grads and list(names).count(name) == 1:
            assert grads[name] == pytest.approx(want, rel=1e-9, abs=1e-12)
    assert set(values) <= set(grads)


@pytest.mark.parametrize(
    "scheme, paper", [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")]
)
def test_light_and_dark(open_page, scheme, paper):
    page = open_page(step(fork()).to_html(), color_scheme=scheme)
    assert (
        page.eval_on_selector(".autograd-walk", "e => getComputedStyle(e).backgroundColor") == paper
    )


def test_a_notebooks_theme_goes_before_the_systems(open_page):
    html = f"<div data-jp-theme-light='false'>{step(fork())._repr_html_()}</div>"
    page = open_page(html, color_scheme="light")
    assert (
        page.eval_on_selector(".autograd-walk", "e => getComputedStyle(e).backgroundColor")
        == "rgb(13, 17, 23)"
    )


@pytest.mark.needs_dot
def test_with_javascript_off_the_finished_picture_stands_there(open_page):
    page = open_page(step(neuron()).to_html(), ready="img", java_script_enabled=False)
    image = page.locator("img")
    assert image.count() == 1 and image.bounding_box()["width"] > 300
    alt = image.get_attribute("alt")
    assert "v9 = 0.731, gradient 1" in alt and "x1 = -2, gradient -0.590" in alt
    assert page.locator("button").count() == 0


def test_the_page_asks_for_nothing_and_evaluates_nothing(open_page):
    html = step(neuron()).to_html()
    page = open_page(html)
    page.keyboard.press("End")
    assert [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert (
        "eval(" not in html
        and "new Function" not in html
        and "http://" not in html.replace("http://www.w3.org", "")
    )


# ---------------------------------------------------------------- what if


def test_what_if_recomputes_forward_and_backward(open_page):
    page = open_page(step(neuron()).to_html(), address="#step=last")
    page.click("summary:text('What if')")
    page.fill("label:has-text('w2') input", "-2.5")
    root = parse(NEURON, {**AT, "w2": -2.5})
    want = gradients(root)
    grads = shown(page, "grad")
    for value, grad in want.items():
        if value.label:
            assert grads[value.label] == pytest.approx(grad, rel=1e-9)
    assert shown(page, "value")["v9"] == pytest.approx(root.data, rel=1e-12)
    page.fill("label:has-text('w2') input", "abc")
    assert page.get_attribute("label:has-text('w2') input", "aria-invalid") == "true"
    assert shown(page, "value")["v9"] == pytest.approx(root.data, rel=1e-12)
    press(page, "Reset")
    assert shown(page, "value")["v9"] == neuron().data


def test_a_change_beside_a_sum_is_from_the_sum_at_that_stop(open_page):
    page = open_page(step(fork()).to_html())
    page.click("summary:text('What if')")
    page.fill("label:has-text('y') input", "7")  # one part of the sum of x is y, the other is 1
    seen = []
    for k in range(4, 9):
        page.evaluate(f"location.hash = '#step={k}'")
        page.wait_for_timeout(50)
        seen += [t for t in page.locator("svg text").all_text_contents() if t.startswith("sum ")]
    assert set(seen) == {"sum 1", "sum 8 (+2)"}


def test_what_if_says_where_the_engine_would_raise(open_page):
    page = open_page(step(parse("log(x) * 2", {"x": 2.0})).to_html(), address="#step=last")
    page.click("summary:text('What if')")
    page.fill("label:has-text('x') input", "-1")
    assert "log: ln (-1): needs an operand above 0" in page.inner_text(".alert")
    page.fill("label:has-text('x') input", "3")
    assert page.inner_text(".alert") == ""


@pytest.mark.parametrize(
    "make", [lambda a, b: where(a > b, a * a, b * b) * a, lambda a, b: (a if b <= a else b) * a]
)
def test_what_if_says_where_the_program_would_go_another_way(open_page, make):
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    page = open_page(step(make(a, b)).to_html(), address="#step=last")
    page.click("summary:text('What if')")
    field = page.locator(".leaves label:has-text('a') input")
    field.fill("5")
    assert "your program would go another way: run it again" in page.inner_text(".alert")
    assert page.inner_text(".alert").startswith(("b < a", "b <= a"))
    field.fill("2.5")
    assert page.inner_text(".alert") == ""


def test_what_if_knows_comparisons_with_numbers_and_is_silent_without_any(open_page):
    x = Value(2.0, label="x")
    y = x * 3 if x > 0 else x
    page = open_page(step(y).to_html())
    page.click("summary:text('What if')")
    page.locator(".leaves label:has-text('x') input").fill("-1")
    assert page.inner_text(".alert").startswith("0 < x has another answer")
    page = open_page(step(Value(2.0, label="x") * 3).to_html())
    page.click("summary:text('What if')")
    page.locator(".leaves label:has-text('x') input").fill("-1")
    assert page.inner_text(".alert") == ""


def test_a_leaf_is_dragged_to_another_number_and_that_is_undone_at_once(open_page):
    page = open_page(step(fork()).to_html(), address="#step=last")
    leaf = page.locator("[data-node].leaf.movable").first
    before = leaf.get_attribute("aria-label")
    box = leaf.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y)
    page.mouse.move(x + 50, y, steps=5)
    page.mouse.up()
    assert leaf.get_attribute("aria-label") != before
    page.click("summary:text('What if')")
    press(page, "Undo")
    assert leaf.get_attribute("aria-label") == before


def test_who_predicts_moves_no_number(open_page):
    page = open_page(step(fork(), quiz=True).to_html())
    assert page.locator(".movable").count() == 0


def test_a_picture_larger_than_its_box_has_an_overview(open_page):
    page = open_page(step(neuron()).to_html())
    assert not page.is_visible(".overview")
    for _ in range(9):
        page.keyboard.press("+")
    assert page.is_visible(".overview")
    scrolled = "document.querySelector('.picture').scrollLeft"
    box = page.locator(".overview").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    right = page.evaluate(scrolled)
    page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
    assert page.evaluate(scrolled) < right
    page.keyboard.press("0")
    assert not page.is_visible(".overview")


def test_the_address_keeps_open_groups(open_page):
    html = step(loss_of([3, 3, 1])).to_html()
    page = open_page(html)
    page.locator("[data-node].neuron").first.click()
    page.wait_for_function("location.hash.includes('open=')")
    address = page.evaluate("location.hash")
    again = open_page(html, address=address)
    assert again.inner_text(".crumbs") == page.inner_text(".crumbs") != ""
    wrong = open_page(html, address="#step=1&open=no%such,layer9")
    assert wrong.inner_text(".crumbs") == ""


def test_a_group_that_is_open_has_a_frame_with_its_name(open_page):
    with_names = {"inner.a": 2.0, "inner.b": 3.0}
    a, b = (Value(x, label=name) for name, x in with_names.items())
    q = a * b
    q.label = "inner.q"
    page = open_page(step(q * Value(2.0, label="c")).to_html())
    assert page.locator(".frames text").all_text_contents() == ["inner"]


def test_the_pages_rules_agree_with_the_engine_for_every_gate(open_page):
    page = open_page("<p>rules</p>", ready="p")
    for name, gate in gates.items():
        rng = random.Random(name)
        points = [tuple(interval.sample(rng) for interval in gate.domain) for _ in range(50)]
        points += gate.corners
        found = page.evaluate(
            f"points => points.map(p => {{ const r = ({javascript(gate)})(...p); "
            "return [Number(r.value), r.slopes.map(Number), r.failure]; })",
            [list(point) for point in points],
        )
        for point, (value, slopes, failure) in zip(points, found, strict=True):
            y = gate.forward(elementary, *point)
            assert failure == "" and value == pytest.approx(y, rel=1e-9, abs=1e-12), (name, point)
            want = gate.partials(elementary, y, *point)
            assert slopes == pytest.approx(list(want), rel=1e-9, abs=1e-12), (name, point)


def test_the_pages_rules_fail_where_the_engine_raises(open_page):
    page = open_page("<p>rules</p>", ready="p")
    cases = [
        ("log", -1.0), ("sqrt", -1.0), ("div", 1.0, 0.0), ("exp", 1000.0), ("asin", 1.5),
        ("power", 0.0, -1.0), ("power", -8.0, 1 / 3), ("pow", 1e200, 2.0), ("log1p", -1.0),
    ]  # fmt: skip
    for name, *point in cases:
        reason = page.evaluate(f"p => ({javascript(gates[name])})(...p).failure", point)
        assert reason in [failure.reason for failure in gates[name].failures]


def test_what_if_on_a_constant_renames_it(open_page):
    page = open_page(step(parse("x*2 + 1", {"x": 3.0})).to_html(), address="#step=1")
    page.click("summary:text('What if')")
    page.fill("[data-leaf='1']", "7")
    assert message(page) == "v2 = x × 7 = 3 × 7 = 21"
    button(page, "Reset").click()
    assert message(page) == "v2 = x × 2 = 3 × 2 = 6"


def test_page_and_picture_round_alike(open_page):
    page = open_page("<p>numbers</p>", ready="p")
    script = (Path(viz.__file__).parent / "page" / "numbers.js").read_text(encoding="utf-8")
    functions = script.replace("export ", "")
    rng = random.Random(0)
    xs = [k / 8 for k in range(-50, 50)] + [k / 16 for k in range(-50, 50)] + [1.0625, 12345.0]
    xs += [rng.choice([-1, 1]) * 10 ** rng.uniform(-9, 9) for _ in range(500)]
    xs += [999.5, 999.49, 0.9995, 99950.0, 1e6, 999999.0, 123456.0, 1e-320, 5e-324, -0.0, 0.001]
    xs += [0.0009995, 0.00099949, 2.0**60, 1e300, 0.5, 1 / 3, 2.0000001, 0.125, 0.0625, 1.125]
    found = page.evaluate(f"xs => {{ {functions}\n return xs.map(x => number(x)); }}", xs)
    assert found == [number(x) for x in xs]
    odd = page.evaluate(
        f"() => {{ {functions}\n return [NaN, 1 / 0, -1 / 0, null].map((x) => number(x)); }}"
    )
    assert odd == ["nan", "inf", "-inf", "-"]


# ---------------------------------------------------------------- big graphs


def test_a_network_is_columns_and_a_neuron_opens_in_place(open_page):
    page = open_page(step(loss_of([16, 16, 1])).to_html())
    assert {"layer0.neuron0", "layer1.neuron15", "layer2.neuron0", "loss"} <= set(names_in(page))
    page.keyboard.press("ArrowRight")
    assert message(page).startswith("layer0 computes: ")
    page.click("[data-name='layer1.neuron3']")
    assert {"layer1.neuron3.w0", "layer1.neuron2", "layer0.neuron0"} <= set(names_in(page))
    page.keyboard.press("End")
    loss = loss_of([16, 16, 1])
    want = {value.label: grad for value, grad in gradients(loss).items()}
    for name, grad in shown(page, "grad").items():
        if name.startswith("layer"):
            assert grad == pytest.approx(want[name], rel=1e-9, abs=1e-15)
    page.keyboard.press("Escape")
    assert "layer1.neuron3" in names_in(page) and "layer1.neuron3.w0" not in names_in(page)
    assert page.errors == []


def test_a_network_has_one_stop_per_layer(open_page):
    page = open_page(step(loss_of([16, 16, 1])).to_html())
    assert int(re.search(r"(\d+) steps", at(page))[1]) <= 20


def test_neurons_stand_in_order_and_wires_are_straight(open_page):
    page = open_page(step(loss_of([16, 16, 1])).to_html())
    tops = page.eval_on_selector_all(
        ".node.neuron", "all => all.map(e => [e.dataset.name, e.getBoundingClientRect().top])"
    )
    for layer in ("layer0", "layer1"):
        column = {int(name.split("neuron")[1]): top for name, top in tops if layer in name}
        assert [column[i] for i in range(16)] == sorted(column.values())
    routes = page.eval_on_selector_all(".dense path", "all => all.map(e => e.getAttribute('d'))")
    assert len(routes) == 2 * 16 + 16 * 16 + 16 and all("C" not in route for route in routes)


def test_the_example_of_a_batch_is_chosen(open_page):
    points, labels = moons(8, rng=0)
    model = MLP(2, [8, 8, 1], rng=0)
    scores = model(points)
    loss = sum((1 - (2 * y - 1) * s).relu() for y, s in zip(labels, scores, strict=True)) / 8
    page = open_page(step(loss).to_html(), address="#step=last")
    for k in (0, 3, 7):
        page.select_option("select[aria-label=example]", str(k))
        page.keyboard.press("End")
        assert shown(page, "value")["layer2.neuron0"] == pytest.approx(scores[k].data, rel=1e-12)
        assert shown(page, "grad")["layer2.neuron0"] == pytest.approx(
            gradients(loss)[scores[k]], rel=1e-9
        )
    assert page.errors == []


def test_a_group_opens_by_key_and_the_keys_go_on_working(open_page):
    page = open_page(step(loss_of([16, 16, 1]))._repr_html_())
    page.focus("[data-name='layer0.neuron3']")
    page.keyboard.press("Enter")
    assert "layer0.neuron3.w1" in names_in(page)
    page.keyboard.press("ArrowRight")
    assert at(page).startswith("forward 1 of")


def test_the_graph_is_one_tab_stop_with_arrows_inside(open_page):
    page = open_page(step(fork()).to_html())
    assert page.locator("svg [tabindex='0']").count() == 1
    page.focus("svg [tabindex='0']")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.name") == "y"
    assert at(page) == "start, 7 steps"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")  # a gate: its step
    assert message(page).startswith("v2 = x × y")


def test_focus_survives_the_last_step(open_page):
    page = open_page(step(fork())._repr_html_())
    button(page, "Forward").focus()
    for _ in range(9):
        page.keyboard.press("Enter")
    assert at(page) == "backward 5 of 5"
    page.keyboard.press("ArrowLeft")
    assert at(page) == "backward 4 of 5"


# ---------------------------------------------------------------- looking closer


def test_a_click_on_a_leaf_lights_its_paths_and_tells_their_sum(open_page):
    page = open_page(step(fork()).to_html(), address="#step=last")
    page.click("[data-name=x]")
    assert page.inner_text(".detail") == "x: 2 paths to the root, 5 + 1 = 6"
    assert page.locator(".wire.path").count() == 2


def test_a_pointer_on_a_wire_tells_its_chain_rule(open_page):
    page = open_page(step(fork()).to_html(), address="#step=last")
    page.hover(".wire:not(.stem) text >> nth=0")
    told = page.inner_text(".detail")
    assert told.startswith("wire from x to v2: ") and told.endswith("= 1 × 5 = 5")


def test_all_steps_are_listed_and_lead_there(open_page):
    page = open_page(step(fork()).to_html())
    page.click("summary:text('All steps')")
    page.wait_for_selector(".steps li")
    items = page.locator(".steps li")
    assert items.count() == 8
    items.nth(6).locator("button").click()
    assert at(page) == "backward 4 of 5"
    assert page.locator(".steps [aria-current]").inner_text() == message(page)


def test_numbers_in_a_sentence_have_the_ink_of_their_kind(open_page):
    page = open_page(step(fork()).to_html(), address="#step=5")
    inks = page.eval_on_selector_all(
        ".message span", "all => all.map(e => [e.className, e.textContent])"
    )
    assert ["gradient", "1"] in inks and ["name", "x"] in inks


def test_zoom_fit_and_drag(open_page):
    page = open_page(step(neuron()).to_html())
    width = "document.querySelector('.picture svg').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert page.evaluate(width) == pytest.approx(before * 1.25**2, rel=0.02)
    button(page, "Fit").click()
    assert page.evaluate(width) == pytest.approx(before, rel=0.02)


def names_in(page):
    return page.eval_on_selector_all("[data-node]", "all => all.map(e => e.dataset.name)")


def test_opening_a_group_stays_at_the_same_end_of_the_walk(open_page):
    page = open_page(step(loss_of([16, 16, 1])).to_html(), address="#step=last")
    page.click("[data-name='layer2.neuron0']")
    place = at(page).split()
    assert place[0] == "backward" and place[1] == place[3]


def test_three_thousand_values_stay_under_a_megabyte_and_step_without_a_stall(open_page):
    loss = loss_of([24, 24, 12, 1], inputs=3)
    stepper = step(loss)
    assert 2_500 < len(stepper.picture.nodes) < 3_200
    html = stepper.to_html()
    assert len(html.encode()) < 1_000_000
    page = open_page(html)
    page.keyboard.press("End")
    grads = shown(page, "grad")
    assert grads["x0"] == pytest.approx(
        next(grad for value, grad in gradients(loss).items() if value.label == "x0"), rel=1e-9
    )


# ---------------------------------------------------------------- notebooks


@pytest.fixture(scope="module")
def notebook():
    """Three steppers, executed."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        "from autograd_core import Value\nfrom viz import step\nx, y = Value(-2.0), Value(5.0)\n"
        "step(x * y + x, names=locals())",
        "step((x * y).tanh(), names=locals())",
        "step(x.max(y) * x, names=locals())",
    ]
    book = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    return book


def test_three_steppers_in_one_notebook_work_on_their_own(notebook, open_page):
    nbconvert = pytest.importorskip("nbconvert")
    html, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    page = open_page(html, ready=".autograd-walk .where")
    page.wait_for_function("document.querySelectorAll('.autograd-walk .where').length === 3")
    walks = page.locator(".autograd-walk")
    button(walks.nth(1), "Last").click()
    button(walks.nth(2), "Forward").click()
    places = [walks.nth(i).locator(".where") for i in range(3)]
    told = ["start, 7 steps", "backward 4 of 4", "forward 1 of 2"]
    assert [one.inner_text() for one in places] == told
    walks.nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert [one.inner_text() for one in places] == ["forward 1 of 2", *told[1:]]
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len([i for i in ids if i.startswith("walk-")]) == len(
        {i for i in ids if i.startswith("walk-")}
    )


def test_an_untrusted_notebook_shows_three_pictures_and_nothing_else(notebook, open_page):
    nh3 = pytest.importorskip("nh3")  # sanitises as JupyterLab does
    outputs = [cell.outputs[0]["data"]["text/html"] for cell in notebook.cells]
    clean = [nh3.clean(html, url_schemes={"data"}) for html in outputs]
    page = open_page("".join(clean), ready="img")
    boxes = [page.locator("img").nth(i).bounding_box() for i in range(3)]
    assert page.locator("img").count() == 3 and all(box["width"] > 100 for box in boxes)
    assert page.inner_text("body").strip() == ""


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("theme", "paper"), [("dark", "rgb(13, 17, 23)"), ("light", "rgb(255, 255, 255)")]
)
def test_a_frame_of_a_notebook_gets_its_theme_and_enough_height(open_page, theme, paper):
    """As marimo shows an output: alone in a frame, 400 px high at first."""
    inner = escape(step(fork())._repr_html_())
    frame = f'<iframe srcdoc="{inner}" width="700" height="400"></iframe>'
    other = "light" if theme == "dark" else "dark"
    page = open_page(f'<body class="{theme}">{frame}</body>', ready="", color_scheme=other)
    walk = page.frame_locator("iframe")
    walk.locator("summary", has_text="Words").click()
    page.wait_for_function(
        """() => {
          const { documentElement: inner } = document.querySelector("iframe").contentDocument;
          return inner.scrollHeight > 600 && inner.scrollHeight <= inner.clientHeight;
        }"""
    )
    box = walk.locator(".autograd-walk")
    assert box.evaluate("box => getComputedStyle(box).backgroundColor") == paper
    assert walk.locator(":root").evaluate("root => getComputedStyle(root).colorScheme") == theme


@pytest.mark.parametrize("by", ["keyboard", "finger"])
def test_the_words_of_the_sentences_are_explained(open_page, by):
    viewport = {"width": 390, "height": 800}
    page = open_page(step(fork()).to_html(), has_touch=True, viewport=viewport)
    words = page.locator("summary:text-is('Words and keys')")
    assert not page.get_by_text("the slope of one gate").is_visible()
    if by == "keyboard":
        words.focus()
        page.keyboard.press("Enter")
    else:
        words.tap()
    told = page.locator(".words dl")
    assert told.is_visible()
    explained = dict(
        zip(*(told.locator(tag).all_inner_texts() for tag in ("dt", "dd")), strict=True)
    )
    for word in ("leaf", "gate", "operand", "local", "upstream", "contribution", "sum"):
        assert len(explained[word]) > 40
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# ---------------------------------------------------------------- hostile text


@pytest.mark.parametrize("label", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_labels_stay_text_and_no_script_of_theirs_runs(open_page, label):
    x, y = Value(2.0, label), Value(3.0, f"group.{label}")
    f = x * y + x
    f.label = label
    page = open_page(step(f).to_html(), address="#step=last")
    page.click("summary:text('What if')")
    page.hover("[data-node='0']")
    page.wait_for_timeout(50)
    assert page.errors == []
    assert page.locator("img").count() == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 1
    assert page.locator("svg").count() == 1


@pytest.mark.parametrize("label", HOSTILE[:4], ids=range(4))
def test_hostile_labels_in_the_still_page(open_page, label):
    x = Value(2.0, label)
    page = open_page(step(x * x).to_html(), ready="img", java_script_enabled=False)
    assert page.locator("img").count() == 1 and page.errors == []


# ---------------------------------------------------------------- to keep


def test_the_heading_is_the_expression(open_page):
    page = open_page(step(parse("(x*y + x) * tanh(z)", {"x": -2.0, "y": 5.0, "z": 0.5})).to_html())
    assert page.inner_text("h1") == "(x × y + x) × tanh z"


def test_the_picture_is_saved_as_svg_and_png(open_page, tmp_path):
    page = open_page(step(fork()).to_html(), address="#step=last")
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as waiting:
            button(page, kind).click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        assert path.name == f"step7.{kind.lower()}" and path.read_bytes().startswith(start)
    text = (tmp_path / "step7.svg").read_text(encoding="utf-8")
    assert "sum 6" in text and "var(" not in text


def test_print_makes_one_picture_per_step(open_page):
    page = open_page(step(fork()).to_html())
    page.evaluate("window.print = () => {}")
    button(page, "Print").click()
    assert page.locator(".board figure").count() == 8
    page.emulate_media(media="print")
    assert page.locator(".board figure").first.is_visible()
    assert not page.locator(".bar").first.is_visible()


def test_a_dot_runs_along_the_wire_unless_motion_is_unwanted(open_page):
    for motion, dots in (("no-preference", 1), ("reduce", 0)):
        page = open_page(step(fork()).to_html(), address="#step=4", reduced_motion=motion)
        page.keyboard.press("ArrowRight")
        assert page.locator(".dot").count() == dots


def test_undo_redo_and_what_gradients_foretell(open_page):
    page = open_page(step(fork()).to_html(), address="#step=last")
    page.click("summary:text('What if')")
    page.fill("label:has-text('x') input", "-2.5")
    assert page.inner_text(".detail") == "v3 moved by -3; gradient × change predicted -3"
    assert "v3 = -15 (-3)" in page.locator("svg text").all_text_contents()
    page.click("button:text-is('Undo')")
    assert shown(page, "value")["v3"] == -12.0
    page.click("button:text-is('Redo')")
    assert shown(page, "value")["v3"] == -15.0
    page.press("label:has-text('x') input", "ArrowUp")
    assert shown(page, "value")["x"] == -2.4


def test_the_address_keeps_numbers(open_page, follow):
    page = open_page(step(fork()).to_html(), address="#step=last&0:-2.5")
    assert shown(page, "value")["v3"] == -15.0
    for broken in ("#step=2&9:1", "#step=2&2:7", "#step=2&x:y", "#step=2&0:nan"):
        follow(page, broken)
        assert at(page) == "forward 2 of 2" and shown(page, "value")["x"] == -2.5
    assert page.errors == []


# ---------------------------------------------------------------- layout

FAULTS = """() => {
  const faults = [], texts = [...document.querySelectorAll('svg text')].filter(t => t.textContent)
    .map(t => { const b = t.getBBox(); return {t: t.textContent, own: t.parentNode,
      left: b.x + 1, right: b.x + b.width - 1, top: b.y + 2, bottom: b.y + b.height - 2}; });
  texts.forEach((a, i) => texts.slice(0, i).forEach(b => {
    if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
      faults.push(`${a.t} on ${b.t}`); }));
  for (const path of document.querySelectorAll('svg .wire path')) {
    const length = path.getTotalLength(), n = Math.ceil(length / 3);
    for (let k = 0; k <= n; k++) {
      const p = path.getPointAtLength(length * k / n);
      for (const a of texts) if (a.own !== path.parentNode
        && a.left < p.x && p.x < a.right && a.top < p.y && p.y < a.bottom)
        faults.push(`${a.t} is crossed`);
    }
  }
  const box = document.querySelector('.autograd-walk').walk;
  box.drawing.wires.forEach(({wire, path}) => {
    const ends = box.drawing.wires.filter(one => one.wire.target === wire.target)
      .map(one => one.path.getPointAtLength(one.path.getTotalLength()).y);
    if (ends.some((y, i) => i > 0 && y < ends[i - 1])) faults.push('operands out of order');
  });
  return [...new Set(faults)];
}"""


@pytest.mark.parametrize("gates", [3, 8, 15, 25, 40, 60])
def test_no_text_lies_on_another_and_no_wire_crosses_one(open_page, random_graph, gates):
    for seed in range(6):
        root = random_graph(1000 * gates + seed, gates)
        page = open_page(step(root).to_html(), address="#step=last")
        assert page.evaluate(FAULTS) == [], (seed, gates)
        assert page.errors == []


# ---------------------------------------------------------------- for everybody


@pytest.mark.skipif("AXE" not in os.environ, reason="AXE does not say where axe.min.js is")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("graph", ["fork", "network"])
def test_axe_finds_nothing(open_page, scheme, graph):
    root = fork() if graph == "fork" else loss_of([8, 8, 1])
    page = open_page(step(root).to_html(), address="#step=last", color_scheme=scheme)
    page.click("summary:text('All steps')")
    page.click("summary:text('What if')")
    page.wait_for_selector(".steps li")  # listed after the click
    page.add_script_tag(path=os.environ["AXE"])
    found = page.evaluate("axe.run()")["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_phones_tablets_and_desks(open_page, width):
    page = open_page(
        step(neuron()).to_html(), address="#step=last", viewport={"width": width, "height": 800}
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for one in ("First", "Back", "Play", "Forward", "Last"):
        box = button(page, one).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert page.locator("svg").bounding_box()["height"] > 60


def test_forced_colours_and_no_motion(open_page):
    page = open_page(step(fork()).to_html(), address="#step=5", forced_colors="active")
    assert page.locator(".wire.lit").count() == 1 and page.errors == []
