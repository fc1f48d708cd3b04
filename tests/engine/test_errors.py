"""Messages: cut to a line, and of a type that a user can catch."""

import pytest

from autograd_core import TraceError, Value, check_gradient
from autograd_core.errors import short


def test_what_is_shown_in_a_message_is_cut_to_one_line():
    assert short("x") == "'x'"
    assert short([1.0]) == "[1.0]"
    assert short("x" * 78) == repr("x" * 78)  # 80 with the quotes
    assert short("x" * 79) == f"'{'x' * 75} ..."


def test_a_refusal_of_the_tracer_is_a_type_error():
    assert issubclass(TraceError, TypeError)


def test_what_only_a_tensor_has_is_an_error_that_says_what_to_write():
    v = Value(1.0)
    assert not hasattr(v, "requires_grad")
    with pytest.raises(AttributeError, match=r"^Value has no clone: x \+ 0 is another node"):
        v.clone()
    with pytest.raises(AttributeError, match=r"no requires_grad: .* not given to the optimiser"):
        v.requires_grad = False
    assert Value.requires_grad.hint.startswith("every Value has")  # so that help(Value) works


def test_a_report_has_the_functions_own_names_where_each_argument_has_one():
    for function, names in (
        (lambda a, b: a * b, ["a = 3", "b = 4"]),
        (lambda a, b=2.0, *, scale=1.0: a * b * scale, ["a = 3", "b = 4"]),
        (lambda *both: both[0] * both[1], ["x0 = 3", "x1 = 4"]),
        (lambda first, *others: first * others[0], ["x0 = 3", "x1 = 4"]),
    ):
        assert [row.name for row in check_gradient(function, [3.0, 4.0])] == names
