"""The pages that any application has from the library alone, in a real browser."""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import DESKTOP, assert_accessible, console_messages_of, open_page
from playwright.sync_api import Browser, Page, expect
from workers import MINUTE, REPOSITORY, Market, Record, Worker, tick, until

STREAM = REPOSITORY / "tests" / "own" / "page_views.py"

#: Key → views a minute, over the last `MINUTES`.
VIEWS = {"Home": 5, "about": 3, "shop/cart, the/whole": 2}
MINUTES = 8


def _view(page: str, at: int) -> Record:
    return page, json.dumps({"page": page, "time": at}).encode(), at


def _now() -> int:
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Yield a worker of a stream of thirty lines, which has no line of HTML."""
    worker = market.worker(PYTHONPATH=STREAM.parent, EVENTFOLD_APP_ID=market.application)
    faust = str(Path(sys.executable).with_name("faust"))
    worker.command_line = [faust, "-A", STREAM.stem, "worker", "-l", "info"]
    with worker:
        now = _now()
        market.send(
            (
                _view(page, now - minute * MINUTE)
                for minute in range(MINUTES, -1, -1)
                for page, views in VIEWS.items()
                for _ in range(views)
            ),
            "views",
        )
        until(lambda: len(_results(worker, "about")) == MINUTES + 1)
        yield worker


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield an empty page; assert that its console is empty."""
    page = open_page(browser)
    messages = console_messages_of(page)
    yield page
    page.context.close()
    assert messages == []


def _results(worker: Worker, key: str, window: str = "1m") -> list[Any]:
    status, body = worker.get(f"/api/results/page_views/{key}?window={window}")
    return body if status == 200 else []


def test_front_page_of_any_application_shows_what_runs(page, worker) -> None:
    """Its workers and its tables, which lead to their page; nothing of the demonstration."""
    page.goto(worker.url)
    facts = page.locator("#summary dl div")
    expect(facts.filter(has_text="Workers ready").locator("dd")).to_have_text("1 of 1")
    expect(facts.filter(has_text="Tables").locator("dd")).to_have_text("1")
    entries = page.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()
    assert entries == ["Overview", "Tables", "Topology", "Workers", "Lateness"]
    page.locator("#busiest").get_by_role("link", name="page_views").click()
    expect(page.locator("#table-name")).to_have_text("page_views")


def test_table_page_shows_windows_with_their_evidence(page, worker) -> None:
    """Chart and rows of the key that was found, whatever the record of the table is."""
    page.goto(f"{worker.url}/pages/tables")
    expect(page.locator("#key-name")).not_to_be_empty()
    page.keyboard.press("/")
    page.keyboard.type("HO")
    expect(page.locator("#known option")).to_have_count(2)
    page.keyboard.type("me")
    expect(page.locator("#known option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#key-name")).to_have_text("Home")
    expect(page).to_have_url(re.compile("table=page_views&key=Home&window=1m"))
    newest = _results(worker, "Home")[::-1]
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(len(newest))
    for row, result in zip(rows.all(), newest, strict=True):
        state = "final" if result["final"] else "open"
        offsets = f"{result['partition']}: {result['first_offset']} \N{EN DASH} "
        evidence = [str(result["count"]), "\N{EN DASH}", str(result["revision"]), state]
        cells = row.locator("td").all_inner_texts()
        assert cells[:5] == [str(result["record"]["views"]), *evidence]
        assert cells[5] == f"{offsets}{result['last_offset']}"
    assert {"open", "final"} <= set(page.locator("#rows td:nth-child(6)").all_inner_texts())
    expect(page.locator("#chart canvas")).to_be_visible()


def test_new_and_late_records_change_the_page_as_they_are_folded(page, worker, market) -> None:
    """Without a reload, and the corrected window is marked."""
    with page.expect_response(re.compile("/api/events")):
        page.goto(f"{worker.url}/pages/tables#table=page_views&key=about&window=1m")
    expect(page.locator("#table")).to_have_attribute("data-state", "shown")
    newest = _results(worker, "about")[-1]
    market.send([_view("about", newest["start"] + n) for n in range(4)], "views")
    count = page.locator("#rows tr").first.locator("td").first
    expect(count).to_have_text(str(newest["count"] + 4))
    market.send([_view("about", newest["start"] - 1)], "views")
    expect(page.locator("#rows .late")).to_have_text("\N{BLACK DIAMOND} 1")


def test_keys_are_listed_by_time_and_by_size(page, worker, market) -> None:
    """The largest first; a click opens one, and the browser's back button the one before."""
    now = _now()
    market.send([_view(each, now) for each in [*["shop/cart, the/whole"] * 40, "Home"]], "views")
    page.goto(f"{worker.url}/pages/tables#table=page_views&key=Home&window=1m")
    largest = page.locator("#largest-keys .line")
    expect(largest.first).to_contain_text("shop/cart, the/whole")
    expect(page.locator("#latest-keys .line").filter(has_text="Home")).to_have_count(1)
    largest.first.get_by_role("link").click()
    expect(page.locator("#key-name")).to_have_text("shop/cart, the/whole")
    expect(page.locator("#table")).to_have_attribute("data-state", "shown")
    page.go_back()
    expect(page.locator("#key-name")).to_have_text("Home")


def test_unknown_key_is_shown_with_its_first_record(browser, worker, market) -> None:
    """Before it, the page shows that there is none and where records come from."""
    page = open_page(browser)  # its console has the 404
    page.goto(f"{worker.url}/pages/tables#table=page_views&key=new&window=1m")
    expect(page.locator("#empty")).to_contain_text("No records of new so far")
    expect(page.locator("#empty")).to_contain_text("topic views")
    market.send([_view("new", _now())], "views")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_library_pages_have_no_accessibility_violations(browser, worker, scheme: Any) -> None:
    """In either theme, on a desktop and on a phone, with an explanation shown."""
    page = open_page(browser, scheme=scheme)
    page.goto(f"{worker.url}/pages/tables#table=page_views&key=about&window=1m")
    expect(page.locator("#rows tr").first).to_be_visible()
    expect(page.locator("#largest-keys .line").first).to_be_visible()
    page.locator("#largest-keys .line").first.focus()
    expect(page.locator("#tip")).to_be_visible()
    assert_accessible(page)
    page.set_viewport_size(DESKTOP)
    page.goto(worker.url)
    expect(page.locator("#busiest .line").first).to_be_visible()
    assert_accessible(page)
    page.context.close()


def test_prices_are_drawn_as_candles_or_any_field_as_a_line(page, market) -> None:
    """A table without windows shows the state of a key."""
    with market.worker(TICKSTREAM_PIPELINES="candles,gainers,surges,trends") as worker:
        now = _now()
        market.send(tick("ACME", 100 + n % 3, now - n * 20_000, size=n) for n in range(60, -1, -1))
        until(lambda: worker.get("/api/candles/ACME?size=1m")[0] == 200)
        page.goto(f"{worker.url}/pages/tables#table=candles&key=ACME&window=1m")
        fields = page.locator("#fields")
        expect(fields).to_have_value("close")
        expect(page.locator("#readout")).to_contain_text("open")
        page.locator("#windows").select_option("5m/1m")
        expect(page).to_have_url(re.compile(r"window=5m%2F1m"))
        fields.select_option("volume")
        expect(page.locator("#largest-keys")).to_contain_text("by volume")
        expect(page.locator("#rows tr").first).to_be_visible()
        page.locator("#tables").select_option("trends")
        expect(page.locator("#state dt").first).to_be_visible()
        page.goto("about:blank")  # the page would report that the worker is gone
