"""Records of a hotel: guests, their events, and service actions for the staff."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from eventfold.records.fields import HIGHEST, EventTime, Integer, Name, Text


class Guest(Struct, frozen=True, gc=False):
    """Profile of a guest, valid from `time` on."""

    guest: Name
    name: Text
    time: EventTime
    vip: bool = False
    language: Text = "en"
    notes: Text = ""


class Reservation(Struct, frozen=True, gc=False, tag="reservation"):
    """A reservation as of `time`: made, confirmed, changed or cancelled."""

    guest: Name
    reservation: Name
    status: Literal["requested", "confirmed", "cancelled"]
    time: EventTime
    arrival: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    nights: Annotated[int, Meta(ge=1, le=HIGHEST)] = 1
    room: Text = ""
    details: Text = ""


class Arrival(Struct, frozen=True, gc=False, tag="arrival"):
    """Arrival of a guest."""

    guest: Name
    id: Name
    time: EventTime
    room: Text = ""


class Complaint(Struct, frozen=True, gc=False, tag="complaint"):
    """Complaint of a guest."""

    guest: Name
    id: Name
    text: Text
    time: EventTime
    room: Text = ""


class Response(Struct, frozen=True, gc=False, tag="response"):
    """Response of the staff to the arrival or complaint `to`, or to all of the guest's if null."""

    guest: Name
    time: EventTime
    staff: Text = ""
    to: Name | None = None


class Departure(Struct, frozen=True, gc=False, tag="departure"):
    """Departure of a guest; it ends a wait for a welcome."""

    guest: Name
    time: EventTime


GuestEvent = Reservation | Arrival | Complaint | Response | Departure


class GuestProfile(Guest, frozen=True, gc=False, tag="profile"):
    """Profile of a guest among the events, so that both are in one order."""


class GuestForgotten(Struct, frozen=True, gc=False, tag="forgotten"):
    """Deletion of a guest's profile (a tombstone in `guests`): the guest's state is deleted."""

    guest: str
    time: Integer


class ServiceAction(Struct, frozen=True, gc=False):
    """A guest to whom the staff should respond now.

    `kind` is `complaint` or `vip-arrival`, `request` is its id, `since` (ms) its event time, `time`
    (ms) the deadline of the response. `partition`, `offset` are those of the request in
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
    """An arrival or a complaint without a response; at `due` (ms) it becomes a service action."""

    id: str
    kind: Literal["arrival", "complaint"]
    text: str
    room: str
    since: Integer
    due: Integer
    #: Offset in `guest-log`.
    offset: Integer
    #: Whether its service action is published.
    told: bool = False
    #: Whether its deadline has passed without a profile that states whether the guest is a VIP.
    undecided: bool = False


class Stay(Struct, frozen=True, gc=False):
    """Current state of a guest."""

    guest: str
    profile: Guest | None
    reservations: list[Reservation]
    #: Time of arrival (ms); null if the guest is not in the hotel.
    arrived: Integer | None
    room: str
    open: list[Request]
    #: The latest events, newest first.
    events: list[GuestEvent]
