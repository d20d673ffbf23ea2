"""Partitions of each worker."""

import logging
import time
from itertools import chain

from steady_load import SETTINGS
from workers import Worker, until

logger = logging.getLogger(__name__)

PARTITIONS = list(range(int(SETTINGS["TOPIC_PARTITIONS"])))


def owned(worker: Worker) -> list[int]:
    """Return the open partitions of `candles` of a worker, none while it is not ready."""
    status, answer = worker.get("/readyz")
    return sorted(answer["tables"]["candles"]["open"]) if status == 200 else []


def wait_taken_over(worker: Worker, timeout: float = 90) -> None:
    """Wait until it has all partitions; log the seconds it took."""
    begun = time.monotonic()
    until(lambda: owned(worker) == PARTITIONS, timeout)
    logger.info("Taken over in %.1f s", time.monotonic() - begun)


def wait_shared(*workers: Worker, timeout: float = 90) -> None:
    """Wait until each of them has some, and all are had."""

    def shared() -> bool:
        shares = [owned(worker) for worker in workers]
        return all(shares) and sorted(chain(*shares)) == PARTITIONS

    until(shared, timeout)
