// What runs here: topics and steps, by `/api/topology`. Asked once: it belongs to the code that
// runs.

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

// The topics that a table writes its results to.
export async function topicsOf(table) {
  const { nodes, edges } = await graph();
  const written = edges.filter((edge) => edge.source === `table:${table}` && edge.flow === "writes");
  return nodes.filter((node) => written.some((edge) => edge.target === node.id)).map((node) => node.label);
}

// The topics of late records and of dead letters: name → {key, table}, where those are known.
export async function sideTopics() {
  const { nodes, edges } = await graph();
  const side = edges.filter((edge) => ["late", "dead letters"].includes(edge.flow));
  return new Map(
    side.map(({ source, target, flow }) => {
      const { label, key } = nodes.find((node) => node.id === target);
      return [label, { key, isLate: flow === "late", table: source.slice(source.indexOf(":") + 1) }];
    }),
  );
}

// The page of a table, and of one of its keys.
export function tableHref(table, key) {
  return `/pages/tables#${new URLSearchParams(key === undefined ? { table } : { table, key })}`;
}

// Whether one of these topics is written here.
export async function writes(topics) {
  const written = await topicsWritten();
  return topics.some((topic) => written.has(topic));
}
