// The data flow: topics, and the steps that fold them into tables; rates and lag on the edges.

import { compact, count, element } from "/static/format.js";
import { graph as askGraph, tableHref } from "/static/graph.js";
import { svg } from "/static/svg.js";
import { askWorkers, deadLetters, lagOf, perSecond, rateOf } from "/static/tiles/cluster.js";
import { HEIGHT, layout, WIDTH } from "/static/tiles/layers.js";
import { explain } from "/static/tips.js";

const DEAD = "dead-letters";
const SPOTS = [0.55, 0.7, 0.4, 0.8, 0.3]; // of a curve, where its label may stand
const MUCH = 1000; // records behind that are worth a colour

let graph = null;
let drawn = null;

export const topology = {
  id: "topology",
  title: "Topology",
  wide: true,
  every: 2000,
  empty: "No pipeline runs here.",
  async ask(signal) {
    graph = await askGraph();
    return askWorkers(signal);
  },
  show(body, workers) {
    if (!graph.nodes.length) return false;
    drawn ??= draw(body);
    for (const edge of drawn.edges) label(edge, workers);
    drawn.picture.setAttribute("aria-label", `Topology: ${drawn.edges.map(spoken).join("; ")}`);
    showDead(drawn.dead, workers);
    return true;
  },
};

// -- the graph as it is drawn: an agent and the table it folds into are one step

function steps() {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const folds = graph.edges.filter((edge) => edge.flow === "folds");
  const tableOf = (agent) => folds.filter((edge) => edge.source === agent).map((edge) => edge.target);
  const edges = [];
  for (const { source, target, flow } of graph.edges) {
    if (flow === "folds" || nodes.get(target).label === DEAD) continue;
    // What an agent reads goes into its tables, where it has some.
    const targets = nodes.get(target).kind === "agent" && tableOf(target).length ? tableOf(target) : [target];
    for (const each of targets) edges.push({ source, target: each, flow });
  }
  const used = new Set(edges.flatMap((edge) => [edge.source, edge.target]));
  const boxes = [...nodes.values()].filter((node) => used.has(node.id));
  return { boxes, edges: edges.filter((edge) => edge.source !== edge.target) };
}

function draw(body) {
  const { boxes, edges } = steps();
  const { places, width, height } = layout(boxes, edges);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "topology", role: "group" });
  picture.append(arrowhead());
  const taken = [];
  const shown = edges.map((edge) => drawEdge(picture, edge, places, taken));
  picture.append(...shown.map((edge) => edge.text));
  for (const box of boxes) picture.append(drawBox(box, places.get(box.id)));
  picture.style.minWidth = `${Math.round(width * 0.78)}px`;
  picture.style.maxWidth = `${Math.round(width * 1.15)}px`;
  const scroll = element("div", { class: "scroll picture", tabindex: "0", role: "region", "aria-label": "Topology, as a picture" }, picture);
  const dead = element("p", { class: "dead soft" });
  body.replaceChildren(scroll, dead);
  return { picture, edges: shown, dead };
}

function arrowhead() {
  const marker = { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" };
  return svg("defs", {}, svg("marker", marker, svg("path", { d: "M0 0L8 4L0 8z", class: "head" })));
}

// A table leads to its page.
function drawBox(box, { x, y }) {
  const round = box.kind === "topic" ? HEIGHT / 2 : 8;
  const words = kindWords(box);
  const parts = [
    svg("rect", { width: WIDTH, height: HEIGHT, rx: round }),
    svg("text", { class: "name", x: WIDTH / 2, y: HEIGHT / 2 - 3 }, box.label),
    svg("text", { class: "kind", x: WIDTH / 2, y: HEIGHT / 2 + 13 }, words),
  ];
  const at = { class: `node ${box.kind}`, transform: `translate(${x} ${y})`, "aria-label": `${box.label}, ${words}` };
  const made =
    box.kind === "table"
      ? svg("a", { ...at, href: tableHref(box.label) }, ...parts)
      : svg("g", { ...at, role: "img" }, ...parts);
  return explain(made, [box.label, box.help].filter(Boolean).join("\n"));
}

function kindWords({ kind, partitions }) {
  if (kind !== "topic" || partitions === null) return kind;
  return partitions === 1 ? "topic, 1 partition" : `topic, ${partitions} partitions`;
}

function drawEdge(picture, edge, places, taken) {
  const curve = curveOf(places.get(edge.source), places.get(edge.target));
  const [[x1, y1], [cx1, cy1], [cx2, cy2], [x2, y2]] = curve;
  const path = `M${x1} ${y1}C${cx1} ${cy1} ${cx2} ${cy2} ${x2 - 1} ${y2}`;
  picture.append(svg("path", { class: `edge ${edge.flow.replace(" ", "-")}`, d: path, "marker-end": "url(#arrow)" }));
  const [x, y] = free(curve, taken);
  const text = svg("text", { class: "rate", x, y: y + 4 });
  return { ...edge, text, words: "" };
}

function curveOf(from, to) {
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  return [[x1, y1], [x1 + bend, y1], [x2 - bend, y2], [x2, y2]];
}

// A point of the curve that is not too near to the labels there are already.
function free(curve, taken) {
  const points = SPOTS.map((t) => pointAt(curve, t));
  const far = ([x, y]) => taken.every(([a, b]) => Math.abs(x - a) > 62 || Math.abs(y - b) > 15);
  const point = points.find(far) ?? points[0];
  taken.push(point);
  return point;
}

function pointAt(curve, t) {
  const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
  return [0, 1].map((axis) => weights.reduce((sum, weight, n) => sum + weight * curve[n][axis], 0));
}

// -- what is measured

const named = (id) => id.slice(id.indexOf(":") + 1);

function label(edge, workers) {
  const { source, target, flow, text } = edge;
  const reads = source.startsWith("topic:");
  const table = named(reads ? target : source);
  const rate = rateOf(reads ? "folded" : flow === "late" ? "late" : "published", table);
  const lag = reads ? lagOf(workers, named(source)) : 0;
  edge.words = [rateWords(rate, flow), lag ? `${compact(lag)} behind` : ""].filter(Boolean).join(", ");
  text.textContent = edge.words;
  text.classList.toggle("much", lag > MUCH);
}

function rateWords(rate, flow) {
  if (rate === 0) return flow === "reads" ? "idle" : "";
  return perSecond(rate);
}

function spoken({ source, target, words }) {
  return `${named(source)} to ${named(target)}${words ? ` ${words}` : ""}`;
}

function showDead(place, workers) {
  const sources = graph.nodes.filter((node) => node.kind === "topic" && deadLetters(workers, node.name));
  const words = sources.map(({ name }) => `${count(deadLetters(workers, name))} of ${name}`);
  place.textContent = words.length
    ? `Dead letters, what could not be read, since the workers started: ${words.join(", ")}.`
    : "No dead letters since the workers started.";
}
