// What the server is asked, and how its answers look: the messages of serve/messages.py.

import { readEvents } from "./sse";

export type Kind = "token" | "line" | "block";

export interface CompleteRequest {
  language: string;
  path?: string;
  prefix: string;
  suffix: string;
  kind: Kind;
  limit: number;
  model?: string;
  temperature?: number;
  /** Below a comment, the program that it describes. */
  from_comments?: boolean;
  session?: string;
}

export interface Suggestion {
  text: string;
  score: number;
}

export interface CompleteResponse {
  suggestions: Suggestion[];
  ms: number;
  model: string;
}

export interface SampleRequest {
  prompt: string;
  model?: string;
  temperature: number;
  max_chars: number;
  session?: string;
}

export interface SampleDone {
  ms: number;
  model: string;
  chars: number;
}

export interface ModelRow {
  name: string;
  description: string;
  languages: string[];
  bytes: number;
}

export interface ModelList {
  default: string;
  models: ModelRow[];
}

export interface CurvePoint {
  [column: string]: number;
}

export interface Card {
  name: string;
  description: string;
  languages: string[];
  licence: string;
  bytes: number;
  training: Record<string, unknown>;
  data: Record<string, unknown>;
  scores: { on: string; loss_nats: number; accuracy: number; bits_per_char: number; num_units: number; graph: string }[];
  curve: CurvePoint[];
}

/** The server answered, but not with what was asked for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** How long it asks us to wait, in milliseconds; 0 when it does not say. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

/** Ask the server; an answer that is an error becomes a Refused. */
export async function ask(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(path, init);
  if (response.ok) return response;
  let message = `${response.status} ${response.statusText}`;
  try {
    message = ((await response.json()) as { error: string }).error;
  } catch {
    // not our server's words: the status must do
  }
  throw new Refused(response.status, message, Number(response.headers.get("retry-after") ?? 0) * 1000);
}

export function post(body: unknown, signal: AbortSignal): RequestInit {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal };
}

export async function complete(request: CompleteRequest, signal: AbortSignal): Promise<CompleteResponse> {
  return (await ask("api/complete", post(request, signal))).json() as Promise<CompleteResponse>;
}

/** Sample a continuation, piece by piece; returns what it cost, or null when the server ended without saying so. */
export async function sample(
  request: SampleRequest,
  onPiece: (text: string) => void,
  signal: AbortSignal,
): Promise<SampleDone | null> {
  const response = await ask("api/sample", post(request, signal));
  if (!response.body) return null;
  for await (const { event, data } of readEvents(response.body)) {
    const message: unknown = JSON.parse(data);
    if (event === "piece") onPiece((message as { text: string }).text);
    else if (event === "done") return message as SampleDone;
    else if (event === "error") throw new Refused(200, (message as { error: string }).error);
  }
  return null;
}

export async function models(): Promise<ModelList> {
  return (await ask("api/models", {})).json() as Promise<ModelList>;
}

export async function card(name: string): Promise<Card> {
  return (await ask(`api/models/${encodeURIComponent(name)}`, {})).json() as Promise<Card>;
}
