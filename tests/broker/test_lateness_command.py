"""`faust -A app lateness` against ticks with a known lateness."""

import json
import random
import time
from math import ceil

import pytest
import truth
from progress import lag
from workers import MINUTE, Market, tick, until

TICKS = 20_000
GRACES = {"candles": 5 * MINUTE, "days": 240 * MINUTE, "surges": 10_000}


def out_of_order(start: int) -> list[tuple[str, bytes, int]]:
    """Return ticks of forty symbols: most in order, some seconds late, a few beyond the grace."""
    chance = random.Random(7)
    ticks = []
    for n in range(TICKS):
        behind = chance.choices((0, int(chance.expovariate(1 / 3_000)), 6 * MINUTE), (90, 9.9, 0.1))
        ticks.append(tick(f"S{n % 40}", 1 + n, start + n * 100 - behind[0]))
    return ticks


def lateness_of(market: Market) -> list[int]:
    """Return how far each tick was behind its partition's stream time (ms), ascending."""
    rows = truth.ticks(market.bootstrap).select("before", "time").iter_rows()
    return sorted(max((before or 0) - at, 0) for before, at in rows)


def share(behind: list[int], grace: float) -> float:
    """Return the fraction that is at most `grace` ms behind."""
    return sum(ms <= grace for ms in behind) / len(behind)


def test_lateness_command_equals_an_independent_computation(market: Market, faust) -> None:
    """Two workers share the ticks; the graces are upper bounds, by less than a sixteenth."""
    with market.workers(2, TICKSTREAM_PIPELINES="candles,gainers,surges") as workers:
        market.send(out_of_order(int(time.time() * 1000) - 3 * 60 * MINUTE))
        until(lambda: lag(market.bootstrap, market.application, "ticks") == 0)
        behind = lateness_of(market)
        answers = []
        for worker in workers:
            command = faust("--json", "lateness", WEB_PORT=str(worker.port))
            out, err = command.communicate(timeout=60)
            assert (command.returncode, err) == (0, "")
            answers.append(json.loads(out))
        command = faust("lateness", WEB_PORT=str(workers[0].port))
        text, _ = command.communicate(timeout=60)

    assert answers[0] == answers[1]
    assert {each["table"]: each["grace"] for each in answers[0]} == GRACES
    for each in answers[0]:
        assert each["records"] == len(behind) == TICKS
        assert [grace["kept"] for grace in each["graces"]] == [0.99, 0.999, 0.9999, 1.0]
        for grace in each["graces"]:
            exact = behind[ceil(grace["kept"] * TICKS) - 1]
            assert exact <= grace["grace"] <= exact * 17 / 16
        assert (
            share(behind, each["grace"] * 16 / 17) <= each["kept"] <= share(behind, each["grace"])
        )
        assert f"{each['table']}: with a grace of " in text
    assert answers[0][0]["kept"] < 1
    assert f" of {TICKS:,} records; the present grace of 5m keeps 99." in text
    assert "the present grace of 4h keeps 100 %." in text


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_missing_worker_is_reported_in_one_line(faust, options: tuple[str, ...]) -> None:
    """The exit code is 1; nothing is printed to standard output."""
    command = faust(*options, "lateness", WEB_PORT="1")
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (1, "")
    assert err == "No worker answers at http://127.0.0.1:1: start a worker, or set WEB_PORT\n"
