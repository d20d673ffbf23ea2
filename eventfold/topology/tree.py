"""Rendering of a topology as a tree for a terminal: from the topics that others fill, downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventfold.extras import demand

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from eventfold.topology.graph import Edge, Kind, Node, Topology

_STYLES: dict[Kind, str] = {
    "topic": "cyan",
    "agent": "green",
    "step": "yellow",
    "table": "magenta",
}


def to_tree(topology: Topology) -> Tree:
    """Return the tree; a node with several incoming edges is expanded where it appears first.

    Raises MissingExtraError if the extra `cli` is not installed.
    """
    demand("rich", "cli", "topology")
    # A worker answers with JSON and needs none of it.
    from rich.text import Text  # noqa: PLC0415
    from rich.tree import Tree  # noqa: PLC0415

    tree = Tree(Text(topology.application, "bold"))
    seen: set[str] = set()
    # A cycle has no root: it begins at the node that was declared first.
    for node in [*topology.roots, *topology.nodes]:
        if node.id not in seen:
            _grow(tree, topology, node, None, seen)
    return tree


def _grow(tree: Tree, topology: Topology, node: Node, edge: Edge | None, seen: set[str]) -> None:
    again = node.id in seen
    branch = tree.add(_described(node, edge, again=again))
    seen.add(node.id)
    for each, after in () if again else topology.after(node.id):
        _grow(branch, topology, after, each, seen)


def _described(node: Node, edge: Edge | None, *, again: bool) -> Text:
    from rich.text import Text  # noqa: PLC0415  # as in `to_tree`

    text = Text.assemble((node.label, _STYLES[node.kind]), f" {node.kind}")
    if edge is not None and edge.flow in {"late", "looks up"}:
        text.append(f" ({edge.flow})")
    if again:
        text.append(", see above", "dim")
        return text
    if node.partitions:
        text.append(f", {node.partitions} partition{'s' if node.partitions > 1 else ''}")
    if node.changelog:
        text.append(f", changelog {node.changelog}")
    if node.help:
        text.append(f": {node.help}", "dim")
    return text
