"""Avro records in Confluent's format: a zero byte, the schema's id (4 bytes, big-endian), Avro."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from io import BytesIO
from struct import Struct as Layout
from typing import Any

import msgspec

from eventfold.extras import demand
from eventfold.windows.errors import DefinitionError

_HEAD = Layout(">bI")


class AvroForm:
    """Avro serializer of a record type: the `write` of a topic, with its method `read` as `read`.

    The schema is registered under `subject` before any record is written: a worker does it when
    it starts (`start.py`). An output topic's subject is `{topic}-value`, as clients of
    Kafka expect it. Fields of the schema are those of the type, by their names. Raises
    DefinitionError if the extra `avro` is not installed.
    """

    def __init__(self, subject: str, kind: type[msgspec.Struct], schema: Mapping[str, Any]) -> None:
        demand("fastavro", "avro", subject, DefinitionError)
        self.subject = subject
        self.kind = kind
        self.text = json.dumps(schema, separators=(",", ":"))
        self._schema = schema
        self._head: bytes | None = None

    @cached_property
    def _codec(self) -> tuple[Callable[..., Any], Callable[..., Any], Any]:
        """Writer, reader and parsed schema: loaded with the first record."""
        from fastavro import parse_schema, schemaless_reader, schemaless_writer  # noqa: PLC0415

        parsed = parse_schema(dict(self._schema), named_schemas={})
        return schemaless_writer, schemaless_reader, parsed

    @property
    def schema_id(self) -> int | None:
        """The id of the registered schema; None before registration."""
        return None if self._head is None else int(_HEAD.unpack(self._head)[1])

    @schema_id.setter
    def schema_id(self, id_: int) -> None:
        self._head = _HEAD.pack(0, id_)

    def __call__(self, record: msgspec.Struct) -> bytes:
        """Return a record as bytes. Raises RuntimeError before the schema is registered."""
        if self._head is None:
            raise RuntimeError(f"the schema of {self.subject} is not registered yet")
        write, _, schema = self._codec
        out = BytesIO()
        out.write(self._head)
        write(out, schema, msgspec.structs.asdict(record))
        return out.getvalue()

    def read(self, value: bytes) -> msgspec.Struct:
        """Return the record of a value. Raises ValueError for another schema or a cut value."""
        if self._head is None or value[: _HEAD.size] != self._head:
            raise ValueError(f"not written with the schema of {self.subject}, id {self.schema_id}")
        _, read, schema = self._codec
        try:
            fields = read(BytesIO(value[_HEAD.size :]), schema, None)
        except (EOFError, IndexError) as error:
            raise ValueError("the value ends within a field") from error
        return msgspec.convert(fields, self.kind)
