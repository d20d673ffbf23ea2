// What runs: workers, rates and lag in one row, then the busiest tables.

import { compact, count, element } from "/static/format.js";
import { graph, tableHref } from "/static/graph.js";
import { askWorkers, countOf, deadLetters, lagOf, perSecond, rateOf } from "/static/tiles/cluster.js";
import { explain, redraw } from "/static/tips.js";

const MOST = 4; // tables
const MUCH = 1000; // records behind that are worth a colour

let topology = null;

export const summary = {
  id: "summary",
  title: "What runs",
  wide: true,
  every: 2000,
  async ask(signal) {
    topology = await graph();
    return askWorkers(signal);
  },
  show(body, workers) {
    const { application, nodes } = topology;
    const tables = nodes.filter((node) => node.kind === "table");
    const folds = nodes.filter((node) => ["table", "step"].includes(node.kind));
    const topics = nodes.filter((node) => node.kind === "topic");
    const sum = (of, all) => all.reduce((total, each) => total + (of(each) ?? 0), 0);
    const ready = workers.filter((worker) => worker.ready).length;
    const lag = sum(({ name }) => lagOf(workers, name), topics);
    const facts = [
      ["Application", application, "", "its id, which is the consumer group of its workers"],
      ["Workers ready", `${ready} of ${workers.length}`, "/pages/workers", "", ready < workers.length],
      ["Tables", count(tables.length), "/pages/tables"],
      ["Folded", perSecond(sum(({ name }) => rateOf("folded", name), folds)), "/pages/topology", "records read, in each table that folds them"],
      ["Published", perSecond(sum(({ name }) => rateOf("published", name), folds)), "/pages/topology", "results written to topics"],
      ["Lag", count(lag), "/pages/topology", "records that no table has read yet", lag > MUCH],
      ["Late", compact(sum(({ name }) => countOf(workers, "late", name), tables)), "/pages/lateness", "records after their grace, in each table, since the workers started"],
      ["Dead letters", compact(sum(({ name }) => deadLetters(workers, name), topics)), "/pages/lateness", "records that could not be read or processed, since the workers started"],
    ];
    redraw(body, element("dl", { class: "summary" }, ...facts.map((each) => fact(...each))));
    return true;
  },
};

function fact(name, value, href, title, isMuch = false) {
  const shown = href ? element("a", { href }, value || "–") : element("span", {}, value);
  shown.dataset.name = name;
  if (title) explain(shown, title);
  return element("div", {}, element("dt", {}, name), element("dd", isMuch ? { class: "late" } : {}, shown));
}

export const busiest = {
  id: "busiest",
  title: "Tables",
  href: "/pages/tables",
  every: 2000,
  ask: summary.ask,
  show(body, workers) {
    const tables = topology.nodes.filter((node) => node.kind === "table");
    const rows = tables.map(({ name, label, help }) => ({
      label,
      help,
      folded: countOf(workers, "folded", name),
      rate: rateOf("folded", name),
      late: countOf(workers, "late", name),
    }));
    rows.sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0) || b.folded - a.folded || a.label.localeCompare(b.label));
    const more = tables.length - MOST;
    redraw(
      body,
      element("ol", { class: "lines" }, ...rows.slice(0, MOST).map((each) => element("li", {}, line(each)))),
      ...(more > 0 ? [element("p", { class: "more" }, element("a", { href: "/pages/topology" }, `and ${more} more`))] : []),
    );
    return rows.length > 0;
  },
};

function line({ label, help, folded, rate, late }) {
  const name = element("a", { class: "name", href: tableHref(label) }, label);
  const behind = element("span", { class: late ? "late" : "when" }, late ? `${compact(late)} late` : "");
  const value = element("span", { class: "gain" }, rate === null ? "" : perSecond(rate));
  const made = element("div", { class: "line", "data-name": label }, name, behind, value);
  return explain(made, `${help}\n${count(folded)} records since the workers started`);
}
