"""Messages: cut to a line, and of a type that a user can catch."""

from autograd_core import TraceError
from autograd_core.errors import short


def test_what_is_shown_in_a_message_is_cut_to_one_line():
    assert short("x") == "'x'"
    assert short([1.0]) == "[1.0]"
    assert short(list(range(1000))).endswith(" ...") and len(short(list(range(1000)))) == 80


def test_a_refusal_of_the_tracer_is_a_type_error():
    assert issubclass(TraceError, TypeError)
