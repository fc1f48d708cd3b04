"""What somebody probably meant: handwritten mathematics -> the text that `parse` reads.

respelled("sin 2x + y²")        "sin(2*x) + y**2"
gate_like("ReLU")               "relu"
nearest("Rate", ["rate"])       "rate"
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable

from autograd_core import gates

__all__ = ["SIGNS", "callables", "gate_like", "nearest", "respelled", "spellings"]

_OTHER_NAMES = {
    "ln": "log", "tg": "tan", "arctg": "atan", "logistic": "sigmoid",
    "\N{GREEK SMALL LETTER SIGMA}": "sigmoid",
    "root": "sqrt", "fabs": "abs", "iif": "where",
}  # fmt: skip
_KEYWORDS = r"\b(and|or|not|if|else|in|is|for|lambda|yield|await)\b"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SIGNS = {
    "\N{MULTIPLICATION SIGN}": "*", "·": "*", "⋅": "*", "÷": "/", "^": "**", "π": "pi",
    "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "≤": "<=", "≥": ">=",
}  # fmt: skip
_WORD = r"[^\W\d]\w*"
_NUMBER = r"(?>(?!0[xXoObB])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"


def callables() -> list[str]:
    """The gates that can be called by name in an expression."""
    return [g.name for g in gates.values() if not g.symbol and len(g.operands) < 3] + ["where"]


def spellings() -> dict[str, str]:
    """The gates by all that they are called, in small letters."""
    own = {gate.replace("_", ""): gate for gate in callables()}
    aliases = {alias: gate.name for gate in gates.values() for alias in gate.aliases}
    return {**aliases, **_OTHER_NAMES, **own}


def gate_like(name: str) -> str | None:
    """The gate that goes by another name, or by another spelling: `ln`, `ReLU`, `sigmod`."""
    folded, known = name.lower().replace("_", ""), spellings()
    close = difflib.get_close_matches(folded, known, n=1, cutoff=0.8)
    return known[close[0]] if close else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of these names that differs in capitals, or in a letter or two."""
    known = list(known)
    same = [other for other in known if other.lower() == name.lower()]
    return next(iter(same or difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None)


def respelled(text: str) -> str | None:
    """`text` with signs, powers, products and calls written as in Python; None if it is no help."""
    if len(text) > 80 or re.search(_KEYWORDS, text):
        return None

    def call(match: re.Match[str]) -> str:
        gate = gate_like(match[1])
        return f"{gate}({match[2]})" if gate else match[0]

    def power(match: re.Match[str]) -> str:  # sin^2(x)
        gate = gate_like(match[1])
        return f"{gate}({match[3] or match[4]})**{match[2]}" if gate else match[0]

    new = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "**" + m[0].translate(_SUPERSCRIPTS), text)
    new = "".join(SIGNS.get(c, c) for c in new)
    new = re.sub(rf"\b({_WORD})\s*\*\*\s*(\d+)\s*(?:\(([^()]*)\)|\s({_WORD}))", power, new)
    new = re.sub(rf"√\s*(\(|{_WORD}|{_NUMBER})", _root, new)
    new = re.sub(r"\|([^|]+)\|", r"abs(\1)", new)
    new = re.sub(rf"\b({_WORD})\s+((?:{_NUMBER}\s*)?{_WORD}|{_NUMBER})(?!\w|\s*\()", call, new)
    new = re.sub(rf"(?<![\w.])({_NUMBER})\s*(?={_WORD}|\()", r"\1*", new)
    new = re.sub(rf"(\)|\b{_WORD})\s+(?={_WORD}|\d)|(\))(?=\w|\()", r"\1\2*", new)
    try:
        ast.parse(new)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = re.findall(rf"\b({_WORD})\b(?!\s*\()", new)
    return None if new == text or set(names) & set(callables()) else new


def _root(match: re.Match[str]) -> str:
    return "sqrt(" if match[1] == "(" else f"sqrt({match[1]})"
