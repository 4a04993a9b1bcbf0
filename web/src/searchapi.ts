// What the server is asked about code, and how its answers look: the messages of serve/messages.py.

import { ask, post } from "./api";

export interface Filters {
  languages: string[];
  kinds: string[];
  repos: string[];
  paths: string[];
}

export interface Place {
  repo: string;
  path: string;
  line: number;
}

export interface Snippet {
  line: number;
  text: string;
  /** Row in the snippet, beginning and end in it. */
  marks: [row: number, start: number, end: number][];
}

export interface Hit {
  repo: string;
  path: string;
  line: number;
  top_line: number;
  end_line: number;
  name: string;
  qualified_name: string;
  kind: string;
  signature: string;
  language: string;
  unit: string;
  score: number;
  parts: Record<string, number>;
  folded: { path: string; line: number }[];
  snippet: Snippet | null;
}

export interface Facet {
  value: string;
  hits: number;
}

export type Facets = Record<keyof Filters, Facet[]>;

export interface Found {
  hits: Hit[];
  ms: number;
  complete: boolean;
  indexing: boolean;
  facets: Facets | null;
}

export interface Explanation {
  rank: number | null;
  score: number | null;
  parts: Record<string, number>;
  stores: Record<string, Record<string, number>>;
  candidate: Record<string, number>;
}

export interface Unit {
  name: string;
  qualified_name: string;
  kind: string;
  line: number;
  top_line: number;
  end_line: number;
}

export interface SourceFile {
  repo: string;
  path: string;
  language: string;
  num_lines: number;
  text: string;
  units: Unit[];
}

export interface Repo {
  name: string;
  root: string;
  state: "waiting" | "indexing" | "updating" | "ready" | "failed";
  done: number;
  total: number;
  files: number;
  units: number;
  neural: boolean;
  languages: Record<string, number>;
  kinds: Record<string, number>;
  error: string | null;
}

interface Listed {
  limit: number;
  lines: number;
  session: string;
}

async function asked<Answer>(path: string, body: unknown, signal: AbortSignal): Promise<Answer> {
  return (await ask(`api/search${path}`, post(body, signal))).json() as Promise<Answer>;
}

export function find(query: string, filters: Filters, how: Listed, signal: AbortSignal): Promise<Found> {
  return asked("", { query, ...filters, ...how, facets: true }, signal);
}

export function findRelated(place: Place, how: Listed, signal: AbortSignal): Promise<Found> {
  return asked("/related", { ...place, ...how }, signal);
}

export function findDefinition(name: string, how: Listed, signal: AbortSignal): Promise<Found> {
  return asked("/definition", { name, ...how }, signal);
}

export function explain(query: string, filters: Filters, unit: string, signal: AbortSignal): Promise<Explanation> {
  return asked("/explain", { query, ...filters, unit }, signal);
}

export function readFile(repo: string, path: string, signal: AbortSignal): Promise<SourceFile> {
  return asked("/file", { ...(repo ? { repo } : {}), path }, signal);
}

export async function repos(signal: AbortSignal): Promise<Repo[]> {
  return ((await (await ask("api/search/repos", { signal })).json()) as { repos: Repo[] }).repos;
}
