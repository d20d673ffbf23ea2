// The dashboard: what is selected, when it is asked for, and how well that goes.

import { get, Poller } from "/static/api.js";
import { ago, element, timeExact, utc, windowName, zone } from "/static/format.js";
import { markGainer, showGainers } from "/static/gainers.js";
import { markSurge, showMinute, showSurges } from "/static/surges.js";
import { showLoading, showNoSymbol, showSymbol, showUnknown } from "/static/symbol.js";

const WINDOWS = 150; // of a symbol, at most: what the widest chart has room for
const SURGES = 6; // of the latest, at most
const QUIET = 60_000; // ms without a new tick before the page says so
const DEFAULT = "1m"; // there is something to see within the first minutes

// What a screen reader says of the state, once.
const SPOKEN = { loading: "", live: "Live", quiet: "No new ticks", stale: "Stale", error: "No data" };

const at = (id) => document.getElementById(id);
const selection = readAddress();
const feeds = { gainers: newFeed(), surges: newFeed(), candles: newFeed() };
let newest = 0; // time of the newest tick seen, ms

function newFeed() {
  return { at: 0, error: null };
}

// -- asking

const gainers = new Poller(
  (signal) => orNothing(get("/api/top-gainers", signal)),
  (top) => {
    succeeded("gainers");
    newest = Math.max(newest, ...(top?.rank ?? []).map((gainer) => gainer.time));
    if (!selection.symbol) followFirst(top);
    showGainers(top, select);
    showStatus();
  },
  (error) => failed("gainers", error),
);

const surges = new Poller(
  (signal) => orNothing(get(`/api/surges?limit=${SURGES}`, signal)),
  (found) => {
    succeeded("surges");
    showSurges(found, select);
    showStatus();
  },
  (error) => failed("surges", error),
);

const candles = new Poller(
  async (signal) => {
    if (!selection.symbol) return null;
    const path = `/api/candles/${encodeURIComponent(selection.symbol)}`;
    const [size, advance] = selection.window.split("/");
    const query = new URLSearchParams({ size, advance: advance ?? size, limit: WINDOWS });
    const day = get(`${path}?size=1d&limit=1`, signal).catch(() => []);
    const sliding = `/api/windows/surges/${encodeURIComponent(selection.symbol)}?limit=1`;
    const minute = get(sliding, signal).catch(() => []);
    const found = await orNothing(get(`${path}?${query}`, signal));
    return { found, day: (await day)[0] ?? null, minute: (await minute)[0] ?? null };
  },
  (answer) => {
    succeeded("candles");
    if (answer?.found) showSymbol(selection.symbol, answer.found, answer.day);
    else if (answer) showUnknown(selection.symbol);
    showMinute(answer?.found?.length ? answer.minute : null);
    showStatus();
  },
  (error) => failed("candles", error),
);

const pollers = [gainers, surges, candles];

// Nothing there yet is an answer, not a failure.
function orNothing(promise) {
  return promise.catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });
}

function succeeded(name) {
  feeds[name] = { at: Date.now(), error: null };
}

function failed(name, error) {
  feeds[name].error = error;
  showStatus();
}

function followFirst(top) {
  if (top?.rank.length) select(top.rank[0].symbol, { replace: true });
  else showNoSymbol();
}

// -- how well it goes

function showStatus() {
  const all = Object.values(feeds);
  const error = all.map((feed) => feed.error).find(Boolean) ?? null;
  const before = Math.min(...all.map((feed) => feed.at));
  const state = stateOf(error, before);
  at("status").dataset.state = state;
  setText(at("status"), statusWords(state, before));
  setText(at("spoken"), SPOKEN[state]);
  at("status").title = newest ? `newest tick ${timeExact(newest)} (${utc(newest)})` : "";
  document.body.dataset.state = state;
  at("notice").hidden = !error;
  if (!error) return;
  setText(at("notice-text"), noticeWords(error, before));
  setText(at("notice-next"), nextWords());
}

function stateOf(error, before) {
  if (error) return before ? "stale" : "error";
  if (!before) return "loading";
  return newest && Date.now() - newest > QUIET ? "quiet" : "live";
}

function statusWords(state, before) {
  if (state === "stale") return `Stale for ${ago(Date.now() - before)}`;
  if (state === "quiet") return `No tick for ${ago(Date.now() - newest)}`;
  return { loading: "Connecting", live: newest ? "Live" : "Waiting for ticks", error: "No data" }[state];
}

function noticeWords(error, before) {
  const reason = error.status === 503 ? `The worker is not ready: ${error.message}.` : `${upper(error.message)}.`;
  const shown = before ? ` What you see is of ${timeExact(before)}.` : "";
  return reason + shown;
}

function nextWords() {
  const next = Math.max(...pollers.map((poller) => poller.nextAt)) - Date.now();
  return next > 900 ? `Next try in ${ago(next)}.` : "Trying again.";
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// A live region speaks when it is written, so it is written only when it says something new;
// what counts seconds stands outside of it.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// -- what is selected; it stands in the address, so it can be kept and shared

function readAddress() {
  const [symbol, window] = location.hash.slice(1).split("/").map(decodeOr);
  return { symbol: symbol ?? "", window: window || DEFAULT };
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
  if (selection.symbol) showLoading(selection.symbol);
  candles.again();
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

// -- the search field

let searching = null;

async function suggest() {
  searching?.abort();
  searching = new AbortController();
  const query = new URLSearchParams({ prefix: at("query").value.trim(), limit: 50 });
  const found = await get(`/api/symbols?${query}`, searching.signal).catch(() => null);
  if (found) at("known").replaceChildren(...found.map((value) => element("option", { value })));
}

function search() {
  const typed = at("query").value.trim();
  const known = [...at("known").options].map((option) => option.value);
  const same = known.find((name) => name === typed) ?? known.find((name) => name.toLowerCase() === typed.toLowerCase());
  if (!typed) return;
  select(same ?? typed);
  at("query").value = "";
  at("query").blur();
  at("symbol").focus({ preventScroll: true });
}

at("query").addEventListener("input", (event) => {
  // Chosen from the list, not typed.
  if (event.inputType === "insertReplacementText" || event.inputType === undefined) search();
  else suggest();
});
at("query").addEventListener("focus", suggest);
at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    at("query").focus();
  }
  if (event.key === "Escape") at("query").blur();
});

// -- go

at("latest").open = matchMedia("(min-width: 821px)").matches;
at("zone").textContent = zone ? `in ${zone}` : "local";
at("retry").addEventListener("click", askAgain);
setInterval(showStatus, 1000);
loadWindows();
if (selection.symbol) showLoading(selection.symbol);
markGainer(selection.symbol);
markSurge(selection.symbol);
askAgain();

function askAgain() {
  for (const poller of pollers) poller.again();
}
