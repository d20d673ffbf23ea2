"""Bike stations: an alert when a station has no bikes for three windows of 5 minutes in a row."""

from typing import Any

import eventfold as ef

app = ef.App("bike-stations")

EMPTY_WINDOWS = 3


class Status(ef.Record):
    """So many bikes are at a station of a city."""

    city: str
    station: int
    bikes: int
    time: int


class Empty(ef.Record):
    """A station had no bikes for several windows, the last of which ended at `time` (ms)."""

    city: str
    station: int
    windows: int
    time: int


statuses = ef.Topic("station-status", Status, key=("city", "station"))
stations = app.window_table(
    "stations",
    statuses,
    "5m",
    grace="30s",
    emit=ef.on_close(),
    most=ef.max("bikes"),
    mean=ef.mean("bikes"),
)
station_windows = stations.publish("station-windows")
alerts = ef.Topic("empty-stations", Empty, key=("city", "station"))


@app.processor(station_windows, state=int, outputs=[alerts])
def empty_stations(windows: int | None, result: Any, ctx: ef.Context) -> int | None:
    """Count the windows in a row without a bike; the alert is sent once."""
    if result.most > 0:
        return None
    windows = (windows or 0) + 1
    if windows == EMPTY_WINDOWS:
        ctx.send(Empty(result.city, result.station, windows, result.time))
    return windows
