// How suggestions are made: language, model, reach, from comments or not, temperature. Kept by the browser from visit to visit.

import type { Kind, ModelList, ModelRow } from "../api";
import { el } from "../shell/dom";
import { LANGUAGES, languageNamed } from "./languages";

export interface Settings {
  language: string;
  model: string | undefined;
  kind: Kind;
  fromComments: boolean;
  temperature: number;
}

const KEY = "codling.settings";

function recall(): Settings {
  const settings: Settings = { language: "python", model: undefined, kind: "line", fromComments: true, temperature: 0 };
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>;
    if (typeof kept.language === "string") settings.language = languageNamed(kept.language).name;
    if (typeof kept.model === "string") settings.model = kept.model;
    if (kept.kind === "line" || kept.kind === "block") settings.kind = kept.kind;
    if (typeof kept.fromComments === "boolean") settings.fromComments = kept.fromComments;
    if (typeof kept.temperature === "number" && kept.temperature >= 0 && kept.temperature <= 1.5)
      settings.temperature = kept.temperature;
  } catch {
    // no storage, or not ours: begin anew
  }
  return settings;
}

export class SettingsPanel {
  readonly settings = recall();
  readonly element: HTMLElement;
  private readonly select = el("select", { id: "model" });
  private readonly language = el("select", { id: "language" });
  private models: ModelRow[] = [];

  /** @param onChange the answers would be others now. @param onAbout the chosen model's card was asked for. */
  constructor(
    private readonly onChange: () => void,
    onAbout: (model: string) => void,
  ) {
    this.select.addEventListener("change", () => this.chooseModel(this.select.value));
    this.language.addEventListener("change", () => this.chooseLanguage(this.language.value));
    const about = el("button", { type: "button", class: "quiet", onclick: () => onAbout(this.select.value) }, "About it");
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": "settings-title" },
      el("h2", { id: "settings-title" }, "Suggestions"),
      el("div", { class: "field" }, el("label", { for: "language" }, "Language"), this.language),
      el("div", { class: "field" }, el("label", { for: "model" }, "Model"), el("div", { class: "row" }, this.select, about)),
      this.kinds(),
      this.comments(),
      this.temperature(),
    );
  }

  /** Fill in the models that the server has. */
  offer(list: ModelList): void {
    this.models = list.models;
    const names = list.models.map((model) => model.name);
    const chosen = this.settings.model && names.includes(this.settings.model) ? this.settings.model : list.default;
    this.settings.model = chosen;
    this.settings.language = this.languageFor(chosen);
    const taught = new Set(list.models.flatMap((model) => model.languages));
    this.language.replaceChildren(
      ...LANGUAGES.filter(({ name }) => taught.has(name) || name === this.settings.language).map(({ name, title }) =>
        el("option", { value: name, selected: name === this.settings.language }, title),
      ),
    );
    this.select.replaceChildren(
      ...list.models.map((model) =>
        el("option", { value: model.name, title: model.description, selected: model.name === chosen }, model.name),
      ),
    );
  }

  /** The language to write in with a model: the present one, if the model has learned it. */
  private languageFor(model: string): string {
    const languages = this.models.find(({ name }) => name === model)?.languages ?? [];
    const { language } = this.settings;
    return languages.length === 0 || languages.includes(language) ? language : languageNamed(languages[0]!).name;
  }

  private chooseModel(model: string): void {
    const language = this.languageFor(model);
    this.language.value = language;
    this.change({ model, language });
  }

  private chooseLanguage(language: string): void {
    const knows = (row: ModelRow | undefined): boolean => row !== undefined && row.languages.includes(language);
    const present = this.models.find(({ name }) => name === this.settings.model);
    const named = this.models.find(({ name }) => name === language);
    const model = knows(present) ? present : knows(named) ? named : this.models.find(knows);
    if (model) this.select.value = model.name;
    this.change(model ? { language, model: model.name } : { language });
  }

  private change(changed: Partial<Settings>): void {
    Object.assign(this.settings, changed);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.settings));
    } catch {
      // a browser that keeps nothing: the choice holds until the page is left
    }
    this.onChange();
  }

  private kinds(): HTMLElement {
    const choice = (kind: Kind, label: string): HTMLElement =>
      el(
        "label",
        {},
        el("input", {
          type: "radio",
          name: "kind",
          value: kind,
          checked: this.settings.kind === kind,
          onchange: () => this.change({ kind }),
        }),
        el("span", {}, label),
      );
    return el(
      "fieldset",
      { class: "field" },
      el("legend", {}, "Reach"),
      el("div", { class: "choices" }, choice("line", "Rest of the line"), choice("block", "Whole block")),
    );
  }

  private comments(): HTMLElement {
    const box = el("input", { type: "checkbox", checked: this.settings.fromComments });
    box.addEventListener("change", () => this.change({ fromComments: box.checked }));
    return el("div", { class: "field" }, el("label", { class: "check" }, box, "Programs from comments"));
  }

  private temperature(): HTMLElement {
    return slider("temperature", "Temperature", this.settings.temperature, (temperature) => this.change({ temperature }));
  }
}

/** A labelled temperature slider; 0 is named for what it means. */
export function slider(id: string, label: string, value: number, onChange: (value: number) => void): HTMLElement {
  const say = (shown: number): string => (shown === 0 ? "0 · the likeliest" : shown.toFixed(1));
  const output = el("output", { for: id }, say(value));
  const input = el("input", { id, type: "range", min: 0, max: 1.5, step: 0.1, value });
  input.addEventListener("input", () => (output.textContent = say(input.valueAsNumber)));
  input.addEventListener("change", () => onChange(input.valueAsNumber));
  return el("div", { class: "field" }, el("div", { class: "row spread" }, el("label", { for: id }, label), output), input);
}
