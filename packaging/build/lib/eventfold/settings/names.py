"""Detection of variables with our prefix that are no settings."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

PREFIX = "TICKSTREAM_"

#: Variables that Kubernetes sets for each service of a namespace, such as a service `tickstream`.
_OF_KUBERNETES = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def unknown_names(environment: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """Return the names with our prefix that are no settings, sorted, without Kubernetes' own."""
    settings = set(known)
    return sorted(
        name
        for name, value in environment.items()
        if name.upper().startswith(PREFIX)
        and name.upper() not in settings
        and not _is_of_kubernetes(name, value)
    )


def describe_unknown(name: str, known: Iterable[str]) -> str:
    """Describe a name that is no setting in one line, with the most similar setting."""
    # Without the prefix, which would make all names similar.
    by_ending = {each.removeprefix(PREFIX): each for each in known}
    nearest = get_close_matches(name.upper().removeprefix(PREFIX), by_ending, n=1)
    remedy = f"did you mean {by_ending[nearest[0]]}?" if nearest else "unset it"
    return f"{name} is no setting: {remedy} (`faust -A app settings` lists all)"


def _is_of_kubernetes(name: str, value: str) -> bool:
    if name.endswith("_PORT") and _ADDRESS.match(value):
        return True
    return bool(_OF_KUBERNETES.fullmatch(name))
