"""Compare the pinned requirements with known advisories.

usage: audit.py [--advisories DIRECTORY] LOCK...
       audit.py --renew CHECKOUT [--advisories DIRECTORY] LOCK...

`advisories*.txt` in the directory (this one, if none is named) hold facts, one advisory a line: a
package, an id, and the versions that are affected: one or more ranges of bounds.

    aiohttp  CVE-2024-23829  <3.9.2
    numpy    CVE-2021-34141  >=1.9,<1.23

`waived.txt` holds what may stay, with its reason:

    pyarrow==16.1.0  CVE-2024-52338  we read no files of others with it

The exit code is 1 if a pin is affected and not waived, or if a waiver is not needed. `--renew`
writes `advisories.txt` anew from a checkout of the Python Packaging Advisory Database;
`advisories-later.txt`, what changelogs say since, is kept by hand.
"""

import argparse
import datetime as dt
import operator
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

HERE = Path(__file__).parent
SNAPSHOT, WAIVED = "advisories.txt", "waived.txt"

#: As the database orders versions: a candidate of a release is before it, which pip's `<` is not.
_OPERATORS = {">=": operator.ge, "<=": operator.le, "==": operator.eq, "<": operator.lt}
_BOUND = re.compile(r"(>=|<=|==|<)([^,]+)")

#: A pin as pip's `==` has it; a marker may follow, and hashes on lines of their own.
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^\s;\\]+)", re.MULTILINE)


class Advisory(NamedTuple):
    """An advisory about a package, and the ranges of versions that it affects."""

    package: str
    id: str
    affected: tuple[str, ...]

    def covers(self, version: str) -> str | None:
        """Return the range that this version is in, None if it is in none."""
        pinned = Version(version)
        for each in self.affected:
            bounds = _BOUND.findall(each)
            if all(_OPERATORS[how](pinned, Version(bound)) for how, bound in bounds):
                return each
        return None


class Pin(NamedTuple):
    """A package at the version that is installed."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


def read_lines(file: Path, fields: int) -> Iterator[list[str]]:
    """Yield the fields of each line, the last of them with all that follows.

    Empty lines and comments are left out. Raises SystemExit for a line with fewer fields.
    """
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            parts = line.split(maxsplit=fields - 1)
            if len(parts) < fields:
                sys.exit(f"{file.name}:{number}: {fields} fields are needed: {line}")
            yield parts


def read_advisories(directory: Path) -> dict[str, list[Advisory]]:
    """Read all advisories of a directory, by package."""
    found = defaultdict(list)
    for file in sorted(directory.glob("advisories*.txt")):
        for package, name, ranges in read_lines(file, 3):
            advisory = Advisory(canonicalize_name(package), name, tuple(ranges.split()))
            found[advisory.package].append(advisory)
    if not found:
        sys.exit(f"{directory} has no advisories: nothing would be compared")
    return found


def read_pins(locks: Iterable[Path]) -> dict[Pin, list[str]]:
    """Read what is pinned, and in which files."""
    found = defaultdict(list)
    for lock in locks:
        for name, version in _PIN.findall(lock.read_text(encoding="utf-8")):
            found[Pin(canonicalize_name(name), version)].append(lock.name)
    if not found:
        sys.exit("nothing is pinned in these files: nothing would be compared")
    return found


def problems(directory: Path, locks: Iterable[Path]) -> Iterator[str]:
    """Yield a line for each pin that an advisory covers, and for each waiver of nothing."""
    advisories, pins = read_advisories(directory), read_pins(locks)
    waivers = directory / WAIVED
    waived = {tuple(line[:2]) for line in read_lines(waivers, 3)} if waivers.exists() else set()
    for pin, files in sorted(pins.items()):
        for advisory in advisories.get(pin.package, ()):
            affected = advisory.covers(pin.version)
            if affected is None:
                continue
            if (str(pin), advisory.id) in waived:
                waived.discard((str(pin), advisory.id))
            else:
                names = ", ".join(sorted(set(files)))
                yield f"{pin} ({names}): {advisory.id}, {_remedy(affected)}"
    for pin_text, name in sorted(waived):
        yield f"{WAIVED}: {pin_text} {name} is no longer needed"


def _remedy(affected: str) -> str:
    fixed = re.search(r"<([^=,]+)", affected)
    return f"fixed in {fixed[1]}" if fixed else "no version that is fixed is known"


def renew(checkout: Path, directory: Path, locks: Iterable[Path]) -> None:
    """Write the advisories that a checkout of the database has about what is pinned."""
    packages = sorted({pin.package for pin in read_pins(locks)})
    files = [file for each in packages for file in (checkout / "vulns" / each).glob("*.yaml")]
    if not files:
        sys.exit(f"{checkout} is no checkout of the Python Packaging Advisory Database")
    import yaml  # noqa: PLC0415  # of the test tools; comparing needs none of them

    entries = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    lines = sorted(set(_lines(entries, packages)))
    newest = max(dt.date.fromisoformat(str(each["modified"])[:10]) for each in entries)
    head = [
        "# From the Python Packaging Advisory Database (CC-BY 4.0): what it has about packages",
        f"# pinned here, the newest of {newest}. Written by `make advisories CHECKOUT=...`.",
    ]
    (directory / SNAPSHOT).write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


def _lines(entries: Iterable[Any], packages: Iterable[str]) -> Iterator[str]:
    for entry in entries:
        if "withdrawn" in entry:
            continue
        names = [*sorted(entry.get("aliases", ())), entry["id"]]
        name = next((each for each in names if each.startswith("CVE-")), names[-1])
        for affected in entry["affected"]:
            package = canonicalize_name(affected["package"]["name"])
            ranges = list(_ranges(affected))
            if package in packages and ranges:
                yield " ".join([package, name, *ranges])


def _ranges(affected: Any) -> Iterator[str]:
    """Yield the ranges of an entry; its versions one by one, where it has no ranges."""
    ordered = [each for each in affected.get("ranges", ()) if each["type"] == "ECOSYSTEM"]
    for each in ordered:
        begun, open_ended = "", False
        for event in each["events"]:
            ((kind, version),) = event.items()
            if kind == "introduced":
                begun = "" if version == "0" else f">={version},"
                open_ended = True
            else:
                yield f"{begun}{'<' if kind == 'fixed' else '<='}{version}"
                open_ended = False
        if open_ended:
            yield begun.rstrip(",") or ">=0"
    if not ordered:
        yield from (f"=={version}" for version in affected.get("versions", ()))


def main() -> None:
    """Compare, or renew what is compared with."""
    parser = argparse.ArgumentParser(description="Compare pins with known advisories.")
    parser.add_argument("locks", nargs="+", type=Path, metavar="LOCK")
    parser.add_argument("--advisories", type=Path, default=HERE, metavar="DIRECTORY")
    parser.add_argument("--renew", type=Path, metavar="CHECKOUT")
    args = parser.parse_args()
    if args.renew:
        renew(args.renew, args.advisories, args.locks)
        return
    found = list(problems(args.advisories, args.locks))
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
