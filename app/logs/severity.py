"""How severe a line of a log is, in numbers and in words."""

from types import MappingProxyType

#: RFC 5424's numbers (section 6.2.1, table 2) by the words that are in use for them: those of
#: syslog, log4j, logback, java.util.logging, Python, .NET, Go and the clouds.
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

#: The four classes of topics, by the number. Debug is told with info: nobody is called for
#: either, and who does not want it looks at the severity.
CLASSES = ("critical", "critical", "critical", "error", "warning", "info", "info", "info")


def parse_severity(given: object) -> int:
    """Give 0 to 7 for a number of RFC 5424, as a number or as text, or a word in any case.

    Raises ValueError for anything else, other scales of numbers among it: 30 is a warning to
    Python's logging and information to pino.
    """
    if isinstance(given, str):
        word = given.strip().lower()
        if word in WORDS:
            return WORDS[word]
        given = int(word) if word.isdecimal() and word.isascii() and len(word) < 3 else given
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 7:
        return given
    raise ValueError(f"{given!r} is no severity: a number from 0 to 7 or a word such as error")
