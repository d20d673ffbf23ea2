"""Rendering of a topology: in DOT, in Mermaid, as a tree for a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eventfold.extras import demand

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from eventfold.topology.reading import Edge, Flow, Kind, Node, Topology

_DOT_SHAPES: dict[Kind, str] = {
    "topic": "oval",
    "agent": "box",
    "step": "component",
    "table": "cylinder",
}

#: Main data flow: solid. Other edges: dotted, with a label.
_DOT_STYLES: dict[Flow, str] = {
    "looks up": ' [style=dotted label="looks up"]',
    "late": ' [style=dotted label="late"]',
    "dead letters": " [style=dotted]",
}


def to_dot(topology: Topology) -> str:
    """Return the graph in DOT (https://graphviz.org/doc/info/lang.html), from left to right."""
    lines = [f"digraph {_quoted_dot(topology.application)} {{", "  rankdir=LR;"]
    for node in topology.nodes:
        shape, label = _DOT_SHAPES[node.kind], _quoted_dot(node.label)
        lines.append(f"  {_quoted_dot(node.id)} [shape={shape} label={label}];")
    for edge in topology.edges:
        style = _DOT_STYLES.get(edge.flow, "")
        lines.append(f"  {_quoted_dot(edge.source)} -> {_quoted_dot(edge.target)}{style};")
    return "\n".join([*lines, "}"])


def _quoted_dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


#: Brackets around a label: a stadium, a box, a box with double sides, a cylinder.
_MERMAID_SHAPES: dict[Kind, tuple[str, str]] = {
    "topic": ("([", "])"),
    "agent": ("[", "]"),
    "step": ("[[", "]]"),
    "table": ("[(", ")]"),
}

#: Main data flow: solid. Other edges: dotted, with a label.
_MERMAID_ARROWS: dict[Flow, str] = {
    "reads": "-->",
    "folds": "-->",
    "writes": "-->",
    "looks up": "-. looks up .->",
    "late": "-. late .->",
    "dead letters": "-.->",
}


def to_mermaid(topology: Topology) -> str:
    """Return a flowchart in Mermaid (https://mermaid.js.org/syntax/flowchart.html)."""
    names = _names(topology.nodes)
    lines = ["flowchart LR"]
    for node in topology.nodes:
        opening, closing = _MERMAID_SHAPES[node.kind]
        lines.append(f'  {names[node.id]}{opening}"{_quoted_mermaid(node.label)}"{closing}')
    lines += [
        f"  {names[edge.source]} {_MERMAID_ARROWS[edge.flow]} {names[edge.target]}"
        for edge in topology.edges
    ]
    return "\n".join(lines)


def _names(nodes: tuple[Node, ...]) -> dict[str, str]:
    """Return a unique name of word characters for each node id."""
    names: dict[str, str] = {}
    for node in nodes:
        name = re.sub(r"\W", "_", f"{node.kind}_{node.label}")
        while name in names.values():
            name += "_"
        names[node.id] = name
    return names


def _quoted_mermaid(label: str) -> str:
    return label.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")


_COLOURS: dict[Kind, str] = {
    "topic": "cyan",
    "agent": "green",
    "step": "yellow",
    "table": "magenta",
}


def to_tree(topology: Topology) -> Tree:
    """Return a tree for a terminal, from the topics that others fill downwards.

    A node with several incoming edges is expanded where it appears first. Raises MissingExtraError
    if the extra `cli` is not installed.
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

    text = Text.assemble((node.label, _COLOURS[node.kind]), f" {node.kind}")
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
