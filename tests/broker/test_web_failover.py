"""Answers of a worker while partitions move: complete, or 503, never a part."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import truth
from workers import DAY, MARKET, Market, Worker, tick, until

SYMBOLS = [f"SYM{n:02}" for n in range(50)]
TICKS = 9
NOON = int(time.time() * 1000) // DAY * DAY - DAY // 2

#: Every request whose answer depends on the owners of partitions.
PATHS = [
    *(f"/api/candles/{symbol}?size=1m" for symbol in SYMBOLS),
    *(f"/table/days/{symbol}/" for symbol in SYMBOLS[::10]),
    *(f"/api/tables/gainers/{symbol}" for symbol in SYMBOLS[::10]),
    "/api/candles/NOBODY",
    "/api/symbols",
    "/api/top-gainers",
]


@pytest.fixture(scope="module")
def two(market: Market) -> Iterator[list[Worker]]:
    """Yield two workers that share the partitions and answer for all symbols."""
    with market.workers(2, **MARKET) as two:
        market.send(
            tick(symbol, 10 + number % 7 * step, NOON + step * 20_000)
            for number, symbol in enumerate(SYMBOLS)
            for step in range(TICKS)
        )
        until(lambda: _is_committed(market))
        yield two


@pytest.fixture(scope="module")
def right(two: list[Worker]) -> dict[str, Any]:
    """Return the answer to each request while no partition moves."""
    until(lambda: _answers(two[0]) == _answers(two[1]))
    return _answers(two[0])


def _is_committed(market: Market) -> bool:
    """Return whether all ticks went to the pipeline's end, and stand in Kafka for good.

    Queries see records before their checkpoint is written; a new owner sees them after it.
    """
    gains = list(truth.read(market.bootstrap, "daily-gains"))
    tops = list(truth.read(market.bootstrap, "top-gainers"))
    counts = {gain.key(): json.loads(gain.value())["count"] for gain in gains}
    return (
        list(counts.values()) == [TICKS] * len(SYMBOLS)
        and bool(tops)
        and json.loads(tops[-1].value())["revision"] == gains[-1].offset()
    )


def _answers(worker: Worker) -> dict[str, tuple[int, Any]]:
    return {path: worker.get(path) for path in PATHS}


def _check(worker: Worker, right: dict[str, tuple[int, Any]]) -> Counter[int]:
    """Send each request; its answer is the right one, or 503 with Retry-After."""
    statuses: Counter[int] = Counter()
    for path, (status, body) in right.items():
        answer = worker.ask(path)
        statuses[answer.status] += 1
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) > 0, path
            assert answer.json["error"]["code"] == "unavailable"
        else:
            assert (answer.status, answer.json) == (status, body), path
    return statuses


def test_survivor_answers_right_or_503_until_it_has_taken_over(two, right) -> None:
    """After a SIGKILL: the complete answer or 503 for every request, until all are answered."""
    survivor, killed = two
    killed.kill()
    seen = _check(survivor, right)
    assert seen[503] > 0
    assert seen[200] > 0  # keys that are local to the survivor
    until(lambda: _check(survivor, right)[503] == 0)
    assert _open(survivor) == 6


def test_starting_worker_is_not_ready_and_answers_503(two, right) -> None:
    """From its first answer on it is not ready, and answers 503, never 404."""
    starting = two[1]
    if starting.running:
        starting.stop()
    starting.start(wait=False)
    until(lambda: starting.get("/healthz")[0] == 200)
    answer = starting.ask("/readyz")
    assert (answer.status, answer.json["ready"]) == (503, False)
    assert int(answer.headers["retry-after"]) > 0
    assert "no partition has been assigned yet" in answer.json["missing"]
    assert _check(starting, right)[503] == len(PATHS)
    until(lambda: _check(starting, right)[503] == 0)
    starting.wait_ready()


def test_hanging_worker_blocks_answers_of_the_other_only_briefly(two, right) -> None:
    """After a SIGSTOP the other one answers 503 within seconds, and takes over in the end."""
    survivor, hanging = two
    until(lambda: _share(two))
    theirs = f"/api/candles/{_kept_by(hanging)[0]}?size=1m"
    hanging.pause()
    started = time.monotonic()
    assert survivor.ask(theirs).status == 503
    assert time.monotonic() - started < 5
    until(lambda: _check(survivor, {theirs: right[theirs]})[503] == 0)

    hanging.resume()
    until(lambda: _share(two))
    until(lambda: all(_check(worker, right)[503] == 0 for worker in two))


def _share(workers: list[Worker]) -> bool:
    return all(worker.ready and _open(worker) == 3 for worker in workers)


def _open(worker: Worker) -> int:
    return len(worker.get("/readyz")[1]["tables"]["candles"]["open"])


def _kept_by(worker: Worker) -> list[str]:
    """Return the symbols that are local to a worker."""
    kept = {symbol: worker.get(f"/router/candles/{symbol}/") for symbol in SYMBOLS}
    return [symbol for symbol, answer in kept.items() if answer == (200, worker.url)]
