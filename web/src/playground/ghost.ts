// Ghost text: a suggestion shown after the cursor as if it were there. Tab takes it, Esc sends it away.

import { EditorSelection, Facet, Prec, StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, keymap, type Command } from "@codemirror/view";
import { firstPiece } from "./words";

export interface Ghost {
  /** Where it would be inserted; the cursor stands there. */
  at: number;
  text: string;
}

export const setGhost = StateEffect.define<Ghost | null>();

class GhostWidget extends WidgetType {
  constructor(private readonly text: string) {
    super();
  }

  override eq(other: GhostWidget): boolean {
    return other.text === this.text;
  }

  override toDOM(): HTMLElement {
    const span = document.createElement("span");
    span.className = "ghost";
    span.textContent = this.text;
    span.setAttribute("aria-hidden", "true"); // the live region under the editor says it
    return span;
  }

  override get lineBreaks(): number {
    return this.text.split("\n").length - 1;
  }

  override ignoreEvent(): boolean {
    return false;
  }
}

const ghostField = StateField.define<Ghost | null>({
  create: () => null,
  update(ghost, transaction) {
    for (const effect of transaction.effects) if (effect.is(setGhost)) return effect.value;
    if (!ghost) return null;
    const cursor = transaction.state.selection.main;
    if (!transaction.docChanged) return cursor.empty && cursor.head === ghost.at ? ghost : null;
    // Typed along the ghost text: what is left of it stays, with no gap in between.
    const typed = transaction.state.sliceDoc(ghost.at, cursor.head);
    const grown = transaction.state.doc.length - transaction.startState.doc.length;
    if (cursor.empty && grown === typed.length && grown > 0 && ghost.text.startsWith(typed) && ghost.text !== typed)
      return { at: cursor.head, text: ghost.text.slice(typed.length) };
    return null;
  },
  provide: (field) =>
    EditorView.decorations.from(field, (ghost) =>
      ghost && ghost.text
        ? Decoration.set(Decoration.widget({ widget: new GhostWidget(ghost.text), side: 1 }).range(ghost.at))
        : Decoration.none,
    ),
});

export function ghostOf(view: EditorView): Ghost | null {
  const ghost = view.state.field(ghostField);
  return ghost && ghost.text ? ghost : null;
}

export function insertAtCursor(view: EditorView, text: string): void {
  view.dispatch(view.state.replaceSelection(text), { userEvent: "input.complete", scrollIntoView: true });
}

function take(cut: (text: string) => string): Command {
  return (view) => {
    const ghost = ghostOf(view);
    if (!ghost) return false;
    const text = cut(ghost.text);
    const left = ghost.text.slice(text.length);
    const at = ghost.at + text.length;
    view.dispatch({
      changes: { from: ghost.at, insert: text },
      selection: EditorSelection.cursor(at),
      effects: setGhost.of(left ? { at, text: left } : null),
      userEvent: "input.complete",
      scrollIntoView: true,
    });
    return true;
  };
}

export const acceptGhost = take((text) => text);
export const acceptWord = take(firstPiece);

/** Told when a person sends a suggestion away, so that it does not come straight back. */
const onDismissed = Facet.define<() => void>();

export const dismissGhost: Command = (view) => {
  if (!ghostOf(view)) return false;
  for (const told of view.state.facet(onDismissed)) told();
  view.dispatch({ effects: setGhost.of(null) });
  return true;
};

export function ghostText(onDismiss: () => void): Extension {
  return [
    ghostField,
    onDismissed.of(onDismiss),
    Prec.highest(
      keymap.of([
        { key: "Tab", run: acceptGhost },
        { key: "Mod-ArrowRight", run: acceptWord },
        { key: "Escape", run: dismissGhost },
      ]),
    ),
  ];
}
