// The latest surges of the market, and the last minute of one symbol.

import { Choices } from "/static/choices.js";
import { compact, count, direction, element, percent, price, time, timeExact } from "/static/format.js";
import { explain } from "/static/tips.js";

const section = document.getElementById("surges");
const empty = document.getElementById("surges-empty");
const minute = document.getElementById("minute");
const choices = new Choices(document.getElementById("surging"), "surge", ["name", "when", "gain"]);

let latest = []; // of each symbol, the newest first

// `found` is null where the pipeline doesn't run.
export function showSurges(found, choose) {
  latest = found ?? [];
  section.hidden = found === null;
  empty.hidden = !found || found.length > 0;
  section.dataset.state = found?.length ? "shown" : "empty";
  const surges = found ?? [];
  choices.show(surges.map((surge) => surge.symbol), choose).forEach((item, i) => fill(item, surges[i]));
}

// Takes one that was just published; keeps the newest `most`.
export function addSurge(surge, most, choose) {
  const others = latest.filter((each) => each.symbol !== surge.symbol || each.end > surge.end);
  if (others.some((each) => each.symbol === surge.symbol)) return;
  showSurges([surge, ...others].sort((a, b) => b.end - a.end).slice(0, most), choose);
}

export const markSurge = (symbol) => choices.mark(symbol);

function fill(item, surge) {
  const part = (name) => item.querySelector(`.${name}`);
  part("when").textContent = time(surge.end);
  part("gain").textContent = percent(surge.change);
  part("gain").dataset.way = direction(surge.change);
  explain(
    item.firstChild,
    `from ${price(surge.open)} to ${price(surge.last, surge.open)} in the minute before ${timeExact(surge.end)}`,
  );
}

// The newest minute that slides with the trades of the selected symbol; null where there is none.
export function showMinute(newest) {
  minute.hidden = !newest;
  if (!newest) return;
  const facts = [
    ["Minute to", timeExact(newest.end)],
    ["Change", percent(newest.change)],
    ["Low", price(newest.low, newest.open)],
    ["High", price(newest.high, newest.open)],
    ["Volume", compact(newest.volume)],
    ["Ticks", count(newest.count)],
  ];
  minute.replaceChildren(
    ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
  minute.children[1].lastChild.dataset.way = direction(newest.change);
}
