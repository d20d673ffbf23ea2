"""clicks, profiles -> clicks-and-profiles -> profiles (join) -> clicks-enriched."""

from app import app
from app.shop.profiles import profile_changed
from app.shop.searches import clicked
from app.shop.topics import CLICKS, CLICKS_AND_PROFILES, PROFILES
from tables.profiles import profiles

clicks_to_profiles = app.processor(
    CLICKS,
    name="clicks-to-profiles",
    outputs=[CLICKS_AND_PROFILES],
    help="Clicks, to where their user's profile is",
)(clicked)
profiles_to_clicks = app.processor(
    PROFILES,
    name="profiles-to-clicks",
    outputs=[CLICKS_AND_PROFILES],
    help="Profiles, to where their user's clicks are",
)(profile_changed)
fold_clicks_and_profiles = app.fold(profiles)
