"""`faust -A app worker`: Faust's own, whose output is a log alone where its lines are JSON."""

import logging
from typing import Any, NoReturn

from faust.cli.worker import worker as faust_worker

from eventfold.cli.command import Examples
from eventfold.telemetry import logs

logger = logging.getLogger(__name__)


class worker(Examples, faust_worker):  # noqa: N801 - Faust calls the command what its class is called
    """Run a worker until Ctrl-C, SIGTERM, or until it can't go on exactly.

    Another one on the same machine needs a WEB_PORT of its own in its environment.

    Its exit code is 0 after Ctrl-C or SIGTERM, and 1, with the reason in the last line of its log,
    if it stopped by itself.
    """

    examples = (
        ("worker -l info", "with its log on the terminal"),
        ("worker -l info -f worker.log", "with its log in a file"),
    )

    def on_worker_created(self, worker: Any) -> None:
        """Print the banner, unless a program reads what follows."""
        if logs.is_json(self.app.settings):
            worker.quiet, worker.spinner = True, None
        else:
            super().on_worker_created(worker)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run it. Raises SystemExit, whose message is the last line in text."""
        for option in ("web-bind", "web-host", "web-port"):
            value = self.kwargs.get(option.replace("-", "_"))
            if value:
                # Faust takes it past the settings, by which others find this worker, its data
                # directory is named, and a token is demanded beyond this machine.
                setting = option.upper().replace("-", "_")
                raise self.UsageError(f"--{option}: set {setting}={value} in its place")
        try:
            super().__call__(*args, **kwargs)
        except SystemExit as end:
            if isinstance(end.code, str) and logs.is_json(self.app.settings):
                logger.critical(end.code)
                raise SystemExit(1) from None
            raise
