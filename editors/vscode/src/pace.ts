// How long to wait after a keystroke before asking, from what the last answers took.

const WINDOW = 15; // answers
const QUICK_MS = 40; // nobody sees less, so a server that answers within it is asked at once
const SPARE_MS = 15; // VS Code asks for the list of completions by then, if it does
const LONGEST_MS = 250; // more feels like waiting

export class Pace {
  private readonly times: number[] = [];

  /** An answer took so long. */
  answered(ms: number): void {
    this.times.push(ms);
    if (this.times.length > WINDOW) this.times.shift();
  }

  /** Milliseconds to wait: nothing while answers are quick, then as long as the median answer takes. */
  get pauseMs(): number {
    const median = this.median ?? 0;
    return median <= QUICK_MS ? 0 : Math.min(LONGEST_MS, median);
  }

  /** Milliseconds that may pass before VS Code, which waits 50 by itself, has to wait for the answer. */
  get spareMs(): number {
    return this.median === undefined ? 0 : Math.max(0, Math.min(SPARE_MS, QUICK_MS - this.median));
  }

  private get median(): number | undefined {
    const sorted = [...this.times].sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  }
}
