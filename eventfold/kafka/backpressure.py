"""Which partitions to fetch: not those whose tasks hold all that may be uncommitted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faust.types import TP

    from eventfold.engine.tasks import Tasks

logger = logging.getLogger(__name__)

#: Seconds that a task may wait for its checkpoints before the log has a line about it.
LONG = 5.0


class Backpressure:
    """Leaves out of a poll what tasks can't take at the moment; all others go on.

    What a task has not taken stays in the fetcher, which fetches no more of that partition then.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        #: Since when (s) a task waits; None once the log has a line about it.
        self._since: dict[TopicPartition, float | None] = {}

    def free(self, partitions: Iterable[TP]) -> set[TP]:
        """Return those of `partitions` to ask for records of."""
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
