"""`faust -A app explain`: a window, and the records in Kafka from which it was folded."""

import json
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from progress import lag
from workers import DAY, MARKET, MINUTE, Market, Worker, tick, until

#: Yesterday's noon: no test runs across the end of a day.
START = int(time.time() * 1000) // DAY * DAY - DAY // 2
IN_TIME = [(START, 10.0), (START + 1_000, 12.5), (START + 500, 9.5), (START + MINUTE, 11.0)]


@pytest.fixture(scope="module")
def worker(market: Market):
    """Run a worker that has folded four ticks, a late one, an unreadable one, another symbol's."""
    with market.worker(**MARKET) as running:
        ticks = [tick("A/B", price, at, size=3) for at, price in IN_TIME]
        others = [("A/B", b"{", START), tick("OTHER", 1.0, START)]
        after = [tick("A/B", 20.0, START + 15 * MINUTE), tick("A/B", 99.0, START + 2)]
        market.send([*ticks, *others, *after], partition=0)
        until(lambda: lag(market.bootstrap, market.application, "ticks") == 0)
        yield running


def explain(faust, market: Market, worker: Worker, *arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit code, standard output and standard error."""
    url = f"kafka://{market.bootstrap}"
    command = faust(*arguments, BROKER_URL=url, WEB_PORT=str(worker.port))
    out, err = command.communicate(timeout=60)
    return command.returncode, out, err


@pytest.mark.parametrize("window", ["5m/1m", "5m", "1d"])
def test_explained_records_are_those_that_were_folded(faust, market, worker, window: str) -> None:
    """Without the late one, except in the day, whose grace is longer; without unreadable ones."""
    start = START // DAY * DAY if window == "1d" else START
    command = ("--json", "explain", "A/B", str(start), "--window", window)
    code, out, err = explain(faust, market, worker, *command)
    assert (code, err) == (0, "")
    found = json.loads(out)
    offsets = [each["offset"] for each in found["records"]]
    assert offsets == ([0, 1, 2, 3, 6, 7] if window == "1d" else [0, 1, 2, 3])
    assert found["agrees"] is True
    assert found["recomputed"]["count"] == found["window"]["count"] == len(offsets)


def test_explanation_is_printed_as_text(faust, market, worker) -> None:
    """A line for each record, in UTC, and one for each value compared."""
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START / 1000))
    code, out, _ = explain(faust, market, worker, "explain", "A/B", iso)
    assert code == 0
    assert time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(START / 1000)) in out
    assert out.count("agrees") == 6


def test_unknown_window_is_reported_in_one_line(faust, market, worker) -> None:
    """The exit code is 1, whether the symbol is unknown or the window."""
    code, out, err = explain(faust, market, worker, "explain", "A/B", str(START - 60 * MINUTE))
    assert (code, out) == (1, "")
    assert err.startswith("A/B has no window 5m/1m that starts at ")
    code, out, err = explain(faust, market, worker, "explain", "NOBODY", str(START))
    assert (code, out) == (1, "")
    assert err.endswith("can't say: unknown symbol 'NOBODY'\n")


def test_window_of_another_table_is_reported_with_its_url(faust, market, worker) -> None:
    """Such windows are served, but not explained."""
    options = "--window", "2m"
    code, out, err = explain(faust, market, worker, "explain", "A/B", str(START), *options)
    assert (code, out) == (1, "")
    assert "windows of 2m are not served" in err
    assert "Only candles are explained" in err
    assert "surges" in err
    assert "/api/windows/TABLE/KEY" in err


def test_disagreement_of_records_and_window_is_reported(faust, market, worker) -> None:
    """Here a record of the window is reported as late: exit code 1, and the fields that differ."""
    late = {"symbol": "A/B", "price": 12.5, "time": START + 1_000, "size": 3, "table": "candles"}
    late |= {"reason": "late", "stream_time": 0, "grace": 0, "partition": 0, "offset": 1}
    market.send([("A/B", json.dumps(late).encode(), START)], "ticks-late", partition=0)
    code, out, err = explain(faust, market, worker, "explain", "A/B", str(START))
    assert (code, out.count("DISAGREES")) == (1, 3)
    assert err == "The records disagree with the window in count, high, volume\n"


def test_deleted_records_are_not_reported_as_a_disagreement(faust, market, worker) -> None:
    """Kafka has deleted them for their age: the command prints that instead."""
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    for future in admin.delete_records([TopicPartition("ticks", 0, 2)]).values():
        future.result(timeout=10)
    code, out, err = explain(faust, market, worker, "explain", "A/B", str(START))
    assert (code, out) == (1, "")
    assert err.startswith("The records behind the window are no longer in ticks: ")
