"""The limit on open files: raised at start, named where it is reached."""

import errno
import json
import os
import subprocess
import sys

from eventfold.cli.exits import describe
from eventfold.engine.errors import describe_error
from eventfold.open_files import is_limit

#: Sets a soft limit, raises it, and prints the limits.
RAISE = """
import json, resource, sys
from eventfold.open_files import raise_limit
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), hard))
raise_limit()
print(json.dumps([resource.getrlimit(resource.RLIMIT_NOFILE)[0], hard]))
"""


def test_soft_limit_is_raised_up_to_the_hard_limit() -> None:
    """At most to what a worker may need. In a process of its own, which keeps the limit."""
    done = subprocess.run(
        [sys.executable, "-c", RAISE, "256"], check=True, capture_output=True, text=True
    )
    soft, hard = json.loads(done.stdout)
    assert soft == min(65_536, hard if hard > 0 else 65_536)


def test_error_of_too_many_open_files_names_the_limit() -> None:
    """Raised by the system, by a library with its own text, or as the cause of another error."""
    system = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    store = Exception("IO error: While open a file for appending: x.sst: Too many open files")
    above = RuntimeError("no connection")
    above.__cause__ = system
    for error in (system, store, above):
        assert is_limit(error)
        for words in (describe_error(error), describe(error)):
            assert words.startswith("too many open files: this process may have ")
            assert "ulimit -n" in words
    assert not is_limit(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
