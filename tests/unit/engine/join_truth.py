"""Expected output of a windowed join, computed by brute force from every two records."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from msgspec import Struct

#: 2026-01-31T12:00:00Z.
NOON = 1_769_860_800_000


class Ask(Struct, tag="ask", frozen=True):
    """A left record; its `kind` has to equal that of the reply if the join demands it."""

    key: str
    number: int
    kind: int
    time: int


class Reply(Struct, tag="reply", frozen=True):
    """A right record."""

    key: str
    number: int
    kind: int
    time: int


class Match(Struct, frozen=True):
    """A pair, by the numbers of its records, and the ordinal of each among the other's partners."""

    key: str
    ask: int
    reply: int
    of_ask: int
    of_reply: int
    time: int


class Alone(Struct, frozen=True):
    """A record without a partner, and why."""

    key: str
    side: str
    number: int
    reason: str
    time: int


class Plan(NamedTuple):
    """Parameters of a join (ms)."""

    kind: str
    before: int
    after: int
    grace: int
    #: Whether the kinds of ask and reply have to be equal.
    demands_same_kind: bool


class Truth(NamedTuple):
    """Expected output of a join: pairs of numbers, and (side, number, reason) of the others."""

    pairs: set[tuple[int, int]]
    alone: set[tuple[str, int, str]]
    #: Numbers of the late records that the join does not publish as unmatched: dead letters.
    dead: set[int]


def joined(records: Sequence[Ask | Reply], plan: Plan) -> Truth:
    """Join records that arrive in this order."""
    stream, kept, alone = -1, [], set()
    for each in records:
        stream = max(stream, each.time)
        if each.time < stream - plan.grace:
            alone.add((side_of(each), each.number, "late"))
        else:
            kept.append(each)
    asks = [each for each in kept if isinstance(each, Ask)]
    replies = [each for each in kept if isinstance(each, Reply)]
    pairs = {
        (ask.number, reply.number)
        for ask, reply in product(asks, replies)
        if ask.key == reply.key
        and -plan.before <= reply.time - ask.time <= plan.after
        and (not plan.demands_same_kind or ask.kind == reply.kind)
    }
    found = {("ask", ask) for ask, _ in pairs} | {("reply", reply) for _, reply in pairs}
    for each in kept:
        reach = plan.after if isinstance(each, Ask) else plan.before
        closed = each.time + reach < stream - plan.grace
        if closed and (side_of(each), each.number) not in found:
            alone.add((side_of(each), each.number, "unmatched"))
    sides = {"inner": (), "left": ("ask",), "outer": ("ask", "reply")}[plan.kind]
    sent = {each for each in alone if each[0] in sides}
    return Truth(pairs, sent, {n for _, n, reason in alone - sent if reason == "late"})


def side_of(record: Ask | Reply) -> str:
    """Return the name of a record's side."""
    return "ask" if isinstance(record, Ask) else "reply"
