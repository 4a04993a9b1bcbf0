// "Write on": a longer continuation, sampled and streamed into the ghost text.

import type { EditorView } from "@codemirror/view";
import { Refused, sample } from "../api";
import { el } from "../shell/dom";
import type { Status } from "../shell/status";
import { contextAt } from "./context";
import { acceptGhost, setGhost } from "./ghost";
import { slider, type Settings } from "./settings";
import { formatMs } from "./timing";

const LENGTHS = [200, 400, 800]; // characters

const HINT = "Sampled at the cursor; Tab keeps it, Esc drops it.";

export class Writer {
  readonly element: HTMLElement;
  private readonly go = el("button", { type: "button", class: "primary" }, "Write on");
  private readonly keep = el("button", { type: "button", class: "quiet", hidden: true }, "Keep it");
  private readonly length = el(
    "select",
    { id: "write-length" },
    ...LENGTHS.map((length) => el("option", { value: length, selected: length === LENGTHS[1] }, `${length} characters`)),
  );
  private readonly note = el("p", { class: "faint", "aria-live": "polite" }, HINT);
  private temperature = 0.5; // livelier than the ghost text, still mostly Python
  private underWay: AbortController | undefined;

  constructor(
    private readonly view: EditorView,
    private readonly settings: Settings,
    private readonly status: Status,
    /** Called before the first piece, so that nothing else writes ghost text. */
    private readonly onStart: () => void,
  ) {
    this.go.addEventListener("click", () => (this.underWay ? this.stop() : void this.write()));
    this.keep.addEventListener("click", () => {
      this.stop();
      acceptGhost(view);
      view.focus();
    });
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": "writer-title" },
      el("h2", { id: "writer-title" }, "Write on"),
      slider("write-temperature", "Temperature", this.temperature, (value) => (this.temperature = value)),
      el("div", { class: "field" }, el("label", { for: "write-length" }, "Length"), this.length),
      el("div", { class: "row" }, this.go, this.keep),
      this.note,
    );
  }

  /** End what is being written; without effect when nothing is. */
  stop(): void {
    this.underWay?.abort();
    this.underWay = undefined;
    this.go.textContent = "Write on";
    this.keep.hidden = true;
    this.note.textContent = HINT;
  }

  private async write(): Promise<void> {
    this.onStart();
    const writing = (this.underWay = new AbortController());
    const at = this.view.state.selection.main.head;
    const { model } = this.settings;
    let text = "";
    this.go.textContent = "Stop";
    this.note.textContent = "Writing…";
    this.view.focus();
    try {
      const done = await sample(
        {
          prompt: contextAt(this.view.state, at).prefix,
          temperature: this.temperature,
          max_chars: Number(this.length.value),
          ...(model ? { model } : {}),
        },
        (piece) => {
          if (writing.signal.aborted) return;
          text += piece;
          this.keep.hidden = false;
          this.view.dispatch({ effects: setGhost.of({ at, text }) });
        },
        writing.signal,
      );
      this.note.textContent = done
        ? `${done.chars} characters in ${formatMs(done.ms)}. Tab keeps them, Esc drops them.`
        : "It stopped half-way."; // the server ended without saying so
    } catch (error) {
      if (writing.signal.aborted) return;
      this.note.textContent = error instanceof Refused ? error.message : "It stopped half-way.";
      if (!(error instanceof Refused)) this.status.lost();
    } finally {
      if (this.underWay === writing) {
        this.underWay = undefined;
        this.go.textContent = "Write on";
      }
    }
  }
}
