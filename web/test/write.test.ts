import { describe, expect, it } from "vitest";
import { stretches } from "../src/write/code";
import { Derivation, heaviest } from "../src/write/derivation";
import { halves } from "../src/write/examples";
import { asksTheSame, readState, writeState, type WriteState } from "../src/write/state";
import type { Program, Step } from "../src/writeapi";

function step(kind: Step["kind"], label: string, parent: number, field: string, span: Step["span"], more: Partial<Step> = {}): Step {
  return { kind, label, parent, field, type: "expr", source: "grammar", probability: 0.9, weights: [0.7, 0.3], parts: [], span, ...more };
}

/** len(s): Module > Expr > Call > Name len, Name s. */
const program: Program = {
  code: "len(s)",
  score: 0.6,
  probability: 0.3,
  results: [],
  steps: [
    step("node", "Module", -1, "", [0, 6]),
    step("node", "Expr", 0, "body", [0, 6]),
    step("node", "Call", 1, "value", [0, 6]),
    step("node", "Name", 2, "func", [0, 3]),
    step("token", "len", 3, "id", [0, 3], { source: "known" }),
    step("node", "Name", 2, "args", [4, 5]),
    step("token", "s", 5, "id", [4, 5], { source: "copied" }),
    step("end", "", 2, "args", null),
    step("end", "", 0, "body", null),
  ],
};

describe("a derivation", () => {
  const derivation = new Derivation(program);

  it("knows how deep its steps lie", () => {
    expect(derivation.depths).toEqual([1, 2, 3, 4, 5, 4, 5, 4, 2]);
    expect([-1, 3.7, 50, Number.NaN].map((at) => derivation.within(at))).toEqual([0, 3, 9, 0]);
  });

  it("says what a step does, and nothing at the end", () => {
    expect([0, 3, 6, 7, 9].map((at) => derivation.says(at))).toEqual(["Module", "Name as func of Call", "s as id of Name", "end of args of Call", undefined]);
  });

  it("goes over what a node leads to, and out of the node around", () => {
    expect([0, 2, 3, 4, 7, 9].map((at) => derivation.over(at))).toEqual([9, 8, 5, 5, 8, 9]);
    expect([0, 3, 4, 6, 9].map((at) => derivation.out(at))).toEqual([9, 8, 5, 7, 9]);
  });

  it("goes back over a node that has just been completed", () => {
    expect([0, 1, 5, 7, 8, 9].map((at) => derivation.backOver(at))).toEqual([0, 0, 3, 5, 2, 0]);
  });

  it("gives each character to the innermost step that stands there", () => {
    expect(derivation.owners()).toEqual([4, 4, 4, 2, 6, 2]);
  });

  it("leaves what other steps wrote to them, where a text's own place is not known", () => {
    const spelt = { ...program, steps: [...program.steps, step("token", "x", 2, "keywords", [0, 6])] };
    expect(new Derivation(spelt).owners()).toEqual([4, 4, 4, 9, 6, 9]);
  });

  it("finds the words that were copied, as a whole or in part", () => {
    const words = ["length", "of", "s", "s"];
    expect([...derivation.copied(program.steps[6]!, words)]).toEqual([2, 3]);
    expect([...derivation.copied(program.steps[4]!, words)]).toEqual([]);
    const parts: Step["parts"] = [["get_", false], ["length", true]];
    expect([...derivation.copied(step("token", "get_length", 0, "name", null, { source: "spelt", parts }), words)]).toEqual([0]);
  });

  it("can be of no steps", () => {
    const empty = new Derivation({ ...program, code: "", steps: [] });
    expect([empty.end, empty.over(0), empty.out(0), empty.backOver(0), empty.owners().length]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("heaviest", () => {
  it("lists the words that weigh most, and none that hardly weigh anything", () => {
    expect(heaviest([0.1, 0.6, 0.01, 0.29], 3)).toEqual([1, 3, 0]);
    expect(heaviest([0.1, 0.6, 0.01, 0.29], 1)).toEqual([1]);
    expect(heaviest([], 3)).toEqual([]);
  });
});

describe("stretches", () => {
  it("are the whole code, cut where the colour or the step changes", () => {
    const code = "if x:\n    return '🐟'";
    const owners = [...code].flatMap((sign, at) => Array<number>(sign.length).fill(at < 5 ? 1 : 2));
    const found = stretches(code, owners);
    expect(found.map(({ from, to }) => code.slice(from, to)).join("")).toBe(code);
    expect(found[0]).toMatchObject({ from: 0, to: 2, classes: "tok-keyword", owner: 1 });
    expect(found.find(({ classes }) => classes.includes("tok-string"))).toMatchObject({ owner: 2 });
    expect(stretches("", [])).toEqual([]);
  });
});

describe("halves of an example", () => {
  it.each([
    ["s='a b'=2", ["s='a b'", "2"]],
    ["xs=[3, 1], n=1=[3]", ["xs=[3, 1], n=1", "[3]"]],
    ["[3, 1]=[1, 3]", ["[3, 1]", "[1, 3]"]],
    ["1='a=b'", ["1", "'a=b'"]],
    ["1='it\\'s =' ", ["1", "'it\\'s ='"]],
    ["nothing", ["nothing", ""]],
    ["", ["", ""]],
  ])("%s", (example, parts) => {
    expect(halves(example)).toEqual(parts);
  });
});

describe("the address", () => {
  const state: WriteState = { text: "print `a` & 'ü🐟' = #1?", examples: ["s='a=b'=2", "'&'=1"], pick: 2, step: 0 };

  it("says all that is shown, and is read back", () => {
    expect(readState(writeState(state))).toEqual(state);
    expect(readState(writeState({ ...state, examples: [], pick: 0, step: null }))).toEqual({ ...state, examples: [], pick: 0, step: null });
  });

  it("passes over what makes no sense", () => {
    expect(readState("")).toBeNull();
    expect(readState("q=++")).toBeNull();
    expect(readState("q=x&pick=-1&step=many&e=&more=1")).toEqual({ text: "x", examples: [], pick: 0, step: null });
    expect(readState("q=x&pick=0&step=99999")).toEqual({ text: "x", examples: [], pick: 0, step: null });
    expect(readState(`q=x${"&e=1".repeat(50)}`)!.examples).toHaveLength(20);
  });

  it("asks for the same programs whatever is looked at", () => {
    expect(asksTheSame(state, { ...state, pick: 0, step: null })).toBe(true);
    expect(asksTheSame(state, { ...state, examples: [] })).toBe(false);
    expect(asksTheSame(state, { ...state, text: "x" })).toBe(false);
  });
});
