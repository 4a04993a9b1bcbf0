import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Asking, type Place } from "../src/asking";
import { Pace } from "../src/pace";
import type { Suggestion } from "../src/trail";

const FILE = "file:///tank.py";
const NEVER = new AbortController().signal;

/** A server whose answers take `ms`, and what it was asked. */
class FakeServer {
  ms = 5;
  answers: readonly Suggestion[] = [{ id: 1, text: "mode()" }];
  readonly asked: { place: Place; everything: boolean; signal: AbortSignal }[] = [];

  readonly ask = (place: Place, everything: boolean, signal: AbortSignal): Promise<readonly Suggestion[] | null> => {
    this.asked.push({ place, everything, signal });
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(this.answers), this.ms);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve(null)));
    });
  };
}

let server: FakeServer;
let asking: Asking;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  server = new FakeServer();
  asking = new Asking(server.ask);
});
afterEach(() => void vi.useRealTimers());

const at = (offset: number, version = 1): Place => ({ uri: FILE, version, offset });
const key = (offset: number, text: string, version = 1): void =>
  asking.changed(FILE, version, [{ offset, length: 0, text }], true);

async function suggested(place: Place, everything = false, signal = NEVER): Promise<string[]> {
  const found = asking.suggestions(place, everything, signal);
  await vi.advanceTimersByTimeAsync(30_000);
  return (await found).map(({ text }) => text);
}

test("a keystroke asks ahead, and the editor's question waits for that answer", async () => {
  key(4, ".");
  expect(server.asked.map(({ place }) => place.offset)).toEqual([5]);
  expect(await suggested(at(5))).toEqual(["mode()"]);
  expect(server.asked).toHaveLength(1);
});

test("typing along asks nobody", async () => {
  key(4, ".");
  await suggested(at(5));
  key(5, "m", 2);
  expect(await suggested(at(6, 2))).toEqual(["ode()"]);
  expect(server.asked).toHaveLength(1);
});

test("the next keystroke drops the question before", async () => {
  server.ms = 100;
  key(4, "a");
  key(5, "b", 2);
  expect(server.asked.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  expect(await suggested(at(6, 2))).toEqual(["mode()"]);
});

test("nothing comes after a backspace, unless it is asked for", async () => {
  asking.changed(FILE, 1, [{ offset: 4, length: 1, text: "" }], true);
  expect(await suggested(at(4))).toEqual([]);
  expect(server.asked).toEqual([]);
  expect(asking.isShortened(FILE)).toBe(true); // so the list of completions brings none either
  expect(await suggested(at(4), true)).toEqual(["mode()"]);
  key(4, ".", 2);
  expect(asking.isShortened(FILE)).toBe(false);
});

test("a text that is not typed in is not asked about ahead", () => {
  asking.changed(FILE, 1, [{ offset: 4, length: 0, text: "a" }], false);
  expect(server.asked).toEqual([]);
});

test("alternatives are asked for once", async () => {
  key(4, ".");
  await suggested(at(5));
  expect(await suggested(at(5), true)).toEqual(["mode()"]);
  expect(await suggested(at(5), true)).toEqual(["mode()"]);
  expect(server.asked.map(({ everything }) => everything)).toEqual([false, true]);
});

test("an answer for another version of the text is not used", async () => {
  key(4, ".", 1);
  await suggested(at(5, 2));
  expect(server.asked.map(({ place }) => place.version)).toEqual([1, 2]);
  expect(server.asked[0]?.signal.aborted).toBe(true);
});

test("nobody waits for a slow server, and a question that the editor takes back ends at once", async () => {
  server.ms = 5_000;
  const found = asking.suggestions(at(5), false, NEVER);
  await vi.advanceTimersByTimeAsync(1_600);
  expect(await found).toEqual([]);
  const abort = new AbortController();
  const other = asking.suggestions(at(9), false, abort.signal);
  abort.abort();
  expect(await other).toEqual([]);
});

test("a server that hangs is not asked again and again, and is told of once in a while", async () => {
  const hung = new Promise<null>(() => undefined);
  let asked = 0;
  const silent = new Asking(() => (asked++, hung));
  let told = 0;
  silent.onHang = () => told++;
  for (let second = 0; second < 30; second++) {
    const found = silent.suggestions(at(second), false, NEVER);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await found).toEqual([]);
  }
  expect(asked).toBeLessThan(5);
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(4);
});

test("one answer that never comes keeps nobody from asking, as long as others come", async () => {
  let asked = 0;
  const losing = new Asking(() => (asked++ === 0 ? new Promise(() => undefined) : Promise.resolve([])));
  for (let offset = 0; offset < 5; offset++) {
    void losing.suggestions(at(offset), false, NEVER);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(asked).toBe(5);
});

test("one that was slow once is asked again as soon as it answers", async () => {
  server.ms = 3_000;
  await suggested(at(5));
  server.ms = 5;
  asking.forget();
  expect(await suggested(at(6))).toEqual(["mode()"]);
});

test("a failure is no suggestion, and the next question is asked", async () => {
  let fails = true;
  const failing = new Asking(() =>
    fails ? Promise.reject(new Error("gone")) : Promise.resolve([{ id: 1, text: "x" }]),
  );
  expect(await failing.suggestions(at(5), false, NEVER)).toEqual([]);
  fails = false;
  expect(await failing.suggestions(at(5), false, NEVER)).toHaveLength(1);
});

test("what was known does not count any more with other settings", async () => {
  await suggested(at(5));
  asking.forget();
  expect(asking.known(FILE, 5)).toBeUndefined();
  await suggested(at(5));
  expect(server.asked).toHaveLength(2);
});

test("a word that was accepted is told, with its length", async () => {
  const parts: [number, number][] = [];
  asking.onPart = (id, units) => parts.push([id, units]);
  key(4, ".");
  await suggested(at(5));
  key(5, "mode", 2);
  expect(parts).toEqual([[1, 4]]);
  expect(await suggested(at(9, 2))).toEqual(["()"]);
});

test("a slow server is asked later, and keys that come meanwhile cost it nothing", async () => {
  const pace = new Pace();
  for (let i = 0; i < 15; i++) pace.answered(120);
  asking = new Asking(server.ask, pace);
  for (let i = 0; i < 5; i++) key(i, "a", i);
  expect(server.asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(125);
  expect(server.asked).toHaveLength(1);
});

describe("the list of completions is made beside", () => {
  /** Answers are quick, as the last ones were. */
  async function beQuick(): Promise<void> {
    for (const version of [1, 2, 3]) {
      key(10 * version, ".", version);
      await suggested(at(10 * version + 1, version));
    }
    server.asked.length = 0;
  }

  test("a quick server is asked for the list first, if there is one to be", async () => {
    await beQuick();
    key(4, "m", 4);
    expect(server.asked).toEqual([]);
    let finish = (): void => undefined;
    asking.after(new Promise<void>((resolve) => (finish = resolve)));
    await vi.advanceTimersByTimeAsync(20);
    expect(server.asked).toEqual([]);
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.asked.map(({ place }) => place)).toEqual([at(5, 4)]);
  });

  test("nobody waits long for a list, nor for one that never comes", async () => {
    await beQuick();
    key(4, "m", 4);
    await vi.advanceTimersByTimeAsync(16);
    expect(server.asked).toHaveLength(1);
    key(5, "n", 5);
    asking.after(new Promise<void>(() => undefined));
    await vi.advanceTimersByTimeAsync(46);
    expect(server.asked).toHaveLength(2);
  });

  test("the next key asks anew, and only about itself", async () => {
    await beQuick();
    key(4, "m", 4);
    key(5, "n", 5);
    await vi.advanceTimersByTimeAsync(100);
    expect(server.asked.map(({ place }) => place)).toEqual([at(6, 5)]);
  });

  test("VS Code's own question does not wait", async () => {
    await beQuick();
    key(4, "m", 4);
    void asking.suggestions(at(5, 4), false, NEVER);
    expect(server.asked).toHaveLength(1);
  });
});
