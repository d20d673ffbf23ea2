"""Pages of the dashboard, each in a browser context of its own."""

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

DESKTOP: ViewportSize = {"width": 1320, "height": 900}


def open_page(
    browser: Browser,
    viewport: ViewportSize = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    zone: str = "UTC",
) -> Page:
    """Open an empty page in a new browser context."""
    return browser.new_context(
        viewport=viewport, locale="en-GB", timezone_id=zone, color_scheme=scheme
    ).new_page()


def console_messages_of(page: Page) -> list[str]:
    """Return a list that collects the page's console messages and errors."""
    messages: list[str] = []
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("console", lambda message: messages.append(message.text))
    return messages


def assert_accessible(page: Page) -> None:
    """Assert that axe finds nothing and that nothing is wider than the page."""
    for width in (1320, 390):
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
