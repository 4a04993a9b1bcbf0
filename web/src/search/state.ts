// What the search page shows, as its address says it: every state can be bookmarked, sent to somebody, gone back to.

import type { Filters, Place } from "../searchapi";

/** Lines of a file: from line to endLine, or line alone. */
export interface Lines extends Place {
  endLine?: number;
}

export interface SearchState {
  query: string;
  filters: Filters;
  /** Code like the code there, in place of the query. */
  like?: Place;
  /** Where this name is defined, in place of the query. */
  definitionOf?: string;
  /** The file beside the list. */
  open?: Lines;
}

export const NO_FILTERS: Filters = { languages: [], kinds: [], repos: [], paths: [] };

const KEYS: [keyof Filters, string][] = [
  ["languages", "lang"],
  ["kinds", "kind"],
  ["repos", "repo"],
  ["paths", "path"],
];

export function isFiltered(filters: Filters): boolean {
  return KEYS.some(([filter]) => filters[filter].length > 0);
}

/** As it stands in the address behind #search?; slashes and colons stay, for people read it. */
export function writeState(state: SearchState): string {
  const parts: [string, string][] = [];
  if (state.like) parts.push(["like", writePlace(state.like)]);
  else if (state.definitionOf) parts.push(["def", state.definitionOf]);
  else if (state.query) parts.push(["q", state.query]);
  for (const [filter, key] of KEYS) for (const value of state.filters[filter]) parts.push([key, value]);
  if (state.open) parts.push(["file", writePlace(state.open)]);
  return parts.map(([key, value]) => `${key}=${plainly(value)}`).join("&");
}

/** The state of an address; what it says that makes no sense is passed over. */
export function readState(text: string): SearchState {
  const said = new URLSearchParams(text.replaceAll("+", "%2B"));
  const state: SearchState = { query: said.get("q") ?? "", filters: { languages: [], kinds: [], repos: [], paths: [] } };
  for (const [filter, key] of KEYS) state.filters[filter] = [...new Set(said.getAll(key).filter(Boolean))];
  const like = readPlace(said.get("like"));
  if (like) state.like = { repo: like.repo, path: like.path, line: like.line };
  const name = said.get("def");
  if (name) state.definitionOf = name;
  const open = readPlace(said.get("file"));
  if (open) state.open = open;
  return state;
}

function plainly(value: string): string {
  const wellFormed = value.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
  return encodeURIComponent(wellFormed).replace(/%(2F|3A|2C|40)/g, decodeURIComponent);
}

function writePlace({ repo, path, line, endLine }: Lines): string {
  const lines = endLine !== undefined && endLine > line ? `${line}-${endLine}` : String(line);
  return `${repo.replaceAll(":", "%3A")}:${path}:${lines}`;
}

function readPlace(text: string | null): Lines | undefined {
  const match = /^([^:]*):(.+):(\d{1,8})(?:-(\d{1,8}))?$/s.exec(text ?? "");
  if (!match) return undefined;
  const place: Lines = { repo: match[1]!.replaceAll("%3A", ":"), path: match[2]!, line: Math.max(1, Number(match[3])) };
  if (match[4] && Number(match[4]) > place.line) place.endLine = Number(match[4]);
  return place;
}

/** The filters with a value of one of them put in, or taken out if it was in. */
export function toggled(filters: Filters, filter: keyof Filters, value: string): Filters {
  const values = filters[filter];
  // folders lie within each other: a deeper one takes the place of the one before
  const others = filter === "paths" ? [] : values;
  return { ...filters, [filter]: values.includes(value) ? values.filter((each) => each !== value) : [...others, value] };
}
