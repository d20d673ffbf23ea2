// The market: the day's gainers, and the windows of one symbol.

import { ask, get, orNothing } from "/static/api.js";
import { element, windowName } from "/static/format.js";
import { watchedKey } from "/static/live.js";
import { Candles } from "/static/market/candles.js";
import { markGainer, showGainers } from "/static/market/gainers.js";
import { addSurge, markSurge, showMinute, showSurges } from "/static/market/surges.js";
import { showLoading, showNoSymbol, showSymbol, showUnknown } from "/static/market/symbol.js";
import { listen, patience, poll, status, watch } from "/static/page.js";
import { search } from "/static/search.js";
import { startTiles } from "/static/tiles/host.js";
import { TILES } from "/static/tiles/market.js";

const WINDOWS = 180; // of a symbol, at most: what the widest chart has room for, and its averages
const SURGES = 6; // of the latest, at most
const DEFAULT = "1m"; // there is something to see within the first minutes
const PLAIN = /^\d+(ms|s|m|h|d)(\/\d+(ms|s|m|h|d))?$/;

const at = (id) => document.getElementById(id);
const selection = { symbol: "", window: DEFAULT, ...readAddress() };
const shown = new Candles(WINDOWS);
let top = null;

// -- what is asked

const gainers = poll("gainers", patience, (signal) => orNothing(get("/api/top-gainers?stale=true", signal)), showTop);

const surges = poll(
  "surges",
  patience,
  (signal) => orNothing(get(`/api/surges?limit=${SURGES}&stale=true`, signal)),
  (found) => showSurges(found, select),
);

const candles = poll(
  "candles",
  patience,
  async (signal) => {
    const { symbol, window } = selection;
    if (!symbol) return null;
    const path = `/api/candles/${encodeURIComponent(symbol)}`;
    const [size, advance] = window.split("/");
    const query = new URLSearchParams({ size, advance: advance ?? size, limit: WINDOWS, stale: true });
    const day = get(`${path}?size=1d&limit=1&stale=true`, signal).catch(() => []);
    const found = await orNothing(ask(`${path}?${query}`, signal));
    return { symbol, found, day: (await day)[0] ?? null };
  },
  (answer) => {
    if (answer?.found) {
      shown.replace(answer.found.body, answer.day);
      showCandles(answer.found.stale);
    } else if (answer) {
      showUnknown(answer.symbol);
    }
  },
);

// Of the minute up to the last trade there is no topic: only what surges is published.
const minute = poll(
  null,
  () => 1500,
  async (signal) => {
    if (!selection.symbol) return null;
    const found = await get(`/api/windows/surges/${encodeURIComponent(selection.symbol)}?limit=1`, signal).catch(() => []);
    return found[0] ?? null;
  },
  (newest) => showMinute(shown.shown.length ? newest : null),
);

// -- what is sent

function follow() {
  const { symbol, window } = selection;
  const own = [PLAIN.test(window) ? window : "1d", "1d"].map((each) => `candles:${watchedKey(symbol)}:${each}`);
  watch("market", ["top-gainers", "surges", ...(symbol ? own : [])]);
}

listen((topic, record) => {
  if (topic === "top-gainers" && record.day >= (top?.day ?? "")) showTop(record);
  if (topic === "surges") addSurge(record, SURGES, select);
  if (topic === "candles" && shown.add(record)) {
    status.saw(Math.min(record.end, Date.now()));
    showCandles();
  }
});

// -- what is shown

function showTop(found) {
  top = found;
  for (const gainer of top?.rank ?? []) status.saw(gainer.time);
  if (!selection.symbol) followFirst();
  showGainers(top, select);
}

function showCandles(stale) {
  if (shown.symbol === selection.symbol && shown.shown.length) showSymbol(shown.symbol, shown.shown, shown.day, stale);
}

function followFirst() {
  if (top?.rank.length) select(top.rank[0].symbol, { replace: true });
  else showNoSymbol();
}

// -- what is selected; it stands in the address, so it can be kept and shared

function readAddress() {
  const [symbol, window] = location.hash.slice(1).split("/").map(decodeOr);
  return { ...(symbol ? { symbol } : {}), ...(window ? { window } : {}) };
}

function decodeOr(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function select(symbol, { window = selection.window, replace = false } = {}) {
  const changed = symbol !== selection.symbol || window !== selection.window;
  Object.assign(selection, { symbol, window });
  const address = `#${encodeURIComponent(symbol)}/${encodeURIComponent(window)}`;
  if (location.hash !== address) history[replace ? "replaceState" : "pushState"](null, "", address);
  if (changed) refresh();
}

function refresh() {
  markGainer(selection.symbol);
  markSurge(selection.symbol);
  checkWindow();
  showMinute(null);
  shown.begin(selection.symbol, selection.window);
  if (selection.symbol) showLoading(selection.symbol);
  follow();
  candles.again();
  minute.again();
}

addEventListener("popstate", () => {
  Object.assign(selection, readAddress());
  refresh();
});

// -- which windows there are

async function loadWindows() {
  let served = ["1m", "5m", "15m", "5m/1m"];
  try {
    const tables = await get("/api/tables");
    served = tables.filter((table) => ["candles", "days"].includes(table.name)).flatMap((t) => t.windows);
  } catch {
    setTimeout(loadWindows, 3000);
  }
  if (served.length) showWindows(served);
}

function showWindows(served) {
  const choices = served.map((text) => {
    const input = element("input", { type: "radio", name: "window", value: text });
    input.addEventListener("change", () => select(selection.symbol, { window: text }));
    return element("label", {}, input, element("span", {}, windowName(text)));
  });
  const legend = at("windows").firstElementChild;
  at("windows").replaceChildren(legend, ...choices);
  if (!served.includes(selection.window)) {
    select(selection.symbol, { window: served.includes(DEFAULT) ? DEFAULT : served[0], replace: true });
  }
  checkWindow();
}

function checkWindow() {
  for (const input of at("windows").querySelectorAll("input")) {
    input.checked = input.value === selection.window;
  }
}

// -- go

at("latest").open = matchMedia("(min-width: 821px)").matches;
status.saw(0);
search({
  form: at("search"),
  find: (prefix, signal) =>
    get(`/api/symbols?${new URLSearchParams({ prefix, limit: 50, stale: true, partial: true })}`, signal),
  choose: (symbol) => {
    select(symbol);
    at("symbol").focus({ preventScroll: true });
  },
});
loadWindows();
startTiles(at("tiles"), TILES.filter((tile) => tile.id !== "best"));
refresh();
gainers.again();
surges.again();
