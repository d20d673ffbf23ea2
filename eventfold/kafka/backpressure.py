"""Backpressure: no fetch for a task that has reached its limit of uncommitted data."""

import logging
from collections.abc import Iterable

from aiokafka import TopicPartition
from faust.types import TP

from eventfold.engine.tasks import Tasks

logger = logging.getLogger(__name__)

#: Seconds that a task may wait for its checkpoints before a warning is logged.
LONG = 5.0


class Backpressure:
    """Filter of a poll: records of backpressured tasks stay in the fetcher, which waits."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        #: Time (s) at which a task began to wait; None once the warning is logged.
        self._since: dict[TopicPartition, float | None] = {}

    def free(self, partitions: Iterable[TP]) -> set[TP]:
        """Return those of `partitions` that may be polled."""
        return {tp for tp in partitions if not self._waits(TopicPartition(tp.topic, tp.partition))}

    def _waits(self, tp: TopicPartition) -> bool:
        task = self._tasks.running(tp)
        if task is None or not task.backpressured:
            self._since.pop(tp, None)
            return False
        now = self._tasks.clock.monotonic()
        since = self._since.setdefault(tp, now)
        if since is not None and now - since > LONG:
            self._since[tp] = None
            logger.warning(
                "%s: %d MB are folded and not committed for want of a checkpoint, for %.0f s now; "
                "no more is fetched until the brokers have committed one",
                task.name,
                self._tasks.uncommitted.of(tp) >> 20,
                LONG,
                extra=task.facts,
            )
        return True
