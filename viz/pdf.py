"""The finished svg of a picture -> pdf, by the packages svglib and reportlab.

Lines stay lines and texts stay texts, in Helvetica, which every reader of pdf has. It lacks Chinese
and emoji: a black square stands for each such character.
"""

from __future__ import annotations

import io
from typing import Any

from .render import NoGraphviz

__all__ = ["pdf"]


def pdf(svg: str, scale: float = 1.0) -> bytes:
    """A page of the size of the drawing, times `scale`. NoGraphviz if a package is missing."""
    try:
        from reportlab.graphics.renderPDF import drawToString
        from svglib.svglib import svg2rlg
    except ImportError:
        raise NoGraphviz(
            "no program and no package was found that writes pdf: graphviz-pure alone does not. "
            "Save as .svg or .png, or:",
            package="svglib",
        ) from None
    svg = svg.replace('font-family="Arial"', 'font-family="Helvetica"')  # of the same widths
    drawing: Any = svg2rlg(io.BytesIO(svg.encode()))
    drawing.scale(scale, scale)
    drawing.width, drawing.height = drawing.width * scale, drawing.height * scale
    return bytes(drawToString(drawing))
