"""`faust -A app sink` on a real broker: killed in the middle, the target equals the topic.

SINK_RECORDS is the number of records (20,000); 200,000 take some minutes.
"""

import asyncio
import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from confluent_kafka.admin import AdminClient
from new_topics import create, fill
from postgres_server import postgres
from sink_targets import Csv, Found, Parquet, Postgres, Sqlite, webhook
from truth import read
from waiting import until

from app.market.walks import CLEAN, Market
from eventfold.connectors.sink import Batch, Reject, Sink
from eventfold.connectors.sink_loop import SinkLoop
from eventfold.settings import Settings

Start = Callable[..., subprocess.Popen[str]]

NUMBER = int(os.environ.get("SINK_RECORDS", "20000"))
START = 1_769_860_800_000
#: Records that are no ticks, among the others.
BROKEN = [b"{", b'{"symbol": "A"}']


@pytest.fixture(scope="module")
def topics(bootstrap: str) -> str:
    """Fill `ticks` with records of a day and some that are no ticks; create what else is used."""
    for name, partitions in (("ticks", 3), ("candles", 3), ("dead-letters", 1)):
        create(bootstrap, name, partitions)
    market = Market(step=86_400_000 / NUMBER, flaws=CLEAN)
    fill(bootstrap, "ticks", market.take(NUMBER // 2, START))
    fill(bootstrap, "ticks", [(b"A", value, START) for value in BROKEN])
    fill(bootstrap, "ticks", market.take(NUMBER - NUMBER // 2, START + 43_200_000))
    return bootstrap


@pytest.fixture(scope="module")
def expected(topics: str) -> Found:
    """Return the ticks of the topic."""
    found: Found = {}
    for message in read(topics, "ticks"):
        if message.value() not in BROKEN:
            tick = json.loads(message.value())
            place = (message.partition(), message.offset())
            found[place] = (tick["symbol"], tick["price"], tick["size"], tick["time"])
    assert len(found) == NUMBER
    return found


@pytest.fixture
def sink(faust: Start, topics: str) -> Start:
    """Start `faust -A app sink` as a static member, which needs not wait for a dead one."""

    def start(*arguments: str, member: str = "sink") -> subprocess.Popen[str]:
        return faust(
            "sink",
            *arguments,
            BROKER_URL=topics,
            TICKSTREAM_PIPELINES="candles",
            CONSUMER_GROUP_INSTANCE_ID=member,
        )

    return start


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """Run PostgreSQL."""
    with postgres() as url:
        yield Postgres(url)


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for a command to end with exit code 0; return all its output."""
    out, err = process.communicate(timeout=170)
    assert process.returncode == 0, out + err
    return out + err


def kill_twice(start: Callable[[], subprocess.Popen[str]], count: Callable[[], int]) -> None:
    """Kill the sink when a third of the records is in the target, and again at two thirds."""
    for part in (1, 2):
        process = start()
        until(lambda: count() >= part * NUMBER // 3, 170)  # noqa: B023 - called in this turn
        process.send_signal(signal.SIGKILL)
        process.wait()
        at = count()
        print(f"killed with {at:,} of {NUMBER:,} records in the target")  # noqa: T201
        assert at < NUMBER, "the kill came after the end"


def dead(bootstrap: str, stage: str) -> set[bytes]:
    """Return the values that are dead letters of a sink."""
    letters = [json.loads(message.value()) for message in read(bootstrap, "dead-letters")]
    return {base64.b64decode(each["value"]) for each in letters if each["stage"] == stage}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", [Sqlite, Parquet, Csv])
def test_killed_sink_into_files_resumes_without_loss_or_duplicates(
    sink: Start, topics: str, expected: Found, tmp_path: Path, kind: type[Any]
) -> None:
    """Two kills; what is no tick is a dead letter."""
    target, begun = kind(tmp_path), time.monotonic()
    arguments = ("ticks", "--to", target.target, "--batch", str(NUMBER // 20))
    kill_twice(lambda: sink(*arguments), target.count)
    ended(sink(*arguments, "--until-end"))
    print(f"{target.target}: {NUMBER:,} in {time.monotonic() - begun:.0f} s")  # noqa: T201
    assert target.found() == expected
    assert dead(topics, f"sink {target.target.partition(':')[0]}") == set(BROKEN)
    # All is written: another run writes nothing.
    result = json.loads(ended(sink(*arguments, "--until-end", "--json")).splitlines()[0])
    assert result["records"] == 0


@pytest.mark.timeout(900)
def test_killed_sink_into_postgresql_resumes_without_loss_or_duplicates(
    sink: Start, expected: Found, database: Postgres
) -> None:
    """Two kills in the middle of transactions."""
    arguments = ("ticks", "--to", database.target, "--batch", str(NUMBER // 20))

    def query(text: str) -> list[Any]:
        return asyncio.run(database.query(text))

    def count() -> int:
        if query("SELECT to_regclass('ticks')") == [(None,)]:
            return 0
        return int(query("SELECT count(*) FROM ticks")[0][0])

    begun = time.monotonic()
    kill_twice(lambda: sink(*arguments), count)
    ended(sink(*arguments, "--until-end"))
    print(f"PostgreSQL: {NUMBER:,} in {time.monotonic() - begun:.0f} s")  # noqa: T201
    rows = query("SELECT kafka_partition, kafka_offset, symbol, price, size, time FROM ticks")
    assert {row[:2]: row[2:] for row in rows} == expected
    assert len(rows) == NUMBER


@pytest.mark.timeout(900)
def test_two_sinks_of_one_table_store_each_record_once_while_partitions_move(
    sink: Start, expected: Found, database: Postgres
) -> None:
    """The second joins in the middle, the first is stopped; neither ends with an error."""
    arguments = ("ticks", "--to", database.target, "--table", "shared", "--batch", "200")

    def query(text: str) -> list[Any]:
        return asyncio.run(database.query(text))

    def count() -> int:
        if query("SELECT to_regclass('shared')") == [(None,)]:
            return 0
        return int(query("SELECT count(*) FROM shared")[0][0])

    first = sink(*arguments, member="first")
    until(lambda: count() >= NUMBER // 10, 170)
    second = sink(*arguments, member="second")
    until(lambda: count() >= NUMBER // 2, 170)
    first.terminate()
    ended(first)
    until(lambda: count() == NUMBER, 170)
    second.terminate()
    ended(second)
    rows = query("SELECT kafka_partition, kafka_offset, symbol, price, size, time FROM shared")
    assert {row[:2]: row[2:] for row in rows} == expected


@pytest.mark.timeout(900)
def test_killed_sink_into_a_webhook_repeats_only_what_has_its_idempotency_key(
    sink: Start, topics: str, expected: Found
) -> None:
    """Two kills; what the endpoint rejects is a dead letter."""
    with webhook() as target:
        arguments, begun = ("ticks", "--to", target.target), time.monotonic()
        kill_twice(lambda: sink(*arguments), target.count)
        ended(sink(*arguments, "--until-end"))
        print(f"webhook: {NUMBER:,} in {time.monotonic() - begun:.0f} s")  # noqa: T201
    assert target.found() == expected
    assert dead(topics, "sink http") == set(BROKEN)


@pytest.mark.timeout(900)
def test_table_of_candles_has_the_highest_revision_of_each_window_after_two_kills(
    sink: Start, topics: str, database: Postgres
) -> None:
    """Whatever the order in which revisions were published."""
    chance, values = Random(5), []
    for n in range(NUMBER):
        symbol, start = f"S{chance.randrange(200)}", START + 60_000 * chance.randrange(20)
        prices = dict.fromkeys(("open", "high", "low", "close", "vwap", "mean"), n / 8)
        window = {"size": 60_000, "advance": 60_000, "start": start, "end": start + 60_000}
        state = {"volume": n, "count": 1, "final": False, "late": 0, "partition": 0}
        revision = chance.randrange(10 * NUMBER)
        offsets = {"revision": revision, "first_offset": 0, "last_offset": revision // 2}
        values.append({"symbol": symbol, **window, **prices, **state, **offsets})
    fill(
        topics,
        "candles",
        [(each["symbol"].encode(), json.dumps(each).encode(), START) for each in values],
    )
    latest: dict[tuple[str, int], dict[str, Any]] = {}
    for each in values:
        window = (each["symbol"], each["start"])
        latest[window] = max(each, latest.get(window, each), key=lambda row: row["revision"])
    arguments = ("candles", "--to", database.target, "--batch", str(NUMBER // 20))

    def query(text: str) -> list[Any]:
        return asyncio.run(database.query(text))

    def stored() -> int:
        if query("SELECT to_regclass('eventfold_offsets')") == [(None,)]:
            return 0
        (found,) = query(
            "SELECT coalesce(sum(next_offset), 0) FROM eventfold_offsets WHERE target = 'candles'"
        )
        return int(found[0])

    kill_twice(lambda: sink(*arguments), stored)
    ended(sink(*arguments, "--until-end"))
    rows = query("SELECT symbol, start, revision, volume FROM candles")
    assert {row[:2]: row[2:] for row in rows} == {
        window: (each["revision"], each["volume"]) for window, each in latest.items()
    }
    assert len(rows) == len(latest)


class Blocked(Sink):
    """A sink whose target is away until a test lets it come back."""

    def __init__(self) -> None:
        self.waits, self.back = asyncio.Event(), asyncio.Event()

    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Wait for the target."""
        del batches, reject
        self.waits.set()
        await self.back.wait()


async def test_sink_whose_target_is_away_for_a_day_stays_in_its_group(
    topics: str, expected: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would write its records again, after another member has: only heartbeats count."""
    assert expected
    heartbeats, beat = asyncio.Semaphore(0), GroupCoordinator._do_heartbeat

    async def counted(coordinator: GroupCoordinator) -> bool:
        heartbeats.release()
        return bool(await beat(coordinator))

    conf, sink = Settings(BROKER_URL=topics, BROKER_HEARTBEAT_INTERVAL=0.2), Blocked()
    writing = asyncio.create_task(SinkLoop(conf, "ticks", sink, "away").run())
    await asyncio.wait_for(sink.waits.wait(), 60)
    monkeypatch.setattr(SubscriptionState, "fetcher_idle_time", 86_400.0)
    monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", counted)
    async with asyncio.timeout(60):
        for _ in range(3):  # the second comes after the client has judged the first
            await heartbeats.acquire()
    admin = AdminClient({"bootstrap.servers": topics})
    group = await asyncio.to_thread(admin.describe_consumer_groups(["away"])["away"].result, 30)
    assert len(group.members) == 1
    sink.back.set()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


class Swallowing(Sink):
    """A target whose driver swallows the cancellation of a write, as it rolls back."""

    def __init__(self) -> None:
        self.waits, self.writes = asyncio.Event(), 0

    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Wait to be cancelled, and seem to have stored the records."""
        del batches, reject
        self.writes += 1
        self.waits.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def test_sink_ends_though_its_driver_swallows_the_cancellation(
    topics: str, expected: Found
) -> None:
    """It is stopped once, and there may be records for ever: it reads no more of them."""
    assert expected
    sink = Swallowing()
    writing = asyncio.create_task(SinkLoop(Settings(BROKER_URL=topics), "ticks", sink, "s").run())
    async with asyncio.timeout(60):
        await sink.waits.wait()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    assert writing.cancelled()
    assert sink.writes == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ticks", "--to", "mysql://host/db"], "'mysql' is no target; there are postgresql://"),
        (["tics", "--to", "csv:x"], "'tics' is no topic of what this application runs"),
        (["ticks", "--to", "csv:x", "--table", "t"], "--table: csv has no tables"),
        (["ticks", "--to", "csv:missing/x.csv"], "csv:missing/x.csv: No such file or directory"),
        (["ticks", "--to", "python:nowhere.Sink"], "nowhere.Sink can't be imported"),
        (["ticks", "--to", "postgresql://127.0.0.1:1/db"], "postgresql+asyncpg://127.0.0.1:1/db: "),
    ],
)
def test_sink_error_is_printed_in_one_line(sink: Start, arguments: list[str], message: str) -> None:
    """It names the option or the target."""
    process = sink(*arguments)
    _, err = process.communicate(timeout=120)
    assert process.returncode in (1, 2)
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
