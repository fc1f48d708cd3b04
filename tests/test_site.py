"""The site: whole, without a warning, without a request, and alive in a browser."""

import importlib
import json
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

from autograd_core import gates
from viz.inks import COLOURS

ROOT = Path(__file__).parent.parent
ROOMS = (
    "autograd_core", "nn", "nn.optim", "nn.optim.lr_scheduler", "nn.init", "nn.diagnose",
    "nn.judges", "viz", "viz.plots",
)  # fmt: skip
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.needs_dot


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the site, built by the command of CONTRIBUTING."""
    for needed in ("sphinx", "furo", "myst_nb", "math_core"):
        pytest.importorskip(needed)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (options,) = re.findall(r"^ +\.venv/bin/sphinx-build (.+) build/site$", text, re.MULTILINE)
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", *options.split(), "-d", f"{place}-trees", place]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "executing" not in done.stdout.lower()
    return place


class Page(HTMLParser):
    """What a page loads, where its links lead, and which anchors it has."""

    def __init__(self, path):
        super().__init__()
        self.loads, self.links, self.anchors, self.styles, self.inside = [], [], set(), [], ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.inside = tag
        self.anchors |= {given.get("id"), given.get("name")}
        self.styles.append(given.get("style") or "")
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "link" and not {"stylesheet", "icon", "preload"} & {*given["rel"].split()}:
            self.links.append(given["href"])  # search, next, prev: nothing is fetched
        else:
            named = (given.get(key) for key in ("src", "href", "data", "poster", "action"))
            self.loads += filter(None, (*named, *(given.get("srcset") or "").split()))

    def handle_data(self, text):
        if self.inside == "style":
            self.styles.append(text)


@pytest.fixture(scope="session")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def is_own(address):
    """Whether the page asks nobody outside for this."""
    return not re.match(r"(?!data:|#)([a-z][a-z0-9+.-]*:|//)", address.strip(), re.IGNORECASE)


# ---------------------------------------------------------------- what is in it


def inventory(site):
    """Every documented name and its kind, from objects.inv."""
    *_, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split()[0]: line.split()[1] for line in lines}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(site, room):
    known, module = inventory(site), importlib.import_module(room)
    public = {name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)}
    assert {name for name in public if f"{room}.{name}" not in known} == set()
    assert known[room] == "py:module"


def test_each_public_name_says_something(site):
    text = "".join(path.read_text() for path in (site / "docs" / "reference").glob("*.html"))
    entries = re.findall(r'<dt class="sig[^>]*id="([\w.]+)">.*?</dt>\s*<dd>(.*?)</dd>', text, re.S)
    said = {name: re.sub("<.*?>", "", body).strip() for name, body in entries}
    assert len(said) > 200
    assert {name for name in said if name.count(".") < 2 and not said[name]} == set()


def test_pages_that_stand_by_themselves_are_in_it(site):
    for name in ("gates.html", "play.html"):
        assert (site / "docs" / name).read_bytes() == (ROOT / "docs" / name).read_bytes()
    assert "url=docs/index.html" in (site / "index.html").read_text()


def test_every_page_of_docs_is_in_the_navigation(site):
    front = (site / "docs" / "index.html").read_text()
    optional = {"citing"} if not (ROOT / "CITATION.cff").exists() else set()
    for path in (ROOT / "docs").glob("*.md"):
        if path.stem not in {"index", *optional}:
            assert re.search(rf'class="reference internal" href="{path.stem}.html"', front), path
    for lesson in LESSONS:
        assert f'href="../notebooks/{lesson}.html"' in front


@pytest.mark.parametrize("name", gates)
def test_the_gate_table_tells_all_about_a_gate(site, name):
    page = (site / "docs" / "gate_table.html").read_text(encoding="utf-8")
    section = re.search(rf"<h2>{name}<a.*?</section>", page, re.DOTALL)[0]
    gate = gates[name]
    told = re.sub(r"<[^>]*>", "", section)
    assert re.search(rf"The derivatives? of {name} (is|are)", told)
    assert gate.habit in told and section.count("<mfrac><mrow><mi>d</mi>") >= 0
    assert all(failure.reason in told for failure in gate.failures)
    assert all(limit[1:] in told for limit in gate.limits())
    assert "<svg" in section and section.count("<math") == 1 + len(gate.operands)
    record = json.loads((ROOT / "docs" / "reliability.json").read_text())["accuracy"].get(name)
    assert ("in ulp: value" in told) == (record is not None)


def test_formulas_are_mathml_and_none_is_left_as_latex(site, pages):
    for path in pages.keys() - {*(site / "docs" / "reference").iterdir()}:  # an example of LaTeX
        page = re.sub(r"<(script|style|pre).*?</\1>", "", path.read_text(), flags=re.DOTALL)
        text = re.sub(r"<[^>]*>", "", page)
        assert not re.search(r"\\(frac|cdot|begin|sigma|partial)|\$\$", text), path
    assert any("<mtable" in path.read_text() for path in pages)


# ---------------------------------------------------------------- links and requests


def test_no_page_asks_for_anything_outside(site, pages):
    assert len(pages) > 40
    for path, page in pages.items():
        assert [address for address in page.loads if not is_own(address)] == [], path
        for style in page.styles:
            assert all(map(is_own, re.findall(r"url\([\"']?([^)\"']+)", style))), path
    for path in site.rglob("*.css"):
        style = path.read_text(encoding="utf-8")
        asked = re.findall(r"url\([\"']?([^)\"']+)|@import\s+[\"']([^\"']+)", style)
        assert all(is_own(address) for pair in asked for address in pair), path


def test_links_inside_lead_to_pages_and_places_that_are_there(site, pages):
    tried = 0
    for path, page in pages.items():
        for link in filter(is_own, page.links + page.loads):
            address = urlsplit(link)
            if address.scheme == "data":
                continue
            goal = (path.parent / unquote(address.path)).resolve() if address.path else path
            assert goal.exists(), (path, link)
            if address.fragment and goal in pages and not goal.name == "play.html":
                assert unquote(address.fragment) in pages[goal].anchors, (path, link)
            tried += 1
    assert tried > 3000


def test_links_outside_are_whole(pages):
    outside = {link for page in pages.values() for link in page.links if not is_own(link)}
    assert outside and all(re.match(r"https://[\w.-]+\.[a-z]+(/\S*)?$", link) for link in outside)


# ---------------------------------------------------------------- in a browser


def brightness(colour):
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def steps_through(walk):
    """Click some steps on, or back where a number is asked for, and say where the stepper was."""
    walk.scroll_into_view_if_needed()
    button = walk.get_by_role("button", name="Forward", exact=True)
    if not button.is_enabled():
        button = walk.get_by_role("button", name="Back", exact=True)
    said = [walk.locator(".where").inner_text()]
    while button.is_enabled() and len(said) < 6:
        button.click()
        said.append(walk.locator(".where").inner_text())
    return said


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_steppers_of_a_lesson_live(site, open_page, lesson):
    notebook = json.loads((ROOT / "notebooks" / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", [])]
    stored = sum("autograd-walk" in str(out.get("data", {}).get("text/html")) for out in outputs)
    hidden = [cell for cell in notebook["cells"] if "jupyter" in cell["metadata"]]
    page = open_page(site / "notebooks" / f"{lesson}.html", ready=".autograd-walk .where")
    walks = page.locator(".autograd-walk")
    assert walks.count() == stored > 0
    for i in range(stored):
        said = steps_through(walks.nth(i))
        assert len(said) > 2 and len({*said}) == len(said)
    assert page.locator("details.above-input:not([open])").count() == len(hidden)
    assert f"notebooks/{lesson}.ipynb" in page.locator("article p").first.inner_text()
    assert page.errors == page.said == []
    assert all(address.startswith(("file:", "data:", "blob:")) for address in page.requests)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("chosen", ["", "light", "dark"])
def test_the_theme_that_a_reader_chose_holds_for_text_pictures_and_steppers(
    site, open_page, scheme, chosen
):
    page = open_page(
        site / "notebooks" / "01_one_gate_at_a_time.html", ready=".autograd-walk .where",
        color_scheme=scheme,
    )  # fmt: skip
    if chosen:
        page.evaluate(f"document.body.dataset.theme = '{chosen}'")
    style = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    dark = (chosen or scheme) == "dark"
    for thing in ("body", ".autograd-walk"):
        ink, paper = map(brightness, page.locator(thing).first.evaluate(style))
        assert (ink > 170 and paper < 40) if dark else (ink < 60 and paper > 220), thing
    page.goto((site / "docs" / "gate_table.html").as_uri())
    if chosen:
        page.evaluate(f"document.body.dataset.theme = '{chosen}'")
    fill = page.locator("#softplus .gate text").first.evaluate("e => getComputedStyle(e).fill")
    assert (brightness(fill) > 170) == dark
    inks = {tuple(int(pair[dark][i : i + 2], 16) for i in (1, 3, 5)) for pair in COLOURS.values()}
    assert tuple(map(int, re.findall(r"\d+", fill))) in inks


def test_no_page_is_wider_than_a_phone(site, open_page, pages):
    page = open_page(site / "docs" / "index.html", ready="", viewport={"width": 400, "height": 800})
    whole = {site / name for name in ("docs/gates.html", "docs/play.html", "index.html")}
    for path in pages.keys() - whole - {*(site / "_modules").rglob("*.html")}:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path
    assert page.errors == []


def test_search_finds_the_derivative_of_a_gate(site, open_page):
    page = open_page(
        site / "search.html", address="?q=derivative+of+softplus", ready="#search-results li a"
    )
    found = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.href)")
    assert any("docs/gate_table.html" in address for address in found)
