"""Choose the tests that a mutant meets: those that reach its line, the quickest first.

From a map of what each test reaches (`make mutants MAP=new`); without one, the tests that bear the
name of the module, then all those of its package. Tests written since the map was made are of the
lines that the other tests of their file reach.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Seconds that tests of a mutant's line take, as they took for the map; those of its file; and one
#: test.
BUDGET = float(os.environ.get("BUDGET", "20"))
OF_FILE, LONGEST = 0.3 * BUDGET, 0.5 * BUDGET

#: Where the map is: coverage.py's data, and what pytest printed.
MAP = Path(__file__).parents[3] / "map"


class CoveringTests:
    """The map, read once, of the tests that there are."""

    def __init__(self, known: set[str]) -> None:
        from coverage import CoverageData  # noqa: PLC0415  # only where tests are run

        # In memory where there is no map.
        self._data = CoverageData(str(MAP / "coverage"), no_disk=not MAP.exists())
        log = ""
        if MAP.exists():
            self._data.read()
            log = (MAP / "durations").read_text()
        self._took = _durations(log)
        failed = set(re.findall(r"^(?:FAILED|ERROR) ([^\s\[]+)", log, re.MULTILINE))
        # What fails without a mutant would kill each.
        self._usable = {test for test in known - failed if self._took.get(test, 0.0) <= LONGEST}
        reached = {_test(each) for each in self._data.measured_contexts()}
        #: Tests that the map does not know.
        self._new = known - reached - self._took.keys() if reached else set()

    def of(self, path: str, lines: set[int], directories: list[str]) -> list[str]:
        """Return the tests of a file's lines, then those of the file, for so many seconds.

        Where the map knows none of the file, those that bear its name; without a map, also those in
        `directories`.
        """
        found: list[str] = []
        spent = 0.0
        reach = self._by_reach(path, lines)
        for tests, budget in zip(reach, (BUDGET, OF_FILE), strict=True):
            for test in sorted(tests & self._usable - set(found), key=self._order):
                spent += self._took.get(test, 0.0)
                if spent > budget and found:
                    break
                found.append(test)
        if found:
            return found
        # What no test of the map reaches, all of them together don't either: that took minutes.
        others = [] if self._data.measured_files() else directories
        return [*_named_after(path, directories), *others]

    def leave_out(self, tests: Iterable[str]) -> None:
        """Choose these tests no more."""
        self._usable -= set(tests)

    def quickest(self) -> list[str]:
        """Return what most mutants meet: the quickest tests, for three BUDGETs."""
        found: list[str] = []
        spent = 0.0
        for test in sorted(self._usable & self._took.keys(), key=self._order):
            spent += self._took[test]
            if spent > 3 * BUDGET:
                break
            found.append(test)
        return found

    def _order(self, test: str) -> tuple[float, str]:
        return self._took.get(test, 0.0), test

    def _by_reach(self, path: str, lines: set[int]) -> Iterator[set[str]]:
        full = next((name for name in self._data.measured_files() if name.endswith(path)), "")
        by_line = self._data.contexts_by_lineno(full)
        yield self._with_new(each for line in lines for each in by_line.get(line, ()) if each)
        yield self._with_new(each for contexts in by_line.values() for each in contexts if each)

    def _with_new(self, contexts: Iterable[str]) -> set[str]:
        tests = {_test(each) for each in contexts}
        files = {_file(each) for each in tests}
        return tests | {each for each in self._new if _file(each) in files}


def _named_after(path: str, directories: list[str]) -> list[str]:
    """Return the tests that bear the name of a module: most of its mutants end there."""
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
