"""Symbols that a terminal, or a reader of a log, takes for something else than a text."""

import re

#: What a terminal, or a reader, takes for something else than a text.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

SYMBOLS = {
    "clears the screen": "\x1b[2J\x1b[H",
    "clears the screen in one byte": "\x9b2J",
    "sets the title": "\x1b]0;owned\x07",
    "forges a line": "A\n 2. FORGED  +999.00%",
    "overwrites its line": "A\rFORGED",
    "is markup": "[red]A[/red][/nothing]",
    "is a link": "[link=http://evil.example]A[/link]",
    "is an emoji's name": ":skull:",
    "turns the line": "A\u202eDEGROF",
    "is deleted": "A\x7f\x08",
}
