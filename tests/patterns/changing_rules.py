"""A database of rules that change while transactions are judged by them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread

from progress import end_offset
from sqlalchemy import insert
from verdict_truth import Row, row_of

from app.settings import Settings
from app.transactions.database import RulesDatabase, rules_url
from app.transactions.database import rules as table
from app.transactions.settings import TransactionSettings
from bench.simulated_rules import simulated_rules

#: Number of initial rules.
NUMBER = 200

#: An invalid kind of rule.
INVALID_KIND = "no such kind"


class Rules:
    """A database whose rules are changed, each of them once at most."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.rows: list[Row] = []

    @property
    def database(self) -> RulesDatabase:
        """The database, not opened yet."""
        return RulesDatabase(
            rules_url(Settings(), TransactionSettings(TICKSTREAM_RULES_URL=self.url))
        )

    async def fill(self) -> None:
        """Write the initial rules."""
        async with self.database as database:
            for name, kind, parameters in simulated_rules(3, NUMBER):
                await database.add(name, kind, parameters, "")
            await self._note(database, 0)

    async def change(self, stop: Event, bootstrap: str) -> None:
        """Disable, delete or change a rule from time to time; add an invalid row once.

        Begins when all initial rules are published: a rule that changes before is published once,
        so verdicts of the versions between can't know it.
        """
        while end_offset(bootstrap, "rules") < NUMBER:
            if await asyncio.to_thread(stop.wait, 0.2):
                return
        async with self.database as database:
            for number in count():
                if await asyncio.to_thread(stop.wait, 0.2) or number >= NUMBER:
                    return
                name, before = f"rule-{number:04}", max(row.version for row in self.rows)
                if number % 4 == 0:
                    await database.set(name, enabled=False)
                elif number % 4 == 1:
                    await database.remove(name)
                elif number % 4 == 2:
                    await database.set(name, kind="max-amount", parameters='{"limit": 90000}')
                else:
                    await database.add(f"new-{name}", "block", {"merchant": "shop-007"}, "")
                await self._note(database, before)
                if number == 2:
                    # It is logged, and changes nothing.
                    await self._write_invalid(database)

    async def _write_invalid(self, database: RulesDatabase) -> None:
        """Add a row that is no rule, as any program may."""
        async with database._engine.begin() as connection:
            await connection.execute(insert(table).values(id="odd", kind=INVALID_KIND))

    async def _note(self, database: RulesDatabase, after: int) -> None:
        for each in await database.changes(after):
            if each.row and each.row["kind"] == INVALID_KIND:
                continue
            self.rows.append(row_of(each.version, each.id, each.row))

    @contextmanager
    def changing(self, bootstrap: str) -> Iterator[None]:
        """Run the block while rules change in another thread."""
        stop = Event()
        thread = Thread(target=lambda: asyncio.run(self.change(stop, bootstrap)))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
