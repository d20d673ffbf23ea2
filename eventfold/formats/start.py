"""Registration of the schemas of Avro topics, before a worker reads its first record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from eventfold.extras import demand
from eventfold.formats import client
from eventfold.formats.errors import RegistryError
from eventfold.formats.form import AvroForm
from eventfold.formats.log import SchemaLog
from eventfold.formats.registry import Registry
from eventfold.topics import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eventfold.engine.table import StateTable
    from eventfold.records.schemas import SchemaVersion
    from eventfold.settings import Settings

#: Function of a subject and a schema's text that returns the schema's id.
_Ask = Callable[[str, str], Awaitable[int]]


class SchemaError(Exception):
    """Error of a schema that can't be registered or found; the message is one line for the user."""


def forms_of(tables: Iterable[StateTable]) -> list[AvroForm]:
    """Return the Avro serializers of the topics that the tables write."""
    topics = {topic.name: topic for table in tables for topic in table.topics}
    return [topic.write for topic in topics.values() if isinstance(topic.write, AvroForm)]


async def register_all(
    tables: Iterable[StateTable], conf: Settings
) -> tuple[SchemaLog, Registry] | None:
    """Register the schemas of the tables' Avro topics; return the registry of this worker, if any.

    It has one, with a running log, if there are schemas to register and EVENTFOLD_SCHEMA_REGISTRY
    names no external registry. Raises SchemaError.
    """
    forms = forms_of(tables)
    if not forms:
        return None
    if conf.schema_registry:
        await _ask(forms, partial(client.register, conf.schema_registry), "registered")
        return None
    log, registry = await _own(conf)
    await _ask(forms, _id_by(registry.register), "registered")
    return log, registry


async def find_all(tables: Iterable[StateTable], conf: Settings) -> None:
    """Set the ids of the registered schemas of the tables' Avro topics, without registering any.

    Raises SchemaError, also for a schema that no worker has registered yet.
    """
    forms = forms_of(tables)
    if not forms:
        return
    if conf.schema_registry:
        await _ask(forms, partial(client.find, conf.schema_registry), "found")
        return
    log, registry = await _own(conf)
    try:
        await _ask(forms, _id_by(registry.find), "found")
    finally:
        await log.stop()


async def _own(conf: Settings) -> tuple[SchemaLog, Registry]:
    topic = SCHEMAS.of(conf).name
    demand("avro", "avro", f"topic {topic}", SchemaError)
    log = SchemaLog(conf, topic)
    try:
        await log.start()
    except KafkaError as error:
        raise SchemaError(f"the log of schemas can't be read: {error}") from error
    return log, Registry(log)


def _id_by(ask: Callable[[str, str], Awaitable[SchemaVersion]]) -> _Ask:
    async def id_of(subject: str, text: str) -> int:
        return (await ask(subject, text)).id

    return id_of


async def _ask(forms: Iterable[AvroForm], id_of: _Ask, done: str) -> None:
    for form in forms:
        try:
            form.schema_id = await id_of(form.subject, form.text)
        except RegistryError as error:
            raise SchemaError(f"{form.subject} can't be {done}: {error}") from error
