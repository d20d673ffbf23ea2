"""Each visitor's profile, or clicks that wait for one: `agents/clicks.py` -> `/api/profiles`."""

from app import app
from app.shop.profiles import Enrich, Known
from app.shop.records import ProfileChanged, ProfileDeleted
from app.shop.settings import settings
from app.shop.topics import CLICKS_AND_PROFILES, CLICKS_ENRICHED

#: Retention (ms) of 1,000 years: a profile is kept until a tombstone deletes it.
FOR_EVER = 1_000 * 365 * 86_400_000

profiles = app.processor(
    CLICKS_AND_PROFILES,
    name="profiles",
    state=Known,
    outputs=[CLICKS_ENRICHED],
    retention=FOR_EVER,
    reference_data=(ProfileChanged, ProfileDeleted),
    help="The profile of each visitor, and clicks that wait for it",
    agent=False,
)(Enrich(settings().profile_grace, settings().profile_most))
