// Search of the workspace: hits come as one types, the one that is marked is shown in the editor, Enter goes there.

import * as vscode from "vscode";
import type { Server } from "./server";

interface Hit {
  readonly uri: string;
  readonly path: string;
  readonly line: number;
  readonly end_line: number;
  readonly name: string;
  readonly qualified_name: string;
  readonly kind: string;
  readonly signature: string;
  readonly snippet: { readonly text: string };
}

interface Row extends vscode.QuickPickItem {
  readonly hit: Hit;
}

const LIMIT = 30;
const PAUSE_MS = 60; // between keystrokes; a search takes a few milliseconds
const PREVIEW_MS = 80; // a cursor that runs down the list opens no file
const ICONS: Readonly<Record<string, string>> = {
  function: "symbol-method",
  method: "symbol-method",
  class: "symbol-class",
  interface: "symbol-interface",
  enum: "symbol-enum",
  type: "symbol-type-parameter",
  constant: "symbol-constant",
  module: "symbol-module",
};
const BESIDE: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon("split-horizontal"),
  tooltip: "Open to the side",
};

let lastQuery = "";

export function search(server: Server, log: vscode.LogOutputChannel): void {
  const before = vscode.window.activeTextEditor;
  const from = before && { document: before.document, selection: before.selection, column: before.viewColumn };
  const pick = vscode.window.createQuickPick<Row>();
  let asking: vscode.CancellationTokenSource | undefined;
  let pause: NodeJS.Timeout | undefined;
  let preview: NodeJS.Timeout | undefined;
  let isTaken = false;
  const lit = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
  });

  const find = async (): Promise<void> => {
    asking?.cancel();
    const mine = (asking = new vscode.CancellationTokenSource());
    lastQuery = pick.value;
    if (!pick.value.trim()) {
      pick.items = [];
      return;
    }
    pick.busy = true;
    try {
      await server.awake();
      const found = await server.request<{ readonly hits: readonly Hit[]; readonly indexing: boolean } | null>(
        "codling/search",
        { query: pick.value, limit: LIMIT, lines: 1, session: "vscode" },
        mine.token,
      );
      if (mine.token.isCancellationRequested) return;
      pick.title = titleOf(server, found);
      pick.items = (found?.hits ?? []).map(row);
    } catch (error) {
      if (mine.token.isCancellationRequested) return;
      pick.title = error instanceof Error ? error.message : String(error); // about the query
      log.debug(`search: ${pick.title}`);
    } finally {
      if (asking === mine) pick.busy = false;
    }
  };

  const show = async (hit: Hit): Promise<void> => {
    const editor = await open(hit, { preview: true, preserveFocus: true });
    editor?.setDecorations(lit, [linesOf(hit)]);
  };

  pick.placeholder = 'what it does, what it is called, "its very text", re:/…/ – lang: kind: path: narrow down';
  pick.title = titleOf(server, undefined);
  // The hits are ranked by the server; VS Code would sort them by their names otherwise.
  (pick as { sortByLabel?: boolean }).sortByLabel = false;
  pick.value = selectedWord(before) || lastQuery;
  pick.onDidChangeValue(() => {
    clearTimeout(pause);
    pause = setTimeout(() => void find(), PAUSE_MS);
  });
  pick.onDidChangeActive(([active]) => {
    clearTimeout(preview);
    if (active) preview = setTimeout(() => void show(active.hit), PREVIEW_MS);
  });
  pick.onDidAccept(() => {
    const [chosen] = pick.selectedItems.length ? pick.selectedItems : pick.activeItems;
    if (!chosen) return;
    isTaken = true;
    pick.hide();
    void open(chosen.hit, { preview: false });
  });
  pick.onDidTriggerItemButton(({ item }) => {
    isTaken = true;
    pick.hide();
    void open(item.hit, { preview: false, viewColumn: vscode.ViewColumn.Beside });
  });
  pick.onDidHide(() => {
    clearTimeout(pause);
    clearTimeout(preview);
    asking?.cancel();
    lit.dispose();
    pick.dispose();
    if (!isTaken && from && !from.document.isClosed) {
      const { document, selection, column } = from;
      void vscode.window.showTextDocument(document, { selection, ...(column !== undefined && { viewColumn: column }) });
    }
  });
  pick.show();
  if (pick.value) void find();
}

function row(hit: Hit): Row {
  const [first = ""] = hit.snippet.text.split("\n");
  return {
    hit,
    label: `$(${ICONS[hit.kind] ?? "symbol-file"}) ${hit.qualified_name || hit.path}`,
    description: `${hit.path}:${hit.line}`,
    detail: (hit.signature || first).trim(),
    alwaysShow: true, // VS Code would leave out what does not contain the query
    buttons: [BESIDE],
  };
}

function linesOf(hit: Hit): vscode.Range {
  return new vscode.Range(hit.line - 1, 0, Math.max(hit.line, hit.end_line) - 1, 0);
}

async function open(hit: Hit, options: vscode.TextDocumentShowOptions): Promise<vscode.TextEditor | undefined> {
  const { start } = linesOf(hit);
  try {
    const uri = vscode.Uri.parse(hit.uri, true);
    const editor = await vscode.window.showTextDocument(uri, { ...options, selection: new vscode.Range(start, start) });
    editor.revealRange(linesOf(hit), vscode.TextEditorRevealType.InCenter); // the list covers what is above
    return editor;
  } catch {
    void vscode.window.showWarningMessage(`${hit.path} is not there any more.`);
    return undefined;
  }
}

function titleOf(
  server: Server,
  found: { readonly indexing: boolean; readonly hits: readonly Hit[] } | null | undefined,
): string {
  if (!server.isRunning) return "codling's server does not run";
  const folders = server.status?.folders ?? [];
  if (folders.length === 0) return "codling: no folder is indexed";
  const waiting = folders.find(({ state }) => state === "indexing" || state === "waiting");
  if (waiting) return `codling: indexing ${waiting.name}, ${waiting.done} of ${waiting.total} files`;
  if (found?.hits.length === 0) return "codling: nothing found";
  return "codling: search the workspace";
}

function selectedWord(editor: vscode.TextEditor | undefined): string {
  if (!editor || !editor.selection.isSingleLine) return "";
  return editor.document.getText(editor.selection).trim();
}
