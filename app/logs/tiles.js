// The latest severe lines.

import { newest, place } from "/static/tiles/newest.js";

export const TILES = [
  newest({
    id: "logs",
    title: "Errors in logs",
    href: "/pages/logs",
    topics: ["logs-critical", "logs-error"],
    empty: "None since this page was opened.",
    line: (entry, topic) => ({
      name: entry.message,
      when: entry.time,
      value: topic.replace("logs-", ""),
      way: topic === "logs-critical" ? "down" : "",
      title: `${entry.app} on ${entry.host}`,
    }),
  }),
];
