"""Sensor quantiles: the median and the 95th percentile of each sensor's readings in an hour."""

import eventfold as ef

app = ef.App("sensors")


class Reading(ef.Record):
    """A reading of a sensor; `celsius` is missing where it failed."""

    sensor: int
    celsius: float | None
    time: int


def fahrenheit(reading: Reading) -> float | None:
    """Return the temperature in degrees Fahrenheit."""
    return None if reading.celsius is None else reading.celsius * 1.8 + 32


readings = ef.Topic("readings", Reading, key="sensor")
hours = app.window_table(
    "sensor-hours",
    readings,
    "1h/10m",
    grace="2m",
    retention="7d",
    median=ef.quantile("celsius"),
    p95=ef.quantile("celsius", 0.95),
    spread=ef.variance("celsius"),
    readings=ef.count("celsius"),
    warmest=ef.max(fahrenheit),
)
sensor_hours = hours.publish("sensor-hours")
hot = hours.where(lambda hour: hour.p95 is not None and hour.p95 > 80).publish("hot-sensors")
