"""Topology: the graph of topics, agents and tables, and the data flow between them.

`topology(app)` reads it from the running definitions, and `to_…` render it. `msgspec` encodes a
`Topology` as JSON without further code.
"""

from eventfold.topology.reading import Edge, Flow, Kind, Node, Topology, topology
from eventfold.topology.rendering import to_dot, to_mermaid, to_tree

__all__ = [
    "Edge",
    "Flow",
    "Kind",
    "Node",
    "Topology",
    "to_dot",
    "to_mermaid",
    "to_tree",
    "topology",
]
