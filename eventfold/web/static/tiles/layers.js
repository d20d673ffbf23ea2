// Places boxes in layers from left to right: each behind all that lead to it.

export const WIDTH = 148, HEIGHT = 46;
const ACROSS = 118, DOWN = 16, EDGE = 6;

// Returns the place of each box by its id, and the size of the whole.
export function layout(boxes, edges) {
  const layers = toLayers(boxes, edges);
  order(layers, edges);
  const tallest = Math.max(...layers.map((layer) => layer.length));
  const height = tallest * (HEIGHT + DOWN) - DOWN + 2 * EDGE;
  const places = new Map();
  layers.forEach((layer, column) => {
    const free = height - 2 * EDGE - (layer.length * (HEIGHT + DOWN) - DOWN);
    layer.forEach((id, row) => {
      places.set(id, { x: EDGE + column * (WIDTH + ACROSS), y: EDGE + free / 2 + row * (HEIGHT + DOWN) });
    });
  });
  return { places, width: 2 * EDGE + layers.length * (WIDTH + ACROSS) - ACROSS, height };
}

// The longest path to a box is its layer; where records go in a circle, it is cut.
function toLayers(boxes, edges) {
  const depth = new Map();
  const visit = (id, way) => {
    if (depth.has(id)) return depth.get(id);
    if (way.has(id)) return 0;
    const before = edges.filter((edge) => edge.target === id);
    const deep = Math.max(-1, ...before.map((edge) => visit(edge.source, new Set(way).add(id)))) + 1;
    depth.set(id, deep);
    return deep;
  };
  const layers = [];
  for (const { id } of boxes) (layers[visit(id, new Set())] ??= []).push(id);
  return [...layers].map((layer) => layer ?? []);
}

// Each box at the mean height of its neighbours, a few times to and fro.
function order(layers, edges) {
  for (let sweep = 0; sweep < 6; sweep += 1) {
    const at = new Map(layers.flatMap((layer) => layer.map((id, row) => [id, row - layer.length / 2])));
    for (const layer of layers) {
      const mean = (id) => {
        const near = edges.flatMap((edge) => (edge.target === id ? [edge.source] : edge.source === id ? [edge.target] : []));
        const rows = near.map((each) => at.get(each));
        return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : at.get(id);
      };
      layer.sort((a, b) => mean(a) - mean(b));
      layer.forEach((id, row) => at.set(id, row - layer.length / 2));
    }
  }
}
