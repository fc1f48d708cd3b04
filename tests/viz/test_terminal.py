"""Text for any terminal."""

import io
import sys

import pytest

from viz.terminal import run, say


def test_signs_are_spelt_out_where_an_encoding_lacks_them(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert run(lambda: say("2 \N{MULTIPLICATION SIGN} x \N{MINUS SIGN} 1 → ∂ größe") or 3) == 3
    assert raw.getvalue() == b"2 * x - 1 -> d gr\\xf6\\xdfe\n"


def test_signs_stay_where_an_encoding_has_them(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    run(lambda: say("2 \N{MULTIPLICATION SIGN} größe → 4") or 0)
    assert raw.getvalue().decode("latin-1") == "2 \N{MULTIPLICATION SIGN} größe -> 4\n"


def test_bytes_go_out_as_they_are_and_in_order(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("first")
    say(b"\x89PNG")
    assert raw.getvalue() == b"first\n\x89PNG"


def test_only_encoding_errors_are_spelt():
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", "spelt")
