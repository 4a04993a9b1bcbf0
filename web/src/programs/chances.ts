// How sure a decision was: what might have been done, most likely first.

import type { Step, Trace } from "../npiapi";

export interface Chance {
  name: string;
  /** In [0, 1]. */
  share: number;
  chosen: boolean;
}

/** Returning and the likeliest programs and actions; the shares of all that there are add up to 1. */
export function choices(step: Step): Chance[] {
  const found = step.likely.map(([name, share]) => ({ name, share: share * (1 - step.stop), chosen: name === step.name }));
  found.push({ name: "return", share: step.stop, chosen: step.name === null });
  return found.sort((one, other) => other.share - one.share);
}

/** The arguments that were chosen, with their names. */
export function argumentChances(step: Step, programs: Trace["programs"]): Chance[] {
  const names = programs.find((program) => program.name === step.name)?.arguments ?? [];
  return step.argument_probabilities.map((share, index) => ({
    name: `${names[index]?.name ?? "argument"} = ${String(step.arguments[index])}`,
    share,
    chosen: true,
  }));
}

/** A share for people: rounding never makes it quite sure or quite impossible. */
export function percent(share: number): string {
  if (share >= 0.9995 && share < 1) return ">99.9 %";
  if (share < 0.0005 && share > 0) return "<0.1 %";
  return `${(share * 100).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}
