// The environment: rows of cells with their cursors as a table, or disks on pegs.

import type { Picture, Row } from "../npiapi";
import { el } from "../shell/dom";

/** Where cells stand so that rows are aligned: the table's column of a row's cell; one is left free on either side,
 * for cursors just outside. */
export function columnOf(row: Row, column: number, width: number): number {
  return (row.align === "right" ? width - row.cells.length : 0) + column + 1;
}

export class PictureView {
  private readonly place = el("div", { class: "picture-scroll", tabindex: "0", role: "region", "aria-label": "Environment" });
  private readonly facts = el("dl", { class: "picture-facts" });
  readonly element = el("div", { class: "picture" }, this.place, this.facts);

  show(picture: Picture, written: Set<number>[], task: string): void {
    this.place.replaceChildren(task === "hanoi" ? pegs(picture, written) : table(picture, written));
    this.facts.replaceChildren(
      ...Object.entries(picture.facts).map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text || "–"))),
    );
    this.facts.hidden = Object.keys(picture.facts).length === 0;
    this.keepInView();
  }

  /** Wide rows scroll along with what was written last, or with the first cursor. */
  private keepInView(): void {
    if (this.place.scrollWidth <= this.place.clientWidth) return;
    const cell = this.place.querySelector<HTMLElement>("[data-written]") ?? this.place.querySelector<HTMLElement>("[data-cursor]");
    if (!cell) return;
    const [left, right] = [cell.offsetLeft, cell.offsetLeft + cell.offsetWidth];
    const margin = 80; // the row's name stays at the left
    if (left < this.place.scrollLeft + margin || right > this.place.scrollLeft + this.place.clientWidth - 20)
      this.place.scrollLeft = left - this.place.clientWidth / 2;
  }
}

function table(picture: Picture, written: Set<number>[]): HTMLElement {
  const width = Math.max(...picture.rows.map((row) => row.cells.length), 0);
  const rows = picture.rows.map((row, index) => {
    const cells: HTMLElement[] = [];
    const first = columnOf(row, 0, width);
    for (let at = 0; at < width + 2; at++) {
      const column = at - first;
      const text = row.cells[column];
      const cursors = Object.entries(row.cursors).filter(([, place]) => place === column);
      cells.push(cell(text, cursors.map(([name]) => name), written[index]?.has(column) ?? false));
    }
    const drawn = el("tr", {}, el("th", { scope: "row" }, row.name), ...cells);
    drawn.style.setProperty("--names", String(Math.max(Object.keys(row.cursors).filter(Boolean).length, 0.7)));
    return drawn;
  });
  return el("table", { class: "grid" }, el("caption", { class: "unseen" }, "Rows, cells and cursors"), el("tbody", {}, ...rows));
}

function cell(text: string | undefined, cursors: string[], isNew: boolean): HTMLElement {
  const parts: (Node | string)[] = [el("span", { class: "cell-text" }, text ?? "")];
  if (cursors.length > 0) {
    const named = cursors.filter(Boolean);
    parts.push(
      named.length > 0
        ? el("span", { class: "cell-cursors" }, named.join("\n"))
        : el("span", { class: "unseen" }, "cursor"),
    );
  }
  if (isNew) parts.push(el("span", { class: "unseen" }, "written just now"));
  return el(
    "td",
    {
      class: text === undefined ? "outside" : "cell",
      "data-cursor": cursors.length > 0,
      "data-written": isNew,
    },
    ...parts,
  );
}

function pegs(picture: Picture, written: Set<number>[]): HTMLElement {
  const most = Math.max(...picture.rows.flatMap((row) => row.cells.map(Number)), 1);
  return el(
    "div",
    { class: "pegs" },
    ...picture.rows.map((row, index) => {
      const disks = row.cells.map((text, column) => {
        const disk = el("li", { class: "disk", "data-written": written[index]?.has(column) ?? false }, text);
        disk.style.setProperty("--size", String(Number(text) / most));
        return disk;
      });
      const list = el("ol", { class: "peg", "aria-label": `Peg ${row.name}, from the bottom` }, ...disks);
      list.style.setProperty("--disks", String(most));
      return el("div", {}, list, el("div", { class: "peg-name" }, row.name));
    }),
  );
}
