// The model's card in a dialog: what it was trained on, what it scored, how it learned.

import { card as fetchCard, type Card } from "../api";
import { el } from "../shell/dom";
import { drawCurve, legendOf } from "./curve";

export class CardDialog {
  private readonly body = el("div", { class: "card-body" });
  readonly element = el(
    "dialog",
    { class: "card", "aria-labelledby": "card-title" },
    el(
      "form",
      { method: "dialog", class: "card-head" },
      el("h2", { id: "card-title" }, "Model"),
      el("button", { class: "quiet", "aria-label": "Close" }, "Close"),
    ),
    this.body,
  );

  constructor() {
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.element.close(); // a click beside it
    });
  }

  async open(name: string): Promise<void> {
    this.title(name);
    this.body.replaceChildren(el("p", { class: "faint" }, "Reading the card…"));
    if (!this.element.open) this.element.showModal();
    try {
      const card = await fetchCard(name);
      this.title(card.name);
      this.body.replaceChildren(...sections(card));
    } catch (error) {
      this.body.replaceChildren(el("p", {}, error instanceof Error ? error.message : "The card could not be read."));
    }
  }

  private title(text: string): void {
    const heading = this.element.querySelector("h2");
    if (heading) heading.textContent = text;
  }
}

function sections(card: Card): Node[] {
  const megabytes = `${(card.bytes / 1e6).toFixed(1)} MB`;
  return [
    el("p", {}, card.description),
    el("p", { class: "faint" }, [card.languages.join(", "), megabytes, card.licence].filter(Boolean).join(" · ")),
    ...scores(card),
    ...curve(card),
    ...facts("Trained on", card.data),
    ...facts("Trained how", card.training),
  ];
}

function scores(card: Card): Node[] {
  if (card.scores.length === 0) return [];
  const rows = card.scores.map((score) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, score.on),
      el("td", {}, score.graph),
      el("td", {}, `${(score.accuracy * 100).toFixed(1)} %`),
      el("td", {}, score.bits_per_char.toFixed(3)),
      el("td", {}, score.loss_nats.toFixed(3)),
    ),
  );
  const heads = ["Scored on", "Graph", "Accuracy", "Bits a character", "Loss, nats"];
  return [
    el("h3", {}, "Scores"),
    el(
      "div",
      { class: "scroll" },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
        el("tbody", {}, ...rows),
      ),
    ),
  ];
}

function curve(card: Card): Node[] {
  const drawing = drawCurve(card.curve);
  if (!drawing) return [];
  const names = legendOf(card.curve).map((name, i) => el("li", { class: `legend-${i % 4}` }, name));
  return [el("h3", {}, "How it learned"), drawing, el("ul", { class: "legend" }, ...names)];
}

function facts(title: string, mapping: Record<string, unknown>): Node[] {
  const entries = Object.entries(mapping);
  if (entries.length === 0) return [];
  return [
    el("h3", {}, title),
    el(
      "dl",
      { class: "facts" },
      ...entries.map(([key, value]) => el("div", {}, el("dt", {}, key.replaceAll("_", " ")), el("dd", {}, fact(value)))),
    ),
  ];
}

/** A value of the card as people read it; what is long folds away. */
function fact(value: unknown): Node | string {
  if (typeof value === "number") return value.toLocaleString("en");
  if (value === null) return "none";
  if (typeof value !== "object") return String(value);
  const entries = Array.isArray(value) ? value : Object.entries(value).map(([key, of]) => `${key}: ${plain(of)}`);
  const texts = entries.map(plain);
  if (texts.join(", ").length <= 90) return texts.join(", ") || "none";
  return el(
    "details",
    {},
    el("summary", {}, `${texts.length} entries`),
    el("ul", {}, ...texts.map((text) => el("li", {}, text))),
  );
}

function plain(value: unknown): string {
  if (typeof value === "number") return value.toLocaleString("en");
  if (value !== null && typeof value === "object")
    return Array.isArray(value)
      ? value.map(plain).join(", ")
      : Object.entries(value)
          .map(([key, of]) => `${key} ${plain(of)}`)
          .join(", ");
  return String(value);
}
