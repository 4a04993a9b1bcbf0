// Where the server is: what the user chose, the workspace's environment, the path.

import { posix, win32 } from "node:path";

export interface Surroundings {
  /** The setting `codling.command`. */
  readonly command: readonly string[];
  /** The setting `codling.python`. */
  readonly python: string;
  /** The Python that the user chose for the workspace, if another extension says so. */
  readonly interpreter: string | undefined;
  readonly folders: readonly string[];
  /** Whether the user trusts the workspace; otherwise nothing in it may run. */
  readonly isTrusted: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  isFile(path: string): boolean;
}

export interface Found {
  readonly command: string;
  readonly args: readonly string[];
  /** In words, for the log. */
  readonly how: string;
}

const ENVIRONMENTS = [".venv", "venv", "env"];

/** What starts the server; undefined when there is none. */
export function find(here: Surroundings): Found | undefined {
  const { join, dirname } = here.platform === "win32" ? win32 : posix;
  const bin = here.platform === "win32" ? "Scripts" : "bin";
  const program = here.platform === "win32" ? "codling.exe" : "codling";
  const [chosen, ...args] = here.command;
  if (chosen) return { command: chosen, args, how: "the setting codling.command" };
  if (here.python) {
    // -P: a file of the folder in which it starts is no module of ours
    return { command: here.python, args: ["-P", "-m", "codling", "lsp"], how: "the setting codling.python" };
  }
  const places: [string, string][] = [];
  if (here.isTrusted) {
    if (here.interpreter) places.push([join(dirname(here.interpreter), program), "the workspace's interpreter"]);
    for (const folder of here.folders) {
      for (const name of ENVIRONMENTS) places.push([join(folder, name, bin, program), `the workspace's ${name}`]);
    }
  }
  for (const folder of onPath(here)) places.push([join(folder, program), "the path"]);
  const found = places.find(([path]) => here.isFile(path));
  return found && { command: found[0], args: ["lsp"], how: found[1] };
}

/** The folders of the path. One that is relative, or within a workspace that is not trusted, might be anybody's. */
function onPath(here: Surroundings): string[] {
  const { delimiter, isAbsolute, normalize, sep } = here.platform === "win32" ? win32 : posix;
  const within = (path: string): boolean =>
    here.folders.some((folder) => `${normalize(path)}${sep}`.startsWith(`${normalize(folder)}${sep}`));
  return (here.env["PATH"] ?? here.env["Path"] ?? "")
    .split(delimiter)
    .filter((path) => isAbsolute(path) && (here.isTrusted || !within(path)));
}
