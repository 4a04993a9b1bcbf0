// Decides when the server is asked: after a pause in typing, and never for two answers at once.

import { Refused } from "../api";
import { find, findDefinition, findRelated, type Found } from "../searchapi";
import type { SearchState } from "./state";

const PAUSE_MS = 35; // shorter than the gap between two keystrokes of most people
const EXACT_PAUSE_MS = 220; // exact strings and expressions cost more, and half of one finds nothing worth showing
const LINES = 8;

export interface Answers {
  onFound(found: Found, asked: SearchState): void;
  /** The server said no: the query cannot be read, or there is nothing to search. */
  onRefused(message: string, status: number): void;
  onLost(): void;
}

export class Asker {
  private readonly session = `search-${Math.random().toString(36).slice(2)}`;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | undefined;

  constructor(private readonly answers: Answers) {}

  /** @param limit hits wanted. @param typing wait whether more is typed. */
  ask(state: SearchState, limit: number, typing: boolean): void {
    this.cancel();
    const pause = !typing ? 0 : /"|re:\//.test(state.query) ? EXACT_PAUSE_MS : PAUSE_MS;
    this.waiting = setTimeout(() => void this.run(state, limit), pause);
  }

  cancel(): void {
    clearTimeout(this.waiting);
    this.running?.abort();
    this.running = undefined;
  }

  private async run(state: SearchState, limit: number): Promise<void> {
    const running = (this.running = new AbortController());
    const how = { limit, lines: LINES, session: this.session };
    try {
      const found = await (state.like
        ? findRelated(state.like, how, running.signal)
        : state.definitionOf
          ? findDefinition(state.definitionOf, how, running.signal)
          : find(state.query, state.filters, how, running.signal));
      if (!running.signal.aborted) this.answers.onFound(found, state);
    } catch (error) {
      if (running.signal.aborted || (error instanceof Refused && error.status === 409)) return; // something newer is asked
      if (error instanceof Refused && error.retryAfterMs > 0)
        this.waiting = setTimeout(() => void this.run(state, limit), error.retryAfterMs);
      else if (error instanceof Refused) this.answers.onRefused(error.message, error.status);
      else this.answers.onLost();
    }
  }
}
