// The user's settings, as the server wants them, and what switching something on or off makes of them.

/** Settings that the server reads itself, under the same names; docs/lsp.md explains them. */
export const SERVER_KEYS = [
  "enabled",
  "languages",
  "exclude",
  "inComments",
  "fromComments",
  "inStrings",
  "kind",
  "alternatives",
  "tokens",
  "threshold",
  "model",
  "project",
  "index",
  "useServer",
  "stats",
] as const;

/** Settings that take a new server. */
export const START_KEYS = ["command", "python"] as const;

export interface Reader {
  get<T>(key: string): T | undefined;
}

/** What the server is told; what is not set is left to it. */
export function serverSettings(config: Reader): Record<string, unknown> {
  const given = SERVER_KEYS.map((key) => [key, config.get<unknown>(key)] as const);
  const set = given.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return { ...Object.fromEntries(set), shownByClient: true, status: true };
}

type Languages = Readonly<Record<string, boolean>>;

/** Whether suggestions are on in a language; `known` are those that a model has learned. */
export function isOn(languages: Languages, language: string, known: readonly string[]): boolean {
  return languages[language] ?? languages["*"] ?? known.includes(language);
}

/** The setting `languages` with one of them switched; what says nothing new is left out. */
export function switched(languages: Languages, language: string, known: readonly string[]): Record<string, boolean> {
  const { [language]: _, ...others } = languages;
  const wanted = !isOn(languages, language, known);
  return isOn(others, language, known) === wanted ? others : { ...others, [language]: wanted };
}

/** The pattern of the setting `exclude` for exactly one file, below its folder, with "/" between folders. */
export function patternOf(path: string): string {
  const escaped = path.replace(/[\\*?[\]]/g, "\\$&").replace(/ $/, "\\ ");
  return escaped.startsWith("/") ? escaped : `/${escaped}`;
}

/** The setting `exclude` with one file added or taken away. */
export function toggled(exclude: readonly string[], pattern: string): string[] {
  return exclude.includes(pattern) ? exclude.filter((each) => each !== pattern) : [...exclude, pattern];
}
