// The pipelines beside the market, a tile each: what each has said last. One that does not run
// here has no tile.

import { count, share } from "/static/format.js";
import { duration } from "/static/tiles/lateness.js";
import { newest } from "/static/tiles/newest.js";

const place = ({ partition, offset }) => `${partition}-${offset}`;

const trends = newest({
  id: "trends",
  title: "Trends that turned",
  topics: ["trend-signals"],
  empty: "None since this page was opened. When the average of 38 closes crosses that of 100 it stands here.",
  line: (signal) => ({
    key: `${signal.symbol}-${signal.end}`,
    name: signal.symbol,
    symbol: signal.symbol,
    when: signal.end,
    value: signal.signal,
    way: signal.signal === "buy" ? "up" : "down",
    title: signal.explanation,
  }),
});

const alerts = newest({
  id: "alerts",
  title: "Cards: suspicious payments",
  path: "/api/alerts?limit=8",
  topics: ["alerts"],
  empty: "No payment looks like fraud so far.",
  line: (alert) => ({
    key: `${place(alert)}-${alert.rule}`,
    name: alert.card,
    when: alert.time,
    value: alert.rule,
    title: alert.explanation,
  }),
});

const rejected = newest({
  id: "rejected",
  title: "Transactions rejected",
  topics: ["transactions-rejected"],
  empty: "None since this page was opened. Rules are made by faust -A app rules.",
  line: (verdict) => ({
    key: place(verdict),
    name: `${verdict.card}: ${verdict.merchant}`,
    when: verdict.time,
    value: verdict.reasons[0]?.rule || "not in order",
    title: `${verdict.reasons.map((reason) => reason.text).join("; ")} (rules of version ${verdict.rules_version})`,
  }),
});

const maintenance = newest({
  id: "maintenance",
  title: "Machines that need a look",
  path: "/api/maintenance?limit=8",
  topics: ["maintenance"],
  empty: "All machines run as usual.",
  line: (found) => ({
    key: `${place(found)}-${found.kind}-${found.sensor}`,
    name: found.sensor ? `${found.machine}, ${found.sensor}` : found.machine,
    when: found.time,
    value: found.kind,
    title: found.explanation,
  }),
});

const beacons = newest({
  id: "beacons",
  title: "Hosts that call home",
  path: "/api/beacons?limit=8",
  topics: ["beacons"],
  empty: "No host contacts another at regular intervals.",
  line: (beacon) => ({
    key: `${beacon.source}-${beacon.destination}-${beacon.port}`,
    name: `${beacon.source} → ${beacon.destination}`,
    when: beacon.time,
    value: `each ${duration(1000 * Math.round(beacon.interval / 1000))}`,
    title: beacon.explanation,
  }),
});

const service = newest({
  id: "service",
  title: "Guests who wait",
  path: "/api/service-actions?limit=8",
  topics: ["service-actions"],
  empty: "Nobody waits for too long.",
  line: (action) => ({
    key: `${place(action)}-${action.request}`,
    name: action.room ? `${action.name || action.guest}, room ${action.room}` : action.name || action.guest,
    when: action.time,
    value: action.kind,
    title: action.explanation,
  }),
});

const FIVE_MINUTES = 300_000;

const clickThrough = newest({
  id: "click-through",
  title: "Searches that lead to a click",
  path: "/api/click-through?window=5m&limit=8",
  topics: ["click-through"],
  empty: "No searches have been counted yet.",
  order: (a, b) => b.searches - a.searches,
  line: (window) =>
    window.size === FIVE_MINUTES
      ? {
          key: window.query,
          name: window.query,
          searches: window.searches,
          when: window.start,
          value: share(window.rate),
          title: `${count(window.clicked)} of ${count(window.searches)} searches within five minutes`,
        }
      : null,
});

const clicks = newest({
  id: "clicks",
  title: "Clicks, and who clicked",
  topics: ["clicks-enriched"],
  empty: "None since this page was opened.",
  line: (click) => ({
    key: place(click),
    name: click.item,
    when: click.time,
    value: click.profile ? `${click.profile.segment}, ${click.profile.country}` : (click.reason ?? ""),
    title: `${click.user}${click.waited ? `; its profile was waited for: ${duration(click.waited)}` : ""}`,
  }),
});

const logs = newest({
  id: "logs",
  title: "Errors in logs",
  topics: ["logs-critical", "logs-error"],
  empty: "None since this page was opened.",
  line: (entry, topic) => ({
    name: entry.message,
    when: entry.time,
    value: topic.replace("logs-", ""),
    way: topic === "logs-critical" ? "down" : "",
    title: `${entry.app} on ${entry.host}`,
  }),
});

export const PATTERNS = [trends, alerts, rejected, maintenance, beacons, service, clickThrough, clicks, logs];
