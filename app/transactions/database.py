"""Database of the rules: SQLite or PostgreSQL.

People change the table `rules` with any client. Triggers record each change in `rule_versions`
under the next version, which counts all changes of all rules, so that one query finds the changes
since a version. They take the version from a row that they lock: versions become visible in order,
so a reader of one version has not missed a smaller one, as it could with a sequence.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    RowMapping,
    Table,
    Text,
    delete,
    event,
    insert,
    inspect,
    select,
    text,
    true,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.transactions.metrics import rule_queries
from app.transactions.records import Rule
from app.transactions.rules import read_rule
from app.transactions.settings import TransactionSettings
from app.transactions.triggers import TRIGGERS
from eventfold.private_files import make_private
from eventfold.security.urls import masked
from eventfold.settings import Settings

#: Most changes read at a time.
SLICE = 2_000

#: SQLAlchemy's dialect for each database, and the driver that has to be installed for it.
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}

metadata = MetaData()
rules = Table(
    "rules",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    #: JSON, as app/transactions/rules.py describes it.
    Column("parameters", Text, nullable=False, server_default="{}"),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("note", Text, nullable=False, server_default=""),
)
versions = Table(
    "rule_versions",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False, unique=True),
    #: Time of the change (ms since the epoch), by the database's clock.
    Column("changed", BigInteger, nullable=False),
)
counter = Table("rule_counter", metadata, Column("version", BigInteger, nullable=False))

_FIRST_VERSION = """
INSERT INTO rule_counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM rule_counter)
"""

#: Fires the trigger of each rule without a version, which gives it the next one.
_NOTE_UNVERSIONED = """
UPDATE rules SET id = id WHERE id NOT IN (SELECT rule_id FROM rule_versions)
"""

_SQLITE_TRIGGERS = """
SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'rules'
"""

#: Execution option of a transaction in SQLite that takes the write lock at its beginning.
_IMMEDIATE = "tickstream_immediate"

_CHANGES = (
    select(versions, rules)
    .select_from(versions.outerjoin(rules, rules.c.id == versions.c.rule_id))
    .order_by(versions.c.version)
    .limit(SLICE)
)


class UnknownRuleError(KeyError):
    """There is no rule with that id; or, when one is added, there already is one."""


class Change(NamedTuple):
    """Latest change of a rule: its row as of `version`; `row` is None if the rule was deleted."""

    id: str
    version: int
    #: Time of the change (ms).
    time: int
    row: Mapping[str, Any] | None

    def rule(self) -> Rule:
        """Parse the row. Raises BadRuleError, naming what is wrong with it."""
        row = self.row or {}
        return read_rule(
            self.id,
            row["kind"],
            row["parameters"],
            enabled=row["enabled"],
            note=row["note"],
            version=self.version,
            time=self.time,
        )


def rules_url(conf: Settings, own: TransactionSettings) -> str:
    """Return the database's URL for SQLAlchemy: the setting's, or a file beside the state."""
    given = own.rules_url.full if own.rules_url else None
    if given is None:
        path = conf.data_directory.parent.resolve() / f"{conf.app_id}-rules.db"
        make_private(path)
        given = f"sqlite:///{path}"
    url = make_url(given)
    return url.set(drivername=DRIVERS[url.get_backend_name()]).render_as_string(hide_password=False)


class RulesDatabase:
    """Database of rules, for `async with`. Raises SQLAlchemy's errors out of reach."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._engine: AsyncEngine

    def __str__(self) -> str:
        return masked(self.url.render_as_string(hide_password=True))

    async def __aenter__(self) -> Self:
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_async_engine(self.url, pool_pre_ping=False)
        event.listen(self._engine.sync_engine, "before_cursor_execute", _count)
        if self.url.get_backend_name() == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _leave_transactions_to_us)
            event.listen(self._engine.sync_engine, "begin", _begin)
        try:
            await self._make_tables()
        except BaseException:
            await self._engine.dispose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.dispose()

    async def _make_tables(self) -> None:
        """Create what is missing, in one transaction, so that no change precedes the triggers."""
        async with self._engine.connect() as connection:
            if await connection.run_sync(_is_made):
                return
        alone = self._engine.execution_options(**{_IMMEDIATE: True})
        async with alone.begin() as connection:
            await connection.run_sync(metadata.create_all)
            await connection.execute(text(_FIRST_VERSION))
            for statement in TRIGGERS[self.url.get_backend_name()]:
                await connection.execute(text(statement))
            # Rules that are older than the triggers need a version too.
            await connection.execute(text(_NOTE_UNVERSIONED))

    # -- reading

    async def changes(self, after: int) -> list[Change]:
        """Return at most SLICE rules changed since a version, the oldest change first."""
        async with self._engine.connect() as connection:
            found = await connection.execute(_CHANGES.where(versions.c.version > after))
            return [_change(row) for row in found.mappings()]

    async def all(self) -> list[Change]:
        """Return all rules, in order of their ids."""
        async with self._engine.connect() as connection:
            query = select(versions, rules).join(rules, rules.c.id == versions.c.rule_id)
            found = await connection.execute(query.order_by(rules.c.id))
            return [_change(row) for row in found.mappings()]

    # -- writing

    async def add(self, name: str, kind: str, parameters: Mapping[str, Any], note: str) -> None:
        """Add a rule. Raises BadRuleError, or UnknownRuleError if there is one with that id."""
        encoded = json.dumps(dict(parameters))
        read_rule(name, kind, encoded, enabled=True, note=note, version=1, time=10**12)
        async with self._engine.begin() as connection:
            try:
                await connection.execute(
                    insert(rules).values(id=name, kind=kind, parameters=encoded, note=note)
                )
            except IntegrityError as error:
                raise UnknownRuleError(f"there is a rule {name!r} already") from error

    async def set(self, name: str, **values: object) -> None:
        """Change columns of a rule. Raises UnknownRuleError if there is none with that id."""
        async with self._engine.begin() as connection:
            done = await connection.execute(
                update(rules).where(rules.c.id == name).values(**values)
            )
            _demand(done.rowcount, name)

    async def remove(self, name: str) -> None:
        """Delete a rule. Raises UnknownRuleError if there is none with that id."""
        async with self._engine.begin() as connection:
            _demand(
                (await connection.execute(delete(rules).where(rules.c.id == name))).rowcount, name
            )


def _change(row: RowMapping) -> Change:
    columns = dict(row) if row["id"] is not None else None
    return Change(row["rule_id"], row["version"], row["changed"], columns)


def _demand(rows: int, name: str) -> None:
    if not rows:
        raise UnknownRuleError(f"there is no rule {name!r}")


def _is_made(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return inspect(connection).has_table(counter.name)
    # Versions before 0.1.0 created them one by one, so the last may be missing.
    found = connection.execute(text(_SQLITE_TRIGGERS)).scalar_one()
    return int(found) == len(TRIGGERS["sqlite"])


def _leave_transactions_to_us(connection: Any, _: object) -> None:
    # Python's driver begins no transaction before CREATE: each would be one of its own.
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(_IMMEDIATE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
    if not statement.startswith("BEGIN"):
        rule_queries.inc()
