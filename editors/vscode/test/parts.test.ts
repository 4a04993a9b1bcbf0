import type { CompletionItem } from "vscode";
import { describe, expect, test } from "vitest";
import { Backoff } from "../src/backoff";
import { find, type Surroundings } from "../src/find";
import { Pace } from "../src/pace";
import { isOn, patternOf, SERVER_KEYS, serverSettings, START_KEYS, switched, toggled } from "../src/settings";
import { within } from "../src/tokens";
import manifest from "../package.json";

describe("the server is found", () => {
  const here = (files: string[], more: Partial<Surroundings> = {}): Surroundings => ({
    command: [],
    python: "",
    interpreter: undefined,
    folders: ["/src/mine"],
    isTrusted: true,
    env: { PATH: "/usr/local/bin:/usr/bin" },
    platform: "linux",
    isFile: (path) => files.includes(path),
    ...more,
  });
  const venv = "/src/mine/.venv/bin/codling";

  test.each<[string, string[], Partial<Surroundings>, string | undefined]>([
    ["nowhere", [], {}, undefined],
    ["on the path", ["/usr/bin/codling"], {}, "/usr/bin/codling"],
    ["in the workspace's environment first", ["/usr/bin/codling", venv], {}, venv],
    [
      "beside the interpreter that was chosen, before that",
      ["/py/bin/codling", venv],
      { interpreter: "/py/bin/python" },
      "/py/bin/codling",
    ],
    ["in the second folder's environment", ["/b/env/bin/codling"], { folders: ["/a", "/b"] }, "/b/env/bin/codling"],
    ["not in a workspace that is not trusted", [venv], { isTrusted: false }, undefined],
    ["on the path all the same", [venv, "/usr/bin/codling"], { isTrusted: false }, "/usr/bin/codling"],
    [
      "not by a path that leads into it",
      [venv],
      { isTrusted: false, env: { PATH: "/src/mine/.venv/bin:/x" } },
      undefined,
    ],
    ["not by a relative path", ["./codling", "codling"], { env: { PATH: ".::bin" } }, undefined],
    [
      "on Windows",
      ["C:\\py\\codling.exe"],
      { platform: "win32", folders: [], env: { Path: "C:\\x;C:\\py" } },
      "C:\\py\\codling.exe",
    ],
    [
      "in an environment on Windows",
      ["C:\\mine\\venv\\Scripts\\codling.exe"],
      { platform: "win32", folders: ["C:\\mine"], env: {} },
      "C:\\mine\\venv\\Scripts\\codling.exe",
    ],
  ])("%s", (_, files, more, expected) => {
    const found = find(here(files, more));
    expect(found?.command).toBe(expected);
    if (found) expect(found.args).toEqual(["lsp"]);
  });

  test("where the settings say, without a look", () => {
    const command = ["/opt/codling", "lsp", "--model", "mine"];
    expect(find(here([], { command }))).toMatchObject({ command: "/opt/codling", args: ["lsp", "--model", "mine"] });
    const python = find(here([venv], { python: "/py/bin/python" }));
    expect(python).toMatchObject({ command: "/py/bin/python", args: ["-P", "-m", "codling", "lsp"] });
  });
});

test("a server that ends again and again is started later and later, up to a minute", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 10 }, () => backoff.next(100));
  expect(waits.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
  expect(Math.max(...waits)).toBe(60_000);
  expect(backoff.next(3_600_000)).toBe(500); // it had run for an hour
  backoff.next(100);
  backoff.reset();
  expect(backoff.next(100)).toBe(500);
});

test("a quick server is asked at once, a slow one after a pause that has a bound", () => {
  const pace = new Pace();
  expect(pace.pauseMs).toBe(0);
  for (let i = 0; i < 15; i++) pace.answered(12);
  pace.answered(900); // one slow answer says little
  expect(pace.pauseMs).toBe(0);
  for (let i = 0; i < 15; i++) pace.answered(120);
  expect(pace.pauseMs).toBe(120);
  for (let i = 0; i < 15; i++) pace.answered(5_000);
  expect(pace.pauseMs).toBe(250);
});

describe("settings", () => {
  const reader = (values: Record<string, unknown>) => ({ get: <T>(key: string) => values[key] as T | undefined });

  test("are sent as the server names them, and left out where nothing is set", () => {
    expect(
      serverSettings(reader({ enabled: false, model: null, threshold: null, kind: "block", command: ["x"] })),
    ).toEqual({
      enabled: false,
      kind: "block",
      shownByClient: true,
      status: true,
    });
  });

  test("are all in the manifest, and the manifest has no other", () => {
    const known = [...SERVER_KEYS, ...START_KEYS, "tabTakesLine"].map((key) => `codling.${key}`);
    expect(Object.keys(manifest.contributes.configuration.properties).sort()).toEqual(known.sort());
  });

  test("nothing that is run comes out of a workspace that is not trusted", () => {
    const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    for (const key of START_KEYS) expect(restrictedConfigurations).toContain(`codling.${key}`);
  });

  test.each([
    [{}, "python", { python: false }],
    [{ python: false }, "python", {}],
    [{}, "ruby", { ruby: true }],
    [{ "*": false }, "python", { "*": false, python: true }],
    [{ "*": false, python: true }, "python", { "*": false }],
    [{ java: true }, "java", { java: false }],
  ])("switching a language: %o, %s", (before, language, after) => {
    const known = ["python", "java"];
    expect(switched(before, language, known)).toEqual(after);
    expect(isOn(after, language, known)).toBe(!isOn(before, language, known));
  });

  test("a file is excluded by its own pattern, and included again", () => {
    expect(patternOf("src/a.py")).toBe("/src/a.py");
    expect(patternOf("src/[a]*?.py")).toBe("/src/\\[a\\]\\*\\?.py");
    expect(patternOf("/home/me/a b .py")).toBe("/home/me/a b .py");
    expect(toggled(["**/.env"], "/a.py")).toEqual(["**/.env", "/a.py"]);
    expect(toggled(["**/.env", "/a.py"], "/a.py")).toEqual(["**/.env"]);
  });
});

test("a list of tokens that is late, or fails, is none", async () => {
  const item = { label: "x" } as CompletionItem;
  const late = new Promise<CompletionItem[]>((resolve) => setTimeout(() => resolve([item]), 200));
  expect(await within(Promise.resolve([item]), 50, [])).toEqual([item]);
  expect(await within(late, 20, [])).toEqual([]);
  expect(await within(Promise.reject(new Error("gone")), 50, [])).toEqual([]);
});
