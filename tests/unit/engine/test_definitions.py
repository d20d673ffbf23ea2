"""Table definitions in the metadata of committed offsets, and workers with other settings."""

from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings
from eventfold.engine.definitions import (
    COMPRESSED,
    Definition,
    Definitions,
    of_metadata,
    to_metadata,
)
from eventfold.engine.errors import TaskError

TP = TopicPartition("ticks", 0)
SHOP = Settings(TICKSTREAM_APP_ID="shop")

SETTINGS = {"windows": "1m,5m", "grace": "5m", "retention": "8d", "emission": "each interval"}

#: Kafka's default for `offset.metadata.max.bytes`.
MAX_METADATA = 4_096


class Table(NamedTuple):
    """A table, with the fields that are compared."""

    name: str
    definition: Definition


def worker(**changed: str) -> Definitions:
    """Return the definitions of a worker that folds ticks into candles and days."""
    tables = [Table("candles", SETTINGS | changed), Table("days", SETTINGS)]
    return Definitions(SHOP, {"ticks": tables})


def committed(metadata: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return the committed offset of a group."""
    return {TP: OffsetAndMetadata(7, metadata)}


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True), st.just(SETTINGS)))
def test_definitions_in_offset_metadata_are_read_as_they_were_written(
    definitions: dict[str, Definition],
) -> None:
    """For any number of tables."""
    assert of_metadata(to_metadata(definitions)) == definitions


def test_the_metadata_of_a_hundred_tables_is_within_the_brokers_limit() -> None:
    """All tables are on one source."""
    tables = [Table(f"table-{n}", SETTINGS | {"grace": f"{n}s"}) for n in range(100)]
    metadata = Definitions(SHOP, {"ticks": tables}).metadata("ticks")
    assert len(metadata) < MAX_METADATA
    assert of_metadata(metadata)["table-99"]["grace"] == "99s"


@pytest.mark.parametrize(("longer", "packed"), [(-1, False), (0, False), (1, True)])
def test_metadata_longer_than_1000_bytes_is_compressed(longer: int, *, packed: bool) -> None:
    """Shorter metadata stays readable for people."""
    rest = len(to_metadata({"t": {"windows": ""}}))
    definitions = {"t": {"windows": "x" * (1_000 - rest + longer)}}
    text = to_metadata(definitions)
    assert text.startswith(COMPRESSED) is packed
    assert packed or len(text) == 1_000 + longer
    assert of_metadata(text) == definitions


@pytest.mark.parametrize("setting", ["grace", "retention", "emission"])
def test_a_setting_may_change_while_the_application_is_stopped(setting: str) -> None:
    """Its offsets are then committed again; beside a running worker the setting is rejected."""
    before, now = worker(), worker(**{setting: "other"})
    offsets = committed(before.metadata("ticks"))
    assert now.changed(offsets) == committed(now.metadata("ticks"))
    with pytest.raises(TaskError) as caught:
        now.demand_same(offsets)
    assert str(caught.value).startswith(
        f"application shop runs table candles with {setting} {SETTINGS[setting]}, this worker has "
        f"{setting} other: start it with the same, or stop all workers"
    )


def test_other_windows_are_rejected_even_if_the_application_is_stopped() -> None:
    """The line names the table and the change, and no remedy that would lose or double results."""
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


def test_a_worker_without_all_tables_is_rejected() -> None:
    """The state of the missing tables would be left behind."""
    now = Definitions(SHOP, {"ticks": [Table("candles", SETTINGS)]})
    with pytest.raises(TaskError, match="folds ticks into candles,days, this worker into candles"):
        now.changed(committed(worker().metadata("ticks")))


@pytest.mark.parametrize("metadata", ["", "candles,days"])
def test_offsets_committed_without_definitions_are_accepted(metadata: str) -> None:
    """Older versions committed only the names of the tables."""
    worker().demand_same(committed(metadata))
    assert worker().changed(committed(metadata)) == {}


def test_a_setting_that_one_side_does_not_know_is_not_compared() -> None:
    """A later version may write more settings."""
    later = worker(close_idle="5m")
    assert later.changed(committed(worker().metadata("ticks"))) == {}
    later.demand_same(committed(worker().metadata("ticks")))


def test_offsets_of_topics_without_tables_are_ignored() -> None:
    """Such as those of an agent that takes single records."""
    definitions = Definitions(SHOP, {})
    definitions.demand_same(committed(worker().metadata("ticks")))
    assert definitions.changed(committed("anything at all")) == {}
