"""Legal records that fit no row or no topic are dead letters, and the stream goes on."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect

import agents
from app import app
from app.beaconing.topics import CONN_EVENTS
from app.fraud.topics import PAYMENTS
from app.hotel.records import Complaint, Response
from app.hotel.routes import stay_in
from app.hotel.topics import GUEST_EVENTS, GUEST_LOG, GUESTS
from app.logs.topics import LOGS, LOGS_BY_CLASS
from app.maintenance.topics import READINGS
from app.market.topics import TICKS
from app.shop.topics import CLICKS, PROFILES, SEARCHES
from app.transactions.topics import RULES, TRANSACTIONS
from eventfold.engine.store import Store
from eventfold.records import DeadLetter
from eventfold.records.fields import MAX_NAME, MAX_TEXT
from eventfold.settings import MAX_RECORD
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS, Topic
from tables.avro import as_avro
from tables.beacons import beacons
from tables.guests import events as guest_events
from tables.guests import guests
from tables.guests import profiles as guest_profiles
from tables.logs import by_severity

assert agents

pytestmark = pytest.mark.usefixtures("folding")

MINUTE = 60_000
NUMBERS = {"1e20": 10**20, "-1e20": -(10**20), "2^63": 2**63, "1e308": 1e308, "1e400": 10**400}

#: A valid record of each topic that producers write.
VALID: dict[Topic, dict[str, Any]] = {
    TICKS: {"symbol": "K", "price": 1.5, "size": 2, "time": START},
    LOGS: {"host": "K", "severity": "error", "message": "m", "n": 1},
    CONN_EVENTS: {"source": "K", "destination": "d", "port": 1, "bytes": 1, "time": START},
    PAYMENTS: {"id": "i", "card": "K", "amount": 1, "time": START},
    READINGS: {"machine": "K", "values": {"heat": 1.0}, "time": START},
    GUESTS: {"guest": "K", "name": "n", "time": START},
    GUEST_EVENTS: {
        "type": "reservation",
        "guest": "K",
        "reservation": "r",
        "status": "confirmed",
        "nights": 1,
        "details": "d",
        "time": START,
    },
    TRANSACTIONS: {
        "id": "i",
        "card": "K",
        "amount": 1,
        "currency": "EUR",
        "merchant": "m",
        "category": "c",
        "country": "DE",
        "time": START,
    },
    RULES: {"id": "K", "version": 1, "kind": "block", "limit": 1, "period": 1, "time": START},
    SEARCHES: {"id": "i", "user": "K", "query": "q", "results": 1, "time": START},
    CLICKS: {"id": "i", "user": "K", "item": "i", "time": START},
    PROFILES: {"user": "K", "segment": "s", "country": "DE", "time": START},
}


def encoded(fields: dict[str, Any]) -> bytes:
    """Return a record's JSON."""
    return json.dumps(fields).encode()


def hostile(topic: Topic) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Yield records that may be sent to a topic: a name, the key, the value."""
    valid, key = VALID[topic], b"K"
    for field, value in valid.items():
        if field == topic.key or field in {"type", "kind"}:
            continue
        if isinstance(value, int | float):
            for name, number in NUMBERS.items():
                yield f"{field} of {name}", key, encoded(valid | {field: number})
        elif isinstance(value, str):
            yield f"{field} of 900 kB", key, encoded(valid | {field: "x" * 900_000})
            yield f"{field} of controls", key, encoded(valid | {field: "\x00" * 150_000})
    long = "k" * 70_000
    yield "long key", long.encode(), encoded(valid | {topic.key: long})
    yield "key without UTF-8", b"\xff\xfe", encoded(valid)
    yield "other key of 70 kB", b"k" * 70_000, encoded(valid)
    yield "no key", None, encoded(valid)
    yield "no value", key, None
    yield "neither", None, None
    yield "no JSON", key, b"\xff" * 1_000_000
    yield "deep", key, b"[" * 500_000
    yield "surrogate", key, encoded(valid).replace(b'"K"', b'"\\ud800"')


@pytest.mark.parametrize("topic", VALID, ids=lambda topic: topic.base_name)
def test_hostile_records_do_not_stop_a_pipeline(topic: Topic) -> None:
    """With all pipelines: each is folded or a dead letter with a reason; one after it is folded.

    No written record is larger than brokers accept.
    """
    # The Avro step asks a schema registry first, which a driver does not have.
    tables = [table for table in app.tasks.tables if table is not as_avro]
    with TopologyDriver(app, tables=tables) as driver:
        sent = {}
        for name, key, value in hostile(topic):
            record = driver.pipe_raw(topic, key, value, partition=0)
            sent[record.offset] = name
            driver.settle()
        last = driver.pipe_raw(topic, b"K", encoded(VALID[topic]), partition=0)
        driver.settle()
        letters: list[DeadLetter] = driver.topic(DEAD_LETTERS)
        for letter in letters:
            assert letter.error
        dead = {each.offset for each in letters if each.topic == topic.of(app.settings).name}
        assert last.offset not in dead
        expected = {name for name in sent.values() if name in ALWAYS_DEAD}
        if topic.keyed:
            expected |= {"key without UTF-8", "other key of 70 kB", "no key"}
        if topic.tombstone is not None:
            expected.discard("no value")
        assert expected <= {sent[offset] for offset in dead}
        for each in tables:
            for output in (*each.topics, DEAD_LETTERS):
                for written in driver.records(output):
                    size = len(written.key or b"") + len(written.value or b"")
                    assert size <= MAX_RECORD


ALWAYS_DEAD = {"long key", "no value", "neither", "no JSON", "deep"}


@pytest.mark.parametrize("topic", VALID, ids=lambda topic: topic.base_name)
def test_names_and_texts_are_accepted_up_to_their_length_limits(topic: Topic) -> None:
    """A record with one character more is a dead letter that names the field."""
    tables = [table for table in app.tasks.tables if table is not as_avro]
    valid = VALID[topic]
    with TopologyDriver(app, tables=tables) as driver:
        sent: dict[int, tuple[str, bool]] = {}
        for field, limit in limits(topic).items():
            for length in (limit - 1, limit, limit + 1):
                # Two bytes each: characters are counted.
                text = "\u00e9" * length
                fields = valid | {field: text}
                record = driver.pipe_raw(
                    topic, fields[topic.key].encode(), encoded(fields), partition=0
                )
                sent[record.offset] = field, length > limit
        driver.settle()
        letters = {each.offset: each.error for each in driver.topic(DEAD_LETTERS)}
        for offset, (field, too_long) in sent.items():
            assert (offset in letters) == too_long, (field, letters.get(offset))
            if too_long:
                assert f"$.{field}" in letters[offset] or f"its {field}" in letters[offset]
        assert sent


def limits(topic: Topic) -> dict[str, int]:
    """Return the maximum length of each text field."""
    if topic is LOGS:
        return {"host": MAX_NAME, "message": MAX_TEXT}
    found = {}
    for field in fields_of(topic):
        info = field.type
        if isinstance(info, inspect.UnionType):
            (info,) = [each for each in info.types if isinstance(each, inspect.StrType)] or [info]
        if isinstance(info, inspect.StrType) and info.pattern is None:
            assert info.max_length is not None, (
                f"{topic.of(app.settings).name}: {field.name} may be of any length"
            )
            found[field.name] = info.max_length
    return found


def fields_of(topic: Topic) -> Sequence[inspect.Field]:
    """Return the fields of the record type of a topic that is sent here."""
    name = VALID[topic].get("type")
    kinds = get_args(topic.value) or (topic.value,)
    (kind,) = [each for each in kinds if name in {None, each.__struct_config__.tag}]
    return inspect.type_info(kind).fields


def test_guest_is_still_served_after_hundreds_of_long_complaints() -> None:
    """Complaints that no longer fit the row are dead letters."""
    with TopologyDriver(app, tables=[guest_profiles, guest_events, guests]) as driver:
        text = "x" * MAX_TEXT
        complaints = [Complaint("ann", f"c{n}", text, START + n) for n in range(300)]
        driver.pipe(GUEST_EVENTS, *complaints)
        driver.settle()
        letters = driver.topic(DEAD_LETTERS)
        fit = len(complaints) - len(letters)
        assert 200 < fit < 300
        assert [each.offset for each in letters] == list(range(fit, 300))
        assert {(each.topic, each.stage) for each in letters} == {
            (GUEST_LOG.of(app.settings).name, "guests")
        }
        assert letters[0].error.startswith("TooLargeError: the row of key b'ann' would have 938,")
        stay = stay_in(guests, "ann")
        assert stay is not None
        assert [each.id for each in stay.open] == [f"c{n}" for n in range(fit - 100, fit)]
        # Timers add to them, and answers remove them.
        driver.pipe(GUEST_EVENTS, Response("ann", START + 5 * MINUTE))
        driver.pipe(GUEST_EVENTS, Complaint("ann", "last", "cold", START + 6 * MINUTE))
        driver.advance("1h")
        driver.pipe(GUEST_EVENTS, Complaint("ann", "now", "dark", START + 60 * MINUTE))
        driver.settle()
        stay = stay_in(guests, "ann")
        assert stay is not None
        assert [each.id for each in stay.open] == ["last", "now"]
        assert driver.topic(DEAD_LETTERS) == letters
        for table in (guests,):
            for state in table.open_states():
                assert largest_row(state.store) <= MAX_RECORD


def largest_row(store: Store) -> int:
    """Return the size of the largest row of a store."""
    return max((len(key) + len(value) for key, value in store.scan(b"", b"\xff" * 3)), default=0)


def test_log_line_with_too_large_an_output_is_a_dead_letter() -> None:
    """Its structured data are not bounded; each control character takes six bytes in JSON."""
    with TopologyDriver(app, tables=[by_severity]) as driver:
        line = b'<11>1 - web-1 app - - [x@1 y="%b"] short'
        driver.pipe_raw(LOGS, None, line % (b"\x01" * 900_000), partition=0)
        driver.pipe_raw(LOGS, None, line % b"z", partition=0)
        driver.settle()
        (letter,) = driver.topic(DEAD_LETTERS)
        assert (letter.offset, letter.stage) == (0, "logs-by-severity")
        assert "a record for logs-error (b'web-1') would have 5,4" in letter.error
        (sent,) = driver.topic(LOGS_BY_CLASS["error"])
        assert (sent.host, sent.message) == ("web-1", "short")


def test_oversized_dead_letter_value_is_truncated_with_a_note() -> None:
    """1 MiB that is not JSON would be 1.4 MB in base64."""
    with TopologyDriver(app, tables=[beacons]) as driver:
        driver.pipe_raw(CONN_EVENTS, b"K", b"\xff" * (1 << 20))
        driver.settle()
        (record,) = driver.records(DEAD_LETTERS)
        fields = msgspec.json.decode(record.value or b"")
        assert len(base64.b64decode(fields["value"])) == 256 << 10
        assert "(the first 262144 of 1048576 bytes)" in fields["error"]
