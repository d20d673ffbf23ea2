"""Bases of commands: examples in their help, exit codes, one-line errors, signals."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from inspect import cleandoc
from typing import IO, TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import click
from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError
from click import UsageError
from faust.cli import AppCommand, option
from faust.cli.base import cli
from mode.utils.logging import setup_logging

from eventfold.cli.exits import is_for_users
from eventfold.cli.output import EXIT_CODE, Output, Plain, ReaderGoneError, abandon
from eventfold.environment import APPLICATION
from eventfold.extras import demand
from eventfold.kafka.broker_preflight import demand_entry, describe_unreachable
from eventfold.telemetry import log_filters, logs
from eventfold.worker.startup_checks import topics_of

if TYPE_CHECKING:
    from eventfold.cli.console import VisibleConsole

#: For commands that print facts; `faust --json` before the name of a command is the same.
JSON = option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class CommandError(Exception):
    """A command can't do its work; the message is one line for the user."""

    exit_code: ClassVar[int] = 1


class OptionError(CommandError):
    """Options or arguments make no sense, alone or together."""

    exit_code: ClassVar[int] = 2


#: Characters of a line of a table where the output goes to a file or another program, in which a
#: line is one row, however long.
WIDTH = 200


class Examples:
    """Appends the `examples` of one of Faust's own commands to its docstring, hence to its help."""

    #: What follows `faust -A app`, each with what it is for (or nothing).
    examples: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: An `eventfold.worker.app.App`, whose subclasses have settings of their own.
    app: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Append the examples."""
        cls.__doc__ = _with_examples(cls.__doc__, cls.examples)
        super().__init_subclass__(**kwargs)


def _with_examples(text: str | None, examples: Sequence[tuple[str, str]]) -> str | None:
    """Append examples to a docstring; click keeps the lines of a paragraph after a backspace."""
    if not examples:
        return text
    width = max(len(command) for command, _ in examples)
    lines = [f"  faust -A {APPLICATION} {command:<{width}}  {why}" for command, why in examples]
    text = cleandoc(text or "")
    return "\n".join([f"{text}\n", "\b", "Examples:", *map(str.rstrip, lines)])


def add_options(command: str, options: Iterable[click.Option]) -> None:
    """Add an application's options to a command of the library, each with its default in the help.

    An option whose name the command has already is left out.
    """
    parameters = cli.commands[command].params
    known = {each.name for each in parameters}
    for added in options:
        added.show_default = True
        parameters += [added] if added.name not in known else []


class LongCommand(AppCommand):
    """A command whose `work` ends by itself, or is cancelled by SIGINT, SIGTERM or SIGHUP.

    Its exit code is 0 for either, and 1, with one line that says why, where it can't work; 2 where
    its options make no sense. Where nobody reads its output any more it ends as by SIGPIPE.
    """

    abstract: ClassVar[bool] = True
    #: As those of `Examples`.
    examples: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: An `eventfold.worker.app.App`, whose subclasses have settings of their own.
    app: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Append the examples."""
        cls.__doc__ = _with_examples(cls.__doc__, cls.examples)
        super().__init_subclass__(**kwargs)

    async def work(self) -> None:
        """Do what the command is for; `finally` is the place to put things in order."""
        raise NotImplementedError

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Run `work` in a loop of its own: Faust's worker reports errors with tracebacks."""
        self.json = self.json or bool(self.kwargs.get("as_json"))
        self._set_up_logging()
        self._output = cast("IO[str]", Output(self.stdout))
        self.stdout = cast("IO[str]", Plain(self._output))
        self.stderr = cast("IO[str]", Plain(self.stderr))
        try:
            asyncio.run(self._work_until_told())
            self.stdout.flush()
        except UsageError as error:
            self._fail(error.format_message(), OptionError.exit_code)
        except KafkaError as error:
            self._fail(self._explain(error))
        except ReaderGoneError:
            abandon()
            raise SystemExit(EXIT_CODE) from None
        except Exception as error:
            if not is_for_users(error):
                raise
            self._fail(str(error), getattr(error, "exit_code", CommandError.exit_code))
        raise SystemExit(0)

    def console(self, width: int | None = WIDTH, **options: Any) -> "VisibleConsole":
        """Return what prints tables on standard output, in `width` characters unless a terminal."""
        demand("rich", "cli", "tables", CommandError)
        from eventfold.cli.console import VisibleConsole  # noqa: PLC0415  # a worker prints none

        width_here = None if sys.stdout.isatty() else width
        return VisibleConsole(file=self._output, width=width_here, **options)

    def _fail(self, reason: str, exit_code: int = CommandError.exit_code) -> NoReturn:
        with contextlib.suppress(ReaderGoneError):  # what is printed so far comes first
            self.stdout.flush()
        print(reason, file=self.stderr)  # --quiet or not
        raise SystemExit(exit_code)

    async def demand_broker(self) -> None:
        """Return when a broker lets us in. Raises CommandError, RefusedError."""
        # The clients would wait a minute for one that is silent.
        try:
            await demand_entry(self.app.settings)
        except KafkaConnectionError as error:
            raise CommandError(self._explain(error)) from error

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
                await demand_entry(self.app.settings)  # says why, if a broker answers
                raise

    def _set_up_logging(self) -> None:
        level = self._loglevel or "INFO"
        config = logs.config(self.app.settings)
        setup_logging(loglevel=level, logfile=self.logfile, logging_config=config)
        if level.upper() != "DEBUG":
            # Both speak of each attempt; we say what it means, once.
            aiokafka = logging.getLogger("aiokafka")
            aiokafka.addHandler(logging.NullHandler())
            aiokafka.propagate = False
            log_filters.logger.setLevel(logging.ERROR)

    def _explain(self, error: KafkaError) -> str:
        match error:
            case KafkaConnectionError():
                return describe_unreachable(self.app.settings)
            case UnknownTopicOrPartitionError():
                return self._explain_unknown(error.args[0])
            case _:
                return f"Kafka refused: {error!r}"

    def _explain_unknown(self, topic: str) -> str:
        known = [each.name for each in topics_of(self.app)]
        command = f"`faust -A {self.state.app} topics`"
        if topic in known:
            return f"There is no topic {topic!r}; {command} creates it"
        close = get_close_matches(topic, known, 1)
        if close:
            return f"There is no topic {topic!r}: did you mean {close[0]!r}?"
        return (
            f"There is no topic {topic!r}, and it is none of those that {command} creates: "
            f"create it first, such as by `kafka-topics.sh --create --topic {topic}`"
        )
