"""URLs that may contain a user, a password or a key, which are masked wherever URLs are shown."""

import re
from collections.abc import Callable
from typing import Any

from pydantic import AfterValidator
from pydantic_core import CoreSchema, core_schema
from yarl import URL

#: Mark of a setting with such a URL, for the messages of invalid values.
MARK = {"url": True}

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class SecretUrl:
    """URL whose text is masked; `full` is the complete URL."""

    __slots__ = ("full",)

    def __init__(self, full: str) -> None:
        self.full = full

    def __str__(self) -> str:
        return masked(self.full)

    def __repr__(self) -> str:
        return f"SecretUrl({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretUrl) and other.full == self.full

    def __hash__(self) -> int:
        return hash(self.full)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: Any) -> CoreSchema:
        """Return the schema that parses a string and serializes it masked."""
        shown = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(cls._read, serialization=shown)

    @classmethod
    def _read(cls, value: object) -> "SecretUrl":
        return value if isinstance(value, cls) else cls(str(value))


def masked(url: str) -> str:
    """Return a text that should be a URL, with `***` for user, password, query and fragment.

    >>> masked("https://me:word@example.com/path?key=1")
    'https://***@example.com/path?***'
    """
    scheme = _SCHEME.match(url)
    start = scheme.group() if scheme else ""
    before, at, rest = url[len(start) :].rpartition("@")
    if at and re.search(r"[/?#]", before):
        # User and password are not encoded properly: their end is unknown, so mask everything.
        return f"{start}***"
    place, mark = [*re.split(r"([?#])", rest, maxsplit=1), ""][:2]
    return f"{start}{'***@' * bool(at)}{place}{mark}{'***' * bool(mark)}"


def matching(pattern: str) -> AfterValidator:
    """Return a validator that accepts valid URLs of this pattern (a regular expression)."""
    demand: Callable[[SecretUrl], SecretUrl] = lambda url: _demand(url, pattern)  # noqa: E731
    return AfterValidator(demand)


def _demand(url: SecretUrl, pattern: str) -> SecretUrl:
    if not re.search(pattern, url.full):
        raise ValueError(f"String should match pattern '{pattern}'")
    try:
        readable = bool(URL(url.full).host) or not url.full.startswith("http")
    except ValueError:
        readable = False
    if not readable:
        raise ValueError("is no URL: SCHEME://HOST:PORT/PATH")
    return url
