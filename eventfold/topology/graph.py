"""Model of a topology: nodes, and edges in the direction of the data flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Kind of a node; a step is a stateless operator.
Kind = Literal["topic", "agent", "step", "table"]

#: Kind of an edge: an agent reads a topic, folds it into a table or a step, and looks rows up in
#: other tables. Tables, steps and ordinary agents write topics. Late records and dead letters have
#: topics of their own.
Flow = Literal["reads", "folds", "looks up", "writes", "late", "dead letters"]


@dataclass(frozen=True)
class Node:
    """Node of a topology: a topic, an agent, a step or a table."""

    #: `KIND:NAME`; edges refer to it.
    id: str
    kind: Kind
    name: str
    #: Short name: the function of an agent, a topic without EVENTFOLD_TOPIC_PREFIX.
    label: str
    #: Purpose; empty if none is declared.
    help: str
    #: Number of partitions of a topic; None for other nodes and undeclared topics.
    partitions: int | None = None
    #: Field of a topic's records that is their key; None for other nodes and undeclared topics.
    key: str | None = None
    #: Changelog topic of a table (rows and position) or a step (position).
    changelog: str | None = None


@dataclass(frozen=True)
class Edge:
    """Data flow from the node `source` to the node `target`."""

    source: str
    target: str
    flow: Flow


@dataclass(frozen=True)
class Topology:
    """All nodes and edges, in the order of the definitions."""

    application: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def __getitem__(self, node_id: str) -> Node:
        """Return a node by its id. Raises KeyError if there is none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def after(self, node_id: str) -> list[tuple[Edge, Node]]:
        """Return the edges that leave a node, each with its target."""
        return [(edge, self[edge.target]) for edge in self.edges if edge.source == node_id]

    @property
    def roots(self) -> list[Node]:
        """The nodes without incoming edges: the topics that others fill."""
        targets = {edge.target for edge in self.edges}
        return [node for node in self.nodes if node.id not in targets]
