"""A schema registry over its log: what Confluent's does for Avro, in the same words.

Ids are 1, 2, 3, ...: one for each schema, whatever subjects it stands under. References between
schemas, hard deletion and other kinds of schemas than Avro's are not kept here, and refused.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from eventfold.digits import read_digits
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
from eventfold.records.schemas import SchemaLevel, SchemaVersion

if TYPE_CHECKING:
    from eventfold.formats.log import Entry, SchemaLog
    from eventfold.formats.subjects import Subjects


@dataclass(frozen=True)
class Registry:
    """The registry of this worker; all workers' are one, by their log.

    Each call sees all that was committed before it. All raise RegistryError.
    """

    log: SchemaLog

    async def _now(self) -> Subjects:
        await self.log.catch_up()
        return self.log.subjects

    # -- schemas

    async def schema(self, id_: int) -> str:
        """Give the text of a schema. An id's never changes, so a known one is answered at once."""
        subjects = self.log.subjects
        return subjects.schema(id_) if id_ < subjects.next_id else (await self._now()).schema(id_)

    async def uses(self, id_: int) -> list[SchemaVersion]:
        """Give the versions that have this id."""
        return (await self._now()).uses(id_)

    # -- subjects

    async def subjects(self) -> list[str]:
        """Give the names of all."""
        return list((await self._now()).names())

    async def versions(self, subject: str) -> list[SchemaVersion]:
        """Give the versions of a subject, the first one first."""
        return (await self._now()).versions(subject)

    async def version(self, subject: str, version: str) -> SchemaVersion:
        """Give a version by its number, or `latest`."""
        number = version_number(version)
        return (await self._now()).version(subject, number)

    async def find(self, subject: str, text: str) -> SchemaVersion:
        """Give the version of a subject that has this schema."""
        schema, subjects = parse(text), await self._now()
        subjects.versions(subject)
        found = subjects.find(subject, schema)
        if found is None:
            raise no_schema()
        return found

    async def register(self, subject: str, text: str) -> SchemaVersion:
        """Give the version of a subject with this schema: a new one if the level allows it."""
        demand_size(text)
        schema = parse(text)
        while True:
            subjects = await self._now()
            known = subjects.find(subject, schema)
            if known:
                # As at nearly every start: nobody else's registration need be fenced for that.
                return known
            before = _before(subjects, subject)
            reasons = await judged(_written(schema), *before)
            if reasons:
                raise incompatible(subject, reasons)
            new = await self.log.write(partial(_decide, subject, schema, before))
            if new:
                return new

    async def delete(self, subject: str, version: str | None = None) -> list[int]:
        """Take a version, or all of a subject, away; give their numbers. Ids stay what they are."""

        def decide(subjects: Subjects) -> tuple[list[int], list[Entry]]:
            gone = subjects.versions(subject)
            if version is not None:
                gone = [subjects.version(subject, version_number(version))]
            entries: list[Entry] = [replace(each, deleted=True, time=_now_ms()) for each in gone]
            return [each.version for each in gone], entries

        return await self.log.write(decide)

    # -- compatibility

    async def compatibility(self, subject: str, text: str, version: str | None) -> list[str]:
        """Say why a schema may not follow a version, or those its level asks about if None."""
        demand_size(text)
        schema, subjects = parse(text), await self._now()
        olds, level = _before(subjects, subject)
        if version is not None:
            olds = [subjects.version(subject, version_number(version)).schema]
        return await judged(_written(schema), olds, level)

    async def level(self, subject: str, *, default: bool = False) -> Level:
        """Give the level of a subject's own, that of all others for an empty name.

        With `default`, that of all others where the subject has none of its own.
        """
        subjects = await self._now()
        own = subjects.own_level(subject)
        if own is None and subject and not default:
            raise no_level(subject)
        return own or subjects.level(subject)

    async def set_level(self, subject: str, level: Any) -> Level:
        """Set the level of a subject, or of all without their own for an empty name."""
        if not isinstance(level, str) or level.upper() not in Level.__members__:
            raise invalid_level(level)
        new = Level(level.upper())
        return await self.log.write(lambda _: (new, [_level(subject, new)]))

    async def forget_level(self, subject: str) -> Level:
        """Let a subject have no level of its own any more; give the one it had."""

        def decide(subjects: Subjects) -> tuple[Level, list[Entry]]:
            own = subjects.own_level(subject)
            if own is None:
                raise no_level(subject) if subject else no_subject(subject)
            return own, [_level(subject, None)]

        return await self.log.write(decide)


def version_number(version: str) -> int | None:
    """Give the number that is meant, None for the last one. Raises RegistryError (42202)."""
    if version in {"latest", "-1"}:
        return None
    number = read_digits(version)
    if number is not None and 0 < number < 2**31:
        return number
    raise invalid_version(version)


def _before(subjects: Subjects, subject: str) -> tuple[list[str], Level]:
    """Return what a new schema of a subject is judged by."""
    return [each.schema for each in subjects.alive(subject)], subjects.level(subject)


def _decide(
    subject: str, schema: Any, before: tuple[list[str], Level], subjects: Subjects
) -> tuple[SchemaVersion | None, list[Entry]]:
    """Return the version of a schema; None if it was judged by what is no longer so."""
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
