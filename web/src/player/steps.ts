// What can be played, whatever it shows: position k is the moment at which step k is decided; the last position, behind
// all steps, is the end.

export interface Steps {
  /** The position of the end, which is the number of steps. */
  readonly end: number;
  /** How deep each step lies, from 1 on. */
  readonly depths: number[];
  /** A step that deserves a mark and a button of its own. */
  readonly mark: { step: number; title: string } | null;
  /** What is said at the end, before "after n steps". */
  readonly ending: string;
  /** The nearest position to a number. */
  within(position: number): number;
  /** What a step does, in words; undefined at the end. */
  says(position: number): string | undefined;
  /** Behind a step and all that it leads to. */
  over(position: number): number;
  /** Back to where what has just ended began, else one step. */
  backOver(position: number): number;
  /** Behind all that the step around this one leads to. */
  out(position: number): number;
}

export function within(position: number, end: number): number {
  return Math.min(Math.max(Math.trunc(position) || 0, 0), end);
}
