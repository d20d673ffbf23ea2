"""Bike stations, in a driver."""

from bike_stations import Empty, Status, alerts, app, statuses

from eventfold.testing import TopologyDriver

MINUTE = 60_000


def test_alert_after_three_windows_without_a_bike_and_not_before() -> None:
    """Station 2 gets a bike in its third window; station 1 of another city is another station."""
    with TopologyDriver(app, partitions=2) as driver:
        noon = driver.now
        for window in range(5):
            at = noon + window * 5 * MINUTE
            if window:
                driver.advance("5m")
            driver.pipe(
                statuses,
                Status("Bern", 1, 0, at),
                Status("Basel", 1, 4, at),
                Status("Bern", 2, int(window == 2), at),
            )
            driver.settle()
        assert driver.read(alerts) == [Empty("Bern", 1, 3, noon + 15 * MINUTE - 1)]
