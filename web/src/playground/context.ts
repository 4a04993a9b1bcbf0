// What the server needs to see of a document.

import type { EditorState } from "@codemirror/state";

const MAX_PREFIX = 24_000; // UTF-16 units; more tells a small model nothing
const STEP = 8_000; // the start of what is sent moves in steps, so that the server can go on from where it was
const MAX_SUFFIX = 2_000;

export interface Context {
  prefix: string;
  suffix: string;
}

/** Where a prefix of this length starts to be sent. */
export function windowStart(length: number): number {
  return length <= MAX_PREFIX ? 0 : Math.ceil((length - MAX_PREFIX) / STEP) * STEP;
}

/** A text without halves of surrogate pairs (a cut through an emoji makes them), which have no UTF-8. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

export function contextAt(state: EditorState, position: number): Context {
  let start = windowStart(position);
  if (start > 0) {
    const nextLine = state.doc.lineAt(start).to + 1;
    if (nextLine < position) start = nextLine;
  }
  return {
    prefix: wellFormed(state.sliceDoc(start, position)),
    suffix: wellFormed(state.sliceDoc(position, Math.min(state.doc.length, position + MAX_SUFFIX))),
  };
}
