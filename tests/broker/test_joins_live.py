"""Joins on a real broker: rules from the command to the verdict, and the API of the joins."""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest
import truth
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from msgspec.json import encode
from workers import Market, Worker, until

from app.shop.records import Click, Profile, Search
from app.transactions.records import Transaction

NUMBERS = count()


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Run a worker of the three pipelines, with a database of its own."""
    with market.worker(TICKSTREAM_PIPELINES="transactions,searches,clicks") as running:
        yield running


def rules(worker: Worker, *words: str, code: int = 0) -> str:
    """Run `faust -A app rules` beside the worker; return its output."""
    done = worker.command("rules", *words)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def judged(market: Market, amount: int, category: str = "fuel") -> dict:
    """Send a transaction, wait for its verdict and return it."""
    name, now = f"t{next(NUMBERS)}", int(time.time() * 1000)
    details = "EUR", "shop", category, "DE", now
    encoded = encode(Transaction(name, "4000", amount, *details))
    market.send([("4000", encoded, now)], "transactions")

    def verdict() -> dict | None:
        for topic in "transactions-validated", "transactions-rejected":
            for message in truth.read(market.bootstrap, topic):
                found = json.loads(message.value())
                if found["id"] == name:
                    return found
        return None

    return until(verdict)


def version(worker: Worker) -> int:
    """Return the version of the rules in force at the worker."""

    def current() -> dict | None:
        status, body = worker.get("/api/rules")
        return body if status == 200 else None  # while partitions move

    return until(current)["version"]


def test_rule_changes_by_command_apply_to_the_next_verdicts(market: Market, worker: Worker) -> None:
    """Added, disabled, enabled, removed: each next transaction is judged by the rules in force."""
    assert judged(market, 500)["accepted"]
    assert version(worker) == 0
    assert "Rule cap added" in rules(
        worker, "add", "cap", "--kind", "max-amount", "--parameters", '{"limit": 400}'
    )
    until(lambda: version(worker) == 1)
    verdict = judged(market, 500)
    assert (verdict["accepted"], verdict["rules_version"]) == (False, 1)
    assert verdict["reasons"][0]["text"] == "the amount 500 is above 400"
    rules(worker, "disable", "cap")
    until(lambda: version(worker) == 2)
    assert judged(market, 500)["accepted"]
    rules(worker, "enable", "cap")
    until(lambda: version(worker) == 3)
    assert not judged(market, 500)["accepted"]
    rules(worker, "remove", "cap")
    until(lambda: version(worker) == 4)
    verdict = judged(market, 500)
    assert (verdict["accepted"], verdict["rules_version"]) == (True, 4)
    status, verdicts = worker.get("/api/cards/4000")
    assert status == 200
    assert [each["accepted"] for each in verdicts] == [True, False, True, False, True]
    assert worker.get("/api/cards/4001")[0] == 404


def test_invalid_rule_row_is_logged_and_others_take_effect(market: Market, worker: Worker) -> None:
    """The command `rules list` shows what is wrong with it."""
    before = version(worker)
    path = worker.data.parent / f"{market.application}-rules.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("INSERT INTO rules (id, kind) VALUES ('odd', 'forbid')")
        other.execute(
            "INSERT INTO rules (id, kind, parameters) VALUES ('no', 'block', ?)",
            ['{"category": "casino"}'],
        )
    until(lambda: version(worker) == before + 2)
    assert not judged(market, 1, "casino")["accepted"]
    (line,) = [line for line in worker.log.splitlines() if "Rule 'odd'" in line]
    assert "can't be used" in line
    assert "there is no kind 'forbid'" in line
    assert "can't be used: there is no kind 'forbid'" in rules(worker, "list")
    printed = rules(worker, "add", "x", "--kind", "max-amount", code=1)
    assert "missing required field `limit`" in printed
    # A rule in force stays in force as it was.
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("UPDATE rules SET parameters = 'everything' WHERE id = 'no'")
    until(lambda: "Rule 'no' in its version" in worker.log)
    assert not judged(market, 1, "casino")["accepted"]


def test_rule_rejected_by_the_broker_is_logged_and_others_take_effect(
    market: Market, worker: Worker
) -> None:
    """It does not count as published: its next version, which is small enough, takes effect."""
    rules(worker, "list")  # this creates the database
    before = version(worker)
    configure(market, "1000")
    large = json.dumps({"category": secrets.token_hex(2_000)})
    path = worker.data.parent / f"{market.application}-rules.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        insert = "INSERT INTO rules (id, kind, parameters) VALUES (?, 'block', ?)"
        other.execute("BEGIN")
        other.execute(insert, ["large", large])
        other.execute(insert, ["small", '{"category": "lottery"}'])
        other.execute("COMMIT")
        until(lambda: version(worker) > before)
        assert not judged(market, 1, "lottery")["accepted"]
        second = version(worker)
        (line,) = [line for line in worker.log.splitlines() if "Rule 'large'" in line]
        assert "the broker refuses it: MessageSizeTooLargeError" in line
        assert judged(market, 1, "horses")["accepted"]
        other.execute(
            "UPDATE rules SET parameters = ? WHERE id = 'large'", ['{"category": "horses"}']
        )
        until(lambda: version(worker) > second)
    assert not judged(market, 1, "horses")["accepted"]
    configure(market, "1048588")


def configure(market: Market, largest: str) -> None:
    """Set the largest message (bytes) that the broker accepts for the topic of rules."""
    entry = ConfigEntry("max.message.bytes", largest, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, "rules", incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(30)


def test_restart_publishes_no_rule_again(market: Market, worker: Worker) -> None:
    """The topic has each version once; a change during the stop is published after it."""
    before = version(worker)
    worker.stop()
    rules(worker, "add", "cap", "--kind", "max-amount", "--parameters", '{"limit": 400}')
    worker.start()
    until(lambda: version(worker) == before + 1)
    values = [message.value() for message in truth.read(market.bootstrap, "rules")]
    versions = [json.loads(value)["version"] for value in values if value]
    assert sorted(versions) == sorted(set(versions))
    # Invalid rows were never published, nor was the rule that the broker rejected.
    assert len(versions) == version(worker) - 3


def test_click_rates_and_profiles_are_served_by_the_api(market: Market, worker: Worker) -> None:
    """The searches of each query with a click, the most searched first; the user's profile."""
    now = int(time.time() * 1000)
    for name, query in ("s1", "tent"), ("s2", "tent"), ("s3", "stove"):
        search = Search(name, f"user of {name}", query, now)
        market.send([(search.user, encode(search), now)], "searches")
    click = Click("c1", "user of s2", "dome tent", now + 1)
    market.send([(click.user, encode(click), now + 1)], "clicks")
    profile = Profile("user of s2", "gold", "DE", now)
    market.send([(profile.user, encode(profile), now)], "profiles")

    def rates() -> list[tuple[str, int, int, float]]:
        status, found = worker.get("/api/click-through?window=1h")
        assert status == 200, found
        return [(e["query"], e["searches"], e["clicked"], e["rate"]) for e in found]

    until(lambda: rates() == [("tent", 2, 1, 0.5), ("stove", 1, 0, 0.0)])
    status, (window,) = worker.get("/api/click-through/tent")
    assert (status, window["searches"], window["clicked"]) == (200, 2, 1)
    assert worker.get("/api/click-through/boat")[0] == 404
    assert worker.get("/api/click-through?window=2h")[0] == 400
    until(lambda: worker.get("/api/profiles/user%20of%20s2")[1].get("segment") == "gold")
    assert worker.get("/api/profiles/nobody")[0] == 404
