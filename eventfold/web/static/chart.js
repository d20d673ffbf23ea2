// The windows of one key, drawn with uPlot: one field as a line, or candles with the volume beneath
// and moving averages of the closes.
//
// A window that was corrected flashes; at the pointer stands its evidence. The x axis counts
// windows, not time: a night without records would else take most of it. Where windows are missing
// a dotted line says so.

import { drawWindows, readColours } from "/static/drawing.js";
import { evidence } from "/static/evidence.js";
import { axisPrices, date, element, time } from "/static/format.js";
import { onTheClock } from "/static/zone.js";

const SLOT = 8; // CSS pixels of one window, at least
const FEWEST = 24; // windows there is room for: the first ones stand at the left, not far apart
const FLASH = 2500; // ms
const LABEL = 78; // of a label beneath it, with the space around it
const AVERAGES = [10, 30]; // windows
const STEPS = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080].map((m) => m * 60_000);

export class Chart {
  #place; #plot = null; #candles = []; #averages = []; #colours = {}; #onPick; #picked = null;
  #tip = element("div", { class: "evidence", hidden: "" });

  #field = "close"; #advance = 0; #isCandles = true;

  // `onPick(window | null)` is called with the window that the pointer or the arrow keys are at.
  constructor(place, onPick) {
    this.#place = place;
    this.#onPick = onPick;
    place.after(this.#tip);
    document.addEventListener("zonechange", () => this.#rebuild());
    new ResizeObserver(() => this.#resize()).observe(place);
    document.addEventListener("themechange", () => this.#rebuild());
    place.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("blur", () => this.#pick(null));
    // Whoever moves the pointer reads there, whatever the keys had chosen.
    place.addEventListener("pointermove", () => (this.#picked = null), { capture: true });
  }

  // Draws a field of windows, oldest first; each is an object of its evidence and its fields.
  // They are `advance` ms apart, 0 where that varies.
  show(candles, field = "close", advance = candles[0]?.advance ?? 0, isCandles = true) {
    const isOther = field !== this.#field || isCandles !== this.#isCandles;
    [this.#field, this.#advance, this.#isCandles] = [field, advance, isCandles];
    const fit = Math.max(20, Math.floor((this.#place.clientWidth - 80) / SLOT));
    this.#candles = candles.slice(-fit);
    // Of all windows there are, so that the lines begin at the left edge where they can.
    this.#averages = AVERAGES.map((size) => average(candles, size).slice(-fit));
    if (!this.#plot || isOther) this.#rebuild();
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
    const { [this.#top]: high, [this.#bottom]: low } = this.#candles[index];
    const mark = element("i", { class: "flash" });
    const slot = this.#plot.valToPos(1, "x") - this.#plot.valToPos(0, "x");
    const [top, bottom] = [high, low].map((price) => this.#plot.valToPos(price, "value"));
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

  get #top() {
    return this.#isCandles ? "high" : this.#field;
  }

  get #bottom() {
    return this.#isCandles ? "low" : this.#field;
  }

  #columns() {
    const column = (field) => this.#candles.map((candle) => candle[field] ?? null);
    if (!this.#isCandles) return [this.#candles.map((_, i) => i), column(this.#field)];
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
        value: { range: (_, low, high) => padded(low, high, this.#isCandles) },
        volume: { range: (_, __, high) => [0, (high || 1) * 4.5] },
      },
      axes: [
        { ...axis, splits: (plot) => this.#ticks(plot), values: (_, at) => at.map((i) => this.#tickText(i)), size: 34 },
        { ...axis, scale: "value", side: 1, size: 68, values: (_, at, __, ___, step) => axisPrices(at, step) },
      ],
      series:
        this.#isCandles
          ? [
              {},
              { scale: "value", ...unseen },
              { scale: "value", ...unseen },
              { scale: "value", stroke: fast, width: 1.5, points: { show: false } },
              { scale: "value", stroke: slow, width: 1.5, points: { show: false } },
              { scale: "volume", ...unseen },
            ]
          : [{}, { scale: "value", stroke: fast, width: 2, points: { show: true, size: 6, fill: fast, stroke: fast } }],
      hooks: {
        drawAxes: [(plot) => drawWindows(plot, this.#drawn)],
        setCursor: [(plot) => this.#moved(plot)],
      },
    };
  }

  get #drawn() {
    return { windows: this.#candles, colours: this.#colours, field: this.#field, advance: this.#advance, isCandles: this.#isCandles };
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
    return newDay || candle.end - candle.start >= 86_400_000 ? date(candle.start) : time(candle.start);
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
    const top = index === null ? -10 : this.#plot?.valToPos(this.#candles[index][this.#field] ?? 0, "value");
    this.#plot?.setCursor({ left, top }, false);
    this.#onPick(index === null ? null : this.#candles[index]);
    this.#showEvidence(index);
  }
}

// The mean of the last `size` closes at each window; null where there are not as many.
function average(candles, size) {
  let sum = 0;
  return candles.map((candle, index) => {
    sum += candle.close - (index >= size ? candles[index - size].close : 0);
    return index >= size - 1 ? sum / size : null;
  });
}

// Room beneath the lowest value for the volume, above the highest for the marks.
function padded(low, high, hasVolume) {
  if (low === null) return [0, 1];
  const room = (high - low || Math.abs(high) * 0.002 || 1) * 0.08;
  return [low - room * (hasVolume ? 3.2 : 1), high + room * (hasVolume ? 1 : 2)];
}

// Buckets of the chosen zone's time: ticks stand at its full hours and midnights.
const bucket = (ms, step) => Math.floor(onTheClock(ms) / step);
