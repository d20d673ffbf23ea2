"""Sink into SQLite and PostgreSQL: the latest row of each identity, each record once."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import Struct
from postgres_server import postgres, program
from sink_records import Rejected, batch, record
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from eventfold.connectors.sink import SinkError
from eventfold.connectors.sql import DRIVERS, SqlSink
from eventfold.topics import Topic


class Total(Struct):
    """The total of a page's window."""

    page: str
    start: int
    total: float
    revision: int


class Visit(Struct):
    """A visit of a page."""

    page: str
    time: int


TOTALS = Topic("totals", Total, key="page", purpose="totals of pages")
VISITS = Topic("visits", Visit, key="page", purpose="visits of pages")
LAST = Topic(
    "last-visits", Visit, key="page", purpose="the last visit of each page", compacted=True
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run PostgreSQL."""
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/target.db"
        return
    yield (url := request.getfixturevalue("server"))
    await rows(url, "DROP TABLE IF EXISTS target, eventfold_offsets")


async def rows(url: str, statement: str = "SELECT * FROM target") -> list[dict[str, Any]]:
    """Execute a statement, and return its rows."""
    kind, _, rest = url.partition(":")
    engine = create_async_engine(f"{DRIVERS[kind]}:{rest}")
    try:
        async with engine.begin() as connection:
            done = await connection.execute(text(statement))
            return [dict(row) for row in done.mappings()] if done.returns_rows else []
    finally:
        await engine.dispose()


async def opened(url: str, topic: Topic) -> SqlSink:
    """Return a sink that continues where the database is."""
    sink = SqlSink(url, topic, "target")
    await sink.open()
    await sink.resume({f"{topic.base_name}-0": 0})
    return sink


def total(start: int, amount: float, revision: int) -> dict[str, Any]:
    """Return the value of a total."""
    return {"page": "/", "start": start, "total": amount, "revision": revision}


async def test_highest_revision_of_a_window_holds(url: str) -> None:
    """Whatever their order, in one write or in several."""
    chance, rejected = Random(3), Rejected()
    values = [total(chance.randrange(5), n, n) for n in range(60)]
    expected = {each["start"]: each["total"] for each in values}
    chance.shuffle(values)
    sink = await opened(url, TOTALS)
    records = [record(value, n, topic="totals") for n, value in enumerate(values)]
    for first in range(0, 60, 7):
        await sink.write([batch(records[first : first + 7])], rejected)
    await sink.close()
    assert {row["start"]: row["total"] for row in await rows(url)} == expected
    assert rejected == []


async def test_restart_continues_after_the_last_stored_record(url: str) -> None:
    """The offset is in the database, whatever is committed in Kafka."""
    sink = await opened(url, VISITS)
    await sink.write([batch([record({"page": "/", "time": n}, n) for n in range(10)])], Rejected())
    await sink.close()
    again = SqlSink(url, VISITS, "target")
    await again.open()
    assert await again.resume({"visits-0": 3, "visits-1": 8}) == {"visits-0": 10, "visits-1": 0}
    await again.close()
    assert [row["time"] for row in await rows(url)] == list(range(10))


async def test_sink_that_was_replaced_stores_nothing(url: str) -> None:
    """Another has moved the partition's offset since: its rows are rolled back."""
    old, new = await opened(url, VISITS), await opened(url, VISITS)
    await new.write([batch([record({"page": "new", "time": 1}, 0)])], Rejected())
    with pytest.raises(SinkError, match="another sink writes visits-0 to the table target"):
        await old.write(
            [batch([record({"page": "old", "time": n}, n) for n in (0, 1)])], Rejected()
        )
    await old.close()
    await new.close()
    assert [row["page"] for row in await rows(url)] == ["new"]


async def test_tombstone_of_a_compacted_topic_deletes_its_row(url: str) -> None:
    """A later record inserts it again."""
    sink = await opened(url, LAST)
    sent = [("a", 1), ("b", 2), ("a", None), ("c", 3), ("c", None), ("c", 4)]
    for n, (page, time) in enumerate(sent):
        value = None if time is None else {"page": page, "time": time}
        one = batch([record(value, n, key=page, topic="last-visits")])
        await sink.write([one], Rejected())
    await sink.close()
    assert {row["page"]: row["time"] for row in await rows(url)} == {"b": 2, "c": 4}


async def test_records_that_are_no_rows_are_rejected_with_a_reason(url: str) -> None:
    """The others of the batch are stored."""
    sink, rejected = await opened(url, VISITS), Rejected()
    values = [{"page": "/", "time": 1}, b"{", {"page": "a\0b", "time": 2}, {"page": "/", "time": 3}]
    await sink.write([batch([record(each, n) for n, each in enumerate(values)])], rejected)
    await sink.close()
    assert [row["time"] for row in await rows(url)] == [1, 3]
    assert [offset for offset, _ in rejected] == [1, 2]
    assert "NUL" in rejected[1][1]


async def test_table_without_a_column_is_refused(url: str) -> None:
    """The message names the table and the column."""
    await rows(url, "CREATE TABLE target (page TEXT)")
    with pytest.raises(SinkError, match="the table target has no column time"):
        await SqlSink(url, VISITS, "target").open()


async def test_database_that_does_not_answer_is_named_without_its_password() -> None:
    """In one line."""
    sink = SqlSink("postgresql://me:secret@127.0.0.1:1/market", VISITS, "target")
    with pytest.raises(SinkError) as raised:
        await sink.open()
    assert str(raised.value).startswith("postgresql+asyncpg://me:***@127.0.0.1:1/market: ")
    assert "\n" not in str(raised.value)


async def test_nested_fields_are_stored_as_json(url: str) -> None:
    """As text that a database can read as JSON."""

    class Page(Struct):
        page: str
        tags: list[str]

    sink = await opened(url, Topic("visits", Page, key="page", purpose="pages"))
    await sink.write([batch([record({"page": "/", "tags": ["a", "b"]}, 0)])], Rejected())
    await sink.close()
    assert [json.loads(row["tags"]) for row in await rows(url)] == [["a", "b"]]
