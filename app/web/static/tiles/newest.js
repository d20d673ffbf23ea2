// A tile of the newest records of some topics: what the API knows first, then each as it is told.

import { get } from "/static/api.js";
import { element, time, timeExact, utc } from "/static/format.js";

const MOST = 8;

// `path` answers with the newest first, or `records(answer)` picks them from its answer; without a
// path the tile begins empty. `topics` are what they are told in. `line(record, topic)` gives
// {name, when (ms), value, way ("up", "down" or ""), title, key, symbol}: of two with the same
// `key` the later one stays; `symbol` is selected by a click.
export function newest({ id, title, path, topics = [], line, records = (answer) => answer, empty, most = MOST }) {
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
    watch: topics,
    ask: async (signal) => (path ? get(path, signal) : []),
    show(body, answer, page) {
      if (path) lines = records(answer).map((record) => line(record, topics[0])).slice(0, most);
      return draw(body, page);
    },
    hear(body, record, page, topic) {
      const told = line(record, topic);
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
