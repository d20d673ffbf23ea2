// Numbers and times as people read them, in the zone that is chosen.

import { timeZone } from "/static/zone.js";

const LOCALE = undefined; // the viewer's own

const times = (options) => new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: timeZone() });
let clock, exact, shortDay;
const useZone = () => {
  clock = times({ hour: "numeric", minute: "2-digit" });
  exact = times({ day: "numeric", month: "short", hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
  shortDay = times({ day: "numeric", month: "short" });
};
useZone();
document.addEventListener("zonechange", useZone);

const plain = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 4 });
const whole = new Intl.NumberFormat(LOCALE);
const short = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const fractions = new Map();

const DAY = 86_400_000;

// Digits after the point: two for what costs more than 10, more for less.
function digits(price) {
  const size = Math.abs(price);
  return size >= 10 ? 2 : size >= 1 ? 4 : size >= 0.01 ? 5 : 8;
}

// What there is no number for, such as the gain of a day that began below zero.
const NONE = "–";

export function price(value, like = value) {
  if (value === null) return NONE;
  const count = digits(like);
  if (!fractions.has(count)) {
    const options = { minimumFractionDigits: count === 2 ? 2 : 0, maximumFractionDigits: count };
    if (count === 4) options.minimumFractionDigits = 4;
    fractions.set(count, new Intl.NumberFormat(LOCALE, options));
  }
  return fractions.get(count).format(value);
}

// Labels of an axis: as many digits as the step between two of them needs, the same in each.
export function axisPrices(values, step) {
  let digits = 0;
  while (digits < 10 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
  const format = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return values.map((value) => format.format(value));
}

const percentage = new Intl.NumberFormat(LOCALE, {
  style: "percent", signDisplay: "exceptZero", minimumFractionDigits: 2, maximumFractionDigits: 2,
});

export const percent = (fraction) => (fraction === null ? NONE : percentage.format(fraction));
export const direction = (change) => (change === null ? "" : change < 0 ? "down" : "up");
export const share = (fraction) => percent(fraction).replace("+", ""); // of a whole: no change
export const count = (value) => whole.format(value);
export const number = (value) => (Math.abs(value) >= 1e9 ? short : plain).format(value);
export const compact = (value) => (Number.isInteger(value) || value >= 1000 ? short : fine).format(value);
export const time = (ms) => clock.format(ms);
export const timeExact = (ms) => exact.format(ms); // with its zone
export const date = (ms) => shortDay.format(ms);

// A window's span: `14:05 – 14:10`, with its date where that isn't today's; a day by its date.
export function span(start, end) {
  if (end - start >= DAY) return dayName(new Date(start).toISOString().slice(0, 10));
  const text = `${time(start)} – ${time(end)}`;
  return date(start) === date(Date.now()) ? text : `${date(start)}, ${text}`;
}

// A calendar day has no zone: `2026-01-31` is that day for every reader.
export function dayName(day) {
  const noon = new Date(`${day}T12:00:00`);
  const format = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
  return format.format(noon);
}

// `5m/1m` in words.
export function windowName(text) {
  const [size, advance] = text.split("/");
  return advance ? `${size} by ${advance}` : size;
}

export function ago(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function duration(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 6000) / 10} min`;
  return `${Math.round(ms / 360_000) / 10} h`;
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export const timeElement = (ms, text) => element("time", { datetime: new Date(ms).toISOString() }, text);
