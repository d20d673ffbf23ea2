"""The dashboard of two workers: corrections, the topology, and the death of a worker."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pages import DESKTOP, assert_accessible, console_messages_of, open_page
from playwright.sync_api import Browser, Page, expect
from workers import MARKET, MINUTE, Market, Worker, tick, until

SYMBOLS = [f"SYM{n:02}" for n in range(24)]
#: Minutes of history.
HISTORY = 40

#: What is on each page once it has answers.
ACCESSIBLE = {
    "/": "#rankings .line",
    "/pages/market#SYM04/1m": "#rows tr",
    "/pages/topology": "#topology .node",
    "/pages/workers": "#workers .partition",
    "/pages/lateness": "#lateness .histogram",
}

#: Records elements that flash: a flash is over before a slow test polls.
RECORD_FLASHES = """() => {
    window.flashed = new Set();
    const note = (changes) => changes.flatMap((change) => [...change.addedNodes])
        .forEach((node) => window.flashed.add(`${node.nodeName}.${node.className}`));
    new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def two(market: Market) -> Iterator[list[Worker]]:
    """Yield two workers that share the partitions and have forty minutes of each symbol."""
    with market.workers(2, **MARKET) as two:
        now = _now()
        market.send(
            tick(symbol, 100 + number + minute % 5 / 10, now - minute * MINUTE, size=10 + number)
            for minute in range(HISTORY, -1, -1)
            for number, symbol in enumerate(SYMBOLS)
        )
        market.send([tick("SYM00", 1, now - 30 * MINUTE)] * 2)
        until(lambda: two[0].get("/api/symbols")[1] == SYMBOLS)
        until(lambda: two[0].get("/api/top-gainers")[0] == 200)
        yield two


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield an empty page; assert that it has no errors and an empty console."""
    page = open_page(browser)
    console_messages = console_messages_of(page)
    yield page
    page.context.close()
    assert console_messages == []


def _now() -> int:
    return int(time.time() * 1000)


def _open_symbol(page: Page, worker: Worker, symbol: str) -> None:
    """Open the page of a symbol, and wait until the worker sends it changes."""
    with page.expect_response(re.compile("/api/events")):
        page.goto(f"{worker.url}/pages/market#{symbol}/1m")
    expect(page.locator("#symbol")).to_have_attribute("data-state", "shown")


def test_changes_arrive_as_events_without_polling(page, two, market) -> None:
    """A price and a ranking change while no answer of the API arrives."""
    _open_symbol(page, two[0], "SYM05")
    for path in ("candles", "top-gainers", "windows"):
        page.route(f"**/api/{path}**", lambda _: None)  # no answer, ever
    market.send([tick("SYM05", 500, _now())])
    expect(page.locator("#last-price")).to_have_text("500.00")
    expect(page.locator("#ranking .name").first).to_have_text("SYM05")


def test_corrected_window_flashes_and_shows_its_offsets(page, two, market) -> None:
    """In the chart and in its row; the cursor shows counts, offsets and revision."""
    _open_symbol(page, two[0], "SYM07")
    market.send([tick("SYM07", 107, _now() - MINUTE), tick("SYM07", 108, _now())])
    expect(page.locator("#last-price")).to_have_text("108.00")
    before = two[0].get("/api/candles/SYM07?size=1m")[1][-2]
    page.evaluate(RECORD_FLASHES)
    market.send([tick("SYM07", 90, before["start"] + 1000)])
    until(lambda: {"I.flash", "TR.corrected"} <= set(page.evaluate("[...flashed]")))
    row = page.locator("#rows tr", has_text=f"◆ {before['late'] + 1}")
    (after,) = two[0].get(f"/api/candles/SYM07?size=1m&start={before['start']}")[1]
    assert (after["count"], after["late"]) == (before["count"] + 1, before["late"] + 1)
    title = row.locator(".offsets").get_attribute("data-tip") or ""
    assert title.startswith(f"revision {after['revision']}: {after['count']} records, of partition")

    page.locator("#chart").focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    offsets = f"{after['first_offset']} \N{EN DASH} {after['last_offset']}"
    facts = [after["count"], before["late"] + 1, after["partition"], offsets, after["revision"]]
    expect(page.locator(".evidence dd")).to_have_text([str(fact) for fact in facts])
    page.keyboard.press("Escape")
    expect(page.locator(".evidence")).to_be_hidden()


def test_topology_is_drawn_with_rates(page, two, market) -> None:
    """Topics and stages with records a second; dead letters are counted."""
    page.goto(f"{two[0].url}/pages/topology")
    picture = page.locator("#topology svg")
    names = picture.locator(".node .name")
    expect(names.filter(has_text=re.compile("^ticks$"))).to_have_count(1)
    expect(names.filter(has_text=re.compile("^top-gainers$"))).to_have_count(1)

    def flows() -> bool:
        market.send([tick("SYM01", 101, _now())])
        return "/s" in (picture.get_attribute("aria-label") or "")

    until(flows)
    expect(picture.locator(".rate").filter(has_text="/s").first).to_be_visible()
    market.send([("BAD", b"no tick", _now())])
    expect(page.locator("#topology .dead")).to_contain_text("of ticks")


def test_late_and_dead_letter_records_are_listed_live(page, two, market) -> None:
    """A late tick leads to its key; an unreadable record is listed with its error.

    Neither is on the front page before the first.
    """
    with page.expect_response(re.compile("/api/events")):
        page.goto(f"{two[0].url}/pages/lateness")
    expect(page.locator("#records .empty")).to_contain_text("None since this page was opened")
    front = page.context.new_page()
    with front.expect_response(re.compile("/api/events")):
        front.goto(two[0].url)
    expect(front.locator("#summary")).to_have_attribute("data-state", "shown")
    expect(front.locator("#records")).to_be_hidden()
    market.send([tick("SYM09", 1, _now() - 31 * MINUTE), ("SYM09", b"no tick", _now())])
    expect(front.locator("#records li", has_text="dead letter")).to_have_count(1)
    late = page.locator("#records li", has_text="SYM09")
    expect(late).to_have_count(1)
    expect(late.locator(".gain")).to_contain_text("min late")
    expect(page.locator("#records li", has_text="dead letter")).to_have_count(1)
    late.get_by_role("link").click()
    expect(page.locator("#key-name")).to_have_text("SYM09")
    expect(page.locator("#table")).to_have_attribute("data-state", "shown")


def test_workers_and_lateness_are_shown(page, two) -> None:
    """Each worker with its own and its standby partitions; the distribution of lateness."""
    page.goto(f"{two[1].url}/pages/workers")
    items = page.locator("#workers li")
    expect(items).to_have_count(2)
    expect(items.locator(".chip")).to_have_text(["Ready", "Ready"])
    expect(items.first.locator(".partition.standing").first).to_be_visible()
    shown = items.locator(".partitions", has_text=re.compile("^ticks")).locator(".partition")
    expect(shown).to_have_count(6)
    page.get_by_role("link", name="Lateness").click()
    expect(page.locator("#lateness .lateness-words")).to_contain_text("came within the grace")
    expect(page.locator("#lateness .bar.late").last).to_be_attached()


def test_front_page_shows_what_runs(page, two, market) -> None:
    """Workers, tables, rates, lag and what was lost; the tables lead to their pages."""
    page.goto(two[0].url)
    facts = page.locator("#summary dl div")
    expect(facts.filter(has_text="Workers ready").locator("dd")).to_have_text("2 of 2")
    tables = [node for node in two[0].get("/api/topology")[1]["nodes"] if node["kind"] == "table"]
    expect(facts.filter(has_text="Tables").locator("dd")).to_have_text(str(len(tables)))

    def flows() -> bool:
        market.send([tick("SYM01", 101, _now())])
        rate = facts.filter(has_text="Folded").locator("dd").inner_text()
        return rate.endswith("/s") and rate != "0/s"

    until(flows)
    page.locator("#busiest").get_by_role("link", name="candles").click()
    expect(page.locator("#table-name")).to_have_text("candles")


def _send_request(page: Page, worker: Worker) -> None:
    """Open the API page, and ask it for two windows of a symbol."""
    page.goto(f"{worker.url}/api/docs")
    operation = page.locator(".opblock", has_text="/api/candles/{symbol}")
    operation.locator("button").first.click()
    operation.get_by_placeholder("symbol").fill("SYM03")
    operation.get_by_placeholder("limit").fill("2")
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"symbol": "SYM03"')


def test_api_page_lists_operations_and_shows_an_answer(page, two) -> None:
    """Each path once; a request has the session's cookie, and none goes to another host."""
    page.context.add_cookies([{"name": "session", "value": "mine", "url": two[0].url}])
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    with page.expect_request("**/api/candles/SYM03?limit=2&stale=false") as sent:
        _send_request(page, two[0])
    assert sent.value.all_headers()["cookie"] == "session=mine"
    assert all(address.startswith((two[0].url, "data:")) for address in addresses)
    listed = page.locator(".opblock-summary-path").evaluate_all(
        "paths => paths.map(path => path.dataset.path)"
    )
    described = two[0].get("/openapi.json")[1]["paths"]
    assert listed == [path for path in described if not path.startswith("/api/v1/")]


def test_api_page_shows_the_first_live_events(page, two, market) -> None:
    """An answer that never ends is shown after some seconds."""
    page.goto(f"{two[0].url}/api/docs")
    operation = page.locator(".opblock", has_text="/api/events")
    operation.locator("button").first.click()
    operation.get_by_placeholder("watch").fill("candles:SYM04:1m")
    with page.expect_response(re.compile("/api/events")):
        operation.get_by_role("button", name="Execute").click()
    market.send([tick("SYM04", 104, _now())])
    expect(operation.locator(".live-responses-table")).to_contain_text("data: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_accessibility_violations(browser, two, scheme: Any) -> None:
    """Axe finds none, in either theme, on a desktop and on a phone."""
    page = open_page(browser, scheme=scheme)
    console_messages = console_messages_of(page)
    for path, shown in ACCESSIBLE.items():
        page.set_viewport_size(DESKTOP)  # a phone begins with its tables closed
        page.goto(f"{two[0].url}{path}")
        expect(page.locator(shown).first).to_be_visible()
        assert_accessible(page)
    _send_request(page, two[0])
    assert_accessible(page)
    expect(page.locator("html")).to_have_class("dark-mode" if scheme == "dark" else "")
    page.context.close()
    assert console_messages == []


def test_dead_worker_is_shown_and_its_symbols_come_back(browser, two, market) -> None:
    """First a standby answers, and the page shows it; then the other worker owns its partitions."""
    survivor, killed = two
    symbol = next(s for s in SYMBOLS if survivor.get(f"/router/candles/{s}/")[1] == killed.url)
    page = open_page(browser)
    _open_symbol(page, survivor, symbol)
    workers = page.context.new_page()
    workers.goto(f"{survivor.url}/pages/workers")
    expect(workers.locator("#workers li")).to_have_count(2)
    killed.kill()
    theirs = workers.locator("#workers li", has_text=f":{killed.port}")
    expect(theirs).to_contain_text("No answer")
    expect(page.locator("#standby")).to_contain_text("From a standby")
    expect(page.locator("#last-price")).not_to_be_empty()

    expect(theirs).to_contain_text("Gone", timeout=40_000)
    ticks = workers.locator("#workers .partitions", has_text=re.compile("^ticks"))
    expect(ticks.locator(".partition")).to_have_count(6, timeout=40_000)
    expect(page.locator("#standby")).to_be_hidden(timeout=40_000)
    market.send([tick(symbol, 321, _now())])
    expect(page.locator("#last-price")).to_have_text("321.00")
    expect(page.locator("#status")).to_have_text("Live")
    page.context.close()
