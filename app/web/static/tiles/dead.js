// What could not be read or processed, and why.

import { newest } from "/static/tiles/newest.js";

export const dead = newest({
  id: "dead",
  title: "Dead letters",
  topic: "dead-letters",
  empty: "None since this page was opened. What can't be read or processed stands here.",
  line: (letter) => ({
    key: `${letter.topic}-${letter.partition}-${letter.offset}`,
    name: letter.error,
    when: letter.time,
    value: letter.topic,
    title: `offset ${letter.offset} of partition ${letter.partition} of ${letter.topic}, key ${letter.key ?? "none"}: refused by ${letter.stage}`,
  }),
});
