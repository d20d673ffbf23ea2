"""Expected maintenance notices, from each machine's readings in order of event time."""

from collections import deque
from collections.abc import Iterable
from statistics import fmean, stdev
from typing import Any

from partition_log import Entry, Seen, by, partitions

#: Defaults of TICKSTREAM_MAINTENANCE_...: ms, readings, deviations, ..., readings, ..., ms, ms.
GRACE, BASELINE, SHIFT, DRIFT, WINDOW, SPIKE = 10_000, 120, 1.5, 12.0, 60, 6.0
SILENCE, REPEAT = 60_000, 600_000

_NONE = (None, None, None, None)


def maintenance(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Compute the expected maintenance notices."""
    found = []
    for number, seen, watermark in partitions(entries, GRACE):
        in_time = (each for each in seen if not each.late)
        for readings in by(in_time, lambda reading: reading["machine"]).values():
            notices = [*_silences(readings, watermark), *_sensors(readings)]
            found += [{**each, "partition": number} for each in notices]
    return found


def _silences(readings: list[Seen], watermark: int) -> Iterable[dict[str, Any]]:
    for before, after in zip(readings, [*readings[1:], None], strict=True):
        due = before.time + SILENCE
        if due > (watermark if after is None else after.time):
            continue
        yield _notice(before, "silence", due, (float(SILENCE), float(SILENCE)))
        if after is not None:
            silence = float(after.time - before.time)
            yield _notice(after, "back", after.time, (silence, float(SILENCE)))


def _sensors(readings: list[Seen]) -> Iterable[dict[str, Any]]:
    start = 0
    for index, each in enumerate([*readings, None]):
        if each is None or each.record["serviced"]:
            span = readings[start:index]
            start = index
            for sensor in {name for one in span for name in one.record["values"]}:
                series = [(one, one.record["values"][sensor]) for one in span]
                yield from _spikes(sensor, series)
                yield from _drifts(sensor, series)


def _spikes(sensor: str, series: list[tuple[Seen, float]]) -> Iterable[dict[str, Any]]:
    window: deque[float] = deque(maxlen=WINDOW)
    last = None
    for seen, value in series:
        usual = value
        if len(window) == WINDOW:
            mean, spread = _spread(window)
            if abs(value - mean) > SPIKE * spread:
                usual = mean + SPIKE * spread * (1 if value > mean else -1)
                if last is None or seen.time >= last + REPEAT:
                    last = seen.time
                    score = (value - mean) / spread
                    about = (sensor, value, mean, spread)
                    yield _notice(seen, "spike", seen.time, (score, SPIKE), about)
        window.append(usual)


def _spread(numbers: deque[float]) -> tuple[float, float]:
    """Compute mean and sample standard deviation, by sums shifted by the first number."""
    first, count = numbers[0], len(numbers)
    apart = [number - first for number in numbers]
    total = sum(apart)
    squares = sum(each * each for each in apart)
    return first + total / count, ((squares - total * total / count) / (count - 1)) ** 0.5


def _drifts(sensor: str, series: list[tuple[Seen, float]]) -> Iterable[dict[str, Any]]:
    first = [value for _, value in series[:BASELINE]]
    if len(series) <= BASELINE:
        return
    mean, spread = fmean(first), stdev(first)
    up = down = 0.0
    last = None
    for seen, value in series[BASELINE:]:
        z = min(3.0, max(-3.0, (value - mean) / spread))
        up, down = max(0.0, up + z - SHIFT / 2), max(0.0, down - z - SHIFT / 2)
        if max(up, down) > DRIFT:
            total = up if up > down else -down
            up = down = 0.0
            if last is None or seen.time >= last + REPEAT:
                last = seen.time
                about = (sensor, value, mean, spread)
                yield _notice(seen, "drift", seen.time, (total, DRIFT), about)


def _notice(
    seen: Seen, kind: str, time: int, numbers: tuple[float, float], about: tuple[Any, ...] = _NONE
) -> dict[str, Any]:
    value, limit = numbers
    sensor, reading, mean, deviation = about
    return {
        "machine": seen.record["machine"],
        "kind": kind,
        "sensor": sensor,
        "value": value,
        "limit": limit,
        "reading": reading,
        "mean": mean,
        "deviation": deviation,
        "time": time,
        "offset": seen.offset,
    }
