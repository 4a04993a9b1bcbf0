// The candidates beside each other: code, score, and what each did with the examples.

import { el } from "../shell/dom";
import type { Program, Result } from "../writeapi";
import { coloured } from "./code";

export class Candidates {
  readonly element = el("div", { class: "candidates", role: "radiogroup", "aria-label": "Candidates" });

  /** @param onPick a candidate was chosen to look at. */
  constructor(private readonly onPick: (index: number) => void) {}

  /** @param canPick there is a tree to look at; not yet, while the search goes on. */
  load(programs: Program[], examples: string[], pick: number, canPick: boolean): void {
    this.element.replaceChildren(
      ...programs.map((program, index) => {
        const radio = el("input", {
          type: "radio",
          name: "candidate",
          class: "unseen",
          checked: index === pick && canPick,
          disabled: !canPick,
          onchange: () => this.onPick(index),
        });
        const bar = el("span", { class: "score-bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", `${(program.score * 100).toFixed(1)}%`);
        return el(
          "label",
          { class: "candidate" },
          radio,
          el("span", { class: "candidate-head" }, bar, el("span", { class: "score", title: `probability ${shortly(program.probability)}` }, `score ${program.score.toFixed(2)}`)),
          el("pre", {}, coloured(program.code)),
          ...(program.results.length > 0 ? [marks(program.results, examples)] : []),
        );
      }),
    );
  }

  pick(index: number): void {
    const radio = this.element.querySelectorAll<HTMLInputElement>("input")[index];
    if (radio) radio.checked = true;
  }
}

/** What a program did with each example. */
function marks(results: Result[], examples: string[]): HTMLElement {
  return el(
    "ul",
    { class: "marks" },
    ...results.map(({ passed, value, why }, index) => {
      const said = passed ? "passes" : value === null ? why : `gives ${value}`;
      return el(
        "li",
        { "data-passed": passed },
        el("span", { class: "mark", "aria-hidden": "true" }, passed ? "✓" : "✗"),
        " ",
        el("code", {}, examples[index] ?? ""),
        el("span", { class: "mark-said" }, ` ${said}`),
      );
    }),
  );
}

function shortly(probability: number): string {
  return probability >= 0.001 ? probability.toFixed(3) : probability.toExponential(1);
}
