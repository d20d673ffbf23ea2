// A tile of the newest records of some topics: what the API has first, then each as it is published.

import { get } from "/static/api.js";
import { writes } from "/static/graph.js";
import { linesOf } from "/static/tiles/lines.js";
import { redraw } from "/static/tips.js";

const MOST = 8;
const PAUSE = 200; // ms between two drawings: a busy topic has hundreds of records a second

const byTime = (a, b) => b.when - a.when;

// A key for a record that names its source.
export const place = ({ partition, offset }) => `${partition}-${offset}`;

// `topics` are what they are published in: where none of them is written the tile is not there. `path`
// answers with the newest first; without a path the tile begins empty. `line(record, topic)` gives
// a line as `lines.js` has it, or null, and a `key`: of two with the same the later stays.
export function newest({ id, title, href, path, topics = [], line, empty, most = MOST, order = byTime }) {
  let lines = [];
  let waiting = null;

  function draw(body) {
    clearTimeout(waiting);
    waiting = null;
    lines = lines.sort(order).slice(0, most);
    redraw(body, linesOf(lines));
    return lines.length > 0;
  }

  function take(line) {
    const same = line.key === undefined ? undefined : lines.find((each) => each.key === line.key);
    if (same && same.when > line.when) return;
    lines = [line, ...lines.filter((each) => each !== same)];
  }

  return {
    id,
    title,
    href,
    empty,
    every: 15_000,
    watch: topics,
    async ask(signal) {
      if (!(await writes(topics))) return null;
      return path ? get(path, signal) : [];
    },
    show(body, answer) {
      if (path) lines = answer.map((record) => line(record, topics[0])).filter(Boolean);
      return draw(body);
    },
    hear(body, record, topic) {
      const made = line(record, topic);
      if (made) take(made);
      if (made && waiting === null) waiting = setTimeout(draw, PAUSE, body);
      return lines.length > 0;
    },
  };
}
