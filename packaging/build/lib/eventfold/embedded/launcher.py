"""Run a command that can't outlive its parent: `launcher.py prctl|pipe PARENT COMMAND ...`.

A script of its own, started by the broker's process: it ties itself to the parent and then
executes the command, under the same process id. So no code runs between fork and exec of a process
with threads (`preexec_fn`), which may deadlock.

On Linux the kernel kills the command when the *thread* that started it ends: start it from the
thread that also stops it. On other systems a watcher waits for the end of a pipe on standard input,
whose other end only the parent has open.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then execute the command."""
    how, parent, *command = sys.argv[1:]
    if how == "prctl":
        _die_with(int(parent))
    else:
        _watch_pipe()
    os.execv(command[0], command)  # noqa: S606 - the command is our own caller's


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the call above: no signal will come
        sys.exit(1)


def _watch_pipe() -> None:
    command = os.getpid()
    if os.fork():
        return
    os.closerange(1, 256)  # so that the command's lock and log close when the command ends
    os.read(0, 1)  # returns when the parent ends, which closes the other end
    if os.getppid() == command:
        os.kill(command, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
