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

from app.commands._process import CommandError
from app.commands.lateness import ask, percent, sentence
from eventfold.web.lateness import FRACTIONS, TableLateness, merge, summary
from eventfold.web.peers import FORWARDED
from eventfold.windows import Count

#: What each of three partitions remembers: 1000 records in all.
BEHIND = ({0: 900, 40: 50}, {0: 30, 4_160: 18}, {0: 0, 40: 1, 400_000: 1})
TOTAL = {0: 930, 40: 51, 4_160: 18, 400_000: 1}


@pytest.fixture
async def three(start_worker: StartWorker) -> list[Worker]:
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


async def test_any_worker_answers_for_all(three, http) -> None:
    """Each sums the histograms of all partitions, and says what the graces keep."""
    for worker in three:
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


async def test_a_forwarded_request_is_answered_from_here_alone(three, http) -> None:
    """By partition, so that whoever asked counts each once."""
    status, found, _ = await _get(http, three[1], **{FORWARDED: "1"})
    assert (status, found) == (200, {"candles": {"1": {"0": 30, "4160": 18}}})


async def test_while_a_partition_moves_there_is_no_answer(three, http) -> None:
    """Status 503 with Retry-After from every worker: a part would look like the whole."""
    three[1].app.tables["candles"].shelf.clear()
    for worker in three:
        status, body, headers = await _get(http, worker)
        assert (status, int(headers["Retry-After"]) > 0) == (503, True)
        assert body["error"]["message"].startswith("partition 1 of table candles is moving")


async def test_before_the_first_assignment_there_is_no_answer(three, http) -> None:
    """Nobody is known who could be asked."""
    three[0].knows_owners({})
    assert (await _get(http, three[0]))[0] == 503


async def test_a_partition_that_two_workers_have_counts_once(three, http) -> None:
    """While it moves, the one that leaves and the one that comes may both have it open."""
    table = three[0].app.tables["candles"]
    table.shelf[2] = {}
    table.behind[2] = BEHIND[2]
    for worker in three:
        assert (await _get(http, worker))[1][0]["records"] == 1000


async def test_windows_of_a_count_are_not_asked_for_lateness(three, http) -> None:
    """Nothing is late there, so nothing is measured, and "no records" would be wrong."""
    for worker in three:
        worker.app.tables["candles"].windows = (Count(5, 5),)
        assert (await _get(http, worker))[:2] == (200, [])


async def test_the_command_asks_a_worker_for_all(three) -> None:
    """What it decodes is what the API answers."""
    for worker in three:
        [found] = await ask(URL(worker.url))
        assert found == summary("candles", 300_000, BEHIND)


async def test_the_command_says_why_a_worker_cannot_answer(three) -> None:
    """One line, with the worker's own reason."""
    three[1].app.tables["candles"].shelf.clear()
    with pytest.raises(CommandError, match=r"partition 1 .* is moving .*; try again$"):
        await ask(URL(three[0].url))


async def test_the_command_names_the_address_where_nobody_answers() -> None:
    """And what to do."""
    url = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(CommandError) as error:
        await ask(URL(url))
    assert str(error.value) == f"No worker answers at {url}: start a worker, or set WEB_PORT"


_histograms = st.dictionaries(st.integers(0, 10**9), st.integers(0, 10**6), max_size=5)


@given(st.lists(_histograms, min_size=1, max_size=6), st.integers(0, 10**9), st.data())
def test_the_sum_is_the_same_wherever_the_partitions_are(histograms, grace: int, data) -> None:
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


def test_a_sentence_says_what_a_grace_would_have_kept() -> None:
    """The numbers are written as people read them, the grace rounded up."""
    found = summary("candles", 300_000, [{0: 1_232_000, 4_160: 2_450, 400_000: 117}])
    assert sentence(found) == (
        "candles: with a grace of 4.2s you would have kept 99.99 % of 1,234,567 records; "
        "the present grace of 5m keeps 99.99 %."
    )


def test_a_sentence_without_records_claims_nothing() -> None:
    """A table that has just been made has kept nothing and lost nothing."""
    assert sentence(summary("days", 1, [{}])) == "days: no records yet."


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(1.0, "100 %"), (0.999999, "99.99 %"), (0.999, "99.9 %"), (0.29, "29 %"), (0.0, "0 %")],
)
def test_only_all_is_a_hundred_per_cent(fraction: float, text: str) -> None:
    """What is lost doesn't vanish by rounding."""
    assert percent(fraction) == text
