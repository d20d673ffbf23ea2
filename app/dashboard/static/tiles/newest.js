// A tile of the newest records of some topics: what the API knows first, then each as it is told.

import { get } from "/static/api.js";
import { writes } from "/static/graph.js";
import { linesOf } from "/static/tiles/lines.js";

const MOST = 8;
const PAUSE = 200; // ms between two drawings: a busy topic tells hundreds a second

const byTime = (a, b) => b.when - a.when;

// A key for a record that names its source.
export const place = ({ partition, offset }) => `${partition}-${offset}`;

// `topics` are what they are told in: where none of them is written the tile is not there. `path`
// answers with the newest first; without a path the tile begins empty. `line(record, topic)` gives
// a line as `lines.js` has it, or null, and a `key`: of two with the same the later stays.
export function newest({ id, title, path, topics = [], line, empty, most = MOST, order = byTime }) {
  let lines = [];
  let waiting = null;

  function draw(body, page) {
    clearTimeout(waiting);
    waiting = null;
    lines = lines.sort(order).slice(0, most);
    body.replaceChildren(linesOf(lines, page));
    return lines.length > 0;
  }

  function take(told) {
    const same = told.key === undefined ? undefined : lines.find((each) => each.key === told.key);
    if (same && same.when > told.when) return;
    lines = [told, ...lines.filter((each) => each !== same)];
  }

  return {
    id,
    title,
    empty,
    every: 15_000,
    watch: topics,
    async ask(signal) {
      if (!(await writes(topics))) return null;
      return path ? get(path, signal) : [];
    },
    show(body, answer, page) {
      if (path) lines = answer.map((record) => line(record, topics[0])).filter(Boolean);
      return draw(body, page);
    },
    hear(body, record, page, topic) {
      const told = line(record, topic);
      if (told) take(told);
      if (told && waiting === null) waiting = setTimeout(draw, PAUSE, body, page);
      return lines.length > 0;
    },
  };
}
