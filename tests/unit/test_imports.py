"""The maths can be imported without Faust, a Kafka client, a store or a web server."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("eventfold", "app", "agents", "tables")

#: Packages of the machinery: Faust, Kafka client, store, web server, metrics.
HEAVY = ("faust", "mode", "aiokafka", "rocksdict", "aiohttp", "prometheus_client")


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in answer.stdout.split()}


@pytest.mark.parametrize(
    "statement",
    [
        "import app",
        "import eventfold.windows",
        "import eventfold as ef; ef.Topic, ef.Record, ef.hopping('5m', '1m'), ef.mean('price')",
        "import app.market.records, app.market.gains",
        "import app.market.records, app.shop.records",
        "import app.settings, app.market.topics, app.shop.topics",
        "from eventfold.client import read, watch",
    ],
)
def test_maths_records_and_topics_import_no_machinery(statement: str) -> None:
    """So a notebook may import them."""
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_windows_import_msgspec_and_no_settings() -> None:
    """Windows are the same whatever the environment has."""
    loaded = loaded_by("import eventfold.windows")
    assert "msgspec" in loaded
    assert loaded.isdisjoint({"pydantic", "pydantic_settings"})


def test_application_is_created_on_first_access() -> None:
    """`app.app` is what Faust's command line looks up."""
    assert set(HEAVY) <= loaded_by("import app\napp.app")


@pytest.mark.parametrize(
    "statement", ["from tables.candles import candles", "import app.transactions.feed"]
)
def test_module_of_the_application_can_be_the_first_import(statement: str) -> None:
    """In a notebook or a shell, without `import app` before it."""
    assert "faust" in loaded_by(statement)


def test_unknown_name_of_the_package_is_an_attribute_error() -> None:
    """Creating the application on demand hides no typing mistake."""
    statement = "import app\nassert not hasattr(app, 'ap')"
    assert loaded_by(statement).isdisjoint(HEAVY)


#: Imports the whole library, and prints what it, or pydantic for it, looks up in the environment.
LOOK_UPS = """
import os, pkgutil, sys
from importlib import import_module

class Watched(dict):
    def __getitem__(self, name):
        note(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        note(name)
        return super().get(name, default)

    def __iter__(self):
        note("all of them")
        return super().__iter__()

    def items(self):
        note("all of them")
        return super().items()

def note(name):
    caller = sys._getframe(2)
    while caller.f_globals["__name__"] == "os":
        caller = caller.f_back
    module = caller.f_globals["__name__"]
    if module.partition(".")[0] in {"eventfold", "pydantic_settings"}:
        found.append(f"{module}: {name}")

found = []
os.environ = Watched(os.environ)
import eventfold
names = [each.name for each in pkgutil.walk_packages(eventfold.__path__, "eventfold.")]
for name in names:
    import_module(name)
assert len(names) > 200, len(names)
print(*found, sep="\\n", end="")
"""


def test_importing_the_library_reads_no_environment_variable() -> None:
    """Settings are read where an application asks for them, and handed on."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK_UPS], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def imports_of(module: str, path: Path, known: set[str]) -> Iterator[str]:
    """Yield the modules that a module imports: anywhere in it, also for type checkers alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                found = whole if whole in known else node.module
                if found in known and found != module:
                    yield found


def test_no_modules_import_each_other_in_a_circle() -> None:
    """An import in a function, or for types, counts as one."""
    paths = {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
    }
    graph = {module: set(imports_of(module, path, set(paths))) for module, path in paths.items()}
    assert len(graph["eventfold.worker.app"]) > 5
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


#: Files outside of `eventfold/kafka` that look at private parts: Python's and aiohttp's.
PRIVATE = {
    "eventfold/telemetry/loop_watchdog.py": {"_current_frames"},
    "eventfold/testing/loop.py": {"_get_running_loop", "_run", "_set_running_loop"},
    "eventfold/web/protection/connections.py": {"_kwargs"},
}


def test_only_one_package_looks_at_private_parts_of_faust_and_aiokafka() -> None:
    """So a new version of either is compared with one package."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            name = path.relative_to(REPOSITORY).as_posix()
            waived = [line for line in path.read_text("utf-8").splitlines() if "SLF001" in line]
            if waived and not name.startswith("eventfold/kafka/"):
                code = "\n".join(line.partition("#")[0] for line in waived)
                found[name] = set(re.findall(r"(?<=\.)_[a-z]\w*", code))
    assert found == PRIVATE
