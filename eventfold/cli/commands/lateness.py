"""`faust -A app lateness`: what a shorter or longer grace would have kept, asked of a worker."""

import json
import math
from collections.abc import Iterator

import msgspec

from eventfold.cli.command import JSON, LongCommand
from eventfold.cli.worker_client import address, answer
from eventfold.settings import Settings
from eventfold.web.status.lateness import TableLateness
from eventfold.windows import format_duration, grace_for, kept_with
from eventfold.windows.durations import approximate_duration

#: The fraction of records whose grace stands in a table's sentence.
TOLD = 0.999


class lateness(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Print the lateness of records, and which grace would keep how many of them.

    Asks the worker at WEB_HOST and WEB_PORT, which answers for all workers.
    """

    examples = (
        ("lateness", ""),
        ("lateness --json", "with the whole histogram, for a program"),
    )
    options = [JSON]  # noqa: RUF012 - as Faust declares it

    async def work(self) -> None:
        """Ask, and show. Raises CommandError where no worker answers, or not for all."""
        found = await ask(self.app.settings)
        if self.json:
            self.say(json.dumps(msgspec.to_builtins(found, str_keys=True)))
            return
        console = self.console()
        for each in found:
            if each.records:
                title = f"{each.table}: {each.records:,} records"
                headings = "to keep", "grace", "kept", "lost"
                console.print_table(headings, _rows(each), title=title, justify="right")
        for each in found:
            console.print(sentence(each), soft_wrap=True, highlight=False)


async def ask(conf: Settings) -> list[TableLateness]:
    """Return the report of a worker on every table. Raises CommandError where it doesn't."""
    return await answer(conf, address(conf) / "api" / "lateness", list[TableLateness])


def sentence(table: TableLateness) -> str:
    """Format in one line the grace that TOLD needs, and what the present grace keeps."""
    if not table.records:
        return f"{table.table}: no records yet."
    grace = grace_for(table.lateness, TOLD)
    return (
        f"{table.table}: with a grace of {approximate_duration(grace)} you would have kept "
        f"{percent(kept_with(table.lateness, grace))} of {table.records:,} records; "
        f"the present grace of {format_duration(table.grace)} keeps {percent(table.kept)}."
    )


def percent(fraction: float) -> str:
    """Return a fraction (0 to 1) in per cent, cut to two decimals: 100 % is all, nothing less."""
    # A fraction such as 0.29 is a little less than what it stands for.
    return f"{math.floor(fraction * 10_000 + 1e-9) / 100:g} %"


def _rows(table: TableLateness) -> Iterator[tuple[str, ...]]:
    for each in table.graces:
        grace = approximate_duration(each.grace)
        yield percent(each.kept), grace, *_kept(table, each.grace)
    yield "at present", format_duration(table.grace), *_kept(table, table.grace)


def _kept(table: TableLateness, grace: int) -> tuple[str, str]:
    lost = sum(records for behind, records in table.lateness.items() if behind > grace)
    return percent(kept_with(table.lateness, grace)), f"{lost:,}"
