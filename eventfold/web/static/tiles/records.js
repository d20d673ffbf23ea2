// Late and dead-letter records: what no window has, and what could not be read or processed.

import { duration } from "/static/format.js";
import { sideTopics, tableHref } from "/static/graph.js";
import { watch } from "/static/page.js";
import { newest } from "/static/tiles/newest.js";

let known = new Map(); // topic → {key, isLate, table}

export const records = {
  ...newest({
    id: "records",
    title: "Late and dead-letter records",
    href: "/pages/lateness",
    empty: "None since this page was opened. A record that comes after its grace stands here, and what can't be read.",
    line: (record, topic) => (known.get(topic)?.isLate ? late(record, known.get(topic)) : dead(record)),
  }),
  async ask() {
    known = await sideTopics();
    this.watch = [...known.keys()];
    watch(this, this.watch);
    return [];
  },
};

// Two tables with a grace of their own may reject the same record.
function late(record, { key, table }) {
  const name = String(record[key] ?? "no key");
  return {
    key: `${record.partition}-${record.offset}`,
    name,
    href: tableHref(record.table ?? table, name),
    when: record.time,
    value: "stream_time" in record ? `${duration(record.stream_time - record.time)} late` : "late",
    title: "grace" in record ? `Offset ${record.offset} of partition ${record.partition}; the grace of ${record.table ?? table} is ${duration(record.grace)}` : "",
  };
}

const dead = (letter) => ({
  key: `${letter.topic}-${letter.partition}-${letter.offset}`,
  name: letter.error,
  when: letter.time,
  value: "dead letter",
  title: `Offset ${letter.offset} of partition ${letter.partition} of ${letter.topic}, key ${letter.key ?? "none"}: rejected by ${letter.stage}`,
});
