"""Guests of a hotel: the state of each, and detection of those who wait too long."""

import msgspec
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from app.hotel.records import (
    Arrival,
    Complaint,
    Departure,
    Guest,
    GuestEvent,
    GuestForgotten,
    GuestProfile,
    Request,
    Reservation,
    Response,
    ServiceAction,
    Stay,
)
from app.hotel.settings import HotelSettings
from eventfold.operators.processor import Context, Sender
from eventfold.operators.recent_alerts import announce
from eventfold.operators.reorder_buffer import InOrder, Waiting
from eventfold.windows.durations import format_duration

#: Most reservations, open requests and latest events that are kept of a guest.
MOST_RESERVATIONS = 50
MOST_REQUESTS = 100
MOST_EVENTS = 20
#: Most characters kept of a text in the latest events.
MOST_TEXT = 1_000


def profile_of(guest: Guest | GuestForgotten, sender: Sender) -> None:
    """Send a profile, or its deletion, to the topic of the events."""
    if isinstance(guest, GuestForgotten):
        sender.send(guest)
    else:
        sender.send(GuestProfile(**asdict(guest)))


def event_of(event: GuestEvent, sender: Sender) -> None:
    """Send an event to the topic of the profiles."""
    sender.send(event)


class GuestState(Struct):
    """State of a guest."""

    guest: str
    waiting: list[Waiting[GuestEvent]] = field(default_factory=list)
    profile: GuestProfile | None = None
    reservations: dict[str, Reservation] = field(default_factory=dict)
    #: Time of arrival (ms); None if the guest is not in the hotel.
    arrived: int | None = None
    room: str = ""
    #: Arrivals and complaints without a response.
    requests: list[Request] = field(default_factory=list)
    #: The latest events, oldest first.
    events: list[GuestEvent] = field(default_factory=list)


class Hotel(InOrder[GuestState, GuestEvent]):
    """Processor that follows guests, and publishes a service action for one who waits too long.

    Events are handled in order; a profile is valid from its arrival. At the deadline of an arrival
    the current profile decides whether the guest is a VIP. If there is no profile yet, the next one
    decides: in a catch-up, profiles may be far behind.
    """

    def __init__(self, limits: HotelSettings) -> None:
        self.limits = limits

    def new(self, key: str) -> GuestState:
        """Return the state of an unknown guest."""
        return GuestState(key)

    def on_record(
        self,
        state: GuestState | None,
        record: GuestEvent | GuestProfile | GuestForgotten,
        context: Context,
    ) -> GuestState | None:
        """Buffer an event until the watermark passes it; apply a profile or a deletion at once."""
        if isinstance(record, GuestForgotten):
            return None
        if not isinstance(record, GuestProfile):
            return super().on_record(state, record, context)
        state = self.new(context.key) if state is None else state
        if state.profile is None or record.time >= state.profile.time:
            state.profile = record
        for request in [each for each in state.requests if each.undecided]:
            self._decide(state, request, context)
        return state

    def on_late(
        self, state: GuestState | None, event: Waiting[GuestEvent], context: Context
    ) -> GuestState:
        """Handle a late event at once, instead of rejecting it: no complaint may be dropped."""
        state = self.new(context.key) if state is None else state
        self.handle(state, event, context)
        # The deadline of a late request may have passed already.
        self.advance(state, context.stream_time - self.limits.hotel_grace, context)
        context.timer(self.next_timer(state))
        return state

    def handle(
        self,
        state: GuestState,
        event: Waiting[GuestEvent],
        context: Context,  # noqa: ARG002  # nothing is told before its time is over
    ) -> None:
        """Apply an event to the state."""
        take_in(state, event, self.limits)

    # -- deadlines

    def due(self, state: GuestState) -> int | None:
        """Return the earliest deadline (ms) of the open requests; None if there is none."""
        return min((each.due for each in state.requests if _open(each)), default=None)

    def pass_due(self, state: GuestState, due: int, context: Context) -> None:
        """Publish the requests that missed the deadline `due`; arrivals only if a VIP's."""
        for request in [each for each in state.requests if each.due == due and _open(each)]:
            if request.kind == "complaint":
                request.told = True
                self._tell(state, request, "complaint", self.limits.hotel_complaint, context)
            elif state.profile is None:
                request.undecided = True
            else:
                self._decide(state, request, context)

    def _decide(self, state: GuestState, request: Request, context: Context) -> None:
        """Publish an arrival whose deadline has passed if the guest is a VIP, else drop it."""
        request.undecided, request.told = False, True
        if state.profile is not None and state.profile.vip:
            self._tell(state, request, "vip-arrival", self.limits.hotel_arrival, context)
        else:
            state.requests.remove(request)

    def _tell(
        self, state: GuestState, request: Request, kind: str, limit: int, context: Context
    ) -> None:
        profile = state.profile
        vip = profile is not None and profile.vip
        name = profile.name if profile is not None and profile.name else state.guest
        who = f"{name}{', a VIP,' if vip else ''} in {request.room or 'an unknown room'}"
        waits = f"no response within {format_duration(limit)}"
        words = f"{who} arrived: {waits}"
        if request.kind == "complaint":
            words = f"{who} complained ({request.text[:200]}): {waits}"
        record = ServiceAction(
            guest=state.guest,
            kind=kind,
            request=request.id,
            name=name,
            vip=vip,
            room=request.room,
            text=request.text,
            since=request.since,
            explanation=words,
            time=request.due,
            partition=context.partition,
            offset=request.offset,
        )
        announce(record, context)


def take_in(state: GuestState, event: Waiting[GuestEvent], limits: HotelSettings) -> None:
    """Apply the next event to a guest's state."""
    time, offset, record = event
    state.events = [*state.events, _shortened(record)][-MOST_EVENTS:]
    match record:
        case Reservation():
            _reserve(state, record)
        case Arrival():
            state.arrived, state.room = time, record.room
            due = time + limits.hotel_arrival
            _wait(state, Request(record.id, "arrival", "", record.room, time, due, offset))
        case Complaint():
            room, due = record.room or state.room, time + limits.hotel_complaint
            _wait(state, Request(record.id, "complaint", record.text, room, time, due, offset))
        case Response():
            state.requests = [each for each in state.requests if not _answers(record, each)]
        case Departure():
            state.arrived, state.room = None, ""
            state.requests = [each for each in state.requests if not _ends(record, each)]


def _shortened(event: GuestEvent) -> GuestEvent:
    """Return an event with at most MOST_TEXT characters of its text, to bound the state."""
    match event:
        case Complaint() if len(event.text) > MOST_TEXT:
            return replace(event, text=event.text[:MOST_TEXT])
        case Reservation() if len(event.details) > MOST_TEXT:
            return replace(event, details=event.details[:MOST_TEXT])
    return event


def _reserve(state: GuestState, reservation: Reservation) -> None:
    known = state.reservations.get(reservation.reservation)
    if known is None or reservation.time >= known.time:
        state.reservations[reservation.reservation] = reservation
    if len(state.reservations) > MOST_RESERVATIONS:
        oldest = min(state.reservations.values(), key=lambda each: (each.time, each.reservation))
        del state.reservations[oldest.reservation]


def _wait(state: GuestState, request: Request) -> None:
    state.requests = [*state.requests, request][-MOST_REQUESTS:]


def _open(request: Request) -> bool:
    """Return whether a request's deadline has not passed yet."""
    return not (request.told or request.undecided)


def _answers(response: Response, request: Request) -> bool:
    # An undecided request has missed its deadline: a later response does not change that.
    asked = response.to in {None, request.id} and request.since <= response.time
    return asked and not request.undecided


def _ends(departure: Departure, request: Request) -> bool:
    ended = request.kind == "arrival" and request.since <= departure.time
    return ended and not request.undecided


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(GuestState).decode


def stay_of(state: GuestState, limits: HotelSettings) -> Stay:
    """Return the current state of a guest, including events that are still buffered."""
    now = _decode(_encode(state))
    for event in now.waiting:
        take_in(now, event, limits)
    profile = now.profile
    return Stay(
        guest=now.guest,
        profile=profile,
        reservations=sorted(
            now.reservations.values(), key=lambda each: (each.time, each.reservation)
        ),
        arrived=now.arrived,
        room=now.room,
        open=[each for each in now.requests if not each.undecided],
        events=now.events[::-1],
    )
