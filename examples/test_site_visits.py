"""Site visits, in a driver: no broker is needed."""

from site_visits import Visit, app, late_visits, page_times, pages, visits

from eventfold.testing import TopologyDriver
from eventfold.windows import hopping

MINUTE = 60_000


def test_late_visit_counts_through_a_crash_and_one_after_the_grace_goes_to_its_topic() -> None:
    """The final result of a window is there once."""
    with TopologyDriver(app, partitions=2) as driver:
        noon = driver.now
        driver.pipe(visits, Visit("/docs", 30, noon), Visit("/docs", 90, noon + MINUTE))
        driver.settle()
        driver.crash()
        driver.pipe(visits, Visit("/docs", 60, noon + 30_000))
        driver.settle()
        (page,) = pages.read("/docs", hopping("5m", "1m"), noon, noon + 1)
        assert (page.visits, page.longest, page.mean, page.final) == (3, 90, 60.0, False)

        driver.advance("6m")
        driver.pipe(visits, Visit("/docs", 5, noon + 6 * MINUTE), Visit("/docs", 99, noon))
        driver.settle()
        finals = [each for each in driver.read(page_times) if each.final and each.start == noon]
        assert [each.visits for each in finals] == [3]
        (late,) = driver.read(late_visits)
        assert (late.page, late.seconds, late.reason) == ("/docs", 99, "late")
