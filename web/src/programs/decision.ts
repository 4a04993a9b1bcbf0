// Beside the picture: the stack of calls, what the running one sees, and what it decides, with how sure it is.

import { bars, percent } from "../shell/chances";
import { el } from "../shell/dom";
import { argumentChances, choices } from "./chances";
import type { Replay } from "./replay";

const SHOWN_CALLS = 8; // of a deep stack: the first and the last ones

/** The calls to show of a stack, first to last; a number stands for so many left out. */
export function shortened(stack: string[], most = SHOWN_CALLS): (string | number)[] {
  if (stack.length <= most) return stack;
  return [stack[0]!, stack.length - most + 1, ...stack.slice(2 - most)];
}

export class DecisionView {
  private readonly stack = el("ol", { class: "stack" });
  private readonly decision = el("div", { class: "decision" });
  private readonly seen = el("p", { class: "seen" });
  readonly element = el(
    "aside",
    { class: "trace-side", "aria-label": "Calls and decision" },
    el("h3", {}, "Stack"),
    this.stack,
    el("h3", {}, "It sees"),
    this.seen,
    el("h3", {}, "It decides"),
    this.decision,
  );

  show(replay: Replay, position: number): void {
    const stack = replay.stack(position);
    const calls = shortened(stack).map((call) =>
      typeof call === "number" ? el("li", { class: "faint" }, `… ${call} more`) : el("li", {}, el("code", {}, call)),
    );
    calls.at(-1)?.setAttribute("aria-current", "step");
    this.stack.replaceChildren(...(calls.length > 0 ? calls : [el("li", { class: "faint" }, "empty: the run is over")]));
    const step = replay.step(position);
    if (!step) {
      this.seen.replaceChildren("–");
      this.decision.replaceChildren(el("p", { class: "decided" }, replay.trace.stopped ? "the run was stopped here" : "–"));
      return;
    }
    const seen = Object.entries(step.seen).map(([name, value]) =>
      el("span", { class: "seen-one" }, `${name} `, el("b", {}, value === "" ? "blank" : value)),
    );
    this.seen.replaceChildren(...(seen.length > 0 ? seen : ["nothing"]));
    const { divergence } = replay.trace;
    const argumentsOf = argumentChances(step, replay.trace.programs);
    this.decision.replaceChildren(
      el("p", { class: "decided" }, el("code", {}, step.text), el("span", { class: "faint" }, ` ${percent(step.probability)}`)),
      ...(divergence?.step === position
        ? [el("p", { class: "otherwise" }, "The teacher does ", el("code", {}, divergence.expected), " here.")]
        : []),
      bars(choices(step), "Returning, programs and actions"),
      ...(argumentsOf.length > 0 ? [bars(argumentsOf, "Arguments")] : []),
    );
  }
}
