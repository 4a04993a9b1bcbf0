// A program as the steps that wrote it: which node each belongs to, and which of them wrote a character of its code.

import { within, type Steps } from "../player/steps";
import type { Program, Step } from "../writeapi";

const SOURCES: Record<Step["source"], string> = {
  grammar: "one of the ways that the grammar allows",
  known: "a text that the model knows",
  copied: "copied from the description",
  spelt: "spelt, piece by piece",
  forced: "taken because the search had to stop",
};

export class Derivation implements Steps {
  readonly depths: number[] = [];
  readonly mark = null;
  readonly ending = "complete,";
  readonly steps: Step[];
  /** By step, the last one below it, or itself. */
  private readonly lasts: number[];

  constructor(readonly program: Program) {
    this.steps = program.steps;
    this.lasts = this.steps.map((_, at) => at);
    this.steps.forEach(({ parent }, at) => {
      this.depths.push(parent < 0 ? 1 : this.depths[parent]! + 1);
      for (let above = parent; above >= 0; above = this.steps[above]!.parent) this.lasts[above] = at;
    });
  }

  get end(): number {
    return this.steps.length;
  }

  within(position: number): number {
    return within(position, this.end);
  }

  says(position: number): string | undefined {
    const step = this.steps[position];
    if (!step) return undefined;
    if (step.kind === "end") return `end of ${this.place(step)}`;
    return step.parent < 0 ? step.label : `${step.label} as ${this.place(step)}`;
  }

  /** Where a step stands: its field, and the node that has it. */
  place(step: Step): string {
    return step.parent < 0 ? "the root" : `${step.field} of ${this.steps[step.parent]!.label}`;
  }

  origin(step: Step): string {
    return step.kind === "end" ? "the list is complete" : SOURCES[step.source];
  }

  over(position: number): number {
    return position < this.end ? this.lasts[position]! + 1 : this.end;
  }

  backOver(position: number): number {
    const before = this.within(position - 1);
    const parent = this.steps[before]?.parent ?? -1;
    return parent >= 0 && this.lasts[parent] === before ? parent : before;
  }

  out(position: number): number {
    const parent = this.steps[position]?.parent ?? -1;
    return parent < 0 ? this.end : this.lasts[parent]! + 1;
  }

  /** The words that a step writes as they are: as a whole, or as parts of a text. */
  copied(step: Step, words: string[]): Set<number> {
    const texts = new Set(step.source === "copied" ? [step.label] : step.parts.filter(([, copied]) => copied).map(([text]) => text));
    return new Set(words.flatMap((word, at) => (texts.has(word) ? [at] : [])));
  }

  /** By character of the code, the step that wrote it: the innermost that stands there. */
  owners(): number[] {
    const { code } = this.program;
    const owners = new Array<number>(code.length).fill(0);
    this.steps.forEach(({ span, kind, label, parent }, at) => {
      if (!span) return;
      const exact = kind === "node" || code.slice(...span) === label;
      for (let i = span[0]; i < span[1]; i++) if (exact || owners[i] === parent) owners[i] = at;
    });
    return owners;
  }
}

/** The heaviest words, at most so many, those that hardly weigh anything left out. */
export function heaviest(weights: number[], most: number, least = 0.02): number[] {
  return weights
    .map((_, at) => at)
    .filter((at) => weights[at]! >= least)
    .sort((one, other) => weights[other]! - weights[one]!)
    .slice(0, most);
}
