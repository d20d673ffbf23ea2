// What changes, sent by the worker while it happens (`/api/events`).
//
// A hidden page hears nothing and holds no connection; when it is shown again it goes on where it
// was. `start(false)` means that some was missed: then the present has to be asked for.

const SILENCE = 12_000; // ms without a sign of life, which comes every 5 s, before it counts as lost
const AGAIN = 3000;

export class Live {
  #source = null; #watch = []; #last = ""; #heard = 0; #timer; #on;
  connected = false;

  // `on` has `record(topic, record)`, `start(resumed)`, `beat()` and `lost()`.
  constructor(on) {
    this.#on = on;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
    setInterval(() => this.#listen(), 1000);
  }

  // Watches `topics` ("topic", "topic:key", "topic:key:window") from now on, and nothing else.
  watch(topics) {
    if (topics.join() === this.#watch.join()) return;
    this.#watch = topics;
    this.#last = "";
    this.#open();
  }

  #open() {
    this.#close();
    if (document.hidden || !this.#watch.length) return;
    const query = new URLSearchParams({ watch: this.#watch.join() });
    if (this.#last) query.set("after", this.#last);
    const source = (this.#source = new EventSource(`/api/events?${query}`));
    this.#heard = Date.now();
    const hear = (name, act) =>
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return;
        this.#heard = Date.now();
        this.#last = event.lastEventId || this.#last;
        act(JSON.parse(event.data));
      });
    hear("start", ({ resumed }) => {
      this.connected = true;
      this.#on.start(resumed);
    });
    hear("beat", () => this.#on.beat());
    hear("gap", () => this.#on.start(false));
    for (const topic of new Set(this.#watch.map((each) => each.split(":")[0]))) {
      hear(topic, (record) => this.#on.record(topic, record));
    }
    source.onerror = () => source === this.#source && this.#lose(source);
  }

  #lose(source) {
    // While it is connecting the browser tries again by itself.
    if (source.readyState === EventSource.CLOSED) this.#later();
    if (!this.connected) return;
    this.connected = false;
    this.#on.lost();
  }

  #later() {
    this.#close();
    this.#timer = setTimeout(() => this.#open(), AGAIN);
  }

  #listen() {
    if (this.#source && this.connected && Date.now() - this.#heard > SILENCE) {
      this.connected = false;
      this.#later();
      this.#on.lost();
    }
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.connected = false;
  }
}

// A key as it stands in what is watched.
export const watchedKey = (key) => key.replace(/[%,:]/g, encodeURIComponent);
