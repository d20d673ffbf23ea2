"""Files and directories that only their owner may access."""

import os
from pathlib import Path

#: Mode of a file that we create, so that it is private before its first byte is written.
MODE = 0o600

#: Permissions removed from files and directories that libraries create: RocksDB, SQLite, Kafka.
UMASK = 0o077


def private(name: str, flags: int) -> int:
    """Open a file with MODE and return its descriptor, for `open(..., opener=private)`."""
    return os.open(name, flags, MODE)


def keep_private() -> None:
    """Set the umask, so that files that this process creates from now on are private."""
    os.umask(UMASK)


def make_private(path: Path) -> None:
    """Remove the permissions of group and others from a path, if it exists and is this user's.

    Older versions created such files and directories. Call it only for paths whose names we
    chose: a directory that a user has named may be shared on purpose.
    """
    try:
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & UMASK:
            path.chmod(found.st_mode & ~UMASK & 0o777)
    except FileNotFoundError:
        pass


def sync_directory(path: Path) -> None:
    """Write a directory to disk, so that a rename in it is durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
