"""Verdicts on transactions: by which rules, and how cancellations and corrections work."""

from typing import Any

import msgspec
import pytest

from agents.transactions import rules_to_all, transactions_to_check
from app import app
from app.transactions.records import Rule, Transaction
from app.transactions.topics import (
    RULES,
    TRANSACTIONS,
    TRANSACTIONS_REJECTED,
    TRANSACTIONS_VALIDATED,
)
from eventfold.testing import START, TopologyDriver
from eventfold.topics import DEAD_LETTERS
from tables.verdicts import verdicts

CAP = Rule(id="cap", version=1, kind="max-amount", limit=100, time=START)


@pytest.fixture
def driver() -> Any:
    """Run the pipeline, with one rule."""
    with TopologyDriver(app, tables=[transactions_to_check, rules_to_all, verdicts]) as running:
        running.pipe(RULES, CAP)
        running.settle()
        yield running


def pay(name: str, amount: int, kind: str = "payment", refers_to: str | None = None) -> Transaction:
    """Make a transaction of one card."""
    details = "EUR", "shop", "fuel", "DE", START
    return Transaction(name, "4000", amount, *details, kind, refers_to)


def verdicts_of(driver: TopologyDriver, *transactions: Transaction) -> list[Any]:
    """Pipe transactions; return their verdicts, in order."""
    driver.pipe(TRANSACTIONS, *transactions)
    driver.settle()
    found = driver.read(TRANSACTIONS_VALIDATED) + driver.read(TRANSACTIONS_REJECTED)
    return sorted(found, key=lambda each: each.offset)


def test_verdict_names_the_broken_rules_and_their_versions(driver: TopologyDriver) -> None:
    """It also has the version of all rules that were applied, where none is broken."""
    fine, high = verdicts_of(driver, pay("a", 100), pay("b", 101))
    assert (fine.accepted, fine.reasons, fine.rules_version) == (True, [], 1)
    (reason,) = high.reasons
    assert (reason.rule, reason.version) == ("cap", 1)
    assert reason.text == "the amount 101 is above 100"


def test_changed_rule_applies_to_later_transactions(driver: TopologyDriver) -> None:
    """A disabled or deleted rule applies no more; each verdict names its version."""
    driver.pipe(RULES, Rule(id="cap", version=2, kind="max-amount", limit=10, time=START))
    driver.settle()
    (verdict,) = verdicts_of(driver, pay("a", 50))
    assert (verdict.accepted, verdict.rules_version) == (False, 2)
    driver.pipe(
        RULES, Rule(id="cap", version=3, kind="max-amount", limit=10, enabled=False, time=START)
    )
    driver.pipe(RULES, Rule(id="hi", version=4, kind="block", category="fuel", time=START))
    driver.settle()
    (verdict,) = verdicts_of(driver, pay("b", 50))
    assert [(each.rule, each.version) for each in verdict.reasons] == [("hi", 4)]
    driver.pipe(
        RULES, Rule(id="hi", version=5, kind="block", category="fuel", deleted=True, time=START)
    )
    driver.pipe_raw(RULES, b"hi", None)
    driver.settle()
    driver.crash(lose_store=True)
    (verdict,) = verdicts_of(driver, pay("c", 50))
    assert (verdict.accepted, verdict.rules_version) == (True, 5)


def test_cancellation_gets_a_verdict_of_its_own(driver: TopologyDriver) -> None:
    """It refers to the first verdict, which is unchanged; a second one has nothing to cancel."""
    first, cancelled, again = verdicts_of(
        driver,
        pay("a", 60),
        pay("x", 0, "cancellation", "a"),
        pay("y", 0, "cancellation", "a"),
    )
    assert first.accepted
    assert first.first is None
    assert (cancelled.accepted, cancelled.refers_to) == (True, "a")
    assert (cancelled.first.id, cancelled.first.accepted, cancelled.first.amount) == ("a", True, 60)
    assert not again.accepted
    assert again.reasons[0].text == "a was cancelled or corrected already"


def test_correction_replaces_the_transaction_it_corrects(driver: TopologyDriver) -> None:
    """The current rules apply; a rejected correction leaves the old transaction as it was."""
    day = Rule(id="day", version=2, kind="daily-sum", limit=150, time=START)
    driver.pipe(RULES, day)
    driver.settle()
    published = verdicts_of(
        driver,
        pay("a", 90),
        pay("b", 70),
        pay("a2", 80, "correction", "a"),
        pay("c", 70),
        pay("c2", 500, "correction", "c"),
        pay("d", 1),
    )
    assert [each.accepted for each in published] == [True, False, True, True, False, False]
    assert [each.rule for each in published[4].reasons] == ["cap", "day"]
    assert published[2].first.amount == 90
    # 80 and 70: a corrected transaction counts no more, a rejected one never did.
    assert published[5].reasons[0].text == "the day's sum would be 151 EUR, above 150"


def test_unknown_reference_and_duplicate_transaction_are_rejected(driver: TopologyDriver) -> None:
    """The reason names no rule."""
    _, unknown, twice = verdicts_of(
        driver, pay("a", 1), pay("x", 0, "cancellation", "zzz"), pay("a", 1)
    )
    assert unknown.reasons[0].text.startswith("zzz is not known of this card")
    assert twice.reasons[0].text == "a was judged already"
    assert [each.rule for each in unknown.reasons + twice.reasons] == ["", ""]


def test_current_rules_apply_to_old_transactions(driver: TopologyDriver) -> None:
    """Rules do not advance stream time: a card's history expires by transactions' time."""
    driver.advance("20d")
    driver.pipe(
        RULES, Rule(id="x", version=2, kind="block", category="none", time=START + 20 * 86_400_000)
    )
    driver.settle()
    assert verdicts_of(driver, pay("a", 60))[0].accepted
    assert verdicts_of(driver, pay("x", 0, "cancellation", "a"))[0].accepted
    assert verdicts.keyed_states()
    assert verdicts.state_of("4000").judged["a"].void


def test_any_number_of_transactions_far_behind_get_verdicts(driver: TopologyDriver) -> None:
    """They are older than the history, and push its newest transaction out by their number."""
    most, old = verdicts.process.most, START - 2 * verdicts.process.memory
    late = [msgspec.structs.replace(pay(f"old{n}", 1), time=old) for n in range(most + 5)]
    found = verdicts_of(driver, pay("new", 1), *late)
    assert [each.id for each in found] == ["new", *(each.id for each in late)]
    assert driver.topic(DEAD_LETTERS) == []
