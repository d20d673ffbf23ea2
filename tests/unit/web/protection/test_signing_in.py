"""Signing in to the dashboard in a real browser."""

import re
import shutil
from collections.abc import AsyncIterator

import pytest
from guarded_workers import ADMIN
from playwright.async_api import Page, async_playwright, expect

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """Yield a page of the machine's Chromium, or of Playwright's if there is none."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        yield await browser.new_page()
        await browser.close()


async def test_dashboard_is_shown_from_sign_in_to_sign_out(protected, page: Page) -> None:
    """A wrong token fails; the right one opens page, answers and Faust's views until the sign-out.

    The browser reports no error of our own pages, and no script sees the cookie.
    """
    errors: list[str] = []
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))

    await page.goto(f"{protected.url}/pages/market#AAA")
    await expect(page).to_have_url(f"{protected.url}/login?next=%2Fpages%2Fmarket#AAA")
    await expect(page.get_by_label("Token or password")).to_be_focused()
    await page.keyboard.type("not the token")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text(
        "The token, or the name and password, are wrong."
    )
    errors.clear()  # Chromium itself notes that the page came with a 401

    await page.get_by_label("Token or password").fill(ADMIN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#ranking")).to_contain_text("AAA")
    assert await page.evaluate("document.cookie") == ""
    assert await page.evaluate("fetch('/router/').then((reply) => reply.status)") == 200
    # Tables that are not filled here answer 404.
    assert not [each for each in errors if "404" not in each and "400" not in each]

    await page.get_by_role("link", name="Session").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{protected.url}/login")
    assert await page.evaluate("fetch('/api/tables').then((reply) => reply.status)") == 401


async def test_page_of_an_ended_session_returns_to_the_login(protected, page: Page) -> None:
    """As soon as an answer is a 401; the login leads back to the same symbol."""
    await page.goto(f"{protected.url}/login?next=/pages/market%23AAA")
    await page.get_by_label("Token or password").fill(ADMIN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#ranking")).to_contain_text("AAA")
    await page.context.clear_cookies()
    await expect(page).to_have_url(
        re.compile(r"/login\?next=%2Fpages%2Fmarket#AAA"), timeout=15_000
    )


async def test_dashboard_without_tokens_has_no_session_link(unprotected, page: Page) -> None:
    """There is nothing to sign out of."""
    await page.goto(f"{unprotected.url}/pages/market#AAA")
    await expect(page.locator("#ranking")).to_contain_text("AAA")
    await expect(page.get_by_role("link", name="Session")).to_have_count(0)
