"""The inks stand out from what they are drawn on, as WCAG 2.2 measures it, on light and dark."""

import itertools

import pytest

from viz.inks import COLOURS, LIT

INKS = {**COLOURS, **LIT}
TEXTS = {  # on the paper, in a gate or neuron, in the box of a group, on a number just answered
    "paper": ("ink", "muted", "value", "gradient", "plus", "minus", "gate_line"),
    "gate": ("ink", "muted", "value", "gradient"),
    "group": ("ink", "muted", "value", "gradient"),
    "mark": ("ink", "muted", "gradient"),
}
LINES = {
    "paper": ("wire", "plus", "minus", "gate_line", "lit"),
    "group": ("wire", "plus", "minus", "gate_line", "lit"),
    "gate": ("gate_line", "lit"),
}
# What who lacks a kind of cone sees of linear red, green and blue: Machado and others, 2009.
SIGHT = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}  # fmt: skip


def luminance(colour, sight="all cones"):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    seen = [sum(a * x for a, x in zip(row, linear, strict=True)) for row in SIGHT[sight]]
    return 0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2]


def contrast(*colours, sight="all cones"):
    low, high = sorted(luminance(colour, sight) for colour in colours)
    return (high + 0.05) / (low + 0.05)


def pairs(grounds):
    return [(role, ground) for ground, roles in grounds.items() for role in roles]


def test_contrast_is_that_of_the_standard():
    assert contrast("#ffffff", "#000000") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("least", "grounds"), [(4.5, TEXTS), (3.0, LINES)], ids=["texts", "lines"])
def test_inks_stand_out_from_their_grounds(theme, least, grounds):
    seen = {
        (role, ground): contrast(INKS[role][theme], INKS[ground][theme])
        for role, ground in pairs(grounds)
    }
    assert {pair: ratio for pair, ratio in seen.items() if ratio < least} == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_value_and_gradient_part_by_lightness(theme, sight):
    colours = (COLOURS[role][theme] for role in ("value", "gradient"))
    assert contrast(*colours, sight=sight) >= 1.4


def test_every_ink_is_looked_at():
    named = set(itertools.chain(TEXTS, LINES, *TEXTS.values(), *LINES.values()))
    assert set(INKS) - named == {"group_line"}  # a frame that only decorates
