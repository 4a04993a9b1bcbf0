// One text that is written in: how it changed last, and what was suggested in it.

import type { CodeEditor } from '@jupyterlab/codeeditor';
import { Offers, type Change, type Offer } from './offers';

type Delta = readonly { retain?: number; insert?: unknown; delete?: number }[];

export class Watched {
  readonly offers = new Offers();
  private text: string;
  private tookAway = false;

  /** @param onTaken a suggestion was put into the text as a whole */
  constructor(model: CodeEditor.IModel, onTaken: (offer: Offer) => void) {
    const shared = model.sharedModel;
    this.text = shared.getSource();
    shared.changed.connect((_, { sourceChange }) => {
      if (!sourceChange) return;
      const changes = changesOf(sourceChange as Delta);
      this.text = shared.getSource();
      this.tookAway = onlyRemoves(changes);
      if (changes.length !== 1) this.offers.forget();
      const taken = changes.length === 1 && this.offers.changed(changes[0]!);
      if (taken) onTaken(taken);
    });
  }

  /** Whether the change that made this text only took some away; the text may be newer than what was heard of. */
  onlyTookAway(text: string): boolean {
    return text === this.text ? this.tookAway : isPart(text, this.text);
  }
}

/** The changes that a delta tells, each at its offset in the text before. */
export function changesOf(delta: Delta): Change[] {
  const found: Change[] = [];
  let at = 0;
  let open: Change | null = null;
  for (const { retain, insert, delete: removed } of delta) {
    if (retain !== undefined) {
      at += retain;
      open = null;
      continue;
    }
    if (!open) found.push((open = { at, removed: 0, inserted: '' }));
    if (typeof insert === 'string') open.inserted += insert;
    open.removed += removed ?? 0;
    at += removed ?? 0;
  }
  return found;
}

function onlyRemoves(changes: readonly Change[]): boolean {
  return changes.length > 0 && changes.every(({ inserted }) => inserted === '');
}

/** Whether one text is the other without a piece of it. */
export function isPart(text: string, whole: string): boolean {
  const missing = whole.length - text.length;
  if (missing <= 0) return false;
  let same = 0;
  while (same < text.length && text[same] === whole[same]) same += 1;
  return text.slice(same) === whole.slice(same + missing);
}
