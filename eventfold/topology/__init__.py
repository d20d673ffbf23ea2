"""The graph of what runs: topics, agents, tables and how records go from one to the next.

`topology(app)` reads it from the running definitions; the others draw it. `msgspec` writes a
`Topology` as JSON as it stands.
"""

from eventfold.topology.dot import to_dot
from eventfold.topology.graph import Edge, Flow, Kind, Node, Topology
from eventfold.topology.mermaid import to_mermaid
from eventfold.topology.reading import topology
from eventfold.topology.tree import to_tree

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
