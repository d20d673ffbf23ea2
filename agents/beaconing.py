"""conn-events -> beacons (a state of each source and part of its destinations) -> beacons."""

from app import app
from tables.beacons import beacons

fold_connections = app.fold(beacons)
