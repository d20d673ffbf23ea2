"""Content of a topic for an oracle: each partition in order of event time."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec import Struct


class Entry(NamedTuple):
    """A record of a topic."""

    partition: int
    offset: int
    value: bytes


class Seen(NamedTuple):
    """A readable record; `time` (ms) is when it is processed."""

    time: int
    offset: int
    record: dict[str, Any]
    late: bool


class Partition(NamedTuple):
    """The processed records, in order: all before the watermark (ms)."""

    number: int
    seen: list[Seen]
    watermark: int


def partitions(
    entries: Iterable[Entry], grace: int, *, reference_type: str | None = None
) -> list[Partition]:
    """Return the readable records of each partition, in order of event time, then offset.

    Records later than the grace (ms) are marked. They are processed when they arrive, since all
    records before the watermark (stream time less the grace) are processed by then. So are records
    of the type `reference_type`, which do not advance stream time.
    """
    logs: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        logs[entry.partition].append(entry)
    return [
        _partition(number, sorted(log), grace, reference_type)
        for number, log in sorted(logs.items())
    ]


def _partition(number: int, log: list[Entry], grace: int, reference_type: str | None) -> Partition:
    newest, seen = -1, []
    for entry in log:
        try:
            record = json.loads(entry.value)
        except ValueError:
            continue
        is_reference = reference_type is not None and record["type"] == reference_type
        newest = newest if is_reference else max(newest, record["time"])
        late = is_reference or record["time"] < newest - grace
        time = newest - grace if late else record["time"]
        seen.append(Seen(time, entry.offset, record, late))
    seen.sort(key=lambda each: (each.time, not each.late, each.offset))
    watermark = newest - grace
    return Partition(
        number, [each for each in seen if each.late or each.time < watermark], watermark
    )


def by(seen: Iterable[Seen], key: Callable[[dict[str, Any]], Any]) -> dict[Any, list[Seen]]:
    """Group records by key, in the same order."""
    found: dict[Any, list[Seen]] = defaultdict(list)
    for each in seen:
        found[key(each.record)].append(each)
    return found


def differences(
    truth: list[dict[str, Any]], found: list[Any], *identity: str
) -> list[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Return pairs of expected and found that differ; None where one is missing or duplicated.

    Floats may differ by 1e-9 relative; each must have an `explanation`, which is not compared.
    """
    plain = [_plain(each) for each in found]
    assert all(each.pop("explanation") for each in plain)

    def place(each: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(each[name]) for name in identity)

    sides = [sorted(side, key=place) for side in (truth, plain)]
    wrong = []
    while any(sides):
        first = min(place(side[0]) for side in sides if side)
        pair = [side.pop(0) if side and place(side[0]) == first else None for side in sides]
        if not _same(*pair):
            wrong.append((pair[0], pair[1]))
    return wrong


def _plain(record: Any) -> dict[str, Any]:
    if isinstance(record, Struct):
        return {name: getattr(record, name) for name in record.__struct_fields__}
    return dict(record)


def _same(truth: dict[str, Any] | None, found: dict[str, Any] | None) -> bool:
    if truth is None or found is None or truth.keys() != found.keys():
        return False
    return all(_equal(truth[name], found[name]) for name in truth)


def _equal(truth: Any, found: Any) -> bool:
    if isinstance(truth, float) and isinstance(found, float):
        return abs(truth - found) <= 1e-9 * max(1.0, abs(truth))
    return truth == found
