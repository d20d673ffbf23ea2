// How well it goes: the state in the bar, and the notice beneath it when something fails.

import { ago, timeExact, utc } from "/static/format.js";

const QUIET = 60_000; // ms without a new tick before the page says so

// What a screen reader says of the state, once.
const SPOKEN = { loading: "", live: "Live", quiet: "No new ticks", stale: "Stale", error: "No data" };

const at = (id) => document.getElementById(id);

export class Status {
  #feeds = new Map(); // name → {at: when it was last heard (ms), error}
  #newest = 0;
  #nextAt;

  // `feeds` are what has to be heard of; `nextAt()` gives when they are asked again.
  constructor(feeds, nextAt) {
    this.#nextAt = nextAt;
    for (const name of feeds) this.#feeds.set(name, { at: 0, error: null });
    setInterval(() => this.show(), 1000);
  }

  succeeded(name) {
    this.#feeds.set(name, { at: Date.now(), error: null });
    this.show();
  }

  failed(name, error) {
    this.#feeds.get(name).error = error;
    this.show();
  }

  // The worker would have said what changed: what is shown is of now.
  heard() {
    for (const feed of this.#feeds.values()) if (feed.at) feed.at = Date.now();
  }

  // Notes a tick of this time (ms).
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
    at("status").title = newest ? `newest tick ${timeExact(newest)} (${utc(newest)})` : "";
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
    if (state === "quiet") return `No tick for ${ago(Date.now() - this.#newest)}`;
    return { loading: "Connecting", live: this.#newest ? "Live" : "Waiting for ticks", error: "No data" }[state];
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
