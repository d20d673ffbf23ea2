"""Report of an input: what was read, sent and left out, with a sample for each reason."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

#: Share of rows or lines that may be left out before a command ends with `LeftOutError`.
ALLOWED = 0.01
#: Most reasons that are counted separately.
_MOST_REASONS = 50
#: Most characters of a sample.
_SAMPLE = 120
#: What differs between rows with the same reason: quoted values and numbers.
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*")


class LeftOutError(Exception):
    """More of an input was left out than is allowed: a command ends with this exit code."""

    exit_code = 3


@dataclass
class _LeftOut:
    """Number of rows left out for a reason, and the first of them."""

    reason: str
    place: str
    sample: str
    number: int = 1


class InputReport:
    """Counts of an input, and what was assumed of it; `unit` is what it consists of."""

    def __init__(self, unit: str = "lines") -> None:
        self._unit = unit
        #: Number of lines read, blank ones apart.
        self.read = 0
        #: Number of lines left out.
        self.left_out = 0
        self._reasons: dict[str, _LeftOut] = {}
        self._notes: Counter[str] = Counter()
        self._recognised: dict[str, list[str]] = {}
        self._warnings: dict[str, None] = {}
        self._assumed: tzinfo | None = None
        self._complete: list[Callable[[], None]] = []

    def note(self, text: str, number: int = 1) -> None:
        """Count what was recognised or assumed."""
        self._notes[text] += number

    def note_zone(self, zone: tzinfo, *, is_given: bool, number: int = 1) -> None:
        """Count times without a zone; warn where none was given and local time is another."""
        if number:
            self.note(f"time: no zone, {zone} {'of --zone' if is_given else 'assumed'}", number)
            self._assumed = self._assumed if is_given else zone

    def complete_by(self, note: Callable[[], None]) -> None:
        """Call `note` once, before the report is described: what is known at the end alone."""
        self._complete.append(note)

    def recognise(self, text: str, name: str) -> None:
        """Keep what was recognised of the file `name`."""
        self._recognised.setdefault(text, []).append(name)

    def warn(self, text: str) -> None:
        """Keep a warning for people."""
        self._warnings[text] = None

    @property
    def warnings(self) -> list[str]:
        """Warnings for people, each once."""
        self._finish()
        hours = _local_offset()
        if self._assumed is not None and hours:
            self.warn(
                f"times without a zone were read as {self._assumed}; local time is UTC{hours:+g} "
                f"h: --zone local if they are so"
            )
        return list(self._warnings)

    def leave_out(self, reason: str, place: str, sample: str) -> None:
        """Count a line that is not sent; the first for each reason is kept."""
        self.left_out += 1
        kind = _VALUES.sub("…", reason)
        known = self._reasons.get(kind)
        if known is None and len(self._reasons) >= _MOST_REASONS:
            kind, reason = "", "other reasons"
            known = self._reasons.get(kind)
        if known is None:
            self._reasons[kind] = _LeftOut(reason, place, sample[:_SAMPLE])
        else:
            known.number += 1

    def _counted(self, number: int) -> str:
        return f"{number:,} {self._unit.removesuffix('s') if number == 1 else self._unit}"

    def _finish(self) -> None:
        while self._complete:
            self._complete.pop(0)()

    @property
    def share(self) -> float:
        """Share of the lines that were left out."""
        return self.left_out / self.read if self.read else 0.0

    def demand(self, allowed: float, name: str) -> None:
        """Raise LeftOutError if the share left out is above `allowed` (a fraction)."""
        if self.share > allowed:
            raise LeftOutError(
                f"{name}: {self.share:.1%} of the {self._unit} were left out, more than "
                f"{allowed:.1%} (--allow-bad)"
            )

    def facts(self) -> dict[str, Any]:
        """Return the counts for programs."""
        self._finish()
        reasons = [
            {"reason": r.reason, "number": r.number, "place": r.place, "sample": r.sample}
            for r in self._reasons.values()
        ]
        return {
            "read": self.read,
            "left_out": self.left_out,
            "recognised": self._recognised,
            "notes": dict(self._notes),
            "reasons": reasons,
            "warnings": self.warnings,
        }

    def describe(self) -> list[str]:
        """Return lines for people: what was recognised and assumed, what was left out, warnings."""
        self._finish()
        lines = [f"{self._counted(self.read)} read"]
        for text, files in self._recognised.items():
            more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
            lines.append(f"  {files[0]}{more}: {text}")
        lines += [f"  {text}: {number:,}" for text, number in self._notes.most_common()]
        if self.left_out:
            lines.append(f"{self._counted(self.left_out)} left out")
        for r in sorted(self._reasons.values(), key=lambda each: -each.number):
            lines.append(f"  {r.reason}: {r.number:,}, the first in {r.place}: {r.sample!r}")
        return lines + self.warnings


def _local_offset() -> float:
    """Return the hours by which local time is before UTC."""
    offset = datetime.now().astimezone().utcoffset()
    return offset.total_seconds() / 3600 if offset else 0.0
