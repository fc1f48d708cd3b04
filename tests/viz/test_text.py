"""The table and Mermaid: what they say, and that user text stays text."""

import io
import json
import re

import pytest

from autograd_core import Value
from viz import draw, explain, step, to_json, to_mermaid, to_text


def test_table(neuron):
    rows = [re.split(r"  +", line.strip()) for line in to_text(neuron()).splitlines()]
    assert rows[0] == ["name", "gate", "value", "gradient", "local gradients"]
    assert rows[1] == ["w0", "2", "-0.197"]
    assert rows[3] == ["v2", "w0 × x0", "-2", "0.197", "-1", "2"]
    assert rows[7] == ["v6", "v2 + v5", "4", "0.197", "1", "1"]
    assert rows[10] == ["v9", "sigmoid(v8)", "0.731", "1", "0.197"]
    assert len(rows) == 11


def test_table_names_constants_by_their_numbers():
    x = Value(4.0, label="x")
    assert "x / 8" in to_text(x / 8.0)
    assert "max(x, 8)" in to_text(x.max(8.0))
    assert "neg(x)" in to_text(-x)


def test_table_columns_line_up(network_loss):
    lines = to_text(network_loss(2)).splitlines()
    column = lines[0].index("value") + len("value")
    for line in lines[1:]:
        assert line[column - 1] != " " and line[column : column + 2] == "  "


def test_before_backward_in_text_json_and_mermaid(neuron):
    root = neuron(backward=False)
    rows = [line.split() for line in to_text(root).splitlines()]
    assert rows[1] == ["w0", "2", "-"]
    assert [row[-2:] for row in rows if row[0] == "v2"] == [["-1", "2"]]
    assert {node["grad"] for node in json.loads(to_json(root))["nodes"]} == {None}
    assert "grad -" in to_mermaid(root) and "grad 0" not in to_mermaid(root)


def test_forward_only_in_text_json_and_mermaid(neuron):
    root = neuron()
    assert to_text(root, backward=False).splitlines()[0].split() == ["name", "gate", "value"]
    assert "-0.19" not in to_text(root, backward=False)
    plain = json.loads(to_json(root, backward=False))
    assert plain["backward"] is False
    assert {n["grad"] for n in plain["nodes"]} | {e["grad"] for e in plain["edges"]} == {None}
    assert "grad" not in to_mermaid(root, backward=False)


def test_chain_of_5000_gates_as_text(chain):
    root = chain(5_000)
    root.backward()
    assert len(to_text(root).splitlines()) == 5_002
    assert len(json.loads(to_json(root))["nodes"]) == 5_001
    assert to_mermaid(root).count("-->") == 5_000


def test_hostile_label_in_text(labelled, unseen, shown_label, label):
    lines = to_text(labelled(label)).split("\n")
    assert len(lines) == 1 + 5
    assert unseen("".join(lines)) == []
    assert max(map(len, lines)) < 300
    if (shown := shown_label) is not None:
        assert sum(shown in line for line in lines) >= 3


def test_the_table_writes_numbers_as_the_picture_does(dot_texts):
    rows = to_text(Value(123456.789, "x") * 1.25e-7).splitlines()
    assert rows[1].split()[1] == "1.23e5" and rows[2].split()[1] == "1.25e-7"
    assert {"1.23e5", "1.25e-7"} <= set(dot_texts(draw(Value(123456.789, "x") * 1.25e-7)))


@pytest.mark.parametrize("encoding, sign", [("utf-8", "×"), ("cp1252", "×"), ("ascii", "*")])
def test_a_terminal_without_a_times_sign_gets_a_star(monkeypatch, encoding, sign):
    f = Value(3.0, "x") * Value(2.0, "y")
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    for text in (to_text(f), repr(explain(f, f.inputs[0])), step(f).to_text()):
        assert f" {sign} " in text
        print(text)


# ---------------------------------------------------------------- Mermaid


def test_mermaid(neuron):
    lines = to_mermaid(neuron()).splitlines()
    assert lines[0].split() == ["flowchart", "LR"]
    assert '  n0["w0<br>value 2<br>grad -0.197"]' in lines
    assert '  n9(["sigmoid<br>value 0.731<br>grad 1"])' in lines
    assert '  n0 -->|"× -1"| n2' in lines
    assert len(lines) == 1 + 10 + 9


def test_hostile_label_in_mermaid(labelled, unseen, label):
    lines = to_mermaid(labelled(label)).splitlines()
    plain = to_mermaid(labelled("x")).splitlines()
    assert len(lines) == len(plain)
    for own, other in zip(lines[1:], plain[1:], strict=True):
        shapes = [re.sub(r'"[^"]*"', '""', line) for line in (own, other)]
        assert shapes[0] == shapes[1]
        assert set(re.findall(r"<[^>]*>?", re.sub(r"-->", "", own))) <= {"<br>"}
    assert unseen("\n".join(lines)) == []
    assert "\n".join(lines).encode()


def test_mermaid_takes_entities_with_a_hash():
    assert "#lt;a#gt; #amp; #quot;b#quot;" in to_mermaid(Value(1.0, label='<a> & "b"'))


def test_mermaid_keeps_labels_apart():
    texts = {to_mermaid(Value(1.0, label=label)) for label in ("<b>", "#lt;b#gt;", "&lt;b&gt;")}
    assert len(texts) == 3
