// A tile of the newest records of a topic: what the API knows first, then each as it is told.

import { get } from "/static/api.js";
import { element, time, timeExact, utc } from "/static/format.js";

const MOST = 8;

// `path` answers with the newest first, or `records(answer)` picks them from its answer; without a
// path the tile begins empty. `topic` is what they are told in. `line(record)` gives {name, when (ms), value, way ("up", "down" or ""),
// title, key, symbol}: of two with the same `key` the later one stays; `symbol` is selected by a click.
export function newest({ id, title, path, topic, line, records = (answer) => answer, empty, most = MOST }) {
  let lines = [];

  function draw(body, page) {
    const items = lines.map((each) => element("li", {}, row(each, page)));
    body.replaceChildren(element("ol", { class: "lines" }, ...items));
    return lines.length > 0;
  }

  return {
    id,
    title,
    empty,
    every: 15_000,
    watch: topic ? [topic] : [],
    ask: async (signal) => (path ? get(path, signal) : []),
    show(body, answer, page) {
      if (path) lines = records(answer).map(line).slice(0, most);
      return draw(body, page);
    },
    hear(body, record, page) {
      const told = line(record);
      const others = lines.filter((each) => each.key === undefined || each.key !== told.key);
      lines = [told, ...others].sort((a, b) => b.when - a.when).slice(0, most);
      return draw(body, page);
    },
  };
}

function row({ name, when, value, way = "", title = "", symbol }, page) {
  const parts = [
    element("span", { class: "name" }, name),
    element("span", { class: "when", title: `${timeExact(when)} (${utc(when)})` }, time(when)),
    element("span", { class: "gain", "data-way": way, title }, value),
  ];
  if (symbol === undefined) return element("div", { class: "line" }, ...parts);
  const button = element("button", { type: "button", class: "line" }, ...parts);
  button.addEventListener("click", () => page.select(symbol));
  return button;
}
