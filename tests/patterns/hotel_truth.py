"""Expected service actions, from each request and all of its guest's log."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from partition_log import Entry, Seen, by, partitions

#: Defaults of TICKSTREAM_HOTEL_... (ms).
GRACE, COMPLAINT, ARRIVAL = 10_000, 600_000, 300_000


class _Wish(NamedTuple):
    """A request: its place among the guest's, when it should be answered (ms)."""

    index: int
    seen: Seen
    kind: str
    due: int


def service_actions(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Compute the expected service actions."""
    found = []
    for number, seen, horizon in partitions(entries, GRACE, timeless="profile"):
        for log in by(seen, lambda record: record["guest"]).values():
            found += [{**each, "partition": number} for each in _of_guest(log, horizon)]
    return found


def _of_guest(log: list[Seen], horizon: int) -> Iterable[dict[str, Any]]:
    for index, seen in enumerate(log):
        kind = seen.record["type"]
        if kind in {"complaint", "arrival"}:
            limit = COMPLAINT if kind == "complaint" else ARRIVAL
            wish = _Wish(index, seen, kind, seen.record["time"] + limit)
            action = _action(log, wish, horizon)
            if action is not None:
                yield action


def _action(log: list[Seen], wish: _Wish, horizon: int) -> dict[str, Any] | None:
    # What comes at the very instant it is due comes too late.
    before = [each.record for each in log if each.time < wish.due]
    after = [each.record for each in log if each.time >= wish.due]
    if wish.due > horizon or any(_ends(wish, log, each) for each in before):
        return None
    profile = _profile(before)
    if wish.kind == "arrival" and profile is None:
        profile = next((each for each in after if each["type"] == "profile"), None)
    vip = profile is not None and profile["vip"]
    if wish.kind == "arrival" and not vip:
        return None
    request = wish.seen.record
    return {
        "guest": request["guest"],
        "kind": "complaint" if wish.kind == "complaint" else "vip-arrival",
        "request": request["id"],
        "name": profile["name"] if profile is not None else request["guest"],
        "vip": vip,
        "room": request["room"],
        "text": request.get("text", ""),
        "since": request["time"],
        "time": wish.due,
        "offset": wish.seen.offset,
    }


def _ends(wish: _Wish, log: list[Seen], record: dict[str, Any]) -> bool:
    """Return whether a record, before the wish is due, is what it waits for."""
    place = next(index for index, each in enumerate(log) if each.record is record)
    if place < wish.index or record["time"] < wish.seen.record["time"]:
        return False
    if record["type"] == "response":
        return record["to"] in {None, wish.seen.record["id"]}
    return record["type"] == "departure" and wish.kind == "arrival"


def _profile(records: list[dict[str, Any]]) -> dict[str, Any] | None:
    profiles = [each for each in records if each["type"] == "profile"]
    newest = max((each["time"] for each in profiles), default=None)
    return next((each for each in reversed(profiles) if each["time"] == newest), None)
