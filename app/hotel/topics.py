"""Topics of the hotel: guests, guest-events -> guest-log -> service-actions."""

from app.hotel.records import Guest, GuestEvent, GuestForgotten, GuestProfile, ServiceAction
from eventfold.topics import DAY, Topic

GUESTS = Topic(
    "guests",
    "guest",
    Guest,
    "profiles of a hotel's guests; a tombstone forgets one",
    partitions=3,
    compacted=True,
    tombstone=GuestForgotten,
    external=True,
)
GUEST_EVENTS = Topic(
    "guest-events",
    "guest",
    GuestEvent,
    "reservations, arrivals, complaints, responses, departures",
    partitions=3,
    external=True,
)
GUEST_LOG = Topic(
    "guest-log",
    "guest",
    GuestEvent | GuestProfile | GuestForgotten,
    "both in one order",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
SERVICE_ACTIONS = Topic(
    "service-actions",
    "guest",
    ServiceAction,
    "guests who wait for too long",
    partitions=3,
)
