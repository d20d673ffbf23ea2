"""Log lines without JSON in the shapes in which they are met: each part, and refused lines."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.logs.lines import parse_line, read_line
from app.logs.records import Read
from app.logs.years import nearest

#: Times without a year are completed as of this time (ms).
NEAR = int(datetime(2024, 8, 1, tzinfo=UTC).timestamp() * 1000)


def parts(read: Read) -> dict[str, Any]:
    """Return the parts of a line that are not empty, its time as ISO 8601."""
    line = read.line
    time = nearest(read.bsd_time, NEAR) if read.bsd_time else line.time
    found: dict[str, Any] = {
        name: getattr(line, name) for name in ("host", "app", "process", "message", "severity")
    }
    if time:
        at = datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")
        found["time"] = at.removesuffix("+00:00").removesuffix(".000")
    return {name: value for name, value in found.items() if value != ""}


#: A line, and its host, application, process, message, severity and time; "" for none.
PRIORITY = [
    (
        "<38>2024-05-06T07:08:09.123456+02:00 web-1 sshd[812]: Failed password for root",
        ("web-1", "sshd", "812", "Failed password for root", 6, "2024-05-06T05:08:09.123"),
    ),
    (
        "<38>Nov 9 12:01:01 dn228 crond[2915]: session closed",
        ("dn228", "crond", "2915", "session closed", 6, "2024-11-09T12:01:01"),
    ),
    (
        "<38>Nov  9 12:01:01 dn228 crond[2915]: session closed",
        ("dn228", "crond", "2915", "session closed", 6, "2024-11-09T12:01:01"),
    ),
    (
        "<38>Nov 09 12:01:01 dn228 crond[2915]: session closed",
        ("dn228", "crond", "2915", "session closed", 6, "2024-11-09T12:01:01"),
    ),
    (
        "<38>Nov 19 12:01:01.250 host1 sshd[1]: hello",
        ("host1", "sshd", "1", "hello", 6, "2024-11-19T12:01:01.250"),
    ),
    (
        "<38>Nov 19 12:01:01 dn228 sshd(pam_unix)[2915]: authentication failure",
        ("dn228", "sshd(pam_unix)", "2915", "authentication failure", 6, "2024-11-19T12:01:01"),
    ),
    (
        "<14>Nov 19 12:01:01 mac1 Microsoft Word[14463]: error",
        ("mac1", "Microsoft Word", "14463", "error", 6, "2024-11-19T12:01:01"),
    ),
    (
        "<11>1 2024-05-21T19:32:12.581Z h1 app 6993 ID1 void DB::Sys failed",
        ("h1", "app", "6993", "void DB::Sys failed", 3, "2024-05-21T19:32:12.581"),
    ),
    (
        "<14>1 2023-10-12T06:46:31.088609123Z 10.0.0.4 qsys - - - Failed to send email",
        ("10.0.0.4", "qsys", "", "Failed to send email", 6, "2023-10-12T06:46:31.088"),
    ),
    (
        "83 <34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - su root failed",
        ("mymachine.example.com", "su", "", "su root failed", 2, "2003-10-11T22:14:15.003"),
    ),
    (
        "<166>Nov 19 2024 12:01:01 fw1 : %ASA-6-302013: Built outbound",
        ("fw1", "", "", "%ASA-6-302013: Built outbound", 6, "2024-11-19T12:01:01"),
    ),
    (
        "<30>2024-05-06 07:08:09 web-1 app: no T and no zone",
        ("web-1", "app", "", "no T and no zone", 6, "2024-05-06T07:08:09"),
    ),
]
ON_DISK = [
    (
        "Nov 19 12:01:01 dn228 sshd[2915]: Failed password for root",
        ("dn228", "sshd", "2915", "Failed password for root", 3, "2024-11-19T12:01:01"),
    ),
    (
        "Nov 9 12:01:01 combo syslogd 1.4.1: restart.",
        ("combo", "syslogd 1.4.1", "", "restart.", 5, "2024-11-09T12:01:01"),
    ),
    (
        "Jul  3 13:39:50 mac1 com.apple.launchd[1] (com.example[33438]): Service exited",
        ("mac1", "com.apple.launchd", "1", "Service exited", 5, "2024-07-03T13:39:50"),
    ),
    (
        "2024-05-06T07:08:09.123456+02:00 web-1 kernel: Out of memory",
        ("web-1", "kernel", "", "Out of memory", 5, "2024-05-06T05:08:09.123"),
    ),
    (
        "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: closed",
        ("dn228", "crond(pam_unix)", "2915", "closed", 5, "2005-11-09T20:01:01"),
    ),
]
LOGGERS = [
    (
        "2015-10-18 18:01:47,978 INFO [main] org.example.Master: Created",
        ("", "org.example.Master", "", "Created", 6, "2015-10-18T18:01:47.978"),
    ),
    (
        "2015-07-29 17:41:44,747 - WARN  [Peer[myid=1]/0:0:2181:FastElection@774] - timed out",
        ("", "FastElection", "", "timed out", 4, "2015-07-29T17:41:44.747"),
    ),
    (
        "2024-05-06 07:08:09.123  INFO 12345 --- [main] c.e.App : Started: it",
        ("", "c.e.App", "12345", "Started: it", 6, "2024-05-06T07:08:09.123"),
    ),
    (
        "2024-05-06 07:08:09,123 - my.module - ERROR - it broke",
        ("", "my.module", "", "it broke", 3, "2024-05-06T07:08:09.123"),
    ),
    (
        "17/06/09 20:10:40 INFO executor.Executor: Running task 1.0",
        ("", "executor.Executor", "", "Running task 1.0", 6, "2017-06-09T20:10:40"),
    ),
    (
        "081109 203615 148 WARN dfs.DataNode$Responder: terminating",
        ("", "dfs.DataNode$Responder", "148", "terminating", 4, "2008-11-09T20:36:15"),
    ),
    (
        "nova.log.1 2017-05-16 00:00:00.008 25746 INFO nova.wsgi.server [req-1] GET",
        ("", "nova.wsgi.server", "25746", "[req-1] GET", 6, "2017-05-16T00:00:00.008"),
    ),
    (
        "2016-09-28 04:30:30, Info                  CBS    Loaded Core: C:\\x.dll",
        ("", "CBS", "", "Loaded Core: C:\\x.dll", 6, "2016-09-28T04:30:30"),
    ),
    (
        "[Sun Dec 04 04:47:44 2005] [error] mod_jk child in error state 6",
        ("", "", "", "mod_jk child in error state 6", 3, "2005-12-04T04:47:44"),
    ),
    (
        "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4] [client 72.15.99.187] no",
        ("", "core", "35708", "no", 3, "2011-09-09T10:42:29.902"),
    ),
    (
        "[2024-05-06 07:08:09,123] WARN [Broker id=0] Lost it (kafka.server.Broker)",
        (
            "",
            "kafka.server.Broker",
            "",
            "Lost it (kafka.server.Broker)",
            4,
            "2024-05-06T07:08:09.123",
        ),
    ),
    (
        "[2024-05-06T07:08:09,123][INFO ][o.e.n.Node               ] [node-1] started",
        ("", "o.e.n.Node", "", "[node-1] started", 6, "2024-05-06T07:08:09.123"),
    ),
    (
        "2024/05/06 07:08:09 [error] 123#0: *1 open() failed",
        ("", "", "123", "*1 open() failed", 3, "2024-05-06T07:08:09"),
    ),
    (
        "2024-05-06 07:08:09.123 UTC [77] ERROR:  relation does not exist",
        ("", "", "77", "relation does not exist", 3, "2024-05-06T07:08:09.123"),
    ),
    (
        "2024-05-06 07:08:09.123 +02:00 [WRN] Slow",
        ("", "", "", "Slow", 4, "2024-05-06T05:08:09.123"),
    ),
    (
        "06-May-2024 07:08:09.123 SEVERE [main] org.apache.catalina.Startup.run stopped",
        ("", "org.apache.catalina.Startup.run", "", "stopped", 3, "2024-05-06T07:08:09.123"),
    ),
    (
        "03-17 16:13:38.811  1702  2395 W WindowManager: printing: it",
        ("", "WindowManager", "1702", "printing: it", 4, "2024-03-17T16:13:38.811"),
    ),
    (
        "E0506 07:08:09.123456   12345 file.go:12] it failed",
        ("", "file.go:12", "12345", "it failed", 3, "2024-05-06T07:08:09.123"),
    ),
    (
        "20171223-22:15:29:606|Step_LSC|30002312|onStandStepChanged 3579",
        ("", "Step_LSC", "30002312", "onStandStepChanged 3579", 5, "2017-12-23T22:15:29.606"),
    ),
    (
        '10.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.0" 503 26 "-" "curl"',
        ("", "", "", '"GET /x HTTP/1.0" 503 26 "-" "curl"', 3, "2000-10-10T20:55:36"),
    ),
    (
        'time="2024-05-06T07:08:09Z" level=warning msg="is \\"full\\"" disk=sda',
        ("", "", "", 'is "full"', 4, "2024-05-06T07:08:09"),
    ),
    (
        "2016-10-06T00:17:09.669794202Z stderr F it broke",
        ("", "", "", "it broke", 3, "2016-10-06T00:17:09.669"),
    ),
    (
        '2016-10-06T00:17:09.669794202Z stdout F {"level":"warn","msg":"inner","app":"a"}',
        ("", "a", "", "inner", 4, "2016-10-06T00:17:09.669"),
    ),
    (
        "\x1b[2m2024-05-06T07:08:09.123456Z\x1b[0m \x1b[33m WARN\x1b[0m my_app::db: slow query",
        ("", "my_app::db", "", "slow query", 4, "2024-05-06T07:08:09.123"),
    ),
    ("1715000000.123 WARN low", ("", "", "", "low", 4, "2024-05-06T12:53:20.123")),
]


@pytest.mark.parametrize(("text", "expected"), [*PRIORITY, *ON_DISK, *LOGGERS])
def test_each_part_of_a_line_is_found(text: str, expected: tuple[Any, ...]) -> None:
    """Host, application, process, message, severity and time (UTC)."""
    names = ("host", "app", "process", "message", "severity", "time")
    wanted = {name: value for name, value in zip(names, expected, strict=True) if value != ""}
    assert parts(read_line(text.encode())) == wanted


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("text", "time: the line begins with none"),
        ("java.lang.NullPointerException", "time: the line begins with none"),
        ("2024-13-06 07:08:09 INFO x", "time: '2024-13-06 07:08:09' does not exist"),
        ("2024-02-30T07:08:09Z INFO x", "time: .* does not exist"),
        ("05/06/2024 07:08:09 INFO x", "is 05 the day or the month"),
        ("[2024-05-06 07:08:09 INFO x", "is not closed"),
        ("12 <999>Nov 19 12:01:01 h a: b", "priority: 999"),
        ('{"level": "so-so", "msg": "x"}', "severity: 'so-so' is no severity"),
        ('{"msg": "x"}', "severity: the object has no severity"),
        ('{"resourceLogs": []}', "OTLP: .* no log records"),
    ],
)
def test_refusal_names_the_part_that_is_wrong(text: str, part: str) -> None:
    """A dead letter says what could not be read."""
    with pytest.raises(ValueError, match=part):
        parse_line(text)


def test_date_is_decided_where_one_number_can_only_be_the_day() -> None:
    """Either order is met; the other dates are refused."""
    times = {parse_line(f"{date}/2024 07:08:09 INFO x").line.time for date in ("05/26", "26/05")}
    assert times == {1_716_707_289_000}


def test_time_without_a_zone_is_in_the_zone_told() -> None:
    """In summer as in winter; a time with a zone keeps it; what was assumed is known."""
    berlin = ZoneInfo("Europe/Berlin")
    read = parse_line("2024-07-06 07:08:09 INFO x", berlin)
    assert (read.line.time, read.has_zone) == (1_720_242_489_000, False)
    read = parse_line("2024-07-06T05:08:09Z INFO x", berlin)
    assert (read.line.time, read.has_zone) == (1_720_242_489_000, True)
    read = parse_line('{"level": 3, "time": "2024-01-06 07:08:09,5"}', berlin)
    assert (read.line.time, read.has_zone) == (1_704_521_289_500, False)


@pytest.mark.parametrize(
    ("message", "severity", "source"),
    [
        ("ERROR it", 3, "words"),
        ("Warning: 2 errors", 4, "words"),
        ("[fatal] it", 2, "words"),
        ("request level=debug status=failed", 7, "words"),
        ("a NullPointerException was thrown", 3, "words"),
        ("authentication failure; user=root", 3, "words"),
        ("the information desk is open", 6, "assumed"),
        ("session opened", 6, "assumed"),
    ],
)
def test_severity_is_from_words_else_the_one_told(message: str, severity: int, source: str) -> None:
    """A level that is stated comes first, then words such as *failed*."""
    read = parse_line(f"Nov 19 12:01:01 dn228 app: {message}", severity=6)
    assert (read.line.severity, read.severity_from) == (severity, source)
