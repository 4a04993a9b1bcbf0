// What a step looked at: the description's words, shaded by how much, and in words what was decided and how surely.

import { bars, percent } from "../shell/chances";
import { el } from "../shell/dom";
import { heaviest, type Derivation } from "./derivation";

const LISTED = 4;

export class AttentionView {
  private readonly words = el("p", { class: "words" });
  private readonly decided = el("div", { class: "decision" });
  readonly element = el(
    "section",
    { class: "attention", "aria-label": "Attention" },
    el("h3", {}, "It reads"),
    this.words,
    el("h3", {}, "It decides"),
    this.decided,
  );
  private said: string[] = [];

  load(words: string[]): void {
    this.said = words;
    this.words.replaceChildren(...words.flatMap((word) => [el("span", { class: "word" }, word), " "]));
  }

  /** @param at a step; one that does not exist shows nothing of it. */
  show(derivation: Derivation, at: number): void {
    const step = derivation.steps[at];
    const copied = step ? derivation.copied(step, this.said) : new Set<number>();
    const most = Math.max(...(step?.weights ?? []), 0.01);
    [...this.words.querySelectorAll<HTMLElement>(".word")].forEach((word, place) => {
      const weight = step?.weights[place] ?? 0;
      word.style.setProperty("--weight", `${Math.round((weight / most) * 100)}%`);
      word.toggleAttribute("data-copied", copied.has(place));
      word.title = step ? percent(weight) : "";
    });
    if (!step) {
      this.decided.replaceChildren(el("p", { class: "decided" }, "The program is complete. Point at a part of it to see which words gave it."));
      return;
    }
    const where = step.parent < 0 ? ` (${step.type})` : ` ${derivation.place(step)} (${step.type})`;
    const parts = step.parts.flatMap(([text, isCopied], index) => [
      index > 0 ? " + " : "",
      el("code", isCopied ? { class: "copied" } : {}, text),
    ]);
    const words = heaviest(step.weights, LISTED).map((place) => ({
      name: this.said[place] ?? "",
      share: step.weights[place]!,
      chosen: copied.has(place),
    }));
    this.decided.replaceChildren(
      el(
        "p",
        { class: "decided" },
        step.kind === "end" ? "end of" : el("code", {}, step.label === "" ? "''" : step.label),
        el("span", { class: "faint" }, `${step.kind === "end" ? "" : " as"}${where}`),
      ),
      el("p", { class: "origin" }, `${derivation.origin(step)}, ${percent(step.probability)}`, ...(parts.length > 0 ? [": ", ...parts] : [])),
      ...(words.length > 0 ? [el("p", { class: "faint looked-at" }, "It looked at"), bars(words, "Words")] : []),
    );
  }
}
