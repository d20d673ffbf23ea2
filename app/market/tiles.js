// The rankings of the day, and trends that turned; each line leads to the page of its symbol.

import { get } from "/static/api.js";
import { compact, dayName, element, percent, price } from "/static/format.js";
import { writes } from "/static/graph.js";
import { linesOf } from "/static/tiles/lines.js";
import { newest } from "/static/tiles/newest.js";
import { redraw } from "/static/tips.js";

const page = "/pages/market";
const hrefOf = (symbol) => `${page}#${encodeURIComponent(symbol)}`;

// Until the market had a page of its own the front page was it: links to a symbol there still hold.
if (location.pathname === "/" && location.hash.length > 1 && location.hash !== "#main") location.replace(page + location.hash);

const gain = { value: (each) => percent(each.gain), way: (each) => (each.gain < 0 ? "down" : "up") };

// A tile of a column for each topic of rankings.
function ranking({ columns, most, ...tile }) {
  const found = {}; // topic → its newest ranking
  const topics = Object.keys(columns);

  function draw(body) {
    const drawn = topics.map((topic) => {
      const { heading, value, way } = columns[topic];
      const lines = (found[topic]?.rank ?? []).slice(0, most).map((each) => ({
        name: each.symbol,
        href: hrefOf(each.symbol),
        when: each.time,
        value: value(each),
        way: way(each),
        title: `last ${price(each.last)}, on ${dayName(found[topic].day)}`,
      }));
      return element("div", {}, ...(heading ? [element("h3", {}, heading)] : []), linesOf(lines));
    });
    redraw(body, element("div", { class: "columns" }, ...drawn));
    return Object.values(found).some((each) => each.rank.length);
  }

  return {
    ...tile,
    href: page,
    every: 10_000,
    watch: topics,
    async ask(signal) {
      if (!(await writes(topics))) return null;
      return Promise.all(topics.map((topic) => get(`/api/${topic}?stale=true`, signal)));
    },
    show(body, answers) {
      answers.forEach((answer, index) => (found[topics[index]] = answer));
      return draw(body);
    },
    hear(body, record, topic) {
      if (record.day >= (found[topic]?.day ?? "")) found[topic] = record;
      return draw(body);
    },
  };
}

export const TILES = [
  ranking({ id: "best", title: "Top gainers", tall: true, most: 10, columns: { "top-gainers": gain } }),
  ranking({
    id: "rankings",
    title: "Losers and most active",
    most: 5,
    columns: {
      "top-losers": { heading: "Losers", ...gain },
      "most-active": { heading: "Most active", value: (each) => compact(each.volume), way: () => "" },
    },
  }),
  newest({
    id: "trends",
    title: "Trends that turned",
    href: page,
    topics: ["trend-signals"],
    empty: "None since this page was opened. When the average of 38 closes crosses that of 100 it stands here.",
    line: (signal) => ({
      key: `${signal.symbol}-${signal.end}`,
      name: signal.symbol,
      href: hrefOf(signal.symbol),
      when: signal.end,
      value: signal.signal,
      way: signal.signal === "buy" ? "up" : "down",
      title: signal.explanation,
    }),
  }),
];
