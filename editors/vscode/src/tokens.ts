// The list of next tokens among VS Code's other completions. VS Code shows a list when all have answered, so an answer
// of ours that is late is none.

import type { CompletionItem, CompletionList } from "vscode";
import type { Middleware } from "vscode-languageclient/node";

const PATIENCE_MS = 150;

/** What the language client does instead of its own; `isReady` says whether a model is there to answer. */
export function tokenMiddleware(isReady: () => boolean): Pick<Middleware, "provideCompletionItem"> {
  return {
    provideCompletionItem: async (document, position, context, token, next) => {
      if (!isReady()) return undefined;
      const late: CompletionList = { items: [], isIncomplete: true };
      const found = await within(Promise.resolve(next(document, position, context, token)), PATIENCE_MS, late);
      (Array.isArray(found) ? found : (found?.items ?? [])).forEach(showDetail);
      return found;
    },
  };
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
