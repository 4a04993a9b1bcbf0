// The views of the page, and the tabs that choose between them.
//
// The address says which is shown: `#playground`, or `#search?q=lstm`, where what follows the ? is the view's own.

import { byId, el } from "./dom";

export interface View {
  /** Stands in the address as #id. */
  id: string;
  title: string;
  /** One line about it, beside the name of the page. */
  about: string;
  /** Called once, when the view is first shown. */
  mount(into: HTMLElement): void;
  /** Called whenever the view is shown, and when the address changes while it is: with what follows its ?. */
  shown?(state: string): void;
  /** Called when another view takes its place. */
  left?(): void;
}

/** Which view an address means, and what it says to it. */
export function readHash(hash: string): [id: string, state: string] {
  const [id = "", ...state] = hash.replace(/^#/, "").split("?");
  return [id, state.join("?")];
}

export function showViews(views: View[], tabs: HTMLElement, into: HTMLElement): void {
  const mounted = new Map<View, HTMLElement>();
  const lastAddress = new Map<View, string>();
  const links = views.map((view) => el("a", { href: `#${view.id}` }, view.title));

  function show(): void {
    const [id, state] = readHash(location.hash);
    const chosen = views.find((view) => view.id === id) ?? views[0];
    if (!chosen) return;
    if (!mounted.has(chosen)) {
      const place = el("div", { class: "view" });
      into.append(place);
      mounted.set(chosen, place);
      chosen.mount(place);
    }
    for (const [view, place] of mounted) {
      if (view !== chosen && !place.hidden) view.left?.();
      place.hidden = view !== chosen;
    }
    views.forEach((view, i) => {
      if (view === chosen) links[i]?.setAttribute("aria-current", "page");
      else links[i]?.removeAttribute("aria-current");
    });
    document.title = chosen === views[0] ? "codling" : `${chosen.title} – codling`;
    byId("about").textContent = chosen.about;
    chosen.shown?.(id === chosen.id ? state : "");
  }

  // A tab leads back to where its view was left, which the view itself may have written into the address since.
  links.forEach((link, i) =>
    link.addEventListener("click", () => {
      const view = views[i];
      const left = views.find((each) => mounted.get(each)?.hidden === false);
      if (left) lastAddress.set(left, location.hash);
      const back = view && view !== left && lastAddress.get(view);
      link.setAttribute("href", back || `#${view?.id ?? ""}`);
    }),
  );
  if (views.length > 1) tabs.append(...links); // one tab alone would only be in the way
  addEventListener("hashchange", show);
  show();
}
