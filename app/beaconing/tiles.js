// The latest beacons, and the schemas that connections are written with as Avro: the newest version
// of each subject of the registry.

import { get } from "/static/api.js";
import { duration } from "/static/format.js";
import { writes } from "/static/graph.js";
import { linesOf } from "/static/tiles/lines.js";
import { newest } from "/static/tiles/newest.js";
import { redraw } from "/static/tips.js";

const REGISTRY = "/registry/subjects";

const schemas = {
  id: "schemas",
  title: "Schemas of Avro",
  href: "/pages/beaconing",
  every: 30_000,
  empty: "No schema is registered yet.",
  // Another registry than the worker's own is not asked, nor one that only others may read.
  async ask(signal) {
    if (!(await writes(["conn-events-avro"]))) return null;
    try {
      const subjects = await get(REGISTRY, signal);
      const latest = (name) => get(`${REGISTRY}/${encodeURIComponent(name)}/versions/latest`, signal);
      return await Promise.all(subjects.map(latest));
    } catch (error) {
      if ([401, 403].includes(error.status)) return null;
      throw error;
    }
  },
  show(body, versions) {
    const lines = versions.map(({ subject, version, id, schema }) => ({
      name: subject,
      value: `version ${version}, id ${id}`,
      title: schema,
    }));
    redraw(body, linesOf(lines));
    return lines.length > 0;
  },
};

export const TILES = [
  newest({
    id: "beacons",
    title: "Hosts that call home",
    href: "/pages/beaconing",
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
  schemas,
];
