"""Join of clicks with the profiles of their users; a profile may arrive shortly after a click."""

from bisect import insort
from typing import Literal

from msgspec import Struct

from app.shop.records import (
    Clicked,
    EnrichedClick,
    Profile,
    ProfileChanged,
    ProfileDeleted,
    Visitor,
)
from eventfold.operators.processor import Context, Sender

#: Reason why a click has no profile.
Missing = Literal["unknown", "crowded"]


def profile_changed(record: Profile | ProfileDeleted, sender: Sender) -> None:
    """Send a profile, or its deletion, to the partition of its user's clicks."""
    if isinstance(record, ProfileDeleted):
        sender.send(record)
    else:
        place = sender.partition, sender.offset
        sender.send(
            ProfileChanged(record.user, record.segment, record.country, record.time, *place)
        )


class Known(Struct, array_like=True):
    """State of a user: a profile, or clicks that wait for one, oldest first."""

    profile: Visitor | None
    waiting: list[Clicked]


class Enrich:
    """Processor that adds to each click the profile that its user has when the click arrives.

    If there is none, the click waits until stream time has passed it by `grace` (ms). After that,
    or if `most` clicks are waiting already, it is sent without a profile.
    """

    def __init__(self, grace: int, most: int) -> None:
        self.grace = grace
        self.most = most

    def on_record(
        self,
        state: Known | None,
        record: Clicked | ProfileChanged | ProfileDeleted,
        context: Context,
    ) -> Known | None:
        """Enrich or buffer a click, or apply a profile or its deletion."""
        state = state or Known(None, [])
        if isinstance(record, Clicked):
            self._click(state, record, context)
        elif isinstance(record, ProfileChanged):
            self._profile(state, record, context)
        else:
            state.profile = None
        return state if state.profile or state.waiting else None

    def on_time(self, state: Known, context: Context) -> Known | None:
        """Send the clicks whose wait is over without a profile."""
        while state.waiting and state.waiting[0].time + self.grace <= context.time:
            click = state.waiting.pop(0)
            context.send(_enriched(click, None, "unknown", self.grace))
        if state.waiting:
            context.timer(state.waiting[0].time + self.grace)
        return state if state.profile or state.waiting else None

    def on_shared(self, record: object, context: Context) -> None:
        """Raise TypeError: no record concerns all users."""
        raise TypeError(f"{type(record).__name__} concerns no user, {context.key!r}")

    def _click(self, state: Known, click: Clicked, context: Context) -> None:
        if state.profile is not None:
            context.send(_enriched(click, state.profile, None, 0))
        elif click.time + self.grace <= context.stream_time:
            context.send(_enriched(click, None, "unknown", context.stream_time - click.time))
        elif len(state.waiting) >= self.most:
            context.send(_enriched(click, None, "crowded", 0))
        else:
            # In order of the ends of their waits, since the timer is set for the first.
            insort(state.waiting, click, key=lambda each: each.time)
            context.timer(state.waiting[0].time + self.grace)

    def _profile(self, state: Known, record: ProfileChanged, context: Context) -> None:
        state.profile = Visitor(
            record.segment, record.country, record.time, record.partition, record.offset
        )
        for click in state.waiting:
            waited = max(0, context.stream_time - click.time)
            context.send(_enriched(click, state.profile, None, waited))
        state.waiting.clear()
        context.timer(None)


def _enriched(
    click: Clicked, profile: Visitor | None, reason: Missing | None, waited: int
) -> EnrichedClick:
    return EnrichedClick(
        id=click.id,
        user=click.user,
        item=click.item,
        search=click.search,
        time=click.time,
        profile=profile,
        reason=reason,
        waited=waited,
        partition=click.partition,
        offset=click.offset,
    )
