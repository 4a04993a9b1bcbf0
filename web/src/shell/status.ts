// One quiet line at the top that says how the server is, and the watch that notices when it is back.

import { byId } from "./dom";

export type Mood = "good" | "busy" | "bad";

/** Waits between looks at a server that is gone, in milliseconds; the last one repeats. */
const PATIENCE_MS = [500, 1000, 2000, 4000];

export class Status {
  private readonly element = byId("status");
  private watching = false;
  private fading: ReturnType<typeof setTimeout> | undefined;

  /** @param onBack called when a lost server answers again. */
  constructor(private readonly onBack: () => void) {}

  say(mood: Mood, text: string): void {
    clearTimeout(this.fading);
    if (this.element.textContent === text && this.element.dataset.mood === mood) return;
    this.element.dataset.mood = mood;
    this.element.textContent = text;
  }

  /** Say something that stops being true soon. */
  sayBriefly(mood: Mood, text: string, forMs = 4000): void {
    this.say(mood, text);
    this.fading = setTimeout(() => this.say("good", "ready"), forMs);
  }

  /** An answer came: whatever was wrong is over. */
  fine(): void {
    if (this.element.dataset.mood !== "good") this.say("good", "ready");
  }

  get isLost(): boolean {
    return this.watching;
  }

  /** The server did not answer: say so, and look every now and then whether it is back. */
  lost(): void {
    this.say("bad", "the server does not answer – trying again");
    if (this.watching) return;
    this.watching = true;
    void this.watch();
  }

  private async watch(): Promise<void> {
    for (let look = 0; ; look++) {
      await new Promise((resume) => setTimeout(resume, PATIENCE_MS[Math.min(look, PATIENCE_MS.length - 1)]));
      try {
        if ((await fetch("healthz", { cache: "no-store" })).ok) break;
      } catch {
        // still gone
      }
    }
    this.watching = false;
    this.sayBriefly("good", "the server is back");
    this.onBack();
  }
}
