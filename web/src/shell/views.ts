// The views of the page (playground now; search and traces are to come), and the tabs that choose between them.

import { el } from "./dom";

export interface View {
  /** Stands in the address as #id. */
  id: string;
  title: string;
  /** Called once, when the view is first shown. */
  mount(into: HTMLElement): void;
}

export function showViews(views: View[], tabs: HTMLElement, into: HTMLElement): void {
  const mounted = new Map<View, HTMLElement>();
  const links = views.map((view) => el("a", { href: `#${view.id}` }, view.title));

  function show(): void {
    const chosen = views.find((view) => `#${view.id}` === location.hash) ?? views[0];
    if (!chosen) return;
    if (!mounted.has(chosen)) {
      const place = el("div", { class: "view" });
      into.append(place);
      mounted.set(chosen, place);
      chosen.mount(place);
    }
    for (const [view, place] of mounted) place.hidden = view !== chosen;
    views.forEach((view, i) => {
      if (view === chosen) links[i]?.setAttribute("aria-current", "page");
      else links[i]?.removeAttribute("aria-current");
    });
  }

  if (views.length > 1) tabs.append(...links); // one tab alone would only be in the way
  addEventListener("hashchange", show);
  show();
}
