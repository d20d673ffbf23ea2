// The other two rankings of the day: who rose least or fell most, and what is traded most.

import { get } from "/static/api.js";
import { compact, dayName, element, percent, price } from "/static/format.js";
import { writes } from "/static/graph.js";
import { linesOf } from "/static/tiles/lines.js";

const MOST = 5;
const COLUMNS = {
  "top-losers": { title: "Losers", value: (each) => percent(each.gain), way: (each) => (each.gain < 0 ? "down" : "up") },
  "most-active": { title: "Most active", value: (each) => compact(each.volume), way: () => "" },
};

const found = {}; // topic → its newest ranking

export const rankings = {
  id: "rankings",
  title: "Losers and most active",
  every: 10_000,
  watch: Object.keys(COLUMNS),
  async ask(signal) {
    if (!(await writes(this.watch))) return null;
    const asked = this.watch.map((topic) => get(`/api/${topic}?stale=true`, signal));
    return Promise.all(asked);
  },
  show(body, answers, page) {
    answers.forEach((answer, index) => (found[this.watch[index]] = answer));
    return draw(body, page);
  },
  hear(body, record, page, topic) {
    if (record.day >= (found[topic]?.day ?? "")) found[topic] = record;
    return draw(body, page);
  },
};

function draw(body, page) {
  const columns = Object.entries(COLUMNS).map(([topic, column]) => {
    const lines = (found[topic]?.rank ?? []).slice(0, MOST).map((each) => ({
      name: each.symbol,
      symbol: each.symbol,
      when: each.time,
      value: column.value(each),
      way: column.way(each),
      title: `last ${price(each.last)}, on ${dayName(found[topic].day)}`,
    }));
    return element("div", {}, element("h3", {}, column.title), linesOf(lines, page));
  });
  body.replaceChildren(element("div", { class: "columns" }, ...columns));
  return Object.values(found).some((ranking) => ranking.rank.length);
}
