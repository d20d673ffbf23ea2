"""Dashboard of this application: files and pages of its use cases, found by their names.

`tiles.js` in the directory of a use case exports its tiles. The files in its directory `dashboard`
are served at `/static/NAME/`; with a `page.html`, `page.js` and `page.css` there it has a page of
its own making, else one of its tiles.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from app.use_case import UseCase, use_cases
from eventfold.engine.table import StateTable
from eventfold.topics import Topic
from eventfold.web.dashboard import Files, Page


def files() -> Files:
    """Return the files of all use cases, and the module that exports their tiles."""
    found: dict[str, Path | str] = {}
    exports = []
    for each in use_cases():
        place = _directory(each)
        own = (file for file in (place / "dashboard").glob("*") if file.is_file())
        found |= {f"{each.name}/{file.name}": file for file in own}
        if (place / "tiles.js").is_file():
            path = f"tiles/{each.name}.js"
            found[path] = place / "tiles.js"
            exports.append(f'export {{ TILES as {each.name} }} from "/static/{path}";')
    return {**found, "tiles/application.js": "\n".join(exports)}


def pages(tables: Iterable[StateTable]) -> list[Page]:
    """Return the pages of the use cases whose topics any of the tables reads or writes."""
    topics = {topic.base_name for table in tables for topic in (table.source, *table.topics)}
    return [_page(each) for each in use_cases() if topics & _topics(each)]


def _topics(use_case: UseCase) -> set[str]:
    module = import_module(f"app.{use_case.name}.topics")
    return {each.base_name for each in vars(module).values() if isinstance(each, Topic)}


def _page(use_case: UseCase) -> Page:
    name, place = use_case.name, _directory(use_case) / "dashboard"
    if (place / "page.html").is_file():
        own = f"{name}/page.js", f"{name}/page.css", place / "page.html"
        return Page(name, name.capitalize(), *own)
    return Page(name, name.capitalize())


def _directory(use_case: UseCase) -> Path:
    (place,) = import_module(f"app.{use_case.name}").__path__
    return Path(place)
