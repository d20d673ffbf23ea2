// The latest alerts.

import { newest, place } from "/static/tiles/newest.js";

export const TILES = [
  newest({
    id: "alerts",
    title: "Cards: suspicious payments",
    href: "/pages/fraud",
    path: "/api/alerts?limit=8",
    topics: ["alerts"],
    empty: "No payment looks like fraud so far.",
    line: (alert) => ({
      key: `${place(alert)}-${alert.rule}`,
      name: alert.card,
      when: alert.time,
      value: alert.rule,
      title: alert.explanation,
    }),
  }),
];
