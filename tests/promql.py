"""Queries of the dashboard and the alerts in `deploy/` to a worker's `/metrics`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import yaml

REPOSITORY = Path(__file__).parents[1]
DASHBOARD = REPOSITORY / "deploy" / "grafana" / "tickstream.json"
ALERTS = REPOSITORY / "deploy" / "prometheus" / "alerts.yml"

#: Prometheus' own, in addition to those that it scrapes.
OWN_METRICS = {"up"}
OWN_LABELS = {"job", "instance"}

#: Values for Grafana's variables.
VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}


class Query(NamedTuple):
    """A query of a panel or an alert, by its title."""

    title: str
    text: str

    @property
    def selectors(self) -> list[tuple[str, set[str]]]:
        """The metrics it reads, each with the labels it is selected by."""
        return list(_selectors(promql_parser.parse(self.text)))

    @property
    def metrics(self) -> set[str]:
        """The names of the metrics it reads."""
        return {name for name, _ in self.selectors}

    @property
    def labels(self) -> set[str]:
        """The labels it selects and groups by."""
        selected = {label for _, labels in self.selectors for label in labels}
        return selected | set(_grouped(promql_parser.parse(self.text)))


def dashboard() -> dict[str, Any]:
    """Read Grafana's dashboard."""
    return json.loads(DASHBOARD.read_text())


def panels() -> list[Query]:
    """Return the queries of the dashboard, with Grafana's variables filled in."""
    found = []
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"]
            for name, value in VARIABLES.items():
                text = text.replace(name, value)
            found.append(Query(panel["title"], text))
    return found


def rules() -> list[dict[str, Any]]:
    """Read Prometheus' rules."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[Query]:
    """Return the queries of the alerts."""
    return [Query(rule["alert"], rule["expr"]) for rule in rules()]


def _children(node: Any) -> Iterator[Any]:
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            yield child
    yield from getattr(node, "args", None) or ()


def _selectors(node: Any) -> Iterator[tuple[str, set[str]]]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name, {matcher.name for matcher in node.matchers.matchers}
    for child in _children(node):
        yield from _selectors(child)


def _grouped(node: Any) -> Iterator[str]:
    modifier = getattr(node, "modifier", None)
    for part in (modifier, getattr(modifier, "matching", None)):
        yield from getattr(part, "labels", None) or ()
    for child in _children(node):
        yield from _grouped(child)
