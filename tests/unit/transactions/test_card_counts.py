"""Times of a card's transactions, compared with computing them from all transactions."""

from hypothesis import given
from hypothesis import strategies as st

from app.transactions.verdicts import Card, Judged

TIMES = st.integers(0, 30)
#: Steps of a card: a payment or a cancellation is added at a time, the transaction of that number
#: is annulled, the oldest one is forgotten, the times are read.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["payment", "cancellation"]), TIMES),
        st.tuples(st.just("annul"), TIMES),
        st.tuples(st.sampled_from(["forget", "ask"]), st.just(0)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_times_equal_those_of_all_transactions_that_count(steps: list[tuple[str, int]]) -> None:
    """Whether or not they were read before a change."""
    card = Card({}, {})
    for number, (action, at) in enumerate(steps):
        if action in ("payment", "cancellation"):
            card.take(f"t{number}", Judged(at, 1, "EUR", action, accepted=True, version=1))
        elif action == "annul":
            for judged in list(card.judged.values())[at : at + 1]:
                card.annul(judged)
        elif action == "forget" and card.judged:
            card.forget(next(iter(card.judged)))
        elif action == "ask":
            assert card.times == counted(card)
    assert card.times == counted(card)


def counted(card: Card) -> list[int]:
    """Compute the times from all transactions of the card."""
    return sorted(
        each.time for each in card.judged.values() if not each.void and each.kind != "cancellation"
    )
