// The item in the status bar, and the menu behind it.

import * as vscode from "vscode";
import { config, type Server } from "./server";
import { isOn, patternOf, switched, toggled } from "./settings";

const INSTALL = "pip install codling";

interface Choice extends vscode.QuickPickItem {
  run?(): unknown;
}

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("codling.status", vscode.StatusBarAlignment.Right, 100);
  private readonly listening: vscode.Disposable[];
  private isToldOfMissing = false;

  constructor(
    private readonly server: Server,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.item.name = "codling";
    this.item.command = "codling.menu";
    this.listening = [server.onChange(() => this.show()), vscode.window.onDidChangeActiveTextEditor(() => this.show())];
    this.show();
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
    for (const each of this.listening) each.dispose();
  }

  /** Bring the item up to date. */
  show(): void {
    const [icon, words, tooltip] = this.said();
    this.item.text = words ? `$(${icon}) codling ${words}` : `$(${icon}) codling`;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: `codling: ${tooltip}` };
    this.item.backgroundColor =
      icon === "warning" ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    if (this.server.link === "missing" && !this.isToldOfMissing) void this.tellMissing();
    if (this.server.link === "running") this.isToldOfMissing = false;
  }

  /** The menu behind the item. */
  async menu(): Promise<void> {
    const chosen = await vscode.window.showQuickPick(this.choices(), { placeHolder: this.said()[2], title: "codling" });
    await chosen?.run?.();
  }

  /** Icon, words beside it, and one line that explains them. */
  private said(): [string, string, string] {
    const { link, status } = this.server;
    if (link === "missing") return ["warning", "", `no codling was found; ${INSTALL}`];
    if (link === "stopped") return ["circle-outline", "", "starts with the first file in a language that it knows"];
    if (link === "waiting")
      return [
        "warning",
        "",
        `the server ended and is started again soon ${this.server.failure && `(${this.server.failure})`}`,
      ];
    if (link !== "running" || !status || status.state === "starting") return ["sync~spin", "", "the server starts"];
    if (status.state === "error") return ["warning", "", status.error ?? "something went wrong; the output says more"];
    if (!config().get("enabled", true)) return ["circle-slash", "", "suggestions are off"];
    const document = vscode.window.activeTextEditor?.document;
    if (document && this.server.knows(document)) {
      if (this.isExcluded(document)) return ["circle-slash", "", "suggestions are off in this file"];
      if (!this.isOnIn(document.languageId))
        return ["circle-slash", "", `suggestions are off in ${document.languageId}`];
    }
    if (status.state === "loading") return ["sync~spin", "", "the model is loaded"];
    const model = status.model ? `model ${status.model}` : "ready";
    const where = status.server ? `, asked at ${status.server}` : "";
    if (status.ms === null) return ["sparkle", "", model + where];
    return [
      "sparkle",
      `${Math.max(1, Math.round(status.ms))} ms`,
      `${model}${where}; the last suggestion took ${status.ms} ms`,
    ];
  }

  private choices(): Choice[] {
    const { server } = this;
    const settings = config();
    const line: Choice = { label: "", kind: vscode.QuickPickItemKind.Separator };
    const choices: Choice[] = [];
    if (server.link === "missing")
      choices.push({ label: "$(warning) Install codling…", run: () => this.tellMissing() }, line);
    const isEnabled = settings.get("enabled", true);
    choices.push({
      label: isEnabled ? "$(circle-slash) Turn suggestions off" : "$(sparkle) Turn suggestions on",
      run: () => vscode.commands.executeCommand("codling.toggle"),
    });
    const document = vscode.window.activeTextEditor?.document;
    if (isEnabled && document) choices.push(...this.here(document));
    if (!vscode.workspace.getConfiguration("editor", document).get("inlineSuggest.enabled", true)) {
      choices.push({
        label: "$(warning) VS Code shows no inline suggestions: turn editor.inlineSuggest.enabled on",
        run: () =>
          vscode.workspace
            .getConfiguration("editor")
            .update("inlineSuggest.enabled", true, vscode.ConfigurationTarget.Global),
      });
    }
    choices.push(line);
    for (const [label, command] of [
      ["$(search) Search the workspace…", "codling.search"],
      ["$(mortar-board) Adapt to this workspace…", "codling.adaptWorkspace"],
      ["$(debug-restart) Start the server again", "codling.restart"],
      ["$(output) Show the output", "codling.output"],
      ["$(gear) Settings", "codling.settings"],
    ] as const) {
      choices.push({ label, run: () => vscode.commands.executeCommand(command) });
    }
    return choices;
  }

  /** What can be switched for the text that is open. */
  private here(document: vscode.TextDocument): Choice[] {
    const { languageId } = document;
    const pattern = filePattern(document);
    const choices: Choice[] = [
      {
        label: `${this.isOnIn(languageId) ? "$(circle-slash) Turn off" : "$(sparkle) Turn on"} in ${languageId} files`,
        run: () =>
          update("languages", switched(config().get("languages", {}), languageId, this.server.status?.languages ?? [])),
      },
    ];
    if (pattern) {
      const isOff = config().get<string[]>("exclude", []).includes(pattern);
      choices.push({
        label: isOff ? "$(sparkle) Turn on in this file" : "$(circle-slash) Turn off in this file",
        description: pattern.slice(1),
        run: () => update("exclude", toggled(config().get<string[]>("exclude", []), pattern)),
      });
    }
    return choices;
  }

  private isOnIn(language: string): boolean {
    return isOn(config().get("languages", {}), language, this.server.status?.languages ?? []);
  }

  private isExcluded(document: vscode.TextDocument): boolean {
    const pattern = filePattern(document);
    return pattern !== undefined && config().get<string[]>("exclude", []).includes(pattern);
  }

  private async tellMissing(): Promise<void> {
    this.isToldOfMissing = true;
    const [copy, path, again, log] = ["Copy the command", "I have it elsewhere", "Try again", "Show the output"];
    const where = vscode.workspace.isTrusted
      ? ""
      : " (an environment within this workspace was not looked at: you do not trust it)";
    const said = await vscode.window.showWarningMessage(
      `codling's server was not found on the path or in the workspace's environment${where}. To install it: ${INSTALL}`,
      ...[copy, path, again, log],
    );
    if (said === copy) await vscode.env.clipboard.writeText(INSTALL);
    else if (said === path) await vscode.commands.executeCommand("workbench.action.openSettings", "codling.python");
    else if (said === again) await this.server.restart();
    else if (said === log) this.log.show();
  }
}

/** Turn suggestions on or off altogether. */
export async function toggle(): Promise<void> {
  await update("enabled", !config().get("enabled", true));
}

/** Set a setting where it is set now, else for the user. */
async function update(key: string, value: unknown): Promise<void> {
  const now = config().inspect(key);
  const isInWorkspace = now?.workspaceValue !== undefined;
  await config().update(
    key,
    value,
    isInWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global,
  );
}

/** The pattern that stands for one file; undefined for a text that is no file. */
function filePattern(document: vscode.TextDocument): string | undefined {
  if (document.uri.scheme !== "file") return undefined;
  const folder = vscode.workspace.getWorkspaceFolder(document.uri);
  return patternOf(folder ? vscode.workspace.asRelativePath(document.uri, false) : document.uri.path);
}
