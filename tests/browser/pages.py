"""Pages of the dashboard, as every viewer of the tests sees them."""

from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize

DESKTOP: ViewportSize = {"width": 1320, "height": 900}


def open_page(
    browser: Browser,
    viewport: ViewportSize = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
) -> Page:
    """Open an empty page of a viewer of its own, whose zone is UTC."""
    return browser.new_context(
        viewport=viewport, locale="en-GB", timezone_id="UTC", color_scheme=scheme
    ).new_page()


def complaints_of(page: Page) -> list[str]:
    """Return a list that collects the page's console messages and errors."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    return said
