"""Signing in to the dashboard in a real browser."""

import shutil
from collections.abc import AsyncIterator

import pytest
from guarded_workers import ADMIN
from playwright.async_api import Page, async_playwright, expect

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """Give a page of the machine's Chromium; Playwright's where there is none."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        yield await browser.new_page()
        await browser.close()


async def test_who_signs_in_sees_the_dashboard_until_they_sign_out(protected, page: Page) -> None:
    """A wrong token is said; the right one opens page, answers and Faust's views; then it is over.

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

    await page.goto(f"{protected.url}/login")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{protected.url}/login")
    assert await page.evaluate("fetch('/api/tables').then((reply) => reply.status)") == 401
