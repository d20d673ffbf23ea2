"""Distances on the globe."""

from math import asin, cos, radians, sin, sqrt

#: Mean radius of the Earth (km; IUGG).
RADIUS = 6371.0088


def great_circle(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the distance (km) between two places in degrees.

    The haversine formula: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68(2),
    1984. The Earth is taken as a sphere: an error of up to 0.5 %.
    """
    north1, north2 = radians(lat1), radians(lat2)
    half_lat, half_lon = (north2 - north1) / 2, radians(lon2 - lon1) / 2
    haversine = sin(half_lat) ** 2 + cos(north1) * cos(north2) * sin(half_lon) ** 2
    return 2 * RADIUS * asin(min(1.0, sqrt(haversine)))
