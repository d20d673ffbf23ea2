// One symbol's windows, drawn with uPlot: candles, volume beneath, moving averages of the closes.
//
// A window that was corrected flashes; at the pointer stands its evidence. The x axis counts windows, not time: a night without trades would else take most of it. Where
// windows are missing a dotted line says so.

import { evidence } from "/static/evidence.js";
import { axisPrices, date, element, time } from "/static/format.js";

const SLOT = 8; // CSS pixels of one window, at least
const FEWEST = 24; // windows there is room for: the first ones stand at the left, not far apart
const FLASH = 2500; // ms
const LABEL = 78; // of a label beneath it, with the space around it
export const AVERAGES = [10, 30]; // windows
const STEPS = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080].map((m) => m * 60_000);

export class Chart {
  #place; #plot = null; #candles = []; #averages = []; #colours = {}; #onPick; #picked = null;
  #tip = element("div", { class: "evidence", hidden: "" });

  // `onPick(candle | null)` is told which window the pointer or the arrow keys are at.
  constructor(place, onPick) {
    this.#place = place;
    this.#onPick = onPick;
    place.after(this.#tip);
    new ResizeObserver(() => this.#resize()).observe(place);
    document.addEventListener("themechange", () => this.#rebuild());
    place.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("blur", () => this.#pick(null));
    // Whoever moves the pointer reads there, whatever the keys had chosen.
    place.addEventListener("pointermove", () => (this.#picked = null), { capture: true });
  }

  show(candles) {
    const fit = Math.max(20, Math.floor((this.#place.clientWidth - 80) / SLOT));
    this.#candles = candles.slice(-fit);
    // Of all windows there are, so that the lines begin at the left edge where they can.
    this.#averages = AVERAGES.map((size) => average(candles, size).slice(-fit));
    if (!this.#plot) this.#rebuild();
    else this.#plot.setData(this.#columns());
    if (this.#picked !== null) this.#place_cursor();
    else this.#showEvidence(this.#plot?.cursor.idx ?? null);
  }

  // Makes the windows that begin at `starts` (ms) flash: they have just been corrected.
  flash(starts) {
    for (const start of starts) {
      const index = this.#candles.findIndex((candle) => candle.start === start);
      if (index >= 0 && this.#plot) this.#flashAt(index);
    }
  }

  #flashAt(index) {
    const { high, low } = this.#candles[index];
    const mark = element("i", { class: "flash" });
    const slot = this.#plot.valToPos(1, "x") - this.#plot.valToPos(0, "x");
    const [top, bottom] = [high, low].map((price) => this.#plot.valToPos(price, "price"));
    Object.assign(mark.style, {
      left: `${this.#plot.valToPos(index, "x") - slot / 2}px`,
      width: `${slot}px`,
      top: `${top - 10}px`,
      height: `${bottom - top + 20}px`,
    });
    this.#plot.over.append(mark);
    setTimeout(() => mark.remove(), FLASH);
  }

  get #slots() {
    return Math.max(FEWEST, this.#candles.length);
  }

  #columns() {
    const column = (field) => this.#candles.map((candle) => candle[field]);
    return [this.#candles.map((_, i) => i), column("high"), column("low"), ...this.#averages, column("volume")];
  }

  #rebuild() {
    this.#plot?.destroy();
    this.#plot = null;
    if (!this.#candles.length || !this.#place.clientWidth) return;
    this.#colours = readColours(this.#place);
    this.#plot = new uPlot(this.#options(), this.#columns(), this.#place);
  }

  #resize() {
    if (!this.#plot) return;
    this.#plot.setSize({ width: this.#place.clientWidth, height: this.#place.clientHeight });
  }

  #options() {
    const { ink, grid, fast, slow } = this.#colours;
    const axis = { stroke: ink, font: "12px system-ui, sans-serif", grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const unseen = { paths: () => null, points: { show: false } };
    return {
      width: this.#place.clientWidth,
      height: this.#place.clientHeight,
      padding: [14, 4, 0, 8],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: true },
      scales: {
        x: { time: false, range: () => [-0.7, this.#slots - 0.3] },
        price: { range: (_, low, high) => padded(low, high) },
        volume: { range: (_, __, high) => [0, (high || 1) * 4.5] },
      },
      axes: [
        { ...axis, splits: (plot) => this.#ticks(plot), values: (_, at) => at.map((i) => this.#tickText(i)), size: 34 },
        { ...axis, scale: "price", side: 1, size: 68, values: (_, at, __, ___, step) => axisPrices(at, step) },
      ],
      series: [
        {},
        { scale: "price", ...unseen },
        { scale: "price", ...unseen },
        { scale: "price", stroke: fast, width: 1.5, points: { show: false } },
        { scale: "price", stroke: slow, width: 1.5, points: { show: false } },
        { scale: "volume", ...unseen },
      ],
      hooks: {
        drawAxes: [(plot) => this.#draw(plot)],
        setCursor: [(plot) => this.#moved(plot)],
      },
    };
  }

  // -- ticks of the x axis

  #ticks(plot) {
    const starts = this.#candles.map((candle) => candle.start);
    const apart = (LABEL * devicePixelRatio * this.#slots) / plot.bbox.width; // windows between two labels
    for (const step of STEPS) {
      const at = starts.map((_, i) => i).filter((i) => i > 0 && bucket(starts[i], step) !== bucket(starts[i - 1], step));
      if ((at.length - 1) * apart > starts.length) continue;
      // Beyond a gap two of them may stand side by side.
      return at.length ? at.filter((i, n) => n === 0 || i - at[n - 1] >= apart) : [0];
    }
    return [0];
  }

  #tickText(index) {
    const candle = this.#candles[index];
    if (!candle) return "";
    const before = this.#candles[index - 1];
    const newDay = before && date(before.start) !== date(candle.start);
    return newDay || candle.size >= 86_400_000 ? date(candle.start) : time(candle.start);
  }

  // -- drawing; all in canvas pixels

  #draw(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const slot = plot.valToPos(1, "x", true) - plot.valToPos(0, "x", true);
    const width = Math.max(1, Math.min(18 * devicePixelRatio, Math.round(slot * 0.66)));
    this.#candles.forEach((candle, index) => {
      const x = Math.round(plot.valToPos(index, "x", true));
      this.#drawGap(plot, index, x - slot / 2);
      this.#drawVolume(plot, candle, x, width);
      this.#drawCandle(plot, candle, x, width);
      if (candle.late > 0) this.#drawLate(plot, candle, x);
    });
    this.#drawLast(plot);
    ctx.restore();
  }

  #drawGap({ ctx, bbox }, index, x) {
    const before = this.#candles[index - 1];
    if (!before || this.#candles[index].start === before.start + before.advance) return;
    this.#line(ctx, this.#colours.ink, [2, 5], Math.round(x), bbox.top, Math.round(x), bbox.top + bbox.height, 0.5);
  }

  #drawVolume(plot, candle, x, width) {
    const { ctx, bbox } = plot;
    const top = plot.valToPos(candle.volume, "volume", true);
    ctx.globalAlpha = 0.28;
    ctx.fillStyle = this.#colours[way(candle)];
    ctx.fillRect(x - width / 2, top, width, bbox.top + bbox.height - top);
    ctx.globalAlpha = 1;
  }

  #drawCandle(plot, candle, x, width) {
    const { ctx } = plot;
    const y = (value) => Math.round(plot.valToPos(value, "price", true));
    const top = y(Math.max(candle.open, candle.close));
    const height = Math.max(devicePixelRatio, y(Math.min(candle.open, candle.close)) - top);
    const colour = this.#colours[way(candle)];
    this.#line(ctx, colour, [], x, y(candle.high), x, top);
    this.#line(ctx, colour, [], x, top + height, x, y(candle.low));
    ctx.fillStyle = candle.final ? colour : this.#colours.paper;
    ctx.fillRect(x - width / 2, top, width, height);
    if (candle.final) return;
    ctx.lineWidth = 1.25 * devicePixelRatio;
    ctx.strokeStyle = colour;
    ctx.strokeRect(x - width / 2, top, width, height);
  }

  #drawLate(plot, candle, x) {
    const { ctx } = plot;
    const size = 4 * devicePixelRatio;
    const y = plot.valToPos(candle.high, "price", true) - 2.2 * size;
    ctx.fillStyle = this.#colours.late;
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.fill();
  }

  #drawLast(plot) {
    const { ctx, bbox } = plot;
    const last = this.#candles[this.#candles.length - 1];
    const y = Math.round(plot.valToPos(last.close, "price", true));
    this.#line(ctx, this.#colours[way(last)], [5, 4], bbox.left, y, bbox.left + bbox.width, y, 0.7);
  }

  #line(ctx, colour, dash, x1, y1, x2, y2, alpha = 1) {
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

  // -- reading one window

  #moved(plot) {
    if (this.#picked !== null) return;
    this.#onPick(this.#candles[plot.cursor.idx] ?? null);
    this.#showEvidence(plot.cursor.left >= 0 ? plot.cursor.idx : null);
  }

  // Beside the window, on the side where there is more room.
  #showEvidence(index) {
    const candle = this.#candles[index];
    this.#tip.hidden = !candle;
    if (!candle) return;
    this.#tip.replaceChildren(evidence(candle));
    const plot = this.#plot;
    const x = plot.over.offsetLeft + plot.valToPos(index, "x");
    const right = x < this.#place.clientWidth / 2;
    const left = right ? x + 22 : x - this.#tip.offsetWidth - 22;
    this.#tip.style.left = `${Math.max(4, this.#place.offsetLeft + left)}px`;
  }

  #key(event) {
    const last = this.#candles.length - 1;
    const at = this.#indexOfPicked() ?? last + 1;
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last, Escape: NaN }[event.key];
    if (next === undefined || !this.#plot) return;
    event.preventDefault();
    this.#pick(Number.isNaN(next) ? null : Math.min(last, Math.max(0, next)));
  }

  // Remembered by its start: the windows move on beneath the reader.
  #pick(index) {
    this.#picked = index === null ? null : this.#candles[index].start;
    this.#place_cursor();
  }

  #indexOfPicked() {
    const index = this.#candles.findIndex((candle) => candle.start === this.#picked);
    return index < 0 ? null : index;
  }

  #place_cursor() {
    const index = this.#indexOfPicked();
    if (index === null) this.#picked = null;
    const left = index === null ? -10 : this.#plot?.valToPos(index, "x");
    const top = index === null ? -10 : this.#plot?.valToPos(this.#candles[index].close, "price");
    this.#plot?.setCursor({ left, top }, false);
    this.#onPick(index === null ? null : this.#candles[index]);
    this.#showEvidence(index);
  }
}

const way = (candle) => (candle.close < candle.open ? "down" : "up");

// The mean of the last `size` closes at each window; null where there are not as many.
function average(candles, size) {
  let sum = 0;
  return candles.map((candle, index) => {
    sum += candle.close - (index >= size ? candles[index - size].close : 0);
    return index >= size - 1 ? sum / size : null;
  });
}

// Room beneath the lowest price for the volume, above the highest for the marks.
function padded(low, high) {
  const room = (high - low || Math.abs(high) * 0.002 || 1) * 0.08;
  return [low - room * 3.2, high + room];
}

// Buckets of local time: ticks stand at the viewer's full hours and midnights.
function bucket(ms, step) {
  return Math.floor((ms - new Date(ms).getTimezoneOffset() * 60_000) / step);
}

function readColours(place) {
  const names = ["up", "down", "late", "fast", "slow", "ink", "grid", "paper"];
  // A canvas knows no light-dark(): what it means here, only a property of an element tells.
  const probe = element("i");
  place.append(probe);
  const colours = names.map((name) => {
    probe.style.color = `var(--chart-${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(colours);
}
