"""The index of the rules, compared with checking every rule."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.transactions.records import Check, Rule
from app.transactions.rule_book import RuleBook
from app.transactions.rules import BadRuleError, breaks, concerns, read_rule

NOON = 1_769_860_800_000
SHOPS, CARDS = ["a", "b"], ["4000", "4001", "5000"]
CURRENCIES, COUNTRIES, CATEGORIES = ["EUR", "USD"], ["DE", "FR"], ["fuel", "casino"]


class Past:
    """A card that spent 100 EUR and had two transactions, at any time."""

    most = 2

    def spent(self, currency: str, time: int) -> int:
        """Return the accepted amount."""
        del time
        return 100 if currency == "EUR" else 0

    def count(self, after: int, until: int) -> int:
        """Return the number of transactions."""
        return 2 if until - after > 60_000 else 1


SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "merchant": st.sampled_from(SHOPS),
        "cards": st.sampled_from(["4", "400", "4000", "5"]),
        "category": st.sampled_from(CATEGORIES),
        "country": st.sampled_from(COUNTRIES),
        "currency": st.sampled_from(CURRENCIES),
    },
)
LIMIT = st.integers(1, 300)
KINDS = st.one_of(
    st.tuples(
        st.sampled_from(["max-amount", "daily-sum"]), st.fixed_dictionaries({"limit": LIMIT})
    ),
    st.tuples(st.just("block"), st.just({"currency": "EUR"})),
    st.tuples(st.just("currencies"), st.just({"allowed": ["EUR"]})),
    st.tuples(st.just("countries"), st.just({"allowed": ["FR"]})),
    st.tuples(
        st.just("velocity"),
        st.fixed_dictionaries(
            {"limit": st.integers(1, 3), "period": st.sampled_from(["1m", "5m"])}
        ),
    ),
)
CHECKS = st.builds(
    Check,
    card=st.sampled_from(CARDS),
    id=st.just("t"),
    amount=st.integers(0, 300),
    currency=st.sampled_from(CURRENCIES),
    merchant=st.sampled_from(SHOPS),
    category=st.sampled_from(CATEGORIES),
    country=st.sampled_from(COUNTRIES),
    time=st.just(NOON),
    kind=st.just("payment"),
    refers_to=st.none(),
    partition=st.just(0),
    offset=st.just(0),
)


@st.composite
def changes(draw: st.DrawFn) -> list[Rule | str]:
    """Draw rules in the order of arrival, with changes and deletions (ids) in between."""
    drawn: list[Rule | str] = []
    for version in range(1, draw(st.integers(1, 25)) + 1):
        name = f"r{draw(st.integers(0, 8))}"
        kind, parameters = draw(KINDS)
        text = json.dumps(draw(SCOPES) | parameters)
        enabled = draw(st.integers(0, 4)) > 0
        rule = read_rule(name, kind, text, enabled=enabled, note="", version=version, time=NOON)
        drawn.append(name if draw(st.integers(0, 4)) == 0 else rule)
    return drawn


def brute_force(drawn: list[Rule | str], check: Check) -> Iterator[tuple[str, int]]:
    """Check each enabled rule."""
    last: dict[str, Rule | None] = {}
    for each in drawn:
        if isinstance(each, str):
            last[each] = None
        else:
            last[each.id] = each
    for name, rule in sorted(last.items()):
        if rule and rule.enabled and concerns(rule, check) and breaks(rule, check, Past()):
            yield name, rule.version


@settings(max_examples=300, deadline=None)
@given(drawn=changes(), check=CHECKS)
def test_index_finds_the_same_violations_as_checking_every_rule(
    drawn: list[Rule | str], check: Check
) -> None:
    """After any changes; a book built from the remaining rules finds the same."""
    book, left = RuleBook(), dict[str, Rule]()
    for each in drawn:
        if isinstance(each, str):
            book.drop(each)
            left.pop(each, None)
        else:
            book.put(each)
            left[each.id] = each
    expected = list(brute_force(drawn, check))
    for asked in book, RuleBook(left.values()):
        assert [(r.rule, r.version) for r in asked.broken(check, Past())] == expected
    assert len(book) == sum(rule.enabled for rule in left.values())


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("blok", "{}", "there is no kind 'blok'; there are max-amount, block"),
        ("block", "{}", "it would block everything"),
        ("block", '{"shop": "a"}', "unknown field `shop`"),
        ("max-amount", "{}", "missing required field `limit`"),
        ("max-amount", '{"limit": "much"}', "Expected `int`"),
        ("max-amount", "limit 5", "malformed"),
        ("currencies", '{"allowed": []}', "length >= 1"),
        ("velocity", '{"limit": 3, "period": "soon"}', "period: 'soon'"),
        ("velocity", '{"limit": 3, "period": "8d"}', "not between nothing and a day"),
        ("velocity", '{"limit": 500, "period": "1m"}', "<= 99"),
    ],
)
def test_invalid_rule_is_rejected_with_the_reason(kind: str, parameters: str, message: str) -> None:
    """The reason names the parameter."""
    with pytest.raises(BadRuleError, match=message):
        read_rule("r", kind, parameters, enabled=True, note="", version=1, time=NOON)
