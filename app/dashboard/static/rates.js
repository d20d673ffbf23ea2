// Counts that only grow, turned into rates: by the difference of two looks at them.

const WINDOW = 10_000; // ms a rate is taken over, about

export class Rates {
  #looks = []; // {at, counts: Map}, oldest first

  // Takes what the counters say now: name → count.
  look(counts) {
    const now = Date.now();
    this.#looks.push({ at: now, counts });
    while (this.#looks.length > 2 && this.#looks[1].at <= now - WINDOW) this.#looks.shift();
  }

  // Gives how much a counter grew in a second; null before there are two looks at it, or where it
  // has begun anew.
  of(name) {
    const first = this.#looks.find((look) => look.counts.has(name));
    const last = this.#looks.at(-1);
    if (!first || first === last || !last.counts.has(name)) return null;
    const grown = last.counts.get(name) - first.counts.get(name);
    return grown < 0 ? null : (1000 * grown) / (last.at - first.at);
  }
}
