// What every page does: it polls the workers, watches topics, and shows in its bar how that goes.

import { Poller } from "/static/api.js";
import { topicsWritten } from "/static/graph.js";
import { Live } from "/static/live.js";
import { Status } from "/static/status.js";
import { askWorkers } from "/static/tiles/cluster.js";

const SELDOM = 10_000; // ms between two polls while the worker sends what changes
const OFTEN = 1000;
const WORKERS = 2000;

const pollers = [];
const listeners = [];
const watched = new Map(); // who watches → topics
let written = new Set(); // the topics there are to watch
let settled = true; // whether all workers answer and are ready

export const status = new Status(() => Math.max(...pollers.map((each) => each.nextAt)));

const live = new Live({
  record(topic, record) {
    status.heard();
    for (const listener of listeners) listener(topic, record);
  },
  start: (resumed) => !resumed && askAgain(),
  beat: () => status.heard(),
  // It may be the worker, or only the connection: the next answer tells.
  lost: askAgain,
});

// Ms between two polls of what is also sent: while a worker is away, nobody sends its changes.
export const patience = () => (live.connected && settled ? SELDOM : OFTEN);

// Polls `task(signal)` and hands its answers to `show`. `name` is what the status knows it by,
// null for what the page is whole without.
export function poll(name, every, task, show) {
  if (name) status.expect(name);
  const poller = new Poller(
    task,
    (answer) => {
      show(answer);
      if (name) status.succeeded(name);
    },
    (error) => name && status.failed(name, error),
    every,
  );
  pollers.push(poller);
  return poller;
}

export function askAgain() {
  for (const poller of pollers) poller.again();
}

// Watches these topics for `who`, in place of those before; what is written nowhere is left out.
export function watch(who, topics) {
  watched.set(who, topics);
  const all = new Set([...watched.values()].flat());
  live.watch([...all].filter((each) => written.has(each.split(":")[0])));
}

// Calls `listener(topic, record)` for each record of the topics that are watched.
export const listen = (listener) => listeners.push(listener);

async function loadTopics() {
  try {
    written = await topicsWritten();
    watch(null, []);
  } catch {
    setTimeout(loadTopics, 3000);
  }
}

function settle(workers) {
  const now = workers.every((worker) => worker.answers && worker.ready);
  const changed = settled !== now;
  settled = now;
  if (changed) askAgain();
}

document.getElementById("retry").addEventListener("click", askAgain);
document.addEventListener("zonechange", askAgain);
loadTopics();
poll("workers", () => WORKERS, askWorkers, settle).again();
