"""Rendering of a topology in DOT, Graphviz's language: https://graphviz.org/doc/info/lang.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventfold.topology.graph import Flow, Kind, Topology

_SHAPES: dict[Kind, str] = {
    "topic": "oval",
    "agent": "box",
    "step": "component",
    "table": "cylinder",
}

#: Main data flow: solid. Other edges: dotted, with a label.
_STYLES: dict[Flow, str] = {
    "looks up": ' [style=dotted label="looks up"]',
    "late": ' [style=dotted label="late"]',
    "dead letters": " [style=dotted]",
}


def to_dot(topology: Topology) -> str:
    """Return the graph in DOT, from left to right; `dot -Tsvg` draws it."""
    lines = [f"digraph {_quoted(topology.application)} {{", "  rankdir=LR;"]
    for node in topology.nodes:
        shape, label = _SHAPES[node.kind], _quoted(node.label)
        lines.append(f"  {_quoted(node.id)} [shape={shape} label={label}];")
    for edge in topology.edges:
        style = _STYLES.get(edge.flow, "")
        lines.append(f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{style};")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
