"""For TICKSTREAM_MODULES: the worker stops itself in mid-checkpoint, once a file exists.

By then the records of a transaction have been sent, and its commit has not. The transaction has
changelog rows of candles, which the tests check. STOP_BEFORE_COMMIT names the file; it is removed,
and the process sends itself SIGSTOP.
"""

import os
import signal
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

_FLAG = Path(os.environ["STOP_BEFORE_COMMIT"])
_commit = AIOKafkaProducer.commit_transaction


def _stop_if_asked() -> None:
    if _FLAG.exists():
        _FLAG.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


async def _stop_and_commit(producer: Any) -> None:
    written = producer._txn_manager._txn_partitions  # there is no public way
    if any(tp.topic.endswith("-candles-changelog") for tp in written):
        _stop_if_asked()
    await _commit(producer)


AIOKafkaProducer.commit_transaction = _stop_and_commit
