"""A network namespace for one test, joined to this machine by a cable that can be cut."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Namespace:
    """Two addresses on a bridge of their own: `host` on this machine, `guest` inside.

    The addresses are of 198.18.0.0/15, which is reserved for network tests and routed nowhere.
    """

    def __init__(self) -> None:
        number = random.randrange(1 << 14)
        self.name = f"tick{number}"
        self._bridge, self._cable = f"tickb{number}", f"tickc{number}"
        high, low = divmod(number, 64)
        self.host = f"198.18.{high}.{4 * low + 1}"
        self.guest = f"198.18.{high}.{4 * low + 2}"

    @property
    def launcher(self) -> list[str]:
        """The beginning of a command line that runs inside the namespace."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Cut the cable: packets either way are lost, without an error."""
        _ip("link", "set", self._cable, "down")

    def heal(self) -> None:
        """Connect the cable again."""
        _ip("link", "set", self._cable, "up")

    def make(self) -> None:
        """Make namespace, bridge and cable."""
        _ip("netns", "add", self.name)
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("link", "set", self._cable, "master", self._bridge)
        _ip("address", "add", f"{self.host}/30", "dev", self._bridge)
        for link in (self._bridge, self._cable):
            _ip("link", "set", link, "up")
        _ip("-n", self.name, "address", "add", f"{self.guest}/30", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", self.name, "link", "set", link, "up")

    def remove(self) -> None:
        """Remove whatever of them exists."""
        for thing in (("link", self._cable), ("link", self._bridge), ("netns", self.name)):
            subprocess.run(["ip", thing[0], "del", thing[1]], capture_output=True, check=False)


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a namespace, and remove it. Skips the test where that can't be; in CI it fails."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("ip")):
        reason = "a network is cut by root, with iproute2"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    made = Namespace()
    try:
        made.make()
        yield made
    finally:
        made.remove()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
