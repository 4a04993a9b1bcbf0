// Programs from descriptions: candidates beside each other, and the tree of one of them as it grew.

import { Refused } from "../api";
import { Controls, isForAnother } from "../player/controls";
import { Player } from "../player/player";
import { setAddress } from "../shell/address";
import { el } from "../shell/dom";
import { Status } from "../shell/status";
import type { Mounted, View } from "../shell/views";
import { write, writer, type Found, type Program, type Written } from "../writeapi";
import { AttentionView } from "./attention";
import { Candidates } from "./candidates";
import { CodeView } from "./code";
import { Derivation } from "./derivation";
import { Examples } from "./examples";
import { SAMPLES, type Sample } from "./samples";
import { asksTheSame, readState, writeState, type WriteState } from "./state";
import { TreeView } from "./tree";

const LIMIT = 5;
const PASSING = 3; // with examples, where each further one takes longer to find
const UNSURE = 0.5; // of 418 answers to development pairs below this score, 53 were right: docs/write.md
const WRITE_MS = 400; // browsers refuse an address that changes with every picture

class WritePage implements Mounted {
  private asking: AbortController | undefined;
  private asked: WriteState | undefined;
  private answer: Written | undefined;
  private derivation: Derivation | undefined;
  private looked: number | null = null;
  private writing: ReturnType<typeof setTimeout> | undefined;
  private readonly session = `write-${Math.random().toString(36).slice(2)}`;

  private readonly input = el("textarea", {
    class: "description",
    rows: 2,
    "aria-label": "What the program should do",
    placeholder: "What the program should do",
    autocapitalize: "off",
    spellcheck: "false",
    maxlength: 4000,
  });
  private readonly samples = el("p", { class: "samples" }, el("span", { class: "faint" }, "For example: "));
  private readonly examples = new Examples();
  private readonly form = el(
    "form",
    { class: "write-form" },
    el("div", { class: "write-line" }, this.input, el("button", { type: "submit", class: "primary" }, "Write")),
    this.samples,
    this.examples.element,
  );
  private readonly trouble = el("p", { class: "trouble", role: "alert", hidden: true });
  private readonly progress = el("p", { class: "write-note faint", role: "status" });
  private readonly spoken = el("p", { class: "unseen", role: "status" });
  private readonly status = new Status(() => this.again());
  private readonly candidates = new Candidates((index) => this.pick(index, null));
  private readonly player = new Player(() => this.moved());
  private readonly controls = new Controls(this.player);
  private readonly code = new CodeView((step) => this.look(step), (step) => this.player.goTo(step));
  private readonly tree = new TreeView((step) => this.look(step), (step) => this.player.goTo(step));
  private readonly attention = new AttentionView();
  private readonly stage = el(
    "div",
    { class: "growing", hidden: true },
    el("section", { class: "growing-main", "aria-label": "Program" }, this.code.element, this.controls.element, this.attention.element),
    el("section", { class: "growing-tree", "aria-label": "Tree" }, this.tree.element),
  );
  private readonly absent = el("div", { class: "absent", hidden: true });

  constructor(private readonly into: HTMLElement) {
    into.append(
      el(
        "div",
        { class: "write" },
        el("h2", { class: "unseen" }, "A program from a description"),
        this.form,
        this.trouble,
        this.absent,
        this.progress,
        this.candidates.element,
        this.stage,
        this.spoken,
      ),
    );
    this.samples.append(...SAMPLES.flatMap((sample) => [this.sample(sample), " "]));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.askTyped();
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.askTyped();
    });
    document.addEventListener("keydown", (event) => this.pressed(event));
    void this.begin();
  }

  /** The view is shown, or its address has changed. */
  restore(address: string): void {
    const state = readState(address);
    if (!state) return;
    if (this.asked && asksTheSame(this.asked, state)) {
      if (this.answer) this.pick(state.pick, state.step);
      return;
    }
    void this.start(state, false);
  }

  /** Another view is shown: a tree that nobody sees need not go on growing. */
  leave(): void {
    if (this.player.isPlaying) this.player.goTo(this.player.position);
  }

  private async begin(): Promise<void> {
    try {
      const { model, reason } = await writer();
      this.status.fine();
      this.form.hidden = model === null;
      this.absent.hidden = model !== null;
      this.absent.replaceChildren(
        el("p", {}, "There is no model here that writes programs."),
        el("p", { class: "faint" }, reason),
        el("p", { class: "faint" }, "One comes with codling as the bundle write; `codling train-writer` makes others."),
      );
    } catch (error) {
      if (error instanceof Refused) this.explain(error.message);
      else this.status.lost();
    }
  }

  /** The server is back. */
  private again(): void {
    void this.begin();
    if (this.asked && !this.answer) void this.start(this.asked, false);
  }

  private askTyped(): void {
    void this.start({ text: this.input.value, examples: this.examples.get(), pick: 0, step: null }, true);
  }

  private sample({ text, examples }: Sample): HTMLElement {
    const choose = (): void => void this.start({ text, examples, pick: 0, step: null }, true);
    return el("button", { type: "button", class: "example", onclick: choose }, text, ...(examples.length > 0 ? [" · with examples"] : []));
  }

  /** @param isNew it gets a place in the history. */
  private async start(state: WriteState, isNew: boolean): Promise<void> {
    this.asking?.abort();
    this.player.stop();
    const asking = (this.asking = new AbortController());
    this.asked = state;
    this.answer = undefined;
    if (this.input.value !== state.text) this.input.value = state.text;
    if (this.examples.get().join("\n") !== state.examples.join("\n")) this.examples.set(state.examples);
    this.write(isNew);
    for (const element of [this.stage, this.candidates.element]) element.setAttribute("aria-busy", "true");
    this.progress.textContent = "Searching …";
    try {
      const { text, examples } = state;
      const answer = await write({ text, examples, limit: examples.length > 0 ? PASSING : LIMIT, session: this.session }, (found) => this.found(found), asking.signal);
      if (asking.signal.aborted) return;
      if (!answer) throw new TypeError("the answer ended too early");
      this.show(answer, state);
    } catch (error) {
      if (asking.signal.aborted || (error instanceof Refused && (error.status === 409 || error.message === "superseded"))) return;
      this.progress.textContent = "";
      if (error instanceof Refused) this.explain(error.message);
      else this.status.lost();
    } finally {
      if (this.asking === asking) for (const element of [this.stage, this.candidates.element]) element.removeAttribute("aria-busy");
    }
  }

  /** What has been found so far; there are no trees of it yet. */
  private found({ candidates, tried }: Found): void {
    this.well();
    this.stage.hidden = true;
    this.candidates.load(candidates, this.asked?.examples ?? [], 0, false);
    if (tried > 0) this.progress.textContent = `Searching … ${count(tried, "program")} tried`;
  }

  private show(answer: Written, state: WriteState): void {
    this.well();
    this.answer = answer;
    this.progress.textContent = summary(answer);
    const pick = answer.candidates[state.pick] ? state.pick : 0;
    this.candidates.load(answer.candidates, state.examples, pick, true);
    this.attention.load(answer.words);
    this.pick(pick, state.step);
  }

  /** @param step a position; null for the end. */
  private pick(index: number, step: number | null): void {
    const program = this.answer?.candidates[index];
    this.stage.hidden = !program;
    if (!program || !this.asked) return;
    this.candidates.pick(index);
    if (this.derivation?.program !== program) {
      this.derivation = new Derivation(program);
      this.code.load(this.derivation);
      this.tree.load(this.derivation);
      this.controls.load(this.derivation);
    }
    this.asked = { ...this.asked, pick: index };
    this.looked = null;
    this.player.load(this.derivation, step ?? this.derivation.end);
  }

  private look(step: number | null): void {
    if (this.looked === step) return;
    this.looked = step;
    this.draw();
  }

  private moved(): void {
    const { derivation, player } = this;
    if (!derivation || !this.asked) return;
    this.tree.show(player.position);
    this.controls.show();
    this.draw();
    const says = derivation.says(player.position);
    // while it plays, nobody could listen as fast
    if (!player.isPlaying) this.spoken.textContent = says ?? "The program is complete.";
    this.asked = { ...this.asked, step: says === undefined ? null : player.position };
    this.writing ??= setTimeout(() => this.write(false), WRITE_MS); // while it plays, too
  }

  /** The code and the attention, of the step that is looked at, else of the one that is decided. */
  private draw(): void {
    const { derivation, player } = this;
    if (!derivation) return;
    const looked = this.looked !== null && this.looked <= player.position ? this.looked : player.position;
    this.code.show(player.position, derivation.steps[looked]?.span ?? null);
    this.attention.show(derivation, looked);
  }

  private well(): void {
    this.status.fine();
    this.trouble.hidden = true;
    this.input.removeAttribute("aria-invalid");
    this.examples.blame("");
  }

  /** The server says no: nothing to write from, or examples that are none. */
  private explain(message: string): void {
    this.status.fine();
    this.trouble.textContent = message;
    this.trouble.hidden = false;
    if (this.examples.blame(message)) this.input.removeAttribute("aria-invalid");
    else this.input.setAttribute("aria-invalid", "true");
    this.stage.hidden = true;
    this.candidates.element.replaceChildren();
  }

  private write(isNew: boolean): void {
    clearTimeout(this.writing);
    this.writing = undefined;
    if (this.into.hidden || !this.asked) return;
    setAddress(`#write?${writeState(this.asked)}`, isNew);
  }

  private pressed(event: KeyboardEvent): void {
    if (this.into.hidden || this.stage.hidden || isForAnother(event)) return;
    if (this.controls.pressed(event)) event.preventDefault();
  }
}

function summary({ candidates, tried, ms }: Written): string {
  const took = ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  if (tried === 0) {
    const found = candidates.length === 1 ? `One program in ${took}` : `${count(candidates.length, "program")} in ${took}, the likeliest first`;
    const best = candidates[0]?.score ?? 1;
    return best < UNSURE ? `${found}; a score below ${UNSURE} says that it is probably none of what was meant` : found;
  }
  const passing = candidates.filter(passes).length;
  if (passing > 0) return `${passing === 1 ? "One program passes" : `${passing} programs pass`} all examples, of ${tried} tried in ${took}`;
  return `None of ${count(tried, "program")} passes all examples, in ${took}; these come nearest`;
}

function passes({ results }: Program): boolean {
  return results.every(({ passed }) => passed);
}

function count(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

export const writing: View = {
  id: "write",
  title: "Write",
  about: "programs from descriptions, as trees",
  mount: (into) => new WritePage(into),
};
