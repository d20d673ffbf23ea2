"""Selection of dead letters, and their groups by topic, step and reason."""

import re
from dataclasses import dataclass, field
from typing import Any

from eventfold.cli.letters.reading import Place, Resent
from eventfold.records import DeadLetter

#: What differs between letters of one reason: numbers, and what is quoted of a record.
_VARYING = re.compile(r"""b?'[^']*'|b?"[^"]*"|\d[\d.,]*""")


def summary(error: str) -> str:
    """Return a reason without what differs from record to record.

    >>> summary("ValueError: the key b'A' is not the record's symbol 'B'")
    "ValueError: the key … is not the record's symbol …"
    >>> summary("ValueError: the time is 7200000 ms ahead of the record's Kafka timestamp")
    "ValueError: the time is … ms ahead of the record's Kafka timestamp"
    """
    # The apostrophe of a genitive opens no quotation.
    return _VARYING.sub("…", error.replace("'s ", "\0 ")).replace("\0 ", "'s ")


@dataclass(frozen=True)
class Selection:
    """Filters of dead letters; without any, it selects all of them."""

    topic: str | None = None
    #: Times (ms) between which the letter was written: from `since`, before `until`.
    since: int | None = None
    until: int | None = None
    #: Text in the reason, in any case.
    reason: str | None = None
    places: frozenset[Place] = frozenset()

    def __bool__(self) -> bool:
        return self != Selection()

    def takes(self, letter: DeadLetter) -> bool:
        """Return whether a letter is selected."""
        return (
            (self.topic is None or letter.topic == self.topic)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
            and (self.reason is None or self.reason.lower() in letter.error.lower())
            and (not self.places or place_of(letter) in self.places)
        )


def place_of(letter: DeadLetter) -> Place:
    """Return the coordinates of the record that a letter is about."""
    return Place(letter.topic, letter.partition, letter.offset)


@dataclass
class Group:
    """Dead letters of one topic, step and reason."""

    topic: str
    step: str
    reason: str
    letters: int = 0
    #: Letters whose record was sent again.
    resent: int = 0
    #: Letters of records that had been sent again.
    again: int = 0
    first: int = 0
    last: int = 0
    #: Coordinates of the newest record that was not sent again, else of the newest.
    sample: str = ""
    error: str = ""
    _open: bool = field(default=False, repr=False)

    def add(self, letter: DeadLetter, resent: Resent) -> None:
        """Count a letter."""
        place = place_of(letter)
        was_resent = resent.of(place) is not None
        self.letters += 1
        self.resent += was_resent
        self.again += resent.origin(place) is not None
        self.first = min(self.first or letter.time, letter.time)
        self.last = max(self.last, letter.time)
        if not (was_resent and self._open):
            self.sample, self.error, self._open = str(place), letter.error, not was_resent

    def as_json(self) -> dict[str, Any]:
        """Return its public fields."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class Groups:
    """All groups of the letters added."""

    def __init__(self, resent: Resent) -> None:
        self._resent = resent
        self._groups: dict[tuple[str, str, str], Group] = {}

    def add(self, letter: DeadLetter) -> None:
        """Count a letter in its group."""
        key = (letter.topic, letter.stage, summary(letter.error))
        group = self._groups.setdefault(key, Group(*key))
        group.add(letter, self._resent)

    @property
    def sorted(self) -> list[Group]:
        """The groups by topic, each topic's largest first."""
        return sorted(self._groups.values(), key=lambda group: (group.topic, -group.letters))
