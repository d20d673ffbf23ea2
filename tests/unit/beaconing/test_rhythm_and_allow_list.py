"""Maths of the beacon detection: the rhythm of contacts, and the list of allowed destinations."""

from random import Random

import pytest

from app.beaconing.allowed import allow_list
from app.beaconing.detection import rhythm


def test_regular_contacts_have_no_variation_and_missed_ones_count() -> None:
    """A missed contact makes one interval twice as long."""
    assert rhythm([0, 60, 120, 180]) == (60, 0, 0)
    assert rhythm([0, 60, 120, 240, 300]) == (60, 0, 1)


@pytest.mark.parametrize("jitter", [0.01, 0.1, 0.2, 0.3])
def test_the_variation_of_a_jitter_is_that_of_a_uniform_distribution(jitter: float) -> None:
    """Jitter / sqrt(3), at 400 intervals."""
    random, times = Random(1), [0]
    for _ in range(400):
        times.append(times[-1] + round(100_000 * random.uniform(1 - jitter, 1 + jitter)))
    assert rhythm(times).variation == pytest.approx(jitter / 3**0.5, rel=0.2)


@pytest.mark.parametrize(
    ("destination", "is_allowed"),
    [
        ("time.example.org", True),
        ("TIME.Example.ORG", True),
        ("example.org", False),
        ("time.example.org.evil.com", False),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("2001:db8::7", True),
        ("192.0.2.1", True),
    ],
)
def test_allow_list_matches_hosts_patterns_and_networks(
    destination: str, *, is_allowed: bool
) -> None:
    """Names in upper or lower case; addresses by network."""
    allowed = allow_list(["*.example.org", "10.0.0.0/8", "2001:db8::/32", "192.0.2.1"])
    assert allowed(destination) is is_allowed


def test_an_empty_list_allows_nothing() -> None:
    """Not even a destination without a name."""
    assert not allow_list([])("")


def test_an_invalid_network_is_rejected() -> None:
    """When the settings are read, not at the first connection."""
    with pytest.raises(ValueError, match="10\\.0\\.0\\.0/99"):
        allow_list(["10.0.0.0/99"])
