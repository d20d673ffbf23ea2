// Counts that only grow, turned into rates: by the difference of two samples.

const WINDOW = 10_000; // ms a rate is taken over, about

export class Rates {
  #samples = []; // {at, counts: Map}, oldest first

  // Takes what the counters are now: name → count.
  sample(counts) {
    const now = Date.now();
    this.#samples.push({ at: now, counts });
    while (this.#samples.length > 2 && this.#samples[1].at <= now - WINDOW) this.#samples.shift();
  }

  // Returns how much a counter grew in a second; null before there are two samples, or where it
  // has begun anew.
  of(name) {
    const first = this.#samples.find((each) => each.counts.has(name));
    const last = this.#samples.at(-1);
    if (!first || first === last || !last.counts.has(name)) return null;
    const grown = last.counts.get(name) - first.counts.get(name);
    return grown < 0 ? null : (1000 * grown) / (last.at - first.at);
  }
}
