// Ghost text: what VS Code asks and says, put into the words of `Asking`.

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { Asking, orNothing, type Place } from "./asking";
import { Entries, type Entry } from "./entries";
import type { Server } from "./server";
import type { Edit, Suggestion } from "./trail";

/** The command that each suggestion carries: it was taken. */
const TAKEN = "codling.taken";

const PROBE_MS = 10_000; // for an answer that takes no computing
const ENTRY_MS = 1_000; // for ghost text behind an entry
const LIST_MS = 80; // that a list waits for ghost text at most
const DRAWN_MS = 8; // until VS Code has drawn an answer; it takes what comes sooner together with it, the list first

/** An entry of the list, and what it replaces. */
export interface ListEntry extends Entry {
  readonly range: vscode.Range;
}

interface WireItem {
  readonly insertText: string;
  readonly command?: { readonly arguments?: readonly unknown[] };
}

export class Ghosts implements vscode.Disposable {
  private readonly asking: Asking;
  private readonly entries: Entries<ListEntry>;
  private readonly answered = new vscode.EventEmitter<vscode.TextDocument>(); // VS Code has had its ghost text
  private drawn: Pick<Place, "uri" | "version"> | undefined; // the text that it had it for last
  private readonly command: vscode.Disposable;
  private lastId: number | undefined; // what the server was told of as shown

  constructor(
    private readonly server: Server,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.asking = new Asking((place, everything, signal) => this.ask(place, everything, signal));
    this.entries = new Entries((place, entry, signal) => this.askBehind(place, entry, signal));
    this.asking.onPart = (id, units) => this.accepted(id, units);
    this.asking.onHang = () => void this.probe();
    this.command = vscode.commands.registerCommand(TAKEN, (id: number, units: number) => this.accepted(id, units));
  }

  /** What the language client does instead of its own. */
  readonly middleware: Pick<Middleware, "didChange" | "provideInlineCompletionItems"> = {
    didChange: async (event, next) => {
      await next(event); // first the text, then the question about it
      this.entries.drop();
      const edits = event.contentChanges.map(({ rangeOffset, rangeLength, text }): Edit => ({
        offset: rangeOffset,
        length: rangeLength,
        text,
      }));
      this.asking.changed(String(event.document.uri), event.document.version, edits, isTypedIn(event.document));
    },
    provideInlineCompletionItems: async (document, position, context, token) => {
      const asked = { uri: String(document.uri), version: document.version };
      try {
        return await this.provide(document, position, context, token);
      } finally {
        setTimeout(() => {
          this.drawn = asked;
          this.answered.fire(document);
        }, DRAWN_MS);
      }
    },
  };

  /** A list is being made, and will be opened; VS Code asks for ghost text when it is open. */
  opening(list: Promise<unknown>): void {
    this.asking.after(list);
  }

  /**
   * The list of completions has this entry on top, and is about to be shown: ask for ghost text behind it ahead of
   * VS Code, unless what is known goes on so.
   */
  async listed(document: vscode.TextDocument, position: vscode.Position, first: ListEntry): Promise<void> {
    const place = placeOf(document, position);
    if (!isTypedIn(document) || this.asking.isShortened(place.uri)) return;
    const known = await this.asking.suggestions(place, false, new AbortController().signal);
    if (document.version === place.version && !goingOn(known, missing(place, first, document))) {
      await this.entries.behind(place, first);
    }
  }

  /** Settles when VS Code has been given ghost text for a text as it is now, or need not be waited for. */
  shownFirst(document: vscode.TextDocument): Promise<void> {
    const isDone = this.drawn?.uri === String(document.uri) && this.drawn.version === document.version;
    if (isDone || !this.server.isRunning || !isTypedIn(document)) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        listener.dispose();
        resolve();
      };
      const listener = this.answered.event(go);
      const timer = setTimeout(go, LIST_MS);
    });
  }

  /** Other settings, or another server. */
  forget(): void {
    this.entries.drop();
    this.asking.forget();
  }

  dispose(): void {
    this.command.dispose();
    this.answered.dispose();
  }

  private async provide(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    if (!this.server.isRunning) return [];
    const signal = signalOf(token);
    const selected = context.selectedCompletionInfo;
    const everything = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    if (selected) {
      const isWanted = everything || !this.asking.isShortened(String(document.uri));
      return isWanted ? this.behind(document, position, selected, signal) : [];
    }
    const found = await this.asking.suggestions(placeOf(document, position), everything, signal);
    if (signal.aborted) return [];
    this.shown(found[0]);
    return found.map((each) => item(each.text, new vscode.Range(position, position), each, each.text.length));
  }

  /** Ghost text behind the entry that is selected in the list of completions. */
  private async behind(
    document: vscode.TextDocument,
    position: vscode.Position,
    selected: vscode.SelectedCompletionInfo,
    signal: AbortSignal,
  ): Promise<vscode.InlineCompletionItem[]> {
    const { range } = selected;
    const place = placeOf(document, position);
    const typed = document.getText(range.with({ end: position }));
    if (range.start.line !== position.line || range.start.isAfter(position)) return [];
    const entry = { start: document.offsetAt(range.start), text: selected.text, range };
    const rest = range.end.isEqual(position) ? missing(place, entry, document) : undefined;
    const answers: (readonly Suggestion[])[] = [];
    if (rest === undefined) {
      // The list has not followed the last key yet. What is answered now is drawn as soon as it has.
      answers.push(await this.asking.suggestions(place, false, signal));
      answers.push(await orNothing(this.entries.asked(place), signal, ENTRY_MS));
    } else {
      const going = goingOn(this.asking.known(place.uri, place.offset) ?? [], rest);
      answers.push(going ? [going] : await orNothing(this.entries.behind(place, entry), signal, ENTRY_MS));
    }
    if (signal.aborted) return [];
    const found = answers.flatMap((answer) => answer.slice(0, 1));
    if (rest !== undefined) this.shown(found[0]);
    return found.map((each) => item(typed + each.text, range.with({ end: position }), each, each.text.length));
  }

  /** Ghost text that begins with an entry; what is still to come of it, the rest of the entry included. */
  private async askBehind(place: Place, entry: ListEntry, signal: AbortSignal): Promise<readonly Suggestion[] | null> {
    const document = openDocument(place);
    if (!document) return null;
    const position = document.positionAt(place.offset);
    const typed = place.offset - entry.start;
    const found = await this.request(document.uri, position, 2, signal, {
      range: wireRange(entry.range),
      text: entry.text,
    });
    return found && found.map(({ id, text }) => ({ id, text: text.slice(typed) }));
  }

  private async ask(place: Place, everything: boolean, signal: AbortSignal): Promise<readonly Suggestion[] | null> {
    const document = openDocument(place);
    return document ? this.request(document.uri, document.positionAt(place.offset), everything ? 1 : 2, signal) : null;
  }

  /** A question has been without an answer for long: start the server again unless it answers another one. */
  private async probe(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), PROBE_MS)));
    const asked = this.server.request("codling/status", {}).then(
      () => true,
      () => true,
    );
    const isAlive = await Promise.race([asked, late]);
    clearTimeout(timer);
    if (isAlive) return;
    this.log.warn("the server does not answer; it is started again");
    await this.server.restart();
  }

  /** One question; `kind` is 1 for the user's, 2 for one that nobody asked. */
  private async request(
    uri: vscode.Uri,
    position: vscode.Position,
    kind: 1 | 2,
    signal: AbortSignal,
    selected?: { range: object; text: string },
  ): Promise<readonly Suggestion[] | null> {
    const source = new vscode.CancellationTokenSource();
    const cancel = (): void => source.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      const answer = await this.server.request<{ readonly items: readonly WireItem[] } | null>(
        "textDocument/inlineCompletion",
        {
          textDocument: { uri: String(uri) },
          position: { line: position.line, character: position.character },
          context: { triggerKind: kind, ...(selected && { selectedCompletionInfo: selected }) },
        },
        source.token,
      );
      return answer ? answer.items.map(suggestion) : null;
    } catch (error) {
      if (!signal.aborted) this.log.debug(`no ghost text: ${String(error)}`);
      return null;
    } finally {
      signal.removeEventListener("abort", cancel);
      source.dispose();
    }
  }

  private shown(suggestion: Suggestion | undefined): void {
    if (suggestion?.id === undefined || suggestion.id === this.lastId) return;
    this.lastId = suggestion.id;
    this.server.notify("codling/shown", { id: suggestion.id });
  }

  private accepted(id: number, units: number): void {
    const asked = this.server.request("workspace/executeCommand", {
      command: "codling.accepted",
      arguments: [id, units],
    });
    asked.catch((error: unknown) => this.log.debug(`not counted: ${String(error)}`));
  }
}

function suggestion({ insertText, command }: WireItem): Suggestion {
  const id = command?.arguments?.[0];
  return { id: typeof id === "number" ? id : undefined, text: insertText };
}

/** @param units what of the text is not there yet. */
function item(text: string, range: vscode.Range, { id }: Suggestion, units: number): vscode.InlineCompletionItem {
  const command = id === undefined ? undefined : { title: "", command: TAKEN, arguments: [id, units] };
  return new vscode.InlineCompletionItem(text, range, command);
}

/** Whether the cursor is in this text, so that its changes are somebody's typing, and ghost text is wanted. */
function isTypedIn(document: vscode.TextDocument): boolean {
  const editor = vscode.window.activeTextEditor;
  const isWanted = vscode.workspace.getConfiguration("editor", document).get("inlineSuggest.enabled", true);
  return editor?.document === document && editor.selections.length === 1 && isWanted;
}

/** The text of a place, if it is still as it was. */
function openDocument({ uri, version }: Place): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find((each) => String(each.uri) === uri && each.version === version);
}

/** What of an entry does not stand in front of the cursor yet; undefined when it replaces what stands there. */
function missing(place: Place, entry: ListEntry, document: vscode.TextDocument): string | undefined {
  const typed = document.getText(new vscode.Range(entry.range.start, document.positionAt(place.offset)));
  return entry.text.startsWith(typed) ? entry.text.slice(typed.length) : undefined;
}

/** The suggestion that goes on as an entry does; one that ends with it, too, so that it stays when the list opens. */
function goingOn(known: readonly Suggestion[], rest: string | undefined): Suggestion | undefined {
  return known.find(({ text }) => rest !== undefined && text.startsWith(rest));
}

function placeOf(document: vscode.TextDocument, position: vscode.Position): Place {
  return { uri: String(document.uri), version: document.version, offset: document.offsetAt(position) };
}

function wireRange({ start, end }: vscode.Range): object {
  const wire = ({ line, character }: vscode.Position): object => ({ line, character });
  return { start: wire(start), end: wire(end) };
}

function signalOf(token: vscode.CancellationToken): AbortSignal {
  const abort = new AbortController();
  if (token.isCancellationRequested) abort.abort();
  else token.onCancellationRequested(() => abort.abort());
  return abort.signal;
}
