// Shares of what might have been, as bars with percentages beside them.

import { el } from "./dom";

export interface Chance {
  name: string;
  /** In [0, 1]. */
  share: number;
  chosen: boolean;
}

/** A share for people: rounding never makes it quite sure or quite impossible. */
export function percent(share: number): string {
  if (share >= 0.9995 && share < 1) return ">99.9 %";
  if (share < 0.0005 && share > 0) return "<0.1 %";
  return `${(share * 100).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}

export function bars(chances: Chance[], label: string): HTMLElement {
  return el(
    "ul",
    { class: "chances", "aria-label": label },
    ...chances.map(({ name, share, chosen }) => {
      const bar = el("span", { class: "chance-bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", `${(share * 100).toFixed(2)}%`);
      return el("li", { "data-chosen": chosen }, el("code", {}, name), bar, el("span", { class: "chance-share" }, percent(share)));
    }),
  );
}
