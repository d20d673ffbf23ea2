"""Sink into a table of PostgreSQL or SQLite, with the offsets in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

import stamina
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from eventfold.connectors.columns import OFFSET, PARTITION, Rows
from eventfold.connectors.sink import Batch, Reject, Sink, SinkError, SinkRecord
from eventfold.topics import Topic

#: Table of the next offset of each partition, for all tables that sinks of this database write.
OFFSETS = "eventfold_offsets"

#: Drivers by the database that a URL names.
DRIVERS = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}

#: Classes of SQLSTATE after which the same transaction may succeed: the connection was lost, a
#: conflict with another transaction, too few resources, the server shuts down.
_TRANSIENT = ("08", "40", "53", "57")

_TYPES: dict[type, Any] = {int: BigInteger, float: Double, bool: Boolean, str: Text}


class SqlSink(Sink):
    """Sink that keeps a table of a topic's records, created if it is missing.

    Records with an identity (see `Rows`) are upserts, of which the latest holds, and a tombstone
    of a compacted topic deletes its row; other records are appended. The transaction that stores
    rows moves the offsets, and only from where this sink has put them, so that a member that was
    replaced stores nothing.
    """

    def __init__(self, url: str, topic: Topic, table: str) -> None:
        try:
            given = make_url(url)
        except ArgumentError:
            raise SinkError("the database's URL is none") from None
        kind = given.get_backend_name()
        if kind not in DRIVERS:
            raise SinkError(f"{kind} is no database of this sink: there are {', '.join(DRIVERS)}")
        self._engine = create_async_engine(given.set(drivername=DRIVERS[kind]))
        self._insert: Any = postgresql.insert if kind == "postgresql" else sqlite.insert
        self._rows = Rows(topic)
        self._key = self._rows.identity or (PARTITION, OFFSET)
        metadata = MetaData()
        self._table = Table(table, metadata, *self._columns())
        self._offsets = Table(
            OFFSETS,
            metadata,
            Column("target", Text, primary_key=True),
            Column("source", Text, primary_key=True),
            Column("next_offset", BigInteger, nullable=False),
        )
        self._stored: dict[str, int | None] = {}

    def _columns(self) -> list[Any]:
        return [
            Column(
                each.name,
                Integer if each.name == PARTITION else _TYPES[each.kind],
                primary_key=each.name in self._key,
                autoincrement=False,
            )
            for each in self._rows.columns
        ]

    async def open(self) -> None:
        """Connect, and create tables. Raises SinkError if that fails, or a column is missing."""
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(self._table.metadata.create_all)
                found = await connection.run_sync(
                    lambda sync: {
                        each["name"] for each in inspect(sync).get_columns(self._table.name)
                    }
                )
        except (SQLAlchemyError, OSError) as error:
            await self._engine.dispose()
            raise SinkError(f"{self._shown}: {_reason(error)}") from error
        if missing := [each.name for each in self._table.columns if each.name not in found]:
            await self._engine.dispose()
            raise SinkError(
                f"{self._shown}: the table {self._table.name} has no column {missing[0]}: add it, "
                "or choose another table"
            )

    @property
    def _shown(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)

    async def resume(self, committed: Mapping[str, int]) -> Mapping[str, int]:
        """Return the offsets in the database, 0 for partitions that it has nothing of."""
        table = self._offsets
        asked = select(table.c.source, table.c.next_offset).where(
            table.c.target == self._table.name, table.c.source.in_(committed)
        )
        async with self._engine.connect() as connection:
            stored = {row.source: row.next_offset for row in await connection.execute(asked)}
        self._stored |= {name: stored.get(name) for name in committed}
        return {name: stored.get(name, 0) for name in committed}

    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Store the latest row of each identity, and the offsets."""
        latest: dict[tuple[Any, ...], dict[str, Any] | None] = {}
        for record in (each for batch in batches for each in batch.records):
            try:
                self._fold(latest, record)
            except ValueError as error:
                await reject(record, str(error))
        await self._store(batches, latest)
        self._stored |= {batch.name: batch.end for batch in batches}

    def _fold(
        self, latest: dict[tuple[Any, ...], dict[str, Any] | None], record: SinkRecord
    ) -> None:
        """Add a record to the latest rows. Raises ValueError if it can't be a row."""
        if (deleted := self._rows.deleted(record)) is not None:
            latest[deleted] = None
            return
        row = self._rows.read(record)
        for name, cell in row.items():
            if isinstance(cell, str) and "\0" in cell:
                raise ValueError(f"{name} has a character NUL, which no database stores")
        key, revision = tuple(row[name] for name in self._key), self._rows.revision
        before = latest.get(key)
        if not (before and revision and before[revision] > row[revision]):
            latest[key] = row

    async def _store(
        self, batches: Sequence[Batch], latest: Mapping[tuple[Any, ...], dict[str, Any] | None]
    ) -> None:
        # In order of their keys, so that two transactions never wait for each other's rows.
        rows = [row for _, row in sorted(latest.items(), key=lambda item: item[0]) if row]
        gone = [dict(zip(self._deleted, key, strict=True)) for key in latest if latest[key] is None]
        async for attempt in stamina.retry_context(
            on=_is_transient, attempts=None, timeout=None, wait_max=30.0
        ):
            with attempt:
                async with self._engine.begin() as connection:
                    for batch in batches:
                        await self._advance(connection, batch)
                    if rows:
                        await connection.execute(self._upsert, rows)
                    if gone:
                        await connection.execute(self._delete, gone)

    async def _advance(self, connection: AsyncConnection, batch: Batch) -> None:
        """Move the offset of a batch's partition. Raises SinkError if another sink has moved it."""
        table, before = self._offsets, self._stored.get(batch.name)
        place = {"target": self._table.name, "source": batch.name}
        ours = (table.c.target == place["target"]) & (table.c.source == place["source"])
        if before is None:
            row = {**place, "next_offset": batch.end}
            moved = await connection.execute(
                self._insert(table).values(row).on_conflict_do_nothing()
            )
        else:
            moved = await connection.execute(
                update(table)
                .where(ours, table.c.next_offset == before)
                .values(next_offset=batch.end)
            )
        if moved.rowcount == 1:
            return
        stored = (await connection.execute(select(table.c.next_offset).where(ours))).scalar()
        # An attempt whose answer was lost may have stored it; rows may be stored again.
        if stored != batch.end:
            raise SinkError(
                f"{self._shown}: another sink writes {batch.name} to the table {self._table.name}"
            )

    @property
    def _upsert(self) -> Any:
        insert = self._insert(self._table)
        if not self._rows.identity:
            return insert.on_conflict_do_nothing()
        new, old = insert.excluded, self._table.c
        if self._rows.revision:
            is_later = new[self._rows.revision] >= old[self._rows.revision]
        else:
            is_later = (new[PARTITION] != old[PARTITION]) | (new[OFFSET] >= old[OFFSET])
        changed = {each.name: new[each.name] for each in old if each.name not in self._key}
        return insert.on_conflict_do_update(
            index_elements=list(self._key), set_=changed, where=is_later
        )

    @property
    def _deleted(self) -> list[str]:
        return [f"deleted_{name}" for name in self._key]

    @property
    def _delete(self) -> Any:
        columns = (self._table.c[name] for name in self._key)
        pairs = zip(columns, self._deleted, strict=True)
        return delete(self._table).where(*(column == bindparam(name) for column, name in pairs))

    async def close(self) -> None:
        """Disconnect."""
        await self._engine.dispose()


def _is_transient(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        locked = "database is locked" in str(error.orig)
        return error.connection_invalidated or locked or state.startswith(_TRANSIENT)
    return isinstance(error, OSError)


def _reason(error: Exception) -> str:
    """Return one line: what the driver said, without SQLAlchemy's own lines."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
