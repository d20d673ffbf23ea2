// The ten gainers, and how their places changed within the last minute.

import { Choices } from "/static/choices.js";
import { compact, dayName, element, percent, price, timeExact } from "/static/format.js";
import { explain } from "/static/tips.js";

const BACK = 60_000;

const section = document.getElementById("gainers");
const list = document.getElementById("ranking");
const empty = document.getElementById("gainers-empty");
const day = document.getElementById("gainers-day");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let past = []; // [{at, day, places: Map symbol → place}], oldest first
const parts = ["place", "change", "name", "worth", "gain", "meter"];
const choices = new Choices(list, "gainer", parts);

export function showGainers(top, choose) {
  section.dataset.state = top?.rank.length ? "shown" : "empty";
  empty.hidden = section.dataset.state === "shown";
  if (!top?.rank.length) {
    showNothing();
    return;
  }
  day.textContent = dayName(top.day);
  const before = placesBefore(top);
  const widest = Math.max(...top.rank.map((gainer) => Math.abs(gainer.gain)), 1e-9);
  const tops = positions();
  const shown = choices.show(top.rank.map((gainer) => gainer.symbol), choose);
  top.rank.forEach((gainer, index) => {
    fill(shown[index], gainer, index + 1, before, Math.abs(gainer.gain) / widest);
  });
  slide(tops);
}

export const markGainer = (symbol) => choices.mark(symbol);

function showNothing() {
  choices.show([]);
  day.textContent = "";
  empty.replaceChildren(
    element("strong", {}, "No gainers yet"),
    " They appear with the first ticks: ",
    element("code", {}, "faust -A app produce --source simulator"),
    "sends some.",
  );
}

// The oldest ranking of this day that is at most a minute old, or null just after the start.
function placesBefore(top) {
  const now = Date.now();
  const places = new Map(top.rank.map((gainer, index) => [gainer.symbol, index + 1]));
  past = past.filter((entry) => entry.day === top.day && now - entry.at <= BACK);
  past.push({ at: now, day: top.day, places });
  return past.length > 1 ? past[0].places : null;
}

function fill(item, gainer, place, before, share) {
  const part = (name) => item.querySelector(`.${name}`);
  part("place").textContent = place;
  part("worth").textContent = price(gainer.last);
  part("gain").textContent = percent(gainer.gain);
  part("gain").dataset.way = gainer.gain < 0 ? "down" : "up";
  part("meter").dataset.way = gainer.gain < 0 ? "down" : "up";
  const bar = part("meter").firstChild ?? part("meter").appendChild(element("i"));
  bar.style.width = `${Math.max(1.5, 100 * share)}%`;
  showChange(item, gainer, place, before);
}

function showChange(item, gainer, place, before) {
  const part = item.querySelector(".change");
  const was = before?.get(gainer.symbol);
  const moved = was ? was - place : 0;
  const isNew = before !== null && !was;
  part.dataset.way = isNew || moved > 0 ? "up" : moved < 0 ? "down" : "same";
  part.textContent = isNew ? "new" : moved ? `${moved > 0 ? "▲" : "▼"}${compact(Math.abs(moved))}` : "";
  const places = `${Math.abs(moved)} ${Math.abs(moved) === 1 ? "place" : "places"}`;
  const words = isNew ? "new among the ten" : moved ? `${moved > 0 ? "up" : "down"} ${places}` : "";
  explain(
    item.firstChild,
    `${percent(gainer.gain)} since the day's first price, ${price(gainer.open)}\nlast tick ${timeExact(gainer.time)}` +
      (words && `\n${words} within the last minute`),
  );
}

const positions = () => new Map([...choices.items.values()].map((item) => [item, item.offsetTop]));

function slide(tops) {
  if (calm.matches) return;
  for (const item of choices.items.values()) {
    const moved = (tops.get(item) ?? item.offsetTop) - item.offsetTop;
    const from = { transform: `translateY(${moved}px)` };
    if (moved) item.animate([from, { transform: "none" }], { duration: 350, easing: "ease-out" });
  }
}
