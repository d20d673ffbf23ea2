"""Changes of a dead record before it is sent again, by the options of `deadletters resend`."""

import pytest

from eventfold.cli.command import OptionError
from eventfold.cli.letters.fixing import FixError, SkippedError, parse_fix

RECORD = b'{"symbol":"ACME","price":"12,5","size":1e2}'


def nothing(_: bytes | None) -> None:
    """Leave each record out."""


def text(_: bytes | None) -> str:
    """Return what is no value of a record."""
    return "{}"


def failing(_: bytes | None) -> bytes:
    """Raise an error."""
    raise KeyError("grams")


@pytest.mark.parametrize(
    ("fields", "fixed"),
    [
        ([], RECORD),
        (["price=12.5"], b'{"symbol":"ACME","price":12.5,"size":1e2}'),
        (["price=twelve"], b'{"symbol":"ACME","price":"twelve","size":1e2}'),
        (['price="12"'], b'{"symbol":"ACME","price":"12","size":1e2}'),
        (["price="], b'{"symbol":"ACME","price":"","size":1e2}'),
        (["note=a=b"], b'{"symbol":"ACME","price":"12,5","size":1e2,"note":"a=b"}'),
        (["-price", "-none", "size=null"], b'{"symbol":"ACME","size":null}'),
    ],
)
def test_fields_are_set_to_json_or_text_and_others_keep_their_bytes(
    fields: list[str], fixed: bytes
) -> None:
    """Also numbers in a form that would be written otherwise."""
    fix = parse_fix(fields, None, rekeys=False)
    assert fix.apply(RECORD) == fixed
    assert bool(fix) is fix.rekeys is bool(fields)


@pytest.mark.parametrize("value", [None, b"", b"[1]", b"{", b"\xff"])
def test_fields_of_what_is_no_json_object_can_not_be_fixed(value: bytes | None) -> None:
    """The line names the option that can."""
    with pytest.raises(FixError, match="--fix-with"):
        parse_fix(["price=1"], None, rekeys=False).apply(value)


@pytest.mark.parametrize("wrong", ["price", "=1", "-", ""])
def test_a_fix_that_is_none_is_rejected(wrong: str) -> None:
    """Before anything is sent."""
    with pytest.raises(OptionError, match="FIELD=VALUE"):
        parse_fix([wrong], None, rekeys=False)


@pytest.mark.parametrize(
    ("function", "error", "reason"),
    [
        ("nothing", SkippedError, "left out"),
        ("text", FixError, "returned str, no bytes"),
        ("failing", FixError, "raised KeyError: 'grams'"),
    ],
)
def test_what_a_function_may_not_return_costs_the_record_alone(
    function: str, error: type[FixError], reason: str
) -> None:
    """It is counted with its reason; None leaves it out."""
    fix = parse_fix([], f"{__name__}:{function}", rekeys=False)
    with pytest.raises(error, match=reason):
        fix.apply(RECORD)


@pytest.mark.parametrize(
    "name", ["nowhere:fix", f"{__name__}:absent", f"{__name__}:RECORD", "", ":fix", __name__]
)
def test_a_function_that_can_not_be_imported_is_rejected(name: str) -> None:
    """In one line that names it."""
    with pytest.raises(OptionError, match="--fix-with: "):
        parse_fix([], name, rekeys=False)
