"""The installed command `faust`: an error before the application exists also ends in one line."""

import os

from eventfold.cli.exits import accept_any_encoding, exiting
from eventfold.process_tuning import collect_rarely

#: Variables that Faust reads at its import and nothing here uses: a bad number in one of them would
#: be an error that does not name the variable.
_UNUSED = ("BLOCKING_TIMEOUT", "CONSOLE_PORT", "DATADIR", "STRICT", "WEB_BIND", "WEB_PORT")


def main() -> None:
    """Run `faust` with the arguments of this process."""
    accept_any_encoding()
    collect_rarely()
    for name in _UNUSED:
        os.environ.pop(f"FAUST_{name}", None)
        os.environ.pop(f"F_{name}", None)
    with exiting():
        from eventfold.cli.workers import cli, replace_exits  # noqa: PLC0415  # it loads Faust

        replace_exits()
        cli()
