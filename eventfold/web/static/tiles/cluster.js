// The state of the workers, asked once for the tiles that need it, and what follows from it.

import { get } from "/static/api.js";
import { compact } from "/static/format.js";
import { Rates } from "/static/rates.js";

const FRESH = 1000; // ms in which one answer serves all tiles

const rates = new Rates();
let asked = 0;
let answer = null;
let addresses = [];

export function askWorkers(signal) {
  if (!answer || Date.now() - asked > FRESH) {
    asked = Date.now();
    answer = get("/api/workers").then((workers) => {
      rates.sample(counters(workers));
      return workers;
    });
    // Whoever asks next, asks anew.
    answer.catch(() => (answer = null));
  }
  signal.throwIfAborted();
  return answer;
}

// By worker: one that leaves takes its counts along.
function counters(workers) {
  const counts = new Map();
  addresses = workers.map((each) => each.worker);
  for (const { worker, counts: tables } of workers) {
    for (const [table, counted] of Object.entries(tables)) {
      for (const [what, count] of Object.entries(counted)) counts.set(`${worker} ${what} ${table}`, count);
    }
  }
  return counts;
}

// Records in a second: of a table "folded", "late", "published"; null while unknown.
export function rateOf(what, table) {
  const all = addresses.map((worker) => rates.of(`${worker} ${what} ${table}`)).filter((rate) => rate !== null);
  return all.length ? all.reduce((a, b) => a + b, 0) : null;
}

// Records of a topic that nobody has fetched yet, over all partitions. Lag is counted in offsets, of
// which the marker of a transaction takes one: 1 is none.
export function lagOf(workers, topic) {
  const all = workers.flatMap((worker) => Object.values(worker.lag[topic] ?? {}));
  return all.reduce((sum, lag) => sum + (lag > 1 ? lag : 0), 0);
}

export function deadLetters(workers, topic) {
  return workers.reduce((sum, worker) => sum + (worker.dead_letters[topic] ?? 0), 0);
}

// Records that a table has counted since its workers started: "folded", "late", "published".
export function countOf(workers, what, table) {
  return workers.reduce((sum, worker) => sum + (worker.counts[table]?.[what] ?? 0), 0);
}

// A rate in words; "" while it is unknown.
export function perSecond(rate) {
  if (rate === null) return "";
  return `${rate < 10 ? Math.round(10 * rate) / 10 : compact(Math.round(rate))}/s`;
}
