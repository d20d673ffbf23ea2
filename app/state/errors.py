"""What stops a worker, and what only stops a task until it is opened again."""

from __future__ import annotations

import asyncio
import traceback

from aiokafka.errors import ProducerFenced


class TaskError(Exception):
    """A task can't go on, and no restart would help; the worker stops with this message."""


class OtherHistoryError(Exception):
    """A store and its changelog don't belong together, or the changelog has lost its beginning."""


class BatchError(Exception):
    """What stands at offsets `begin` to `end` - 1 was not folded as a whole: it has to come again.

    A worker where it fails again and again stops with this message.
    """

    def __init__(self, message: str, begin: int, end: int) -> None:
        super().__init__(message)
        self.begin = begin
        self.end = end


def other_pipelines(application: str, source: str, theirs: str, ours: str) -> str:
    """Say that other workers of the application fold a source into other tables."""
    return (
        f"application {application} folds {source} into {theirs}, this worker into {ours}: run it "
        "with the same TICKSTREAM_PIPELINES and TICKSTREAM_MODULES, or under another "
        "TICKSTREAM_APP_ID"
    )


def told(error: BaseException) -> str:
    """Give an error of a user's function in one line, with where it was raised."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    frames = traceback.extract_tb(error.__traceback__)
    return f"{text} ({frames[-1].filename}:{frames[-1].lineno})" if frames else text


def in_words(error: BaseException) -> str:
    """Say what a checkpoint failed of."""
    if isinstance(error, ProducerFenced):
        return "fenced: another worker has its partition, or its transaction timed out"
    if isinstance(error, asyncio.CancelledError):
        return "what it waited for was cancelled"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return repr(error)
