// Filters to choose: languages, kinds, repositories and folders of the hits, each with how many there are.

import type { Facet, Facets, Filters } from "../searchapi";
import { el } from "../shell/dom";
import { toggled } from "./state";

const TITLES: [keyof Filters, string][] = [
  ["repos", "Project"],
  ["languages", "Language"],
  ["kinds", "Kind"],
  ["paths", "Folder"],
];
const MOST = 6;

/** What to offer of a facet: the chosen values first, even where nothing was found with them; nothing where there is no
 * choice. */
export function offered(facet: Facet[], chosen: string[]): Facet[] {
  const missing = chosen.filter((value) => !facet.some((each) => each.value === value)).map((value) => ({ value, hits: 0 }));
  const all = [...missing, ...facet];
  return all.length > 1 || chosen.length > 0 ? all.slice(0, Math.max(MOST, chosen.length)) : [];
}

/** A folder's filter as people write folders. */
export function label(filter: keyof Filters, value: string): string {
  if (filter === "paths") return value.replace(/^\//, "").replace(/\*\*$/, "");
  return LANGUAGE_NAMES[value] ?? value;
}

const LANGUAGE_NAMES: Record<string, string> = {
  ...{ python: "Python", java: "Java", javascript: "JavaScript", typescript: "TypeScript", go: "Go", rust: "Rust" },
  ...{ c: "C", cpp: "C++", csharp: "C#", ruby: "Ruby", php: "PHP", kotlin: "Kotlin", text: "text" },
};

export class FacetBar {
  readonly element = el("div", { class: "facets" });

  constructor(private readonly onChange: (filters: Filters) => void) {}

  show(facets: Facets | null, filters: Filters): void {
    const focused = this.element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-chip") : null;
    const groups = TITLES.map(([filter, title]) => this.group(filter, title, facets?.[filter] ?? [], filters));
    this.element.replaceChildren(...groups.filter((group) => group !== null));
    if (focused) this.element.querySelector<HTMLElement>(`[data-chip="${CSS.escape(focused)}"]`)?.focus();
  }

  private group(filter: keyof Filters, title: string, facet: Facet[], filters: Filters): HTMLElement | null {
    const offers = offered(facet, filters[filter]);
    if (offers.length === 0) return null;
    const chips = offers.map(({ value, hits }) => {
      const pressed = filters[filter].includes(value);
      return el(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-pressed": String(pressed),
          "data-chip": `${filter}:${value}`,
          onclick: () => this.onChange(toggled(filters, filter, value)),
        },
        label(filter, value),
        el("span", { class: "chip-count" }, pressed && hits === 0 ? "×" : String(hits)),
      );
    });
    return el("div", { class: "facet", role: "group", "aria-label": title }, el("span", { class: "facet-title" }, title), ...chips);
  }
}
