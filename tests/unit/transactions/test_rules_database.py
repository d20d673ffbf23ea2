"""The database of the rules: each change has a version, and one query returns the new ones."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from postgres_server import postgres, program
from sqlalchemy import Engine, event, text

from app.settings import Settings
from app.transactions.database import RulesDatabase, UnknownRuleError, rules_url
from app.transactions.metrics import rule_queries
from app.transactions.rules import BadRuleError
from app.transactions.settings import TransactionSettings


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of an empty database."""
    directory = tmp_path_factory.mktemp("rules")
    if request.param == "sqlite":
        yield f"sqlite:///{directory / 'rules.db'}"
    elif program("initdb") is None:
        pytest.skip("PostgreSQL is not installed")
    else:
        with postgres() as found:
            yield found


@pytest.fixture
async def database(url: str) -> AsyncIterator[RulesDatabase]:
    """Open it, with no rules."""
    async with RulesDatabase(
        rules_url(Settings(), TransactionSettings(TICKSTREAM_RULES_URL=url))
    ) as opened:
        for each in await opened.all():
            await opened.remove(each.id)
        yield opened


async def test_each_change_gets_the_next_version(database: RulesDatabase) -> None:
    """Of several changes of a rule only the last is returned, in the order of versions."""
    first = (await newest(database)) + 1
    await database.add("cap", "max-amount", {"limit": 100}, "")
    await database.add("no-casino", "block", {"category": "casino"}, "the bank says so")
    await database.set("cap", parameters='{"limit": 200}')
    await database.set("no-casino", enabled=False)
    changes = await database.changes(first - 1)
    assert [(each.id, each.version) for each in changes] == [
        ("cap", first + 2),
        ("no-casino", first + 3),
    ]
    cap, casino = (each.rule() for each in changes)
    assert (cap.limit, cap.enabled, cap.version) == (200, True, first + 2)
    assert (casino.category, casino.enabled, casino.note) == ("casino", False, "the bank says so")
    assert await database.changes(first + 3) == []


async def test_rule_added_while_the_tables_are_created_is_a_change(tmp_path: Path) -> None:
    """By another program, between any two statements: it waits, or gets a version."""
    path = tmp_path / "rules.db"
    added: list[str] = []

    def add(*_: object) -> None:
        with closing(sqlite3.connect(path, timeout=0)) as other, suppress(sqlite3.Error):
            other.execute("INSERT INTO rules (id, kind) VALUES (?, 'block')", (f"r{len(added)}",))
            other.commit()
            added.append(f"r{len(added)}")

    event.listen(Engine, "before_cursor_execute", add)
    try:
        async with RulesDatabase(
            rules_url(Settings(), TransactionSettings(TICKSTREAM_RULES_URL=f"sqlite:///{path}"))
        ):
            pass
    finally:
        event.remove(Engine, "before_cursor_execute", add)
    add()
    async with RulesDatabase(
        rules_url(Settings(), TransactionSettings(TICKSTREAM_RULES_URL=f"sqlite:///{path}"))
    ) as found:
        assert added
        assert [each.id for each in await found.changes(0)] == added


async def test_rules_of_an_existing_table_are_changes(tmp_path: Path) -> None:
    """A table made by hand, or by a start that was stopped before it made the triggers."""
    path = tmp_path / "rules.db"
    with closing(sqlite3.connect(path)) as hand:
        hand.execute(
            "CREATE TABLE rules (id TEXT PRIMARY KEY, kind TEXT NOT NULL, parameters TEXT NOT NULL "
            "DEFAULT '{}', enabled BOOLEAN NOT NULL DEFAULT 1, note TEXT NOT NULL DEFAULT '')"
        )
        hand.execute("INSERT INTO rules (id, kind) VALUES ('early', 'block')")
        hand.commit()
    async with RulesDatabase(
        rules_url(Settings(), TransactionSettings(TICKSTREAM_RULES_URL=f"sqlite:///{path}"))
    ) as found:
        assert [(each.id, each.version) for each in await found.changes(0)] == [("early", 1)]


async def test_a_deleted_rule_is_a_change_without_a_row(database: RulesDatabase) -> None:
    """So is the former id of a renamed rule."""
    await database.add("cap", "max-amount", {"limit": 100}, "")
    await database.add("limit", "max-amount", {"limit": 100}, "")
    before = await newest(database)
    await database.remove("cap")
    await database.set("limit", id="bound")
    changes = await database.changes(before)
    assert {each.id: each.row is not None for each in changes} == {
        "cap": False,
        "limit": False,
        "bound": True,
    }
    assert len({each.version for each in changes}) == 3


async def test_changes_by_other_programs_get_versions_too(
    database: RulesDatabase, url: str
) -> None:
    """Triggers set the versions. A row that is no rule raises the reason."""
    before = await newest(database)
    async with (
        RulesDatabase(
            rules_url(Settings(), TransactionSettings(TICKSTREAM_RULES_URL=url))
        ) as other,
        other._engine.begin() as connection,
    ):
        await connection.execute(
            text("INSERT INTO rules (id, kind) VALUES ('x', 'blok'), ('y', 'max-amount')")
        )
    first, second = await database.changes(before)
    with pytest.raises(BadRuleError, match="no kind 'blok'"):
        first.rule()
    with pytest.raises(BadRuleError, match="missing required field `limit`"):
        second.rule()


async def test_concurrent_writers_get_distinct_versions(database: RulesDatabase, url: str) -> None:
    """A concurrent reader misses none."""
    before = await newest(database)
    seen: set[str] = set()

    async def write(writer: int) -> None:
        async with RulesDatabase(
            rules_url(Settings(), TransactionSettings(TICKSTREAM_RULES_URL=url))
        ) as other:
            for number in range(5):
                await other.add(f"{writer}-{number}", "max-amount", {"limit": 1}, "")

    async def follow() -> None:
        after = before
        while len(seen) < 20:
            for each in await database.changes(after):
                seen.add(each.id)
                after = each.version

    async with asyncio.timeout(60):
        await asyncio.gather(follow(), *(write(writer) for writer in range(4)))
    assert len(seen) == 20


async def test_invalid_unknown_or_duplicate_rule_is_rejected(database: RulesDatabase) -> None:
    """Before it is written."""
    with pytest.raises(BadRuleError, match="it would block everything"):
        await database.add("all", "block", {}, "")
    with pytest.raises(UnknownRuleError, match="there is no rule 'all'"):
        await database.remove("all")
    await database.add("cap", "max-amount", {"limit": 100}, "")
    with pytest.raises(UnknownRuleError, match="there is a rule 'cap' already"):
        await database.add("cap", "max-amount", {"limit": 100}, "")
    assert [each.id for each in await database.all()] == ["cap"]


async def test_polling_for_changes_is_one_query(database: RulesDatabase) -> None:
    """However many rules there are."""
    for number in range(30):
        await database.add(f"cap-{number}", "max-amount", {"limit": 100}, "")
    before = rule_queries._value.get()
    await database.changes(0)
    assert rule_queries._value.get() == before + 1


async def newest(database: RulesDatabase) -> int:
    """Return the version of the latest change."""
    return max((each.version for each in await database.changes(-1)), default=0)


def test_default_database_is_a_file_beside_the_state(tmp_path: Path) -> None:
    """So that all workers of a machine have the same rules."""
    conf = Settings(APP_DATADIR=tmp_path / "shop-6066", TICKSTREAM_APP_ID="shop")
    assert (
        rules_url(conf, TransactionSettings())
        == f"sqlite+aiosqlite:///{tmp_path / 'shop-rules.db'}"
    )
