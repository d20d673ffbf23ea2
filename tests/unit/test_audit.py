"""`requirements/audit.py`: which pins an advisory affects, and which are waived."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[2]
AUDIT = REPOSITORY / "requirements" / "audit.py"

ADVISORIES = """\
# Facts of a database.
fish CVE-2026-1 >=1.0,<1.4.2 >=2.0,<2.1
fowl GHSA-x <=3.0
game CVE-2026-2 <2.0
game CVE-2026-3 <3.0
"""


def audit(directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Compare the lock of a directory with its advisories."""
    return subprocess.run(
        [sys.executable, AUDIT, "--advisories", directory, *arguments, directory / "lock.txt"],
        check=False,
        capture_output=True,
        text=True,
    )


class Case(NamedTuple):
    """A pin, the waivers, and the lines that are reported."""

    pin: str
    waived: str
    reported: list[str]


CASES = {
    "affected": Case("fish==1.4.1", "", ["fish==1.4.1 (lock.txt): CVE-2026-1, fixed in 1.4.2"]),
    "fixed": Case("fish==1.4.2", "", []),
    "before the affected range": Case("fish==0.9", "", []),
    "in another range": Case(
        "fish==2.0.1", "", ["fish==2.0.1 (lock.txt): CVE-2026-1, fixed in 2.1"]
    ),
    "between the ranges": Case("fish==1.9", "", []),
    "release candidate of the fix": Case(
        "fish==2.1rc1", "", ["fish==2.1rc1 (lock.txt): CVE-2026-1, fixed in 2.1"]
    ),
    "post-release of the fix": Case("fish==1.4.2.post1", "", []),
    "without a fix": Case(
        "fowl==3.0", "", ["fowl==3.0 (lock.txt): GHSA-x, no version that is fixed is known"]
    ),
    "with a marker": Case(
        "fish==1.0 ; sys_platform == 'win32'",
        "",
        ["fish==1.0 (lock.txt): CVE-2026-1, fixed in 1.4.2"],
    ),
    "other spelling": Case("FISH==1.0", "", ["fish==1.0 (lock.txt): CVE-2026-1, fixed in 1.4.2"]),
    "without an advisory": Case("fruit==1.0", "", []),
    "waived": Case("fish==1.0", "fish==1.0 CVE-2026-1 we only read its name", []),
    "waived at another version": Case(
        "fish==1.1",
        "fish==1.0 CVE-2026-1 we only read its name",
        [
            "fish==1.1 (lock.txt): CVE-2026-1, fixed in 1.4.2",
            "waived.txt: fish==1.0 CVE-2026-1 is no longer needed",
        ],
    ),
    "one of two waived": Case(
        "game==1.0",
        "game==1.0 CVE-2026-3 it is not called",
        ["game==1.0 (lock.txt): CVE-2026-2, fixed in 2.0"],
    ),
    "waived without a reason": Case(
        "fish==1.0",
        "fish==1.0 CVE-2026-1",
        ["waived.txt:1: 3 fields are needed: fish==1.0 CVE-2026-1"],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_pins_are_compared_with_advisories(tmp_path: Path, case: Case) -> None:
    """One line for each pin that is affected and not waived, and exit code 1."""
    (tmp_path / "advisories.txt").write_text(ADVISORIES)
    (tmp_path / "waived.txt").write_text(case.waived)
    (tmp_path / "lock.txt").write_text(f"{case.pin} \\\n    --hash=sha256:00\n")
    done = audit(tmp_path)
    assert done.stderr.splitlines() == case.reported
    assert done.returncode == bool(case.reported)


def test_comparing_nothing_is_an_error(tmp_path: Path) -> None:
    """Missing advisories or pins mean that a file is in another place."""
    lock = tmp_path / "lock.txt"
    lock.write_text("fish==1.0\n")
    assert "nothing would be compared" in audit(tmp_path).stderr
    (tmp_path / "advisories.txt").write_text(ADVISORIES)
    lock.write_text("# nothing\n")
    assert "nothing would be compared" in audit(tmp_path).stderr


ENTRY = """\
id: PYSEC-2026-1
modified: 2026-02-03T00:00:00Z
aliases: [GHSA-x, CVE-2026-1]
affected:
- package: {ecosystem: PyPI, name: Fish}
  ranges:
  - {type: GIT, events: [introduced: "0", fixed: abcdef]}
  - type: ECOSYSTEM
    events: [introduced: "0", fixed: 1.4.2, introduced: "2.0", fixed: "2.1"]
"""
LISTED = """\
id: PYSEC-2026-2
modified: 2026-02-02T00:00:00Z
affected:
- package: {ecosystem: PyPI, name: fish}
  versions: ["1.0", "1.1"]
"""


def test_advisories_are_renewed_from_a_checkout(tmp_path: Path) -> None:
    """Only those of pinned packages; ranges by their bounds; withdrawn ones are left out."""
    (tmp_path / "lock.txt").write_text("fish==1.0\n")
    entries = tmp_path / "vulns" / "fish"
    entries.mkdir(parents=True)
    (entries / "PYSEC-2026-1.yaml").write_text(ENTRY)
    (entries / "PYSEC-2026-2.yaml").write_text(LISTED)
    withdrawn = ENTRY.replace("-2026-1", "-2026-3") + "withdrawn: 2026-03-01T00:00:00Z\n"
    (entries / "PYSEC-2026-3.yaml").write_text(withdrawn)
    assert audit(tmp_path, "--renew", tmp_path).returncode == 0
    head, *lines = (tmp_path / "advisories.txt").read_text().split(". Written by")
    assert "2026-02-03" in head
    assert lines[0].splitlines()[1:] == [
        "fish CVE-2026-1 <1.4.2 >=2.0,<2.1",
        "fish PYSEC-2026-2 ==1.0 ==1.1",
    ]
    assert audit(tmp_path).stderr.splitlines() == [
        "fish==1.0 (lock.txt): CVE-2026-1, fixed in 1.4.2",
        "fish==1.0 (lock.txt): PYSEC-2026-2, no version that is fixed is known",
    ]
