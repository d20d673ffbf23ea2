// The latest beacons.

import { duration } from "/static/tiles/lateness.js";
import { newest } from "/static/tiles/newest.js";

export const TILES = [
  newest({
    id: "beacons",
    title: "Hosts that call home",
    path: "/api/beacons?limit=8",
    topics: ["beacons"],
    empty: "No host contacts another at regular intervals.",
    line: (beacon) => ({
      key: `${beacon.source}-${beacon.destination}-${beacon.port}`,
      name: `${beacon.source} → ${beacon.destination}`,
      when: beacon.time,
      value: `each ${duration(1000 * Math.round(beacon.interval / 1000))}`,
      title: beacon.explanation,
    }),
  }),
];
