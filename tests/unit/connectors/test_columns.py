"""Columns, rows and identities of the records of a topic."""

from dataclasses import dataclass

import pytest
from msgspec import Struct
from sink_records import record

from app.hotel.topics import GUEST_EVENTS
from app.market.topics import CANDLES, DAILY_GAINS, TICKS, TOP_GAINERS
from eventfold.connectors.columns import Rows
from eventfold.topics import Topic


class Visit(Struct):
    """A record with a field of each kind."""

    page: str
    time: int
    seconds: float | None = None
    is_new: bool = False
    tags: list[str] = []


@dataclass
class PageOfCountry:
    """A dataclass, by two fields of which its topic is keyed."""

    country: str
    page: str
    visits: int
    revision: int


VISITS = Topic("visits", Visit, key="page", purpose="visits of pages")
BY_COUNTRY = Topic("by-country", PageOfCountry, key=("country", "page"), compacted=True)


def test_columns_have_the_types_of_the_fields_and_the_place() -> None:
    """What is no scalar is JSON."""
    kinds = {each.name: (each.kind, each.is_json) for each in Rows(VISITS).columns}
    assert kinds == {
        "page": (str, False),
        "time": (int, False),
        "seconds": (float, False),
        "is_new": (bool, False),
        "tags": (str, True),
        "kafka_partition": (int, False),
        "kafka_offset": (int, False),
    }


def test_row_has_the_values_of_the_record_and_its_place() -> None:
    """A whole number in a column of floats is a float."""
    row = Rows(VISITS).read(record({"page": "/", "time": 5, "seconds": 2, "tags": ["x"]}, 7))
    assert row == {
        "page": "/",
        "time": 5,
        "seconds": 2.0,
        "is_new": False,
        "tags": '["x"]',
        "kafka_partition": 0,
        "kafka_offset": 7,
    }


@pytest.mark.parametrize(
    ("topic", "identity", "revision"),
    [
        (CANDLES, ("symbol", "size", "advance", "start"), "revision"),
        (DAILY_GAINS, ("symbol", "day"), None),
        (TOP_GAINERS, ("day",), "revision"),
        (TICKS, (), None),
        (VISITS, (), None),
        (BY_COUNTRY, ("country", "page"), "revision"),
    ],
    ids=lambda each: getattr(each, "base_name", ""),
)
def test_identity_is_of_a_window_or_of_a_compacted_key(
    topic: Topic, identity: tuple[str, ...], revision: str | None
) -> None:
    """Records that have none are rows of their own: the size of a tick is none of a window."""
    rows = Rows(topic)
    assert (rows.identity, rows.revision) == (identity, revision)


def test_tombstone_deletes_the_row_of_a_key_of_several_fields() -> None:
    """The text of the key is read back into the fields."""
    rows = Rows(BY_COUNTRY)
    assert rows.deleted(record(None, 3, key='["DE","/home"]')) == ("DE", "/home")
    with pytest.raises(ValueError, match="malformed"):
        rows.deleted(record(None, 4, key="DE"))


def test_topic_of_several_types_has_the_columns_of_all_and_their_tag() -> None:
    """A row has those of its own type, the others are null."""
    rows = Rows(GUEST_EVENTS)
    names = {each.name for each in rows.columns}
    assert {"guest", "room", "text", "to", "time"} <= names


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"{", "truncated"),
        ({"page": "/"}, "missing required field `time`"),
        ({"page": "/", "time": 10**20}, "time .* has more than 64 bits"),
    ],
)
def test_record_that_is_no_row_raises_with_the_reason(value: object, reason: str) -> None:
    """The reason is what a dead letter says."""
    with pytest.raises(ValueError, match=reason):
        Rows(VISITS).read(record(value, 1))
