import { expect, test } from "vitest";
import type { Place } from "../src/asking";
import { Entries, type Entry } from "../src/entries";
import type { Suggestion } from "../src/trail";

const SELF: Entry = { start: 4, text: "self" };
const SEND: Entry = { start: 4, text: "send" };
const at = (offset: number, version = 1): Place => ({ uri: "file:///tank.py", version, offset });

/** A server that answers when it is told to, and what it was asked. */
class SlowServer {
  readonly asked: { entry: Entry; signal: AbortSignal; answer: (found: Suggestion[] | null) => void }[] = [];
  readonly ask = (_: Place, entry: Entry, signal: AbortSignal): Promise<readonly Suggestion[] | null> =>
    new Promise((answer) => this.asked.push({ entry, signal, answer }));
}

test("an entry that was asked about ahead is not asked about again", async () => {
  const server = new SlowServer();
  const entries = new Entries(server.ask);
  const ahead = entries.behind(at(5), SELF);
  const then = entries.behind(at(5), { ...SELF });
  server.asked[0]?.answer([{ id: 1, text: "elf.name" }]);
  expect(await then).toEqual([{ id: 1, text: "elf.name" }]);
  expect(await ahead).toEqual(await then);
  expect(await entries.asked(at(5))).toEqual(await then);
  expect(server.asked).toHaveLength(1);
});

test("another entry, or another text, is another question, and the one before is dropped", () => {
  const server = new SlowServer();
  const entries = new Entries(server.ask);
  void entries.behind(at(5), SELF);
  void entries.behind(at(5), SEND);
  void entries.behind(at(6, 2), SEND);
  expect(server.asked.map(({ entry }) => entry.text)).toEqual(["self", "send", "send"]);
  expect(server.asked.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
  entries.drop();
  expect(server.asked[2]?.signal.aborted).toBe(true);
});

test("nothing is known of a place that was not asked about", async () => {
  const server = new SlowServer();
  const entries = new Entries(server.ask);
  expect(await entries.asked(at(5))).toEqual([]);
  void entries.behind(at(5), SELF);
  expect(await entries.asked(at(6))).toEqual([]);
  expect(server.asked).toHaveLength(1);
});

test("a question without an answer may be asked again", async () => {
  const server = new SlowServer();
  const entries = new Entries(server.ask);
  const first = entries.behind(at(5), SELF);
  server.asked[0]?.answer(null); // a newer one overtook it
  expect(await first).toEqual([]);
  const second = entries.behind(at(5), SELF);
  server.asked[1]?.answer([{ id: 2, text: "elf" }]);
  expect(await second).toEqual([{ id: 2, text: "elf" }]);
});
