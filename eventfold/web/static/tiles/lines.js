// A list of lines: what, when, how much.

import { element, time, timeExact } from "/static/format.js";
import { explain } from "/static/tips.js";

// Each line is {name, when (ms), value, way ("up", "down" or ""), title, href}; without `when` no
// time stands there, and the name leads to `href`. What the title explains stands beside the line
// on hover, focus or tap.
export function linesOf(lines) {
  return element("ol", { class: "lines" }, ...lines.map((each) => element("li", {}, row(each))));
}

function row({ name, when, value, way = "", title = "", href }) {
  const shown = href ? element("a", { class: "name", href }, name) : element("span", { class: "name" }, name);
  const line = element(
    "div",
    { class: "line", "data-name": `${name} ${when ?? ""}` },
    shown,
    element("span", { class: "when" }, when === undefined ? "" : time(when)),
    element("span", { class: "gain", "data-way": way }, value),
  );
  return explain(line, [name, when === undefined ? "" : timeExact(when), title].filter(Boolean).join("\n"));
}
