"""The limit on open files: raised at start, and named where it is reached."""

import errno
import os
import resource

#: As many as a worker may ever need: 256 of each store, connections, and what libraries open.
ENOUGH = 65_536

#: How the C library, and so RocksDB, describes an error of this kind.
_TEXT = "Too many open files"


def raise_limit() -> None:
    """Raise the soft limit of this process, as far as the hard one lets it.

    Shells and systemd set it to 1,024, for the sake of programs that use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_reached() -> bool:
    """Return whether this process can open no file any more."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return is_limit(error)
    return False


def is_limit(error: BaseException) -> bool:
    """Return whether an error, or what it was raised from, is that too many files are open."""
    return any(
        _TEXT in str(each) or getattr(each, "errno", None) in {errno.EMFILE, errno.ENFILE}
        for each in (error, error.__cause__)
    )


def describe_limit() -> str:
    """Describe in one line that too many files are open, and what to do."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return (
        f"too many open files: this process may have {limit:,} open: raise the limit (`ulimit -n`, "
        "LimitNOFILE of systemd, --ulimit of Docker) and start again"
    )
