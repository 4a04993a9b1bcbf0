import { describe, expect, it } from "vitest";
import { commonIndent, pieces } from "../src/search/code";
import { label, offered } from "../src/search/facets";
import { summaryOf } from "../src/search/notes";
import { factsOf } from "../src/search/repos";
import { NO_FILTERS, readState, toggled, writeState, type SearchState } from "../src/search/state";
import { bars, number } from "../src/search/why";
import type { Repo } from "../src/searchapi";
import { readHash } from "../src/shell/views";

const FULL: SearchState = {
  query: 'parse "a & b" 100% +x #1 🐟 re:/\\w+\\?/',
  filters: { languages: ["python", "c"], kinds: ["class"], repos: ["a:b"], paths: ["/src/web ui/**"] },
  open: { repo: "a:b", path: "src/with: colon/ä.py", line: 12, endLine: 30 },
};

describe("the address", () => {
  it.each<[string, SearchState]>([
    ["nothing", { query: "", filters: NO_FILTERS }],
    ["everything", FULL],
    ["code like this", { query: "", filters: NO_FILTERS, like: { repo: "r", path: "a/b.go", line: 7 } }],
    ["a definition", { query: "", filters: NO_FILTERS, definitionOf: "A::b", open: { repo: "r", path: "x", line: 1 } }],
  ])("gives back %s", (_, state) => {
    expect(readState(writeState(state))).toEqual(state);
  });

  it("can be read by people", () => {
    const state: SearchState = { ...FULL, query: "beam search", filters: NO_FILTERS, open: { repo: "r", path: "src/a.py", line: 3, endLine: 9 } };
    expect(writeState(state)).toBe("q=beam%20search&file=r:src/a.py:3-9");
  });

  it.each(["file=nowhere", "file=r:a.py:0", "like=::", "q=%E0%A4%A", "&&=&lang=", "file=r:a:99999999999"])(
    "passes over nonsense: %s",
    (text) => {
      const state = readState(text);
      expect(state.like).toBeUndefined();
      expect(state.filters).toEqual(NO_FILTERS);
      expect(state.open?.line ?? 1).toBe(1);
    },
  );

  it("holds half of an emoji without breaking", () => {
    expect(readState(writeState({ ...FULL, query: "🐟".slice(1) })).query).toBe("\uFFFD");
  });

  it("names a view and what it shows", () => {
    expect(readHash("#search?q=a?b")).toEqual(["search", "q=a?b"]);
    expect(readHash("#playground")).toEqual(["playground", ""]);
    expect(readHash("")).toEqual(["", ""]);
  });
});

describe("filters", () => {
  it("go in and out; one folder takes the place of another", () => {
    const one = toggled(NO_FILTERS, "kinds", "class");
    expect(toggled(one, "kinds", "enum").kinds).toEqual(["class", "enum"]);
    expect(toggled(one, "kinds", "class")).toEqual(NO_FILTERS);
    expect(toggled(toggled(NO_FILTERS, "paths", "/a/**"), "paths", "/a/b/**").paths).toEqual(["/a/b/**"]);
  });

  it("offer no choice where there is none, but what was chosen always", () => {
    expect(offered([{ value: "python", hits: 9 }], [])).toEqual([]);
    expect(offered([], ["go"])).toEqual([{ value: "go", hits: 0 }]);
    expect(offered([{ value: "a", hits: 1 }, { value: "b", hits: 2 }], [])).toHaveLength(2);
  });

  it("are written as people write them", () => {
    expect(label("paths", "/src/codling/**")).toBe("src/codling/");
    expect(label("languages", "csharp")).toBe("C#");
    expect(label("kinds", "class")).toBe("class");
  });
});

describe("code", () => {
  it("is cut where colours and marks begin and end, and nothing of it is lost", () => {
    const found = pieces("def parse_date(x):", [{ from: 0, to: 3, classes: "k" }, { from: 4, to: 14, classes: "n" }], [[4, 9]]);
    expect(found.map(({ text }) => text).join("")).toBe("def parse_date(x):");
    expect(found.filter(({ marked }) => marked)).toEqual([{ text: "parse", classes: "n", marked: true }]);
    expect(found.find(({ text }) => text === "_date")).toEqual({ text: "_date", classes: "n", marked: false });
  });

  it("takes marks that reach beyond the line", () => {
    expect(pieces("ab", [], [[1, 9]])).toEqual([
      { text: "a", classes: "", marked: false },
      { text: "b", classes: "", marked: true },
    ]);
    expect(pieces("", [], [])).toEqual([]);
  });

  it("loses the indentation that all lines have", () => {
    expect(commonIndent(["    a", "", "      b"])).toBe(4);
    expect(commonIndent(["", "  "])).toBe(0);
  });
});

describe("why", () => {
  it("shows what counts, largest first, in shares of the longest", () => {
    expect(bars({ words: 0.5, meaning: -1, literal: 0 })).toEqual([
      { name: "meaning", value: -1, share: 1 },
      { name: "words in common", value: 0.5, share: 0.5 },
    ]);
    expect(bars({})).toEqual([]);
  });

  it.each([
    [0.1234, "0.123"],
    [-3.456, "−3.46"],
    [123.4, "123"],
  ])("writes %d as %s", (value, text) => expect(number(value)).toBe(text));
});

describe("summaries", () => {
  const found = { hits: [], ms: 1.234, complete: true, indexing: false, facets: null };
  const hit = {} as never;

  it("say how many hits, what they cost, and what is missing", () => {
    expect(summaryOf(found, 20)).toBe("");
    expect(summaryOf({ ...found, hits: [hit] }, 20)).toBe("1 hit · 1.2 ms");
    expect(summaryOf({ ...found, hits: [hit, hit], indexing: true }, 2)).toBe("The first 2 hits · 1.2 ms · an index is still being made");
    expect(summaryOf({ ...found, hits: [hit], complete: false }, 2)).toContain("stopped early");
  });

  it("say what is searched", () => {
    const repo = { name: "one", files: 20, units: 1500 } as Repo;
    expect(factsOf([repo, { ...repo, name: "two", units: 500 }])).toBe("2,000 definitions and passages in 40 files of one, two");
    expect(factsOf([{ ...repo, units: 0 }])).toBe("");
  });
});
