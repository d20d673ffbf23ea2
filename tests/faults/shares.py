"""Distribution of the partitions over the workers."""

import logging
import time
from itertools import chain

from steady_load import SETTINGS
from workers import Worker, until

logger = logging.getLogger(__name__)

PARTITIONS = list(range(int(SETTINGS["TOPIC_PARTITIONS"])))


def open_partitions(worker: Worker) -> list[int]:
    """Return the open partitions of `candles` of a worker, none while it is not ready."""
    status, answer = worker.get("/readyz")
    return sorted(answer["tables"]["candles"]["open"]) if status == 200 else []


def wait_taken_over(worker: Worker, timeout: float = 90) -> None:
    """Wait until a worker has all partitions open; log the seconds it took."""
    started = time.monotonic()
    until(lambda: open_partitions(worker) == PARTITIONS, timeout)
    logger.info("Taken over in %.1f s", time.monotonic() - started)


def wait_shared(*workers: Worker, timeout: float = 90) -> None:
    """Wait until each worker has some partitions, and every partition is open."""

    def are_shared() -> bool:
        shares = [open_partitions(worker) for worker in workers]
        return all(shares) and sorted(chain(*shares)) == PARTITIONS

    until(are_shared, timeout)
