"""Late and final: two sides of the same horizon."""

from hypothesis import given
from hypothesis import strategies as st

from app.windows import Window, horizon, is_final, is_late, revision

TIMES = st.integers(0, 1_000)


@given(TIMES, TIMES, st.integers(0, 200))
def test_a_record_is_late_when_its_time_and_grace_are_behind_stream_time(
    time: int, stream_time: int, grace: int
) -> None:
    """Exactly `grace` behind is not late yet."""
    assert is_late(time, horizon(stream_time, grace)) == (time + grace < stream_time)


@given(TIMES, TIMES, st.integers(0, 200), st.integers(1, 50), st.integers(1, 50))
def test_nothing_that_is_accepted_lies_in_a_final_window(
    time: int, stream_time: int, grace: int, advance: int, overlap: int
) -> None:
    """So a final result never has to change, whatever windows a table has."""
    limit = horizon(stream_time, grace)
    window = Window(advance * overlap, advance)
    if not is_late(time, limit):
        assert not any(is_final(start + window.size, limit) for start in window.starts(time))


@given(st.integers(1, 1_000), TIMES)
def test_a_window_is_final_as_soon_as_nothing_in_it_would_be_accepted(end: int, limit: int) -> None:
    """Not a millisecond before, nor after."""
    assert is_final(end, limit) == is_late(end - 1, limit)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans(), st.booleans())
def test_a_revision_grows_with_what_is_in_the_window(
    before: int, after: int, was_final: bool, final: bool
) -> None:
    """A record more makes it higher; becoming final does, without one."""
    if before < after:
        assert revision(before, final=was_final) < revision(after, final=final)
    assert revision(before, final=False) < revision(before, final=True)
