"""What Faust and mode do at the end of a command, in place of their tracebacks."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import click
import faust
import mode
import mode.worker
from faust.cli import base
from faust.cli.faust import cli

from app.exits import describe, exiting
from eventfold.open_files import describe_limit, is_limit

__all__ = ["CommandWorker", "Worker", "cli", "replace_exits"]

_find_app = base.find_app

#: What mode and Faust log of each end, good or bad, beside what happened.
_ROUTINE = (
    "Gathering service tasks",
    "Gathering all futures",
    "Closing event loop",
    "Flush producer buffer",
    "We experienced a crash",
)

#: How the lines begin that mode logs with the traceback of an error that ends a service.
_CRASHES = ("Crashed reason", "Error while stopping")


class _EndsInOneLine(mode.Worker):
    """Ends with one line where it can't start: its services are stopped first."""

    async def start(self) -> None:
        """Start the services; what they raise becomes the reason for which the process ends."""
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
        """Return whether to log what mode logs; at debug all of it, else no traceback of an end."""
        if logging.root.isEnabledFor(logging.DEBUG):
            return True
        text, error = str(record.msg), record.exc_info[1] if record.exc_info else None
        if any(each in text for each in _ROUTINE):
            return False
        if error is not None and record.name == "asyncio" and is_limit(error):
            # No connection can be accepted: asyncio logs it for each that waits (see log_filters).
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
        """Wait for what was cancelled, where mode waits for a second in any case."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=1)


class Worker(_EndsInOneLine, faust.Worker):
    """The process of `faust -A app worker`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.stdout.isatty():
            # It leaves an escape sequence behind the last line.
            self.spinner = None


class CommandWorker(_EndsInOneLine):
    """The process of another of Faust's own commands."""


def find_app(name: str, **options: Any) -> Any:
    """Return the application that `-A` names. Raises UsageError where there is none."""
    try:
        return _find_app(name, **options)
    except (ImportError, AttributeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise click.UsageError(
            f"-A {name} is no Faust application ({why}): the one of this project is `-A app`"
        ) from error


def replace_exits() -> None:
    """End Faust's commands as `app.exits` describes."""
    module: Any = base
    module.exiting = mode.worker.exiting = exiting
    module.find_app, module.Worker = find_app, CommandWorker
