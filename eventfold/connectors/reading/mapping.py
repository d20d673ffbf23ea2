"""Mapping of a file's columns to the fields of records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class MissingColumnsError(Exception):
    """A file lacks a column that each record needs; the message is one line."""


def parse_pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """Return the pairs of `--map price=Close,time=Date+Time`. Raises ValueError for other text.

    >>> parse_pairs("--map", ["price=Close,time=Date+Time", "symbol=Name"])
    {'price': 'Close', 'time': 'Date+Time', 'symbol': 'Name'}
    """
    pairs = {}
    for part in (part for text in texts for part in text.split(",")):
        name, mark, value = part.partition("=")
        if not mark or not name.strip() or not value.strip():
            raise ValueError(f"{option}: {part!r} is not FIELD=... such as price=Close")
        pairs[name.strip()] = value.strip()
    return pairs


@dataclass(frozen=True)
class Columns:
    """Columns of a file, whose names are found without regard to case, blanks and `<...>`."""

    names: tuple[str, ...]

    def find(self, name: str) -> str | None:
        """Return the column of a name; an exact one comes first."""
        if name in self.names:
            return name
        return next((each for each in self.names if _plain(each) == _plain(name)), None)

    def sources(self, written: str) -> tuple[str, ...] | None:
        """Return the columns of `Close`, `Date+Time` (joined by a blank) or `Name|Symbol` (first).

        None if the file does not have them, none at all if it need not: `Close|`.
        """
        whole = self.find(written)
        if whole is not None:
            return (whole,)
        for choice in written.split("|"):
            found = [self.find(name) for name in choice.split("+")] if choice else []
            if None not in found:
                return tuple(name for name in found if name is not None)
        return None

    def below(self, field: str) -> list[tuple[str, str]]:
        """Return what follows `field.` in names of columns, such as `values.heat`, and columns."""
        start = f"{_plain(field)}."
        stripped = [(each.strip().strip("<>"), each) for each in self.names]
        return [
            (name[len(start) :], each) for name, each in stripped if _plain(name).startswith(start)
        ]


def describe_columns(names: Sequence[str]) -> str:
    """Describe the columns of a file, for an error."""
    listed = ", ".join(name or "''" for name in names[:40])
    return f"it has {listed}{', ...' if len(names) > 40 else ''}" if names else "it has none"


def _plain(name: str) -> str:
    return name.strip().strip("<>").strip().casefold()
