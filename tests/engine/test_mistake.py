"""The table of usual mistakes: what each makes of one step, and that no two look alike."""

import pytest

from autograd_core import Mistake, mistakes

READERS = {
    "quiz": ["forgot upstream", "forgot local", "overwrote", "wrong operand", "sign"],
    "sabotage": [
        "overwrote", "wrong operand", "sign", "max to both", "stale value", "wrong order",
        "did not zero",
    ],
    "grader": [
        "forgot upstream", "forgot local", "overwrote", "wrong operand", "sign", "wrong order",
        "visited twice", "did not zero",
    ],
}  # fmt: skip
WIRE = {"upstream": 3.0, "local": 2.0, "before": 1.0, "other": 5.0, "stale": 7.0, "earlier": 11.0}


@pytest.mark.parametrize("reader", READERS)
def test_each_reader_finds_its_mistakes(reader):
    assert [one.name for one in mistakes.values() if reader in one.readers] == READERS[reader]


def test_every_entry_goes_by_its_name_and_speaks_in_sentences():
    for name, one in mistakes.items():
        assert one.name == name and set(one.readers) <= READERS.keys() and one.readers
        assert one.sentence.endswith(".") and one.hint.endswith(".")


@pytest.mark.parametrize(
    "name, want",
    [
        ("forgot upstream", (2.0, 2.0, 3.0)),
        ("forgot local", (1.0, 3.0, 4.0)),
        ("overwrote", (2.0, 6.0, 6.0)),
        ("wrong operand", (5.0, 15.0, 16.0)),
        ("sign", (-2.0, -6.0, -5.0)),
        ("max to both", (1.0, 3.0, 4.0)),
        ("stale value", (7.0, 21.0, 22.0)),
        ("did not zero", (2.0, 6.0, 17.0)),
    ],
)
def test_a_wrong_step(name, want):
    assert mistakes[name].step(**WIRE) == want


def test_where_a_mistake_cannot_be_made_there_is_no_step():
    short = {"upstream": 3.0, "local": 2.0, "before": 1.0}
    assert mistakes["wrong operand"].step(**short) is None
    assert mistakes["wrong order"].step(**WIRE) is None
    assert mistakes["visited twice"].step(**WIRE) is None


def test_no_two_mistakes_are_planted_alike_for_one_reader():
    for reader in READERS:
        plants = [one.plant for one in mistakes.values() if reader in one.readers]
        assert len(set(plants)) == len(plants)


def test_an_entry_cannot_be_changed():
    assert isinstance(mistakes["sign"], Mistake)
    with pytest.raises(AttributeError):
        mistakes["sign"].name = "minus"
