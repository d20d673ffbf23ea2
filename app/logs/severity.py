"""Severities of log lines, as numbers and as words."""

from types import MappingProxyType

#: RFC 5424's numbers (section 6.2.1, table 2), each with the words in use for it: those of syslog,
#: log4j, logback, java.util.logging, Python, .NET, Go and the clouds.
_BY_NUMBER = {
    0: "emerg emergency panic",
    1: "alert",
    2: "crit critical fatal ftl",
    3: "err error severe eror fail",
    4: "warn warning wrn",
    5: "notice",
    6: "info information informational inf",
    7: "debug dbg dbug trace trce verbose config fine finer finest",
}
WORDS = MappingProxyType(
    {word: number for number, words in _BY_NUMBER.items() for word in words.split()}
)

#: The class, which is the topic, of each number. Debug goes with info: neither needs attention at
#: once, and a consumer can filter by severity.
CLASSES = ("critical", "critical", "critical", "error", "warning", "info", "info", "info")


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
    raise ValueError(f"{given!r} is no severity: a number from 0 to 7 or a word such as error")
