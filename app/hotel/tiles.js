// The latest service actions.

import { newest, place } from "/static/tiles/newest.js";

export const TILES = [
  newest({
    id: "service",
    title: "Guests who wait",
    href: "/pages/hotel",
    path: "/api/service-actions?limit=8",
    topics: ["service-actions"],
    empty: "Nobody waits for too long.",
    line: (action) => ({
      key: `${place(action)}-${action.request}`,
      name: action.room ? `${action.name || action.guest}, room ${action.room}` : action.name || action.guest,
      when: action.time,
      value: action.kind,
      title: action.explanation,
    }),
  }),
];
