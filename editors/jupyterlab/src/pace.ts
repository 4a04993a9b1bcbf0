// How long to wait after a key before asking: the shorter, the faster the last answers came.

const MAX_MS = 250;
const NUM_KEPT = 9;

export class Pace {
  private readonly kept: number[] = [];

  add(ms: number): void {
    this.kept.push(ms);
    if (this.kept.length > NUM_KEPT) this.kept.shift();
  }

  /** @param least what the user set */
  pauseMs(least: number): number {
    const sorted = [...this.kept].sort((one, other) => one - other);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return Math.max(least, Math.min(median, MAX_MS));
  }
}
