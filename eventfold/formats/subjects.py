"""Subjects: the registered schemas and levels, built from the records of `schemas`."""

import json
from collections.abc import Iterator
from typing import Any

from eventfold.decoding import decode_json
from eventfold.formats.compatibility import Level
from eventfold.formats.errors import no_schema, no_subject, no_version
from eventfold.records import SchemaLevel, SchemaVersion

#: Level of subjects for which none is set.
DEFAULT = Level.BACKWARD


class Subjects:
    """Versions of all subjects, schemas by id, and compatibility levels."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[int, SchemaVersion]] = {}
        self._schemas: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._levels: dict[str, Level] = {}

    def apply(self, record: SchemaVersion | SchemaLevel) -> None:
        """Apply a record of the log."""
        if isinstance(record, SchemaVersion):
            self._versions.setdefault(record.subject, {})[record.version] = record
            self._schemas[record.id] = record.schema
            self._ids[identity(decode_json(record.schema))] = record.id
        elif record.level is None:
            self._levels.pop(record.subject, None)
        else:
            self._levels[record.subject] = Level(record.level)

    # -- schemas

    def schema(self, id_: int) -> str:
        """Return the schema of an id, even if its versions are deleted. Raises RegistryError."""
        if id_ not in self._schemas:
            raise no_schema()
        return self._schemas[id_]

    def id_of(self, schema: Any) -> int | None:
        """Return the id of a schema, or None."""
        return self._ids.get(identity(schema))

    @property
    def next_id(self) -> int:
        """The id of the next schema."""
        return max(self._schemas, default=0) + 1

    def uses(self, id_: int) -> list[SchemaVersion]:
        """Return the versions with an id. Raises RegistryError for an unknown id."""
        self.schema(id_)
        return [each for name in self.names() for each in self.versions(name) if each.id == id_]

    # -- subjects

    def names(self) -> Iterator[str]:
        """Yield the names of the subjects that have a version, sorted."""
        return (name for name in sorted(self._versions) if self.alive(name))

    def alive(self, subject: str) -> list[SchemaVersion]:
        """Return the versions of a subject that are not deleted, oldest first."""
        found = self._versions.get(subject, {})
        return [found[number] for number in sorted(found) if not found[number].deleted]

    def versions(self, subject: str) -> list[SchemaVersion]:
        """Return the versions of a subject, oldest first. Raises RegistryError if it has none."""
        found = self.alive(subject)
        if not found:
            raise no_subject(subject)
        return found

    def version(self, subject: str, number: int | None) -> SchemaVersion:
        """Return a version of a subject, the last one for None. Raises RegistryError."""
        found = self.versions(subject)
        if number is None:
            return found[-1]
        for each in found:
            if each.version == number:
                return each
        raise no_version(number)

    def find(self, subject: str, schema: Any) -> SchemaVersion | None:
        """Return the version of a subject with this schema, or None."""
        id_ = self.id_of(schema)
        return next((each for each in self.alive(subject) if each.id == id_), None)

    def next_version(self, subject: str) -> int:
        """Return the number of a subject's next version; those of deleted ones are not reused."""
        return max(self._versions.get(subject, {}), default=0) + 1

    # -- levels

    def own_level(self, subject: str) -> Level | None:
        """Return the subject's own level, or None; an empty name stands for the global level."""
        return self._levels.get(subject)

    def level(self, subject: str) -> Level:
        """Return the level that applies to a subject: its own, the global or the default one."""
        return self._levels.get(subject) or self._levels.get("") or DEFAULT


def identity(schema: Any) -> str:
    """Return a canonical text of a schema, without blanks and with sorted keys.

    >>> identity({"type": "map", "values": "int"}) == identity({"values": "int", "type": "map"})
    True
    """
    return json.dumps(schema, sort_keys=True, separators=(",", ":"))
