"""How the site is made of docs/, notebooks/, the docstrings and the gate table.

    sphinx-build -W --keep-going -n -q -c docs -d build/trees . build/site

The folder that Sphinx reads is the project's own, so that the links in its pages, `../notebooks/x`,
hold in the site as they do where the repository is read.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "extensions")]

import autograd_core  # noqa: E402
from viz.inks import COLOURS, LIT  # noqa: E402

project = "autograd-core"
author = "the autograd-core authors"
copyright = author
release = version = autograd_core.__version__
language = "en"
smartquotes = False  # a quote in a docstring is Python's

extensions = [
    "sphinx.ext.autodoc", "sphinx.ext.viewcode", "myst_nb",
    "docstrings", "gate_table", "lessons", "mathml", "pages",
]  # fmt: skip

root_doc = "docs/index"
include_patterns = [
    "docs/*.md", "docs/reference/*.rst", "notebooks/*.ipynb", "notebooks/README.md",
    "CHANGELOG.md", "CONTRIBUTING.md",
]  # fmt: skip

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
HINTS = (  # what signatures name and is not public: said in words where it matters
    "Answer", "Attempt", "Code", "HasParameters", "Node", "Optimizer", "Output", "Path", "Planted",
    "Random", "Report", "Row", "Rule", "Schedule", "Shape", "Step", "Sum", "Wire", "array",
)  # fmt: skip
nitpick_ignore_regex = [
    ("py:.*", r"(collections\.abc|os|pathlib|random)\..*"),  # Python's own
    ("py:.*", r"(.*\.)?([A-Z]|_\w+)"),  # what stands for any type, and what is private
    ("py:.*", rf"(.*\.)?({'|'.join(HINTS)})"),
]

nb_execution_mode = "off"  # lessons show what is stored in them
nb_code_prompt_show = "The judge of the exercise below"  # what is folded in a lesson
nb_code_prompt_hide = "Fold the judge"
nb_render_markdown_format = "myst"  # for formulas that a cell shows
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "autograd-core"
html_extra_path = ["root"]  # from the site's root to docs/index.html
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"
html_domain_indices = False


def _theme(dark: bool) -> dict[str, str]:
    """The inks of the pictures as the theme's colours."""
    inks = {role: pair[dark] for role, pair in {**COLOURS, **LIT}.items()}
    return {
        "color-brand-primary": inks["gate_line"],
        "color-brand-content": inks["gate_line"],
        "color-background-primary": inks["paper"],
        "color-background-secondary": inks["group"],
        "color-background-border": inks["group_line"],
        "color-foreground-primary": inks["ink"],
        "color-foreground-secondary": inks["muted"],
        **{f"ink-{role}": colour for role, colour in inks.items()},
    }


html_theme_options = {"light_css_variables": _theme(False), "dark_css_variables": _theme(True)}
