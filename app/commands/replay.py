"""`faust -A app replay`: history through the real agents, compared with what live made of it."""

import asyncio
import json
import logging
import os
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast

import click
from faust.cli import option
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.commands._process import JSON, CommandError, LongCommand, OptionError
from app.commands._types import Seconds, Time
from app.settings import Settings
from app.settings import settings as of_this_process
from eventfold.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.worker import TickApp
    from eventfold.replay.history import History

#: Characters of a line where the output goes to a file or another program.
WIDTH = 240

#: Seconds between two lines of progress where there is no terminal.
LINE_INTERVAL = 10.0

#: They say where live is; a replay changes what it does, not where it looks.
FIXED = ("BROKER_URL", "TICKSTREAM_APP_ID", "TICKSTREAM_TOPIC_PREFIX", "TOPIC_PARTITIONS")


class replay(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Run history through the agents again, and compare it with what live made of it.

    Nothing is written to Kafka, no offset is committed. The exit code is 1 where anything
    differs, or nothing could be compared. With --set NAME=VALUE it shows what another setting
    would have changed.
    """

    examples = (
        ("replay --from 2026-01-31T09:00Z --to 2026-01-31T10:00Z", "the same results?"),
        ("replay --from 2026-01-31 --to 2026-02-01 --set TICKSTREAM_SURGE=0.01", "what would go?"),
    )
    options = [  # noqa: RUF012 - as Faust declares it
        option("--from", "begin", type=Time(), required=True, help="Ms, or an ISO time."),
        option("--to", "end", type=Time(), required=True, help="Ms, or an ISO time."),
        option(
            "--topic",
            multiple=True,
            help="Only the tables that write this topic; of a source, those made of it. "
            "Repeatable.",
        ),
        option(
            "--set",
            "changes",
            multiple=True,
            metavar="NAME=VALUE",
            help="Another value of a setting (see `settings`), for the replay. Repeatable.",
        ),
        option(
            "--warm-up",
            type=Seconds(),
            help="How much to read before --from, beside what windows need. Tables of keys may "
            "remember anything: without it they are compared only from a topic's first record on.",
        ),
        option(
            "--rederive",
            is_flag=True,
            help="Read what steps and tables of keys send from the replay as well, not as it lies "
            "in Kafka: changes go further then, the order of several inputs may differ.",
        ),
        option(
            "--limit",
            type=click.IntRange(0),
            default=20,
            show_default=True,
            help="How many differences to print; with --json all are.",
        ),
        JSON,
    ]

    async def work(self) -> None:
        """Replay, compare, tell. Raises CommandError where anything differs."""
        _apply(self.kwargs["changes"])
        # Other commands replay nothing.
        from eventfold.kafka.admin import AdminError  # noqa: PLC0415
        from eventfold.replay import Interval, ReplayError, replay, select  # noqa: PLC0415

        # Its tasks are of no interest, but for what goes wrong.
        for name in "eventfold.engine", "eventfold.formats":
            logging.getLogger(name).setLevel(logging.WARNING)
        interval = Interval(self.kwargs["begin"], self.kwargs["end"])
        if interval.length <= 0:
            raise OptionError("--to has to be after --from")
        app, warm_up = cast("TickApp", self.app), self.kwargs["warm_up"]
        try:
            selection = select(app, self.kwargs["topic"], rederive=self.kwargs["rederive"])
            with _Bars(quiet=self.quiet or self.json) as watch:
                report = await replay(
                    app,
                    selection,
                    interval,
                    warm_up=None if warm_up is None else round(warm_up * 1000),
                    conf=of_this_process(),
                    watch=watch,
                )
        except (AdminError, ReplayError) as error:
            raise CommandError(str(error)) from error
        except asyncio.CancelledError:
            # Not the exit code of a replay without differences.
            raise CommandError("The replay was interrupted") from None
        self._tell(report)

    def _tell(self, report: Any) -> None:
        from eventfold.replay.report import as_json, format_report, verdict  # noqa: PLC0415

        if self.json:
            self.say(json.dumps(as_json(report)))
        else:
            console = self.console(WIDTH)
            for each in format_report(report, self.kwargs["limit"]):
                console.print(each, soft_wrap=not sys.stdout.isatty())
        if report.differences or not report.compared:
            raise CommandError(verdict(report))
        if not self.json:
            self.say(verdict(report))


def _apply(changes: tuple[str, ...]) -> None:
    """Start this command again where the environment is not what `--set` asks for.

    Tables are made when the application is imported, with the settings of then. Raises
    OptionError for what is no setting, or one that says where live is.
    """
    known = {field.alias for field in Settings.model_fields.values()}
    wanted = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in known:
            raise OptionError(
                f"--set {change}: NAME=VALUE with a NAME of `faust -A app settings` is expected"
            )
        if name in FIXED:
            raise OptionError(f"--set {change}: set {name} in the environment, for both sides")
        wanted[name] = value
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        _check(wanted)
        sys.stdout.flush()
        os.execve(sys.executable, sys.orig_argv, os.environ | wanted)  # noqa: S606  # ourselves


def _check(wanted: dict[str, str]) -> None:
    """Raise OptionError where a value can't be, before the command starts again."""
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        Settings.load()
    except SettingsError as error:
        raise OptionError(f"--set {error}") from None
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Bars:
    """Progress on standard error: bars on a terminal, else a line every LINE_INTERVAL."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._due = monotonic() + LINE_INTERVAL
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._replayed = self._progress.add_task("history", total=None)
        self._compared = self._progress.add_task("live results", start=False, visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def planned(self, histories: "Sequence[History]") -> None:
        """Show what of each source will be read."""
        from eventfold.replay.report import describe_plan  # noqa: PLC0415

        if not self._quiet:
            for line in describe_plan(histories):
                self._console.print(line)
        self.replayed(0, sum(each.expected - each.begin for each in histories))

    def replayed(self, done: int, total: int) -> None:
        """Offsets of history."""
        self._progress.update(self._replayed, completed=done, total=total)
        self._print_line("history", done, total)

    def compared(self, done: int, total: int) -> None:
        """Offsets of live topics."""
        self._progress.start_task(self._compared)
        self._progress.update(self._compared, completed=done, total=total, visible=True)
        self._print_line("live results", done, total)

    def _print_line(self, what: str, done: int, total: int) -> None:
        if self._quiet or self._console.is_terminal or monotonic() < self._due:
            return
        self._due = monotonic() + LINE_INTERVAL
        self._console.print(f"{what}: {done:,} of {total:,} records read")
