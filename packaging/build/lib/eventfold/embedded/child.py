"""Child processes that end when this process ends, however it ends."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from eventfold.private_files import UMASK

LAUNCHER = Path(__file__).with_name("launcher.py")


def start_child(
    command: Sequence[str],
    log: int,
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command`, whose first part is a path, with its output in the file descriptor `log`.

    Ctrl-C in a terminal does not reach it: the caller has to stop it. On Linux it is killed when
    the *thread* that calls this ends (`launcher.py`). `keep_open` are file descriptors that it
    inherits.
    """
    how = "prctl" if sys.platform == "linux" else "pipe"
    return subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-IS", str(LAUNCHER), how, str(os.getpid()), *command],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL if how == "prctl" else subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=keep_open,
        umask=UMASK,
    )
