"""Clicks and the profiles of who clicked, where the profile may come a little after the click."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from app.shop.records import (
    Clicked,
    EnrichedClick,
    Profile,
    ProfileChanged,
    ProfileDeleted,
    Visitor,
)

if TYPE_CHECKING:
    from eventfold.operators.processor import Context, Sender


#: Why a click has no profile.
Missing = Literal["unknown", "crowded"]


def profile_changed(record: Profile | ProfileDeleted, sender: Sender) -> None:
    """Send a profile, or that it is deleted, to where its user's clicks are."""
    if isinstance(record, ProfileDeleted):
        sender.send(record)
    else:
        place = sender.partition, sender.offset
        sender.send(
            ProfileChanged(record.user, record.segment, record.country, record.time, *place)
        )


class Known(Struct, array_like=True):
    """What is known of a user: a profile, or clicks that wait for one, oldest first."""

    profile: Visitor | None
    waiting: list[Clicked]


class Enrich:
    """Gives each click the profile of its user that holds when it comes.

    Where there is none the click waits until stream time has passed it by `grace` (ms); then, or
    where `most` are waiting already, it goes out without.
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
        """Enrich a click, let it wait, or take a profile in."""
        state = state or Known(None, [])
        if isinstance(record, Clicked):
            self._click(state, record, context)
        elif isinstance(record, ProfileChanged):
            self._profile(state, record, context)
        else:
            state.profile = None
        return state if state.profile or state.waiting else None

    def on_time(self, state: Known, context: Context) -> Known | None:
        """Let go of clicks whose profile did not come."""
        while state.waiting and state.waiting[0].time + self.grace <= context.time:
            click = state.waiting.pop(0)
            context.send(_enriched(click, None, "unknown", self.grace))
        if state.waiting:
            context.wake(state.waiting[0].time + self.grace)
        return state if state.profile or state.waiting else None

    def on_shared(self, record: object, context: Context) -> None:
        """Refuse it: nothing concerns all users."""
        raise TypeError(f"{type(record).__name__} concerns no user, {context.key!r}")

    def _click(self, state: Known, click: Clicked, context: Context) -> None:
        if state.profile is not None:
            context.send(_enriched(click, state.profile, None, 0))
        elif click.time + self.grace <= context.stream_time:
            context.send(_enriched(click, None, "unknown", context.stream_time - click.time))
        elif len(state.waiting) >= self.most:
            context.send(_enriched(click, None, "crowded", 0))
        else:
            # In the order in which their time ends.
            insort(state.waiting, click, key=lambda each: each.time)
            context.wake(state.waiting[0].time + self.grace)

    def _profile(self, state: Known, record: ProfileChanged, context: Context) -> None:
        state.profile = Visitor(
            record.segment, record.country, record.time, record.partition, record.offset
        )
        for click in state.waiting:
            waited = max(0, context.stream_time - click.time)
            context.send(_enriched(click, state.profile, None, waited))
        state.waiting.clear()
        context.wake(None)


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
