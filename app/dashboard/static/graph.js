// What runs here: topics and steps, as `/api/topology` tells them. Asked once: it belongs to the
// code that runs.

import { get } from "/static/api.js";

let asked = null;

export function graph() {
  asked ??= get("/api/topology").catch((error) => {
    asked = null;
    throw error;
  });
  return asked;
}

// The topics that are written here, which are those that can be watched: without their prefix.
export async function topicsWritten() {
  const { nodes, edges } = await graph();
  const writes = edges.filter((edge) => ["writes", "late", "dead letters"].includes(edge.flow));
  const written = new Set(writes.map((edge) => edge.target));
  return new Set(nodes.filter((node) => written.has(node.id)).map((node) => node.label));
}

// Whether one of these topics is written here.
export async function writes(topics) {
  const written = await topicsWritten();
  return topics.some((topic) => written.has(topic));
}
