"""Report of an error of a user's function: in one line, with the place to look at."""

import json

import pytest

from eventfold.engine.errors import told


def read(text: str) -> object:
    """Read what a user's function is given."""
    return json.loads(text)


def caught(text: str) -> Exception:
    """Return what reading raises."""
    with pytest.raises(ValueError, match="line 1 column") as raised:
        read(text)
    return raised.value


def test_an_error_is_told_with_the_line_of_the_users_code_that_led_to_it() -> None:
    """The last of those, though a library has raised it."""
    line = read.__code__.co_firstlineno + 2
    assert told(caught("[1,")).endswith(f" ({__file__}:{line})")
    assert told(caught("[1,")).startswith("JSONDecodeError: ")


def test_an_error_is_one_line_and_has_a_place_only_where_it_was_raised() -> None:
    """Whatever its text is."""
    assert told(ValueError("one\n  two\tthree ")) == "ValueError: one two three"
