"""Choose the tests to run against a mutant: those that reach its line, the quickest first.

The choice is from a map of the lines that each test reaches (`make mutants MAP=new`); without one,
the tests that are named after the module, then all those of its package. Tests written since the
map was made count for the lines that the other tests of their file reach.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Maximum seconds of the tests of a mutant's line, as measured for the map; of those of its file;
#: of one test.
BUDGET = float(os.environ.get("BUDGET", "20"))
OF_FILE, LONGEST = 0.3 * BUDGET, 0.5 * BUDGET

#: Directory of the map: coverage.py's data, and the output of pytest.
MAP = Path(__file__).parents[3] / "map"


class CoveringTests:
    """The map, read once, restricted to existing tests."""

    def __init__(self, known: set[str]) -> None:
        from coverage import CoverageData  # noqa: PLC0415  # only where tests are run

        # In memory where there is no map.
        self._data = CoverageData(str(MAP / "coverage"), no_disk=not MAP.exists())
        log = ""
        if MAP.exists():
            self._data.read()
            log = (MAP / "durations").read_text()
        self._seconds = _durations(log)
        failed = set(re.findall(r"^(?:FAILED|ERROR) ([^\s\[]+)", log, re.MULTILINE))
        # A test that fails without a mutant would kill every mutant.
        self._usable = {test for test in known - failed if self._seconds.get(test, 0.0) <= LONGEST}
        reached = {_test(each) for each in self._data.measured_contexts()}
        #: Tests that are not in the map.
        self._unmapped = known - reached - self._seconds.keys() if reached else set()

    def of(self, path: str, lines: set[int], directories: list[str]) -> list[str]:
        """Return the tests of a file's lines, then those of the file, within their budgets.

        Where the map has none of the file, those that are named after it; without a map, also those
        in `directories`.
        """
        found: list[str] = []
        spent = 0.0
        reach = self._by_reach(path, lines)
        for tests, budget in zip(reach, (BUDGET, OF_FILE), strict=True):
            for test in sorted(tests & self._usable - set(found), key=self._order):
                spent += self._seconds.get(test, 0.0)
                if spent > budget and found:
                    break
                found.append(test)
        if found:
            return found
        # A line that no test of the map reaches is not reached by all of them: that took minutes.
        others = [] if self._data.measured_files() else directories
        return [*_named_after(path, directories), *others]

    def exclude(self, tests: Iterable[str]) -> None:
        """Choose these tests no more."""
        self._usable -= set(tests)

    def quickest(self) -> list[str]:
        """Return the quickest tests, within three BUDGETs: most mutants meet them."""
        found: list[str] = []
        spent = 0.0
        for test in sorted(self._usable & self._seconds.keys(), key=self._order):
            spent += self._seconds[test]
            if spent > 3 * BUDGET:
                break
            found.append(test)
        return found

    def _order(self, test: str) -> tuple[float, str]:
        return self._seconds.get(test, 0.0), test

    def _by_reach(self, path: str, lines: set[int]) -> Iterator[set[str]]:
        full = next((name for name in self._data.measured_files() if name.endswith(path)), "")
        by_line = self._data.contexts_by_lineno(full)
        yield self._with_unmapped(each for line in lines for each in by_line.get(line, ()) if each)
        yield self._with_unmapped(
            each for contexts in by_line.values() for each in contexts if each
        )

    def _with_unmapped(self, contexts: Iterable[str]) -> set[str]:
        tests = {_test(each) for each in contexts}
        files = {_file(each) for each in tests}
        return tests | {each for each in self._unmapped if _file(each) in files}


def _named_after(path: str, directories: list[str]) -> list[str]:
    """Return the tests that are named after a module: most of its mutants end there."""
    stem = Path(path).stem.rstrip("s")
    found = (file for each in directories for file in Path(each).rglob("test_*.py"))
    return sorted(str(file) for file in found if stem in file.stem)


def _test(context: str) -> str:
    """Return the test of `path::test[parameters]|run`, with all its parameters."""
    return re.sub(r"[\[|].*", "", context, flags=re.DOTALL)


def _file(test: str) -> str:
    return test.partition("::")[0]


def _durations(log: str) -> dict[str, float]:
    took: dict[str, float] = {}
    lines = re.findall(r"^([\d.]+)s (?:call|setup) +(\S+?)(?:\[.*)?$", log, re.MULTILINE)
    for text, test in lines:
        took[test] = took.get(test, 0.0) + float(text)
    return took
