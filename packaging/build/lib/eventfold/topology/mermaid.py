"""Rendering of a topology in Mermaid: https://mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventfold.topology.graph import Flow, Kind, Node, Topology

#: Brackets around a label: a stadium, a box, a box with double sides, a cylinder.
_SHAPES: dict[Kind, tuple[str, str]] = {
    "topic": ("([", "])"),
    "agent": ("[", "]"),
    "step": ("[[", "]]"),
    "table": ("[(", ")]"),
}

#: Main data flow: solid. Other edges: dotted, with a label.
_ARROWS: dict[Flow, str] = {
    "reads": "-->",
    "folds": "-->",
    "writes": "-->",
    "looks up": "-. looks up .->",
    "late": "-. late .->",
    "dead letters": "-.->",
}


def to_mermaid(topology: Topology) -> str:
    """Return a flowchart from left to right: one line for each node, then one for each edge."""
    names = _names(topology.nodes)
    lines = ["flowchart LR"]
    for node in topology.nodes:
        opening, closing = _SHAPES[node.kind]
        lines.append(f'  {names[node.id]}{opening}"{_quoted(node.label)}"{closing}')
    lines += [
        f"  {names[edge.source]} {_ARROWS[edge.flow]} {names[edge.target]}"
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


def _quoted(label: str) -> str:
    return label.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")
