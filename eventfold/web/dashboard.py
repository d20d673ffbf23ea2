"""Dashboard: pages of one shape with a menu of all of them, and the files that they load.

An application adds pages and tiles by `App.pages` and `App.static_files`; without them it has
those of the library: what runs, any of its tables, topology, workers, lateness.
"""

import asyncio
import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from mimetypes import guess_type
from pathlib import Path
from string import Template
from typing import Any

from aiohttp import web

from eventfold.web.application import APP
from eventfold.web.errors import unknown
from eventfold.web.parameters import Values

#: Directory of the library's files.
STATIC = Path(__file__).parent / "static"

#: Files of the dashboard by their paths below `/static/`; a text is JavaScript.
Files = Mapping[str, Path | str]

FILES: web.AppKey[Files] = web.AppKey("FILES", dict)

_SHELL = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Page:
    """Page at `/pages/NAME`, with an entry in the menu; the front page has no name.

    `script` is its module and `style` its style sheet, both below `/static/`; `main` is a file of
    HTML, by default an empty place for tiles. The default script shows the tiles that
    `tiles/application.js` exports under the page's name.
    """

    name: str
    title: str
    script: str = "pages/application.js"
    style: str | None = None
    main: Path | None = None

    @property
    def path(self) -> str:
        """Path of the page."""
        return f"/pages/{self.name}" if self.name else "/"


OVERVIEW = Page("", "Overview", "pages/overview.js")
LIBRARY = (
    OVERVIEW,
    Page("tables", "Tables", "pages/tables.js", main=STATIC / "pages" / "tables.html"),
    Page("topology", "Topology", "pages/topology.js"),
    Page("workers", "Workers", "pages/workers.js"),
    Page("lateness", "Lateness", "pages/lateness.js"),
)


def add_files(application: web.Application, own: Files) -> None:
    """Serve the library's files, and those of an application."""
    library = {
        file.relative_to(STATIC).as_posix(): file for file in STATIC.rglob("*") if file.is_file()
    }
    application[FILES] = {"tiles/application.js": "", **library, **own}
    application.router.add_get("/static/{path:.+}", _file)


async def overview(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the front page."""
    return _rendered(request, OVERVIEW)


async def page(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with a page by its name. Raises ApiError (404) if there is none."""
    known = {each.name: each for each in _pages(request) if each is not OVERVIEW}
    found = known.get(values["page"])
    if found is None:
        raise unknown(f"unknown page {values['page']!r}; there are {', '.join(known)}")
    return _rendered(request, found)


async def docs(_: web.Request, __: Values) -> web.StreamResponse:
    """Answer with the page that lists the API."""
    return web.FileResponse(STATIC / "docs.html")


def _pages(request: web.Request) -> tuple[Page, ...]:
    app: Any = request.app[APP]
    return (*LIBRARY, *app.pages)


def _rendered(request: web.Request, shown: Page) -> web.Response:
    app: Any = request.app[APP]
    style = f'<link rel="stylesheet" href="/static/{shown.style}">' if shown.style else ""
    main = '<div id="tiles" class="tiles"></div>'
    text = _SHELL.substitute(
        product=html.escape(app.title),
        title=html.escape(shown.title),
        name=html.escape(shown.name),
        style=style,
        script=shown.script,
        menu="\n".join(_menu(_pages(request), shown)),
        main=main if shown.main is None else _text(shown.main),
    )
    return web.Response(text=text, content_type="text/html", charset="utf-8")


@cache
def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _menu(pages: Iterable[Page], shown: Page) -> Iterator[str]:
    for each in pages:
        current = ' aria-current="page"' if each == shown else ""
        yield f'<li><a href="{each.path}"{current}>{html.escape(each.title)}</a></li>'


async def _file(request: web.Request) -> web.StreamResponse:
    path = request.match_info["path"]
    content = request.app[FILES].get(path)
    if content is None:
        raise unknown(f"there is no file {path!r}")
    name, _ = guess_type(path)
    body = await asyncio.to_thread(_bytes_of, content)
    return web.Response(body=body, content_type=name or "text/plain", charset="utf-8")


def _bytes_of(content: Path | str) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return _read(content, content.stat().st_mtime_ns)


@lru_cache(maxsize=512)
def _read(file: Path, _changed: int) -> bytes:
    """Read a file once for each time (ns) that it has changed."""
    return file.read_bytes()
