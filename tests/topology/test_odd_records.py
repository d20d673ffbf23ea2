"""Records that stopped a partition, or would have at its next start, are dead letters.

`tests/fuzz` found them.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import eventfold as ef
from app import app
from app.market.topics import CLOSES
from app.transactions.records import Rule, RuleChange
from app.transactions.topics import TRANSACTION_CHECKS
from eventfold.records import Name
from eventfold.records.candles import Candle
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS, Topic
from tables.trends import trends
from tables.verdicts import verdicts


@pytest.fixture
def driver() -> Iterator[TopologyDriver]:
    """Run the tables that are folded from internal topics."""
    with TopologyDriver(app, tables=[trends, verdicts], partitions=1) as running:
        yield running


def assert_dead_letter(driver: TopologyDriver, topic: Topic, reason: str) -> None:
    """Assert that the only record of a topic is a dead letter, and the store can be restored."""
    driver.settle()
    driver.crash(lose_store=True)
    driver.settle()
    (letter,) = driver.topic(DEAD_LETTERS)
    assert letter.topic == topic.of(app.settings).name
    assert reason in letter.error


def test_a_close_without_a_symbol_is_a_dead_letter(driver: TopologyDriver) -> None:
    """A row with its signal could not be read when the partition was opened again."""
    start = driver.now
    prices = (1.0, 1.0, 1.0, 1.0, 1, 1.0, 1, 1.0)
    close = Candle("", 300_000, 300_000, start, start + 300_000, *prices, 1, True, 0, 0, 0, 0)
    driver.pipe_raw(CLOSES, b"", msgspec.json.encode(close), partition=0)
    assert_dead_letter(driver, CLOSES, "$.symbol")


def test_rule_with_an_id_longer_than_a_key_may_be_is_a_dead_letter(
    driver: TopologyDriver,
) -> None:
    """Broadcast state has a row under the id of the rule."""
    name = "R" * 65_536
    rule = Rule(id=name, version=1, kind="max-amount", limit=5, time=driver.now)
    change = RuleChange(name, rule, driver.now)
    driver.pipe_raw(TRANSACTION_CHECKS, b"*", msgspec.json.encode(change), partition=0)
    assert_dead_letter(driver, TRANSACTION_CHECKS, "$.rule.id")


@pytest.mark.parametrize("amount", [-(2**63), 2**63 - 1, -1])
def test_out_of_range_amount_is_a_dead_letter(driver: TopologyDriver, amount: int) -> None:
    """The sum of two for a day would exceed 64 bits, and its row could not be written."""
    check = {"type": "transaction", "card": "A", "id": "1", "amount": amount, "currency": "EUR"}
    check |= {"merchant": "m", "category": "c", "country": "DE", "time": driver.now}
    check |= {"kind": "payment", "refers_to": None, "partition": 0, "offset": 0}
    driver.pipe_raw(TRANSACTION_CHECKS, b"A", msgspec.json.encode(check), partition=0)
    assert_dead_letter(driver, TRANSACTION_CHECKS, "$.amount")


class View(ef.Record):
    """Somebody saw a page."""

    page: Name
    time: int


def test_key_of_a_custom_stream_is_as_long_as_its_type_allows(tmp_path: Path) -> None:
    """docs/streams.md: longer keys than a `Name` has are dead letters."""
    views = ef.Topic("views", View, key="page")
    own = ef.App("bounded", settings=ef.Settings(APP_DATADIR=tmp_path))
    table = own.window_table("pages", views, ef.tumbling("1m"), seen=ef.count())
    with TopologyDriver(own, partitions=1) as driver:
        for length in (0, 1, 256, 257, 60_000):
            page = "x" * length
            value = msgspec.json.encode({"page": page, "time": driver.now})
            driver.pipe_raw(views, page.encode(), value, partition=0)
        driver.settle()
        assert [letter.offset for letter in driver.topic(DEAD_LETTERS)] == [0, 3, 4]
        assert sorted(map(len, table.keys())) == [1, 256]
