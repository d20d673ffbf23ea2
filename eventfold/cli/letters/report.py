"""Report of what became of the dead letters that were to be sent again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eventfold.cli.letters.reading import Place
from eventfold.cli.letters.selection import summary

#: Most records whose coordinates are kept.
MOST_PLACES = 1_000


@dataclass
class Report:
    """Counts of the records selected: sent, left out, refused with the reason."""

    sent: int = 0
    #: Records that were sent again before.
    already: int = 0
    skipped: int = 0
    #: Number of the records refused, and the first of them, by reason.
    refused: dict[str, tuple[int, Place, str]] = field(default_factory=dict)
    #: Number of the records sent that a table will take for late, by table.
    late: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    #: The records sent, first ones only: coordinates before and after ("" in a dry run).
    places: list[tuple[Place, str]] = field(default_factory=list)

    @property
    def selected(self) -> int:
        """Number of records selected."""
        return self.sent + self.already + self.skipped + self.not_sent

    def refuse(self, place: Place, reason: str) -> None:
        """Count a record that is not sent."""
        count, first, text = self.refused.get(summary(reason), (0, place, reason))
        self.refused[summary(reason)] = count + 1, first, text

    @property
    def not_sent(self) -> int:
        """Number of records refused."""
        return sum(count for count, *_ in self.refused.values())

    def count(self, places: Sequence[Place], sent: Sequence[str] = ()) -> None:
        """Count records that were sent, or in a dry run (`sent` empty) would be."""
        self.sent += len(places)
        room = max(0, MOST_PLACES - len(self.places))
        self.places += list(zip(places, sent or [""] * len(places), strict=True))[:room]

    def lines(self, *, dry_run: bool) -> list[str]:
        """Return the report as lines of text."""
        sent = "would be sent" if dry_run else "sent"
        made = [f"{self.sent:,} {sent} again"]
        made += [f"{self.already:,} had been sent again before"] if self.already else []
        made += [f"{self.skipped:,} left out by --fix-with"] if self.skipped else []
        found = ["; ".join(made)]
        found += [f"  {place} {f'as {at}' if at else ''}".rstrip() for place, at in self.places[:5]]
        for table, count in sorted(self.late.items()):
            found.append(
                f"{count:,} of them late for {table}, whose grace is over: such a record is in no "
                "window, but with the late records"
            )
        for count, place, reason in self.refused.values():
            found.append(f"{count:,} not sent, such as {place}: {reason}")
        return found

    def as_json(self, *, dry_run: bool) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "dry_run": dry_run,
            "sent": self.sent,
            "already": self.already,
            "left_out": self.skipped,
            "late": dict(self.late),
            "not_sent": [
                {"records": count, "sample": str(place), "reason": reason}
                for count, place, reason in self.refused.values()
            ],
            "places": [{"record": str(place), "sent": at} for place, at in self.places],
        }
