"""The dashboard and the alerts: tests that need neither Grafana nor Prometheus.

That a worker has each metric and label is tested on one (tests/broker/test_observability.py).
"""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from promql import ALERTS, DASHBOARD, REPOSITORY, Query, alerts, dashboard, panels, rules

MONITORING = REPOSITORY / "deploy" / "monitoring.yml"
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()


@pytest.mark.parametrize("query", [*panels(), *alerts()], ids=lambda query: query.title)
def test_each_query_is_promql(query: Query) -> None:
    """Prometheus' own grammar parses it, and it reads a metric."""
    assert query.metrics


def test_each_panel_uses_the_selected_data_source_and_workers() -> None:
    """No panel is tied to one installation."""
    variables = {each["name"]: each["type"] for each in dashboard()["templating"]["list"]}
    assert variables == {"datasource": "datasource", "job": "query", "instance": "query"}
    shown = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in shown} == {"${datasource}"}
    for panel in shown:
        for target in panel["targets"]:
            asked = re.findall(r"\b(?:tickstream|process)_\w+(\{[^}]*\})?", target["expr"])
            assert all('job=~"$job", instance=~"$instance"' in each for each in asked)


def test_panels_do_not_overlap() -> None:
    """They fill rows of 24 columns, from left to right and from top to bottom."""
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for left, right in pairwise(places):
        beside = right["y"] == left["y"] and right["x"] == left["x"] + left["w"]
        below = right["y"] == left["y"] + left["h"] and right["x"] == 0
        assert beside or below
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_each_alert_has_a_summary_a_description_and_a_severity() -> None:
    """Its texts use only labels that its query has."""
    for rule, query in zip(rules(), alerts(), strict=True):
        assert rule["labels"]["severity"] in {"page", "ticket"}
        texts = rule["annotations"]
        assert texts.keys() == {"summary", "description"}
        used_labels = set(re.findall(r"\$labels\.(\w+)", str(texts)))
        grouped = re.findall(r"\bby \(([^)]*)\)", query.text)
        if grouped:
            assert used_labels <= set(re.split(r",\s*", grouped[0])), rule["alert"]


def test_each_alert_is_in_the_operations_guide() -> None:
    """The guide says what to do."""
    for rule in rules():
        assert f"`{rule['alert']}`" in OPERATIONS


def test_monitoring_composition_is_valid() -> None:
    """It fits the schema of the Compose specification."""
    program = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", MONITORING],
        check=True,
        capture_output=True,
    )


def test_prometheus_and_grafana_mount_files_that_exist() -> None:
    """The files of the services are those of `deploy/`."""
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    monitoring = yaml.safe_load(MONITORING.read_text())["services"]
    assert monitoring.keys() == {"prometheus", "grafana"}
    for service in monitoring.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (REPOSITORY / source).exists()
    config = yaml.safe_load((ALERTS.parent / "prometheus.yml").read_text())
    assert config["rule_files"] == [ALERTS.name]
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "tickstream"
    targets = {target.split(":")[0] for target in job["static_configs"][0]["targets"]}
    assert targets == {name for name in services if name.startswith("worker-")}
    assert DASHBOARD.parent.joinpath("provisioning").is_dir()
