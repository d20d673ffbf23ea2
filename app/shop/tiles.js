// Click-through of searches, and clicks with the profiles of who clicked.

import { count, duration, share } from "/static/format.js";
import { newest, place } from "/static/tiles/newest.js";

const FIVE_MINUTES = 300_000;

export const TILES = [
  newest({
    id: "click-through",
    title: "Searches that lead to a click",
    href: "/pages/shop",
    path: "/api/click-through?window=5m&limit=8",
    topics: ["click-through"],
    empty: "No searches have been counted yet.",
    order: (a, b) => b.searches - a.searches,
    line: (window) =>
      window.size === FIVE_MINUTES
        ? {
            key: window.query,
            name: window.query,
            searches: window.searches,
            when: window.start,
            value: share(window.rate),
            title: `${count(window.clicked)} of ${count(window.searches)} searches within five minutes`,
          }
        : null,
  }),
  newest({
    id: "clicks",
    title: "Clicks, and who clicked",
    href: "/pages/shop",
    topics: ["clicks-enriched"],
    empty: "None since this page was opened.",
    line: (click) => ({
      key: place(click),
      name: click.item,
      when: click.time,
      value: click.profile ? `${click.profile.segment}, ${click.profile.country}` : (click.reason ?? ""),
      title: `${click.user}${click.waited ? `; its profile was waited for: ${duration(click.waited)}` : ""}`,
    }),
  }),
];
