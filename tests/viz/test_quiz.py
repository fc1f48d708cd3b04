"""Predict, then reveal; and the mistake that was planted in a walk."""

import base64
import json
import math
import os
import re

import pytest

from autograd_core import Value, gradients, mistakes
from nn import MLP
from viz import parse, sabotage, step
from viz.planted import KINDS
from viz.stepper import script

FORK = "x*y + x"
CIRCUITS = [
    ("(x + y) * z", {"x": -2.0, "y": 5.0, "z": -4.0}),
    (FORK, {"x": -2.0, "y": 5.0}),
    ("x*x", {"x": 3.0}),
    ("sigmoid(w0*x0 + w1*x1 + w2)", {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}),
    ("(a - b) * maximum(a, c)", {"a": 1.0, "b": 2.0, "c": 3.0}),
    ("q = x*y; q*x + q", {"x": 2.0, "y": 1.0}),
    ("log(x) / y + exp(y) * asin(z)", {"x": 2.0, "y": 1.0, "z": 0.5}),
]
ASKED = [name for name, one in mistakes.items() if "quiz" in one.readers]
EVERY = parse("q = x*y - maximum(x, z); q*x + q", {"x": -2.0, "y": 5.0, "z": 3.0})


def quiz(open_page, text=FORK, at=None, address="", **options):
    root = parse(text, at or {"x": -2.0, "y": 5.0})
    return open_page(step(root, quiz=True).to_html(), address=address, **options)


def said(page):
    return page.inner_text(".said")


def field(page):
    """Which number is asked for, by where the focus is."""
    return page.evaluate("document.activeElement.dataset.field ?? ''")


def answer(page, *texts):
    for text in texts:
        page.keyboard.type(str(text))
        page.keyboard.press("Enter")


def picture(page):
    return page.locator("svg text").all_text_contents()


def node(page, name):
    return page.get_attribute(f"[data-name='{name}']", "data-grad")


# ---------------------------------------------------------------- predict, then reveal


def test_it_opens_at_the_first_wire_and_shows_none_of_its_numbers(open_page):
    page = quiz(open_page)
    assert page.inner_text(".where") == "backward 2 of 5"
    assert page.inner_text(".message") == (
        "Predict: what flows back from v3 to v2, operand 1 of 2?"
    )
    assert field(page) == "local" and node(page, "v2") == ""
    assert not any("←" in text for text in picture(page))
    assert page.locator(".wire.lit").count() == 1


def test_nothing_leads_past_an_open_question(open_page, follow):
    page = quiz(open_page)
    for name in ("Last", "Forward"):
        page.get_by_role("button", name=name, exact=True).click(force=True)
        assert page.inner_text(".where") == "backward 2 of 5"
    follow(page, "#step=last")
    assert page.inner_text(".where") == "backward 2 of 5"
    page.click("summary:text('All steps')")
    page.wait_for_selector(".steps li")
    listed = page.locator(".steps li").all_text_contents()
    assert all("Predict" in text and "=" not in text for text in listed[4:])
    assert not page.locator("summary:text('What if')").is_visible()
    page.click("[data-name=x]")
    page.hover(".wire.lit text >> nth=0")
    assert "paths" not in page.inner_text(".detail") and "flow" not in page.inner_text(".detail")


def test_all_by_keyboard_to_the_score(open_page):
    page = quiz(open_page)
    answers = [(1, 1, 1), (1, 1, 1), (5, 5, 6), (-2, -2, -2)]
    walk = [one for one in step(parse(FORK, {"x": -2.0, "y": 5.0})) if one.phase == "backward"]
    assert [(one.local, one.contribution, one.after) for one in walk] == answers
    for k, three in enumerate(answers):
        assert page.inner_text(".where") == f"backward {k + 2} of 5"
        for name, one in zip(("local", "contribution", "after"), three, strict=True):
            assert field(page) == name
            answer(page, one)
        assert page.inner_text(".message") == walk[k].text
        if k < 3:
            page.keyboard.press("Enter")  # the focus is on Forward
    assert page.inner_text(".score") == "4 of 4 at first try."
    assert page.evaluate("document.activeElement.textContent") == "New numbers"
    assert float(node(page, "x")) == 6.0 and page.errors == []


def lit_answers(page):
    return [text.strip() for text in page.locator("svg .answered").all_text_contents()]


def test_each_number_lights_where_it_stands_once_it_was_answered(open_page):
    page = quiz(open_page)
    assert lit_answers(page) == []
    answer(page, 1)
    assert lit_answers(page) == ["← ×1"]
    answer(page, 7)
    assert lit_answers(page) == ["← ×1"]  # 7 is wrong
    for one in (1, 1):
        page.keyboard.press("Control+a")
        answer(page, one)
    assert lit_answers(page) == ["1", "← ×1"]
    page.keyboard.press("Enter")
    assert lit_answers(page) == []  # the next wire: of x, which has a sum
    answer(page, 1, 1, 1)
    assert lit_answers(page) == ["1", "← ×1", "sum 1"]
    page.keyboard.press("Enter")
    answer(page, 5, 5)
    assert lit_answers(page) == ["5", "← ×5"] and "sum 1" in picture(page)
    answer(page, 6)
    assert lit_answers(page) == ["5", "← ×5", "sum 6"]


@pytest.mark.parametrize("width", [390, 1400])
def test_predict_stands_with_the_buttons_that_step(open_page, width):
    page = open_page(step(EVERY).to_html(), viewport={"width": width, "height": 800})
    bar = page.get_by_role("group", name="steps")
    bar.get_by_role("button", name="Predict").click()
    assert bar.get_by_role("button", name="New numbers").is_visible()
    boxes = [
        bar.get_by_role("button", name=name, exact=True).bounding_box()
        for name in ("Forward", "Predict")
    ]
    assert abs(boxes[1]["y"] - boxes[0]["y"]) <= (0 if width > 1000 else 45)


def at_the_fork(open_page):
    """x = -2, y = 5: the second wire of x, upstream 1; with q = 3 (x y + x), upstream 3."""
    page = quiz(open_page, "3 * (x*y + x)")
    answer(page, -12, -12, -12)
    page.keyboard.press("Enter")
    answer(page, 3, 3, 3)
    page.keyboard.press("Enter")
    answer(page, 1, 3, 3)
    page.keyboard.press("Enter")
    answer(page, 1, 3, 3)
    page.keyboard.press("Enter")
    assert page.inner_text(".message").startswith("Predict: what flows back from v3 to x")
    return page


@pytest.mark.parametrize(
    "before, wrong, name",
    [
        ([], -2, "wrong operand"),
        ([], -5, "sign"),
        ([5], 5, "forgot upstream"),
        ([5], 3, "forgot local"),
        ([5, 15], 15, "overwrote"),
        ([5, 15], 8, "forgot upstream"),
        ([5, 15], 6, "forgot local"),
        ([5, 15], -12, "sign"),
    ],
)
def test_a_usual_mistake_is_named(open_page, before, wrong, name):
    page = at_the_fork(open_page)
    answer(page, *before, wrong)
    assert mistakes[name].sentence in said(page)


def test_any_other_number_is_too_large_or_too_small_or_has_the_other_sign(open_page):
    page = at_the_fork(open_page)
    told = {"7": "Its size is too large.", "4": "Its size is too small."}
    for wrong, want in told.items():
        page.fill("[data-field=local]", wrong)
        page.keyboard.press("Enter")
        assert said(page).startswith(want)
    page = at_the_fork(open_page)
    answer(page, -7)
    assert said(page) == "Its sign is wrong, and its size."
    page = at_the_fork(open_page)
    answer(page, 5, -15)  # the slope was right, so it is not the slope's sign
    assert said(page) == "It has the other sign."


def test_a_value_is_not_a_slope(open_page):
    page = quiz(open_page)  # v3 = v2 + x at -12 = -10 - 2
    for typed, name in ((-10, "v2"), (-12, "v3")):
        page.fill("[data-field=local]", str(typed))
        page.keyboard.press("Enter")
        assert said(page).startswith(f"That is the value of {name}. The slope says how fast v3")


def test_the_question_names_the_gate_and_what_has_arrived(open_page):
    page = quiz(open_page)
    answer(page, 1, 1, 1)
    page.keyboard.press("Enter")
    answer(page, 1, 1, 1)
    page.keyboard.press("Enter")
    assert page.inner_text(".formula") == "v2 = x × y; upstream 1; x has 1 so far"


@pytest.mark.parametrize("typed", ["1/2*2", "4 / 4", "-1*-1", "2×0.5"])
def test_a_product_or_a_fraction_is_a_number(open_page, typed):
    page = quiz(open_page)
    answer(page, typed)
    assert said(page) == "Right."


def test_first_the_mistake_then_a_hint_then_the_answer(open_page):
    page = at_the_fork(open_page)
    for count in range(3):
        page.fill("[data-field=local]", "-2")
        page.keyboard.press("Enter")
        assert mistakes["wrong operand"].sentence in said(page)
        assert (mistakes["wrong operand"].hint in said(page)) == (count == 1)
        assert ("The local slope is y." in said(page)) == (count == 1)
    assert "The local slope is 5." in said(page) and field(page) == "contribution"
    answer(page, 15, 18)
    assert page.inner_text(".score") == "4 of 5 at first try so far"


@pytest.mark.parametrize("typed", ["0.197", "0.2", "0.1966", "0,197", "1.97e-1"])
def test_the_digits_that_are_shown_are_right(open_page, typed):
    page = quiz(open_page, *CIRCUITS[3])
    if typed == "0.2":  # off by more than a hundredth
        answer(page, typed)
        assert said(page) == "Its size is too large."
        return
    answer(page, typed)
    assert said(page) == "Right." and field(page) == "contribution"


def test_what_is_no_number_is_no_failure(open_page):
    page = quiz(open_page)
    for typed in ("", "abc", "1/", "x*2"):
        page.fill("[data-field=local]", typed)
        page.keyboard.press("Enter")
        assert said(page) == "Type a number: local slope."
    page.fill("[data-field=local]", "")
    answer(page, 1, 1, 1)
    assert page.inner_text(".score") == "1 of 1 at first try so far"


def test_infinity_and_nan_can_be_typed(open_page):
    page = open_page(step(Value(0.0, "x").sqrt() * Value(0.0, "y"), quiz=True).to_html())
    answer(page, 0, 0, 0)
    page.keyboard.press("Enter")
    answer(page, 0, 0, 0)
    page.keyboard.press("Enter")
    answer(page, "inf", "nan", "nan")
    assert page.inner_text(".score") == "3 of 3 at first try."


def test_a_button_turns_it_on_and_off(open_page):
    page = open_page(step(parse(FORK, {"x": -2.0, "y": 5.0})).to_html(), address="#step=last")
    assert page.locator("form.quiz").count() == 0
    predict = page.get_by_role("button", name="Predict", exact=True)
    predict.click()
    assert predict.get_attribute("aria-pressed") == "true"
    assert page.inner_text(".where") == "backward 2 of 5" and node(page, "x") == ""
    predict.click()
    page.keyboard.press("End")
    assert node(page, "x") == "6" and page.locator("form.quiz").count() == 0


def test_the_sum_so_far_stays_where_one_steps_back(open_page):
    page = quiz(open_page)
    answer(page, 1, 1, 1)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    assert "= 1" in page.inner_text(".message")
    page.keyboard.press("End")
    assert page.inner_text(".where") == "backward 3 of 5" and field(page) == "local"


def test_groups_pass_without_a_question(open_page):
    model = MLP(2, [16, 16, 1], rng=0)
    loss = (model([0.5, -1.0]) - 1.0) ** 2
    page = open_page(step(loss, quiz=True).to_html())
    assert page.inner_text(".where").startswith("backward ")
    for _ in range(40):
        if not page.locator(".quiz .bar").is_visible():
            break
        for name in ("local", "contribution", "after"):
            wire = "document.querySelector('.autograd-walk').walk.quiz.asked.wire"
            answer(page, repr(page.evaluate(f"{wire}.{name}")))
        page.keyboard.press("Enter")
    page.keyboard.press("End")
    place = page.inner_text(".where").split()
    assert place[1] == place[3] and page.inner_text(".score").endswith("at first try.")
    assert page.errors == []


# ---------------------------------------------------------------- new numbers


APART = """() => {
  const { walk } = document.querySelector('.autograd-walk');
  const steps = (now) => {
    const wires = [];
    const state = walk.current.stateAfter(walk.stops.findIndex((s) => s.phase === 'seed'), now);
    for (const stop of walk.stops) for (const [gate, operand] of stop.pairs) {
      walk.current.pass(state, now, gate, operand);
      const { upstream, local, contribution, before, after } = state.last;
      const row = now.locals[gate];
      wires.push({ gate, operand, upstream, local, contribution, before, after,
        other: row.length === 2 ? row[1 - operand] : null });
    }
    return wires;
  };
  return { values: walk.now.values, wires: steps(walk.now), changed: [...walk.changed] };
}"""


def confused(wires):
    """The pairs of answers to a wire that look alike, as (wire, one, other)."""
    alike = set()
    for k, wire in enumerate(wires):
        given = {key: wire[key] for key in ("upstream", "local", "before")}
        if wire["other"] is not None:
            given["other"] = wire["other"]
        answers = {"right": (wire["local"], wire["contribution"], wire["after"])}
        for name in ASKED:
            if (made := mistakes[name].step(**given)) is not None:
                answers[name] = made
        for a in answers:
            for b in answers:
                if a < b and all(
                    math.isclose(p, q, rel_tol=0.01)
                    for p, q in zip(answers[a], answers[b], strict=True)
                ):
                    alike.add((k, a, b))
    return alike


@pytest.mark.parametrize("text, at", CIRCUITS)
def test_new_numbers_part_what_can_be_parted(open_page, text, at):
    """All that a wire can tell apart, by its gate and by what was there before."""
    page = quiz(open_page, text, at)
    draws = []
    for _ in range(3):
        page.get_by_role("button", name="New numbers").click()
        draws.append(page.evaluate(APART))
    for draw in draws:
        alike = confused(draw["wires"])
        for k, wire in enumerate(draw["wires"]):
            # A factor of 1, or nothing there before, can be left out and the answer is right.
            if abs(wire["local"]) not in (0.0, 1.0) and wire["upstream"] != 1.0:
                pairs = {(a, b) for n, a, b in alike if n == k and "overwrote" not in (a, b)}
                assert pairs == set(), (text, wire)
            if wire["before"] != 0.0:
                assert (k, "overwrote", "right") not in alike
    assert draws[0]["values"] != draws[1]["values"]
    assert page.errors == []


def test_the_same_draw_gives_the_same_numbers_and_the_address_keeps_them(open_page):
    first, second = quiz(open_page), quiz(open_page)
    for page in (first, second):
        page.get_by_role("button", name="New numbers").click()
    assert first.evaluate(APART) == second.evaluate(APART)
    address = first.evaluate("location.hash")
    assert "quiz=1" in address
    third = open_page(step(parse(FORK, {"x": -2.0, "y": 5.0})).to_html(), address=address)
    assert third.evaluate(APART) == first.evaluate(APART)
    assert third.inner_text(".where") == "backward 2 of 5"
    third.get_by_role("button", name="New numbers").click()
    assert "quiz=2" in third.evaluate("location.hash")


def test_new_numbers_stay_where_the_gates_are_defined(open_page):
    page = quiz(open_page, "log(x) + sqrt(y) + asin(z)", {"x": 1.0, "y": 2.0, "z": 0.1})
    for _ in range(5):
        page.get_by_role("button", name="New numbers").click()
        assert page.inner_text(".alert") == ""
        assert all(math.isfinite(x) for x in page.evaluate(APART)["values"])


def test_the_page_makes_of_a_step_what_the_table_makes(open_page):
    page = quiz(open_page)
    wire = {"upstream": 3.0, "local": 2.0, "before": 1.0, "other": 5.0}
    code = re.search(r"function wrongStep\(.*?\n\}", script(["quiz"]), re.DOTALL)[0]
    for name in ASKED:
        one = json.dumps({"plant": mistakes[name].plant})
        found = page.evaluate(f"() => {{ {code}\n return wrongStep({json.dumps(wire)}, {one}); }}")
        assert tuple(found.values()) == mistakes[name].step(**wire)


@pytest.mark.needs_dot
def test_what_is_seen_without_scripts_does_not_answer_the_quiz():
    root = parse("(x + y)*z", {"x": -2.0, "y": 5.0, "z": -4.0})
    for quiz in (False, True):
        bundle = step(root, quiz=quiz)._repr_mimebundle_()
        alt, source = re.search(
            r'<img alt="([^"]*)" src="[^,]*,([^"]*)"', bundle["text/html"]
        ).groups()
        image = base64.b64decode(source).decode()
        for text in (bundle["text/plain"], alt):
            assert "-12" in text and ("gradient" not in text) == quiz
        assert image.count(">-4</text>") == (1 if quiz else 4)  # z; else also three gradients
    assert "gradient" in step(root, quiz=True).to_text()  # who asks for it gets it


# ---------------------------------------------------------------- which mistake?


@pytest.mark.parametrize("kind", KINDS)
def test_each_mistake_can_be_planted_and_leaves_the_graph_right(kind):
    before = gradients(EVERY)
    stepper = sabotage(EVERY, kind)
    assert stepper.mistake is mistakes[kind]
    right = [(one.local, one.before, one.after) for one in step(EVERY) if one.phase == "backward"]
    wrong = [(one.local, one.before, one.after) for one in stepper if one.phase == "backward"]
    assert len(right) == len(wrong) and right != wrong
    assert gradients(EVERY) == before and all(value.grad == 0.0 for value in before)


def test_what_each_mistake_does():
    def wires(kind, root):
        return [one for one in sabotage(root, kind) if one.phase == "backward"]

    x, y = Value(3.0, "x"), Value(5.0, "y")
    assert [one.local for one in wires("wrong operand", x * y)] == [3.0, 5.0]
    assert [one.local for one in wires("sign", x - y)] == [1.0, 1.0]
    assert [one.local for one in wires("max to both", x.max(y))] == [1.0, 1.0]
    assert [one.after for one in wires("did not zero", x * y)] == [10.0, 6.0]
    assert {one.local for one in wires("stale value", x * y)} != {3.0, 5.0}
    twice = wires("overwrote", x * y + x)
    assert [one.after for one in twice if one.input == "n0"] == [1.0, 5.0]
    q = (x * y).tanh()
    gates = [one.gate for one in wires("wrong order", q * x + q)]
    assert gates == ["n5", "n5", "n3", "n4", "n4", "n2", "n2"]


@pytest.mark.parametrize("seed", range(6))
def test_no_kind_draws_one_by_the_seed(seed):
    one, other = sabotage(EVERY, seed=seed), sabotage(EVERY, seed=seed)
    assert one.mistake.name in KINDS and one.to_text() == other.to_text()
    assert one.mistake is other.mistake


def test_every_kind_is_drawn_by_some_seed():
    assert {sabotage(EVERY, seed=seed).mistake.name for seed in range(60)} == set(KINDS)


@pytest.mark.parametrize(
    "text, kind, remedy",
    [
        ("x*y", "max to both", r"needs a maximum or minimum, as maximum\(x, y\)"),
        ("x*y", "overwrote", "used more than once"),
        ("x + y", "wrong operand", "What can show here: did not zero"),
        ("x*y", "minus", "the kinds are overwrote, wrong operand, sign"),
        ("x*y", "forgot upstream", "the kinds are"),
        ("x*y", "wrong order", "a result that several gates read"),
    ],
)
def test_what_cannot_show_is_refused_with_a_remedy(text, kind, remedy):
    with pytest.raises(ValueError, match=remedy):
        sabotage(parse(text, {"x": 2.0, "y": 3.0}), kind)


def test_a_leaf_alone_and_a_large_graph_are_refused():
    v = Value(0.5, "v")
    with pytest.raises(ValueError, match="no mistake can show in this graph"):
        sabotage(v)
    for _ in range(100):
        v = v.sin()
    with pytest.raises(ValueError, match="101 values, above 100"):
        sabotage(v)
    with pytest.raises(TypeError, match="Value"):
        sabotage(2.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_walks_the_wrong_pass(open_page, kind):
    stepper = sabotage(EVERY, kind)
    page = open_page(stepper.to_html())
    assert page.inner_text("h1").startswith("Find the mistake: ")
    for one in stepper:
        page.keyboard.press("ArrowRight")
        assert page.inner_text(".message") == one.text
    for one in stepper.picture.nodes:
        names = stepper.picture.names()
        assert float(node(page, names[one.id])) == pytest.approx(one.grad, rel=1e-12)
    assert page.errors == []


def test_the_learner_names_it(open_page):
    page = open_page(sabotage(EVERY, "sign").to_html())
    page.get_by_role("button", name="overwrote", exact=True).focus()
    page.keyboard.press("Enter")
    assert said(page).startswith("No, it is not “overwrote”. ")
    assert mistakes["overwrote"].hint in said(page)
    page.get_by_role("button", name="sign", exact=True).click()
    assert said(page).startswith("Right: sign. ") and mistakes["sign"].sentence in said(page)
    buttons = page.locator("fieldset.quiz button").all_text_contents()
    assert buttons == list(KINDS)
    assert not page.locator("summary:text('What if')").is_visible()


def test_what_each_mistake_means_is_read_beside_its_button(open_page):
    page = open_page(sabotage(EVERY, "sign").to_html())
    for kind in KINDS:
        button = page.get_by_role("button", name=kind, exact=True)
        sentence = page.get_by_text(mistakes[kind].sentence, exact=True)
        assert sentence.is_visible() and button.get_attribute("title") is None
        assert button.get_attribute("aria-describedby") == sentence.get_attribute("id")


def test_the_verdict_comes_into_view_on_a_phone(open_page):
    page = open_page(
        sabotage(EVERY, "sign").to_html(), viewport={"width": 390, "height": 600}, has_touch=True
    )
    page.get_by_role("button", name="overwrote", exact=True).tap()
    assert said(page).startswith("No, it is not")
    box = page.locator(".said").bounding_box()
    assert 0 <= box["y"] and box["y"] + box["height"] <= 601  # half a pixel may be hidden


def test_the_answer_does_not_stand_in_the_page():
    texts = []
    for kind in ("sign", "overwrote"):
        html = sabotage(EVERY, kind).to_html()
        texts.append([name for name in KINDS if name in re.sub(r'(?s)start\(".*', "", html)])
    assert texts[0] == texts[1]


def test_a_network_is_shown_flat(open_page):
    model = MLP(2, [3, 1], rng=0)
    stepper = sabotage((model([0.5, -1.0]) - 1.0) ** 2, seed=3)
    page = open_page(stepper.to_html(), address="#step=last")
    assert page.locator("[data-node]").count() == len(stepper.picture.nodes)
    assert page.errors == []


# ---------------------------------------------------------------- for everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_phones_and_desks(open_page, scheme, width):
    root = parse(FORK, {"x": -2.0, "y": 5.0})
    for stepper in (step(root, quiz=True), sabotage(root, seed=1)):
        page = open_page(
            stepper.to_html(), color_scheme=scheme, viewport={"width": width, "height": 800}
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for one in page.locator(".quiz button, .quiz input").all():
            box = one.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width


@pytest.mark.skipif("AXE" not in os.environ, reason="AXE does not say where axe.min.js is")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, scheme):
    for stepper in (step(EVERY, quiz=True), sabotage(EVERY, "sign")):
        page = open_page(stepper.to_html(), color_scheme=scheme)
        if page.locator("form.quiz").count():
            answer(page, 1)
        else:
            page.get_by_role("button", name="sign", exact=True).click()
        page.add_script_tag(path=os.environ["AXE"])
        found = page.evaluate("axe.run()")["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
