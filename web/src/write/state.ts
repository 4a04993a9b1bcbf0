// What the page of programs from descriptions shows, as its address says it:
// #write?q=the+length+of+s&e=s%3D'abc'%3D3&pick=2&step=7
//
// People count candidates and steps from 1; the number after the last step's stands for the end, as no number does.

export interface WriteState {
  text: string;
  /** As IN=OUT. */
  examples: string[];
  /** Index of the candidate that is looked at. */
  pick: number;
  /** A position; null for the end. */
  step: number | null;
}

const MOST_EXAMPLES = 20;

export function writeState({ text, examples, pick, step }: WriteState): string {
  const said = new URLSearchParams({ q: text });
  for (const example of examples) said.append("e", example);
  if (pick > 0) said.set("pick", String(pick + 1));
  if (step !== null) said.set("step", String(step + 1));
  return said.toString();
}

/** Null where the address has no description; what else makes no sense is passed over. */
export function readState(address: string): WriteState | null {
  const said = new URLSearchParams(address);
  const text = said.get("q") ?? "";
  if (!text.trim()) return null;
  const pick = counted(said.get("pick")) ?? 0;
  return { text, examples: said.getAll("e").filter(Boolean).slice(0, MOST_EXAMPLES), pick, step: counted(said.get("step")) };
}

function counted(text: string | null): number | null {
  return /^[1-9]\d{0,3}$/.test(text ?? "") ? Number(text) - 1 : null;
}

/** Whether two ask for the same programs. */
export function asksTheSame(one: WriteState, other: WriteState): boolean {
  return one.text === other.text && one.examples.join("\n") === other.examples.join("\n");
}
