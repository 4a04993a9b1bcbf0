// Accepting a suggestion piece by piece.

// A line break with the next line's indent, or: blanks, then one word (letters, digits, _) or one run of other signs.
// \p{M} are combining marks, which belong to the letter before them; a run of signs keeps an emoji and its joiners whole.
const PIECE = /^(?:[^\S\n]*\n[^\S\n]*|[^\S\n]*(?:[\p{L}\p{N}\p{M}_]+|[^\p{L}\p{N}\p{M}_\s]+|$))/u;

/** The first piece of a suggestion, for accepting it word by word; empty only for an empty suggestion. */
export function firstPiece(text: string): string {
  return PIECE.exec(text)?.[0] || text;
}
