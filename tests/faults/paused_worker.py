"""A worker that is paused in mid-checkpoint, and the records of its open transactions."""

from collections.abc import Iterable
from pathlib import Path

import psutil
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from workers import Market, Worker, until


def pausable_worker(market: Market, **environment: object) -> Worker:
    """Return a worker for `pause_in_checkpoint`."""
    worker = market.worker(TICKSTREAM_MODULES="stop_before_commit", **environment)
    worker.environment["PYTHONPATH"] = str(Path(__file__).parent)
    worker.environment["STOP_BEFORE_COMMIT"] = str(_flag_file(worker))
    return worker


def pause_in_checkpoint(worker: Worker) -> None:
    """Pause the worker (SIGSTOP) once a transaction is written and not yet committed."""
    assert worker.process is not None
    _flag_file(worker).touch()
    process = psutil.Process(worker.process.pid)
    until(lambda: process.status() == psutil.STATUS_STOPPED, 60)
    worker.pause()


def uncommitted_offsets(
    market: Market, topic: str, partitions: Iterable[int]
) -> set[tuple[int, int]]:
    """Return (partition, offset) of all records in transactions that are still open."""
    numbers = list(partitions)
    stable = _ends(market, topic, numbers, IsolationLevel.READ_COMMITTED)
    written = _ends(market, topic, numbers, IsolationLevel.READ_UNCOMMITTED)
    return {(n, offset) for n in numbers for offset in range(stable[n], written[n])}


def _ends(market: Market, topic: str, numbers: list[int], level: IsolationLevel) -> dict[int, int]:
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in numbers}
    answers = admin.list_offsets(asked, isolation_level=level, request_timeout=10)
    return {tp.partition: answer.result().offset for tp, answer in answers.items()}


def _flag_file(worker: Worker) -> Path:
    return worker.data.with_suffix(".hold")
