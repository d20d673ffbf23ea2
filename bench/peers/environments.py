"""Python environments of the contestants, each with pinned requirements.

    subprocess.Popen([python_of("quix"), "bench/peers/quix.py"], env=...)

usage: python -m bench.peers.environments NAME...    # makes those of these contestants

They are in `.venv/peers/<name>` of the checkout, so the packages of contestants and project don't
conflict. `make lock` pins `requirements/<name>.in` again.
"""

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from eventfold.embedded.errors import BrokerError
from eventfold.embedded.jars import Jar, download

#: Requirements of each contestant: `<name>.in`, pinned in `<name>.txt`.
REQUIREMENTS = Path(__file__).with_name("requirements")
DIRECTORY = Path(__file__).parents[2] / ".venv" / "peers"

#: PyFlink has no Kafka connector of its own: one jar, for its minor version and with its client.
CONNECTOR = Jar(
    "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
    "5605c691d11a501382c383fecba37a7a552467da5ab7ba904ef5d6f3d62c5616",
    10666527,
)


class PeerError(Exception):
    """A contestant's environment can't be made; the message names it and the reason."""


def python_of(name: str) -> Path:
    """Return the interpreter of a contestant: "quix", "bytewax", "flink" or "faust".

    Makes its environment if there is none, or if its requirements or this Python have changed;
    that takes a minute. Raises PeerError if it can't be installed.
    """
    found = installed(name)
    if found:
        return found
    home, pins = DIRECTORY / name, _pins(name)
    python = home / "bin" / "python"
    print(f"installing {name} into {home} ...", flush=True)
    shutil.rmtree(home, ignore_errors=True)
    # The pip of this environment serves: another one takes longer to install than some contestants.
    _run(name, sys.executable, "-m", "venv", "--without-pip", str(home))
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    _run(name, *pip, "install", "--quiet", "--require-hashes", "-r", str(pins))
    if name == "flink":
        _add_connector(home)
    _mark(home).write_text(_contents(pins), encoding="utf-8")
    return python


def installed(name: str) -> Path | None:
    """Return the interpreter of a contestant; None if its environment is not made or outdated."""
    home, pins = DIRECTORY / name, _pins(name)
    mark = _mark(home)
    if mark.exists() and mark.read_text(encoding="utf-8") == _contents(pins):
        return home / "bin" / "python"
    return None


def _pins(name: str) -> Path:
    pins = REQUIREMENTS / f"{name}.txt"
    if not pins.exists():
        raise PeerError(f"no contestant is called {name}: there is no {pins}")
    return pins


def _mark(home: Path) -> Path:
    """Return the file of an environment that names what was installed."""
    return home / "installed"


def _contents(pins: Path) -> str:
    return f"{sys.version}\n{hashlib.sha256(pins.read_bytes()).hexdigest()}\n{CONNECTOR.sha256}\n"


def _run(name: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stderr or done.stdout).strip().splitlines()
        raise PeerError(f"can't install {name} ({' '.join(command)}):\n" + "\n".join(output[-15:]))


def _add_connector(home: Path) -> None:
    """Copy the jar to the directory of PyFlink's jars."""
    (libraries,) = home.glob("lib/python*/site-packages/pyflink/lib")
    try:
        download(home, [CONNECTOR], Event())
    except BrokerError as error:
        raise PeerError(f"can't install flink: {error}") from error
    shutil.copy(home / CONNECTOR.path, libraries)


if __name__ == "__main__":
    try:
        # At once: an installation waits for the network for most of the time.
        with ThreadPoolExecutor() as pool:
            list(pool.map(python_of, sys.argv[1:]))
    except PeerError as error:
        sys.exit(str(error))
