"""Whole replays, over a broker in memory, of the records that live has folded there."""

import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from day_of_ticks import (
    DAY,
    INTERVAL,
    MINUTE,
    SYMBOLS,
    WHOLE_DAY,
    ProgressRecorder,
    run_live,
    run_replay,
    values,
)
from memory_broker import MemoryBroker
from replay_coverage import new_coverage

from app import app
from app.market.topics import CANDLES, DAILY_GAINS, SURGES, TICKS, TICKS_LATE, TOP_GAINERS
from eventfold.engine.changelog import new_consumer
from eventfold.kafka.clients.connections import running
from eventfold.replay import Interval, ReplayError, Report, coverage
from eventfold.replay.live import SKEW, written
from eventfold.topics import DEAD_LETTERS
from tables.days import days


@pytest.fixture(scope="module")
def day() -> MemoryBroker:
    """Return a broker that no test changes."""
    return run_live()


@pytest.fixture
def broker(day: MemoryBroker) -> MemoryBroker:
    """Return a broker of this test's own, with the same records."""
    return pickle.loads(pickle.dumps(day))  # noqa: S301  # quicker than deepcopy


def inside(broker: MemoryBroker, interval: Interval) -> dict[str, int]:
    """Count by topic the final windows that lie wholly in an interval."""
    found: Counter[str] = Counter()
    for topic in CANDLES, SURGES:
        for each in values(broker, topic):
            found[topic.base_name] += (
                each["final"] and interval.begin <= each["start"] and each["end"] <= interval.end
            )
    return dict(found)


def to_compare(broker: MemoryBroker) -> int:
    """Count the offsets that were read of topics other than the source."""
    read = broker.read.items()
    return sum(broker.log(tp).end - offset for tp, offset in read if tp.topic != TICKS.base_name)


def compared(report: Report) -> dict[str, int]:
    """Return how many results of each topic were compared."""
    return {topic: summary.compared for topic, summary in report.topics.items()}


def left_out(report: Report, topic: Any) -> dict[str, int]:
    """Return how many results of a topic were not compared, by reason."""
    return dict(report.topics[topic.base_name].left_out)


async def test_a_replay_of_an_hour_finds_every_window_and_no_difference(day: MemoryBroker) -> None:
    """The windows, late ticks and dead letters of live in the hour."""
    watch = ProgressRecorder()
    report = await run_replay(day, INTERVAL, watch=watch)
    assert report.differences == []
    assert report.remarks == []
    assert [each.tp for each in watch.plan] == [each.tp for each in report.histories]
    found = compared(report)
    assert inside(day, INTERVAL).items() <= found.items()
    assert found["surges"] > 0
    assert found["dead-letters"] == 1
    late = [each for each in values(day, TICKS_LATE) if each["table"] in {"candles", "surges"}]
    assert 0 < found["ticks-late"] < len(late)
    assert left_out(report, TOP_GAINERS) == {coverage.BEYOND: 1}
    assert left_out(report, DAILY_GAINS) == {
        coverage.BEYOND: len(SYMBOLS),
        coverage.UNKNOWN: len(SYMBOLS),
    }
    assert report.compared == sum(found.values())
    # Progress is reported up to the end, and never goes backwards.
    for reports in watch.replays, watch.comparisons:
        assert len(reports) > 2
        assert reports == sorted(reports, key=lambda each: each[0])
        assert reports[-1][0] == reports[-1][1] > 0
        assert all(done <= total for done, total in reports)
    assert report.records == watch.replays[-1][0]


async def test_replay_reads_little_more_than_its_windows_need(day: MemoryBroker) -> None:
    """From the maximum lead before the interval until the last window is final."""
    day.read.clear()
    watch = ProgressRecorder()
    report = await run_replay(day, INTERVAL, watch=watch)
    ahead = app.tasks.conf.max_ahead
    for each in report.histories:
        records = day.log(each.tp).records
        before = [r.offset for r in records if r.timestamp < INTERVAL.begin - ahead]
        assert each.begin == (before[-1] + 1 if before else 0)
        if records:
            assert day.read[each.tp] == each.begin
            assert each.records == each.position - each.begin
    # Result topics are read from there, less the clock skew of the brokers.
    since = INTERVAL.begin - ahead - SKEW
    for tp, offset in day.read.items():
        if tp.topic != TICKS.base_name:
            records = day.log(tp).records
            assert offset == next(r.offset for r in records if r.timestamp >= since)
    # The progress counts all of them as compared.
    assert watch.comparisons[-1] == (to_compare(day),) * 2
    read = {tp.topic for tp in day.read}
    assert {
        CANDLES.base_name,
        SURGES.base_name,
        TOP_GAINERS.base_name,
        TICKS_LATE.base_name,
    } <= read


async def test_rankings_of_a_whole_day_are_rederived_and_compared(day: MemoryBroker) -> None:
    """From results of the first stage of the replay, not of live."""
    report = await run_replay(day, WHOLE_DAY)
    assert report.differences == []
    found = compared(report)
    assert inside(day, WHOLE_DAY).items() <= found.items()
    assert found["daily-gains"] == len(SYMBOLS)
    assert found["top-gainers"] == found["top-losers"] == found["most-active"] == 1
    assert found["dead-letters"] == 3


async def test_first_day_is_left_out_if_gains_use_the_previous_close(
    day: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TICKSTREAM_GAIN_BASE=previous-close: the close before the first day is not replayed."""
    monkeypatch.setattr(days, "uses_previous_window", True)
    two_days = Interval(WHOLE_DAY.begin - DAY, WHOLE_DAY.end)
    report = await run_replay(day, two_days, TOP_GAINERS.base_name)
    assert report.differences == []
    for topic, each_day in (DAILY_GAINS, len(SYMBOLS)), (TOP_GAINERS, 1):
        assert left_out(report, topic)[coverage.USES_PREVIOUS] == each_day
        assert compared(report)[topic.base_name] == each_day


async def test_a_replay_may_begin_with_the_epoch(day: MemoryBroker) -> None:
    """`--from 0` replays all records."""
    report = await run_replay(day, Interval(0, INTERVAL.end), CANDLES.base_name)
    assert report.differences == []
    assert [each.begin for each in report.histories] == [0] * len(report.histories)
    assert compared(report)[CANDLES.base_name] == inside(day, report.interval)[CANDLES.base_name]


async def test_only_the_named_topic_is_replayed(day: MemoryBroker) -> None:
    """Its dead letters are compared as well."""
    report = await run_replay(day, INTERVAL, SURGES.base_name)
    assert set(report.topics) == {SURGES.base_name, DEAD_LETTERS.base_name}
    assert compared(report)[SURGES.base_name] == inside(day, INTERVAL)[SURGES.base_name]
    assert report.differences == []


def changed(broker: MemoryBroker, topic: Any, change: Callable[[dict[str, Any]], Any]) -> int:
    """Change the records of a topic, delete those changed to None; return their number."""
    number = 0
    for n in range(broker.counts[topic.base_name]):
        log = broker.log(TopicPartition(topic.base_name, n))
        kept = []
        for record in log.records:
            fields = msgspec.json.decode(record.value or b"{}")
            made = change(dict(fields))
            number += made != fields
            if made is not None:
                record.value = msgspec.json.encode(made)
                kept.append(record)
        log.records = kept
    return number


def of(symbol: str, length: int, fields: dict[str, Any]) -> bool:
    """Return whether a window is the symbol's, in the interval, and of this length (ms)."""
    mine = fields["symbol"] == symbol and fields["end"] - fields["start"] == length
    return mine and INTERVAL.contains(fields["start"], fields["end"])


async def test_results_that_live_has_otherwise_are_differences(broker: MemoryBroker) -> None:
    """A candle with another high, one that live lacks, one that only live has."""
    windows = MINUTE, 5 * MINUTE, 15 * MINUTE

    def change(fields: dict[str, Any]) -> dict[str, Any] | None:
        if of("A", windows[0], fields) and fields["final"]:
            return fields | {"high": fields["high"] + 1}
        if of("B", windows[2], fields):
            return None
        if of("C", windows[1], fields) and fields["start"] % windows[1] == 0:
            return fields | {"symbol": "C", "start": fields["start"] + 1, "end": fields["end"] + 1}
        return fields

    changed(broker, CANDLES, change)
    report = await run_replay(broker, INTERVAL, CANDLES.base_name)
    by_symbol = {(each.key, each.what) for each in report.differences}
    assert by_symbol == {("A", "changed"), ("B", "added"), ("C", "added"), ("C", "removed")}
    assert all(each.fields == ["high"] for each in report.differences if each.key == "A")
    assert report.remarks == []


async def test_windows_that_are_not_final_in_live_are_left_out(broker: MemoryBroker) -> None:
    """Live has the window, and has not published it as final: it is not reported as added."""
    whole = compared(await run_replay(broker, INTERVAL, CANDLES.base_name))[CANDLES.base_name]

    def change(fields: dict[str, Any]) -> dict[str, Any] | None:
        if (
            fields["symbol"] == "A"
            and fields["final"]
            and INTERVAL.overlaps(fields["start"], fields["end"])
        ):
            return fields | {"final": False}
        if of("B", MINUTE, fields):
            return None
        return fields

    changed(broker, CANDLES, change)
    report = await run_replay(broker, INTERVAL, CANDLES.base_name)
    missing = report.differences
    assert {(each.key, each.what) for each in missing} == {("B", "added")}
    opened = left_out(report, CANDLES)[coverage.LIVE_OPEN]
    assert opened > 0
    assert report.topics[CANDLES.base_name].compared == whole - opened


async def test_windows_of_deleted_records_are_left_out(broker: MemoryBroker) -> None:
    """Those of the other partitions are compared, and so are windows that begin late enough."""
    whole = compared(await run_replay(broker, INTERVAL, CANDLES.base_name))[CANDLES.base_name]
    tp = next(tp for tp in broker.kafka.committed if broker.log(tp).records)
    kept = next(r for r in broker.log(tp).records if r.timestamp >= INTERVAL.begin + 10 * MINUTE)
    broker.delete(tp, kept.offset)
    report = await run_replay(broker, INTERVAL, CANDLES.base_name)
    assert report.differences == []
    deleted = left_out(report, CANDLES)[coverage.DELETED]
    assert 0 < deleted < whole
    assert report.topics[CANDLES.base_name].compared == whole - deleted
    (history,) = (each for each in report.histories if each.tp == tp)
    assert history.known_from == kept.timestamp + app.tasks.conf.max_ahead


async def test_results_that_live_has_deleted_are_not_reported_as_added(
    broker: MemoryBroker,
) -> None:
    """Their absence proves nothing; results that live still has are compared."""
    for n in range(broker.counts[CANDLES.base_name]):
        tp = TopicPartition(CANDLES.base_name, n)
        records = broker.log(tp).records
        if records:
            broker.delete(tp, records[len(records) // 2].offset)
            for record in broker.log(tp).records:
                # As if they had been written when the hour was over.
                record.timestamp = INTERVAL.begin + 30 * MINUTE
    watch = ProgressRecorder()
    broker.read.clear()
    report = await run_replay(broker, INTERVAL, CANDLES.base_name, watch=watch)
    assert left_out(report, CANDLES)[coverage.EXPIRED] > 0
    assert (to_compare(broker),) * 2 in watch.comparisons
    added = [each for each in report.differences if each.what == "added"]
    assert all((each.replayed or {})["end"] >= INTERVAL.begin + 30 * MINUTE for each in added)


@pytest.mark.parametrize("deleted", [0, 1, 2])
async def test_one_deleted_record_limits_what_is_known_of_a_topic(
    broker: MemoryBroker, deleted: int
) -> None:
    """The deleted record may be the missing result; without deletions there is no limit."""
    tp = next(
        tp for n in range(8) if broker.log(tp := TopicPartition(CANDLES.base_name, n)).records
    )
    broker.delete(tp, deleted)
    broker.log(tp).records[0].timestamp = INTERVAL.begin
    found = new_coverage()
    with broker.as_only_broker():
        async with running(new_consumer(app.tasks.conf)) as consumer:
            asked = {"conf": app.tasks.conf, "coverage": found, "progress": lambda *_: None}
            read = [each async for each in written(consumer, [CANDLES.base_name], 0, **asked)]
    assert sum(len(records) for _, _, records in read) == len(broker.records(CANDLES.base_name))
    assert found.kept_from == ({CANDLES.base_name: INTERVAL.begin} if deleted else {})


@pytest.mark.parametrize("behind", [0, 1])
async def test_windows_that_live_has_not_folded_yet_are_left_out(
    broker: MemoryBroker, behind: int
) -> None:
    """Its committed offsets show how far it has folded."""
    whole = await run_replay(broker, INTERVAL, CANDLES.base_name)
    positions = {each.tp: each.position for each in whole.histories}
    for tp, committed in broker.kafka.committed.items():
        if tp.topic == TICKS.base_name:
            offset = max(0, positions[tp] - behind)
            broker.kafka.committed[tp] = committed._replace(offset=offset)
    report = await run_replay(broker, INTERVAL, CANDLES.base_name)
    expected = 0 if behind else compared(whole)[CANDLES.base_name]
    assert compared(report)[CANDLES.base_name] == expected
    assert (coverage.NOT_FOLDED in left_out(report, CANDLES)) is bool(behind)


async def test_all_results_are_added_if_live_has_never_run(broker: MemoryBroker) -> None:
    """A remark of the report has the reason."""
    for tp in [tp for tp in broker.kafka.committed if tp.topic == TICKS.base_name]:
        del broker.kafka.committed[tp]
    for n in range(broker.counts[CANDLES.base_name]):
        broker.log(TopicPartition(CANDLES.base_name, n)).records.clear()
    report = await run_replay(broker, INTERVAL, CANDLES.base_name)
    assert {each.what for each in report.differences} == {"added"}
    assert len(report.differences) == compared(report)[CANDLES.base_name] > 0
    (remark,) = report.remarks
    assert remark.startswith(f"{app.tasks.conf.app_id} has never committed an offset of ticks")


async def test_missing_source_or_wrong_partition_count_is_an_error(broker: MemoryBroker) -> None:
    """The message names the topic, or the setting to change."""
    count = broker.counts.pop(TICKS.base_name)
    with pytest.raises(ReplayError, match="there is no topic ticks"):
        await run_replay(broker, INTERVAL)
    broker.counts[TICKS.base_name] = count + 1
    with pytest.raises(ReplayError, match=f"set TOPIC_PARTITIONS={count + 1}"):
        await run_replay(broker, INTERVAL)


async def test_results_of_a_missing_output_topic_are_added(broker: MemoryBroker) -> None:
    """The other topics are compared."""
    expected = inside(broker, INTERVAL)
    del broker.counts[SURGES.base_name]
    report = await run_replay(broker, INTERVAL, SURGES.base_name, CANDLES.base_name)
    assert {(each.topic, each.what) for each in report.differences} == {(SURGES.base_name, "added")}
    assert expected.items() <= compared(report).items()


async def test_warm_up_reads_as_many_earlier_records(day: MemoryBroker) -> None:
    """Before the records that windows need."""
    report = await run_replay(day, INTERVAL, CANDLES.base_name, warm_up=30 * MINUTE)
    since = INTERVAL.begin - app.tasks.conf.max_ahead - 30 * MINUTE
    for each in report.histories:
        records = day.log(each.tp).records
        assert each.begin == sum(r.timestamp < since for r in records)


async def test_tables_are_unchanged_after_a_replay(day: MemoryBroker) -> None:
    """The worker's tables keep their publications."""
    tasks = app.tasks
    before = {table.name: list(table.publications) for table in tasks.tables}
    await run_replay(day, INTERVAL)
    assert app.tasks is tasks
    assert {table.name: list(table.publications) for table in tasks.tables} == before
