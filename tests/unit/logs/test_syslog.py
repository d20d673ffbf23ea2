"""Lines of syslog: the examples of both RFCs, their fields, and rejected lines."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.syslog import parse_syslog
from app.logs.years import latest, nearest


def ms(text: str) -> int:
    """Convert an ISO time to ms since the epoch."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_the_examples_of_rfc_5424_are_read() -> None:
    """Section 6.5: with and without structured data, with a byte order mark, with neither."""
    su = parse_syslog(
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
        "\ufeff'su root' failed for lonvick on /dev/pts/8"
    )
    assert su.form == "rfc5424"
    assert (su.facility, su.severity, su.host, su.app) == (4, 2, "mymachine.example.com", "su")
    assert (su.process, su.message_id) == ("", "ID47")
    assert su.message == "'su root' failed for lonvick on /dev/pts/8"
    assert su.time == ms("2003-10-11T22:14:15.003Z")

    own = parse_syslog(
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make "
        "the do-nuts."
    )
    assert (own.facility, own.severity, own.host, own.process) == (20, 5, "192.0.2.1", "8710")
    assert own.time == ms("2003-08-24T12:14:15Z")
    assert own.message == "%% It's time to make the do-nuts."

    data = parse_syslog(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
        '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]'
        '[examplePriority@32473 class="high"]'
    )
    assert data.fields == {
        "exampleSDID@32473": {"iut": "3", "eventSource": "Application", "eventID": "1011"},
        "examplePriority@32473": {"class": "high"},
    }
    assert data.message == ""


def test_the_examples_of_rfc_3164_are_read() -> None:
    """Section 5.4: a full line, and one without a header, whose priority is all that is known."""
    su = parse_syslog(
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"
    )
    assert (su.form, su.facility, su.severity) == ("rfc3164", 4, 2)
    assert (su.host, su.app, su.bsd_time) == ("mymachine", "su", "Oct 11 22:14:15")
    assert su.message == "'su root' failed for lonvick on /dev/pts/8"
    local = parse_syslog("<13>Feb  5 17:32:18 cron[77]: started: all")
    assert (local.host, local.app, local.process) == ("", "cron", "77")
    assert local.message == "started: all"
    bare = parse_syslog("<11>out of paper")
    assert (bare.severity, bare.host, bare.app, bare.message) == (3, "", "", "out of paper")


@given(
    st.dictionaries(
        st.text("abcXYZ@.0123-_", min_size=1, max_size=32),
        st.dictionaries(
            st.text("abcXYZ.0123-_", min_size=1, max_size=32), st.text(max_size=20), max_size=3
        ),
        max_size=3,
    ),
    st.text(max_size=30).filter(lambda text: not text.startswith("\ufeff")),
    st.integers(0, 191),
)
def test_structured_data_is_unescaped(
    fields: dict[str, dict[str, str]], message: str, priority: int
) -> None:
    """Quotes, backslashes and brackets are escaped (section 6.3.3), nothing else is."""

    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")

    written = ""
    for name, params in fields.items():
        pairs = [f' {key}="{escaped(value)}"' for key, value in params.items()]
        written += f"[{name}{''.join(pairs)}]"
    line = parse_syslog(f"<{priority}>1 - - - - - {written or '-'} {message}")
    assert (line.fields, line.message) == (fields, message)
    assert (line.facility, line.severity) == divmod(priority, 8)


def test_backslash_before_another_character_is_kept() -> None:
    """As section 6.3.3 demands."""
    assert parse_syslog(r'<1>1 - - - - - [a b="c:\d\\e"]').fields == {"a": {"b": r"c:\d\e"}}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no priority",
        "<192>Oct 11 22:14:15 host su: too high",
        "<192>1 - - - - - -",
        "<034>1 - - - - - -",
        "<34>1 2003-10-11T22:14:15.003Z mymachine",
        "<34>1 2003-10-11t22:14:15.003z host app - - - lower case",
        "<34>1 2003-13-11T22:14:15Z host app - - - month 13",
        "<34>1 2003-10-11T22:14:60Z host app - - - a leap second (section 6.2.3)",
        "<34>1 2003-10-11T22:14:15.0031234567Z host app - - - ten digits",
        '<34>1 - - - - - [a b="c] not closed',
        '<34>1 - - - - - [a b="1"][a b="2"] one twice',
        "<34>1 - - - - - [a]no space",
        "<34>2 - - - - - - of a version to come",
    ],
)
def test_line_in_neither_form_is_rejected(line: str) -> None:
    """The error is a sentence; no field is guessed."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse_syslog(line)


def test_time_without_a_year_is_the_one_nearest_to_kafkas_timestamp() -> None:
    """Across New Year in both directions; a date on no calendar is None."""
    at = ms("2026-01-01T00:00:05Z")
    assert nearest("Dec 31 23:59:58", at) == ms("2025-12-31T23:59:58Z")
    assert nearest("Jan  1 00:00:02", ms("2025-12-31T23:59:59Z")) == ms("2026-01-01T00:00:02Z")
    assert nearest("Feb 29 12:00:00", ms("2024-03-01T00:00:00Z")) == ms("2024-02-29T12:00:00Z")
    assert nearest("Feb 30 12:00:00", at) is None
    assert datetime.fromtimestamp(at / 1000, UTC).year == 2026


def test_time_without_a_year_in_a_file_is_the_last_before_the_files_change() -> None:
    """A line of the evening before New Year is not put into the year to come."""
    until = ms("2026-01-02T00:00:00Z")
    assert latest("Dec 31 23:59:58", until) == ms("2025-12-31T23:59:58Z")
    assert latest("Jan  1 00:00:02.5", until) == ms("2026-01-01T00:00:02.5Z")
    assert latest("Feb 29 12:00:00", until) == ms("2024-02-29T12:00:00Z")
    assert latest("Feb 30 12:00:00", until) is None


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("<192>Oct 11 22:14:15 host su: x", "priority: 192"),
        ("<34>2 - - - - - - x", "RFC 5424: the version"),
        ("<34>1 2003-10-11 22:14:15 host app - - - x", "RFC 5424: the time"),
        ("<34>1 2003-10-11T22:14:15.003Z mymachine", "RFC 5424: the host"),
        ("<34>1 2003-10-11T22:14:15.003Z h app 1", "RFC 5424: the process"),
        ("<34>1 2003-13-11T22:14:15Z host app - - - x", "time: '2003-13-11T22:14:15Z'"),
        ('<34>1 - - - - - [a b="c] x', "structured data"),
    ],
)
def test_rejection_names_the_part_that_is_wrong(line: str, part: str) -> None:
    """So that a dead letter says what to repair."""
    with pytest.raises(ValueError, match=part):
        parse_syslog(line)
