// Asking this worker: one question at a time, again every second, less often while it fails.

const EVERY = 1000;
const PATIENCE = 6000;
const SLOWEST = 15_000;

export class ApiError extends Error {
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function get(path, signal) {
  const patience = AbortSignal.timeout(PATIENCE);
  const either = signal ? AbortSignal.any([signal, patience]) : patience;
  let response;
  try {
    response = await fetch(path, { signal: either, headers: { Accept: "application/json" } });
    if (response.ok) return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    const slow = error.name === "TimeoutError";
    throw new ApiError(0, slow ? "the worker takes too long to answer" : "the worker can't be reached");
  }
  const body = await response.json().catch(() => ({}));
  const message = body.error?.message ?? `the worker answered ${response.status}`;
  throw new ApiError(response.status, message, Number(response.headers.get("Retry-After")) || 0);
}

// Runs `task(signal)` every second and hands on what comes of it. `again()` drops the answer
// that is awaited and asks at once; a hidden page asks nothing.
export class Poller {
  #task; #done; #failed; #timer; #running; #failures = 0;
  nextAt = 0;

  constructor(task, done, failed) {
    this.#task = task;
    this.#done = done;
    this.#failed = failed;
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
      pause = Math.max(0, EVERY - (Date.now() - begun));
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
