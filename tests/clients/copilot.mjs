// codemirror-copilot in an editor of a page of codling's own origin, asking OpenAI's endpoint; bundled by its test.

import { EditorView } from "@codemirror/view";
import { inlineCopilot } from "codemirror-copilot";

const ask = async (prompt, suffix) => {
  const answer = await fetch("/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "codling", prompt, suffix, max_tokens: 64, stop: "\n" }),
  });
  return (await answer.json()).choices[0]?.text ?? "";
};

const view = new EditorView({ doc: "", parent: document.body, extensions: [inlineCopilot(ask, 50)] });
view.focus();
