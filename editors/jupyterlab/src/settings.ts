// The user's settings, as schema/plugin.json declares them.

export interface Settings {
  enabled: boolean;
  /** By language: { "python": true, "*": false }; "*" is for those not named. */
  languages: Record<string, boolean>;
  debounceMs: number;
  alternatives: number;
  kind: 'line' | 'block';
  inComments: boolean;
  model: string;
  /** Below 0: what `codling stats --set-threshold` set. */
  threshold: number;
  stats: boolean;
}

export const DEFAULTS: Settings = {
  enabled: true,
  languages: {},
  debounceMs: 20,
  alternatives: 3,
  kind: 'line',
  inComments: false,
  model: '',
  threshold: -1,
  stats: true,
};

export function isOn({ enabled, languages }: Settings, language: string): boolean {
  return enabled && (languages[language] ?? languages['*'] ?? true);
}
