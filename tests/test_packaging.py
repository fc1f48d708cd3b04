"""What the built packages say of themselves."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

import autograd_core

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RELATIVE = re.compile(r"\]\((?!\w+:|#)[^)]+\)")
ADDRESS = "https://example.org/someone/autograd-core"

pytest.importorskip("hatchling")


def test_the_citation_is_of_this_version_and_these_authors():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    authors = [author["name"] for author in PROJECT["project"]["authors"]]
    assert f"\nversion: {autograd_core.__version__}\n" in text
    assert re.findall(r"^  - name: (.+)$", text, re.M) == authors


def test_messages_tell_to_install_what_the_project_declares():
    home = Path(autograd_core.__file__).parents[1]
    paths = [
        path for name in ("autograd_core", "nn", "viz") for path in (home / name).rglob("*.py")
    ]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    said = re.findall(r"""(?:pip install |package(?:: str)? ?= ?")([\w-]+)""", texts)
    extras = PROJECT["project"]["optional-dependencies"].values()
    declared = [*PROJECT["project"]["dependencies"], *(need for extra in extras for need in extra)]
    assert {"numpy", "tqdm", "svglib", "graphviz-pure"} <= set(said)
    assert set(said) - {"-e"} <= {re.match(r"[\w-]+", need)[0] for need in declared}


@pytest.fixture
def hook():
    return runpy.run_path(str(ROOT / "hatch_metadata.py"))


def test_with_an_address_every_link_of_the_description_leads_there(hook):
    text = hook["description"](README, ADDRESS)
    assert not RELATIVE.search(text)
    assert f"]({ADDRESS}/raw/HEAD/docs/neuron.svg)" in text
    assert f"]({ADDRESS}/blob/HEAD/CONTRIBUTING.md)" in text
    assert text.count(ADDRESS) == len(RELATIVE.findall(README))


def test_without_an_address_it_has_neither_pictures_nor_links_that_lead_nowhere(hook):
    text = hook["description"](README, "")
    assert "![" not in text and not RELATIVE.search(text)
    assert re.findall(r"^```.*?^```$", text, re.M | re.S) == hook["CODE"].findall(README)
    assert "\n| lesson | its question |\n|---|---|\n| 1. One gate at a time | If " in text


@pytest.mark.parametrize("wrong", ["autograd-core", "http://example.org/a/b", f"{ADDRESS}/"])
def test_what_is_no_address_is_refused(hook, wrong):
    made = hook["CustomMetadataHook"](str(ROOT), {"address": wrong})
    with pytest.raises(ValueError, match="must be as https://host/owner/project"):
        made.update({})


def test_the_packages_links_are_those_of_the_setting(hook):
    config = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]
    metadata = {}
    hook["CustomMetadataHook"](str(ROOT), config).update(metadata)
    assert metadata["urls"] == hook["urls"](config["address"])
    assert all(url.startswith(ADDRESS) for url in hook["urls"](ADDRESS).values())
