"""End of every command: an exit code, and one line on standard error if the code is not 0."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

#: Packages whose error messages are written for users; an application adds its own.
OWN = {"eventfold"}

logger = logging.getLogger(__name__)


def accept_any_encoding() -> None:
    """Make standard output and error escape the characters that their encoding lacks."""
    for stream in sys.stdout, sys.stderr:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


@contextmanager
def exiting(**_: Any) -> Iterator[None]:
    """End the process after the body: with code 0, or with one line for the error it raised.

    Accepts the options of mode's context manager of this name, which prints tracebacks. Errors of
    click pass, since click prints them with code 2; so does BrokenPipeError.
    """
    try:
        yield
    except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
        raise
    except Exception as error:
        logger.debug("The command ends with this error", exc_info=True)
        raise SystemExit(describe(error)) from None
    raise SystemExit(0)


def is_for_users(error: BaseException) -> bool:
    """Return whether the message of an error is written for users."""
    return isinstance(error, SystemExit) or type(error).__module__.partition(".")[0] in OWN


def describe(error: BaseException) -> str:
    """Describe an error that ends a command, in one line."""
    if is_for_users(error):
        return str(error)
    # Imported here, because a command without an error needs none of these.
    from aiokafka.errors import KafkaConnectionError  # noqa: PLC0415

    from eventfold.engine.errors import describe_error  # noqa: PLC0415
    from eventfold.kafka.broker_preflight import describe_unreachable  # noqa: PLC0415

    command = click.get_current_context(silent=True)
    app = getattr(command.find_root(), "app", None) if command else None
    if app is not None and isinstance(error, KafkaConnectionError):
        return describe_unreachable(app.settings)
    return f"{describe_error(error)}: -l debug logs the traceback"
