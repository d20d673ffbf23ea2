"""Errors that stop a worker, and errors that only stop a task until it is opened again."""

from __future__ import annotations

import asyncio
import sysconfig
import traceback

from aiokafka.errors import ProducerFenced

from eventfold.open_files import describe_limit, is_limit
from eventfold.settings import Settings

#: Path prefixes of traceback frames that a user can't repair: libraries, and the import system.
_LIBRARIES = (*(sysconfig.get_path(each) for each in ("stdlib", "purelib", "platlib")), "<frozen")


class TaskError(Exception):
    """Failure of a task that no restart would help; the worker stops with this message."""


class ClosedMeanwhileError(Exception):
    """Closing of a partition while its whole table was read: the result is incomplete."""


class OtherHistoryError(Exception):
    """Store that does not belong to its changelog, or changelog that has lost its beginning."""


class BatchError(Exception):
    """Failure to fold offsets `begin` to `end` - 1 as a whole: they have to be folded again.

    A worker where they fail again and again stops with this message.
    """

    def __init__(self, message: str, begin: int, end: int) -> None:
        super().__init__(message)
        self.begin = begin
        self.end = end


class TooLargeError(ValueError):
    """Record or row that would be larger than the setting `max_record_bytes`."""

    def __init__(self, what: str, size: int, most: int, conf: Settings) -> None:
        super().__init__(
            f"{what} would have {size:,} bytes, more than {most:,}: see "
            f"{conf.variable('max_record_bytes')}"
        )


class UnwritableError(BatchError):
    """Row of a table that can't be written.

    `offset` is that of the record that caused it, None if unknown. `begin` to `end` - 1 are the
    offsets since the last checkpoint, up to that record if it is known.
    """

    def __init__(
        self, table: str, why: str, begin: int, end: int, offset: int | None = None
    ) -> None:
        super().__init__(why, begin, end)
        self.table = table
        self.offset = offset


def afresh(conf: Settings) -> str:
    """Describe what an application can do that can't continue with its state.

    It loses and doubles nothing: the old topics stay, and the new application folds its sources
    into topics that nobody else writes.
    """
    return (
        f"start afresh under another {conf.variable('app_id')} with a "
        f"{conf.variable('topic_prefix')} of its own, which makes its outputs new topics for "
        "readers to go on with"
    )


def other_pipelines(conf: Settings, source: str, theirs: str, ours: str) -> str:
    """Describe a source that other workers of the application fold into other tables."""
    return (
        f"application {conf.app_id} folds {source} into {theirs}, this worker into {ours}: run it "
        f"with the same {' and '.join(conf.selection())}, or {afresh(conf)}"
    )


def made_anew(source: str, conf: Settings) -> str:
    """Describe a source that was recreated: it is not the topic whose records were folded."""
    return (
        f"topic {source} was deleted and made anew: none of its records is folded, the state of "
        f"its tables is of the topic before it: {afresh(conf)}"
    )


def other_definitions(application: str, table: str, setting: str, theirs: str, ours: str) -> str:
    """Describe a setting in which a worker differs from the running ones."""
    return (
        f"application {application} runs table {table} with {setting} {theirs}, this worker has "
        f"{setting} {ours}: start it with the same, or stop all workers of the application before "
        "(one that was killed counts as running until its BROKER_SESSION_TIMEOUT is over)"
    )


def other_windows(table: str, before: str, now: str, conf: Settings) -> str:
    """Describe windows that differ from those that a table's state was made for."""
    return (
        f"table {table}: its state is of windows {before}, this worker's are {now}, and windows "
        f"can't change in place: set them back, in the settings or where the table is declared, or "
        f"{afresh(conf)}"
    )


def changelog_made_anew(changelog: str, conf: Settings) -> str:
    """Describe a changelog that was recreated: the state was written to the topic before it."""
    return (
        f"topic {changelog} was deleted and made anew: what its table had written before is in no "
        f"changelog any more, its state is lost: {afresh(conf)}"
    )


def describe_error(error: BaseException) -> str:
    """Format an error as one line with the place that raised it.

    The place is the innermost frame outside the libraries, if there is one. An error by the limit
    of open files is described as such, without a place.
    """
    if is_limit(error):
        return describe_limit()
    text = " ".join(f"{type(error).__name__}: {error}".split())
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return text
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)]
    place = (own or frames)[-1]
    return f"{text} ({place.filename}:{place.lineno})"


def in_words(error: BaseException) -> str:
    """Describe why a checkpoint failed."""
    if isinstance(error, ProducerFenced):
        return "fenced: another worker has its partition, or its transaction timed out"
    if isinstance(error, asyncio.CancelledError):
        return "what it waited for was cancelled"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, UnwritableError):
        return f"{error}; the record that made it so is looked for, and left out"
    return repr(error)


class StartError(Exception):
    """The worker can't start as it is configured; the message names the remedy."""
