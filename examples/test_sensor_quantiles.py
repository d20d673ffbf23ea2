"""Sensor quantiles, in a driver."""

import pytest
from sensor_quantiles import Reading, app, hot, hours, readings

from eventfold.testing import TopologyDriver
from eventfold.windows import hopping


def test_quantiles_skip_missing_readings_and_hot_sensors_have_a_topic() -> None:
    """Keys are numbers; in queries they are text."""
    with TopologyDriver(app, partitions=2) as driver:
        noon = driver.now
        warm = [Reading(1, float(celsius), noon) for celsius in range(1, 101)]
        driver.pipe(readings, *warm, Reading(1, None, noon), Reading(2, -3.5, noon))
        driver.settle()
        (hour,) = hours.read("1", hopping("1h", "10m"), noon, noon + 1)
        assert hour.median == pytest.approx(50, rel=0.02)
        assert hour.p95 == pytest.approx(95, rel=0.02)
        assert (hour.sensor, hour.readings, hour.count) == (1, 100, 101)
        assert hour.warmest == 212.0
        assert {each.sensor for each in driver.read(hot)} == {1}
