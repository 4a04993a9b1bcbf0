// The playground: type code, Tab completes it; beside each other, what may come next and how likely it is.

import type { EditorView } from "@codemirror/view";
import { Refused, models } from "../api";
import { el } from "../shell/dom";
import { Status } from "../shell/status";
import type { View } from "../shell/views";
import { CardDialog } from "./card";
import { Costs } from "./costs";
import { makeEditor, setLanguage } from "./editor";
import { acceptGhost, acceptWord, dismissGhost, insertAtCursor } from "./ghost";
import { languageNamed } from "./languages";
import { Ranking } from "./ranking";
import { SettingsPanel } from "./settings";
import { NUM_ROWS, Suggester } from "./suggester";
import { Writer } from "./writer";

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** What the keys do; each can be pressed with a finger too, where there are no keys. */
function keys(...rows: [key: string, does: string, run: () => void][]): HTMLElement {
  const button = ([key, does, run]: (typeof rows)[number]): HTMLElement =>
    el("button", { type: "button", class: "key", onclick: run }, el("kbd", {}, key), ` ${does}`);
  return el("div", { class: "keys", role: "group", "aria-label": "What the keys do" }, ...rows.map(button), el("span", { class: "hint" }, "Esc, then Tab leaves the editor"));
}

export const playground: View = {
  id: "playground",
  title: "Playground",
  about: "code completion on your own machine",

  mount(into) {
    const spoken = el("p", { class: "unseen", "aria-live": "polite" });
    const place = el("div", { class: "editor" });
    const costs = new Costs();
    const status = new Status(() => void begin());
    const card = new CardDialog();
    const settings = new SettingsPanel(
      () => changed(),
      (model) => void card.open(model),
    );
    const picked = (text: string): void => {
      insertAtCursor(view, text);
      view.focus();
    };
    const onLeave = (): void => view.focus();
    const tokens: Ranking = new Ranking("tokens", "Next token", NUM_ROWS, {
      onPick: picked,
      onLeave,
      onAside: (row) => lines.focus(row),
    });
    const lines: Ranking = new Ranking("lines", "Whole line", NUM_ROWS, {
      onPick: picked,
      onLeave,
      onAside: (row) => tokens.focus(row),
    });
    const suggester = new Suggester(settings.settings, costs, tokens, lines, status, spoken);
    let language = languageNamed(settings.settings.language);
    const view: EditorView = makeEditor(place, language, {
      onUpdate: (update) => {
        if (!update.docChanged && !update.selectionSet) return;
        writer.stop(); // the person goes on themselves
        suggester.updated(update);
      },
      onDismiss: () => {
        writer.stop();
        suggester.dismissed(view);
      },
      onAsk: () => suggester.refresh(view),
      onLists: () => lines.focus(0) || tokens.focus(0),
    });
    const writer = new Writer(view, settings.settings, status, () => suggester.cancel());

    into.append(
      el(
        "div",
        { class: "playground" },
        el(
          "div",
          { class: "desk" },
          place,
          costs.element,
          keys(
            ["Tab", "accept", () => onSuggestion(acceptGhost)],
            [IS_MAC ? "⌘ →" : "Ctrl →", "one word", () => onSuggestion(acceptWord)],
            ["Esc", "dismiss", () => onSuggestion(dismissGhost)],
            ["Ctrl Space", "ask", () => onSuggestion(() => suggester.refresh(view))],
            [IS_MAC ? "⌥ ↓" : "Alt ↓", "the lists", () => lines.focus(0) || tokens.focus(0)],
          ),
          el("div", { class: "answers" }, tokens.element, lines.element),
          spoken,
        ),
        el("aside", { class: "side", "aria-label": "Model and answers" }, settings.element, writer.element),
      ),
      card.element,
    );

    function onSuggestion(run: (view: EditorView) => unknown): void {
      run(view);
      view.focus();
    }

    /** Another model, or language, or way to suggest. */
    function changed(): void {
      const chosen = languageNamed(settings.settings.language);
      if (chosen !== language) setLanguage(view, (language = chosen));
      suggester.refresh(view);
    }

    async function begin(): Promise<void> {
      try {
        settings.offer(await models());
        changed();
      } catch (error) {
        if (error instanceof Refused) status.say("bad", error.message);
        else status.lost();
      }
    }

    view.focus();
    void begin();
    return {}; // nothing of it stands in the address
  },
};
