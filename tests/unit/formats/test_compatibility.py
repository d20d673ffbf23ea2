"""Compatibility of schemas: Avro's rules of resolution, by example and against a decoder."""

import json
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventfold.formats.compatibility import Level, judge, parse, unreadable
from eventfold.formats.errors import RegistryError


def record(*fields: Any, name: str = "R", **more: Any) -> Any:
    """Return a record's schema; a field is a name and a type, perhaps a default."""
    made = [
        {"name": each[0], "type": each[1], **({"default": each[2]} if len(each) > 2 else {})}
        for each in fields
    ]
    return {"type": "record", "name": name, "fields": made, **more}


def enum(*symbols: str, **more: Any) -> Any:
    """Return an enum's schema."""
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


A = ("a", "int")

#: Reader, writer, whether the reader reads the records: specification 1.12, "Schema Resolution".
RULES = [
    (record(A), record(A), True),
    (record(A), record(A, ("b", "string")), True),  # the writer's field is ignored
    (record(A, ("b", "string", "")), record(A), True),  # the reader's default is used
    (record(A, ("b", "string")), record(A), False),  # and where there is none, it is an error
    (record(("b", "int"), A), record(A, ("b", "int")), True),  # fields are matched by name
    (record(A, name="S"), record(A), False),
    (record(A, name="S", aliases=["R"]), record(A), True),
    *[("long", "int", True), ("float", "int", True), ("double", "int", True)],
    *[("float", "long", True), ("double", "long", True), ("double", "float", True)],
    *[("int", "long", False), ("float", "double", False), ("int", "string", False)],
    *[("string", "bytes", True), ("bytes", "string", True), ("boolean", "int", False)],
    (record(("a", "long")), record(A), True),
    (record(A), record(("a", "long")), False),
    (["null", "int"], "int", True),
    ("int", ["null", "int"], False),
    (["null", "int", "string"], ["int", "null"], True),
    (["null", "int"], ["null", "string"], False),
    (["null", "long"], ["null", "int"], True),
    (enum("x", "y"), enum("x"), True),
    (enum("x"), enum("x", "y"), False),
    (enum("x", default="x"), enum("x", "y"), True),
    ({"type": "array", "items": "long"}, {"type": "array", "items": "int"}, True),
    ({"type": "array", "items": "int"}, {"type": "array", "items": "string"}, False),
    ({"type": "map", "values": "double"}, {"type": "map", "values": "float"}, True),
    ({"type": "map", "values": "int"}, {"type": "array", "items": "int"}, False),
    (
        {"type": "fixed", "name": "F", "size": 4},
        {"type": "fixed", "name": "F", "size": 4},
        True,
    ),
    (
        {"type": "fixed", "name": "F", "size": 4},
        {"type": "fixed", "name": "F", "size": 5},
        False,
    ),
]


@pytest.mark.parametrize(("reader", "writer", "reads"), RULES)
def test_readability_follows_the_avro_specification(reader: Any, writer: Any, reads: bool) -> None:
    """Unreadable schemas have at least one reason."""
    assert (unreadable(reader, writer) == []) is reads


def test_recursive_type_is_judged() -> None:
    """A linked list gains a field: the comparison terminates."""
    old = record(("value", "int"), ("next", ["null", "R"]))
    new = record(("value", "long"), ("next", ["null", "R"]), ("label", "string", ""))
    assert unreadable(new, old) == []
    assert unreadable(old, new) != []


FIRST, SECOND, THIRD = (
    record(A),
    record(A, ("b", "int", 0)),
    record(A, ("b", "int", 0), ("c", "int")),
)


@pytest.mark.parametrize(
    ("level", "new", "olds", "allowed"),
    [
        # A field without a default can be taken away, not added, for readers of the new one.
        ("BACKWARD", FIRST, [THIRD], True),
        ("BACKWARD", THIRD, [SECOND], False),
        # For readers of the old one it is the other way round.
        ("FORWARD", THIRD, [SECOND], True),
        ("FORWARD", SECOND, [THIRD], False),
        ("FULL", SECOND, [FIRST], True),
        ("FULL", THIRD, [SECOND], False),
        ("FULL", FIRST, [THIRD], False),
        ("NONE", "string", [THIRD], True),
        # Only the last version is checked, or all are.
        ("BACKWARD", record(A, ("d", "int")), ["string"], False),
        ("BACKWARD", record(A), ["string", record(A)], True),
        ("BACKWARD_TRANSITIVE", record(A), ["string", record(A)], False),
        ("FORWARD_TRANSITIVE", record(A), [THIRD, record(A)], False),
        ("FORWARD", record(A), [THIRD, record(A)], True),
        ("FULL_TRANSITIVE", SECOND, [FIRST, SECOND], True),
        ("FULL_TRANSITIVE", record(("b", "int", 0)), [FIRST, record(("b", "int", 0))], False),
        ("FULL", record(("b", "int", 0)), [FIRST, record(("b", "int", 0))], True),
        ("BACKWARD", THIRD, [], True),
    ],
)
def test_each_level_checks_its_directions_and_versions(
    level: str, new: Any, olds: list[Any], allowed: bool
) -> None:
    """Readers, writers or both; the last version or all."""
    assert (judge(new, olds, Level(level)) == []) is allowed


PRIMITIVES = st.sampled_from(["int", "long", "float", "double", "string", "boolean", "null"])
TYPES = st.one_of(
    PRIMITIVES,
    st.lists(PRIMITIVES, min_size=1, max_size=3, unique=True),
    st.builds(lambda items: {"type": "array", "items": items}, PRIMITIVES),
    st.builds(lambda values: {"type": "map", "values": values}, PRIMITIVES),
)
EMPTY = {"int": 1, "long": 1, "float": 0.5, "double": 0.5, "string": "", "boolean": True}


def default(kind: Any) -> Any:
    """Return a default of a type."""
    if isinstance(kind, list):
        return default(kind[0])
    if isinstance(kind, dict):
        return [] if kind["type"] == "array" else {}
    return EMPTY.get(kind)


@st.composite
def records(draw: st.DrawFn) -> Any:
    """Draw a record of up to four fields, of four names."""
    fields = []
    for name in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)):
        kind = draw(TYPES)
        fields.append((name, kind, default(kind)) if draw(st.booleans()) else (name, kind))
    return record(*fields)


@settings(max_examples=200)
@given(records(), records(), st.data())
def test_schemas_judged_readable_are_read_by_fastavro(
    reader: Any, writer: Any, data: st.DataObject
) -> None:
    """Whichever values are written."""
    if unreadable(reader, writer):
        return

    def value(kind: Any) -> Any:
        if isinstance(kind, list):
            return value(data.draw(st.sampled_from(kind)))
        if isinstance(kind, dict):
            inner = value(kind.get("items") or kind.get("values"))
            return [inner] if kind["type"] == "array" else {"k": inner}
        return EMPTY.get(kind)

    written = {field["name"]: value(field["type"]) for field in writer["fields"]}
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(writer), written)
    out.seek(0)
    read = fastavro.schemaless_reader(
        out, fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    )
    assert set(read) == {field["name"] for field in reader["fields"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "{}",
        "[1]",
        '{"type": "record", "name": "R"}',
        '{"type": "record", "name": "1R", "fields": []}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "S"}]}',
        '{"type": "enum", "name": "E", "symbols": ["x", "x"]}',
        '["int", "int"]',
        "[" * 5000,
    ],
)
def test_invalid_schema_is_rejected(text: str) -> None:
    """With the registry's own error."""
    with pytest.raises(RegistryError, match="Invalid schema") as refused:
        parse(text)
    assert refused.value.code == 42201


def test_a_schema_is_the_same_in_any_spelling() -> None:
    """A bare name, or as JSON; an unknown logical type is an ordinary type."""
    assert parse("string") == parse('"string"') == "string"
    assert parse('{"type": "long", "logicalType": "of-our-own"}')["type"] == "long"
    assert parse(json.dumps(FIRST)) == FIRST
