// Words about the hits, and what stands in their place when there are none.

import type { Found, Repo } from "../searchapi";
import { el } from "../shell/dom";
import { factsOf } from "./repos";
import { isFiltered, type SearchState } from "./state";

const WAYS: [example: string, means: string][] = [
  ["parse a date from a string", "what it does, in your words"],
  ["HttpClient.send", "what it is called, or a part of that"],
  ['"exit code 2"', "this very text; case counts if there are capitals"],
  ["re:/def test_\\w+/", "a regular expression; re:/…/i for either case"],
  ["kind:class lang:python path:src/", "only there; -path:tests for anything but"],
];

/** Before anything was typed. @param onTry fills in an example. */
export function welcome(all: Repo[], onTry: (query: string) => void): HTMLElement {
  if (all.length === 0) return nothingToSearch();
  const rows = WAYS.flatMap(([example, means]) => [
    el("dt", {}, el("button", { type: "button", class: "example", onclick: () => onTry(example) }, example)),
    el("dd", {}, means),
  ]);
  const facts = factsOf(all);
  return el(
    "div",
    { class: "note" },
    el("h2", {}, "Find code by"),
    el("dl", { class: "ways" }, ...rows),
    el(
      "p",
      { class: "faint key-help" },
      el("kbd", {}, "/"),
      " to the search box · ",
      el("kbd", {}, "↓"),
      " ",
      el("kbd", {}, "↑"),
      " through the hits · ",
      el("kbd", {}, "Enter"),
      " opens · ",
      el("kbd", {}, "Esc"),
      " goes back",
    ),
    facts ? el("p", { class: "faint" }, `${facts}.`) : "",
  );
}

export function nothingToSearch(): HTMLElement {
  return el(
    "div",
    { class: "note" },
    el("h2", {}, "There is no project to search"),
    el("p", {}, "Start the server with the folder of one, or of several:"),
    el("pre", { class: "shell" }, "codling serve --project path/to/project"),
    el("p", { class: "faint" }, "The first time, a few thousand files a minute are read; nothing leaves this machine."),
  );
}

/** A search that found nothing. */
export function nothingFound(state: SearchState, indexing: boolean, onClear: () => void): HTMLElement {
  if (indexing)
    return el(
      "div",
      { class: "note" },
      el("h2", {}, "An index is still being made"),
      el("p", {}, "What is asked for is looked for again as soon as it is whole."),
    );
  const what = state.like
    ? "No code resembles it"
    : state.definitionOf
      ? `${state.definitionOf} is not defined here`
      : `Nothing found${state.query ? ` for ${state.query}` : ""}`;
  const tips: Node[] = [];
  if (isFiltered(state.filters))
    tips.push(el("p", {}, el("button", { type: "button", onclick: onClear }, "Search without the filters")));
  else if (/"|re:\//.test(state.query)) tips.push(el("p", {}, "Exact strings and expressions must match as written: fewer of them find more."));
  else if (!state.like) tips.push(el("p", {}, "Other words may do: what the code does, or a part of its name."));
  return el("div", { class: "note" }, el("h2", {}, what), ...tips);
}

/** How many hits, and what they cost. */
export function summaryOf(found: Found, limit: number): string {
  const num = found.hits.length;
  if (num === 0) return "";
  const hits = num === 1 ? "1 hit" : num >= limit ? `The first ${num} hits` : `${num} hits`;
  const cost = `${found.ms < 10 ? found.ms.toFixed(1) : found.ms.toFixed(0)} ms`;
  const partly = found.complete ? "" : " · stopped early: there is more than was looked at";
  return `${hits} · ${cost}${partly}${found.indexing ? " · an index is still being made" : ""}`;
}
