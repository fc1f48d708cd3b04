"""The colours of pictures and pages: a role has one on light paper and one on dark.

An SVG holds both, and the reader's setting chooses. Values and gradients part by lightness as well,
1.4 : 1 or more also to those who tell no green from red, and all texts stand out from the paper by
4.5 : 1, lines that carry meaning by 3 : 1 (WCAG 2.2, 1.4.3 and 1.4.11). Colour never says anything
alone: place, or a dashed line, says the same.
"""

from __future__ import annotations

__all__ = ["COLOURS", "LIT", "ink", "sheet"]

COLOURS = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9198a1"),
    "value": ("#04432f", "#b6f3c4"),
    "gradient": ("#cb330e", "#ff7f5c"),
    "gate": ("#ddf4ff", "#16304d"),
    "gate_line": ("#0969da", "#58a6ff"),
    "wire": ("#818b98", "#7d8590"),
    "plus": ("#0a66c2", "#6cb6ff"),
    "minus": ("#b35900", "#f0883e"),
    "group": ("#f6f8fa", "#161b22"),
    "group_line": ("#d1d9e0", "#3d444d"),
}
LIT = {"lit": ("#b58100", "#ffd33d"), "mark": ("#fff3bf", "#332808")}  # of a page: the step's own
_HALO = (
    "text{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}",
    ":is(.gate,.group,.neuron,.instruction) text{stroke-width:0}",  # they stand on their own ground
)


def ink(role: str) -> str:
    """The colour of a role on light paper, which stands for the role in DOT."""
    return COLOURS[role][0]


def sheet(theme: str = "auto", halo: bool = True) -> str:
    """The style sheet of an SVG: "auto" turns light inks to dark ones for readers on dark paper.

    An SVG that is "light" or "dark" for all is drawn in those inks; only its halo is given here.
    The rules are those of the class viz-auto (-light, -dark) alone: in a page that holds several
    drawings each sheet would hold for all.
    """
    own = f".viz-{theme} "
    rules = own + "text{font-family:Arial,Helvetica,sans-serif}"
    if halo:
        rules += "".join(own + rule for rule in _HALO) + _halo(own, theme == "dark")
    if theme == "auto":
        dark = "".join(
            f'{own}[fill="{light}"]{{fill:{dark}}}{own}[stroke="{light}"]{{stroke:{dark}}}'
            for light, dark in COLOURS.values()
        )
        dark += _halo(own, True) if halo else ""
        rules += f"@media (prefers-color-scheme: dark){{{dark}}}"
    return f"<style>{rules}</style>"


def _halo(own: str, dark: bool) -> str:
    """In the colour of what lies behind, so that a line near a text never cuts it."""
    paper, group = COLOURS["paper"][dark], COLOURS["group"][dark]
    return f"{own}text{{stroke:{paper}}}{own}.cluster text{{stroke:{group}}}"
