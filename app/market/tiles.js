// Trends that turned.

import { newest } from "/static/tiles/newest.js";

export const TILES = [
  newest({
    id: "trends",
    title: "Trends that turned",
    topics: ["trend-signals"],
    empty: "None since this page was opened. When the average of 38 closes crosses that of 100 it stands here.",
    line: (signal) => ({
      key: `${signal.symbol}-${signal.end}`,
      name: signal.symbol,
      symbol: signal.symbol,
      when: signal.end,
      value: signal.signal,
      way: signal.signal === "buy" ? "up" : "down",
      title: signal.explanation,
    }),
  }),
];
