// The tree as it grows: a row for each node, indented by its depth, with its texts in it.

import { el } from "../shell/dom";
import type { Derivation } from "./derivation";

export class TreeView {
  readonly element = el("div", { class: "tree", role: "tree", "aria-label": "Syntax tree" });
  private items: (HTMLElement | undefined)[] = [];
  private derivation: Derivation | undefined;
  private current = 0;

  /** @param onLook a step is under the pointer or has the focus, or none is. @param onChoose it was clicked, or Enter. */
  constructor(
    private readonly onLook: (step: number | null) => void,
    private readonly onChoose: (step: number) => void,
  ) {
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("pointerleave", () => this.onLook(null));
    this.element.addEventListener("focusout", () => this.onLook(null));
  }

  load(derivation: Derivation): void {
    this.derivation = derivation;
    const rows = new Map<number, HTMLElement>();
    this.items = derivation.steps.map((step, at) => {
      if (step.kind === "end") return undefined; // the parent's row stands for it
      const item = this.item(at);
      const row = step.kind === "token" ? rows.get(step.parent) : undefined;
      if (row) {
        row.append(item);
        return item;
      }
      const field = step.field ? [el("span", { class: "tree-field", "aria-hidden": "true" }, step.field)] : [];
      const made = el("div", { class: "tree-row", role: "none" }, ...field, item);
      made.style.setProperty("--depth", String(derivation.depths[at]! - 1));
      rows.set(at, made);
      return item;
    });
    this.element.replaceChildren(...rows.values());
  }

  /** @param position what later steps make is not there yet; the step itself is being decided. */
  show(position: number): void {
    const { derivation } = this;
    if (!derivation) return;
    const step = derivation.steps[position];
    this.current = step?.kind === "end" ? step.parent : Math.min(position, derivation.end - 1);
    this.items.forEach((item, at) => {
      if (!item) return;
      const isRow = item.parentElement!.querySelector("[role=treeitem]") === item;
      (isRow ? item.parentElement! : item).toggleAttribute("data-unborn", at > position);
      item.tabIndex = -1;
      if (step && at === this.current) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
      item.toggleAttribute("data-ends", step?.kind === "end" && at === step.parent);
    });
    const reachable = this.items[this.current] ?? this.items[0];
    if (reachable) reachable.tabIndex = 0;
    if (step) this.keepInView(reachable);
  }

  private item(at: number): HTMLElement {
    const { derivation } = this;
    const step = derivation!.steps[at]!;
    return el(
      "span",
      {
        role: "treeitem",
        class: step.kind === "node" ? "tree-node" : "tree-token",
        tabindex: -1,
        "aria-level": derivation!.depths[at],
        "aria-label": `${derivation!.says(at)}, ${derivation!.origin(step)}`,
        "data-source": step.source,
        onpointerenter: () => this.onLook(at),
        onfocus: () => this.onLook(at),
        onclick: () => this.onChoose(at),
      },
      step.label === "" ? "''" : step.label,
    );
  }

  /** Scrolls the tree alone: the page must not jump while it plays. */
  private keepInView(item: HTMLElement | undefined): void {
    if (!item || this.element.scrollHeight <= this.element.clientHeight) return;
    const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
    if (top < this.element.scrollTop + 20 || bottom > this.element.scrollTop + this.element.clientHeight - 20)
      this.element.scrollTop = top - this.element.clientHeight / 2;
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const shown = this.items.filter((item) => item && !item.closest("[data-unborn]")) as HTMLElement[];
    const ordered = shown.sort((one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
    const at = ordered.indexOf(event.target as HTMLElement);
    if (at < 0) return;
    const step = this.items.indexOf(ordered[at]);
    let next: HTMLElement | undefined;
    if (event.key === "ArrowDown") next = ordered[at + 1];
    else if (event.key === "ArrowUp") next = ordered[at - 1];
    else if (event.key === "ArrowLeft") next = this.items[this.derivation!.steps[step]!.parent];
    else if (event.key === "ArrowRight") next = ordered.find((item) => this.derivation!.steps[this.items.indexOf(item)]!.parent === step);
    else if (event.key === "Home") next = ordered[0];
    else if (event.key === "End") next = ordered.at(-1);
    else if (event.key === "Enter") this.onChoose(step);
    else return;
    event.preventDefault();
    event.stopPropagation(); // the player has other uses for these keys
    next?.focus();
  }
}
