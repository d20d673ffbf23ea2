"""Expected maintenance notices, from each machine's readings in order of event time.

Of simulations that last less than three days, so that no sensor has a daily cycle yet.
"""

from collections import deque
from collections.abc import Iterable
from math import exp, log, sqrt
from typing import Any

from partition_log import Entry, Seen, by, partitions

#: Defaults of TICKSTREAM_MAINTENANCE_...: ms, readings, deviations, readings, deviations, ms.
GRACE, BASELINE, SHIFT, WINDOW, SPIKE, REPEAT = 10_000, 120, 1.5, 60, 6.0, 600_000
MINUTE, DAY = 60_000, 86_400_000
MEMORY = 28 * DAY

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
    intervals: list[int] = []
    for before, after in zip(readings, [*readings[1:], None], strict=True):
        latest = sorted(intervals[-32:])
        limit = max(MINUTE, 3 * latest[-2]) if len(latest) > 2 else 2 * DAY
        due = before.time + limit
        if due <= (watermark if after is None else after.time):
            yield _notice(before, "silence", due, (float(limit), float(limit)))
            if after is not None:
                silence = float(after.time - before.time)
                yield _notice(after, "back", after.time, (silence, float(limit)))
        if after is not None and after.time > before.time:
            intervals.append(min(limit, after.time - before.time))


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
    reported = before = None
    readings = far = 0.0
    for seen, value in series:
        usual = value
        if len(window) == WINDOW:
            mean, spread = _spread(window)
            if abs(value - mean) > SPIKE * spread:
                usual = mean + SPIKE * spread * (1 if value > mean else -1)
                far += 1
                is_rare = far <= 2 + readings / 500
                if is_rare and (reported is None or seen.time >= reported + REPEAT):
                    reported = seen.time
                    score = (value - mean) / spread
                    about = (sensor, value, mean, spread)
                    yield _notice(seen, "spike", seen.time, (score, SPIKE), about)
        window.append(usual)
        kept = _kept(before, seen.time)
        readings, far, before = readings * kept + 1, far * kept, seen.time


def _kept(before: int | None, time: int) -> float:
    """Compute which part of their weight the earlier readings keep."""
    return 0.0 if before is None else exp(-(time - before) / MEMORY)


def _spread(numbers: deque[float]) -> tuple[float, float]:
    """Compute mean and sample standard deviation, by sums shifted by the first number."""
    first, count = numbers[0], len(numbers)
    apart = [number - first for number in numbers]
    total = sum(apart)
    squares = sum(each * each for each in apart)
    return first + total / count, ((squares - total * total / count) / (count - 1)) ** 0.5


def _drifts(sensor: str, series: list[tuple[Seen, float]]) -> Iterable[dict[str, Any]]:
    slack = SHIFT / 2
    # Of the readings so far: weight, mean, variance; moving mean of the distances, its square.
    weight = mean = variance = moving = square = 0.0
    up = down = limit = 0.0
    reported, pause, before = None, 0, None
    for number, (seen, value) in enumerate(series, 1):
        spread = max(sqrt(variance), 1e-4 * abs(mean), 1e-9)
        mean = value if number == 1 else mean
        distance = value - mean
        if number > BASELINE:
            distance = min(3 * spread, max(-3 * spread, distance))
            if up < 3 and down < 3:
                per_month = MEMORY * (number - 1) / (before - series[0][0].time)
                limit = _limit(slack, per_month, max(1.0, square * (2 * WINDOW - 1) / spread**2))
            up = max(0.0, up + distance / spread - slack)
            down = max(0.0, down - distance / spread - slack)
            if max(up, down) > limit:
                total = up if up > down else -down
                up = down = 0.0
                elapsed = pause if reported is None else seen.time - reported
                if elapsed >= pause:
                    repeats = reported is not None and elapsed < 2 * pause
                    pause = max(REPEAT, min(DAY, 2 * pause)) if repeats else REPEAT
                    reported = seen.time
                    about = (sensor, value, mean, spread)
                    yield _notice(seen, "drift", seen.time, (total, limit), about)
        weight = weight * _kept(before, seen.time) + 1
        before = seen.time
        mean, variance = (
            mean + distance / weight,
            (1 - 1 / weight) * (variance + distance**2 / weight),
        )
        moving += (distance - moving) / min(number, WINDOW)
        if number > WINDOW:
            square += (moving**2 - square) / max(1.0, weight - WINDOW)


def _limit(slack: float, readings: float, dependence: float) -> float:
    """Find the limit by bisection: e^x - x - 1 = 4 k^2 n, x = 2 k (h / dependence + ...)."""
    target = 4 * slack**2 * readings / dependence
    low, high = 0.0, 100.0
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if middle < log(1 + target + middle) else (low, middle)
    return max(12.0, dependence * low / (2 * slack) - 1.166)


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
