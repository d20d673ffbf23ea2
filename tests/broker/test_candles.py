"""ticks -> candles, daily-gains, top-gainers on a real broker, against an independent computation.

The independent one is polars over the records of `ticks`, read with librdkafka (tests/truth.py).
"""

import json
import time
from collections import Counter, defaultdict
from functools import cache
from itertools import islice

import polars as pl
import pytest
import truth
from progress import committed, lag
from workers import MINUTE, Market, Worker, until

from app.market.walks import Market as Simulator

GRACE = 5 * MINUTE
DAY_GRACE = 240 * MINUTE

#: Size, advance, grace of the windows served by default, in ms.
WINDOWS = [
    (MINUTE, MINUTE, GRACE),
    (5 * MINUTE, 5 * MINUTE, GRACE),
    (15 * MINUTE, 15 * MINUTE, GRACE),
    (5 * MINUTE, MINUTE, GRACE),
    (15 * MINUTE, MINUTE, GRACE),
    (1440 * MINUTE, 1440 * MINUTE, DAY_GRACE),
]

TICKS = 300_000

#: Without surges: a window for each trade would make this take three times as long.
PIPELINES = {"TICKSTREAM_PIPELINES": "candles,gainers"}


def simulate(market: Market, count: int, **options: float) -> None:
    """Send ticks of the simulator, its late and broken ones included, up to the present."""
    start = int(time.time() * 1000) - 10 * count
    records = islice(Simulator(step=10, **options).records(start), count)
    now = int(time.time() * 1000)
    market.send((key, value, now) for key, value, _ in records)


def caught_up(market: Market) -> bool:
    """Return whether the application has committed all ticks."""
    return lag(market.bootstrap, market.application, "ticks") == 0


@cache
def all_ticks(bootstrap: str) -> pl.DataFrame:
    """Read the ticks of the first test, once."""
    return truth.ticks(bootstrap)


def wrong_windows(bootstrap: str) -> dict[str, int]:
    """Count the windows that differ from the expected ones, by window definition."""
    ticks, found = all_ticks(bootstrap), truth.published(bootstrap)
    wrong = {}
    for size, advance, grace in WINDOWS:
        these = found.filter((pl.col("size") == size) & (pl.col("advance") == advance))
        expected = truth.candles(ticks, size, advance, grace)
        assert len(expected)
        wrong[f"{size // MINUTE}m/{advance // MINUTE}m"] = len(truth.differences(expected, these))
    return wrong


@pytest.mark.timeout(400)
def test_windows_equal_an_independent_computation(market: Market) -> None:
    """Every window of every symbol is right in every field, though the worker was killed midway.

    Each result is in the topic once: as many finals as final windows, no revision twice.
    """
    with market.worker(**PIPELINES) as worker:  # makes the topics
        simulate(market, TICKS)
        until(lambda: committed(market.bootstrap, market.application, "ticks") > TICKS // 4, 60)
        worker.kill()
        worker.start()
        until(lambda: caught_up(market), 120)
        # Windows that a catch-up makes final are published in slices, the last after the last tick.
        until(lambda: not any(wrong_windows(market.bootstrap).values()), 60)

    assert wrong_windows(market.bootstrap) == dict.fromkeys(
        ["1m/1m", "5m/5m", "15m/15m", "5m/1m", "15m/1m", "1440m/1440m"], 0
    )
    results, finals = Counter(), Counter()
    for message in truth.read(market.bootstrap, "candles"):
        candle = json.loads(message.value())
        window = tuple(candle[name] for name in truth.WINDOW)
        results[window, candle["revision"]] += 1
        finals[window] += candle["final"]
    assert finals.total() > 0
    assert max(finals.values()) == 1
    assert max(results.values()) == 1


def test_late_and_broken_ticks_are_in_late_and_dead_letter_topics(market: Market) -> None:
    """Each tick of the last test is in windows, in ticks-late, or in dead-letters; none is lost."""
    ticks = all_ticks(market.bootstrap)
    late = ticks.filter(pl.col("time") < pl.col("before") - GRACE)
    found = [json.loads(each.value()) for each in truth.read(market.bootstrap, "ticks-late")]
    rejected = [each for each in found if each["table"] == "candles"]
    assert len(late) > 0
    assert {(each["partition"], each["offset"], each["stream_time"]) for each in rejected} == set(
        late.select("partition", "offset", "before").iter_rows()
    )
    assert len(rejected) == len(late)

    letters = [json.loads(each.value()) for each in truth.read(market.bootstrap, "dead-letters")]
    readable = set(ticks.select("partition", "offset").iter_rows())
    everything = {(m.partition(), m.offset()) for m in truth.read(market.bootstrap, "ticks")}
    assert sorted((each["partition"], each["offset"]) for each in letters) == sorted(
        everything - readable
    )
    assert len(letters) > 0


def test_late_ticks_and_dead_letters_have_a_source_header(market: Market) -> None:
    """The header `source` has the coordinates of the source record."""
    for topic in ("ticks-late", "dead-letters"):
        for message in truth.read(market.bootstrap, topic):
            value = json.loads(message.value())
            source = f"ticks-{value['partition']}-{value['offset']}"
            assert dict(message.headers() or []) == {"source": source.encode()}


def test_top_gainers_equal_the_gains_of_the_day_windows(market: Market) -> None:
    """top-gainers has, for each day, the ten highest gains of that day's windows, in order."""
    days = truth.candles(all_ticks(market.bootstrap), 1440 * MINUTE, 1440 * MINUTE, DAY_GRACE)
    gains = days.with_columns(gain=(pl.col("close") - pl.col("open")) / pl.col("open"))
    best = gains.sort(["gain", "symbol"], descending=[True, False]).group_by("start").head(10)
    expected: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for start, symbol, gain in best.select("start", "symbol", "gain").iter_rows():
        expected[day(start)].append((symbol, gain))
    # The last gains of the stopped worker are ranked by the next one.
    with market.worker(**PIPELINES):
        until(lambda: rankings(market.bootstrap) == expected)


def rankings(bootstrap: str) -> dict[str, list[tuple[str, float]]]:
    """Return each day's ranking of the highest revision."""
    latest: dict[str, dict] = {}
    for message in truth.read(bootstrap, "top-gainers"):
        found = json.loads(message.value())
        if found["revision"] >= latest.get(found["day"], found)["revision"]:
            latest[found["day"]] = found
    return {
        each["day"]: [(place["symbol"], place["gain"]) for place in each["rank"]]
        for each in latest.values()
    }


def day(start: int) -> str:
    """Return the UTC date of an instant (ms)."""
    return time.strftime("%Y-%m-%d", time.gmtime(start / 1000))


@pytest.fixture(scope="module")
def second_application(market: Market) -> Market:
    """Return another application on the same broker, which folds the same ticks anew."""
    return Market(market.bootstrap, market.directory)


def test_worker_takes_over_the_partitions_of_a_killed_one(second_application: Market) -> None:
    """A second worker takes over half, the first is killed, its partitions move, nothing is lost.

    This is another application on the same ticks; its state is read from the remaining worker.
    """
    settings = PIPELINES | {"TICKSTREAM_TOPIC_PREFIX": "second."}
    with (
        second_application.worker(**settings) as first,
        second_application.worker(**settings) as other,
    ):
        shares = until(lambda: _shares(first, other))
        assert sorted(shares[0] + shares[1]) == list(range(6))
        assert all(shares)
        first.kill()
        until(lambda: caught_up(second_application) and _shares(other) == [[*range(6)]], 120)
        expected = truth.candles(
            all_ticks(second_application.bootstrap), 5 * MINUTE, 5 * MINUTE, GRACE
        )
        asked = 0
        for (symbol,), windows in islice(expected.group_by("symbol"), 25):
            status, found = other.get(f"/api/candles/{symbol}?size=5m&limit=5000")
            assert status == 200
            assert not len(truth.differences(windows, pl.DataFrame(found)))
            asked += len(windows)
        assert asked > 100


def _shares(*workers: Worker) -> list[list[int]] | None:
    """Return the partitions of `candles` open at each worker, once all are ready and have some."""
    answers = [worker.get("/readyz") for worker in workers]
    if any(status != 200 for status, _ in answers):
        return None
    shares = [answer["tables"]["candles"]["open"] for _, answer in answers]
    return shares if all(shares) else None


def test_each_ranking_revision_is_published_once(market: Market) -> None:
    """For each day, no revision of its ranking is in the topic twice."""
    counts = defaultdict(Counter)
    for message in truth.read(market.bootstrap, "top-gainers"):
        found = json.loads(message.value())
        counts[found["day"]][found["revision"]] += 1
    assert counts
    assert max(count for revisions in counts.values() for count in revisions.values()) == 1
