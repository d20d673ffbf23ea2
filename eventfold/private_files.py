"""Files and directories of ours that no other user of the machine may read."""

import os
from pathlib import Path

#: Of a file that is made: its owner's alone from its first byte on.
MODE = 0o600

#: What is taken from files and directories that libraries make: RocksDB, SQLite, Kafka.
UMASK = 0o077


def private(name: str, flags: int) -> int:
    """Open a file as `open(..., opener=private)` does."""
    return os.open(name, flags, MODE)


def keep_private() -> None:
    """Make whatever this process makes from now on its user's alone."""
    os.umask(UMASK)


def make_private(path: Path) -> None:
    """Take what others may do with a file or directory of older versions, if it is there.

    Only for what bears a name of ours: a directory that a user has named may be anything.
    """
    try:
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & UMASK:
            path.chmod(found.st_mode & ~UMASK & 0o777)
    except FileNotFoundError:
        pass
