"""Of a hotel: its guests, what they do and want, and what the staff should see to."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from eventfold.records.fields import HIGHEST, EventTime, Integer, Name, Text


class Guest(Struct, frozen=True, gc=False):
    """The profile of a guest, as it is from `time` on."""

    guest: Name
    name: Text
    time: EventTime
    vip: bool = False
    language: Text = "en"
    notes: Text = ""


class Reservation(Struct, frozen=True, gc=False, tag="reservation"):
    """A reservation as it is from `time` on: made, confirmed, changed or cancelled."""

    guest: Name
    reservation: Name
    status: Literal["requested", "confirmed", "cancelled"]
    time: EventTime
    arrival: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    nights: Annotated[int, Meta(ge=1, le=HIGHEST)] = 1
    room: Text = ""
    details: Text = ""


class Arrival(Struct, frozen=True, gc=False, tag="arrival"):
    """A guest is there."""

    guest: Name
    id: Name
    time: EventTime
    room: Text = ""


class Complaint(Struct, frozen=True, gc=False, tag="complaint"):
    """A guest is not content."""

    guest: Name
    id: Name
    text: Text
    time: EventTime
    room: Text = ""


class Response(Struct, frozen=True, gc=False, tag="response"):
    """Somebody saw to a guest: to the arrival or complaint `to`, to all of them without it."""

    guest: Name
    time: EventTime
    staff: Text = ""
    to: Name | None = None


class Departure(Struct, frozen=True, gc=False, tag="departure"):
    """A guest has left; whoever has was welcomed."""

    guest: Name
    time: EventTime


GuestEvent = Reservation | Arrival | Complaint | Response | Departure


class GuestProfile(Guest, frozen=True, gc=False, tag="profile"):
    """A guest's profile among the events: both come in one order."""


class GuestForgotten(Struct, frozen=True, gc=False, tag="forgotten"):
    """A guest whose profile was deleted (a tombstone in `guests`): nothing is to be kept."""

    guest: str
    time: Integer


class ServiceAction(Struct, frozen=True, gc=False):
    """Somebody should see to a guest, now.

    `kind` is `complaint` or `vip-arrival`, `request` the id of it, `since` (ms) when it came,
    `time` when it should have been answered. `partition`, `offset` are those of the request in
    `guest-log`.
    """

    guest: str
    kind: str
    request: str
    name: str
    vip: bool
    room: str
    text: str
    since: Integer
    explanation: str
    time: Integer
    partition: Integer
    offset: Integer


class Request(Struct):
    """An arrival or a complaint that has no response yet; `due` (ms) is when it is an action."""

    id: str
    kind: Literal["arrival", "complaint"]
    text: str
    room: str
    since: Integer
    due: Integer
    #: Offset in `guest-log`.
    offset: Integer
    #: Whether it is a service action by now.
    told: bool = False
    #: Whether its time is over and nobody knows yet if the guest is a VIP.
    undecided: bool = False


class Stay(Struct, frozen=True, gc=False):
    """What is known of a guest now."""

    guest: str
    profile: Guest | None
    reservations: list[Reservation]
    #: Whether the guest is in the house, and since when (ms).
    arrived: Integer | None
    room: str
    open: list[Request]
    #: The latest, newest first.
    events: list[GuestEvent]
