"""The stepper: its steps as data and text, and its page, driven in a headless browser."""

import json
import math
import random
import re
from pathlib import Path

import pytest

import viz
from autograd_core import Value, elementary, gates, gradients, javascript
from nn import MLP, moons
from viz import NoGraphviz, parse, save, step
from viz.words import number, short

pytestmark = pytest.mark.needs_dot

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


def test_the_page_tells_constants_in_the_same_words(open_page):
    f = with_constants()
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


def test_without_graphviz_the_page_holds_the_walk_as_text(monkeypatch):
    monkeypatch.setattr("viz.stepper.engine", lambda: None)
    page = step(fork()).to_html()
    assert "the second path adds" in page and "autograd-core[render]" in page
    assert str(NoGraphviz()).splitlines()[0] in page


def test_above_the_budget_the_message_names_the_remedy():
    v = Value(0.1)
    for _ in range(500):
        v = v.sin()
    with pytest.raises(ValueError, match="labels with dots"):
        step(v)
    assert len(step(v, limit=1000)) == 1001


def test_a_group_too_big_to_be_opened_is_refused_and_not_folded_into_itself():
    v = Value(0.1, "part.x")
    for _ in range(500):
        v = v.sin()
    v.label = "part"
    with pytest.raises(ValueError, match="limit=501"):
        step(v * 2.0)
    assert len(step(v * 2.0, limit=501)) == 1004


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


def at(page):
    return page.inner_text(".where")


def test_every_control(open_page):
    page = open_page(step(fork()).to_html())
    assert at(page) == "step 0 of 7" and button(page, "Back").is_disabled()
    press(page, "Forward")
    assert message(page) == "v2 = x * y = (-2) * 5 = -10" and at(page) == "step 1 of 7"
    press(page, "Last")
    assert at(page) == "step 7 of 7" and button(page, "Forward").is_disabled()
    press(page, "Back")
    assert "the second path adds 1 x 5 to the 1 already there: 1 + 5 = 6" in message(page)
    assert page.inner_text(".formula") == "local dv2/dx = y = 5"
    press(page, "First")
    assert at(page) == "step 0 of 7"
    page.fill("input[type=range]", "3")
    assert "with respect to itself is 1" in message(page)
    assert page.errors == []


def test_play_runs_to_the_end_and_pauses(open_page):
    page = open_page(step(fork()).to_html())
    page.click("summary:text('Settings')")
    page.select_option("select", "400")
    press(page, "Play")
    assert button(page, "Pause").is_visible()
    page.wait_for_function("document.querySelector('.where').textContent === 'step 7 of 7'")
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
    for key, want in [
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 7),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        assert at(page) == f"step {want} of 7"
    page.keyboard.press("Space")
    assert button(page, "Pause").is_visible()
    assert page.evaluate("window.heard") == 0


def test_the_fork_step_lights_gate_wire_and_changed_gradient(open_page):
    page = open_page(step(fork()).to_html(), address="#step=6")
    lit = page.eval_on_selector_all(".lit", "all => all.map(e => e.id.replace(/^.*?-.*?-/, ''))")
    assert set(lit) == {"n2", "n0-n2-0", "n0-n2-0-tail"}
    changed = page.eval_on_selector_all("text.changed", "all => all.map(e => e.textContent)")
    assert set(changed) == {"sum 6.00", "5.00", "\u00d7 5.00"}
    texts = page.eval_on_selector_all("svg text", "all => all.map(e => e.textContent)")
    assert {"1.00", "5.00", "sum 6.00"} <= set(texts)


def test_hover_and_focus_tell_the_details(open_page):
    page = open_page(step(fork()).to_html(), address="#step=last")
    page.hover("[data-name=x]")
    assert page.inner_text(".detail") == "x: value -2, gradient 6"
    page.focus("[data-name=v2]")
    assert page.inner_text(".detail") == "v2: value -10, gradient 1, x * y"
    assert page.get_attribute("[data-name=y]", "aria-label") == "y: value 5, gradient -2"


@pytest.mark.parametrize(
    "address, want", [("#step=4", 4), ("#step=last", 7), ("#step=99", 7), ("", 0)]
)
def test_the_address_opens_a_step(open_page, address, want):
    page = open_page(step(fork()).to_html(), address=address)
    assert at(page) == f"step {want} of 7"
    page.evaluate("location.hash = '#step=2'")
    page.wait_for_function("document.querySelector('.where').textContent === 'step 2 of 7'")


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
    fill = page.eval_on_selector("svg polygon", "e => getComputedStyle(e).fill")
    assert fill == paper


def test_a_notebooks_theme_goes_before_the_systems(open_page):
    html = f"<div data-jp-theme-light='false'>{step(fork())._repr_html_()}</div>"
    page = open_page(html, color_scheme="light")
    assert (
        page.eval_on_selector(".autograd-walk", "e => getComputedStyle(e).backgroundColor")
        == "rgb(13, 17, 23)"
    )


def test_with_javascript_off_the_finished_picture_stands_there(open_page):
    page = open_page(step(neuron()).to_html(), ready="img", java_script_enabled=False)
    image = page.locator("img")
    assert image.count() == 1 and image.bounding_box()["width"] > 300
    alt = image.get_attribute("alt")
    assert "v9 = 0.73, gradient 1.00" in alt and "x1 = -2.00, gradient -0.59" in alt
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


def test_what_if_says_where_the_engine_would_raise(open_page):
    page = open_page(step(parse("log(x) * 2", {"x": 2.0})).to_html(), address="#step=last")
    page.click("summary:text('What if')")
    page.fill("label:has-text('x') input", "-1")
    assert "log: ln (-1): needs an operand above 0" in page.inner_text(".alert")
    page.fill("label:has-text('x') input", "3")
    assert page.inner_text(".alert") == ""


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
    assert message(page) == "v2 = x * 7 = 3 * 7 = 21"
    button(page, "Reset").click()
    assert message(page) == "v2 = x * 2 = 3 * 2 = 6"


def test_page_and_picture_round_alike(open_page):
    page = open_page("<p>numbers</p>", ready="p")
    script = (Path(viz.__file__).parent / "page" / "stepper.js").read_text(encoding="utf-8")
    functions = re.search(r"  function short\(x\).*?(?=\n  const say)", script, re.DOTALL)[0]
    rng = random.Random(0)
    xs = [k / 8 for k in range(-50, 50)] + [k / 16 for k in range(-50, 50)] + [1.0625, 12345.0]
    xs += [rng.choice([-1, 1]) * 10 ** rng.uniform(-9, 9) for _ in range(500)]
    found = page.evaluate(f"xs => {{ {functions} return xs.map(x => [short(x), number(x)]); }}", xs)
    assert found == [[short(x), number(x)] for x in xs]


# ---------------------------------------------------------------- big graphs


def test_a_network_folds_and_a_group_opens_by_a_click(open_page):
    page = open_page(step(loss_of([16, 16, 1])).to_html())
    assert {"layer0", "layer1", "layer2", "loss"} <= set(names_in(page))
    page.click("[data-name=layer1]")
    assert "layer1.neuron15" in names_in(page)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert message(page).startswith("layer1.neuron0 computes: ")
    page.click("[data-name='layer1.neuron3']")
    assert {"layer1.neuron3.w0", "layer1.neuron3", "layer0.neuron0"} <= set(names_in(page))
    page.keyboard.press("End")
    loss = loss_of([16, 16, 1])
    want = {value.label: grad for value, grad in gradients(loss).items()}
    for name, grad in shown(page, "grad").items():
        if name.startswith("layer1"):
            assert grad == pytest.approx(want[name], rel=1e-9, abs=1e-15)
    press(page, "whole graph")
    assert "layer0" in names_in(page) and page.errors == []


def test_folded_repeats_have_a_name_and_do_not_ask_to_be_opened(open_page):
    points, labels = moons(8, rng=0)
    scores = MLP(2, [8, 8, 1], rng=0)(points)
    loss = sum((1 - (2 * y - 1) * s).relu() for y, s in zip(labels, scores, strict=True)) / 8
    page = open_page(step(loss).to_html())
    told = page.eval_on_selector_all("[data-node]", "all => all.map(e => e.ariaLabel)")
    assert not [one for one in told if one.startswith(":")]
    closed = {one.split(":")[0] for one in told if "values" in one and "click to open" not in one}
    assert "relu" in closed
    for _ in range(400):
        page.keyboard.press("ArrowRight")
        name = message(page).split(" ")[0]
        assert not (name in closed and "Open it" in message(page))


def test_a_group_opens_by_key_and_the_keys_go_on_working(open_page):
    page = open_page(step(loss_of([16, 16, 1]))._repr_html_())
    page.focus("[data-name=layer0]")
    page.keyboard.press("Enter")
    assert "layer0.neuron3" in names_in(page)
    page.keyboard.press("ArrowRight")
    assert at(page).startswith("step 1 of")
    page.focus("[data-name='layer0.neuron3']")
    page.keyboard.press("Space")
    assert "layer0.neuron3.w1" in names_in(page)


def names_in(page):
    return page.eval_on_selector_all("[data-node]", "all => all.map(e => e.dataset.name)")


def test_opening_a_group_stays_at_the_same_point_of_the_walk(open_page):
    page = open_page(step(loss_of([16, 16, 1])).to_html(), address="#step=last")
    page.click("[data-name=layer2]")
    place = at(page).split()
    assert place[1] == place[3]


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
    assert [place(walks.nth(i)) for i in range(3)] == [0, 6, 1]
    walks.nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert [place(walks.nth(i)) for i in range(3)] == [1, 6, 1]
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len([i for i in ids if i.startswith("walk-")]) == len(
        {i for i in ids if i.startswith("walk-")}
    )


def place(one):
    return int(one.locator(".where").inner_text().split()[1])


def test_an_untrusted_notebook_shows_three_pictures_and_nothing_else(notebook, open_page):
    nh3 = pytest.importorskip("nh3")  # sanitises as JupyterLab does
    outputs = [cell.outputs[0]["data"]["text/html"] for cell in notebook.cells]
    clean = [nh3.clean(html, url_schemes={"data"}) for html in outputs]
    page = open_page("".join(clean), ready="img")
    boxes = [page.locator("img").nth(i).bounding_box() for i in range(3)]
    assert page.locator("img").count() == 3 and all(box["width"] > 100 for box in boxes)
    assert page.inner_text("body").strip() == ""


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
