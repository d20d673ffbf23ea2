"""Expected beacons, from the connections of each pair of hosts in order of event time."""

from collections.abc import Iterable
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from partition_log import Entry, Seen, by, partitions

#: Defaults of TICKSTREAM_BEACON_...: ms, contacts, fraction, ms, ms, ms.
GRACE, CONTACTS, VARIATION = 30_000, 12, 0.15
SHORTEST, LONGEST, REPEAT = 10_000, 3_600_000, 3_600_000
ALLOWED = ".pool.ntp.org"


def beacons(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Compute the expected beacons, if no host has more destinations than are remembered."""
    found = []
    for number, seen, _ in partitions(entries, GRACE):
        in_time = (each for each in seen if not each.late and not _allowed(each))
        for contacts in by(in_time, lambda c: (c["source"], c["destination"])).values():
            found += [{**each, "partition": number} for each in _beacons_of_pair(contacts)]
    return found


def _allowed(seen: Seen) -> bool:
    return seen.record["destination"].endswith(ALLOWED)


def _beacons_of_pair(connections: list[Seen]) -> Iterable[dict[str, Any]]:
    times = [connections[0].time]
    reported_at = None
    for before, seen in pairwise(connections):
        pause = seen.time - before.time
        if pause < SHORTEST:
            continue
        times = [*(times if pause <= LONGEST else []), seen.time]
        latest = times[-CONTACTS:]
        if len(latest) < CONTACTS or (reported_at is not None and seen.time < reported_at + REPEAT):
            continue
        gaps = [b - a for a, b in pairwise(latest)]
        beats = [max(round(gap / median(gaps)), 1) for gap in gaps]
        missed = sum(number - 1 for number in beats)
        usual = (latest[-1] - latest[0]) / (len(gaps) + missed)
        spread = fmean((gap - n * usual) ** 2 / n for gap, n in zip(gaps, beats, strict=True))
        variation = spread**0.5 / usual
        if variation <= VARIATION and 4 * missed <= len(gaps):
            reported_at = seen.time
            yield {
                "source": seen.record["source"],
                "destination": seen.record["destination"],
                "port": seen.record["port"],
                "contacts": CONTACTS,
                "interval": usual,
                "variation": variation,
                "limit": VARIATION,
                "missed": missed,
                "first": latest[0],
                "last": latest[-1],
                "time": seen.time,
                "offset": seen.offset,
            }
