// A list of lines: what, when, how much.

import { element, time, timeExact, utc } from "/static/format.js";

// Each line is {name, when (ms), value, way ("up", "down" or ""), title, symbol}; without `when`
// no time stands there, and `symbol` is selected by a click.
export function linesOf(lines, page) {
  return element("ol", { class: "lines" }, ...lines.map((each) => element("li", {}, row(each, page))));
}

function row({ name, when, value, way = "", title = "", symbol }, page) {
  const at = when === undefined ? "" : time(when);
  const parts = [
    element("span", { class: "name", title: name }, name),
    element("span", { class: "when", title: at && `${timeExact(when)} (${utc(when)})` }, at),
    element("span", { class: "gain", "data-way": way, title }, value),
  ];
  if (symbol === undefined) return element("div", { class: "line" }, ...parts);
  const button = element("button", { type: "button", class: "line" }, ...parts);
  button.addEventListener("click", () => page.select(symbol));
  return button;
}
