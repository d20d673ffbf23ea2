"""A mapping bounded in bytes."""

import pytest

from eventfold.recent import ENTRY, Recent


def test_distinct_keys_take_no_more_than_the_limit() -> None:
    """However many there are, and however long."""
    texts = Recent(bytes.decode, limit=100_000)
    for number in range(5_000):
        key = b"%d" % number * 100
        assert texts[key] == key.decode()
        assert sum(2 * len(each) + ENTRY for each in texts) <= 50_000
        assert texts.remembered * (ENTRY + 200) <= 100_000


def test_value_of_a_recurring_key_is_computed_once() -> None:
    """Although other keys come and go."""
    made = []

    def make(key: bytes) -> int:
        made.append(key)
        return len(key)

    lengths = Recent(make, limit=100_000)
    for number in range(5_000):
        assert lengths[b"again"] == len(b"again")
        assert lengths[b"%d" % number] == len(b"%d" % number)
    assert made.count(b"again") == 1
    assert len(made) == 5_001


def test_key_larger_than_the_limit_still_has_a_value() -> None:
    """No other one is kept with it."""
    texts = Recent(bytes.decode, limit=1_000)
    for number in range(10):
        key = b"%d" % number * 10_000
        assert texts[key] == key.decode()
    assert texts.remembered <= 2


def test_missing_key_without_a_function_raises_key_error() -> None:
    """As in a dict."""
    seen: Recent[bytes, int] = Recent(limit=1_000)
    with pytest.raises(KeyError):
        seen[b"a"]
    seen[b"a"] = 1
    seen[b"a"] = 2
    assert seen[b"a"] == 2
