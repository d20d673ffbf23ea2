"""JSON logs of the usual loggers: severity, message, host, application, process and time."""

import json
from typing import Any

import pytest

from app.logs.lines import parse_line, read_line

T, MS = 1_714_972_089_000, 1_714_972_089_123  # 2024-05-06T05:08:09Z and .123
ISO = "2024-05-06T05:08:09.123Z"
OTEL = {
    "timeUnixNano": "1714972089123000000",
    "severityNumber": 17,
    "severityText": "",
    "body": {"stringValue": "it"},
    "attributes": [{"key": "user", "value": {"stringValue": "bob"}}],
}
OTLP = {
    "resourceLogs": [
        {
            "resource": {
                "attributes": [
                    {"key": "service.name", "value": {"stringValue": "shop"}},
                    {"key": "host.name", "value": {"stringValue": "n1"}},
                ]
            },
            "scopeLogs": [{"logRecords": [OTEL]}],
        }
    ]
}
#: An object, and its severity, message, host, application, process and time.
SHAPES: list[tuple[Any, tuple[Any, ...]]] = [
    (  # GELF
        {
            "version": "1.1",
            "host": "example.org",
            "short_message": "disk full",
            "timestamp": 1385053862.3072,
            "level": 3,
        },
        (3, "disk full", "example.org", "", "", 1_385_053_862_307),
    ),
    (  # journald
        {
            "__REALTIME_TIMESTAMP": "1700000000123456",
            "_HOSTNAME": "n1",
            "SYSLOG_IDENTIFIER": "x",
            "PRIORITY": "3",
            "MESSAGE": [104, 101, 108, 108, 111, 255],
        },
        (3, "hello\ufffd", "n1", "x", "", 1_700_000_000_123),
    ),
    ({"severity": None, "level": "error", "message": "x"}, (3, "x", "", "", "", 0)),
    ({"LEVEL": "Error", "Message": "x", "HostName": "n1"}, (3, "x", "n1", "", "", 0)),
    ({"level": 200, "level_name": "WARNING", "message": "x"}, (4, "x", "", "", "", 0)),  # Monolog
    (  # CLEF
        {"@t": "2024-05-06T07:08:09.1234567Z", "@m": "hi", "@l": "Error"},
        (3, "hi", "", "", "", 1_714_979_289_123),
    ),
    (  # CLEF: no level is information, and a template without its message
        {
            "@t": ISO,
            "@mt": "Hi {Name}, {Count:000}",
            "Name": "Bo",
            "Count": 2,
            "SourceContext": "A",
        },
        (6, "Hi Bo, 2", "", "A", "", MS),
    ),
    (  # Serilog's own JSON
        {
            "Timestamp": "2024-05-06T07:08:09.1230000+02:00",
            "Level": "Warning",
            "MessageTemplate": "Hi",
            "RenderedMessage": "Hi",
            "Properties": {"SourceContext": "A.B"},
        },
        (4, "Hi", "", "A.B", "", MS),
    ),
    (  # .NET
        {
            "Timestamp": ISO,
            "EventId": 0,
            "LogLevel": "Critical",
            "Category": "A.B",
            "Message": "it",
            "State": {"Message": "it"},
        },
        (2, "it", "", "A.B", "", MS),
    ),
    (  # ECS, nested
        {
            "@timestamp": ISO,
            "log": {"level": "error", "logger": "a.b"},
            "message": "it",
            "host": {"name": "n1"},
            "process": {"pid": 7},
        },
        (3, "it", "n1", "a.b", "7", MS),
    ),
    (  # ECS, dotted
        {
            "@timestamp": ISO,
            "log.level": "error",
            "log.logger": "a.b",
            "message": "it",
            "host.name": "n1",
            "process.pid": 7,
        },
        (3, "it", "n1", "a.b", "7", MS),
    ),
    (OTEL, (3, "it", "", "", "", MS)),
    (OTLP, (3, "it", "n1", "shop", "", MS)),
    (  # OpenTelemetry, as its data model is written
        {
            "Timestamp": "1714972089123000000",
            "SeverityText": "INFO",
            "Body": "it",
            "Resource": {"service.name": "shop", "host.name": "n1"},
        },
        (6, "it", "n1", "shop", "", MS),
    ),
    (  # pino
        {"level": 40, "time": MS, "pid": 657, "hostname": "n1", "msg": "it"},
        (4, "it", "n1", "", "657", MS),
    ),
    (  # bunyan
        {"name": "a", "hostname": "n1", "pid": 7, "level": 50, "msg": "it", "time": ISO, "v": 0},
        (3, "it", "n1", "a", "7", MS),
    ),
    (  # zap
        {"level": "dpanic", "ts": 1714972089.1234, "logger": "a", "caller": "b.go:1", "msg": "it"},
        (2, "it", "", "a", "", MS),
    ),
    (  # logrus
        {"level": "warning", "msg": "it", "time": "2024-05-06T07:08:09+02:00"},
        (4, "it", "", "", "", T),
    ),
    (  # logback
        {
            "@timestamp": ISO,
            "logger_name": "a.B",
            "level": "TRACE",
            "level_value": 5000,
            "message": "it",
        },
        (7, "it", "", "a.B", "", MS),
    ),
    (  # log4j 2
        {
            "instant": {"epochSecond": 1714972089, "nanoOfSecond": 123000000},
            "level": "FATAL",
            "loggerName": "a.B",
            "message": "it",
        },
        (2, "it", "", "a.B", "", T),
    ),
    (  # MongoDB
        {"t": {"$date": ISO}, "s": "W", "c": "NETWORK", "id": 1, "ctx": "x", "msg": "it"},
        (4, "it", "", "NETWORK", "", MS),
    ),
    (  # tracing
        {"timestamp": ISO, "level": "INFO", "fields": {"message": "it"}, "target": "a::b"},
        (6, "it", "", "a::b", "", MS),
    ),
    (  # Docker: what is in its lines, else by the stream
        {"log": '{"level":"error","msg":"it","time":"x"}\n', "stream": "stdout", "time": ISO},
        (3, "it", "", "", "", MS),
    ),
    (
        {"log": "2001-01-01 00:00:00 WARN a.b: it\n", "stream": "stdout", "time": ISO},
        (4, "it", "", "a.b", "", MS),
    ),
    ({"log": "hello\n", "stream": "stderr", "time": ISO}, (3, "hello", "", "", "", MS)),
    ({"log": "hello\n", "stream": "stdout", "time": ISO}, (6, "hello", "", "", "", MS)),
    ({"message": "it failed", "time": ISO}, (3, "it failed", "", "", "", MS)),
    (
        {"severity": "info", "message": "x", "time": "10/Oct/2000:13:55:36 -0700"},
        (6, "x", "", "", "", 971_211_336_000),
    ),
]


@pytest.mark.parametrize(("value", "expected"), SHAPES)
def test_parts_are_found_by_the_names_of_each_logger(value: Any, expected: tuple[Any, ...]) -> None:
    """Whatever the case of a name; null means the next one."""
    line = read_line(json.dumps(value).encode()).line
    found = (line.severity, line.message, line.host, line.app, line.process, line.time)
    assert found == expected


def test_other_fields_are_kept() -> None:
    """Parts are taken out, the rest stays."""
    fields = read_line(json.dumps(OTEL).encode()).line.fields
    assert fields == {"severityText": "", "attributes": {"user": "bob"}}


def test_otlp_message_with_several_records_is_as_many_lines() -> None:
    """A collector sends batches; a record that is wrong is named."""
    group = OTLP["resourceLogs"][0]
    records = [{**OTEL, "severityNumber": number} for number in (1, 9, 13, 24)]
    batch = {"resourceLogs": [{**group, "scopeLogs": [{"logRecords": records}]}]}
    read = parse_line(json.dumps(batch))
    assert [each.line.severity for each in (read, *read.more)] == [7, 6, 4, 2]
    records[2]["severityNumber"] = 99
    with pytest.raises(ValueError, match="record 3 of the OTLP message: severity: 99"):
        parse_line(json.dumps(batch))


def test_numbers_of_pino_are_unknown_without_its_fields() -> None:
    """30 is a warning to one logger and information to another."""
    with pytest.raises(ValueError, match="severity: 30"):
        parse_line('{"level": 30, "message": "x"}')


def test_line_of_an_output_topic_is_read_as_it_is() -> None:
    """A record of `logs-error` can be sent to `logs` again."""
    value = (
        b'{"severity":3,"host":"h","app":"a","message":"m","time":1714972089123,"form":"rfc5424",'
        b'"facility":4,"process":"7","message_id":"ID1","fields":{"x":{"y":"z"}}}'
    )
    line = read_line(value).line
    assert (line.form, line.facility, line.message_id) == ("rfc5424", 4, "ID1")
    assert line.fields == {"x": {"y": "z"}}


@pytest.mark.parametrize("attributes", [[1], [{"key": "a"}], [[]], 7])
def test_attributes_with_another_structure_are_rejected(attributes: Any) -> None:
    """With the one kind of error that makes a dead letter."""
    with pytest.raises(ValueError, match=r"OpenTelemetry: its attributes|severity"):
        read_line(json.dumps({"timeUnixNano": "1", "attributes": attributes}).encode())
