// The trace viewer: a program that was learned runs on a problem, and every decision can be looked at.

import { Refused } from "../api";
import { run, tasks, type Run, type Task, type Tasks } from "../npiapi";
import { Controls, isForAnother } from "../player/controls";
import { Player } from "../player/player";
import { setAddress } from "../shell/address";
import { el } from "../shell/dom";
import { Status } from "../shell/status";
import type { Mounted, View } from "../shell/views";
import { DecisionView } from "./decision";
import { PictureView } from "./picture";
import { Replay } from "./replay";
import { readState, wordsOf, writeState, type RunState } from "./state";
import { proofOf, verdictOf } from "./verdict";

const WRITE_MS = 400; // browsers refuse an address that changes with every picture

class ProgramsPage implements Mounted {
  private known: Task[] = [];
  private replay: Replay | undefined;
  private shown: RunState | undefined;
  private wanted: RunState | null = null;
  private asking: AbortController | undefined;
  private writing: ReturnType<typeof setTimeout> | undefined;
  private readonly session = `programs-${Math.random().toString(36).slice(2)}`;

  private readonly task = el("select", { "aria-label": "Task" });
  private readonly input = el("input", {
    class: "problem",
    "aria-label": "Problem",
    "aria-describedby": "problem-note",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    maxlength: 1000,
  });
  private readonly runButton = el("button", { type: "submit", class: "primary" }, "Run");
  private readonly note = el("p", { class: "problem-note faint", id: "problem-note" });
  private readonly trouble = el("p", { class: "trouble", role: "alert", hidden: true });
  private readonly verdict = el("p", { class: "verdict" });
  private readonly proof = el("div", { class: "proof" });
  private readonly spoken = el("p", { class: "unseen", role: "status" });
  private readonly form = el("form", { class: "program-form" }, this.task, this.input, this.runButton);
  private readonly status = new Status(() => void this.begin());
  private readonly player = new Player(() => this.moved());
  private readonly controls = new Controls(this.player);
  private readonly picture = new PictureView();
  private readonly decision = new DecisionView();
  private readonly stage = el(
    "div",
    { class: "stage", hidden: true },
    el("section", { class: "trace-main", "aria-label": "Run" }, this.verdict, this.picture.element, this.controls.element, this.proof),
    this.decision.element,
  );
  private readonly absent = el("div", { class: "absent", hidden: true });

  constructor(private readonly into: HTMLElement) {
    into.append(
      el(
        "div",
        { class: "programs" },
        el("h2", { class: "unseen" }, "A learned program, step by step"),
        this.form,
        this.note,
        this.trouble,
        this.absent,
        this.stage,
        this.spoken,
      ),
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.start({ task: this.task.value, words: wordsOf(this.input.value), step: 0 }, true);
    });
    this.task.addEventListener("change", () => {
      const chosen = this.known.find((task) => task.name === this.task.value);
      if (chosen) void this.start({ task: chosen.name, words: chosen.example, step: 0 }, true);
    });
    document.addEventListener("keydown", (event) => this.pressed(event));
    this.form.hidden = true;
    void this.begin();
  }

  /** The view is shown, or its address has changed. */
  restore(text: string): void {
    this.wanted = readState(text);
    if (this.known.length > 0) this.follow();
  }

  private async begin(): Promise<void> {
    try {
      this.offer(await tasks());
      this.status.fine();
    } catch (error) {
      if (error instanceof Refused) this.explain(error.message);
      else this.status.lost();
    }
  }

  private offer({ tasks: known, reason }: Tasks): void {
    this.known = known;
    this.form.hidden = known.length === 0;
    this.absent.hidden = known.length > 0;
    if (known.length === 0) {
      this.stage.hidden = true;
      this.absent.replaceChildren(
        el("p", {}, "There are no learned programs here to run."),
        el("p", { class: "faint" }, reason),
        el("p", { class: "faint" }, "They come with codling as the bundle npi; `codling npi train` makes others."),
      );
      return;
    }
    this.task.replaceChildren(...known.map((task) => el("option", { value: task.name }, task.name)));
    this.follow();
  }

  /** Show what the address asks for; where it asks for nothing, what is shown, or the first task's example. */
  private follow(): void {
    const first = this.known[0]!;
    const state = this.wanted ?? this.shown ?? { task: first.name, words: first.example, step: 0 };
    if (this.replay && this.shown && isSameRun(this.shown, state)) {
      if (this.player.position !== state.step) this.player.goTo(state.step);
      return;
    }
    void this.start(state, false);
  }

  /** @param isNew it gets a place in the history. */
  private async start(state: RunState, isNew: boolean): Promise<void> {
    this.asking?.abort();
    this.player.stop();
    const asking = (this.asking = new AbortController());
    const task = this.known.find((each) => each.name === state.task);
    this.task.value = task?.name ?? "";
    this.input.value = state.words.join(" ");
    this.note.replaceChildren(task ? `${task.summary} Type ${task.usage}, such as ` : "", task ? this.example(task) : "");
    this.stage.setAttribute("aria-busy", "true");
    try {
      const answer = await run(state.task, state.words, this.session, asking.signal);
      if (!asking.signal.aborted) this.show(answer, state, isNew);
    } catch (error) {
      if (asking.signal.aborted || (error instanceof Refused && error.status === 409)) return; // something newer is asked
      if (error instanceof Refused) this.explain(error.message);
      else this.status.lost();
    } finally {
      if (this.asking === asking) this.stage.removeAttribute("aria-busy");
    }
  }

  private example(task: Task): HTMLElement {
    const words = task.example.join(" ");
    const choose = (): void => void this.start({ task: task.name, words: task.example, step: 0 }, true);
    return el("button", { type: "button", class: "example", onclick: choose }, words);
  }

  private show({ trace, proof }: Run, state: RunState, isNew: boolean): void {
    this.status.fine();
    this.trouble.hidden = true;
    this.input.removeAttribute("aria-invalid");
    this.replay = new Replay(trace);
    this.shown = { ...state, step: this.replay.within(state.step) };
    this.stage.hidden = false;
    this.verdict.replaceChildren(...verdictOf(trace));
    this.proof.replaceChildren(...proofOf(proof));
    this.controls.load(this.replay);
    this.player.load(this.replay, state.step);
    this.write(isNew);
  }

  /** What was typed is no problem of this task, or it cannot be run. */
  private explain(message: string): void {
    this.status.fine();
    this.trouble.textContent = message;
    this.trouble.hidden = false;
    this.input.setAttribute("aria-invalid", "true");
    this.stage.hidden = true;
    this.replay = undefined;
  }

  private moved(): void {
    const { replay, player } = this;
    if (!replay || !this.shown) return;
    const { position } = player;
    this.picture.show(replay.picture(position), replay.writtenBefore(position), replay.trace.task);
    this.decision.show(replay, position);
    this.controls.show();
    const step = replay.step(position);
    // while it plays, nobody could listen as fast
    const ending = replay.trace.stopped ? "The run was stopped here." : "The run is over.";
    if (!player.isPlaying) this.spoken.textContent = step ? `${step.running} decides: ${step.text}` : ending;
    this.shown.step = position;
    this.writing ??= setTimeout(() => this.write(false), WRITE_MS); // while it plays, too
  }

  private write(isNew: boolean): void {
    clearTimeout(this.writing);
    this.writing = undefined;
    if (this.into.hidden || !this.shown) return;
    setAddress(`#programs?${writeState(this.shown)}`, isNew);
  }

  private pressed(event: KeyboardEvent): void {
    if (this.into.hidden || this.stage.hidden || isForAnother(event)) return;
    if (this.controls.pressed(event)) event.preventDefault();
  }

  /** Another view is shown: a run that nobody sees need not go on. */
  leave(): void {
    if (!this.player.isPlaying) return;
    this.player.goTo(this.player.position);
  }
}

function isSameRun(one: RunState, other: RunState): boolean {
  return one.task === other.task && one.words.join(" ") === other.words.join(" ");
}

export const programs: View = {
  id: "programs",
  title: "Programs",
  about: "watch a learned program decide",
  mount: (into) => new ProgramsPage(into),
};
