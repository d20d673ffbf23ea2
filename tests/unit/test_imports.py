"""The maths can be used, and tested, without the machinery."""

import subprocess
import sys

import pytest

#: What the machinery brings along.
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
        "import app.market.late, app.market.gains",
        "import app.market.records, app.shop.records",
        "import app.settings, app.market.topics, app.shop.topics",
    ],
)
def test_maths_and_maps_load_no_machinery(statement: str) -> None:
    """Neither Faust nor a Kafka client nor a store: a notebook may import them."""
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_windows_load_nothing_but_msgspec() -> None:
    """And no settings: windows are the same whatever the environment says."""
    loaded = loaded_by("import eventfold.windows")
    assert "msgspec" in loaded
    assert loaded.isdisjoint({"pydantic", "pydantic_settings"})


def test_the_application_is_made_when_it_is_asked_for() -> None:
    """`app.app` is what Faust's command line looks up."""
    assert set(HEAVY) <= loaded_by("import app\napp.app")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """Making the application on demand hides no typing mistake."""
    statement = "import app\nassert not hasattr(app, 'ap')"
    assert loaded_by(statement).isdisjoint(HEAVY)
