"""Topics of the hotel: guests, guest-events -> guest-log -> service-actions."""

from app.hotel.records import Guest, GuestEvent, GuestForgotten, GuestProfile, ServiceAction
from eventfold.topics import DAY, Topic

GUESTS = Topic(
    "guests",
    Guest,
    key="guest",
    purpose="profiles of a hotel's guests; a tombstone forgets one",
    partitions=3,
    compacted=True,
    tombstone=GuestForgotten,
    external=True,
)
GUEST_EVENTS = Topic(
    "guest-events",
    GuestEvent,
    key="guest",
    purpose="reservations, arrivals, complaints, responses, departures",
    partitions=3,
    external=True,
)
GUEST_LOG = Topic(
    "guest-log",
    GuestEvent | GuestProfile | GuestForgotten,
    key="guest",
    purpose="both in one order",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
SERVICE_ACTIONS = Topic(
    "service-actions",
    ServiceAction,
    key="guest",
    purpose="guests who wait for too long",
    partitions=3,
)
