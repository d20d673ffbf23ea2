"""`faust -A app deadletters`: what could not be read or processed, listed, shown, sent again."""

import json
from typing import ClassVar

import click
from faust.cli import argument, option

from eventfold.cli.command import JSON, CommandError, LongCommand, OptionError
from eventfold.cli.letters.fixing import Fix, parse_fix
from eventfold.cli.letters.judging import STILL
from eventfold.cli.letters.of_application import DeadLetters, written
from eventfold.cli.letters.reading import Place
from eventfold.cli.letters.selection import Selection
from eventfold.cli.option_types import Time
from eventfold.visible import visible_line

_ACTIONS = "list", "show", "resend"


class NotAllSentError(CommandError):
    """Records that were selected can't be sent again."""

    exit_code: ClassVar[int] = 3


class deadletters(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """List, show or send again what could not be read or processed.

    `resend` sends the record itself to its topic, once however often it is called, and only where
    every table of the topic has refused it. Coordinates are TOPIC-PARTITION-OFFSET of the record.
    """

    examples = (
        ("deadletters list", "by topic, step and reason"),
        ("deadletters show ticks-3-1042", ""),
        ("deadletters resend ticks-3-1042 --fix price=12.5", "with another price"),
        ("deadletters resend --reason price --fix-with repairs:price --dry-run", ""),
    )

    options = [  # noqa: RUF012 - Faust's own form
        argument("action", type=click.Choice(_ACTIONS)),
        argument("coordinates", nargs=-1),
        option("--topic", help="Only records of this topic."),
        option("--since", type=Time(), help="Only letters written at this time or later."),
        option("--until", type=Time(), help="Only letters written before this time."),
        option("--reason", metavar="TEXT", help="Only letters with this text in the reason."),
        option("--all", "everything", is_flag=True, help="resend: all of them."),
        option("--dry-run", is_flag=True, help="resend: send nothing, print what would be sent."),
        option(
            "--fix",
            multiple=True,
            metavar="FIELD=VALUE",
            help="resend: set a field to a JSON value, or text; -FIELD removes it. Repeatable.",
        ),
        option(
            "--fix-with",
            metavar="MODULE:FUNCTION",
            help="resend: a function of the value (bytes or None) that returns the value to send, "
            "or None to leave the record out.",
        ),
        option(
            "--fix-key",
            is_flag=True,
            help="resend: with the key that is in the value, as the other fixes do.",
        ),
        option(
            "--despite",
            multiple=True,
            metavar="APPLICATION",
            help="resend: although this application reads the topic, too, or was reset, and may "
            "count records twice. Repeatable.",
        ),
        JSON,
    ]

    async def work(self) -> None:
        """List, show or resend. Raises CommandError, OptionError."""
        options, action = self.kwargs, self.kwargs["action"]
        selection = self._selection()
        fix = parse_fix(options["fix"], options["fix_with"], rekeys=options["fix_key"])
        of_resend = [options["everything"], options["dry_run"], options["despite"], fix]
        if action != "resend" and any(of_resend):
            raise OptionError(f"{action}: --all, --dry-run, --fix... and --despite are for resend")
        if action == "resend" and bool(selection) == options["everything"]:
            raise OptionError("resend: which? Coordinates, filters such as --topic, or --all alone")
        if action == "show" and len(selection.places) != 1:
            raise OptionError("show: which? Coordinates of one record, such as ticks-3-1042")
        await self.demand_broker()
        found = await DeadLetters.find(self.app)
        if action == "list":
            await self._list(found, selection)
        elif action == "show":
            await self._show(found, selection)
        else:
            await self._resend(found, selection, fix)

    def _selection(self) -> Selection:
        try:
            places = frozenset(map(Place.parse, self.kwargs["coordinates"]))
        except ValueError as error:
            raise OptionError(str(error)) from error
        names = "topic", "since", "until", "reason"
        return Selection(**{name: self.kwargs[name] for name in names}, places=places)

    async def _list(self, found: DeadLetters, selection: Selection) -> None:
        groups = await found.groups(selection)
        if self.json:
            self.say(json.dumps([group.as_json() for group in groups]))
            return
        if not groups:
            self.say("No dead letters" + (" of these" if selection else ""))
            return
        headings = "topic", "step", "letters", "resent", "again", "first", "last", "sample"
        rows = (
            (
                *(each.topic, each.step),
                *(f"{number:,}" for number in (each.letters, each.resent, each.again)),
                *(written(each.first), written(each.last), each.sample),
            )
            for each in groups
        )
        console = self.console()
        console.print_table(headings, rows)
        for each in groups:
            console.print(f"{each.sample}: {each.error}", soft_wrap=True, highlight=False)

    async def _show(self, found: DeadLetters, selection: Selection) -> None:
        (place,) = selection.places
        shown = await found.show(place)
        if shown is None:
            raise CommandError(f"{place} is no dead letter of {found.topic}")
        command = f"faust -A {self.state.app} deadletters resend {place}"
        if shown["obstacle"].startswith(STILL):
            command += " --fix FIELD=VALUE"
        elif shown["obstacle"] or shown["resent"]:
            command = ""
        shown["resend"] = command
        if self.json:
            self.say(json.dumps(shown))
            return
        for name, value in shown.items():
            for line in value if isinstance(value, list) else [value] if value else []:
                self.say(f"{name:<9} {visible_line(line)}")

    async def _resend(self, found: DeadLetters, selection: Selection, fix: Fix) -> None:
        dry_run = self.kwargs["dry_run"]
        report = await found.resend(selection, fix, despite=self.kwargs["despite"], dry_run=dry_run)
        if self.json:
            self.say(json.dumps(report.as_json(dry_run=dry_run)))
        else:
            for line in report.lines(dry_run=dry_run):
                self.say(line)
        if report.not_sent:
            raise NotAllSentError(f"{report.not_sent:,} of {report.selected:,} can't be sent again")
