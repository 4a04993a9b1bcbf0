// Ghost text behind an entry of the list of completions. While the list is open VS Code asks for nothing else, and after
// each key twice: about the entry that was selected before it, then, when the list has followed, about the one after,
// 50 ms later. Knows nothing of VS Code.

import type { Place } from "./asking";
import type { Suggestion } from "./trail";

/** An entry: what it puts in place of the characters between `start` and the cursor. */
export interface Entry {
  readonly start: number;
  readonly text: string;
}

/** Asks the server for ghost text that begins with an entry; null where it has nothing to say any more. */
export type AskBehind<E extends Entry> = (
  place: Place,
  entry: E,
  signal: AbortSignal,
) => Promise<readonly Suggestion[] | null>;

interface Question {
  readonly place: Place;
  readonly entry: Entry;
  readonly abort: AbortController;
  readonly answer: Promise<readonly Suggestion[]>;
}

export class Entries<E extends Entry> {
  private question: Question | undefined;

  constructor(private readonly ask: AskBehind<E>) {}

  /** Ghost text that begins with an entry; asked once for a place. */
  behind(place: Place, entry: E): Promise<readonly Suggestion[]> {
    const asked = this.question;
    if (asked && isSame(asked.place, place) && asked.entry.start === entry.start && asked.entry.text === entry.text) {
      return asked.answer;
    }
    this.drop();
    const abort = new AbortController();
    const answer = this.ask(place, entry, abort.signal).then((found) => {
      if (found === null && this.question?.abort === abort) this.question = undefined; // no answer: it may be asked again
      return found ?? [];
    });
    this.question = { place, entry, abort, answer };
    return answer;
  }

  /** What has been asked for a place: of the entry that the list has on top, before VS Code selects it. */
  asked(place: Place): Promise<readonly Suggestion[]> {
    const asked = this.question;
    return asked && isSame(asked.place, place) ? asked.answer : Promise.resolve([]);
  }

  /** The text is another one. */
  drop(): void {
    this.question?.abort.abort();
    this.question = undefined;
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.uri === other.uri && one.version === other.version && one.offset === other.offset;
}
