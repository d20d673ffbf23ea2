"""Monitors of workers from outside: committed offsets, and the resources of a process."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple, Self

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

#: Seconds between two polls of the committed offsets.
POLL_INTERVAL = 0.02


class MonitorThread:
    """Thread that runs `_watch`, which ends when `_ending` is set; used in `with`."""

    def __init__(self, name: str) -> None:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        raise NotImplementedError


class CommitMonitor(MonitorThread):
    """Thread that polls the committed offsets of the partitions of a topic; used in `with`.

    A task commits in the transaction of its results, so the time between two commits is the time
    without new results of a partition. Under a steady load each checkpoint advances the offset.
    """

    def __init__(
        self, bootstrap: str, group: str, partitions: Iterable[int], topic: str = "ticks"
    ) -> None:
        self._bootstrap, self._group = bootstrap, group
        self._partitions = [TopicPartition(topic, number) for number in partitions]
        self._commits: dict[int, list[float]] = {each.partition: [] for each in self._partitions}
        self._offsets: dict[int, int] = {}
        super().__init__("positions")

    def pauses(self, since: float) -> dict[int, float]:
        """Return each partition's longest time (s) between commits that ended after `since`.

        `since` is of `time.monotonic()`. A pause that has not ended counts up to now.
        """
        return {number: _longest(list(at), since) for number, at in self._commits.items()}

    def moved_since(self, since: float) -> bool:
        """Return whether every partition has advanced twice after `since`."""
        return all(len(at) > 1 and at[-2] > since for at in self._commits.values())

    def _watch(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": self._group,
                "enable.auto.commit": False,
            }
        )
        while not self._ending.wait(POLL_INTERVAL):
            with suppress(KafkaException):  # asked again at once
                found = consumer.committed(self._partitions, timeout=5)
                now = time.monotonic()
                for each in found:
                    if each.offset > self._offsets.get(each.partition, 0):
                        self._offsets[each.partition] = each.offset
                        self._commits[each.partition].append(now)
        consumer.close()


def _longest(commits: list[float], since: float) -> float:
    ends = [*commits, time.monotonic()]
    return max(
        (end - begin for begin, end in pairwise(ends) if end > since),
        default=0.0,
    )


class Usage(NamedTuple):
    """Resources of a process."""

    rss: int
    files: int
    threads: int


def usage(pid: int) -> Usage:
    """Return the resources of a process. Raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    with process.oneshot():
        return Usage(process.memory_info().rss, process.num_fds(), process.num_threads())


def processor_time(process: psutil.Process) -> float:
    """Return the CPU time (s) of a process and its children."""
    times = [each.cpu_times() for each in [process, *process.children(recursive=True)]]
    return sum(each.user + each.system for each in times)


class PeakMemory(MonitorThread):
    """Thread that polls the memory of a process and keeps the peak; used in `with`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        #: Bytes.
        self.rss = 0
        super().__init__("peak")

    def _watch(self) -> None:
        with suppress(psutil.NoSuchProcess):
            while not self._ending.wait(5 * POLL_INTERVAL):
                self.rss = max(self.rss, usage(self._pid).rss)
