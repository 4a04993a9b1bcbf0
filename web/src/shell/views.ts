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
  mount(into: HTMLElement): Mounted;
}

/** What the tabs tell a view that has been shown once. */
export interface Mounted {
  /** Called whenever the view is shown, and when the address changes while it is: with what follows its ?. */
  restore?(state: string): void;
  /** Called when another view takes its place. */
  leave?(): void;
}

/** Which view an address means, and what it says to it. */
export function readHash(hash: string): [id: string, state: string] {
  const [id = "", ...state] = hash.replace(/^#/, "").split("?");
  return [id, state.join("?")];
}

export function showViews(views: View[], tabs: HTMLElement, into: HTMLElement): void {
  const places = new Map<View, HTMLElement>();
  const mounted = new Map<View, Mounted>();
  const lastAddress = new Map<View, string>();
  const links = views.map((view) => el("a", { href: `#${view.id}` }, view.title));

  function show(): void {
    const [id, state] = readHash(location.hash);
    const chosen = views.find((view) => view.id === id) ?? views[0];
    if (!chosen) return;
    if (!mounted.has(chosen)) {
      const place = el("div", { class: "view" });
      into.append(place);
      places.set(chosen, place);
      mounted.set(chosen, chosen.mount(place));
    }
    for (const [view, place] of places) {
      if (view !== chosen && !place.hidden) mounted.get(view)?.leave?.();
      place.hidden = view !== chosen;
    }
    views.forEach((view, i) => {
      if (view === chosen) links[i]?.setAttribute("aria-current", "page");
      else links[i]?.removeAttribute("aria-current");
    });
    document.title = chosen === views[0] ? "codling" : `${chosen.title} – codling`;
    byId("about").textContent = chosen.about;
    mounted.get(chosen)?.restore?.(id === chosen.id ? state : "");
  }

  // A tab leads back to where its view was left, which the view itself may have written into the address since.
  links.forEach((link, i) =>
    link.addEventListener("click", () => {
      const view = views[i];
      const left = views.find((each) => places.get(each)?.hidden === false);
      if (left) lastAddress.set(left, location.hash);
      const back = view && view !== left && lastAddress.get(view);
      link.setAttribute("href", back || `#${view?.id ?? ""}`);
    }),
  );
  if (views.length > 1) tabs.append(...links); // one tab alone would only be in the way
  addEventListener("hashchange", show);
  show();
}
