"""Observation of workers from outside: committed positions, and the resources of a process."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from types import TracebackType
from typing import NamedTuple, Self

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

#: Seconds between two looks at the committed offsets, and at a process.
POLL = 0.02


class Positions:
    """Progress of each partition of a topic: a thread that polls committed offsets.

    A commit of a task is the transaction with its results, so what is between two of them is how
    long a reader got nothing of a partition. Used in `with`. Under a steady load a quiet worker
    moves at each checkpoint.
    """

    def __init__(
        self, bootstrap: str, group: str, partitions: Iterable[int], topic: str = "ticks"
    ) -> None:
        self._bootstrap, self._group = bootstrap, group
        self._partitions = [TopicPartition(topic, number) for number in partitions]
        self._moves: dict[int, list[float]] = {each.partition: [] for each in self._partitions}
        self._offsets: dict[int, int] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="positions", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()

    def pauses(self, since: float) -> dict[int, float]:
        """Return each partition's longest time (s) without a commit that ended after `since`.

        `since` is of `time.monotonic()`. A pause that has not ended counts up to now.
        """
        return {number: _longest(list(at), since) for number, at in self._moves.items()}

    def moved_since(self, since: float) -> bool:
        """Return whether every partition has advanced twice after `since`."""
        return all(len(at) > 1 and at[-2] > since for at in self._moves.values())

    @property
    def committed(self) -> int:
        """The sum of the offsets last seen."""
        return sum(self._offsets.values())

    def _watch(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": self._group,
                "enable.auto.commit": False,
            }
        )
        while not self._ending.wait(POLL):
            with suppress(KafkaException):  # asked again at once
                found = consumer.committed(self._partitions, timeout=5)
                now = time.monotonic()
                for each in found:
                    if each.offset > self._offsets.get(each.partition, 0):
                        self._offsets[each.partition] = each.offset
                        self._moves[each.partition].append(now)
        consumer.close()


def _longest(moves: list[float], since: float) -> float:
    ends = [*moves, time.monotonic()]
    return max(
        (end - begin for begin, end in pairwise(ends) if end > since),
        default=0.0,
    )


class Usage(NamedTuple):
    """Resources that a process takes."""

    rss: int
    files: int
    threads: int


def usage(pid: int) -> Usage:
    """Ask a process. Raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    with process.oneshot():
        return Usage(process.memory_info().rss, process.num_fds(), process.num_threads())


def processor_time(process: psutil.Process) -> float:
    """Return the CPU time of a process and its children (s)."""
    times = [each.cpu_times() for each in [process, *process.children(recursive=True)]]
    return sum(each.user + each.system for each in times)


class Peak:
    """The highest memory of a process while it is watched, by a thread; used in `with`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        #: Bytes.
        self.rss = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        with suppress(psutil.NoSuchProcess):
            while not self._ending.wait(5 * POLL):
                self.rss = max(self.rss, usage(self._pid).rss)
