"""`faust -A app top`: a live screen of the workers of an application."""

import asyncio
import sys
from typing import NoReturn

import msgspec
from faust.cli import option
from rich.console import Group
from rich.live import Live
from rich.text import Text
from yarl import URL

from app.settings import settings
from app.top.scrape import Scraper
from app.top.screen import draw
from app.top.view import View
from eventfold.cli.command import JSON, LongCommand
from eventfold.cli.option_types import Address, Seconds
from eventfold.cli.worker_client import NoWorkerError, address

#: Columns of the screen without a terminal.
WIDTH = 120


class top(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Show rates, lag, late records, dead letters, workers and top gainers until Ctrl-C.

    One worker is enough: it lists the others. Rates are means over --interval.

    The exit code is 1 if no worker answers.
    """

    examples = (
        ("top", "ask the worker at WEB_HOST and WEB_PORT"),
        ("top --url 10.0.0.5:6066 --interval 5s", "ask another worker"),
        ("top --once --json", "once, for a program"),
    )

    options = [  # noqa: RUF012 - as Faust declares it
        option(
            "--url",
            type=Address(),
            metavar="URL",
            help="A worker; that of WEB_HOST and WEB_PORT if not set.",
        ),
        option("--interval", type=Seconds(), default="2s", help="Time between two polls."),
        option("--once", is_flag=True, help="Poll once, print, and exit."),
        JSON,
    ]

    async def work(self) -> None:
        """Poll and show. Raises NoWorkerError if no worker answers the first poll."""
        url: URL = self.kwargs["url"] or address(settings())
        async with Scraper(url, settings()) as scraper:
            await scraper.start()
            await asyncio.sleep(self.kwargs["interval"])
            await self._show(scraper, await scraper.poll())

    async def _show(self, scraper: Scraper, view: View) -> None:
        if self.kwargs["once"]:
            self._print(view)
        elif self.json or not sys.stdout.isatty():
            await self._print_all(scraper, view)
        else:
            await self._show_all(scraper, view)

    async def _print_all(self, scraper: Scraper, view: View) -> NoReturn:
        """Print one view after the other, for a program or a file."""
        while True:
            self._print(view)
            await asyncio.sleep(self.kwargs["interval"])
            view = await scraper.poll()

    async def _show_all(self, scraper: Scraper, view: View) -> NoReturn:
        console = self.console(WIDTH)
        with Live(draw(view), console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.refresh()
                await asyncio.sleep(self.kwargs["interval"])
                try:
                    view = await scraper.poll()
                    live.update(draw(view))
                except NoWorkerError as error:
                    # It may come back; the last view stays on the screen.
                    live.update(Group(Text(str(error), "bold red"), draw(view)))

    def _print(self, view: View) -> None:
        if self.json:
            self.say(msgspec.json.encode(view).decode())
        else:
            self.console(WIDTH).print(draw(view))
