"""What the tests share."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import viz
import viz.render

with contextlib.suppress(ImportError):  # the tests of other rooms run without it
    from hypothesis import HealthCheck, settings

    busy = [HealthCheck.too_slow]  # other programs may run on the machine
    quiet = {"deadline": None, "print_blob": True, "suppress_health_check": busy}
    settings.register_profile("quick", max_examples=60, derandomize=True, **quiet)
    settings.register_profile("long", max_examples=100_000, **quiet)
    settings.load_profile("quick")

CAN_DRAW = viz.render.engine() is not None
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_addoption(parser):
    parser.addoption("--fail-on-skip", action="store_true", help="a skipped test is a failure")


def pytest_configure(config):
    config.addinivalue_line("markers", "needs_dot: lays out a picture, by dot or graphviz-pure")
    config.addinivalue_line("markers", "browser: opens a page in Chromium; set by its fixture")
    config.addinivalue_line(
        "markers", "once: long, and the same for each build and Python: CI runs it on one"
    )


@pytest.hookimpl(tryfirst=True)  # before -m looks
def pytest_collection_modifyitems(items):
    for item in items:
        if "open_page" in item.fixturenames:
            item.add_marker("browser")


@pytest.hookimpl(tryfirst=True)  # before fixtures hide the program
def pytest_runtest_setup(item):
    if item.get_closest_marker("needs_dot") and not CAN_DRAW:
        pytest.skip("no Graphviz program is installed: neither dot nor graphviz-pure")


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--fail-on-skip") and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("tests were skipped, and --fail-on-skip was given", red=True)


SHELL = """
import contextlib, io, json, sys
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell

config = Config()
config.HistoryManager.enabled = False
config.InteractiveShell.colors = "nocolor"
shell = InteractiveShell.instance(config=config)
outputs = []
for cell in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        shell.run_cell(cell, store_history=True)
    outputs.append(said.getvalue())
print(json.dumps(outputs))
"""


@pytest.fixture
def cells(tmp_path):
    """cells(text, ...) -> what each cell prints, run one after another by a real IPython shell."""
    pytest.importorskip("IPython")

    def run(*texts):
        path = str(Path(viz.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "-c", SHELL], input=json.dumps(texts), capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": path, "IPYTHONDIR": str(tmp_path)}, check=True,
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def jax():
    """JAX on eight virtual devices, in float64; tests that take it are skipped where it is not."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_enable_x64", True)
    return jax


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; tests that take it are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """open_page(html, ...) -> a page that shows it, its errors and its requests in lists.

    html is the text of a page, or the Path of one.
    """
    contexts = []

    def open_it(html, *, address="", ready=".where", **options):
        path = html if isinstance(html, Path) else tmp_path / f"page{len(contexts)}.html"
        if path is not html:
            path.write_text(html, encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.errors, page.requests = [], []
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("dialog", lambda dialog: (page.errors.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri() + address)
        if ready:
            page.wait_for_selector(ready)
        return page

    yield open_it
    for context in contexts:
        context.close()
