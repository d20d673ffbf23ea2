"""`/api/events`: the stream of watched events, until the reader leaves."""

import asyncio
import time
from collections.abc import Iterable, Iterator

import msgspec
from aiohttp import web

from eventfold.web.errors import bad_parameter
from eventfold.web.live.event import Event, frame
from eventfold.web.live.hub import Hub
from eventfold.web.live.reader import Reader
from eventfold.web.live.subscription import Watch, read_cursor, write_cursor
from eventfold.web.parameters import Values
from eventfold.web.protection.addresses import CONF, client_of

HUB: web.AppKey[Hub] = web.AppKey("HUB", Hub)

#: Seconds between two heartbeats while there are no events.
HEARTBEAT = 5.0

#: Seconds between two sends to one reader; events of that time are sent together.
SEND_INTERVAL = 0.1

#: Seconds for one send to a reader before it is disconnected.
PATIENCE = 30.0

#: Ms after which a browser reconnects.
RETRY = 1_000

_encode = msgspec.json.Encoder().encode


class Start(msgspec.Struct, frozen=True):
    """First event of a stream; `resumed` is true if the reader resumes without a gap."""

    resumed: bool


class Gap(msgspec.Struct, frozen=True):
    """Event for `dropped` (null: unknown) skipped events: the client should query again."""

    dropped: int | None


class Beat(msgspec.Struct, frozen=True):
    """Heartbeat; `time` is the worker's clock (ms since the epoch)."""

    time: int


async def events(request: web.Request, values: Values) -> web.StreamResponse:
    """Send events until the reader leaves or the worker stops. Raises ApiError (400, 503)."""
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
        pass  # the reader left, or no longer reads
    finally:
        hub.close(reader)
    return response


_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    # nginx, and other proxies that copied it, then do not buffer the answer.
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
    client = client_of(request, request.app[CONF])
    while not hub.closing:
        await reader.wait(HEARTBEAT)
        async with hub.budget.turn(client):
            if request.transport is None:
                return  # the reader has left
            # Nothing is awaited between the two, so the cursor matches the events taken.
            (taken, dropped), cursor = reader.take(), write_cursor(hub.cursor_of(reader))
            piece = b"".join(_pieces(taken, dropped, cursor))
        await hub.budget.run(_write(response, piece), client)
        await asyncio.sleep(SEND_INTERVAL)


def _pieces(taken: list[Event], dropped: int | None, cursor: str) -> Iterator[bytes]:
    if dropped != 0:
        yield _own("gap", Gap(dropped))
    yield from (event.framed for event in taken[:-1])
    # One id for all of them: a reader that is cut off in between gets them again.
    if taken:
        yield frame(taken[-1].topic, taken[-1].value, last_id=cursor)
    else:
        yield _own("beat", Beat(time.time_ns() // 1_000_000), cursor)


def _own(name: str, data: msgspec.Struct, last_id: str = "") -> bytes:
    return frame(name, _encode(data), last_id=last_id)


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(PATIENCE):
        await response.write(piece)
