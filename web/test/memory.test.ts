import { describe, expect, it } from "vitest";
import { Memory } from "../src/playground/memory";

describe("Memory", () => {
  it("knows nothing at first", () => {
    expect(new Memory().recall("import ")).toBeUndefined();
  });

  it("gives what is left while one types along", () => {
    const memory = new Memory();
    memory.keep("import nu", "mpy as np");
    expect(memory.recall("import nu")).toBe("mpy as np");
    expect(memory.recall("import num")).toBe("py as np");
    expect(memory.recall("import numpy as n")).toBe("p");
  });

  it("does not know what comes after the end of a suggestion", () => {
    const memory = new Memory();
    memory.keep("import nu", "mpy");
    expect(memory.recall("import numpy")).toBeUndefined();
  });

  it("does not know another way on", () => {
    const memory = new Memory();
    memory.keep("import nu", "mpy");
    expect(memory.recall("import nux")).toBeUndefined();
    expect(memory.recall("import n")).toBeUndefined();
    expect(memory.recall("xmport num")).toBeUndefined();
  });

  it("remembers that nothing was suggested", () => {
    const memory = new Memory();
    memory.keep("x = 1", "");
    expect(memory.recall("x = 1")).toBe("");
    expect(memory.recall("x = 12")).toBeUndefined();
  });

  it("prefers the newest answer for the same place", () => {
    const memory = new Memory();
    memory.keep("a", "bc");
    memory.keep("a", "bd");
    expect(memory.recall("a")).toBe("bd");
    expect(memory.recall("ab")).toBe("d");
  });

  it("follows an older answer when the newest went another way", () => {
    const memory = new Memory();
    memory.keep("np.", "mean()");
    memory.keep("np.m", "ax()");
    expect(memory.recall("np.me")).toBe("an()");
    expect(memory.recall("np.ma")).toBe("x()");
  });

  it("forgets the oldest when full", () => {
    const memory = new Memory(2);
    memory.keep("a", "1");
    memory.keep("b", "2");
    memory.keep("c", "3");
    expect(memory.recall("a")).toBeUndefined();
    expect(memory.recall("b")).toBe("2");
  });

  it("forgets everything when told", () => {
    const memory = new Memory();
    memory.keep("a", "b");
    memory.clear();
    expect(memory.recall("a")).toBeUndefined();
  });

  it("is right with emoji", () => {
    const memory = new Memory();
    memory.keep('s = "', '🐟" + name');
    expect(memory.recall('s = "🐟')).toBe('" + name');
  });
});
