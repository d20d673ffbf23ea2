"""`eventfold.client.watch`: connections that end at any place, with and without an id before."""

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from event_server import START, EventServer, beat, gap, update

from eventfold.client import Client, ClientError, Gap, Update, watching

Serve = Callable[..., EventServer]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect at once."""
    monkeypatch.setattr(watching, "PAUSE", 0.0)


def shown(item: Update | Gap) -> Any:
    """Return the price of an update, or the gap."""
    return item.record["close"] if isinstance(item, Update) else item


def taken(server: EventServer, *, asynchronously: bool) -> list[Any]:
    """Return what a watch yields until the server has nothing more to send."""
    watch = Client(server.url).watch("candles")
    found: list[Any] = []

    async def take_all() -> None:
        async for item in watch:
            found.append(shown(item))  # noqa: PERF401  # it ends with an error

    with pytest.raises(ClientError, match="the end"):
        asyncio.run(take_all()) if asynchronously else found.extend(map(shown, watch))
    return found


@pytest.mark.parametrize("asynchronously", [False, True])
def test_broken_connection_continues_after_the_last_id_without_loss_or_double(
    serve_events: Serve, *, asynchronously: bool
) -> None:
    """What came without its id comes again, and is there once."""
    server = serve_events(
        [START, update(1), update(2, "c:2"), update(3)],
        [START, update(3), update(4, "c:4"), beat("c:4")],
    )
    assert taken(server, asynchronously=asynchronously) == [1, 2, 3, 4]
    assert server.resumed == [None, "c:2", "c:4"]


@pytest.mark.parametrize("asynchronously", [False, True])
def test_gaps_stand_where_updates_are_missing(serve_events: Serve, *, asynchronously: bool) -> None:
    """Those that the worker reports, and that of a connection which broke before its first id."""
    server = serve_events(
        [START, update(1)],
        [START, update(2, "c:2"), gap(7), update(3, "c:3")],
        [START, gap(None), beat("c:9")],
    )
    assert taken(server, asynchronously=asynchronously) == [Gap(None), 2, Gap(7), 3, Gap(None)]
    assert server.resumed == [None, None, "c:3", "c:9"]


@pytest.mark.parametrize("asynchronously", [False, True])
@pytest.mark.parametrize("status", [503, 429, 502])
def test_busy_worker_is_asked_again(
    serve_events: Serve, status: int, *, asynchronously: bool
) -> None:
    """After its `Retry-After`, with the same position; so is a proxy whose worker is away."""
    server = serve_events(
        [START, update(1, "c:1")],
        (status, {"Retry-After": "0"}),
        [START, update(2, "c:2")],
    )
    assert taken(server, asynchronously=asynchronously) == [1, 2]
    assert server.resumed == [None, "c:1", "c:1", "c:2"]


def test_next_address_continues_where_the_first_one_ended(serve_events: Serve) -> None:
    """An id holds at every worker; an address where nobody answers is passed over."""
    first = serve_events([START, update(1, "c:1")])
    second = serve_events([START, update(2, "c:2")])
    nobody = f"http://127.0.0.1:{unused_port()}"
    watch = Client([first.url, nobody, second.url]).watch("candles")
    assert [shown(item) for item in islice(watch, 2)] == [1, 2]
    assert second.resumed == ["c:1"]


def test_keys_and_window_choose_what_is_watched(serve_events: Serve) -> None:
    """A key with a comma is one key."""
    server = serve_events()
    for keys in (["A,B", "C"], "C", None):
        with pytest.raises(ClientError):
            next(iter(Client(server.url).watch("candles", keys, window="5m/1m")))
    assert [path.partition("watch=")[2] for path in server.paths] == [
        "candles%3AA%252CB%3A5m%2F1m%2Ccandles%3AC%3A5m%2F1m",
        "candles%3AC%3A5m%2F1m",
        "candles%3A%3A5m%2F1m",
    ]


def test_watch_without_a_worker_is_an_error_at_its_start() -> None:
    """It names the address."""
    url = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(ClientError, match=f"no worker answers at {url}: start it"):
        Client(url).watch("candles")
