"""An application creates, checks and watches only the topics that its tables read or write."""

import os
import subprocess
import sys
from pathlib import Path

OWN = Path(__file__).parents[1] / "own"

#: Every application has dead letters, and claims what it writes.
ALWAYS = {"dead-letters", "tickstream-owners"}

_PRINT = """
import app
from eventfold.worker.startup_checks import topics_of
print(*(topic.name for topic in topics_of(app.app)), sep="\\n")
"""


def topics_with(**environment: str) -> set[str]:
    """Return the names of an application's topics."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    listed = subprocess.run(
        [sys.executable, "-c", _PRINT],
        env=kept | {"PYTHONPATH": str(OWN)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(listed.stdout.split())


def test_custom_modules_run_alone_and_use_only_their_own_topics() -> None:
    """No pipeline of this repository runs beside them, unless it is named."""
    own = {"visits", "page-times", "tickstream-pages-changelog"}
    assert topics_with(TICKSTREAM_MODULES="visits") == own | ALWAYS
    assert topics_with(TICKSTREAM_MODULES="visits", TICKSTREAM_PIPELINES="none") == own | ALWAYS
    both = topics_with(TICKSTREAM_MODULES="visits", TICKSTREAM_PIPELINES="logs")
    assert own | ALWAYS | {"logs", "logs-critical"} <= both
    assert "ticks" not in both


def test_a_pipeline_uses_no_topic_of_another_one() -> None:
    """The topic of schemas is there for pipelines that use the workers' own registry."""
    fraud = {"payments", "alerts", "tickstream-fraud-changelog"}
    assert topics_with(TICKSTREAM_PIPELINES="fraud") == fraud | ALWAYS
    assert "schemas" in topics_with(TICKSTREAM_PIPELINES="avro")
    registry = {"TICKSTREAM_SCHEMA_REGISTRY": "http://127.0.0.1:1"}
    assert "schemas" not in topics_with(TICKSTREAM_PIPELINES="avro", **registry)
