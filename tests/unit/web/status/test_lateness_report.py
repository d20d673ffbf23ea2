"""Lateness distribution: gathered from workers over real HTTP, and described in sentences."""

from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import unused_port
from hypothesis import given
from hypothesis import strategies as st
from web_workers import StartWorker, Windows, Worker
from yarl import URL

from eventfold.cli.command import CommandError
from eventfold.cli.commands.lateness import ask, percent, sentence
from eventfold.settings import Settings
from eventfold.web.query.peers import FORWARDED
from eventfold.web.status.lateness import FRACTIONS, TableLateness, merge, summary
from eventfold.windows import Count

#: Lateness histogram of each of three partitions: 1000 records in all.
BEHIND = ({0: 900, 40: 50}, {0: 30, 4_160: 18}, {0: 0, 40: 1, 400_000: 1})
TOTAL = {0: 930, 40: 51, 4_160: 18, 400_000: 1}


@pytest.fixture
async def three_workers(start_worker: StartWorker) -> list[Worker]:
    """Return three workers with one partition each."""
    workers = [await start_worker() for _ in BEHIND]
    for part, worker in enumerate(workers):
        table = Windows(worker.app, "candles", "1m", {part: {}})
        table.behind = {part: BEHIND[part]}
        worker.knows_owners({each.url: {"ticks": [p]} for p, each in enumerate(workers)})
    return workers


async def _get(http: ClientSession, worker: Worker, **headers: str) -> tuple[int, Any, Any]:
    async with http.get(f"{worker.url}/api/lateness", headers=headers) as reply:
        return reply.status, await reply.json(), reply.headers


async def test_any_worker_answers_for_all_partitions(three_workers, http) -> None:
    """Each sums the histograms of all partitions, and computes what each grace keeps."""
    for worker in three_workers:
        status, found, _ = await _get(http, worker)
        assert status == 200
        assert found == [
            {
                "table": "candles",
                "records": 1000,
                "grace": 300_000,
                "kept": 0.999,
                "lateness": {str(ms): records for ms, records in TOTAL.items()},
                "graces": [
                    {"kept": 0.99, "grace": 4_160},
                    {"kept": 0.999, "grace": 4_160},
                    {"kept": 0.9999, "grace": 400_000},
                    {"kept": 1.0, "grace": 400_000},
                ],
            }
        ]


async def test_forwarded_request_is_answered_from_local_state_only(three_workers, http) -> None:
    """By partition, so that the worker that asked counts each once."""
    status, found, _ = await _get(http, three_workers[1], **{FORWARDED: "1"})
    assert (status, found) == (200, {"candles": {"1": {"0": 30, "4160": 18}}})


async def test_lateness_is_unavailable_while_a_partition_moves(three_workers, http) -> None:
    """Status 503 with Retry-After from every worker: a part would look like the whole."""
    three_workers[1].app.tables["candles"].shelf.clear()
    for worker in three_workers:
        status, body, headers = await _get(http, worker)
        assert (status, int(headers["Retry-After"]) > 0) == (503, True)
        assert body["error"]["message"].startswith("partition 1 of table candles is moving")


async def test_lateness_is_unavailable_before_the_first_assignment(three_workers, http) -> None:
    """The owners of the partitions are not known yet."""
    three_workers[0].knows_owners({})
    assert (await _get(http, three_workers[0]))[0] == 503


async def test_partition_open_at_two_workers_is_counted_once(three_workers, http) -> None:
    """While it moves, the old owner and the new one may both have it open."""
    table = three_workers[0].app.tables["candles"]
    table.shelf[2] = {}
    table.behind[2] = BEHIND[2]
    for worker in three_workers:
        assert (await _get(http, worker))[1][0]["records"] == 1000


async def test_count_windows_are_left_out_of_the_lateness(three_workers, http) -> None:
    """Nothing is late there, so nothing is measured, and "no records" would be wrong."""
    for worker in three_workers:
        worker.app.tables["candles"].windows = (Count(5, 5),)
        assert (await _get(http, worker))[:2] == (200, [])


def settings_of(url: str) -> Settings:
    """Return the settings of a command that asks the worker at `url`."""
    return Settings(WEB_HOST=URL(url).host, WEB_PORT=URL(url).port)


async def test_command_gets_the_lateness_of_all_partitions_from_any_worker(three_workers) -> None:
    """It decodes what the API returns."""
    for worker in three_workers:
        [found] = await ask(settings_of(worker.url))
        assert found == summary("candles", 300_000, BEHIND)


async def test_command_fails_with_the_reason_of_the_worker(three_workers) -> None:
    """One line, with the worker's own reason."""
    three_workers[1].app.tables["candles"].shelf.clear()
    with pytest.raises(CommandError, match=r"partition 1 .* is moving .*; try again$"):
        await ask(settings_of(three_workers[0].url))


async def test_command_names_the_address_where_no_worker_answers() -> None:
    """The message says what to do."""
    url = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(CommandError) as error:
        await ask(settings_of(url))
    assert str(error.value) == f"No worker answers at {url}: start a worker, or set WEB_PORT"


_histograms = st.dictionaries(st.integers(0, 10**9), st.integers(0, 10**6), max_size=5)


@given(st.lists(_histograms, min_size=1, max_size=6), st.integers(0, 10**9), st.data())
def test_lateness_is_the_same_however_partitions_are_distributed(
    histograms, grace: int, data
) -> None:
    """Spread over workers in any way, doubled or not, the answer is that of one worker."""
    parts = [{"t": {}} for _ in range(3)]
    for partition, histogram in enumerate(histograms):
        for holder in data.draw(st.sets(st.integers(0, 2), min_size=1)):
            parts[holder]["t"][partition] = histogram
    found = summary("t", grace, merge(parts)["t"].values())
    assert found == summary("t", grace, histograms)
    assert found.records == sum(sum(each.values()) for each in histograms)
    assert [each.kept for each in found.graces] == list(FRACTIONS)
    assert msgspec.json.decode(msgspec.json.encode(found), type=TableLateness) == found


def test_sentence_states_the_fraction_that_a_grace_would_keep() -> None:
    """The numbers are written as people read them, the grace rounded up."""
    found = summary("candles", 300_000, [{0: 1_232_000, 4_160: 2_450, 400_000: 117}])
    assert sentence(found) == (
        "candles: with a grace of 4.2s you would have kept 99.99 % of 1,234,567 records; "
        "the present grace of 5m keeps 99.99 %."
    )


def test_sentence_without_records_states_no_fraction() -> None:
    """A table that has just been made has kept nothing and lost nothing."""
    assert sentence(summary("days", 1, [{}])) == "days: no records yet."


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(1.0, "100 %"), (0.999999, "99.99 %"), (0.999, "99.9 %"), (0.29, "29 %"), (0.0, "0 %")],
)
def test_only_all_records_are_a_hundred_percent(fraction: float, text: str) -> None:
    """Rounding never hides a record that was not kept."""
    assert percent(fraction) == text
