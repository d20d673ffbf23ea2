"""The build of the Kafka Streams contestant."""

import os
import shutil
from pathlib import Path

import pytest

from bench.peers import kafka_streams


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project of one source and no jar, on a machine without Maven."""
    (tmp_path / "src").mkdir()
    for name in ("pom.xml", "src/Main.java"):
        (tmp_path / name).touch()
    monkeypatch.setattr(kafka_streams, "PROJECT", tmp_path)
    monkeypatch.setattr(kafka_streams, "JAR", tmp_path / "peer.jar")
    monkeypatch.setattr(kafka_streams.java, "find", lambda: Path("/usr/bin/java"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_error_without_maven_names_what_to_install():
    """The harness then leaves this contestant out, with the reason."""
    with pytest.raises(OSError, match="install `mvn`, and a JDK"):
        kafka_streams.command()


def test_a_jar_newer_than_its_sources_is_not_rebuilt(project):
    """It runs without Maven."""
    (project / "peer.jar").touch()
    command = kafka_streams.command()
    assert command[0] == "/usr/bin/java"
    assert command[-2:] == ["-jar", str(project / "peer.jar")]


def test_a_jar_older_than_a_source_is_rebuilt(project):
    """So a changed program is never measured by its former build."""
    jar = project / "peer.jar"
    jar.touch()
    os.utime(jar, (1, 1))
    with pytest.raises(OSError, match="built by Maven"):
        kafka_streams.command()
