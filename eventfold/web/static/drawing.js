// What a chart draws of each window: candles, volume, and marks; all in canvas pixels.

// Draws over the axes of uPlot's `plot`. `field` is what is charted.
// Windows `advance` ms apart have no gap between them; 0 where that is not known.
export function drawWindows(plot, { windows, colours, field, advance, isCandles }) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const slot = plot.valToPos(1, "x", true) - plot.valToPos(0, "x", true);
  const width = Math.max(1, Math.min(18 * devicePixelRatio, Math.round(slot * 0.66)));
  windows.forEach((each, index) => {
    const x = Math.round(plot.valToPos(index, "x", true));
    if (advance && index && each.start !== windows[index - 1].start + advance) gap(plot, colours, x - slot / 2);
    if (isCandles) {
      volume(plot, colours, each, x, width);
      candle(plot, colours, each, x, width);
    }
    if (each.late > 0) late(plot, colours, each[isCandles ? "high" : field], x);
  });
  if (isCandles) last(plot, colours, windows[windows.length - 1]);
  ctx.restore();
}

const way = (each) => (each.close < each.open ? "down" : "up");

function gap({ ctx, bbox }, colours, x) {
  line(ctx, colours.ink, [2, 5], Math.round(x), bbox.top, Math.round(x), bbox.top + bbox.height, 0.5);
}

function volume(plot, colours, each, x, width) {
  if (!each.volume) return;
  const { ctx, bbox } = plot;
  const top = plot.valToPos(each.volume, "volume", true);
  ctx.globalAlpha = 0.28;
  ctx.fillStyle = colours[way(each)];
  ctx.fillRect(x - width / 2, top, width, bbox.top + bbox.height - top);
  ctx.globalAlpha = 1;
}

function candle(plot, colours, each, x, width) {
  const { ctx } = plot;
  const y = (value) => Math.round(plot.valToPos(value, "value", true));
  const top = y(Math.max(each.open, each.close));
  const height = Math.max(devicePixelRatio, y(Math.min(each.open, each.close)) - top);
  const colour = colours[way(each)];
  line(ctx, colour, [], x, y(each.high), x, top);
  line(ctx, colour, [], x, top + height, x, y(each.low));
  ctx.fillStyle = each.final ? colour : colours.paper;
  ctx.fillRect(x - width / 2, top, width, height);
  if (each.final) return;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.strokeStyle = colour;
  ctx.strokeRect(x - width / 2, top, width, height);
}

function late(plot, colours, value, x) {
  const { ctx } = plot;
  const size = 4 * devicePixelRatio;
  const y = plot.valToPos(value ?? 0, "value", true) - 2.2 * size;
  ctx.fillStyle = colours.late;
  ctx.beginPath();
  ctx.moveTo(x, y - size);
  ctx.lineTo(x + size, y);
  ctx.lineTo(x, y + size);
  ctx.lineTo(x - size, y);
  ctx.fill();
}

function last(plot, colours, each) {
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(each.close, "value", true));
  line(ctx, colours[way(each)], [5, 4], bbox.left, y, bbox.left + bbox.width, y, 0.7);
}

function line(ctx, colour, dash, x1, y1, x2, y2, alpha = 1) {
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(dash.map((n) => n * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

// The colours of the style sheet, as they are in the present theme.
export function readColours(place) {
  const names = ["up", "down", "late", "fast", "slow", "ink", "grid", "paper"];
  // A canvas knows no light-dark(): what it means here, only a property of an element tells.
  const probe = document.createElement("i");
  place.append(probe);
  const colours = names.map((name) => {
    probe.style.color = `var(--chart-${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(colours);
}
