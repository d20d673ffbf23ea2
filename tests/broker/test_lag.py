"""Records of an open transaction can't be read yet, so they are no lag."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families
from workers import MARKET, MINUTE, Market, Worker, tick, until

from app.market.topics import TICKS
from app.settings import Settings
from app.up.lag import Lag
from eventfold.kafka.admin import ensure_topics
from eventfold.kafka.ends import INTERVAL

SYMBOLS = [f"SYM{number:02}" for number in range(40)]

NOON = 1_767_268_800_000

#: Ticks of each symbol that are committed, and that are in an open transaction.
COMMITTED, UNCOMMITTED = 5, 30


@asynccontextmanager
async def open_transaction(
    bootstrap: str, topic: str, records: Iterable[tuple[str, bytes]]
) -> AsyncIterator[AIOKafkaProducer]:
    """Leave a transaction open that has written to a topic."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"hanging-{topic}",
        transaction_timeout_ms=300_000,
    )
    async with producer:
        await producer.begin_transaction()
        for key, value in records:
            await producer.send(topic, value, key.encode())
        await producer.flush()
        yield producer


def values(worker: Worker, name: str) -> list[float]:
    """Return the values of a metric."""
    text = worker.ask("/metrics").body.decode()
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


def ticks(count: int, begin: int) -> Iterator[tuple[str, bytes]]:
    """Yield ticks of each symbol."""
    for number in range(count):
        for symbol in SYMBOLS:
            key, value, _ = tick(symbol, 10.0, begin + number * 1_000)
            yield key, value


async def application_lag(market: Market) -> int:
    """Return the lag that `make up` shows."""
    conf = Settings(BROKER_URL=market.bootstrap, TICKSTREAM_APP_ID=market.application)
    async with Lag(conf) as lag:
        return await lag.records()


def lags(workers: Sequence[Worker]) -> list[float]:
    """Return the lag of each task and standby."""
    names = "eventfold_lag_records", "eventfold_standby_lag_offsets"
    return [value for worker in workers for name in names for value in values(worker, name)]


def ticks_of_candles(worker: Worker) -> int | str:
    """Count the ticks in the candles of all symbols, or return why they are not known now."""
    status, page = worker.get("/api/windows/candles?window=5m&limit=5000")
    return sum(candle["count"] for candle in page["windows"]) if status == 200 else str(page)


async def test_open_transaction_does_not_count_as_lag(market: Market) -> None:
    """Neither in a source, for tasks and `make up`, nor in a changelog, for standbys."""
    conf = Settings(BROKER_URL=market.bootstrap)
    await ensure_topics([TICKS.of(conf)], conf)
    market.send((key, value, NOON) for key, value in ticks(COMMITTED, NOON))
    changelog = f"{market.application}-candles-changelog"
    garbage = [(symbol, b"?") for symbol in SYMBOLS]
    async with open_transaction(
        market.bootstrap, "ticks", ticks(UNCOMMITTED, NOON + MINUTE)
    ) as upstream:
        with market.workers(2, **MARKET) as workers:

            async def folded(count: int) -> None:
                found: int | str = 0

                def are_all_folded() -> bool:
                    nonlocal found
                    found = ticks_of_candles(workers[0])
                    return found == count * len(SYMBOLS)

                try:
                    await asyncio.to_thread(until, are_all_folded, 90)
                except TimeoutError as error:
                    details = "\n".join(worker.troubles() for worker in workers)
                    raise AssertionError(f"{found} of {count * len(SYMBOLS)}: {details}") from error

            await folded(COMMITTED)
            async with open_transaction(market.bootstrap, changelog, garbage) as other:
                # Fetched, with the end offsets, while both transactions are open.
                market.send((key, value, NOON) for key, value in ticks(1, NOON))
                await asyncio.sleep(2 * INTERVAL)
                assert await application_lag(market) == 0
                assert not any(lags(workers))
                await other.abort_transaction()
            await upstream.commit_transaction()
            await folded(COMMITTED + UNCOMMITTED + 1)
            await asyncio.to_thread(until, lambda: not any(lags(workers)))
