import { EditorState } from "@codemirror/state";
import { describe, expect, it } from "vitest";
import { contextAt, wellFormed, windowStart } from "../src/playground/context";
import { linesOf, ticks } from "../src/playground/curve";
import { percent, visible } from "../src/playground/ranking";
import { RunningMedian, formatMs, pauseMs } from "../src/playground/timing";
import { splitEvents } from "../src/sse";

describe("splitEvents", () => {
  it("keeps what is unfinished", () => {
    const [events, rest] = splitEvents('event: piece\ndata: {"text":"a"}\n\nevent: pie');
    expect(events).toEqual([{ event: "piece", data: '{"text":"a"}' }]);
    expect(rest).toBe("event: pie");
  });

  it("passes over comments and joins several lines of data", () => {
    expect(splitEvents(": ping\n\ndata: a\ndata: b\n\n")[0]).toEqual([{ event: "message", data: "a\nb" }]);
  });
});

describe("timing", () => {
  it("takes the median of the last values only", () => {
    const median = new RunningMedian(3);
    expect(median.value).toBeUndefined();
    for (const value of [1000, 5, 1, 3]) median.add(value);
    expect(median.value).toBe(3);
    expect(median.count).toBe(3);
  });

  it("waits as long as an answer takes, within bounds", () => {
    expect(pauseMs(2)).toBe(15);
    expect(pauseMs(80)).toBe(80);
    expect(pauseMs(9000)).toBe(250);
    expect(pauseMs(undefined)).toBe(40);
  });

  it.each([
    [0.42, "0.4 ms"],
    [9.96, "10 ms"],
    [123.4, "123 ms"],
    [1500, "1.5 s"],
  ])("writes %d as %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});

describe("context", () => {
  it("sends everything of a short document", () => {
    const state = EditorState.create({ doc: "a = 1\nb = 2\n" });
    expect(contextAt(state, 8)).toEqual({ prefix: "a = 1\nb ", suffix: "= 2\n" });
  });

  it("starts a long one at a line, and moves that start seldom", () => {
    const state = EditorState.create({ doc: "value = compute(1234)\n".repeat(3000) });
    const starts = new Set<string>();
    for (let position = 40_000; position < 44_000; position += 100) {
      const { prefix } = contextAt(state, position);
      expect(prefix.startsWith("value")).toBe(true);
      expect(prefix.length).toBeLessThanOrEqual(24_000);
      expect(prefix.length).toBeGreaterThan(15_000);
      starts.add(String(position - prefix.length));
    }
    expect(starts.size).toBeLessThanOrEqual(2);
  });

  it("copes with one endless line", () => {
    const state = EditorState.create({ doc: "x".repeat(50_000) });
    expect(contextAt(state, 50_000).prefix.length).toBe(50_000 - windowStart(50_000));
  });

  it("leaves no halves of an emoji", () => {
    expect(wellFormed("🐟".slice(1) + "ok🐟" + "🐟".slice(0, 1))).toBe("\uFFFDok🐟\uFFFD");
  });
});

describe("next tokens", () => {
  it("shows blanks", () => {
    expect(visible("\n    x")).toBe("⏎····x");
  });

  it.each([
    [1, "100 %"],
    [0.9999, ">99.9 %"],
    [0.5, "50 %"],
    [0.0123, "1.2 %"],
    [0.00001, "<0.1 %"],
  ])("writes %d as %s", (probability, text) => {
    expect(percent(probability)).toBe(text);
  });
});

describe("curve", () => {
  it("draws accuracies by step, and leaves out what is not there", () => {
    const { title, step, lines } = linesOf([
      { step: 10, train_accuracy: 0.3, train_loss_nats: 2 },
      { step: 20, train_accuracy: 0.5, valid_accuracy: 0.45 },
      { step: 30, train_accuracy: 0.6, valid_accuracy: 0.5 },
    ]);
    expect(title).toBe("accuracy");
    expect(step).toBe("step");
    expect(lines).toEqual([
      { name: "train accuracy", points: [[10, 0.3], [20, 0.5], [30, 0.6]] },
      { name: "valid accuracy", points: [[20, 0.45], [30, 0.5]] },
    ]);
  });

  it("puts ticks on round numbers", () => {
    expect(ticks(0, 1)).toEqual([0, 0.5, 1]);
    expect(ticks(3, 3)).toHaveLength(1);
  });
});
