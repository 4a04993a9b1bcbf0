// How sure a decision was: what might have been done, most likely first.

import type { Step, Trace } from "../npiapi";
import type { Chance } from "../shell/chances";

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
