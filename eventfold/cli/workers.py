"""One-line errors at the end of Faust's commands, instead of the tracebacks of Faust and mode."""

import asyncio
import logging
from typing import Any

import click
import faust
import mode
import mode.worker
from faust.cli import base
from faust.cli.faust import cli

from eventfold.cli.exits import describe, exiting
from eventfold.open_files import describe_limit, is_limit
from eventfold.windows.errors import DefinitionError

__all__ = ["CommandWorker", "Worker", "cli", "replace_exits"]

_find_app = base.find_app

#: Messages that mode and Faust log at every end, with or without an error.
_ROUTINE = (
    "Gathering service tasks",
    "Gathering all futures",
    "Closing event loop",
    "Flush producer buffer",
    "We experienced a crash",
)

#: Beginnings of the messages that mode logs with the traceback of an error that ends a service.
_CRASHES = ("Crashed reason", "Error while stopping")


class CommandWorker(mode.Worker):
    """Process of a command of Faust's: ends with one line if it can't start, and stops services."""

    async def start(self) -> None:
        """Start the services; an error of theirs becomes the reason why the process ends."""
        try:
            await super().start()
        except asyncio.CancelledError:
            raise
        except (Exception, SystemExit) as error:
            self.log.debug("The traceback of the error below", exc_info=True)
            self.crash_reason = error

    def on_setup_root_logger(self, logger: Any, level: int) -> None:
        """Log the crash of a service in one line."""
        super().on_setup_root_logger(logger, level)
        for handler in logger.handlers:
            handler.addFilter(self._is_news)

    def _is_news(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record of mode; replace a traceback unless the level is debug."""
        if logging.root.isEnabledFor(logging.DEBUG):
            return True
        text, error = str(record.msg), record.exc_info[1] if record.exc_info else None
        if any(each in text for each in _ROUTINE):
            return False
        if error is not None and record.name == "asyncio" and is_limit(error):
            # No connection can be accepted: asyncio logs it for each waiting one (see log_filters).
            record.msg, record.args = describe_limit(), ()
            record.exc_info = record.exc_text = None
            return True
        if error is None or not any(each in text for each in _CRASHES):
            return True
        if error is self.crash_reason or isinstance(error, SystemExit):
            return False  # it is the last line
        record.msg, record.args = "A service crashed: %s", (describe(error),)
        record.exc_info = record.exc_text = None
        return True

    async def _sentinel_task(self) -> None:
        """Wait up to a second for the other tasks to end, where mode always waits for a second."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=1)


class Worker(CommandWorker, faust.Worker):
    """Process of `faust -A app worker`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.stdout.isatty():
            # The spinner writes an escape sequence after the last line.
            self.spinner = None


def find_app(name: str, **options: Any) -> Any:
    """Return the application that `-A` names. Raises UsageError if there is none.

    Raises DefinitionError for one whose streams are declared wrongly.
    """
    try:
        return _find_app(name, **options)
    except (ImportError, AttributeError, ValueError) as error:
        # Faust raises an error of its own for whatever the module raised.
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, DefinitionError):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            raise DefinitionError(str(cause)) from None
        why = " ".join(str(error).split())
        raise click.UsageError(
            f"-A {name} is no Faust application ({why}): name the module of one, as in `-A app`"
        ) from error


def replace_exits() -> None:
    """Patch Faust and mode so that their commands end as `eventfold.cli.exits` describes."""
    module: Any = base
    module.exiting = mode.worker.exiting = exiting
    module.find_app, module.Worker = find_app, CommandWorker
