"""Windowed joins: each pair once and each unmatched record once, in any order, with crashes."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from join_truth import NOON, Alone, Ask, Match, Plan, Reply, joined, side_of
from partition_driver import Drive, PartitionDriver
from raw_records import Raw

from app.worker import TickApp
from eventfold.engine.keyed_table import KeyedTable
from eventfold.operators.joins import Join, Pair, Waiting
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS, Topic

MINUTE = 60_000
FAR = 1_000 * MINUTE

JOINED = Topic("asked-and-replied", Ask | Reply, key="key", purpose="both sides", partitions=1)
MATCHES = Topic("matches", Match, key="key", purpose="pairs", partitions=1)
ALONE = Topic("alone", Alone, key="key", purpose="records without a partner", partitions=1)

#: Type of the fixture `new_join`: makes the table of a Plan; at most so many records wait a side.
NewJoin = Callable[..., KeyedTable]


def match(pair: Pair) -> tuple[Match]:
    """Make the record of a pair."""
    ask, reply = pair.left, pair.right
    return (Match(ask.key, ask.number, reply.number, pair.of_left, pair.of_right, ask.time),)


def unmatched(record: Ask | Reply, reason: str) -> tuple[Alone]:
    """Make the record of one without a partner."""
    return (Alone(record.key, side_of(record), record.number, reason, record.time),)


@pytest.fixture(scope="module")
def new_join(application: TickApp) -> NewJoin:
    """Return a function that declares a join, once for each plan."""
    declared: dict[Any, KeyedTable] = {}
    names = count()

    def declare(plan: Plan, most: int = 1000) -> KeyedTable:
        if (plan, most) not in declared:
            join = Join(
                *(Ask, Reply),
                pair=match,
                alone=unmatched,
                kind=plan.kind,
                before=plan.before,
                after=plan.after,
                matches=(lambda ask, reply: ask.kind == reply.kind)
                if plan.demands_same_kind
                else None,
                most=most,
            )
            declared[plan, most] = KeyedTable(
                application,
                name=f"join-{next(names)}",
                source=JOINED,
                process=join,
                state=Waiting[Ask, Reply],
                outputs=[MATCHES, ALONE],
                grace=plan.grace,
                retention=MINUTE,
                help="a join",
            )
        return declared[plan, most]

    return declare


PLANS = st.builds(
    Plan,
    st.sampled_from(["inner", "left", "outer"]),
    before=st.sampled_from([0, MINUTE, 3 * MINUTE]),
    after=st.sampled_from([0, MINUTE, 5 * MINUTE]),
    grace=st.sampled_from([0, MINUTE, 4 * MINUTE, FAR]),
    demands_same_kind=st.booleans(),
)


@st.composite
def records(draw: st.DrawFn) -> list[Ask | Reply]:
    """Draw records of both sides, in any order, some later than any grace but one."""
    fields = st.tuples(
        st.sampled_from([Ask, Reply]),
        st.sampled_from("abc"),
        st.integers(0, 1),
        st.sampled_from([0, 0, 1, MINUTE - 1, MINUTE, 3 * MINUTE, 20 * MINUTE]),
        st.sampled_from([0, 0, 0, 1, MINUTE, 4 * MINUTE, 30 * MINUTE]),
    )
    clock, drawn = NOON, []
    for number, (side, key, kind, onward, behind) in enumerate(
        draw(st.lists(fields, min_size=1, max_size=40))
    ):
        clock += onward
        drawn.append(side(key, number, kind, clock - behind))
    return drawn


def as_raw(drawn: Sequence[Ask | Reply]) -> list[Raw]:
    """Return records as they are in Kafka, after some that were deleted long ago."""
    return [
        Raw(7 + n, each.time, each.key.encode(), msgspec.json.encode(each))
        for n, each in enumerate(drawn)
    ]


def compare(driver: PartitionDriver, drawn: Sequence[Ask | Reply], plan: Plan) -> None:
    """Compare the outputs with the brute-force join."""
    pairs = driver.written(MATCHES, Match)
    alone = driver.written(ALONE, Alone)
    truth = joined(drawn, plan)
    assert Counter((each.ask, each.reply) for each in pairs) == Counter(truth.pairs)
    assert Counter((a.side, a.number, a.reason) for a in alone) == Counter(truth.alone)
    letters = driver.written(DEAD_LETTERS, DeadLetter)
    assert all(letter.error.startswith("LateError: ") for letter in letters)
    assert Counter(letter.offset - 7 for letter in letters) == Counter(truth.dead)
    # The partners of each record are numbered in order of arrival, from 1.
    for side, number in ("ask", "of_ask"), ("reply", "of_reply"):
        seen: Counter[int] = Counter()
        for each in sorted(pairs, key=lambda p, name=number: getattr(p, name)):
            seen[getattr(each, side)] += 1
            assert getattr(each, number) == seen[getattr(each, side)]


@settings(max_examples=80, deadline=None)
@given(plan=PLANS, drawn=records(), data=st.data())
def test_a_join_equals_the_brute_force_join_of_all_records(
    new_join: NewJoin, drive: Drive, plan: Plan, drawn: list[Ask | Reply], data: st.DataObject
) -> None:
    """For any order, lateness and batches, and crashes between them."""
    with drive(new_join(plan), as_raw(drawn)) as driver:
        while driver.folded < len(drawn):
            driver.fold(data.draw(st.integers(1, 15)))
            event = data.draw(st.sampled_from(["", "checkpoint", "crash", "lost disk", "unstored"]))
            if event == "checkpoint":
                driver.checkpoint()
            elif event == "unstored":
                driver.commit(driver.snapshot(), stored=False)
                driver.crash()
            elif event:
                driver.crash("lost" if event == "lost disk" else "kept")
        driver.settle()
        compare(driver, drawn, plan)


@settings(max_examples=40, deadline=None)
@given(plan=PLANS, drawn=records(), data=st.data())
def test_the_order_of_records_within_the_grace_does_not_matter(
    new_join: NewJoin, drive: Drive, plan: Plan, drawn: list[Ask | Reply], data: st.DataObject
) -> None:
    """Any interleaving of the inputs makes the same pairs and the same unmatched records."""
    plan = plan._replace(grace=FAR)
    shuffled = data.draw(st.permutations(drawn))
    # The last record is far ahead: nothing is late, and every window closes.
    last = Ask("z", len(drawn), 0, NOON + 10 * FAR)
    both = []
    for order in drawn, shuffled:
        with drive(new_join(plan), as_raw([*order, last])) as driver:
            driver.settle()
            compare(driver, [*order, last], plan)
            both.append(
                (
                    {(each.ask, each.reply) for each in driver.written(MATCHES, Match)},
                    set(driver.written(ALONE, Alone)),
                )
            )
    assert both[0] == both[1]


PLAN = Plan("outer", before=MINUTE, after=5 * MINUTE, grace=MINUTE, demands_same_kind=False)


def test_a_pair_has_the_coordinates_of_both_its_records(new_join: NewJoin, drive: Drive) -> None:
    """The left one first, whichever arrived first."""
    drawn = [Reply("a", 0, 0, NOON), Ask("a", 1, 0, NOON), Reply("a", 2, 0, NOON + 1)]
    with drive(new_join(PLAN), as_raw(drawn)) as driver:
        driver.settle()
        assert driver.sources(MATCHES) == [
            b"asked-and-replied-0-8,asked-and-replied-0-7",
            b"asked-and-replied-0-8,asked-and-replied-0-9",
        ]


def test_records_that_can_no_longer_match_are_deleted(new_join: NewJoin, drive: Drive) -> None:
    """So is the row of their key: memory and changelog are bounded by window and grace."""
    drawn = [Ask(key, n, 0, NOON + n) for n, key in enumerate("abcd" * 20)]
    end = Reply("z", 99, 0, NOON + 80 + PLAN.after + PLAN.grace + 1)
    with drive(new_join(PLAN), as_raw([*drawn, end])) as driver:
        driver.fold(len(drawn))
        driver.checkpoint()
        assert driver.state.all_keys() == {b"a", b"b", b"c", b"d"}
        driver.settle()
        assert driver.state.all_keys() == {b"z"}
        driver.crash("lost")
        assert driver.state.all_keys() == {b"z"}
        assert len(driver.written(ALONE, Alone)) == 80


def test_a_record_beyond_the_limit_of_waiting_records_is_a_dead_letter(
    new_join: NewJoin, drive: Drive
) -> None:
    """With the reason; the records of the key before it are still matched."""
    drawn = [*(Ask("a", n, 0, NOON) for n in range(4)), Reply("a", 9, 0, NOON)]
    with drive(new_join(PLAN, most=3), as_raw(drawn)) as driver:
        driver.settle()
        (letter,) = driver.written(DEAD_LETTERS, dict)
        assert letter["offset"] == 10
        assert "key 'a' has 3 Ask records waiting for a partner" in letter["error"]
        assert {each.ask for each in driver.written(MATCHES, Match)} == {0, 1, 2}


def test_an_impossible_join_is_rejected() -> None:
    """A window without any time, an outer join without `alone`, an unknown kind."""
    with pytest.raises(ValueError, match="no times lie between"):
        Join(Ask, Reply, pair=match, before=-2, after=1)
    with pytest.raises(ValueError, match="of kind outer says of each record alone"):
        Join(Ask, Reply, pair=match, kind="outer")
    with pytest.raises(ValueError, match="'full' is no kind"):
        Join(Ask, Reply, pair=match, kind="full")
