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


async def test_who_signs_in_sees_the_dashboard_until_they_sign_out(protected, page: Page) -> None:
    """A wrong token fails; the right one opens page, answers and Faust's views; then it is over.

    The browser refuses nothing of our own pages, and no script sees the cookie.
    """
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    await page.goto(f"{protected.url}/#AAA")
    await expect(page).to_have_url(f"{protected.url}/login?next=/#AAA")
    await expect(page.get_by_label("Token or password")).to_be_focused()
    await page.keyboard.type("not the token")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text(
        "That is not known here. Look at it again?"
    )
    complaints.clear()  # Chromium itself notes that the page came with a 401

    await page.get_by_label("Token or password").fill(ADMIN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#ranking")).to_contain_text("AAA")
    assert await page.evaluate("document.cookie") == ""
    assert await page.evaluate("fetch('/router/').then((reply) => reply.status)") == 200
    # Tables that are not filled here answer 404.
    assert not [each for each in complaints if "404" not in each and "400" not in each]

    await page.get_by_role("link", name="Session").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{protected.url}/login")
    assert await page.evaluate("fetch('/api/tables').then((reply) => reply.status)") == 401


async def test_a_page_whose_session_has_ended_asks_again(protected, page: Page) -> None:
    """As soon as an answer says so, and leads back to what was looked at."""
    await page.goto(f"{protected.url}/login?next=/%23AAA")
    await page.get_by_label("Token or password").fill(ADMIN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#ranking")).to_contain_text("AAA")
    await page.context.clear_cookies()
    await expect(page).to_have_url(re.compile(r"/login\?next=%2F#AAA"), timeout=15_000)


async def test_where_nobody_is_asked_nothing_is_said_of_it(unprotected, page: Page) -> None:
    """The dashboard has no link to it."""
    await page.goto(f"{unprotected.url}/#AAA")
    await expect(page.locator("#ranking")).to_contain_text("AAA")
    await expect(page.get_by_role("link", name="Session")).to_have_count(0)
