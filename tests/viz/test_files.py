"""Saving: by suffix, whole or not at all."""

import os
import shutil
from pathlib import Path

import pytest

from viz import draw, save, to_json
from viz.files import write

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("suffix", [".json", ".dot", ".mmd", ".DOT", ".Json"])
def test_save_without_an_engine(neuron, is_file_of, suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    path = save(neuron(), tmp_path / f"f{suffix}")
    assert path == tmp_path / f"f{suffix}"
    assert is_file_of(suffix.lower(), path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.needs_dot
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".tex", ".SVG"])
def test_save_pictures(neuron, is_file_of, suffix, tmp_path):
    path = save(neuron(), str(tmp_path / f"f{suffix}"))
    assert path == tmp_path / f"f{suffix}"
    assert is_file_of(suffix.lower(), path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]


def test_save_takes_the_options_of_draw(neuron, tmp_path):
    root = neuron()
    wanted = draw(root, style="record", direction="TB", backward=False, names={"f": root}).source
    save(root, tmp_path / "f.dot", style="record", direction="TB", backward=False,
         names={"f": root})  # fmt: skip
    assert (tmp_path / "f.dot").read_text() == wanted


def test_save_names_text_forms(neuron, tmp_path):
    root = neuron()
    save(root, tmp_path / "f.json", names={"f": root}, backward=False)
    assert (tmp_path / "f.json").read_text() == to_json(root, names={"f": root}, backward=False)
    with pytest.raises(TypeError, match="style"):
        save(root, tmp_path / "g.json", style="record")
    assert not (tmp_path / "g.json").exists()


def test_save_in_the_current_directory(neuron, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save(neuron(), "f.dot") == Path("f.dot")
    assert (tmp_path / "f.dot").exists()


def test_saved_file_has_the_usual_mode(neuron, tmp_path):
    (tmp_path / "usual").write_text("")
    path = save(neuron(), tmp_path / "f.dot")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("name", ["f.gif", "f.txt", "f", ".svg", "f.svg.bak"])
def test_save_unknown_suffix(neuron, name, tmp_path):
    with pytest.raises(ValueError, match=r"\.svg.*\.png.*\.dot.*\.json.*\.mmd") as caught:
        save(neuron(), tmp_path / name)
    assert name in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_bad_root_is_not_saved(tmp_path):
    with pytest.raises(TypeError, match="only a Value"):
        save(1.0, tmp_path / "f.dot")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".dot", ".json", ".mmd"])
def test_hostile_label_is_saved(labelled, label, suffix, tmp_path):
    path = save(labelled(label), tmp_path / f"f{suffix}")
    assert path.read_text(encoding="utf-8")


# ---------------------------------------------------------------- failures


FAILURES = {
    "exit code": {"code": 1, "error": b"syntax error in line 1"},
    "exit code with output": {"code": 1, "out": b"<svg></svg>"},
    "no output": {"error": b"nothing to draw"},
    "not executable": {"code": PermissionError("cannot run it")},
    "half a picture": {"out": b"no picture at all"},
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_failed_save_leaves_no_trace(neuron, installed, failure, before, tmp_path, monkeypatch):
    installed(monkeypatch, "dot", **failure)
    path = tmp_path / "f.svg"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises((RuntimeError, OSError, ValueError)):
        save(neuron(), path)
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["f.svg"])
    assert before is None or path.read_bytes() == before


def test_failed_save_says_what_the_program_said(neuron, installed, tmp_path, monkeypatch):
    installed(monkeypatch, "dot", **FAILURES["exit code"])
    with pytest.raises(RuntimeError, match=r"dot could not draw png: syntax error in line 1"):
        save(neuron(), tmp_path / "f.png")


def test_failed_writing_leaves_no_trace(neuron, tmp_path):
    (tmp_path / "f.json").mkdir()
    with pytest.raises(OSError):
        save(neuron(), tmp_path / "f.json")
    assert [p.name for p in tmp_path.iterdir()] == ["f.json"]
    with pytest.raises(FileNotFoundError, match="missing"):
        save(neuron(), tmp_path / "missing" / "f.json")


def test_refused_picture_leaves_no_trace(chain, tmp_path):
    with pytest.raises(ValueError, match="limit"):
        save(chain(50), tmp_path / "f.dot", limit=10)
    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces(neuron, tmp_path):
    path = save(neuron(), tmp_path / "f.dot")
    before = path.read_text()
    save(neuron(backward=False), path)
    assert path.read_text() != before


@pytest.mark.skipif(os.name != "posix", reason="modes and links are those of POSIX")
def test_a_file_that_is_replaced_keeps_its_mode_and_a_link_what_it_points_to(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("before")
    target.chmod(0o640)
    link.symlink_to(target)
    assert write(link, b"after") == link
    assert link.is_symlink() and target.read_text() == "after"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "a.json").symlink_to("b.json")
    (tmp_path / "b.json").symlink_to("a.json")
    (tmp_path / "lost.json").symlink_to("missing/f.json")
    for name, said in [
        ("pipe", "a device or a pipe"), ("folder", "it is a folder"), ("a", "leads back to itself"),
        ("lost", "it links into"),
    ]:  # fmt: skip
        with pytest.raises(OSError, match=f"cannot write .*{name}.json: .*{said}"):
            write(tmp_path / f"{name}.json", b"{}")
    assert len(list(tmp_path.iterdir())) == 5 and not (tmp_path / "pipe.json").is_file()
