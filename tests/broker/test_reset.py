"""`faust -A app reset`: an application as if it had never run, with its sources unchanged."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import truth
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from new_topics import create
from progress import committed
from workers import DAY, Market, Worker, tick, until

from app import app

#: Yesterday's noon: no test runs across the end of a day.
NOON = int(time.time() * 1000) // DAY * DAY - DAY // 2
TICKS = 600

Reset = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folded(market: Market) -> Worker:
    """Return a running worker that has folded ten minutes of ticks."""
    # Its name begins with that of the application.
    create(market.bootstrap, f"{market.application}-other-candles-changelog", 1)
    worker = market.worker().start()
    market.send(tick(f"S{n % 30:02}", 10 + n % 7, NOON + n * 1_000) for n in range(TICKS))
    until(lambda: committed(market.bootstrap, market.application, "ticks") == TICKS)
    return worker


@pytest.fixture
def reset(folded: Worker) -> Reset:
    """Return a function that runs the command: exit code, standard output, standard error."""

    def run(*arguments: str, answers: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [Path(sys.executable).with_name("faust"), "-A", "app", "reset", *arguments],
            env=os.environ | folded.environment,
            input=answers,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def sizes(market: Market) -> dict[str, int]:
    """Return how many offsets each topic holds."""
    consumer = Consumer({"bootstrap.servers": market.bootstrap, "group.id": "sizes"})
    try:
        found = {}
        for name, topic in consumer.list_topics(timeout=10).topics.items():
            bounds = (
                consumer.get_watermark_offsets(TopicPartition(name, n)) for n in topic.partitions
            )
            found[name] = sum(end - first for first, end in bounds)
        return found
    finally:
        consumer.close()


def groups(market: Market) -> set[str]:
    """Return the names of the consumer groups."""
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    return {each.group_id for each in admin.list_consumer_groups().result(10).valid}


def candles(market: Market) -> Any:
    """Return the published candles, sorted by window."""
    return truth.published(market.bootstrap).sort(truth.WINDOW)


def test_nothing_is_deleted_while_a_worker_runs(market, folded, reset: Reset) -> None:
    """The command is rejected in one line, even with --yes."""
    before = sizes(market)
    code, out, err = reset("--yes", "--outputs")
    assert (code, out) == (1, "")
    assert err.startswith(f"application {market.application} has members (1 active, on 127.0.0.1)")
    assert err.count("\n") == 1
    assert sizes(market).keys() == before.keys()
    assert folded.running


def test_nothing_is_deleted_without_confirmation(market, folded, reset: Reset) -> None:
    """The command prints what it would delete and asks; no answer is a no."""
    if folded.running:
        folded.stop()
    before = sizes(market)
    code, out, err = reset()
    assert code == 1
    assert err.splitlines()[-1] == "Nothing is deleted: nobody answered, see --yes"
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "offsets ticks of 6 partitions" in lines
    assert f"local state {folded.data / 'tables'}" in lines
    for start in f"changelog {market.application}-candles-changelog", "in between daily-gains":
        assert any(line.startswith(start) for line in lines)
    assert sizes(market) == before


def test_application_folds_everything_again_after_a_reset(market, folded, reset: Reset) -> None:
    """Sources, outputs and topics of others stay; the results are the same as before."""
    if folded.running:
        folded.stop()
    before, candles_before = sizes(market), candles(market)
    code, _, err = reset("--yes")
    assert (code, err) == (0, "")
    after = sizes(market)
    tables = app.tasks.tables
    mine = {f"{market.application}-{table.name}-changelog" for table in tables}
    assert before.keys() - after.keys() == mine
    between = {market.name_of(table.source) for table in tables}
    between &= {market.name_of(topic) for table in tables for topic in table.topics}
    assert between >= {"daily-gains", "surges"}
    assert {after[name] for name in between} == {0}
    others = {name for name in before if not name.startswith("__")}
    others -= mine | between
    assert {name: after[name] for name in others} == {name: before[name] for name in others}
    assert market.application not in groups(market)
    assert not (folded.data / "tables").exists()

    folded.start()
    until(lambda: committed(market.bootstrap, market.application, "ticks") == TICKS)
    folded.stop()
    assert candles(market).equals(candles_before)


def test_outputs_are_emptied_only_on_request(market, folded, reset: Reset) -> None:
    """They are confirmed separately: with a no to that, the rest is deleted all the same."""
    if folded.running:
        folded.stop()
    assert sizes(market)["candles"] > 0
    code, out, _ = reset("--outputs", answers="y\nn\n")
    assert (code, sizes(market)["candles"] > 0) == (0, True)
    assert f"Application {market.application} is as if it had never run; " in out
    code, out, _ = reset("--outputs", "--yes")
    assert code == 0
    assert out.startswith(f"Nothing is known of application {market.application}\n")
    found = sizes(market)
    assert {found[name] for name in ("candles", "ticks-late", "top-gainers")} == {0}
    assert found["ticks"] == TICKS


def test_interrupted_reset_is_completed_by_another(market, folded, reset: Reset) -> None:
    """Its first step, the deletion of the group, may be done already."""
    folded.start()
    until(lambda: committed(market.bootstrap, market.application, "ticks") == TICKS)
    folded.stop()
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    admin.delete_consumer_groups([market.application])[market.application].result(30)
    code, _, err = reset("--yes")
    assert (code, err) == (0, "")
    assert not (folded.data / "tables").exists()
