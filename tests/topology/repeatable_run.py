"""A run of the product's pipeline that is always the same; as a script it prints its digest."""

from hashlib import sha256
from random import Random

from app import app
from app.market.records import Tick
from app.market.topics import CANDLES, DAILY_GAINS, TICKS, TICKS_LATE, TOP_GAINERS
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS
from tables.candles import candles
from tables.days import days
from tables.gainers import gainers

TOPICS = (TICKS, CANDLES, TICKS_LATE, DAILY_GAINS, TOP_GAINERS, DEAD_LETTERS)


def run_pipeline() -> bytes:
    """Return the topics at the end of the run: offsets, timestamps, headers, bytes."""
    dice = Random(7)
    with TopologyDriver(
        app, tables=[candles, days, gainers], partitions=3, commit_time=30
    ) as driver:
        events = [
            driver.crash,
            driver.restart,
            lambda: driver.crash(at="after commit"),
            lambda: driver.fail_checkpoint(TICKS, 1),
            lambda: driver.rebalance(["a", "b"]),
        ]
        clock = driver.now
        driver.advance("60d")
        for cause_event in events:
            for _ in range(50):
                clock += dice.choice([0, 1_000, 30_000, 3_600_000])
                symbol = dice.choice("ABCDEFGHIJKLMNOP")
                driver.pipe(
                    TICKS, Tick(symbol, dice.random() + 1, clock - dice.choice([0, 400_000]))
                )
            driver.pipe_raw(TICKS, b"A", b"?")
            driver.advance(dice.choice([130, 1_000]))
            cause_event()
        driver.settle()
        return repr([driver.records(topic) for topic in TOPICS]).encode()


if __name__ == "__main__":
    print(sha256(run_pipeline()).hexdigest())  # noqa: T201  # for the test that runs it
