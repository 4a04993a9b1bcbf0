// codling in VS Code: puts the parts together. The model, the cache and the search are the server's, `codling lsp`.

import * as vscode from "vscode";
import { adapt, progressMiddleware } from "./adapt";
import { Ghosts } from "./ghosts";
import { search } from "./search";
import { Server } from "./server";
import { START_KEYS } from "./settings";
import { Status, toggle } from "./status";
import { tokenMiddleware } from "./tokens";

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("codling", { log: true });
  const running: Server = new Server(log);
  server = running;
  const ghosts = new Ghosts(running, log);
  running.middleware = {
    ...ghosts.middleware,
    ...tokenMiddleware({
      isReady: () => running.status?.state === "ready",
      opening: (list) => ghosts.opening(list),
      listed: (...list) => ghosts.listed(...list),
      shownFirst: (document) => ghosts.shownFirst(document),
    }),
    ...progressMiddleware(running),
  };
  const status = new Status(running, log);
  const commands: Record<string, () => unknown> = {
    "codling.menu": () => status.menu(),
    "codling.toggle": () => toggle(),
    "codling.search": () => search(running, log),
    "codling.adaptWorkspace": () => adapt(running),
    "codling.restart": () => running.restart(),
    "codling.output": () => log.show(),
    "codling.settings": () => vscode.commands.executeCommand("workbench.action.openSettings", "@ext:codling.codling"),
  };
  context.subscriptions.push(
    log,
    ghosts,
    status,
    ...Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run)),
    running.onChange(() => running.link === "running" || ghosts.forget()),
    vscode.workspace.onDidOpenTextDocument((document) => running.wanted(document)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration("codling")) return;
      ghosts.forget();
      if (START_KEYS.some((key) => event.affectsConfiguration(`codling.${key}`))) void running.restart();
      else running.configure();
      status.show();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => running.link === "missing" && running.restart()),
  );
  for (const document of vscode.workspace.textDocuments) running.wanted(document);
}

export async function deactivate(): Promise<void> {
  await server?.dispose();
}
