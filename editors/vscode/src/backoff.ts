// How long to wait before a server that ended is started again.

const FIRST_MS = 500;
const LONGEST_MS = 60_000;
const STEADY_MS = 60_000; // who ran so long ended for another reason than the time before

export class Backoff {
  private failures = 0;

  /** The wait before the next start, in ms: it doubles each time. `ranMs` is how long the server ran. */
  next(ranMs: number): number {
    if (ranMs >= STEADY_MS) this.failures = 0;
    return Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures++);
  }

  /** Somebody asked for a start: begin again. */
  reset(): void {
    this.failures = 0;
  }
}
