// "Adapt to this workspace": the server trains, in a process of its own; here is its progress, with a button to cancel.

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { config, type Server } from "./server";

interface Bar {
  report(words: string | undefined, percentage: number | undefined): void;
  end(): void;
}

interface Adapted {
  readonly model: string | null;
}

/** Cancellable progress of the server as a notification with a button: the language client's own has none. */
export function progressMiddleware(server: Server): Pick<Middleware, "handleWorkDoneProgress"> {
  const open = new Map<string | number, Bar>();
  return {
    handleWorkDoneProgress: (token, value, next) => {
      const bar = open.get(token);
      if (value.kind === "begin" && value.cancellable) open.set(token, show(server, token, value.title));
      else if (!bar) next(token, value);
      else if (value.kind === "report") bar.report(value.message, value.percentage);
      else if (value.kind === "end") (open.delete(token), bar.end());
    },
  };
}

function show(server: Server, token: string | number, title: string): Bar {
  let progress: vscode.Progress<{ message?: string; increment?: number }> | undefined;
  let done = 0;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  void vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (shown, cancelled) => {
      progress = shown;
      cancelled.onCancellationRequested(() => server.cancelProgress(token));
      const watching = server.onChange(() => server.isRunning || end()); // a server that went ends it, too
      return ended.finally(() => watching.dispose());
    },
  );
  return {
    report: (words, percentage = done) => {
      progress?.report({ ...(words !== undefined && { message: words }), increment: Math.max(0, percentage - done) });
      done = Math.max(done, percentage);
    },
    end,
  };
}

export async function adapt(server: Server): Promise<void> {
  const folder = await choose();
  if (!folder || !(await server.awake())) return;
  let result: Adapted | undefined;
  try {
    result = await server.request<Adapted>("workspace/executeCommand", {
      command: "codling.adapt",
      arguments: [String(folder.uri)],
    });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    if (!/cancelled/.test(words))
      void vscode.window.showErrorMessage(`codling could not adapt to ${folder.name}: ${words}`);
    return;
  }
  if (!result) {
    void vscode.window.showWarningMessage("codling's server does not run.");
  } else if (result.model === null) {
    void vscode.window.showInformationMessage(`codling learned nothing from ${folder.name} that it had not known.`);
  } else {
    await offer(folder, result.model);
  }
}

/** The new model is used when the user says so, in this workspace. */
async function offer(folder: vscode.WorkspaceFolder, model: string): Promise<void> {
  const use = "Use it in this workspace";
  const said = await vscode.window.showInformationMessage(`codling has adapted to ${folder.name}.`, use);
  if (said === use) await config().update("model", model, vscode.ConfigurationTarget.Workspace);
}

async function choose(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    void vscode.window.showWarningMessage("Open a folder first: codling adapts to the code in it.");
    return undefined;
  }
  return folders.length === 1
    ? folders[0]
    : vscode.window.showWorkspaceFolderPick({ placeHolder: "Adapt to which folder?" });
}
