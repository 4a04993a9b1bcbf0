// What a program should give: rows of IN and OUT.

import { el } from "../shell/dom";

const MOST = 20;

/** An example as its two fields: cut at the last = that is neither part of another sign nor within a text. */
export function halves(example: string): [given: string, wanted: string] {
  let quote = "";
  let at = -1;
  for (let i = 0; i < example.length; i++) {
    const sign = example[i]!;
    if (sign === "\\" && quote) i++;
    else if (quote) quote = sign === quote ? "" : quote;
    else if (sign === "'" || sign === '"') quote = sign;
    else if (sign === "=") at = i;
  }
  return at < 0 ? [example, ""] : [example.slice(0, at).trim(), example.slice(at + 1).trim()];
}

export class Examples {
  private readonly rows = el("div", { class: "example-rows" });
  private readonly more = el("button", { type: "button", class: "more-examples" }, "Add an example");
  readonly element = el(
    "details",
    { class: "io" },
    el("summary", {}, "Examples of what it should give"),
    el("p", { class: "faint" }, "Inputs by name or position and the value, as Python writes them. Programs are then run, in a sandbox, until one passes."),
    this.rows,
    this.more,
  );

  constructor() {
    this.more.addEventListener("click", () => {
      this.add("", "");
      this.rows.lastElementChild?.querySelector("input")?.focus();
    });
    this.set([]);
  }

  /** As IN=OUT; rows that are blank do not count. */
  get(): string[] {
    return [...this.rows.children].flatMap((row) => {
      const [given = "", wanted = ""] = [...row.querySelectorAll("input")].map((input) => input.value.trim());
      return given || wanted ? [`${given}=${wanted}`] : [];
    });
  }

  /** Mark the example that a message quotes; says whether it quotes one. */
  blame(message: string): boolean {
    let found = false;
    for (const row of this.rows.children) {
      const text = textOf(row);
      const blamed: boolean = text !== "" && !found && (message.startsWith(`'${text}'`) || message.startsWith(`"${text}"`));
      found ||= blamed;
      for (const input of row.querySelectorAll("input")) {
        if (blamed) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
      }
    }
    return found;
  }

  set(examples: string[]): void {
    this.rows.replaceChildren();
    for (const example of examples) this.add(...halves(example));
    if (examples.length === 0) this.add("", "");
    this.element.open = examples.length > 0;
  }

  private add(given: string, wanted: string): void {
    const number = this.rows.children.length + 1;
    const field = (label: string, value: string, placeholder: string): HTMLInputElement =>
      el("input", { "aria-label": `${label} of example ${number}`, value, placeholder, maxlength: 490, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    const away = el("button", { type: "button", class: "away", "aria-label": `Remove example ${number}` }, "✕");
    const row = el("div", { class: "example-row" }, field("Inputs", given, "s='a b'"), el("span", { "aria-hidden": "true" }, "="), field("Value", wanted, "2"), away);
    away.addEventListener("click", () => this.set([...this.rows.children].filter((each) => each !== row).map(textOf).filter(Boolean)));
    this.rows.append(row);
    this.more.hidden = this.rows.children.length >= MOST;
  }
}

function textOf(row: Element): string {
  const [given = "", wanted = ""] = [...row.querySelectorAll("input")].map((input) => input.value.trim());
  return given || wanted ? `${given}=${wanted}` : "";
}
