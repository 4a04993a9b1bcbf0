import { describe, expect, it } from "vitest";
import { firstPiece } from "../src/playground/words";

function pieces(text: string): string[] {
  const found: string[] = [];
  while (text) {
    const piece = firstPiece(text);
    expect(piece.length).toBeGreaterThan(0);
    found.push(piece);
    text = text.slice(piece.length);
  }
  return found;
}

describe("firstPiece", () => {
  it.each([
    ["set_title(name)", ["set_title", "(", "name", ")"]],
    ["  return x", ["  return", " x"]],
    [":\n    return None\n", [":", "\n    ", "return", " None", "\n"]],
    ["x\r\n\ty", ["x", "\r\n\t", "y"]],
    ['"🐟👨‍👩‍👧"', ['"🐟👨‍👩‍👧"']],
    ["naïve = größe", ["naïve", " =", " größe"]],
    ["e\u0301t\u00e9 ", ["e\u0301t\u00e9", " "]],
  ])("cuts %j", (text, expected) => {
    expect(pieces(text)).toEqual(expected);
  });

  it("puts together what it cut, whatever it is, and never cuts an emoji", () => {
    let seed = 7;
    const next = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    const signs = [..."ab_9 \n\t.(=)\"'🐟é\u0301\u200d\u00a0日"];
    for (let round = 0; round < 500; round++) {
      const text = Array.from({ length: next(20) }, () => signs[next(signs.length)]).join("");
      const cut = pieces(text);
      expect(cut.join("")).toBe(text);
      for (const piece of cut) expect(piece).not.toMatch(/\p{Surrogate}/u);
    }
  });

  it("has nothing of nothing", () => {
    expect(firstPiece("")).toBe("");
  });
});
