"""The page on which Python runs in the browser, as docs/browser.py builds it.

The environment variable PYODIDE names the npm package, with what else the page needs beside it, and
WHEEL the wheel to run, if it is not to be built from here:

    mkdir /tmp/page && cp docs/try/package.json /tmp/page && npm install --prefix /tmp/page
    PYODIDE=/tmp/page/node_modules/pyodide pytest tests/test_browser_page.py
"""

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYODIDE = os.environ.get("PYODIDE", "")
AXE, WHEEL = os.environ.get("AXE", ""), os.environ.get("WHEEL", "")
STARTS = 120_000  # milliseconds for Python, on a machine that does other things too

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not PYODIDE, reason="PYODIDE names no npm package"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the page, built and served from this machine."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, ROOT / "docs/browser.py", "-o", out, "--page"]
    command += ["--packages", Path(PYODIDE).resolve().parent]
    if WHEEL:
        command += ["--wheel", WHEEL]
    subprocess.run(command, check=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=out)) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def opened(browser, site):
    """The page when its first program has run; requests to elsewhere are noted, and fail."""
    context = browser.new_context()
    page = context.new_page()
    page.errors, page.elsewhere = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))

    def refuse(route):
        page.elsewhere.append(route.request.url)
        route.abort()

    context.route(lambda address: not address.startswith((site, "data:")), refuse)
    page.goto(site)
    done(page)
    assert page.elsewhere == []
    yield page
    context.close()


@pytest.fixture
def page(opened):
    """The same page, which has asked for nothing from elsewhere and raised nothing."""
    opened.elsewhere.clear()
    yield opened
    assert opened.errors == []


def done(page):
    page.wait_for_selector("#run:enabled", timeout=STARTS)


def run(page, text, *, waits=True):
    """Run a program; the page's text below it."""
    page.fill("#program", text)
    page.click("#run")
    if waits:
        done(page)
    return page.inner_text("#output").strip()


def test_an_expression_is_printed_drawn_and_stepped_with_the_names_of_its_variables(page):
    page.click("text=Three gates")
    done(page)
    assert page.text_content("pre.text") == "-4.0 -4.0 3.0\n"
    assert page.inner_text("#status") == "Done: 1 picture, 1 stepper."
    assert {"x", "y", "z", "f = -12"} <= set(page.locator(".picture text").all_text_contents())
    assert page.inner_text(".stepper h1, .stepper h2") == "(x + y) × z"
    assert page.elsewhere == []


def test_the_stepper_steps(page):
    run(page, "from autograd_core import Value\nfrom viz import step\nstep(Value(2.0) * 3)")
    page.wait_for_selector(".stepper .where")
    page.click(".stepper >> text=Forward")
    assert page.inner_text(".stepper .where") == "forward 1 of 1"
    assert "6" in page.inner_text(".stepper .message")


def test_an_error_shows_our_message_and_the_readers_line(page):
    said = run(page, 'from autograd_core import Value, log\nx = Value(-1.0, "x")\nlog(x)')
    assert "log: log(x=-1.0): needs an operand above 0" in said
    assert 'File "program.py", line 3' in said
    assert said.count("File ") == 2  # the reader's line, and the place that raised


def test_an_endless_loop_is_stopped(page):
    run(page, "print('on')\nwhile True: pass", waits=False)
    page.click("#stop")
    done(page)
    assert page.inner_text("#status") == "Stopped. Ready."
    assert run(page, "6 * 7") == "42"


def test_what_is_printed_for_ever_is_cut(page):
    run(page, "while True: print('on')", waits=False)
    page.wait_for_selector("text=more than 100,000 characters")
    assert len(page.inner_text("#output")) < 101_000
    page.click("#stop")
    done(page)


def test_each_run_starts_afresh(page):
    run(page, "x = 1")
    assert "NameError" in run(page, "x")


def test_a_deep_graph_needs_release_and_python_is_loaded_anew_without(page):
    chain = "from autograd_core import Value, release\nv = Value(0.5)\n"
    chain += "for _ in range(100_000): v = v * 1.0\n"
    assert run(page, f"{chain}release(v)\ndel v\n'freed'") == "'freed'"
    assert run(page, f"{chain}'left to the page'") == "'left to the page'"
    assert "Call release(root)" in run(page, f"{chain}del v\n'freed'")
    assert run(page, "6 * 7") == "42"


def test_a_package_that_cannot_be_fetched_is_said(page):
    said = run(page, "import numpy")
    assert "could not be fetched" in said and "No module named 'numpy'" in said
    assert [address.rpartition("/")[2].partition("-")[0] for address in page.elsewhere] == ["numpy"]


def test_what_needs_numpy_is_told_how_to_get_it(page):
    said = run(page, "raise ImportError('fit needs NumPy', name='numpy')")
    assert said.endswith("Here `import numpy` on top of the program fetches it.")


def test_nobody_is_asked(page):
    assert "write the answer into the program" in run(page, "input('n? ')")


def test_the_keys_of_the_program(page):
    page.fill("#program", "")
    page.focus("#program")
    page.keyboard.type("for i in range(2):\nprint(i)")
    page.keyboard.press("Shift+Tab")
    assert page.input_value("#program") == "for i in range(2):\nprint(i)"
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Enter")
    done(page)
    assert page.text_content("pre.text") == "0\n1\n"
    page.keyboard.press("Control+z")
    assert page.input_value("#program") == "for i in range(2):\nprint(i)"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "run"


@pytest.mark.skipif(not AXE, reason="AXE names no file of axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_example_runs_and_shuts_nobody_out(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    page.add_script_tag(path=AXE)
    for example in page.locator("#examples button").all():
        example.click()
        done(page)
        error = example.inner_text() == "An error that says where"
        assert page.locator(".error").count() == error, page.inner_text("#output")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        rules = {"rules": {"label-content-name-mismatch": {"enabled": False}}}  # of steppers
        found = page.evaluate("(rules) => axe.run(rules)", rules)["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
