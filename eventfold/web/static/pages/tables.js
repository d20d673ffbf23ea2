// Any table of the application: its keys, the windows of one of them as a chart, their evidence.
//
// What is chosen stands in the address, so it can be kept and shared:
// `#table=pages&key=/home&window=5m&field=visits`.

import { ask, get, orNothing } from "/static/api.js";
import { element } from "/static/format.js";
import { graph, topicsOf } from "/static/graph.js";
import { watchedKey } from "/static/live.js";
import { listen, patience, poll, watch } from "/static/page.js";
import { charted, showKeys, showState, showUnknown, showWindows } from "/static/pages/table.js";
import { search } from "/static/search.js";

const WINDOWS = 180; // of a key, at most: what the widest chart has room for
const KEYS = 8;
const PAUSE = 300; // ms between a record that is sent and the question for the results that follow
const RANKED = 5000; // ms between two rankings: each reads the newest window of all keys

const at = (id) => document.getElementById(id);
const encode = encodeURIComponent;

let tables = []; // with windows or without
let chosen = read();

// -- what is asked

const described = () => tables.find((each) => each.name === chosen.table);
const isWindowed = () => described()?.windows.length > 0;
const results = (path, query) =>
  `/api/results/${encode(chosen.table)}${path}?${new URLSearchParams({ window: chosen.window, stale: true, ...query })}`;

const known = poll("tables", () => 30_000, (signal) => Promise.all([get("/api/tables", signal), graph()]), ([all, { nodes }]) => {
  const names = new Set(nodes.filter((node) => node.kind === "table").map((node) => node.name));
  tables = all.filter((table) => names.has(table.name));
  showTables();
});

const ranking = (by) => async (signal) => {
  if (!chosen.table) return null;
  if (isWindowed()) return get(results("", { limit: KEYS, partial: true, ...(by() ? { by: by() } : {}) }), signal);
  const query = new URLSearchParams({ limit: KEYS, stale: true, partial: true });
  return by() ? null : get(`/api/keys/${encode(chosen.table)}?${query}`, signal);
};

const latest = poll(null, () => RANKED, ranking(() => ""), (found) => {
  if (!chosen.table) return;
  showKeys(at("latest-keys"), found ?? [], "count", select, isWindowed() ? "Latest keys" : "Keys", "records");
  const [first] = found ?? [];
  if (chosen.key) return;
  if (first) select({ key: first.key ?? first }, true);
  else showUnknown(chosen.table, "", null);
});

const largest = poll(null, () => RANKED, ranking(() => (isWindowed() ? chosen.field || "count" : "")), (found) =>
  showKeys(at("largest-keys"), isWindowed() ? found : [], chosen.field || "count", select, "Largest keys", `by ${chosen.field || "records"}`),
);

const answer = poll("results", patience, async (signal) => {
  const { table, key } = chosen;
  if (!table || !key) return null;
  const path = isWindowed() ? results(`/${encode(key)}`, { limit: WINDOWS }) : `/api/tables/${encode(table)}/${encode(key)}?stale=true`;
  return { table, key, found: await orNothing(ask(path, signal)) };
}, show);

function show(shown) {
  if (!shown || shown.table !== chosen.table || shown.key !== chosen.key) return;
  const { table, key, found } = shown;
  if (!found?.body.length) showUnknown(table, key, described());
  else if (!isWindowed()) showState(key, found.body, found.stale);
  else if (showWindows(key, found.body, chosen, found.stale) !== chosen.field) select({ field: charted() }, true);
}

// -- what is sent: a record of the table's topics has the shape that its table made, so it only
// says that there is a new result

let waiting = null;

listen(() => {
  waiting ??= setTimeout(() => {
    waiting = null;
    answer.again();
  }, PAUSE);
});

async function follow() {
  const { table, key } = chosen;
  const topics = table && key ? await topicsOf(table).catch(() => []) : [];
  if (table !== chosen.table || key !== chosen.key) return;
  watch("table", topics.map((topic) => `${topic}:${watchedKey(key)}`));
}

// -- what is chosen

function read() {
  const query = new URLSearchParams(location.hash.slice(1));
  const value = (name) => query.get(name) ?? "";
  return { table: value("table"), key: value("key"), window: value("window"), field: value("field") };
}

// Changes what is chosen; `isSame` says that it is no new step for the browser's back button.
function select(change, isSame = false) {
  Object.assign(chosen, change);
  const filled = Object.entries(chosen).filter(([, value]) => value);
  history[isSame ? "replaceState" : "pushState"](null, "", `#${new URLSearchParams(filled)}`);
  refresh(Object.keys(change));
}

// Shows the choice, and asks for what depends on what has changed.
function refresh(changed = ["table"]) {
  if (!tables.length) return;
  const first = tables.find((each) => each.windows.length) ?? tables[0];
  if (!described()) return select({ table: first.name, window: "", field: "", key: "" }, true);
  const { name, help, windows } = described();
  if (!windows.includes(chosen.window)) chosen.window = windows[0] ?? "";
  at("tables").value = name;
  at("table-name").textContent = name;
  at("table-help").textContent = help;
  at("windows").replaceChildren(...windows.map((each) => new Option(each, each, false, each === chosen.window)));
  at("window-choice").hidden = windows.length < 2;
  at("key-name").textContent = chosen.key;
  document.title = `${[chosen.key, name].filter(Boolean).join(" · ")} · ${document.body.dataset.product}`;
  const [isOther, isKey] = [changed.includes("table") || changed.includes("window"), changed.includes("key")];
  if (isOther || isKey) follow();
  if (isOther) latest.again();
  if (isOther || !isKey) largest.again();
  if (isOther || isKey || described().windows.length) answer.again();
}

function showTables() {
  if (!tables.length) showUnknown("", "", null);
  const isOld = at("tables").options.length === tables.length;
  if (isOld) return;
  at("tables").replaceChildren(...tables.map(({ name }) => new Option(name, name)));
  refresh();
}

addEventListener("popstate", () => {
  chosen = read();
  refresh();
});
at("tables").addEventListener("change", () => select({ table: at("tables").value, key: "", window: "", field: "" }));
at("windows").addEventListener("change", () => select({ window: at("windows").value }));
at("fields").addEventListener("change", () => select({ field: at("fields").value }));
search({
  form: at("search"),
  find: (contains, signal) =>
    get(`/api/keys/${encode(chosen.table)}?${new URLSearchParams({ contains, limit: 50, stale: true, partial: true })}`, signal),
  choose: (key) => select({ key }),
});
at("latest").open = matchMedia("(min-width: 821px)").matches;
known.again();
