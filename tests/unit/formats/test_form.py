"""Records as Avro: byte for byte as in the specification and the wire format."""

import pytest

from app.beaconing.connections import Connection
from app.beaconing.connections_avro import CONNECTIONS
from app.beaconing.topics import CONN_EVENTS_AVRO
from eventfold.formats.form import AvroForm

NOON = 1_769_860_800_000


@pytest.fixture
def form() -> AvroForm:
    """Return the form of connections, registered under an id of more than a byte."""
    made = AvroForm("conn-events-avro-value", Connection, CONNECTIONS._schema)
    made.schema_id = 258
    return made


def test_value_is_magic_byte_schema_id_and_avro(form: AvroForm) -> None:
    """A zero, four bytes of the id, then strings by length and zig-zag numbers."""
    value = form(Connection("a", "bc", 443, 1, 2))
    assert value == b"\0\0\0\1\2" + b"\2a" + b"\4bc" + b"\xf6\6" + b"\2" + b"\4"
    assert form.schema_id == 258


def test_written_values_are_read_back(form: AvroForm) -> None:
    """The same record; another schema's id, JSON and a cut value are rejected with ValueError."""
    connection = Connection("ünïcode", "b", 65535, 2**63 - 1, NOON)
    value = form(connection)
    assert form.read(value) == connection
    for wrong in (b"", b"{}", b"\0\0\0\1\3" + value[5:], value[:9], b"\1" + value[1:]):
        with pytest.raises(ValueError, match=r"\w+"):
            form.read(wrong)


def test_nothing_is_written_before_its_schema_is_registered() -> None:
    """An unknown id would be worse than an error."""
    made = AvroForm("s", Connection, CONNECTIONS._schema)
    with pytest.raises(RuntimeError, match="not registered"):
        made(Connection("a", "b", 0, 0, NOON))


def test_topic_writes_avro_under_the_standard_subject() -> None:
    """Clients look for the subject by the name of the topic."""
    assert CONN_EVENTS_AVRO.write is CONNECTIONS
    assert CONNECTIONS.subject == f"{CONN_EVENTS_AVRO.base_name}-value"
