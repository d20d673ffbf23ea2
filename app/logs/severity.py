"""Severities of log lines, as numbers and as words."""

import re
from types import MappingProxyType

#: RFC 5424's numbers (section 6.2.1, table 2), each with the words in use for it: those of syslog,
#: log4j, logback, java.util.logging, Python, .NET, Go, MongoDB, PostgreSQL and the clouds. Letters
#: are those of Android, klog and MongoDB.
_BY_NUMBER = {
    0: "emerg emergency panic",
    1: "alert",
    2: "crit critical fatal ftl dpanic f",
    3: "err error severe eror fail failure e",
    4: "warn warning wrn w",
    5: "notice",
    6: "info information informational inf log i",
    7: "debug dbg dbug trace trce verbose vrb config fine finer finest d v t d1 d2 d3 d4 d5",
}
WORDS = MappingProxyType(
    {word: number for number, words in _BY_NUMBER.items() for word in words.split()}
)

#: The class, which is the topic, of each number. Debug goes with info: neither needs attention at
#: once, and a consumer can filter by severity.
CLASSES = ("critical", "critical", "critical", "error", "warning", "info", "info", "info")

#: A level that a line states by itself: `level=warn`, `[error]`, `WARN`, or `warning:` at its
#: beginning.
_STATED = re.compile(
    r"\b(?:level|lvl|severity)[=:][\"']?(?P<pair>[A-Za-z]+)"
    r"|(?:^|[\s(|])\[(?P<bracket>[A-Za-z]{3,13})\s*\]"
    r"|^\W*(?P<first>[A-Za-z]{3,13})(?=:)"
    r"|(?<![\w./-])(?P<upper>[A-Z]{4,13})(?=[\s:|\])]|$)"
)
#: Words of a message that say how bad it is.
_WORDS_OF_SEVERITY = re.compile(
    r"\b(?:(?P<w2>panic|fatal|critical|emergency)"
    r"|(?P<w3>errors?|fail|fails|failed|failures?|exception)"
    r"|(?P<w4>warn|warnings?))\b"
    r"|[A-Za-z](?P<camel>(?-i:Error|Exception))\b",
    re.IGNORECASE,
)
#: Characters of a message in which such a word is looked for.
_LOOKED_AT = 1000


def parse_severity(given: object) -> int:
    """Parse a severity: RFC 5424's 0 to 7, as a number or as text, or a word in any case.

    Raises ValueError for anything else. Other scales are ambiguous: 30 is a warning in Python's
    logging and information in pino.

    >>> parse_severity("3"), parse_severity("WARN")
    (3, 4)
    """
    if isinstance(given, str):
        word = given.strip().lower()
        if word in WORDS:
            return WORDS[word]
        given = int(word) if word.isdecimal() and word.isascii() and len(word) < 3 else given
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 7:
        return given
    raise ValueError(f"severity: {given!r} is no severity: a number from 0 to 7, or a word")


def find_severity(message: str) -> int | None:
    """Find the severity that a message without a number has by its words; None if it has none.

    A level that it states comes before words such as *failed*; of these, the first one counts.

    >>> find_severity("Failed password for root"), find_severity("[warn] 2 errors")
    (3, 4)
    """
    message = message[:_LOOKED_AT]
    for found in _STATED.finditer(message):
        number = WORDS.get(found[found.lastgroup or 0].lower())
        if number is not None:
            return number
    words = _WORDS_OF_SEVERITY.search(message)
    if words is None:
        return None
    return 3 if words.lastgroup == "camel" else int((words.lastgroup or "w3")[1:])
