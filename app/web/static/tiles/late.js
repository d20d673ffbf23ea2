// Ticks that came after their grace: no window has them.

import { price } from "/static/format.js";
import { duration } from "/static/tiles/lateness.js";
import { newest } from "/static/tiles/newest.js";

export const late = newest({
  id: "late",
  title: "Refused as too late",
  topic: "ticks-late",
  empty: "None since this page was opened. A tick that comes after its grace stands here.",
  // Two tables with a grace of their own may refuse the same tick.
  line: (tick) => ({
    key: `${tick.partition}-${tick.offset}`,
    name: tick.symbol,
    symbol: tick.symbol,
    when: tick.time,
    value: `${duration(tick.stream_time - tick.time)} behind`,
    title: `${price(tick.price)}, offset ${tick.offset} of partition ${tick.partition}; the grace of ${tick.table} is ${duration(tick.grace)}`,
  }),
});
