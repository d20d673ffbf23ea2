"""Parts of a run of joins: records that end it, and the input records of topics."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import truth
from crash_run import _uncommitted
from msgspec.json import encode
from workers import Market

from app.shop.records import Click, Profile, Search

#: Where each kind of mark is sent.
TOPICS = {Search: "searches", Click: "clicks", Profile: "profiles"}


def completion_check(
    market: Market, *marks: Sequence[Search | Click | Profile], sources: Sequence[str]
) -> Callable[[], bool]:
    """Return a function that sends `marks` once all else is folded; it returns whether all is done.

    By their times they close all open joins; sent earlier, some would overtake records that they
    must follow. Each batch of marks is sent when the one before it is folded. `sources` are the
    topics of the stages they go through.
    """
    batches = iter(marks)
    clean = 0

    def settled() -> bool:
        nonlocal clean
        clean = 0 if _uncommitted(market, sources) else clean + 1
        # The next stage reads what one stage commits; there are three stages at most.
        if clean <= 3:
            return False
        batch = next(batches, None)
        for mark in batch or ():
            market.send([(mark.user, encode(mark), mark.time)], TOPICS[type(mark)])
        clean = 0
        return batch is None

    return settled


def read_all(market: Market, topic: str) -> Iterator[tuple[int, int, str, Any]]:
    """Yield partition, offset, key and value (None: a tombstone) of a topic's readable records."""
    for message in truth.read(market.bootstrap, topic):
        raw = message.value()
        try:
            value = None if raw is None else json.loads(raw)
        except ValueError:
            continue
        yield message.partition(), message.offset(), message.key().decode(), value
