"""Expected alerts about cards, from each card's payments in order of event time."""

from collections.abc import Iterable
from math import acos, cos, exp, log, radians, sin
from statistics import fmean, stdev
from typing import Any

from partition_log import Entry, Seen, by, partitions

#: Defaults of TICKSTREAM_FRAUD_...: ms, payments, ms, km/h, km, deviations, payments.
GRACE, MOST, WINDOW, FASTEST, NEAR, LIMIT, HISTORY = 5_000, 5, 60_000, 900.0, 100.0, 4.0, 10


def alerts(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Compute the expected alerts."""
    found = []
    for number, seen, _ in partitions(entries, GRACE):
        for payments in by((each for each in seen if not each.late), _card).values():
            found += [{**each, "partition": number} for each in _alerts_of_card(payments)]
    return found


def _card(payment: dict[str, Any]) -> str:
    return payment["card"]


def _alerts_of_card(payments: list[Seen]) -> Iterable[dict[str, Any]]:
    place: Seen | None = None
    logs: list[float] = []
    for index, each in enumerate(payments):
        before = payments[max(0, index - MOST) : index]
        if len(before) == MOST and each.time - before[0].time < WINDOW:
            ids = [one.record["id"] for one in before]
            yield _alert(each, "velocity", MOST + 1.0, float(MOST), ids)
        if each.record["lat"] is not None:
            speed = None if place is None else _speed(place, each)
            if place is not None and speed is not None:
                yield _alert(each, "distance", speed, FASTEST, [place.record["id"]])
            else:
                place = each
        size = log(each.record["amount"])
        if len(logs) >= HISTORY:
            mean, nu = fmean(logs), len(logs) - 1
            spread = max(stdev(logs), 0.1) * (1 + 1 / len(logs)) ** 0.5
            factor = (8 * nu + 1) / (8 * nu + 3)
            most = (nu * (exp((LIMIT / factor) ** 2 / nu) - 1)) ** 0.5
            t = (size - mean) / spread
            if abs(t) > most:
                rare = factor * (nu * log(1 + t * t / nu)) ** 0.5
                yield _alert(each, "amount", rare if t > 0 else -rare, LIMIT, [])
                size = mean + (most if t > 0 else -most) * spread
        logs.append(size)


def _speed(before: Seen, after: Seen) -> float | None:
    """Compute the speed (km/h) by the spherical law of cosines; None where it is possible."""
    (lat1, lon1), (lat2, lon2) = (
        (radians(each.record["lat"]), radians(each.record["lon"])) for each in (before, after)
    )
    arc = sin(lat1) * sin(lat2) + cos(lat1) * cos(lat2) * cos(lon2 - lon1)
    km = 6371.0088 * acos(max(-1.0, min(1.0, arc)))
    speed = km / (max(1.0, (after.time - before.time) / 1000) / 3600)
    return speed if km > NEAR and speed > FASTEST else None


def _alert(
    seen: Seen, rule: str, value: float, limit: float, evidence: list[str]
) -> dict[str, Any]:
    payment = seen.record
    return {
        "card": payment["card"],
        "rule": rule,
        "payment": payment["id"],
        "amount": payment["amount"],
        "value": value,
        "limit": limit,
        "evidence": evidence,
        "time": seen.time,
        "offset": seen.offset,
    }
