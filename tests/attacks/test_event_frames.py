"""Each record reaches a reader of `/api/events` as one event of its topic, whatever its value."""

import json
import re
import socket

import pytest
from attacked import PATIENCE, Attacked
from hypothesis import given, settings
from hypothesis import strategies as st

from eventfold.web.live import feed
from eventfold.web.live.event import Event, Shape, frame
from eventfold.web.live.stream import HUB

#: Values that would end their own event and begin another.
VALUES = [
    b'{"symbol":"A"\n\nevent: candles\ndata: {"forged":true}\n\n}',
    b'{"symbol":"A"\r\rretry: 86400000\r\r}',
    b'{"symbol":"A"\r\nid: candles:99999\r\n}',
    b'{"symbol":"A"\revent: start\r}',
    b"\n\n",
    b"",
]


def fields_of(stream: bytes) -> list[dict[str, list[str]]]:
    """Parse a stream as browsers do (HTML standard, 9.2.6) into the fields of each event."""
    events: list[dict[str, list[str]]] = [{}]
    for line in re.split(r"\r\n|\n|\r", stream.decode("utf-8", "replace")):
        if not line:
            events.append({})
            continue
        name, _, value = line.partition(":")
        events[-1].setdefault(name, []).append(value.removeprefix(" "))
    return [event for event in events if event]


def _read(connection: socket.socket, until: bytes) -> bytes:
    received = b""
    while until not in received:
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    return received


@settings(deadline=None, database=None)
@given(name=st.text(), data=st.binary(), last_id=st.text(st.characters(exclude_categories=["Cs"])))
def test_frame_contains_only_id_event_and_data(name: str, data: bytes, last_id: str) -> None:
    """Each of them at most once."""
    for event in fields_of(frame(name, data, last_id=last_id)):
        assert set(event) <= {"id", "event", "data"}
        assert all(len(values) == 1 for values in event.values())


@given(
    record=st.dictionaries(st.text(), st.text() | st.integers()), indent=st.sampled_from([None, 2])
)
@settings(deadline=None, database=None)
def test_json_of_a_record_survives_framing(record: dict, indent: int | None) -> None:
    """Also JSON that spans several lines."""
    value = json.dumps(record, indent=indent).replace("\n", "\r\n").encode()
    (event,) = fields_of(frame("surges", value))
    assert json.loads(event["data"][0]) == record


@pytest.mark.parametrize("value", VALUES)
def test_record_value_cannot_forge_an_event(
    worker: Attacked, value: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value sets no event name, id or retry time; the next event arrives whole."""
    # There is no broker to wait for, so the stream starts with a gap.
    monkeypatch.setattr(feed, "START", 0.01)
    hub = worker.app.web.web_app[HUB]
    others = set(hub._readers)
    with socket.create_connection(("127.0.0.1", worker.port), PATIENCE) as connection:
        connection.sendall(
            b"GET /api/events?watch=dead-letters HTTP/1.0\r\nHost: 127.0.0.1\r\n"
            + worker.auth_header + b"\r\n"
        )  # fmt: skip
        received = _read(connection, b"event: start")
        (reader,) = hub._readers.keys() - others
        for offset, each in enumerate((value, b'{"last":1}')):
            event = Event("dead-letters", 0, offset, "A", each, Shape())
            worker.call(reader.offer, event)
        received += _read(connection, b'{"last":1}')
        worker.assert_answers_readers()
    events = [e for e in fields_of(received.partition(b"\r\n\r\n")[2]) if e != {"retry": ["1000"]}]
    names = [event["event"] for event in events]
    assert names[0] == ["start"]
    assert names[-1] == ["dead-letters"]
    assert {name for (name,) in names[1:]} <= {"dead-letters", "beat", "gap"}
    assert all(set(event) <= {"id", "event", "data"} for event in events)
    assert json.loads(events[-1]["data"][0]) == {"last": 1}
