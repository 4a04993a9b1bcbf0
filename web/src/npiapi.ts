// What the server is asked about learned programs, and how its answers look: serve/messages.py and docs/npi-trace.md.

import { ask, post } from "./api";

export interface Proof {
  sizes: string;
  frames: number;
  decisions: number;
  margin_nats: number;
  assumes: string[];
}

export interface Task {
  name: string;
  summary: string;
  usage: string;
  example: string[];
  proof: Proof | null;
}

export interface Tasks {
  model: string | null;
  reason: string;
  tasks: Task[];
}

export interface Row {
  name: string;
  cells: string[];
  cursors: Record<string, number>;
  align: "left" | "right";
}

/** A picture of an environment. */
export interface Picture {
  rows: Row[];
  facts: Record<string, string>;
}

export type Change =
  | ["rows", number]
  | ["row", number, Row]
  | ["cell", number, number, string]
  | ["cursors", number, Record<string, number>]
  | ["fact", string, string];

export interface Step {
  depth: number;
  running: string;
  seen: Record<string, string>;
  stop: number;
  does: "call" | "act" | "return";
  text: string;
  name: string | null;
  arguments: (string | number | boolean)[];
  probability: number;
  likely: [name: string, probability: number][];
  argument_probabilities: number[];
  teacher: string | null;
  changes: Change[];
}

export interface Divergence {
  step: number;
  expected: string;
  chosen: string;
}

export interface Trace {
  task: string;
  summary: string;
  words: string[];
  programs: { name: string; action: boolean; arguments: { name: string }[] }[];
  main: string;
  start: Picture;
  steps: Step[];
  result: string | null;
  /** Null where the run did not end of itself, as the result is. */
  answer: string | null;
  correct: boolean;
  failure: string | null;
  /** It was given up at a limit, and might have gone on. */
  stopped: boolean;
  divergence: Divergence | null;
}

export interface Run {
  trace: Trace;
  proof: Proof | null;
  ms: number;
}

export async function tasks(): Promise<Tasks> {
  return (await ask("api/npi/tasks", {})).json() as Promise<Tasks>;
}

export async function run(task: string, words: string[], session: string, signal: AbortSignal): Promise<Run> {
  return (await ask("api/npi/run", post({ task, words, session }, signal))).json() as Promise<Run>;
}
