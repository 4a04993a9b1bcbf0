// The list of hits: each a link that opens the file there, with its code and what can be done with it.

import type { Hit, Place } from "../searchapi";
import { el } from "../shell/dom";
import { codeOf } from "./code";
import { grammarFor } from "./grammars";
import type { Lines, SearchState } from "./state";
import { whyOf } from "./why";

export interface HitEvents {
  /** The address of the page with this file open beside the list. */
  address(lines: Lines): string;
  onOpen(lines: Lines): void;
  /** The keyboard has come to a hit. */
  onLook(lines: Lines): void;
  onRelated(place: Place): void;
  /** The keyboard leaves the list upwards. */
  onLeave(): void;
}

export function linesOf(hit: Hit): Lines {
  return { repo: hit.repo, path: hit.path, line: hit.line, endLine: hit.end_line };
}

export class HitList {
  readonly element = el("ol", { class: "hits", "aria-label": "Hits" });
  private links: HTMLAnchorElement[] = [];
  private hits: Hit[] = [];

  constructor(private readonly events: HitEvents) {
    this.element.addEventListener("keydown", (event) => this.pressed(event));
  }

  get length(): number {
    return this.hits.length;
  }

  /** @param more the list only grows: what is open in it and where it stands remain. */
  show(hits: Hit[], state: SearchState, severalRepos: boolean, more: boolean): void {
    const kept = more ? this.hits.length : 0;
    this.hits = hits;
    const items = hits.slice(kept).map((hit) => this.item(hit, state, severalRepos));
    if (more) this.element.append(...items);
    else this.element.replaceChildren(...items);
    this.links = [...this.element.querySelectorAll<HTMLAnchorElement>(".hit-link")];
    this.mark(state.open);
  }

  /** Whether somebody looks into a hit: at why it is there, or at its copies. */
  get isUnfolded(): boolean {
    return this.element.querySelector("[aria-expanded=true], details[open]") !== null;
  }

  /** Show which hit is the open one. */
  mark(open: Lines | undefined): void {
    this.hits.forEach((hit, i) => {
      const same = open !== undefined && hit.path === open.path && hit.repo === open.repo && hit.line === open.line;
      const item = this.links[i]?.closest("li");
      item?.toggleAttribute("data-open", same);
      if (same) this.links[i]?.setAttribute("aria-current", "true");
      else this.links[i]?.removeAttribute("aria-current");
    });
  }

  focus(index: number): boolean {
    const link = this.links[index];
    link?.focus();
    return link !== undefined;
  }

  /** Of the open hit, or of the first. */
  get openIndex(): number {
    return Math.max(
      0,
      this.links.findIndex((link) => link.hasAttribute("aria-current")),
    );
  }

  openFirst(): void {
    const hit = this.hits[0];
    if (hit) this.events.onOpen(linesOf(hit));
  }

  private pressed(event: KeyboardEvent): void {
    const index = this.links.findIndex((link) => link.closest("li")?.contains(event.target as Node));
    const onLink = event.target === this.links[index];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") this.events.onLeave();
    else if (event.key === "ArrowDown") this.focus(Math.min(index + 1, this.links.length - 1));
    else if (event.key === "ArrowUp") {
      if (index > 0) this.focus(onLink ? index - 1 : index);
      else this.events.onLeave();
    } else if (event.key === "Home") this.focus(0);
    else if (event.key === "End") this.focus(this.links.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private item(hit: Hit, state: SearchState, severalRepos: boolean): HTMLElement {
    const lines = linesOf(hit);
    const place = `${severalRepos ? `${hit.repo} / ` : ""}${hit.path}`;
    const link = el("a", { class: "hit-link", href: this.events.address(lines) }, hit.qualified_name || hit.path.split("/").pop()!);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab or window of its own
      event.preventDefault();
      this.events.onOpen(lines);
    });
    link.addEventListener("focus", () => {
      if (link.matches(":focus-visible")) this.events.onLook(lines);
    });
    const head = el(
      "div",
      { class: "hit-head" },
      el("h2", {}, link),
      el("span", { class: "kind", "data-kind": hit.kind }, hit.kind),
      el("span", { class: "hit-place", title: place }, el("bdi", {}, place), `:${hit.line}`),
    );
    const item = el("li", { class: "hit" }, head);
    if (hit.snippet) item.append(this.code(hit, lines));
    item.append(this.actions(hit, lines, state));
    return item;
  }

  private code(hit: Hit, lines: Lines): HTMLElement {
    const place = el("div", { class: "hit-code" }, codeOf(hit.snippet!, null));
    void grammarFor(hit.language, hit.path).then((grammar) => {
      if (grammar) place.replaceChildren(codeOf(hit.snippet!, grammar));
    });
    place.addEventListener("click", () => {
      if (!getSelection()?.toString()) this.events.onOpen(lines); // who selects text wants to copy it
    });
    return place;
  }

  private actions(hit: Hit, lines: Lines, state: SearchState): HTMLElement {
    const name = hit.qualified_name || hit.path;
    const why = whyOf(hit, state);
    why.hidden = true;
    const toggle = el("button", { type: "button", class: "action", "aria-expanded": "false" }, "Why this hit");
    toggle.addEventListener("click", () => {
      why.hidden = !why.hidden;
      toggle.setAttribute("aria-expanded", String(!why.hidden));
    });
    const related = el(
      "button",
      { type: "button", class: "action", "aria-label": `Related code: ${name}`, onclick: () => this.events.onRelated(lines) },
      "Related code",
    );
    const bar = el("div", { class: "hit-actions" }, related, toggle);
    if (hit.folded.length > 0) {
      const copies = hit.folded.map((copy) => {
        const there = { repo: hit.repo, path: copy.path, line: copy.line };
        const link = el("a", { href: this.events.address(there) }, `${copy.path}:${copy.line}`);
        return el("li", {}, link);
      });
      bar.append(el("details", { class: "copies" }, el("summary", {}, `${hit.folded.length} alike`), el("ul", {}, ...copies)));
    }
    return el("div", {}, bar, why);
  }
}
