"""What is written as Avro has its schema registered before a worker reads its first record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from app.schemas import client
from app.schemas.errors import RegistryError
from app.schemas.form import AvroForm
from app.schemas.log import SchemaLog
from app.schemas.registry import Registry
from app.topics import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.settings import Settings
    from app.state.table import StateTable


class SchemaError(Exception):
    """A schema can't be registered; the message is one line for the user."""


def forms_of(tables: Iterable[StateTable]) -> list[AvroForm]:
    """Give what the topics of the tables are written in, where that is Avro."""
    topics = {topic.name: topic for table in tables for topic in table.topics}
    return [topic.write for topic in topics.values() if isinstance(topic.write, AvroForm)]


async def register_all(
    tables: Iterable[StateTable], conf: Settings
) -> tuple[SchemaLog, Registry] | None:
    """Register the schemas of what the tables write; give the registry if it is ours.

    That is where there is something to register and TICKSTREAM_SCHEMA_REGISTRY names no other.
    Its log runs. Raises SchemaError.
    """
    forms = forms_of(tables)
    form = None
    try:
        if not forms:
            return None
        if conf.schema_registry:
            for form in forms:
                form.schema_id = await client.register(
                    conf.schema_registry, form.subject, form.text
                )
            return None
        log = SchemaLog(conf, SCHEMAS.name)
        await log.start()
        registry = Registry(log)
        for form in forms:
            form.schema_id = (await registry.register(form.subject, form.text)).id
    except (RegistryError, KafkaError) as error:
        what = form.subject if form else "the schemas"
        raise SchemaError(f"{what} can't be registered: {error}") from error
    return log, registry
