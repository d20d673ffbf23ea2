"""The graph of what runs: topics, agents, tables and how records go from one to the next.

`topology(app)` reads it from the running definitions; the others draw it. `msgspec` writes a
`Topology` as JSON as it stands.
"""

from app.topology.dot import to_dot
from app.topology.graph import Edge, Flow, Kind, Node, Topology
from app.topology.mermaid import to_mermaid
from app.topology.reading import topology
from app.topology.tree import to_tree

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
