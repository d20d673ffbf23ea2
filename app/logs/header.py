"""Header of a logger's line: what stands between its time and its message.

Instead of a pattern for each logger's layout, the header is read item by item: threads and levels
in brackets, process ids, names of components, in the orders in which layouts have them.
"""

import re

from app.logs.severity import WORDS

#: Items of a header.
_BRACKET = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]")
_SEPARATOR = re.compile(r"[\s|,:;-]+")
_NUMBER = re.compile(r"(\d{1,10})(?:#\d+)?(?=[\s:|]|$)", re.ASCII)
_LEVEL = re.compile(r"([A-Za-z]{1,13})(?=[\s:,|\]-]|$)", re.ASCII)
_COMPONENT = re.compile(
    r"(?P<app>[A-Za-z_](?:[\w.$@/()<>\[\]#*-]|::){0,120}?)(?:\((?P<process>\d+)\)|\[(?P<pid>\d+)\])?"
    r"(?P<end> *:(?=\s|$|[^\w:/\\.])| *\|| - |\s{2,}|(?= ))"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:[.$/]\w+)+$", re.ASCII)
_PLACE = re.compile(r"(?:^|[:\]/.])([\w.$]+)@\d+$", re.ASCII)
_IN_PARENTHESES = re.compile(r" \(([a-z]\w*(?:\.[\w$]+)+)\)$", re.ASCII)
_PROCESS = re.compile(r"(?:pid[ :=]?)?(\d{1,10})(?::(?:tid )?\d+)?$", re.ASCII)
_MODULE_LEVEL = re.compile(r"([\w-]*):([a-z]+\d?)$", re.ASCII)
#: Words of a level that are also words of messages: only in capitals do they state one.
_PLAIN = frozenset(
    {"log", "fail", "failure", "panic", "alert", "config", "fine", "trace", "severe"}
)
#: Most words before a level, such as the name of a logger.
_BEFORE_LEVEL = 3


class Header:
    """Header of a line behind its time, read item by item; what is left is the message."""

    def __init__(self, text: str, at: int) -> None:
        self._text, self._at = text, at
        self.severity: int | None = None
        self.app = self.process = self.thread = self.client = ""
        while self._item():
            pass
        self.message = text[self._skipped(self._at) :]
        if not self.app and (found := _IN_PARENTHESES.search(self.message)):
            self.app = found[1]

    def _skipped(self, at: int) -> int:
        found = _SEPARATOR.match(self._text, at)
        return found.end() if found else at

    def _item(self) -> bool:
        """Read one item; return False if what follows is the message."""
        at = self._skipped(self._at)
        bracket = _BRACKET.match(self._text, at)
        if bracket:
            return self._bracket(bracket)
        number = _NUMBER.match(self._text, at)
        if number and self.severity is None and self._level_ahead(number.end()):
            self.process, self._at = self.process or number[1], number.end()
            return True
        if number and not self.process and self._ends_item(number.end()):
            self.process, self._at = number[1], number.end()
            return True
        return self._word(at)

    def _ends_item(self, at: int) -> bool:
        """Return whether a number is a process: `12345 ---` (Spring), `123#0:` (nginx), `9|`."""
        rest = self._text[at : at + 8].lstrip()
        return rest.startswith("|") or (
            self.severity is not None and not self.app and rest.startswith(("---", ":"))
        )

    def _bracket(self, found: re.Match[str]) -> bool:
        inside = found[1].strip()
        module = _MODULE_LEVEL.match(inside)
        if self.severity is None and _level(inside) is not None:
            self.severity = _level(inside)
        elif self.severity is None and module and module[2] in WORDS:
            self.app, self.severity = module[1], WORDS[module[2]]
        elif not self.process and (process := _PROCESS.match(inside)):
            self.process = process[1]
        elif inside.startswith("client "):  # Apache
            self.client = inside.removeprefix("client ")
        elif not self.app and (place := _PLACE.search(inside)):
            self.app, self.thread = place[1], inside
        elif not self.app and _DOTTED.match(inside):
            self.app = inside
        elif not self.thread and not self.app and len(inside) <= 200:
            self.thread = inside
        else:
            return False
        self._at = found.end()
        return True

    def _word(self, at: int) -> bool:
        level = _LEVEL.match(self._text, at) if self.severity is None else None
        if level and _stated(level[1]) is not None:
            self.severity, self._at = _stated(level[1]), level.end()
            return True
        found = _COMPONENT.match(self._text, at)
        if not found:
            return False
        app, end = found["app"], found["end"]
        is_clear = end.strip() or end.startswith("  ") or _DOTTED.match(app)
        if not (is_clear and not self.app) and not self._level_ahead(found.end()):
            return False
        self.app, self._at = app, found.end()
        self.process = self.process or found["process"] or found["pid"] or ""
        return True

    def _level_ahead(self, at: int) -> bool:
        """Return whether a level follows within a few words, so that what precedes it is header."""
        if self.severity is not None:
            return False
        for word in self._text[at : at + 200].split(None, _BEFORE_LEVEL)[:_BEFORE_LEVEL]:
            if _stated(word.strip("[]:,|<>()")) is not None:
                return True
        return False


def _level(word: str) -> int | None:
    return WORDS.get(word.lower()) if len(word) > 1 else None


def _stated(word: str) -> int | None:
    """Return the severity of a word that stands alone in a header, as a level does."""
    if len(word) < 2:
        return WORDS.get(word.lower()) if word and word in "VDIWEF" else None
    if word.lower() in _PLAIN and not word.isupper():
        return None
    return WORDS.get(word.lower()) if word[0].isupper() or word.islower() else None
