"""Beaconing: hosts that contact a destination at regular intervals."""

from app.beaconing.settings import BeaconSettings
from app.use_case import UseCase

USE_CASE = UseCase("beaconing", BeaconSettings, simulation="connections")
