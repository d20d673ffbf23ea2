"""One pipeline over a seeded input, with a worker killed in the middle of it, and its output.

    run = crash_run(market, "fraud", sent, outputs=["alerts"])
    assert truth(sent) == [each.value for each in run.outputs["alerts"]]

`sent` is the output of simulations (app/simulations.py), of RECORDS records: 20,000 by
default, so that all of this stays short. With `--log-cli-level=info` it logs a summary.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import truth
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from progress import lag
from workers import Market, Worker, until

from eventfold.connectors.simulations import Sent

logger = logging.getLogger(__name__)

#: Number of records of a run.
RECORDS = int(os.environ.get("RECORDS", "20000"))

#: Seconds until all is committed, also on a busy machine.
PATIENCE = 120 + RECORDS / 500


class Output(NamedTuple):
    """A committed record of an output topic; `time` is Kafka's timestamp (ms)."""

    partition: int
    offset: int
    key: str | None
    value: Any
    headers: dict[str, str]
    time: int

    @property
    def source(self) -> str:
        """The source coordinates, `topic-partition-offset`."""
        return self.headers["source"]


@dataclass(frozen=True)
class CrashRun:
    """Output of a run, by topic, each partition in order."""

    outputs: dict[str, list[Output]]
    #: Number of records sent but not committed when the worker was killed.
    in_flight: int
    #: Seconds from the first record sent to the last commit.
    seconds: float

    def values(self, topic: str) -> list[Any]:
        """Return the decoded values of a topic."""
        return [each.value for each in self.outputs[topic]]


def crash_run(
    market: Market,
    pipelines: str,
    sent: Sequence[Sent],
    *,
    outputs: Iterable[str],
    workers: int = 1,
    decode: Mapping[str, Callable[[bytes], Any]] | None = None,
    settled: Callable[[], bool] | None = None,
    **environment: object,
) -> CrashRun:
    """Run `pipelines` over `sent`, kill a worker (SIGKILL) with records in flight; return outputs.

    A single worker is restarted, of two the other one goes on. The run ends when each source of
    each table is committed to its end and `settled`, if given, returns True (for results that are
    published by the clock). Values are JSON unless `decode` has a function for their topic.
    `environment` are settings of the workers.
    """
    with ExitStack() as ending:
        settings = {"TICKSTREAM_PIPELINES": pipelines, **environment}
        running = [market.worker(**settings) for _ in range(workers)]
        for worker in running:
            ending.push(worker.start(wait=False))
        for worker in running:
            worker.wait_ready()
        begun, topics = time.monotonic(), {topic.base_name for topic, _ in sent}
        half, most = len(sent) // 2, len(sent) * 3 // 4
        _send(market, sent[:half])
        until(lambda: _lag(market, topics) <= half // 2, PATIENCE)
        # Paused first, or it might commit all of them before it is killed.
        running[0].pause()
        _send(market, sent[half:most])
        running[0].kill()
        in_flight = _lag(market, topics)
        if workers == 1:
            running[0].start(wait=False)
        _send(market, sent[most:])
        running[-1].wait_ready()
        _wait_committed(market, running[-1])
        if settled:
            until(settled, PATIENCE)
        seconds = time.monotonic() - begun
    readers = dict(decode or {})
    found = {name: _read(market, name, readers.get(name, json.loads)) for name in outputs}
    counts = ", ".join(f"{len(each)} in {name}" for name, each in found.items())
    template = "%s: %d records, %d in flight at the kill, %.1f s; %s"
    logger.info(template, pipelines, len(sent), in_flight, seconds, counts)
    return CrashRun(found, in_flight, seconds)


def _send(market: Market, sent: Sequence[Sent]) -> None:
    """Send records in this order, whatever their topics; Kafka's timestamp is the event time."""
    producer = Producer(
        {
            "bootstrap.servers": market.bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "enable.idempotence": True,
        }
    )
    for topic, (key, value, at) in sent:
        producer.produce(topic.base_name, value, key, timestamp=at)
        if len(producer) > 50_000:
            producer.poll(0.01)
    assert producer.flush(60) == 0


def _lag(market: Market, topics: Iterable[str]) -> int:
    """Return how many offsets of the topics are not committed."""
    return sum(lag(market.bootstrap, market.application, each) for each in topics)


def _wait_committed(market: Market, worker: Worker) -> None:
    """Wait until no table of a worker has anything left to read.

    The next stage reads what one stage commits, so as many checks in a row must find nothing left
    as there are stages at most.
    """
    sources = {table["source"] for table in worker.get("/api/tables")[1]}
    clean, deadline = 0, time.monotonic() + PATIENCE
    while clean < len(sources):
        left = _uncommitted(market, sources)
        clean = 0 if left else clean + 1
        assert worker.running, worker.tail()
        if time.monotonic() > deadline:
            raise TimeoutError(f"not committed to the end: {left}\n{worker.tail()}")


def _uncommitted(market: Market, topics: Iterable[str]) -> str:
    """Describe the first uncommitted record, or an error; "" if none is left. Skips markers."""
    consumer = Consumer(
        {
            "bootstrap.servers": market.bootstrap,
            "group.id": market.application,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    try:
        known = consumer.list_topics(timeout=10).topics
        partitions = [TopicPartition(name, n) for name in topics for n in known[name].partitions]
        # Where nothing is committed yet the offset is invalid: it reads from the start.
        consumer.assign(consumer.committed(partitions, timeout=10))
        ended = 0
        while ended < len(partitions):
            message = consumer.poll(10)
            assert message is not None, "the broker does not answer"
            error = message.error()
            if error is None:
                return f"{message.topic()} {message.partition()} from {message.offset()} on"
            if error.code() != KafkaError._PARTITION_EOF:
                return str(error)
            ended += 1
    except KafkaException as error:
        return str(error)
    finally:
        consumer.close()
    return ""


def _read(market: Market, topic: str, decode: Callable[[bytes], Any]) -> list[Output]:
    found = [_output(each, decode) for each in truth.read(market.bootstrap, topic)]
    return sorted(found, key=lambda each: (each.partition, each.offset))


def _output(message: Message, decode: Callable[[bytes], Any]) -> Output:
    key, value = message.key(), message.value()
    return Output(
        partition=message.partition(),
        offset=message.offset(),
        key=None if key is None else key.decode(),
        value=None if value is None else decode(value),
        headers={name: raw.decode() for name, raw in message.headers() or []},
        time=message.timestamp()[1],
    )
