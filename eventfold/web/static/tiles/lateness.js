// The lateness distribution: ms behind the stream time of their own partition, table by table.

import { get } from "/static/api.js";
import { compact, count, duration, element, share } from "/static/format.js";
import { svg } from "/static/svg.js";

const WIDTH = 420, HEIGHT = 150, FLOOR = 118, LEFT = 6;
const BOUNDS = [0, 10, 100, 1000, 10_000, 60_000, 300_000, 3_600_000, Infinity];
const NAMES = ["in order", "10 ms", "0.1 s", "1 s", "10 s", "1 min", "5 min", "1 h", "more"];

let chosen = null;

export const lateness = {
  id: "lateness",
  title: "Lateness distribution",
  every: 5000,
  empty: "No record has been folded yet.",
  ask: (signal) => get("/api/lateness", signal),
  show,
};

function show(body, tables) {
  const known = tables.filter((table) => table.records > 0);
  if (!known.length) return false;
  const table = known.find((each) => each.table === chosen) ?? known[0];
  const picker = element("select", { "aria-label": "Table" });
  for (const each of known) picker.append(new Option(each.table, each.table, false, each === table));
  picker.addEventListener("change", () => {
    chosen = picker.value;
    show(body, tables);
    body.querySelector("select").focus();
  });
  // The list would close under whoever is choosing.
  if (body.contains(document.activeElement) && body.firstChild) {
    body.replaceChildren(body.firstChild, words(table), bars(table));
  } else {
    body.replaceChildren(picker, words(table), bars(table));
  }
  return true;
}

function words(table) {
  const most = table.graces.find((each) => each.kept === 0.999);
  const kept = `${share(table.kept)} of ${compact(table.records)} records came within the grace of ${duration(table.grace)}`;
  const enough = most ? `; ${duration(most.grace)} would keep 99.9 %` : "";
  return element("p", { class: "lateness-words" }, `${kept}${enough}.`);
}

function bars(table) {
  const sums = BOUNDS.map(() => 0);
  for (const [ms, records] of Object.entries(table.lateness)) {
    sums[BOUNDS.findIndex((bound) => Number(ms) <= bound)] += records;
  }
  const slot = (WIDTH - LEFT) / BOUNDS.length;
  const most = Math.log10(Math.max(...sums) + 1);
  const drawn = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "histogram", role: "img",
    "aria-label": `Lateness distribution: ${sums.map((n, i) => `${NAMES[i]}: ${count(n)}`).join("; ")}`,
  });
  sums.forEach((records, index) => drawn.append(...bar(records, index, slot, most, BOUNDS[index] > table.grace)));
  drawn.append(svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: FLOOR, y2: FLOOR }));
  return drawn;
}

// Heights go by the logarithm: a few late ones among millions have to be seen.
function bar(records, index, slot, most, late) {
  const height = records ? Math.max(3, ((FLOOR - 22) * Math.log10(records + 1)) / most) : 0;
  const x = LEFT + index * slot;
  const middle = x + slot / 2;
  const rect = { class: late ? "bar late" : "bar", x: x + 4, width: slot - 8, y: FLOOR - height, height, rx: 2.5 };
  return [
    svg("rect", rect),
    svg("text", { class: "number", x: middle, y: FLOOR - height - 5 }, records ? compact(records) : ""),
    svg("text", { class: "label", x: middle, y: FLOOR + 17 }, index && index < NAMES.length - 1 ? `≤ ${NAMES[index]}` : NAMES[index]),
  ];
}
