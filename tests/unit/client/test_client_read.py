"""`eventfold.client.read`: frames of what a worker answers over real HTTP."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from aiohttp.test_utils import unused_port
from web_workers import MINUTE, NOON, Worker

from eventfold import client
from eventfold.client import Client, ClientError
from eventfold.client import client as pages

#: 14:30 UTC, as `NOON` is.
TIME = datetime(2026, 1, 31, 14, 30, tzinfo=UTC)


@pytest.fixture(params=[2, 3, 7, 8, 5000])
def _page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the size of a page: of some windows, of all, of one more."""
    monkeypatch.setattr(pages, "PAGE", request.param)


@pytest.mark.usefixtures("_page")
def test_windows_of_a_key_are_typed_rows_in_order_of_time(worker: Worker) -> None:
    """Whatever the size of a page, each window is there once."""
    table = Client(worker.url).read("candles", "AAA", window="1m")
    assert table["start"].to_list() == [TIME + timedelta(minutes=n) for n in range(7)]
    assert table.schema["start"] == pl.Datetime("ms", "UTC")
    assert table.schema["close"] == pl.Float64
    assert table.schema["vwap"] == pl.Float64, "a column of nulls has the type of its field"
    assert table.schema["count"] == pl.Int64


@pytest.mark.usefixtures("_page")
def test_windows_of_all_keys_are_in_order_of_key_and_time(worker: Worker) -> None:
    """Page by page."""
    table = Client(worker.url).read("candles")
    assert table["symbol"].to_list() == ["A/B", *["AAA"] * 7]
    assert table["start"].to_list()[1:] == [TIME + timedelta(minutes=n) for n in range(7)]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (NOON + MINUTE, NOON + 3 * MINUTE),
        (TIME + timedelta(minutes=1), TIME.replace(tzinfo=None) + timedelta(minutes=3)),
        ("2026-01-31T14:31:00Z", "2026-01-31T15:33:00+01:00"),
    ],
)
def test_range_is_ms_datetimes_or_iso_texts(worker: Worker, since: object, until: object) -> None:
    """A time without a zone is in UTC; `until` is exclusive."""
    table = Client(worker.url).read("candles", "AAA", since, until)
    assert table["start"].to_list() == [TIME + timedelta(minutes=n) for n in (1, 2)]


def test_key_with_a_slash_is_found(worker: Worker) -> None:
    """Though it is a part of a path."""
    assert len(Client(worker.url).read("candles", "A/B")) == 1


@pytest.mark.parametrize("since", ["1h", timedelta(hours=1)])
def test_empty_result_keeps_its_columns(worker: Worker, since: object) -> None:
    """A duration is before now; a key that nobody knows has no rows either."""
    full = Client(worker.url).read("candles", "AAA")
    for key in "AAA", "NOBODY":
        empty = Client(worker.url).read("candles", key, since)
        assert (empty.height, empty.schema) == (0, full.schema)


def test_frame_may_be_of_pandas_or_arrow(worker: Worker) -> None:
    """With the same times."""
    asked = Client(worker.url)
    frame = asked.read("candles", "AAA", as_="pandas")
    assert frame["start"].iloc[0].to_pydatetime() == TIME
    assert asked.read("candles", "AAA", as_="arrow").num_rows == 7


def test_read_of_the_module_asks_the_worker_of_the_environment(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several addresses are tried in turn."""
    monkeypatch.setenv("EVENTFOLD_URL", f"http://127.0.0.1:{unused_port()},{worker.url}")
    assert len(client.read("candles", "AAA", "2026-01-01")) == 7


def test_token_is_sent(protected: tuple[Worker, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As an argument or as EVENTFOLD_WEB_TOKEN; without one the error names both."""
    worker, token = protected
    with pytest.raises(ClientError, match=r"asks for a token: .*EVENTFOLD_WEB_TOKEN"):
        Client(worker.url).read("candles", "AAA")
    assert len(Client(worker.url, token=token).read("candles", "AAA")) == 7
    monkeypatch.setenv("EVENTFOLD_WEB_TOKEN", token)
    assert len(Client(worker.url).read("candles", "AAA")) == 7


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (["candels"], {}, "unknown table 'candels'; there are windows in candles"),
        (["gainers"], {}, "no windows in table 'gainers'; there are windows in candles"),
        (["candles", "AAA"], {"window": "7m"}, "no 7m in table candles; there are 1m, 5m, 5m/1m"),
        (["candles", "AAA", "yesterday"], {}, "since: 'yesterday' is neither a duration such as"),
        (["candles", "AAA", NOON, NOON - 1], {}, "from: is after to"),
    ],
)
def test_error_is_one_line_that_lists_what_there_is(
    worker: Worker, arguments: list[object], options: dict[str, str], message: str
) -> None:
    """In the words of the worker."""
    with pytest.raises(ClientError, match=message) as raised:
        Client(worker.url).read(*arguments, **options)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_error_names_addresses_at_which_nobody_answers() -> None:
    """And what to do."""
    url = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(ClientError, match=f"no worker answers at {url}: start it"):
        Client(url).read("candles", "AAA")
    with pytest.raises(ClientError, match="'localhost' is no address of a worker"):
        Client("localhost")


def test_busy_worker_is_asked_again_after_its_retry_after(worker: Worker) -> None:
    """While a partition moves; the error names it if that takes longer than the time-out."""
    asked = Client(worker.url, timeout=0.5)
    owners = worker.app.assignor.external_topic_distribution
    worker.knows_owners({worker.url: {"ticks": [0, 1, 2], "daily-gains": [0]}})
    try:
        with pytest.raises(ClientError, match="partition 2 of table candles is moving"):
            asked.read("candles")
    finally:
        worker.knows_owners(owners)
    assert len(asked.read("candles")) == 8
