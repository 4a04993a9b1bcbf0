// When the server is asked for ghost text: what is known comes at once, a keystroke asks ahead of VS Code, which waits
// 50 ms by itself, and nobody waits for a server that is slow or hangs. Knows nothing of VS Code.

import { Pace } from "./pace";
import { acceptedPart, cursorAfter, onlyRemoves, Trail, type Edit, type Suggestion } from "./trail";

/** A place in a text as it was at one version. Offsets count UTF-16 units. */
export interface Place {
  readonly uri: string;
  readonly version: number;
  readonly offset: number;
}

/** Asks the server; null where it has nothing to say any more. `everything` asks for all alternatives. */
export type Ask = (place: Place, everything: boolean, signal: AbortSignal) => Promise<readonly Suggestion[] | null>;

interface Question {
  readonly place: Place;
  readonly everything: boolean;
  readonly answer: Promise<readonly Suggestion[]>;
  readonly abort: AbortController;
}

const PATIENCE_MS = 1_500; // the server gives up after a second by itself
const LIST_MS = 30; // that ghost text waits for the list of next tokens
const HANGS_MS = 20_000; // without any answer: no model takes so long

export class Asking {
  /** Called when the user took the beginning of a suggestion. */
  onPart: (id: number, units: number) => void = () => undefined;
  /** Called when the server has owed an answer for a long time, though it runs. */
  onHang: () => void = () => undefined;

  private readonly trail = new Trail();
  private readonly shortened = new Set<string>(); // texts whose last change only took something away
  private question: Question | undefined;
  private ahead: NodeJS.Timeout | undefined; // until the question about the last change
  private list: Promise<unknown> | undefined; // that is being made
  private silentSince: number | undefined; // since when the server owes an answer and has given none

  constructor(
    private readonly ask: Ask,
    private readonly pace = new Pace(),
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Take note of a change; where somebody typed, ask ahead. `version` is the text's after it. */
  changed(uri: string, version: number, edits: readonly Edit[], askAhead: boolean): void {
    this.drop();
    if (edits.length === 0) return;
    const at = edits[0]?.offset ?? 0;
    const shown = this.trail.at(uri, at)?.[0];
    const part = shown ? acceptedPart(edits, at, shown.text) : 0;
    if (part > 0 && shown?.id !== undefined) this.onPart(shown.id, part);
    this.trail.follow(uri, edits);
    if (onlyRemoves(edits)) this.shortened.add(uri);
    else this.shortened.delete(uri);
    const offset = cursorAfter(edits);
    if (askAhead && offset !== undefined && this.trail.at(uri, offset) === undefined) {
      const place = { uri, version, offset };
      const { spareMs } = this.pace;
      if (spareMs > 0) this.ahead = setTimeout(() => this.start(place, false), spareMs);
      else this.start(place, false);
    }
  }

  /** The list of next tokens is being made, and will be opened: the server is to do that first. */
  after(list: Promise<unknown>): void {
    const done = list.then(
      () => undefined,
      () => undefined,
    );
    this.list = done;
    void done.then(() => {
      if (this.list === done) this.list = undefined;
    });
  }

  /**
   * The suggestions for a place, the one to show first; none is better than a late one.
   *
   * @param everything the user asked, for all alternatives.
   */
  async suggestions(place: Place, everything: boolean, signal: AbortSignal): Promise<readonly Suggestion[]> {
    const known = this.trail.at(place.uri, place.offset, everything);
    if (known) return known;
    if (!everything && this.isShortened(place.uri)) return [];
    const question = this.isAsked(place, everything) ?? this.start(place, everything);
    return question ? await orNothing(question.answer, signal, PATIENCE_MS) : [];
  }

  /** Whether the last change of a text only took something away: nothing is wanted then unless the user asks. */
  isShortened(uri: string): boolean {
    return this.shortened.has(uri);
  }

  /** What is known for a place, without asking anybody. */
  known(uri: string, offset: number): readonly Suggestion[] | undefined {
    return this.trail.at(uri, offset);
  }

  /** Other settings or another server: what is known does not count any more. */
  forget(): void {
    this.drop();
    this.trail.end();
    this.shortened.clear();
    this.silentSince = undefined;
  }

  /** Nobody waits for the answer to the last question any more. */
  private drop(): void {
    clearTimeout(this.ahead);
    this.question?.abort.abort();
    this.question = undefined;
  }

  private isAsked(place: Place, everything: boolean): Question | undefined {
    const asked = this.question;
    const isSame =
      asked?.place.uri === place.uri &&
      asked.place.version === place.version &&
      asked.place.offset === place.offset &&
      (asked.everything || !everything);
    return isSame ? asked : undefined;
  }

  private start(place: Place, everything: boolean): Question | undefined {
    this.drop();
    if (this.isSilent()) return undefined;
    const abort = new AbortController();
    const question = { place, everything, abort, answer: this.answer(place, everything, abort.signal) };
    this.question = question;
    void question.answer.then(() => {
      if (this.question === question) this.question = undefined; // what was found is in the trail
    });
    return question;
  }

  private async answer(place: Place, everything: boolean, signal: AbortSignal): Promise<readonly Suggestion[]> {
    if (!everything && this.pace.pauseMs > 0) await pause(this.pace.pauseMs, signal);
    if (this.list && !everything) await Promise.race([this.list, pause(LIST_MS, signal)]);
    if (signal.aborted) return [];
    const started = this.now();
    this.silentSince ??= started;
    try {
      const found = await this.ask(place, everything, signal);
      if (found === null || signal.aborted) return [];
      this.pace.answered(this.now() - started);
      this.trail.begin(place.uri, place.offset, found, everything);
      return found;
    } catch {
      return []; // the client has written it into its log
    } finally {
      this.silentSince = undefined; // it says something
    }
  }

  /** Whether there is no use in asking: the server owes an answer for too long. */
  private isSilent(): boolean {
    const silentMs = this.silentSince === undefined ? 0 : this.now() - this.silentSince;
    if (silentMs > HANGS_MS) {
      this.silentSince = undefined; // once, then anew
      this.onHang();
    }
    return silentMs > PATIENCE_MS;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** An answer; nothing when it takes longer than `ms`, or is not wanted any more. */
export function orNothing<T>(answer: Promise<readonly T[]>, signal: AbortSignal, ms: number): Promise<readonly T[]> {
  return new Promise((resolve) => {
    const give = (found: readonly T[]): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", nothing);
      resolve(found);
    };
    const nothing = (): void => give([]);
    const timer = setTimeout(nothing, ms);
    signal.addEventListener("abort", nothing);
    answer.then(give, nothing);
  });
}
