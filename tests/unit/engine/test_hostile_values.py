"""Values and keys that no row can hold are dead letters, with the reason."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import pytest
from all_topics import ALL
from msgspec import Meta, Struct
from raw_records import NOON, Raw

from app.beaconing.topics import CONN_EVENTS
from app.hotel.topics import GUEST_EVENTS
from app.logs.topics import LOGS, LOGS_BY_CLASS
from eventfold.engine.batch import Decoder
from eventfold.engine.clock import SystemClock
from eventfold.engine.decoded import Decoded
from eventfold.engine.integers import bounded
from eventfold.engine.rows import MAX_KEY
from eventfold.records import DeadLetter
from eventfold.settings import Settings
from eventfold.topics import DEAD_LETTERS, Topic

HOUR = 3_600_000


class Leaf(Struct):
    """Struct with an unbounded integer."""

    count: int


class Own(Struct):
    """A record type of the user's."""

    name: str
    time: Annotated[int, Meta(ge=0, le=2**62)]
    leaves: list[Leaf] = []
    extra: Any = None


OWN = Topic("own", "name", Own, "custom records")
UNKEYED = Topic("unkeyed", "name", Own, "the same, with any key", keyed=False)


def read(topic: Topic, *records: tuple[bytes | None, bytes | None], most: int = 10**6) -> Decoded:
    """Decode some keys and values."""
    raw = [Raw(offset, NOON, key, value) for offset, (key, value) in enumerate(records)]
    return Decoder(topic.of(Settings()), 0, HOUR, SystemClock(), max_record=most).decode(raw)


@pytest.mark.parametrize("number", [10**20, -(10**20), 2**63])
def test_an_integer_beyond_64_bits_is_a_dead_letter_in_source_topics(
    number: int,
) -> None:
    """`bytes` of a connection, `nights` of a reservation: the record beside it is read."""
    for topic, key, good, bad in [
        (
            CONN_EVENTS,
            b"a",
            {"source": "a", "destination": "b", "port": 1, "bytes": 1, "time": NOON},
            {"bytes": number},
        ),
        (
            GUEST_EVENTS,
            b"g",
            {
                "type": "reservation",
                "guest": "g",
                "reservation": "r",
                "status": "confirmed",
                "time": NOON,
            },
            {"nights": number},
        ),
    ]:
        encode: Callable[[Any], bytes] = lambda each: repr(each).replace("'", '"').encode()  # noqa: E731
        decoded = read(topic, (key, encode(good | bad)), (key, encode(good)))
        assert [letter.offset for letter in decoded.bad] == [0]
        assert next(iter(bad)) in decoded.bad[0].error
        assert decoded.offsets == [1]


@pytest.mark.parametrize("topic", [OWN, UNKEYED])
@pytest.mark.parametrize(
    "fields", [b'"leaves": [{"count": 1}, {"count": 1%s}]', b'"extra": {"deep": [1%s]}']
)
def test_an_integer_beyond_64_bits_is_a_dead_letter_in_custom_records(
    topic: Topic, fields: bytes
) -> None:
    """At any depth; a large integer that fits is read."""
    value = b'{"name": "n", "time": 1769860800000, %s}'
    bad, good = value % (fields % (b"0" * 20)), value % (fields % (b"0" * 18))
    decoded = read(topic, (b"n", bad), (b"n", good))
    (letter,) = decoded.bad
    assert (letter.offset, letter.error) == (0, "ValueError: an integer has more than 64 bits")
    assert decoded.offsets == [1]


def test_integers_of_the_products_records_are_bounded_and_need_no_check() -> None:
    """The check would cost each record of a busy topic a tenth of its decoding."""

    def decode(value: Any) -> Any:
        return value

    written = {each.base_name for each in LOGS_BY_CLASS.values()}  # fields of any kind, never read
    for topic in ALL:
        if topic.read is None and topic.base_name not in written:
            assert bounded(topic.value, decode) is decode, topic.base_name
    assert bounded(Own, decode) is not decode


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe", b"k" * (MAX_KEY + 1), b"other"])
def test_records_of_an_unkeyed_topic_get_their_key_from_the_key_field(key: bytes | None) -> None:
    """Whatever Kafka key the producer chose, or none."""
    value = msgspec.json.encode(Own("n", NOON))
    decoded = read(UNKEYED, (key, value), (key, value))
    assert (decoded.keys, decoded.bad) == ([b"n", b"n"], [])
    line = read(LOGS, (key, b'{"severity": "error", "host": "web-1", "message": "x"}'))
    assert line.keys == [b"web-1"]


def test_a_key_field_that_is_too_long_for_a_row_is_a_dead_letter() -> None:
    """In a keyed topic as in an unkeyed one."""
    name = "n" * (MAX_KEY + 1)
    value = msgspec.json.encode(Own(name, NOON))
    for topic in OWN, UNKEYED:
        decoded = read(topic, (name.encode(), value), (b"n", msgspec.json.encode(Own("n", NOON))))
        (letter,) = decoded.bad
        assert f"{MAX_KEY + 1} bytes, more than" in letter.error
        assert decoded.keys == [b"n"]


def test_any_exception_of_a_custom_reader_makes_a_dead_letter() -> None:
    """The other records are read."""

    def picky(value: bytes) -> Own:
        return {b"good": Own("n", NOON)}[value]

    topic = Topic("picky", "name", Own, "", read=picky)
    decoded = read(topic, (b"n", b"bad"), (b"n", b"good"))
    assert decoded.offsets == [1]
    assert decoded.bad[0].error == "KeyError: b'bad'"


@pytest.mark.parametrize(("bound", "number"), [(Meta(le=5), -(1 << 70)), (Meta(ge=0), 1 << 70)])
def test_an_integer_with_one_bound_is_rejected_beyond_64_bits_at_the_other_end(
    bound: Meta, number: int
) -> None:
    """No row could hold it: the record is a dead letter, and the others count."""
    read = bounded(Annotated[int, bound], lambda value: value)
    with pytest.raises(ValueError, match="more than 64 bits"):
        read(number)
    assert read(3) == 3


def test_a_dead_letter_keeps_at_most_half_a_record_of_the_value() -> None:
    """A shorter value is kept whole."""
    values = [b"\x00" * size for size in (50_000, 50_001, 60_000)]
    letters = read(CONN_EVENTS, *((b"h1", value) for value in values), most=100_000).bad
    assert [letter.value for letter in letters] == [b"\x00" * 50_000] * 3
    assert ["bytes)" in letter.error for letter in letters] == [False, True, True]


@pytest.mark.parametrize("most", [500_000, 10**6])
@pytest.mark.parametrize("size", [60_000, 2**20, 4 * 2**20])
def test_a_dead_letter_fits_any_limit_of_record_size(most: int, size: int) -> None:
    """Even if the value is no JSON, and each byte of the key takes six bytes in JSON."""
    decoded = read(CONN_EVENTS, (b"\x00" * 70_000, b"\x00" * size), most=most)
    (letter,) = decoded.bad
    assert isinstance(letter, DeadLetter)
    written = msgspec.json.encode(letter)
    assert len(written) + len(DEAD_LETTERS.base_name) < most
    whole = letter.value is not None and len(letter.value) == size
    assert whole or f"of {size} bytes)" in letter.error
