"""What is registered, as it follows from the records of `schemas`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventfold.decoding import decode_json
from eventfold.formats.compatibility import Level
from eventfold.formats.errors import no_schema, no_subject, no_version
from eventfold.records.schemas import SchemaLevel, SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Level of what nobody has set one for.
DEFAULT = Level.BACKWARD


class Subjects:
    """The versions of all subjects, the schemas by their ids, the levels."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[int, SchemaVersion]] = {}
        self._schemas: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._levels: dict[str, Level] = {}

    def apply(self, record: SchemaVersion | SchemaLevel) -> None:
        """Take a record in."""
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
        """Give the schema of an id, whatever became of its versions. Raises RegistryError."""
        if id_ not in self._schemas:
            raise no_schema()
        return self._schemas[id_]

    def id_of(self, schema: Any) -> int | None:
        """Give the id of a schema, if it has one."""
        return self._ids.get(identity(schema))

    @property
    def next_id(self) -> int:
        """The id of the next schema."""
        return max(self._schemas, default=0) + 1

    def uses(self, id_: int) -> list[SchemaVersion]:
        """Give the versions of an id."""
        self.schema(id_)
        return [each for name in self.names() for each in self.versions(name) if each.id == id_]

    # -- subjects

    def names(self) -> Iterator[str]:
        """Give the subjects that have a version, in order."""
        return (name for name in sorted(self._versions) if self.alive(name))

    def alive(self, subject: str) -> list[SchemaVersion]:
        """Give the versions of a subject that are not deleted, the first one first."""
        found = self._versions.get(subject, {})
        return [found[number] for number in sorted(found) if not found[number].deleted]

    def versions(self, subject: str) -> list[SchemaVersion]:
        """Give the versions of a subject, the first one first. Raises RegistryError for none."""
        found = self.alive(subject)
        if not found:
            raise no_subject(subject)
        return found

    def version(self, subject: str, number: int | None) -> SchemaVersion:
        """Give a version of a subject, the last one for None. Raises RegistryError."""
        found = self.versions(subject)
        if number is None:
            return found[-1]
        for each in found:
            if each.version == number:
                return each
        raise no_version(number)

    def find(self, subject: str, schema: Any) -> SchemaVersion | None:
        """Give the version of a subject that has the schema."""
        id_ = self.id_of(schema)
        return next((each for each in self.alive(subject) if each.id == id_), None)

    def next_version(self, subject: str) -> int:
        """Give the number of a subject's next version: none is given twice."""
        return max(self._versions.get(subject, {}), default=0) + 1

    # -- levels

    def own_level(self, subject: str) -> Level | None:
        """Give the level of a subject's own; of all others' for an empty name."""
        return self._levels.get(subject)

    def level(self, subject: str) -> Level:
        """Give the level that holds for a subject."""
        return self._levels.get(subject) or self._levels.get("") or DEFAULT


def identity(schema: Any) -> str:
    """Give what is the same for two texts of one schema: order of keys and blanks don't count."""
    return json.dumps(schema, sort_keys=True, separators=(",", ":"))
