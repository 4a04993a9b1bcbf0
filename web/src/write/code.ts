// A program's text: coloured, what has not been written yet faint, and what the step that is looked at stands for marked.

import { pythonLanguage } from "@codemirror/lang-python";
import { classHighlighter, highlightTree } from "@lezer/highlight";
import { el } from "../shell/dom";
import type { Derivation } from "./derivation";

/** A stretch of code of one colour that one step has written. */
export interface Stretch {
  from: number;
  to: number;
  classes: string;
  owner: number;
}

/** Cut code where colours change, or the step that wrote it. */
export function stretches(code: string, owners: number[]): Stretch[] {
  const classes = new Array<string>(code.length).fill("");
  highlightTree(pythonLanguage.parser.parse(code), classHighlighter, (from, to, found) => classes.fill(found, from, to));
  const found: Stretch[] = [];
  for (let at = 0; at < code.length; at++) {
    const last = found.at(-1);
    const owner = owners[at] ?? 0;
    if (last && last.owner === owner && last.classes === classes[at]) last.to = at + 1;
    else found.push({ from: at, to: at + 1, classes: classes[at]!, owner });
  }
  return found;
}

/** Code in colours, and nothing else. */
export function coloured(code: string): HTMLElement {
  const parts = stretches(code, []).map(({ from, to, classes }) => el("span", { class: classes || undefined }, code.slice(from, to)));
  return el("code", {}, ...parts);
}

export class CodeView {
  private readonly text = el("code");
  readonly element = el("pre", { class: "written-code", tabindex: "0", role: "region", "aria-label": "Code" }, this.text);
  private parts: [Stretch, HTMLElement][] = [];

  /** @param onLook the pointer is over what a step wrote, or over nothing. @param onChoose it was clicked. */
  constructor(
    private readonly onLook: (step: number | null) => void,
    private readonly onChoose: (step: number) => void,
  ) {
    this.element.addEventListener("pointerleave", () => this.onLook(null));
  }

  load(derivation: Derivation): void {
    const { code } = derivation.program;
    this.parts = stretches(code, derivation.owners()).map((part) => {
      const { owner } = part;
      const element = el(
        "span",
        { class: part.classes || undefined, onpointerenter: () => this.onLook(owner), onclick: () => this.onChoose(owner) },
        el("span", {}, code.slice(part.from, part.to)), // hidden by itself, so that its place can be marked
      );
      return [part, element];
    });
    this.text.replaceChildren(...this.parts.map(([, element]) => element));
  }

  /** @param position what later steps write is not there yet. @param span of the code, to be marked. */
  show(position: number, span: [number, number] | null): void {
    for (const [{ from, to, owner }, element] of this.parts) {
      element.toggleAttribute("data-unborn", owner > position);
      element.toggleAttribute("data-looked", span !== null && span[0] <= from && to <= span[1]);
    }
  }
}
