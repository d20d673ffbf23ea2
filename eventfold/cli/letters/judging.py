"""Judgement of dead letters: which records may be sent again so that each table counts them once.

A record that is sent again reaches every table of its topic. So all of them must have refused it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from eventfold.cli.letters.fixing import Fix, FixError
from eventfold.cli.letters.reading import Entry, Place, Resent
from eventfold.engine.batch import Decoder
from eventfold.engine.clock import SystemClock
from eventfold.engine.definitions import of_metadata
from eventfold.engine.metrics import DECODE
from eventfold.engine.tasks import Tasks
from eventfold.kafka.owners import owns
from eventfold.records import DeadLetter, TopicOwner
from eventfold.records.reading import reader
from eventfold.topics import Timestamp

#: Beginnings of the errors of results that can't be written: such a letter holds the result.
_OF_RESULTS = ("TooLargeError:", "OverflowError:", "RecursionError:")


#: Beginning of the reason why a record that a worker can't read is not sent.
STILL = "still unreadable"


class UnsendableError(Exception):
    """A record may not be sent again; the message says why."""


class Record(NamedTuple):
    """A record as it is sent: the fields that a decoder reads, and its headers."""

    offset: int
    key: bytes | None
    value: bytes | None
    #: Kafka's timestamp (ms); None for the time of sending.
    timestamp: int | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Others:
    """Other applications that read topics: their tables by topic and application."""

    tables: Mapping[str, Mapping[str, Sequence[str]]]

    @classmethod
    def among(cls, committed: Mapping[str, Mapping[Any, Any]], own: Iterable[str]) -> "Others":
        """Return them by the offsets that groups have committed, those in `own` left out."""
        # Applications commit the names of their tables with each offset; other consumers do not.
        tables: dict[str, dict[str, list[str]]] = {}
        for group, offsets in committed.items():
            for tp, each in offsets.items() if group not in own else ():
                if each.metadata and (found := _tables_in(each.metadata)):
                    tables.setdefault(tp.topic, {})[group] = found
        return cls(tables)


def _tables_in(metadata: str) -> list[str]:
    try:
        return sorted(of_metadata(metadata))
    except (ValueError, OSError):
        return []


class Judge:
    """Decides which records an application may send again."""

    def __init__(
        self,
        tasks: Tasks,
        owners: Mapping[str, TopicOwner],
        others: Others,
        *,
        ignores_resets: bool = False,
    ) -> None:
        """Judge for the tables of `tasks`."""
        self._tasks = tasks
        self.conf = tasks.conf
        self._owners = owners
        self._others = others
        self._ignores_resets = ignores_resets
        self._decoder = cache(self._new_decoder)
        self._reader = cache(self._new_reader)

    def demand_resendable(self, place: Place, letters: Sequence[Entry], resent: Resent) -> None:
        """Raise UnsendableError unless each table that reads the topic has refused the record.

        Letters from before a reset of the application, which is in `resent`, do not count.
        """
        topic, tasks = place.topic, self._tasks
        tables = [table.name for table in tasks.tables_of(topic)]
        if not tables:
            raise UnsendableError(
                f"application {self.conf.app_id} reads no {topic}: use the application that does"
            )
        if tasks.writes(topic):
            raise UnsendableError(
                f"{topic} is written by steps of {self.conf.app_id} alone: a replay makes it of "
                "their sources and would lack the record"
            )
        if topic in self._owners and not owns(topic, self._owners, self.conf):
            owner = self._owners[topic].application
            raise UnsendableError(f"{topic} belongs to application {owner}, which alone writes it")
        since = 0 if self._ignores_resets else resent.reset_at(self.conf.app_id)
        stages = [letter.stage for letter in letters if letter.time >= since]
        if not stages:
            app_id = self.conf.app_id
            raise UnsendableError(
                f"application {app_id} was reset after this letter, and may have counted the "
                f"record since; --despite {app_id} if it could not"
            )
        if DECODE not in stages:
            _demand_all(tables, stages, topic)
        self._demand_refused_by_others(topic, tables, stages)

    def _demand_refused_by_others(self, topic: str, tables: list[str], stages: list[str]) -> None:
        """Raise UnsendableError if another application reads the topic and has not refused it."""
        left = Counter(stages)
        # Every application writes one letter for a record that it can't decode, else each table.
        left.subtract([DECODE] if left[DECODE] else tables)
        for application, theirs in self._others.tables.get(topic, {}).items():
            if left[DECODE] > 0:
                left[DECODE] -= 1
            elif all(left[table] > 0 for table in theirs):
                left.subtract(theirs)
            else:
                raise UnsendableError(
                    f"application {application} reads {topic} too ({', '.join(theirs)}) and would "
                    f"count it twice if it could read it; --despite {application} if it could "
                    "not, or runs no more"
                )

    def original(self, place: Place, letters: Sequence[DeadLetter], found: Any) -> Record:
        """Return the record of letters as it was, `found` in its topic or None if it is gone.

        Raises UnsendableError if a letter is about a result, or is not all of the record.
        """
        required = self._required(place.topic, letters)
        if found is not None:
            if not all(any(_holds(each, found.value) for each in group) for group in required):
                raise UnsendableError(
                    "the letter does not hold the record itself, which is counted, but a result "
                    "of it; or the topic was made anew since"
                )
            headers = tuple(found.headers)
            return Record(place.offset, found.key, found.value, found.timestamp, headers)
        if any(each.error.startswith(_OF_RESULTS) for group in required for each in group):
            raise UnsendableError(f"{place} is deleted: whether the letter holds it is unknown")
        letter = required[0][0]
        if letter.error.endswith(" bytes)") or "\ufffd" in (letter.key or ""):
            raise UnsendableError(f"{place} is deleted, and the letter holds only a part of it")
        if self._tasks.topics[place.topic].time is Timestamp.CREATE:
            raise UnsendableError(f"{place} is deleted, and with it its time, Kafka's timestamp")
        key = None if letter.key is None else letter.key.encode()
        return Record(place.offset, key, letter.value, None, ())

    def _required(self, topic: str, letters: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
        """Return the letters that must hold the record: one of each list."""
        if undecoded := [each for each in letters if each.stage == DECODE]:
            return [undecoded]
        names = [table.name for table in self._tasks.tables_of(topic)]
        return [[each for each in letters if each.stage == name] for name in names]

    def fixed(self, place: Place, record: Record, fix: Fix) -> Record:
        """Return a record with the changes of `fix`. Raises FixError."""
        record = record._replace(value=fix.apply(record.value))
        topic = self._tasks.topics[place.topic]
        if not (fix.rekeys and topic.keyed) or record.value is None:
            return record
        try:
            key = topic.key_of(self._reader(place.topic)(record.value)).encode()
        except Exception as error:
            raise FixError(f"{STILL}: {type(error).__name__}: {error}") from error
        return record._replace(key=key)

    def event_time(self, place: Place, record: Record, now: int) -> int:
        """Return a record's event time (ms). Raises UnsendableError if a worker can't read it."""
        raw: Any = record if record.timestamp is not None else record._replace(timestamp=now)
        decoded = self._decoder(place.topic, place.partition).decode([raw])
        if decoded.bad:
            raise UnsendableError(f"{STILL}: {decoded.bad[0].error}")
        return int(decoded.times[0])

    def late_for(self, topic: str, behind: int) -> list[str]:
        """Return the tables that take a record for late which is `behind` (ms) the newest."""
        tables = self._tasks.tables_of(topic)
        graces = {each.name: getattr(each, "grace", None) for each in tables}
        return [name for name, grace in graces.items() if grace is not None and behind > grace]

    def newest(self, tp: Any, records: Sequence[Any]) -> int | None:
        """Return the highest event time (ms) of records of a partition; None without any."""
        if not records:
            return None
        times = self._decoder(*tp).decode(records).times
        return max(times, default=None)

    def _new_reader(self, topic: str) -> Callable[[bytes], Any]:
        found = self._tasks.topics[topic]
        return found.read or reader(found.value)

    def _new_decoder(self, topic: str, partition: int) -> Decoder:
        return Decoder(
            *(self._tasks.topics[topic], partition, self.conf.max_ahead, SystemClock()),
            max_record=self.conf.max_record_bytes,
        )


def _holds(letter: DeadLetter, value: bytes | None) -> bool:
    """Return whether a letter holds a value, or the beginning of it that a letter keeps."""
    if value is None or letter.value is None:
        return value is letter.value
    return value[: len(letter.value)] == letter.value


def _demand_all(tables: list[str], stages: list[str], topic: str) -> None:
    """Raise UnsendableError unless all tables have refused the record."""
    refused = [name for name in tables if name in stages]
    counted = [name for name in tables if name not in stages]
    if refused and counted:
        raise UnsendableError(
            f"{' and '.join(refused)} refused it, {' and '.join(counted)} counted it already and "
            "would count it twice"
        )
    if counted:
        stage = stages[0]
        if stage == "timer":
            raise UnsendableError("it is about a timer: no record was refused")
        if stage.startswith("sink "):
            raise UnsendableError(
                f"only a sink rejected it: {' and '.join(counted)} counted it already"
            )
        raise UnsendableError(f"{stage} is no table or step of this application that reads {topic}")
