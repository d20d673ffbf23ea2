"""A replay of records of stateless operators and keyed tables, and of agents that fail."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from pathlib import Path

import memory_broker
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka import TopicPartition
from games_application import (
    BEGIN,
    GAMES,
    HOUR,
    INTERVAL,
    TEAMS,
    Game,
    Games,
    NoProgress,
    Streak,
    declare,
    fold_all,
    play_games,
    run_replay,
)
from memory_broker import MemoryBroker

from eventfold.engine.batch import Batch
from eventfold.engine.stateless import StatelessOperator
from eventfold.formats.form import AvroForm
from eventfold.replay import ReplayError, coverage
from eventfold.replay.history import History
from eventfold.security.urls import SecretUrl
from eventfold.topics import Timestamp


@pytest.fixture
def games(tmp_path: Path) -> Games:
    """Return an application whose agents work."""
    return declare(tmp_path, fold_all)


@pytest.fixture
def broker(games: Games) -> MemoryBroker:
    """Return the broker that it has run on."""
    return play_games(games)


@pytest.mark.parametrize("rederive", [False, True])
async def test_intermediate_topics_are_read_or_rederived(
    games: Games, broker: MemoryBroker, rederive: bool
) -> None:
    """Either way the results are complete and equal to those of live."""
    report = await run_replay(games, broker, "streaks", rederive=rederive, warm_up=HOUR)
    assert report.differences == []
    assert report.remarks == []
    # Half of the games are of the hour; the last one only ends it.
    assert report.topics["by-team"].compared == GAMES // 2
    sent = [each for each in broker.records("streaks") if each.value]
    assert 0 < report.topics["streaks"].compared <= len(sent)
    read = {each.tp.topic for each in report.histories}
    assert read == ({"games"} if rederive else {"games", "by-team"})


async def fold_slowly(batches: AsyncIterable[Batch], teams: StatelessOperator) -> None:
    """Fold every batch, each after more than a checkpoint interval."""
    async for batch in batches:
        await asyncio.sleep(0.03)
        await teams.fold(batch)


async def test_order_of_a_rederived_topic_does_not_depend_on_how_long_anything_takes(
    tmp_path: Path, broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor on how the broker divides the records among its answers."""
    monkeypatch.setattr(memory_broker, "FETCH", 7)
    other = declare(tmp_path / "other", fold_slowly)
    report = await run_replay(other, broker, "streaks", rederive=True, warm_up=HOUR)
    assert report.differences == []
    assert report.topics["streaks"].compared > 0


async def test_results_of_older_state_are_left_out_without_a_warm_up(
    games: Games, broker: MemoryBroker
) -> None:
    """A streak may have begun before what is replayed; most games themselves are compared."""
    report = await run_replay(games, broker, "streaks", warm_up=None)
    # The replay begins with the very first game: nothing is older.
    assert report.topics["streaks"].compared > 0
    for n in range(2):
        tp = TopicPartition("games", n)
        broker.delete(tp, broker.log(tp).records[1].offset)
        tp = TopicPartition("by-team", n)
        if broker.log(tp).records:
            broker.delete(tp, broker.log(tp).records[1].offset)
    report = await run_replay(games, broker, "streaks", warm_up=None)
    assert report.topics["streaks"].compared == 0
    assert report.topics["streaks"].left_out[coverage.OLDER_STATE] > 0
    assert 0 < report.topics["by-team"].compared < GAMES // 2


async def test_results_of_a_differing_intermediate_topic_are_remarked(
    tmp_path: Path, games: Games, broker: MemoryBroker
) -> None:
    """They were made of the live topic; rederived, there is no such remark."""
    other = declare(tmp_path / "other", fold_all)
    other.process.least = 3
    for rederive in False, True:
        report = await run_replay(other, broker, "streaks", rederive=rederive, warm_up=HOUR)
        assert {(each.topic, each.what) for each in report.differences} == {("streaks", "removed")}
        assert report.remarks == []
    tp = next(TopicPartition("by-team", n) for n in (0, 1) if broker.log(_at("by-team", n)).records)
    broker.log(tp).records.pop(len(broker.log(tp).records) // 4 * 3)
    report = await run_replay(games, broker, "streaks", warm_up=HOUR)
    assert {each.topic for each in report.differences} >= {"by-team"}
    (remark,) = report.remarks
    assert remark.startswith("by-team differs")


def _at(topic: str, number: int) -> TopicPartition:
    return TopicPartition(topic, number)


async def end_at_once(batches: AsyncIterable[Batch], teams: StatelessOperator) -> None:
    """Fold one batch, and take no more."""
    async for batch in batches:
        await teams.fold(batch)
        return


async def fail(batches: AsyncIterable[Batch], teams: StatelessOperator) -> None:
    """Fail with the first batch."""
    async for _ in batches:
        raise RuntimeError(f"no {teams.name}")


@pytest.mark.parametrize(
    ("agent", "reason"),
    [(end_at_once, "has ended: it takes no more batches"), (fail, "raised RuntimeError: no teams")],
)
async def test_an_agent_that_fails_ends_the_replay(
    tmp_path: Path, broker: MemoryBroker, agent: object, reason: str
) -> None:
    """The error has its name and what it raised; the worker has its tables again."""
    other = declare(tmp_path / "other", agent)  # type: ignore[arg-type]
    tasks = other.app.tasks
    with pytest.raises(ReplayError, match=rf"agent \S*send_games_on {reason}"):
        await run_replay(other, broker, "by-team", warm_up=None)
    assert other.app.tasks is tasks


async def test_unwritable_row_ends_the_replay(tmp_path: Path, broker: MemoryBroker) -> None:
    """A worker skips the record that caused it; which one live has skipped is not known."""
    other = declare(tmp_path / "other", fold_all)
    other.process.on_record = lambda *_: 2**64  # type: ignore[method-assign]
    with pytest.raises(ReplayError, match=r"^by-team-[01]: .*OverflowError.* a replay can't$"):
        await run_replay(other, broker, "streaks", warm_up=HOUR)


async def test_a_schema_that_no_worker_has_registered_ends_the_replay(
    tmp_path: Path, broker: MemoryBroker
) -> None:
    """Without its id the values of live cannot be read."""

    async def find(_: web.Request) -> web.Response:
        return web.json_response({"error_code": 40403, "message": "no such schema"}, status=404)

    fields = [{"name": name, "type": "string"} for name in ("team", "games", "time")]
    schema = {"type": "record", "name": "Streak", "fields": fields}
    other = declare(tmp_path / "other", fold_all, write=AvroForm("streaks-value", Streak, schema))
    registry = web.Application()
    registry.router.add_post("/subjects/streaks-value", find)
    async with TestServer(registry) as server:
        conf = other.app.tasks.conf
        other.app.tasks.conf = conf.model_copy(
            update={"schema_registry": SecretUrl(str(server.make_url("")))}
        )
        with pytest.raises(ReplayError, match=r"streaks-value can't be found: .*no such schema"):
            await run_replay(other, broker, "streaks", warm_up=HOUR)


async def test_topic_that_no_agent_folds_cannot_be_replayed(
    games: Games, broker: MemoryBroker
) -> None:
    """Its agent's module was not imported."""
    del games.app.agents[next(name for name in games.app.agents if "find_streaks" in name)]
    with pytest.raises(ReplayError, match="no agent folds by-team"):
        await run_replay(games, broker, "streaks", warm_up=None)


async def test_unknown_topic_is_rejected_with_the_known_ones(
    games: Games, broker: MemoryBroker
) -> None:
    """The message names the topics that there are."""
    with pytest.raises(ReplayError, match="'nope' here; there are by-team, games, streaks"):
        await run_replay(games, broker, "nope", warm_up=None)


async def test_interval_includes_its_begin_and_excludes_its_end(
    games: Games, broker: MemoryBroker
) -> None:
    """Its first record is the first at its begin; a record at its end is not in it."""
    report = await run_replay(games, broker, "by-team", warm_up=None)
    for each in report.histories:
        times = {r.offset: r.timestamp for r in broker.log(each.tp).records}
        inside = [offset for offset in times if each.within(offset)]
        assert inside == [o for o, time in times.items() if BEGIN <= time < INTERVAL.end]


async def test_nothing_older_is_read_if_kafka_timestamps_are_event_time(
    tmp_path: Path, broker: MemoryBroker
) -> None:
    """No game is ahead of its record: the one at the begin of the interval is the first read."""
    other = declare(tmp_path / "other", fold_all, time=Timestamp.CREATE)
    report = await run_replay(other, broker, "by-team", warm_up=None)
    assert (report.topics["by-team"].compared, report.differences) == (GAMES // 2, [])
    for each in report.histories:
        assert each.begin == sum(r.timestamp < BEGIN for r in broker.log(each.tp).records)


async def test_value_overwritten_after_the_interval_is_no_difference(
    tmp_path: Path, broker: MemoryBroker
) -> None:
    """A compacted topic no longer has the value that the replay finds within the interval."""
    same = declare(tmp_path / "same", fold_all, compacted=True)
    report = await run_replay(same, broker, "streaks", warm_up=HOUR)
    assert report.differences == []
    found = report.topics["streaks"]
    assert found.left_out.keys() == {coverage.OVERWRITTEN}
    assert found.compared + found.left_out[coverage.OVERWRITTEN] == len(TEAMS)


@pytest.fixture
def in_order(games: Games) -> MemoryBroker:
    """Return a broker where all games were folded in the order in which they were played."""
    return play_games(games, players=1)


async def test_last_value_of_a_compacted_topic_in_the_interval_is_compared(
    tmp_path: Path, in_order: MemoryBroker
) -> None:
    """The batch with the end of the interval has a game after it, whose results are ignored."""
    other = declare(tmp_path / "other", fold_all, compacted=True)
    # It sends something of every game. Live sends nothing of the last one, which R loses.
    other.process.least = 0
    report = await run_replay(other, in_order, "streaks", warm_up=HOUR)
    found = report.topics["streaks"]
    assert (found.compared, found.left_out.total()) == (len(TEAMS), 0)
    # G has lost its last long streak within the hour, and has won once since.
    assert [(each.key, each.what) for each in found.differences] == [("G", "changed")]


async def test_an_agent_may_yield(games: Games, broker: MemoryBroker) -> None:
    """Its yielded values go to sinks, which are not replayed."""
    (agent,) = (each for name, each in games.app.agents.items() if "send_games_on" in name)
    fold = agent.fun

    async def yielding(batches: AsyncIterable[Batch]) -> AsyncIterator[str]:
        yield "begun"
        await fold(batches)
        yield "ended"

    agent.fun = yielding
    report = await run_replay(games, broker, "by-team", warm_up=None)
    assert (report.topics["by-team"].compared, report.differences) == (GAMES // 2, [])


class WriteAfterPlan(NoProgress):
    """Write another game to each partition once the replay is planned."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.ends: dict[TopicPartition, int] = {}

    def planned(self, histories: Sequence[History]) -> None:
        """Write a game of the interval to each partition."""
        value = msgspec.json.encode(Game("p0", "R", won=True, time=INTERVAL.end - 1))
        for each in histories:
            self.ends[each.tp] = self.broker.log(each.tp).end
            self.broker.kafka.append(each.tp, b"p0", value, timestamp=INTERVAL.end - 1)


async def test_records_written_during_the_replay_are_not_read(
    games: Games, broker: MemoryBroker
) -> None:
    """Live continues meanwhile: only results that were there at the start are compared."""
    for n in range(2):
        # The game that ended the hour has not been played yet.
        log = broker.log(TopicPartition("games", n))
        log.records = [each for each in log.records if each.timestamp < INTERVAL.end]
        log.end = log.records[-1].offset + 1
    watch = WriteAfterPlan(broker)
    report = await run_replay(games, broker, "by-team", warm_up=None, watch=watch)
    assert {each.tp: each.position for each in report.histories} == watch.ends
    assert report.topics["by-team"].compared == GAMES // 2
