// A run that can be looked at anywhere: the trace tells changes only, here they have been replayed once.
//
// Position k is the moment at which step k is decided; the last position, behind all steps, is the end.

import type { Change, Picture, Row, Step, Trace } from "../npiapi";
import { within, type Steps } from "../player/steps";

/** A call on the stack; its caller is below it. */
export interface Call {
  text: string;
  caller: Call | null;
}

/** The picture after a change; rows that stay as they are are shared, and the picture before is left alone. */
export function applied(picture: Picture, changes: Change[]): Picture {
  if (changes.length === 0) return picture;
  let rows = [...picture.rows];
  const facts = { ...picture.facts };
  const own = new Set<number>(); // rows that have been copied already
  const copied = (index: number): Row => {
    const row = rows[index];
    if (!row) throw new Error(`the trace changes row ${index}, which is not there`);
    if (!own.has(index)) rows[index] = { ...row, cells: [...row.cells] };
    own.add(index);
    return rows[index]!;
  };
  for (const change of changes) {
    if (change[0] === "rows") rows = rows.slice(0, change[1]);
    else if (change[0] === "row") {
      rows[change[1]] = change[2];
      own.delete(change[1]); // it belongs to the trace
    } else if (change[0] === "cell") copied(change[1]).cells[change[2]] = change[3];
    else if (change[0] === "cursors") copied(change[1]).cursors = change[2];
    else facts[change[1]] = change[2];
  }
  return { rows, facts };
}

/** Columns of a row whose text is new, counted where the rows are aligned. */
export function written(before: Row | undefined, after: Row): Set<number> {
  const found = new Set<number>();
  if (before === after) return found;
  const shift = after.align === "right" ? (before?.cells.length ?? 0) - after.cells.length : 0;
  after.cells.forEach((text, column) => {
    if (text !== (before?.cells[column + shift] ?? "")) found.add(column);
  });
  return found;
}

export class Replay implements Steps {
  private readonly pictures: Picture[];
  private readonly calls: (Call | null)[];
  readonly depths: number[];
  readonly mark: Steps["mark"];
  readonly ending: string;

  constructor(readonly trace: Trace) {
    let call: Call | null = { text: trace.main, caller: null };
    this.pictures = [trace.start];
    this.calls = [call];
    for (const step of trace.steps) {
      this.pictures.push(applied(this.pictures.at(-1)!, step.changes));
      if (step.does === "call") call = { text: step.text, caller: call };
      else if (step.does === "return") call = call?.caller ?? null;
      this.calls.push(call);
    }
    this.depths = trace.steps.map((step) => step.depth);
    this.mark = trace.divergence && { step: trace.divergence.step, title: "First divergence" };
    this.ending = trace.stopped ? "stopped" : "end,";
  }

  /** The position of the end, which is the number of steps. */
  get end(): number {
    return this.trace.steps.length;
  }

  within(position: number): number {
    return within(position, this.end);
  }

  picture(position: number): Picture {
    return this.pictures[this.within(position)]!;
  }

  /** What is decided there; at the end nothing is. */
  step(position: number): Step | undefined {
    return this.trace.steps[position];
  }

  says(position: number): string | undefined {
    return this.step(position)?.text;
  }

  /** Calls on the stack, the first of all first. */
  stack(position: number): string[] {
    const found: string[] = [];
    for (let call = this.calls[this.within(position)]; call; call = call.caller) found.push(call.text);
    return found.reverse();
  }

  /** What the step before has written: columns by row. */
  writtenBefore(position: number): Set<number>[] {
    const at = this.within(position);
    const [before, after] = [this.pictures[Math.max(0, at - 1)]!, this.pictures[at]!];
    return after.rows.map((row, index) => written(before.rows[index], row));
  }

  /** Behind a step; where it calls, behind all that the call does. */
  over(position: number): number {
    const step = this.step(position);
    if (!step) return this.end;
    if (step.does !== "call") return position + 1;
    return this.first(position + 1, (other) => other.depth <= step.depth);
  }

  /** Back to where a call began that has just returned, else one step. */
  backOver(position: number): number {
    const before = this.step(position - 1);
    if (before?.does !== "return") return this.within(position - 1);
    for (let at = position - 2; at >= 0; at--) if (this.trace.steps[at]!.depth < before.depth) return at;
    return 0;
  }

  /** Where the caller goes on. */
  out(position: number): number {
    const step = this.step(position);
    return step ? this.first(position + 1, (other) => other.depth < step.depth) : this.end;
  }

  private first(from: number, fits: (step: Step) => boolean): number {
    for (let at = from; at < this.end; at++) if (fits(this.trace.steps[at]!)) return at;
    return this.end;
  }
}
