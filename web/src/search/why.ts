// Why a hit is where it is: the parts of its score as bars, and what the stores say on request.

import { Refused } from "../api";
import { explain, type Explanation, type Hit } from "../searchapi";
import { el } from "../shell/dom";
import type { SearchState } from "./state";

export interface Bar {
  name: string;
  value: number;
  /** Of the longest bar, in [0, 1]. */
  share: number;
}

/** The parts of codling.search.ranking in plain words; one that is new there goes by its own name. */
const PARTS: Record<string, string> = {
  exact: "called just that",
  file: "words in the file's name",
  literal: "exact matches",
  meaning: "meaning",
  named: "the query names it",
  repeated: "file was shown above",
  standing: "what and where it is",
  words: "words in common",
};
const STORES: Record<string, string> = { bm25: "Words (BM25)", cosine: "Meaning (cosine)" };

/** The parts that count for something, largest first. */
export function bars(parts: Record<string, number>, names = PARTS): Bar[] {
  const counting = Object.entries(parts).filter(([, value]) => Math.abs(value) >= 0.0005);
  const longest = Math.max(...counting.map(([, value]) => Math.abs(value)), 0);
  return counting
    .sort(([, one], [, other]) => Math.abs(other) - Math.abs(one))
    .map(([name, value]) => ({ name: names[name] ?? name.replaceAll("_", " "), value, share: Math.abs(value) / longest }));
}

export function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits).replace("-", "−");
}

function barRow({ name, value, share }: Bar): HTMLElement {
  const bar = el("span", { class: value < 0 ? "why-bar why-less" : "why-bar" });
  bar.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  return el("div", { class: "why-row" }, el("dt", {}, name), el("dd", {}, bar, el("span", {}, number(value))));
}

/** The parts of a hit; the stores' own figures are fetched when they are unfolded. */
export function whyOf(hit: Hit, state: SearchState): HTMLElement {
  const found = bars(hit.parts);
  const sum = el("p", { class: "faint" }, `Score ${number(hit.score)}${found.length > 1 ? ", the sum of:" : ":"}`);
  const place = el("div", { class: "why" }, sum, el("dl", {}, ...found.map(barRow)));
  if (!state.query || state.like || state.definitionOf) return place;
  const body = el("div", {});
  const details = el("details", {}, el("summary", {}, "What the indexes say"), body);
  details.addEventListener("toggle", () => {
    if (details.open && !body.hasChildNodes()) void fill(body, hit, state);
  });
  place.append(details);
  return place;
}

async function fill(body: HTMLElement, hit: Hit, state: SearchState): Promise<void> {
  body.append(el("p", { class: "faint" }, "Asking…"));
  try {
    const answer = await explain(state.query, state.filters, hit.unit, AbortSignal.timeout(10_000));
    body.replaceChildren(...storesOf(answer));
  } catch (error) {
    body.replaceChildren(el("p", { class: "faint" }, error instanceof Refused ? error.message : "The server does not answer."));
  }
}

function storesOf(answer: Explanation): Node[] {
  const found = Object.entries(answer.stores).flatMap(([store, parts]) => {
    const about = el("p", { class: "faint" }, `${STORES[store] ?? store}: ${number(answer.candidate[store] ?? 0)}`);
    const fields = bars(parts, {}).slice(0, 12);
    return fields.length > 1 ? [about, el("dl", {}, ...fields.map(barRow))] : [about]; // one bar alone says nothing
  });
  return found.length > 0 ? found : [el("p", { class: "faint" }, "No index has a figure for it.")];
}
