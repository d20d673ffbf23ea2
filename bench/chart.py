"""Chart of the results as SVG: a panel per workload, a bar and its spread per contestant.

usage: chart.py RESULTS SVG, a directory of JSON files and the file to write.
"""

import argparse
import json
from html import escape
from pathlib import Path
from typing import Any

from bench import machine
from bench.workloads import WORKLOADS

WIDTH, MARGIN = 860, 16
#: Left end of the bars, and length of the longest; its label is to the right.
LEFT, LONGEST = 150, 420
ROW, BAR, HEAD, FOOT = 24, 14, 44, 42

#: Longest reason, in characters.
REASON = 60

# A README shows it as an image on a light or dark page.
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; }
.name { text-anchor: end; }
.small { font-size: 11px; fill: #59636e; }
.bar { fill: #afb8c1; }
.own { fill: #1a7f64; }
.floor { fill: none; stroke: #818b98; stroke-dasharray: 3 2; }
.spread { stroke: #1f2328; stroke-width: 1.5; }
.axis { stroke: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9198a1; }
  .bar { fill: #57606a; }
  .own { fill: #3fb68b; }
  .floor { stroke: #9198a1; }
  .spread { stroke: #e6edf3; }
  .axis { stroke: #3d444d; }
}
"""


def draw_files(directory: Path, path: Path) -> None:
    """Draw the results in a directory, in the order of WORKLOADS."""
    paths = [directory / f"{name}.json" for name in WORKLOADS]
    found = [json.loads(each.read_text(encoding="utf-8")) for each in paths if each.exists()]
    path.write_text(draw(found), encoding="utf-8")


def draw(found: list[dict[str, Any]]) -> str:
    """Return the SVG of the summaries of `bench/report.py`."""
    body, top = [], MARGIN
    for each in found:
        body += _panel(each, top)
        top += HEAD + ROW * len(each["contestants"])
    if found:
        how = "Ticks/s after the warm-up (median, and a line from the least to the most), one core."
        for number, line in enumerate([how, machine.format_machine(found[0]["machine"])]):
            body.append(_text(MARGIN, top + 14 + 16 * number, line, "small"))
    size = f'width="{WIDTH}" height="{top + FOOT}" viewBox="0 0 {WIDTH} {top + FOOT}"'
    content = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f"<title>Throughput of tickstream and other frameworks</title>\n"
        f"<style>{STYLE}</style>\n{content}\n</svg>\n"
    )


def _panel(found: dict[str, Any], top: float) -> list[str]:
    contestants = found["contestants"]
    rates = [each["rate"]["max"] for each in contestants.values() if each["rate"]]
    scale = LONGEST / max(rates, default=1)
    bottom = top + HEAD + ROW * len(contestants) - 18
    parts = [
        _text(MARGIN, top + 14, found["workload"]["title"], "title"),
        f'<line class="axis" x1="{LEFT}" y1="{top + 24}" x2="{LEFT}" y2="{bottom:.0f}"/>',
    ]
    for number, (name, each) in enumerate(contestants.items()):
        parts += _bar(name, each, top + 28 + ROW * number, scale, found["baseline"])
    return parts


def _bar(name: str, each: dict[str, Any], top: float, scale: float, baseline: str) -> list[str]:
    base, middle = top + BAR - 2, top + BAR / 2
    label = _text(LEFT - 8, base, name, "name")
    rate = each["rate"]
    if rate is None:
        return [label, _text(LEFT + 8, base, (each["reason"] or "")[:REASON], "small")]
    kind = {"tickstream": "own", "floor": "floor"}.get(name.partition("-")[0], "bar")
    length, least, most = (scale * rate[key] for key in ("median", "min", "max"))
    text = f"{rate['median']:,.0f}/s"
    if each["ratio"] and name != baseline:
        text += f", {each['ratio']['median']:.2g} \N{MULTIPLICATION SIGN} {baseline}"
    bar = f'x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}"'
    ends = f'x1="{LEFT + least:.1f}" y1="{middle}" x2="{LEFT + most:.1f}" y2="{middle}"'
    return [
        label,
        f'<rect class="{kind}" {bar}/>',
        f'<line class="spread" {ends}/>',
        _text(LEFT + most + 8, base, text, ""),
    ]


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def main() -> None:
    """Draw the chart of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("svg", type=Path)
    args = parser.parse_args()
    draw_files(args.results, args.svg)


if __name__ == "__main__":
    main()
