"""A PostgreSQL server for a test, in a temporary directory."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from eventfold.embedded import ports

#: Where Debian installs the programs for administrators.
BINARY_DIRECTORIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs, None if it is not installed."""
    found = [str(binaries / name) for binaries in BINARY_DIRECTORIES if (binaries / name).exists()]
    return shutil.which(name) or next(iter(found), None)


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server, for root as the user `nobody`; yield the URL of its database."""
    user = "nobody" if os.geteuid() == 0 else None
    # The user `nobody` can't read pytest's own directory.
    with TemporaryDirectory(prefix="postgres-") as name:
        directory, port = Path(name), ports.free()
        if user:
            shutil.chown(directory, user)
        data, log, pg_ctl = directory / "data", directory / "log", program("pg_ctl")

        def run(*command: object) -> None:
            subprocess.run(
                [str(word) for word in command],
                check=True,
                stdout=subprocess.DEVNULL,
                user=user,
                cwd=directory,
            )

        run(program("initdb"), "-D", data, "-U", "tester", "--auth=trust", "-N")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {directory}"
        run(pg_ctl, "-D", data, "-o", options, "-l", log, "-w", "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
