"""Log alerts, in a driver."""

from log_alerts import Alert, Line, alerts, app, by_level, errors, lines

from eventfold.testing import TopologyDriver


def test_only_a_service_with_many_errors_in_a_minute_is_reported_once() -> None:
    """Lines of other levels don't count."""
    with TopologyDriver(app, partitions=1) as driver:
        noon = driver.now
        driver.pipe(
            lines,
            *[Line("shop", "error", f"no stock {n % 2}", noon + n) for n in range(3)],
            Line("shop", "info", "sold", noon),
            Line("login", "critical", "down", noon + 5),
        )
        driver.settle()
        assert len(driver.topic(errors)) == 4
        _, others = by_level.topics
        assert [line.text for line in driver.topic(others)] == ["sold"]
        assert driver.read(alerts) == []

        driver.advance("2m")
        driver.pipe(lines, Line("shop", "error", "no stock", noon + 120_000))
        driver.settle()
        assert driver.read(alerts) == [Alert("shop", errors=3, texts=2, start=noon)]
