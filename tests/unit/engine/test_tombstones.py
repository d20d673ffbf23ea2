"""Tombstones, read as their topic declares, and reference data."""

from typing import Any, Literal

import pytest
from msgspec import Struct
from partition_driver import Drive
from raw_records import NOON, Raw

from app.worker import TickApp
from eventfold.engine.batch import Decoder
from eventfold.engine.clock import SystemClock
from eventfold.engine.keyed_table import KeyedTable
from eventfold.operators.processor import Context
from eventfold.settings import Settings
from eventfold.topics import Topic

HOUR = 3_600_000


class Price(Struct, tag="price"):
    """Price of a thing."""

    name: str
    price: int
    time: int


class Gone(Struct, tag="gone"):
    """A thing that is no more."""

    name: str
    time: int


class Sale(Struct, tag="sale"):
    """A thing is sold."""

    name: str
    time: int


class Receipt(Struct):
    """Price that was paid, and whether the table found that late."""

    name: str
    price: int | None
    late: bool
    stream_time: int


RECEIPTS = Topic("receipts", "name", Receipt, "sales and what was paid", partitions=1)
PRICES = Topic(
    "prices", "name", Price | Gone | Sale, "prices, and sales", partitions=1, tombstone=Gone
)


class Till:
    """Sells at the last known price."""

    def on_record(
        self, state: int | None, record: Price | Gone | Sale, context: Context
    ) -> int | None:
        """Store a price, or sell."""
        if isinstance(record, Sale):
            context.send(Receipt(record.name, state, context.late, context.stream_time))
            return state
        return record.price if isinstance(record, Price) else None

    def on_time(self, state: int, context: Context) -> int | None:
        """Keep the state; no timer is set."""
        del context
        return state

    def on_shared(self, record: object, context: Context) -> None:
        """Do nothing; there is no broadcast state."""


def test_a_tombstone_is_read_as_the_record_its_topic_declares() -> None:
    """Its time is Kafka's; without a key or a timestamp it is a dead letter."""
    raw = [
        Raw(1, NOON, b"tea", b'{"type":"price","name":"tea","price":2,"time":%d}' % NOON),
        Raw(2, NOON + 7, b"tea", None),
        Raw(3, NOON + 8, None, None),
        Raw(4, -1, b"tea", None),
    ]
    decoded = Decoder(PRICES.of(Settings()), 0, HOUR, SystemClock()).decode(raw)
    assert decoded.records == [Price("tea", 2, NOON), Gone("tea", NOON + 7)]
    assert decoded.times == [NOON, NOON + 7]
    assert decoded.keys == [b"tea", b"tea"]
    assert [(each.offset, each.error) for each in decoded.bad] == [
        (3, "ValueError: the record has neither key nor value"),
        (4, "ValueError: the record has no value, and no Kafka timestamp to take its time from"),
    ]


def new_till(application: TickApp, name: str, retention: int, **options: Any) -> KeyedTable:
    """Declare a table of what things cost."""
    return KeyedTable(
        application,
        name=name,
        source=PRICES,
        process=Till(),
        state=int,
        outputs=[RECEIPTS],
        retention=retention,
        reference_data=(Price, Gone),
        help="what things cost",
        **options,
    )


def raw_of(*records: Sale | Price) -> list[Raw]:
    """Return records as they are in the topic."""
    return [
        Raw(
            n,
            NOON + 300 * HOUR,
            record.name.encode(),
            b'{"type":"%s","name":"%s","price":%d,"time":%d}'
            % (
                *(type(record).__name__.lower().encode(), record.name.encode()),
                *(getattr(record, "price", 0), record.time),
            ),
        )
        for n, record in enumerate(records)
    ]


def test_reference_data_does_not_move_stream_time(application: TickApp, drive: Drive) -> None:
    """Neither a price of next year nor one of last year changes what is late."""
    till = new_till(application, "till", 400 * 24 * HOUR)
    raw = raw_of(
        Sale("tea", NOON),
        Price("tea", 3, NOON - 300 * HOUR),
        Sale("tea", NOON),
        Price("tea", 4, NOON + 300 * HOUR),
        Sale("tea", NOON),
        Sale("tea", NOON - 1),
    )
    raw.append(Raw(len(raw), NOON, b"tea", None))
    raw.append(Raw(len(raw), NOON, b"tea", b'{"type":"sale","name":"tea","time":%d}' % NOON))
    with drive(till, raw) as driver:
        driver.settle()
        assert driver.written(RECEIPTS, Receipt) == [
            Receipt("tea", None, False, NOON),
            Receipt("tea", 3, False, NOON),
            Receipt("tea", 4, False, NOON),
            Receipt("tea", 4, True, NOON),
            Receipt("tea", None, False, NOON),
        ]


@pytest.mark.parametrize("crash", ["none", "kept", "lost"])
@pytest.mark.parametrize("sold_before", [True, False])
def test_reference_data_is_kept_for_the_retention_from_its_arrival(
    application: TickApp, drive: Drive, sold_before: bool, crash: Literal["none", "kept", "lost"]
) -> None:
    """However old it is itself, and though no event came before it: until exactly then."""
    till = new_till(application, f"till-{sold_before}-{crash}", HOUR)
    first = [Sale("milk", NOON)] if sold_before else []
    raw = raw_of(
        *first,
        Price("tea", 3, NOON - 300 * HOUR),
        Sale("milk", NOON),
        Sale("tea", NOON + 1),
        Price("tea", 4, NOON - 300 * HOUR),
        Sale("milk", NOON + HOUR),
        Sale("tea", NOON + HOUR),
        # A sale renews the retention of its price as well.
        Sale("tea", NOON + 2 * HOUR),
    )
    with drive(till, raw) as driver:
        while driver.folded < len(raw):
            driver.fold(1)
            driver.checkpoint()
            if crash != "none":
                driver.crash(crash)
        prices = [each.price for each in driver.written(RECEIPTS, Receipt) if each.name == "tea"]
        assert prices == [3, 4, None]


def test_reference_data_expires_if_nothing_follows_it(application: TickApp, drive: Drive) -> None:
    """When stream time has passed its arrival by the retention, as any other state."""
    till = new_till(application, "till-forgets", HOUR)
    raw = raw_of(
        Sale("milk", NOON),
        Price("tea", 3, NOON - 300 * HOUR),
        Sale("milk", NOON + HOUR - 1),
        Sale("milk", NOON + HOUR),
    )
    with drive(till, raw) as driver:
        driver.fold(3)
        assert driver.state.state_of(b"tea") == 3
        driver.settle()
        assert driver.state.state_of(b"tea") is None
