// How well it goes: the state in the bar, and the notice beneath it when something fails.

import { ago, timeExact } from "/static/format.js";
import { explain } from "/static/tips.js";

const QUIET = 60_000; // ms without a new record before the page says so

// What a screen reader says of the state, once.
const SPOKEN = { loading: "", live: "Live", quiet: "No new records", stale: "Stale", error: "No data" };

const at = (id) => document.getElementById(id);

export class Status {
  #feeds = new Map(); // name → {at: when it was last heard (ms), error}
  #newest = null; // event time (ms) of the newest record; null on a page that follows none
  #nextAt;

  // `nextAt()` gives when what failed is asked again.
  constructor(nextAt) {
    this.#nextAt = nextAt;
    setInterval(() => this.show(), 1000);
  }

  // Adds a feed that has to be heard of.
  expect(name) {
    this.#feeds.set(name, { at: 0, error: null });
  }

  succeeded(name) {
    this.#feeds.set(name, { at: Date.now(), error: null });
    this.show();
  }

  failed(name, error) {
    this.#feeds.get(name).error = error;
    this.show();
  }

  // The worker would have sent what changed: what is shown is of now.
  heard() {
    for (const feed of this.#feeds.values()) if (feed.at) feed.at = Date.now();
  }

  // Notes a record of this time (ms); 0 says that some are expected.
  saw(time) {
    this.#newest = Math.max(this.#newest, time);
  }

  show() {
    const feeds = [...this.#feeds.values()];
    const error = feeds.map((feed) => feed.error).find(Boolean) ?? null;
    const before = Math.min(...feeds.map((feed) => feed.at));
    const state = this.#state(error, before);
    at("status").dataset.state = state;
    setText(at("status"), this.#words(state, before));
    setText(at("spoken"), SPOKEN[state]);
    const newest = this.#newest;
    explain(at("status"), newest ? `Newest record: ${timeExact(newest)}` : "");
    document.body.dataset.state = state;
    at("notice").hidden = !error;
    if (!error) return;
    setText(at("notice-text"), noticeWords(error, before));
    setText(at("notice-next"), this.#nextWords());
  }

  #state(error, before) {
    if (error) return before ? "stale" : "error";
    if (!before) return "loading";
    return this.#newest && Date.now() - this.#newest > QUIET ? "quiet" : "live";
  }

  #words(state, before) {
    if (state === "stale") return `Stale for ${ago(Date.now() - before)}`;
    if (state === "quiet") return `No record for ${ago(Date.now() - this.#newest)}`;
    return { loading: "Connecting", live: this.#newest === 0 ? "Waiting for records" : "Live", error: "No data" }[state];
  }

  #nextWords() {
    const next = this.#nextAt() - Date.now();
    return next > 900 ? `Next try in ${ago(next)}.` : "Trying again.";
  }
}

function noticeWords(error, before) {
  const reason = error.status === 503 ? `The worker is not ready: ${error.message}.` : `${upper(error.message)}.`;
  const shown = before ? ` What you see is of ${timeExact(before)}.` : "";
  return reason + shown;
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// A live region speaks when it is written, so it is written only when it says something new;
// what counts seconds stands outside of it.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
