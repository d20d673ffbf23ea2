"""The model: nodes, and edges in the direction in which records go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a node is; a step makes records of records and keeps nothing.
Kind = Literal["topic", "agent", "step", "table"]

#: What an edge is: an agent reads a topic, folds it into a table or a step, looks something up in
#: another table; they (or an ordinary agent) write a topic; what comes too late, and what can't be
#: read, goes to topics of its own.
Flow = Literal["reads", "folds", "looks up", "writes", "late", "dead letters"]


@dataclass(frozen=True)
class Node:
    """A topic, an agent, a step or a table."""

    #: `KIND:NAME`; edges name their ends by it.
    id: str
    kind: Kind
    name: str
    #: What people call it: an agent by its function, a topic without TICKSTREAM_TOPIC_PREFIX.
    label: str
    #: What it is for.
    help: str
    #: Partitions of a topic, None of what has none or where they are the user's to make.
    partitions: int | None = None
    #: Topic that holds the rows of a table, and how far it or a step has come.
    changelog: str | None = None


@dataclass(frozen=True)
class Edge:
    """Records go from the node `source` to the node `target`."""

    source: str
    target: str
    flow: Flow


@dataclass(frozen=True)
class Topology:
    """All of it, in the order of the definitions."""

    application: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def __getitem__(self, node_id: str) -> Node:
        """Give a node. Raises KeyError."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def after(self, node_id: str) -> list[tuple[Edge, Node]]:
        """Give the edges that leave a node, and where they lead."""
        return [(edge, self[edge.target]) for edge in self.edges if edge.source == node_id]

    @property
    def roots(self) -> list[Node]:
        """The nodes that no record comes to from another: the topics that others fill."""
        targets = {edge.target for edge in self.edges}
        return [node for node in self.nodes if node.id not in targets]
