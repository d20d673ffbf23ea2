"""`/api/events`: the events of what is watched, until the reader leaves."""

import asyncio
import time
from collections.abc import Iterable, Iterator

import msgspec
from aiohttp import web

from eventfold.web.errors import bad_parameter
from eventfold.web.live.cursor import read_cursor, write_cursor
from eventfold.web.live.event import Event
from eventfold.web.live.frame import frame
from eventfold.web.live.hub import Hub
from eventfold.web.live.reader import Reader
from eventfold.web.live.watch import Watch
from eventfold.web.parameters import Values
from eventfold.web.protection.addresses import client_of
from eventfold.web.protection.keys import CONF

HUB: web.AppKey[Hub] = web.AppKey("HUB", Hub)

#: Seconds between two signs of life where nothing happens.
HEARTBEAT = 5.0

#: Seconds between two sends to one reader: what comes meanwhile is sent at once.
PACE = 0.1

#: Seconds that a reader may take for one send before it is dropped.
PATIENCE = 30.0

#: Ms after which a browser comes back.
RETRY = 1_000

_encode = msgspec.json.Encoder().encode


class Start(msgspec.Struct, frozen=True):
    """The first event: whether the reader goes on where it was, with nothing missed."""

    resumed: bool


class Gap(msgspec.Struct, frozen=True):
    """Events were left out: ask the API for the present state. `dropped` null: unknown how many."""

    dropped: int | None


class Beat(msgspec.Struct, frozen=True):
    """A sign of life; `time` is the worker's clock (ms)."""

    time: int


async def events(request: web.Request, values: Values) -> web.StreamResponse:
    """Send events until the reader leaves or the worker stops; before that, raises ApiError."""
    hub, watches = request.app[HUB], values["watch"]
    _check_topics(hub, watches)
    if request.method == "HEAD":
        return web.Response(headers=_HEADERS)
    cursor = read_cursor(values["after"] or request.headers.get("Last-Event-ID", ""))
    client = client_of(request, request.app[CONF])
    reader, resumed = await hub.open(watches, cursor, client)
    try:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        head = b"retry: %d\n\n" % RETRY + _own("start", Start(resumed))
        if cursor and not resumed:
            head += _own("gap", Gap(None))
        await _write(response, head)
        await _send_all(hub, reader, request, response)
    except (ConnectionError, TimeoutError):
        pass  # it left, or takes nothing more
    finally:
        hub.close(reader)
    return response


_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    # What nginx, and others after it, take for: don't collect this into larger pieces.
    "X-Accel-Buffering": "no",
}


def _check_topics(hub: Hub, watches: Iterable[Watch]) -> None:
    known = hub.topics()
    for watch in watches:
        if watch.topic not in known:
            there_are = ", ".join(sorted(known)) or "none"
            bad_parameter("watch", f"no topic {watch.topic!r} to watch; there are {there_are}")


async def _send_all(
    hub: Hub, reader: Reader, request: web.Request, response: web.StreamResponse
) -> None:
    while not hub.closing:
        await reader.wait(HEARTBEAT)
        await hub.budget.afford()
        if request.transport is None:
            return  # it has left
        # Together, with nothing between: the cursor is that of what is taken.
        with hub.budget.spending():
            (taken, dropped), cursor = reader.take(), write_cursor(hub.cursor_of(reader))
            piece = b"".join(_pieces(taken, dropped, cursor))
        await hub.budget.run(_write(response, piece))
        await asyncio.sleep(PACE)


def _pieces(taken: list[Event], dropped: int | None, cursor: str) -> Iterator[bytes]:
    if dropped != 0:
        yield _own("gap", Gap(dropped))
    yield from (event.framed for event in taken[:-1])
    # One id for all: who is cut off in between gets them once more.
    if taken:
        yield frame(taken[-1].topic, taken[-1].value, last_id=cursor)
    else:
        yield _own("beat", Beat(time.time_ns() // 1_000_000), cursor)


def _own(name: str, data: msgspec.Struct, last_id: str = "") -> bytes:
    return frame(name, _encode(data), last_id=last_id)


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(PATIENCE):
        await response.write(piece)
