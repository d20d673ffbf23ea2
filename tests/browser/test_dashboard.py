"""The dashboard in a real browser, on a real worker and broker."""

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import open_page
from playwright.sync_api import Browser, Page, expect
from workers import MARKET, Market, Worker, tick, until

DESKTOP, PHONE = {"width": 1200, "height": 820}, {"width": 390, "height": 844}

MARKET_PAGE = "/pages/market"

SYMBOLS = ["ACME", "BOLT", "CHIP", "DUNE", "ECHO", "FLUX", "GOLD", "HALO", "IRON", "JADE"]
SYMBOLS += ["KITE", "LIME", "MOSS"]
STEPS, STEP = 80, 15_000


def _market(now: int) -> Iterator[tuple[str, bytes, int]]:
    """Yield twenty minutes up to `now` (ms): the later in the alphabet, the more a symbol gains."""
    for step in range(1 - STEPS, 1):
        for number, symbol in enumerate(SYMBOLS):
            price = 100 + 0.01 * number * (step + STEPS) + 0.2 * (step % 3)
            yield tick(symbol, price, now + step * STEP)


@pytest.fixture(scope="module")
def new_worker(market: Market) -> Iterator[Worker]:
    """Yield a worker that has received no tick yet."""
    with market.worker(**MARKET) as worker:
        yield worker


@pytest.fixture(scope="module")
def empty_page_text(browser: Browser, new_worker: Worker) -> str:
    """Return the text of a page before there is a tick."""
    page = open_page(browser, DESKTOP)
    page.goto(f"{new_worker.url}{MARKET_PAGE}")
    expect(page.locator("#gainers")).to_have_attribute("data-state", "empty")
    text = page.locator("main").inner_text()
    page.context.close()
    return text


@pytest.fixture(scope="module")
def worker(new_worker: Worker, empty_page_text: str, market: Market) -> Worker:  # noqa: ARG001
    """Return the worker once it has ranked twenty minutes of ticks."""
    market.send(_market(_now()))
    until(lambda: _ranking(new_worker) == SYMBOLS[:-11:-1])
    return new_worker


@pytest.fixture
def page(browser: Browser, worker: Worker) -> Iterator[Page]:
    """Yield an empty page; assert that no script fails and that it asks only the worker."""
    page = open_page(browser, DESKTOP)
    failures: list[object] = []
    hosts: set[str] = set()
    page.on("pageerror", lambda error: failures.append(error))  # noqa: PLW0108  # it marks it
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: hosts.add(socket.url))
    yield page
    page.context.close()
    assert failures == []
    assert hosts == {urlsplit(worker.url).netloc}


def _now() -> int:
    return int(time.time() * 1000)


def _ranking(worker: Worker) -> list[str]:
    status, body = worker.get("/api/top-gainers")
    return [gainer["symbol"] for gainer in body["rank"]] if status == 200 else []


def _names(page: Page) -> Any:
    return page.locator("#ranking .name")


def _painted(page: Page, colour: str) -> int:
    """Count the chart's pixels of a colour, by its name in the style sheet."""
    return page.evaluate(
        """name => {
            const probe = document.createElement("i");
            probe.style.color = `var(${name})`;
            document.body.append(probe);
            const rgb = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
            const canvas = document.querySelector("#chart canvas");
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            let count = 0;
            for (let at = 0; at < data.length; at += 4)
                if (rgb.every((value, n) => data[at + n] === value)) count += 1;
            return count;
        }""",
        f"--chart-{colour}",
    )


def _rows(page: Page) -> Any:
    return page.locator("#rows tr")


def _is_wider_than_its_window(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_empty_dashboard_explains_how_to_start(empty_page_text) -> None:
    """Before the first tick it shows no error, but the command that sends ticks."""
    assert "No gainers yet" in empty_page_text
    assert "faust -A app produce --source simulator" in empty_page_text
    assert "No symbol is known" in empty_page_text


def test_ranking_updates_without_a_reload(page, worker, market) -> None:
    """The gainers are in order, and a symbol that jumps moves up on the same page."""
    market.send([tick("BOLT", 100, _now())])  # recent enough for the status Live
    page.goto(f"{worker.url}{MARKET_PAGE}")
    expect(_names(page)).to_have_text(_ranking(worker))
    expect(page.locator("#status")).to_have_text("Live")
    page.evaluate("window.untouched = true")

    market.send([tick("ACME", 250, _now())])
    expect(_names(page).first).to_have_text("ACME")
    first = page.locator("#ranking li").first
    expect(first.locator(".gain")).to_have_text(re.compile(r"^\+1[45]\d\.\d\d%$"))
    expect(first.locator(".change")).to_have_text("new")
    expect(_names(page)).to_have_count(10)
    assert page.evaluate("window.untouched")


def test_selecting_a_symbol_draws_its_candles(page, worker) -> None:
    """Chart and table equal the API, for each window; the address names symbol and window."""
    page.goto(f"{worker.url}{MARKET_PAGE}")
    page.locator(".gainer", has_text="JADE").click()
    expect(page.locator("#symbol-name")).to_have_text("JADE")
    expect(page).to_have_url(re.compile("#JADE/1m$"))
    expect(_rows(page)).to_have_count(12)
    closes = [f"{c['close']:.2f}" for c in worker.get("/api/candles/JADE?size=1m&limit=12")[1]]
    expect(page.locator("#rows td:nth-child(5)")).to_have_text(closes[::-1])
    assert _painted(page, "up") > 50
    assert _painted(page, "fast") > 20

    page.get_by_label("15m", exact=True).check(force=True)
    expect(page).to_have_url(re.compile("#JADE/15m$"))
    quarters = worker.get("/api/candles/JADE?size=15m")[1]
    expect(_rows(page)).to_have_count(len(quarters))
    page.go_back()
    expect(_rows(page)).to_have_count(12)


def test_window_corrected_by_late_ticks_is_marked(page, worker, market) -> None:
    """The row shows the number of late ticks, and the chart marks the window."""
    page.goto(f"{worker.url}{MARKET_PAGE}#GOLD/1m")
    expect(_rows(page)).to_have_count(12)
    market.send([tick("GOLD", 99, _now() - 120_000)])
    late = page.locator("#rows .late")
    expect(late).to_have_text("◆ 1")
    assert "corrected this window" in (late.get_attribute("data-tip") or "")
    assert _painted(page, "late") > 10


def test_last_minute_of_a_symbol_follows_its_trades(page, worker, market) -> None:
    """From its first price to its last, within the minute up to the newest trade."""
    page.goto(f"{worker.url}{MARKET_PAGE}#KITE/1m")
    expect(page.locator("#minute")).to_be_visible()
    market.send([tick("KITE", price, _now()) for price in (90, 204)])
    facts = page.locator("#minute dd")
    expect(facts.nth(2)).to_have_text("90.00")
    expect(facts.nth(3)).to_have_text("204.00")
    (minute,) = worker.get("/api/windows/surges/KITE?limit=1")[1]
    expect(facts.nth(1)).to_have_text(f"{100 * minute['change']:+.2f}%")
    expect(facts.nth(5)).to_have_text(str(minute["count"]))
    page.goto(f"{worker.url}{MARKET_PAGE}#NOBODY/1m")
    expect(page.locator("#symbol")).to_have_attribute("data-state", "empty")
    expect(page.locator("#minute")).to_be_hidden()


def test_listed_surge_opens_its_symbol(page, worker, market) -> None:
    """Surges equal the API, the newest first; they open by mouse or by keys."""
    page.goto(f"{worker.url}{MARKET_PAGE}#JADE/1m")
    now = _now()
    moves = {"MOSS": 150, "LIME": 60}
    market.send([tick(symbol, price, now) for symbol, price in moves.items()])
    # Their minutes are final when stream time has passed the grace.
    market.send([tick(symbol, price, now + 12_000) for symbol, price in moves.items()])
    surges = page.locator("#surging li")
    for symbol in moves:
        expect(surges.locator(".name", has_text=symbol)).to_have_count(1)

    def shown() -> bool:
        answered = worker.get("/api/surges?limit=6")[1]
        changes = [f"{100 * surge['change']:+.2f}%" for surge in answered]
        names = surges.locator(".name").all_inner_texts()
        gains = surges.locator(".gain").all_inner_texts()
        return (names, gains) == ([surge["symbol"] for surge in answered], changes)

    until(shown)
    names = surges.locator(".name").all_inner_texts()
    surges.first.locator("button").click()
    expect(page.locator("#symbol-name")).to_have_text(names[0])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#symbol-name")).to_have_text(names[1])
    expect(page.locator("#surging [aria-pressed=true] .name")).to_have_text(names[1])


def test_arrow_keys_step_through_the_windows(page, worker) -> None:
    """From the newest backwards, and back to the newest with Escape."""
    page.goto(f"{worker.url}{MARKET_PAGE}#JADE/1m")
    expect(_rows(page)).to_have_count(12)
    windows = page.locator("#rows th").all_inner_texts()
    page.locator("#chart").focus()
    for expected in windows[:3]:
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#readout .when")).to_have_text(expected)
    page.keyboard.press("Escape")
    expect(page.locator("#readout .when")).to_have_text(windows[0])


def test_symbol_is_found_by_typing_its_prefix(page, worker) -> None:
    """The slash key focuses the field, which suggests symbols in upper or lower case."""
    page.goto(f"{worker.url}{MARKET_PAGE}")
    expect(_names(page)).to_have_count(10)
    page.keyboard.press("/")
    page.keyboard.type("bo")
    expect(page.locator("#known option")).to_have_count(1)
    assert page.locator("#known option").get_attribute("value") == "BOLT"
    page.keyboard.type("lt")
    page.keyboard.press("Enter")
    expect(page.locator("#symbol-name")).to_have_text("BOLT")
    expect(_rows(page)).to_have_count(12)
    expect(page.locator("#query")).to_have_value("")


def test_unknown_symbol_is_drawn_with_its_first_tick(page, worker, market) -> None:
    """Before it, the page shows that there are no ticks of the symbol."""
    page.goto(f"{worker.url}{MARKET_PAGE}")
    expect(_names(page)).to_have_count(10)
    page.locator("#query").fill("A/NEW ONE")
    page.keyboard.press("Enter")
    expect(page.locator("#symbol-empty")).to_contain_text("No ticks of A/NEW ONE so far")
    expect(page.locator("#chart")).to_be_hidden()
    market.send([tick("A/NEW ONE", 12.5, _now())])
    expect(page.locator("#last-price")).to_have_text("12.50")
    expect(_rows(page)).to_have_count(1)


def test_dashboard_fits_a_phone_screen(page, worker) -> None:
    """Nothing is wider than the screen, in any state; the chart comes first."""
    page.goto(f"{worker.url}{MARKET_PAGE}")
    for width in (PHONE["width"], 320):
        page.set_viewport_size({**PHONE, "width": width})
        for address in ("#JADE/1m", "#JADE/15m%2F1m", "#NOBODY/1m"):
            page.goto(f"{worker.url}{MARKET_PAGE}{address}")
            shown = "empty" if "NOBODY" in address else "shown"
            expect(page.locator("#symbol")).to_have_attribute("data-state", shown)
            expect(_names(page)).to_have_count(10)
            assert not _is_wider_than_its_window(page), (width, address)
    chart, gainers = (page.locator(name).bounding_box() for name in ("#symbol", "#gainers"))
    assert chart["y"] < gainers["y"]


def test_front_page_and_all_others_fit_a_phone_screen(page, worker) -> None:
    """Each page of the menu, the menu included; no page is long before there is much to show."""
    page.set_viewport_size(PHONE)
    page.goto(worker.url)
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    paths = links.evaluate_all("links => links.map(link => link.pathname)")
    assert {"/", "/pages/tables", "/pages/lateness", MARKET_PAGE} <= set(paths)
    for path in paths:
        page.goto(f"{worker.url}{path}")
        expect(page.locator(".card[data-state=shown]").first).to_be_visible()
        expect(page.locator(".menu [aria-current=page]")).to_have_count(1)
        assert not _is_wider_than_its_window(page), path


def test_link_to_a_symbol_on_the_former_front_page_still_opens_it(page, worker) -> None:
    """The front page leads on to the page of the market."""
    page.goto(f"{worker.url}/#JADE/15m")
    expect(page).to_have_url(f"{worker.url}{MARKET_PAGE}#JADE/15m")
    expect(page.locator("#symbol-name")).to_have_text("JADE")


def test_times_follow_the_zone_that_is_chosen(browser, worker) -> None:
    """The viewer's own, or UTC by one switch, which the next page remembers."""
    page = open_page(browser, DESKTOP, zone="Asia/Kolkata")  # half an hour beside the full one
    page.goto(f"{worker.url}{MARKET_PAGE}#JADE/1m")
    expect(_rows(page)).to_have_count(12)
    start = worker.get("/api/candles/JADE?size=1m&limit=1")[1][0]["start"]
    own, utc = (_clock(start + shift) for shift in (5.5 * 3_600_000, 0))
    newest = page.locator("#rows th").first
    expect(newest).to_contain_text(own)
    page.get_by_label("Times").select_option("utc")
    expect(newest).to_contain_text(utc)
    page.reload()
    expect(newest).to_contain_text(utc)
    page.get_by_label("Times").select_option("local")
    expect(newest).to_contain_text(own)
    page.context.close()


def _clock(ms: float) -> str:
    """Return hours and minutes of a time (ms since the epoch)."""
    return time.strftime("%H:%M", time.gmtime(ms / 1000)).lstrip("0")


def test_explanations_are_shown_by_mouse_keyboard_and_touch(browser, worker) -> None:
    """On hover, on focus and by a tap; Escape hides them."""
    context = browser.new_context(viewport=PHONE, has_touch=True)
    page = context.new_page()
    page.goto(f"{worker.url}{MARKET_PAGE}#JADE/1m")
    expect(_names(page)).to_have_count(10)
    tip, gainer = page.locator("#tip"), page.locator(".gainer").first
    gainer.focus()
    expect(tip).to_contain_text("since the day's first price")
    assert gainer.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.locator("#rankings .line").first.hover()
    expect(tip).to_contain_text("last ")
    page.locator("#latest summary").tap()
    page.locator("#rows .offsets").first.tap()
    expect(tip).to_contain_text("revision")
    context.close()


def test_page_loads_nothing_from_other_hosts(page, worker) -> None:
    """Its headers forbid it, and nothing in the console reports a violation."""
    console_messages: list[str] = []
    page.on("console", lambda message: console_messages.append(message.text))
    response = page.goto(f"{worker.url}{MARKET_PAGE}")
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    expect(page.locator("#symbol")).to_have_attribute("data-state", "shown")
    expect(_names(page)).to_have_count(10)
    assert console_messages == []


def test_dashboard_shows_that_the_worker_is_gone(page, worker, market) -> None:
    """The content stays, is marked as stale, and is live again when the worker is."""
    market.send([tick("JADE", 120, _now())])
    page.goto(f"{worker.url}{MARKET_PAGE}#JADE/1m")
    expect(page.locator("#status")).to_have_text("Live")
    expect(_rows(page)).to_have_count(12)
    worker.kill()
    expect(page.locator("#status")).to_have_text(re.compile(r"^Stale for \d+ s$"))
    expect(page.locator("#notice-text")).to_contain_text("The worker can't be reached.")
    expect(page.locator("#notice-text")).to_contain_text("What you see is of")
    assert Axe().run(page).violations_count == 0  # it can be read all the same
    expect(_rows(page)).to_have_count(12)
    expect(_names(page)).to_have_count(10)

    worker.start()
    market.send([tick("JADE", 130, _now())])
    # Not `click`, which waits until it is visible: the page may have retried by itself already.
    page.locator("#retry").dispatch_event("click")
    expect(page.locator("#status")).to_have_text("Live")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#last-price")).to_have_text("130.00")


def test_chosen_theme_overrides_the_system_theme(page: Page, worker: Worker) -> None:
    """The chart is redrawn in it, and the next visit starts with it."""
    page.goto(f"{worker.url}{MARKET_PAGE}")
    chart = page.locator(".uplot canvas")
    expect(chart).to_be_visible()
    background = "getComputedStyle(document.body).backgroundColor"
    light, drawn = page.evaluate(background), chart.evaluate("canvas => canvas.toDataURL()")
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(background)
    assert dark != light
    assert page.locator(".uplot canvas").evaluate("canvas => canvas.toDataURL()") != drawn
    page.reload()
    assert page.evaluate(background) == dark
    expect(page.get_by_label("Theme")).to_have_value("dark")
    page.get_by_label("Theme").select_option("as the system")
    assert page.evaluate(background) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == dark
