"""The image and the composition: tests that need no container."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from eventfold import __version__

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = REPOSITORY / "Dockerfile"
COMPOSE = REPOSITORY / "docker-compose.yml"

VARIABLES = Settings.variables()
#: The variables of Kafka's own image.
KAFKAS = re.compile(r"KAFKA_[A-Z_]+|CLUSTER_ID")


def lint(tool: str, *arguments: str | Path) -> None:
    """Run a linter of the environment, which has to find nothing."""
    program = Path(sys.executable).with_name(tool)
    found = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def instructions(name: str) -> list[str]:
    """Return the arguments of each instruction `name` in the Dockerfile, each in one line."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    lines = (line.partition(" ") for line in text.splitlines())
    return [rest for word, _, rest in lines if word == name]


def is_ignored(path: str) -> bool:
    """Return whether `.dockerignore` excludes a file; the last pattern that fits decides."""
    parts = Path(path).parts
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    ignored = False
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        tried = parts if line.startswith("**/") else prefixes
        if not line.startswith("#") and any(fnmatch(each, pattern) for each in tried):
            ignored = not line.startswith("!")
    return ignored


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Return the services of the composition, references resolved."""
    composition: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())
    return composition["services"]


def test_dockerfile_passes_its_linter() -> None:
    """By the rules of hadolint."""
    lint("hadolint", DOCKERFILE)


def test_composition_is_valid() -> None:
    """It fits the schema of the Compose specification."""
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_copied_paths_exist_and_are_not_ignored() -> None:
    """By `.dockerignore`."""
    copied = [line for line in instructions("COPY") if "--from" not in line]
    paths = [path for line in copied for path in line.split()[:-1]]
    assert {"eventfold", "app", "agents", "tables", "native", "requirements/app.txt"} <= set(paths)
    for path in paths:
        assert (REPOSITORY / path).exists()
        assert not is_ignored(path)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "data/broker/kafka/meta.properties",
        "tests/conftest.py",
        ".env",
        "app/__pycache__/worker.cpython-312.pyc",
        "bench/floor.py",
        "native/build/lib/tickstream_native/rows.so",
        "native/tickstream_native/rows.c",
    ],
)
def test_other_files_do_not_get_into_the_image(path: str) -> None:
    """No environment, no data, no history, no tests, no stray secrets."""
    assert is_ignored(path)


@pytest.mark.parametrize(
    "path", ["eventfold/web/page.html", "app/fraud/tiles.js", "eventfold/embedded/kafka.lock"]
)
def test_data_files_of_packages_get_into_the_image(path: str) -> None:
    """Files that are no Python code belong to it too."""
    assert not is_ignored(path)


def test_image_runs_a_worker_as_an_unprivileged_user() -> None:
    """A numeric user other than root, a data volume, signals straight to the worker."""
    (user,) = instructions("USER")
    assert all(int(number) > 0 for number in user.split(":"))
    (environment,) = [line for line in instructions("ENV") if "APP_DATADIR" in line]
    assert f"APP_DATADIR={instructions('VOLUME')[0]}" in environment.split()
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert instructions("ENTRYPOINT") == ['["faust", "-A", "app"]']
    assert instructions("CMD") == ['["worker", "-l", "info"]']


def test_installed_packages_are_pinned_by_hash() -> None:
    """The packages are those that were tested, byte for byte."""
    installed = re.findall(r"pip (?:--python \S+ )?install [^&]+", " ".join(instructions("RUN")))
    assert len(installed) >= 2
    for command in installed:
        assert "--require-hashes" in command or "--no-deps /wheels/*.whl" in command


def test_images_are_pinned_to_a_version(services: dict[str, dict[str, Any]]) -> None:
    """No `latest`, neither explicit nor implied."""
    bases = [line.split()[0] for line in instructions("FROM")]
    for image in {*bases, *(service["image"] for service in services.values())}:
        assert re.search(r":\d+\.\d+", image), image


def test_tag_of_the_image_is_the_version_of_the_project(
    services: dict[str, dict[str, Any]],
) -> None:
    """As `eventfold.__version__` has it."""
    images = {each["image"] for name, each in services.items() if name != "kafka"}
    assert images == {f"tickstream:{__version__}"}


def test_kafka_version_is_that_of_the_embedded_broker(services: dict[str, dict[str, Any]]) -> None:
    """The containers run the version that was tested, without Zookeeper."""
    from eventfold.embedded.jars import VERSION  # noqa: PLC0415 - only here

    assert services["kafka"]["image"] == f"apache/kafka:{VERSION}"
    assert "broker,controller" in services["kafka"]["environment"].values()
    assert not any("zookeeper" in name for name in services)


def test_every_variable_of_the_services_exists(services: dict[str, dict[str, Any]]) -> None:
    """A misspelt one would be ignored in silence."""
    for name, service in services.items():
        for variable in service["environment"]:
            known = KAFKAS.fullmatch(variable) if name == "kafka" else variable in VARIABLES
            assert known, f"{name}: {variable}"


def test_all_services_connect_to_the_kafka_of_the_composition(
    services: dict[str, dict[str, Any]],
) -> None:
    """At the address that Kafka advertises to clients inside."""
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    inside = dict(each.split("://") for each in advertised.split(","))["INSIDE"]
    for name in services.keys() - {"kafka"}:
        assert services[name]["environment"]["BROKER_URL"] == f"kafka://{inside}"


def test_three_workers_share_nothing_but_the_broker(services: dict[str, dict[str, Any]]) -> None:
    """Each has a port of the host, a volume, and the name under which the others reach it."""
    workers = {name: each for name, each in services.items() if name.startswith("worker-")}
    assert len(workers) == 3
    ports = [port for each in services.values() for port in each.get("ports", [])]
    assert len({port.split(":")[1] for port in ports}) == len(ports)
    # Only this machine is let in: without a token anyone who gets in may ask.
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({tuple(each["volumes"]) for each in workers.values()}) == 3
    for name, worker in workers.items():
        environment = worker["environment"]
        assert environment["WEB_HOST"] == worker["hostname"] == name
        assert environment["WEB_BIND"] == "0.0.0.0"  # noqa: S104 - inside its container
        assert environment["TICKSTREAM_WEB_OPEN"] == "true"
        assert worker["volumes"][0].endswith(f":{instructions('VOLUME')[0]}")
        assert "healthcheck" not in worker, "the image's own"


def test_services_start_after_what_they_depend_on(services: dict[str, dict[str, Any]]) -> None:
    """Kafka is healthy, then topics are created, then workers and market start."""
    assert "test" in services["kafka"]["healthcheck"]
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in services.keys() - {"kafka", "topics"}:
        needed = services[name]["depends_on"]
        assert needed == {"topics": {"condition": "service_completed_successfully"}}
