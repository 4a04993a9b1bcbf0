// CodeMirror as the playground needs it: a language, quiet colours, Tab that indents when nothing is suggested.

import { defaultKeymap, history, historyKeymap, indentLess, indentMore, insertTab } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorSelection, EditorState, type StateCommand } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  type ViewUpdate,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { ghostText } from "./ghost";
import { LANGUAGES, type Language } from "./languages";

export interface EditorEvents {
  onUpdate(update: ViewUpdate): void;
  onDismiss(): void;
  onAsk(): void;
  /** The keyboard wants to the lists; says whether it got there. */
  onLists(): boolean;
}

const highlighting = new Compartment();
const label = new Compartment();

function labelled(language: Language): ReturnType<typeof EditorView.contentAttributes.of> {
  const says = `${language.title} code; suggestions appear after the cursor`;
  return EditorView.contentAttributes.of({ "aria-label": says, spellcheck: "false" });
}

/** Show a language's colours, and its sample where there is nothing but another's. */
export function setLanguage(view: EditorView, language: Language): void {
  const effects = [highlighting.reconfigure(language.support()), label.reconfigure(labelled(language))];
  const text = view.state.doc.toString();
  if (text !== language.sample && (text === "" || LANGUAGES.some((other) => other.sample === text)))
    view.dispatch({
      effects,
      changes: { from: 0, to: text.length, insert: language.sample },
      selection: EditorSelection.cursor(language.sample.length),
      scrollIntoView: true,
    });
  else view.dispatch({ effects });
}

// Colours are custom properties, so that light and dark are the style sheet's matter alone.
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.comment, tags.docComment], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.definition(tags.function(tags.variableName)), tags.definition(tags.className)], color: "var(--code-name)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--code-call)" },
  { tag: tags.meta, color: "var(--code-number)" },
]);

/** Four blanks to the next stop, or the selected lines moved; the key that a Python programmer expects of Tab. */
const indent: StateCommand = (target) => {
  const { state } = target;
  if (state.selection.ranges.some((range) => !range.empty)) return indentMore(target);
  if (state.facet(indentUnit) === "\t") return insertTab(target);
  target.dispatch(
    state.update(
      state.changeByRange((range) => {
        const column = range.head - state.doc.lineAt(range.head).from;
        const blanks = " ".repeat(4 - (column % 4));
        return { changes: { from: range.head, insert: blanks }, range: EditorSelection.cursor(range.head + blanks.length) };
      }),
      { userEvent: "input.indent", scrollIntoView: true },
    ),
  );
  return true;
};

export function makeEditor(parent: HTMLElement, language: Language, events: EditorEvents): EditorView {
  const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";
  return new EditorView({
    parent,
    scrollTo: EditorView.scrollIntoView(language.sample.length, { y: "end", yMargin: 72 }),
    state: EditorState.create({
      doc: language.sample,
      selection: EditorSelection.cursor(language.sample.length),
      extensions: [
        EditorView.cspNonce.of(nonce),
        ghostText(events.onDismiss),
        lineNumbers(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        indentUnit.of("    "),
        indentOnInput(),
        bracketMatching(),
        highlighting.of(language.support()),
        syntaxHighlighting(colours),
        keymap.of([
          { key: "Tab", run: indent, shift: indentLess },
          {
            key: "Ctrl-Space",
            run: () => {
              events.onAsk();
              return true;
            },
          },
          { key: "Alt-ArrowDown", run: () => events.onLists() },
          ...historyKeymap,
          ...defaultKeymap,
        ]),
        EditorView.scrollMargins.of(() => ({ bottom: 72 })), // room for a suggestion of a few lines
        EditorView.updateListener.of((update) => events.onUpdate(update)),
        label.of(labelled(language)),
      ],
    }),
  });
}
