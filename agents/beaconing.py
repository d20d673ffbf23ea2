"""conn-events -> beacons (a state of each source and part of its destinations) -> beacons."""

from tables.beacons import beacons

__all__ = ["beacons"]
