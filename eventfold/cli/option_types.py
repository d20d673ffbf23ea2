"""Types of command-line options that click doesn't have."""

from typing import Any

import click
from yarl import URL

from eventfold.windows.durations import parse_duration, parse_time


class Seconds(click.ParamType):
    """Seconds, written as a number of them or as a duration."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the seconds; they are more than 0."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = self._duration(value, param, ctx)
        if not 0 < seconds < 1e9:
            self.fail(f"{value!r} is not longer than nothing, or endless", param, ctx)
        return seconds

    def _duration(self, value: str, param: Any, ctx: Any) -> float:
        try:
            return parse_duration(value) / 1000
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Time(click.ParamType):
    """A point in time."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return the ms since the epoch."""
        try:
            return parse_time(value)
        except ValueError:
            self.fail(f"{value!r} is neither ms since the epoch nor an ISO time", param, ctx)


class Address(click.ParamType):
    """Address of a worker's web server."""

    name = "url"

    def convert(self, value: Any, param: Any, ctx: Any) -> URL:
        """Return the address, of HTTP where no scheme is named."""
        try:
            url = URL(value if "://" in value else f"http://{value}")
        except ValueError:
            url = URL()
        if url.scheme not in {"http", "https"} or not url.host:
            self.fail(f"{value!r} is no address such as 127.0.0.1:6066", param, ctx)
        return url
