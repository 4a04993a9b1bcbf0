// Play, pause, step and scrub: buttons, the slider with the depth above it, the speed.

import { el, svg } from "../shell/dom";
import type { Player } from "./player";
import type { Steps } from "./steps";

const SPEEDS = [1, 2, 4, 8, 16, 60, 240];
const POINTS = 600; // of the drawing of depth: more than that are not told apart

/** Depth over the steps, as points of a polyline in a box of 100 by 1; of many steps, the deepest of each part. */
export function depthPoints(depths: number[], points = POINTS): [x: number, y: number][] {
  const most = depths.reduce((one, other) => Math.max(one, other), 1);
  const part = Math.max(1, Math.ceil(depths.length / points));
  const found: [number, number][] = [];
  for (let at = 0; at < depths.length; at += part) {
    const deepest = depths.slice(at, at + part).reduce((one, other) => Math.max(one, other), 0);
    found.push([(at / Math.max(1, depths.length)) * 100, 1 - deepest / most]);
  }
  return found;
}

/** Whether a key belongs to a field or a button that has the focus, or to the browser, and not to the player. */
export function isForAnother(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const { target } = event;
  if (target instanceof HTMLInputElement && target.type !== "range") return true;
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true;
  return event.key === " " && target instanceof Element && target.closest("button, a, summary") !== null; // it presses them
}

export class Controls {
  private readonly slider = el("input", { type: "range", min: 0, max: 0, value: 0, step: 1, class: "scrubber", "aria-label": "Step" });
  private readonly count = el("span", { class: "trace-count" });
  private readonly play = this.button("Play", "Space", () => this.player.toggle());
  private readonly marked = el("button", { type: "button", class: "to-mark", hidden: true });
  private readonly line = el("div", { class: "timeline", "aria-hidden": "true" });
  private readonly speed = el(
    "select",
    { "aria-label": "Speed" },
    ...SPEEDS.map((speed) => el("option", { value: speed, selected: speed === 4 }, `${speed} steps/s`)),
  );
  private readonly back = this.button("◀ Step", "←", () => this.player.goTo(this.player.position - 1));
  private readonly forth = this.button("Step ▶", "→", () => this.player.goTo(this.player.position + 1));
  private readonly over = this.button("Over ↷", "Shift →", () => this.goOver());
  private readonly out = this.button("Out ↥", "Shift ↑", () => this.goOut());
  private readonly first = this.button("|◀", "Home", () => this.player.goTo(0), "To the beginning");
  private readonly last = this.button("▶|", "End", () => this.steps && this.player.goTo(this.steps.end), "To the end");
  private steps: Steps | undefined;

  readonly element = el(
    "div",
    { class: "controls", role: "group", "aria-label": "Play" },
    el("div", { class: "scrub" }, this.line, this.slider),
    el(
      "div",
      { class: "buttons" },
      this.first,
      this.back,
      this.play,
      this.forth,
      this.over,
      this.out,
      this.last,
      this.speed,
      this.count,
      this.marked,
    ),
  );

  constructor(private readonly player: Player) {
    this.slider.addEventListener("input", () => player.goTo(Number(this.slider.value)));
    this.speed.addEventListener("change", () => player.setSpeed(Number(this.speed.value)));
  }

  load(steps: Steps): void {
    this.steps = steps;
    this.slider.max = String(steps.end);
    const points = depthPoints(steps.depths);
    const drawn = svg(
      "svg",
      { viewBox: "0 0 100 1", preserveAspectRatio: "none" },
      svg("polygon", { points: ["0,1", ...points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(3)}`), "100,1"].join(" ") }),
    );
    this.line.replaceChildren(drawn);
    const { mark } = steps;
    this.marked.hidden = mark === null;
    if (!mark) return;
    const place = el("span", { class: "timeline-mark", title: mark.title });
    place.style.setProperty("--at", String(mark.step / Math.max(1, steps.end)));
    this.line.append(place);
    this.marked.textContent = `${mark.title}: step ${mark.step + 1}`;
    this.marked.onclick = () => this.player.goTo(mark.step);
  }

  show(): void {
    const { steps, player } = this;
    if (!steps) return;
    const { position } = player;
    this.slider.value = String(position);
    const says = steps.says(position);
    const place = says === undefined ? `${steps.ending} after ${steps.end} steps` : `step ${position + 1} of ${steps.end}`;
    this.slider.setAttribute("aria-valuetext", says === undefined ? place : `${place}: ${says}`);
    this.count.textContent = place;
    this.play.firstChild!.textContent = player.isPlaying ? "Pause" : "Play";
    const [atStart, atEnd] = [position === 0, position === steps.end];
    for (const button of [this.first, this.back]) able(button, !atStart);
    for (const button of [this.forth, this.over, this.out, this.last]) able(button, !atEnd);
  }

  /** Whether a key meant something here. */
  pressed(event: KeyboardEvent): boolean {
    const { player, steps } = this;
    if (!steps) return false;
    if (event.key === " ") player.toggle();
    else if (event.key === "ArrowRight") event.shiftKey ? this.goOver() : player.goTo(player.position + 1);
    else if (event.key === "ArrowLeft") player.goTo(event.shiftKey ? steps.backOver(player.position) : player.position - 1);
    else if (event.key === "ArrowUp" && event.shiftKey) this.goOut();
    else if (event.key === "Home") player.goTo(0);
    else if (event.key === "End") player.goTo(steps.end);
    else return false;
    return true;
  }

  private goOver(): void {
    if (this.steps) this.player.goTo(this.steps.over(this.player.position));
  }

  private goOut(): void {
    if (this.steps) this.player.goTo(this.steps.out(this.player.position));
  }

  private button(label: string, key: string, run: () => void, name?: string): HTMLButtonElement {
    const shortcut = key === "Space" ? key : key.replace("→", "ArrowRight").replace("←", "ArrowLeft").replace("↑", "ArrowUp").replace(" ", "+");
    return el(
      "button",
      { type: "button", title: `${name ?? label} (${key})`, "aria-label": name, "aria-keyshortcuts": shortcut, onclick: run },
      label,
    );
  }
}

/** A button that has the focus keeps it when there is nothing left to do: disabled elements would lose it. */
function able(button: HTMLButtonElement, can: boolean): void {
  button.setAttribute("aria-disabled", String(!can));
}
