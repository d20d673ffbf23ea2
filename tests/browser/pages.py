"""Pages of the dashboard, each in a browser context of its own."""

from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize

DESKTOP: ViewportSize = {"width": 1320, "height": 900}


def open_page(
    browser: Browser,
    viewport: ViewportSize = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
) -> Page:
    """Open an empty page in a new browser context, whose zone is UTC."""
    return browser.new_context(
        viewport=viewport, locale="en-GB", timezone_id="UTC", color_scheme=scheme
    ).new_page()


def console_messages_of(page: Page) -> list[str]:
    """Return a list that collects the page's console messages and errors."""
    messages: list[str] = []
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("console", lambda message: messages.append(message.text))
    return messages
