"""Decoding of batches: a bad record becomes a dead letter, all others keep their coordinates."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_records import BAD, GOOD, NOON, Raw, raw_tick

from app.beaconing.topics import CONN_EVENTS
from app.logs.topics import LOGS
from app.market.records import Tick
from app.market.topics import TICKS
from eventfold.engine.batch import MAX_DEAD_TEXT, MAX_DEAD_VALUE, Batch, Decoder
from eventfold.engine.clock import SystemClock
from eventfold.engine.decoded import Decoded
from eventfold.engine.trades import reads
from eventfold.kafka.clients.producers import BATCH_BYTES
from eventfold.native import Extension, extension
from eventfold.records import EARLIEST, LATEST
from eventfold.records.reading import reader
from eventfold.settings import Settings
from eventfold.topics import Timestamp, Topic

HOUR = 3_600_000
PARTITION = 3

#: Among them a symbol with more bytes than characters, and one that JSON escapes.
SYMBOLS = st.sampled_from(["ACME", "Ünïcode €", 'quo"te', "日本"])
TICKS_DRAWN = st.builds(
    Tick,
    symbol=SYMBOLS,
    # A whole number, so that it may be written without a decimal point.
    price=st.integers(-1000, 1000).map(float),
    time=st.integers(NOON, NOON + HOUR),
    size=st.integers(0, 9) | st.sampled_from([0.0, 0.001, 2.0, 3.75]),
)


#: Ticks that the extension does not read as columns, but record by record.
PLAIN_TICKS = replace(TICKS, read=reader(Tick))

#: Ways of decoding: a topic of ticks, and the native extension or None.
READING: dict[str, tuple[Topic, Extension | None]] = {
    "pure": (TICKS, None),
    "native columns": (TICKS, extension()),
    "native records": (PLAIN_TICKS, extension()),
}


@pytest.fixture(scope="module", params=READING, autouse=True)
def reading(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run each test with each way of decoding."""
    if "native" in request.param and extension() is None:
        pytest.skip("the native extension is not installed: make native")
    READING["now"] = READING[request.param]
    yield
    del READING["now"]


def decoder() -> Decoder:
    """Return a decoder of ticks that accepts event times up to an hour ahead."""
    topic, native = READING["now"]
    return Decoder(topic.of(Settings()), PARTITION, HOUR, SystemClock(), native)


def columns(decoded: Decoded) -> list[tuple[int, bytes, int, Tick]]:
    """Return the readable records, one a row."""
    return list(zip(decoded.offsets, decoded.keys, decoded.times, decoded.records, strict=True))


@st.composite
def batches(draw: st.DrawFn, kinds: Sequence[str]) -> tuple[list[Raw], list[Tick | str]]:
    """Draw records with gaps between their offsets, and the tick or the kind of bad of each."""
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(kinds), TICKS_DRAWN, st.integers(1, 3)),
            min_size=1,
            max_size=8,
        )
    )
    raw, expected, offset = [], [], 40
    for kind, tick, gap in drawn:
        offset += gap
        key, value = GOOD[kind](tick) if kind in GOOD else BAD[kind][0](tick)
        raw.append(Raw(offset, tick.time, key, value))
        expected.append(tick if kind in GOOD else kind)
    return raw, expected


def assert_decoded(raw: Sequence[Raw], expected: Sequence[Tick | str]) -> None:
    """Check that good records are decoded with their coordinates and bad ones are dead letters."""
    decoded = decoder().decode(raw)
    pairs = list(zip(raw, expected, strict=True))
    assert columns(decoded) == [
        (record.offset, tick.symbol.encode(), tick.time, tick)
        for record, tick in pairs
        if isinstance(tick, Tick)
    ]
    bad = [(record, kind) for record, kind in pairs if isinstance(kind, str)]
    for letter, (record, kind) in zip(decoded.bad, bad, strict=True):
        assert (letter.topic, letter.partition, letter.offset) == ("ticks", 3, record.offset)
        assert letter.value == record.value
        assert letter.stage == "decode"
        assert re.search(BAD[kind][1], letter.error), letter.error
    assert decoded.next_offset == raw[-1].offset + 1


@settings(max_examples=150)
@given(batches([*GOOD] * 3 + [*BAD]))
def test_good_records_are_decoded_and_bad_ones_become_dead_letters(
    batch: tuple[list[Raw], list[Tick | str]],
) -> None:
    """Offsets, keys and times stay aligned with their records in any mixture."""
    assert_decoded(*batch)


@settings(max_examples=50)
@given(batches([*GOOD]))
def test_a_good_batch_has_no_dead_letters(batch: tuple[list[Raw], list[Tick | str]]) -> None:
    """Every valid form of JSON that producers write is accepted."""
    assert decoder().decode(batch[0]).bad == []
    assert_decoded(*batch)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_record_in_a_batch_affects_no_other(kind: str) -> None:
    """Only that record becomes a dead letter, with its coordinates and the error."""
    ticks = [Tick("ACME", float(n), NOON + n, n) for n in range(1, 6)]
    raw = [raw_tick(10 * n, tick) for n, tick in enumerate(ticks)]
    key, value = BAD[kind][0](ticks[2])
    raw[2] = raw[2]._replace(key=key, value=value)
    assert_decoded(raw, [*ticks[:2], kind, *ticks[3:]])


@settings(max_examples=100)
@given(batches([*GOOD] * 3 + [*BAD]))
def test_a_record_is_decoded_the_same_alone_and_in_a_batch(
    batch: tuple[list[Raw], list[Tick | str]],
) -> None:
    """The fast path over a whole batch and the slow path record by record agree."""
    raw, _ = batch
    together = decoder().decode(raw)
    one_by_one = [decoder().decode([record]) for record in raw]
    assert columns(together) == [row for each in one_by_one for row in columns(each)]
    assert [(letter.offset, letter.error) for letter in together.bad] == [
        (letter.offset, letter.error) for each in one_by_one for letter in each.bad
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(b"%(tick)s%(tick)s", b"", id="two objects, then none"),
        pytest.param(b"%(tick)s %(tick)s", b" ", id="two objects, then a blank"),
        pytest.param(b'%(tick)s{"symbol":"A",', b'"price":1,"time":%(time)d}', id="one and a half"),
        pytest.param(b"", b"%(tick)s%(tick)s", id="none, then two objects"),
    ],
)
def test_two_objects_in_one_value_do_not_replace_a_missing_one(first: bytes, second: bytes) -> None:
    """The batch has as many objects as values, but not one in each."""
    fields = {b"tick": b'{"symbol":"A","price":1,"time":%d}' % NOON, b"time": NOON}
    raw = [
        Raw(n, NOON, b"A", value % fields if b"%" in value else value)
        for n, value in enumerate([first, second])
    ]
    decoded = decoder().decode(raw)
    assert columns(decoded) == []
    assert [letter.offset for letter in decoded.bad] == [0, 1]


@given(st.lists(st.tuples(TICKS_DRAWN, st.integers(-2 * HOUR, 2 * HOUR)), min_size=1, max_size=6))
@example([(Tick("ACME", 1.0, NOON), HOUR), (Tick("ACME", 1.0, NOON), HOUR + 1)])
def test_event_time_may_be_ahead_of_the_kafka_timestamp_up_to_a_limit(
    drawn: list[tuple[Tick, int]],
) -> None:
    """Exactly `max_ahead` is accepted; each record is compared with its own timestamp."""
    raw = [
        raw_tick(n, tick)._replace(timestamp=tick.time - ahead)
        for n, (tick, ahead) in enumerate(drawn)
    ]
    decoded = decoder().decode(raw)
    assert decoded.offsets == [n for n, (_, ahead) in enumerate(drawn) if ahead <= HOUR]
    assert [(letter.offset, letter.error) for letter in decoded.bad] == [
        (n, f"ValueError: the time is {ahead} ms ahead of the record's Kafka timestamp")
        for n, (_, ahead) in enumerate(drawn)
        if ahead > HOUR
    ]


@pytest.mark.parametrize("stamp", [-1, 0, None])
def test_a_record_without_kafka_timestamp_keeps_its_event_time(stamp: int | None) -> None:
    """Other records of the batch are still compared with their timestamps."""
    ticks = [Tick("ACME", float(n), NOON + n, n) for n in range(4)]
    raw = [raw_tick(n, tick) for n, tick in enumerate(ticks)]
    bare = [each._replace(timestamp=stamp) for each in raw]
    assert [row[-1] for row in columns(decoder().decode(bare))] == ticks
    mixed = [bare[0], raw[1], raw[2]._replace(timestamp=NOON - 2 * HOUR), bare[3]]
    decoded = decoder().decode(mixed)
    assert (decoded.offsets, [each.offset for each in decoded.bad]) == ([0, 1, 3], [2])


@pytest.mark.parametrize("stamp", [-1, 0, None])
def test_microseconds_are_a_dead_letter_without_kafka_timestamp_too(
    stamp: int | None,
) -> None:
    """One such record would close every window for 50,000 years."""
    tick = Tick("ACME", 1.0, NOON * 1000, 1)
    decoded = decoder().decode([raw_tick(0, tick)._replace(timestamp=stamp)])
    assert decoded.offsets == []
    (letter,) = decoded.bad
    assert "microseconds perhaps given" in letter.error


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize(
    ("time", "accepted"),
    [(EARLIEST - 1, False), (EARLIEST, True), (LATEST, True), (LATEST + 1, False)],
)
def test_event_times_outside_earliest_and_latest_are_dead_letters(
    time: int, accepted: bool, others: int
) -> None:
    """In a batch of one, and beside a bad record that has the batch decoded one by one."""
    raw = [raw_tick(0, Tick("ACME", 1.0, time))._replace(timestamp=0)]
    raw += [raw_tick(1, Tick("ACME", 1.0, NOON))._replace(value=b"[]") for _ in range(others)]
    decoded = decoder().decode(raw)
    assert decoded.offsets == [0] * accepted
    assert [each.offset for each in decoded.bad] == [0] * (not accepted) + [1] * others


def test_event_times_of_our_own_topics_are_not_compared_with_timestamps() -> None:
    """They are those of source records, which were compared when they came in."""
    topic, native = READING["now"]
    own = Decoder(topic.of(Settings()), PARTITION, None, SystemClock(), native)
    raw = [raw_tick(n, Tick("ACME", 1.0, NOON))._replace(timestamp=NOON - 9 * HOUR) for n in (0, 1)]
    assert own.decode(raw).offsets == [0, 1]
    beyond = raw_tick(2, Tick("ACME", 1.0, NOON * 1000))
    (letter,) = own.decode([*raw, beyond]).bad
    assert "microseconds perhaps given" in letter.error


def test_a_topic_is_read_by_its_own_key_field() -> None:
    """Connections are keyed by their source, not by a symbol."""
    value = b'{"source":"h1","destination":"h2","port":443,"bytes":1,"time":%d}' % NOON
    raw = [Raw(0, NOON, b"h1", value), Raw(1, NOON, b"h2", value)]
    decoded = Decoder(CONN_EVENTS.of(Settings()), 0, HOUR, SystemClock()).decode(raw)
    assert [record.destination for record in decoded.records] == ["h2"]
    assert [letter.error for letter in decoded.bad] == [
        "ValueError: the key b'h2' is not the record's source 'h1'"
    ]


def test_a_dead_letter_keeps_the_bytes_and_the_key() -> None:
    """The value is Base64 in JSON, exact to the byte; invalid UTF-8 in the key is replaced."""
    value = bytes(range(256))
    decoded = decoder().decode([Raw(7, NOON, b"A\xffB", value)])
    written = msgspec.json.decode(msgspec.json.encode(decoded.bad[0]))
    assert written["key"] == "A\N{REPLACEMENT CHARACTER}B"
    assert msgspec.convert(written["value"], bytes) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(b"A", b"x" * 1_000_000, id="a large value"),
        pytest.param(b"K" * 500_000, b"x" * 500_000, id="a large key"),
        pytest.param(b"\xff" * 500_000, b"x" * 500_000, id="a large key that is not text"),
        pytest.param(
            b"A",
            b'{"symbol":"%s","price":1,"time":%d}' % (b"S" * 900_000, NOON),
            id="a large symbol",
        ),
    ],
)
def test_a_dead_letter_fits_into_its_topic(key: bytes, value: bytes) -> None:
    """A dead letter that is too large for its topic would abort every checkpoint."""
    decoded = decoder().decode([Raw(7, NOON, key, value)])
    (letter,) = decoded.bad
    assert len(msgspec.json.encode(letter)) < BATCH_BYTES
    if len(value) > MAX_DEAD_VALUE:
        assert letter.value == value[:MAX_DEAD_VALUE]
        assert f"(the first {MAX_DEAD_VALUE} of {len(value)} bytes)" in letter.error


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_dead_letter_is_truncated_exactly_at_its_limits(more: int) -> None:
    """A value, a key and an error of exactly the limit are kept whole."""
    key, value = b"k" * (MAX_DEAD_TEXT + more), b"x" * (100 + more)
    reader = Decoder(TICKS.of(Settings()), PARTITION, HOUR, SystemClock(), max_record=200)
    record = Raw(7, NOON, key, value)
    error = ValueError("e" * (MAX_DEAD_TEXT - len("ValueError: ") + more))
    letter = reader.dead_letter(record, error, "decode")
    assert (letter.value, letter.key) == (value[:100], key[:MAX_DEAD_TEXT].decode())
    text, cut, note = letter.error.partition(" (")
    assert text == f"ValueError: {error}"[:MAX_DEAD_TEXT]
    assert cut + note == (" (the first 100 of 101 bytes)" if more > 0 else "")
    assert reader.dead_letter(record._replace(key=None, value=None), error, "x").value is None


class Quote(Tick):
    """A trade with a field of its own."""

    venue: str = ""


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        (TICKS, True),
        (replace(TICKS, value=Quote), False),
        (PLAIN_TICKS, False),
        (replace(TICKS, keyed=False), False),
        (replace(TICKS, key="size"), False),
        (replace(TICKS, time="size"), False),
        (replace(TICKS, time=Timestamp.CREATE), False),
    ],
)
def test_only_trades_by_symbol_and_time_are_read_as_columns(topic: Topic, *, found: bool) -> None:
    """In JSON, and with their symbol as the key: all else is read record by record."""
    assert reads(topic) is found


def test_a_batch_is_decoded_once_for_all_its_tables() -> None:
    """Each access returns the same columns."""

    class Task:
        name = "ticks-3"
        decoder = decoder()

    # Offsets have gaps, from compaction and from transaction markers.
    raw = [raw_tick(n, Tick("A", 1.0, NOON)) for n in (7, 8, 12)]
    batch = Batch(Task(), raw, 5)  # type: ignore[arg-type]
    assert (len(batch), batch.begin, batch.end) == (3, 5, 13)
    assert str(batch) == "offsets 5 to 12 of ticks-3"
    assert batch.decoded is batch.decoded
    assert Batch(Task(), raw[1:]).begin == 8  # type: ignore[arg-type]


def test_a_custom_reader_is_not_called_for_a_record_without_value() -> None:
    """Such a record is a dead letter; the others of the batch are read."""
    own = Decoder(LOGS.of(Settings()), PARTITION, HOUR, SystemClock())
    raw = [Raw(1, NOON, None, b"<11>out of paper"), Raw(2, NOON, b"any", None)]
    decoded = own.decode(raw)
    assert (decoded.offsets, decoded.keys, decoded.times) == ([1], [b""], [NOON])
    assert [(letter.offset, letter.error) for letter in decoded.bad] == [
        (2, "ValueError: the record has no value")
    ]


def test_sizes_are_those_of_the_values_though_another_record_is_bad() -> None:
    """They bound what a key's state may grow by; what is left out has none."""
    raw = [
        raw_tick(1, Tick("A", 1.0, NOON)),
        Raw(2, NOON, b"A", b"{"),
        raw_tick(3, Tick("AB", 1.0, NOON)),
    ]
    decoded = decoder().decode(raw)
    assert decoded.offsets == [1, 3]
    assert decoded.sizes == [len(raw[0].value or b""), len(raw[2].value or b"")]
