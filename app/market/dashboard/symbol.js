// The panel of one symbol: its price, its day, its windows as a chart and as a table.

import { Chart } from "/static/chart.js";
import { corrected, evidenceLine } from "/static/evidence.js";
import { count, compact, direction, element, percent, price, span, time, timeElement, timeExact } from "/static/format.js";
import { showStandby } from "/static/standby.js";
import { explain, redraw } from "/static/tips.js";

const ROWS = 12;
const STATES = {
  open: "stream time has not reached its end",
  closing: "it has ended; ticks within the grace still correct it",
  final: "it never changes again",
};
const at = (id) => document.getElementById(id);
const section = at("symbol");

const FLASH = 2500; // ms

let shown = []; // the windows on the page, oldest first
let latest = null;
let picked = null;
const flashing = new Map(); // start of a window → until when its row flashes
const chart = new Chart(at("chart"), (candle) => {
  picked = candle;
  showReadout();
});

// Read out only while the arrow keys choose the window; else it would speak every second.
at("chart").addEventListener("keydown", () => at("readout").setAttribute("aria-live", "polite"));
at("chart").addEventListener("blur", () => at("readout").setAttribute("aria-live", "off"));

export function showLoading(symbol) {
  at("symbol-name").textContent = symbol;
  for (const id of ["last-price", "day-gain", "readout"]) at(id).replaceChildren();
  at("rows").replaceChildren();
  at("day").hidden = true;
  latest = picked = null;
  shown = [];
  flashing.clear();
  setState("loading");
}

// `stale` is what of it a standby answers, "" if nothing.
export function showSymbol(symbol, candles, day, stale = "") {
  at("symbol-name").textContent = symbol;
  showStandby(stale);
  if (!candles.length) {
    showNothing([element("strong", {}, `No windows of ${symbol} yet`), " They appear with its next tick."]);
    return;
  }
  setState("shown");
  latest = candles[candles.length - 1];
  at("last-price").textContent = price(latest.close);
  document.title = `${symbol} ${price(latest.close)} · ${document.body.dataset.product}`;
  showDay(day);
  chart.show(candles);
  flash(corrected(shown, candles));
  shown = candles;
  showReadout();
  redraw(at("rows"), ...candles.slice(-ROWS).reverse().map(row));
}

function flash(starts) {
  const now = Date.now();
  for (const start of starts) flashing.set(start, now + FLASH);
  for (const [start, until] of flashing) if (until <= now) flashing.delete(start);
  chart.flash(starts);
}

export function showUnknown(symbol) {
  at("symbol-name").textContent = symbol;
  for (const id of ["last-price", "day-gain"]) at(id).textContent = "";
  document.title = document.body.dataset.product;
  showNothing([
    element("strong", {}, `No ticks of ${symbol} so far`),
    " Symbols are told apart by upper and lower case. This page goes on looking for it.",
  ]);
}

export function showNoSymbol() {
  at("symbol-name").textContent = "Nothing to draw yet";
  showNothing([
    element("strong", {}, "No symbol is known"),
    " The first gainer is shown as soon as there is one; ",
    element("code", {}, "make up"),
    " starts a market.",
  ]);
}

function showNothing(words) {
  at("symbol-empty").replaceChildren(...words);
  showStandby("");
  setState("empty");
}

function setState(state) {
  section.dataset.state = state;
  at("body").hidden = state === "empty";
  at("symbol-empty").hidden = state !== "empty";
  if (state === "empty") at("day").hidden = true;
}

function showDay(day) {
  at("day").hidden = !day;
  at("day-gain").textContent = "";
  if (!day) return;
  const gain = day.open > 0 ? (day.close - day.open) / day.open : null;
  at("day-gain").textContent = percent(gain);
  at("day-gain").dataset.way = direction(gain);
  explain(at("day-gain"), `since the day's first price, ${price(day.open)}`);
  const facts = [
    ["Day", span(day.start, day.end)],
    ["Open", price(day.open)], ["Low", price(day.low)], ["High", price(day.high)],
    ["VWAP", price(day.vwap, day.open)],
    ["Volume", compact(day.volume)], ["Ticks", compact(day.count)],
  ];
  at("day").replaceChildren(
    ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
}

function showReadout() {
  const candle = picked ?? latest;
  if (!candle) return;
  const values = [["O", candle.open], ["H", candle.high], ["L", candle.low], ["C", candle.close], ["mean", candle.mean]];
  const parts = [element("span", { class: "when" }, windowTime(candle))];
  for (const [name, value] of values) parts.push(fact(name, price(value, candle.open)));
  parts.push(fact("vol", compact(candle.volume)), fact("ticks", count(candle.count)));
  if (candle.late) parts.push(element("span", { class: "late" }, lateWords(candle)));
  if (picked) parts.push(element("span", { class: "soft" }, `from ${timeExact(candle.start)}`));
  at("readout").replaceChildren(...parts);
}

const fact = (name, value) => element("span", {}, element("b", {}, name), ` ${value}`);
const lateWords = (candle) => `${count(candle.late)} late ${candle.late === 1 ? "tick" : "ticks"}`;

const windowTime = (candle) => timeElement(candle.start, span(candle.start, candle.end));

function row(candle) {
  const numbers = ["open", "high", "low", "close", "mean"].map((field) => price(candle[field], candle.open));
  const cells = [...numbers, compact(candle.volume), count(candle.count)];
  const flashes = (flashing.get(candle.start) ?? 0) > Date.now();
  const made = element("tr", flashes ? { class: "corrected" } : {});
  made.append(element("th", { scope: "row" }, windowTime(candle)));
  made.append(...cells.map((text) => element("td", {}, text)));
  made.children[4].dataset.way = candle.close < candle.open ? "down" : "up";
  const late = element("td", candle.late ? { class: "late" } : {}, candle.late ? `◆ ${count(candle.late)}` : "–");
  explain(late, candle.late ? lateTitle(candle) : "");
  const state = stateOf(candle);
  const offsets = `${candle.partition}: ${candle.first_offset} – ${candle.last_offset}`;
  made.append(late, element("td", { class: "soft" }, state));
  made.append(explain(element("td", { class: "soft offsets" }, offsets), `${evidenceLine(candle)}; ${state}: ${STATES[state]}`));
  return made;
}

const lateTitle = (candle) =>
  `${lateWords(candle)} came after ${time(candle.end)} in stream time and corrected this window`;

// Open until stream time reaches its end, then correctable within the grace, then final. The
// newest window is the one stream time stands in.
function stateOf(candle) {
  if (candle.final) return "final";
  return latest && candle.end > latest.start ? "open" : "closing";
}
