"""Standbys and static members on a real broker: a new or returning owner has its state."""

import time
from typing import Any

from progress import lag
from prometheus_client.parser import text_string_to_metric_families
from workers import DAY, MARKET, Market, Worker, tick, until

SYMBOLS = [f"SYM{n:02}" for n in range(40)]
TICKS = 30
NOON = int(time.time() * 1000) // DAY * DAY - DAY // 2


def series(worker: Worker, name: str) -> dict[tuple[str, int], float]:
    """Return the values of a metric by (table, partition)."""
    text = worker.ask("/metrics").body.decode()
    return {
        (sample.labels["table"], int(sample.labels["partition"])): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def tables(worker: Worker) -> dict[str, Any]:
    """Return the tables of a worker's `/readyz`."""
    return worker.get("/readyz")[1]["tables"]


def windows(worker: Worker) -> dict[str, Any]:
    """Return the windows of one minute of all symbols."""
    return {name: worker.get(f"/api/candles/{name}?size=1m")[1] for name in SYMBOLS}


def follows_all(worker: Worker, other: Worker) -> bool:
    """Return whether a worker is a standby, without lag, for all partitions of the other."""
    mine, others = tables(worker), tables(other)
    return all(mine[name]["standby"] == others[name]["open"] for name in mine) and not any(
        series(worker, "eventfold_standby_lag_offsets").values()
    )


def test_standby_takes_over_without_a_restore(market: Market) -> None:
    """After `kill -9` the other worker restores no row, and gives the same answers."""
    with market.workers(2, **MARKET) as (one, two):
        market.send(
            tick(symbol, 10 + step, NOON + step * 20_000)
            for step in range(TICKS)
            for symbol in SYMBOLS
        )
        until(lambda: lag(market.bootstrap, market.application, "ticks") == 0)
        until(lambda: windows(one) == windows(two))
        until(lambda: follows_all(one, two) and follows_all(two, one))
        before, restored = windows(two), series(one, "eventfold_restored_rows_total")
        assert sum(map(len, before.values())) == TICKS // 3 * len(SYMBOLS)
        taken = {
            (name, partition) for name, table in tables(two).items() for partition in table["open"]
        }
        two.kill()
        until(lambda: one.ready and len(tables(one)["candles"]["open"]) == 6)
        after = series(one, "eventfold_restored_rows_total")
        assert {each: after[each] - restored.get(each, 0) for each in taken} == dict.fromkeys(
            taken, 0
        )
        assert windows(one) == before


def test_restarted_static_member_gets_its_partitions_back(market: Market) -> None:
    """No other worker runs them in between."""
    named = [
        market.worker(CONSUMER_GROUP_INSTANCE_ID=name, BROKER_SESSION_TIMEOUT=30)
        for name in ("left", "right")
    ]
    with named[0] as left, named[1] as right:
        until(lambda: left.ready and all(tables(each)["candles"]["open"] for each in named))
        shares = [tables(each)["candles"]["open"] for each in named]
        assert sorted(shares[0] + shares[1]) == list(range(6))
        moved = left.log.count("runs from offset")
        assert right.stop() == 0
        right.start()
        assert [tables(each)["candles"]["open"] for each in named] == shares
        # It never ran a partition of the restarted one.
        began = [line for line in left.log.splitlines() if "runs from offset" in line][moved:]
        assert not any(f"Task ticks-{number} " in line for line in began for number in shares[1])
