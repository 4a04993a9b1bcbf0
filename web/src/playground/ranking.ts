// A list of what may come next, with how sure the model is: next tokens, or whole lines.

import type { Suggestion } from "../api";
import { el } from "../shell/dom";

/** A text as it is shown: blanks and breaks made visible. */
export function visible(text: string): string {
  return text.replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
}

/** A text as it is read aloud. */
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

export interface RankingEvents {
  /** A text was chosen. */
  onPick(text: string): void;
  /** The keyboard wants back to the editor. */
  onLeave(): void;
  /** The keyboard wants to the list beside this one. */
  onAside(row: number): void;
}

export class Ranking {
  readonly element: HTMLElement;
  private readonly list: HTMLElement;
  private readonly nothing = el("p", { class: "faint" }, "Put the cursor into the code.");

  /** @param kind names the list in the style sheet. @param rows it keeps room for. */
  constructor(
    private readonly kind: "tokens" | "lines",
    title: string,
    rows: number,
    private readonly events: RankingEvents,
  ) {
    this.list = el("ol", { class: `ranking ${kind}`, "aria-labelledby": `${kind}-title` });
    this.list.style.setProperty("--rows", String(rows));
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": `${kind}-title` },
      el("h2", { id: `${kind}-title` }, title),
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
    if (focused >= 0 && !this.focus(focused)) this.events.onLeave();
  }

  /** Put the keyboard on a row, or on the last one; says whether there is any. */
  focus(row: number): boolean {
    const button = this.list.children[Math.min(row, this.list.children.length - 1)]?.querySelector("button");
    button?.focus();
    return button != null;
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
          title: text.length > 24 ? text : "",
          "aria-label": `${spoken(text)}, ${percent(score)}`,
          onclick: () => this.events.onPick(text),
        },
        bar,
        el("code", { class: "token-text" }, this.kind === "tokens" ? visible(text) : text),
        el("span", { class: "token-share" }, percent(score)),
      ),
    );
  }

  private move(event: KeyboardEvent): void {
    const items = [...this.list.children];
    const now = items.findIndex((item) => item.contains(event.target as Node));
    if (event.key === "ArrowDown") this.focus(now + 1);
    else if (event.key === "ArrowUp" && now <= 0) this.events.onLeave();
    else if (event.key === "ArrowUp") this.focus(now - 1);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.events.onAside(now);
    else if (event.key === "Escape") this.events.onLeave();
    else return;
    event.preventDefault();
  }
}
