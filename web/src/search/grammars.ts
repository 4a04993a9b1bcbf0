// Highlighting for the languages that the index knows; each grammar that the playground has
// not brought along is fetched when code in it is first shown.

import { javaLanguage } from "@codemirror/lang-java";
import { pythonLanguage } from "@codemirror/lang-python";
import { StreamLanguage, type Language, type StreamParser } from "@codemirror/language";

type Load = () => Promise<Language>;

async function stream(parser: Promise<StreamParser<unknown>>): Promise<Language> {
  return StreamLanguage.define(await parser);
}

const typescript = (jsx: boolean): Load => async () => {
  const grammars = await import("@codemirror/lang-javascript");
  return jsx ? grammars.tsxLanguage : grammars.typescriptLanguage;
};
const javascript: Load = async () => (await import("@codemirror/lang-javascript")).jsxLanguage;
const cpp: Load = async () => (await import("@codemirror/lang-cpp")).cppLanguage;
const shell: Load = () => stream(import("@codemirror/legacy-modes/mode/shell").then((modes) => modes.shell));
const yaml: Load = () => stream(import("@codemirror/legacy-modes/mode/yaml").then((modes) => modes.yaml));
const toml: Load = () => stream(import("@codemirror/legacy-modes/mode/toml").then((modes) => modes.toml));
const properties: Load = () =>
  stream(import("@codemirror/legacy-modes/mode/properties").then((modes) => modes.properties));

const BY_LANGUAGE: Record<string, Load> = {
  python: () => Promise.resolve(pythonLanguage),
  java: () => Promise.resolve(javaLanguage),
  javascript,
  typescript: typescript(false),
  tsx: typescript(true),
  go: async () => (await import("@codemirror/lang-go")).goLanguage,
  rust: async () => (await import("@codemirror/lang-rust")).rustLanguage,
  c: cpp,
  cpp,
  csharp: () => stream(import("@codemirror/legacy-modes/mode/clike").then((modes) => modes.csharp)),
  kotlin: () => stream(import("@codemirror/legacy-modes/mode/clike").then((modes) => modes.kotlin)),
  ruby: () => stream(import("@codemirror/legacy-modes/mode/ruby").then((modes) => modes.ruby)),
  php: async () => (await import("@codemirror/lang-php")).php({ plain: true }).language,
};

/** What the index calls text and people write beside code. */
const BY_SUFFIX: Record<string, Load> = {
  ...{ sh: shell, bash: shell, zsh: shell, yaml, yml: yaml, toml, ini: properties, cfg: properties, properties },
  json: javascript,
};

const loaded = new Map<Load, Promise<Language | null>>();

function loadOf(language: string, path: string): Load | undefined {
  if (language === "typescript" && path.endsWith(".tsx")) return BY_LANGUAGE.tsx;
  return BY_LANGUAGE[language] ?? BY_SUFFIX[path.slice(path.lastIndexOf(".") + 1).toLowerCase()];
}

/** The grammar for a file; null where there is none, or when it cannot be fetched: code is readable without. */
export function grammarFor(language: string, path: string): Promise<Language | null> {
  const load = loadOf(language, path);
  if (!load) return Promise.resolve(null);
  const known = loaded.get(load);
  if (known) return known;
  const grammar = load().catch(() => {
    loaded.delete(load); // the server may be back later
    return null;
  });
  loaded.set(load, grammar);
  return grammar;
}
