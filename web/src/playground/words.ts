// Accepting a suggestion piece by piece, and keeping it from doubling what stands behind the cursor.

// A line break with the next line's indent, or: blanks, then one word (letters, digits, _) or one run of other signs.
// \p{M} are combining marks, which belong to the letter before them; a run of signs keeps an emoji and its joiners whole.
const PIECE = /^(?:[^\S\n]*\n[^\S\n]*|[^\S\n]*(?:[\p{L}\p{N}\p{M}_]+|[^\p{L}\p{N}\p{M}_\s]+|$))/u;

/** The first piece of a suggestion, for accepting it word by word; empty only for an empty suggestion. */
export function firstPiece(text: string): string {
  return PIECE.exec(text)?.[0] || text;
}

/**
 * A suggestion without the end that already stands behind the cursor: `"b)"` before `)` becomes `"b"`.
 *
 * @param rest the text from the cursor to the end of its line.
 */
export function withoutOverlap(text: string, rest: string): string {
  const line = rest.trimEnd();
  if (line === "") return text;
  if (text.trim() === line.trim()) return "";
  for (let length = Math.min(text.length, line.length); length > 0; length--) {
    if (text.endsWith(line.slice(0, length))) return text.slice(0, text.length - length);
  }
  return text;
}
