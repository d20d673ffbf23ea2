// The latest maintenance notices.

import { newest, place } from "/static/tiles/newest.js";

export const TILES = [
  newest({
    id: "maintenance",
    title: "Machines that need a look",
    href: "/pages/maintenance",
    path: "/api/maintenance?limit=8",
    topics: ["maintenance"],
    empty: "All machines run as usual.",
    line: (found) => ({
      key: `${place(found)}-${found.kind}-${found.sensor}`,
      name: found.sensor ? `${found.machine}, ${found.sensor}` : found.machine,
      when: found.time,
      value: found.kind,
      title: found.explanation,
    }),
  }),
];
