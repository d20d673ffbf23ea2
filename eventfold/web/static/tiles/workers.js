// The workers: which partitions each has, restores, and stands by for; and which is gone.

import { ago, compact, count, element } from "/static/format.js";
import { askWorkers, lagOf } from "/static/tiles/cluster.js";
import { explain, redraw } from "/static/tips.js";

const REMEMBERED = 60_000; // ms that a worker is shown after it has left

const seen = new Map(); // address → when it was last among the workers

export const workers = {
  id: "workers",
  title: "Workers",
  every: 2000,
  ask: askWorkers,
  show(body, answer) {
    const now = Date.now();
    for (const { worker } of answer) seen.set(worker, now);
    const gone = [...seen].filter(([worker, at]) => at < now && now - at < REMEMBERED && !answer.some((w) => w.worker === worker));
    const items = [...answer.map(item), ...gone.map(([worker, at]) => goneItem(worker, now - at))];
    redraw(body, element("ul", { class: "workers" }, ...items));
    return true;
  },
};

function item(worker) {
  const state = stateOf(worker);
  const made = element("li", { "data-state": state.kind }, head(worker.worker, state.words, state.title));
  if (!worker.answers) {
    made.append(element("p", { class: "soft" }, worker.reason));
    return made;
  }
  made.append(...topicsOf(worker).map((topic) => partitions(worker, topic)), ...restores(worker));
  return made;
}

function goneItem(worker, since) {
  const words = element("p", { class: "soft" }, `Left ${ago(since)} ago; the others have its partitions.`);
  return element("li", { "data-state": "gone" }, head(worker, "Gone", ""), words);
}

function head(address, words, title) {
  const name = new URL(address).host;
  return element("p", { class: "worker-head" }, element("b", {}, name), explain(element("span", { class: "chip" }, words), title));
}

function stateOf(worker) {
  if (!worker.answers) return { kind: "gone", words: "No answer", title: worker.reason };
  if (worker.ready) return { kind: "ready", words: "Ready", title: "" };
  const restoring = Object.values(worker.tables).some((table) => table.restoring.length);
  return { kind: "waiting", words: restoring ? "Restoring" : "Not ready", title: worker.waits_for.join("; ") };
}

// Tables of one source share its partitions.
function topicsOf(worker) {
  const topics = Object.entries(worker.partitions);
  return topics.sort(([a, some], [b, others]) => others.length - some.length || a.localeCompare(b)).map(([topic]) => topic);
}

function partitions(worker, topic) {
  const lag = lagOf([worker], topic);
  return element(
    "p",
    { class: "partitions" },
    element("span", { class: "topic" }, topic),
    ...worker.partitions[topic].map((number) => chip(number, worker.lag[topic]?.[number] ?? 0)),
    element("span", { class: lag > 1000 ? "late" : "soft" }, lag ? `${compact(lag)} behind` : "up to date"),
  );
}

function chip(number, lag) {
  return explain(element("span", { class: "partition" }, String(number)), `partition ${number}, ${count(lag)} records behind`);
}

function restores(worker) {
  const all = Object.entries(worker.tables).flatMap(([table, { restoring }]) => restoring.map((each) => ({ table, ...each })));
  const standing = Object.entries(worker.tables).filter(([, table]) => table.standby.length);
  const made = all.map(restore);
  if (standing.length) made.push(standby(worker, standing));
  return made;
}

function restore({ table, partition, percent, rows_per_second: speed, seconds_left: left }) {
  const name = `${table} ${partition}`;
  const bar = element("progress", { max: 100, value: percent, "aria-label": `Restore of ${name}` });
  const words = `${Math.round(percent)} %, ${compact(speed)} rows/s${left === null ? "" : `, ${ago(1000 * left)} left`}`;
  return element("p", { class: "restore" }, element("span", { class: "topic" }, name), bar, element("span", { class: "soft" }, words));
}

function standby(worker, standing) {
  const numbers = [...new Set(standing.flatMap(([, table]) => table.standby))].sort((a, b) => a - b);
  const behind = standing.flatMap(([name]) => Object.values(worker.standby_lag[name] ?? {})).reduce((a, b) => a + b, 0);
  return element(
    "p",
    { class: "partitions" },
    element("span", { class: "topic" }, "standby for"),
    ...numbers.map((number) => element("span", { class: "partition standing" }, String(number))),
    element("span", { class: "soft" }, behind ? `${compact(behind)} behind` : "up to date"),
  );
}

