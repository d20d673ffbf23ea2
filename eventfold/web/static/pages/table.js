// What is shown of one key of a table: its windows as a chart and as rows, or its state.

import { Chart } from "/static/chart.js";
import { corrected } from "/static/evidence.js";
import { count, element, number, span, timeElement, timeExact } from "/static/format.js";
import { showStandby } from "/static/standby.js";
import { linesOf } from "/static/tiles/lines.js";
import { redraw } from "/static/tips.js";

const ROWS = 12;
const COLUMNS = 5; // fields of the record, at most
const CANDLES = ["open", "high", "low", "close"];
const PLACE = ["start", "end", "size", "advance", "time", "revision", "partition", "first_offset", "last_offset", "late"];
const [EARLIEST, LATEST] = [Date.UTC(1973), Date.UTC(2100)];
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const at = (id) => document.getElementById(id);

let shown = { windows: [], fields: [] };
let picked = null;
const chart = new Chart(at("chart"), (each) => {
  picked = each;
  showReadout();
});

// Read out only while the arrow keys choose the window; else it would speak every second.
at("chart").addEventListener("keydown", () => at("readout").setAttribute("aria-live", "polite"));
at("chart").addEventListener("blur", () => at("readout").setAttribute("aria-live", "off"));

// The field that is charted.
export const charted = () => shown.field;

// Shows results, oldest first, and returns the field that is charted: the chosen one where they
// have it.
export function showWindows(key, results, { table, window, field: wanted }, stale) {
  const windows = results.map(({ record, ...evidence }) => ({ ...record, ...evidence }));
  const fields = numbersOf(results.map(({ record }) => record));
  const isCandles = CANDLES.every((each) => fields.includes(each));
  const field = fields.includes(wanted) ? wanted : isCandles ? "close" : fields[0];
  const isSame = shown.table === table && shown.window === window && shown.key === key;
  const flashing = isSame ? corrected(shown.windows, windows) : [];
  shown = { table, window, key, windows, fields, field, isCandles };
  showFields();
  showStandby(stale);
  setState("shown");
  const draws = isCandles && field === "close";
  for (const each of document.querySelectorAll(".of-candles")) each.hidden = !draws;
  chart.show(windows, field, advanceOf(window), draws);
  chart.flash(flashing);
  showReadout();
  const columns = ["Window", ...columnsOf(), "Records", "Late", "Revision", "State", "Partition, offsets"];
  at("columns").replaceChildren(...columns.map((name) => element("th", { scope: "col" }, name)));
  at("rows").replaceChildren(...windows.slice(-ROWS).reverse().map((each) => row(each, flashing)));
  return field;
}

// Shows the rows of a key of a table without windows.
export function showState(key, rows, stale) {
  showStandby(stale);
  const isOne = rows.length === 1 && rows[0] !== null && typeof rows[0] === "object" && !Array.isArray(rows[0]);
  const entries = isOne ? Object.entries(rows[0]) : rows.map((each, index) => [`${index + 1}`, each]);
  const facts = entries.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, textOf(value))));
  at("state").replaceChildren(element("dl", { class: "state" }, ...facts));
  setState("state");
}

// Shows that there is nothing of a key, or no key yet; `table` describes it, null while unknown.
export function showUnknown(name, key, table) {
  const words = key ? `No records of ${key} so far` : name ? "No key yet" : "No table";
  const more = name ? "It appears with its first record." : "This application has none.";
  const source = table ? ` They are read from the topic ${table.source}.` : "";
  at("empty").replaceChildren(element("strong", {}, words), ` ${more}${source}`);
  showStandby("");
  setState("empty");
}

// Lists keys in a card: results with a value of their record, or names alone.
export function showKeys(card, found, field, select, title, note) {
  card.hidden = !found?.length;
  if (card.hidden) return;
  card.querySelector("h2").textContent = title;
  card.querySelector(".soft").textContent = typeof found[0] === "string" ? "" : note;
  const lines = found.map((each) => {
    if (typeof each === "string") return { name: each, value: "", href: "" };
    const { key, record, end, start } = each;
    const value = record?.[field] ?? each[field];
    const evidence = `${count(each.count)} records, ${count(each.late)} late, revision ${each.revision}${each.final ? ", final" : ""}`;
    return { name: key, when: end, value: typeof value === "number" ? number(value) : "", title: `${span(start, end)}\n${evidence}` };
  });
  const list = linesOf(lines.map((each) => ({ ...each, href: hrefOf(each.name) })));
  list.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    select({ key: link.textContent });
  });
  redraw(card.querySelector(".tile-body"), list);
}

function hrefOf(key) {
  const query = new URLSearchParams(location.hash.slice(1));
  query.set("key", key);
  return `#${query}`;
}

// -- fields

// The fields that are numbers in any record, in their order; the number of records where there are none.
function numbersOf(records) {
  const found = new Set();
  for (const record of records) {
    for (const [name, value] of Object.entries(record ?? {})) if (typeof value === "number") found.add(name);
  }
  for (const name of PLACE) found.delete(name);
  return found.size ? [...found] : ["count"];
}

const columnsOf = () => shown.fields.filter((name) => name !== "count").slice(0, COLUMNS);

function showFields() {
  const name = (field) => (field === "close" && shown.isCandles ? "open, high, low, close" : field);
  const options = shown.fields.filter((field) => !shown.isCandles || !["open", "high", "low"].includes(field));
  const same = [...at("fields").options].map((each) => each.value).join() === options.join();
  if (!same) at("fields").replaceChildren(...options.map((field) => new Option(name(field), field)));
  at("fields").value = shown.field;
  at("field-choice").hidden = options.length < 2;
}

// Ms between the starts of two windows of "5m" or "5m/1m"; 0 where the records decide.
function advanceOf(window) {
  const [, number, unit] = /^(?:.*\/)?(\d+)(ms|s|m|h|d)$/.exec(window) ?? [];
  return number ? Number(number) * UNITS[unit] : 0;
}

// -- one window

function showReadout() {
  const each = picked ?? shown.windows.at(-1);
  if (!each) return;
  const facts = shown.fields.filter((name) => name !== "count").slice(0, COLUMNS);
  const parts = facts.map((name) => fact(name, valueOf(each, name)));
  at("readout").replaceChildren(
    element("span", { class: "when" }, timeElement(each.start, span(each.start, each.end))),
    ...parts,
    fact("records", count(each.count)),
    ...(each.late ? [element("span", { class: "late" }, `${count(each.late)} late`)] : []),
    ...(picked ? [element("span", { class: "soft" }, `from ${timeExact(each.start)}`)] : []),
  );
}

const fact = (name, value) => element("span", {}, element("b", {}, name), ` ${value}`);
const valueOf = (each, name) => (typeof each[name] === "number" ? number(each[name]) : "–");

// A number that is ms since the epoch, as times here are, is shown as a time.
function textOf(value) {
  if (typeof value === "number") return Number.isInteger(value) && value > EARLIEST && value < LATEST ? timeExact(value) : number(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function row(each, flashing) {
  const cells = columnsOf().map((name) => valueOf(each, name));
  const offsets = `${each.partition}: ${each.first_offset} – ${each.last_offset}`;
  return element(
    "tr",
    flashing.includes(each.start) ? { class: "corrected" } : {},
    element("th", { scope: "row" }, timeElement(each.start, span(each.start, each.end))),
    ...[...cells, count(each.count)].map((text) => element("td", {}, text)),
    element("td", each.late ? { class: "late" } : {}, each.late ? `◆ ${count(each.late)}` : "–"),
    element("td", {}, String(each.revision)),
    element("td", { class: "soft" }, each.final ? "final" : "open"),
    element("td", { class: "soft offsets" }, offsets),
  );
}

function setState(state) {
  at("table").dataset.state = state;
  at("body").hidden = state !== "shown";
  at("state").hidden = state !== "state";
  at("empty").hidden = state !== "empty";
  if (state !== "shown") at("field-choice").hidden = true;
}
