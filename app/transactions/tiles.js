// Transactions that were rejected.

import { newest, place } from "/static/tiles/newest.js";

export const TILES = [
  newest({
    id: "rejected",
    title: "Transactions rejected",
    href: "/pages/transactions",
    topics: ["transactions-rejected"],
    empty: "None since this page was opened. Rules are made by faust -A app rules.",
    line: (verdict) => ({
      key: place(verdict),
      name: `${verdict.card}: ${verdict.merchant}`,
      when: verdict.time,
      value: verdict.reasons[0]?.rule || "not in order",
      title: `${verdict.reasons.map((reason) => reason.text).join("; ")} (rules of version ${verdict.rules_version})`,
    }),
  }),
];
