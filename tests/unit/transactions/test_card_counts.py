"""A card's transactions are counted as if each of them was examined."""

from hypothesis import given
from hypothesis import strategies as st

from app.transactions.verdicts import Card, Judged

TIMES = st.integers(0, 30)
#: What happens to a card: a payment or a cancellation is taken in at a time, the transaction of
#: that number counts no more, the oldest is forgotten, it is asked for its times.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["payment", "cancellation"]), TIMES),
        st.tuples(st.just("annul"), TIMES),
        st.tuples(st.sampled_from(["forget", "ask"]), st.just(0)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_times_are_those_of_what_counts_whatever_happened(steps: list[tuple[str, int]]) -> None:
    """Also when they were asked for before, or never: they follow from what is remembered."""
    card = Card({}, {})
    for number, (what, at) in enumerate(steps):
        if what in ("payment", "cancellation"):
            card.take(f"t{number}", Judged(at, 1, "EUR", what, accepted=True, version=1))
        elif what == "annul":
            for judged in list(card.judged.values())[at : at + 1]:
                card.annul(judged)
        elif what == "forget" and card.judged:
            card.forget(next(iter(card.judged)))
        elif what == "ask":
            assert card.times == counted(card)
    assert card.times == counted(card)


def counted(card: Card) -> list[int]:
    """Compute the times from all transactions of the card."""
    return sorted(
        each.time for each in card.judged.values() if not each.void and each.kind != "cancellation"
    )
