// What the trace viewer shows, as its address says it: #programs?task=addition&in=96+125&step=12
//
// People count steps from 1, in the address as on the page; the number after the last step's stands for the end.

export interface RunState {
  task: string;
  words: string[];
  /** A position of the replay: how many steps have been taken. */
  step: number;
}

/** The words of a problem as typed. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}

export function writeState({ task, words, step }: RunState): string {
  const said = new URLSearchParams({ task, in: words.join(" ") });
  if (step > 0) said.set("step", String(step + 1));
  return said.toString().replace(/%(3A|2C)/g, decodeURIComponent); // graphs are told with : and ,
}

/** Null where the address names no task; what else makes no sense is passed over. */
export function readState(text: string): RunState | null {
  const said = new URLSearchParams(text);
  const task = said.get("task");
  if (!task) return null;
  const step = /^[1-9]\d{0,5}$/.test(said.get("step") ?? "") ? Number(said.get("step")) : 1;
  return { task, words: wordsOf(said.get("in") ?? ""), step: step - 1 };
}
