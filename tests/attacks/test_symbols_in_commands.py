"""Symbols of records that are written for terminals, through the commands that show records."""

import json
import time
from collections.abc import Iterator

import pytest
import truth
from hostile_symbols import SYMBOLS, UNSEEN
from progress import lag
from workers import DAY, MARKET, MINUTE, Market, Worker, tick, until

from eventfold.visible import visible_line

#: Yesterday's noon: no test runs across the end of a day.
START = int(time.time() * 1000) // DAY * DAY - DAY // 2
END = START + 5 * MINUTE


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Run a worker that has published final windows of all these symbols."""
    with market.worker(**MARKET) as running:
        market.send([tick(symbol, 1.5, START) for symbol in SYMBOLS.values()], partition=0)
        market.send([tick("LAST", 1.5, START + 20 * MINUTE)], partition=0)
        until(lambda: lag(market.bootstrap, market.application, "ticks") == 0)
        until(lambda: len(finals(market)) == len(SYMBOLS))
        yield running


def finals(market: Market) -> dict[str, dict]:
    """Return the final candle of the five minutes of each symbol."""
    found = (json.loads(each.value()) for each in truth.read(market.bootstrap, "candles"))
    return {
        each["symbol"]: each
        for each in found
        if each["final"] and (each["start"], each["end"]) == (START, END)
    }


def assert_text(*printed: str) -> None:
    """Check that what was printed has no control character, and no line of a symbol's own."""
    for text in printed:
        assert not UNSEEN.search(text), repr(text)
        assert not any(line.startswith((" 2. FORGED", "FORGED")) for line in text.splitlines())


@pytest.mark.parametrize(
    "name", ["clears the screen", "forges a line", "overwrites its line", "is markup"]
)
def test_explain_shows_a_symbol_as_text(worker: Worker, name: str) -> None:
    """Of a window there is, and of one there is not."""
    symbol = SYMBOLS[name]
    done = worker.command("explain", symbol, str(START), "--window", "5m")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("agrees") == 6
    assert_text(done.stdout, done.stderr)
    done = worker.command("explain", symbol, str(START - DAY), "--window", "5m")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"{visible_line(symbol)} has no window 5m that starts at ")
    assert_text(done.stdout, done.stderr)


def test_replay_shows_the_symbols_of_what_differs_as_texts(
    market: Market, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them has its line, and the command is not ended by one."""
    monkeypatch.setenv("COLUMNS", "300")
    doctored = [candle | {"high": candle["high"] + 1} for candle in finals(market).values()]
    market.send(
        [(each["symbol"], json.dumps(each).encode(), START) for each in doctored],
        "candles",
        partition=0,
    )
    done = worker.command("replay", f"--from={START}", f"--to={END}", "--topic=candles")
    assert done.returncode == 1
    assert done.stderr.endswith(f" 0 added, 0 removed, {len(doctored)} changed\n"), done.stderr
    assert_text(done.stdout, done.stderr)
    changed = [line for line in done.stdout.splitlines() if " changed " in line]
    for symbol in SYMBOLS.values():
        assert any(visible_line(symbol).strip() in line for line in changed), symbol


@pytest.mark.parametrize("command", [["topics"], ["lateness"], ["top", "--once"]])
def test_what_else_a_command_shows_is_text(worker: Worker, command: list[str]) -> None:
    """While such symbols are in topics and tables."""
    done = worker.command(*command)
    assert done.returncode == 0, done.stderr
    assert_text(done.stdout, done.stderr)


def test_the_log_of_the_worker_is_text_and_nobody_else_is_harmed(
    market: Market, worker: Worker
) -> None:
    """A reader gets the window of an ordinary symbol, and no task was lost."""
    market.send([tick("PLAIN", 2.5, START + 21 * MINUTE)], partition=0)
    until(lambda: worker.get("/api/candles/PLAIN?size=5m")[0] == 200)
    assert "is lost" not in worker.log
    assert "fenced" not in worker.log
    assert_text(worker.log)
