"""Commands that print symbols whose characters control a terminal."""

import json
import time
from collections.abc import Iterator

import pytest
import truth
from hostile_symbols import CONTROL_CHARACTERS, SYMBOLS
from progress import lag
from workers import DAY, MARKET, MINUTE, Market, Worker, tick, until

from eventfold.visible import visible_line

#: Yesterday's noon: no test runs across the end of a day.
START = int(time.time() * 1000) // DAY * DAY - DAY // 2
END = START + 5 * MINUTE


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Run a worker that has published final windows of all hostile symbols."""
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


def assert_escaped(*printed: str) -> None:
    """Check that texts have no control character and no line that a symbol forged."""
    for text in printed:
        assert not CONTROL_CHARACTERS.search(text), repr(text)
        assert not any(line.startswith((" 2. FORGED", "FORGED")) for line in text.splitlines())


@pytest.mark.parametrize(
    "name", ["clears the screen", "forges a line", "overwrites its line", "is markup"]
)
def test_explain_prints_a_hostile_symbol_escaped(worker: Worker, name: str) -> None:
    """For a window that exists and for one that does not."""
    symbol = SYMBOLS[name]
    done = worker.command("explain", symbol, str(START), "--window", "5m")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("agrees") == 6
    assert_escaped(done.stdout, done.stderr)
    done = worker.command("explain", symbol, str(START - DAY), "--window", "5m")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"{visible_line(symbol)} has no window 5m that starts at ")
    assert_escaped(done.stdout, done.stderr)


def test_replay_prints_hostile_symbols_of_differences_escaped(
    market: Market, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each difference has its line, and no symbol ends the command."""
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
    assert_escaped(done.stdout, done.stderr)
    changed = [line for line in done.stdout.splitlines() if " changed " in line]
    for symbol in SYMBOLS.values():
        assert any(visible_line(symbol).strip() in line for line in changed), symbol


@pytest.mark.parametrize("command", [["topics"], ["lateness"], ["top", "--once"]])
def test_command_output_has_no_control_characters(worker: Worker, command: list[str]) -> None:
    """Topics and tables hold such symbols meanwhile."""
    done = worker.command(*command)
    assert done.returncode == 0, done.stderr
    assert_escaped(done.stdout, done.stderr)


def test_worker_log_has_no_control_characters(market: Market, worker: Worker) -> None:
    """A reader gets the window of an ordinary symbol, and no task failed."""
    market.send([tick("PLAIN", 2.5, START + 21 * MINUTE)], partition=0)
    until(lambda: worker.get("/api/candles/PLAIN?size=5m")[0] == 200)
    assert "is lost" not in worker.log
    assert "fenced" not in worker.log
    assert_escaped(worker.log)
