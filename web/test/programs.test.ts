import { describe, expect, it } from "vitest";
import type { Change, Picture, Row, Step, Trace } from "../src/npiapi";
import { argumentChances, choices } from "../src/programs/chances";
import { depthPoints } from "../src/player/controls";
import { shortened } from "../src/programs/decision";
import { columnOf } from "../src/programs/picture";
import { Player } from "../src/player/player";
import { Replay, applied, written } from "../src/programs/replay";
import { readState, wordsOf, writeState, type RunState } from "../src/programs/state";
import { endsOf } from "../src/programs/verdict";
import { percent } from "../src/shell/chances";

function row(name: string, text: string, align: Row["align"] = "left"): Row {
  return { name, cells: [...text].map((sign) => (sign === "." ? "" : sign)), cursors: { "": 0 }, align };
}

function step(running: string, does: Step["does"], text: string, depth: number, changes: Change[] = []): Step {
  const name = does === "return" ? null : text.replace(/\(.*/, "");
  const likely: Step["likely"] = [[name ?? "write", 0.9]];
  return { depth, running, seen: {}, stop: name ? 0.1 : 0.9, does, text, name, arguments: [], probability: 0.9, likely, argument_probabilities: [], teacher: null, changes };
}

/** add calls add1, which writes and returns; then add calls itself, which returns at once; then add returns. */
function trace(more: Partial<Trace> = {}): Trace {
  const steps = [
    step("add()", "call", "add1()", 1),
    step("add1()", "act", "write(1)", 2, [["cell", 1, 1, "1"]]),
    step("add1()", "act", "move(left)", 2, [["cursors", 1, { "": 0 }]]),
    step("add1()", "return", "return", 2),
    step("add()", "call", "add()", 1),
    step("add()", "return", "return", 2),
    step("add()", "return", "return", 1),
  ];
  const start = { rows: [row("a", "96", "right"), row("out", "..", "right")], facts: {} };
  return { task: "addition", summary: "", words: ["96", "125"], programs: [], main: "add()", start, steps, result: "1", answer: "1", correct: true, failure: null, stopped: false, divergence: null, ...more };
}

describe("applied", () => {
  const before: Picture = { rows: [row("a", "12"), row("b", "34")], facts: { moves: "0" } };

  it("changes cells, cursors and facts, and leaves the picture before alone", () => {
    const kept = structuredClone(before);
    const after = applied(before, [["cell", 0, 1, "7"], ["cell", 0, 0, ""], ["cursors", 1, { "": 2 }], ["fact", "moves", "1"]]);
    expect(after.rows[0]!.cells).toEqual(["", "7"]);
    expect(after.rows[1]!.cursors).toEqual({ "": 2 });
    expect(after.facts).toEqual({ moves: "1" });
    expect(before).toEqual(kept);
  });

  it("shares what stays as it is", () => {
    expect(applied(before, [])).toBe(before);
    expect(applied(before, [["cell", 0, 0, "9"]]).rows[1]).toBe(before.rows[1]);
  });

  it("takes rows away, puts others in, and writes into these without touching the trace", () => {
    const fresh = row("c", "5");
    const changes: Change[] = [["rows", 1], ["row", 1, fresh], ["cell", 1, 0, "6"]];
    const after = applied(before, changes);
    expect(after.rows.map(({ name, cells }) => name + cells.join(""))).toEqual(["a12", "c6"]);
    expect(fresh.cells).toEqual(["5"]);
    expect(applied(before, changes)).toEqual(after);
  });

  it("says which row is missing", () => {
    expect(() => applied(before, [["cell", 5, 0, "x"]])).toThrow("row 5");
  });
});

describe("written", () => {
  it.each<[string, Row | undefined, Row, number[]]>([
    ["nothing where nothing changed", row("a", "12"), row("a", "12"), []],
    ["the cell that changed", row("a", "12"), row("a", "17"), [1]],
    ["a cell that was emptied", row("a", "12"), row("a", "1."), [1]],
    ["all of a new row but its blanks", undefined, row("a", "1.2"), [0, 2]],
    ["what was added at the left, where rows end together", row("a", "12", "right"), row("a", "312", "right"), [0]],
    ["what was added at the right, where they begin together", row("a", "12"), row("a", "123"), [2]],
    ["nothing where a row got shorter at its free end", row("a", "312", "right"), row("a", "12", "right"), []],
  ])("is %s", (_, before, after, columns) => {
    expect([...written(before, after)]).toEqual(columns);
  });
});

describe("a replay", () => {
  const replay = new Replay(trace());

  it("knows the picture and the stack of every position", () => {
    expect(replay.end).toBe(7);
    expect(replay.depths).toEqual([1, 2, 2, 2, 1, 2, 1]);
    expect([0, 1, 4, 5, 6, 7].map((at) => replay.stack(at).join(" "))).toEqual(["add()", "add() add1()", "add()", "add() add()", "add()", ""]);
    expect(replay.picture(1).rows[1]!.cells).toEqual(["", ""]);
    expect(replay.picture(7).rows[1]!.cells).toEqual(["", "1"]);
    expect(replay.writtenBefore(2).map((columns) => [...columns])).toEqual([[], [1]]);
    expect(replay.writtenBefore(0).every((columns) => columns.size === 0)).toBe(true);
  });

  it("keeps to its positions", () => {
    expect([-3, 2.9, 99, Number.NaN].map((at) => replay.within(at))).toEqual([0, 2, 7, 0]);
    expect(replay.step(7)).toBeUndefined();
    expect(replay.picture(99)).toBe(replay.picture(7));
  });

  it("steps over what a call does, and one step where nothing is called", () => {
    expect([0, 1, 3, 4, 6, 7].map((at) => replay.over(at))).toEqual([4, 2, 4, 6, 7, 7]);
  });

  it("steps out to where the caller goes on", () => {
    expect([0, 1, 3, 5, 6, 7].map((at) => replay.out(at))).toEqual([7, 4, 4, 6, 7, 7]);
  });

  it("steps back over a call that has just returned", () => {
    expect([0, 1, 2, 4, 6, 7].map((at) => replay.backOver(at))).toEqual([0, 0, 1, 0, 4, 0]);
  });

  it("goes to the end where a call was never returned from", () => {
    const stopped = new Replay(trace({ steps: trace().steps.slice(0, 3), result: null, answer: null, stopped: true }));
    expect([stopped.over(0), stopped.out(1), stopped.out(0)]).toEqual([3, 3, 3]);
    expect(stopped.stack(3)).toEqual(["add()", "add1()"]);
  });

  it("can be of a run of no steps", () => {
    const empty = new Replay(trace({ steps: [] }));
    expect([empty.end, empty.over(0), empty.out(0), empty.backOver(0), empty.depths.length]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("the player", () => {
  it("stays where it is put, tells of every move, and starts over from the end", async () => {
    const seen: number[] = [];
    const player: Player = new Player(() => seen.push(player.position));
    player.toggle(); // nothing to play yet
    expect(player.isPlaying).toBe(false);
    player.load(new Replay(trace()), 99);
    player.goTo(-1);
    expect(seen.slice(-2)).toEqual([7, 0]);
    player.goTo(7);
    player.setSpeed(10_000);
    player.toggle();
    expect([player.isPlaying, player.position]).toEqual([true, 0]);
    await expect.poll(() => player.isPlaying).toBe(false);
    expect(player.position).toBe(7);
  });
});

describe("the address", () => {
  it.each<[string, RunState]>([
    ["task=addition&in=96+125&step=18", { task: "addition", words: ["96", "125"], step: 17 }],
    ["task=addition&in=96+125", { task: "addition", words: ["96", "125"], step: 0 }],
    ["task=topological-sort&in=a:b,c+b:c", { task: "topological-sort", words: ["a:b,c", "b:c"], step: 0 }],
    ["task=quicksort&in=-3+1&step=2", { task: "quicksort", words: ["-3", "1"], step: 1 }],
    ["task=caesar&in=%C3%A4%26%3D%23%F0%9F%90%9F", { task: "caesar", words: ["ä&=#🐟"], step: 0 }],
  ])("%s is written and read", (text, state) => {
    expect(writeState(state)).toBe(text);
    expect(readState(text)).toEqual(state);
  });

  it("without a task says nothing", () => {
    expect(readState("")).toBeNull();
    expect(readState("in=96+125&step=3")).toBeNull();
  });

  it.each(["step=-1", "step=0", "step=x", "step=1e3", "step=99999999", "step=", "step=%E0%A4%A", "&&="])("passes over nonsense: %s", (text) => {
    expect(readState(`task=hanoi&in=3&${text}`)).toEqual({ task: "hanoi", words: ["3"], step: 0 });
  });

  it("cuts a problem into words", () => {
    expect(wordsOf("  96\t125\n")).toEqual(["96", "125"]);
    expect(wordsOf(" ")).toEqual([]);
  });
});

describe("chances", () => {
  it("share out what is left when it does not return, the likeliest first", () => {
    const found = choices({ ...step("add()", "act", "write(1)", 1), stop: 0.25, likely: [["write", 0.8], ["move", 0.2]] });
    expect(found.map(({ name, chosen }) => [name, chosen])).toEqual([["write", true], ["return", false], ["move", false]]);
    expect(found.map(({ share }) => share)).toEqual([expect.closeTo(0.6), 0.25, expect.closeTo(0.15)]);
    expect(choices(step("add()", "return", "return", 1))[0]).toEqual({ name: "return", share: 0.9, chosen: true });
  });

  it("name the arguments", () => {
    const wrote: Step = { ...step("add()", "act", "write(out, 1)", 1), arguments: ["out", 1], argument_probabilities: [1, 0.75] };
    const programs = [{ name: "write", action: true, arguments: [{ name: "row" }, { name: "digit" }] }];
    expect(argumentChances(wrote, programs).map(({ name }) => name)).toEqual(["row = out", "digit = 1"]);
    expect(argumentChances(wrote, [])[1]!.name).toBe("argument = 1");
  });

  it.each([
    [1, "100 %"],
    [0.99951, ">99.9 %"],
    [0.999, "99.9 %"],
    [0.0004, "<0.1 %"],
    [0.0005, "0.1 %"],
    [0, "0 %"],
  ])("write %d as %s", (share, text) => {
    expect(percent(share)).toBe(text);
  });
});

describe("drawing", () => {
  it("shows the depth of each step, and of a long run the deepest of each part", () => {
    expect(depthPoints([1, 2, 4, 2])).toEqual([[0, 0.75], [25, 0.5], [50, 0], [75, 0.5]]);
    expect(depthPoints([1, 2, 4, 2], 2)).toEqual([[0, 0.5], [50, 0]]);
    expect(depthPoints([])).toEqual([]);
    const deep = Array.from({ length: 5000 }, (_, index) => (index === 2501 ? 9 : 1));
    const points = depthPoints(deep);
    expect(points.length).toBeLessThanOrEqual(600);
    expect(points.filter(([, y]) => y === 0)).toHaveLength(1);
  });

  it("leaves out the middle of a deep stack, and says how many", () => {
    const stack = Array.from({ length: 20 }, (_, index) => `f${index}()`);
    expect(shortened(stack.slice(0, 8))).toEqual(stack.slice(0, 8));
    const shown = shortened(stack);
    expect(shown).toEqual(["f0()", 13, ...stack.slice(14)]);
    expect(shown).toHaveLength(8);
  });

  it("puts cells below each other, with room for a cursor just outside", () => {
    expect(columnOf(row("a", "12", "right"), 0, 4)).toBe(3);
    expect(columnOf(row("a", "1234", "right"), 0, 4)).toBe(1);
    expect(columnOf(row("a", "12"), 1, 4)).toBe(2);
    expect(columnOf(row("a", "12"), -1, 4)).toBe(0);
  });

  it("shows the ends of a long result, and halves no sign", () => {
    expect(endsOf("a>c a>b")).toBeNull();
    expect(endsOf("9".repeat(160))).toBeNull();
    expect(endsOf("🐟".repeat(200))).toEqual(["🐟".repeat(60), "🐟".repeat(20)]);
  });
});
