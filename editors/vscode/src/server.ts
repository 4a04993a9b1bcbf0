// The language server's life: found, started, started again when it ends, and asked.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  State,
  WorkDoneProgressCancelNotification,
  type LanguageClientOptions,
  type Middleware,
} from "vscode-languageclient/node";
import { Backoff } from "./backoff";
import { find, type Found } from "./find";
import { serverSettings } from "./settings";

/** What `codling/status` says; docs/lsp.md. */
export interface ServerStatus {
  readonly state: "starting" | "loading" | "ready" | "off" | "error";
  readonly error: string | null;
  readonly model: string | null;
  readonly ms: number | null;
  readonly languages: readonly string[];
  readonly server: string | null;
  readonly folders: readonly {
    readonly name: string;
    readonly state: string;
    readonly done: number;
    readonly total: number;
  }[];
  readonly version: string;
}

/** Where the connection stands, apart from what the server says of itself. */
export type Link = "missing" | "starting" | "running" | "waiting" | "stopped";

const SCHEMES = ["file", "untitled", "vscode-notebook-cell"];
const NAMES = ["python", "java"]; // what the models that ship have learned

const STOP_MS = 2_000; // to keep what it knows; one that hangs is killed

export class Server implements vscode.Disposable {
  /** Fired when `link` or `status` is another one. */
  readonly onChange: vscode.Event<void>;
  link: Link = "stopped";
  status: ServerStatus | undefined;
  /** What the server is started with; undefined while none was found. */
  found: Found | undefined;

  private readonly changes = new vscode.EventEmitter<void>();
  private readonly backoff = new Backoff();
  private client: LanguageClient | undefined;
  private process: ChildProcess | undefined;
  private selector: readonly string[] = languagesOf(config());
  private timer: NodeJS.Timeout | undefined;
  private startedAt = 0;
  private lastWords = ""; // on stderr, of a server that ends at once
  private turn: Promise<void> = Promise.resolve(); // starts and stops, one after the other

  /** What the language client does in its own way; set before the first start. */
  middleware: Middleware = {};

  constructor(private readonly log: vscode.LogOutputChannel) {
    this.onChange = this.changes.event;
  }

  /** A text was opened: with the first of a language that we know, the server starts. */
  wanted(document: vscode.TextDocument): void {
    if (this.link === "stopped" && this.knows(document)) void this.restart();
  }

  /** Start it unless it runs, for somebody wants it now; whether it runs then. */
  async awake(): Promise<boolean> {
    if (this.link === "stopped") void this.restart();
    await this.turn;
    return this.isRunning;
  }

  /** Start it, or start it again, because somebody asked or the settings are others. */
  restart(): Promise<void> {
    this.backoff.reset();
    return this.begin();
  }

  /** Ask the server; undefined where none runs. Rejects as the server does. */
  async request<T>(method: string, params: unknown, token?: vscode.CancellationToken): Promise<T | undefined> {
    const client = this.client;
    if (!this.isRunning || !client) return undefined;
    return token ? client.sendRequest<T>(method, params, token) : client.sendRequest<T>(method, params);
  }

  get isRunning(): boolean {
    return this.link === "running";
  }

  /** Tell the server; it does not matter if none runs. */
  notify(method: string, params: unknown): void {
    if (this.isRunning) void this.client?.sendNotification(method, params).catch(() => undefined);
  }

  /** The settings changed. */
  configure(): void {
    const languages = languagesOf(config());
    if (languages.some((name) => !this.selector.includes(name))) {
      this.selector = languages;
      if (this.link !== "stopped") void this.restart(); // which texts a client sends is fixed when it starts
    } else {
      this.notify("workspace/didChangeConfiguration", { settings: { codling: serverSettings(config()) } });
      this.log.info("the server was told of the settings");
    }
  }

  /** Whether the server is told of a text. */
  knows(document: vscode.TextDocument): boolean {
    return this.selector.includes(document.languageId) && SCHEMES.includes(document.uri.scheme);
  }

  dispose(): Promise<void> {
    clearTimeout(this.timer);
    return this.inTurn(() => this.end());
  }

  private begin(): Promise<void> {
    clearTimeout(this.timer);
    return this.inTurn(async () => {
      await this.end();
      await this.connect();
    });
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work, work);
    return this.turn;
  }

  private async connect(): Promise<void> {
    this.found = find(await surroundings());
    if (!this.found) return this.set("missing");
    const { command, args, how } = this.found;
    this.log.info(`starting ${[command, ...args].join(" ")} (${how})`);
    this.startedAt = Date.now();
    this.lastWords = "";
    this.selector = languagesOf(config());
    this.set("starting");
    const start = (): Promise<ChildProcess> => ((this.process = launch(command, args)), whenRunning(this.process));
    const client = new LanguageClient("codling", "codling", start, this.options());
    this.client = client;
    client.onNotification("codling/status", (status: ServerStatus) => {
      this.status = status;
      this.changes.fire();
    });
    client.onDidChangeState(({ newState }) => {
      if (this.client === client && newState === State.Running) this.set("running");
    });
    try {
      await client.start();
      this.log.info(`connected to codling ${client.initializeResult?.serverInfo?.version ?? ""}`);
    } catch (error) {
      this.log.error(`codling could not be started: ${this.lastWords || String(error)}`);
      if (this.client === client) this.later();
    }
  }

  private options(): LanguageClientOptions {
    return {
      documentSelector: SCHEMES.flatMap((scheme) => this.selector.map((language) => ({ scheme, language }))),
      initializationOptions: () => serverSettings(config()),
      outputChannel: this.log,
      middleware: this.middleware,
      initializationFailedHandler: () => false,
      stdioOptions: {
        stdout: () => undefined, // the protocol's own
        stderr: (stream) => stream.setEncoding("utf8").on("data", (words: string) => this.hear(words)),
      },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.later();
          return { action: CloseAction.DoNotRestart, handled: true, message: "the server ended" };
        },
      },
    };
  }

  private hear(words: string): void {
    for (const line of words.split("\n").map((each) => each.trimEnd())) {
      if (line) this.log.info((this.lastWords = line));
    }
  }

  /** It ended, or did not start: again in a while. */
  private later(): void {
    clearTimeout(this.timer);
    const waitMs = this.backoff.next(Date.now() - this.startedAt);
    this.log.warn(
      `the server ended${this.lastWords ? ` (${this.lastWords})` : ""}; it is started again in ${waitMs / 1000} s`,
    );
    this.set("waiting");
    this.timer = setTimeout(() => void this.begin(), waitMs);
  }

  private async end(): Promise<void> {
    const { client, process } = this;
    this.client = this.process = undefined;
    if (this.link !== "stopped") this.set("stopped");
    try {
      await client?.dispose(STOP_MS);
    } catch (error) {
      this.log.debug(`it could not say goodbye: ${String(error)}`);
    }
    if (process && process.exitCode === null && process.signalCode === null) process.kill("SIGKILL");
  }

  private set(link: Link): void {
    this.link = link;
    if (link !== "running") this.status = undefined;
    this.changes.fire();
  }

  /** Why the server ended, in its own words. */
  get failure(): string {
    return this.lastWords;
  }

  /** Cancel what a progress bar of the server is about. */
  cancelProgress(token: string | number): void {
    this.notify(WorkDoneProgressCancelNotification.type.method, { token });
  }
}

/** Its home is the working directory: what lies in the workspace must never be taken for a module of Python's. */
function launch(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { cwd: homedir(), stdio: "pipe", windowsHide: true });
}

function whenRunning(process: ChildProcess): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    process.stdin?.on("error", () => undefined); // it went; the connection's end says so
    process.once("spawn", () => resolve(process)).once("error", reject);
  });
}

export function config(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration("codling");
}

/** The languages whose texts the server is told of. */
function languagesOf(settings: vscode.WorkspaceConfiguration): string[] {
  const named = Object.entries(settings.get<Record<string, boolean>>("languages", {}));
  return [...new Set([...NAMES, ...named.filter(([name, isOn]) => isOn && name !== "*").map(([name]) => name)])];
}

async function surroundings(): Promise<Parameters<typeof find>[0]> {
  const settings = config();
  const folders = (vscode.workspace.workspaceFolders ?? [])
    .map((folder) => folder.uri)
    .filter((uri) => uri.scheme === "file");
  return {
    command: settings.get<string[]>("command", []),
    python: settings.get<string>("python", ""),
    interpreter: vscode.workspace.isTrusted ? await interpreter(folders[0]) : undefined,
    folders: folders.map((uri) => uri.fsPath),
    isTrusted: vscode.workspace.isTrusted,
    env: process.env,
    platform: process.platform,
    isFile: (path) => existsSync(path) && statSync(path).isFile(),
  };
}

/** The Python that the user chose with Microsoft's extension, where it is installed. */
async function interpreter(folder: vscode.Uri | undefined): Promise<string | undefined> {
  interface Environments {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(path: unknown): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  }
  try {
    const python = vscode.extensions.getExtension<{ readonly environments?: Environments }>("ms-python.python");
    const environments = python && (await python.activate()).environments;
    if (!environments) return undefined;
    return (await environments.resolveEnvironment(environments.getActiveEnvironmentPath(folder)))?.executable.uri
      ?.fsPath;
  } catch {
    return undefined; // it must not keep us from starting
  }
}
