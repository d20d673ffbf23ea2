"""Values that JSON may hold and no row can, keys that are none: dead letters, with the reason."""

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
from eventfold.topics import DEAD_LETTERS, Topic

HOUR = 3_600_000


class Leaf(Struct):
    """Something with an integer that nothing bounds."""

    count: int


class Own(Struct):
    """A record of one's own."""

    name: str
    time: Annotated[int, Meta(ge=0, le=2**62)]
    leaves: list[Leaf] = []
    extra: Any = None


OWN = Topic("own", "name", Own, "records of one's own")
UNKEYED = Topic("unkeyed", "name", Own, "the same under any key", keyed=False)


def read(topic: Topic, *records: tuple[bytes | None, bytes | None], most: int = 10**6) -> Decoded:
    """Decode some keys and values."""
    raw = [Raw(offset, NOON, key, value) for offset, (key, value) in enumerate(records)]
    return Decoder(topic, 0, HOUR, SystemClock(), max_record=most).decode(raw)


@pytest.mark.parametrize("number", [10**20, -(10**20), 2**63])
def test_an_integer_beyond_64_bits_is_a_dead_letter_of_the_topics_the_product_reads(
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
def test_an_integer_beyond_64_bits_is_a_dead_letter_where_no_type_bounds_it(
    topic: Topic, fields: bytes
) -> None:
    """However deep it stands in a record of one's own; a large one that fits is read."""
    value = b'{"name": "n", "time": 1769860800000, %s}'
    bad, good = value % (fields % (b"0" * 20)), value % (fields % (b"0" * 18))
    decoded = read(topic, (b"n", bad), (b"n", good))
    (letter,) = decoded.bad
    assert (letter.offset, letter.error) == (0, "ValueError: an integer has more than 64 bits")
    assert decoded.offsets == [1]


def test_the_products_own_records_bound_their_integers_and_are_not_encoded_again() -> None:
    """It would cost each record of a busy topic a tenth of its decoding."""

    def decode(value: Any) -> Any:
        return value

    written = {
        each.base_name for each in LOGS_BY_CLASS.values()
    }  # fields of any kind, read by nobody
    for topic in ALL:
        if topic.read is None and topic.base_name not in written:
            assert bounded(topic.value, decode) is decode, topic.base_name
    assert bounded(Own, decode) is not decode


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe", b"k" * (MAX_KEY + 1), b"other"])
def test_a_topic_that_is_not_keyed_goes_by_its_key_field(key: bytes | None) -> None:
    """Whatever Kafka key a producer chose, and none."""
    value = msgspec.json.encode(Own("n", NOON))
    decoded = read(UNKEYED, (key, value), (key, value))
    assert (decoded.keys, decoded.bad) == ([b"n", b"n"], [])
    line = read(LOGS, (key, b'{"severity": "error", "host": "web-1", "message": "x"}'))
    assert line.keys == [b"web-1"]


def test_a_key_field_that_is_too_long_for_a_row_is_a_dead_letter() -> None:
    """Of a keyed topic as of one that is not."""
    name = "n" * (MAX_KEY + 1)
    value = msgspec.json.encode(Own(name, NOON))
    for topic in OWN, UNKEYED:
        decoded = read(topic, (name.encode(), value), (b"n", msgspec.json.encode(Own("n", NOON))))
        (letter,) = decoded.bad
        assert f"{MAX_KEY + 1} bytes, more than" in letter.error
        assert decoded.keys == [b"n"]


def test_a_reader_may_raise_anything() -> None:
    """Its record is the dead letter, the others are read."""

    def picky(value: bytes) -> Own:
        return {b"good": Own("n", NOON)}[value]

    topic = Topic("picky", "name", Own, "", read=picky)
    decoded = read(topic, (b"n", b"bad"), (b"n", b"good"))
    assert decoded.offsets == [1]
    assert decoded.bad[0].error == "KeyError: b'bad'"


@pytest.mark.parametrize(("bound", "number"), [(Meta(le=5), -(1 << 70)), (Meta(ge=0), 1 << 70)])
def test_an_integer_bounded_on_one_side_is_refused_beyond_64_bits_on_the_other(
    bound: Meta, number: int
) -> None:
    """No row could hold it: the record is a dead letter, and the others count."""
    read = bounded(Annotated[int, bound], lambda value: value)
    with pytest.raises(ValueError, match="more than 64 bits"):
        read(number)
    assert read(3) == 3


def test_a_dead_letter_keeps_half_of_what_a_record_may_have() -> None:
    """Or less where that is much; what is shorter is kept whole."""
    values = [b"\x00" * size for size in (50_000, 50_001, 60_000)]
    letters = read(CONN_EVENTS, *((b"h1", value) for value in values), most=100_000).bad
    assert [letter.value for letter in letters] == [b"\x00" * 50_000] * 3
    assert ["bytes)" in letter.error for letter in letters] == [False, True, True]


@pytest.mark.parametrize("most", [500_000, 10**6])
@pytest.mark.parametrize("size", [60_000, 2**20, 4 * 2**20])
def test_a_dead_letter_fits_whatever_the_limit_is(most: int, size: int) -> None:
    """Of a value that is no JSON, under a key that JSON writes in six bytes each."""
    decoded = read(CONN_EVENTS, (b"\x00" * 70_000, b"\x00" * size), most=most)
    (letter,) = decoded.bad
    assert isinstance(letter, DeadLetter)
    written = msgspec.json.encode(letter)
    assert len(written) + len(DEAD_LETTERS.name) < most
    whole = letter.value is not None and len(letter.value) == size
    assert whole or f"of {size} bytes)" in letter.error
