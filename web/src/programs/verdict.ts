// What is said of a whole run: what came out, whether that is right, and what was proved of the task.

import type { Proof, Trace } from "../npiapi";
import { el } from "../shell/dom";

const HEAD = 60; // characters of a long result that are shown before and behind what is left out
const TAIL = 20;

/** The two ends of a long text; null where it is short enough to be shown whole. */
export function endsOf(text: string): [head: string, tail: string] | null {
  const signs = [...text];
  if (signs.length <= 2 * (HEAD + TAIL)) return null;
  return [signs.slice(0, HEAD).join(""), signs.slice(-TAIL).join("")];
}

export function verdictOf(trace: Trace): (Node | string)[] {
  const problem = el("code", {}, `${trace.task} ${trace.words.join(" ")}`);
  if (trace.stopped) {
    const said = ` was stopped after ${count(trace.steps.length)} steps`;
    return [problem, el("b", { class: "halted" }, said), ": it was not done, and may have had far to go"];
  }
  if (trace.failure !== null) return [problem, el("b", { class: "wrong" }, ` did not end of itself: ${trace.failure}`)];
  const result = el("b", { class: trace.correct ? "right" : "wrong" }, ...shortly(trace.result || "nothing"));
  return [problem, " gives ", result, ...(trace.correct ? [", which is right"] : [", but the answer is ", ...shortly(trace.answer ?? "")])];
}

/** A text; of a long one its ends, and a button that shows the rest. */
function shortly(text: string): (Node | string)[] {
  const ends = endsOf(text);
  if (!ends) return [text];
  const place = el("span", {}, ends[0]);
  const all = el("button", { type: "button", class: "rest", "aria-label": `Show all ${count(text.length)} characters` }, "…");
  all.addEventListener("click", () => place.replaceChildren(text));
  place.append(" ", all, " ", ends[1]);
  return [place];
}

export function proofOf(proof: Proof | null): Node[] {
  if (!proof) return [el("p", { class: "faint" }, "Not proved: no certificate speaks of this task and this network.")];
  const sizes = proof.sizes === "all" ? "inputs of any size" : `inputs of these sizes: ${proof.sizes}`;
  const assumed = proof.assumes.map((text) => el("li", {}, text));
  return [
    el("p", {}, el("span", { class: "seal", "aria-hidden": "true" }, "✓ "), `Proved for ${sizes}: ${count(proof.frames)} frames`),
    el(
      "details",
      {},
      el("summary", {}, "What that says"),
      el(
        "p",
        {},
        `All ${count(proof.decisions)} decisions that can occur were examined; the closest is right by ${proof.margin_nats.toFixed(2)} nats. It assumes that`,
      ),
      el("ul", {}, ...assumed),
    ),
  ];
}

function count(number: number): string {
  return number.toLocaleString("en");
}
