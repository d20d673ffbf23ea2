"""`faust -A app replay`: an hour of live data again, unchanged and with other thresholds."""

import json
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import market_hour
import polars as pl
import pytest
import truth
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from progress import lag
from workers import DAY, MINUTE, Market, until

#: Yesterday at ten: the hour, the ticks around it and its day are over.
BEGIN = int(time.time() * 1000) // DAY * DAY - DAY + 10 * market_hour.HOUR
END = BEGIN + market_hour.HOUR

#: A stream of games runs beside the market: tests/own/streaks.py.
OWN = {
    "TICKSTREAM_MODULES": "streaks",
    "TICKSTREAM_PIPELINES": "candles,gainers,surges,trends",
    "PYTHONPATH": str(Path(__file__).parents[1] / "own"),
}
#: So that a replay reads the games from their first one on, an hour before: streaks need it.
OWN["TICKSTREAM_MAX_AHEAD"] = "1h"

#: Thresholds of the live worker and of the replay: fewer surges, more streaks.
SURGE, STREAK = (0.004, 0.01), (5, 4)


@pytest.fixture(scope="module")
def live(market: Market):
    """Yield a worker that has folded the hour and published it."""
    with market.worker(**OWN) as worker:
        market.send(market_hour.games(BEGIN), "games")
        market.send(market_hour.day_before(BEGIN))
        market.send(market_hour.ticks(BEGIN))
        until(lambda: lag(market.bootstrap, market.application, "ticks") == 0)
        until(lambda: published(market) == expected(market))
        until(_AtRest(market))
        yield worker


class _AtRest:
    """Whether nothing has been written or committed for three publish intervals (1 s each)."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._offsets: dict[tuple[str, int], tuple[int, int]] = {}
        self._since = 0.0

    def __call__(self) -> bool:
        """Look once more."""
        offsets = end_and_committed_offsets(self._market)
        if offsets != self._offsets:
            self._offsets, self._since = offsets, time.monotonic()
        return time.monotonic() - self._since > 3


def published(market: Market) -> int:
    """Count the windows of the hour that are published as final."""
    found = (json.loads(each.value()) for each in truth.read(market.bootstrap, "candles"))
    return sum(each["final"] and each["start"] >= BEGIN and each["end"] <= END for each in found)


def games(market: Market) -> list[Message]:
    """Return the games by team, in the order of their topic."""
    return list(truth.read(market.bootstrap, "by-team"))


def expected(market: Market) -> int:
    """Compute how many windows the hour has."""
    judged, inside = (
        truth.ticks(market.bootstrap),
        (pl.col("start") >= BEGIN) & (pl.col("end") <= END),
    )
    windows = (
        truth.candles(judged, size * MINUTE, advance * MINUTE, 5 * MINUTE)
        for size, advance in ((1, 1), (5, 5), (15, 15), (5, 1), (15, 1))
    )
    return sum(each.filter(inside).height for each in windows)


def replay(
    faust, market: Market, *arguments: str, **environment: str
) -> tuple[int, dict[str, Any], str]:
    """Run the command over the hour; return its exit code, its findings and its errors."""
    command = faust(
        "--json",
        "replay",
        # The last value of an option counts.
        f"--from={BEGIN}",
        f"--to={END}",
        *arguments,
        BROKER_URL=market.bootstrap,
        TICKSTREAM_APP_ID=market.application,
        **OWN,
        **environment,
    )
    out, err = command.communicate(timeout=120)
    return command.returncode, json.loads(out) if out else {}, err


def end_and_committed_offsets(market: Market) -> dict[tuple[str, int], tuple[int, int]]:
    """Return the end of each partition in the cluster, and the application's committed offset."""
    consumer = Consumer({"bootstrap.servers": market.bootstrap, "group.id": market.application})
    try:
        topics = consumer.list_topics(timeout=10).topics
        tps = [TopicPartition(name, n) for name in topics for n in topics[name].partitions]
        ends = truth.ends
        return {
            (tp.topic, tp.partition): (ends(consumer, [tp])[tp.partition], tp.offset)
            for tp in consumer.committed(tps, timeout=10)
        }
    finally:
        consumer.close()


def test_replay_of_an_hour_finds_no_difference_and_changes_nothing(faust, market, live) -> None:
    """Every window of the hour is compared; no topic and no committed offset changes."""
    before = end_and_committed_offsets(market)
    code, found, err = replay(faust, market)
    assert (code, err) == (0, "")
    assert end_and_committed_offsets(market) == before
    assert live.running
    assert found["differences"] == []
    # The hour and the one before: an event may be that far ahead of its record.
    assert all(each["from_offset"] > 0 for each in found["read"] if each["topic"] == "ticks")
    compared = {topic: each["compared"] for topic, each in found["topics"].items()}
    assert compared["candles"] == expected(market)
    judged = truth.ticks(market.bootstrap)
    assert compared["surges"] == len(market_hour.surges(judged, BEGIN, END, 0.004)) > 0
    assert compared["streaks"] == len(market_hour.streaks(games(market), BEGIN, END, STREAK[0])) > 0
    assert compared["by-team"] == market_hour.HOUR // (5 * market_hour.SECOND)
    assert compared["ticks-late"] > 0
    assert compared["dead-letters"] > 0
    left_out = {topic: set(each["left_out"]) for topic, each in found["topics"].items()}
    assert left_out["candles"] == left_out["top-gainers"] == {"reach beyond the interval"}


def test_complete_days_and_rankings_are_compared(faust, market, live) -> None:
    """A second stage reads the replay's own first stage, not the live results."""
    midnight = BEGIN // DAY * DAY
    span = (f"--from={midnight - DAY}", f"--to={midnight}")
    code, found, err = replay(faust, market, *span, "--topic=top-gainers")
    assert (code, err) == (0, "")
    compared = {topic: each["compared"] for topic, each in found["topics"].items()}
    assert compared["daily-gains"] == len(market_hour.SYMBOLS)
    assert compared["top-gainers"] == 1
    assert live.running


def test_other_thresholds_add_and_remove_the_expected_alerts(faust, market, live) -> None:
    """An independent computation finds the same surges that disappear and streaks that appear."""
    arguments = (f"--set=TICKSTREAM_SURGE={SURGE[1]}", "--topic=surges", "--topic=streaks")
    code, found, err = replay(faust, market, *arguments, STREAK=str(STREAK[1]))
    judged = truth.ticks(market.bootstrap)
    before, after = (market_hour.surges(judged, BEGIN, END, each) for each in SURGE)
    old, new = (market_hour.streaks(games(market), BEGIN, END, each) for each in STREAK)
    by_topic: dict[tuple[str, str], set[Any]] = defaultdict(set)
    for each in found["differences"]:
        value = each["live"] or each["replayed"]
        name = each["identity"], value.get("games")
        if each["topic"] == "surges":
            name = value["symbol"], value["start"], value["last_offset"]
        by_topic[each["topic"], each["what"]].add(name)
    assert by_topic == {
        ("surges", "removed"): before - after,
        ("streaks", "removed"): old,
        ("streaks", "added"): new,
    }
    assert before - after
    assert new
    added, removed = len(new), len(before - after) + len(old)
    assert (code, err.count("\n")) == (1, 1)
    assert err.endswith(f" results differ: {added:,} added, {removed:,} removed, 0 changed\n")
    assert live.running


def test_replay_reports_live_results_that_differ(faust, market, live) -> None:
    """A candle with another high, a surge that no worker published: printed; exit code 1."""
    candles = (json.loads(each.value()) for each in truth.read(market.bootstrap, "candles"))
    candle = next(each for each in candles if each["final"] and each["start"] == BEGIN)
    candle |= {"high": candle["high"] + 1}
    market.send([(candle["symbol"], json.dumps(candle).encode(), BEGIN)], "candles")
    (surge, *_) = (json.loads(each.value()) for each in truth.read(market.bootstrap, "surges"))
    surge |= {"start": BEGIN + 500, "end": BEGIN + MINUTE + 500}
    market.send([(surge["symbol"], json.dumps(surge).encode(), BEGIN)], "surges")
    command = faust(
        "replay",
        f"--from={BEGIN}",
        f"--to={END}",
        BROKER_URL=market.bootstrap,
        TICKSTREAM_APP_ID=market.application,
        **OWN,
    )
    out, err = command.communicate(timeout=120)
    assert command.returncode == 1
    # The plan is printed before any record is read.
    plan = r"^ticks: about [\d,]+ records of \d of \d partitions to read$"
    assert re.search(plan, err, re.MULTILINE)
    assert err.endswith(" results differ: 0 added, 1 removed, 1 changed\n")
    (changed,) = (line for line in out.splitlines() if " changed " in line and "high" in line)
    assert f"{candle['symbol']} " in changed
    (removed,) = (line for line in out.splitlines() if " removed " in line and "last" in line)
    assert f"{surge['symbol']} " in removed
    assert live.running


def test_windows_whose_records_are_deleted_are_left_out(faust, market, live) -> None:
    """Retention has deleted records of one partition; the windows of the others are compared."""
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    in_ten_minutes = next(
        each.offset()
        for each in truth.read(market.bootstrap, "ticks")
        if each.partition() == 0 and each.timestamp()[1] > BEGIN + 10 * MINUTE
    )
    total = expected(market)
    gone = TopicPartition("ticks", 0, in_ten_minutes)
    for future in admin.delete_records([gone]).values():
        future.result(timeout=10)
    _, found, _ = replay(faust, market, "--topic=candles")
    candles = found["topics"]["candles"]
    left_out = candles["left_out"]["may have lost records to the source's retention"]
    assert left_out > 0 < candles["compared"] == total - left_out
    # The candle that was changed above, unless it is of that partition.
    assert {each["what"] for each in found["differences"]} <= {"changed"}
    assert live.running


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        # The first is found when the application is loaded, the others when options are parsed.
        ("--topic=nope", "no table reads or writes 'nope' here; there are "),
        ("--set=BROKER_URL=x:1", "--set BROKER_URL=x:1: set BROKER_URL in the environment"),
        ("--set=TICKSTREAM_SURGE=much", "--set TICKSTREAM_SURGE=much: "),
    ],
)
def test_invalid_replay_options_are_reported_in_one_line(faust, market, argument, reason) -> None:
    """An unknown topic, a setting that may not change, an invalid value."""
    code, found, err = replay(faust, market, argument)
    assert (code, found) == (2 if argument.startswith("--set") else 1, {})
    assert err.startswith(reason)
    assert err.count("\n") == 1
