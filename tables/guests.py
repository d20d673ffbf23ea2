"""State of each guest of a hotel, and the latest service actions.

Written by `agents/hotel.py`; read by the web's `/api/guests/{guest}`, `/api/service-actions`.
"""

from app import app
from app.hotel.records import GuestForgotten, GuestProfile, ServiceAction, Stay
from app.hotel.service import GuestState, Hotel, event_of, profile_of, stay_of
from app.hotel.settings import settings
from app.hotel.topics import GUEST_EVENTS, GUEST_LOG, GUESTS, SERVICE_ACTIONS
from app.market.settings import DAY
from eventfold.engine.keyed_table import KeyedTable

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


class Guests(KeyedTable):
    """Keyed table of guests by name."""

    abstract = False

    def stay(self, guest: str) -> Stay | None:
        """Return the state of a guest; None if it is not local."""
        state = self.state_of(guest)
        return None if state is None else stay_of(state, settings())


guests = Guests(
    app,
    name="guests",
    source=GUEST_LOG,
    process=Hotel(settings()),
    state=GuestState,
    shared=tuple[int, ServiceAction],
    outputs=[SERVICE_ACTIONS],
    grace=settings().hotel_grace,
    # A profile may be years old, and is valid from its arrival.
    reference_data=(GuestProfile, GuestForgotten),
    # As long as the compacted topic of profiles keeps them: for ever, in any event time.
    retention=36_500 * DAY.size,
    help="Profile, reservations, requests and latest events of each guest",
)
