// What was suggested in one editor, and what becomes of it while somebody types: it shrinks, is taken, or is gone.

import type { Suggestion } from './client';

export interface Offer {
  /** What it would still insert. */
  text: string;
  score: number;
  /** Somebody has seen it, or taken it; each is counted once. */
  counted: { shown: boolean; accepted: boolean };
}

/** One change of a text: at an offset, so many UTF-16 units away, and others put in. */
export interface Change {
  at: number;
  removed: number;
  inserted: string;
}

export class Offers {
  private offers: Offer[] = [];
  private before = '';
  private after = '';
  private at = -1;

  /**
   * Take note of an answer.
   * @param before, after the text on both sides of the cursor, which stands at an offset of the editor
   */
  set(before: string, after: string, at: number, suggestions: readonly Suggestion[]): Offer[] {
    const known = new Map(this.left(before, after).map((offer) => [offer.text, offer]));
    this.offers = suggestions.map(
      ({ text, score }) => known.get(text) ?? { text, score, counted: { shown: false, accepted: false } },
    );
    [this.before, this.after, this.at] = [before, after, at];
    return this.offers;
  }

  /** What is left of the last answer, where somebody has typed along it; empty where the server must be asked. */
  left(before: string, after: string): Offer[] {
    return this.before === before && this.after === after ? this.offers : [];
  }

  /**
   * Follow a change of the text.
   * @returns the offer that was taken by it, if one was; typing the last character of one is not taking it
   */
  changed({ at, removed, inserted }: Change): Offer | null {
    const follows = at === this.at && removed === 0 && inserted !== '';
    const taken = (follows && inserted.length > 1 && this.offers.find(({ text }) => text === inserted)) || null;
    this.offers = follows ? this.offers.filter(({ text }) => text.startsWith(inserted) && text !== inserted) : [];
    for (const offer of this.offers) offer.text = offer.text.slice(inserted.length);
    this.before += inserted;
    this.at += inserted.length;
    return taken;
  }

  forget(): void {
    this.offers = [];
  }
}
