// What the answers cost, in the open: the last one, and the running medians.

import { el } from "../shell/dom";
import { RunningMedian, formatMs } from "./timing";

export class Costs {
  readonly element: HTMLElement;
  readonly roundTrips = new RunningMedian();
  private readonly servers = new RunningMedian();
  private fromMemory = 0;
  private asked = 0;
  private readonly cells = {
    last: el("dd", { id: "cost-last" }, "–"),
    server: el("dd", { id: "cost-server" }, "–"),
    roundTrip: el("dd", { id: "cost-round-trip" }, "–"),
    memory: el("dd", { id: "cost-memory" }, "–"),
  };

  constructor() {
    const row = (term: string, cell: HTMLElement): HTMLElement => el("div", {}, el("dt", {}, term), cell);
    this.element = el(
      "dl",
      { class: "costs", "aria-label": "What the answers cost" },
      row("Last answer", this.cells.last),
      row("Model, median", this.cells.server),
      row("Round trip, median", this.cells.roundTrip),
      row("Known already", this.cells.memory),
    );
  }

  answered(serverMs: number, roundTripMs: number): void {
    this.asked += 1;
    this.servers.add(serverMs);
    this.roundTrips.add(roundTripMs);
    this.cells.last.textContent = formatMs(serverMs);
    this.show();
  }

  recalled(): void {
    this.fromMemory += 1;
    this.show();
  }

  private show(): void {
    const { server, roundTrip, memory } = this.cells;
    if (this.servers.value !== undefined) server.textContent = formatMs(this.servers.value);
    if (this.roundTrips.value !== undefined) roundTrip.textContent = formatMs(this.roundTrips.value);
    memory.textContent = `${this.fromMemory} of ${this.fromMemory + this.asked}`;
  }
}
