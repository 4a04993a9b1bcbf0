// The playground: type Python, Tab completes it.

import type { EditorView } from "@codemirror/view";
import { Refused, models } from "../api";
import { el } from "../shell/dom";
import { Status } from "../shell/status";
import type { View } from "../shell/views";
import { CardDialog } from "./card";
import { Costs } from "./costs";
import { makeEditor } from "./editor";
import { ghostOf, insertAtCursor } from "./ghost";
import { NextTokens } from "./nexttokens";
import { SettingsPanel } from "./settings";
import { Suggester } from "./suggester";
import { Writer } from "./writer";

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);

function keys(...pairs: [string, string][]): HTMLElement {
  return el("p", { class: "keys" }, ...pairs.map(([key, does]) => el("span", {}, el("kbd", {}, key), ` ${does}`)));
}

export const playground: View = {
  id: "playground",
  title: "Playground",

  mount(into) {
    const spoken = el("p", { class: "unseen", "aria-live": "polite" });
    const place = el("div", { class: "editor" });
    const costs = new Costs();
    const status = new Status(() => void begin());
    const card = new CardDialog();
    const settings = new SettingsPanel(
      () => suggester.refresh(view),
      (model) => void card.open(model),
    );
    const tokens = new NextTokens(
      (text) => {
        insertAtCursor(view, text);
        view.focus();
      },
      () => view.focus(),
    );
    const suggester = new Suggester(settings.settings, costs, tokens, status, spoken);
    const view: EditorView = makeEditor(place, {
      onUpdate: (update) => {
        if (writer.isWriting) {
          if (!update.docChanged && !update.selectionSet) return;
          writer.stop(); // the person goes on themselves
        }
        suggester.updated(update);
      },
      onDismiss: () => {
        writer.stop();
        suggester.dismissed(view);
      },
      onAsk: () => suggester.refresh(view),
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
          keys(
            ["Tab", "accept"],
            [IS_MAC ? "⌘ →" : "Ctrl →", "one word"],
            ["Esc", "dismiss"],
            ["Ctrl Space", "ask"],
            ["Esc Tab", "leave the editor"],
          ),
          spoken,
        ),
        el("aside", { class: "side", "aria-label": "Model and answers" }, tokens.element, settings.element, writer.element, costs.element),
      ),
      card.element,
    );

    async function begin(): Promise<void> {
      try {
        settings.offer(await models());
        if (!ghostOf(view)) suggester.refresh(view);
      } catch (error) {
        if (error instanceof Refused) status.say("bad", error.message);
        else status.lost();
      }
    }

    view.focus();
    void begin();
  },
};
