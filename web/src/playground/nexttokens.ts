// The side list: what the model thinks comes next, with how sure it is.

import type { Suggestion } from "../api";
import { el } from "../shell/dom";

/** A token as it is shown: blanks and breaks made visible. */
export function visible(text: string): string {
  return text.replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
}

/** A token as it is read aloud. */
function spoken(text: string): string {
  if (text.trim() !== "") return text;
  if (text.includes("\n")) return "line break";
  return text.length === 1 ? "space" : `${text.length} spaces`;
}

/** A probability in per cent, honest at both ends. */
export function percent(probability: number): string {
  const value = probability * 100;
  if (value < 0.1) return "<0.1 %";
  if (value > 99.9 && value < 100) return ">99.9 %";
  return value < 10 ? `${value.toFixed(1)} %` : `${Math.round(value)} %`;
}

export class NextTokens {
  readonly element: HTMLElement;
  private readonly list = el("ol", { class: "tokens", "aria-label": "Next tokens, the likeliest first" });
  private readonly nothing = el("p", { class: "faint" }, "Put the cursor into the code.");

  /** @param onPick a token was chosen. @param onLeave the keyboard wants back to the editor. */
  constructor(
    private readonly onPick: (text: string) => void,
    onLeave: () => void,
  ) {
    this.list.addEventListener("keydown", (event) => this.move(event, onLeave));
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": "tokens-title" },
      el("h2", { id: "tokens-title" }, "What comes next"),
      this.nothing,
      this.list,
    );
  }

  /** The text has changed: until the answer comes, what is listed belongs to another place. */
  outdate(): void {
    this.list.dataset.old = "";
  }

  show(suggestions: Suggestion[]): void {
    delete this.list.dataset.old;
    this.nothing.hidden = suggestions.length > 0;
    this.nothing.textContent = "Nothing is likely here.";
    const focused = [...this.list.children].findIndex((item) => item.contains(document.activeElement));
    this.list.replaceChildren(...suggestions.map((suggestion) => this.item(suggestion)));
    if (focused >= 0) this.focus(Math.min(focused, suggestions.length - 1));
  }

  focus(index: number): void {
    this.list.children[index]?.querySelector("button")?.focus();
  }

  private item({ text, score }: Suggestion): HTMLElement {
    const bar = el("span", { class: "token-bar", "aria-hidden": true });
    bar.style.setProperty("--share", `${Math.max(score * 100, 0.5)}%`);
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "token",
          "aria-label": `${spoken(text)}, ${percent(score)}`,
          onclick: () => this.onPick(text),
        },
        bar,
        el("code", { class: "token-text" }, visible(text)),
        el("span", { class: "token-share" }, percent(score)),
      ),
    );
  }

  private move(event: KeyboardEvent, onLeave: () => void): void {
    const items = [...this.list.children];
    const now = items.findIndex((item) => item.contains(event.target as Node));
    if (event.key === "ArrowDown") this.focus(Math.min(now + 1, items.length - 1));
    else if (event.key === "ArrowUp") this.focus(Math.max(now - 1, 0));
    else if (event.key === "Escape") onLeave();
    else return;
    event.preventDefault();
  }
}
