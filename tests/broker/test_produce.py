"""`faust -A app produce` on a real broker."""

import asyncio
import json
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from chart_server import ChartServer, quote
from confluent_kafka.admin import AdminClient
from new_topics import contents, create, fill, new_topic
from truth import read
from waiting import until

from app.market.walks import Market
from app.simulations import simulation
from eventfold.embedded import ports

Start = Callable[..., subprocess.Popen[str]]

START = 1_700_000_000_000


@pytest.fixture
def topic(bootstrap: str) -> str:
    """Create a topic of three partitions."""
    return new_topic(bootstrap)


@pytest.fixture
def produce(faust: Start, bootstrap: str, topic: str) -> Start:
    """Start `faust -A app produce` into the topic."""

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        defaults = {"BROKER_URL": bootstrap, **environment}
        return faust("produce", "--topic", topic, *arguments, **defaults)

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a command to end; return its exit code and all its output."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def test_simulator_sends_exactly_the_ticks_of_its_seed(
    produce: Start, bootstrap: str, topic: str
) -> None:
    """All records, none twice, each key's in order, in the partition that Java would choose."""
    count = 30_000
    fast = ("--source", "simulator", "--rate", "0", "--count", str(count), "--seed", "5")
    code, output = ended(produce(*fast, "--step", "2", "--start", "2023-11-14T22:13:20Z"))
    assert (code, output[:6]) == (0, "30,000"), output
    market = list(islice(Market(step=2, seed=5).records(START), count))
    expected = new_topic(bootstrap)
    fill(bootstrap, expected, [(key, value, START) for key, value, _ in market])
    by_partition = [defaultdict(list), defaultdict(list)]
    for found, name in zip(by_partition, (topic, expected), strict=True):
        for message in read(bootstrap, name):
            found[message.partition()].append((message.key(), message.value()))
    assert by_partition[0] == by_partition[1]


def test_simulation_is_sent_to_its_own_topics(faust: Start, bootstrap: str) -> None:
    """All records of its seed, from the start time on; another topic is rejected."""
    create(bootstrap, "logs")
    fast = ("produce", "--source", "logs", "--rate", "0", "--count", "3000", "--seed", "5")
    fast += ("--step", "2", "--start", "2023-11-14T22:13:20Z")
    code, output = ended(faust(*fast, BROKER_URL=bootstrap))
    assert (code, output[:22]) == (0, "3,000 records to logs i"[:22]), output
    made = [record for _, record in islice(simulation("logs").make(5, 500, START), 3000)]
    found = [(m.key(), m.value(), m.timestamp()[1]) for m in read(bootstrap, "logs")]
    assert sorted(found) == sorted(made)
    code, output = ended(faust(*fast, "--topic", "ticks", BROKER_URL=bootstrap))
    assert code == 2
    assert "--topic: the simulation logs has topics of its own" in output


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_simulator_delivers_every_record_it_counts(
    produce: Start, bootstrap: str, topic: str, signal_number: signal.Signals
) -> None:
    """Exit code 0, and as many records as the last line says."""
    process = produce("--source", "simulator", "--rate", "3000")
    until(lambda: contents(bootstrap, topic))
    process.send_signal(signal_number)
    code, output = ended(process)
    assert code == 0, output
    assert int(output.split()[0].replace(",", "")) == len(contents(bootstrap, topic))
    assert "Traceback" not in output


def test_file_is_replayed_and_its_bad_rows_are_counted(
    produce: Start, bootstrap: str, topic: str, tmp_path: Path
) -> None:
    """Ticks are sent as JSON keyed by symbol; too many bad rows are exit code 3."""
    path = tmp_path / "ticks.csv"
    path.write_text("time,symbol,price\n2024-01-01,A,1.5\n2024-01-01,B,x\n2024-01-02,A,2\n")
    process = produce("--source", f"file:{path}")
    output, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "column price: 'x' is no number: 1, the first in line 3: " in output
    assert err.splitlines()[-1].startswith("ticks.csv: 33.3% of the rows were left out")
    assert [(key, json.loads(value)) for key, value in contents(bootstrap, topic)] == [
        (b"A", {"symbol": "A", "price": 1.5, "time": 1_704_067_200_000, "size": 0}),
        (b"A", {"symbol": "A", "price": 2.0, "time": 1_704_153_600_000, "size": 0}),
    ]


def test_old_ticks_are_sent_with_the_current_kafka_timestamp(
    produce: Start, bootstrap: str, topic: str, tmp_path: Path
) -> None:
    """Ticks carry their event time, so retention may count from now; bare prices do not."""
    path = tmp_path / "ticks.csv"
    path.write_text("time,symbol,price\n2024-01-01,A,1.5\n")
    started = int(time.time() * 1000)
    for form in ("tick", "price"):
        assert ended(produce("--source", f"file:{path}", "--format", form))[0] == 0
    tick, price = read(bootstrap, topic)
    assert started <= tick.timestamp()[1] <= time.time() * 1000
    assert (price.value(), price.timestamp()[1]) == (b"1.5", 1_704_067_200_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("symbol,price\n", "no column 'time'"),
        ("symbol,price,time\nA,x,1\n", "no row of it is a tick"),
    ],
)
def test_file_without_ticks_exits_with_code_1(
    produce: Start, tmp_path: Path, content: str | None, message: str
) -> None:
    """One line names the file."""
    path = tmp_path / "ticks.csv"
    if content is not None:
        path.write_text(content)
    process = produce("--source", f"file:{path}")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith(f"{path}: ")
    assert message in err.splitlines()[-1]


async def test_api_prices_become_ticks_though_one_ticker_fails(
    produce: Start, bootstrap: str, topic: str
) -> None:
    """Time is the quote's, size the volume's growth; a repeated quote is left out."""
    async with ChartServer().running() as server:
        server.answers = {
            "BTC-USD": [
                quote("BTC-USD", 10, 1_720_000_000, 100),
                quote("BTC-USD", 10, 1_720_000_000, 100),
                quote("BTC-USD", 11.5, 1_720_000_060, 130),
            ],
            "ETH-USD": [quote("ETH-USD", 2, 1_720_000_001)],
            "NOPE": [404],
        }
        tickers = [a for ticker in server.answers for a in ("--ticker", ticker)]
        process = produce(
            *tickers, "--interval", "100ms", "--count", "4", TICKSTREAM_CHART_URL=server.url
        )
        code, output = await asyncio.to_thread(ended, process)
    assert code == 0, output
    assert output.count("NOPE: 404 Not Found") == 4
    found = defaultdict(list)
    for key, value in contents(bootstrap, topic):
        found[key.decode()].append(json.loads(value))
    assert found == {
        "BTC-USD": [
            {"symbol": "BTC-USD", "price": 10.0, "time": 1_720_000_000_000, "size": 0},
            {"symbol": "BTC-USD", "price": 11.5, "time": 1_720_000_060_000, "size": 30},
        ],
        "ETH-USD": [{"symbol": "ETH-USD", "price": 2.0, "time": 1_720_000_001_000, "size": 0}],
    }


def test_polling_without_any_price_exits_with_code_1(produce: Start) -> None:
    """There is no connection; the last line has the reason."""
    no_server = f"http://127.0.0.1:{ports.free()}/{{ticker}}"
    polls = "--ticker", "A", "--interval", "1ms", "--count", "1"
    code, output = ended(produce(*polls, TICKSTREAM_CHART_URL=no_server))
    assert code == 1
    assert output.splitlines()[-1].startswith("No price was sent: A: no connection: ")


async def test_price_format_sends_the_bare_number_at_every_poll(
    faust: Start, bootstrap: str, topic: str
) -> None:
    """As text, keyed BTC-USD, unchanged or not; the token is sent and is not logged."""
    async with ChartServer().running() as server:
        server.answers["BTC-USD"] = [quote("BTC-USD", 65000.25), 500, quote("BTC-USD", 65000.25)]
        process = faust(
            *("-l", "debug", "produce", "--topic", topic, "--format", "price"),
            *("--interval", "0.05", "--count", "2"),
            BROKER_URL=bootstrap,
            TICKSTREAM_CHART_URL=server.url,
            TICKSTREAM_CHART_TOKEN="a-secret",  # noqa: S106 - of a server in this test
        )
        code, output = await asyncio.to_thread(ended, process)
        asked = server.asked["BTC-USD"]
    assert code == 0, output
    assert contents(bootstrap, topic) == [(b"BTC-USD", b"65000.25")] * 2
    assert [headers["Authorization"] for headers in asked] == ["Bearer a-secret"] * 3
    assert "a-secret" not in output


async def test_slow_ticker_delays_no_other_and_delays_are_reported(
    produce: Start, bootstrap: str, topic: str
) -> None:
    """B hangs for ever; A, whose quotes are 15 min old, has all its polls meanwhile."""
    async with ChartServer().running() as server:
        first = int(time.time()) - 900
        server.answers = {"A": [quote("A", n, first + n) for n in range(1, 4)], "B": [None]}
        process = produce(
            *("--ticker", "B", "--ticker", "A", "--interval", "50ms"),
            TICKSTREAM_CHART_URL=server.url,
        )
        await asyncio.to_thread(until, lambda: len(contents(bootstrap, topic)) == 3)
        assert len(server.asked["B"]) == 1
        process.terminate()
        code, output = await asyncio.to_thread(ended, process)
    assert code == 0, output
    assert "A: up to 1" in output
    assert "Beside live ticks they need a TICKSTREAM_GRACE of at least 1" in output


async def test_sigterm_stops_polling_at_once(produce: Start, bootstrap: str, topic: str) -> None:
    """Even during a request without an answer: exit code 0, no traceback."""
    async with ChartServer().running() as server:
        server.answers = {"A": [quote("A", 1)], "B": [None]}
        process = produce("--ticker", "A", "--ticker", "B", TICKSTREAM_CHART_URL=server.url)
        await asyncio.to_thread(until, lambda: contents(bootstrap, topic))
        started = time.monotonic()
        process.terminate()
        code, output = await asyncio.to_thread(ended, process)
    assert (code, "Traceback" in output) == (0, False), output
    assert time.monotonic() - started < 8


def test_missing_broker_is_reported_in_one_line(produce: Start) -> None:
    """It names BROKER_URL; exit code 1."""
    process = produce("--source", "simulator", BROKER_URL="kafka://127.0.0.1:1")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert "BROKER_URL=kafka://127.0.0.1:1" in line


def test_missing_topic_is_reported_with_the_command_that_creates_it(
    produce: Start, bootstrap: str
) -> None:
    """The topic is not created."""
    process = produce("--topic", "nowhere", "--source", "simulator")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert "'nowhere'" in line
    assert "faust -A app topics" in line
    admin = AdminClient({"bootstrap.servers": bootstrap})
    assert "nowhere" not in admin.list_topics(timeout=10).topics


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "radio"], "none of chart, simulator, file:PATH"),
        (["--source", "simulator", "--rate", "0"], "needs --count"),
        (["--source", "simulator", "--late", "0.6", "--broken", "0.6"], "--late, --broken"),
        (["--interval", "0"], "not longer than nothing"),
        (["--interval", "soon"], "not a duration"),
    ],
)
def test_invalid_options_are_rejected(produce: Start, arguments: list[str], message: str) -> None:
    """The message names the option and what is wrong with it."""
    code, output = ended(produce(*arguments))
    assert code != 0
    assert message in output
    assert "Traceback" not in output
