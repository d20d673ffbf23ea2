"""`faust -A app top`: what the workers of an application do, on a terminal, again and again."""

import asyncio
import sys
from typing import NoReturn

import msgspec
from faust.cli import option
from rich.console import Group
from rich.live import Live
from rich.text import Text
from yarl import URL

from app.commands._process import JSON, CommandError, LongCommand
from app.commands._types import Address, Seconds
from app.commands._worker import address
from app.settings import settings
from app.top.look import NoWorkerError, Watcher
from app.top.screen import draw
from app.top.view import View

#: Width of what is shown where there is no terminal.
WIDTH = 120


class top(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Show rates, lag, late records, dead letters, workers and the ten best, until Ctrl-C.

    Any worker is asked, it names the others. Rates are means over --interval.

    The exit code is 1 where no worker answers.
    """

    examples = (
        ("top", "of the worker of WEB_HOST and WEB_PORT"),
        ("top --url 10.0.0.5:6066 --interval 5s", "of another one"),
        ("top --once --json", "once, for a program"),
    )

    options = [  # noqa: RUF012 - as Faust declares it
        option(
            "--url",
            type=Address(),
            metavar="URL",
            help="A worker; that of WEB_HOST and WEB_PORT if not set.",
        ),
        option("--interval", type=Seconds(), default="2s", help="Time between two looks."),
        option("--once", is_flag=True, help="Look once, print, and end."),
        JSON,
    ]

    async def work(self) -> None:
        """Look, and show. Raises CommandError where no worker answers at the first look."""
        url: URL = self.kwargs["url"] or address(settings())
        try:
            async with Watcher(url, settings()) as watcher:
                await watcher.begin()
                await asyncio.sleep(self.kwargs["interval"])
                await self._show(watcher, await watcher.look())
        except NoWorkerError as error:
            raise CommandError(f"{error}: start a worker, or name another by --url") from None

    async def _show(self, watcher: Watcher, view: View) -> None:
        if self.kwargs["once"]:
            self._print(view)
        elif self.json or not sys.stdout.isatty():
            await self._print_all(watcher, view)
        else:
            await self._show_all(watcher, view)

    async def _print_all(self, watcher: Watcher, view: View) -> NoReturn:
        """For a program or a file: one view after the other."""
        while True:
            self._print(view)
            await asyncio.sleep(self.kwargs["interval"])
            view = await watcher.look()

    async def _show_all(self, watcher: Watcher, view: View) -> NoReturn:
        console = self.console(WIDTH)
        with Live(draw(view), console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.refresh()
                await asyncio.sleep(self.kwargs["interval"])
                try:
                    view = await watcher.look()
                    live.update(draw(view))
                except NoWorkerError as error:
                    # It may come back; what was seen last stays on the screen.
                    live.update(Group(Text(str(error), "bold red"), draw(view)))

    def _print(self, view: View) -> None:
        if self.json:
            self.say(msgspec.json.encode(view).decode())
        else:
            self.console(WIDTH).print(draw(view))
