"""Expected service actions, from each request and the whole log of its guest."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from partition_log import Entry, Seen, by, partitions

#: Defaults of TICKSTREAM_HOTEL_... (ms).
GRACE, COMPLAINT, ARRIVAL = 10_000, 600_000, 300_000


class _Request(NamedTuple):
    """A request: its index in the log of the guest, and its deadline (ms)."""

    index: int
    seen: Seen
    kind: str
    due: int


def service_actions(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Compute the expected service actions."""
    found = []
    for number, seen, watermark in partitions(entries, GRACE, reference_type="profile"):
        for log in by(seen, lambda record: record["guest"]).values():
            found += [{**each, "partition": number} for each in _actions_of_guest(log, watermark)]
    return found


def _actions_of_guest(log: list[Seen], watermark: int) -> Iterable[dict[str, Any]]:
    for index, seen in enumerate(log):
        kind = seen.record["type"]
        if kind in {"complaint", "arrival"}:
            limit = COMPLAINT if kind == "complaint" else ARRIVAL
            request = _Request(index, seen, kind, seen.record["time"] + limit)
            action = _action(log, request, watermark)
            if action is not None:
                yield action


def _action(log: list[Seen], request: _Request, watermark: int) -> dict[str, Any] | None:
    # A record at the deadline is too late.
    before = [each.record for each in log if each.time < request.due]
    after = [each.record for each in log if each.time >= request.due]
    if request.due > watermark or any(_closes(request, log, each) for each in before):
        return None
    profile = _profile(before)
    if request.kind == "arrival" and profile is None:
        profile = next((each for each in after if each["type"] == "profile"), None)
    vip = profile is not None and profile["vip"]
    if request.kind == "arrival" and not vip:
        return None
    fields = request.seen.record
    return {
        "guest": fields["guest"],
        "kind": "complaint" if request.kind == "complaint" else "vip-arrival",
        "request": fields["id"],
        "name": profile["name"] if profile is not None else fields["guest"],
        "vip": vip,
        "room": fields["room"],
        "text": fields.get("text", ""),
        "since": fields["time"],
        "time": request.due,
        "offset": request.seen.offset,
    }


def _closes(request: _Request, log: list[Seen], record: dict[str, Any]) -> bool:
    """Return whether a record, before the deadline, closes the request."""
    place = next(index for index, each in enumerate(log) if each.record is record)
    if place < request.index or record["time"] < request.seen.record["time"]:
        return False
    if record["type"] == "response":
        return record["to"] in {None, request.seen.record["id"]}
    return record["type"] == "departure" and request.kind == "arrival"


def _profile(records: list[dict[str, Any]]) -> dict[str, Any] | None:
    profiles = [each for each in records if each["type"] == "profile"]
    newest = max((each["time"] for each in profiles), default=None)
    return next((each for each in reversed(profiles) if each["time"] == newest), None)
