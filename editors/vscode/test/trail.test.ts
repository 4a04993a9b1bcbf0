import { describe, expect, test } from "vitest";
import { acceptedPart, cursorAfter, onlyRemoves, Trail, type Edit } from "../src/trail";

const FILE = "file:///tank.py";
const typed = (offset: number, text: string): Edit => ({ offset, length: 0, text });
const texts = (trail: Trail, offset: number): string[] | undefined => trail.at(FILE, offset)?.map(({ text }) => text);

/** A trail of three suggestions at offset 10. */
function begun(): Trail {
  const trail = new Trail();
  const suggestions = ["mode(skip=1)", "mode", "read()"].map((text, id) => ({ id, text }));
  trail.begin(FILE, 10, suggestions, true);
  return trail;
}

describe("a trail", () => {
  test("shows the rest to who types along, of those that still fit", () => {
    const trail = begun();
    trail.follow(FILE, [typed(10, "m")]);
    expect(texts(trail, 11)).toEqual(["ode(skip=1)", "ode"]);
    trail.follow(FILE, [typed(11, "ode")]);
    expect(texts(trail, 14)).toEqual(["(skip=1)"]);
    expect(trail.at(FILE, 14)?.[0]?.id).toBe(0);
  });

  test.each([
    ["something else is typed", [typed(10, "x")]],
    ["a suggestion is typed to its end", [typed(10, "mode(skip=1)")]],
    ["something is typed elsewhere", [typed(3, "m")]],
    ["something is taken away", [{ offset: 9, length: 1, text: "" }]],
    ["something is replaced", [{ offset: 10, length: 1, text: "m" }]],
    ["there are several cursors", [typed(10, "m"), typed(30, "m")]],
    ["a bracket is closed by the editor", [typed(10, "()")]],
  ])("ends when %s", (_, edits) => {
    const trail = begun();
    trail.follow(FILE, edits);
    for (let offset = 0; offset < 40; offset++) expect(trail.at(FILE, offset)).toBeUndefined();
  });

  test("is not disturbed by other texts, and knows nothing of them", () => {
    const trail = begun();
    trail.follow("file:///other.py", [typed(10, "x")]);
    expect(texts(trail, 10)).toHaveLength(3);
    expect(trail.at("file:///other.py", 10)).toBeUndefined();
    expect(trail.at(FILE, 11)).toBeUndefined();
  });

  test("knows that there is nothing", () => {
    const trail = new Trail();
    trail.begin(FILE, 5, [], false);
    expect(trail.at(FILE, 5)).toEqual([]);
    trail.follow(FILE, [typed(5, "a")]);
    expect(trail.at(FILE, 6)).toBeUndefined();
  });

  test("has no alternatives when it was not asked for them", () => {
    const trail = new Trail();
    trail.begin(FILE, 5, [{ id: 1, text: "ab" }], false);
    expect(trail.at(FILE, 5, true)).toBeUndefined();
    expect(trail.at(FILE, 5, false)).toHaveLength(1);
  });

  test("counts as the editor does, in UTF-16 units", () => {
    const trail = new Trail();
    trail.begin(FILE, 2, [{ id: 1, text: "🐟.swim()" }], false);
    trail.follow(FILE, [typed(2, "🐟")]);
    expect(texts(trail, 4)).toEqual([".swim()"]);
  });

  test("followed in any steps leaves the same", () => {
    const text = "mode(skip=1)";
    for (let split = 0; split < text.length - 1; split++) {
      const trail = begun();
      if (split > 0) trail.follow(FILE, [typed(10, text.slice(0, split))]);
      trail.follow(FILE, [typed(10 + split, text.slice(split, -1))]);
      expect(texts(trail, 10 + text.length - 1)).toEqual([")"]);
    }
  });
});

test("a backspace only removes; a replacement, and no edit at all, do not", () => {
  expect(onlyRemoves([{ offset: 3, length: 2, text: "" }])).toBe(true);
  expect(onlyRemoves([{ offset: 3, length: 2, text: "x" }])).toBe(false);
  expect(onlyRemoves([typed(3, "")])).toBe(false);
  expect(onlyRemoves([])).toBe(false);
});

test("the cursor stands behind what was typed, or within the pair that the editor closed", () => {
  expect(cursorAfter([typed(3, "ab")])).toBe(5);
  expect(cursorAfter([typed(3, "\n    ")])).toBe(8);
  expect(cursorAfter([typed(3, "()")])).toBe(4);
  expect(cursorAfter([{ offset: 3, length: 5, text: "" }])).toBeUndefined();
  expect(cursorAfter([typed(3, "a"), typed(9, "a")])).toBeUndefined();
});

test("a word that was accepted is told from one that is typed", () => {
  expect(acceptedPart([typed(3, "mode")], 3, "mode(skip)")).toBe(4);
  expect(acceptedPart([typed(3, "m")], 3, "mode(skip)")).toBe(0); // a key
  expect(acceptedPart([typed(3, "mode(skip)")], 3, "mode(skip)")).toBe(0); // all of it: the editor says so
  expect(acceptedPart([typed(3, "()")], 3, "().x")).toBe(0); // a bracket that the editor closed
  expect(acceptedPart([typed(4, "mode")], 3, "mode(skip)")).toBe(0);
  expect(acceptedPart([{ offset: 3, length: 2, text: "mode" }], 3, "mode(skip)")).toBe(0);
});
