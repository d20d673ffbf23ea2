"""The tiles of the pipelines beside the market: each shows its results as they are published."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import console_messages_of, open_page
from playwright.sync_api import Browser, Page, expect
from workers import MINUTE, Market, Worker, tick, until

from eventfold.embedded import LocalBroker

#: Tiles whose lines the API has, and those that fill after the page was opened.
KNOWN = {
    "alerts": "card",
    "maintenance": "machine",
    "beacons": "→",
    "service": "",
    "click-through": "",
    "schemas": "conn-events-avro-value",
}
LIVE = {"trends": "RISE", "rejected": "", "clicks": "", "logs": ""}
SIMULATIONS = ("payments", "machines", "connections", "guests", "shop", "transactions", "logs")


def _simulate(worker: Worker, *names: str) -> None:
    """Send hours of events."""
    for name in names:
        many = "--rate=0", "--count=5000", "--step=2000"
        worker.command("produce", f"--source={name}", *many).check_returncode()


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Yield a worker of all pipelines, with results of hours of events."""
    rules = f"sqlite+aiosqlite:///{market.directory / 'rules.db'}"
    with market.worker(TICKSTREAM_RULES_URL=rules) as worker:
        worker.command("rules", "examples").check_returncode()
        _simulate(worker, *SIMULATIONS)
        for path in "alerts", "maintenance", "beacons", "service-actions", "click-through":
            until(lambda path=path: worker.get(f"/api/{path}")[1])
        yield worker


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield an empty page; assert that its console has nothing but 404s: there is no tick yet."""
    page = open_page(browser)
    messages = console_messages_of(page)
    yield page
    page.context.close()
    assert [each for each in messages if "404 (Not Found)" not in each] == []


@pytest.mark.timeout(300)
def test_each_pipeline_has_a_tile_with_its_results(page, worker, market) -> None:
    """At once where the API has them, else with the first that is published; each explained."""
    with page.expect_response(re.compile("/api/events")):
        page.goto(worker.url)
    for tile, words in KNOWN.items():
        line = page.locator(f"#{tile} .line", has_text=words).first
        expect(line).to_have_attribute("data-tip", re.compile("\\n."))
    for tile in LIVE:
        expect(page.locator(f"#{tile}")).to_have_attribute("data-state", re.compile("empty|shown"))
    expect(page.locator("#trends")).to_be_hidden()  # a tile appears with its first record

    now = int(time.time() * 1000)
    market.send([tick("RISE", 10, now - 40 * MINUTE), tick("RISE", 11, now)])
    _simulate(worker, "transactions", "shop", "logs")
    for tile, words in LIVE.items():
        # Trends wait for partitions without a close, until they are idle: TICKSTREAM_IDLE, 1 min.
        line = page.locator(f"#{tile} .line", has_text=words).first
        expect(line).to_be_visible(timeout=150_000)
    expect(page.locator("#trends .gain").first).to_have_text("buy")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_loser_or_most_active_entry_opens_its_symbol(page, worker, market) -> None:
    """A click shows its chart."""
    now = int(time.time() * 1000)
    market.send([tick("DOWN", 10, now - 1000), tick("DOWN", 5, now), tick("BUSY", 3, now, 10**6)])
    page.goto(worker.url)
    losers, active = map(page.locator("#rankings .lines").nth, (0, 1))
    expect(losers.locator(".line").first).to_contain_text("DOWN")
    expect(losers.locator(".gain").first).to_have_text("-50.00%")
    active.get_by_role("link", name="BUSY").click()
    expect(page.locator("#symbol-name")).to_have_text("BUSY")


def test_pipeline_that_does_not_run_has_no_tile(page, tmp_path) -> None:
    """Nor a page; a pipeline that runs has one before its first record."""
    with ExitStack() as ending:
        broker = ending.enter_context(LocalBroker(tmp_path / "broker"))
        other = Market(broker.bootstrap, tmp_path)
        worker = ending.enter_context(other.worker(TICKSTREAM_PIPELINES="fraud"))
        page.goto(worker.url)
        expect(page.locator("#summary")).to_have_attribute("data-state", "shown")
        for tile in {*KNOWN, *LIVE, "rankings"}:
            expect(page.locator(f"#{tile}")).to_be_hidden()
        menu = page.get_by_role("navigation", name="Pages")
        expect(menu.get_by_role("link", name="Hotel")).to_have_count(0)
        menu.get_by_role("link", name="Fraud").click()
        expect(page.locator("#alerts")).to_be_visible()
        page.goto("about:blank")  # the page would report that the worker is gone
