"""Run the tests of one mutant after the other, each in a fork of this process.

Modules that tests import are imported here once, except those of this work tree, which mutants
change. Two thirds of the time of a mutant that a first test kills was importing.

Started in the work tree. Each line of standard input asks for a run, as JSON: `path` and `lines`
of the change, the `directories` of the package's tests, and `seconds` that the run may take.
The answer is a line: pytest's exit code, or null after a time-out. The first line is `ready`: by
then, tests that fail without a mutant, and would kill every mutant, are excluded.
"""

import gc
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from covering_tests import CoveringTests

PYTEST = [
    *("-x", "-q", "--no-header", "--tb=short", "-p", "no:xdist", "-p", "no:schemathesis"),
    *("--timeout=60", "--hypothesis-profile=mutants", "-p", "no:cacheprovider"),
    # Some of pytest's plugins are imported here before pytest looks for them.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    # It drives a browser for what other tests cover without one.
    "--ignore=tests/unit/web/protection/test_signing_in.py",
]

#: How many tests are tried first: they kill most mutants.
FIRST = 8

#: Output of pytest in the last run.
LOG = Path("../pytest.log")

#: Seconds that the run without a mutant may take.
BASELINE = 900.0

#: Seconds between two checks of a run.
POLL_INTERVAL = 0.02

#: Collects all tests, and prints them and the modules imported from elsewhere for them.
_COLLECT = """
import os, sys, pytest
class Known:
    def pytest_collection_finish(self, session):
        self.tests = sorted({item.nodeid.partition("[")[0] for item in session.items})
known, output = Known(), os.dup(1)
os.dup2(2, 1)
sys.path.insert(0, "")
pytest.main([*sys.argv[1:], "--collect-only"], plugins=[known])
def is_ours(module):
    path = getattr(module, "__file__", None) or ""
    return path.startswith(os.getcwd() + "/") or module.__name__ == "__main__"
import json
names = [name for name, module in list(sys.modules.items()) if not is_ours(module)]
os.write(output, json.dumps([names, known.tests]).encode())
"""


def main() -> None:
    """Answer until standard input ends."""
    names, tests = _collected(sys.argv[1:])
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)
    # Forks share memory that is not written to.
    gc.freeze()
    covering = CoveringTests(set(tests))
    sys.path[0] = ""
    if quickest := covering.quickest():
        code = _run(["--maxfail=20", *quickest], BASELINE)
        covering.exclude(failed := _failed() if code else [])
        if code and not failed:
            sys.exit("tests can't be run without a mutant: see build/mutants/pytest.log")
    print("ready", flush=True)  # noqa: T201  # an answer
    for line in sys.stdin:
        asked = json.loads(line)
        chosen = covering.of(asked["path"], set(asked["lines"]), asked["directories"])
        print(json.dumps(_run_both(chosen, asked["seconds"])), flush=True)  # noqa: T201  # an answer


def _collected(directories: list[str]) -> tuple[list[str], list[str]]:
    """Return the modules that tests import from outside the work tree, and the tests."""
    command = [sys.executable, "-c", _COLLECT, *PYTEST, *directories]
    # There is no mutant yet: compiled code is kept.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    names, tests = json.loads(done.stdout)
    return names, tests


def _failed() -> list[str]:
    """Return the tests that failed in the last run."""
    return re.findall(r"^(?:FAILED|ERROR) ([^\s\[]+)", LOG.read_text(), re.MULTILINE)


def _run_both(tests: list[str], seconds: float) -> int | None:
    """Run the first few tests, and the others only if those pass: fewer files are imported."""
    if not tests:
        return 0
    begun = time.monotonic()
    code = _run(tests[:FIRST], seconds)
    if code == 0 and len(tests) > FIRST:
        code = _run(tests[FIRST:], seconds - time.monotonic() + begun)
    return code


def _run(tests: list[str], seconds: float) -> int | None:
    end = time.monotonic() + seconds
    child = os.fork()
    if not child:
        _become_pytest(tests)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(POLL_INTERVAL)


def _become_pytest(tests: list[str]) -> None:
    """Run the tests, and end with their exit code."""
    code = 1
    try:
        os.setsid()
        log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for output in 1, 2:
            os.dup2(log, output)
        import pytest  # noqa: PLC0415  # imported above, by its name

        # Those of a file one after the other, as they are written for.
        code = int(pytest.main([*PYTEST, *sorted(tests)]))
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
