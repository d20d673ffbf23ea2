"""Definitions beside a committed offset, and a worker that starts with other settings."""

from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st

from eventfold.engine.definitions import (
    COMPRESSED,
    Definition,
    Definitions,
    of_metadata,
    to_metadata,
)
from eventfold.engine.errors import TaskError

TP = TopicPartition("ticks", 0)

SETTINGS = {"windows": "1m,5m", "grace": "5m", "retention": "8d", "emission": "each interval"}

#: Kafka's default for `offset.metadata.max.bytes`.
MAX_METADATA = 4_096


class Table(NamedTuple):
    """A table, as far as it is compared."""

    name: str
    definition: Definition


def worker(**changed: str) -> Definitions:
    """Return the definitions of a worker that folds ticks into candles and days."""
    tables = [Table("candles", SETTINGS | changed), Table("days", SETTINGS)]
    return Definitions("shop", {"ticks": tables})


def committed(metadata: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return what a group has committed."""
    return {TP: OffsetAndMetadata(7, metadata)}


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True), st.just(SETTINGS)))
def test_what_stands_with_an_offset_is_read_as_it_was_written(
    definitions: dict[str, Definition],
) -> None:
    """However many tables there are."""
    assert of_metadata(to_metadata(definitions)) == definitions


def test_the_text_of_many_tables_is_within_what_brokers_take() -> None:
    """A hundred tables on one source."""
    tables = [Table(f"table-{n}", SETTINGS | {"grace": f"{n}s"}) for n in range(100)]
    metadata = Definitions("shop", {"ticks": tables}).metadata("ticks")
    assert len(metadata) < MAX_METADATA
    assert of_metadata(metadata)["table-99"]["grace"] == "99s"


@pytest.mark.parametrize(("longer", "packed"), [(-1, False), (0, False), (1, True)])
def test_a_text_is_compressed_where_it_is_long(longer: int, *, packed: bool) -> None:
    """Up to 1,000 bytes people can read it."""
    rest = len(to_metadata({"t": {"windows": ""}}))
    definitions = {"t": {"windows": "x" * (1_000 - rest + longer)}}
    text = to_metadata(definitions)
    assert text.startswith(COMPRESSED) is packed
    assert packed or len(text) == 1_000 + longer
    assert of_metadata(text) == definitions


@pytest.mark.parametrize("setting", ["grace", "retention", "emission"])
def test_a_stopped_application_may_have_another(setting: str) -> None:
    """Its offsets are to be committed once more; beside one that runs it is rejected."""
    before, now = worker(), worker(**{setting: "other"})
    offsets = committed(before.metadata("ticks"))
    assert now.changed(offsets) == committed(now.metadata("ticks"))
    with pytest.raises(TaskError) as caught:
        now.demand_same(offsets)
    assert str(caught.value).startswith(
        f"application shop runs table candles with {setting} {SETTINGS[setting]}, this worker has "
        f"{setting} other: start it with the same, or stop all workers"
    )


def test_other_windows_are_refused_whether_the_application_runs_or_not() -> None:
    """The line names the table and the change, and nothing that would lose or double."""
    offsets = committed(worker().metadata("ticks"))
    now = worker(windows="1m,10m")
    for check in (now.changed, now.demand_same):
        with pytest.raises(TaskError) as caught:
            check(offsets)
        line = str(caught.value)
        assert line.startswith(
            "table candles: its state is of windows 1m,5m, this worker's are 1m,10m, and"
        )
        assert "TICKSTREAM_APP_ID with a TICKSTREAM_TOPIC_PREFIX of its own" in line
        assert "\n" not in line


def test_other_tables_are_refused() -> None:
    """State of those that are left out would be left behind."""
    now = Definitions("shop", {"ticks": [Table("candles", SETTINGS)]})
    with pytest.raises(TaskError, match="folds ticks into candles,days, this worker into candles"):
        now.changed(committed(worker().metadata("ticks")))


@pytest.mark.parametrize("metadata", ["", "candles,days"])
def test_offsets_of_before_there_were_definitions_are_taken(metadata: str) -> None:
    """Older versions committed the names of the tables alone."""
    worker().demand_same(committed(metadata))
    assert worker().changed(committed(metadata)) == {}


def test_what_one_side_does_not_know_is_not_compared() -> None:
    """A later version may write more settings."""
    later = worker(close_idle="5m")
    assert later.changed(committed(worker().metadata("ticks"))) == {}
    later.demand_same(committed(worker().metadata("ticks")))


def test_offsets_of_topics_without_tables_are_no_business_of_ours() -> None:
    """Such as those of an agent that takes single records."""
    definitions = Definitions("shop", {})
    definitions.demand_same(committed(worker().metadata("ticks")))
    assert definitions.changed(committed("anything at all")) == {}
