// What the server is asked about programs from descriptions, and how its answers look: serve/write_messages.py.

import { Refused, ask, post } from "./api";
import { readEvents } from "./sse";

export interface Writer {
  model: string | null;
  reason: string;
  description: string;
}

export interface WriteRequest {
  text: string;
  limit: number;
  examples: string[];
  session: string;
}

export interface Result {
  passed: boolean;
  value: string | null;
  why: string;
}

export type Source = "grammar" | "known" | "copied" | "spelt" | "forced";

export interface Step {
  kind: "node" | "token" | "end";
  label: string;
  /** The step that opened the slot; -1 for the root. */
  parent: number;
  field: string;
  type: string;
  source: Source;
  probability: number;
  /** By word of the description. */
  weights: number[];
  parts: [text: string, copied: boolean][];
  /** Of the code, as JavaScript counts. */
  span: [from: number, to: number] | null;
}

export interface Program {
  code: string;
  score: number;
  probability: number;
  results: Result[];
  /** None while the search goes on. */
  steps: Step[];
}

export interface Found {
  candidates: Program[];
  tried: number;
  ms: number;
}

export interface Written extends Found {
  words: string[];
  model: string;
}

export async function writer(): Promise<Writer> {
  return (await ask("api/write", {})).json() as Promise<Writer>;
}

/** Write programs; what is found on the way is handed on. Null when the server ended without an answer. */
export async function write(request: WriteRequest, onFound: (found: Found) => void, signal: AbortSignal): Promise<Written | null> {
  const response = await ask("api/write/stream", post(request, signal));
  if (!response.body) return null;
  for await (const { event, data } of readEvents(response.body)) {
    const message: unknown = JSON.parse(data);
    if (event === "found") onFound(message as Found);
    else if (event === "done") return message as Written;
    else if (event === "error") throw new Refused(200, (message as { error: string }).error);
  }
  return null;
}
