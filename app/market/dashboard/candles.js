// The windows of one symbol as they are now: what the API answered, and what was published since.

export class Candles {
  #most; #size = 0; #advance = 0; #byStart = new Map();
  symbol = "";
  day = null;

  // Keeps the newest `most` windows.
  constructor(most) {
    this.#most = most;
  }

  // Begins anew with a symbol and "5m" or "5m/1m" of it.
  begin(symbol, window) {
    const [size, advance] = window.split("/");
    this.symbol = symbol;
    this.#size = milliseconds(size);
    this.#advance = milliseconds(advance ?? size);
    this.#byStart.clear();
    this.day = null;
  }

  // Takes what the API answered; what was published meanwhile may be newer.
  replace(candles, day) {
    const before = this.#byStart;
    this.#byStart = new Map(candles.map((candle) => [candle.start, newer(before.get(candle.start), candle)]));
    this.day = newer(day?.start === this.day?.start ? this.day : null, day);
  }

  // Takes a result that was published; returns whether it changes anything.
  add(candle) {
    if (candle.symbol !== this.symbol) return false;
    if (candle.size === this.#size && candle.advance === this.#advance) return this.#put(candle);
    const isDay = candle.size === DAY && candle.start >= (this.day?.start ?? 0);
    if (isDay) this.day = newer(candle.start === this.day?.start ? this.day : null, candle);
    return isDay;
  }

  #put(candle) {
    const known = this.#byStart.get(candle.start);
    if (known && known.revision >= candle.revision) return false;
    this.#byStart.set(candle.start, candle);
    return true;
  }

  // Oldest first.
  get shown() {
    const all = [...this.#byStart.values()].sort((a, b) => a.start - b.start);
    return all.slice(-this.#most);
  }
}

const DAY = 86_400_000;
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY };

function milliseconds(text) {
  const [, number, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(number) * UNITS[unit];
}

const newer = (known, other) => (known && (!other || known.revision >= other.revision) ? known : other);
