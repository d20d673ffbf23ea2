// Asking this worker: one question at a time, again after a while, less often while it fails.

const PATIENCE = 6000;
const SLOWEST = 15_000;
const EVERY = 1000;

export class ApiError extends Error {
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export const get = async (path, signal) => (await ask(path, signal)).body;

// Gives {body, stale, missing}: the two are what the answer's headers say of it, "" of a whole one.
export async function ask(path, signal) {
  const response = await reach(path, signal);
  if (response.ok) {
    return {
      body: response.body,
      stale: response.headers.get("Tickstream-Stale") ?? "",
      missing: response.headers.get("Tickstream-Missing") ?? "",
    };
  }
  const message = response.body?.error?.message ?? `the worker answered ${response.status}`;
  throw new ApiError(response.status, message, Number(response.headers.get("Retry-After")) || 0);
}

async function reach(path, signal) {
  const patience = AbortSignal.timeout(PATIENCE);
  const either = signal ? AbortSignal.any([signal, patience]) : patience;
  try {
    const response = await fetch(path, { signal: either, headers: { Accept: "application/json" } });
    const { ok, status, headers } = response;
    const body = ok ? await response.json() : await response.json().catch(() => null);
    return { ok, status, headers, body };
  } catch (error) {
    if (signal?.aborted) throw error;
    const slow = error.name === "TimeoutError";
    throw new ApiError(0, slow ? "the worker takes too long to answer" : "the worker can't be reached");
  }
}

// Nothing there yet is an answer, not a failure.
export function orNothing(promise) {
  return promise.catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });
}

// Runs `task(signal)` every `every()` ms and hands on what comes of it. `again()` drops the answer
// that is awaited and asks at once; a hidden page asks nothing.
export class Poller {
  #task; #done; #failed; #every; #timer; #running; #failures = 0;
  nextAt = 0;

  constructor(task, done, failed, every = () => EVERY) {
    this.#task = task;
    this.#done = done;
    this.#failed = failed;
    this.#every = every;
    document.addEventListener("visibilitychange", () => this.again());
  }

  again() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    if (!document.hidden) this.#ask();
  }

  async #ask() {
    const running = (this.#running = new AbortController());
    const begun = Date.now();
    let pause;
    try {
      const answer = await this.#task(running.signal);
      if (running.signal.aborted) return;
      this.#failures = 0;
      pause = Math.max(0, this.#every() - (Date.now() - begun));
      this.#done(answer);
    } catch (error) {
      if (running.signal.aborted) return;
      this.#failures += 1;
      pause = Math.max(this.#backOff(), 1000 * (error.retryAfter ?? 0));
      this.nextAt = Date.now() + pause;
      this.#failed(error, this.#failures);
    }
    this.#timer = setTimeout(() => this.#ask(), pause);
  }

  // Doubling, with jitter: many open pages must not come back all at once.
  #backOff() {
    return Math.min(SLOWEST, EVERY * 2 ** (this.#failures - 1)) * (0.8 + 0.4 * Math.random());
  }
}
