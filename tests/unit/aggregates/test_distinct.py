"""Distinct values: exact for few, within the error for many, a function of the set always."""

import subprocess
import sys
from random import Random
from typing import Any

import pytest
from aggregate_laws import Event, folded, merged_at_random, restored, row, value
from hypothesis import given
from hypothesis import strategies as st

from eventfold.aggregates import Distinct, Quantiles, value_of
from eventfold.windows.errors import DefinitionError

ITEMS = (
    st.text(max_size=4)
    | st.integers(-3, 3)
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.binary(max_size=3)
)


def events_with_words(items: Any) -> list[Event]:
    """Return events, one after another, with these items as words."""
    return [Event(at, at, word=item) for at, item in enumerate(items)]


@given(st.lists(ITEMS, max_size=30))
def test_few_values_are_counted_exactly(items: list[Any]) -> None:
    """As Python's `set` does: 1, 1.0 and True are one value, "1" is another, "" one too."""
    assert value(Distinct("word"), events_with_words(items)) == len(set(items))


@pytest.mark.parametrize("size", [384, 385, 1_000, 10_000, 100_000])
@pytest.mark.parametrize("error", [0.1, 0.02, 0.01])
@pytest.mark.parametrize("kind", [str, int, float])
def test_many_values_are_counted_within_the_error(size: int, error: float, kind: type[Any]) -> None:
    """Three standard errors; each value comes twice."""
    items = [kind(at * 7 + (0.5 if kind is float else 0)) for at in range(size)]
    assert value(Distinct("word", error=error), events_with_words(items + items)) == pytest.approx(
        size, rel=3 * error
    )


def test_up_to_384_values_are_exact_by_default() -> None:
    """Then the sketch goes over from a list of hashes to registers."""
    counts = [
        value(Distinct("word"), events_with_words(range(size))) for size in (100, 200, 300, 384)
    ]
    assert counts == [100, 200, 300, 384]


@pytest.mark.parametrize("size", [7, 8, 9, 100, 383, 384, 385, 500, 5_000, 50_000])
@pytest.mark.parametrize("error", [0.1, 0.05, 0.02])
def test_estimate_depends_only_on_the_set_of_values(size: int, error: float) -> None:
    """To the last bit, whatever the order, the panes, the merges and the rows in between."""
    random = Random(size)
    distinct = Distinct("word", error=error)
    items = [f"user {at}" for at in range(size)]
    state = folded(distinct, events_with_words(items))
    estimate = state.sketch.estimate()
    for parts in (1, 2, 7):
        panes: list[list[str]] = [[] for _ in range(parts)]
        for item in random.sample(items, size) + random.sample(items, size // 2):
            panes[min(parts - 1, int(random.expovariate(1)))].append(item)
        states = [folded(distinct, events_with_words(pane)) for pane in panes]
        for pane in (states, [restored(distinct, each) for each in states]):
            merged = merged_at_random(distinct, pane, random)
            assert merged.sketch.estimate() == estimate


def test_estimate_of_the_library_depends_on_the_order_of_values() -> None:
    """So the product never uses it."""
    distinct = Distinct("word")
    state = folded(distinct, events_with_words(range(50_000)))
    again = folded(distinct, events_with_words(reversed(range(50_000))))
    plain = {each.sketch.sketch.get_estimate() for each in (state, again)}
    assert len(plain) == 2
    assert state.sketch.estimate() == again.sketch.estimate()


def test_row_size_grows_with_the_values_up_to_the_registers() -> None:
    """A pane with few values costs a few bytes; none costs more than a byte a register."""
    distinct = Distinct("word")
    sizes = [
        len(row(distinct, folded(distinct, events_with_words(range(n)))))
        for n in (0, 1, 8, 100, 10**5)
    ]
    assert sizes[:4] < [24, 28, 60, 450]
    assert sizes[4] < 4_200


@given(st.binary(max_size=100))
def test_bytes_that_are_no_sketch_are_refused(raw: bytes) -> None:
    """They never reach the library, which might write beyond its memory."""
    hll = sys.modules[Distinct("word").state.__module__].Hll
    with pytest.raises(ValueError, match="is no sketch"):
        hll.from_bytes(raw)


def test_a_flipped_bit_is_detected() -> None:
    """Anywhere in a sketch."""
    distinct = Distinct("word")
    sketch = folded(distinct, events_with_words(range(20))).sketch
    raw = sketch.to_bytes()
    assert type(sketch).from_bytes(raw).estimate() == sketch.estimate()
    for at in range(len(raw)):
        broken = raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :]
        with pytest.raises(ValueError, match="is no sketch"):
            type(sketch).from_bytes(broken)


@pytest.mark.parametrize(("error", "registers"), [(0.005, 65_536), (0.1, 128)])
def test_smallest_and_largest_error_are_accepted(error: float, registers: int) -> None:
    """Both bounds are inclusive."""
    assert f"{registers} registers" in Distinct("word", error=error).layout


@pytest.mark.parametrize("error", [0, 0.0049, 0.11, 1, "0.02", None, float("nan")])
def test_an_error_out_of_range_is_rejected(error: Any) -> None:
    """In one line."""
    with pytest.raises(DefinitionError) as caught:
        Distinct("word", error=error)
    assert str(caught.value) == f"Distinct: the error is from 0.005 to 0.1, not {error!r}"


@pytest.mark.parametrize(("make", "library"), [(Distinct, "datasketches"), (Quantiles, "ddsketch")])
def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, make: Any, library: str
) -> None:
    """With what to install, when the aggregate is defined."""
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "eventfold.aggregates.hll", raising=False)
    with pytest.raises(DefinitionError) as caught:
        make("word")
    assert str(caught.value) == (
        f"{make.__name__}: {library} is not installed: pip install -e '.[sketches]'"
    )


def test_value_is_a_whole_number() -> None:
    """An estimate of 3.00000001 users is 3 users."""
    assert type(value_of(Distinct("word"), Distinct("word").zero())) is int


def test_sketch_libraries_are_not_imported_before_they_are_needed() -> None:
    """Neither they nor numpy, before a table is defined that needs them."""
    code = "import sys, eventfold.aggregates; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "msgspec" in loaded
    assert {"datasketches", "ddsketch", "numpy"}.isdisjoint(loaded)


@pytest.mark.parametrize("edge", [-(1 << 63), (1 << 63) - 1])
def test_integers_are_counted_at_the_edges_of_64_bits(edge: int) -> None:
    """The last that fits, the next that does not, and a float; no two values count as one."""
    items = [edge - 1, edge, edge + 1, edge, float(1 << 70), 1 << 70, (1 << 70) + 1]
    assert value(Distinct("word"), events_with_words(items)) == 5
