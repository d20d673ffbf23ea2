"""Fields of a record that are compared, and how they are compared."""

import json
from typing import Any

import msgspec
import pytest

from app import app
from app.beaconing.connections import Connection
from app.beaconing.connections_avro import CONNECTIONS
from app.market.records import DailyGain
from app.market.topics import CANDLES, DAILY_GAINS, SURGES, TICKS_LATE, TOP_GAINERS
from eventfold.formats.form import AvroForm
from eventfold.replay.comparison import same
from eventfold.replay.entries import Entries, Entry
from eventfold.replay.selection import Selection, select
from eventfold.topics import DEAD_LETTERS, Topic

SOURCE = [("source", b"ticks-3-17")]

NOON = 1_769_860_800_000


@pytest.fixture(scope="module")
def everything() -> Selection:
    """Select all tables of the application."""
    return select(app, [])


def read(entries: Entries, key: str, headers: Any = (), **fields: Any) -> Entry | None:
    """Read a record with these fields, of partition 3."""
    return entries.read(
        3, key.encode(), json.dumps(fields, separators=(",", ":")).encode(), headers
    )


def test_windows_are_identified_by_key_size_advance_and_start(everything: Selection) -> None:
    """Size and advance distinguish windows that begin together; the highest revision counts."""
    entries = Entries(CANDLES.of(app.settings), everything)
    place = {"size": 60, "advance": 60, "start": 120, "end": 180}
    entry = read(entries, "ACME", **place, revision=7, final=True, count=2, partition=3)
    assert entry is not None
    assert (entry.key, entry.identity, entry.revision) == ("ACME", "[60,60,120]", 7)
    assert (entry.start, entry.end, entry.partition) == (120, 180, 3)


def test_partition_of_a_window_is_from_its_record_or_its_topic(everything: Selection) -> None:
    """A topic that is not co-partitioned with its source does not show the source's partition."""
    for topic, known in (CANDLES, 3), (SURGES, None):
        entries, place = (
            Entries(topic.of(app.settings), everything),
            {"start": 0, "end": 60, "count": 1},
        )
        implicit = read(entries, "ACME", **place, final=True)
        explicit = read(entries, "ACME", **place, final=True, partition=5)
        assert implicit is not None
        assert explicit is not None
        assert (implicit.partition, explicit.partition) == (known, 5)


def test_only_final_windows_are_compared_if_records_have_the_flag(everything: Selection) -> None:
    """Which revisions were published before depends on processing time."""
    entries = Entries(CANDLES.of(app.settings), everything)
    assert read(entries, "ACME", start=0, end=60, final=False) is None


def test_open_windows_are_read_on_request(
    everything: Selection,
) -> None:
    """Live has not published them as final; a tombstone is no window."""
    entries = Entries(CANDLES.of(app.settings), everything)
    found = entries.read_open(3, b"ACME", b'{"size":60,"advance":60,"start":0,"final":false}')
    assert found is not None
    assert (found.key, found.identity, found.partition) == ("ACME", "[60,60,0]", 3)
    assert entries.read_open(3, b"ACME", b'{"size":60,"start":0,"final":true}') is None
    assert entries.read_open(3, b"ACME", None) is None


def test_withdrawn_session_has_no_value(everything: Selection) -> None:
    """Its start has moved, and the last result of the old start has a count of 0."""
    entry = read(
        Entries(SURGES.of(app.settings), everything), "ACME", start=0, end=60, final=True, count=0
    )
    assert entry is not None
    assert entry.value is None


def test_record_without_a_span_gets_it_from_the_replayed_result(everything: Selection) -> None:
    """A day is identified by its name; the span that the replay saw is that of live too."""
    entries = Entries(DAILY_GAINS.of(app.settings), everything)
    gain = DailyGain("ACME", "2026-01-31", 1, 1, 1, 1, 0, 1, 10**12, True, 0, 0, 0)
    unknown = read(entries, "ACME", day="2026-01-31", final=True)
    entries.note(gain, 5, 9)
    known = read(entries, "OTHER", day="2026-01-31", final=True)
    assert unknown is not None
    assert known is not None
    assert (unknown.start, known.start, known.end) == (None, 5, 9)
    assert known.identity == '["2026-01-31"]'


def test_log_entry_is_identified_by_its_source(everything: Selection) -> None:
    """By the header `source`; fields that depend on when it was written are ignored."""
    entries = Entries(DEAD_LETTERS.of(app.settings), everything)
    entry = read(entries, "ticks", SOURCE, stage="decode", time=1)
    assert entry is not None
    assert (entry.identity, entry.sources) == ("ticks-3-17", (("ticks", 3, 17),))
    assert entries.ignored == {"time"}


def test_log_entry_has_the_partition_of_its_source_if_co_partitioned(
    everything: Selection,
) -> None:
    """Late ticks have the partition of their ticks; all dead letters are in one partition."""
    for topic, known in (TICKS_LATE, 3), (DEAD_LETTERS, None):
        entry = read(
            Entries(topic.of(app.settings), everything), "ACME", SOURCE, table="days", stage="days"
        )
        assert entry is not None
        assert entry.partition == known


def test_log_entries_of_other_pipelines_are_not_compared() -> None:
    """Of two tables that have late ticks, or whose records fail, only those that are replayed."""
    surges = select(app, ["surges"])
    assert (
        read(Entries(DEAD_LETTERS.of(app.settings), surges), "ticks", SOURCE, stage="candles")
        is None
    )
    assert (
        read(Entries(DEAD_LETTERS.of(app.settings), surges), "ticks", SOURCE, stage="surges")
        is not None
    )
    candles = Selection([table for table in app.tasks.tables if table.name == "candles"])
    assert read(Entries(TICKS_LATE.of(app.settings), candles), "ACME", SOURCE, table="days") is None
    assert (
        read(Entries(TICKS_LATE.of(app.settings), candles), "ACME", SOURCE, table="candles")
        is not None
    )


def test_offsets_in_rederived_topics_are_ignored(everything: Selection) -> None:
    """A ranking's revision is an offset in `daily-gains`, which differs in a replay."""
    entries = Entries(TOP_GAINERS.of(app.settings), everything)
    assert (entries.kind, "revision" in entries.ignored) == ("last", True)
    assert "revision" not in Entries(CANDLES.of(app.settings), everything).ignored


def test_floats_are_equal_within_a_billionth_and_others_exactly() -> None:
    """Sums depend on the order of adding, counts do not."""
    assert same({"mean": [1.0, 2]}, {"mean": [1.0 + 1e-12, 2]})
    assert same(1, 1.0 + 1e-12)
    assert same(1.0 + 1e-12, 1)
    assert not same({"mean": 1.0}, {"mean": 1.0 + 1e-6})
    assert not same({"count": 10**12}, {"count": 10**12 + 1})
    assert not same({"vwap": None}, {"vwap": 0.0})
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same(1.0, "1.0")
    assert not same(1.0, None)


@pytest.mark.parametrize("other", [[], [1], [1, 2, 3], [2, 1], {"0": 1, "1": 2}, None])
def test_lists_are_equal_if_their_items_are_equal_in_order(other: Any) -> None:
    """A ranking that lacks its last place is another one, and so is one with a place more."""
    assert same({"rank": [1, 2]}, {"rank": [1, 2]})
    assert not same({"rank": [1, 2]}, {"rank": other})
    assert not same({"rank": other}, {"rank": [1, 2]})


@pytest.mark.parametrize(
    ("topics", "tables", "internal"),
    [
        ([], {"candles", "days", "gainers", "surges", "latest-surges"}, {"daily-gains", "surges"}),
        (["surges"], {"surges"}, set()),
        (["top-gainers"], {"days", "gainers"}, {"daily-gains"}),
        (["candles", "surges"], {"candles", "days", "surges"}, set()),
    ],
)
def test_selecting_a_topic_selects_the_tables_it_is_made_of(
    topics: list[str], tables: set[str], internal: set[str]
) -> None:
    """Not the tables that are made of it, nor other outputs of its source."""
    known = {"candles", "days", "gainers", "surges", "latest-surges"}
    found = select(app, topics)
    assert {table.name for table in found.tables} & known == tables
    assert found.internal & {"daily-gains", "surges"} == internal


def test_each_source_comes_before_its_results(everything: Selection) -> None:
    """So a stage is over when its source is."""
    names = [topic.name for topic in everything.sources]
    assert names.index("ticks") < min(names.index("daily-gains"), names.index("surges"))


def test_avro_is_compared_field_by_field() -> None:
    """A tombstone stays one, and a value of an earlier schema is compared by its bytes."""
    form = AvroForm("connections-value", Connection, CONNECTIONS._schema)
    form.schema_id = 258
    topic = Topic("connections", "source", Connection, "who met whom", compacted=True, write=form)
    entries = Entries(topic.of(app.settings), Selection([]))
    earlier = b"\0\0\0\1\1\2a"

    def compared(value: bytes | None) -> bytes | None:
        entry = entries.read(0, b"a", value, SOURCE)
        assert entry is not None
        return entry.value

    connection = Connection("a", "b", 443, 1, NOON)
    written = compared(form(connection))
    assert written is not None
    assert json.loads(written) == msgspec.to_builtins(connection)
    assert compared(None) is None
    assert compared(earlier) == earlier


def test_a_value_that_is_no_json_is_compared_by_its_bytes() -> None:
    """Such as Avro."""
    topic = Topic("avro", "key", dict, "in another format")
    entry = Entries(topic.of(app.settings), Selection([])).read(0, b"k", b"\x00\x01", SOURCE)
    assert entry is not None
    assert (entry.value, entry.identity) == (b"\x00\x01", "ticks-3-17")
