"""`/api/windows/{table}`: windows of any table, for one key or for all keys page by page."""

import base64
import binascii
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain, islice
from typing import Annotated, Any

import msgspec
from aiohttp import web
from faust.types import AppT
from msgspec import Meta

from eventfold.decoding import json_decoder
from eventfold.engine.window_table import Place, WindowTable, place_of
from eventfold.web.application import APP, state_tables
from eventfold.web.errors import Missing, bad_parameter, unknown
from eventfold.web.parameters import Parameter, Values
from eventfold.web.query.answers import answer_all, answer_key
from eventfold.web.query.coverage import Coverage, Stale
from eventfold.web.query.local import collect
from eventfold.windows import DefinitionError, WindowDefinition, parse_window

#: Place and record of each window; a record of another worker is passed on undecoded.
Part = list[tuple[Place, Any]]

_decode_part: Callable[[bytes], Part] = json_decoder(list[tuple[Place, msgspec.Raw]])
_encode_place = msgspec.json.Encoder().encode
_decode_place = json_decoder(Place)


class WindowPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Windows in order of their key, then their time; `next` is null on the last page.

    A window is the result of the table's own `record` function. With `?partial=true` windows
    of the partitions in `missing` are left out; with `?stale=true` those in `stale` are those of a
    standby has.
    """

    windows: list[Any]
    next: str | None
    missing: list[Missing] = []
    stale: list[Stale] = []


async def key_windows(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with a key's newest windows, oldest first. Raises ApiError (400, 404, 503)."""
    table, window, key = *table_and_window(request, values), values["key"]

    async def read() -> list[Any] | None:
        if table.span(key) is None:
            return None
        found = table.newest_first(key, window, values["from"], values["to"])
        return (await collect(islice(found, values["limit"])))[::-1]

    return await answer_key(request, table, key, read, f"key {key!r} in table {table.name}")


async def all_windows(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with a page of the windows of all keys. Raises ApiError (400, 404, 503)."""
    table, window = table_and_window(request, values)
    begin, end, after, limit = (values[name] for name in ("from", "to", "after", "limit"))

    async def read() -> Part:
        keys = table.keys_of(window, begin, end)
        wanted = set(await collect(key for key in keys if after is None or key >= after.key))
        # One more than the limit shows whether there is a next page.
        page = islice(table.windows_of(wanted, window, begin, end, after), limit + 1)
        return await collect((place_of(result), table.record(result)) for result in page)

    def combine(parts: list[Part], coverage: Coverage) -> WindowPage:
        found = dict(chain.from_iterable(reversed(parts)))
        places = sorted(found)
        more, places = len(places) > limit, places[:limit]
        return WindowPage(
            [found[place] for place in places],
            _write_cursor(places[-1]) if more else None,
            coverage.missing,
            coverage.stale,
        )

    return await answer_all(request, table, read, _decode_part, combine)


# -- parameters


def _write_cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(_encode_place(place)).decode().rstrip("=")


def _read_cursor(text: str) -> Place:
    try:
        return _decode_place(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise ValueError(f"{text!r} is not the `next` of a page") from None


WINDOW = Parameter(
    "window",
    "Window definition, as `/api/tables` lists it; optional for a table with one definition",
    Annotated[str, Meta(examples=["5m", "5m/1m", "1m/event~1s", "session 5m"])],
)
AFTER = Parameter(
    "after", "The `next` of the page before; the first page without it", read=_read_cursor
)


def table_and_window(request: web.Request, values: Values) -> tuple[WindowTable, WindowDefinition]:
    """Return the table and window definition of a request. Raises ApiError (404, 400)."""
    table = _table(request.app[APP], values["table"])
    window = _window(table, values["window"])
    if values.get("from", 0) > values.get("to", 0):
        bad_parameter("from", "is after to")
    return table, window


def _table(app: AppT, name: str) -> WindowTable:
    tables = state_tables(app)
    table = tables.get(name)
    if isinstance(table, WindowTable):
        return table
    there_are = _names(name for name, each in tables.items() if isinstance(each, WindowTable))
    what = "unknown table" if table is None else "no windows in table"
    raise unknown(f"{what} {name!r}; there are windows in {there_are}")


def _window(table: WindowTable, text: str | None) -> WindowDefinition:
    there_are = _names(map(str, table.windows))
    if text is None:
        if len(table.windows) > 1:
            bad_parameter("window", f"table {table.name} has several; which one of {there_are}?")
        return table.windows[0]
    # A plus that was not percent-encoded arrives as a space.
    names = {str(each).replace("+", " "): each for each in table.windows}
    found = names.get(text.replace("+", " "))
    if found is None:
        with suppress(DefinitionError):
            found = next((each for each in table.windows if each == parse_window(text)), None)
    if found is None:
        bad_parameter("window", f"no {text} in table {table.name}; there are {there_are}")
    return found


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
