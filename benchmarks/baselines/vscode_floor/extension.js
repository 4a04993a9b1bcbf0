// Ghost text that costs nothing, in plain text files: the time from a key to it is VS Code's own part.

const vscode = require("vscode");

exports.activate = (context) => {
  const provideInlineCompletionItems = (_document, position) => [
    new vscode.InlineCompletionItem("§floor§", new vscode.Range(position, position)),
  ];
  context.subscriptions.push(
    vscode.languages.registerInlineCompletionItemProvider({ language: "plaintext" }, { provideInlineCompletionItems }),
  );
};
