// The list of next tokens among VS Code's other completions. VS Code shows a list when all have answered, so an answer
// of ours that is late is none.

import type { CompletionItem, CompletionList, Position, TextDocument } from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import type { ListEntry } from "./ghosts";

const PATIENCE_MS = 150;
const FOR_INCOMPLETE = 2; // vscode.CompletionTriggerKind.TriggerForIncompleteCompletions

/** What the list has to do with ghost text. */
export interface Beside {
  /** Whether a model is there to answer. */
  isReady(): boolean;
  /** A list is being made, and will be opened. */
  opening(list: Promise<unknown>): void;
  /** The list has this entry on top. */
  listed(document: TextDocument, position: Position, first: ListEntry): Promise<void>;
  /** Settles when VS Code has been given ghost text for this text. */
  shownFirst(document: TextDocument): Promise<void>;
}

/** What the language client does instead of its own. */
export function tokenMiddleware(beside: Beside): Pick<Middleware, "provideCompletionItem"> {
  return {
    provideCompletionItem: async (document, position, context, token, next) => {
      if (!beside.isReady()) return undefined;
      const late: CompletionList = { items: [], isIncomplete: true };
      const asked = within(Promise.resolve(next(document, position, context, token)), PATIENCE_MS, late);
      const isOpen = context.triggerKind === FOR_INCOMPLETE;
      if (!isOpen) beside.opening(asked);
      const found = await asked;
      const items = Array.isArray(found) ? found : (found?.items ?? []);
      items.forEach(showDetail);
      const first = items[0] && entryOf(items[0], document);
      if (first && !token.isCancellationRequested) void beside.listed(document, position, first);
      // When a list that is open follows a key, VS Code drops its question about ghost text and asks anew, 50 ms later.
      // So the answer goes first: it is drawn when the list has followed.
      if (isOpen && !token.isCancellationRequested) await beside.shownFirst(document);
      return found;
    },
  };
}

function entryOf(item: CompletionItem, document: TextDocument): ListEntry | undefined {
  const { insertText, range } = item;
  if (typeof insertText !== "string" || range === undefined) return undefined;
  const replaced = "replacing" in range ? range.replacing : range;
  return { start: document.offsetAt(replaced.start), text: insertText, range: replaced };
}

/** Have the probability shown with each entry, not with the selected one only. */
function showDetail(item: CompletionItem): void {
  if (typeof item.label !== "string" || item.detail === undefined) return;
  item.label = { label: item.label, description: item.detail };
  delete item.detail;
}

/** An answer, or another one when it fails or takes longer than `ms`. */
export async function within<T extends CompletionItem[] | CompletionList | null | undefined>(
  answer: Promise<T>,
  ms: number,
  otherwise: T,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), ms);
  });
  try {
    return await Promise.race([answer.catch(() => otherwise), late]);
  } finally {
    clearTimeout(timer);
  }
}
