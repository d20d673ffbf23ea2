# ruff: noqa: INP001  # a script, no module of a package
"""`python packaging/pin_kafka.py`: pin the jars of Kafka, with their hashes, in kafka.lock.

Needed only for an upgrade of Kafka; everything else reads the lock that it wrote.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import Dependency, MavenContext

from eventfold.embedded.jars import LOCK, VERSION, repositories

#: Kafka logs through slf4j 1.7 and names no implementation in its POM: this one is what
#: its own distribution ships.
ROOTS = (
    f"org.apache.kafka:kafka_2.13:{VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
)


def main() -> None:
    """Resolve the dependencies of `ROOTS`, download each jar and write the lock."""
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(repo_cache=Path(cache), remote_repos=repositories())
        pins: dict[str, str] = {}
        # One root at a time: in jgo the versions of one root override those of the others.
        for root in ROOTS:
            for group in context.resolver.resolve([context.create_dependency(root)]):
                for each in group:
                    pins.setdefault(f"{each.groupId}:{each.artifactId}", _line(each))
    lines = sorted(pins.values())
    LOCK.write_text("".join(lines), encoding="utf-8")
    sys.stdout.write(f"{len(lines)} jars pinned in {LOCK}\n")


def _line(dependency: Dependency) -> str:
    jar = dependency.artifact.resolve().read_bytes()
    name = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
    return f"{name} {hashlib.sha256(jar).hexdigest()} {len(jar)}\n"


if __name__ == "__main__":
    main()
