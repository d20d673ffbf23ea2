"""Types of command-line options: zones and shares."""

from datetime import datetime

import click
import pytest

from eventfold.cli.option_types import Share, Zone


@pytest.mark.parametrize(
    ("text", "hours"),
    [("Europe/Berlin", 2), ("+05:30", 5.5), ("-0800", -8), ("UTC", 0), ("local", 3)],
)
def test_zone_is_a_name_an_offset_or_local(
    text: str, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In summer."""
    monkeypatch.setenv("TZ", "Africa/Nairobi")
    offset = datetime(2024, 7, 1, tzinfo=Zone().convert(text, None, None)).utcoffset()
    assert offset is not None
    assert offset.total_seconds() == hours * 3600


@pytest.mark.parametrize("text", ["Berlin", "+25:00", "", "../etc", "CEST"])
def test_other_text_is_no_zone(text: str) -> None:
    """The error names it."""
    with pytest.raises(click.BadParameter, match="is no zone"):
        Zone().convert(text, None, None)


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("0", 0), ("100 %", 1)])
def test_share_is_a_fraction_or_a_percentage(text: str, share: float) -> None:
    """Both are met."""
    assert Share().convert(text, None, None) == share


@pytest.mark.parametrize("text", ["5", "-1%", "101%", "many", "nan"])
def test_other_text_is_no_share(text: str) -> None:
    """5 is neither 5 % nor a fraction."""
    with pytest.raises(click.BadParameter, match="is no share"):
        Share().convert(text, None, None)
