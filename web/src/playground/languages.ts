// The languages that the playground knows: their highlighting, and what the editor starts with.

import { java } from "@codemirror/lang-java";
import { python } from "@codemirror/lang-python";
import type { Extension } from "@codemirror/state";
import { JAVA_SAMPLE, PYTHON_SAMPLE } from "./samplecode";

export interface Language {
  name: string;
  title: string;
  support: () => Extension;
  sample: string;
}

export const LANGUAGES: readonly Language[] = [
  { name: "python", title: "Python", support: python, sample: PYTHON_SAMPLE },
  { name: "java", title: "Java", support: java, sample: JAVA_SAMPLE },
];

/** A language by its name; Python for one that the playground does not know. */
export function languageNamed(name: string): Language {
  return LANGUAGES.find((language) => language.name === name) ?? LANGUAGES[0]!;
}
