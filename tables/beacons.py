"""Contacts of each host, and the latest beacons: `agents/beaconing.py` -> `/api/beacons`."""

from app import app
from app.beaconing.detection import Beaconing, PartState, part_of
from app.beaconing.records import Beacon
from app.beaconing.settings import settings
from app.beaconing.topics import BEACONS, CONN_EVENTS

beacons = app.processor(
    CONN_EVENTS,
    name="beacons",
    state=PartState,
    shared=tuple[int, Beacon],
    key=part_of,
    outputs=[BEACONS],
    grace=settings().beacon_grace,
    retention=max(settings().beacon_longest, settings().beacon_repeat),
    help="The latest contacts of each host with each destination",
    agent=False,
)(Beaconing(settings()))
