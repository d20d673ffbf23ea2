"""Schema registry over its log: Confluent's functions for Avro, with the same names.

Ids are 1, 2, 3, ...: one for each schema, in whatever subjects it is. References between schemas,
hard deletion, and schemas other than Avro's are not supported and rejected.
"""

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from eventfold.decoding import read_digits
from eventfold.formats.compatibility import Level, parse
from eventfold.formats.errors import (
    incompatible,
    invalid_level,
    invalid_version,
    no_level,
    no_schema,
    no_subject,
)
from eventfold.formats.judging import demand_size, judged
from eventfold.formats.log import Entry, SchemaLog
from eventfold.formats.subjects import Subjects
from eventfold.records import SchemaLevel, SchemaVersion


@dataclass(frozen=True)
class Registry:
    """Registry on the workers' shared log: reads all committed before. Raises RegistryError."""

    log: SchemaLog

    async def _now(self) -> Subjects:
        await self.log.catch_up()
        return self.log.subjects

    # -- schemas

    async def schema(self, id_: int) -> str:
        """Return the text of a schema; at once if known, since that of an id never changes."""
        subjects = self.log.subjects
        return subjects.schema(id_) if id_ < subjects.next_id else (await self._now()).schema(id_)

    async def uses(self, id_: int) -> list[SchemaVersion]:
        """Return the versions that have this id."""
        return (await self._now()).uses(id_)

    # -- subjects

    async def subjects(self) -> list[str]:
        """Return the names of all subjects."""
        return list((await self._now()).names())

    async def versions(self, subject: str) -> list[SchemaVersion]:
        """Return the versions of a subject, oldest first."""
        return (await self._now()).versions(subject)

    async def version(self, subject: str, version: str) -> SchemaVersion:
        """Return a version by its number, or `latest`."""
        number = version_number(version)
        return (await self._now()).version(subject, number)

    async def find(self, subject: str, text: str) -> SchemaVersion:
        """Return the version of a subject with this schema."""
        schema, subjects = parse(text), await self._now()
        subjects.versions(subject)
        found = subjects.find(subject, schema)
        if found is None:
            raise no_schema()
        return found

    async def register(self, subject: str, text: str) -> SchemaVersion:
        """Return the version of a subject with this schema; create it if the level allows that."""
        demand_size(text)
        schema = parse(text)
        while True:
            subjects = await self._now()
            known = subjects.find(subject, schema)
            if known:
                # As at nearly every start: return without fencing the registrations of others.
                return known
            before = _before(subjects, subject)
            reasons = await judged(_written(schema), *before)
            if reasons:
                raise incompatible(subject, reasons)
            new = await self.log.write(partial(_decide, subject, schema, before))
            if new:
                return new

    async def delete(self, subject: str, version: str | None = None) -> list[int]:
        """Delete a version of a subject, or all; return their numbers. Schema ids remain valid."""

        def decide(subjects: Subjects) -> tuple[list[int], list[Entry]]:
            gone = subjects.versions(subject)
            if version is not None:
                gone = [subjects.version(subject, version_number(version))]
            entries: list[Entry] = [replace(each, deleted=True, time=_now_ms()) for each in gone]
            return [each.version for each in gone], entries

        return await self.log.write(decide)

    # -- compatibility

    async def compatibility(self, subject: str, text: str, version: str | None) -> list[str]:
        """Return why a schema may not follow a version, or those its level selects if None."""
        demand_size(text)
        schema, subjects = parse(text), await self._now()
        olds, level = _before(subjects, subject)
        if version is not None:
            olds = [subjects.version(subject, version_number(version)).schema]
        return await judged(_written(schema), olds, level)

    async def level(self, subject: str, *, default: bool = False) -> Level:
        """Return a subject's own level (of "" the global one), or the global one with `default`."""
        subjects = await self._now()
        own = subjects.own_level(subject)
        if own is None and subject and not default:
            raise no_level(subject)
        return own or subjects.level(subject)

    async def set_level(self, subject: str, level: Any) -> Level:
        """Set a subject's own level, or the global level for an empty name; return it."""
        if not isinstance(level, str) or level.upper() not in Level.__members__:
            raise invalid_level(level)
        new = Level(level.upper())
        return await self.log.write(lambda _: (new, [_level(subject, new)]))

    async def forget_level(self, subject: str) -> Level:
        """Remove a subject's own level, or the global level for an empty name; return it."""

        def decide(subjects: Subjects) -> tuple[Level, list[Entry]]:
            own = subjects.own_level(subject)
            if own is None:
                raise no_level(subject) if subject else no_subject(subject)
            return own, [_level(subject, None)]

        return await self.log.write(decide)


def version_number(version: str) -> int | None:
    """Return the number of a version, None for the last one. Raises RegistryError (42202).

    >>> version_number("3"), version_number("latest")
    (3, None)
    """
    if version in {"latest", "-1"}:
        return None
    number = read_digits(version)
    if number is not None and 0 < number < 2**31:
        return number
    raise invalid_version(version)


def _before(subjects: Subjects, subject: str) -> tuple[list[str], Level]:
    """Return the earlier schemas and the level to check a subject's new schema against."""
    return [each.schema for each in subjects.alive(subject)], subjects.level(subject)


def _decide(
    subject: str, schema: Any, before: tuple[list[str], Level], subjects: Subjects
) -> tuple[SchemaVersion | None, list[Entry]]:
    """Return the version of a schema, None if `before` is outdated, and the entries to write."""
    found = subjects.find(subject, schema)
    if found or _before(subjects, subject) != before:
        return found, []
    new = _new_version(subjects, subject, schema)
    return new, [new]


def _written(schema: Any) -> str:
    return json.dumps(schema, separators=(",", ":"))


def _new_version(subjects: Subjects, subject: str, schema: Any) -> SchemaVersion:
    number = subjects.next_version(subject)
    return SchemaVersion(
        key=f"version/{subject}/{number}",
        subject=subject,
        version=number,
        id=subjects.id_of(schema) or subjects.next_id,
        schema=_written(schema),
        time=_now_ms(),
    )


def _level(subject: str, level: Level | None) -> SchemaLevel:
    return SchemaLevel(f"level/{subject}", subject, level and level.value, _now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
