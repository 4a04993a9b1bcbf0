// What answers cost, and from it how long to wait after a keystroke before asking.

export class RunningMedian {
  private readonly values: number[] = [];

  constructor(private readonly window = 31) {}

  add(value: number): void {
    this.values.push(value);
    if (this.values.length > this.window) this.values.shift();
  }

  get count(): number {
    return this.values.length;
  }

  /** Median of the last values; undefined before the first. */
  get value(): number | undefined {
    const sorted = [...this.values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    if (sorted.length === 0) return undefined;
    return sorted.length % 2 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  }
}

const SHORTEST_MS = 15; // one frame: keys that come together, as in a paste, cost one request
const LONGEST_MS = 250; // more feels like waiting

/** How long to wait after a keystroke, in ms: as long as an answer takes, so that a slow server is asked less often. */
export function pauseMs(medianRoundTripMs: number | undefined): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, medianRoundTripMs ?? 40));
}

/** Milliseconds as people read them: two digits that count. */
export function formatMs(ms: number): string {
  return ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
