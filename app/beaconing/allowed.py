"""Allow list of destinations: by name, by pattern, by network."""

from collections.abc import Callable, Collection
from fnmatch import translate
from ipaddress import IPv4Network, IPv6Network, ip_network
from re import IGNORECASE
from re import compile as compile_pattern

from eventfold.addresses import read_address
from eventfold.recent import Recent


def allow_list(patterns: Collection[str]) -> Callable[[str], bool]:
    """Return a predicate: whether a destination is on the list.

    A pattern is a network (10.0.0.0/8), an address, or a name in which `*` and `?` are wildcards;
    case is ignored. Raises ValueError for a pattern that has a slash and is no network.
    """
    networks = [ip_network(each, strict=False) for each in patterns if "/" in each]
    names = [each for each in patterns if "/" not in each]
    matches = compile_pattern("|".join(map(translate, names)) or r"(?!)", IGNORECASE).match

    def allowed(destination: str) -> bool:
        return matches(destination) is not None or _within(destination, networks)

    return Recent(allowed, limit=2 << 20).__getitem__


def check_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns. Raises ValueError as `allow_list` does."""
    allow_list(patterns)
    return patterns


def _within(destination: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    address = read_address(destination) if networks else None
    return address is not None and any(address in network for network in networks)
