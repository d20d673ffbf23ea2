"""Bursts of odd and valid records through every pipeline without a broker, then the accounts."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

from accounting import Place, folded, problems
from honest_records import Honest
from mutated_records import RecordMutator

from app import app
from app.beaconing.connections_avro import CONNECTIONS
from app.market.topics import TICKS_LATE
from eventfold.harness.kafka import TopicRecord
from eventfold.testing import TopologyDriver
from eventfold.topics import AFTER_MAX, DEAD_LETTERS, BoundTopic

#: Bursts of a run, and records of a burst.
BURSTS, BURST = 5, 300

#: Partitions of topics that have none of their own.
PARTITIONS = 2

HOUR = 3_600_000


class Result(NamedTuple):
    """Result of a run."""

    seed: int
    native: bool
    records: int
    dead: int
    problems: list[str]


def run(seed: int, *, native: bool) -> Result:
    """Run all pipelines over the records of a seed; the same seed gives the same run."""
    with _using(native=native), TopologyDriver(app, partitions=PARTITIONS) as driver:
        return _Run(driver, seed, native=native).result()


class _Run:
    def __init__(self, driver: TopologyDriver, seed: int, *, native: bool) -> None:
        self._driver = driver
        self._seed = seed
        self._native = native
        self._random = Random(seed)
        self._tables = app.tasks.tables
        sources: dict[str, BoundTopic] = {t.source.name: t.source for t in self._tables}
        self._topics = list(sources.values())
        self._honest = Honest(self._random)
        self._mutator = RecordMutator(self._random, self._topics)
        self._before = folded()
        self._records = 0

    def result(self) -> Result:
        """Run the bursts; stop at the first problem."""
        wrong: list[str] = []
        # Stream time is today's before any odd record arrives.
        wrong += self._pipe_valid_records(0)
        for number in range(1, BURSTS + 1):
            if wrong:
                break
            try:
                self._burst()
                wrong += self._pipe_valid_records(number)
                wrong += self._check()
            except Exception as error:  # noqa: BLE001  # a task may fail with any error
                wrong.append(f"burst {number}: {type(error).__name__}: {error}")
        dead = len(self._driver.records(DEAD_LETTERS))
        return Result(self._seed, self._native, self._records, dead, wrong)

    def _burst(self) -> None:
        """Write odd records to any topics, settle the driver, then perhaps restart or crash it."""
        random, driver = self._random, self._driver
        driver.batch = random.choice([1, 7, 500])
        for _ in range(BURST):
            topic = random.choice(self._topics)
            mutated = self._mutator.record(topic, driver.now)
            driver.pipe_raw(
                topic,
                mutated.key,
                mutated.value,
                headers=mutated.headers,
                partition=random.choice(driver._topics.numbers[topic.name]),
                timestamp=mutated.timestamp,
            )
            self._records += 1
        driver.advance(random.choice(["0s", "200ms", "3s"]))
        driver.settle()
        # State must be readable again: from the store, from the changelog.
        how = random.choice(["nothing", "restart", "crash", "lost store"])
        if how == "restart":
            driver.restart()
        elif how != "nothing":
            driver.crash(lose_store=how == "lost store")

    def _pipe_valid_records(self, burst: int) -> list[str]:
        """Pipe a valid record to each partition of each topic; return those that are rejected."""
        driver, sent = self._driver, []
        for topic in self._topics:
            for number in driver._topics.numbers[topic.name]:
                key = f"honest-{burst}-{number}"
                time = max(self._stream_time(topic, number), driver.now)
                raw = self._honest.record(topic, key, time)
                # Stream time may be further ahead than a broker allows a timestamp: records
                # without one count by their own time.
                ahead = int(topic.config().get(AFTER_MAX, HOUR))
                stamp = time if time <= driver.now + ahead else -1
                sent.append(
                    (topic, driver.pipe_raw(topic, *raw, partition=number, timestamp=stamp))
                )
                self._records += 1
        driver.settle()
        rejected = {
            Place(d.topic, d.partition, d.offset): d.error for d in driver.topic(DEAD_LETTERS)
        }
        for tick in driver.topic(TICKS_LATE):
            rejected[Place("ticks", tick.partition, tick.offset)] = f"late, by {tick.table}"
        return [
            f"burst {burst}: {_place(topic, record)} is rejected: {reason}: {record.value!r}"
            for topic, record in sent
            if (reason := rejected.get(_place(topic, record))) is not None
        ]

    def _stream_time(self, topic: BoundTopic, number: int) -> int:
        """Return the latest stream time (ms) of the tables of a partition."""
        return max(
            state.meta.stream_time
            for table in self._tables
            if table.source == topic
            for state in table.open_states()
            if state.partition == number
        )

    def _check(self) -> list[str]:
        counted = folded()
        counted.subtract(self._before)
        return list(problems(self._driver, self._tables, counted))


def _place(topic: BoundTopic, record: TopicRecord) -> Place:
    return Place(topic.name, record.partition, record.offset)


@contextmanager
def _using(*, native: bool) -> Iterator[None]:
    """Use the extension or not, and a schema id as if a worker had registered it."""
    before = app.tasks.conf, CONNECTIONS.schema_id
    # The driver's workers choose native code by their settings.
    app.tasks.conf = app.tasks.conf.model_copy(update={"native": native})
    CONNECTIONS.schema_id = 7
    try:
        yield
    finally:
        app.tasks.conf = before[0]
        if before[1] is not None:
            CONNECTIONS.schema_id = before[1]
