"""A whole replay over a broker in memory: what live has folded there is played again."""

import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from covered_replay import covered
from memory_broker import MemoryBroker
from replayed_day import DAY, MINUTE, SYMBOLS, TEN, WHOLE_DAY, Watch, live, replayed, values

from app import app
from app.market.topics import CANDLES, DAILY_GAINS, SURGES, TICKS, TICKS_LATE, TOP_GAINERS
from eventfold.engine.changelog import new_consumer
from eventfold.kafka.clients import running
from eventfold.replay import Interval, ReplayError, Report, coverage
from eventfold.replay.live import SKEW, written
from eventfold.topics import DEAD_LETTERS
from tables.days import days


@pytest.fixture(scope="module")
def day() -> MemoryBroker:
    """Return a broker that nobody changes."""
    return live()


@pytest.fixture
def broker(day: MemoryBroker) -> MemoryBroker:
    """Return a broker of this test's own, with the same in it."""
    return pickle.loads(pickle.dumps(day))  # noqa: S301  # quicker than deepcopy


def inside(broker: MemoryBroker, interval: Interval) -> dict[str, int]:
    """Count by topic the final windows that lie wholly in an interval."""
    found: Counter[str] = Counter()
    for topic in CANDLES, SURGES:
        for each in values(broker, topic):
            found[topic.name] += (
                each["final"] and interval.begin <= each["start"] and each["end"] <= interval.end
            )
    return dict(found)


def to_compare(broker: MemoryBroker) -> int:
    """Count the offsets of what was read and is no source."""
    read = broker.read.items()
    return sum(broker.log(tp).end - offset for tp, offset in read if tp.topic != TICKS.name)


def compared(report: Report) -> dict[str, int]:
    """Return how many results of each topic were compared."""
    return {topic: summary.compared for topic, summary in report.topics.items()}


def left_out(report: Report, topic: Any) -> dict[str, int]:
    """Return how many results of a topic were not compared, by why."""
    return dict(report.topics[topic.name].left_out)


async def test_a_replay_of_an_hour_finds_every_window_and_no_difference(day: MemoryBroker) -> None:
    """Live's windows in the hour, what was late in it, and what was no tick."""
    watch = Watch()
    report = await replayed(day, TEN, watch=watch)
    assert report.differences == []
    assert report.remarks == []
    assert [each.tp for each in watch.plan] == [each.tp for each in report.histories]
    found = compared(report)
    assert inside(day, TEN).items() <= found.items()
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
    # How far it is, is reported up to the end, and never backwards.
    for reports in watch.replays, watch.comparisons:
        assert len(reports) > 2
        assert reports == sorted(reports, key=lambda each: each[0])
        assert reports[-1][0] == reports[-1][1] > 0
        assert all(done <= total for done, total in reports)
    assert report.records == watch.replays[-1][0]


async def test_a_replay_reads_what_its_windows_need_and_not_much_more(day: MemoryBroker) -> None:
    """From as much before as an event may be ahead until the last window is final."""
    day.read.clear()
    watch = Watch()
    report = await replayed(day, TEN, watch=watch)
    ahead = app.tasks.conf.max_ahead
    for each in report.histories:
        records = day.log(each.tp).records
        before = [r.offset for r in records if r.timestamp < TEN.begin - ahead]
        assert each.begin == (before[-1] + 1 if before else 0)
        if records:
            assert day.read[each.tp] == each.begin
            assert each.records == each.position - each.begin
    # Its own topics: only what is not older than the broker's clocks may be apart.
    since = TEN.begin - ahead - SKEW
    for tp, offset in day.read.items():
        if tp.topic != TICKS.name:
            records = day.log(tp).records
            assert offset == next(r.offset for r in records if r.timestamp >= since)
    # All that is shown as to be compared.
    assert watch.comparisons[-1] == (to_compare(day),) * 2
    read = {tp.topic for tp in day.read}
    assert {CANDLES.name, SURGES.name, TOP_GAINERS.name, TICKS_LATE.name} <= read


async def test_rankings_of_a_whole_day_are_made_anew_and_compared(day: MemoryBroker) -> None:
    """Of what the first stage of the replay makes, not of what live has made."""
    report = await replayed(day, WHOLE_DAY)
    assert report.differences == []
    found = compared(report)
    assert inside(day, WHOLE_DAY).items() <= found.items()
    assert found["daily-gains"] == len(SYMBOLS)
    assert found["top-gainers"] == found["top-losers"] == found["most-active"] == 1
    assert found["dead-letters"] == 3


async def test_the_first_day_of_each_symbol_is_left_out_where_gains_are_from_the_previous_close(
    day: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TICKSTREAM_GAIN_BASE=previous-close: what closed before the first day is not replayed."""
    monkeypatch.setattr(days, "looks_back", True)
    two_days = Interval(WHOLE_DAY.begin - DAY, WHOLE_DAY.end)
    report = await replayed(day, two_days, TOP_GAINERS.name)
    assert report.differences == []
    for topic, each_day in (DAILY_GAINS, len(SYMBOLS)), (TOP_GAINERS, 1):
        assert left_out(report, topic)[coverage.LOOKS_BACK] == each_day
        assert compared(report)[topic.name] == each_day


async def test_a_replay_may_begin_with_the_epoch(day: MemoryBroker) -> None:
    """With `--from 0` all that there is is replayed."""
    report = await replayed(day, Interval(0, TEN.end), CANDLES.name)
    assert report.differences == []
    assert [each.begin for each in report.histories] == [0] * len(report.histories)
    assert compared(report)[CANDLES.name] == inside(day, report.interval)[CANDLES.name]


async def test_only_what_is_asked_for_is_replayed(day: MemoryBroker) -> None:
    """And what it is made of."""
    report = await replayed(day, TEN, SURGES.name)
    assert set(report.topics) == {SURGES.name, DEAD_LETTERS.name}
    assert compared(report)[SURGES.name] == inside(day, TEN)[SURGES.name]
    assert report.differences == []


def changed(broker: MemoryBroker, topic: Any, change: Callable[[dict[str, Any]], Any]) -> int:
    """Change the records of a topic, or delete those of which None is made; count them."""
    number = 0
    for n in range(broker.counts[topic.name]):
        log = broker.log(TopicPartition(topic.name, n))
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
    """Return whether a window of the interval is a symbol's, and so long (ms)."""
    mine = fields["symbol"] == symbol and fields["end"] - fields["start"] == length
    return mine and TEN.holds(fields["start"], fields["end"])


async def test_what_live_says_otherwise_is_a_difference(broker: MemoryBroker) -> None:
    """A candle with another high, one that live lacks, one that nobody makes."""
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
    report = await replayed(broker, TEN, CANDLES.name)
    by_symbol = {(each.key, each.what) for each in report.differences}
    assert by_symbol == {("A", "changed"), ("B", "added"), ("C", "added"), ("C", "removed")}
    assert all(each.fields == ["high"] for each in report.differences if each.key == "A")
    assert report.remarks == []


async def test_what_is_not_final_in_live_is_left_out(broker: MemoryBroker) -> None:
    """Live has the window, and has not published it as final: that is not for a replay to add."""
    whole = compared(await replayed(broker, TEN, CANDLES.name))[CANDLES.name]

    def change(fields: dict[str, Any]) -> dict[str, Any] | None:
        if (
            fields["symbol"] == "A"
            and fields["final"]
            and TEN.meets(fields["start"], fields["end"])
        ):
            return fields | {"final": False}
        if of("B", MINUTE, fields):
            return None
        return fields

    changed(broker, CANDLES, change)
    report = await replayed(broker, TEN, CANDLES.name)
    missing = report.differences
    assert {(each.key, each.what) for each in missing} == {("B", "added")}
    opened = left_out(report, CANDLES)[coverage.LIVE_OPEN]
    assert opened > 0
    assert report.topics[CANDLES.name].compared == whole - opened


async def test_records_that_are_deleted_leave_their_windows_out(broker: MemoryBroker) -> None:
    """Those of the other partitions are compared, and so are windows that begin late enough."""
    whole = compared(await replayed(broker, TEN, CANDLES.name))[CANDLES.name]
    tp = next(tp for tp in broker.kafka.committed if broker.log(tp).records)
    kept = next(r for r in broker.log(tp).records if r.timestamp >= TEN.begin + 10 * MINUTE)
    broker.delete(tp, kept.offset)
    report = await replayed(broker, TEN, CANDLES.name)
    assert report.differences == []
    deleted = left_out(report, CANDLES)[coverage.DELETED]
    assert 0 < deleted < whole
    assert report.topics[CANDLES.name].compared == whole - deleted
    (history,) = (each for each in report.histories if each.tp == tp)
    assert history.known_from == kept.timestamp + app.tasks.conf.max_ahead


async def test_results_that_live_has_deleted_are_no_additions(broker: MemoryBroker) -> None:
    """Their absence means nothing; what live still has is compared."""
    for n in range(broker.counts[CANDLES.name]):
        tp = TopicPartition(CANDLES.name, n)
        records = broker.log(tp).records
        if records:
            broker.delete(tp, records[len(records) // 2].offset)
            for record in broker.log(tp).records:
                # As if they had been written when the hour was over.
                record.timestamp = TEN.begin + 30 * MINUTE
    watch = Watch()
    broker.read.clear()
    report = await replayed(broker, TEN, CANDLES.name, watch=watch)
    assert left_out(report, CANDLES)[coverage.FORGOTTEN] > 0
    assert (to_compare(broker),) * 2 in watch.comparisons
    added = [each for each in report.differences if each.what == "added"]
    assert all((each.replayed or {})["end"] >= TEN.begin + 30 * MINUTE for each in added)


@pytest.mark.parametrize("deleted", [0, 1, 2])
async def test_what_is_kept_of_a_topic_counts_from_its_first_deletion(
    broker: MemoryBroker, deleted: int
) -> None:
    """One record that is gone may be the one that is missed; where all are there, none is."""
    tp = next(tp for n in range(8) if broker.log(tp := TopicPartition(CANDLES.name, n)).records)
    broker.delete(tp, deleted)
    broker.log(tp).records[0].timestamp = TEN.begin
    found = covered()
    with broker.reached():
        async with running(new_consumer(app.tasks.conf)) as consumer:
            asked = {"conf": app.tasks.conf, "coverage": found, "progress": lambda *_: None}
            read = [each async for each in written(consumer, [CANDLES.name], 0, **asked)]
    assert sum(len(records) for _, _, records in read) == len(broker.records(CANDLES.name))
    assert found.kept_from == ({CANDLES.name: TEN.begin} if deleted else {})


@pytest.mark.parametrize("behind", [0, 1])
async def test_what_live_has_not_folded_yet_is_left_out(broker: MemoryBroker, behind: int) -> None:
    """As far as its committed offsets."""
    whole = await replayed(broker, TEN, CANDLES.name)
    positions = {each.tp: each.position for each in whole.histories}
    for tp, committed in broker.kafka.committed.items():
        if tp.topic == TICKS.name:
            offset = max(0, positions[tp] - behind)
            broker.kafka.committed[tp] = committed._replace(offset=offset)
    report = await replayed(broker, TEN, CANDLES.name)
    expected = 0 if behind else compared(whole)[CANDLES.name]
    assert compared(report)[CANDLES.name] == expected
    assert (coverage.AHEAD in left_out(report, CANDLES)) is bool(behind)


async def test_live_may_never_have_run(broker: MemoryBroker) -> None:
    """Then all that is found is new, and the report says why."""
    for tp in [tp for tp in broker.kafka.committed if tp.topic == TICKS.name]:
        del broker.kafka.committed[tp]
    for n in range(broker.counts[CANDLES.name]):
        broker.log(TopicPartition(CANDLES.name, n)).records.clear()
    report = await replayed(broker, TEN, CANDLES.name)
    assert {each.what for each in report.differences} == {"added"}
    assert len(report.differences) == compared(report)[CANDLES.name] > 0
    (remark,) = report.remarks
    assert remark.startswith(f"{app.tasks.conf.app_id} has never committed an offset of ticks")


async def test_a_topic_that_is_not_there_has_no_history(broker: MemoryBroker) -> None:
    """Nor has one with other partitions than it is to have."""
    count = broker.counts.pop(TICKS.name)
    with pytest.raises(ReplayError, match="there is no topic ticks"):
        await replayed(broker, TEN)
    broker.counts[TICKS.name] = count + 1
    with pytest.raises(ReplayError, match=f"set TOPIC_PARTITIONS={count + 1}"):
        await replayed(broker, TEN)


async def test_an_output_that_is_not_there_has_nothing_to_compare(broker: MemoryBroker) -> None:
    """All of it is new, and the others are compared."""
    expected = inside(broker, TEN)
    del broker.counts[SURGES.name]
    report = await replayed(broker, TEN, SURGES.name, CANDLES.name)
    assert {(each.topic, each.what) for each in report.differences} == {(SURGES.name, "added")}
    assert expected.items() <= compared(report).items()


async def test_a_warm_up_reads_so_much_more(day: MemoryBroker) -> None:
    """Before the interval, beside what windows need."""
    report = await replayed(day, TEN, CANDLES.name, warm_up=30 * MINUTE)
    since = TEN.begin - app.tasks.conf.max_ahead - 30 * MINUTE
    for each in report.histories:
        records = day.log(each.tp).records
        assert each.begin == sum(r.timestamp < since for r in records)


async def test_the_tables_are_what_they_were_before(day: MemoryBroker) -> None:
    """A worker's, with their publications, whatever came of the replay."""
    tasks = app.tasks
    before = {table.name: list(table.publications) for table in tasks.tables}
    await replayed(day, TEN)
    assert app.tasks is tasks
    assert {table.name: list(table.publications) for table in tasks.tables} == before
