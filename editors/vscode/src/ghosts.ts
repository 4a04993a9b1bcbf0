// Ghost text: what VS Code asks and says, put into the words of `Asking`.

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { Asking, type Place } from "./asking";
import type { Server } from "./server";
import type { Edit, Suggestion } from "./trail";

/** The command that each suggestion carries: it was taken. */
const TAKEN = "codling.taken";

const PROBE_MS = 10_000; // for an answer that takes no computing

interface WireItem {
  readonly insertText: string;
  readonly command?: { readonly arguments?: readonly unknown[] };
}

export class Ghosts implements vscode.Disposable {
  private readonly asking: Asking;
  private readonly command: vscode.Disposable;
  private lastId: number | undefined; // what the server was told of as shown

  constructor(
    private readonly server: Server,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.asking = new Asking((place, everything, signal) => this.ask(place, everything, signal));
    this.asking.onPart = (id, units) => this.accepted(id, units);
    this.asking.onHang = () => void this.probe();
    this.command = vscode.commands.registerCommand(TAKEN, (id: number, units: number) => this.accepted(id, units));
  }

  /** What the language client does instead of its own. */
  readonly middleware: Pick<Middleware, "didChange" | "provideInlineCompletionItems"> = {
    didChange: async (event, next) => {
      await next(event); // first the text, then the question about it
      const edits = event.contentChanges.map(({ rangeOffset, rangeLength, text }): Edit => ({
        offset: rangeOffset,
        length: rangeLength,
        text,
      }));
      this.asking.changed(String(event.document.uri), event.document.version, edits, isTypedIn(event.document));
    },
    provideInlineCompletionItems: (document, position, context, token) =>
      this.provide(document, position, context, token),
  };

  /** Other settings, or another server. */
  forget(): void {
    this.asking.forget();
  }

  dispose(): void {
    this.command.dispose();
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
    const { range, text: entry } = selected;
    const typed = document.getText(new vscode.Range(range.start, position));
    if (!range.end.isEqual(position) || !entry.startsWith(typed)) return []; // it replaces what stands there
    const missing = entry.slice(typed.length);
    const known = this.asking.known(String(document.uri), document.offsetAt(position)) ?? [];
    const going = known.find(({ text }) => text.startsWith(missing) && text.length > missing.length);
    const found = going
      ? [{ id: going.id, text: typed + going.text }]
      : await this.request(document.uri, position, 2, signal, { range: wireRange(range), text: entry });
    const [first] = signal.aborted || !found ? [] : found;
    if (!first) return [];
    this.shown(first);
    return [item(first.text, range, first, first.text.length - typed.length)];
  }

  private async ask(place: Place, everything: boolean, signal: AbortSignal): Promise<readonly Suggestion[] | null> {
    const document = vscode.workspace.textDocuments.find((each) => String(each.uri) === place.uri);
    if (!document || document.version !== place.version) return null;
    return this.request(document.uri, document.positionAt(place.offset), everything ? 1 : 2, signal);
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
