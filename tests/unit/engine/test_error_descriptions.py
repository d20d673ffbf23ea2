"""Errors of users' functions are described in one line, with the place in their code."""

import json

import pytest

from eventfold.engine.errors import describe_error


def read(text: str) -> object:
    """Read the argument of a user's function."""
    return json.loads(text)


def caught(text: str) -> Exception:
    """Return what reading raises."""
    with pytest.raises(ValueError, match="line 1 column") as raised:
        read(text)
    return raised.value


def test_an_error_is_described_with_the_line_of_the_users_code() -> None:
    """The last line of user code in the traceback, though a library raised it."""
    line = read.__code__.co_firstlineno + 2
    assert describe_error(caught("[1,")).endswith(f" ({__file__}:{line})")
    assert describe_error(caught("[1,")).startswith("JSONDecodeError: ")


def test_an_error_is_one_line_and_has_a_place_only_if_it_was_raised() -> None:
    """Whatever its text is."""
    assert describe_error(ValueError("one\n  two\tthree ")) == "ValueError: one two three"
