"""`faust -A app topology`: the graph of the loaded definitions, and docs/market.md."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from workers import MARKET

from eventfold.topology import Edge, Node, Topology, to_dot, to_mermaid, to_tree

REPOSITORY = Path(__file__).parents[3]


def topology_output(form: str, **environment: str) -> str:
    """Return the output of the command."""
    faust = Path(sys.executable).with_name("faust")
    done = subprocess.run(
        [faust, "-A", "app", "topology", "--format", form],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def flows(graph: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return the edges of a graph by the labels of their ends."""
    label = {node["id"]: f"{node['kind']} {node['label']}" for node in graph["nodes"]}
    return {(label[edge["source"]], edge["flow"], label[edge["target"]]) for edge in graph["edges"]}


def test_diagram_of_the_market_is_what_the_command_prints() -> None:
    """The sentence below it names the command that renews it."""
    page = (REPOSITORY / "docs" / "market.md").read_text()
    diagram = re.search(r"```mermaid\n(.*?)```", page, re.DOTALL)
    assert diagram is not None
    assert diagram[1] == topology_output("mermaid", **MARKET)


def test_only_the_selected_pipelines_are_drawn() -> None:
    """Each edge of one pipeline: what it reads, folds, writes, and its dead letters."""
    graph = json.loads(topology_output("json", TICKSTREAM_PIPELINES="surges"))
    assert flows(graph) == {
        ("topic ticks", "reads", "agent fold_surges"),
        ("agent fold_surges", "folds", "table surges"),
        ("table surges", "writes", "topic surges"),
        ("table surges", "dead letters", "topic dead-letters"),
        ("topic surges", "reads", "agent keep_latest_surges"),
        ("agent keep_latest_surges", "folds", "table latest-surges"),
        ("table latest-surges", "dead letters", "topic dead-letters"),
    }
    by_id = {node["id"]: node for node in graph["nodes"]}
    assert by_id["topic:ticks"]["partitions"] == 6
    assert by_id["table:surges"]["changelog"] == "tickstream-surges-changelog"


def test_custom_streams_and_plain_faust_agents_are_drawn() -> None:
    """A plain agent is drawn with the topic that its function names."""
    own = {"TICKSTREAM_MODULES": "visits,orders,streaks", "TICKSTREAM_PIPELINES": "candles"}
    graph = json.loads(topology_output("json", PYTHONPATH=str(REPOSITORY / "tests/own"), **own))
    found = flows(graph)
    assert ("agent fold_pages", "folds", "table pages") in found
    assert ("table pages", "writes", "topic page-times") in found
    assert ("topic orders", "reads", "agent find_large_orders") in found
    assert ("agent find_large_orders", "writes", "topic large-orders") in found
    assert ("table candles", "late", "topic ticks-late") in found
    assert ("agent fold_teams", "folds", "step teams") in found
    assert ("step teams", "writes", "topic by-team") in found
    assert ("agent fold_streaks", "folds", "table streaks") in found


@pytest.fixture
def cyclic_graph() -> Topology:
    """Return a graph with a cycle, under a name with quotes."""
    nodes = (
        Node("topic:a-b", "topic", "a-b", 'a"b', "first"),
        Node("topic:a_b", "topic", "a_b", "a<b", "second", 2),
    )
    edges = (
        Edge("topic:a-b", "topic:a_b", "writes"),
        Edge("topic:a_b", "topic:a-b", "looks up"),
    )
    return Topology("app", nodes, edges)


def test_names_of_nodes_are_unique_and_quoted(cyclic_graph: Topology) -> None:
    """In Mermaid a node has a name of letters; of two equal ones one is changed."""
    assert to_mermaid(cyclic_graph).splitlines()[1:] == [
        '  topic_a_b(["a#quot;b"])',
        '  topic_a_b_(["a#lt;b"])',
        "  topic_a_b --> topic_a_b_",
        "  topic_a_b_ -. looks up .-> topic_a_b",
    ]
    assert '  "topic:a-b" [shape=oval label="a\\"b"];' in to_dot(cyclic_graph).splitlines()


def test_the_tree_of_a_cyclic_graph_is_finite(cyclic_graph: Topology) -> None:
    """It begins at the node declared first, and follows no node twice."""
    (first,) = to_tree(cyclic_graph).children
    (second,) = first.children
    assert [str(child.label) for child in second.children] == ['a"b topic (looks up), see above']
