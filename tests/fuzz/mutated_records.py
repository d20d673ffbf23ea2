"""Records that no producer should send: valid ones with up to two mutations."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec
from honest_records import Honest

from eventfold.harness.kafka import Headers
from eventfold.topics import AFTER_MAX, BoundTopic, Timestamp, Topic

HOUR = 3_600_000

#: Texts that are keys, or parts of them.
TEXTS = [
    "",
    " ",
    "A",
    "*",
    "__meta__",
    "\x00",
    "é",
    "日本",
    "😀",
    "a/b?c#d",
    "K" * 300,
    "K" * 65_535,
    "K" * 65_536,
]

#: Values for a field, also some that are not JSON.
JSON = [
    *(b"null", b"true", b"[]", b"{}", b'""', b'"x"', b"0", b"-0", b"-0.0", b"0.5", b"-1", b"1e308"),
    *(b"-1e308", b"5e-324", b"1e999", b"NaN", b"Infinity", b'"NaN"', b'"-Infinity"', b'"1.5"'),
    *(b"%d" % number for number in (2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1)),
    *(b"1" + b"0" * 20, b"-1" + b"0" * 20, b"1" + b"0" * 400, b"1" * 5_000, b"+1", b"01", b".5"),
    *(b'"\\ud800"', b'"\\u0000"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"' + b"x" * 70_000 + b'"'),
    *(
        b'"' + b"x" * 900_000 + b'"',
        b'["a",1,null]',
        b'{"a":{"b":[1,2,{"c":null}]}}',
        b"[" * 900 + b"]" * 900,
    ),
    *(b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"tru", b'"open', b""),
]

#: Values that are no record of any topic.
VALUES = [
    *(b"", b" ", b"\n", b"null", b"1", b'"text"', b"[]", b"{}", b"[{}]", b"\x00", b"\xff" * 40),
    *(
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"\x00\x00\x00\x00\x07" + bytes(range(200)),
        b"\x00\x00",
    ),
    *(b"[" * 100_000, b"{" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, bytes(range(256)) * 400),
    *(
        b"<11>out of paper",
        b"<999>1 - - - - - -",
        b"<34>1 2003-10-11T22:14:15.003Z h su - ID47 - x",
    ),
    *(b"<34>Oct 11 22:14:15 h su: x", b"<34>Feb 30 25:61:61 h su: x", b"<0>" + b"y" * 100_000),
    *(b'<165>1 9999-12-31T23:59:59.999999+23:59 h a p m [x@1 k="v\\"]"] t', b"<>", b"<34>1"),
]


class MutatedRecord(NamedTuple):
    """Record to be written."""

    topic: Topic
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int | None


class RecordMutator:
    """Make records of topics; the same ones from the same `random`."""

    def __init__(self, random: Random, topics: Sequence[BoundTopic]) -> None:
        self._random = random
        self._topics = topics
        self._honest = Honest(random)

    def record(self, topic: BoundTopic, now: int) -> MutatedRecord:
        """Return a record of a topic at `now` (ms): one in five is valid."""
        random = self._random
        time = now + random.choice([0, 0, 0, 1, -1, -5_000, -HOUR, -6 * HOUR, HOUR, 40_000])
        name = random.choice(["A", "B", "C"]) if random.random() < 0.8 else random.choice(TEXTS)
        fields = self._honest.fields(topic, name, time)
        key: bytes | None = name.encode()
        value: bytes | None = msgspec.json.encode(fields)
        for _ in range(random.choice([0, 1, 1, 1, 2])):
            mutate = random.choice(_MUTATIONS)
            key, value = mutate(self, topic, key, value)
        return MutatedRecord(topic, key, value, self._headers(), self._timestamp(topic, now))

    def _headers(self) -> Headers:
        random = self._random
        names = ["source", "", "traceparent", "é", "x" * 1_000]
        values = [b"", b"ticks-0-1", b"\xff\xfe", b"y" * 1_000]
        number = random.choice([0, 0, 0, 1, 3])
        return [(random.choice(names), random.choice(values)) for _ in range(number)]

    def _timestamp(self, topic: BoundTopic, now: int) -> int | None:
        ahead = now + int(topic.config().get(AFTER_MAX, HOUR))
        if topic.time is Timestamp.LOG_APPEND or self._random.random() < 0.6:
            return None
        return self._random.choice([-1, 0, 1, now - HOUR, now - 10**11, 10**11, ahead])

    # -- mutations: each takes and returns key and value

    def _field(self, topic: Topic, key: bytes | None, value: bytes | None) -> Any:
        """Replace the value of a field; more often of one that every table reads."""
        fields = _fields(value)
        if fields:
            of_topic = [name for name in (topic.key, topic.time) if name in fields]
            name = self._random.choice([*fields, *of_topic])
            value = _with(fields, name, self._random.choice(JSON))
        return key, value

    def _time(self, topic: Topic, key: bytes | None, value: bytes | None) -> Any:
        """Replace the event time."""
        fields = _fields(value)
        if fields and topic.time in fields:
            times = [
                0,
                -1,
                1_700_000_000,
                10**11 - 1,
                10**11,
                10**15,
                10**16,
                2**62,
                2**63,
                # Of a record without a Kafka timestamp any time up to 10**14 is right, and after
                # one that is years ahead all windows before are expired: the accounts need them.
                10**14 + 1,
            ]
            value = _with(fields, str(topic.time), b"%d" % self._random.choice(times))
        return key, value

    def _missing_field(self, _: Topic, key: bytes | None, value: bytes | None) -> Any:
        fields = _fields(value)
        if fields:
            fields.pop(self._random.choice([*fields]))
            value = msgspec.json.encode(fields)
        return key, value

    def _extra_field(self, _: Topic, key: bytes | None, value: bytes | None) -> Any:
        """Add a field, which may be a duplicate."""
        fields = _fields(value)
        if fields and value is not None:
            name = self._random.choice([*fields, "unknown", ""])
            text = msgspec.json.encode(name) + b":" + self._random.choice(JSON)
            value = value[:-1] + b"," + text + b"}"
        return key, value

    def _key_text(self, topic: Topic, key: bytes | None, value: bytes | None) -> Any:
        """Replace the key by an odd text, in its field too."""
        fields = _fields(value)
        if fields and topic.key in fields:
            name = self._random.choice(TEXTS)
            key, value = name.encode(), msgspec.json.encode(fields | {topic.key: name})
        return key, value

    def _key(self, _: Topic, key: bytes | None, value: bytes | None) -> Any:
        """Replace the key, but not its field."""
        odd = [None, b"", b"\xff\xfe", b"\xed\xa0\x80", b"__meta__", b"other", b"K" * 70_000]
        return self._random.choice([*odd, (key or b"") + b" "]), value

    def _value(self, _: Topic, key: bytes | None, __: bytes | None) -> Any:
        return key, self._random.choice(VALUES)

    def _other_topic(self, _: Topic, key: bytes | None, __: bytes | None) -> Any:
        """Return a valid record of another topic."""
        other = self._random.choice(self._topics)
        return self._honest.record(other, (key or b"").decode(errors="replace"), 1_767_225_600_000)

    def _tombstone(self, _: Topic, key: bytes | None, __: bytes | None) -> Any:
        return key, None

    def _structure(self, _: Topic, key: bytes | None, value: bytes | None) -> Any:
        old = value or b""
        variants = [
            b"[" + old + b"]",
            old + old,
            old + b"\n" + old,
            old[:-1],
            old[1:],
            b"\xef\xbb\xbf" + old,
        ]
        return key, self._random.choice([*variants, old[: self._random.randrange(len(old) + 1)]])

    def _bytes(self, _: Topic, key: bytes | None, value: bytes | None) -> Any:
        """Change, insert or remove some bytes."""
        random, changed = self._random, bytearray(value or b"")
        for _ in range(random.choice([1, 1, 2, 8])):
            at = random.randrange(len(changed) + 1)
            changed[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
        return key, bytes(changed)


_MUTATIONS: list[Callable[[RecordMutator, Topic, bytes | None, bytes | None], Any]] = [
    RecordMutator._field,
    RecordMutator._field,
    RecordMutator._field,
    RecordMutator._time,
    RecordMutator._missing_field,
    RecordMutator._extra_field,
    RecordMutator._key_text,
    RecordMutator._key,
    RecordMutator._value,
    RecordMutator._other_topic,
    RecordMutator._tombstone,
    RecordMutator._structure,
    RecordMutator._bytes,
    RecordMutator._bytes,
]


def _fields(value: bytes | None) -> dict[str, Any]:
    """Return the fields of a value that is still an object, else none."""
    try:
        return msgspec.json.decode(value or b"", type=dict[str, Any])
    except (ValueError, RecursionError):
        return {}


def _with(fields: dict[str, Any], name: str, text: bytes) -> bytes:
    """Return the object with `text`, which may be any bytes, for one field."""
    try:
        encoded = msgspec.json.encode(fields | {name: "HERE!"})
    except (ValueError, OverflowError):
        encoded = msgspec.json.encode({name: "HERE!"})
    return encoded.replace(b'"HERE!"', text, 1)
