// When to ask for a suggestion, and what to do with the answer.

import type { ViewUpdate, EditorView } from "@codemirror/view";
import { Refused, complete, type CompleteRequest } from "../api";
import type { Status } from "../shell/status";
import { contextAt, type Context } from "./context";
import type { Costs } from "./costs";
import { ghostOf, setGhost } from "./ghost";
import { Memory } from "./memory";
import type { Ranking } from "./ranking";
import type { Settings } from "./settings";
import { pauseMs } from "./timing";

export const NUM_ROWS = 6; // of each list
const SPEAK_AFTER_MS = 900; // a screen reader hears a suggestion only when the typing rests

export class Suggester {
  private readonly memory = new Memory();
  private memoryHolds = ""; // the settings and the text behind the cursor that the memory was made for
  private readonly session = randomName();
  private pause: ReturnType<typeof setTimeout> | undefined;
  private speech: ReturnType<typeof setTimeout> | undefined;
  private underWay: AbortController | undefined;
  private holdUntil = 0; // the server asked for peace until then (performance.now)

  constructor(
    private readonly settings: Settings,
    private readonly costs: Costs,
    private readonly tokens: Ranking,
    private readonly lines: Ranking,
    private readonly status: Status,
    private readonly spoken: HTMLElement,
  ) {}

  /** Called after every change of the text or of the cursor's place. */
  readonly updated = (update: ViewUpdate): void => {
    const typed = update.transactions.some((transaction) => transaction.docChanged);
    this.refresh(update.view, typed);
  };

  /** Ask again for where the cursor stands, for example after another model was chosen. */
  refresh(view: EditorView, withGhost = true): void {
    this.cancel();
    this.tokens.outdate();
    this.lines.outdate();
    const cursor = view.state.selection.main;
    if (!cursor.empty) return;
    const context = contextAt(view.state, cursor.head);
    const known = withGhost ? this.recall(context) : "";
    if (known !== undefined && withGhost) {
      this.costs.recalled();
      this.show(view, known);
    }
    const wait = Math.max(pauseMs(this.costs.roundTrips.value), this.holdUntil - performance.now());
    this.pause = setTimeout(() => void this.ask(view, context, known === undefined), wait);
  }

  /** Stop waiting and asking; what is shown stays. */
  cancel(): void {
    clearTimeout(this.pause);
    this.underWay?.abort();
  }

  /** A person sent the suggestion away: until the text changes, nothing is suggested here. */
  dismissed(view: EditorView): void {
    this.cancel();
    const context = contextAt(view.state, view.state.selection.main.head);
    this.recall(context);
    this.memory.keep(context.prefix, "");
    clearTimeout(this.speech);
    this.spoken.textContent = "";
  }

  private recall(context: Context): string | undefined {
    const holds = JSON.stringify([this.settings, context.suffix]);
    if (holds !== this.memoryHolds) {
      this.memory.clear();
      this.memoryHolds = holds;
    }
    return this.memory.recall(context.prefix);
  }

  private async ask(view: EditorView, context: Context, withGhost: boolean): Promise<void> {
    if (this.status.isLost) return; // when it is back, everything is asked again
    const asking = (this.underWay = new AbortController());
    const { language, model, kind, fromComments, temperature } = this.settings;
    const about = { language, ...context, ...(model ? { model } : {}) };
    try {
      if (withGhost) {
        const text = await this.timed({ ...about, kind, limit: 1, temperature, from_comments: fromComments }, asking.signal);
        this.recall(context);
        this.memory.keep(context.prefix, text);
        this.show(view, text);
      }
      for (const [list, reach] of [[this.tokens, "token"], [this.lines, "line"]] as const) {
        const session = `${this.session}-${reach}s`;
        const answer = await complete({ ...about, kind: reach, limit: NUM_ROWS, session }, asking.signal);
        list.show(answer.suggestions);
      }
      this.status.fine();
    } catch (error) {
      if (!asking.signal.aborted) this.failed(view, error);
    }
  }

  private async timed(request: CompleteRequest, signal: AbortSignal): Promise<string> {
    const start = performance.now();
    const answer = await complete({ ...request, session: `${this.session}-ghost` }, signal);
    this.costs.answered(answer.ms, performance.now() - start);
    return answer.suggestions[0]?.text ?? "";
  }

  private failed(view: EditorView, error: unknown): void {
    if (!(error instanceof Refused)) return this.status.lost();
    if (error.status === 409) return; // overtaken by a newer keystroke: that one is answered
    if (error.status === 429 || error.status === 503) {
      this.status.sayBriefly("busy", "the server is busy – in a moment");
      this.holdUntil = performance.now() + Math.max(error.retryAfterMs, 500);
      this.refresh(view);
    } else if (error.status === 401) {
      this.status.say("bad", "open the address that `codling serve` printed, token and all");
    } else {
      this.status.say("bad", error.message);
    }
  }

  private show(view: EditorView, text: string): void {
    const at = view.state.selection.main.head;
    const now = ghostOf(view);
    if (now?.at === at && now.text === text) return;
    view.dispatch({ effects: setGhost.of(text ? { at, text } : null) });
    clearTimeout(this.speech);
    this.speech = setTimeout(() => (this.spoken.textContent = text ? `Suggestion: ${text}` : ""), SPEAK_AFTER_MS);
  }
}

/** A name that no other tab has. (crypto.randomUUID is there on localhost only, and for https.) */
function randomName(): string {
  return [...crypto.getRandomValues(new Uint32Array(3))].map((word) => word.toString(36)).join("");
}
