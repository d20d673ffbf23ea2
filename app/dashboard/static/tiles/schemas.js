// What records are written as Avro with: the newest version of each subject of the registry.

import { get } from "/static/api.js";
import { writes } from "/static/graph.js";
import { linesOf } from "/static/tiles/lines.js";

const REGISTRY = "/registry/subjects";

export const schemas = {
  id: "schemas",
  title: "Schemas of Avro",
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
  show(body, versions, page) {
    const lines = versions.map(({ subject, version, id, schema }) => ({
      name: subject,
      value: `version ${version}, id ${id}`,
      title: schema,
    }));
    body.replaceChildren(linesOf(lines, page));
    return lines.length > 0;
  },
};
