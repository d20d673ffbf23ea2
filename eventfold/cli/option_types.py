"""Types of command-line options that click doesn't have."""

import os
import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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


class Zone(click.ParamType):
    """Time zone: an IANA name, an offset such as +02:00, or `local`."""

    name = "zone"

    def convert(self, value: Any, param: Any, ctx: Any) -> tzinfo:
        """Return the zone."""
        if isinstance(value, tzinfo):
            return value
        try:
            if value == "local":
                return _local_zone()
            if re.fullmatch(r"[+-]\d\d:?\d\d", value):
                return datetime.fromisoformat(f"2000-01-01T00:00:00{value}").tzinfo or UTC
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is no zone such as Europe/Berlin, +02:00 or local", param, ctx)


def _local_zone() -> tzinfo:
    """Return this machine's zone, with its changes of clock."""
    name = os.environ.get("TZ", "").lstrip(":")
    if name:
        return ZoneInfo(name)
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except FileNotFoundError:
        return UTC


class Share(click.ParamType):
    """Fraction, written as one (0.05) or as a percentage (5%)."""

    name = "share"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the fraction, from 0 to 1."""
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is no share such as 5% or 0.05", param, ctx)
        return share


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
