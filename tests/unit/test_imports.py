"""The maths can be imported without Faust, a Kafka client, a store or a web server."""

import subprocess
import sys

import pytest

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
        "import app.market.records, app.market.gains",
        "import app.market.records, app.shop.records",
        "import app.settings, app.market.topics, app.shop.topics",
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


def test_unknown_name_of_the_package_is_an_attribute_error() -> None:
    """Creating the application on demand hides no typing mistake."""
    statement = "import app\nassert not hasattr(app, 'ap')"
    assert loaded_by(statement).isdisjoint(HEAVY)
