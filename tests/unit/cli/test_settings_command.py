"""`faust -A app settings`: the listing of the environment's variables."""

import json
import os
import subprocess
import sys
from pathlib import Path

from app.settings import Settings

REPOSITORY = Path(__file__).parents[3]
SECRET = "hush"  # noqa: S105 - it opens nothing
VARIABLES = Settings.variables()


def settings(
    *options: str, changed: bool = False, application: str = "app", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with these variables of ours and no others."""
    others = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    faust = Path(sys.executable).with_name("faust")
    return subprocess.run(
        [faust, "-A", application, *options, "settings", *(["--changed"] if changed else [])],
        cwd=REPOSITORY,
        env=others | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_each_variable_is_listed_with_value_and_meaning_in_its_group() -> None:
    """Values are written as in the environment; no line is longer than a terminal is wide."""
    shown = settings(TICKSTREAM_GRACE="90s", TICKSTREAM_WINDOWS="1m,15m/5m")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line.split()}
    assert lines.keys() >= VARIABLES
    words = lines["TICKSTREAM_GRACE"].strip().split(maxsplit=2)
    assert words[1:] == ["90s", "How late a tick may be (default: 5m)"]
    assert lines["TICKSTREAM_WINDOWS"].split()[1] == "1m,15m/5m"
    assert max(map(len, shown.stdout.splitlines())) <= 100
    order = [line.split()[0] for line in shown.stdout.splitlines() if line.split()]
    expected = [
        *("TICKSTREAM_APP_ID", "TICKSTREAM_PIPELINES", "TICKSTREAM_TOPIC_PREFIX"),
        *("BROKER_URL", "TICKSTREAM_MAX_NAME", "WEB_PORT", "TICKSTREAM_WEB_TOKEN"),
        *("windows", "TICKSTREAM_WINDOWS", "TICKSTREAM_GRACE", "TICKSTREAM_IDLE"),
        *("market", "TICKSTREAM_GAIN_BASE", "TICKSTREAM_SURGE", "fraud"),
    ]
    places = [order.index(name) for name in expected]
    assert places == sorted(places)


def test_changed_variables_can_be_listed_alone() -> None:
    """They are the first question about a deployment."""
    rows = json.loads(settings("--json", changed=True, TICKSTREAM_GRACE="90s").stdout)
    assert [(row["variable"], row["group"]) for row in rows] == [("TICKSTREAM_GRACE", "windows")]


def test_json_lists_variables_with_typed_values() -> None:
    """With Faust's --json it is a list of objects, numbers as numbers, null for what is not set."""
    rows = json.loads(settings("--json", WEB_PORT="7000").stdout)
    by_name = {row["variable"]: row for row in rows}
    assert by_name.keys() == VARIABLES
    assert by_name["WEB_PORT"] == {
        "variable": "WEB_PORT",
        "value": 7000,
        "default": 6066,
        "meaning": "Web server's port",
        "group": "web server",
    }
    assert by_name["APP_DATADIR"]["value"] is None


def test_a_secret_is_shown_as_three_stars() -> None:
    """A user can see whether it is set, but not its value."""
    for options in [], ["--json"]:
        shown = settings(*options, TICKSTREAM_CHART_TOKEN=SECRET)
        assert "***" in shown.stdout
        assert SECRET not in shown.stdout + shown.stderr
        assert "***" not in settings(*options).stdout


def test_a_bad_value_stops_with_one_line() -> None:
    """It names the variable, the value and what is wrong."""
    shown = settings(TICKSTREAM_GRACE="soon")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == (
        "TICKSTREAM_GRACE=soon: 'soon' is not a duration such as 500ms, 30s, 5m, 4h or 8d\n"
    )


def test_settings_of_another_application_are_listed(tmp_path: Path) -> None:
    """With the library's prefix, and nothing of this application."""
    (tmp_path / "visits.py").write_text("import eventfold\n\napp = eventfold.App('visits')\n")
    shown = settings("--json", application="visits", PYTHONPATH=str(tmp_path))
    assert shown.stderr == ""
    by_name = {row["variable"]: row for row in json.loads(shown.stdout)}
    assert by_name["EVENTFOLD_APP_ID"]["value"] == "visits"
    assert by_name["EVENTFOLD_MAX_AHEAD"]["group"] == "windows"
    assert not any("TICKSTREAM" in name for name in by_name)


def test_bad_name_of_a_setting_names_the_command_of_its_application(tmp_path: Path) -> None:
    """As `-A` was given."""
    (tmp_path / "visits.py").write_text("import eventfold\n\napp = eventfold.App('visits')\n")
    shown = settings(application="visits", PYTHONPATH=str(tmp_path), EVENTFOLD_GRACEFUL="1")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.count("\n") == 1
    assert "`faust -A visits settings` lists all" in shown.stderr
