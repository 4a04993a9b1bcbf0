// The search page: a box, filters, hits as one types, and a file beside them. What it shows stands in the address.

import type { Found, Repo } from "../searchapi";
import { el } from "../shell/dom";
import { Status } from "../shell/status";
import type { Mounted, View } from "../shell/views";
import { Asker } from "./asker";
import { FacetBar } from "./facets";
import { HitList } from "./hits";
import { nothingFound, nothingToSearch, summaryOf, welcome } from "./notes";
import { RepoWatch, progressOf } from "./repos";
import { NO_FILTERS, isFiltered, readState, writeState, type Lines, type SearchState } from "./state";
import { Viewer } from "./viewer";

const STEP = 20;
const MOST = 100;
const LOOK_MS = 90; // how long the keyboard stays on a hit before its file is fetched
const WIDE = matchMedia("(min-width: 1001px)");

class SearchPage implements Mounted {
  private state: SearchState = readState("");
  private repos: Repo[] | undefined;
  private limit = STEP;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private opensFirst = false; // Enter was pressed before the hits had come

  private readonly input = el("input", {
    class: "search-input",
    type: "search",
    "aria-label": "Search code",
    placeholder: "A name, a definition, or what the code does",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    maxlength: 4000,
  });
  private readonly subject = el("div", { class: "subject", hidden: true });
  private readonly summary = el("p", { class: "summary", role: "status" });
  private readonly progress = el("div", { class: "progress" });
  private readonly note = el("div", { class: "notes" });
  private readonly more = el("button", { type: "button", class: "more", hidden: true, onclick: () => this.showMore() }, "Show more");
  private readonly status = new Status(() => this.again());
  private readonly watch: RepoWatch;
  private readonly asker = new Asker({
    onFound: (found, asked) => this.found(found, asked),
    onRefused: (message) => this.complain(message),
    onLost: () => this.status.lost(),
  });
  private readonly facets = new FacetBar((filters) => this.change({ ...this.state, filters }));
  private readonly list = new HitList({
    address: (lines) => `#search?${writeState({ ...this.state, open: lines })}`,
    onOpen: (lines) => this.open(lines, true),
    onLook: (lines) => this.look(lines),
    onRelated: (place) => this.relatedTo(place),
    onLeave: () => this.input.focus(),
  });
  private readonly viewer = new Viewer({
    onLines: (lines) => this.write({ ...this.state, open: lines }, false),
    onRelated: (place) => this.relatedTo(place),
    onDefinition: (name) => this.change({ ...this.state, definitionOf: name }),
    onClose: () => this.close(),
  });
  private readonly results: HTMLElement;
  private readonly root: HTMLElement;

  constructor(into: HTMLElement) {
    this.results = el("div", { class: "results" }, this.note, this.list.element, this.more);
    const form = el("form", { class: "search-form", role: "search" }, this.input, this.subject);
    this.root = el(
      "div",
      { class: "search" },
      el("div", { class: "search-head" }, form, this.facets.element, this.summary, this.progress),
      el("div", { class: "search-body" }, this.results, this.viewer.element),
    );
    into.append(this.root);
    form.addEventListener("submit", (event) => event.preventDefault());
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    document.addEventListener("keydown", (event) => this.pressedAnywhere(event));
    this.watch = new RepoWatch(
      { onRepos: (all, changed) => this.heard(all, changed), onLost: () => this.status.lost() },
      () => !into.hidden,
    );
  }

  /** The view is shown, or its address has changed. */
  restore(text: string): void {
    const state = readState(text);
    const asksTheSame = writeState(without(state)) === writeState(without(this.state));
    this.state = state;
    if (this.input.value !== state.query) this.input.value = state.query;
    this.watch.look();
    if (!asksTheSame || this.list.length === 0) this.ask(false);
    this.showOpen();
    if (!state.open || WIDE.matches) this.input.focus({ preventScroll: true });
  }

  private typed(): void {
    const { filters, open } = this.state;
    this.write({ query: this.input.value, filters, ...(open && WIDE.matches ? { open } : {}) }, false);
    this.ask(true);
  }

  /** Ask for something else; it gets a place in the history. */
  private change(state: SearchState): void {
    this.write(state, true);
    if (this.input.value !== state.query) this.input.value = state.query;
    this.ask(false);
    this.showOpen();
  }

  private relatedTo({ repo, path, line }: Lines): void {
    const { query, filters } = this.state;
    this.change({ query, filters, like: { repo, path, line }, ...(WIDE.matches && this.state.open ? { open: this.state.open } : {}) });
    this.input.focus();
  }

  private ask(typing: boolean): void {
    this.limit = STEP;
    this.opensFirst = false;
    this.showSubject();
    const { query, filters, like, definitionOf } = this.state;
    if (!query.trim() && !like && !definitionOf && !isFiltered(filters)) {
      this.asker.cancel();
      this.list.show([], this.state, false, false);
      this.more.hidden = true;
      this.facets.show(null, NO_FILTERS);
      this.summary.textContent = "";
      this.results.removeAttribute("aria-busy");
      this.showWelcome();
      return;
    }
    this.results.setAttribute("aria-busy", "true");
    this.asker.ask(this.state, this.limit, typing);
  }

  private again(): void {
    this.watch.look();
    this.ask(false);
  }

  private showMore(): void {
    this.limit = Math.min(MOST, this.limit + 2 * STEP);
    this.asker.ask(this.state, this.limit, false);
  }

  private found(found: Found, asked: SearchState): void {
    this.status.fine();
    const isNew = this.results.hasAttribute("aria-busy");
    this.results.removeAttribute("aria-busy");
    const focused = this.more === document.activeElement ? this.list.length : -1;
    const several = (this.repos?.length ?? 0) > 1;
    this.list.show(found.hits, { ...asked, ...(this.state.open ? { open: this.state.open } : {}) }, several, this.limit > STEP);
    if (isNew) this.results.scrollTop = 0;
    if (focused >= 0) this.list.focus(focused);
    this.more.hidden = found.hits.length < this.limit || this.limit >= MOST;
    this.facets.show(found.facets, asked.like || asked.definitionOf ? NO_FILTERS : asked.filters);
    const summary = summaryOf(found, this.limit);
    if (this.summary.textContent !== summary) this.summary.textContent = summary; // it would be read out again
    const nothing = this.repos?.length === 0 ? nothingToSearch() : nothingFound(asked, found.indexing, () => this.clearFilters());
    this.note.replaceChildren(...(found.hits.length === 0 ? [nothing] : []));
    if (this.opensFirst) this.list.openFirst();
    this.opensFirst = false;
  }

  /** A query that cannot be read: say why, and leave the hits of the one before. */
  private complain(message: string): void {
    this.results.removeAttribute("aria-busy");
    this.status.fine();
    if (this.repos?.length === 0) {
      this.note.replaceChildren(nothingToSearch());
      return;
    }
    this.summary.replaceChildren(el("span", { class: "complaint" }, message));
  }

  private clearFilters(): void {
    this.change({ ...this.state, filters: NO_FILTERS });
    this.input.focus();
  }

  private heard(all: Repo[], changed: boolean): void {
    const first = this.repos === undefined;
    this.repos = all;
    this.status.fine();
    const progress = progressOf(all);
    const text = progress.map((each) => each.textContent).join();
    if (text !== this.progress.dataset.text) this.progress.replaceChildren(...progress); // alerts would be read out again
    this.progress.dataset.text = text;
    if (changed) {
      void this.viewer.refresh();
      if (this.list.length === 0 || !this.results.contains(document.activeElement)) this.refresh();
    }
    if (first || changed) this.showWelcome();
  }

  /** The index is another: ask again, unless that would move what somebody reads. */
  private refresh(): void {
    const { query, like, definitionOf, filters } = this.state;
    const asks = query.trim() || like || definitionOf || isFiltered(filters);
    const isAtTop = this.results.scrollTop === 0 && scrollY === 0;
    if (asks && this.limit === STEP && isAtTop && !this.list.isUnfolded) this.asker.ask(this.state, this.limit, false);
  }

  private showWelcome(): void {
    const { query, like, definitionOf, filters } = this.state;
    if (!this.repos || query.trim() || like || definitionOf || isFiltered(filters)) return;
    const fill = (example: string): void => {
      this.input.value = example;
      this.input.focus();
      this.typed();
    };
    this.note.replaceChildren(welcome(this.repos, fill));
  }

  /** What is asked in place of the words in the box. */
  private showSubject(): void {
    const { like, definitionOf, query, filters } = this.state;
    this.subject.hidden = !like && !definitionOf;
    if (!like && !definitionOf) return;
    const back = (): void => {
      this.change({ query, filters, ...(this.state.open ? { open: this.state.open } : {}) });
      this.input.focus();
    };
    const text = like ? `Code like ${like.path}:${like.line}` : `Definitions of ${definitionOf}`;
    this.subject.replaceChildren(
      el("span", {}, text),
      el("button", { type: "button", class: "action", "aria-label": `${text}: back to the search`, onclick: back }, "✕"),
    );
  }

  private look(lines: Lines): void {
    clearTimeout(this.looking);
    if (!WIDE.matches) return;
    this.looking = setTimeout(() => {
      this.write({ ...this.state, open: lines }, false);
      this.showOpen();
    }, LOOK_MS);
  }

  private open(lines: Lines, focus: boolean): void {
    clearTimeout(this.looking);
    this.write({ ...this.state, open: lines }, true);
    this.showOpen();
    if (focus) this.viewer.focus();
  }

  private close(): void {
    const index = this.list.openIndex;
    this.write(without(this.state), true);
    this.showOpen(); // first, for on a phone the list was hidden
    if (!this.list.focus(index)) this.input.focus();
    clearTimeout(this.looking); // the keyboard is on that hit again, but it has just been closed
  }

  private showOpen(): void {
    const { open } = this.state;
    this.root.toggleAttribute("data-open", open !== undefined);
    if (open) void this.viewer.show(open);
    else this.viewer.hide();
    this.list.mark(open);
  }

  private write(state: SearchState, inHistory: boolean): void {
    this.state = state;
    const text = writeState(this.state);
    const address = text ? `#search?${text}` : "#search";
    if (address === location.hash) return;
    if (inHistory) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown" && this.list.focus(0)) event.preventDefault();
    else if (event.key === "Enter" && this.results.hasAttribute("aria-busy")) this.opensFirst = true;
    else if (event.key === "Enter") this.list.openFirst();
    else if (event.key === "Escape") {
      event.preventDefault();
      if (this.state.open) this.close();
      else if (this.input.value || this.state.like || this.state.definitionOf) {
        this.change({ query: "", filters: this.state.filters });
        this.input.focus();
      }
    }
  }

  private pressedAnywhere(event: KeyboardEvent): void {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || this.root.offsetParent === null) return;
    const target = event.target as HTMLElement;
    if (target.matches("input, textarea, select") || target.closest("[contenteditable=true]")) return;
    event.preventDefault();
    this.input.focus();
    this.input.select();
  }
}

/** A state without its open file. */
function without(state: SearchState): SearchState {
  const { open: _, ...rest } = state;
  return rest;
}

export const search: View = {
  id: "search",
  title: "Search",
  about: "code search on your own machine",
  mount: (into) => new SearchPage(into),
};
