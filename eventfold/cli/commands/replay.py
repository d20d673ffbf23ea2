"""`faust -A app replay`: history through the real agents, compared with what live made of it."""

import asyncio
import json
import logging
import os
import sys
from typing import Any

import click
from faust.cli import option

from eventfold.cli.command import JSON, CommandError, LongCommand, OptionError
from eventfold.cli.option_types import Seconds, Time
from eventfold.settings import Settings, SettingsError

#: Characters of a line where the output goes to a file or another program.
WIDTH = 240

#: They say where live is; a replay changes what it does, not where it looks.
FIXED = ("broker_url", "app_id", "topic_prefix", "topic_partitions")


class replay(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Run history through the agents again, and compare it with what live made of it.

    Nothing is written to Kafka, no offset is committed. The exit code is 1 where anything
    differs, or nothing could be compared. With --set NAME=VALUE it shows what another setting
    would have changed.
    """

    examples = (
        ("replay --from 2026-01-31T09:00Z --to 2026-01-31T10:00Z", "the same results?"),
        ("replay --from 2026-01-31 --to 2026-02-01 --set NAME=VALUE", "what would differ?"),
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
            help="Another value of a setting, for the replay. Repeatable.",
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
        _apply(self.kwargs["changes"], type(self.app.settings))
        # Other commands replay nothing.
        from eventfold.cli.replay_progress import ReplayProgress  # noqa: PLC0415
        from eventfold.replay import Interval, replay, select  # noqa: PLC0415

        # Its tasks are of no interest, but for what goes wrong.
        for name in "eventfold.engine", "eventfold.formats":
            logging.getLogger(name).setLevel(logging.WARNING)
        interval = Interval(self.kwargs["begin"], self.kwargs["end"])
        if interval.length <= 0:
            raise OptionError("--to has to be after --from")
        app, warm_up = self.app, self.kwargs["warm_up"]
        try:
            selection = select(app, self.kwargs["topic"], rederive=self.kwargs["rederive"])
            with ReplayProgress(quiet=self.quiet or self.json) as watch:
                report = await replay(
                    app,
                    selection,
                    interval,
                    warm_up=None if warm_up is None else round(warm_up * 1000),
                    conf=app.settings,
                    watch=watch,
                )
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


def _apply(changes: tuple[str, ...], kind: type[Settings]) -> None:
    """Start this command again if the environment lacks what `--set` asks for."""
    # Tables are made when the application is imported, with the settings of then.
    known, wanted = kind.variables(), {}
    fixed = set(map(kind.variable, FIXED))
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in known:
            raise OptionError(f"--set {change}: NAME=VALUE with the NAME of a setting is expected")
        if name in fixed:
            raise OptionError(f"--set {change}: set {name} in the environment, for both sides")
        wanted[name] = value
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        _check(wanted, kind)
        sys.stdout.flush()
        os.execve(sys.executable, sys.orig_argv, os.environ | wanted)  # noqa: S606  # ourselves


def _check(wanted: dict[str, str], kind: type[Settings]) -> None:
    """Raise OptionError where a value can't be, before the command starts again."""
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        kind.load()
    except SettingsError as error:
        raise OptionError(f"--set {error}") from None
    finally:
        os.environ.clear()
        os.environ.update(before)
