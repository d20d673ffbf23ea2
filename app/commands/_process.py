"""What a command that works until it is done, or told to stop, needs around its work."""

import asyncio
import contextlib
import logging
import signal
from typing import ClassVar, NoReturn

from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError
from faust.cli import AppCommand, option
from mode.utils.logging import setup_logging

from app import logs
from app.commands._help import Examples
from app.refusals import RefusedError, demand_entry
from app.settings import settings

#: For commands that print facts; `faust --json` before the name of a command is the same.
JSON = option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class CommandError(Exception):
    """What a user has to know before trying again, in one line."""


class LongCommand(Examples, AppCommand):
    """A command whose `work` ends by itself, or is cancelled by SIGINT, SIGTERM or SIGHUP.

    Its exit code is 0 for either, and 1, with one line that says why, where it can't work.
    """

    abstract: ClassVar[bool] = True

    async def work(self) -> None:
        """Do what the command is for; `finally` is the place to put things in order."""
        raise NotImplementedError

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Run `work` in a loop of its own: Faust's worker reports errors with tracebacks."""
        self.json = self.json or bool(self.kwargs.get("as_json"))
        self._set_up_logging()
        try:
            asyncio.run(self._work_until_told())
        except CommandError as error:
            raise SystemExit(str(error)) from error
        except KafkaError as error:
            raise SystemExit(_explain(error)) from error
        except RefusedError as error:
            raise SystemExit(str(error)) from error
        raise SystemExit(0)

    async def _work_until_told(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # noqa: S101 - we run in one
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels, nothing else
            loop.add_signal_handler(signal.SIGINT, task.cancel)
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` sets it
                loop.add_signal_handler(signal.SIGHUP, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await self.work()
            except KafkaConnectionError:
                await demand_entry(settings())  # says why, if a broker answers
                raise

    def _set_up_logging(self) -> None:
        level = self._loglevel or "INFO"
        setup_logging(loglevel=level, logfile=self.logfile, logging_config=logs.config(settings()))
        if level.upper() != "DEBUG":
            # Both speak of each attempt; we say what it means, once.
            aiokafka = logging.getLogger("aiokafka")
            aiokafka.addHandler(logging.NullHandler())
            aiokafka.propagate = False
            logging.getLogger("stamina").setLevel(logging.ERROR)


def _explain(error: KafkaError) -> str:
    match error:
        case KafkaConnectionError():
            url = settings().broker_url
            return f"No Kafka broker answers at BROKER_URL={url}; `faust -A app broker` starts one"
        case UnknownTopicOrPartitionError():
            return f"There is no topic {error.args[0]!r}; `faust -A app topics` creates it"
        case _:
            return f"Kafka refused: {error!r}"
