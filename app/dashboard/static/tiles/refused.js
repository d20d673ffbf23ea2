// What no window has: ticks after their grace, and what could not be read or processed.

import { price } from "/static/format.js";
import { duration } from "/static/tiles/lateness.js";
import { newest } from "/static/tiles/newest.js";

export const refused = newest({
  id: "refused",
  title: "Refused, as it happens",
  topics: ["ticks-late", "dead-letters"],
  empty: "None since this page was opened. A tick that comes after its grace stands here, and what can't be read.",
  line: (record, topic) => (topic === "ticks-late" ? tooLate(record) : dead(record)),
});

// Two tables with a grace of their own may refuse the same tick.
const tooLate = (tick) => ({
  key: `${tick.partition}-${tick.offset}`,
  name: tick.symbol,
  symbol: tick.symbol,
  when: tick.time,
  value: `${duration(tick.stream_time - tick.time)} late`,
  title: `${price(tick.price)}, offset ${tick.offset} of partition ${tick.partition}; the grace of ${tick.table} is ${duration(tick.grace)}`,
});

const dead = (letter) => ({
  key: `${letter.topic}-${letter.partition}-${letter.offset}`,
  name: letter.error,
  when: letter.time,
  value: "dead letter",
  title: `offset ${letter.offset} of partition ${letter.partition} of ${letter.topic}, key ${letter.key ?? "none"}: refused by ${letter.stage}`,
});
