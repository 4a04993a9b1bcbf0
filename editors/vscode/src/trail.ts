// What was suggested last, followed through the edits since: who types along a suggestion is shown the rest of it, at
// once and without the server.

/** A suggestion, or what is left of it. */
export interface Suggestion {
  /** The server's number for it, by which it is told what was shown and taken. */
  readonly id: number | undefined;
  readonly text: string;
}

/** A change of a text: `length` characters from `offset` on became `text`. Offsets count UTF-16 units. */
export interface Edit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

export class Trail {
  private uri = "";
  private offset = -1; // of the cursor that the suggestions are for; -1 for none
  private left: readonly Suggestion[] = [];
  private isComplete = false; // there are no alternatives to ask for

  /** Begin anew with an answer; an empty one is known as well as any other. */
  begin(uri: string, offset: number, suggestions: readonly Suggestion[], isComplete: boolean): void {
    this.uri = uri;
    this.offset = offset;
    this.left = suggestions;
    this.isComplete = isComplete;
  }

  /** Follow the edits of one step; any but typing along ends the trail. */
  follow(uri: string, edits: readonly Edit[]): void {
    if (uri !== this.uri || this.offset < 0 || edits.length === 0) return;
    const [edit] = edits;
    const isTyping = edits.length === 1 && edit !== undefined && edit.length === 0 && edit.offset === this.offset;
    const left = isTyping
      ? this.left
          .filter(({ text }) => text.startsWith(edit.text) && text.length > edit.text.length)
          .map(({ id, text }) => ({ id, text: text.slice(edit.text.length) }))
      : [];
    if (!isTyping || left.length === 0) return this.end();
    this.offset += edit.text.length;
    this.left = left;
  }

  /** What is known for a place; undefined when the server must be asked. `everything` asks for all alternatives. */
  at(uri: string, offset: number, everything = false): readonly Suggestion[] | undefined {
    const isKnown = uri === this.uri && offset === this.offset && (this.isComplete || !everything);
    return isKnown ? this.left : undefined;
  }

  /** Forget it: other settings, another server. */
  end(): void {
    this.offset = -1;
    this.left = [];
  }
}

/** Whether the edits of one step only took text away, as a backspace does. */
export function onlyRemoves(edits: readonly Edit[]): boolean {
  return edits.length > 0 && edits.every(({ length, text }) => text === "" && length > 0);
}

const PAIRS = new Set(["()", "[]", "{}", "<>", '""', "''", "``"]);

/**
 * Where the cursor probably stands after one edit that put text in: behind it, or within a pair of brackets or quotes
 * that the editor closed. Undefined when nobody typed.
 */
export function cursorAfter(edits: readonly Edit[]): number | undefined {
  const [edit] = edits;
  if (edits.length !== 1 || edit === undefined || edit.text === "") return undefined;
  return edit.offset + (PAIRS.has(edit.text) ? 1 : edit.text.length);
}

/**
 * How many UTF-16 units of a suggestion one edit accepted, as "accept next word" does; 0 when it is rather typed. The
 * whole of it does not count here: the editor says so itself.
 */
export function acceptedPart(edits: readonly Edit[], offset: number, suggestion: string): number {
  const [edit] = edits;
  if (edits.length !== 1 || edit === undefined || edit.offset !== offset || edit.length > 0) return 0;
  const isPart = edit.text.length < suggestion.length && suggestion.startsWith(edit.text);
  return isPart && edit.text.length > 1 && !PAIRS.has(edit.text) ? edit.text.length : 0;
}
