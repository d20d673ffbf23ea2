"""The limit on open files: raised at start, and named in the error when it is reached."""

import errno
import os
import resource

#: Limit to set; a worker never needs more: 256 files a store, connections, files of libraries.
ENOUGH = 65_536

#: The C library's text for EMFILE, which RocksDB repeats.
_TEXT = "Too many open files"


def raise_limit() -> None:
    """Raise the soft limit of this process to ENOUGH, or to the hard limit if that is lower."""
    # Shells and systemd set the soft limit to 1,024 for programs that use `select`.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_reached() -> bool:
    """Return whether this process can open no more files."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return is_limit(error)
    return False


def is_limit(error: BaseException) -> bool:
    """Return whether an error, or its `__cause__`, means that too many files are open."""
    return any(
        _TEXT in str(each) or getattr(each, "errno", None) in {errno.EMFILE, errno.ENFILE}
        for each in (error, error.__cause__)
    )


def describe_limit() -> str:
    """Describe in one line that too many files are open, and the remedy."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return (
        f"too many open files: this process may have {limit:,} open: raise the limit (`ulimit -n`, "
        "LimitNOFILE of systemd, --ulimit of Docker) and start again"
    )


def describe_os_error(error: OSError) -> str:
    """Return the reason of a failed call, or the limit of open files if that was reached."""
    return describe_limit() if is_limit(error) else error.strerror or str(error)
