// What a window rests on: the records in it, where they stand, and what corrected it.

import { count, element, span, timeExact } from "/static/format.js";

export function evidence(candle) {
  const facts = [
    ["Records", count(candle.count)],
    ["Late", candle.late ? count(candle.late) : "none", candle.late ? "late" : ""],
    ["Partition", candle.partition],
    ["Offsets", `${candle.first_offset} – ${candle.last_offset}`],
    ["Revision", `${candle.revision}${candle.final ? ", final" : ""}`],
  ];
  return element(
    "div",
    {},
    element("p", {}, element("b", {}, span(candle.start, candle.end)), element("br"), from(candle)),
    element(
      "dl",
      {},
      ...facts.map(([name, value, kind]) =>
        element("div", {}, element("dt", {}, name), element("dd", kind ? { class: kind } : {}, String(value))),
      ),
    ),
  );
}

// One line for a title: what a row of the table rests on.
export function evidenceLine(candle) {
  return (
    `revision ${candle.revision}: ${count(candle.count)} records, of partition ${candle.partition}, ` +
    `offsets ${candle.first_offset} to ${candle.last_offset}, ${count(candle.late)} of them late`
  );
}

const from = (candle) => element("span", { class: "soft" }, `from ${timeExact(candle.start)}`);

// Which of the windows shown were corrected since: something was folded into them after stream
// time had passed their end. Becoming final is no correction.
export function corrected(before, after) {
  const known = new Map(before.map((candle) => [candle.start, candle]));
  const newest = after.at(-1)?.start ?? 0;
  return after
    .filter((candle) => {
      const was = known.get(candle.start);
      return was && candle.last_offset > was.last_offset && (candle.late > was.late || candle.end <= newest);
    })
    .map((candle) => candle.start);
}
