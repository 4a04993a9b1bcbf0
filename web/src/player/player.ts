// Where in a run we are, and the clock that goes on from there.

import type { Steps } from "./steps";

const FRAME_MS = 1000 / 30; // faster speeds take several steps at once: nobody sees more pictures

export class Player {
  private timer: ReturnType<typeof setInterval> | undefined;
  private steps: Steps | undefined;
  private stepsPerSecond = 4;
  private due = 0;
  position = 0;

  /** @param onChange the position is another one, or it has begun or stopped to play. */
  constructor(private readonly onChange: () => void) {}

  get isPlaying(): boolean {
    return this.timer !== undefined;
  }

  load(steps: Steps, position: number): void {
    this.stop();
    this.steps = steps;
    this.position = steps.within(position);
    this.onChange();
  }

  /** Go somewhere and stay there. */
  goTo(position: number): void {
    this.stop();
    if (!this.steps) return;
    this.position = this.steps.within(position);
    this.onChange();
  }

  toggle(): void {
    if (this.isPlaying) {
      this.stop();
      this.onChange();
    } else this.play();
  }

  setSpeed(stepsPerSecond: number): void {
    this.stepsPerSecond = stepsPerSecond;
    if (!this.isPlaying) return;
    this.stop();
    this.play();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private play(): void {
    if (!this.steps) return;
    if (this.position >= this.steps.end) this.position = 0; // once more
    const interval = Math.max(FRAME_MS, 1000 / this.stepsPerSecond);
    this.due = 0;
    this.timer = setInterval(() => this.tick((interval * this.stepsPerSecond) / 1000), interval);
    this.onChange();
  }

  private tick(many: number): void {
    this.due += many;
    const whole = Math.floor(this.due + 1e-6);
    this.due -= whole;
    this.position = this.steps!.within(this.position + whole);
    if (this.position >= this.steps!.end) this.stop();
    this.onChange();
  }
}
