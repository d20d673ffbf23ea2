// What the workers say of themselves, asked once for the tiles that need it, and what follows.

import { get } from "/static/api.js";
import { Rates } from "/static/rates.js";

const FRESH = 1000; // ms in which one answer serves all tiles

const rates = new Rates();
let asked = 0;
let answer = null;

export function askWorkers(signal) {
  if (!answer || Date.now() - asked > FRESH) {
    asked = Date.now();
    answer = get("/api/workers").then((workers) => {
      rates.look(counters(workers));
      return workers;
    });
    // Whoever asks next, asks anew.
    answer.catch(() => (answer = null));
  }
  signal.throwIfAborted();
  return answer;
}

function counters(workers) {
  const counts = new Map();
  const add = (name, count) => counts.set(name, (counts.get(name) ?? 0) + count);
  for (const worker of workers) {
    for (const [table, { folded, late, published }] of Object.entries(worker.counts)) {
      add(`folded ${table}`, folded);
      add(`late ${table}`, late);
      add(`published ${table}`, published);
    }
  }
  return counts;
}

// Records in a second: of a table "folded", "late", "published"; null while unknown.
export const rateOf = (what, table) => rates.of(`${what} ${table}`);

// Records of a topic that nobody has fetched yet, over all partitions. Lag is told in offsets, of
// which the marker of a transaction takes one: 1 is none.
export function lagOf(workers, topic) {
  const all = workers.flatMap((worker) => Object.values(worker.lag[topic] ?? {}));
  return all.reduce((sum, lag) => sum + (lag > 1 ? lag : 0), 0);
}

export function deadLetters(workers, topic) {
  return workers.reduce((sum, worker) => sum + (worker.dead_letters[topic] ?? 0), 0);
}
