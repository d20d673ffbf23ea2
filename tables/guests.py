"""State of each guest of a hotel, and the latest service actions.

Written by `agents/hotel.py`; read by the web's `/api/guests/{guest}`, `/api/service-actions`.
"""

from app import app
from app.hotel.records import GuestForgotten, GuestProfile, ServiceAction
from app.hotel.service import GuestState, Hotel, event_of, profile_of
from app.hotel.settings import settings
from app.hotel.topics import GUEST_EVENTS, GUEST_LOG, GUESTS, SERVICE_ACTIONS
from app.market.settings import DAY

profiles = app.processor(
    GUESTS,
    name="guest-profiles",
    outputs=[GUEST_LOG],
    help="Sends profiles to where the events are",
)(profile_of)
events = app.processor(
    GUEST_EVENTS,
    name="guest-events",
    outputs=[GUEST_LOG],
    help="Sends events to where the profiles are",
)(event_of)


guests = app.processor(
    GUEST_LOG,
    name="guests",
    state=GuestState,
    shared=tuple[int, ServiceAction],
    outputs=[SERVICE_ACTIONS],
    grace=settings().hotel_grace,
    # A profile may be years old, and is valid from its arrival.
    reference_data=(GuestProfile, GuestForgotten),
    # As long as the compacted topic of profiles keeps them: for ever, in any event time.
    retention=36_500 * DAY.size,
    help="Profile, reservations, requests and latest events of each guest",
    agent=False,
)(Hotel(settings()))
