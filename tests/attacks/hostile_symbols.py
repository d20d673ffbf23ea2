"""Symbols with characters that control a terminal or forge a line of a log."""

import re

#: Characters that control a terminal or change how a reader sees a text.
CONTROL_CHARACTERS = re.compile(
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
    "reverses the line": "A\u202eDEGROF",
    "deletes characters": "A\x7f\x08",
}
