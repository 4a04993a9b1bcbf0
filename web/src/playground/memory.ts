// What was suggested lately, so that typing through ghost text, or going back over it, asks nobody.

interface Remembered {
  prefix: string;
  text: string;
}

export class Memory {
  private readonly entries: Remembered[] = [];

  constructor(private readonly capacity = 64) {}

  /** Remember that text was suggested after prefix; an empty text means that the server had nothing to say. */
  keep(prefix: string, text: string): void {
    const old = this.entries.findIndex((entry) => entry.prefix === prefix);
    if (old >= 0) this.entries.splice(old, 1);
    this.entries.unshift({ prefix, text });
    if (this.entries.length > this.capacity) this.entries.pop();
  }

  /**
   * What is still to come of a remembered suggestion after this prefix, or undefined when nothing is known: then the
   * server must be asked. A suggestion typed to its end is not known any further.
   */
  recall(prefix: string): string | undefined {
    for (const entry of this.entries) {
      if (entry.prefix === prefix) return entry.text;
      const typed = prefix.length - entry.prefix.length;
      if (typed > 0 && typed < entry.text.length && prefix.startsWith(entry.prefix)) {
        if (prefix.slice(entry.prefix.length) === entry.text.slice(0, typed)) return entry.text.slice(typed);
      }
    }
    return undefined;
  }

  /** Forget everything: another model, kind, temperature or text after the cursor gives other answers. */
  clear(): void {
    this.entries.length = 0;
  }
}
