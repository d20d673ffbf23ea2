"""Gauges of `/metrics` that are read off the tasks at each scrape: they cost a batch nothing.

A partition that another worker owns has no local task, and so no series.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from eventfold.engine.task import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from eventfold.engine.partition import PartitionState
    from eventfold.engine.progress import Progress
    from eventfold.engine.tasks import Tasks

_OF_TASK = ["topic", "partition"]
_OF_TABLE = ["table", "partition"]


class TaskGauges(Collector):
    """Gauges of a worker's tasks and their tables."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def collect(self) -> Iterator[Metric]:
        """Yield each gauge with its present values."""
        yield self._counts()
        yield from _of_tasks(self._tasks)
        yield from _of_states([state for task in self._tasks.all for state in task.states])
        yield from _of_restores(
            [each for task in self._tasks.all if (each := task.restoring) and each.end > each.begin]
        )

    def _counts(self) -> Metric:
        counts = GaugeMetricFamily(
            "eventfold_tasks", "Tasks of this worker by state", labels=["state"]
        )
        for state in State:
            number = sum(task.state is state for task in self._tasks.all)
            counts.add_metric([state.value], number)
        return counts


def _of_tasks(tasks: Tasks) -> Iterator[Metric]:
    uncommitted = GaugeMetricFamily(
        "eventfold_uncommitted_records", "Offsets folded and not committed yet", labels=_OF_TASK
    )
    memory = GaugeMetricFamily(
        "eventfold_uncommitted_bytes",
        "Memory of what is folded and not committed yet, estimated; "
        f"{tasks.conf.variable('uncommitted_bytes')} is the limit of their sum",
        labels=_OF_TASK,
    )
    for task in tasks.all:
        labels = [task.source, str(task.partition)]
        if task.next_offset is not None and task.states:
            uncommitted.add_metric(labels, max(s.uncommitted for s in task.states))
            memory.add_metric(labels, task.tasks.uncommitted.of(task.tp))
    yield from (uncommitted, memory)


def _of_states(states: list[PartitionState]) -> Iterator[Metric]:
    stream_time = GaugeMetricFamily(
        "eventfold_stream_time_seconds", "Highest event time accepted", labels=_OF_TABLE
    )
    behind = GaugeMetricFamily(
        "eventfold_event_time_lag_seconds",
        "How far stream time is behind this machine's clock",
        labels=_OF_TABLE,
    )
    size = GaugeMetricFamily(
        "eventfold_store_bytes", "Size of a store's files on disk", labels=_OF_TABLE
    )
    memory = GaugeMetricFamily(
        "eventfold_store_memory_bytes",
        "Size of a store's write buffers, which are not on disk yet",
        labels=_OF_TABLE,
    )
    entries = GaugeMetricFamily(
        "eventfold_store_entries",
        "Entries of a store, estimated; a row with a time is two",
        labels=_OF_TABLE,
    )
    now = time.time()
    for state in states:
        labels = [state.table.name, str(state.partition)]
        if state.meta.stream_time >= 0:
            seconds = state.meta.stream_time / 1000
            stream_time.add_metric(labels, seconds)
            behind.add_metric(labels, now - seconds)
        stored = state.store.size()
        size.add_metric(labels, stored.disk)
        memory.add_metric(labels, stored.memory)
        entries.add_metric(labels, stored.entries)
    yield from (stream_time, behind, size, memory, entries)


def _of_restores(restores: list[Progress]) -> Iterator[Metric]:
    left = GaugeMetricFamily(
        "eventfold_restore_left_offsets",
        "Offsets of a changelog that a restore under way has not read yet",
        labels=_OF_TABLE,
    )
    progress = GaugeMetricFamily(
        "eventfold_restore_progress_ratio",
        "How much of a restore under way is done, 0 to 1",
        labels=_OF_TABLE,
    )
    age = GaugeMetricFamily(
        "eventfold_restore_age_seconds", "How long a restore has been under way", labels=_OF_TABLE
    )
    for each in restores:
        labels = [each.table, str(each.partition)]
        left.add_metric(labels, each.end - each.position)
        progress.add_metric(labels, each.percent / 100)
        age.add_metric(labels, each.seconds)
    yield from (left, progress, age)
